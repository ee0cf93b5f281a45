// SPDX-License-Identifier: Apache-2.0
#include "geo/layers.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "geo/huge_pages.h"

namespace octroi {

Layer MakeLayer(std::span<const PrefixValue> prefixes) {
  return {FlattenV4(prefixes, 0), FlattenV6(prefixes, 0)};
}

namespace {

// Appends prefixes that follow each other to the runs of their family.
template <typename Number>
class EntryWriter {
 public:
  // For about so many runs: a vector that grows holds its content twice.
  explicit EntryWriter(size_t run_count) {
    runs_.reserve(run_count + 1);
    runs_.push_back({0, 0});
  }

  void Add(Number first, Number last, uint32_t value) {
    assert(first >= next_ && !is_full_);
    if (first > next_) SetFrom(next_, 0);
    SetFrom(first, value);
    next_ = last + 1;
    is_full_ = next_ == 0;
  }

  IntervalMap<Number> Take() {
    if (!is_full_) SetFrom(next_, 0);
    return {std::move(runs_)};
  }

 private:
  void SetFrom(Number first, uint32_t value) {
    if (runs_.back().value == value) return;
    if (runs_.back().first == first) {
      runs_.back().value = value;
    } else {
      runs_.push_back({first, value});
    }
  }

  UnfilledVector<typename IntervalMap<Number>::Run> runs_;
  Number next_ = 0;       // After the last prefix.
  bool is_full_ = false;  // That was the last address.
};

}  // namespace

Layer LayerOfEntries(std::span<const DatabaseEntry> entries,
                     std::span<const uint32_t> values) {
  const auto v4_count = static_cast<size_t>(std::count_if(
      entries.begin(), entries.end(), [](const DatabaseEntry& entry) {
        return entry.prefix.family() == AddressFamily::kIpv4;
      }));
  EntryWriter<uint32_t> v4(v4_count);
  EntryWriter<Uint128> v6(entries.size() - v4_count);
  for (const DatabaseEntry& entry : entries) {
    const IpPrefix& prefix = entry.prefix;
    if (prefix.family() == AddressFamily::kIpv4) {
      v4.Add(static_cast<uint32_t>(prefix.first()),
             static_cast<uint32_t>(prefix.last()), values[entry.record]);
    } else {
      v6.Add(prefix.first(), prefix.last(), values[entry.record]);
    }
  }
  return {v4.Take(), v6.Take()};
}

uint32_t CountryNumbers::NumberOf(CountryCode code) {
  if (!code.is_known()) return 0;
  const auto [found, is_new] =
      numbers_.emplace(code, static_cast<uint32_t>(codes_.size()) + 1);
  if (is_new) codes_.push_back(code);
  return found->second;
}

Layer MakeCountryLayer(const CountryTable& table,
                       const Jurisdictions& jurisdictions,
                       CountryNumbers* numbers) {
  std::vector<uint32_t> values;
  values.reserve(table.records.size());
  for (const CountryRecord& record : table.records) {
    values.push_back(numbers->NumberOf(jurisdictions.Resolve(
        CountryCode::Parse(record.code).value_or(CountryCode()))));
  }
  return LayerOfEntries(table.entries, values);
}

}  // namespace octroi
