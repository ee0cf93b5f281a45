// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sharded_source.h"

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace octroi {
namespace {

// Packet number `number`, whose first bytes say so, of a size that varies from
// nothing to the largest.
std::vector<uint8_t> BytesOf(uint32_t number) {
  size_t size = 4 + number % 1500;
  if (number % 1000 == 999) size = kMaxCapturedOctets;
  std::vector<uint8_t> bytes(size, static_cast<uint8_t>(number));
  std::memcpy(bytes.data(), &number, sizeof(number));
  return bytes;
}

TEST(ShardedSourceTest, KeepsOrderAndCopiesBytesBetweenThreads) {
  constexpr uint32_t kCount = 20'000;
  ShardedSource source;
  std::thread reader([&source] {
    for (uint32_t number = 0; number < kCount; ++number) {
      std::vector<uint8_t> bytes = BytesOf(number);
      Packet packet;
      packet.data = bytes.data();
      packet.captured_octets = static_cast<uint32_t>(bytes.size());
      packet.wire_octets = packet.captured_octets + 1;
      packet.timestamp_ns = number;
      packet.clock_ns = number;
      source.Push(packet);
      // The lender's bytes are gone as soon as Push has returned.
      std::fill(bytes.begin(), bytes.end(), uint8_t{0xDB});
    }
    source.Close(kCount - 1);
  });

  uint32_t next = 0;
  PacketBurst burst;
  while (!source.is_finished()) {
    source.ReceiveBurst(&burst);
    for (const Packet& packet : burst.view()) {
      const std::vector<uint8_t> expected = BytesOf(next);
      EXPECT_EQ(packet.timestamp_ns, next);
      ASSERT_EQ(packet.captured_octets, expected.size());
      EXPECT_EQ(packet.wire_octets, expected.size() + 1);
      EXPECT_EQ(std::memcmp(packet.data, expected.data(), expected.size()), 0);
      next += 1;
    }
    source.ReleaseBurst(&burst);
  }
  reader.join();

  EXPECT_EQ(next, kCount);
  EXPECT_EQ(source.final_clock_ns(), kCount - 1);
}

TEST(ShardedSourceTest, FinishesWhenClosedWithoutAPacket) {
  ShardedSource source;
  std::thread reader([&source] { source.Close(42); });

  PacketBurst burst;
  EXPECT_EQ(source.ReceiveBurst(&burst), 0u);
  source.ReleaseBurst(&burst);
  reader.join();

  EXPECT_TRUE(source.is_finished());
  EXPECT_EQ(source.final_clock_ns(), 42);
}

TEST(ShardedSourceTest, TakesPacketsWithoutBytes) {
  ShardedSource source;
  source.Push(Packet());
  source.Close(0);

  PacketBurst burst;
  ASSERT_EQ(source.ReceiveBurst(&burst), 1u);
  EXPECT_EQ(burst.packets[0].captured_octets, 0u);
  source.ReleaseBurst(&burst);
}

// The reader may be ahead by a bounded number of batches, not by a capture.
TEST(ShardedSourceTest, HoldsTheReaderBackWhileTheWorkerIsBusy) {
  constexpr int kCount = 10'000;
  ShardedSource source;
  std::atomic<int> pushed_count{0};
  std::thread reader([&] {
    for (int i = 0; i < kCount; ++i) {
      source.Push(Packet());
      pushed_count.fetch_add(1);
    }
    source.Close(0);
  });

  PacketBurst burst;
  int received_count = 0;
  while (!source.is_finished()) {
    received_count += static_cast<int>(source.ReceiveBurst(&burst));
    // Four batches of 512 packets, and the one that Push waits with.
    EXPECT_LE(pushed_count.load(), received_count + 4 * 512);
    source.ReleaseBurst(&burst);
  }
  reader.join();

  EXPECT_EQ(received_count, kCount);
}

}  // namespace
}  // namespace octroi
