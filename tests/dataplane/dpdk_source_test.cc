// SPDX-License-Identifier: Apache-2.0
// A ring device: what a test puts into its rings is what its queues receive.
#include "dataplane/dpdk_source.h"

#include <rte_ring.h>
#include <time.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/dpdk.h"
#include "dataplane/worker.h"
#include "fmt/format.h"
#include "gtest/gtest.h"
#include "tests/support/packet_builder.h"
#include "tests/support/shared_dpdk.h"
#include "tests/support/small_world.h"

namespace octroi {
namespace {

using testing::Frame;
using testing::OpenDevices;
using testing::PacketBuilder;
using testing::SharedDpdk;
using testing::SmallWorld;

constexpr char kDevice[] = "net_ring0";
constexpr uint32_t kBufferCount = 1023;

int64_t SystemTimeNs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

PacketBuilder Datagram(size_t payload) {
  return PacketBuilder()
      .Ethernet()
      .Ipv4("192.0.2.1", "203.0.113.7")
      .Udp(40000, 443)
      .Payload(payload);
}

class DpdkSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SharedDpdk();
    pool_ = rte_pktmbuf_pool_create("test", kBufferCount, 0, 0,
                                    RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    ASSERT_NE(pool_, nullptr);
    auto ports = OpenDevices({kDevice});
    ASSERT_TRUE(ports.ok()) << ports.status();
    ports_ = *std::move(ports);
    ASSERT_EQ(ports_->sources().size(), 1u);
  }
  void TearDown() override {
    ports_.reset();
    EXPECT_EQ(rte_mempool_avail_count(pool_), kBufferCount)
        << "a buffer was not given back";
    rte_mempool_free(pool_);
  }

  PacketSource* source() { return ports_->sources()[0].get(); }

  // A buffer chain with the frame, the first `first_bytes` of it in the first.
  rte_mbuf* BufferOf(const Frame& frame, size_t first_bytes = SIZE_MAX) {
    const size_t head = std::min(first_bytes, frame.bytes.size());
    rte_mbuf* first = rte_pktmbuf_alloc(pool_);
    std::memcpy(rte_pktmbuf_append(first, static_cast<uint16_t>(head)),
                frame.bytes.data(), head);
    if (head < frame.bytes.size()) {
      const size_t rest = frame.bytes.size() - head;
      rte_mbuf* second = rte_pktmbuf_alloc(pool_);
      std::memcpy(rte_pktmbuf_append(second, static_cast<uint16_t>(rest)),
                  frame.bytes.data() + head, rest);
      EXPECT_EQ(rte_pktmbuf_chain(first, second), 0);
    }
    return first;
  }
  void Send(rte_mbuf* buffer, int queue = 0) {
    rte_ring* ring =
        rte_ring_lookup(fmt::format("ETH_RXTX{}_{}", queue, kDevice).c_str());
    ASSERT_NE(ring, nullptr);
    ASSERT_EQ(rte_ring_enqueue(ring, buffer), 0);
  }
  // What the worker of a small world accounts when all has been received.
  AccountTotals RunWorker() {
    SmallWorld world;
    Worker worker({}, source(), world.editions(), nullptr);
    while (worker.RunOnce() > 0) {
    }
    const uint64_t settlement = worker.RequestSettlement();
    while (worker.settlement_count() < settlement) worker.RunOnce();
    AccountTotals sum;
    for (const Account& account : worker.accounts().view()) {
      sum += account.Read();
    }
    EXPECT_EQ(worker.counters().Read().undecoded_total(), 0u);
    return sum;
  }

  rte_mempool* pool_ = nullptr;
  std::unique_ptr<DpdkPorts> ports_;
};

TEST_F(DpdkSourceTest, LendsTheBuffersThemselves) {
  const Frame frame = Datagram(100).Build();
  rte_mbuf* const buffer = BufferOf(frame);
  Send(buffer);

  PacketBurst burst;
  const size_t count = source()->ReceiveBurst(&burst);

  ASSERT_EQ(count, 1u);
  EXPECT_EQ(burst.packets[0].data, rte_pktmbuf_mtod(buffer, uint8_t*));
  EXPECT_EQ(burst.packets[0].captured_octets, frame.bytes.size());
  EXPECT_EQ(burst.packets[0].wire_octets, frame.bytes.size());
  EXPECT_EQ(burst.packets[0].link_type, LinkType::kEthernet);
  source()->ReleaseBurst(&burst);
}

TEST_F(DpdkSourceTest, GivesABurstOneTimeOfTheSystemsClock) {
  for (int i = 0; i < 3; ++i) Send(BufferOf(Datagram(10).Build()));
  const int64_t before_ns = SystemTimeNs();

  PacketBurst burst;
  ASSERT_EQ(source()->ReceiveBurst(&burst), 3u);

  const int64_t after_ns = SystemTimeNs();
  for (const Packet& packet : burst.view()) {
    EXPECT_GE(packet.timestamp_ns, before_ns);
    EXPECT_LE(packet.timestamp_ns, after_ns);
    EXPECT_EQ(packet.timestamp_ns, burst.packets[0].timestamp_ns);
    EXPECT_EQ(packet.clock_ns, packet.timestamp_ns);
  }
  source()->ReleaseBurst(&burst);
}

TEST_F(DpdkSourceTest, GivesNothingWhereNothingWaits) {
  PacketBurst burst;

  EXPECT_EQ(source()->ReceiveBurst(&burst), 0u);

  source()->ReleaseBurst(&burst);
  EXPECT_FALSE(source()->is_finished());
}

TEST_F(DpdkSourceTest, AccountsAPacketOfSeveralBuffersWhole) {
  // As a card does with a packet that no one buffer holds.
  const Frame frame = Datagram(3000).Build();
  Send(BufferOf(frame, 1500));

  const AccountTotals sum = RunWorker();

  EXPECT_EQ(sum.packets, 1u);
  EXPECT_EQ(sum.octets, 20 + 8 + 3000u);
}

TEST_F(DpdkSourceTest, AccountsAPacketAlikeWithAndWithoutItsVlanTag) {
  const Frame tagged = PacketBuilder()
                           .Ethernet()
                           .Vlan(7)
                           .Ipv4("192.0.2.1", "203.0.113.7")
                           .Udp(40000, 443)
                           .Payload(100)
                           .Build();
  Send(BufferOf(tagged));
  rte_mbuf* stripped = BufferOf(Datagram(100).Build());
  stripped->vlan_tci = 7;
  stripped->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
  Send(stripped);

  const AccountTotals sum = RunWorker();

  EXPECT_EQ(sum.flows, 1u);
  EXPECT_EQ(sum.packets, 2u);
  EXPECT_EQ(sum.octets, 2 * (20 + 8 + 100u));
}

// A queue that is always full must not keep the others from being read.
TEST_F(DpdkSourceTest, ReadsEachQueueInTurn) {
  for (size_t i = 0; i < 3 * kMaxBurst; ++i) {
    Send(BufferOf(Datagram(10).Build()), 0);
  }
  Send(BufferOf(Datagram(20).Build()), 5);

  std::vector<size_t> sizes;
  PacketBurst burst;
  while (const size_t count = source()->ReceiveBurst(&burst)) {
    sizes.push_back(count);
    source()->ReleaseBurst(&burst);
  }

  EXPECT_EQ(sizes, (std::vector<size_t>{kMaxBurst, 1, kMaxBurst, kMaxBurst}));
}

TEST_F(DpdkSourceTest, GivesBackABurstThatIsHeldWhenItEnds) {
  Send(BufferOf(Datagram(10).Build()));
  PacketBurst burst;
  ASSERT_EQ(source()->ReceiveBurst(&burst), 1u);

  ports_.reset();

  EXPECT_EQ(rte_mempool_avail_count(pool_), kBufferCount);
}

}  // namespace
}  // namespace octroi
