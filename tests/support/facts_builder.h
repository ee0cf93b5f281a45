// SPDX-License-Identifier: Apache-2.0
// Makes Facts by hand, for tests: countries and ASNs become databases in
// memory, everything else becomes rows.
//
//   const auto facts = FactsBuilder()
//                          .Country("192.0.2.0/24", "FR")
//                          .Asn("192.0.2.0/24", 64496, "Example Hosting")
//                          .Operator({.asn = 64496, .country = "US",
//                                     .law = "CLOUD-Act"})
//                          .Build();
//
// A builder begins with a small world: what EU law makes of about twenty
// countries over time, private space of both families, and two schemes. The
// documentation prefixes are not special-purpose in it, so that tests can use
// them as the outside world. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "geo/facts.h"

namespace octroi::testing {

// These end the test program if the text is not what it must be. An empty text
// is no day, or the unknown country.
IpAddress Address(std::string_view text);
IpPrefix Prefix(std::string_view text);
Day DayFrom(std::string_view text);
CountryCode Code(std::string_view text);
Validity Between(std::string_view from, std::string_view until);

class FactsBuilder {
 public:
  struct OperatorSpec {
    uint32_t asn = 0;
    std::string name = {};     // Else "Operator AS<asn>".
    std::string country = {};  // Controlling country.
    std::string law = {};
    std::string provider = {};
    std::string from = {};
    std::string until = {};
    std::string parent = {};
  };
  // One row of a service's history.
  struct ServiceSpec {
    std::string id = {};
    std::string provider = "Acme";
    std::string type = "IaaS";
    std::string scheme = "SecNumCloud";
    std::string version = "3.2";
    ServiceState state = ServiceState::kQualified;
    std::string from = {};
    std::string until = {};
    std::string observed_on = "2020-01-01";
    std::string reference = {};
    Milestone milestone = Milestone::kNotSaid;
    std::string name = {};  // Else "Service <id>".
  };
  struct RangeSpec {
    std::string prefix = {};
    std::string provider = "Acme";
    std::string service_id = {};
    std::string country = {};  // Of the region.
    Grade grade = Grade::kPublished;
    std::string region = {};  // Else "region of <country>", or none.
  };
  struct AnycastSpec {
    std::string prefix = {};
    std::string from = {};
    std::string until = {};
    std::string name = "an anycast service";
  };
  struct SchemeSpec {
    std::string name = {};
    std::string sovereignty = {};  // "strict", "soft", "none", "".
    std::optional<int> seal = {};
  };

  FactsBuilder();

  // What country database `database` (0: the first opinion) says of a prefix.
  // Later calls overwrite earlier ones where they overlap. A database about
  // which nothing is said does not exist.
  FactsBuilder& Country(std::string_view prefix, std::string_view code,
                        size_t database = 0);
  // The same of another build of that database, made on a day.
  FactsBuilder& CountryBuild(std::string_view built, std::string_view prefix,
                             std::string_view code, size_t database = 0);
  // The same of the ASN database.
  FactsBuilder& Asn(std::string_view prefix, uint32_t asn,
                    std::string_view name = "");
  FactsBuilder& Operator(const OperatorSpec& spec);
  FactsBuilder& Service(const ServiceSpec& spec);
  FactsBuilder& Range(const RangeSpec& spec);
  FactsBuilder& Anycast(const AnycastSpec& spec);
  FactsBuilder& Special(std::string_view prefix, SpecialKind kind,
                        bool is_globally_reachable = false);
  // Replaces the rows that the builder began with.
  FactsBuilder& Jurisdiction(JurisdictionRow row);
  FactsBuilder& Scheme(const SchemeSpec& spec);

  // Puts the rows of every table into another order; what databases say stays.
  FactsBuilder& Shuffle(uint64_t seed);

  // The rows so far, for a test that makes a table of its own.
  const std::vector<OperatorRow>& operators() const { return operators_; }
  const std::vector<CatalogueRow>& services() const { return services_; }
  const std::vector<RangeRow>& ranges() const { return ranges_; }

  // Ends the test program if the rows contradict each other. Rows have line
  // numbers from 1 in the order of the calls, in files that are named as those
  // of data/; databases are called "country-0", ... and "asn", and were built
  // on 2026-01-01.
  std::unique_ptr<Facts> Build() const;

 private:
  using Records = std::vector<std::pair<IpPrefix, std::string>>;

  // By database and day.
  std::map<std::pair<size_t, std::string>, Records> countries_;
  Records asns_;
  std::vector<JurisdictionRow> jurisdictions_;
  bool has_own_jurisdictions_ = false;
  std::vector<SpecialPurposeRow> special_purpose_;
  std::vector<OperatorRow> operators_;
  std::vector<CatalogueRow> services_;
  std::vector<SchemeRow> schemes_;
  std::vector<RangeRow> ranges_;
  std::vector<AnycastRow> anycast_;
};

// The rows that a builder begins with: members (with the United Kingdom until
// 2020-01-31), the EEA, adequate countries, aliases (UK, EL), pseudo-codes (EU,
// AP), and US, which has a row that says that it has no status.
std::vector<JurisdictionRow> SampleJurisdictions();

}  // namespace octroi::testing
