// SPDX-License-Identifier: Apache-2.0
#include "policy/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "policy/rulebook.h"
#include "tests/support/facts_builder.h"

namespace octroi {
namespace {

using testing::Address;
using testing::Code;
using testing::DayFrom;
using ::testing::ElementsAre;
using testing::FactsBuilder;
using testing::Prefix;

constexpr std::string_view kToday = "2026-06-01";
constexpr std::string_view kDestination = "192.0.2.1";

// Facts, an atlas of them, and the policy that it is marked for.
struct World {
  explicit World(const FactsBuilder& builder, Policy rules = DefaultPolicy())
      : policy(std::move(rules)),
        facts(builder.Build()),
        atlas(Atlas::Build(*facts, ExceptionMarks(policy)).value()) {}

  const Attribution& At(std::string_view address) const {
    return atlas.attribution(atlas.Lookup(Address(address)));
  }
  Destination Resolve(std::string_view day = kToday,
                      std::string_view address = kDestination) const {
    return ResolveDestination(atlas, At(address).class_id, DayFrom(day));
  }
  Judgement Judge(Opener opener, std::string_view day = kToday,
                  size_t workload = 0, std::string_view address = kDestination,
                  uint16_t port = 443) const {
    const Destination destination = Resolve(day, address);
    const std::vector<uint32_t>& marks = atlas.marks(At(address).marks);
    const auto judge = opener == Opener::kLocal    ? &JudgeOpenedByLocal
                       : opener == Opener::kRemote ? &JudgeOpenedByRemote
                                                   : &JudgeAdministration;
    return judge(policy, workload, destination, marks, DayFrom(day), port);
  }

  Policy policy;
  std::unique_ptr<Facts> facts;
  Atlas atlas;
};

// Parts of a requirement.
Requirement In(Regime regime, std::vector<CountryCode> countries = {}) {
  Requirement requirement;
  requirement.location = LocationRequirement{regime, std::move(countries)};
  return requirement;
}
Requirement EuControl() {
  Requirement requirement;
  requirement.requires_eu_control = true;
  return requirement;
}
Requirement Qualified(std::string version = "",
                      std::vector<std::string> types = {},
                      std::string scheme = "SecNumCloud") {
  Requirement requirement;
  requirement.qualification = QualificationRequirement{
      std::move(scheme), std::move(version), std::move(types)};
  return requirement;
}
Requirement Seal(int minimum) {
  Requirement requirement;
  requirement.minimum_seal = minimum;
  return requirement;
}
Requirement AppliedToAny(Requirement requirement) {
  requirement.applies_to_any = true;
  return requirement;
}

Policy Requiring(Requirement requirement) {
  Policy policy = DefaultPolicy();
  policy.workloads[0].requirement = std::move(requirement);
  return policy;
}

// Where the destination is, and who runs it.
FactsBuilder Located(std::string_view country) {
  return FactsBuilder().Country("192.0.2.0/24", country);
}
FactsBuilder Opinions(std::string_view first, std::string_view second) {
  return Located(first).Country("192.0.2.0/24", second, 1);
}
FactsBuilder RunBy(FactsBuilder facts, FactsBuilder::OperatorSpec spec) {
  spec.asn = 64496;
  return facts.Asn("192.0.2.0/24", 64496).Operator(spec);
}
// The destination is in a range of the service "iaas" of Acme, in France.
FactsBuilder InService(std::vector<FactsBuilder::ServiceSpec> rows,
                       Grade grade = Grade::kPublished,
                       FactsBuilder facts = Located("FR")) {
  for (FactsBuilder::ServiceSpec& row : rows) {
    row.id = "iaas";
    facts.Service(row);
  }
  return facts.Range(
      {.prefix = "192.0.2.0/28", .service_id = "iaas", .grade = grade});
}
FactsBuilder InService(ServiceState state) {
  return InService({{.state = state, .from = "2024-01-01"}});
}
// The provider of the destination's operator has a service, elsewhere.
FactsBuilder ByProviderWith(ServiceState state,
                            std::string scheme = "SecNumCloud") {
  return RunBy(Located("FR"), {.country = "FR", .provider = "Acme"})
      .Service({.id = "iaas",
                .scheme = std::move(scheme),
                .state = state,
                .from = "2024-01-01"});
}

struct Case {
  const char* what;
  FactsBuilder facts;
  Requirement requirement;
  Verdict verdict;
  Reason reason;
  const char* clause = "";
  Opener opener = Opener::kLocal;
  std::string_view day = kToday;
};

constexpr Verdict kCompliant = Verdict::kCompliant;
constexpr Verdict kViolation = Verdict::kViolation;
constexpr Verdict kUndetermined = Verdict::kUndetermined;
constexpr Verdict kNotJudged = Verdict::kNotJudged;
constexpr Reason kMeets = Reason::kMeetsRequirement;

std::vector<Case> LocationCases() {
  const CountryCode us = Code("US");
  return {
      {"no requirement", Located("US"), {}, kCompliant, kMeets},
      {"member", Located("FR"), In(Regime::kEu), kCompliant, kMeets},
      {"third country", Located("US"), In(Regime::kEu), kViolation,
       Reason::kOutsideEu, "19.2"},
      {"EEA is not EU", Located("NO"), In(Regime::kEu), kViolation,
       Reason::kOutsideEu, "19.2"},
      {"EEA", Located("NO"), In(Regime::kEea), kCompliant, kMeets},
      {"EU is in the EEA", Located("FR"), In(Regime::kEea), kCompliant, kMeets},
      {"adequate is not EEA", Located("CH"), In(Regime::kEea), kViolation,
       Reason::kOutsideEea, "19.2"},
      {"adequate", Located("CH"), In(Regime::kAdequate), kCompliant, kMeets},
      {"EEA is adequate", Located("NO"), In(Regime::kAdequate), kCompliant,
       kMeets},
      {"no adequacy", Located("US"), In(Regime::kAdequate), kViolation,
       Reason::kNoAdequacy},
      {"country without a row", Located("BR"), In(Regime::kAdequate),
       kViolation, Reason::kNoAdequacy},
      {"listed country", Located("US"), In(Regime::kUnknown, {us}), kCompliant,
       kMeets},
      {"listed beside the regime", Located("US"), In(Regime::kEu, {us}),
       kCompliant, kMeets},
      {"not listed", Located("DE"), In(Regime::kUnknown, {us}), kViolation,
       Reason::kOutsideAllowedCountries},
      {"neither listed nor in the regime", Located("CH"), In(Regime::kEu, {us}),
       kViolation, Reason::kOutsideAllowedCountries},
      {"member on its last day", Located("GB"), In(Regime::kEu), kCompliant,
       kMeets, "", Opener::kLocal, "2020-01-31"},
      {"member no longer", Located("GB"), In(Regime::kEu), kViolation,
       Reason::kOutsideEu, "19.2", Opener::kLocal, "2020-02-01"},
      {"no claim", FactsBuilder(), In(Regime::kEu), kUndetermined,
       Reason::kLocationUnknown, "19.2"},
      {"pseudo-code", Located("EU"), In(Regime::kEu), kUndetermined,
       Reason::kLocationUnknown, "19.2"},
      {"anycast", Located("FR").Anycast({.prefix = "192.0.2.0/24"}),
       In(Regime::kEu), kUndetermined, Reason::kAnycast, "19.2"},
      {"anycast no longer",
       Located("FR").Anycast({.prefix = "192.0.2.0/24", .until = "2026-05-31"}),
       In(Regime::kEu), kCompliant, kMeets},
      {"anycast again",
       Located("FR")
           .Anycast({.prefix = "192.0.2.0/24", .from = "2026-06-01"})
           .Anycast({.prefix = "192.0.2.0/24", .until = "2020-12-31"}),
       In(Regime::kEu), kUndetermined, Reason::kAnycast, "19.2"},
      {"anycast without a requirement of location",
       Located("FR").Anycast({.prefix = "192.0.2.0/24"}),
       {},
       kCompliant,
       kMeets},
      {"anycast service of IANA",
       Located("FR").Special("192.0.2.0/24", SpecialKind::kAnycastService,
                             true),
       In(Regime::kEu), kUndetermined, Reason::kAnycast, "19.2"},
      {"private space",
       FactsBuilder().Special("192.0.2.0/24", SpecialKind::kPrivate),
       In(Regime::kEu), kNotJudged, Reason::kInternal},
      {"private space, opened by the remote",
       FactsBuilder().Special("192.0.2.0/24", SpecialKind::kPrivate),
       In(Regime::kEu), kNotJudged, Reason::kInternal, "", Opener::kRemote},
      {"space that should not be seen",
       Located("FR").Special("192.0.2.0/24", SpecialKind::kDocumentation),
       In(Regime::kEu), kUndetermined, Reason::kLocationUnknown, "19.2"},
  };
}

std::vector<Case> ContestedCases() {
  const CountryCode fr = Code("FR");
  return {
      {"two members", Opinions("FR", "DE"), In(Regime::kEu), kCompliant,
       kMeets},
      {"EU or not", Opinions("FR", "US"), In(Regime::kEu), kUndetermined,
       Reason::kLocationContested, "19.2"},
      {"EU or EEA, of the EU", Opinions("NO", "FR"), In(Regime::kEu),
       kUndetermined, Reason::kLocationContested, "19.2"},
      {"third opinion", Opinions("FR", "DE").Country("192.0.2.0/24", "US", 2),
       In(Regime::kEu), kUndetermined, Reason::kLocationContested, "19.2"},
      // Found by this test: opinions that lead to one answer were contested.
      {"EU or EEA, of the EEA", Opinions("NO", "FR"), In(Regime::kEea),
       kCompliant, kMeets},
      {"adequate or third, of the EU", Opinions("CH", "US"), In(Regime::kEu),
       kViolation, Reason::kOutsideEu, "19.2"},
      {"members, one of them listed", Opinions("FR", "DE"),
       In(Regime::kUnknown, {fr}), kUndetermined, Reason::kLocationContested,
       "19.2"},
      {"members, the other listed", Opinions("DE", "FR"),
       In(Regime::kUnknown, {fr}), kUndetermined, Reason::kLocationContested,
       "19.2"},
      {"third countries, none listed", Opinions("US", "BR"),
       In(Regime::kUnknown, {fr}), kViolation,
       Reason::kOutsideAllowedCountries},
      {"listed or in the regime", Opinions("US", "DE"),
       In(Regime::kEu, {Code("US")}), kCompliant, kMeets},
      {"contested, on a day on which it was not", Opinions("FR", "GB"),
       In(Regime::kEu), kCompliant, kMeets, "", Opener::kLocal, "2020-01-31"},
      {"contested since", Opinions("FR", "GB"), In(Regime::kEu), kUndetermined,
       Reason::kLocationContested, "19.2", Opener::kLocal, "2020-02-01"},
  };
}

std::vector<Case> ControlCases() {
  const FactsBuilder::ServiceSpec qualified = {.from = "2024-01-01"};
  FactsBuilder::ServiceSpec attested = qualified;
  attested.scheme = "BSI C5";
  const FactsBuilder::OperatorSpec american = {.country = "US",
                                               .law = "CLOUD-Act"};
  const FactsBuilder::OperatorSpec exposed = {.country = "FR",
                                              .law = "CLOUD-Act"};
  return {
      {"European operator", RunBy(Located("US"), {.country = "FR"}),
       EuControl(), kCompliant, kMeets},
      {"American operator", RunBy(Located("FR"), american), EuControl(),
       kViolation, Reason::kForeignControl, "19.6"},
      {"Norwegian operator", RunBy(Located("FR"), {.country = "NO"}),
       EuControl(), kViolation, Reason::kForeignControl, "19.6"},
      {"European operator under a foreign law", RunBy(Located("FR"), exposed),
       EuControl(), kViolation, Reason::kForeignControl, "19.6"},
      {"foreign law, controlling country unknown",
       RunBy(Located("FR"), {.law = "CLOUD-Act"}), EuControl(), kViolation,
       Reason::kForeignControl, "19.6"},
      {"controlling country unknown", RunBy(Located("FR"), {}), EuControl(),
       kUndetermined, Reason::kFactUnknownAtTime},
      {"operator unknown", Located("FR"), EuControl(), kUndetermined,
       Reason::kFactUnknownAtTime},
      {"operator not known on the day",
       RunBy(Located("FR"), {.country = "FR", .from = "2026-06-02"}),
       EuControl(), kUndetermined, Reason::kFactUnknownAtTime},
      {"British control, while a member",
       RunBy(Located("FR"), {.country = "GB"}), EuControl(), kCompliant, kMeets,
       "", Opener::kLocal, "2020-01-31"},
      {"British control, after", RunBy(Located("FR"), {.country = "GB"}),
       EuControl(), kViolation, Reason::kForeignControl, "19.6", Opener::kLocal,
       "2020-02-01"},
      // As S3NS: foreign technology, and a qualification that proves immunity.
      {"immune by qualification", RunBy(InService({qualified}), exposed),
       EuControl(), kCompliant, kMeets},
      {"not immune before the decision",
       RunBy(InService(ServiceState::kInQualification), exposed), EuControl(),
       kViolation, Reason::kForeignControl, "19.6"},
      {"not immune by a derived range",
       RunBy(InService({qualified}, Grade::kDerived), exposed), EuControl(),
       kViolation, Reason::kForeignControl, "19.6"},
      // Found by this test: any scheme made its services immune.
      {"not immune by a scheme that does not ask for it",
       RunBy(InService({attested}), exposed), EuControl(), kViolation,
       Reason::kForeignControl, "19.6"},
  };
}

std::vector<Case> QualificationCases() {
  const FactsBuilder::ServiceSpec now = {.from = "2024-01-01"};
  FactsBuilder::ServiceSpec old = now;
  old.version = "3.1";
  FactsBuilder::ServiceSpec unversioned = now;
  unversioned.version = "";
  FactsBuilder::ServiceSpec attested = now;
  attested.scheme = "BSI C5";
  return {
      {"published range", InService({now}), Qualified(), kCompliant, kMeets},
      {"asserted range", InService({now}, Grade::kAsserted), Qualified(),
       kCompliant, kMeets},
      {"version and type", InService({now}), Qualified("3.2", {"SaaS", "IaaS"}),
       kCompliant, kMeets},
      {"newer version", InService({now}), Qualified("3.1"), kCompliant, kMeets},
      {"older version", InService({old}), Qualified("3.2"), kViolation,
       Reason::kVersionTooOld},
      {"version not said", InService({unversioned}), Qualified("3.2"),
       kUndetermined, Reason::kFactUnknownAtTime},
      {"version not asked", InService({unversioned}), Qualified(), kCompliant,
       kMeets},
      {"another type", InService({now}), Qualified("", {"SaaS"}), kViolation,
       Reason::kServiceTypeMismatch},
      {"another scheme", InService({attested}), Qualified(), kViolation,
       Reason::kOutsideQualifiedScope},
      {"on its way", InService(ServiceState::kInQualification), Qualified(),
       kViolation, Reason::kInQualification},
      {"suspended", InService(ServiceState::kSuspended), Qualified(),
       kViolation, Reason::kQualificationSuspended},
      {"withdrawn", InService(ServiceState::kWithdrawn), Qualified(),
       kViolation, Reason::kQualificationWithdrawn},
      {"known not to be", InService(ServiceState::kNone), Qualified(),
       kViolation, Reason::kOutsideQualifiedScope},
      {"last day", InService({{.from = "2024-01-01", .until = "2026-06-01"}}),
       Qualified(), kCompliant, kMeets},
      {"day after", InService({{.from = "2024-01-01", .until = "2026-05-31"}}),
       Qualified(), kViolation, Reason::kQualificationExpired},
      {"not known yet", InService({{.observed_on = "2026-06-02"}}), Qualified(),
       kUndetermined, Reason::kFactUnknownAtTime},
      {"no service at all", RunBy(Located("FR"), {.country = "FR"}),
       Qualified(), kViolation, Reason::kOutsideQualifiedScope},
      {"provider qualified, address not tied",
       ByProviderWith(ServiceState::kQualified), Qualified(), kUndetermined,
       Reason::kScopeUnproven},
      {"provider on its way", ByProviderWith(ServiceState::kInQualification),
       Qualified(), kViolation, Reason::kInQualification},
      {"provider suspended", ByProviderWith(ServiceState::kSuspended),
       Qualified(), kViolation, Reason::kOutsideQualifiedScope},
      // Found by this test: a qualification of any scheme counted.
      {"provider qualified by another scheme",
       ByProviderWith(ServiceState::kQualified, "BSI C5"), Qualified(),
       kViolation, Reason::kOutsideQualifiedScope},
      {"a derived range never proves",
       RunBy(InService({now}, Grade::kDerived),
             {.country = "FR", .provider = "Acme"}),
       Qualified(), kUndetermined, Reason::kScopeUnproven},
      // Found by this test: without an operator the provider that the range
      // names was forgotten.
      {"a derived range names its provider", InService({now}, Grade::kDerived),
       Qualified(), kUndetermined, Reason::kScopeUnproven},
      {"a derived range of a service on its way",
       InService(
           {{.state = ServiceState::kInQualification, .from = "2024-01-01"}},
           Grade::kDerived),
       Qualified(), kViolation, Reason::kInQualification},
  };
}

std::vector<Case> SealCases() {
  const FactsBuilder::OperatorSpec european = {.country = "FR"};
  return {
      {"high enough", RunBy(Located("FR"), european), Seal(2), kCompliant,
       kMeets},
      {"too low", RunBy(Located("FR"), european), Seal(3), kViolation,
       Reason::kSealTooLow},
      {"unknown", Located("FR"), Seal(2), kUndetermined,
       Reason::kFactUnknownAtTime},
      {"anything", Located("US"), Seal(0), kCompliant, kMeets},
  };
}

Requirement Denied(std::vector<CountryCode> countries,
                   std::vector<std::string> laws = {}) {
  Requirement requirement;
  requirement.deny = {std::move(countries), std::move(laws)};
  return requirement;
}
Requirement Allowed(std::vector<std::string> operators,
                    std::vector<std::string> services = {}) {
  Requirement requirement;
  requirement.allow = AllowList{std::move(operators), std::move(services)};
  return requirement;
}

std::vector<Case> DenyCases() {
  const CountryCode us = Code("US");
  const CountryCode br = Code("BR");
  const Requirement cloud_act = Denied({}, {"CLOUD-Act", "PRC-NIL"});
  const FactsBuilder::ServiceSpec qualified = {.from = "2024-01-01"};
  const FactsBuilder::OperatorSpec exposed = {.country = "FR",
                                              .law = "FISA-702; CLOUD-Act"};
  return {
      {"denied country", Located("US"), Denied({br, us}), kViolation,
       Reason::kDeniedCountry},
      {"another country", Located("FR"), Denied({us}), kCompliant, kMeets},
      {"every opinion denied", Opinions("US", "BR"), Denied({us, br}),
       kViolation, Reason::kDeniedCountry},
      {"one opinion denied", Opinions("FR", "US"), Denied({us}), kUndetermined,
       Reason::kLocationContested, "19.2"},
      {"opinions of one regime, one denied", Opinions("BR", "US"), Denied({us}),
       kUndetermined, Reason::kLocationContested, "19.2"},
      {"contested, but denied by none", Opinions("FR", "US"), Denied({br}),
       kCompliant, kMeets},
      {"no location", FactsBuilder(), Denied({us}), kUndetermined,
       Reason::kLocationUnknown, "19.2"},
      {"anycast", Located("FR").Anycast({.prefix = "192.0.2.0/24"}),
       Denied({us}), kUndetermined, Reason::kAnycast, "19.2"},
      {"denied law, one of several", RunBy(Located("FR"), exposed), cloud_act,
       kViolation, Reason::kDeniedLaw, "19.6"},
      {"a law whose name begins alike",
       RunBy(Located("FR"), {.country = "US", .law = "CLOUD-Act-2"}), cloud_act,
       kCompliant, kMeets},
      {"no law identified", RunBy(Located("FR"), {.country = "US"}), cloud_act,
       kCompliant, kMeets},
      {"operator unknown", Located("FR"), cloud_act, kUndetermined,
       Reason::kFactUnknownAtTime},
      {"immune by qualification", RunBy(InService({qualified}), exposed),
       cloud_act, kCompliant, kMeets},
      {"not immune by a derived range",
       RunBy(InService({qualified}, Grade::kDerived), exposed), cloud_act,
       kViolation, Reason::kDeniedLaw, "19.6"},
  };
}

std::vector<Case> AllowCases() {
  const FactsBuilder::ServiceSpec row = {.from = "2024-01-01"};
  const FactsBuilder::OperatorSpec acme = {
      .name = "Acme SA", .country = "FR", .provider = "Acme"};
  const FactsBuilder elsewhere =
      InService({row}).Service({.id = "saas", .from = "2024-01-01"});
  return {
      {"operator", RunBy(Located("FR"), acme), Allowed({"Other", "Acme SA"}),
       kCompliant, kMeets},
      {"another operator", RunBy(Located("FR"), acme), Allowed({"Other"}),
       kViolation, Reason::kOperatorNotAllowed},
      {"nobody knows the operator", Located("FR"), Allowed({"Acme SA"}),
       kUndetermined, Reason::kFactUnknownAtTime},
      {"operator not known on the day",
       RunBy(Located("FR"), {.name = "Acme SA", .from = "2026-06-02"}),
       Allowed({"Acme SA"}), kUndetermined, Reason::kFactUnknownAtTime},
      {"service, published", InService({row}), Allowed({}, {"iaas"}),
       kCompliant, kMeets},
      {"service, asserted", InService({row}, Grade::kAsserted),
       Allowed({}, {"iaas"}), kCompliant, kMeets},
      {"service, derived", InService({row}, Grade::kDerived),
       Allowed({}, {"iaas"}), kUndetermined, Reason::kScopeUnproven},
      {"service of the operator's provider, not tied",
       ByProviderWith(ServiceState::kQualified), Allowed({}, {"iaas"}),
       kUndetermined, Reason::kScopeUnproven},
      {"whatever its qualification is", InService(ServiceState::kWithdrawn),
       Allowed({}, {"iaas"}), kCompliant, kMeets},
      {"tied to another service of that provider", elsewhere,
       Allowed({}, {"saas"}), kViolation, Reason::kOperatorNotAllowed},
      {"tied to another service, and the operator is not known", elsewhere,
       Allowed({"Acme SA"}, {"saas"}), kUndetermined,
       Reason::kFactUnknownAtTime},
      {"tied to another service, operator not listed", RunBy(elsewhere, acme),
       Allowed({"Other"}, {"saas"}), kViolation, Reason::kOperatorNotAllowed},
      {"operator or service", RunBy(elsewhere, acme),
       Allowed({"Acme SA"}, {"saas"}), kCompliant, kMeets},
  };
}

// Violation beats undetermined; else the first part in order speaks.
std::vector<Case> OrderCases() {
  Requirement all = In(Regime::kEu);
  all.requires_eu_control = true;
  all.qualification = QualificationRequirement{};
  all.minimum_seal = 3;
  Requirement location_and_control = In(Regime::kEu);
  location_and_control.requires_eu_control = true;
  Requirement with_lists = all;
  with_lists.deny = {{Code("FR")}, {"CLOUD-Act"}};
  with_lists.allow = AllowList{{"Other"}, {}};
  const auto without = [](Requirement requirement, bool keeps_laws) {
    requirement.requires_eu_control = false;
    if (!keeps_laws) requirement.deny.laws.clear();
    return requirement;
  };
  const FactsBuilder::OperatorSpec american = {.country = "US",
                                               .law = "CLOUD-Act"};
  const FactsBuilder::OperatorSpec european = {.country = "FR"};
  return {
      {"all hold", RunBy(InService({{.from = "2024-01-01"}}), european), all,
       kCompliant, kMeets},
      {"location first", RunBy(Located("US"), american), all, kViolation,
       Reason::kOutsideEu, "19.2"},
      {"then control", RunBy(Located("FR"), american), all, kViolation,
       Reason::kForeignControl, "19.6"},
      {"then qualification", RunBy(Located("FR"), european), all, kViolation,
       Reason::kOutsideQualifiedScope},
      {"then SEAL",
       RunBy(InService({{.scheme = "Other", .from = "2024-01-01"}}), european),
       [] {
         Requirement requirement = Qualified("", {}, "Other");
         requirement.minimum_seal = 3;
         return requirement;
       }(),
       kViolation, Reason::kSealTooLow},
      {"location before a denied country", RunBy(Located("US"), american),
       with_lists, kViolation, Reason::kOutsideEu, "19.2"},
      {"denied country before control", RunBy(Located("FR"), american),
       with_lists, kViolation, Reason::kDeniedCountry},
      {"control before a denied law", RunBy(Located("DE"), american),
       with_lists, kViolation, Reason::kForeignControl, "19.6"},
      {"denied law before the allow list", RunBy(Located("DE"), american),
       without(with_lists, true), kViolation, Reason::kDeniedLaw, "19.6"},
      {"allow list before qualification", RunBy(Located("DE"), american),
       without(with_lists, false), kViolation, Reason::kOperatorNotAllowed},
      {"violation beats undetermined", RunBy(Opinions("FR", "US"), american),
       location_and_control, kViolation, Reason::kForeignControl, "19.6"},
      {"first undetermined", Opinions("FR", "US"), location_and_control,
       kUndetermined, Reason::kLocationContested, "19.2"},
  };
}

std::vector<Case> RemoteCases() {
  const FactsBuilder american = RunBy(Located("FR"), {.country = "US"});
  Requirement both = AppliedToAny(In(Regime::kEu));
  both.requires_eu_control = true;
  constexpr Opener kRemote = Opener::kRemote;
  constexpr Opener kAdmin = Opener::kRemoteAdministration;
  return {
      {"opened by the remote", Located("US"), In(Regime::kEu), kNotJudged,
       Reason::kOpenedByRemote, "", kRemote},
      {"applies to any", Located("US"), AppliedToAny(In(Regime::kEu)),
       kViolation, Reason::kOutsideEu, "19.2", kRemote},
      {"applies to any, and holds", Located("FR"),
       AppliedToAny(In(Regime::kEu)), kCompliant, kMeets, "", kRemote},
      {"administration from outside",
       Located("US"),
       {},
       kViolation,
       Reason::kAdministeredFromOutsideEu,
       "19.3",
       kAdmin},
      {"administration from the EEA",
       Located("NO"),
       {},
       kViolation,
       Reason::kAdministeredFromOutsideEu,
       "19.3",
       kAdmin},
      {"administration from inside", Located("FR"), In(Regime::kEu), kNotJudged,
       Reason::kOpenedByRemote, "", kAdmin},
      {"administration from inside, applies to any", american, both, kViolation,
       Reason::kForeignControl, "19.6", kAdmin},
      {"administration, all holds", Located("FR"),
       AppliedToAny(In(Regime::kEu)), kCompliant, kMeets, "", kAdmin},
      {"administration from who knows where", FactsBuilder(), In(Regime::kEu),
       kUndetermined, Reason::kLocationUnknown, "19.2", kAdmin},
      // Found by this test: what the requirement forbids for certain was
      // undetermined.
      {"administration contested, the rest violates",
       RunBy(Opinions("FR", "US"), {.country = "US"}), both, kViolation,
       Reason::kForeignControl, "19.6", kAdmin},
      {"administration contested", Opinions("FR", "US"), In(Regime::kEu),
       kUndetermined, Reason::kLocationContested, "19.2", kAdmin},
      {"administration from private space",
       FactsBuilder().Special("192.0.2.0/24", SpecialKind::kPrivate),
       In(Regime::kEu), kNotJudged, Reason::kInternal, "", kAdmin},
  };
}

std::vector<Case> AllCases() {
  std::vector<Case> all;
  for (const auto& cases :
       {LocationCases(), ContestedCases(), ControlCases(), QualificationCases(),
        SealCases(), DenyCases(), AllowCases(), OrderCases(), RemoteCases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

TEST(JudgeTest, FollowsTheTable) {
  for (const Case& c : AllCases()) {
    const World world(c.facts, Requiring(c.requirement));

    const Judgement judgement = world.Judge(c.opener, c.day);

    EXPECT_EQ(VerdictName(judgement.verdict), VerdictName(c.verdict)) << c.what;
    EXPECT_EQ(InfoOf(judgement.reason).name, InfoOf(c.reason).name) << c.what;
    EXPECT_EQ(InfoOf(judgement.reason).clause, c.clause) << c.what;
  }
}

TEST(JudgeTest, CountsUndeterminedAsViolationIfThePolicySaysSo) {
  int undetermined_count = 0;
  for (const Case& c : AllCases()) {
    Policy policy = Requiring(c.requirement);
    policy.undetermined_is_violation = true;
    const World world(c.facts, std::move(policy));

    const Judgement judgement = world.Judge(c.opener, c.day);

    const bool counts = c.verdict == kUndetermined;
    undetermined_count += counts ? 1 : 0;
    EXPECT_EQ(judgement.verdict, counts ? kViolation : c.verdict) << c.what;
    EXPECT_EQ(judgement.reason, c.reason) << c.what;
  }
  EXPECT_GT(undetermined_count, 0);
}

Exception Permitted(std::string_view prefix, std::string_view until,
                    std::vector<uint16_t> ports = {}) {
  return {Prefix(prefix), DayFrom(until), "REF", "reason", 0, std::move(ports)};
}

// Two workloads that require the EU, with exceptions of their own.
Policy WithExceptions() {
  Policy policy;
  policy.workloads.resize(2);
  for (Workload& workload : policy.workloads) {
    workload.requirement = In(Regime::kEu);
  }
  policy.workloads[0].exceptions = {Permitted("198.51.100.0/24", "2026-12-31"),
                                    Permitted("192.0.2.0/24", "2026-05-31"),
                                    Permitted("192.0.2.0/25", "2026-12-31"),
                                    Permitted("192.0.2.0/24", "2027-12-31")};
  policy.workloads[1].exceptions = {Permitted("203.0.113.0/24", "2026-12-31")};
  return policy;
}

TEST(JudgeTest, AppliesTheFirstExceptionThatHolds) {
  const World world(Located("US").Country("203.0.113.0/24", "US"),
                    WithExceptions());
  const auto judge = [&world](std::string_view day, size_t workload = 0,
                              std::string_view address = kDestination) {
    return world.Judge(Opener::kLocal, day, workload, address);
  };
  const auto excepted = [](uint16_t index) {
    return Judgement{Verdict::kExcepted, Reason::kException, index};
  };
  const Judgement violation = {kViolation, Reason::kOutsideEu};
  const Judgement expired = {kViolation, Reason::kOutsideEu, 1};

  EXPECT_EQ(judge("2026-05-31"), excepted(1));
  // The first has ended, the second holds to its last day, then the third.
  EXPECT_EQ(judge("2026-06-01"), excepted(2));
  EXPECT_EQ(judge("2026-12-31"), excepted(2));
  EXPECT_EQ(judge("2027-01-01"), excepted(3));
  // When the last has ended, the first that would have covered it is named.
  EXPECT_EQ(judge("2028-01-01"), expired);
  EXPECT_EQ(judge("2026-06-01", 0, "192.0.2.200"), excepted(3));
  // Exceptions of another workload do not count, in either direction.
  EXPECT_EQ(judge("2026-06-01", 1), violation);
  EXPECT_EQ(judge("2026-06-01", 1, "203.0.113.1"), excepted(0));
  EXPECT_EQ(judge("2026-06-01", 0, "203.0.113.1"), violation);
}

TEST(JudgeTest, ConfinesAnExceptionToItsPorts) {
  Policy policy = WithExceptions();
  policy.workloads[0].exceptions = {
      Permitted("192.0.2.0/24", "2026-05-31", {22}),
      Permitted("192.0.2.0/24", "2026-12-31", {443, 8443}),
      Permitted("192.0.2.0/25", "2026-12-31"),
  };
  const World world(Located("US"), policy);
  const struct {
    const char* what;
    std::string_view day;
    std::string_view address;
    uint16_t port;
    Judgement expected;
  } cases[] = {
      {"the first, while it holds",
       "2026-05-31",
       "192.0.2.1",
       22,
       {Verdict::kExcepted, Reason::kException, 0}},
      {"the next that holds",
       "2026-06-01",
       "192.0.2.1",
       22,
       {Verdict::kExcepted, Reason::kException, 2}},
      {"one of several ports",
       "2026-06-01",
       "192.0.2.1",
       8443,
       {Verdict::kExcepted, Reason::kException, 1}},
      {"in order, ports included",
       "2026-06-01",
       "192.0.2.1",
       443,
       {Verdict::kExcepted, Reason::kException, 1}},
      {"a port that none names",
       "2026-06-01",
       "192.0.2.1",
       80,
       {Verdict::kExcepted, Reason::kException, 2}},
      {"no port",
       "2026-06-01",
       "192.0.2.1",
       kNoPort,
       {Verdict::kExcepted, Reason::kException, 2}},
      {"no port, and only exceptions with ports",
       "2026-06-01",
       "192.0.2.200",
       kNoPort,
       {kViolation, Reason::kOutsideEu}},
      {"ended for that port",
       "2026-06-01",
       "192.0.2.200",
       22,
       {kViolation, Reason::kOutsideEu, 0}},
      {"ended for the other port alone",
       "2026-06-01",
       "192.0.2.200",
       80,
       {kViolation, Reason::kOutsideEu}},
      {"all have ended",
       "2027-01-01",
       "192.0.2.1",
       443,
       {kViolation, Reason::kOutsideEu, 1}},
  };

  for (const auto& c : cases) {
    EXPECT_EQ(world.Judge(Opener::kLocal, c.day, 0, c.address, c.port),
              c.expected)
        << c.what;
  }
}

TEST(JudgeTest, NamesAnExceptionThatHasEndedWhateverTheVerdictIs) {
  const std::string_view later = "2028-01-01";
  Policy policy = WithExceptions();
  const World compliant(Located("FR"), policy);
  const World undetermined(FactsBuilder(), policy);
  const World internal(
      FactsBuilder().Special("192.0.2.0/24", SpecialKind::kPrivate), policy);
  const auto local = [&](const World& world) {
    return world.Judge(Opener::kLocal, later);
  };

  EXPECT_EQ(local(compliant), (Judgement{kCompliant, kMeets, 1}));
  EXPECT_EQ(local(undetermined),
            (Judgement{kUndetermined, Reason::kLocationUnknown, 1}));
  EXPECT_EQ(local(internal), (Judgement{kNotJudged, Reason::kInternal}));
  // No exception is asked for what is not judged, but for administration.
  EXPECT_EQ(compliant.Judge(Opener::kRemote, later),
            (Judgement{kNotJudged, Reason::kOpenedByRemote}));
  EXPECT_EQ(compliant.Judge(Opener::kRemoteAdministration, later),
            (Judgement{kNotJudged, Reason::kOpenedByRemote, 1}));
  EXPECT_TRUE(local(compliant).is_exception_expired());
  EXPECT_FALSE(compliant.Judge(Opener::kLocal, kToday).is_exception_expired());
  EXPECT_FALSE(local(internal).is_exception_expired());
}

TEST(JudgeTest, AppliesExceptionsToFlowsThatTheRemoteOpened) {
  Policy policy = WithExceptions();
  const World only_local(Located("US"), policy);
  policy.workloads[0].requirement.applies_to_any = true;
  const World any(Located("US"), policy);
  const Judgement excepted = {Verdict::kExcepted, Reason::kException, 2};

  EXPECT_EQ(only_local.Judge(Opener::kRemote).reason, Reason::kOpenedByRemote);
  EXPECT_EQ(any.Judge(Opener::kRemote), excepted);
  EXPECT_EQ(any.Judge(Opener::kRemoteAdministration), excepted);
  EXPECT_EQ(only_local.Judge(Opener::kRemoteAdministration), excepted);
}

TEST(JudgeTest, ExceptsEvenWhatWouldBeCompliantButNotWhatIsInternal) {
  const World compliant(Located("FR"), WithExceptions());
  const World internal(
      FactsBuilder().Special("192.0.2.0/24", SpecialKind::kPrivate),
      WithExceptions());

  EXPECT_EQ(compliant.Judge(Opener::kLocal).verdict, Verdict::kExcepted);
  EXPECT_EQ(internal.Judge(Opener::kLocal).reason, Reason::kInternal);
}

TEST(JudgeTest, ReachesEveryReason) {
  std::set<Reason> reached;
  for (const Case& c : AllCases()) {
    const World world(c.facts, Requiring(c.requirement));
    reached.insert(world.Judge(c.opener, c.day).reason);
  }
  const World world(Located("US"), WithExceptions());
  reached.insert(world.Judge(Opener::kLocal).reason);
  // What no workload covers is the rulebook's to say.
  const Rulebook rulebook =
      Rulebook::Compile(world.atlas, world.policy, DayFrom(kToday));
  reached.insert(
      rulebook.Judge(world.At(kDestination), kNoWorkload, Opener::kLocal, 443)
          .reason);

  for (const ReasonInfo& info : kReasons) {
    EXPECT_EQ(reached.count(info.reason), 1u) << info.name;
  }
}

// Metrics have a series of each from the start.
TEST(JudgeTest, ViolatesForTheReasonsThatCanBeViolationsAndNoOther) {
  std::set<Reason> reasons;
  for (const Case& c : AllCases()) {
    Policy policy = Requiring(c.requirement);
    policy.undetermined_is_violation = true;
    const World world(c.facts, policy);
    const Judgement judgement = world.Judge(c.opener, c.day);
    if (judgement.verdict == kViolation) reasons.insert(judgement.reason);
  }

  for (const ReasonInfo& info : kReasons) {
    EXPECT_EQ(reasons.contains(info.reason), CanBeViolation(info.reason))
        << info.name;
  }
}

TEST(JudgeTest, UsesTheAdministrationRuleOfThePolicy) {
  Policy policy = Requiring({});
  policy.administration.from = LocationRequirement{Regime::kEea, {Code("US")}};

  for (const auto& [country, reason] :
       {std::pair{"NO", Reason::kOpenedByRemote},
        {"US", Reason::kOpenedByRemote},
        {"CH", Reason::kAdministeredFromOutsideEu}}) {
    EXPECT_EQ(World(Located(country), policy)
                  .Judge(Opener::kRemoteAdministration)
                  .reason,
              reason)
        << country;
  }
}

TEST(ExceptionMarksTest, CountTheExceptionsOverTheWorkloads) {
  const std::vector<PrefixMark> marks = ExceptionMarks(WithExceptions());

  ASSERT_EQ(marks.size(), 5u);
  for (uint32_t i = 0; i < marks.size(); ++i) EXPECT_EQ(marks[i].mark, i);
  EXPECT_EQ(marks[4].prefix, Prefix("203.0.113.0/24"));
}

TEST(ResolveDestinationTest, TellsPlaceCountryAndRegime) {
  struct PlaceCase {
    const char* what;
    FactsBuilder facts;
    Place place;
    const char* country;
    Regime regime;
  };
  const PlaceCase cases[] = {
      {"nothing", FactsBuilder(), Place::kUnknown, "", Regime::kUnknown},
      {"one opinion", Located("FR"), Place::kCountry, "FR", Regime::kEu},
      {"alias", Located("UK"), Place::kCountry, "GB", Regime::kAdequate},
      {"one regime, the first opinion", Opinions("DE", "FR"), Place::kCountry,
       "DE", Regime::kEu},
      {"two regimes", Opinions("FR", "NO"), Place::kContested, "",
       Regime::kUnknown},
      {"anycast", Located("FR").Anycast({.prefix = "192.0.2.0/24"}),
       Place::kAnycast, "", Regime::kUnknown},
      {"anycast not yet",
       Located("FR").Anycast({.prefix = "192.0.2.0/24", .from = "2026-06-02"}),
       Place::kCountry, "FR", Regime::kEu},
      {"anycast not yet, no opinion",
       FactsBuilder().Anycast({.prefix = "192.0.2.0/24", .from = "2026-06-02"}),
       Place::kUnknown, "", Regime::kUnknown},
      {"special purpose",
       Located("FR").Special("192.0.2.0/24", SpecialKind::kReserved),
       Place::kSpecialPurpose, "", Regime::kUnknown},
  };
  for (const PlaceCase& c : cases) {
    const World world(c.facts);
    const Destination destination = world.Resolve();
    EXPECT_EQ(PlaceName(destination.place), PlaceName(c.place)) << c.what;
    EXPECT_EQ(destination.country.ToString(), c.country) << c.what;
    EXPECT_EQ(destination.regime, c.regime) << c.what;
  }
  const World contested(Opinions("FR", "NO"));
  EXPECT_THAT(contested.Resolve().opinions,
              ElementsAre(Code("FR"), Code("NO")));
  EXPECT_THAT(contested.Resolve().opinion_regimes,
              ElementsAre(Regime::kEu, Regime::kEea));
}

TEST(ResolveDestinationTest, NamesTheServiceAndItsQualification) {
  const World tied(InService({{.from = "2024-01-01", .until = "2026-06-01"}}));
  const World untied(Located("FR"));

  EXPECT_TRUE(tied.Resolve("2026-06-01").is_in_qualified_scope());
  EXPECT_EQ(tied.Resolve("2026-06-01").qualification_status(),
            QualificationStatus::kQualified);
  EXPECT_FALSE(tied.Resolve("2026-06-02").is_in_qualified_scope());
  EXPECT_EQ(tied.Resolve("2026-06-02").qualification_status(),
            QualificationStatus::kExpired);
  EXPECT_EQ(untied.Resolve().service, nullptr);
  EXPECT_EQ(untied.Resolve().qualification_status(),
            QualificationStatus::kNone);
}

TEST(ResolveDestinationTest, RatesTheSealLevel) {
  const FactsBuilder::OperatorSpec european = {.country = "FR"};
  const FactsBuilder::OperatorSpec american = {.country = "US"};
  const FactsBuilder::OperatorSpec exposed = {.country = "FR",
                                              .law = "CLOUD-Act"};
  const FactsBuilder::ServiceSpec qualified = {.from = "2024-01-01"};
  FactsBuilder::ServiceSpec attested = qualified;
  attested.scheme = "BSI C5";
  FactsBuilder::ServiceSpec best = qualified;
  best.scheme = "Best";
  struct SealCase {
    const char* what;
    FactsBuilder facts;
    std::optional<int> seal;
  };
  const std::optional<int> unknown;
  const SealCase cases[] = {
      {"third country", RunBy(Located("US"), european), 0},
      {"adequate country", RunBy(Located("CH"), european), 0},
      {"outside, whoever runs it", Located("US"), 0},
      {"outside by every opinion", Opinions("CH", "US"), 0},
      {"EEA", RunBy(Located("NO"), european), 1},
      {"EEA, whoever runs it", Located("NO"), 1},
      {"EU under non-EU control", RunBy(Located("FR"), american), 1},
      {"EU under a foreign law", RunBy(Located("FR"), exposed), 1},
      {"EU under EU control", RunBy(Located("FR"), european), 2},
      {"qualified scope", InService({qualified}), 3},
      {"qualified scope, foreign law", RunBy(InService({qualified}), exposed),
       3},
      {"qualified scope, location not known",
       InService({qualified}, Grade::kPublished, FactsBuilder()), 3},
      // A range does not move a place.
      {"qualified scope, located outside",
       InService({qualified}, Grade::kPublished, Located("US")), 0},
      {"expired scope",
       RunBy(InService({{.from = "2024-01-01", .until = "2026-05-31"}}),
             european),
       2},
      {"derived range",
       RunBy(InService({qualified}, Grade::kDerived), european), 2},
      {"scheme without a claim", RunBy(InService({attested}), european), 2},
      {"scheme without a claim, foreign law",
       RunBy(InService({attested}), exposed), 1},
      {"scheme that claims the highest",
       InService({best}).Scheme({.name = "Best", .seal = 4}), 4},
      {"EU, operator unknown", Located("FR"), unknown},
      {"EU, controlling country unknown", RunBy(Located("FR"), {}), unknown},
      {"contested", RunBy(Opinions("FR", "US"), european), unknown},
      {"anycast",
       RunBy(Located("US").Anycast({.prefix = "192.0.2.0/24"}), european),
       unknown},
      {"location unknown", FactsBuilder(), unknown},
      {"special purpose",
       FactsBuilder().Special("192.0.2.0/24", SpecialKind::kPrivate), unknown},
  };
  for (const SealCase& c : cases) {
    EXPECT_EQ(World(c.facts).Resolve().seal, c.seal) << c.what;
  }
}

// Part of an ASN's space can be another operator's: a range names it, and the
// longest prefix speaks.
TEST(ControlTest, FollowsTheOperatorThatTheLongestRangeNames) {
  FactsBuilder facts;
  facts.Country("192.0.0.0/16", "FR")
      .Asn("192.0.0.0/16", 64496)
      .Operator({.asn = 64496, .name = "EU Group", .country = "FR"})
      // A US subsidiary of the EU group, and an EU subsidiary of a US group.
      .Operator({.name = "EU Group Inc",
                 .country = "FR",
                 .law = "CLOUD-Act",
                 .parent = "EU Group"})
      .Operator({.name = "US Group Europe SA",
                 .country = "US",
                 .law = "CLOUD-Act",
                 .parent = "US Group"})
      // Runs a US group's technology; its qualification makes it immune.
      .Operator({.name = "Trusted SA",
                 .country = "FR",
                 .law = "CLOUD-Act",
                 .provider = "Trusted"})
      .Service({.id = "trusted-iaas",
                .provider = "Trusted",
                .from = "2025-12-17",
                .until = "2028-12-17"})
      .Range({.prefix = "192.0.2.0/24", .provider = "EU Group Inc"})
      .Range({.prefix = "192.0.2.128/25", .provider = "US Group Europe SA"})
      .Range({.prefix = "192.0.2.192/26", .provider = "EU Group"})
      .Range({.prefix = "192.0.3.0/24",
              .provider = "Trusted",
              .service_id = "trusted-iaas"});
  const struct {
    const char* address;
    const char* day;
    Verdict verdict;
    Reason reason;
  } cases[] = {
      {"192.0.1.1", "2026-01-01", Verdict::kCompliant,
       Reason::kMeetsRequirement},
      {"192.0.2.1", "2026-01-01", Verdict::kViolation, Reason::kForeignControl},
      {"192.0.2.129", "2026-01-01", Verdict::kViolation,
       Reason::kForeignControl},
      {"192.0.2.193", "2026-01-01", Verdict::kCompliant,
       Reason::kMeetsRequirement},
      {"192.0.3.1", "2025-12-16", Verdict::kViolation, Reason::kForeignControl},
      {"192.0.3.1", "2025-12-17", Verdict::kCompliant,
       Reason::kMeetsRequirement},
  };
  const World world(facts, Requiring(EuControl()));
  for (const auto& [address, day, verdict, reason] : cases) {
    const Judgement judgement = world.Judge(Opener::kLocal, day, 0, address);
    EXPECT_EQ(judgement.verdict, verdict) << address << " on " << day;
    EXPECT_EQ(judgement.reason, reason) << address << " on " << day;
  }
}

}  // namespace
}  // namespace octroi
