// SPDX-License-Identifier: Apache-2.0
// What the user requires, as plain data with defaults: config/load.h fills it
// from YAML, tests by hand. Not changed once compiled; any thread may read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "geo/calendar.h"
#include "geo/catalogue.h"
#include "geo/country.h"
#include "geo/ip_prefix.h"

namespace octroi {

// Places that are permitted: regimes and countries, any of which satisfies.
// `eu` permits EU members and territories; `eea` those and the EEA; `adequate`
// those and countries with an adequacy decision in force.
struct LocationRequirement {
  // The widest regime permitted; kUnknown for none, kThirdCountry is not used.
  Regime regime = Regime::kUnknown;
  std::vector<CountryCode> countries;
  friend bool operator==(const LocationRequirement&,
                         const LocationRequirement&) = default;
};

struct QualificationRequirement {
  std::string scheme = "SecNumCloud";
  std::string minimum_version;             // "" for any.
  std::vector<std::string> service_types;  // Empty for any.
};

// The only destinations that are permitted: any one of these satisfies.
struct AllowList {
  std::vector<std::string> operators;  // Names of operators.csv.
  std::vector<std::string> services;   // service_ids of the catalogue.
};

// What is not permitted, whatever else holds.
struct DenyList {
  std::vector<CountryCode> countries;  // Where the destination is located.
  // Tokens of operators.csv that reach the operator, such as CLOUD-Act.
  std::vector<std::string> laws;
};

// What a workload requires of a destination; everything named must hold.
struct Requirement {
  std::optional<LocationRequirement> location;
  bool requires_eu_control = false;
  std::optional<AllowList> allow;
  DenyList deny;
  std::optional<QualificationRequirement> qualification;
  std::optional<int> minimum_seal;  // 0 to 4.
  // Also judge flows that a remote address opened (`applies_to: any`).
  bool applies_to_any = false;
};

// The port of a flow without one: a protocol that has no ports, or a fragment
// whose ports are not known. No exception names it.
inline constexpr uint16_t kNoPort = 0;

// A destination that is permitted by decision, until the end of a day.
struct Exception {
  IpPrefix destination;
  Day until;  // The last day on which it holds.
  std::string reference;
  std::string reason;
  int line = 0;
  // The service's ports (the responder's, of TCP, UDP or SCTP) that it is
  // confined to; none: it covers every flow.
  std::vector<uint16_t> ports = {};

  // Whether it covers flows to a service on `port`, or kNoPort.
  bool CoversPort(uint16_t port) const;
  bool HasEnded(Day day) const { return until < day; }
};

// A named set of local addresses that one requirement applies to.
struct Workload {
  std::string name;
  std::vector<IpPrefix> addresses;
  bool covers_any = false;  // `any`: local addresses that no other one covers.
  Requirement requirement;
  std::vector<Exception> exceptions;  // The first match wins.
};

// SecNumCloud 19.3: flows that a remote address opens to these ports must come
// from `from`.
struct AdministrationRule {
  std::vector<uint16_t> ports = {22, 3389, 5985, 5986};
  LocationRequirement from = {Regime::kEu, {}};
};

// Names that metrics have for no workload and for several together.
inline constexpr std::string_view kReservedWorkloadNames[] = {"none", "other"};

struct Policy {
  // Whether an undetermined answer is reported as such or as a violation.
  bool undetermined_is_violation = false;
  std::vector<Workload> workloads;
  AdministrationRule administration;  // Without ports: no rule.
};

// One workload `everything` that requires a location in the EU.
Policy DefaultPolicy();

// More exceptions than this, of all workloads together, are refused: each is a
// mark that the atlas compares with every other when it is built.
inline constexpr size_t kMaxExceptions = 4096;

// Fails, naming the workloads, if a name is reserved, if a name or a prefix
// stands twice, or if more than one workload covers `any`; and if there are
// more than kMaxWorkloads (policy/workload_index.h) or kMaxExceptions.
absl::Status CheckPolicy(const Policy& policy);

}  // namespace octroi
