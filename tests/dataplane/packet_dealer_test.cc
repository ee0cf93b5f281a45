// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_dealer.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/decode.h"
#include "fmt/format.h"
#include "gtest/gtest.h"
#include "tests/support/fake_source.h"
#include "tests/support/packet_builder.h"

namespace octroi {
namespace {

using testing::FakeSource;
using testing::Frame;
using testing::PacketBuilder;

// Packet number `number`, between addresses that depend on it.
Frame FrameOf(uint32_t number) {
  const uint32_t host = number % 251;
  return PacketBuilder()
      .Ethernet()
      .Ipv4(fmt::format("192.0.2.{}", host).c_str(), "198.51.100.7")
      .Udp(static_cast<uint16_t>(number), 53)
      .Payload(number % 100)
      .Build();
}

std::string BytesOf(const Packet& packet) {
  return {reinterpret_cast<const char*>(packet.data), packet.captured_octets};
}

struct Seen {
  int64_t timestamp_ns = 0;
  std::string bytes;

  bool operator==(const Seen&) const = default;
};

std::vector<Seen> TakeAll(PacketDealer* dealer, size_t lane) {
  std::vector<Seen> seen;
  while (const PacketDealer::Block* block = dealer->Take(lane)) {
    for (const uint16_t place : block->PlacesOf(lane)) {
      const Packet& packet = block->packet(place);
      seen.push_back({packet.timestamp_ns, BytesOf(packet)});
    }
    dealer->PutBack(lane);
  }
  return seen;
}

TEST(PacketDealerTest, GivesEachLaneThePacketsOfItsShardsInOrder) {
  constexpr uint32_t kCount = 30'000;
  for (const size_t lane_count : {1, 2, 3, 64}) {
    // Bursts that are not full are how files end their windows.
    FakeSource source(lane_count == 2 ? 7 : kMaxBurst);
    std::vector<std::vector<Seen>> expected(lane_count);
    for (uint32_t n = 0; n < kCount; ++n) source.Push(FrameOf(n), n);
    for (const Packet& packet : source.packets()) {
      expected[ShardOfPacket(packet) % lane_count].push_back(
          {packet.timestamp_ns, BytesOf(packet)});
    }
    PacketDealer dealer(&source, lane_count);

    std::vector<std::vector<Seen>> seen(lane_count);
    std::vector<std::thread> threads;
    for (size_t lane = 0; lane < lane_count; ++lane) {
      threads.emplace_back([&, lane] { seen[lane] = TakeAll(&dealer, lane); });
    }
    for (std::thread& thread : threads) thread.join();

    EXPECT_EQ(seen, expected) << lane_count << " lanes";
    EXPECT_EQ(dealer.final_clock_ns(), kCount - 1);
  }
}

TEST(PacketDealerTest, EndsWithoutAPacket) {
  FakeSource source;
  PacketDealer dealer(&source, 2);

  EXPECT_TRUE(TakeAll(&dealer, 1).empty());
  EXPECT_TRUE(TakeAll(&dealer, 0).empty());
  EXPECT_EQ(dealer.final_clock_ns(), 0);
}

TEST(PacketDealerTest, GivesNothingOnceItIsStopped) {
  FakeSource source;
  for (uint32_t n = 0; n < 10; ++n) source.Push(FrameOf(n), n);
  PacketDealer dealer(&source, 2);

  // Nobody runs lane 1, so that lane 0 would come to wait for it.
  dealer.Stop();

  EXPECT_EQ(dealer.Take(0), nullptr);
}

// Endless copies of one packet, counted; may claim to lend a lot of memory.
class CountingSource : public ReplaySource {
 public:
  CountingSource(size_t packet_limit, size_t claimed_bytes)
      : packet_limit_(packet_limit), claimed_bytes_(claimed_bytes) {}

  size_t ReceiveBurst(PacketBurst* burst) override {
    burst->size = kMaxBurst;
    burst->packets.fill(frame_.AsPacket(0));
    count_.fetch_add(kMaxBurst);
    return kMaxBurst;
  }
  void ReleaseBurst(PacketBurst* burst) override { burst->size = 0; }
  void HoldBytes(HeldBytes* held) override {
    held->Add(std::make_shared<int>(0), claimed_bytes_);
  }
  bool is_finished() const override { return count_.load() >= packet_limit_; }
  size_t count() const { return count_.load(); }

 private:
  const size_t packet_limit_;
  const size_t claimed_bytes_;
  const Frame frame_ = FrameOf(1);
  std::atomic<size_t> count_{0};
};

// A lane that is slow may be behind by a bounded number of blocks, not by a
// capture.
TEST(PacketDealerTest, HoldsTheSourceBackWhileALaneIsBusy) {
  constexpr size_t kMostAhead =
      PacketDealer::kBlockCount * PacketDealer::kBlockPackets;
  CountingSource source(40 * kMostAhead, /*claimed_bytes=*/0);
  PacketDealer dealer(&source, 2);
  std::thread fast([&] { TakeAll(&dealer, 0); });

  size_t put_back_count = 0;
  while (dealer.Take(1) != nullptr) {
    EXPECT_LE(source.count(),
              put_back_count * PacketDealer::kBlockPackets + kMostAhead);
    put_back_count += 1;
    dealer.PutBack(1);
  }
  fast.join();

  EXPECT_EQ(put_back_count, 40 * PacketDealer::kBlockCount);
}

// A capture may make its reader's memory large for a few packets only.
TEST(PacketDealerTest, TakesLittleIntoABlockThatHoldsMuch) {
  CountingSource source(10 * kMaxBurst, /*claimed_bytes=*/size_t{16} << 20);
  PacketDealer dealer(&source, 1);

  const PacketDealer::Block* block = dealer.Take(0);

  ASSERT_NE(block, nullptr);
  EXPECT_EQ(block->PlacesOf(0).size(), kMaxBurst);
  dealer.PutBack(0);
}

}  // namespace
}  // namespace octroi
