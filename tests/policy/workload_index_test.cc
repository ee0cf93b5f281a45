// SPDX-License-Identifier: Apache-2.0
#include "policy/workload_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/support/facts_builder.h"
#include "tests/support/random_facts.h"

namespace octroi {
namespace {

using testing::Address;
using testing::FactsBuilder;
using testing::Prefix;
using testing::RandomWorld;
using ::testing::UnorderedElementsAre;

Workload Owning(std::vector<std::string> prefixes) {
  Workload workload;
  for (const std::string& prefix : prefixes) {
    workload.addresses.push_back(Prefix(prefix));
  }
  workload.name = "workload";
  return workload;
}

WorkloadIndex IndexOf(std::vector<Workload> workloads,
                      std::vector<std::string> local_networks) {
  Policy policy;
  policy.workloads = std::move(workloads);
  std::vector<IpPrefix> networks;
  for (const std::string& network : local_networks) {
    networks.push_back(Prefix(network));
  }
  return WorkloadIndex::Create(policy, networks);
}

Workload Any() {
  Workload workload;
  workload.covers_any = true;
  return workload;
}

TEST(WorkloadIndexTest, CallsEveryAddressRemoteWithoutLocalNetworks) {
  for (const WorkloadIndex& index :
       {WorkloadIndex(), IndexOf({}, {}), IndexOf({Any()}, {})}) {
    EXPECT_EQ(index.Lookup(Address("10.0.0.1")), kRemoteAddress);
    EXPECT_EQ(index.Lookup(Address("2001:db8::1")), kRemoteAddress);
  }
}

TEST(WorkloadIndexTest, LetsTheLongestPrefixSay) {
  const WorkloadIndex index =
      IndexOf({Owning({"10.1.0.0/16", "2001:db8:1::/48"}),
               Owning({"10.1.2.0/24"}), Owning({"10.1.2.3", "2001:db8:1::1"})},
              {"10.0.0.0/8", "2001:db8::/32"});

  EXPECT_EQ(index.Lookup(Address("10.1.0.1")), 0);
  EXPECT_EQ(index.Lookup(Address("10.1.2.1")), 1);
  EXPECT_EQ(index.Lookup(Address("10.1.2.3")), 2);
  EXPECT_EQ(index.Lookup(Address("2001:db8:1::2")), 0);
  EXPECT_EQ(index.Lookup(Address("2001:db8:1::1")), 2);
  // Local, but not covered; and remote.
  EXPECT_EQ(index.Lookup(Address("10.2.0.1")), kNoWorkload);
  EXPECT_EQ(index.Lookup(Address("2001:db8:2::1")), kNoWorkload);
  EXPECT_EQ(index.Lookup(Address("192.0.2.1")), kRemoteAddress);
  EXPECT_EQ(index.Lookup(Address("2001:db9::1")), kRemoteAddress);
}

TEST(WorkloadIndexTest, GivesAnyTheLocalAddressesThatNobodyElseHas) {
  const WorkloadIndex index =
      IndexOf({Any(), Owning({"10.1.0.0/16"})}, {"10.0.0.0/8"});

  EXPECT_EQ(index.Lookup(Address("10.1.0.1")), 1);
  EXPECT_EQ(index.Lookup(Address("10.2.0.1")), 0);
  // `any` makes nothing local.
  EXPECT_EQ(index.Lookup(Address("192.0.2.1")), kRemoteAddress);
}

TEST(WorkloadIndexTest, MakesTheAddressesOfAWorkloadLocal) {
  const WorkloadIndex index =
      IndexOf({Owning({"192.0.2.0/24"})}, {"10.0.0.0/8"});

  EXPECT_EQ(index.Lookup(Address("192.0.2.1")), 0);
  EXPECT_EQ(index.Lookup(Address("10.0.0.1")), kNoWorkload);
}

TEST(WorkloadIndexTest, DoesNotLetALocalNetworkHideTheWorkloadAroundIt) {
  const WorkloadIndex index =
      IndexOf({Owning({"10.0.0.0/8"}), Owning({"192.0.2.0/24"})},
              {"10.1.0.0/16", "10.0.0.0/8", "192.0.2.0/24"});

  EXPECT_EQ(index.Lookup(Address("10.1.0.1")), 0);
  EXPECT_EQ(index.Lookup(Address("10.2.0.1")), 0);
  EXPECT_EQ(index.Lookup(Address("192.0.2.1")), 1);
}

TEST(WorkloadIndexTest, HasRoomForEveryWorkloadNumber) {
  Policy policy;
  for (size_t i = 0; i < kMaxWorkloads; ++i) {
    policy.workloads.push_back(Owning({}));
    policy.workloads.back().addresses = {IpPrefix::Containing(
        IpAddress::V4(0x0a000000 + static_cast<uint32_t>(i)), 32)};
  }
  const WorkloadIndex index = WorkloadIndex::Create(policy, {});

  for (const size_t i : {size_t{0}, size_t{1}, kMaxWorkloads - 1}) {
    EXPECT_EQ(
        index.Lookup(IpAddress::V4(0x0a000000 + static_cast<uint32_t>(i))), i);
  }
}

TEST(WorkloadIndexTest, EqualsAScanOfAllPrefixes) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomWorld random(seed);
  for (int round = 0; round < 50; ++round) {
    Policy policy;
    std::vector<IpPrefix> all = random.Prefixes(10);
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    policy.workloads.resize(3);
    policy.workloads[2].covers_any = random.OneIn(2);
    for (const IpPrefix& prefix : all) {
      policy.workloads[random.Below(3)].addresses.push_back(prefix);
    }
    const std::vector<IpPrefix> networks = random.Prefixes(4);
    const WorkloadIndex index = WorkloadIndex::Create(policy, networks);

    std::vector<IpAddress> addresses = testing::Boundaries(all);
    for (const IpAddress& address : testing::Boundaries(networks)) {
      addresses.push_back(address);
    }
    for (const IpAddress& address : addresses) {
      WorkloadId expected = kRemoteAddress;
      for (const IpPrefix& network : networks) {
        if (!network.Contains(address)) continue;
        expected = policy.workloads[2].covers_any ? 2 : kNoWorkload;
      }
      int longest = -1;
      for (size_t i = 0; i < 3; ++i) {
        for (const IpPrefix& prefix : policy.workloads[i].addresses) {
          if (prefix.Contains(address) && prefix.length() > longest) {
            longest = prefix.length();
            expected = static_cast<WorkloadId>(i);
          }
        }
      }
      ASSERT_EQ(index.Lookup(address), expected)
          << address.ToString() << " in round " << round;
    }
  }
}

TEST(DefaultLocalNetworksTest, AreTheSpaceThatStaysInside) {
  const auto facts = FactsBuilder()
                         .Special("192.0.2.0/24", SpecialKind::kDocumentation)
                         .Special("100.64.0.0/10", SpecialKind::kShared)
                         .Build();

  EXPECT_THAT(
      DefaultLocalNetworks(facts->special_purpose),
      UnorderedElementsAre(Prefix("10.0.0.0/8"), Prefix("127.0.0.0/8"),
                           Prefix("172.16.0.0/12"), Prefix("192.168.0.0/16"),
                           Prefix("224.0.0.0/4"), Prefix("fc00::/7"),
                           Prefix("fe80::/10"), Prefix("100.64.0.0/10")));
}

// Private space may be a partner's, behind a tunnel; multicast is nobody's.
TEST(AlwaysLocalNetworksTest, AreTheSpaceThatNamesNoRemoteHost) {
  const auto facts = FactsBuilder().Build();

  EXPECT_THAT(AlwaysLocalNetworks(facts->special_purpose),
              UnorderedElementsAre(Prefix("127.0.0.0/8"), Prefix("224.0.0.0/4"),
                                   Prefix("fe80::/10")));
}

}  // namespace
}  // namespace octroi
