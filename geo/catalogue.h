// SPDX-License-Identifier: Apache-2.0
// The catalogue of qualified cloud services, as rows of states with dates. A
// service is (provider, service, service type); its qualification belongs to
// it alone, never to its provider. What the rows mean at a time is judged in
// policy/qualification.h. Immutable after Create; any thread.
//
// The rows of a service, in order of time, are a life that can be lived:
// application (J0, J1, J2), decision (J3), qualification, and its end. What may
// follow a state:
//
//   state             none    in_qualification  qualified  suspended  withdrawn
//   none              yes     yes               yes        never      never
//   in_qualification  yes     yes, see below    yes        never      yes
//   qualified         ended   ended             yes        yes        yes
//   suspended         ended   ended             yes        yes        yes
//   withdrawn         yes     yes               never      never      yes
//
// "ended": only if every row of that qualification has an `until`, and it has
// come by the day on which the next row is known to hold. A milestone that is
// said is never earlier than the last one said of the same application. Any
// state may come first, as what was before may not be known. Expired is no
// state: it follows from `until`.
#pragma once

#include <cstddef>
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
inline constexpr ServiceState kServiceStates[] = {
    ServiceState::kNone, ServiceState::kInQualification,
    ServiceState::kQualified, ServiceState::kSuspended,
    ServiceState::kWithdrawn};

// Whether a state may follow another one, as in the table above.
enum class Succession : uint8_t { kNever, kAlways, kOnceEnded };
Succession SuccessionOf(ServiceState state, ServiceState next);

// ANSSI's milestones of an application, in order; J3 is the decision.
enum class Milestone : uint8_t { kNotSaid, kJ0, kJ1, kJ2, kJ3 };
// "", "J0", "J1", "J2", "J3".
std::string_view MilestoneName(Milestone milestone);
// Nothing for any other text; kNotSaid for "".
std::optional<Milestone> ParseMilestone(std::string_view text);

// One row of data/qualified_services.csv.
struct CatalogueRow {
  std::string service_id;
  std::string provider;
  std::string service;
  std::string service_type;  // IaaS, CaaS, PaaS, SaaS, unknown
  std::string scheme;
  std::string framework_version;  // "" if the catalogue does not say.
  ServiceState state = ServiceState::kNone;
  Milestone milestone = Milestone::kNotSaid;
  Validity validity;  // An open `from`: known to hold from observed_on.
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

  // Of the rows that hold on the day, the one that began last, or null.
  const CatalogueRow* RowInForce(Day day) const;
};

// Rows gathered by service_id, services in the order in which they are first
// named. Rows may contradict each other; a service is what its first row says.
std::vector<Service> GatherServices(std::vector<CatalogueRow> rows);

// A service has a state a year or so; more rows than this are a mistake.
inline constexpr size_t kMaxRowsOfService = 1000;

// Why rows are no catalogue.
struct CatalogueProblem {
  enum class Kind : uint8_t {
    kAnotherService,      // Another provider, name, type or scheme.
    kEndsBeforeItBegins,  // `until` before known_from().
    kImpossibleStep,      // The state, or milestone, cannot follow.
    kTooManyRows,         // More than kMaxRowsOfService.
  };
  Kind kind = Kind::kAnotherService;
  int line = 0;
  std::string service_id;
  std::string what;  // Names the other line, and what is accepted.
};

// Everything that is wrong with the rows of each service, in order of lines.
std::vector<CatalogueProblem> FindCatalogueProblems(
    const std::vector<Service>& services);

class Catalogue {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  Catalogue() = default;
  // Fails, "line N: what", with the first of FindCatalogueProblems.
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
