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

// How a range is tied to what it claims. Only asserted and published ranges
// prove a qualified scope, locate and name an operator: a derived one does not.
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
  CountryCode region_country;  // Unknown: the row names no country.
  Grade grade = Grade::kPublished;
  // The document; of an asserted range, who says so and on what ground.
  std::string source;
  std::string retrieved;  // When: YYYY-MM or YYYY-MM-DD
  std::string note;
  std::string file;
  int line = 0;

  // Whether the row says where its addresses are: it is not derived, and names
  // a country.
  bool locates() const {
    return grade != Grade::kDerived && region_country.is_known();
  }
  // Whether the provider says that the addresses are in no one region
  // (`GLOBAL`, in any case of letters): whatever a database answers for them,
  // the location is not known.
  bool is_global() const;
};

class RangeTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  RangeTable() = default;
  // Fails, naming file and line, if a row is wider than kWidestRange, or says
  // GLOBAL and a country; if a service is not in the catalogue or belongs to
  // another provider there; if ranges of two services overlap; if a provider
  // has a prefix twice in one grade, or two rows of one grade put a prefix in
  // two countries.
  //
  // Several providers may publish one prefix (GitHub runs on Azure's). Of such
  // rows one speaks, in whatever order they stand: asserted before published
  // before derived, then the one that names a service, then the one that names
  // a country, then the first by provider.
  static absl::StatusOr<RangeTable> Create(std::vector<RangeRow> rows,
                                           const Catalogue& catalogue);

  // Every row; of equal prefixes the one that speaks stands last.
  const std::vector<RangeRow>& rows() const { return rows_; }
  // The asserted or published row that speaks for the address, the most
  // specific one, or null. Control path.
  const RangeRow* Find(const IpAddress& address) const;
  // The same of the derived rows.
  const RangeRow* FindDerived(const IpAddress& address) const;

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
