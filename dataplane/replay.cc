// SPDX-License-Identifier: Apache-2.0
#include "dataplane/replay.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "dataplane/packet_dealer.h"
#include "dataplane/worker.h"
#include "fmt/format.h"

namespace octroi {
namespace {

// Gives a worker's flows to the caller's sink, to the result, or to both.
class ForkingSink : public FlowSink {
 public:
  ForkingSink(FlowSink* caller_sink, size_t kept_limit)
      : caller_sink_(caller_sink), kept_(kept_limit) {}

  void Export(std::span<const FlowRecord> records,
              const TunnelIndex& tunnels) override {
    if (caller_sink_ != nullptr) caller_sink_->Export(records, tunnels);
    if (kept_.limit() > 0) kept_.Export(records, tunnels);
  }
  CollectingSink& kept() { return kept_; }

 private:
  FlowSink* const caller_sink_;
  CollectingSink kept_;
};

// A worker of the replay and what is its own.
struct Lane {
  std::unique_ptr<ForkingSink> sink;
  std::unique_ptr<Worker> worker;
};

absl::Status OutOfRange(std::string_view name, int64_t found, int64_t lowest,
                        int64_t highest) {
  return absl::InvalidArgumentError(
      fmt::format("replay: {}: {} is out of range; give {} to {}", name, found,
                  lowest, highest));
}

absl::Status CheckOptions(const ReplayOptions& options, size_t sink_count) {
  struct Range {
    std::string_view name;
    int64_t found;
    int64_t lowest;
    int64_t highest;
  };
  const FlowTimeouts& timeouts = options.timeouts;
  const Range ranges[] = {
      {"worker_count", options.worker_count, 1, kMaxWorkers},
      {"burst_size", static_cast<int64_t>(options.burst_size), 1, kMaxBurst},
      {"expiry_scan_count", static_cast<int64_t>(options.expiry_scan_count), 0,
       FlowTable::kMaxEndedPerCall},
      {"idle timeout in ns", timeouts.idle_ns, kMinFlowTimeoutNs,
       kMaxFlowTimeoutNs},
      {"active timeout in ns", timeouts.active_ns, kMinFlowTimeoutNs,
       kMaxFlowTimeoutNs},
      {"closed timeout in ns", timeouts.closed_ns, kMinFlowTimeoutNs,
       kMaxFlowTimeoutNs},
  };
  for (const Range& range : ranges) {
    if (range.found < range.lowest || range.found > range.highest) {
      return OutOfRange(range.name, range.found, range.lowest, range.highest);
    }
  }
  if (sink_count != 0 && sink_count != options.worker_count) {
    return absl::InvalidArgumentError(
        fmt::format("replay: {} sinks for {} workers; give none or one each",
                    sink_count, options.worker_count));
  }
  return absl::OkStatus();
}

// Half of the memory is for flow tables, half for kept flows, which take
// twice their size while the parts are merged.
size_t TableMemory(const ReplayOptions& options) {
  const size_t all = options.memory_limit_bytes / options.worker_count;
  return options.keep_flows ? all / 2 : all;
}

size_t KeptLimit(const ReplayOptions& options) {
  if (!options.keep_flows) return 0;
  const size_t bytes = options.memory_limit_bytes / options.worker_count / 2;
  return std::max<size_t>(bytes / (2 * sizeof(ExportedFlow)), 1);
}

// `source` is null if packets are dealt to the worker.
Lane MakeLane(const ReplayOptions& options, PacketSource* source,
              EditionProvider* editions, FlowSink* caller_sink) {
  WorkerOptions worker_options;
  worker_options.flow_table.memory_limit_bytes = TableMemory(options);
  // The workers share what flows there are.
  worker_options.flow_table.few_records /= options.worker_count;
  worker_options.timeouts = options.timeouts;
  worker_options.burst_size = options.burst_size;
  worker_options.expiry_scan_count = options.expiry_scan_count;
  worker_options.hash_seed = options.hash_seed;

  Lane lane;
  if (options.keep_flows || caller_sink != nullptr) {
    lane.sink = std::make_unique<ForkingSink>(caller_sink, KeptLimit(options));
  }
  lane.worker = std::make_unique<Worker>(worker_options, source, editions,
                                         lane.sink.get());
  return lane;
}

void RunAlone(PacketSource* source, Worker* worker) {
  while (!source->is_finished()) worker->RunOnce();
  worker->Finish(worker->clock_ns());
}

void RunLane(PacketDealer* dealer, size_t lane, Worker* worker) {
  while (const PacketDealer::Block* block = dealer->Take(lane)) {
    worker->RunRead(block->PacketsOf(lane));
    dealer->PutBack(lane);
  }
  worker->Finish(dealer->final_clock_ns());
}

// Runs the first lane in this thread, each other in one of its own.
absl::Status RunTogether(PacketDealer* dealer, std::span<Lane> lanes) {
  std::vector<std::thread> threads;
  absl::Status status = absl::OkStatus();
  try {
    for (size_t i = 1; i < lanes.size(); ++i) {
      threads.emplace_back(RunLane, dealer, i, lanes[i].worker.get());
    }
  } catch (const std::system_error& error) {
    status = absl::ResourceExhaustedError(
        fmt::format("replay: thread {} of {} cannot be started: {}; ask for "
                    "fewer workers",
                    threads.size() + 2, lanes.size(), error.what()));
    dealer->Stop();
  }
  if (status.ok()) RunLane(dealer, 0, lanes[0].worker.get());
  for (std::thread& thread : threads) thread.join();
  return status;
}

AccountRows MergeLanes(std::span<const Lane> lanes,
                       const Accounts& (Worker::*accounts)() const) {
  std::vector<const Accounts*> parts;
  for (const Lane& lane : lanes) {
    parts.push_back(&(lane.worker.get()->*accounts)());
  }
  return MergeAccounts(parts);
}

uint64_t FlowCountOf(std::span<const AccountRow> rows) {
  uint64_t count = 0;
  for (const AccountRow& row : rows) count += row.totals.flows;
  return count;
}

void MergeKeptFlows(std::span<Lane> lanes, ReplayResult* result) {
  for (Lane& lane : lanes) {
    if (lane.sink == nullptr) continue;
    result->flows_not_kept += lane.sink->kept().lost_count();
    std::vector<ExportedFlow> flows = lane.sink->kept().TakeFlows();
    if (result->flows.empty()) {
      result->flows = std::move(flows);
    } else {
      result->flows.insert(result->flows.end(), flows.begin(), flows.end());
    }
  }
  std::sort(result->flows.begin(), result->flows.end(), IsBefore);
}

ReplayResult Merge(std::span<Lane> lanes) {
  ReplayResult result;
  for (const Lane& lane : lanes) {
    result.counters += lane.worker->counters().Read();
    result.is_limit_reached |= lane.worker->accounts().has_folded() ||
                               lane.worker->tunnelled_accounts().has_folded();
  }
  result.accounts = MergeLanes(lanes, &Worker::accounts);
  result.tunnelled_accounts = MergeLanes(lanes, &Worker::tunnelled_accounts);
  result.flow_count = FlowCountOf(result.accounts);
  result.tunnelled_flow_count = FlowCountOf(result.tunnelled_accounts);
  MergeKeptFlows(lanes, &result);
  result.is_limit_reached |=
      result.counters.flow_records_lost > 0 || result.flows_not_kept > 0;
  return result;
}

}  // namespace

absl::StatusOr<ReplayResult> Replay(const ReplayOptions& options,
                                    ReplaySource* source,
                                    EditionProvider* editions,
                                    std::span<FlowSink* const> sinks) {
  const absl::Status checked = CheckOptions(options, sinks.size());
  if (!checked.ok()) return checked;

  std::unique_ptr<PacketDealer> dealer;
  if (options.worker_count > 1) {
    dealer = std::make_unique<PacketDealer>(source, options.worker_count);
  }
  std::vector<Lane> lanes;
  for (uint32_t i = 0; i < options.worker_count; ++i) {
    FlowSink* caller_sink = sinks.empty() ? nullptr : sinks[i];
    lanes.push_back(MakeLane(options, dealer == nullptr ? source : nullptr,
                             editions, caller_sink));
  }
  if (dealer == nullptr) {
    RunAlone(source, lanes[0].worker.get());
  } else {
    const absl::Status status = RunTogether(dealer.get(), lanes);
    if (!status.ok()) return status;
  }
  return Merge(lanes);
}

}  // namespace octroi
