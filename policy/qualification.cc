// SPDX-License-Identifier: Apache-2.0
#include "policy/qualification.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace octroi {
namespace {

QualificationStatus StatusOf(ServiceState state) {
  switch (state) {
    case ServiceState::kNone:
      return QualificationStatus::kNone;
    case ServiceState::kInQualification:
      return QualificationStatus::kInQualification;
    case ServiceState::kQualified:
      return QualificationStatus::kQualified;
    case ServiceState::kSuspended:
      return QualificationStatus::kSuspended;
    case ServiceState::kWithdrawn:
      return QualificationStatus::kWithdrawn;
  }
  return QualificationStatus::kUnknown;
}

// The numbers of a dotted version, without zeros at the end.
std::optional<std::vector<unsigned>> ParseVersion(std::string_view text) {
  std::vector<unsigned> parts;
  while (true) {
    const size_t dot = std::min(text.find('.'), text.size());
    unsigned value = 0;
    const char* const last = text.data() + dot;
    const auto [end, error] = std::from_chars(text.data(), last, value);
    if (error != std::errc() || end != last) return std::nullopt;
    parts.push_back(value);
    if (dot == text.size()) break;
    text.remove_prefix(dot + 1);
  }
  while (!parts.empty() && parts.back() == 0) parts.pop_back();
  return parts;
}

}  // namespace

QualificationAt EvaluateQualification(const Service& service, Day day) {
  const CatalogueRow* in_force = service.RowInForce(day);
  if (in_force != nullptr) return {StatusOf(in_force->state), in_force};
  const CatalogueRow* ended = nullptr;  // Of the known rows all have ended.
  for (const CatalogueRow& row : service.rows) {  // Sorted by known_from().
    if (row.known_from() > day) break;
    if (ended == nullptr || *ended->validity.until <= *row.validity.until) {
      ended = &row;
    }
  }
  if (ended != nullptr && ended->state == ServiceState::kQualified) {
    return {QualificationStatus::kExpired, ended};
  }
  return {QualificationStatus::kUnknown, nullptr};
}

std::optional<int> CompareVersions(std::string_view a, std::string_view b) {
  const std::optional<std::vector<unsigned>> x = ParseVersion(a);
  const std::optional<std::vector<unsigned>> y = ParseVersion(b);
  if (!x || !y) return std::nullopt;
  if (*x == *y) return 0;
  return *x < *y ? -1 : 1;
}

}  // namespace octroi
