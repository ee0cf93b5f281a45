// SPDX-License-Identifier: Apache-2.0
// The whole path in memory: read a record header, decode, find and update the
// flow, classify, account. 64-octet packets of flows that are all established;
// then a flood, where every packet starts a flow.
//
// "ideal" does what no monitor can avoid: it reads and parses each packet,
// hashes its key and updates one 64-byte record whose place an oracle knows,
// whole key compared, prefetched in batches of 32. "dpdk" is what one builds of
// DPDK's parts, "absl" of a hash map and libmaxminddb.
#include <maxminddb.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "bench/bench.h"
#include "bench/dpdk.h"
#include "bench/memory.h"
#include "bench/memory_source.h"
#include "bench/routes.h"
#include "bench/traffic.h"
#include "bench/world.h"
#include "dataplane/mix.h"
#include "dataplane/worker.h"

namespace octroi::bench {
namespace {

constexpr size_t kRecordCount = size_t{1} << 22;
constexpr size_t kFloodRecordCount = size_t{1} << 23;
constexpr size_t kPacketsPerRun = size_t{1} << 20;
constexpr size_t kSlowPacketsPerRun = size_t{1} << 18;
constexpr size_t kDpdkMegabytes = 3500;
constexpr int64_t kPacketSpacingNs = 1'000;
constexpr int64_t kRunNs = kPacketsPerRun * kPacketSpacingNs;

void WriteRecord(const FlowTuple& flow, int64_t at_ns, Record64* record) {
  const auto microseconds = static_cast<uint64_t>(kFirstNs + at_ns) / 1000;
  record->header = {static_cast<uint32_t>(microseconds / 1'000'000),
                    static_cast<uint32_t>(microseconds % 1'000'000), 64, 64};
  WriteFrame(flow, 64, /*is_answer=*/false, record->frame);
}

// What each reference finds in a packet, in the order of the benchmarks above.
bool ParseKey(const Record64& record, Key16* key) {
  const uint8_t* frame = record.frame;
  if (record.header.captured_octets < 48) return false;
  if (frame[12] != 0x08 || frame[13] != 0x00 || frame[14] != 0x45) return false;
  std::memcpy(&key->source, frame + 26, 8);
  std::memcpy(&key->source_port, frame + 34, 4);
  key->protocol = frame[23];
  return key->protocol == 6 || key->protocol == 17;
}

uint64_t HashOf(const Key16& key) {
  uint64_t words[2];
  std::memcpy(words, &key, sizeof(words));
  return MultiplyMix(words[0] ^ 0x9E3779B97F4A7C15,
                     words[1] ^ 0xBF58476D1CE4E5B9);
}

struct alignas(64) FlowLine {
  Key16 key;
  uint64_t hash = 0;
  uint64_t packets = 0;
  uint64_t octets = 0;
  int64_t last_ns = 0;
  uint64_t unused = 0;
};
static_assert(sizeof(FlowLine) == 64);

int64_t TimeOf(const PcapRecordHeader& header) {
  return int64_t{header.seconds} * 1'000'000'000 +
         int64_t{header.microseconds} * 1'000;
}

void Update(const Record64& record, FlowLine* line) {
  line->packets += 1;
  line->octets += 50;
  line->last_ns = TimeOf(record.header);
}

// A window over the records that goes on where it stopped.
class Walk {
 public:
  explicit Walk(const Prefaulted<Record64>* records) : records_(*records) {}

  template <typename Use>
  void Run(size_t packet_count, Use use) {
    for (size_t done = 0; done < packet_count; done += kBatch) {
      use(position_, std::span<const Record64>(&records_[position_], kBatch));
      position_ = (position_ + kBatch) % records_.size();
    }
  }

 private:
  const Prefaulted<Record64>& records_;
  size_t position_ = 0;
};

// Everything that the benchmarks of one run share.
struct Bench {
  BenchOptions options;
  std::unique_ptr<World> world;
  std::vector<FlowTuple> flows;
  Prefaulted<uint32_t> uniform_order{kRecordCount};
  Prefaulted<uint32_t> zipf_order{kRecordCount};
  Prefaulted<Record64> uniform{kRecordCount};
  Prefaulted<Record64> zipf{kRecordCount};
};

void FillRecords(const Bench& bench, Order order, Prefaulted<uint32_t>* numbers,
                 Prefaulted<Record64>* records) {
  const auto drawn = DrawOrder(order, bench.options.flow_count, kRecordCount,
                               /*seed=*/3);
  for (size_t i = 0; i < kRecordCount; ++i) {
    (*numbers)[i] = drawn[i];
    WriteRecord(bench.flows[drawn[i]],
                static_cast<int64_t>(i) * kPacketSpacingNs, &(*records)[i]);
  }
}

// Hands each flow's first packet to a worker.
class FirstPackets final : public PacketSource {
 public:
  explicit FirstPackets(const std::vector<FlowTuple>* flows) : flows_(*flows) {}

  size_t ReceiveBurst(PacketBurst* burst) override {
    burst->size = std::min(kMaxBurst, flows_.size() - position_);
    for (size_t i = 0; i < burst->size; ++i) {
      WriteRecord(flows_[position_++], 0, &records_[i]);
      ReadRecord(records_[i], 0, &burst->packets[i]);
    }
    return burst->size;
  }
  void ReleaseBurst(PacketBurst* burst) override { burst->size = 0; }
  bool is_finished() const override { return position_ == flows_.size(); }

 private:
  const std::vector<FlowTuple>& flows_;
  std::array<Record64, kMaxBurst> records_;
  size_t position_ = 0;
};

// A source that hands out another one, which changes between runs.
class SwitchSource final : public PacketSource {
 public:
  void Use(PacketSource* source) { source_ = source; }
  size_t ReceiveBurst(PacketBurst* burst) override {
    return source_->ReceiveBurst(burst);
  }
  void ReleaseBurst(PacketBurst* burst) override {
    source_->ReleaseBurst(burst);
  }
  bool is_finished() const override { return source_->is_finished(); }

 private:
  PacketSource* source_ = nullptr;
};

WorkerOptions OptionsFor(size_t flow_count) {
  WorkerOptions options;
  options.flow_table.initial_capacity = flow_count + 4 * kMaxBurst;
  options.flow_table.memory_limit_bytes = 0;
  options.accounts.initial_capacity = size_t{1} << 18;
  options.hash_seed = 42;
  return options;
}

class OctroiPath {
 public:
  explicit OctroiPath(Bench* bench)
      : uniform_(&bench->uniform, kPacketSpacingNs),
        zipf_(&bench->zipf, kPacketSpacingNs),
        worker_(OptionsFor(bench->options.flow_count), &source_,
                bench->world->editions.get(), /*sink=*/nullptr) {
    FirstPackets first(&bench->flows);
    source_.Use(&first);
    while (!first.is_finished()) worker_.RunOnce();
  }

  void Run(bool is_zipf) {
    MemorySource& packets = is_zipf ? zipf_ : uniform_;
    packets.SetBudget(kPacketsPerRun, clock_ns_);
    clock_ns_ += kRunNs;
    source_.Use(&packets);
    while (!packets.is_finished()) worker_.RunOnce();
  }
  const Worker& worker() const { return worker_; }

 private:
  MemorySource uniform_;
  MemorySource zipf_;
  SwitchSource source_;
  int64_t clock_ns_ = 0;
  Worker worker_;
};

// Every packet a flow of its own: random hosts, random announced destinations.
// The table is as large as for the established flows; the first packets fill
// it, before the clock starts, and no other finds room. No flow comes twice in
// seven runs.
class FloodPath {
 public:
  explicit FloodPath(Bench* bench)
      : records_(kFloodRecordCount),
        packets_(&records_, kPacketSpacingNs),
        worker_(OptionsFor(bench->options.flow_count), &packets_,
                bench->world->editions.get(), /*sink=*/nullptr) {
    const auto flows = MakeFlows({.flow_count = kFloodRecordCount,
                                  .announced_v4 = bench->world->announced_v4,
                                  .seed = 99});
    for (size_t i = 0; i < kFloodRecordCount; ++i) {
      WriteRecord(flows[i], static_cast<int64_t>(i) * kPacketSpacingNs,
                  &records_[i]);
    }
    Run();
  }
  void Run() {
    packets_.SetBudget(kPacketsPerRun, clock_ns_);
    clock_ns_ += kRunNs;
    while (!packets_.is_finished()) worker_.RunOnce();
  }

 private:
  Prefaulted<Record64> records_;
  MemorySource packets_;
  int64_t clock_ns_ = 0;
  Worker worker_;
};

// The reference that knows where every flow is.
class IdealPath {
 public:
  explicit IdealPath(const Bench& bench) : lines_(bench.flows.size()) {
    for (size_t i = 0; i < bench.flows.size(); ++i) {
      Record64 record;
      WriteRecord(bench.flows[i], 0, &record);
      ParseKey(record, &lines_[i].key);
    }
  }
  void Update(std::span<const Record64> records, const uint32_t* places) {
    std::array<Key16, kBatch> keys;
    std::array<uint64_t, kBatch> hashes;
    for (size_t i = 0; i < kBatch; ++i) {
      if (!ParseKey(records[i], &keys[i])) std::abort();
      hashes[i] = HashOf(keys[i]);
      __builtin_prefetch(&lines_[places[i]], 1);
    }
    for (size_t i = 0; i < kBatch; ++i) {
      FlowLine& line = lines_[places[i]];
      if (!(line.key == keys[i])) std::abort();
      line.hash = hashes[i];
      bench::Update(records[i], &line);
    }
  }

 private:
  Prefaulted<FlowLine> lines_;
};

// rte_hash in bulk, rte_fib in bulk, a counter for each answer.
class DpdkPath {
 public:
  DpdkPath(const Bench& bench, std::span<const Route> routes)
      : hash_(static_cast<uint32_t>(bench.flows.size() * 9 / 8)),
        lines_(bench.flows.size() * 5 / 4),
        routes_(DpdkRoutes::Kind::kFib, routes),
        counters_(size_t{1} << 18) {
    for (const FlowTuple& flow : bench.flows) {
      Record64 record;
      WriteRecord(flow, 0, &record);
      Key16 key;
      ParseKey(record, &key);
      hash_.Add(key);
    }
  }
  void Update(std::span<const Record64> records) {
    std::array<Key16, kBatch> keys;
    std::array<uint32_t, kBatch> destinations;
    std::array<int32_t, kBatch> places;
    std::array<uint64_t, kBatch> values;
    for (size_t i = 0; i < kBatch; ++i) {
      if (!ParseKey(records[i], &keys[i])) std::abort();
      destinations[i] = __builtin_bswap32(keys[i].destination);
    }
    hash_.LookupBulk(keys, places.data());
    for (const int32_t place : places) __builtin_prefetch(&lines_[place], 1);
    routes_.LookupV4(destinations, values.data());
    for (size_t i = 0; i < kBatch; ++i) {
      bench::Update(records[i], &lines_[places[i]]);
      counters_[values[i]] += 50;
    }
  }

 private:
  DpdkHash hash_;
  Prefaulted<FlowLine> lines_;
  DpdkRoutes routes_;
  Prefaulted<uint64_t> counters_;
};

// absl::flat_hash_map, and libmaxminddb asked for every packet.
class AbslPath {
 public:
  explicit AbslPath(const Bench& bench) {
    const std::string path =
        std::string(OCTROI_SHARE_DIR) + "/dbip-country.mmdb";
    if (MMDB_open(path.c_str(), MMDB_MODE_MMAP, &database_) != MMDB_SUCCESS) {
      std::fprintf(stderr, "bench: %s: cannot be read\n", path.c_str());
      std::exit(1);
    }
    map_.reserve(bench.flows.size());
    for (const FlowTuple& flow : bench.flows) {
      Record64 record;
      WriteRecord(flow, 0, &record);
      Key16 key;
      ParseKey(record, &key);
      map_.emplace(key, Value());
    }
  }
  ~AbslPath() { MMDB_close(&database_); }

  void Update(std::span<const Record64> records) {
    for (const Record64& record : records) {
      Key16 key;
      if (!ParseKey(record, &key)) std::abort();
      Value& value = map_.find(key)->second;
      value.packets += 1;
      value.octets += 50;
      value.last_ns = TimeOf(record.header);
      octets_by_country_[CountryOf(key.destination)] += 50;
    }
  }

 private:
  struct Value {
    uint64_t packets = 0;
    uint64_t octets = 0;
    int64_t last_ns = 0;
  };

  uint16_t CountryOf(uint32_t destination) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = destination;
    int error = 0;
    MMDB_lookup_result_s found = MMDB_lookup_sockaddr(
        &database_, reinterpret_cast<const sockaddr*>(&address), &error);
    MMDB_entry_data_s data{};
    if (!found.found_entry ||
        MMDB_get_value(&found.entry, &data, "country_code", nullptr) !=
            MMDB_SUCCESS ||
        !data.has_data || data.data_size != 2) {
      return 0;
    }
    uint16_t code = 0;
    std::memcpy(&code, data.utf8_string, sizeof(code));
    return code;
  }

  MMDB_s database_;
  absl::flat_hash_map<Key16, Value> map_;
  std::array<uint64_t, 65'536> octets_by_country_{};
};

int Run(const BenchOptions& options) {
  Bench bench;
  bench.options = options;
  bench.world = LoadWorld();
  bench.flows = MakeFlows({.flow_count = options.flow_count,
                           .announced_v4 = bench.world->announced_v4});
  FillRecords(bench, Order::kUniform, &bench.uniform_order, &bench.uniform);
  FillRecords(bench, Order::kZipf, &bench.zipf_order, &bench.zipf);

  const bool has_dpdk = StartDpdk(options.cpu, kDpdkMegabytes);
  OctroiPath octroi_path(&bench);
  FloodPath flood_path(&bench);
  IdealPath ideal_path(bench);
  AbslPath absl_path(bench);
  std::unique_ptr<DpdkPath> dpdk_path;
  if (has_dpdk) {
    dpdk_path = std::make_unique<DpdkPath>(bench, RoutesOf(*bench.world));
  }

  Walk uniform(&bench.uniform);
  Walk zipf(&bench.zipf);
  for (const bool is_zipf : {false, true}) {
    Walk* walk = is_zipf ? &zipf : &uniform;
    const uint32_t* places =
        (is_zipf ? bench.zipf_order : bench.uniform_order).data();
    const std::string prefix = "path/" + std::to_string(options.flow_count) +
                               (is_zipf ? "/zipf/" : "/uniform/");
    AddBench(prefix + "octroi", kPacketsPerRun,
             [&octroi_path, is_zipf] { octroi_path.Run(is_zipf); });
    AddBench(prefix + "ideal", kPacketsPerRun, [&ideal_path, walk, places] {
      walk->Run(kPacketsPerRun, [&](size_t at, auto records) {
        ideal_path.Update(records, places + at);
      });
    });
    AddBench(prefix + "absl", kSlowPacketsPerRun, [&absl_path, walk] {
      walk->Run(kSlowPacketsPerRun,
                [&](size_t, auto records) { absl_path.Update(records); });
    });
    if (!has_dpdk) continue;
    AddBench(prefix + "dpdk", kPacketsPerRun, [&dpdk_path, walk] {
      walk->Run(kPacketsPerRun,
                [&](size_t, auto records) { dpdk_path->Update(records); });
    });
  }
  const std::string count = std::to_string(options.flow_count);
  AddBench("flood/" + count + "/new/octroi", kPacketsPerRun,
           [&flood_path] { flood_path.Run(); });
  AddBench("flood/" + count + "/new/established", kPacketsPerRun,
           [&octroi_path] { octroi_path.Run(/*is_zipf=*/false); });
  const int exit_code = FinishBench();

  const WorkerTotals totals = octroi_path.worker().counters().Read();
  std::printf("octroi: %lu accounted, %lu undecoded, %lu without a record\n",
              totals.accounted, totals.undecoded_total(),
              totals.flow_records_lost);
  return exit_code;
}

}  // namespace
}  // namespace octroi::bench

int main(int argc, char** argv) {
  return octroi::bench::Run(octroi::bench::StartBench(&argc, argv));
}
