// SPDX-License-Identifier: Apache-2.0
#include "dataplane/replay.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_source.h"
#include "tests/support/naive_meter.h"
#include "tests/support/packet_builder.h"
#include "tests/support/small_world.h"

namespace octroi {
namespace {

using testing::Describe;
using testing::ExpectedResult;
using testing::FakeSource;
using ::testing::HasSubstr;
using testing::kSecond;
using testing::kStart;
using testing::NaiveMeter;
using testing::PacketBuilder;
using testing::SmallWorld;

template <typename T, size_t N>
const T& OneOf(const T (&values)[N], std::mt19937* random) {
  return values[(*random)() % N];
}

// Hosts, ports and flags so few that flows meet again and again.
constexpr const char* kHostsV4[] = {
    "192.0.2.1",    "192.0.2.2",      "192.0.2.100",   "203.0.113.5",
    "198.51.100.7", "198.51.100.200", "203.0.113.200", "192.0.2.3"};
constexpr const char* kHostsV6[] = {"2001:db8:42::1", "2001:db8:42:1::1",
                                    "2001:db8:f::1", "2001:db8:a::1"};
constexpr uint16_t kPorts[] = {22, 443, 3306, 8080, 40000, 40001, 50000};
constexpr uint8_t kFlags[] = {
    kTcpAck,           kTcpAck,           kTcpSyn, kTcpSyn | kTcpAck,
    kTcpFin | kTcpAck, kTcpFin | kTcpAck, kTcpRst};

void AddAddresses(PacketBuilder* builder, std::mt19937* random) {
  const bool is_v6 = (*random)() % 4 == 0;
  const char* source = nullptr;
  const char* destination = nullptr;
  do {
    source = is_v6 ? OneOf(kHostsV6, random) : OneOf(kHostsV4, random);
    destination = is_v6 ? OneOf(kHostsV6, random) : OneOf(kHostsV4, random);
  } while (source == destination);
  if (is_v6) {
    builder->Ipv6(source, destination);
  } else {
    builder->Ipv4(source, destination);
  }
}

void AddTransport(PacketBuilder* builder, std::mt19937* random) {
  const uint16_t source_port = OneOf(kPorts, random);
  const uint16_t destination_port = OneOf(kPorts, random);
  switch ((*random)() % 8) {
    case 0:
      builder->Udp(source_port, destination_port);
      break;
    case 1:
      builder->Sctp(source_port, destination_port);
      break;
    case 2:
      builder->Icmp();
      break;
    default:
      builder->Tcp(source_port, destination_port, OneOf(kFlags, random));
  }
  builder->Payload((*random)() % 64);
}

PacketBuilder RandomPacket(std::mt19937* random) {
  PacketBuilder builder;
  builder.Ethernet();
  // Connections that never rest, so that they grow old, and one that is
  // closed and opened again all the time.
  switch ((*random)() % 16) {
    case 0:
    case 1:
      return builder.Ipv4("192.0.2.1", "203.0.113.5").Tcp(40000, 443);
    case 2:
      return builder.Ipv4("203.0.113.5", "192.0.2.1").Tcp(443, 40001);
    case 3:
    case 4:
      return builder.Ipv4("192.0.2.1", "203.0.113.5")
          .Tcp(40002, 443, OneOf(kFlags, random));
    case 5:
      return builder.Ipv4("203.0.113.5", "192.0.2.1")
          .Tcp(443, 40002, OneOf(kFlags, random));
    default:
      break;
  }
  switch ((*random)() % 16) {
    case 0:  // ARP
      return builder.Next(0x0806).Payload(28);
    case 1:
      builder.Ipv4(OneOf(kHostsV4, random), OneOf(kHostsV4, random))
          .Udp(50000, 4789)
          .Vxlan((*random)() % 3)
          .Ethernet();
      break;
    case 2:
      builder.Ipv4(OneOf(kHostsV4, random), OneOf(kHostsV4, random))
          .Gre({.key = (*random)() % 2});
      break;
    case 3: {
      builder.Ipv4(OneOf(kHostsV4, random), OneOf(kHostsV4, random));
      const bool is_first = (*random)() % 2 == 0;
      builder.Fragment((*random)() % 8, is_first ? 0 : 64, is_first);
      if (is_first) return builder.Udp(40000, 443).Payload(56);
      return builder.Next(kProtocolUdp).Payload(64);
    }
    default:
      break;
  }
  AddAddresses(&builder, random);
  AddTransport(&builder, random);
  return builder;
}

// Mostly small steps, at times back; now and then just to a timeout, over it,
// or to another day.
int64_t RandomStep(std::mt19937* random) {
  switch ((*random)() % 256) {
    case 0:
      return 60 * kSecond;
    case 1:
      return 60 * kSecond + 1;
    case 2:
      return -100 * kSecond;
    case 3:
      return (*random)() % 4 == 0 ? 1800 * kSecond : 30 * kSecond;
    case 4:
      return (*random)() % 4 == 0 ? 86'400 * kSecond : 1;
    default:
      return static_cast<int64_t>((*random)() % 5) * kSecond / 2 - kSecond / 2;
  }
}

struct TimedFrame {
  testing::Frame frame;
  int64_t timestamp_ns = 0;
};

std::vector<TimedFrame> RandomCapture(uint32_t seed, size_t count) {
  std::mt19937 random(seed);
  std::vector<TimedFrame> capture;
  int64_t timestamp_ns = kStart;
  for (size_t i = 0; i < count; ++i) {
    timestamp_ns += RandomStep(&random);
    capture.push_back({RandomPacket(&random).Build(), timestamp_ns});
  }
  return capture;
}

FakeSource SourceOf(const std::vector<TimedFrame>& capture,
                    size_t burst_size = kMaxBurst) {
  FakeSource source(burst_size);
  for (const TimedFrame& packet : capture) {
    source.Push(packet.frame, packet.timestamp_ns);
  }
  return source;
}

std::vector<std::string> DescribeAll(const ReplayResult& result) {
  std::vector<std::string> lines;
  for (const ExportedFlow& flow : result.flows) {
    lines.push_back(Describe(flow));
  }
  return lines;
}

std::map<AccountKey, AccountTotals> AsMap(const AccountRows& rows) {
  std::map<AccountKey, AccountTotals> map;
  for (const AccountRow& row : rows) map[row.key] = row.totals;
  return map;
}

class ReplayTest : public ::testing::Test {
 protected:
  ReplayResult Run(FakeSource source, const ReplayOptions& options) {
    absl::StatusOr<ReplayResult> result =
        Replay(options, &source, world_.editions());
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }
  ExpectedResult Expected(const FakeSource& source,
                          const FlowTimeouts& timeouts) {
    NaiveMeter meter(timeouts, world_.editions());
    for (const Packet& packet : source.packets()) meter.Add(packet);
    return meter.Finish();
  }

  SmallWorld world_;
};

// The whole packet path against the rules written down a second time, at every
// worker count, burst size, expiry scan and hash seed: the same flows and the
// same sums, whatever order times come in.
TEST_F(ReplayTest, FindsWhatTheNaiveMeterFinds) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  struct Variant {
    uint32_t worker_count;
    size_t burst_size;
    size_t expiry_scan_count;
  };
  const Variant variants[] = {
      {1, kMaxBurst, 128}, {1, kWorkerBurst, 128},
      {1, 1, 0},           {1, 7, 1024},
      {2, 32, 0},          {2, 1, 5},
      {4, 64, 1},          {4, 16, 128},
      {3, 3, 3},
  };
  std::string all_expected;
  for (uint32_t round = 0; round < 4; ++round) {
    const std::vector<TimedFrame> capture = RandomCapture(seed + round, 2500);
    // Every other round so short that packets come just at a timeout.
    const FlowTimeouts timeouts = round % 2 == 0
                                      ? FlowTimeouts()
                                      : FlowTimeouts{.idle_ns = 20 * kSecond,
                                                     .active_ns = 30 * kSecond,
                                                     .closed_ns = 4 * kSecond};
    const ExpectedResult expected = Expected(SourceOf(capture), timeouts);
    ASSERT_GT(expected.flows.size(), 100u);
    ASSERT_GT(expected.tunnelled_accounts.size(), 3u);
    for (const std::string& flow : expected.flows) all_expected += flow;

    std::vector<std::string> first_order;
    for (const Variant& v : variants) {
      SCOPED_TRACE(fmt::format("round {}: {} workers, bursts of {}, scan of {}",
                               round, v.worker_count, v.burst_size,
                               v.expiry_scan_count));
      const ReplayResult result =
          Run(SourceOf(capture, 1 + v.burst_size / 2),
              {.worker_count = v.worker_count,
               .burst_size = v.burst_size,
               .expiry_scan_count = v.expiry_scan_count,
               .hash_seed = seed * 31 + v.worker_count + v.burst_size,
               .timeouts = timeouts,
               .keep_flows = true});

      EXPECT_EQ(result.counters.received, expected.received);
      EXPECT_EQ(result.counters.undecoded_total(), expected.undecoded);
      EXPECT_EQ(result.counters.accounted + expected.undecoded,
                expected.received);
      EXPECT_TRUE(AsMap(result.accounts) == expected.accounts);
      EXPECT_TRUE(AsMap(result.tunnelled_accounts) ==
                  expected.tunnelled_accounts);
      EXPECT_EQ(result.flow_count + result.tunnelled_flow_count,
                expected.flows.size());
      EXPECT_FALSE(result.is_limit_reached);

      std::vector<std::string> lines = DescribeAll(result);
      if (first_order.empty()) first_order = lines;
      EXPECT_TRUE(lines == first_order) << "the order of flows differs";
      std::sort(lines.begin(), lines.end());
      ASSERT_EQ(lines.size(), expected.flows.size());
      for (size_t i = 0; i < lines.size(); ++i) {
        ASSERT_EQ(lines[i], expected.flows[i]);
      }
      if (HasFailure()) return;
    }
  }
  // The captures are worth the comparison: everything occurs in them.
  for (const char* word :
       {"idle_timeout", "active_timeout", "end_of_flow", "forced_end", "egress",
        "ingress", "internal", "transit", "excepted", "violation",
        "opened_by_remote", "administered_from_outside_eu"}) {
    EXPECT_THAT(all_expected, HasSubstr(word));
  }
}

TEST_F(ReplayTest, OrdersAccountsByKey) {
  const ReplayResult result =
      Run(SourceOf(RandomCapture(1, 1000)), {.worker_count = 2});

  const auto is_before = [](const AccountRow& x, const AccountRow& y) {
    return x.key < y.key;
  };
  EXPECT_GT(result.accounts.size(), 5u);
  EXPECT_TRUE(std::is_sorted(result.accounts.begin(), result.accounts.end(),
                             is_before));
  EXPECT_TRUE(std::adjacent_find(result.accounts.begin(), result.accounts.end(),
                                 [](const AccountRow& x, const AccountRow& y) {
                                   return x.key == y.key;
                                 }) == result.accounts.end());
}

// The last packet of the capture may belong to another worker: what it says of
// the time ends flows everywhere.
TEST_F(ReplayTest, EndsFlowsByTheClockOfTheWholeCapture) {
  FakeSource source;
  source.Push(PacketBuilder()
                  .Ethernet()
                  .Ipv4("192.0.2.1", "198.51.100.7")
                  .Udp(40000, 53),
              kStart);
  // Not even decoded.
  source.Push(PacketBuilder().Ethernet().Next(0x0806).Payload(28),
              kStart + 61 * kSecond);

  for (const uint32_t worker_count : {1, 2, 7}) {
    const ReplayResult result =
        Run(source, {.worker_count = worker_count, .keep_flows = true});
    ASSERT_EQ(result.flows.size(), 1u);
    EXPECT_EQ(EndReasonName(result.flows[0].record.end_reason), "idle_timeout")
        << worker_count << " workers";
  }
}

TEST_F(ReplayTest, TakesASourceWithoutPackets) {
  for (const uint32_t worker_count : {1, 3}) {
    const ReplayResult result =
        Run(FakeSource(), {.worker_count = worker_count, .keep_flows = true});
    EXPECT_EQ(result.counters, WorkerTotals());
    EXPECT_TRUE(result.accounts.empty());
    EXPECT_TRUE(result.flows.empty());
    EXPECT_FALSE(result.is_limit_reached);
  }
}

// Accounts stay whole when memory does not suffice for records, and the result
// says so.
TEST_F(ReplayTest, SaysThatALimitWasReached) {
  FakeSource source;
  const PacketBuilder base =
      PacketBuilder().Ethernet().Ipv4("192.0.2.1", "198.51.100.7");
  constexpr uint16_t kCount = 30'000;
  for (uint16_t port = 0; port < kCount; ++port) {
    PacketBuilder packet = base;
    source.Push(packet.Udp(static_cast<uint16_t>(20'000 + port), 53), kStart);
  }
  for (const uint32_t worker_count : {1, 2}) {
    const ReplayResult full =
        Run(source, {.worker_count = worker_count, .memory_limit_bytes = 0});
    EXPECT_TRUE(full.is_limit_reached);
    EXPECT_GT(full.counters.flow_records_lost, 0u);
    ASSERT_EQ(full.accounts.size(), 1u);
    EXPECT_EQ(full.accounts[0].totals.octets, kCount * 28u);
    EXPECT_EQ(full.flow_count + full.counters.flow_records_lost, kCount);
  }

  const ReplayResult not_kept =
      Run(source, {.memory_limit_bytes = 21'000'000, .keep_flows = true});
  EXPECT_TRUE(not_kept.is_limit_reached);
  EXPECT_EQ(not_kept.counters.flow_records_lost, 0u);
  EXPECT_GT(not_kept.flows_not_kept, 0u);
  EXPECT_EQ(not_kept.flows.size() + not_kept.flows_not_kept, kCount);
}

// A capture that breaks off says it is finished; what came before stands.
TEST_F(ReplayTest, EndsCleanlyWhenTheSourceBreaks) {
  class BreakingSource : public ReplaySource {
   public:
    size_t ReceiveBurst(PacketBurst* burst) override {
      burst->size = 0;
      if (count_ == 1000) {
        is_broken_ = true;
        return 0;
      }
      burst->packets[0] = frame_.AsPacket(kStart);
      burst->packets[0].clock_ns = kStart;
      burst->size = 1;
      count_ += 1;
      return 1;
    }
    void ReleaseBurst(PacketBurst* burst) override { burst->size = 0; }
    void HoldBytes(HeldBytes*) override {}  // The frame stays.
    bool is_finished() const override { return is_broken_; }

   private:
    const testing::Frame frame_ = PacketBuilder()
                                      .Ethernet()
                                      .Ipv4("192.0.2.1", "198.51.100.7")
                                      .Udp(40000, 53)
                                      .Build();
    int count_ = 0;
    bool is_broken_ = false;
  };
  for (const uint32_t worker_count : {1, 4}) {
    BreakingSource source;
    const auto result =
        Replay({.worker_count = worker_count}, &source, world_.editions());
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->counters.accounted, 1000u);
  }
}

TEST_F(ReplayTest, GivesEachWorkersFlowsToItsSink) {
  const std::vector<TimedFrame> capture = RandomCapture(2, 1000);
  CollectingSink one(10'000);
  CollectingSink two(10'000);
  FlowSink* const sinks[] = {&one, &two};
  FakeSource source = SourceOf(capture);

  const auto result = Replay({.worker_count = 2, .keep_flows = true}, &source,
                             world_.editions(), sinks);

  ASSERT_TRUE(result.ok());
  EXPECT_GT(one.flows().size(), 0u);
  EXPECT_GT(two.flows().size(), 0u);
  EXPECT_EQ(one.flows().size() + two.flows().size(), result->flows.size());
}

TEST_F(ReplayTest, RefusesOptionsOutOfRange) {
  struct Case {
    ReplayOptions options;
    const char* message;
  };
  const Case cases[] = {
      {{.worker_count = 0}, "worker_count: 0 is out of range; give 1 to 64"},
      {{.worker_count = 65}, "worker_count: 65"},
      {{.burst_size = 0}, "burst_size: 0 is out of range; give 1 to 256"},
      {{.burst_size = 257}, "burst_size: 257"},
      {{.expiry_scan_count = 1025}, "expiry_scan_count: 1025"},
      {{.timeouts = {.idle_ns = 0}}, "idle timeout in ns: 0"},
      {{.timeouts = {.active_ns = -1}}, "active timeout in ns: -1"},
      {{.timeouts = {.closed_ns = INT64_MAX}}, "closed timeout in ns"},
  };
  for (const Case& c : cases) {
    FakeSource source;
    const auto result = Replay(c.options, &source, world_.editions());
    ASSERT_FALSE(result.ok()) << c.message;
    EXPECT_THAT(std::string(result.status().message()), HasSubstr(c.message));
  }

  FakeSource source;
  FlowSink* const sinks[] = {nullptr, nullptr, nullptr};
  const auto result =
      Replay({.worker_count = 2}, &source, world_.editions(), sinks);
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr("3 sinks for 2 workers"));
}

}  // namespace
}  // namespace octroi
