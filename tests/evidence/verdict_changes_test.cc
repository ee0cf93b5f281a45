// SPDX-License-Identifier: Apache-2.0
#include "evidence/verdict_changes.h"

#include <memory>
#include <string>
#include <vector>

#include "dataplane/replay.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/facts_builder.h"
#include "tests/support/fake_source.h"
#include "tests/support/packet_builder.h"
#include "tests/support/random_facts.h"

namespace octroi {
namespace {

using ::octroi::testing::DayFrom;
using ::octroi::testing::FactsBuilder;
using ::octroi::testing::FakeSource;
using ::octroi::testing::PacketBuilder;
using ::octroi::testing::Prefix;
using ::octroi::testing::RandomWorld;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Facts, a policy, and flows that were metered by the capture's own time.
class Metered {
 public:
  Metered(const FactsBuilder& facts, Policy policy)
      : policy_(std::move(policy)),
        facts_(facts.Build()),
        atlases_(
            AtlasTimeline::Create(*facts_, ExceptionMarks(policy_)).value()),
        workloads_(WorkloadIndex::Create(policy_, {Prefix("10.0.0.0/8")})) {}

  EditionTimeline At(std::string_view day) {
    return EditionTimeline(
        atlases_.get(), workloads_, policy_,
        day == "capture" ? std::optional<Day>() : DayFrom(day));
  }

  void Send(const IpAddress& source, const IpAddress& destination,
            uint16_t port, std::string_view time) {
    source_.Push(PacketBuilder()
                     .Ipv4(source.ToString(), destination.ToString())
                     .Udp(40000, port)
                     .Payload(10),
                 ParseInstant(time).value());
  }

  std::vector<ExportedFlow> Flows() {
    EditionTimeline timeline = At("capture");
    TimelineEditions editions(&timeline);
    ReplayOptions options;
    options.keep_flows = true;
    return Replay(options, &source_, &editions).value().flows;
  }

  VerdictComparison Compare(std::string_view first, std::string_view second) {
    EditionTimeline before = At(first);
    EditionTimeline after = At(second);
    return CompareVerdicts(Flows(), {std::string(first), &before},
                           {std::string(second), &after}, policy_);
  }

  const Policy& policy() const { return policy_; }

 private:
  Policy policy_;
  std::unique_ptr<Facts> facts_;
  std::unique_ptr<AtlasTimeline> atlases_;
  WorkloadIndex workloads_;
  FakeSource source_;
};

FactsBuilder Britain() {
  return FactsBuilder()
      .Country("192.0.2.0/24", "GB")
      .Country("198.51.100.0/24", "FR");
}

IpAddress Local() { return testing::Address("10.0.0.1"); }
IpAddress InBritain() { return testing::Address("192.0.2.1"); }
IpAddress InFrance() { return testing::Address("198.51.100.1"); }

TEST(VerdictChangesTest, ListsTheFlowsWhoseAnswerIsAnotherOneAndWhy) {
  Metered metered(Britain(), DefaultPolicy());
  metered.Send(Local(), InBritain(), 443, "2026-01-01T00:00:00Z");
  metered.Send(Local(), InBritain(), 444, "2026-01-01T00:00:01Z");
  metered.Send(Local(), InFrance(), 443, "2026-01-01T00:00:02Z");

  const VerdictComparison comparison =
      metered.Compare("2020-01-31", "2020-02-01");

  EXPECT_EQ(comparison.flows, 3u);
  ASSERT_THAT(comparison.changes, SizeIs(2));
  const VerdictChange& change = comparison.changes[0];
  EXPECT_EQ(change.flow.record.destination_port(), 443);
  EXPECT_EQ(change.workload, "everything");
  EXPECT_EQ(change.first.judgement.verdict, Verdict::kCompliant);
  EXPECT_EQ(change.second.judgement.reason, Reason::kOutsideEu);
  EXPECT_EQ(TextOf(change.why), "regime: eu -> adequate; seal: unknown -> 0");
  ASSERT_THAT(comparison.groups, SizeIs(1));
  EXPECT_EQ(comparison.groups[0].octets, 2 * 38u);
  EXPECT_THAT(comparison.groups[0].changes, ElementsAre(0, 1));
}

TEST(VerdictChangesTest, JudgesByTheCapturesOwnTimeOnOneSide) {
  Metered metered(Britain(), DefaultPolicy());
  metered.Send(Local(), InBritain(), 443, "2020-01-31T23:59:59Z");
  metered.Send(Local(), InBritain(), 444, "2020-02-01T00:00:00Z");

  const VerdictComparison comparison = metered.Compare("capture", "2026-01-01");

  ASSERT_THAT(comparison.changes, SizeIs(1));
  EXPECT_EQ(comparison.changes[0].flow.record.destination_port(), 443);
}

TEST(VerdictChangesTest, NamesTheExceptionThatEnded) {
  Policy policy = DefaultPolicy();
  Exception exception;
  exception.destination = Prefix("192.0.2.0/24");
  exception.until = DayFrom("2026-06-30");
  exception.reference = "ICT-1";
  policy.workloads[0].exceptions = {exception};
  Metered metered(Britain(), policy);
  metered.Send(Local(), InBritain(), 443, "2026-01-01T00:00:00Z");

  const VerdictComparison comparison =
      metered.Compare("2026-06-30", "2026-07-01");

  ASSERT_THAT(comparison.changes, SizeIs(1));
  EXPECT_EQ(TextOf(comparison.changes[0].why),
            "exception: ICT-1 -> ICT-1 (ended)");
}

TEST(VerdictChangesTest, SaysSoWhereNothingChanges) {
  Metered metered(Britain(), DefaultPolicy());
  metered.Send(Local(), InFrance(), 443, "2026-01-01T00:00:00Z");

  const VerdictComparison comparison =
      metered.Compare("2026-01-01", "2026-02-01");

  EXPECT_EQ(comparison.flows, 1u);
  EXPECT_THAT(comparison.changes, IsEmpty());
  const auto json = nlohmann::json::parse(ComparisonToJson(comparison));
  EXPECT_EQ(json["schema"], "octroi.compare/1");
  EXPECT_EQ(json["changed"], 0);
  EXPECT_EQ(json["changes"].size(), 0u);
}

TEST(VerdictChangesTest, WritesJsonAndCsvOfEachFlow) {
  Metered metered(Britain(), DefaultPolicy());
  metered.Send(Local(), InBritain(), 443, "2026-01-01T00:00:00Z");
  const VerdictComparison comparison =
      metered.Compare("2020-01-31", "2020-02-01");

  const auto json = nlohmann::json::parse(ComparisonToJson(comparison));
  EXPECT_EQ(json["first_at"], "2020-01-31");
  EXPECT_EQ(json["changes"][0]["destination_address"], "192.0.2.1");
  EXPECT_EQ(json["changes"][0]["first"]["verdict"], "compliant");
  EXPECT_EQ(json["changes"][0]["second"]["clause"], "19.2");
  EXPECT_EQ(json["changes"][0]["why"][0]["fact"], "regime");
  EXPECT_EQ(json["groups"][0]["flows"], 1);
  EXPECT_THAT(ComparisonToCsv(comparison),
              HasSubstr("\n2026-01-01T00:00:00.000000000Z,10.0.0.1,192.0.2.1,"
                        "40000,443,17,everything,compliant,meets_requirement,"
                        "violation,outside_eu,regime: eu -> adequate; seal: "
                        "unknown -> 0\n"));
}

// Judged again by the edition that metered it, a flow has the same answer; by
// another day's, the one that metering by that day gives.
TEST(VerdictChangesTest, EqualsMeteringByTheOtherTime) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomWorld random(seed);
  for (int round = 0; round < 5; ++round) {
    Metered metered(random.FactsWithBuilds(), random.Policy());
    for (int i = 0; i < 60; ++i) {
      const IpAddress remote = random.Address();
      if (!remote.is_v4()) continue;
      const std::string time = FormatInstant(StartOfDay(random.Day()));
      const auto port = static_cast<uint16_t>(random.OneIn(3) ? 22 : 443);
      if (random.OneIn(2)) {
        metered.Send(Local(), remote, port, time);
      } else {
        metered.Send(remote, Local(), port, time);
      }
    }
    const std::vector<ExportedFlow> flows = metered.Flows();
    EditionTimeline capture = metered.At("capture");
    for (const ExportedFlow& flow : flows) {
      const Classification again =
          Reclassify(capture.At(flow.record.start_ns), flow.record);
      ASSERT_EQ(again.judgement, flow.record.judgement);
      ASSERT_EQ(again.attribution, flow.record.attribution);
      ASSERT_EQ(again.workload, flow.record.workload);
      ASSERT_EQ(again.direction, flow.record.direction);
    }
  }
}

}  // namespace
}  // namespace octroi
