// SPDX-License-Identifier: Apache-2.0
// What a worker counts, and the same as plain numbers for results. After every
// burst: received = accounted + undecoded + filtered.
//
// Thread safety: the worker's thread writes WorkerCounters, any thread reads.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/counter.h"
#include "dataplane/drop_reason.h"

namespace octroi {

// The counters of one worker, or the sum over several, as plain numbers.
struct WorkerTotals {
  // Packets.
  uint64_t received = 0;
  uint64_t accounted = 0;
  uint64_t filtered = 0;
  std::array<uint64_t, kDropReasonCount> undecoded{};

  // IP layers that were accounted without a flow record, because the table
  // was full.
  uint64_t flow_records_lost = 0;
  // Inner IP layers that were accounted without a flow record, because there
  // were too many tunnels.
  uint64_t tunnels_not_tracked = 0;
  // Later fragments that were given their ports, and those that were not.
  uint64_t fragments_resolved = 0;
  uint64_t fragments_unresolved = 0;

  uint64_t undecoded_total() const;
  WorkerTotals& operator+=(const WorkerTotals& other);
  friend bool operator==(const WorkerTotals&, const WorkerTotals&) = default;
};

struct alignas(64) WorkerCounters {
  Counter received;
  Counter accounted;
  Counter filtered;
  std::array<Counter, kDropReasonCount> undecoded;
  Counter flow_records_lost;
  Counter tunnels_not_tracked;
  Counter fragments_resolved;
  Counter fragments_unresolved;
  // Flow records, inside tunnels as well; the difference is the open ones.
  Counter flows_started;
  Counter flows_ended;

  WorkerTotals Read() const;
};

}  // namespace octroi
