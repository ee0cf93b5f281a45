// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
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

// Until the accounts hold everything that has been received so far.
void SettleAll(Worker* worker) {
  const uint64_t number = worker->RequestSettlement();
  while (worker->settlement_count() < number) worker->RunOnce();
}

// A worker with a source and a sink that keeps everything.
class WorkerTest : public ::testing::Test {
 protected:
  // Runs until the source is empty, and settles what is open.
  Worker& Run(const WorkerOptions& options = {}) {
    worker_ =
        std::make_unique<Worker>(options, &source_, world_.editions(), &sink_);
    while (!source_.is_finished()) worker_->RunOnce();
    SettleAll(worker_.get());
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

  const Worker& worker = Run({.flow_table = {.initial_capacity = 1000}});
  EXPECT_GT(sink_.flows().size(), 500u) << "timed-out flows are exported";
  EXPECT_LT(worker.flow_table().size(), 500u);
  Finish();

  EXPECT_EQ(sink_.flows().size(), 1000u);
  EXPECT_EQ(worker.flow_table().size(), 0u);
  EXPECT_EQ(worker.counters().flows_started.Read(), 1000u);
  EXPECT_EQ(worker.counters().flows_ended.Read(), 1000u);
}

// A packet of a known flow writes its record alone; whoever reads the accounts
// asks for them first.
TEST_F(WorkerTest, TellsTheAccountsOfOpenFlowsWhenAsked) {
  const PacketBuilder packet =
      TcpFrom("192.0.2.1", 40000, "198.51.100.7", 443).Payload(1000);
  source_.Push(packet, kStart);
  Worker worker({}, &source_, world_.editions(), &sink_);
  worker.RunOnce();
  EXPECT_EQ(SumOf(worker.accounts()), (AccountTotals{.flows = 1}));

  SettleAll(&worker);
  const AccountTotals one = {.flows = 1,
                             .packets = 1,
                             .octets = 1040,
                             .egress_packets = 1,
                             .egress_octets = 1040};
  EXPECT_EQ(SumOf(worker.accounts()), one);
  SettleAll(&worker);
  EXPECT_EQ(SumOf(worker.accounts()), one) << "nothing twice";

  source_.Push(packet, kStart + 1);
  worker.RunOnce();
  worker.Finish(kStart + 1);
  EXPECT_EQ(SumOf(worker.accounts()).octets, 2 * 1040u);
  EXPECT_EQ(SumOf(worker.accounts()).packets, 2u);
  ASSERT_EQ(sink_.flows().size(), 1u);
  EXPECT_EQ(sink_.flows()[0].record.octets(), 2 * 1040u);
  EXPECT_EQ(sink_.flows()[0].record.packets(), 2u);
}

// A sweep that is under way when it is asked has passed some records already.
TEST_F(WorkerTest, SettlesAnewWhatWasAccountedDuringASweep) {
  // More places than one RunOnce looks at.
  const WorkerOptions options = {.flow_table = {.initial_capacity = 4096}};
  Worker worker(options, &source_, world_.editions(), &sink_);
  const auto push_all = [this] {
    for (uint16_t port = 1; port <= 1000; ++port) {
      source_.Push(TcpFrom("192.0.2.1", port, "198.51.100.7", 443), kStart);
    }
  };
  push_all();
  while (!source_.is_finished()) worker.RunOnce();

  const uint64_t first = worker.RequestSettlement();
  worker.RunOnce();
  ASSERT_LT(worker.settlement_count(), first);
  push_all();
  while (!source_.is_finished()) worker.RunOnce();
  const uint64_t second = worker.RequestSettlement();
  ASSERT_LT(first, second);
  while (worker.settlement_count() < first) worker.RunOnce();
  EXPECT_GE(SumOf(worker.accounts()).packets, 1000u);
  while (worker.settlement_count() < second) worker.RunOnce();

  EXPECT_EQ(SumOf(worker.accounts()).packets, 2000u);
}

TEST_F(WorkerTest, AnswersEveryRequestWhenItFinishes) {
  source_.Push(TcpFrom("192.0.2.1", 40000, "198.51.100.7", 443), kStart);
  Worker worker({}, &source_, world_.editions(), &sink_);
  worker.RunOnce();
  const uint64_t number = worker.RequestSettlement();

  worker.Finish(kStart);

  EXPECT_EQ(worker.settlement_count(), number);
  EXPECT_EQ(SumOf(worker.accounts()).packets, 1u);
}

// Records count packets in 32 bits between two settlements.
TEST_F(WorkerTest, SettlesByItselfBeforeCountersRunOver) {
  for (int64_t i = 0; i < 1000; ++i) {
    source_.Push(TcpFrom("192.0.2.1", 40000, "198.51.100.7", 443), kStart + i);
  }
  Worker worker({.flow_table = {.initial_capacity = 200},
                 .settlement_interval_packets = 100},
                &source_, world_.editions(), &sink_);
  while (!source_.is_finished()) worker.RunOnce();

  EXPECT_GT(worker.settlement_count(), 1u);
  EXPECT_GT(SumOf(worker.accounts()).packets, 500u);
  worker.Finish(kStart + 1000);
  EXPECT_EQ(SumOf(worker.accounts()).packets, 1000u);
  ASSERT_EQ(sink_.flows().size(), 1u);
  EXPECT_EQ(sink_.flows()[0].record.packets(), 1000u);
}

// Flows of all kinds that start, end, time out and move, settlements at any
// time: after each, the accounts are what was sent.
TEST_F(WorkerTest, IsExactAtEverySettlement) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const WorkerOptions options = {
      .flow_table = {.initial_capacity = 4},
      .settlement_interval_packets = 1 + random() % 500};
  Worker worker(options, &source_, world_.editions(), &sink_);
  AccountTotals sent;
  int64_t now_ns = kStart;
  for (int round = 0; round < 60; ++round) {
    for (uint32_t i = random() % 300; i > 0; --i) {
      now_ns += static_cast<int64_t>(random() % (kSecond / 4));
      const auto port = static_cast<uint16_t>(20'000 + random() % 200);
      const auto payload = static_cast<size_t>(random() % 1400);
      const uint8_t flags = random() % 50 == 0 ? kTcpRst : kTcpAck;
      const bool is_egress = random() % 2 == 0;
      PacketBuilder packet =
          is_egress ? TcpFrom("192.0.2.1", port, "198.51.100.7", 443, flags)
                    : TcpFrom("198.51.100.7", 443, "192.0.2.1", port, flags);
      source_.Push(packet.Payload(payload), now_ns);
      sent.packets += 1;
      sent.octets += 40 + payload;
      if (!is_egress) continue;
      sent.egress_packets += 1;
      sent.egress_octets += 40 + payload;
    }
    if (random() % 3 == 0) worker.RequestSettlement();
    while (!source_.is_finished()) worker.RunOnce();
    if (random() % 2 == 0) continue;
    SettleAll(&worker);
    AccountTotals told = SumOf(worker.accounts());
    told.flows = 0;
    ASSERT_EQ(told, sent);
  }
  worker.Finish(now_ns);

  AccountTotals told = SumOf(worker.accounts());
  EXPECT_EQ(told.flows, sink_.flows().size());
  told.flows = 0;
  EXPECT_EQ(told, sent);
  AccountTotals recorded;
  for (const ExportedFlow& flow : sink_.flows()) {
    recorded.packets += flow.record.packets() + flow.record.reverse_packets();
    recorded.octets += flow.record.octets() + flow.record.reverse_octets();
  }
  EXPECT_EQ(recorded.packets, sent.packets);
  EXPECT_EQ(recorded.octets, sent.octets);
}

TEST_F(WorkerTest, LetsAnotherThreadReadWhatItAskedFor) {
  for (int64_t i = 0; i < 20'000; ++i) {
    source_.Push(TcpFrom("192.0.2.1", static_cast<uint16_t>(1 + i % 500),
                         "198.51.100.7", 443),
                 kStart + i);
  }
  Worker worker({}, &source_, world_.editions(), /*sink=*/nullptr);
  std::atomic<bool> is_done{false};
  std::thread thread([&worker, &is_done] {
    while (!is_done.load()) worker.RunOnce();
  });

  uint64_t told = 0;
  while (told < 20'000) {
    const uint64_t accounted = worker.counters().accounted.Read();
    const uint64_t number = worker.RequestSettlement();
    while (worker.settlement_count() < number) std::this_thread::yield();
    told = SumOf(worker.accounts()).packets;
    EXPECT_GE(told, accounted);
  }
  is_done = true;
  thread.join();

  EXPECT_EQ(told, 20'000u);
}

TEST_F(WorkerTest, SaysWhetherItsAccountsHaveBeenToldOfAllThatItReceived) {
  Worker worker({}, &source_, world_.editions(), /*sink=*/nullptr);
  EXPECT_TRUE(worker.is_settled()) << "nothing was received";
  source_.Push(TcpFrom("192.0.2.1", 1, "198.51.100.7", 443), kStart);
  worker.RunOnce();
  EXPECT_FALSE(worker.is_settled());

  worker.RequestSettlement();
  while (worker.is_busy()) worker.RunOnce();
  EXPECT_TRUE(worker.is_settled());
}

// The editions of a small world under other numbers, as a reload gives them.
class RenumberedEditions : public EditionProvider {
 public:
  explicit RenumberedEditions(EditionProvider* editions)
      : edition_(editions->At(kStart)) {
    edition_.index += 100;
  }
  const Edition& At(int64_t) override { return edition_; }
  uint32_t index() const { return edition_.index; }

 private:
  Edition edition_;
};

// Of the flows of an edition: packets, and why they ended.
std::multiset<std::string> EndsOf(const std::vector<ExportedFlow>& flows,
                                  uint32_t edition) {
  std::multiset<std::string> ends;
  for (const ExportedFlow& flow : flows) {
    if (flow.record.edition != edition) continue;
    ends.insert(std::to_string(flow.record.packets()) + " " +
                std::string(EndReasonName(flow.record.end_reason)));
  }
  return ends;
}

TEST_F(WorkerTest, JudgesEachRecordByOneSetOfEditions) {
  const auto push = [this](uint16_t port, int64_t ns, uint8_t flags = kTcpAck) {
    source_.Push(TcpFrom("192.0.2.1", port, "198.51.100.7", 443, flags), ns);
  };
  RenumberedEditions reloaded(world_.editions());
  Worker worker({}, &source_, world_.editions(), &sink_);
  push(1, kStart);  // Goes on afterwards.
  push(2, kStart);  // Does not.
  push(3, kStart, kTcpRst);
  worker.RunOnce();
  EXPECT_EQ(worker.oldest_editions(), world_.editions());

  EXPECT_EQ(worker.OfferEditions(&reloaded), nullptr);
  push(1, kStart + 1);
  push(1, kStart + 2);
  worker.RunOnce();
  while (worker.oldest_editions() != &reloaded) worker.RunOnce();

  // Before anything else ends it: the sink has all that was judged before.
  EXPECT_EQ(EndsOf(sink_.flows(), 0),
            (std::multiset<std::string>{"1 forced_end", "1 forced_end",
                                        "1 end_of_flow"}));
  EXPECT_EQ(worker.flow_table().size(), 1u);
  worker.Finish(kStart + 2);
  EXPECT_EQ(EndsOf(sink_.flows(), reloaded.index()),
            (std::multiset<std::string>{"2 forced_end"}));
  const std::vector<const Books*> books = worker.kept_books();
  ASSERT_EQ(books.size(), 2u);
  ASSERT_EQ(books[0]->outer.size(), 1u);
  ASSERT_EQ(books[1]->outer.size(), 1u);
  const Account& before = books[0]->outer.view()[0];
  const Account& after = books[1]->outer.view()[0];
  EXPECT_EQ(before.key.edition, 0u);
  EXPECT_EQ(before.Read().packets, 3u);
  EXPECT_EQ(after.key.edition, reloaded.index());
  EXPECT_EQ(after.Read().packets, 2u);

  worker.ReleaseBooks();
  EXPECT_EQ(worker.kept_books(), std::vector<const Books*>{books[1]});
}

// However often: accounts of what nobody judges by any more do not pile up.
TEST_F(WorkerTest, KeepsTheBooksOfTwoSetsOfEditionsAtMost) {
  std::vector<std::unique_ptr<RenumberedEditions>> reloads;
  Worker worker({}, &source_, world_.editions(), &sink_);
  EditionProvider* present = world_.editions();
  AccountTotals released;
  for (int i = 0; i < 50; ++i) {
    source_.Push(TcpFrom("192.0.2.1", 1, "198.51.100.7", 443), kStart + i);
    worker.RunOnce();
    reloads.push_back(std::make_unique<RenumberedEditions>(present));
    present = reloads.back().get();
    ASSERT_EQ(worker.OfferEditions(present), nullptr);
    while (worker.oldest_editions() != present) worker.RunOnce();
    ASSERT_EQ(worker.kept_books().size(), 2u);
    released += SumOf(worker.kept_books()[0]->outer);
    worker.ReleaseBooks();
    ASSERT_EQ(worker.kept_books().size(), 1u);
  }
  EXPECT_EQ(released.packets, 50u);
  EXPECT_EQ(released.flows, 50u);
}

// What was over before keeps its own reason.
TEST_F(WorkerTest, EndsWhatWasOverBeforeTheReloadAsItEnded) {
  RenumberedEditions reloaded(world_.editions());
  Worker worker({.expiry_scan_count = 0}, &source_, world_.editions(), &sink_);
  source_.Push(TcpFrom("192.0.2.1", 1, "198.51.100.7", 443), kStart);
  source_.Push(TcpFrom("192.0.2.1", 2, "198.51.100.7", 443),
               kStart + 61 * kSecond);
  worker.RunOnce();

  worker.OfferEditions(&reloaded);
  while (worker.oldest_editions() != &reloaded) worker.RunOnce();

  EXPECT_EQ(EndsOf(sink_.flows(), 0),
            (std::multiset<std::string>{"1 idle_timeout", "1 forced_end"}));
}

TEST_F(WorkerTest, AdoptsOneSetOfEditionsAtATime) {
  RenumberedEditions second(world_.editions());
  RenumberedEditions third(&second);
  RenumberedEditions fourth(&third);
  Worker worker({.flow_table = {.initial_capacity = 4096}}, &source_,
                world_.editions(), &sink_);
  source_.Push(TcpFrom("192.0.2.1", 1, "198.51.100.7", 443), kStart);
  worker.RunOnce();

  worker.OfferEditions(&second);
  worker.RunOnce();
  ASSERT_EQ(worker.oldest_editions(), world_.editions());
  EXPECT_EQ(worker.OfferEditions(&third), nullptr) << "adopted";
  worker.RunOnce();
  ASSERT_EQ(worker.oldest_editions(), world_.editions());
  EXPECT_EQ(worker.OfferEditions(&fourth), &third) << "never used";
  while (worker.oldest_editions() != &fourth) worker.RunOnce();

  source_.Push(TcpFrom("192.0.2.1", 1, "198.51.100.7", 443), kStart);
  worker.RunOnce();
  worker.Finish(kStart);
  EXPECT_EQ(sink_.flows().size(), 2u);
  EXPECT_EQ(EndsOf(sink_.flows(), fourth.index()).size(), 1u);
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
