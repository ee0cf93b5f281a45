// SPDX-License-Identifier: Apache-2.0
// In which country a cloud provider's region is. Providers publish address
// ranges by region and not by country, so that a file of ranges is read with
// this table (config/range_import.h). Immutable after Create; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "geo/country.h"

namespace octroi {

// One row of data/regions.csv. `region` is the name that the provider's file of
// ranges uses: for AWS the network border group, for Azure the region of
// service tags.
struct RegionRow {
  std::string provider;
  std::string region;
  CountryCode country;
  std::string source;
  std::string observed_on;
  int line = 0;
};

class RegionTable {
 public:
  // No rows: no region is known.
  RegionTable() = default;
  // Fails, naming both lines, if a provider's region stands twice; upper and
  // lower case count as equal.
  static absl::StatusOr<RegionTable> Create(std::vector<RegionRow> rows);

  // The country of a provider's region, in either case; unknown if no row says
  // it. The region of another provider is never taken: eu-west-2 is London at
  // AWS and Paris at Outscale.
  CountryCode CountryOf(std::string_view provider,
                        std::string_view region) const;

  const std::vector<RegionRow>& rows() const { return rows_; }

 private:
  std::vector<RegionRow> rows_;
  absl::flat_hash_map<std::string, size_t> by_name_;
};

}  // namespace octroi
