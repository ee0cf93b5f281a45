// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk_port.h"

#include <rte_dev.h>
#include <rte_thash.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "examples/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/shared_dpdk.h"

namespace octroi {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::OpenDevices;

// Both tuples of a flow as the hash takes them: addresses, then the ports.
template <size_t kAddressWords>
struct Tuples {
  std::array<uint32_t, 2 * kAddressWords + 1> there;
  std::array<uint32_t, 2 * kAddressWords + 1> back;
};

template <size_t kAddressWords>
Tuples<kAddressWords> RandomFlow(example::Random* random) {
  Tuples<kAddressWords> flow;
  for (uint32_t& word : flow.there) {
    word = static_cast<uint32_t>(random->Below(uint64_t{1} << 32));
  }
  for (size_t i = 0; i < kAddressWords; ++i) {
    flow.back[i] = flow.there[kAddressWords + i];
    flow.back[kAddressWords + i] = flow.there[i];
  }
  const uint32_t ports = flow.there.back();
  flow.back.back() = ports << 16 | ports >> 16;
  return flow;
}

template <size_t kAddressWords>
void ExpectSymmetricSpread() {
  constexpr size_t kFlows = 4'000;
  constexpr size_t kQueues = 4;
  constexpr uint32_t kWords = 2 * kAddressWords + 1;
  const std::vector<uint8_t> key = SymmetricRssKey(40);
  example::Random random(1);
  std::array<size_t, kQueues> flows_of_queue{};
  for (size_t i = 0; i < kFlows; ++i) {
    Tuples<kAddressWords> flow = RandomFlow<kAddressWords>(&random);
    const uint32_t there = rte_softrss(flow.there.data(), kWords, key.data());
    const uint32_t back = rte_softrss(flow.back.data(), kWords, key.data());
    ASSERT_EQ(there, back);
    ++flows_of_queue[there % kQueues];
  }
  for (const size_t flows : flows_of_queue) {
    EXPECT_GT(flows, kFlows / kQueues / 2);
  }
}

TEST(DpdkPortTest, HashesBothDirectionsOfAFlowAlikeAndFlowsApart) {
  ExpectSymmetricSpread<1>();  // IPv4
  ExpectSymmetricSpread<4>();  // IPv6
}

TEST(DpdkPortTest, OpensAQueuePerWorkerWhereTheDeviceHashes) {
  const auto ports = OpenDevices({"net_null0"}, 4);

  ASSERT_TRUE(ports.ok()) << ports.status();
  EXPECT_EQ((*ports)->sources().size(), 4u);
  EXPECT_THAT((*ports)->notes(), IsEmpty());
  ASSERT_EQ((*ports)->ports().size(), 1u);
  EXPECT_EQ((*ports)->ports()[0].driver, "net_null");
  EXPECT_EQ((*ports)->ports()[0].queue_count, 4);
  EXPECT_TRUE((*ports)->ports()[0].is_symmetric);
}

TEST(DpdkPortTest, ReadsAllQueuesByOneWorkerWhereSomebodyElseFillsThem) {
  const auto ports = OpenDevices({"net_ring0"}, 4);

  ASSERT_TRUE(ports.ok()) << ports.status();
  EXPECT_EQ((*ports)->sources().size(), 1u);
  EXPECT_GT((*ports)->ports()[0].queue_count, 1);
  EXPECT_FALSE((*ports)->ports()[0].is_symmetric);
  EXPECT_THAT((*ports)->notes(),
              Contains(HasSubstr("net_ring0: 4 workers are wanted; "
                                 "the device can spread packets "
                                 "over 1")));
}

TEST(DpdkPortTest, OpensAsManyWorkersAsEveryDeviceOfAGroupCanFeed) {
  const auto ports = OpenDevices({"net_null0", "net_ring0", "net_null1"}, 2);

  ASSERT_TRUE(ports.ok()) << ports.status();
  EXPECT_EQ((*ports)->sources().size(), 1u);
  EXPECT_EQ((*ports)->ports().size(), 3u);
  EXPECT_EQ((*ports)->ports()[0].queue_count, 1);
}

TEST(DpdkPortTest, CountsWhatADeviceHandsOver) {
  const auto ports = OpenDevices({"net_null0"});
  ASSERT_TRUE(ports.ok()) << ports.status();
  PacketSource* source = (*ports)->sources()[0].get();
  EXPECT_EQ((*ports)->ReadState(0).received, 0u);

  PacketBurst burst;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(source->ReceiveBurst(&burst), kMaxBurst);
    source->ReleaseBurst(&burst);
  }

  EXPECT_EQ((*ports)->ReadState(0).received, 3 * kMaxBurst);
  const auto statistics = (*ports)->ReadStatistics(0);
  const auto found = std::find_if(
      statistics.begin(), statistics.end(),
      [](const auto& each) { return each.name == "rx_good_packets"; });
  ASSERT_NE(found, statistics.end());
  EXPECT_EQ(found->value, 3 * kMaxBurst);
}

// A driver that does not count losses reports 0 of them.
TEST(DpdkPortTest, DoesNotKnowTheLossesOfADriverThatCountsNone) {
  const auto ports = OpenDevices({"net_null0"});
  ASSERT_TRUE(ports.ok()) << ports.status();

  const DpdkPortState state = (*ports)->ReadState(0);

  EXPECT_EQ(state.missed, std::nullopt);
  EXPECT_EQ(state.errors, std::nullopt);
  EXPECT_EQ(state.without_buffer, std::nullopt);
  EXPECT_EQ(state.is_link_up, std::nullopt);
  EXPECT_FALSE(state.is_gone);
}

TEST(DpdkPortTest, SurvivesTheRemovalOfItsDevice) {
  auto ports = OpenDevices({"net_null0"});
  ASSERT_TRUE(ports.ok()) << ports.status();
  PacketSource* source = (*ports)->sources()[0].get();
  PacketBurst burst;
  ASSERT_GT(source->ReceiveBurst(&burst), 0u);
  source->ReleaseBurst(&burst);
  const uint64_t received = (*ports)->ReadState(0).received.value();

  uint16_t number = 0;
  ASSERT_EQ(rte_eth_dev_get_port_by_name("net_null0", &number), 0);
  rte_eth_dev_info info{};
  ASSERT_EQ(rte_eth_dev_info_get(number, &info), 0);
  ASSERT_EQ(rte_dev_remove(info.device), 0);

  EXPECT_EQ(source->ReceiveBurst(&burst), 0u);
  source->ReleaseBurst(&burst);
  const DpdkPortState state = (*ports)->ReadState(0);
  EXPECT_TRUE(state.is_gone);
  EXPECT_EQ(state.is_link_up, false);
  EXPECT_EQ(state.received, received);
  EXPECT_THAT((*ports)->ReadStatistics(0), IsEmpty());

  ports->reset();
  EXPECT_TRUE(OpenDevices({"net_null0"}).ok()) << "it can be opened again";
}

// As the kernel says it of a card whose driver says nothing.
TEST(DpdkPortTest, NoticesThatTheKernelHasRemovedADevice) {
  auto ports = OpenDevices({"net_null0", "net_null1"});
  ASSERT_TRUE(ports.ok()) << ports.status();
  PacketSource* source = (*ports)->sources()[0].get();

  rte_dev_event_callback_process("net_null0", RTE_DEV_EVENT_REMOVE);

  EXPECT_TRUE((*ports)->ReadState(0).is_gone);
  EXPECT_FALSE((*ports)->ReadState(1).is_gone);
  PacketBurst burst;
  EXPECT_GT(source->ReceiveBurst(&burst), 0u) << "the other one goes on";
  source->ReleaseBurst(&burst);
  ports->reset();
  EXPECT_TRUE(OpenDevices({"net_null0"}).ok()) << "it can be opened again";
}

TEST(DpdkPortTest, ClosesWhatItOpenedWhenALaterDeviceFails) {
  const auto failed = OpenDevices({"net_null0", "net_wrong0"});
  ASSERT_FALSE(failed.ok());

  const auto ports = OpenDevices({"net_null0"});

  EXPECT_TRUE(ports.ok()) << ports.status();
}

TEST(DpdkPortTest, SaysWhyADeviceCannotBeHad) {
  struct Case {
    std::vector<std::string> devices;
    uint32_t worker_count;
    const char* message;
  };
  const Case cases[] = {
      {{}, 1, "dpdk: no device; name one"},
      {{"net_null0"}, 0, "dpdk: 0 workers; ask for 1 to 64"},
      {{"net_null0"}, 65, "dpdk: 65 workers; ask for 1 to 64"},
      {{"net_wrong0"}, 1, "dpdk: net_wrong0: no driver has that name"},
      {{"net_null0,length=1"}, 1, "dpdk: net_null0: its driver refuses: "},
      {{"net_pcap0,rx_pcap=/nonexistent"},
       1,
       "dpdk: net_pcap0: its driver refuses: open_single_rx_pcap(): Couldn't "
       "open /nonexistent"},
      {{"net_null0", "net_null0"},
       1,
       "dpdk: net_null0: it is open already; name each device once"},
      {{"ffff:3b:00.0"}, 1, "dpdk: ffff:3b:00.0: there is no such PCI device"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.message);

    const auto ports = OpenDevices(c.devices, c.worker_count);

    ASSERT_FALSE(ports.ok());
    EXPECT_THAT(std::string(ports.status().message()), HasSubstr(c.message));
    EXPECT_EQ(ports.status().message().find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace octroi
