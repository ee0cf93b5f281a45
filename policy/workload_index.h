// SPDX-License-Identifier: Apache-2.0
// From a local address to its workload. An address is local if a local network
// or a workload's prefix contains it; the longest workload prefix says which
// workload. Immutable after Create; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "geo/prefix_index.h"
#include "geo/special_purpose.h"
#include "policy/policy.h"

namespace octroi {

// Index of a workload in Policy::workloads, or one of the two below.
using WorkloadId = uint16_t;
inline constexpr WorkloadId kNoWorkload = 0xFFFE;     // Local, but not covered.
inline constexpr WorkloadId kRemoteAddress = 0xFFFF;  // Not a local address.
inline constexpr size_t kMaxWorkloads = 4096;

class WorkloadIndex {
 public:
  // Every address is remote.
  WorkloadIndex() = default;
  // REQUIRES: CheckPolicy(policy).ok().
  static WorkloadIndex Create(const Policy& policy,
                              const std::vector<IpPrefix>& local_networks);

  // Hot path.
  WorkloadId Lookup(const IpAddress& address) const {
    return static_cast<WorkloadId>(index_.Lookup(address) ^ kRemoteAddress);
  }

 private:
  // Values are WorkloadIds with all bits flipped, so that 0, the value of an
  // empty index, is kRemoteAddress.
  PrefixIndex index_;
};

// The local networks where none are configured: the special-purpose space that
// stays inside a network (StaysInside).
std::vector<IpPrefix> DefaultLocalNetworks(const SpecialPurposeTable& table);

// The special-purpose space that is local wherever octroi runs, whatever is
// configured: no address of it names a host elsewhere (multicast, broadcast,
// link-local, loopback, unspecified).
std::vector<IpPrefix> AlwaysLocalNetworks(const SpecialPurposeTable& table);

}  // namespace octroi
