// SPDX-License-Identifier: Apache-2.0
#include "geo/catalogue.h"

#include <algorithm>

#include "absl/status/status.h"
#include "fmt/format.h"

namespace octroi {

std::string_view StateName(ServiceState state) {
  switch (state) {
    case ServiceState::kNone:
      return "none";
    case ServiceState::kInQualification:
      return "in_qualification";
    case ServiceState::kQualified:
      return "qualified";
    case ServiceState::kSuspended:
      return "suspended";
    case ServiceState::kWithdrawn:
      return "withdrawn";
  }
  return "none";
}

std::optional<ServiceState> ParseServiceState(std::string_view text) {
  for (const ServiceState state :
       {ServiceState::kNone, ServiceState::kInQualification,
        ServiceState::kQualified, ServiceState::kSuspended,
        ServiceState::kWithdrawn}) {
    if (StateName(state) == text) return state;
  }
  return std::nullopt;
}

absl::StatusOr<Catalogue> Catalogue::Create(std::vector<CatalogueRow> rows) {
  Catalogue catalogue;
  for (CatalogueRow& row : rows) {
    if (row.validity.until && *row.validity.until < row.known_from()) {
      return absl::InvalidArgumentError(
          fmt::format("line {}: {} ends on {}, before it is known to hold ({})",
                      row.line, row.service_id, FormatDay(*row.validity.until),
                      FormatDay(row.known_from())));
    }
    const auto [found, is_new] = catalogue.by_id_.emplace(
        row.service_id, static_cast<uint32_t>(catalogue.services_.size()));
    if (is_new) {
      catalogue.services_.push_back({row.service_id,
                                     row.provider,
                                     row.service,
                                     row.service_type,
                                     row.scheme,
                                     {}});
      catalogue.by_provider_[row.provider].push_back(found->second);
    }
    Service& service = catalogue.services_[found->second];
    if (service.provider != row.provider || service.name != row.service ||
        service.type != row.service_type || service.scheme != row.scheme) {
      return absl::InvalidArgumentError(fmt::format(
          "line {}: {} names another provider, service, type or scheme than "
          "line {}; a service_id is one service",
          row.line, row.service_id, service.rows.front().line));
    }
    service.rows.push_back(std::move(row));
  }
  for (Service& service : catalogue.services_) {
    std::stable_sort(service.rows.begin(), service.rows.end(),
                     [](const CatalogueRow& a, const CatalogueRow& b) {
                       return a.known_from() < b.known_from();
                     });
  }
  return catalogue;
}

uint32_t Catalogue::Find(std::string_view service_id) const {
  const auto found = by_id_.find(std::string(service_id));
  return found == by_id_.end() ? kNone : found->second;
}

const std::vector<uint32_t>& Catalogue::ServicesOf(
    std::string_view provider) const {
  static const std::vector<uint32_t> kEmpty;
  const auto found = by_provider_.find(std::string(provider));
  return found == by_provider_.end() ? kEmpty : found->second;
}

}  // namespace octroi
