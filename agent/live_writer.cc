// SPDX-License-Identifier: Apache-2.0
#include "agent/live_writer.h"

#include <cassert>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include "fmt/format.h"

namespace octroi {
namespace {

constexpr size_t kBatchFlows = 512;
// How long ended flows wait, and how long records and events do, at most.
constexpr std::chrono::milliseconds kPassInterval(100);
constexpr int64_t kFlushIntervalNs = 1'000'000'000;

}  // namespace

LiveWriter::LiveWriter(LiveWorkers* workers, const Generations* generations,
                       std::unique_ptr<FlowLog> log, EventLog* events,
                       std::function<int64_t()> now_ns)
    : workers_(workers),
      generations_(generations),
      events_(events),
      now_ns_(std::move(now_ns)),
      log_(std::move(log)),
      batch_(kBatchFlows) {}

LiveWriter::~LiveWriter() { assert(!thread_.joinable()); }

absl::Status LiveWriter::Start() {
  try {
    thread_ = std::thread(&LiveWriter::Run, this);
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        fmt::format("the writer's thread cannot be started: {}; raise the "
                    "limit of threads",
                    error.what()));
  }
  return absl::OkStatus();
}

void LiveWriter::Finish() {
  {
    const std::lock_guard lock(mutex_);
    should_end_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

uint64_t LiveWriter::lost_records() const {
  uint64_t lost = 0;
  for (size_t i = 0; i < workers_->size(); ++i) {
    lost += workers_->ring(i)->lost_count();
  }
  if (log_ == nullptr) return lost;
  for (const Counter& counter : log_->counters().lost_records) {
    lost += counter.Read();
  }
  return lost;
}

void LiveWriter::Run() {
  int64_t flushed_ns = 0;
  while (true) {
    bool is_last = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kPassInterval, [this] { return should_end_; });
      is_last = should_end_;
    }
    const int64_t now_ns = now_ns_();
    TakeAll(now_ns);
    if (is_last) break;
    if (should_reopen_.exchange(false) && log_ != nullptr) {
      // What is wrong with the path stands in the log's state and its losses.
      (void)log_->Reopen(now_ns);
    }
    // The wall clock may have been set back.
    if (now_ns - flushed_ns < kFlushIntervalNs && now_ns >= flushed_ns) {
      continue;
    }
    flushed_ns = now_ns;
    if (log_ != nullptr) log_->Flush(now_ns);
    TellLosses(now_ns);
    events_->Tick(now_ns);
  }
  const int64_t now_ns = now_ns_();
  if (log_ != nullptr) log_->Finish(now_ns);
  TellLosses(now_ns);
  events_->Finish(now_ns);
}

void LiveWriter::TakeAll(int64_t now_ns) {
  for (size_t i = 0; i < workers_->size(); ++i) {
    ExportRing* ring = workers_->ring(i);
    size_t count = 0;
    do {
      count = ring->TakeBatch(batch_);
      Write({batch_.data(), count}, now_ns);
    } while (count == batch_.size());
  }
  pass_count_.Add(1);
}

// In runs that editions of one timeline have judged.
void LiveWriter::Write(std::span<const ExportedFlow> flows, int64_t now_ns) {
  while (!flows.empty()) {
    const std::shared_ptr<EditionTimeline> timeline =
        generations_->TimelineOf(flows.front().record.edition);
    assert(timeline != nullptr);
    size_t count = 1;
    while (count < flows.size() &&
           flows[count].record.edition >= timeline->first_index() &&
           flows[count].record.edition < timeline->end_index()) {
      ++count;
    }
    const std::span<const ExportedFlow> run = flows.first(count);
    if (log_ != nullptr) log_->Append(run, *timeline, now_ns);
    events_->AddFlows(run, *timeline, now_ns);
    flows = flows.subspan(count);
  }
}

void LiveWriter::TellLosses(int64_t now_ns) {
  uint64_t lost_in_rings = 0;
  uint64_t lost_in_tables = 0;
  for (size_t i = 0; i < workers_->size(); ++i) {
    lost_in_rings += workers_->ring(i)->lost_count();
    lost_in_tables += workers_->worker(i).counters().flow_records_lost.Read();
  }
  events_->RecordsLost("export_ring", lost_in_rings, now_ns);
  events_->RecordsLost("flow_table", lost_in_tables, now_ns);
  if (log_ == nullptr) return;
  for (const FlowLogLossInfo& info : kFlowLogLosses) {
    events_->RecordsLost(
        info.name,
        log_->counters().lost_records[static_cast<size_t>(info.loss)].Read(),
        now_ns);
  }
}

}  // namespace octroi
