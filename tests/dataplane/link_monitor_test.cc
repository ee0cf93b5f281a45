// SPDX-License-Identifier: Apache-2.0
#include "dataplane/link_monitor.h"

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/network_lab.h"
#include "tests/support/packet_builder.h"

namespace octroi {
namespace {

using ::octroi::testing::AddressOf;
using ::octroi::testing::NetworkLab;
using ::testing::ElementsAre;

class LinkMonitorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why_not;
    lab_ = NetworkLab::Create(&why_not);
    if (lab_ == nullptr) GTEST_SKIP() << why_not;
    auto monitor = LinkMonitor::Open();
    ASSERT_TRUE(monitor.ok()) << monitor.status();
    monitor_ = *std::move(monitor);
  }

  std::unique_ptr<NetworkLab> lab_;
  std::unique_ptr<LinkMonitor> monitor_;
};

TEST_F(LinkMonitorTest, FindsAnInterfaceByNameAndByIndex) {
  const std::optional<Link> by_name = monitor_->Find("here0");
  ASSERT_TRUE(by_name);
  const std::optional<Link> by_index = monitor_->Find(by_name->index);
  ASSERT_TRUE(by_index);

  EXPECT_EQ(by_name->name, "here0");
  EXPECT_EQ(by_index->name, "here0");
  EXPECT_TRUE(by_name->is_up);
  EXPECT_FALSE(by_name->is_loopback);
}

TEST_F(LinkMonitorTest, KnowsNoInterfaceThatIsNotThere) {
  EXPECT_FALSE(monitor_->Find("elsewhere0"));
  EXPECT_FALSE(monitor_->Find(""));
  EXPECT_FALSE(monitor_->Find("a-name-that-no-interface-can-have"));
  EXPECT_FALSE(monitor_->Find(4711));
  EXPECT_FALSE(monitor_->Find(-1));
  EXPECT_TRUE(monitor_->Find("lo")) << "and it answers again";
}

TEST_F(LinkMonitorTest, SeesAnInterfaceGoDownAndBeRenamed) {
  const int index = monitor_->Find("here0")->index;

  ASSERT_TRUE(lab_->Run("ip link set here0 down"));
  ASSERT_TRUE(lab_->Run("ip link set here0 name other0"));

  EXPECT_FALSE(monitor_->Find("here0"));
  EXPECT_EQ(monitor_->Find(index)->name, "other0");
  EXPECT_FALSE(monitor_->Find(index)->is_up);
}

TEST_F(LinkMonitorTest, ListsTheAddressesOfBothFamilies) {
  EXPECT_THAT(monitor_->AddressesOf(monitor_->Find("here0")->index),
              ElementsAre(AddressOf("192.0.2.1"), AddressOf("2001:db8::1")));
  EXPECT_THAT(monitor_->AddressesOf(4711), ElementsAre());
}

TEST_F(LinkMonitorTest, TakesTheOwnAddressOfAPointToPointLink) {
  ASSERT_TRUE(lab_->Run("ip addr flush dev here0"));
  ASSERT_TRUE(
      lab_->Run("ip addr add 198.51.100.1 peer 198.51.100.2 dev here0"));

  EXPECT_THAT(monitor_->AddressesOf(monitor_->Find("here0")->index),
              ElementsAre(AddressOf("198.51.100.1")));
}

TEST_F(LinkMonitorTest, FindsInterfacesThatWouldCountTwice) {
  ASSERT_TRUE(lab_->Run("ip link add br0 type bridge"));
  ASSERT_TRUE(lab_->Run("ip link add port0 type veth peer name port1"));
  ASSERT_TRUE(lab_->Run("ip link set port0 master br0"));
  const auto stacked = [&](std::vector<std::string> names) {
    std::vector<Link> links;
    for (const std::string& name : names)
      links.push_back(*monitor_->Find(name));
    const std::optional<StackedLinks> found = FindStacked(links);
    return found ? found->upper + " on " + found->lower : "";
  };

  EXPECT_EQ(stacked({"port0", "br0"}), "br0 on port0");
  EXPECT_EQ(stacked({"here0", "br0", "lo"}), "");
  // The ends of a veth pair see the same packets, but neither is above.
  EXPECT_EQ(stacked({"port0", "port1"}), "");
}

TEST(StackedLinksTest, AreAVlanAndTheInterfaceThatCarriesIt) {
  Link carrier;
  carrier.index = 2;
  carrier.name = "eth0";
  Link vlan;
  vlan.index = 3;
  vlan.name = "eth0.7";
  vlan.lower_index = 2;

  const std::optional<StackedLinks> found = FindStacked({carrier, vlan});

  ASSERT_TRUE(found);
  EXPECT_EQ(found->upper, "eth0.7");
  EXPECT_EQ(found->lower, "eth0");
  EXPECT_FALSE(FindStacked({carrier}));
}

}  // namespace
}  // namespace octroi
