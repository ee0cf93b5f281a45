// SPDX-License-Identifier: Apache-2.0
// Address ranges that a provider or the user of octroi ties to a service or a
// region, and well-known anycast prefixes. Immutable after Create; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "geo/calendar.h"
#include "geo/catalogue.h"
#include "geo/country.h"
#include "geo/ip_prefix.h"

namespace octroi {

// How a range is tied to what it claims. A derived range proves nothing about
// a qualified scope and does not locate.
enum class Grade : uint8_t {
  kNone,
  kAsserted,   // by the user of octroi
  kPublished,  // by the provider
  kDerived,    // from the BGP origin
};
// "", "asserted", "published", "derived".
std::string_view GradeName(Grade grade);
std::optional<Grade> ParseGrade(std::string_view text);

// The widest range that a row may name: an allocation of /8 is the largest
// that IANA ever made to one organisation, and /16 is far wider than any IPv6
// allocation to a provider.
inline constexpr int kWidestRangeV4 = 8;
inline constexpr int kWidestRangeV6 = 16;

// One row of data/offering_ranges.csv or of a file of the user's ranges.
struct RangeRow {
  IpPrefix prefix;
  std::string provider;
  std::string service_id;  // "": the row only tells provider and region.
  std::string region;
  CountryCode region_country;  // Unknown: the row does not locate.
  Grade grade = Grade::kPublished;
  std::string source;
  std::string retrieved;  // YYYY-MM or YYYY-MM-DD
  std::string note;
  std::string file;
  int line = 0;
};

class RangeTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  RangeTable() = default;
  // Fails, naming file and line of both rows, if ranges of two services
  // overlap or a prefix stands twice; if a service is not in the catalogue or
  // belongs to another provider there; if a range is wider than kWidestRange.
  static absl::StatusOr<RangeTable> Create(std::vector<RangeRow> rows,
                                           const Catalogue& catalogue);

  const std::vector<RangeRow>& rows() const { return rows_; }
  // The most specific row that contains the address, or null. Control path.
  const RangeRow* Find(const IpAddress& address) const;

 private:
  std::vector<RangeRow> rows_;
};

// One row of data/anycast.csv: a prefix that is announced from many places.
struct AnycastRow {
  IpPrefix prefix;
  std::string name;
  uint32_t operator_asn = 0;
  Validity validity;
  std::string observed_on;
  std::string source;
  int line = 0;
};

// The most specific of `rows` whose prefix contains the address, or null.
template <typename Row>
const Row* FindMostSpecific(const std::vector<Row>& rows,
                            const IpAddress& address) {
  const Row* best = nullptr;
  for (const Row& row : rows) {
    if (row.prefix.Contains(address) &&
        (best == nullptr || row.prefix.length() > best->prefix.length())) {
      best = &row;
    }
  }
  return best;
}

}  // namespace octroi
