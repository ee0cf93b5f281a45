// SPDX-License-Identifier: Apache-2.0
// The thread that takes ended flows from the workers' rings and brings them to
// the flow log and to the events. It writes, and may wait for a disk; workers
// do not wait for it.
//
// Thread safety: one control thread calls everything.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "agent/event_log.h"
#include "agent/generations.h"
#include "dataplane/counter.h"
#include "dataplane/exported_flow.h"
#include "dataplane/live_workers.h"
#include "evidence/flow_log.h"

namespace octroi {

class LiveWriter {
 public:
  // `log` may be null: no records are kept. `now_ns` is the wall clock, as
  // Surroundings have it. The others must outlive this.
  LiveWriter(LiveWorkers* workers, const Generations* generations,
             std::unique_ptr<FlowLog> log, EventLog* events,
             std::function<int64_t()> now_ns);
  // REQUIRES: finished, or never started.
  ~LiveWriter();
  LiveWriter(const LiveWriter&) = delete;
  LiveWriter& operator=(const LiveWriter&) = delete;

  absl::Status Start();
  // Opens the log's path anew, soon.
  void RequestReopen() { should_reopen_.store(true); }
  // Takes what is left, writes it, and ends the thread.
  // REQUIRES: the workers have ended.
  void Finish();

  // Times that all rings have been emptied.
  uint64_t pass_count() const { return pass_count_.Read(); }
  // Flow records that are in no file though they should be, wherever.
  uint64_t lost_records() const;
  // What the flow log counts, for any thread; null without a log.
  const FlowLogCounters* log_counters() const {
    return log_ == nullptr ? nullptr : &log_->counters();
  }

 private:
  void Run();
  void TakeAll(int64_t now_ns);
  void Write(std::span<const ExportedFlow> flows, int64_t now_ns);
  void TellLosses(int64_t now_ns);

  LiveWorkers* const workers_;
  const Generations* const generations_;
  EventLog* const events_;
  const std::function<int64_t()> now_ns_;
  std::thread thread_;

  // Writer's thread only.
  const std::unique_ptr<FlowLog> log_;
  std::vector<ExportedFlow> batch_;

  Counter pass_count_;
  std::atomic<bool> should_reopen_{false};

  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable changed_;
  bool should_end_ = false;
};

}  // namespace octroi
