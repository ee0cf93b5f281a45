// SPDX-License-Identifier: Apache-2.0
// The catalogue of qualified cloud services, as rows of states with dates. A
// service is (provider, service, service type); its qualification belongs to
// it alone, never to its provider. What the rows mean at a time is judged in
// policy/qualification.h. Immutable after Create; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "geo/calendar.h"

namespace octroi {

enum class ServiceState : uint8_t {
  kNone,  // A source says that it was not qualified.
  kInQualification,
  kQualified,
  kSuspended,
  kWithdrawn,
};
// "none", "in_qualification", "qualified", "suspended", "withdrawn".
std::string_view StateName(ServiceState state);
std::optional<ServiceState> ParseServiceState(std::string_view text);

// One row of data/qualified_services.csv.
struct CatalogueRow {
  std::string service_id;
  std::string provider;
  std::string service;
  std::string service_type;  // IaaS, CaaS, PaaS, SaaS, unknown
  std::string scheme;
  std::string framework_version;  // "" if the catalogue does not say.
  ServiceState state = ServiceState::kNone;
  std::string milestone;  // J0 .. J3, "" if not said.
  Validity validity;      // An open `from`: known to hold from observed_on.
  std::string reference;
  Day observed_on;
  std::string source;
  std::string note;
  int line = 0;

  // The first day on which the row is known to hold.
  Day known_from() const { return validity.from.value_or(observed_on); }
};

struct Service {
  std::string id;
  std::string provider;
  std::string name;
  std::string type;
  std::string scheme;
  std::vector<CatalogueRow> rows;  // Sorted by known_from().
};

class Catalogue {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  Catalogue() = default;
  // Fails if rows of one service_id differ in provider, service, type or
  // scheme, or if an interval ends before it begins.
  static absl::StatusOr<Catalogue> Create(std::vector<CatalogueRow> rows);

  uint32_t Find(std::string_view service_id) const;
  const Service& service(uint32_t index) const { return services_[index]; }
  const std::vector<Service>& services() const { return services_; }
  // Indexes of the services of a provider; empty for one that is not listed.
  const std::vector<uint32_t>& ServicesOf(std::string_view provider) const;

 private:
  std::vector<Service> services_;
  absl::flat_hash_map<std::string, uint32_t> by_id_;
  absl::flat_hash_map<std::string, std::vector<uint32_t>> by_provider_;
};

// One row of data/schemes.csv.
struct SchemeRow {
  std::string scheme;
  std::string authority;
  std::string sovereignty_requirements;
  std::optional<int> indicative_seal;  // 0 to 4; a claim with a source.
  std::vector<std::string> versions;   // Ascending.
  std::string source;
  int line = 0;
};

}  // namespace octroi
