// SPDX-License-Identifier: Apache-2.0
#include "geo/regions.h"

#include "absl/status/status.h"
#include "fmt/format.h"
#include "geo/ascii.h"

namespace octroi {
namespace {

// Both names in lower case; a line feed stands in neither.
std::string KeyOf(std::string_view provider, std::string_view region) {
  return Lower(fmt::format("{}\n{}", provider, region));
}

}  // namespace

absl::StatusOr<RegionTable> RegionTable::Create(std::vector<RegionRow> rows) {
  RegionTable table;
  table.rows_ = std::move(rows);
  for (size_t i = 0; i < table.rows_.size(); ++i) {
    const RegionRow& row = table.rows_[i];
    const auto [found, is_new] =
        table.by_name_.emplace(KeyOf(row.provider, row.region), i);
    if (is_new) continue;
    return absl::InvalidArgumentError(fmt::format(
        "line {}: region \"{}\" of \"{}\" stands already at line {}; keep one "
        "of them",
        row.line, row.region, row.provider, table.rows_[found->second].line));
  }
  return table;
}

CountryCode RegionTable::CountryOf(std::string_view provider,
                                   std::string_view region) const {
  const auto found = by_name_.find(KeyOf(provider, region));
  return found == by_name_.end() ? CountryCode() : rows_[found->second].country;
}

}  // namespace octroi
