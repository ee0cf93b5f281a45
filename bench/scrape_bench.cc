// SPDX-License-Identifier: Apache-2.0
// A scrape at its worst: two workers whose accounts are full (2^16 each, real
// networks, 21 workloads), and every series that accounts can have. Beside it
// the two parts that cannot be left out: reading the accounts, and writing the
// text.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include "agent/metric_text.h"
#include "agent/metrics.h"
#include "bench/bench.h"
#include "bench/traffic.h"
#include "bench/world.h"
#include "fmt/format.h"

namespace octroi::bench {
namespace {

constexpr size_t kAccountLimit = size_t{1} << 16;
constexpr size_t kFlowsPerWorker = 600'000;
constexpr size_t kWorkloadCount = 21;

// A packet of each of many flows, to destinations that are announced.
class FlowSource final : public LiveSource {
 public:
  FlowSource(std::span<const IpPrefix> prefixes, uint64_t seed)
      : prefixes_(prefixes), random_(seed) {}

  size_t ReceiveBurst(PacketBurst* burst) override {
    burst->size = std::min(kMaxBurst, kFlowsPerWorker - given_);
    for (size_t i = 0; i < burst->size; ++i) {
      WriteNext(given_ + i, frames_[i]);
      Packet& packet = burst->packets[i];
      packet = {};
      packet.data = frames_[i];
      packet.captured_octets = packet.wire_octets = kMinV4Frame;
      packet.timestamp_ns = packet.clock_ns = kFirstNs;
    }
    given_ += burst->size;
    return burst->size;
  }
  void ReleaseBurst(PacketBurst* burst) override { burst->size = 0; }
  void Wait(int timeout_ms) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(timeout_ms));
  }

 private:
  void WriteNext(size_t number, uint8_t* frame) {
    FlowTuple flow;
    const auto workload = number % kWorkloadCount;
    flow.source = IpAddress::Parse(fmt::format("10.{}.0.1", workload)).value();
    flow.destination = DrawAddress(prefixes_, &random_);
    flow.source_port = static_cast<uint16_t>(1024 + number % 60'000);
    flow.destination_port = 443;
    WriteFrame(flow, kMinV4Frame, /*is_answer=*/false, frame);
  }

  const std::span<const IpPrefix> prefixes_;
  Random random_;
  size_t given_ = 0;
  uint8_t frames_[kMaxBurst][64];
};

class FlowPoint final : public ObservationPoint {
 public:
  explicit FlowPoint(std::span<const IpPrefix> prefixes)
      : sources_{{prefixes, 1}, {prefixes, 2}} {}
  const std::string& name() const override { return name_; }
  size_t source_count() const override { return std::size(sources_); }
  LiveSource* source(size_t index) override { return &sources_[index]; }
  PointStatus Observe() override { return {}; }

 private:
  const std::string name_ = "eth0";
  FlowSource sources_[2];
};

Policy MakePolicy() {
  Policy policy;
  for (size_t i = 0; i < kWorkloadCount; ++i) {
    Workload workload;
    workload.name = fmt::format("workload {}", i);
    workload.addresses = {
        IpPrefix::Parse(fmt::format("10.{}.0.0/16", i)).value()};
    workload.requirement.location = LocationRequirement{Regime::kEu, {}};
    workload.requirement.requires_eu_control = i % 2 == 0;
    policy.workloads.push_back(std::move(workload));
  }
  return policy;
}

double MillisecondsOf(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now() - start)
      .count();
}

int Run() {
  const std::unique_ptr<World> world = LoadWorld();
  const Policy policy = MakePolicy();
  const WorkloadIndex workloads = WorkloadIndex::Create(
      policy, DefaultLocalNetworks(world->facts->special_purpose));
  EditionTimeline timeline(world->atlases.get(), workloads, policy,
                           std::nullopt);
  TimelineEditions editions(&timeline);
  FlowPoint point(world->announced_v4);
  LiveOptions options;
  options.account_limit = kAccountLimit;
  ObservationPoint* points[] = {&point};
  LiveWorkers workers(options, points, &editions);
  Metrics metrics(&workers,
                  [&timeline](const AccountKey& key) {
                    return WordsOf(timeline.edition(key.edition), key);
                  },
                  std::make_unique<ProcessReader>(), {});
  metrics.PublishBeliefs(*world->facts, policy, DayOf(kFirstNs));
  PublishedState state;
  state.points = {{.name = "eth0"}};
  metrics.Publish(state);
  if (!workers.Start().ok()) std::abort();
  for (size_t i = 0; i < workers.size(); ++i) {
    while (workers.worker(i).counters().received.Read() < kFlowsPerWorker) {
      std::this_thread::yield();
    }
  }
  while (workers.Settle(/*timeout_ms=*/1000) > 0) continue;

  std::vector<prometheus::MetricFamily> families;
  const double first_ms = MillisecondsOf([&] { families = metrics.Collect(); });
  size_t series = 0;
  for (const auto& family : families) series += family.metric.size();
  size_t accounts = 0;
  for (size_t i = 0; i < workers.size(); ++i) {
    accounts += workers.worker(i).kept_books()[0]->outer.size();
  }
  std::printf(
      "scrape: %zu accounts, %zu series, %zu bytes; the first one, which gives "
      "names: %.1f ms\n",
      accounts, series, SerializeMetrics(families, MetricsFormat::kText).size(),
      first_ms);

  for (const auto& [name, format] :
       {std::pair{"scrape/full/octroi", MetricsFormat::kText},
        {"scrape/full/openmetrics", MetricsFormat::kOpenMetrics}}) {
    AddBench(name, 1, [&metrics, format = format] {
      if (SerializeMetrics(metrics.Collect(), format).empty()) std::abort();
    });
  }
  AddBench("scrape/full/read", 1, [&workers] {
    AccountTotals sum;
    for (size_t i = 0; i < workers.size(); ++i) {
      const Accounts& outer = workers.worker(i).kept_books()[0]->outer;
      for (const Account& account : outer.view()) sum += account.Read();
    }
    if (sum.flows == 0) std::abort();
  });
  AddBench("scrape/full/write", 1, [&families] {
    const std::string text = SerializeMetrics(families, MetricsFormat::kText);
    if (text.empty()) std::abort();
  });
  const int result = FinishBench();
  workers.RequestStop(/*drain_ns=*/0);
  workers.Join();
  return result;
}

}  // namespace
}  // namespace octroi::bench

int main(int argc, char** argv) {
  octroi::bench::StartBench(&argc, argv);
  return octroi::bench::Run();
}
