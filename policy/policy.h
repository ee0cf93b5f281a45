// SPDX-License-Identifier: Apache-2.0
// What the user requires, as plain data with defaults: config/load.h fills it
// from YAML, tests by hand. Not changed once compiled; any thread may read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
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

// What a workload requires of a destination; everything named must hold.
struct Requirement {
  std::optional<LocationRequirement> location;
  bool requires_eu_control = false;
  std::optional<QualificationRequirement> qualification;
  std::optional<int> minimum_seal;  // 0 to 4.
  // Also judge flows that a remote address opened (`applies_to: any`).
  bool applies_to_any = false;
};

// A destination that is permitted by decision, until the end of a day.
struct Exception {
  IpPrefix destination;
  Day until;  // The last day on which it holds.
  std::string reference;
  std::string reason;
  int line = 0;
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

// Fails, naming the workloads, if a name or a prefix stands twice, or if more
// than one workload covers `any`; and if there are more than kMaxWorkloads
// (policy/workload_index.h) or kMaxExceptions.
absl::Status CheckPolicy(const Policy& policy);

}  // namespace octroi
