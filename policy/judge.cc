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

bool Permits(const LocationRequirement& requirement, CountryCode country,
             Regime regime) {
  const auto& countries = requirement.countries;
  if (std::find(countries.begin(), countries.end(), country) !=
      countries.end()) {
    return true;
  }
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

Finding CheckLocation(const LocationRequirement& requirement,
                      const Destination& destination) {
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
  // Sources that disagree still answer, if each opinion leads to one answer. A
  // list of countries can divide opinions that the regime does not.
  const std::vector<CountryCode>& opinions = destination.opinions;
  const auto permits = [&](size_t i) {
    return Permits(requirement, opinions[i], destination.opinion_regimes[i]);
  };
  for (size_t i = 1; i < opinions.size(); ++i) {
    if (permits(i) != permits(0)) {
      return Undetermined(Reason::kLocationContested);
    }
  }
  return permits(0) ? Finding() : Violates(ReasonOutside(requirement));
}

Finding CheckControl(const Destination& destination) {
  const std::optional<bool> is_under_eu_control = IsUnderEuControl(destination);
  if (!is_under_eu_control) return Undetermined(Reason::kFactUnknownAtTime);
  return *is_under_eu_control ? Finding() : Violates(Reason::kForeignControl);
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
  if (!types.empty() && std::find(types.begin(), types.end(),
                                  destination.service->type) == types.end()) {
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
  const bool is_tied =
      destination.service != nullptr && destination.grade != Grade::kDerived;
  if (!is_tied) return CheckUntied(requirement, destination);
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
  if (requirement.requires_eu_control) consider(CheckControl(destination));
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

Judgement Conclude(const Policy& policy, const Finding& finding) {
  const bool counts = finding.verdict == Verdict::kUndetermined &&
                      policy.undetermined_is_violation;
  return {counts ? Verdict::kViolation : finding.verdict, finding.reason, 0};
}

bool StaysInside(const Destination& destination) {
  return destination.place == Place::kSpecialPurpose &&
         octroi::StaysInside(destination.special);
}

// The first exception of the workload that covers the destination and has not
// ended. Marks count the exceptions of all workloads in order.
std::optional<uint16_t> FindException(const Policy& policy, size_t workload,
                                      const std::vector<uint32_t>& marks,
                                      Day day) {
  size_t first_mark = 0;
  for (size_t i = 0; i < workload; ++i) {
    first_mark += policy.workloads[i].exceptions.size();
  }
  const std::vector<Exception>& exceptions =
      policy.workloads[workload].exceptions;
  for (size_t i = 0; i < exceptions.size(); ++i) {
    const bool covers = std::binary_search(
        marks.begin(), marks.end(), static_cast<uint32_t>(first_mark + i));
    if (covers && day <= exceptions[i].until) return static_cast<uint16_t>(i);
  }
  return std::nullopt;
}

constexpr Judgement kInternalTraffic = {Verdict::kNotJudged, Reason::kInternal,
                                        0};
constexpr Judgement kOpenedByRemote = {Verdict::kNotJudged,
                                       Reason::kOpenedByRemote, 0};

}  // namespace

Judgement JudgeOpenedByLocal(const Policy& policy, size_t workload,
                             const Destination& destination,
                             const std::vector<uint32_t>& marks, Day day) {
  if (StaysInside(destination)) return kInternalTraffic;
  const std::optional<uint16_t> exception =
      FindException(policy, workload, marks, day);
  if (exception) return {Verdict::kExcepted, Reason::kException, *exception};
  return Conclude(
      policy,
      CheckRequirement(policy.workloads[workload].requirement, destination));
}

Judgement JudgeOpenedByRemote(const Policy& policy, size_t workload,
                              const Destination& destination,
                              const std::vector<uint32_t>& marks, Day day) {
  if (policy.workloads[workload].requirement.applies_to_any ||
      StaysInside(destination)) {
    return JudgeOpenedByLocal(policy, workload, destination, marks, day);
  }
  return kOpenedByRemote;
}

Judgement JudgeAdministration(const Policy& policy, size_t workload,
                              const Destination& destination,
                              const std::vector<uint32_t>& marks, Day day) {
  if (StaysInside(destination)) return kInternalTraffic;
  const std::optional<uint16_t> exception =
      FindException(policy, workload, marks, day);
  if (exception) return {Verdict::kExcepted, Reason::kException, *exception};
  Finding finding = CheckLocation(policy.administration.from, destination);
  if (finding.verdict == Verdict::kViolation) {
    return Conclude(policy, Violates(Reason::kAdministeredFromOutsideEu));
  }
  const Requirement& requirement = policy.workloads[workload].requirement;
  if (requirement.applies_to_any) {
    const Finding rest = CheckRequirement(requirement, destination);
    if (rest.verdict > finding.verdict) finding = rest;
  } else if (finding.verdict == Verdict::kCompliant) {
    return kOpenedByRemote;
  }
  return Conclude(policy, finding);
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
