// SPDX-License-Identifier: Apache-2.0
// Country databases as text, in the two formats that Tor reads (dir-spec and
// src/lib/geoip of tor; Debian's package tor-geoipdb installs them):
//
//   geoip    16777216,16777471,AU        IPv4, first and last as numbers
//   geoip6   2001:200::,2001:200:ffff:ffff:ffff:ffff:ffff:ffff,JP
//
// A file may mix the two. Lines that begin with '#' are comments, "??" is no
// country. Ranges stand in ascending order and do not overlap. The text is
// hostile input: an error names the line, what was found and what is accepted.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "geo/calendar.h"
#include "geo/country_file.h"

namespace octroi {

class CountryText : public CountryFile {
 public:
  // Reads the whole text; `path` is what errors call it.
  static absl::StatusOr<std::unique_ptr<CountryText>> Parse(
      const std::string& path, std::string_view text);

  absl::StatusOr<CountryTable> WalkCountries() const override { return table_; }
  absl::StatusOr<std::optional<FoundRecord<CountryRecord>>> LookupCountry(
      const IpAddress& address) const override;

  // The day of a comment "Generated: Thu, 25 Jun 2026 04:33:59 GMT", as IPFire
  // writes it; nothing if there is none.
  std::optional<Day> built() const { return built_; }
  // The comment "Vendor: IPFire Project"; "" if there is none.
  const std::string& vendor() const { return vendor_; }

 private:
  class Parser;

  // Constant after Parse.
  CountryTable table_;
  std::optional<Day> built_;
  std::string vendor_;
};

}  // namespace octroi
