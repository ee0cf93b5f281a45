// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/collecting_sink.h"
#include "gtest/gtest.h"
#include "tests/support/allocation_guard.h"
#include "tests/support/fake_source.h"
#include "tests/support/packet_builder.h"
#include "tests/support/small_world.h"

namespace octroi {
namespace {

using testing::AllocationGuard;
using testing::FakeSource;
using testing::kPayments;
using testing::kSecond;
using testing::kStart;
using testing::PacketBuilder;
using testing::SmallWorld;

PacketBuilder TcpFrom(const char* source, uint16_t source_port,
                      const char* destination, uint16_t destination_port,
                      uint8_t flags = kTcpAck) {
  return PacketBuilder()
      .Ethernet()
      .Ipv4(source, destination)
      .Tcp(source_port, destination_port, flags);
}

AccountTotals SumOf(const Accounts& accounts) {
  AccountTotals sum;
  for (const Account& account : accounts.view()) sum += account.Read();
  return sum;
}

// A worker with a source and a sink that keeps everything.
class WorkerTest : public ::testing::Test {
 protected:
  Worker& Run(const WorkerOptions& options = {}) {
    worker_ =
        std::make_unique<Worker>(options, &source_, world_.editions(), &sink_);
    while (!source_.is_finished()) worker_->RunOnce();
    return *worker_;
  }
  void Finish() { worker_->Finish(worker_->clock_ns()); }

  SmallWorld world_;
  FakeSource source_;
  CollectingSink sink_{1'000'000};
  std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerTest, AccountsAConversation) {
  source_.Push(TcpFrom("192.0.2.1", 40000, "198.51.100.7", 443, kTcpSyn),
               kStart);
  source_.Push(
      TcpFrom("198.51.100.7", 443, "192.0.2.1", 40000, kTcpSyn | kTcpAck),
      kStart + 1);
  source_.Push(TcpFrom("192.0.2.1", 40000, "198.51.100.7", 443).Payload(1000),
               kStart + 2);

  const Worker& worker = Run();
  Finish();

  const AccountTotals expected = {.flows = 1,
                                  .packets = 3,
                                  .octets = 3 * 40 + 1000,
                                  .egress_packets = 2,
                                  .egress_octets = 2 * 40 + 1000};
  ASSERT_EQ(worker.accounts().size(), 1u);
  const Account& account = worker.accounts().view()[0];
  EXPECT_EQ(account.Read(), expected);
  EXPECT_EQ(account.key.workload, kPayments);
  EXPECT_EQ(account.key.judgement.reason, Reason::kOutsideEu);

  ASSERT_EQ(sink_.flows().size(), 1u);
  const FlowRecord& flow = sink_.flows()[0].record;
  EXPECT_EQ(flow.source().ToString(), "192.0.2.1");
  EXPECT_EQ(flow.destination().ToString(), "198.51.100.7");
  EXPECT_EQ(flow.source_port(), 40000);
  EXPECT_EQ(flow.destination_port(), 443);
  EXPECT_EQ(flow.packets(), 2u);
  EXPECT_EQ(flow.octets(), 2 * 40 + 1000u);
  EXPECT_EQ(flow.reverse_packets(), 1u);
  EXPECT_EQ(flow.reverse_octets(), 40u);
  EXPECT_EQ(flow.start_ns, kStart);
  EXPECT_EQ(flow.end_ns, kStart + 2);
  EXPECT_EQ(EndReasonName(flow.end_reason), "forced_end");
  EXPECT_EQ(DirectionName(flow.direction), "egress");
}

// What a server answers to a client abroad leaves as well, whoever opened it.
TEST_F(WorkerTest, CountsTheAnswersOfAServerAsEgressOctets) {
  source_.Push(TcpFrom("198.51.100.7", 40000, "192.0.2.1", 443, kTcpSyn),
               kStart);
  source_.Push(TcpFrom("192.0.2.1", 443, "198.51.100.7", 40000).Payload(500),
               kStart);

  const Worker& worker = Run();

  const AccountTotals sum = SumOf(worker.accounts());
  EXPECT_EQ(worker.accounts().view()[0].key.direction, FlowDirection::kIngress);
  EXPECT_EQ(sum.octets, 2 * 40 + 500u);
  EXPECT_EQ(sum.egress_packets, 1u);
  EXPECT_EQ(sum.egress_octets, 40 + 500u);
}

// Under a flood of new flows the table fills. Losing flow *records* is
// acceptable and counted; losing *octets* would falsify the accounts.
TEST_F(WorkerTest, AccountsEveryOctetWhenTheFlowTableIsFull) {
  for (const char* inside : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
    source_.Push(TcpFrom(inside, 40000, "198.51.100.7", 443).Payload(1000),
                 kStart);
    source_.Push(TcpFrom("198.51.100.7", 443, inside, 40000).Payload(1000),
                 kStart);
  }

  const Worker& worker =
      Run({.flow_table = {.initial_capacity = 2, .memory_limit_bytes = 0}});
  Finish();

  EXPECT_EQ(worker.counters().flow_records_lost.Read(), 2u);
  EXPECT_EQ(sink_.flows().size(), 2u);
  const AccountTotals expected = {.flows = 2,
                                  .packets = 6,
                                  .octets = 6 * (20 + 20 + 1000),
                                  .egress_packets = 3,
                                  .egress_octets = 3 * (20 + 20 + 1000)};
  ASSERT_EQ(worker.accounts().size(), 1u) << "all are judged alike";
  EXPECT_EQ(SumOf(worker.accounts()), expected);
}

TEST_F(WorkerTest, CountsWhatCannotBeDecoded) {
  source_.Push(TcpFrom("192.0.2.1", 40000, "198.51.100.7", 443), kStart);
  source_.Push(TcpFrom("192.0.2.1", 40000, "198.51.100.7", 443).Snap(20),
               kStart);
  // ARP.
  source_.Push(PacketBuilder().Ethernet().Next(0x0806).Payload(28), kStart);

  const WorkerTotals totals = Run().counters().Read();

  EXPECT_EQ(totals.received, 3u);
  EXPECT_EQ(totals.accounted, 1u);
  EXPECT_EQ(totals.undecoded[static_cast<size_t>(DropReason::kTruncated)], 1u);
  EXPECT_EQ(totals.undecoded[static_cast<size_t>(DropReason::kNotIp)], 1u);
  EXPECT_EQ(totals.undecoded_total(), 2u);
}

TEST_F(WorkerTest, MetersTheInsideOfTunnelsApart) {
  const auto tunnelled = [](uint32_t id, const char* inner_destination) {
    return PacketBuilder()
        .Ethernet()
        .Ipv4("192.0.2.1", "203.0.113.5")
        .Udp(50000, 4789)
        .Vxlan(id)
        .Ethernet()
        .Ipv4("192.0.2.2", inner_destination)
        .Tcp(40000, 443, kTcpSyn)
        .Payload(100);
  };
  source_.Push(tunnelled(7, "198.51.100.7"), kStart);
  source_.Push(tunnelled(7, "198.51.100.7"), kStart);
  // The same inner addresses in another network.
  source_.Push(tunnelled(8, "198.51.100.7"), kStart);

  const Worker& worker = Run();
  Finish();

  const uint64_t inner_octets = 20 + 20 + 100;
  const uint64_t outer_octets = 20 + 8 + 8 + 14 + inner_octets;
  EXPECT_EQ(worker.counters().accounted.Read(), 3u);
  const AccountTotals outer = SumOf(worker.accounts());
  EXPECT_EQ(outer.flows, 1u);
  EXPECT_EQ(outer.octets, 3 * outer_octets);
  EXPECT_EQ(worker.accounts().view()[0].key.judgement.verdict,
            Verdict::kCompliant);
  const AccountTotals inner = SumOf(worker.tunnelled_accounts());
  EXPECT_EQ(inner.flows, 2u);
  EXPECT_EQ(inner.octets, 3 * inner_octets);
  EXPECT_EQ(worker.tunnelled_accounts().view()[0].key.judgement.reason,
            Reason::kOutsideEu);

  std::vector<ExportedFlow> flows = sink_.flows();
  std::sort(flows.begin(), flows.end(), IsBefore);
  ASSERT_EQ(flows.size(), 3u);
  EXPECT_FALSE(flows[0].record.is_tunnelled());
  EXPECT_EQ(flows[0].tunnel.kind, TunnelKind::kNone);
  EXPECT_EQ(flows[1].record.tunnel_kind, TunnelKind::kVxlan);
  EXPECT_EQ(flows[1].tunnel.id, 7u);
  EXPECT_EQ(flows[1].tunnel.a.ToString(), "192.0.2.1");
  EXPECT_EQ(flows[1].tunnel.b.ToString(), "203.0.113.5");
  EXPECT_EQ(flows[1].record.packets(), 2u);
  EXPECT_EQ(flows[2].tunnel.id, 8u);
}

// One address pair may fill its shard's share of tunnel numbers; the octets
// of what is inside are still accounted.
TEST_F(WorkerTest, AccountsTheInsideOfMoreTunnelsThanItNumbers) {
  constexpr uint32_t kExcess = 3;
  for (uint32_t id = 0; id < TunnelIndex::kTunnelsPerShard + kExcess; ++id) {
    source_.Push(PacketBuilder()
                     .Ipv4("192.0.2.1", "203.0.113.5")
                     .Udp(50000, 4789)
                     .Vxlan(id)
                     .Ethernet()
                     .Ipv4("192.0.2.2", "198.51.100.7")
                     .Tcp(40000, 443, kTcpSyn),
                 kStart);
  }

  const Worker& worker = Run();

  EXPECT_EQ(worker.counters().tunnels_not_tracked.Read(), kExcess);
  const AccountTotals inner = SumOf(worker.tunnelled_accounts());
  EXPECT_EQ(inner.flows, TunnelIndex::kTunnelsPerShard);
  EXPECT_EQ(inner.packets, TunnelIndex::kTunnelsPerShard + kExcess);
}

TEST_F(WorkerTest, CountsLaterFragmentsToTheFlowOfTheFirst) {
  const auto fragment = [](uint16_t offset, bool has_more) {
    return PacketBuilder()
        .Ethernet()
        .Ipv4("192.0.2.1", "198.51.100.7")
        .Fragment(99, offset, has_more);
  };
  source_.Push(fragment(0, true).Udp(40000, 53).Payload(800), kStart);
  source_.Push(fragment(808, false).Next(kProtocolUdp).Payload(200), kStart);

  const Worker& worker = Run();
  Finish();

  ASSERT_EQ(sink_.flows().size(), 1u);
  EXPECT_EQ(sink_.flows()[0].record.packets(), 2u);
  EXPECT_EQ(sink_.flows()[0].record.destination_port(), 53);
  EXPECT_EQ(worker.counters().fragments_resolved.Read(), 1u);
}

// A flow may end and another of its key start within one burst: each keeps its
// own packets and its own judgement.
TEST_F(WorkerTest, SplitsAFlowInsideABurst) {
  const PacketBuilder packet =
      TcpFrom("192.0.2.1", 40000, "198.51.100.200", 443);
  source_.Push(packet, kStart);
  source_.Push(packet, testing::kChange);
  source_.Push(packet, testing::kChange + 1);

  const Worker& worker = Run();
  Finish();

  std::vector<ExportedFlow> flows = sink_.flows();
  std::sort(flows.begin(), flows.end(), IsBefore);
  ASSERT_EQ(flows.size(), 2u);
  EXPECT_EQ(flows[0].record.packets(), 1u);
  EXPECT_EQ(flows[0].record.judgement.verdict, Verdict::kExcepted);
  EXPECT_EQ(EndReasonName(flows[0].record.end_reason), "idle_timeout");
  EXPECT_EQ(flows[1].record.packets(), 2u);
  EXPECT_EQ(flows[1].record.judgement.verdict, Verdict::kViolation);
  EXPECT_EQ(worker.accounts().size(), 2u);
}

TEST_F(WorkerTest, ExportsEveryFlowOnce) {
  for (uint32_t i = 0; i < 1000; ++i) {
    source_.Push(TcpFrom("192.0.2.1", static_cast<uint16_t>(10'000 + i),
                         "198.51.100.7", 443),
                 kStart + i * kSecond);
  }

  const Worker& worker = Run();
  EXPECT_GT(sink_.flows().size(), 500u) << "timed-out flows are exported";
  EXPECT_LT(worker.flow_table().size(), 500u);
  Finish();

  EXPECT_EQ(sink_.flows().size(), 1000u);
  EXPECT_EQ(worker.flow_table().size(), 0u);
  EXPECT_EQ(worker.counters().flows_started.Read(), 1000u);
  EXPECT_EQ(worker.counters().flows_ended.Read(), 1000u);
}

TEST_F(WorkerTest, RunsWithoutASink) {
  source_.Push(TcpFrom("192.0.2.1", 40000, "198.51.100.7", 443), kStart);
  Worker worker({}, &source_, world_.editions(), /*sink=*/nullptr);

  EXPECT_EQ(worker.RunOnce(), 1u);
  worker.Finish(kStart);

  EXPECT_EQ(worker.counters().flows_ended.Read(), 1u);
}

// Keeps nothing, so that what is counted is the worker's own doing.
class CountingSink : public FlowSink {
 public:
  void Export(std::span<const FlowRecord> records,
              const TunnelIndex&) override {
    count_ += records.size();
  }
  size_t count() const { return count_; }

 private:
  size_t count_ = 0;
};

TEST_F(WorkerTest, AllocatesNothingOnceItsTablesAreMade) {
  // New flows, known flows, tunnels, fragments, ends and undecoded frames.
  for (uint32_t i = 0; i < 2000; ++i) {
    const auto port = static_cast<uint16_t>(10'000 + i % 700);
    source_.Push(TcpFrom("192.0.2.1", port, "198.51.100.7", 443),
                 kStart + i * kSecond / 4);
    source_.Push(PacketBuilder()
                     .Ipv4("192.0.2.1", "203.0.113.5")
                     .Udp(50000, 4789)
                     .Vxlan(i % 50)
                     .Ethernet()
                     .Ipv6("2001:db8:42::1", "2001:db8:a::1")
                     .Udp(port, 53),
                 kStart + i * kSecond / 4);
    source_.Push(PacketBuilder().Ethernet().Next(0x0806).Payload(28),
                 kStart + i * kSecond / 4);
    source_.Push(PacketBuilder()
                     .Ipv4("192.0.2.1", "198.51.100.7")
                     .Fragment(i, 64, false)
                     .Next(kProtocolUdp)
                     .Payload(64),
                 kStart + i * kSecond / 4);
  }
  CountingSink sink;
  Worker worker({}, &source_, world_.editions(), &sink);
  worker.RunOnce();  // Compiles the edition.

  const AllocationGuard guard;
  while (!source_.is_finished()) worker.RunOnce();
  worker.Finish(worker.clock_ns());
  const uint64_t allocation_count = guard.allocation_count();

  EXPECT_EQ(allocation_count, 0u);
  EXPECT_GT(sink.count(), 1000u);
  EXPECT_EQ(worker.counters().received.Read(), 8000u);
}

TEST(AllocationGuardTest, SeesAnAllocation) {
  const AllocationGuard guard;
  auto memory = std::make_unique<int>(1);
  EXPECT_GE(guard.allocation_count(), 1u);
}

}  // namespace
}  // namespace octroi
