// SPDX-License-Identifier: Apache-2.0
// Finding and updating the record of a packet's flow, for flows that are all
// established. Uniform order is the worst case for caches; Zipf is what traffic
// looks like. Beside it: one cache line per packet whose place is known, which
// no table can beat, DPDK's hash, and abseil's.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "bench/bench.h"
#include "bench/dpdk.h"
#include "bench/memory.h"
#include "bench/traffic.h"
#include "bench/world.h"
#include "dataplane/flow_table.h"

namespace octroi::bench {
namespace {

constexpr size_t kOrderLength = size_t{1} << 22;
constexpr size_t kPacketsPerRun = size_t{1} << 20;
constexpr size_t kDpdkMegabytes = 3500;

// What the references keep of a flow.
struct alignas(64) Line {
  uint64_t packets = 0;
  uint64_t octets = 0;
  int64_t last_ns = 0;
  uint64_t unused[5] = {};
};
static_assert(sizeof(Line) == 64);

// Which packets come, as numbers of flows and as keys; every run goes on where
// the one before it stopped.
class Stream {
 public:
  Stream(Order order, std::span<const Key16> flows)
      : order_(kOrderLength), keys_(kOrderLength) {
    const auto count = static_cast<uint32_t>(flows.size());
    const auto drawn = DrawOrder(order, count, kOrderLength, /*seed=*/3);
    for (size_t i = 0; i < kOrderLength; ++i) {
      order_[i] = drawn[i];
      keys_[i] = flows[drawn[i]];
    }
  }

  // Calls `use` with the numbers and keys of one batch after the other.
  template <typename Use>
  void Run(size_t batch_size, Use use) {
    for (size_t done = 0; done < kPacketsPerRun; done += batch_size) {
      use(std::span<const uint32_t>(&order_[position_], batch_size),
          std::span<const Key16>(&keys_[position_], batch_size));
      position_ = (position_ + batch_size) % kOrderLength;
    }
  }

 private:
  Prefaulted<uint32_t> order_;
  Prefaulted<Key16> keys_;
  size_t position_ = 0;
};

void Update(Line* line) {
  line->packets += 1;
  line->octets += 64;
  line->last_ns += 1;
}

// octroi's table, in bursts of a worker's size. The clock moves a little with
// each.
class OctroiTable {
 public:
  explicit OctroiTable(std::span<const Key16> flows)
      : table_({.initial_capacity = flows.size() + 2 * kMaxBurst},
               FlowTimeouts(), /*seed=*/42) {
    for (size_t i = 0; i < flows.size(); i += kWorkerBurst) {
      Update(flows.subspan(i, std::min(kWorkerBurst, flows.size() - i)));
    }
  }

  void Update(std::span<const Key16> keys) {
    clock_ns_ += 1000;
    std::array<FlowPacket, kWorkerBurst> packets;
    std::array<FlowHit, kWorkerBurst> hits;
    std::array<BurstIndex, kWorkerBurst> asked;
    for (size_t i = 0; i < keys.size(); ++i) {
      FlowPacket& packet = packets[i];
      packet.timestamp_ns = clock_ns_;
      packet.clock_ns = clock_ns_;
      packet.ip_octets = 64;
      packet.tcp_flags = 0;
      packet.tunnel_kind = TunnelKind::kNone;
      SetV4Key(uint64_t{keys[i].source} << 32 | keys[i].destination,
               uint32_t{keys[i].source_port} << 16 | keys[i].destination_port,
               keys[i].protocol, &packet);
      table_.TouchTags(&packet);
    }
    table_.TouchLines({packets.data(), keys.size()});
    table_.UpdateBurst({packets.data(), keys.size()},
                       {hits.data(), keys.size()}, {asked.data(), keys.size()});
    benchmark::DoNotOptimize(hits);
    benchmark::DoNotOptimize(asked);
  }
  size_t memory_bytes() const { return table_.memory_bytes(); }

 private:
  FlowTable table_;
  int64_t clock_ns_ = kFirstNs;
};

// One line per packet, its place known: prefetched, then updated.
void UpdateKnown(std::span<const uint32_t> order, Prefaulted<Line>* lines) {
  for (const uint32_t flow : order) __builtin_prefetch(&(*lines)[flow], 1);
  for (const uint32_t flow : order) Update(&(*lines)[flow]);
}

class DpdkTable {
 public:
  explicit DpdkTable(std::span<const Key16> flows)
      : hash_(static_cast<uint32_t>(flows.size() + flows.size() / 8)),
        lines_(flows.size() + flows.size() / 4) {
    for (const Key16& key : flows) hash_.Add(key);
  }
  void Update(std::span<const Key16> keys) {
    std::array<int32_t, kBatch> places;
    hash_.LookupBulk(keys, places.data());
    for (const int32_t place : places) __builtin_prefetch(&lines_[place], 1);
    for (const int32_t place : places) bench::Update(&lines_[place]);
  }

 private:
  DpdkHash hash_;
  Prefaulted<Line> lines_;
};

// The value beside the key, as its users keep it.
class AbslTable {
 public:
  explicit AbslTable(std::span<const Key16> flows) {
    map_.reserve(flows.size());
    for (const Key16& key : flows) map_.emplace(key, Value());
  }
  void Update(std::span<const Key16> keys) {
    for (const Key16& key : keys) {
      Value& value = map_.find(key)->second;
      value.packets += 1;
      value.octets += 64;
      value.last_ns += 1;
    }
  }

 private:
  struct Value {
    uint64_t packets = 0;
    uint64_t octets = 0;
    int64_t last_ns = 0;
  };
  absl::flat_hash_map<Key16, Value> map_;
};

Key16 KeyOf(const FlowTuple& flow) {
  return {flow.source.v4(), flow.destination.v4(), flow.source_port,
          flow.destination_port, flow.is_udp ? 17u : 6u};
}

int Run(const BenchOptions& options) {
  std::vector<Key16> flows;
  {
    const std::unique_ptr<World> world = LoadWorld();
    for (const FlowTuple& flow : MakeFlows({.flow_count = options.flow_count,
                                 .announced_v4 = world->announced_v4})) {
      flows.push_back(KeyOf(flow));
    }
  }
  const bool has_dpdk = StartDpdk(options.cpu, kDpdkMegabytes);
  OctroiTable octroi_table(flows);
  Prefaulted<Line> known(flows.size());
  AbslTable absl_table(flows);
  std::unique_ptr<DpdkTable> dpdk_table;
  if (has_dpdk) dpdk_table = std::make_unique<DpdkTable>(flows);
  std::printf("octroi memory per flow: %.1f bytes\n",
              static_cast<double>(octroi_table.memory_bytes()) /
                  static_cast<double>(flows.size()));

  Stream uniform(Order::kUniform, flows);
  Stream zipf(Order::kZipf, flows);
  for (const bool is_zipf : {false, true}) {
    Stream* stream = is_zipf ? &zipf : &uniform;
    const std::string prefix = "flow_table/" +
                               std::to_string(options.flow_count) +
                               (is_zipf ? "/zipf/" : "/uniform/");
    AddBench(prefix + "octroi", kPacketsPerRun, [&octroi_table, stream] {
      stream->Run(kWorkerBurst,
                  [&](auto, auto keys) { octroi_table.Update(keys); });
    });
    AddBench(prefix + "limit", kPacketsPerRun, [&known, stream] {
      stream->Run(kBatch,
                  [&](auto order, auto) { UpdateKnown(order, &known); });
    });
    AddBench(prefix + "absl", kPacketsPerRun, [&absl_table, stream] {
      stream->Run(kBatch, [&](auto, auto keys) { absl_table.Update(keys); });
    });
    if (!has_dpdk) continue;
    AddBench(prefix + "rte_hash", kPacketsPerRun, [&dpdk_table, stream] {
      stream->Run(kBatch, [&](auto, auto keys) { dpdk_table->Update(keys); });
    });
  }
  return FinishBench();
}

}  // namespace
}  // namespace octroi::bench

int main(int argc, char** argv) {
  return octroi::bench::Run(octroi::bench::StartBench(&argc, argv));
}
