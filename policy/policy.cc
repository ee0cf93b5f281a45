// SPDX-License-Identifier: Apache-2.0
#include "policy/policy.h"

#include <algorithm>
#include <map>
#include <set>

#include "fmt/format.h"
#include "policy/workload_index.h"

namespace octroi {

bool Exception::CoversPort(uint16_t port) const {
  return ports.empty() ||
         std::find(ports.begin(), ports.end(), port) != ports.end();
}

Policy DefaultPolicy() {
  Workload everything;
  everything.name = "everything";
  everything.covers_any = true;
  everything.requirement.location = LocationRequirement{Regime::kEu, {}};
  Policy policy;
  policy.workloads.push_back(std::move(everything));
  return policy;
}

absl::Status CheckPolicy(const Policy& policy) {
  if (policy.workloads.size() > kMaxWorkloads) {
    return absl::InvalidArgumentError(
        fmt::format("{} workloads are named; at most {} are accepted",
                    policy.workloads.size(), kMaxWorkloads));
  }
  std::set<std::string> names;
  std::map<IpPrefix, std::string> owners;
  const Workload* any = nullptr;
  size_t exception_count = 0;
  for (const Workload& workload : policy.workloads) {
    for (const std::string_view reserved : kReservedWorkloadNames) {
      if (workload.name != reserved) continue;
      return absl::InvalidArgumentError(fmt::format(
          "workload \"{}\" has a name that metrics use for {}; choose another",
          workload.name,
          reserved == "none" ? "addresses of no workload"
                             : "several workloads together"));
    }
    if (!names.insert(workload.name).second) {
      return absl::InvalidArgumentError(fmt::format(
          "workload \"{}\" is named twice; names are unique", workload.name));
    }
    if (workload.covers_any && any != nullptr) {
      return absl::InvalidArgumentError(
          fmt::format("workloads \"{}\" and \"{}\" both cover any address; "
                      "one of them can",
                      any->name, workload.name));
    }
    if (workload.covers_any) any = &workload;
    exception_count += workload.exceptions.size();
    for (const IpPrefix& prefix : workload.addresses) {
      const auto [found, is_new] = owners.emplace(prefix, workload.name);
      if (is_new) continue;
      return absl::InvalidArgumentError(fmt::format(
          "{} belongs to workload \"{}\" and to \"{}\"; give it to one of "
          "them",
          prefix.ToString(), found->second, workload.name));
    }
  }
  if (exception_count > kMaxExceptions) {
    return absl::InvalidArgumentError(
        fmt::format("{} exceptions are written; at most {} are accepted",
                    exception_count, kMaxExceptions));
  }
  return absl::OkStatus();
}

}  // namespace octroi
