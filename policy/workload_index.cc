// SPDX-License-Identifier: Apache-2.0
#include "policy/workload_index.h"

#include <algorithm>

namespace octroi {

// A local network inside a workload's prefix adds nothing: the workload makes
// it local already. Left out, it cannot hide the workload from the
// longest-prefix rule.
WorkloadIndex WorkloadIndex::Create(
    const Policy& policy, const std::vector<IpPrefix>& local_networks) {
  std::vector<PrefixValue> owned;
  uint32_t uncovered = kNoWorkload;
  for (size_t i = 0; i < policy.workloads.size(); ++i) {
    const auto id = static_cast<uint32_t>(i);
    if (policy.workloads[i].covers_any) uncovered = id;
    for (const IpPrefix& prefix : policy.workloads[i].addresses) {
      owned.push_back({prefix, id ^ kRemoteAddress});
    }
  }
  std::vector<PrefixValue> prefixes;
  for (const IpPrefix& network : local_networks) {
    const bool is_inside_workload =
        std::any_of(owned.begin(), owned.end(), [&](const PrefixValue& value) {
          return value.prefix.Contains(network);
        });
    if (!is_inside_workload) {
      prefixes.push_back({network, uncovered ^ kRemoteAddress});
    }
  }
  prefixes.insert(prefixes.end(), owned.begin(), owned.end());
  WorkloadIndex result;
  result.index_ =
      PrefixIndex::Build(FlattenV4(prefixes, 0), FlattenV6(prefixes, 0));
  return result;
}

namespace {

std::vector<IpPrefix> NetworksOf(const SpecialPurposeTable& table,
                                 bool (*is_wanted)(SpecialKind)) {
  std::vector<IpPrefix> networks;
  for (const SpecialPurposeRow& row : table.rows()) {
    if (is_wanted(row.kind)) networks.push_back(row.prefix);
  }
  return networks;
}

}  // namespace

std::vector<IpPrefix> DefaultLocalNetworks(const SpecialPurposeTable& table) {
  return NetworksOf(table, StaysInside);
}

std::vector<IpPrefix> AlwaysLocalNetworks(const SpecialPurposeTable& table) {
  return NetworksOf(table, NamesNoRemoteHost);
}

}  // namespace octroi
