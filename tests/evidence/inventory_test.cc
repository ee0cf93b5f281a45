// SPDX-License-Identifier: Apache-2.0
#include "evidence/inventory.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/facts_builder.h"
#include "tests/support/fake_source.h"
#include "tests/support/packet_builder.h"

namespace octroi {
namespace {

using ::octroi::testing::FactsBuilder;
using ::octroi::testing::FakeSource;
using ::octroi::testing::PacketBuilder;
using ::octroi::testing::Prefix;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int64_t kStart = 1'767'225'600'000'000'000;  // 2026-01-01
constexpr int64_t kSecond = 1'000'000'000;

class InventoryTest : public ::testing::Test {
 protected:
  InventoryTest()
      : policy_(DefaultPolicy()),
        facts_(FactsBuilder()
                   .Country("192.0.2.0/24", "FR")
                   .Country("198.51.100.0/24", "US")
                   .Country("203.0.113.0/24", "DE")
                   .Asn("192.0.2.0/24", 64496, "FIRST")
                   .Asn("198.51.100.0/24", 64497, "SECOND")
                   .Operator({.asn = 64496,
                              .name = "First",
                              .country = "FR",
                              .provider = "Acme",
                              .parent = "Group"})
                   .Operator({.asn = 64497,
                              .name = "First",
                              .country = "FR",
                              .provider = "Acme",
                              .parent = "Group"})
                   .Build()),
        atlases_(AtlasTimeline::Create(*facts_, {}).value()),
        workloads_(WorkloadIndex::Create(policy_, {Prefix("10.0.0.0/8")})),
        timeline_(atlases_.get(), workloads_, policy_, std::nullopt) {}

  void Send(const char* source, const char* destination, int64_t at_s) {
    source_->Push(
        PacketBuilder().Ipv4(source, destination).Udp(40000, 443).Payload(72),
        kStart + at_s * kSecond);
  }

  std::vector<InventoryRow> Make(
      const std::optional<std::vector<RegisteredProvider>>& registered = {}) {
    TimelineEditions editions(&timeline_);
    std::vector<SightingSink> sinks(1);
    FlowSink* const sink = sinks.data();
    const ReplayResult result =
        Replay(ReplayOptions(), source_.get(), &editions, {&sink, 1}).value();
    return MakeInventory(result.accounts, sinks, timeline_, policy_,
                         registered);
  }

  Policy policy_;
  std::unique_ptr<Facts> facts_;
  std::unique_ptr<AtlasTimeline> atlases_;
  WorkloadIndex workloads_;
  EditionTimeline timeline_;
  std::unique_ptr<FakeSource> source_ = std::make_unique<FakeSource>();
};

TEST_F(InventoryTest, HasOneRowForEachThirdParty) {
  Send("10.0.0.1", "192.0.2.1", 5);
  Send("10.0.0.1", "192.0.2.2", 1);
  Send("10.0.0.1", "198.51.100.1", 9);
  Send("203.0.113.1", "10.0.0.1", 3);    // Nobody is known to run it.
  Send("10.0.0.1", "10.0.0.2", 4);       // Internal.
  Send("192.0.2.1", "198.51.100.1", 4);  // Transit.

  const std::vector<InventoryRow> rows = Make();

  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].operator_name, "First");
  EXPECT_EQ(rows[0].parent, "Group");
  EXPECT_THAT(rows[0].asns, ElementsAre(64496, 64497));
  EXPECT_THAT(rows[0].locations, ElementsAre("FR", "US"));
  EXPECT_THAT(rows[0].workloads, ElementsAre("everything"));
  EXPECT_EQ(rows[0].worst_verdict, Verdict::kViolation);
  EXPECT_EQ(rows[0].first_ns, kStart + 1 * kSecond);
  EXPECT_EQ(rows[0].last_ns, kStart + 9 * kSecond);
  EXPECT_EQ(rows[0].totals.flows, 3u);
  EXPECT_EQ(rows[0].totals.octets, 300u);
  EXPECT_EQ(rows[0].totals.egress_octets, 300u);
  EXPECT_EQ(rows[1].operator_name, "");
  EXPECT_EQ(rows[1].totals.egress_octets, 0u);
  EXPECT_EQ(rows[0].is_registered, std::nullopt);
}

TEST_F(InventoryTest, FindsAProviderInARegisterByAnyOfItsNames) {
  Send("10.0.0.1", "192.0.2.1", 0);
  const struct {
    RegisteredProvider registered;
    bool is_found;
  } cases[] = {
      {{"first", 0}, true},     {{"GROUP", 0}, true}, {{"Acme", 0}, true},
      {{"", 64496}, true},      {{"", 64497}, false}, {{"Firs", 0}, false},
      {{"other", 64496}, true},
  };
  for (const auto& [registered, is_found] : cases) {
    source_ = std::make_unique<FakeSource>();
    Send("10.0.0.1", "192.0.2.1", 0);
    const std::vector<InventoryRow> rows = Make({{registered}});
    ASSERT_THAT(rows, SizeIs(1));
    EXPECT_EQ(rows[0].is_registered, is_found) << registered.name;
  }
}

TEST_F(InventoryTest, WritesALineForEachRow) {
  Send("10.0.0.1", "192.0.2.1", 0);

  EXPECT_EQ(InventoryToCsv(Make(std::vector<RegisteredProvider>())),
            "operator,parent,controlling_country,law,confidence,asns,services,"
            "locations,workloads,worst_verdict,first_seen,last_seen,flows,"
            "octets,egress_octets,in_register\n"
            "First,Group,FR,,high,64496,,FR,everything,compliant,"
            "2026-01-01T00:00:00.000000000Z,2026-01-01T00:00:00.000000000Z,1,"
            "100,100,no\n");
}

}  // namespace
}  // namespace octroi
