// SPDX-License-Identifier: Apache-2.0
// The words of a judgement. One table each for verdicts and reasons: code,
// results, metrics and documentation use the same texts, which are never
// renamed. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace octroi {

enum class Verdict : uint8_t {
  kNotJudged,
  kCompliant,
  kExcepted,
  kUndetermined,
  kViolation,
  kCount,
};
// "not_judged", "compliant", "excepted", "undetermined", "violation".
std::string_view VerdictName(Verdict verdict);
std::optional<Verdict> ParseVerdict(std::string_view text);

enum class Reason : uint8_t {
  kMeetsRequirement,
  kOutsideEu,
  kOutsideEea,
  kNoAdequacy,
  kOutsideAllowedCountries,
  kDeniedCountry,
  kForeignControl,
  kDeniedLaw,
  kOperatorNotAllowed,
  kOutsideQualifiedScope,
  kInQualification,
  kQualificationExpired,
  kQualificationSuspended,
  kQualificationWithdrawn,
  kVersionTooOld,
  kServiceTypeMismatch,
  kSealTooLow,
  kAdministeredFromOutsideEu,
  kLocationContested,
  kLocationUnknown,
  kAnycast,
  kScopeUnproven,
  kFactUnknownAtTime,
  kException,
  kOpenedByRemote,
  kInternal,
  kNoRequirement,
  kCount,
};

struct ReasonInfo {
  Reason reason;
  std::string_view name;
  // The clause of SecNumCloud 3.2 that the reason refers to; "" for none.
  std::string_view clause;
  std::string_view meaning;  // For people; one sentence.
};

inline constexpr ReasonInfo kReasons[] = {
    {Reason::kMeetsRequirement, "meets_requirement", "",
     "Everything that the workload requires holds."},
    {Reason::kOutsideEu, "outside_eu", "19.2",
     "The destination is located outside the European Union."},
    {Reason::kOutsideEea, "outside_eea", "19.2",
     "The destination is located outside the European Economic Area."},
    {Reason::kNoAdequacy, "no_adequacy", "",
     "The destination is in a third country without an adequacy decision in "
     "force (GDPR art. 45)."},
    {Reason::kOutsideAllowedCountries, "outside_allowed_countries", "",
     "The destination is in none of the places that the requirement lists."},
    {Reason::kDeniedCountry, "denied_country", "",
     "The destination is located in a country that the requirement denies."},
    {Reason::kForeignControl, "foreign_control", "19.6",
     "A law from outside the European Union reaches the operator, by its "
     "controlling country or by an extraterritorial law."},
    {Reason::kDeniedLaw, "denied_law", "19.6",
     "An extraterritorial law that the requirement denies reaches the "
     "operator."},
    {Reason::kOperatorNotAllowed, "operator_not_allowed", "",
     "The destination belongs to none of the operators and services that the "
     "requirement allows."},
    {Reason::kOutsideQualifiedScope, "outside_qualified_scope", "",
     "The destination is in no range of a qualified service."},
    {Reason::kInQualification, "in_qualification", "",
     "The service is on its way to a qualification (J0 to J2), which is not "
     "one."},
    {Reason::kQualificationExpired, "qualification_expired", "",
     "The last qualification of the service that is known has ended."},
    {Reason::kQualificationSuspended, "qualification_suspended", "",
     "The qualification of the service is suspended."},
    {Reason::kQualificationWithdrawn, "qualification_withdrawn", "",
     "The qualification of the service was withdrawn."},
    {Reason::kVersionTooOld, "version_too_old", "",
     "The service is qualified under an older version of the framework than "
     "the requirement asks."},
    {Reason::kServiceTypeMismatch, "service_type_mismatch", "",
     "The service is qualified as another type (IaaS, CaaS, PaaS, SaaS) than "
     "the requirement asks."},
    {Reason::kSealTooLow, "seal_too_low", "",
     "The destination's SEAL level is below the required minimum."},
    {Reason::kAdministeredFromOutsideEu, "administered_from_outside_eu", "19.3",
     "A remote address outside the permitted region opened a flow to an "
     "administration port."},
    {Reason::kLocationContested, "location_contested", "19.2",
     "Sources disagree on the location in a way that changes the answer."},
    {Reason::kLocationUnknown, "location_unknown", "19.2",
     "No source locates the address."},
    {Reason::kAnycast, "anycast", "19.2",
     "The address is announced from many places: it has no single country."},
    {Reason::kScopeUnproven, "scope_unproven", "",
     "The provider has a qualified service, but nothing proves that this "
     "address belongs to it."},
    {Reason::kFactUnknownAtTime, "fact_unknown_at_time", "",
     "A fact that the requirement needs is not known to hold at that time."},
    {Reason::kException, "exception", "",
     "An exception of the policy covers the destination."},
    {Reason::kOpenedByRemote, "opened_by_remote", "",
     "A remote address opened the flow, and the requirement judges flows that "
     "the workload opened."},
    {Reason::kInternal, "internal", "",
     "The packets stay inside the local networks or in address space that "
     "does not leave a network."},
    {Reason::kNoRequirement, "no_requirement", "",
     "No workload of the policy covers the local address, or neither address "
     "is local."},
};
inline constexpr size_t kReasonCount = static_cast<size_t>(Reason::kCount);
static_assert(std::size(kReasons) == kReasonCount);

// Whether a violation can have this reason: what a requirement or the
// administration rule finds, undetermined answers included, which count as
// violations where the policy says so.
constexpr bool CanBeViolation(Reason reason) {
  switch (reason) {
    case Reason::kMeetsRequirement:
    case Reason::kException:
    case Reason::kOpenedByRemote:
    case Reason::kInternal:
    case Reason::kNoRequirement:
    case Reason::kCount:
      return false;
    default:
      return true;
  }
}

const ReasonInfo& InfoOf(Reason reason);
std::optional<Reason> ParseReason(std::string_view text);

// Of a service, at a time.
enum class QualificationStatus : uint8_t {
  kNone,     // Known not to be qualified, or no service is involved.
  kUnknown,  // The catalogue does not say for that time.
  kInQualification,
  kQualified,
  kExpired,
  kSuspended,
  kWithdrawn,
};
// "none", "unknown", "in_qualification", "qualified", ...
std::string_view QualificationStatusName(QualificationStatus status);

}  // namespace octroi
