// SPDX-License-Identifier: Apache-2.0
#include "geo/layers.h"

namespace octroi {

Layer MakeLayer(std::span<const PrefixValue> prefixes) {
  return {FlattenV4(prefixes, 0), FlattenV6(prefixes, 0)};
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
  std::vector<PrefixValue> prefixes;
  prefixes.reserve(table.entries.size());
  for (const DatabaseEntry& entry : table.entries) {
    prefixes.push_back({entry.prefix, values[entry.record]});
  }
  return MakeLayer(prefixes);
}

}  // namespace octroi
