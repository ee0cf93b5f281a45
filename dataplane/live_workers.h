// SPDX-License-Identifier: Apache-2.0
// The workers of live capture, each on a thread of its own with one source of
// an observation point, until they are asked to stop. What follows "a burst
// arrives" is the same as in replay.
//
// All memory that packets need is taken, and touched, by Create: a flow table
// that does not grow, accounts that do not, and a ring for ended flows.
//
// Thread safety: one control thread creates, starts, stops and destroys. What
// it hands out says who may call it (worker.h, export_ring.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "dataplane/classify.h"
#include "dataplane/counter.h"
#include "dataplane/export_ring.h"
#include "dataplane/flow_table.h"
#include "dataplane/observation_point.h"
#include "dataplane/worker.h"

namespace octroi {

struct LiveOptions {
  // Of each worker's flow table.
  size_t flow_memory_bytes = size_t{192} << 20;
  // Accounts of each worker, and of what is inside tunnels, for one set of
  // editions; above these they are folded (accounts.h). 16 MiB and 1 MiB.
  size_t account_limit = size_t{1} << 17;
  size_t tunnelled_account_limit = size_t{1} << 13;
  FlowTimeouts timeouts = {};
  size_t export_ring_records = kDefaultExportRingRecords;
  uint64_t hash_seed = 0;
};

class LiveWorkers {
 public:
  // One worker per source of every point. The arguments must outlive this.
  LiveWorkers(const LiveOptions& options,
              std::span<ObservationPoint* const> points,
              EditionProvider* editions);
  // REQUIRES: stopped, or never started.
  ~LiveWorkers();
  LiveWorkers(const LiveWorkers&) = delete;
  LiveWorkers& operator=(const LiveWorkers&) = delete;

  // Starts the threads. If one cannot be started, those that were are stopped.
  absl::Status Start();

  // Asks every worker to stop. Each ends all its flows, whose records go to its
  // ring; for as long as `drain_ns` a worker waits for room there, so somebody
  // must go on to empty the rings. The threads have ended when has_ended().
  void RequestStop(int64_t drain_ns);
  bool has_ended() const;
  // Of one worker, which also ends where its source has finished.
  bool has_ended(size_t index) const;
  // Waits for the threads. REQUIRES: RequestStop was called.
  void Join();

  // Every worker adopts these editions, with fresh books (worker.h). Takes as
  // much memory anew as the accounts have; that of the earlier ones is given
  // back by ReleaseBooks, once is_adopted(editions).
  void OfferEditions(EditionProvider* editions);
  // Whether no worker has a record left that others judged.
  bool is_adopted(const EditionProvider* editions) const;
  void ReleaseBooks();

  // Asks every worker to tell its accounts of all that it received so far, and
  // waits, `timeout_ms` at most. Returns how many workers have not: their
  // accounts hold less, never more. Any thread.
  size_t Settle(int timeout_ms);

  size_t size() const { return lanes_.size(); }
  // Index of the point that a worker receives from.
  size_t point_index(size_t worker) const;
  Worker& worker(size_t index);
  const Worker& worker(size_t index) const;
  ExportRing* ring(size_t index);
  // Times that a worker has come round. One that stands still is stuck: a
  // worker without packets comes round as well.
  uint64_t round_count(size_t index) const;

 private:
  class Sink;
  struct Lane;

  void Run(Lane* lane);

  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::thread> threads_;

  // Written by the control thread, read by the workers'.
  std::atomic<bool> should_stop_{false};
  std::atomic<int64_t> drain_until_ns_{0};  // Steady clock.
};

}  // namespace octroi
