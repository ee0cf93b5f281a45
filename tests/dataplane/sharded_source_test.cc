// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sharded_source.h"

#include <cstdint>
#include <vector>

#include "dataplane/decode.h"
#include "gtest/gtest.h"
#include "tests/support/fake_source.h"
#include "tests/support/packet_builder.h"

namespace octroi {
namespace {

using testing::FakeSource;
using testing::PacketBuilder;

// The times of all packets that a source gives.
std::vector<int64_t> ReceiveAll(ShardedSource* source) {
  std::vector<int64_t> times_ns;
  PacketBurst burst;
  while (!source->is_finished()) {
    const size_t count = source->ReceiveBurst(&burst);
    EXPECT_EQ(count, burst.size);
    for (const Packet& packet : burst.view()) {
      EXPECT_EQ(packet.data[0], 0x02) << "not the first byte of a frame";
      times_ns.push_back(packet.timestamp_ns);
    }
    source->ReleaseBurst(&burst);
    EXPECT_EQ(burst.size, 0u);
  }
  return times_ns;
}

// All packets have one pair of addresses, so that one lane has all of them and
// the other finds nothing in any block.
TEST(ShardedSourceTest, PassesOverBlocksThatHaveNothingForItsLane) {
  const testing::Frame frame = PacketBuilder()
                                   .Ethernet()
                                   .Ipv4("192.0.2.1", "198.51.100.7")
                                   .Udp(40000, 53)
                                   .Build();
  FakeSource packets;
  constexpr int64_t kCount = 3 * PacketDealer::kBlockPackets + 5;
  std::vector<int64_t> expected;
  for (int64_t n = 0; n < kCount; ++n) {
    packets.Push(frame, n);
    expected.push_back(n);
  }
  const size_t lane = ShardOfPacket(frame.AsPacket()) % 2;
  PacketDealer dealer(&packets, 2);
  ShardedSource idle(&dealer, 1 - lane);
  ShardedSource busy(&dealer, lane);

  const std::vector<int64_t> idle_ns = ReceiveAll(&idle);
  const std::vector<int64_t> busy_ns = ReceiveAll(&busy);

  EXPECT_TRUE(idle_ns.empty());
  EXPECT_EQ(busy_ns, expected);
  EXPECT_EQ(idle.final_clock_ns(), kCount - 1);
  EXPECT_EQ(busy.final_clock_ns(), kCount - 1);
}

TEST(ShardedSourceTest, FinishesWhenTheCaptureHasNoPacket) {
  FakeSource packets;
  PacketDealer dealer(&packets, 1);
  ShardedSource source(&dealer, 0);

  EXPECT_TRUE(ReceiveAll(&source).empty());
  EXPECT_EQ(source.final_clock_ns(), 0);
}

}  // namespace
}  // namespace octroi
