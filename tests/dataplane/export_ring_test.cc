// SPDX-License-Identifier: Apache-2.0
#include "dataplane/export_ring.h"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "dataplane/collecting_sink.h"
#include "dataplane/worker.h"
#include "gtest/gtest.h"
#include "tests/support/allocation_guard.h"
#include "tests/support/fake_source.h"
#include "tests/support/small_world.h"

namespace octroi {
namespace {

using ::octroi::testing::AllocationGuard;
using ::octroi::testing::FakeSource;
using ::octroi::testing::kStart;
using ::octroi::testing::PacketBuilder;
using ::octroi::testing::SmallWorld;

// Every counter tells the number, so that a torn copy is seen.
FlowRecord Numbered(uint64_t number) {
  FlowRecord record;
  record.sent_octets[0] = number;
  record.sent_packets[1] = number;
  record.start_ns = static_cast<int64_t>(number);
  record.last_clock_ns = static_cast<int64_t>(number);
  return record;
}

bool IsNumbered(const FlowRecord& record, uint64_t number) {
  return record.sent_octets[0] == number && record.sent_packets[1] == number &&
         record.start_ns == static_cast<int64_t>(number) &&
         record.last_clock_ns == static_cast<int64_t>(number);
}

std::vector<FlowRecord> NumberedFrom(uint64_t first, size_t count) {
  std::vector<FlowRecord> records;
  for (size_t i = 0; i < count; ++i) records.push_back(Numbered(first + i));
  return records;
}

TEST(ExportRingTest, GivesFlowsInTheirOrderAcrossItsEnd) {
  ExportRing ring(8);
  const TunnelIndex tunnels(1);
  std::array<ExportedFlow, 5> batch;

  // Five at a time, so that every place is the first of a batch once.
  for (uint64_t first = 0; first < 40; first += 5) {
    ring.Export(NumberedFrom(first, 5), tunnels);

    ASSERT_EQ(ring.TakeBatch(batch), 5u);
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_TRUE(IsNumbered(batch[i].record, first + i)) << first << "+" << i;
    }
  }
  EXPECT_EQ(ring.TakeBatch(batch), 0u);
  EXPECT_EQ(ring.lost_count(), 0u);
}

TEST(ExportRingTest, DropsAndCountsWhatFindsNoPlace) {
  ExportRing ring(4);
  const TunnelIndex tunnels(1);
  std::array<ExportedFlow, 8> batch;

  ring.Export(NumberedFrom(0, 3), tunnels);
  ring.Export(NumberedFrom(3, 3), tunnels);  // Room for one.
  ring.Export(NumberedFrom(6, 2), tunnels);  // For none.

  EXPECT_EQ(ring.lost_count(), 4u);
  ASSERT_EQ(ring.TakeBatch(batch), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(IsNumbered(batch[i].record, i));

  // Room again: nothing more is lost.
  ring.Export(NumberedFrom(8, 4), tunnels);

  EXPECT_EQ(ring.lost_count(), 4u);
  ASSERT_EQ(ring.TakeBatch(batch), 4u);
  EXPECT_TRUE(IsNumbered(batch[0].record, 8));
}

TEST(ExportRingTest, LeavesWhatABatchHasNoRoomFor) {
  ExportRing ring(8);
  const TunnelIndex tunnels(1);
  std::array<ExportedFlow, 3> batch;

  ring.Export(NumberedFrom(0, 4), tunnels);

  EXPECT_EQ(ring.TakeBatch(batch), 3u);
  ASSERT_EQ(ring.TakeBatch(batch), 1u);
  EXPECT_TRUE(IsNumbered(batch[0].record, 3));
}

TEST(ExportRingTest, TakesNoMemoryAfterConstruction) {
  ExportRing ring(16);
  const TunnelIndex tunnels(1);
  const std::vector<FlowRecord> records = NumberedFrom(0, 64);
  std::array<ExportedFlow, 8> batch;
  const AllocationGuard guard;

  ring.Export(records, tunnels);
  ring.TakeBatch(batch);

  EXPECT_EQ(guard.allocation_count(), 0u);
}

// What a worker exports, tunnels included, reads the same whether a ring or
// the sink of replay carries it.
TEST(ExportRingTest, CarriesWhatTheSinkOfReplayCarries) {
  SmallWorld world;
  FakeSource source;
  source.Push(PacketBuilder()
                  .Ethernet()
                  .Ipv4("192.0.2.1", "203.0.113.9")
                  .Udp(50000, 4789)
                  .Vxlan(42)
                  .Ethernet()
                  .Ipv4("192.0.2.20", "198.51.100.7")
                  .Udp(40000, 40001)
                  .Payload(10),
              kStart);
  FakeSource same = source;
  CollectingSink sink(10);
  ExportRing ring(8);
  std::array<ExportedFlow, 8> batch;

  {
    // The worker, and with it the index of tunnels, is gone when they are read.
    Worker worker({}, &source, world.editions(), &sink);
    Worker ring_worker({}, &same, world.editions(), &ring);
    for (Worker* each : {&worker, &ring_worker}) {
      while (each->RunOnce() != 0) {
      }
      each->Finish(each->clock_ns());
    }
  }

  ASSERT_EQ(ring.TakeBatch(batch), sink.flows().size());
  ASSERT_EQ(sink.flows().size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_FALSE(IsBefore(batch[i], sink.flows()[i]));
    EXPECT_FALSE(IsBefore(sink.flows()[i], batch[i]));
    EXPECT_EQ(batch[i].tunnel, sink.flows()[i].tunnel);
  }
  EXPECT_NE(batch[0].tunnel.kind, batch[1].tunnel.kind);
}

// A small ring, so that both of its ends are met all the time: what is taken
// and what is lost are all that was exported, each record whole and in order.
TEST(ExportRingTest, LosesNothingUncountedBetweenTwoThreads) {
  constexpr uint64_t kBatches = 20'000;
  constexpr size_t kBatchSize = 3;
  ExportRing ring(16);
  std::atomic<bool> is_done{false};

  std::thread worker([&] {
    const TunnelIndex tunnels(1);
    std::array<FlowRecord, kBatchSize> records;
    for (uint64_t n = 0; n < kBatches * kBatchSize; n += kBatchSize) {
      for (size_t i = 0; i < kBatchSize; ++i) records[i] = Numbered(n + i);
      ring.Export(records, tunnels);
      if (n % 64 == 0) std::this_thread::yield();
    }
    is_done.store(true);
  });
  std::array<ExportedFlow, 8> batch;
  uint64_t taken_count = 0;
  uint64_t torn_count = 0;
  uint64_t unordered_count = 0;
  uint64_t next = 0;  // The lowest number that may follow.
  bool was_done = false;
  while (true) {
    const size_t count = ring.TakeBatch(batch);
    for (size_t i = 0; i < count; ++i) {
      const uint64_t number = batch[i].record.sent_octets[0];
      if (!IsNumbered(batch[i].record, number)) ++torn_count;
      if (number < next) ++unordered_count;
      next = number + 1;
    }
    taken_count += count;
    if (count != 0) continue;
    if (was_done) break;  // Done before this look found nothing.
    was_done = is_done.load();
    std::this_thread::yield();
  }
  worker.join();

  EXPECT_EQ(taken_count + ring.lost_count(), kBatches * kBatchSize);
  EXPECT_GT(taken_count, 0u);
  EXPECT_EQ(torn_count, 0u);
  EXPECT_EQ(unordered_count, 0u);
}

}  // namespace
}  // namespace octroi
