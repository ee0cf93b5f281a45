// SPDX-License-Identifier: Apache-2.0
#include "policy/judge.h"

#include <algorithm>

namespace octroi {

std::string_view PlaceName(Place place) {
  switch (place) {
    case Place::kUnknown:
      return "unknown";
    case Place::kCountry:
      return "country";
    case Place::kContested:
      return "contested";
    case Place::kAnycast:
      return "anycast";
    case Place::kSpecialPurpose:
      return "special_purpose";
  }
  return "unknown";
}

bool Destination::is_in_qualified_scope() const {
  return service != nullptr && grade != Grade::kDerived &&
         qualification.status == QualificationStatus::kQualified;
}

QualificationStatus Destination::qualification_status() const {
  return service == nullptr ? QualificationStatus::kNone : qualification.status;
}

namespace {

void ResolvePlace(const LocationClaim& claim,
                  const Jurisdictions& jurisdictions, Day day,
                  Destination* destination) {
  if (claim.kind == LocationKind::kSpecialPurpose) {
    destination->place = Place::kSpecialPurpose;
    destination->special = claim.special;
    return;
  }
  const bool is_anycast =
      std::any_of(claim.anycast_periods.begin(), claim.anycast_periods.end(),
                  [day](const Validity& period) { return period.Covers(day); });
  if (is_anycast) {
    destination->place = Place::kAnycast;
    return;
  }
  if (claim.opinions.empty()) return;
  for (const CountryCode country : claim.opinions) {
    destination->opinions.push_back(country);
    destination->opinion_regimes.push_back(
        jurisdictions.RegimeAt(country, day));
  }
  const std::vector<Regime>& regimes = destination->opinion_regimes;
  const bool agree =
      std::all_of(regimes.begin(), regimes.end(),
                  [&](Regime regime) { return regime == regimes.front(); });
  if (!agree) {
    destination->place = Place::kContested;
    return;
  }
  destination->place = Place::kCountry;
  destination->country = claim.opinions.front();
  destination->regime = regimes.front();
}

void AddServicesOf(const std::string& provider, const Catalogue& catalogue,
                   Day day, Destination* destination) {
  for (const uint32_t index : catalogue.ServicesOf(provider)) {
    const Service& service = catalogue.service(index);
    destination->provider_services.push_back(
        {&service, EvaluateQualification(service, day).status});
  }
}

void ResolveProviders(const Catalogue& catalogue, Day day,
                      Destination* destination) {
  const std::string* of_operator = destination->operator_row == nullptr
                                       ? nullptr
                                       : &destination->operator_row->provider;
  if (of_operator != nullptr) {
    AddServicesOf(*of_operator, catalogue, day, destination);
  }
  if (destination->service == nullptr) return;
  const std::string& of_service = destination->service->provider;
  if (of_operator != nullptr && *of_operator == of_service) return;
  AddServicesOf(of_service, catalogue, day, destination);
}

const SchemeRow* FindScheme(const std::vector<SchemeRow>& schemes,
                            const std::string& name) {
  for (const SchemeRow& row : schemes) {
    if (row.scheme == name) return &row;
  }
  return nullptr;
}

// Whether the law of the EU alone reaches the operator. Nothing if not known.
std::optional<bool> IsUnderEuControl(const Destination& destination) {
  if (destination.is_immune) return true;
  if (destination.operator_row == nullptr) return std::nullopt;
  if (!destination.operator_row->law.empty()) return false;
  if (destination.control_regime == Regime::kUnknown) return std::nullopt;
  return destination.control_regime == Regime::kEu;
}

// DESIGN "SEAL of a destination". Outside the EEA the level is 0 whoever runs
// the place; inside the EEA but outside the EU there is jurisdiction (1) and no
// more, since levels 2 and up speak of the EU. `scheme`: of the qualified scope
// that the destination is in, or null.
std::optional<int> SealOf(const Destination& destination,
                          const SchemeRow* scheme) {
  const std::vector<Regime>& regimes = destination.opinion_regimes;
  const auto is_outside = [](Regime regime) {
    return regime == Regime::kAdequate || regime == Regime::kThirdCountry;
  };
  if (!regimes.empty() &&
      std::all_of(regimes.begin(), regimes.end(), is_outside)) {
    return 0;
  }
  if (scheme != nullptr && scheme->indicative_seal) {
    return scheme->indicative_seal;
  }
  if (destination.place != Place::kCountry) return std::nullopt;
  if (destination.regime == Regime::kEea) return 1;
  const std::optional<bool> is_under_eu_control = IsUnderEuControl(destination);
  if (!is_under_eu_control) return std::nullopt;
  return *is_under_eu_control ? 2 : 1;
}

}  // namespace

Destination ResolveDestination(const Atlas& atlas, uint32_t class_id, Day day) {
  const Facts& facts = atlas.facts();
  const Attribution& attribution = atlas.attribution(atlas.classes()[class_id]);
  Destination destination;
  ResolvePlace(atlas.location(attribution.location), facts.jurisdictions, day,
               &destination);
  if (attribution.operator_entity != OperatorTable::kNone) {
    destination.operator_row =
        facts.operators.entity(attribution.operator_entity).At(day);
  }
  if (destination.operator_row != nullptr) {
    destination.control_regime = facts.jurisdictions.RegimeAt(
        destination.operator_row->controlling_country, day);
  }
  if (attribution.service != Catalogue::kNone) {
    destination.service = &facts.catalogue.service(attribution.service);
    destination.grade = attribution.grade;
    destination.qualification =
        EvaluateQualification(*destination.service, day);
  }
  ResolveProviders(facts.catalogue, day, &destination);
  const SchemeRow* scheme =
      destination.is_in_qualified_scope()
          ? FindScheme(facts.schemes, destination.service->scheme)
          : nullptr;
  destination.is_immune =
      scheme != nullptr && scheme->sovereignty_requirements == "strict";
  destination.seal = SealOf(destination, scheme);
  return destination;
}

namespace {

// What one part of a requirement says.
struct Finding {
  Verdict verdict = Verdict::kCompliant;
  Reason reason = Reason::kMeetsRequirement;
};
constexpr Finding Violates(Reason reason) {
  return {Verdict::kViolation, reason};
}
constexpr Finding Undetermined(Reason reason) {
  return {Verdict::kUndetermined, reason};
}

template <typename Value>
bool IsOneOf(const std::vector<Value>& values, const Value& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

bool Permits(const LocationRequirement& requirement, CountryCode country,
             Regime regime) {
  if (IsOneOf(requirement.countries, country)) return true;
  switch (requirement.regime) {
    case Regime::kEu:
      return regime == Regime::kEu;
    case Regime::kEea:
      return regime == Regime::kEu || regime == Regime::kEea;
    case Regime::kAdequate:
      return regime == Regime::kEu || regime == Regime::kEea ||
             regime == Regime::kAdequate;
    case Regime::kUnknown:
    case Regime::kThirdCountry:
      return false;
  }
  return false;
}

Reason ReasonOutside(const LocationRequirement& requirement) {
  if (!requirement.countries.empty()) return Reason::kOutsideAllowedCountries;
  if (requirement.regime == Regime::kEu) return Reason::kOutsideEu;
  if (requirement.regime == Regime::kEea) return Reason::kOutsideEea;
  return Reason::kNoAdequacy;
}

// Asks permits(country, regime) of every opinion on the location. Sources that
// disagree still answer, if each opinion leads to one answer. A list of
// countries can divide opinions that the regime does not.
template <typename Predicate>
Finding CheckPlace(const Destination& destination, Reason if_not_permitted,
                   Predicate permits) {
  switch (destination.place) {
    case Place::kAnycast:
      return Undetermined(Reason::kAnycast);
    case Place::kUnknown:
    case Place::kSpecialPurpose:
      return Undetermined(Reason::kLocationUnknown);
    case Place::kContested:
    case Place::kCountry:
      break;
  }
  const auto is_permitted = [&](size_t i) {
    return permits(destination.opinions[i], destination.opinion_regimes[i]);
  };
  for (size_t i = 1; i < destination.opinions.size(); ++i) {
    if (is_permitted(i) != is_permitted(0)) {
      return Undetermined(Reason::kLocationContested);
    }
  }
  return is_permitted(0) ? Finding() : Violates(if_not_permitted);
}

Finding CheckLocation(const LocationRequirement& requirement,
                      const Destination& destination) {
  return CheckPlace(destination, ReasonOutside(requirement),
                    [&](CountryCode country, Regime regime) {
                      return Permits(requirement, country, regime);
                    });
}

Finding CheckDeniedCountries(const std::vector<CountryCode>& denied,
                             const Destination& destination) {
  return CheckPlace(
      destination, Reason::kDeniedCountry,
      [&](CountryCode country, Regime) { return !IsOneOf(denied, country); });
}

Finding CheckControl(const Destination& destination) {
  const std::optional<bool> is_under_eu_control = IsUnderEuControl(destination);
  if (!is_under_eu_control) return Undetermined(Reason::kFactUnknownAtTime);
  return *is_under_eu_control ? Finding() : Violates(Reason::kForeignControl);
}

// A law that is not identified is not denied: the rows of operators.csv say
// what is known, and `control` asks for more.
Finding CheckDeniedLaws(const std::vector<std::string>& denied,
                        const Destination& destination) {
  if (destination.is_immune) return {};
  if (destination.operator_row == nullptr) {
    return Undetermined(Reason::kFactUnknownAtTime);
  }
  for (const std::string& law : LawsOf(*destination.operator_row)) {
    if (IsOneOf(denied, law)) return Violates(Reason::kDeniedLaw);
  }
  return {};
}

// A range that is asserted or published ties the address to one service, and
// to no other of that provider.
bool IsTied(const Destination& destination) {
  return destination.service != nullptr && destination.grade != Grade::kDerived;
}

Finding CheckAllowed(const AllowList& allow, const Destination& destination) {
  const OperatorRow* const row = destination.operator_row;
  if (row != nullptr && IsOneOf(allow.operators, row->name)) return {};
  if (IsTied(destination)) {
    if (IsOneOf(allow.services, destination.service->id)) return {};
    // The service is known not to be allowed; the operator, if it matters, not.
    return row != nullptr || allow.operators.empty()
               ? Violates(Reason::kOperatorNotAllowed)
               : Undetermined(Reason::kFactUnknownAtTime);
  }
  for (const auto& provided : destination.provider_services) {
    if (IsOneOf(allow.services, provided.service->id)) {
      return Undetermined(Reason::kScopeUnproven);
    }
  }
  return row == nullptr ? Undetermined(Reason::kFactUnknownAtTime)
                        : Violates(Reason::kOperatorNotAllowed);
}

Finding CheckVersion(const QualificationRequirement& requirement,
                     const CatalogueRow& row) {
  if (requirement.minimum_version.empty()) return {};
  const std::optional<int> order =
      CompareVersions(row.framework_version, requirement.minimum_version);
  if (!order) return Undetermined(Reason::kFactUnknownAtTime);
  return *order < 0 ? Violates(Reason::kVersionTooOld) : Finding();
}

Finding CheckQualifiedService(const QualificationRequirement& requirement,
                              const Destination& destination) {
  const auto& types = requirement.service_types;
  if (!types.empty() && !IsOneOf(types, destination.service->type)) {
    return Violates(Reason::kServiceTypeMismatch);
  }
  return CheckVersion(requirement, *destination.qualification.row);
}

// Of an address that no range ties to a service for certain.
Finding CheckUntied(const QualificationRequirement& requirement,
                    const Destination& destination) {
  const auto provides = [&](QualificationStatus status) {
    const auto& services = destination.provider_services;
    return std::any_of(services.begin(), services.end(),
                       [&](const Destination::ProviderService& provided) {
                         return provided.status == status &&
                                provided.service->scheme == requirement.scheme;
                       });
  };
  if (provides(QualificationStatus::kQualified)) {
    return Undetermined(Reason::kScopeUnproven);
  }
  return Violates(provides(QualificationStatus::kInQualification)
                      ? Reason::kInQualification
                      : Reason::kOutsideQualifiedScope);
}

Finding CheckQualification(const QualificationRequirement& requirement,
                           const Destination& destination) {
  if (!IsTied(destination)) return CheckUntied(requirement, destination);
  if (destination.service->scheme != requirement.scheme) {
    return Violates(Reason::kOutsideQualifiedScope);
  }
  switch (destination.qualification.status) {
    case QualificationStatus::kQualified:
      return CheckQualifiedService(requirement, destination);
    case QualificationStatus::kInQualification:
      return Violates(Reason::kInQualification);
    case QualificationStatus::kExpired:
      return Violates(Reason::kQualificationExpired);
    case QualificationStatus::kSuspended:
      return Violates(Reason::kQualificationSuspended);
    case QualificationStatus::kWithdrawn:
      return Violates(Reason::kQualificationWithdrawn);
    case QualificationStatus::kNone:
      return Violates(Reason::kOutsideQualifiedScope);
    case QualificationStatus::kUnknown:
      return Undetermined(Reason::kFactUnknownAtTime);
  }
  return Undetermined(Reason::kFactUnknownAtTime);
}

Finding CheckSeal(int minimum, const Destination& destination) {
  if (!destination.seal) return Undetermined(Reason::kFactUnknownAtTime);
  return *destination.seal < minimum ? Violates(Reason::kSealTooLow)
                                     : Finding();
}

// The worst finding; the first among equals.
Finding CheckRequirement(const Requirement& requirement,
                         const Destination& destination) {
  Finding worst;
  const auto consider = [&worst](const Finding& finding) {
    if (finding.verdict > worst.verdict) worst = finding;
  };
  if (requirement.location) {
    consider(CheckLocation(*requirement.location, destination));
  }
  if (!requirement.deny.countries.empty()) {
    consider(CheckDeniedCountries(requirement.deny.countries, destination));
  }
  if (requirement.requires_eu_control) consider(CheckControl(destination));
  if (!requirement.deny.laws.empty()) {
    consider(CheckDeniedLaws(requirement.deny.laws, destination));
  }
  if (requirement.allow) {
    consider(CheckAllowed(*requirement.allow, destination));
  }
  if (requirement.qualification) {
    consider(CheckQualification(*requirement.qualification, destination));
  }
  if (requirement.minimum_seal) {
    consider(CheckSeal(*requirement.minimum_seal, destination));
  }
  return worst;
}
static_assert(Verdict::kCompliant < Verdict::kUndetermined &&
              Verdict::kUndetermined < Verdict::kViolation);

// What the exceptions of a workload say of a flow.
struct ExceptionMatch {
  uint16_t index = kNoException;
  bool applies = false;  // It has not ended.
};

ExceptionMatch FindException(const Policy& policy, size_t workload,
                             const std::vector<uint32_t>& marks, Day day,
                             uint16_t port) {
  const std::vector<Exception>& exceptions =
      policy.workloads[workload].exceptions;
  // Of nearly all destinations, and then the mark need not be counted.
  if (marks.empty() || exceptions.empty()) return {};
  const uint32_t first_mark = FirstExceptionMark(policy, workload);
  ExceptionMatch ended;
  for (size_t i = 0; i < exceptions.size(); ++i) {
    const bool covers = std::binary_search(
        marks.begin(), marks.end(), static_cast<uint32_t>(first_mark + i));
    if (!covers || !exceptions[i].CoversPort(port)) continue;
    const auto index = static_cast<uint16_t>(i);
    if (!exceptions[i].HasEnded(day)) return {index, true};
    if (ended.index == kNoException) ended.index = index;
  }
  return ended;
}

// Where `exception` does not apply, the requirement speaks.
Judgement Conclude(const Policy& policy, const ExceptionMatch& exception,
                   const Finding& finding) {
  if (exception.applies) {
    return {Verdict::kExcepted, Reason::kException, exception.index};
  }
  const bool counts = finding.verdict == Verdict::kUndetermined &&
                      policy.undetermined_is_violation;
  return {counts ? Verdict::kViolation : finding.verdict, finding.reason,
          exception.index};
}

constexpr Judgement kInternalTraffic = {Verdict::kNotJudged, Reason::kInternal};
constexpr Finding kOpenedByRemote = {Verdict::kNotJudged,
                                     Reason::kOpenedByRemote};

// The administration rule, and what the requirement adds to it.
Finding CheckAdministration(const Policy& policy,
                            const Requirement& requirement,
                            const Destination& destination) {
  const Finding rule = CheckLocation(policy.administration.from, destination);
  if (rule.verdict == Verdict::kViolation) {
    return Violates(Reason::kAdministeredFromOutsideEu);
  }
  if (requirement.applies_to_any) {
    const Finding rest = CheckRequirement(requirement, destination);
    return rest.verdict > rule.verdict ? rest : rule;
  }
  return rule.verdict == Verdict::kCompliant ? kOpenedByRemote : rule;
}

}  // namespace

bool StaysInside(const Destination& destination) {
  return destination.place == Place::kSpecialPurpose &&
         StaysInside(destination.special);
}

uint32_t FirstExceptionMark(const Policy& policy, size_t workload) {
  size_t mark = 0;
  for (size_t i = 0; i < workload; ++i) {
    mark += policy.workloads[i].exceptions.size();
  }
  return static_cast<uint32_t>(mark);
}

Judgement JudgeOpenedByLocal(const Policy& policy, size_t workload,
                             const Destination& destination,
                             const std::vector<uint32_t>& marks, Day day,
                             uint16_t port) {
  if (StaysInside(destination)) return kInternalTraffic;
  return Conclude(
      policy, FindException(policy, workload, marks, day, port),
      CheckRequirement(policy.workloads[workload].requirement, destination));
}

Judgement JudgeOpenedByRemote(const Policy& policy, size_t workload,
                              const Destination& destination,
                              const std::vector<uint32_t>& marks, Day day,
                              uint16_t port) {
  if (policy.workloads[workload].requirement.applies_to_any ||
      StaysInside(destination)) {
    return JudgeOpenedByLocal(policy, workload, destination, marks, day, port);
  }
  return {kOpenedByRemote.verdict, kOpenedByRemote.reason};
}

Judgement JudgeAdministration(const Policy& policy, size_t workload,
                              const Destination& destination,
                              const std::vector<uint32_t>& marks, Day day,
                              uint16_t port) {
  if (StaysInside(destination)) return kInternalTraffic;
  return Conclude(
      policy, FindException(policy, workload, marks, day, port),
      CheckAdministration(policy, policy.workloads[workload].requirement,
                          destination));
}

std::vector<PrefixMark> ExceptionMarks(const Policy& policy) {
  std::vector<PrefixMark> marks;
  for (const Workload& workload : policy.workloads) {
    for (const Exception& exception : workload.exceptions) {
      marks.push_back(
          {exception.destination, static_cast<uint32_t>(marks.size())});
    }
  }
  return marks;
}

}  // namespace octroi
