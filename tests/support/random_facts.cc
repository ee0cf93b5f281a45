// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_facts.h"

#include <iterator>
#include <set>

#include "fmt/format.h"

namespace octroi::testing {
namespace {

constexpr int kFirstYear = 2018;
constexpr size_t kDays = 4000;  // Into 2028.

// What the services of the random catalogue are.
struct RandomService {
  std::string_view id;
  std::string_view provider;
  std::string_view type;
  std::string_view scheme;
};
constexpr RandomService kServices[] = {
    {"alpha-iaas", "Alpha", "IaaS", "SecNumCloud"},
    {"alpha-saas", "Alpha", "SaaS", "SecNumCloud"},
    {"beta-iaas", "Beta", "IaaS", "SecNumCloud"},
    {"gamma-c5", "Gamma", "IaaS", "BSI C5"},
};

bool Conflict(const RangeRow& a, const FactsBuilder::RangeSpec& b) {
  const IpPrefix prefix = octroi::testing::Prefix(b.prefix);
  if (a.prefix == prefix) return true;
  return a.prefix.Overlaps(prefix) && !a.service_id.empty() &&
         !b.service_id.empty() && a.service_id != b.service_id;
}

}  // namespace

IpPrefix RandomWorld::Prefix() {
  if (OneIn(3)) {
    const IpAddress address =
        IpAddress::V6(0x20010db8'00000000 | Below(1 << 12) << 20, 0);
    return IpPrefix::Containing(address, 40 + static_cast<int>(Below(9)));
  }
  const auto offset = static_cast<uint32_t>(Below(1 << 12));
  return IpPrefix::Containing(IpAddress::V4(0xcb007000 | offset),
                              20 + static_cast<int>(Below(13)));
}

std::vector<IpPrefix> RandomWorld::Prefixes(size_t count) {
  std::vector<IpPrefix> prefixes;
  while (prefixes.size() < count) prefixes.push_back(Prefix());
  return prefixes;
}

IpAddress RandomWorld::Address() {
  if (OneIn(3)) {
    return IpAddress::V6(0x20010db8'00000000 | Below(1 << 12) << 20,
                         Below(1 << 16));
  }
  return IpAddress::V4(0xcb007000 | static_cast<uint32_t>(Below(1 << 12)));
}

octroi::Day RandomWorld::Day() {
  return DayFrom(fmt::format("{}-01-01", kFirstYear)) +
         std::chrono::days(Below(kDays));
}

std::string RandomWorld::DayText() { return FormatDay(Day()); }

Validity RandomWorld::Interval() {
  Validity validity;
  if (!OneIn(3)) validity.from = Day();
  if (!OneIn(3)) validity.until = Day();
  if (validity.from && validity.until && *validity.until < *validity.from) {
    std::swap(validity.from, validity.until);
  }
  return validity;
}

std::string_view RandomWorld::Pick(
    std::initializer_list<std::string_view> words) {
  return words.begin()[Below(words.size())];
}

std::string RandomWorld::Country() {
  return std::string(
      Pick({"FR", "FR", "DE", "NO", "CH", "GB", "UK", "US", "EU", "BR"}));
}

void RandomWorld::AddDatabases(FactsBuilder* facts) {
  const size_t database_count = 1 + Below(3);
  for (size_t database = 0; database < database_count; ++database) {
    for (const IpPrefix& prefix : Prefixes(12)) {
      facts->Country(prefix.ToString(), Country(), database);
    }
  }
  for (const IpPrefix& prefix : Prefixes(12)) {
    const auto asn = static_cast<uint32_t>(Below(6));
    facts->Asn(prefix.ToString(), asn, fmt::format("AS {}", asn));
  }
}

void RandomWorld::AddOperators(FactsBuilder* facts) {
  for (uint32_t asn = 1; asn <= 4; ++asn) {
    // One claim for all time, or two with perhaps a gap between them.
    const bool changes = OneIn(2);
    const octroi::Day last = Day();
    for (int part = 0; part <= (changes ? 1 : 0); ++part) {
      const octroi::Day first = last + std::chrono::days(1 + Below(2) * 99);
      facts->Operator(
          {.asn = asn,
           .name = fmt::format("Operator {}", asn),
           .country = OneIn(6) ? "" : Country(),
           .law = std::string(Pick({"", "", "CLOUD-Act", "CLOUD-Act;PRC-NIL"})),
           .provider = std::string(Pick({"", "Alpha", "Beta"})),
           .from = part == 1 ? FormatDay(first) : "",
           .until = part == 0 && changes ? FormatDay(last) : ""});
    }
  }
  facts->Operator({.name = "Gamma GmbH", .country = "DE", .provider = "Gamma"});
}

FactsBuilder::ServiceSpec RandomWorld::ServiceRow() {
  FactsBuilder::ServiceSpec spec;
  spec.version = Pick({"3.2", "3.1", ""});
  spec.state = kServiceStates[Below(std::size(kServiceStates))];
  if (OneIn(4)) spec.state = ServiceState::kQualified;
  const Validity validity = Interval();
  const octroi::Day observed =
      validity.until && !validity.from ? *validity.until : Day();
  if (validity.from) spec.from = FormatDay(*validity.from);
  if (validity.until) spec.until = FormatDay(*validity.until);
  spec.observed_on = FormatDay(observed - std::chrono::days(Below(2) * 300));
  return spec;
}

void RandomWorld::AddServices(FactsBuilder* facts) {
  for (const RandomService& service : kServices) {
    // Rows that cannot follow the others are drawn again.
    FactsBuilder history;
    const size_t row_count = 1 + Below(4);
    while (history.services().size() < row_count) {
      FactsBuilder::ServiceSpec spec = ServiceRow();
      spec.id = service.id;
      spec.provider = service.provider;
      spec.type = service.type;
      spec.scheme = service.scheme;
      FactsBuilder longer = history;
      longer.Service(spec);
      if (!Catalogue::Create(longer.services()).ok()) continue;
      history = longer;
      facts->Service(spec);
    }
  }
}

void RandomWorld::AddRanges(FactsBuilder* facts) {
  for (const IpPrefix& prefix : Prefixes(10)) {
    const RandomService& service = kServices[Below(std::size(kServices))];
    FactsBuilder::RangeSpec spec;
    spec.prefix = prefix.ToString();
    spec.provider = service.provider;
    if (!OneIn(3)) spec.service_id = service.id;
    if (OneIn(2)) {
      spec.country = Country();
    } else if (OneIn(3)) {
      spec.region = "GLOBAL";
    }
    spec.grade = static_cast<Grade>(1 + Below(3));
    bool fits = true;
    for (const RangeRow& row : facts->ranges()) fits &= !Conflict(row, spec);
    if (fits) facts->Range(spec);
  }
}

void RandomWorld::AddAnycast(FactsBuilder* facts) {
  for (const IpPrefix& prefix : Prefixes(3)) {
    const Validity validity = Interval();
    facts->Anycast({.prefix = prefix.ToString(),
                    .from = validity.from ? FormatDay(*validity.from) : "",
                    .until = validity.until ? FormatDay(*validity.until) : ""});
  }
}

FactsBuilder RandomWorld::FactsWithBuilds() {
  FactsBuilder facts = Facts();
  const size_t build_count = 1 + Below(3);
  for (size_t build = 0; build < build_count; ++build) {
    const std::string built = FormatDay(Day());
    for (const IpPrefix& prefix : Prefixes(12)) {
      facts.CountryBuild(built, prefix.ToString(), Country());
    }
  }
  return facts;
}

FactsBuilder RandomWorld::Facts() {
  FactsBuilder facts;
  AddDatabases(&facts);
  AddOperators(&facts);
  AddServices(&facts);
  AddRanges(&facts);
  AddAnycast(&facts);
  std::set<IpPrefix> seen;
  for (const IpPrefix& prefix : Prefixes(3)) {
    if (!seen.insert(prefix).second) continue;
    constexpr SpecialKind kKinds[] = {SpecialKind::kPrivate,
                                      SpecialKind::kDocumentation,
                                      SpecialKind::kAnycastService};
    facts.Special(prefix.ToString(), kKinds[Below(3)], OneIn(2));
  }
  return facts;
}

LocationRequirement RandomWorld::Location() {
  constexpr Regime kRegimes[] = {Regime::kEu, Regime::kEea, Regime::kAdequate,
                                 Regime::kUnknown};
  LocationRequirement location;
  location.regime = kRegimes[Below(std::size(kRegimes))];
  if (location.regime == Regime::kUnknown || OneIn(3)) {
    location.countries = {Code(Pick({"FR", "US", "GB"})), Code("NO")};
  }
  return location;
}

Requirement RandomWorld::RandomRequirement() {
  Requirement requirement;
  if (OneIn(2)) requirement.location = Location();
  requirement.requires_eu_control = OneIn(3);
  if (OneIn(4)) {
    AllowList allow;
    if (OneIn(2)) allow.operators = {"Operator 1", "Gamma GmbH"};
    if (OneIn(2)) allow.services = {"alpha-iaas", "beta-iaas"};
    requirement.allow = allow;
  }
  if (OneIn(4)) requirement.deny.countries = {Code("US"), Code("BR")};
  if (OneIn(4))
    requirement.deny.laws = {std::string(Pick({"PRC-NIL", "CLOUD-Act"}))};
  if (OneIn(2)) {
    QualificationRequirement qualification;
    qualification.scheme = OneIn(4) ? "BSI C5" : "SecNumCloud";
    qualification.minimum_version = Pick({"", "3.1", "3.2"});
    if (OneIn(2)) qualification.service_types = {"IaaS"};
    requirement.qualification = qualification;
  }
  if (OneIn(3)) requirement.minimum_seal = static_cast<int>(Below(5));
  requirement.applies_to_any = OneIn(2);
  return requirement;
}

std::vector<uint16_t> RandomWorld::Ports() {
  if (OneIn(2)) return {};
  if (OneIn(2)) return {443};
  return {22, 443};
}

octroi::Policy RandomWorld::Policy() {
  octroi::Policy policy;
  policy.undetermined_is_violation = OneIn(2);
  policy.administration.from = Location();
  for (int i = 0; i < 3; ++i) {
    Workload workload;
    workload.name = fmt::format("workload-{}", i);
    workload.addresses = {
        octroi::testing::Prefix(fmt::format("10.{}.0.0/16", i))};
    workload.covers_any = i == 2;
    workload.requirement = RandomRequirement();
    for (const IpPrefix& prefix : Prefixes(Below(6))) {
      workload.exceptions.push_back(
          {prefix, Day(), "REF", "a test", 0, Ports()});
    }
    policy.workloads.push_back(std::move(workload));
  }
  return policy;
}

std::vector<IpAddress> Boundaries(const std::vector<IpPrefix>& prefixes) {
  std::vector<IpAddress> addresses;
  for (const IpPrefix& prefix : prefixes) {
    for (const Uint128 number : {prefix.first() - 1, prefix.first(),
                                 prefix.last(), prefix.last() + 1}) {
      if (prefix.family() == AddressFamily::kIpv6) {
        addresses.push_back(IpAddress::V6(number));
        continue;
      }
      const auto v4 = static_cast<uint32_t>(number);
      addresses.push_back(IpAddress::V4(v4));
      addresses.push_back(IpAddress::V6(0, 0xffff'00000000 | v4));
      addresses.push_back(IpAddress::V6(0x0064ff9b'00000000, v4));
      addresses.push_back(
          IpAddress::V6(0x2002'0000'00000000 | uint64_t{v4} << 16, 1));
    }
  }
  return addresses;
}

}  // namespace octroi::testing
