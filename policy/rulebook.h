// SPDX-License-Identifier: Apache-2.0
// The policy compiled for one day: from (attribution, workload) to a
// judgement, by two array look-ups and no strings. A worker indexes it for
// every new flow. Immutable after Compile; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "geo/atlas.h"
#include "policy/judge.h"
#include "policy/policy.h"
#include "policy/workload_index.h"

namespace octroi {

// Who opened a flow, as far as judgement goes.
enum class Opener : uint8_t {
  kLocal,
  kRemote,
  kRemoteAdministration,  // The remote side, to an administration port.
};
inline constexpr size_t kOpenerCount = 3;

class Rulebook {
 public:
  // The atlas and the policy must outlive the rulebook.
  static Rulebook Compile(const Atlas& atlas, const Policy& policy, Day day);

  // REQUIRES: workload is an index of policy.workloads or kNoWorkload.
  // Hot path.
  const Judgement& Judge(const Attribution& attribution, WorkloadId workload,
                         Opener opener) const {
    const size_t column = workload == kNoWorkload ? workload_count_ : workload;
    return table_[(attribution.class_id * (workload_count_ + 1) + column) *
                      kOpenerCount +
                  static_cast<size_t>(opener)];
  }

  // TCP or UDP port that the administration rule names. Hot path.
  bool IsAdministrationPort(uint16_t port) const {
    return administration_ports_[port];
  }

  // What the destination of an attribution is on this day.
  const Destination& destination(const Attribution& attribution) const {
    return destinations_[attribution.class_id];
  }
  Day day() const { return day_; }

 private:
  Day day_;
  size_t workload_count_ = 0;
  std::vector<Judgement> table_;
  std::vector<Destination> destinations_;
  std::vector<bool> administration_ports_;
};

}  // namespace octroi
