// SPDX-License-Identifier: Apache-2.0
#include "policy/terms.h"

#include <array>

namespace octroi {
namespace {

constexpr std::string_view kVerdictNames[] = {
    "not_judged", "compliant", "excepted", "undetermined", "violation",
};
static_assert(std::size(kVerdictNames) == static_cast<size_t>(Verdict::kCount));

constexpr bool ReasonsStandInOrder() {
  for (size_t i = 0; i < kReasonCount; ++i) {
    if (kReasons[i].reason != static_cast<Reason>(i)) return false;
  }
  return true;
}
static_assert(ReasonsStandInOrder());

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  return kVerdictNames[static_cast<size_t>(verdict)];
}

std::optional<Verdict> ParseVerdict(std::string_view text) {
  for (size_t i = 0; i < std::size(kVerdictNames); ++i) {
    if (kVerdictNames[i] == text) return static_cast<Verdict>(i);
  }
  return std::nullopt;
}

const ReasonInfo& InfoOf(Reason reason) {
  return kReasons[static_cast<size_t>(reason)];
}

std::optional<Reason> ParseReason(std::string_view text) {
  for (const ReasonInfo& info : kReasons) {
    if (info.name == text) return info.reason;
  }
  return std::nullopt;
}

std::string_view QualificationStatusName(QualificationStatus status) {
  switch (status) {
    case QualificationStatus::kNone:
      return "none";
    case QualificationStatus::kUnknown:
      return "unknown";
    case QualificationStatus::kInQualification:
      return "in_qualification";
    case QualificationStatus::kQualified:
      return "qualified";
    case QualificationStatus::kExpired:
      return "expired";
    case QualificationStatus::kSuspended:
      return "suspended";
    case QualificationStatus::kWithdrawn:
      return "withdrawn";
  }
  return "unknown";
}

}  // namespace octroi
