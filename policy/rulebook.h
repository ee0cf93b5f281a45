// SPDX-License-Identifier: Apache-2.0
// The policy compiled for one day: from (attribution, workload) to a
// judgement, by two array look-ups and no strings. A worker indexes it for
// every new flow. Only a workload with exceptions that are confined to ports
// asks more: those few are walked. Immutable after Compile; any thread.
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

  // `port`: the service's (judge.h), or kNoPort.
  // REQUIRES: workload is an index of policy.workloads or kNoWorkload.
  // Hot path.
  Judgement Judge(const Attribution& attribution, WorkloadId workload,
                  Opener opener, uint16_t port) const {
    const size_t column = workload == kNoWorkload ? workload_count_ : workload;
    const Judgement& of_any_port =
        table_[(attribution.class_id * (workload_count_ + 1) + column) *
                   kOpenerCount +
               static_cast<size_t>(opener)];
    if (port_exceptions_[column].empty()) return of_any_port;
    return JudgeByPort(of_any_port, attribution, workload, opener, port);
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
  // An exception that is confined to ports.
  struct PortException {
    const Exception* exception;  // The policy's.
    uint32_t mark;
    uint16_t index;  // In the workload's exceptions.
  };

  void AddPortExceptions(const Policy& policy, size_t workload);
  // The judgement where port exceptions may come before `of_any_port`, which
  // is that of the others. Hot path: new flows of workloads that have some.
  Judgement JudgeByPort(const Judgement& of_any_port,
                        const Attribution& attribution, WorkloadId workload,
                        Opener opener, uint16_t port) const;

  Day day_;
  size_t workload_count_ = 0;
  const Atlas* atlas_ = nullptr;
  const Policy* policy_ = nullptr;
  std::vector<Judgement> table_;  // Of flows without a port.
  // By workload, the last for kNoWorkload.
  std::vector<std::vector<PortException>> port_exceptions_;
  std::vector<Destination> destinations_;
  std::vector<bool> administration_ports_;
};

}  // namespace octroi
