// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_dealer.h"

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "dataplane/capture_source.h"
#include "dataplane/decode.h"
#include "fmt/format.h"
#include "gtest/gtest.h"
#include "tests/support/capture_builder.h"
#include "tests/support/fake_source.h"
#include "tests/support/packet_builder.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using testing::FakeSource;
using testing::Frame;
using testing::PacketBuilder;
using testing::PcapBuilder;

// Packet number `number`, between addresses that depend on it. Every fifth is
// not plain.
Frame FrameOf(uint32_t number) {
  const uint32_t host = number % 251;
  PacketBuilder builder;
  builder.Ethernet();
  if (number % 5 == 0) builder.Vlan(7);
  return builder.Ipv4(fmt::format("192.0.2.{}", host).c_str(), "198.51.100.7")
      .Udp(static_cast<uint16_t>(number), 53)
      .Payload(number % 100)
      .Build();
}

std::string TextOf(const FlowPacket& packet) {
  const IpLayer layer = LayerOf(packet);
  return fmt::format("{} {}:{} {}:{} {}", packet.timestamp_ns,
                     layer.source.ToString(), layer.source_port,
                     layer.destination.ToString(), layer.destination_port,
                     layer.ip_octets);
}

std::string TextOf(const Packet& packet) {
  FlowPacket plain;
  if (ReadPlainPacket(packet, &plain)) return TextOf(plain);
  return fmt::format(
      "{} {}", packet.timestamp_ns,
      std::string_view(reinterpret_cast<const char*>(packet.data),
                       packet.captured_octets));
}

std::vector<std::string> TakeAll(PacketDealer* dealer, size_t lane) {
  std::vector<std::string> seen;
  while (const PacketDealer::Block* block = dealer->Take(lane)) {
    for (const ReadPacket& packet : block->PacketsOf(lane)) {
      seen.push_back(packet.not_plain != nullptr ? TextOf(*packet.not_plain)
                                                 : TextOf(packet.plain));
    }
    dealer->PutBack(lane);
  }
  return seen;
}

using LanePackets = std::vector<std::vector<std::string>>;

// Each lane in a thread of its own.
LanePackets TakeTogether(PacketDealer* dealer, size_t lane_count) {
  LanePackets seen(lane_count);
  std::vector<std::thread> threads;
  for (size_t lane = 0; lane < lane_count; ++lane) {
    threads.emplace_back([&, lane] { seen[lane] = TakeAll(dealer, lane); });
  }
  for (std::thread& thread : threads) thread.join();
  return seen;
}

TEST(PacketDealerTest, GivesEachLaneThePacketsOfItsShardsInOrder) {
  constexpr uint32_t kCount = 30'000;
  for (const size_t lane_count : {1, 2, 3, 64}) {
    // Bursts that are not full are how files end their windows.
    FakeSource source(lane_count == 2 ? 7 : kMaxBurst);
    LanePackets expected(lane_count);
    for (uint32_t n = 0; n < kCount; ++n) source.Push(FrameOf(n), n);
    for (const Packet& packet : source.packets()) {
      expected[ShardOfPacket(packet) % lane_count].push_back(TextOf(packet));
    }
    PacketDealer dealer(&source, lane_count);

    EXPECT_EQ(TakeTogether(&dealer, lane_count), expected)
        << lane_count << " lanes";
    EXPECT_EQ(dealer.final_clock_ns(), kCount - 1);
  }
}

void Add(uint32_t second, const Frame& frame, PcapBuilder* file) {
  file->Packet(
      second, 0,
      {reinterpret_cast<const char*>(frame.bytes.data()), frame.bytes.size()});
}

// A packet for each second from `begin` on and before `end`.
std::string CaptureOf(uint32_t begin, uint32_t end) {
  PcapBuilder file;
  for (uint32_t second = begin; second < end; ++second) {
    Add(second, FrameOf(second), &file);
  }
  return file.bytes();
}

// A capture of many blocks, of 50,010 seconds: records that stand in two
// blocks, some that are longer than one, and more small ones in a block than a
// lane takes at a time.
std::string UnevenCapture() {
  const PacketBuilder packet =
      PacketBuilder().Ethernet().Ipv4("192.0.2.1", "198.51.100.7").Udp(1, 53);
  const Frame tiny = PacketBuilder(packet).Snap(40).Build();
  const Frame longest = PacketBuilder(packet)
                            .Payload(60'000)
                            .Padding(kMaxCapturedOctets - 60'042)
                            .Build();
  PcapBuilder file;
  uint32_t second = 0;
  for (; second < 5'000; ++second) Add(second, FrameOf(second), &file);
  for (; second < 45'000; ++second) Add(second, tiny, &file);
  for (; second < 45'010; ++second) Add(second, longest, &file);
  for (; second < 50'010; ++second) Add(second, FrameOf(second), &file);
  return file.bytes();
}

// The packets of a source without a dealer.
LanePackets ReceiveAll(ReplaySource* source, size_t lane_count) {
  LanePackets received(lane_count);
  PacketBurst burst;
  while (source->ReceiveBurst(&burst) > 0) {
    for (const Packet& packet : burst.view()) {
      received[ShardOfPacket(packet) % lane_count].push_back(TextOf(packet));
    }
    source->ReleaseBurst(&burst);
  }
  return received;
}

TEST(PacketDealerTest, DealsCapturesThatLanesReadAhead) {
  const testing::TempDir dir;
  const std::string uneven = dir.Write("uneven", UnevenCapture());
  const std::string during = dir.Write("during", CaptureOf(47'000, 52'000));
  const std::string later = dir.Write("later", CaptureOf(60'000, 80'000));
  const std::string compressed =
      dir.Write("gz", testing::Gzip(CaptureOf(70'000, 75'000)));
  const std::vector<std::vector<std::string>> captures = {
      {uneven}, {uneven, later}, {uneven, during, later, compressed}};
  for (const std::vector<std::string>& paths : captures) {
    const auto open = [&paths] {
      auto source = CaptureSource::Create({.paths = paths});
      EXPECT_TRUE(source.ok()) << source.status();
      return *std::move(source);
    };
    for (const size_t lane_count : {1, 2, 5}) {
      const LanePackets expected = ReceiveAll(open().get(), lane_count);

      const auto source = open();
      PacketDealer dealer(source.get(), lane_count);

      EXPECT_TRUE(TakeTogether(&dealer, lane_count) == expected)
          << paths.size() << " captures, " << lane_count << " lanes";
      EXPECT_EQ(source->summaries()[0].packets, 50'010u);
    }
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
  // The lane that is fast has filled all of its blocks, and the other one.
  constexpr size_t kMostAhead =
      2 * PacketDealer::kBlocksPerLane * PacketDealer::kBlockPackets;
  CountingSource source(20 * kMostAhead, /*claimed_bytes=*/0);
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

  EXPECT_EQ(put_back_count, 20 * 2 * PacketDealer::kBlocksPerLane);
}

// A capture may make its reader's memory large for a few packets only.
TEST(PacketDealerTest, TakesLittleIntoABlockThatHoldsMuch) {
  CountingSource source(10 * kMaxBurst, /*claimed_bytes=*/size_t{16} << 20);
  PacketDealer dealer(&source, 1);

  const PacketDealer::Block* block = dealer.Take(0);

  ASSERT_NE(block, nullptr);
  EXPECT_EQ(block->PacketsOf(0).size(), kMaxBurst);
  dealer.PutBack(0);
}

}  // namespace
}  // namespace octroi
