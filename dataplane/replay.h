// SPDX-License-Identifier: Apache-2.0
// Replay takes a finite source through one worker or several and merges what
// they found. Everything in the result is the same for any worker count, burst
// size, expiry scan and hash seed, unless it says that a limit was reached.
//
// With several workers each packet goes to the worker of its shard (limits.h),
// so that all packets of a pair of outer addresses meet one worker, in order
// (packet_dealer.h). Any thread may call Replay; calls share nothing but their
// arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/accounts.h"
#include "dataplane/classify.h"
#include "dataplane/collecting_sink.h"
#include "dataplane/flow_sink.h"
#include "dataplane/flow_table.h"
#include "dataplane/limits.h"
#include "dataplane/replay_source.h"
#include "dataplane/worker_counters.h"
#include "policy/edition.h"

namespace octroi {

struct ReplayOptions {
  uint32_t worker_count = 1;  // 1 to kMaxWorkers.
  size_t burst_size = kWorkerBurst;
  size_t expiry_scan_count = FlowTable::kMaxEndedPerCall;
  uint64_t hash_seed = 0;
  FlowTimeouts timeouts = {};
  // What flow tables and kept flows may take together, over all workers.
  size_t memory_limit_bytes = size_t{2} << 30;
  // Keep the flows in ReplayResult::flows.
  bool keep_flows = false;
};

struct ReplayResult {
  WorkerTotals counters;
  // Of the outermost IP layers: the totals. Ordered by key.
  AccountRows accounts;
  // Of the layers inside tunnels: the same packets once more, seen inside.
  AccountRows tunnelled_accounts;
  // Every flow, in the order of IsBefore, those in tunnels included
  // (record.is_tunnelled()). Empty unless keep_flows.
  std::vector<ExportedFlow> flows;
  // Flow records started, of the outermost layers and inside tunnels.
  uint64_t flow_count = 0;
  uint64_t tunnelled_flow_count = 0;
  // Flows that keep_flows had no memory for.
  uint64_t flows_not_kept = 0;
  // A limit changed the result: flow records or kept flows were lost, or
  // accounts were folded. What was accounted is complete all the same.
  bool is_limit_reached = false;
};

// Runs until the source has finished. A source that breaks ends the replay as
// a source that ends does; its owner knows the error. The source is used by one
// thread at a time, of which there are as many as workers, the calling one
// among them. `sinks` is empty or has one sink per worker, called from that
// worker's thread; the sinks get every flow, whether or not it is kept. All
// arguments must outlive the call.
// Fails if an option is out of its range or a thread cannot be started.
absl::StatusOr<ReplayResult> Replay(const ReplayOptions& options,
                                    ReplaySource* source,
                                    EditionProvider* editions,
                                    std::span<FlowSink* const> sinks = {});

// The editions of a timeline, as workers ask for them.
class TimelineEditions : public EditionProvider {
 public:
  // `timeline` must outlive this.
  explicit TimelineEditions(EditionTimeline* timeline) : timeline_(timeline) {}

  const Edition& At(int64_t ns) override { return timeline_->At(ns); }

 private:
  EditionTimeline* const timeline_;
};

}  // namespace octroi
