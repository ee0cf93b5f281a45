// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_table.h"

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/packet_builder.h"

namespace octroi {
namespace {

using testing::AddressOf;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kT0 = 1'000'000 * kSecond;

IpLayer Layer(const char* source, uint16_t source_port, const char* destination,
              uint16_t destination_port, uint8_t protocol = kProtocolTcp) {
  IpLayer layer;
  layer.source = AddressOf(source);
  layer.destination = AddressOf(destination);
  layer.source_port = source_port;
  layer.destination_port = destination_port;
  layer.protocol_identifier = protocol;
  layer.ip_octets = 100;
  layer.has_ports = true;
  return layer;
}

IpLayer Reversed(IpLayer layer) {
  std::swap(layer.source, layer.destination);
  std::swap(layer.source_port, layer.destination_port);
  return layer;
}

IpLayer WithFlags(IpLayer layer, uint8_t flags) {
  layer.tcp_flags = flags;
  return layer;
}

// A layer that is like no other of a different number.
IpLayer Numbered(uint32_t number) {
  IpLayer layer = Layer("192.0.2.1", 40000, "198.51.100.7", 443);
  layer.source = IpAddress::V4(0xC0000200 + number);
  return layer;
}

FlowPacket PacketOf(const IpLayer& layer, TunnelNumber tunnel = kNoTunnel) {
  return MakeFlowPacket(layer, kT0, kT0, tunnel);
}

FlowKey KeyOf(const IpLayer& layer, TunnelNumber tunnel = kNoTunnel) {
  const FlowPacket packet = PacketOf(layer, tunnel);
  return Unpack(packet.key, packet.v6);
}

void Update(FlowTable* table, std::span<FlowPacket> packets,
            std::span<FlowHit> hits) {
  for (FlowPacket& packet : packets) table->TouchTags(&packet);
  table->TouchLines(packets);
  std::vector<BurstIndex> asked(packets.size());
  asked.resize(table->UpdateBurst(packets, hits, asked));
  std::vector<BurstIndex> expected;
  for (BurstIndex i = 0; i < hits.size(); ++i) {
    if (NeedsAnswer(hits[i])) expected.push_back(i);
  }
  EXPECT_EQ(asked, expected);
}

// A table and one-packet bursts into it.
class FlowTableTest : public ::testing::Test {
 protected:
  // Adds a packet at that many ns after kT0, by clock and by timestamp.
  FlowHit Add(const IpLayer& layer, int64_t after_ns) {
    return AddAt(layer, kT0 + after_ns, kT0 + after_ns);
  }
  FlowHit AddAt(const IpLayer& layer, int64_t timestamp_ns, int64_t clock_ns) {
    table_.Reserve(1);
    FlowPacket packet = MakeFlowPacket(layer, timestamp_ns, clock_ns);
    FlowHit hit;
    Update(&table_, {&packet, 1}, {&hit, 1});
    return hit;
  }
  FlowRecord Record(const FlowHit& hit) { return table_.record(hit.flow); }
  // The end reason of the one record that has ended since the last call.
  std::string EndReason() {
    if (table_.ended().size() != 1) {
      return std::to_string(table_.ended().size()) + " ended";
    }
    const FlowRecord record = table_.record(table_.ended()[0]);
    const std::string name(EndReasonName(record.end_reason));
    table_.ReleaseEnded();
    return name;
  }

  const FlowTimeouts timeouts_{};
  // One group of places, unless a test makes it grow.
  FlowTable table_{{.initial_capacity = 12}, timeouts_, /*seed=*/1};
  const IpLayer flow_ = Layer("192.0.2.1", 40000, "198.51.100.7", 443);
};

TEST(FlowKeyTest, IsTheSameForBothDirections) {
  const IpLayer layers[] = {
      Layer("192.0.2.1", 40000, "198.51.100.7", 443),
      Layer("198.51.100.7", 40000, "192.0.2.1", 443),
      Layer("192.0.2.1", 1, "192.0.2.1", 2),
      Layer("2001:db8::1", 40000, "2001:db8::2", 443),
      Layer("2001:db8:0:1::1", 40000, "2001:db8::2", 443),
  };
  for (const IpLayer& layer : layers) {
    const FlowPacket there = PacketOf(layer, 5);
    const FlowPacket back = PacketOf(Reversed(layer), 5);
    const FlowKey key = KeyOf(layer, 5);

    EXPECT_EQ(there.key, back.key);
    EXPECT_EQ(key, KeyOf(Reversed(layer), 5));
    EXPECT_NE(there.sender, back.sender);
    EXPECT_EQ(key.address(there.sender), layer.source);
    EXPECT_EQ(key.port(there.sender), layer.source_port);
    EXPECT_EQ(key.address(back.sender), layer.destination);
    EXPECT_EQ(key.port(back.sender), layer.destination_port);
    EXPECT_EQ(key.tunnel, 5u);
  }
}

TEST(FlowKeyTest, TellsEveryFieldApart) {
  const IpLayer base = Layer("192.0.2.1", 40000, "198.51.100.7", 443);
  const FlowPacket packets[] = {
      PacketOf(base),
      PacketOf(base, 1),
      PacketOf(base, kTunnelNumberLimit - 1),
      PacketOf(Layer("192.0.2.2", 40000, "198.51.100.7", 443)),
      PacketOf(Layer("192.0.2.1", 40001, "198.51.100.7", 443)),
      PacketOf(Layer("192.0.2.1", 40000, "198.51.100.8", 443)),
      PacketOf(Layer("192.0.2.1", 40000, "198.51.100.7", 444)),
      // The ports the other way round are another flow.
      PacketOf(Layer("192.0.2.1", 443, "198.51.100.7", 40000)),
      PacketOf(Layer("192.0.2.1", 40000, "198.51.100.7", 443, kProtocolUdp)),
      // The same numbers as the first, in the other family.
      PacketOf(Layer("::c000:201", 40000, "::c633:6407", 443)),
  };
  const FlowHasher hasher(7);
  std::set<uint32_t> hashes;
  for (const FlowPacket& packet : packets) {
    hashes.insert(hasher.Hash(packet.key, packet.v6));
    for (const FlowPacket& other : packets) {
      EXPECT_EQ(packet.key == other.key, &packet == &other);
    }
  }
  EXPECT_EQ(hashes.size(), std::size(packets));
}

TEST_F(FlowTableTest, KeepsBothDirectionsInOneRecord) {
  const FlowHit there = Add(flow_, 0);
  const FlowHit back = Add(Reversed(flow_), kSecond);
  const FlowHit again = Add(flow_, 2 * kSecond);

  EXPECT_TRUE(there.is_new);
  EXPECT_FALSE(back.is_new);
  EXPECT_EQ(back.flow, there.flow);
  EXPECT_EQ(again.flow, there.flow);
  const FlowRecord record = Record(there);
  const auto sender = static_cast<size_t>(PacketOf(flow_).sender);
  EXPECT_EQ(record.sent_packets[sender], 2u);
  EXPECT_EQ(record.sent_octets[sender], 200u);
  EXPECT_EQ(record.sent_packets[1 - sender], 1u);
  EXPECT_EQ(record.start_ns, kT0);
  EXPECT_EQ(record.end_ns, kT0 + 2 * kSecond);
}

TEST_F(FlowTableTest, ContinuesUpToTheIdleTimeoutAndNotBeyond) {
  const FlowHit first = Add(flow_, 0);

  const FlowHit in_time = Add(flow_, timeouts_.idle_ns);
  const FlowHit late = Add(flow_, 2 * timeouts_.idle_ns + 1);

  EXPECT_EQ(in_time.flow, first.flow);
  EXPECT_TRUE(late.is_new);
  EXPECT_EQ(EndReason(), "idle_timeout");
}

TEST_F(FlowTableTest, StartsAnotherRecordAtTheActiveTimeout) {
  // A packet each 30 s: never idle.
  const FlowHit first = Add(flow_, 0);
  for (int64_t t = 30 * kSecond; t < timeouts_.active_ns; t += 30 * kSecond) {
    ASSERT_EQ(Add(flow_, t).flow, first.flow);
  }
  const FlowHit last = Add(flow_, timeouts_.active_ns - 1);
  const FlowHit late = Add(flow_, timeouts_.active_ns);

  EXPECT_EQ(last.flow, first.flow);
  EXPECT_TRUE(late.is_new);
  EXPECT_EQ(EndReason(), "active_timeout");
}

TEST_F(FlowTableTest, ClosesATcpConnectionByResetOrByBothFins) {
  struct Case {
    const char* description;
    std::vector<uint8_t> sent;
    std::vector<uint8_t> answered;
    bool is_closed;
  };
  const Case cases[] = {
      {"data", {kTcpAck}, {kTcpAck}, false},
      {"one FIN", {kTcpFin | kTcpAck}, {kTcpAck}, false},
      {"the same FIN twice", {kTcpFin, kTcpFin}, {kTcpAck}, false},
      {"both FINs", {kTcpFin | kTcpAck}, {kTcpFin | kTcpAck}, true},
      {"reset", {kTcpAck}, {kTcpRst}, true},
      {"reset by the opener", {kTcpRst | kTcpAck}, {}, true},
  };
  for (const Case& c : cases) {
    FlowTable table(FlowTableOptions(), timeouts_, 1);
    FlowHit hit;
    for (const bool is_answer : {false, true}) {
      for (const uint8_t flags : is_answer ? c.answered : c.sent) {
        const IpLayer layer =
            WithFlags(is_answer ? Reversed(flow_) : flow_, flags);
        FlowPacket packet = MakeFlowPacket(layer, kT0, kT0);
        Update(&table, {&packet, 1}, {&hit, 1});
      }
    }
    EXPECT_EQ(table.record(hit.flow).is_closed(), c.is_closed) << c.description;
  }
}

TEST_F(FlowTableTest, KeepsLatePacketsOfAClosedConnection) {
  const FlowHit first = Add(WithFlags(flow_, kTcpFin | kTcpAck), 0);
  Add(WithFlags(Reversed(flow_), kTcpFin | kTcpAck), 0);

  const FlowHit last_ack = Add(WithFlags(flow_, kTcpAck), timeouts_.closed_ns);
  const FlowHit late =
      Add(WithFlags(flow_, kTcpAck), 2 * timeouts_.closed_ns + 1);

  EXPECT_EQ(last_ack.flow, first.flow);
  EXPECT_TRUE(late.is_new);
  EXPECT_EQ(EndReason(), "end_of_flow");
}

TEST_F(FlowTableTest, StartsAnotherRecordForASynAfterTheEnd) {
  Add(WithFlags(flow_, kTcpSyn), 0);
  const FlowHit repeated = Add(WithFlags(flow_, kTcpSyn), kSecond);
  Add(WithFlags(Reversed(flow_), kTcpRst | kTcpAck), kSecond);
  const FlowHit answer =
      Add(WithFlags(Reversed(flow_), kTcpSyn | kTcpAck), kSecond);
  const FlowHit reopened = Add(WithFlags(flow_, kTcpSyn), kSecond);

  EXPECT_FALSE(repeated.is_new) << "a retransmission opens nothing";
  EXPECT_FALSE(answer.is_new);
  EXPECT_TRUE(reopened.is_new);
  EXPECT_EQ(EndReason(), "end_of_flow");
}

// Two interfaces of a capture need not be in step: a timestamp may go back,
// the clock that timeouts are measured with does not.
TEST_F(FlowTableTest, KeepsTheFirstAndTheLatestTimestamp) {
  const FlowHit first = AddAt(flow_, kT0, kT0);
  AddAt(flow_, kT0 + 9 * kSecond, kT0 + 9 * kSecond);
  const FlowHit earlier = AddAt(flow_, kT0 - 500 * kSecond, kT0 + 9 * kSecond);

  EXPECT_EQ(earlier.flow, first.flow);
  EXPECT_EQ(Record(first).start_ns, kT0);
  EXPECT_EQ(Record(first).end_ns, kT0 + 9 * kSecond);
}

TEST_F(FlowTableTest, KeepsTheTimestampOfAFirstPacketThatIsLate) {
  const FlowHit first = AddAt(flow_, kT0 - 7 * kSecond, kT0);
  EXPECT_EQ(Record(first).start_ns, kT0 - 7 * kSecond);
  EXPECT_EQ(Record(first).end_ns, kT0 - 7 * kSecond);

  AddAt(flow_, kT0 - 9 * kSecond, kT0);
  EXPECT_EQ(Record(first).end_ns, kT0 - 7 * kSecond);
  AddAt(flow_, kT0 + kSecond, kT0 + kSecond);
  EXPECT_EQ(Record(first).start_ns, kT0 - 7 * kSecond);
  EXPECT_EQ(Record(first).end_ns, kT0 + kSecond);
  EXPECT_EQ(Record(first).start_clock_ns, kT0);
}

// A line counts 2^32 - 1 packets; a record counts as many as there are.
TEST_F(FlowTableTest, CountsBeyondWhatALineHolds) {
  const FlowHit hit = Add(flow_, 0);
  const auto sender = static_cast<size_t>(PacketOf(flow_).sender);
  uint64_t packets = 1;
  uint64_t octets = 100;
  for (int i = 0; i < 3; ++i) {
    FlowLine& line = table_.line(hit.flow);
    packets += UINT32_MAX - 1 - line.packets[sender];
    octets += UINT32_MAX;
    line.packets[sender] = UINT32_MAX - 1;
    line.octets[sender] += UINT32_MAX;
    Add(flow_, 0);
    packets += 1;
    octets += 100;
    EXPECT_EQ(Record(hit).sent_packets[sender], packets);

    EXPECT_EQ(table_.Unsettled(hit.flow).packets[sender], UINT32_MAX);
    table_.MarkSettled(hit.flow);

    EXPECT_EQ(table_.Unsettled(hit.flow).packets[sender], 0u);
    EXPECT_EQ(table_.Unsettled(hit.flow).octets[sender], 0u);
    EXPECT_EQ(Record(hit).sent_packets[sender], packets);
    EXPECT_EQ(Record(hit).sent_octets[sender], octets);
    EXPECT_EQ(Record(hit).sent_packets[1 - sender], 0u);
  }
}

// What another flow had settled at the same place is not this one's.
TEST_F(FlowTableTest, StartsARecordWithNothingSettled) {
  const FlowHit first = Add(flow_, 0);
  table_.MarkSettled(first.flow);
  table_.ExpireBurst(kT0 + 1000 * kSecond, table_.place_count());
  table_.ReleaseEnded();

  const FlowHit second = Add(flow_, 1000 * kSecond);
  ASSERT_EQ(second.flow, first.flow);
  EXPECT_EQ(Record(second).packets() + Record(second).reverse_packets(), 1u);
  table_.MarkSettled(second.flow);
  EXPECT_EQ(Record(second).packets() + Record(second).reverse_packets(), 1u);
}

TEST_F(FlowTableTest, ContinuesNothingOfAnEarlierGeneration) {
  Add(flow_, 0);
  const FlowHit never_met = Add(Numbered(7), 0);
  table_.StartGeneration(kT0);

  const FlowHit again = Add(flow_, 1);
  EXPECT_TRUE(again.is_new);
  EXPECT_EQ(EndReason(), "forced_end");
  EXPECT_EQ(Add(flow_, 2).flow, again.flow);

  EXPECT_FALSE(table_.EndIfStale(again.flow));
  EXPECT_EQ(table_.ended().size(), 0u);
  EXPECT_TRUE(table_.EndIfStale(never_met.flow));
  EXPECT_EQ(EndReason(), "forced_end");
  EXPECT_EQ(table_.size(), 1u);
}

// Generations are numbered in a byte.
TEST_F(FlowTableTest, TellsManyGenerationsApart) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(Add(flow_, i).is_new) << i;
    EXPECT_FALSE(Add(flow_, i).is_new) << i;
    table_.ReleaseEnded();
    table_.StartGeneration(kT0 + i);
  }
}

TEST_F(FlowTableTest, GivesTheSameEndReasonWheneverItIsAsked) {
  FlowAge idle;
  FlowAge old;  // Its last packet came just before it was too old.
  old.last_clock_ns = timeouts_.active_ns - 1;
  FlowAge tie;  // Both timeouts at one instant.
  tie.last_clock_ns = timeouts_.active_ns - timeouts_.idle_ns - 1;
  for (const int64_t later_ns :
       {int64_t{0}, kSecond, 10'000 * kSecond, INT64_MAX / 4}) {
    const int64_t clock_ns = timeouts_.active_ns + later_ns;
    EXPECT_EQ(EndReasonAt(idle, clock_ns, timeouts_),
              FlowEndReason::kIdleTimeout);
    EXPECT_EQ(EndReasonAt(old, clock_ns, timeouts_),
              FlowEndReason::kActiveTimeout);
    EXPECT_EQ(EndReasonAt(tie, clock_ns, timeouts_),
              FlowEndReason::kIdleTimeout);
  }
  EXPECT_EQ(EndReasonAt(idle, timeouts_.idle_ns, timeouts_),
            FlowEndReason::kForcedEnd);
}

// The table may take back the place of a record only when no packet could
// continue it.
TEST_F(FlowTableTest, ExpiresWhatCannotContinueAndNothingElse) {
  Add(Numbered(0), 0);
  Add(Numbered(1), 10 * kSecond);

  table_.ExpireBurst(kT0 + timeouts_.idle_ns, 100);
  EXPECT_EQ(table_.ended().size(), 0u);
  table_.ExpireBurst(kT0 + timeouts_.idle_ns + 1, 100);
  EXPECT_EQ(EndReason(), "idle_timeout");
  EXPECT_EQ(table_.size(), 1u);
  EXPECT_FALSE(Add(Numbered(1), timeouts_.idle_ns + 1).is_new);
}

TEST_F(FlowTableTest, ExpiresAFewPlacesAtATime) {
  for (uint32_t i = 0; i < 10; ++i) Add(Numbered(i), 0);

  size_t ended = 0;
  for (int call = 0; call < 4; ++call) {
    table_.ExpireBurst(kT0 + 1000 * kSecond, 3);
    EXPECT_LE(table_.ended().size(), 3u);
    ended += table_.ended().size();
    table_.ReleaseEnded();
  }
  EXPECT_EQ(ended, 10u);
  EXPECT_EQ(table_.size(), 0u);
}

// Nothing can time out while the clock stands still; in an idle timeout each
// place is looked at several times.
TEST_F(FlowTableTest, OwesLooksAsTheClockMoves) {
  const size_t all = table_.PlacesDue(timeouts_.idle_ns);

  EXPECT_EQ(table_.PlacesDue(0), 0u);
  EXPECT_EQ(table_.PlacesDue(-kSecond), 0u) << "a clock that is another's";
  EXPECT_GE(all, table_.capacity());
  EXPECT_EQ(table_.PlacesDue(timeouts_.idle_ns / 4), all);
  EXPECT_LE(table_.PlacesDue(timeouts_.idle_ns / 8), all / 2);
  EXPECT_GE(table_.PlacesDue(timeouts_.idle_ns / 8), all / 2 - 1);
  EXPECT_EQ(table_.PlacesDue(kMaxFlowTimeoutNs), all);
}

// A burst may hold both families, which differ in what they compare.
TEST_F(FlowTableTest, KeepsBothFamiliesInOneBurst) {
  const IpLayer layers[] = {
      Layer("192.0.2.1", 40000, "198.51.100.7", 443),
      Layer("2001:db8::1", 40000, "2001:db8::2", 443),
      // The same digest as the one before: high halves are not in it.
      Layer("2001:db8:1::1", 40000, "2001:db8:2::2", 443),
      Layer("2001:db8::2", 443, "2001:db8::1", 40000),
  };
  std::vector<FlowPacket> packets;
  for (const IpLayer& layer : layers) {
    packets.push_back(MakeFlowPacket(layer, kT0, kT0));
  }
  std::vector<FlowHit> hits(packets.size());
  Update(&table_, packets, hits);
  std::vector<FlowHit> again(packets.size());
  Update(&table_, packets, again);

  EXPECT_EQ(table_.size(), 3u);
  EXPECT_EQ(hits[3].flow, hits[1].flow);
  for (size_t i = 0; i < packets.size(); ++i) {
    EXPECT_FALSE(again[i].is_new);
    EXPECT_EQ(again[i].flow, hits[i].flow);
    EXPECT_EQ(table_.record(hits[i].flow).key, KeyOf(layers[i]));
  }
}

TEST_F(FlowTableTest, EndsWhatIsLeftByTheLastClock) {
  Add(Numbered(0), 0);
  Add(Numbered(1), 50 * kSecond);
  Add(WithFlags(Numbered(2), kTcpRst), 50 * kSecond);

  std::multiset<std::string> reasons;
  const int64_t last_clock_ns = kT0 + 61 * kSecond;
  while (table_.EndRemaining(last_clock_ns, 2)) {
    EXPECT_LE(table_.ended().size(), 2u);
    for (const FlowIndex flow : table_.ended()) {
      reasons.emplace(EndReasonName(table_.record(flow).end_reason));
    }
    table_.ReleaseEnded();
  }
  for (const FlowIndex flow : table_.ended()) {
    reasons.emplace(EndReasonName(table_.record(flow).end_reason));
  }

  EXPECT_EQ(reasons, (std::multiset<std::string>{"end_of_flow", "forced_end",
                                                 "idle_timeout"}));
}

// A mistake here would credit the octets of one flow to another country's.
TEST_F(FlowTableTest, TellsFlowsApartWhenTheirHashesAreEqual) {
  const FlowHasher hasher(1);
  std::unordered_map<uint32_t, uint32_t> seen;
  size_t pair_count = 0;
  for (uint32_t number = 0; number < 200'000; ++number) {
    const FlowPacket packet = PacketOf(Numbered(number));
    const auto [other, is_first] =
        seen.emplace(hasher.Hash(packet.key, packet.v6), number);
    if (is_first) continue;
    pair_count += 1;

    const FlowHit one = Add(Numbered(number), 0);
    const FlowHit two = Add(Numbered(other->second), 0);

    EXPECT_TRUE(one.is_new);
    EXPECT_TRUE(two.is_new);
    EXPECT_EQ(Add(Numbered(number), 1).flow, one.flow);
    EXPECT_EQ(Add(Numbered(other->second), 1).flow, two.flow);
  }
  EXPECT_GT(pair_count, 0u);
}

TEST_F(FlowTableTest, KeepsRecordsWhenItGrows) {
  FlowTable table({.initial_capacity = 4}, timeouts_, 3);
  for (uint32_t i = 0; i < 1000; ++i) {
    const IpLayer layer = Numbered(i);
    FlowPacket packet = MakeFlowPacket(layer, kT0, kT0);
    FlowHit hit;
    table.Reserve(1);
    Update(&table, {&packet, 1}, {&hit, 1});
    ASSERT_TRUE(hit.is_new);
  }
  for (uint32_t i = 0; i < 1000; ++i) {
    const IpLayer layer = Numbered(i);
    FlowPacket packet = MakeFlowPacket(layer, kT0, kT0);
    FlowHit hit;
    Update(&table, {&packet, 1}, {&hit, 1});
    EXPECT_FALSE(hit.is_new);
    EXPECT_EQ(table.record(hit.flow).key, KeyOf(layer));
    EXPECT_EQ(table.record(hit.flow).packets(), 2u);
  }
}

// What stands outside the line moves with it.
TEST_F(FlowTableTest, KeepsWhatIsRareWhenItGrows) {
  const IpLayer v6 = Layer("2001:db8::1", 40000, "2001:db8::2", 443);
  AddAt(flow_, kT0 - kSecond, kT0);
  const FlowHit settled = Add(v6, 0);
  table_.MarkSettled(settled.flow);
  const size_t capacity = table_.capacity();
  for (uint32_t i = 100; i < 1000; ++i) Add(Numbered(i), 0);
  ASSERT_GT(table_.capacity(), capacity);

  const FlowRecord late_record = Record(Add(flow_, 0));
  const FlowRecord v6_record = Record(Add(v6, 0));

  EXPECT_EQ(late_record.start_ns, kT0 - kSecond);
  EXPECT_EQ(late_record.key, KeyOf(flow_));
  EXPECT_EQ(v6_record.key, KeyOf(v6));
  EXPECT_EQ(v6_record.packets() + v6_record.reverse_packets(), 2u);
}

TEST_F(FlowTableTest, TakesAllMemoryAtOnceIfAsked) {
  FlowTable table({.initial_capacity = 1000,
                   .memory_limit_bytes = 0,
                   .is_prefaulted = true},
                  timeouts_, 3);
  const size_t memory_bytes = table.memory_bytes();

  table.Reserve(5000);

  EXPECT_EQ(table.memory_bytes(), memory_bytes);
  EXPECT_GE(table.capacity(), 1000u);
}

TEST_F(FlowTableTest, StopsGrowingAtItsMemoryLimit) {
  constexpr size_t kLimit = 100'000;
  FlowTable table({.initial_capacity = 16, .memory_limit_bytes = kLimit},
                  timeouts_, 3);
  size_t without_record = 0;
  for (uint32_t i = 0; i < 2000; ++i) {
    const IpLayer layer = Numbered(i);
    FlowPacket packet = MakeFlowPacket(layer, kT0, kT0);
    FlowHit hit;
    table.Reserve(1);
    Update(&table, {&packet, 1}, {&hit, 1});
    without_record += hit.flow == kNoFlow ? 1 : 0;
  }

  EXPECT_LE(table.memory_bytes(), kLimit);
  EXPECT_GT(table.capacity(), 16u);
  EXPECT_EQ(table.size(), table.capacity());
  EXPECT_EQ(without_record, 2000 - table.capacity());
}

// Whether a key has no record may be known before the burst is updated.
TEST_F(FlowTableTest, FindsEachRecordOfAFullTable) {
  FlowTable table({.initial_capacity = 1000, .memory_limit_bytes = 0},
                  timeouts_, 3);
  const auto add = [&table](uint32_t first, size_t count, int64_t clock_ns) {
    std::vector<FlowPacket> packets;
    for (uint32_t i = 0; i < count; ++i) {
      packets.push_back(
          MakeFlowPacket(Numbered(first + i), clock_ns, clock_ns));
    }
    std::vector<FlowHit> hits(count);
    Update(&table, packets, hits);
    return hits;
  };
  for (uint32_t i = 0; i < 1000; ++i) add(i, 1, kT0);
  ASSERT_EQ(table.size(), table.capacity());
  const auto capacity = static_cast<uint32_t>(table.capacity());

  for (uint32_t i = 0; i < 1000; ++i) {
    const std::vector<FlowHit> hits = add(i, 1, kT0);
    EXPECT_NE(hits[0].flow, kNoFlow) << i;
    EXPECT_FALSE(hits[0].is_new) << i;
  }
  for (const FlowHit& hit : add(capacity, kMaxBurst, kT0)) {
    EXPECT_EQ(hit.flow, kNoFlow);
    EXPECT_FALSE(hit.is_new);
  }

  table.ExpireBurst(kT0 + 1000 * kSecond, FlowTable::kMaxEndedPerCall);
  table.ReleaseEnded();
  for (const FlowHit& hit : add(capacity, kMaxBurst, kT0 + 1000 * kSecond)) {
    EXPECT_TRUE(hit.is_new);
  }
}

TEST_F(FlowTableTest, UsesAPlaceAgainOnceItIsReleased) {
  FlowTable table({.initial_capacity = 1, .memory_limit_bytes = 0}, timeouts_,
                  3);
  const auto add = [&table](uint32_t number, int64_t clock_ns) {
    const IpLayer layer = Numbered(number);
    FlowPacket packet = MakeFlowPacket(layer, clock_ns, clock_ns);
    FlowHit hit;
    Update(&table, {&packet, 1}, {&hit, 1});
    return hit;
  };

  EXPECT_TRUE(add(0, kT0).is_new);
  EXPECT_EQ(add(1, kT0).flow, kNoFlow);
  // The record of this key ends; its place is not free before ReleaseEnded.
  EXPECT_EQ(add(0, kT0 + 1000 * kSecond).flow, kNoFlow);
  EXPECT_EQ(table.ended().size(), 1u);
  table.ReleaseEnded();
  EXPECT_TRUE(add(0, kT0 + 1000 * kSecond).is_new);
}

// Removing a bucket moves others; every record must stay within reach, and
// only those that are there.
TEST_F(FlowTableTest, FindsEveryRecordThroughManyRemovals) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const FlowTimeouts timeouts = {.active_ns = kMaxFlowTimeoutNs};
  // Few places, so that runs of buckets are long and wrap around.
  FlowTable table({.initial_capacity = 64, .memory_limit_bytes = 0}, timeouts,
                  seed);
  std::map<uint32_t, int64_t> last_clock;  // By number; the model.
  int64_t clock_ns = kT0;
  for (int step = 0; step < 20'000; ++step) {
    clock_ns += static_cast<int64_t>(random() % 4) * kSecond;
    const uint32_t number = random() % 80;
    const auto known = last_clock.find(number);
    const bool is_expected = known != last_clock.end() &&
                             clock_ns - known->second <= timeouts.idle_ns;

    const IpLayer layer = Numbered(number);
    FlowPacket packet = MakeFlowPacket(layer, clock_ns, clock_ns);
    FlowHit hit;
    Update(&table, {&packet, 1}, {&hit, 1});
    if (hit.flow == kNoFlow) {
      ASSERT_FALSE(is_expected);
      last_clock.erase(number);
    } else {
      ASSERT_EQ(hit.is_new, !is_expected);
      ASSERT_EQ(table.record(hit.flow).key, KeyOf(layer));
      last_clock[number] = clock_ns;
    }
    table.ExpireBurst(clock_ns, random() % 8);
    table.ReleaseEnded();
  }
}

// A burst looks for records before it starts, ends and moves any: what its own
// packets change is found all the same. Few places and many keys, so that tags
// collide, groups overflow, and flows end and start again within a burst.
TEST_F(FlowTableTest, FindsInABurstWhatItFindsOneByOne) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const FlowTableOptions options = {.initial_capacity = 400,
                                    .memory_limit_bytes = 0};
  FlowTable together(options, timeouts_, seed);
  FlowTable one_by_one(options, timeouts_, seed);
  constexpr uint8_t kFlags[] = {kTcpAck, kTcpAck, kTcpSyn, kTcpFin, kTcpRst};
  size_t ended_within = 0;
  int64_t clock_ns = kT0;
  for (int round = 0; round < 300; ++round) {
    std::vector<FlowPacket> packets(1 + random() % kMaxBurst);
    for (FlowPacket& packet : packets) {
      clock_ns += static_cast<int64_t>(random() % 4) * kSecond / 8;
      IpLayer layer = Numbered(random() % 440);
      if (random() % 4 == 0) {
        layer.source = IpAddress::V6(0x20010DB8'00000000, random() % 40);
        layer.destination = IpAddress::V6(0x20010DB8'00000001, 7);
      }
      layer.tcp_flags = kFlags[random() % std::size(kFlags)];
      packet = MakeFlowPacket(layer, clock_ns, clock_ns);
    }
    std::vector<FlowHit> hits(packets.size());
    std::vector<FlowHit> expected(packets.size());

    Update(&together, packets, hits);
    for (size_t i = 0; i < packets.size(); ++i) {
      Update(&one_by_one, {&packets[i], 1}, {&expected[i], 1});
    }

    for (size_t i = 0; i < packets.size(); ++i) {
      ASSERT_EQ(hits[i].flow, expected[i].flow) << "packet " << i;
      ASSERT_EQ(hits[i].is_new, expected[i].is_new) << "packet " << i;
    }
    ASSERT_TRUE(std::ranges::equal(together.ended(), one_by_one.ended()));
    ended_within += together.ended().size();
    together.ReleaseEnded();
    one_by_one.ReleaseEnded();
  }
  EXPECT_GT(ended_within, 0u);
}

}  // namespace
}  // namespace octroi
