// SPDX-License-Identifier: Apache-2.0
// The judgement itself, evaluated directly: what a destination is on a day,
// and what a requirement says of it. The rulebook compiles these functions to
// a table; they are the reference that it is tested against. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "geo/atlas.h"
#include "policy/policy.h"
#include "policy/qualification.h"
#include "policy/terms.h"

namespace octroi {

// Where a destination is, on a day.
enum class Place : uint8_t {
  kUnknown,
  kCountry,
  kContested,  // Sources disagree on the regime.
  kAnycast,
  kSpecialPurpose,  // Never a country.
};
// "unknown", "country", "contested", "anycast", "special_purpose".
std::string_view PlaceName(Place place);

// A class of attributions (Atlas::classes) as it is on a day: names resolved,
// validity applied. Borrows from the facts behind the atlas.
struct Destination {
  Place place = Place::kUnknown;
  SpecialKind special = SpecialKind::kReserved;  // Of kSpecialPurpose.
  CountryCode country;  // Of kCountry: the first opinion; else unknown.
  Regime regime = Regime::kUnknown;  // Of kCountry; else unknown.
  // kCountry, kContested: every opinion, in order, and its regime.
  std::vector<CountryCode> opinions;
  std::vector<Regime> opinion_regimes;

  // The operator's row in force; null if none is known to hold.
  const OperatorRow* operator_row = nullptr;
  Regime control_regime = Regime::kUnknown;  // Of the controlling country.

  const Service* service = nullptr;  // Null: no range ties one.
  Grade grade = Grade::kNone;
  QualificationAt qualification;  // Of `service`.
  // Every service of the provider that the operator is or that a range names,
  // whatever its own ranges.
  struct ProviderService {
    const Service* service = nullptr;
    QualificationStatus status = QualificationStatus::kUnknown;
  };
  std::vector<ProviderService> provider_services;
  // In a qualified scope of a scheme that schemes.csv calls strict: immune from
  // extraterritorial law by its qualification (SecNumCloud 3.2, 19.6), whatever
  // technology or minority holder stands behind the operator.
  bool is_immune = false;

  // 0 to 4, or nothing if a fact that decides it is unknown.
  std::optional<int> seal;

  // The service is proven (asserted or published range) and qualified.
  bool is_in_qualified_scope() const;
  // What results call `qualification`: of the service if there is one, else
  // `none`.
  QualificationStatus qualification_status() const;
};

Destination ResolveDestination(const Atlas& atlas, uint32_t class_id, Day day);

inline constexpr uint16_t kNoException = UINT16_MAX;
static_assert(kMaxExceptions < kNoException);

struct Judgement {
  Verdict verdict = Verdict::kNotJudged;
  Reason reason = Reason::kNoRequirement;
  // Index into the workload's exceptions, or kNoException. Of kExcepted the one
  // that applied; else the one that would have, had it not ended.
  uint16_t exception = kNoException;

  bool is_exception_expired() const {
    return exception != kNoException && verdict != Verdict::kExcepted;
  }
  friend bool operator==(const Judgement&, const Judgement&) = default;
};
static_assert(sizeof(Judgement) == 4, "one per cell of a rulebook");

// What `policy` says of a flow between workload `workload` (an index of
// policy.workloads) and a destination that has `marks` (indexes of the
// exceptions in the order of ExceptionMarks). `port` is the service's, that is
// the responder's port of TCP, UDP or SCTP; else kNoPort.
//
// Exceptions first: the first that covers destination and port and has not
// ended; if all that cover them have ended, the first of those is named beside
// what the requirement says. Then the requirement: a violation of any part
// beats what is undetermined, and the first part speaks in the order location,
// denied countries, control, denied laws, allowed operators and services,
// qualification, SEAL. Where sources disagree on the location, each opinion is
// asked: only if the answers differ is the location contested.
Judgement JudgeOpenedByLocal(const Policy& policy, size_t workload,
                             const Destination& destination,
                             const std::vector<uint32_t>& marks, Day day,
                             uint16_t port);
Judgement JudgeOpenedByRemote(const Policy& policy, size_t workload,
                              const Destination& destination,
                              const std::vector<uint32_t>& marks, Day day,
                              uint16_t port);
// Of a flow that the remote opened to an administration port: the rule is one
// more part, before those that JudgeOpenedByRemote judges.
Judgement JudgeAdministration(const Policy& policy, size_t workload,
                              const Destination& destination,
                              const std::vector<uint32_t>& marks, Day day,
                              uint16_t port);

// Whether packets to it stay inside a network: never judged.
bool StaysInside(const Destination& destination);

// The mark of a workload's first exception; those of the others follow it.
uint32_t FirstExceptionMark(const Policy& policy, size_t workload);

// The marks that an atlas needs to recognise the policy's exceptions: mark i is
// the i-th exception, counted over the workloads in order.
std::vector<PrefixMark> ExceptionMarks(const Policy& policy);

}  // namespace octroi
