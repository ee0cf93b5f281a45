// SPDX-License-Identifier: Apache-2.0
// Atlas answers, for an IP address, what octroi claims about it: location,
// operator and service. It is built once from the facts and never changes; a
// reload makes another one. What the claims mean on a given day (regime, law
// in force, qualification) is the rulebook's part: the day of an atlas only
// chooses among several builds of a database (atlas_timeline.h).
//
// Precedence of location, the one place that states it:
//   1. special-purpose space (never a country; a service to which IANA gave a
//      globally reachable anycast prefix is anycast);
//   2. a range asserted by the user or published by the provider, if it names
//      the country of its region;
//   3. the list of anycast prefixes;
//   4. such a range that says GLOBAL: not located;
//   5. the country databases, each an opinion of its own; an IPv6 address
//      that no announced ASN covers is not located by a database.
// Precedence of operator: the provider named by an asserted or published
// range, if the operator table knows it; else the ASN that announces it.
// Of ranges, the longest prefix speaks; a derived one tells only to which
// service the address may belong, and only where no other range says
// otherwise. IPv4 addresses embedded in IPv6 (geo/ip_address.h, Unmap) are
// attributed as the IPv4 address.
//
// Thread safety: immutable. Any thread may call any method.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "geo/asn_names.h"
#include "geo/facts.h"
#include "geo/huge_pages.h"
#include "geo/prefix_index.h"

namespace octroi {

enum class LocationKind : uint8_t {
  kUnknown,
  kCountries,  // One opinion or several.
  kAnycast,
  kSpecialPurpose,
};

// Where an address is claimed to be, by each source that has an opinion.
struct LocationClaim {
  LocationKind kind = LocationKind::kUnknown;
  // kSpecialPurpose: what kind of space.
  SpecialKind special = SpecialKind::kReserved;
  // kCountries, and kAnycast outside its periods: one per source that knows, in
  // order of configuration.
  std::vector<CountryCode> opinions;
  // kAnycast: when the prefix is known to be announced that way; open for a
  // prefix of IANA's.
  std::vector<Validity> anycast_periods;

  friend bool operator==(const LocationClaim&, const LocationClaim&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const LocationClaim& claim) {
    return H::combine(std::move(h), claim.kind, claim.special, claim.opinions);
    // The periods are left to operator==: they seldom differ.
  }
};

using AttributionId = uint32_t;

// What octroi claims of an address. Interned: equal claims have one id.
struct Attribution {
  uint32_t asn = 0;       // 0: not announced.
  uint32_t location = 0;  // Atlas::location()
  uint32_t operator_entity = OperatorTable::kNone;
  uint32_t service = Catalogue::kNone;
  Grade grade = Grade::kNone;  // How the service is tied; kNone without one.
  uint32_t marks = 0;          // Atlas::marks()
  // Attributions that policy cannot tell apart (all of the above but the ASN)
  // share a class.
  uint32_t class_id = 0;
};

// A prefix that policy wants to recognise (the destination of an exception).
struct PrefixMark {
  IpPrefix prefix;
  uint32_t mark;
};

class Atlas {
 public:
  // Joins the facts, with the build of each database that is in force on the
  // day, by default the newest; `marks` may overlap and repeat. The facts must
  // outlive the atlas. Fails as JoinedDatabases::Join and Read do.
  static absl::StatusOr<Atlas> Build(const Facts& facts,
                                     std::span<const PrefixMark> marks,
                                     Day day = Day::max());

  // Hot path: a few dependent loads. Every address has an attribution.
  AttributionId Lookup(const IpAddress& address) const {
    return index_.Lookup(Unmap(address).address);
  }

  // Lookup of each address, which is unmapped in place. Cache misses of the
  // batch overlap. Hot path. REQUIRES: addresses.size() == ids.size().
  void LookupBatch(std::span<IpAddress> addresses,
                   std::span<AttributionId> ids) const {
    for (IpAddress& address : addresses) address = Unmap(address).address;
    index_.LookupBatch(addresses, ids);
  }

  const Attribution& attribution(AttributionId id) const {
    return attributions_[id];
  }
  size_t attribution_count() const { return attributions_.size(); }
  // An attribution of each class, indexed by class_id.
  const std::vector<AttributionId>& classes() const { return classes_; }
  const LocationClaim& location(uint32_t index) const {
    return locations_[index];
  }
  // The marks of an attribution, ascending.
  const std::vector<uint32_t>& marks(uint32_t index) const {
    return mark_sets_[index];
  }
  // The name that the ASN database gives; "" if it has none, the first where it
  // has several.
  std::string_view AsnName(uint32_t asn) const { return asn_names_.Find(asn); }

  const Facts& facts() const { return *facts_; }
  // What all of the above takes, without what an allocator adds.
  size_t memory_bytes() const;

 private:
  friend class AtlasBuilder;

  const Facts* facts_ = nullptr;
  PrefixIndex index_;
  HugePageVector<Attribution> attributions_;
  std::vector<AttributionId> classes_;
  std::vector<LocationClaim> locations_;
  std::vector<std::vector<uint32_t>> mark_sets_;
  AsnNames asn_names_;
};

// One claim of one source about an address, for a person to read.
struct Claim {
  std::string about;   // "location", "operator", "service", "asn", ...
  std::string value;   // "FR", "AS16509 Amazon.com, Inc."
  std::string source;  // Name of the fact source.
  std::string prefix;  // The prefix that it is made for.
  std::string row;     // "line 12", or "" for a database.
  std::string date;    // Day of the source; "" if undated.
  // It decided, or is one of the opinions that did; else a stronger claim did.
  bool is_used = false;
};

// Every claim about an address that holds on the day, and every row of its
// service's qualification, in order of precedence. REQUIRES: the databases that
// speak on the day are those of the atlas. Control path.
std::vector<Claim> ExplainClaims(const Atlas& atlas, const IpAddress& address,
                                 Day day);

}  // namespace octroi
