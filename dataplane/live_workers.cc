// SPDX-License-Identifier: Apache-2.0
#include "dataplane/live_workers.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <system_error>
#include <utility>

#include "fmt/format.h"

namespace octroi {
namespace {

// How long a worker waits for a packet before it looks after its flows, and
// whether somebody asks for its accounts.
constexpr int kWaitMs = 10;
// Packets may wait in a ring so long before a worker receives them: its clock
// is not set ahead of them.
constexpr int64_t kPacketDelayNs = 1'000'000'000;

// How long a worker that is to stop goes on to receive.
constexpr int kLastLookMs = 100;
constexpr int64_t kMillisecondNs = 1'000'000;
constexpr int64_t kLastLookNs = kLastLookMs * kMillisecondNs;

int64_t SteadyNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

WorkerOptions OptionsOf(const LiveOptions& options) {
  WorkerOptions worker;
  worker.flow_table.memory_limit_bytes = 0;  // It does not grow.
  worker.flow_table.initial_capacity =
      FlowTable::CapacityWithin(options.flow_memory_bytes);
  worker.flow_table.is_prefaulted = true;
  worker.accounts = AccountsOptions::Fixed(options.account_limit);
  worker.tunnelled_accounts =
      AccountsOptions::Fixed(options.tunnelled_account_limit);
  worker.timeouts = options.timeouts;
  worker.hash_seed = options.hash_seed;
  return worker;
}

}  // namespace

// A worker's ring, which it waits for while it ends its flows.
class LiveWorkers::Sink final : public FlowSink {
 public:
  Sink(size_t record_count, const std::atomic<int64_t>* drain_until_ns)
      : ring_(record_count), drain_until_ns_(*drain_until_ns) {}

  void Export(std::span<const FlowRecord> records,
              const TunnelIndex& tunnels) override {
    while (is_draining_ && !ring_.HasRoomFor(records.size()) &&
           SteadyNs() < drain_until_ns_.load(std::memory_order_relaxed)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ring_.Export(records, tunnels);
  }
  void StartDraining() { is_draining_ = true; }
  ExportRing* ring() { return &ring_; }

 private:
  ExportRing ring_;
  const std::atomic<int64_t>& drain_until_ns_;
  bool is_draining_ = false;  // Worker's thread only.
};

struct LiveWorkers::Lane {
  Lane(const WorkerOptions& options, size_t ring_records, size_t index,
       LiveSource* live_source, EditionProvider* editions,
       const std::atomic<int64_t>* drain_until_ns)
      : point_index(index),
        source(live_source),
        sink(ring_records, drain_until_ns),
        worker(options, live_source, editions, &sink) {}

  const size_t point_index;
  LiveSource* const source;
  Sink sink;
  Worker worker;

  // Written by the worker's thread, read by any.
  Counter round_count;
  std::atomic<bool> has_ended{false};
};

LiveWorkers::LiveWorkers(const LiveOptions& options,
                         std::span<ObservationPoint* const> points,
                         EditionProvider* editions) {
  const WorkerOptions worker_options = OptionsOf(options);
  for (size_t p = 0; p < points.size(); ++p) {
    for (size_t s = 0; s < points[p]->source_count(); ++s) {
      lanes_.push_back(std::make_unique<Lane>(
          worker_options, options.export_ring_records, p, points[p]->source(s),
          editions, &drain_until_ns_));
    }
  }
}

LiveWorkers::~LiveWorkers() { assert(threads_.empty()); }

absl::Status LiveWorkers::Start() {
  try {
    for (const auto& lane : lanes_) {
      threads_.emplace_back(&LiveWorkers::Run, this, lane.get());
    }
  } catch (const std::system_error& error) {
    const size_t started = threads_.size();
    RequestStop(/*drain_ns=*/0);
    Join();
    return absl::ResourceExhaustedError(
        fmt::format("thread {} of {} workers cannot be started: {}; configure "
                    "fewer workers, or raise the limit of threads",
                    started + 1, lanes_.size(), error.what()));
  }
  return absl::OkStatus();
}

void LiveWorkers::RequestStop(int64_t drain_ns) {
  drain_until_ns_.store(SteadyNs() + drain_ns, std::memory_order_relaxed);
  should_stop_.store(true, std::memory_order_release);
}

bool LiveWorkers::has_ended(size_t index) const {
  return lanes_[index]->has_ended.load(std::memory_order_acquire);
}

bool LiveWorkers::has_ended() const {
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (!has_ended(i)) return false;
  }
  return true;
}

void LiveWorkers::Join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void LiveWorkers::Run(Lane* lane) {
  Worker& worker = lane->worker;
  // While no packet comes: since when, and the clock of the last one.
  bool is_idle = false;
  int64_t idle_since_ns = 0;
  int64_t idle_clock_ns = 0;
  lane->source->StartThread();
  while (!should_stop_.load(std::memory_order_acquire)) {
    lane->round_count.Add(1);
    if (worker.RunOnce() > 0) {
      is_idle = false;
      continue;
    }
    if (lane->source->is_finished()) break;
    if (worker.is_busy()) continue;
    const int64_t now_ns = SteadyNs();
    if (!is_idle) {
      is_idle = true;
      idle_since_ns = now_ns;
      idle_clock_ns = worker.clock_ns();
    }
    worker.AdvanceClock(idle_clock_ns + (now_ns - idle_since_ns) -
                        kPacketDelayNs);
    lane->source->Wait(kWaitMs);
  }
  // What came before is received, also where the kernel still keeps it.
  const int64_t last_look_ns = SteadyNs() + kLastLookNs;
  while (!lane->source->is_finished() && SteadyNs() < last_look_ns) {
    if (worker.RunOnce() == 0) lane->source->Wait(kLastLookMs);
  }
  lane->sink.StartDraining();
  worker.Finish(worker.clock_ns());
  lane->source->EndThread();
  lane->has_ended.store(true, std::memory_order_release);
}

void LiveWorkers::OfferEditions(EditionProvider* editions) {
  for (const auto& lane : lanes_) lane->worker.OfferEditions(editions);
}

bool LiveWorkers::is_adopted(const EditionProvider* editions) const {
  return std::all_of(lanes_.begin(), lanes_.end(), [&](const auto& lane) {
    return lane->worker.oldest_editions() == editions;
  });
}

void LiveWorkers::ReleaseBooks() {
  for (const auto& lane : lanes_) lane->worker.ReleaseBooks();
}

size_t LiveWorkers::Settle(int timeout_ms) {
  constexpr int kLookMs = 1;
  const int64_t until_ns = SteadyNs() + timeout_ms * kMillisecondNs;
  std::vector<std::pair<const Worker*, uint64_t>> waiting;
  for (const auto& lane : lanes_) {
    Worker& worker = lane->worker;
    // Nothing to ask for: it may be asleep.
    if (worker.is_settled()) continue;
    waiting.emplace_back(&worker, worker.RequestSettlement());
  }
  while (true) {
    std::erase_if(waiting, [](const auto& one) {
      return one.first->settlement_count() >= one.second;
    });
    if (waiting.empty() || SteadyNs() >= until_ns) return waiting.size();
    std::this_thread::sleep_for(std::chrono::milliseconds(kLookMs));
  }
}

size_t LiveWorkers::point_index(size_t worker) const {
  return lanes_[worker]->point_index;
}
Worker& LiveWorkers::worker(size_t index) { return lanes_[index]->worker; }
const Worker& LiveWorkers::worker(size_t index) const {
  return lanes_[index]->worker;
}
ExportRing* LiveWorkers::ring(size_t index) {
  return lanes_[index]->sink.ring();
}
uint64_t LiveWorkers::round_count(size_t index) const {
  return lanes_[index]->round_count.Read();
}

}  // namespace octroi
