// SPDX-License-Identifier: Apache-2.0
// A layer is one source's say about the whole address space: a partition into
// runs with one value each, 0 where the source says nothing. Layers are walked
// together, run by run: the atlas joins them, a comparison counts over them.
//
// Plain values and free functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "geo/country.h"
#include "geo/country_file.h"
#include "geo/prefix_index.h"

namespace octroi {

struct Layer {
  IntervalMapV4 v4;
  IntervalMapV6 v6;
};

// The value of the longest prefix; of equal prefixes the later one's.
Layer MakeLayer(std::span<const PrefixValue> prefixes);

// The same for the prefixes of a database: values[entry.record]. They do not
// overlap and are in order, so that nothing is copied or sorted.
Layer LayerOfEntries(std::span<const DatabaseEntry> entries,
                     std::span<const uint32_t> values);

// Value i + 1 for the prefix of rows[i].
template <typename Row>
Layer LayerOfRows(const std::vector<Row>& rows) {
  std::vector<PrefixValue> prefixes;
  prefixes.reserve(rows.size());
  for (const Row& row : rows) {
    prefixes.push_back(
        {row.prefix, static_cast<uint32_t>(prefixes.size()) + 1});
  }
  return MakeLayer(prefixes);
}

// Numbers for country codes, the same in every layer that shares the list.
class CountryNumbers {
 public:
  // 0 for a code that is no country.
  uint32_t NumberOf(CountryCode code);
  // REQUIRES: number was given by NumberOf and is not 0.
  CountryCode code(uint32_t number) const { return codes_[number - 1]; }

 private:
  std::vector<CountryCode> codes_;
  absl::flat_hash_map<CountryCode, uint32_t> numbers_;
};

// What a database says, aliases and pseudo-codes resolved.
Layer MakeCountryLayer(const CountryTable& table,
                       const Jurisdictions& jurisdictions,
                       CountryNumbers* numbers);

// The partition of a layer that has numbers of the tag's type.
inline const IntervalMapV4& FamilyOf(const Layer& layer, uint32_t /*tag*/) {
  return layer.v4;
}
inline const IntervalMapV6& FamilyOf(const Layer& layer, Uint128 /*tag*/) {
  return layer.v6;
}

// Calls visit(first, last, values) for each run of addresses in which no layer
// changes, in ascending order; values[i] is what layers[i] says there, valid
// until visit returns. Number is uint32_t (IPv4) or Uint128 (IPv6).
template <typename Number, typename Visit>
void ForEachRun(const std::vector<Layer>& layers, Visit visit) {
  std::vector<size_t> positions(layers.size(), 0);
  std::vector<uint32_t> values(layers.size(), 0);
  for (size_t i = 0; i < layers.size(); ++i) {
    values[i] = FamilyOf(layers[i], Number{}).runs.front().value;
  }
  Number first = 0;
  while (true) {
    bool has_next = false;
    Number next = 0;
    for (size_t i = 0; i < layers.size(); ++i) {
      const auto& runs = FamilyOf(layers[i], Number{}).runs;
      if (positions[i] + 1 == runs.size()) continue;
      const Number candidate = runs[positions[i] + 1].first;
      if (!has_next || candidate < next) next = candidate;
      has_next = true;
    }
    const Number last = has_next ? next - 1 : ~Number{0};
    visit(first, last, std::span<const uint32_t>(values));
    if (!has_next) return;
    for (size_t i = 0; i < layers.size(); ++i) {
      const auto& runs = FamilyOf(layers[i], Number{}).runs;
      if (positions[i] + 1 < runs.size() &&
          runs[positions[i] + 1].first == next) {
        ++positions[i];
        values[i] = runs[positions[i]].value;
      }
    }
    first = next;
  }
}

}  // namespace octroi
