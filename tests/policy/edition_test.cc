// SPDX-License-Identifier: Apache-2.0
#include "policy/edition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/facts_builder.h"
#include "tests/support/random_facts.h"

namespace octroi {
namespace {

using testing::Between;
using testing::Code;
using testing::DayFrom;
using ::testing::ElementsAre;
using testing::FactsBuilder;
using testing::Prefix;
using testing::RandomWorld;

constexpr int64_t kNsPerDay = 86'400'000'000'000;
constexpr Opener kOpeners[] = {Opener::kLocal, Opener::kRemote,
                               Opener::kRemoteAdministration};

// A builder whose countries never change.
FactsBuilder Timeless() {
  JurisdictionRow row;
  row.code = Code("FR");
  row.kind = JurisdictionRow::Kind::kRegime;
  row.regime = Regime::kEu;
  return FactsBuilder().Jurisdiction(row);
}

// Facts, policy, and what a timeline borrows of them.
struct World {
  World(const FactsBuilder& builder, Policy rules)
      : policy(std::move(rules)),
        facts(builder.Build()),
        atlases(AtlasTimeline::Create(*facts, ExceptionMarks(policy)).value()),
        atlas(atlases->At(Day::max())),
        workloads(WorkloadIndex::Create(policy, {Prefix("10.0.0.0/8")})) {}

  Policy policy;
  std::unique_ptr<Facts> facts;
  std::unique_ptr<AtlasTimeline> atlases;
  const Atlas& atlas;
  WorkloadIndex workloads;
};

// Every judgement that a rulebook makes.
std::vector<Judgement> AllJudgements(const World& world,
                                     const Rulebook& rulebook) {
  std::vector<Judgement> judgements;
  for (AttributionId id = 0; id < world.atlas.attribution_count(); ++id) {
    for (size_t w = 0; w < world.policy.workloads.size(); ++w) {
      for (const Opener opener : kOpeners) {
        judgements.push_back(rulebook.Judge(world.atlas.attribution(id),
                                            static_cast<WorkloadId>(w), opener,
                                            443));
      }
    }
  }
  return judgements;
}

// The judgements of flows to some addresses.
std::vector<Judgement> JudgementsOf(const World& world, const Atlas& atlas,
                                    const Rulebook& rulebook,
                                    const std::vector<IpAddress>& addresses) {
  std::vector<Judgement> judgements;
  for (const IpAddress& address : addresses) {
    const Attribution& attribution = atlas.attribution(atlas.Lookup(address));
    for (size_t w = 0; w < world.policy.workloads.size(); ++w) {
      for (const Opener opener : kOpeners) {
        judgements.push_back(rulebook.Judge(
            attribution, static_cast<WorkloadId>(w), opener, 443));
      }
    }
  }
  return judgements;
}

std::vector<std::string> Texts(const std::vector<Day>& days) {
  std::vector<std::string> texts;
  for (const Day day : days) texts.push_back(FormatDay(day));
  return texts;
}

TEST(ChangeDaysTest, AreTheFirstDaysOfNewAnswers) {
  JurisdictionRow member;
  member.code = Code("GB");
  member.kind = JurisdictionRow::Kind::kRegime;
  member.validity = Between("1973-01-01", "2020-01-31");
  JurisdictionRow adequate = member;
  adequate.validity = Between("2020-02-01", "");
  Policy policy = DefaultPolicy();
  policy.workloads[0].exceptions = {
      {Prefix("192.0.2.0/24"), DayFrom("2026-12-31"), "", "", 0}};
  const auto facts =
      FactsBuilder()
          .Jurisdiction(member)
          .Jurisdiction(adequate)
          .Operator({.asn = 64496, .until = "2024-02-28"})
          .Operator({.asn = 64496, .country = "FR", .from = "2024-02-29"})
          .Service({.id = "dated",
                    .from = "2025-01-01",
                    .until = "2027-12-31",
                    .observed_on = "2026-03-01"})
          .Service({.id = "observed", .observed_on = "2026-03-02"})
          .Anycast({.prefix = "192.0.2.0/24",
                    .from = "2018-04-01",
                    // The same day as an exception's end.
                    .until = "2026-12-31"})
          .Build();

  EXPECT_THAT(
      Texts(ChangeDays(*facts, policy)),
      ElementsAre("1973-01-01", "2018-04-01", "2020-02-01", "2024-02-29",
                  "2025-01-01", "2026-03-02", "2027-01-01", "2028-01-01"));
  EXPECT_THAT(Texts(ChangeDays(*Timeless().Build(), DefaultPolicy())),
              ElementsAre());
}

TEST(EditionTimelineTest, HasOneEditionWhereNothingChanges) {
  const World world(Timeless().Country("192.0.2.0/24", "FR"), DefaultPolicy());
  EditionTimeline timeline(world.atlases.get(), world.workloads, world.policy,
                           std::nullopt);

  const Edition& edition = timeline.At(0);

  EXPECT_EQ(edition.index, 0u);
  EXPECT_EQ(edition.from_ns, INT64_MIN);
  EXPECT_EQ(edition.until_ns, INT64_MAX);
  EXPECT_EQ(edition.atlas, &world.atlas);
  EXPECT_EQ(edition.workloads, &world.workloads);
  EXPECT_EQ(edition.policy, &world.policy);
  EXPECT_EQ(&timeline.At(INT64_MIN), &edition);
  EXPECT_EQ(&timeline.At(INT64_MAX), &edition);
  EXPECT_EQ(&timeline.edition(0), &edition);
}

TEST(EditionTimelineTest, ChangesAtTheFirstInstantOfADay) {
  const World world(FactsBuilder().Country("192.0.2.0/24", "GB"),
                    DefaultPolicy());
  EditionTimeline timeline(world.atlases.get(), world.workloads, world.policy,
                           std::nullopt);
  const int64_t change = StartOfDay(DayFrom("2020-02-01"));

  const Edition& before = timeline.At(change - 1);
  const Edition& after = timeline.At(change);

  EXPECT_EQ(before.until_ns, change);
  EXPECT_EQ(after.from_ns, change);
  EXPECT_EQ(after.index, before.index + 1);
  const Attribution& attribution = world.atlas.attribution(
      world.atlas.Lookup(testing::Address("192.0.2.1")));
  EXPECT_EQ(before.rulebook.Judge(attribution, 0, Opener::kLocal, 443).verdict,
            Verdict::kCompliant);
  EXPECT_EQ(after.rulebook.Judge(attribution, 0, Opener::kLocal, 443).verdict,
            Verdict::kViolation);
}

TEST(EditionTimelineTest, GivesTheEditionsOfAllTimeInOrderWithoutGaps) {
  const World world(FactsBuilder().Country("192.0.2.0/24", "GB"),
                    DefaultPolicy());
  EditionTimeline timeline(world.atlases.get(), world.workloads, world.policy,
                           std::nullopt);

  int64_t now = INT64_MIN;
  uint32_t index = 0;
  while (true) {
    const Edition& edition = timeline.At(now);
    ASSERT_EQ(edition.index, index);
    ASSERT_EQ(edition.from_ns, now);
    ASSERT_EQ(&timeline.edition(index), &edition);
    if (edition.until_ns == INT64_MAX) break;
    ASSERT_EQ(&timeline.At(edition.until_ns - 1), &edition);
    now = edition.until_ns;
    ++index;
  }
  EXPECT_EQ(index, ChangeDays(*world.facts, world.policy).size());
}

TEST(EditionTimelineTest, GivesIndexesThatNoEarlierTimelineHas) {
  const World world(FactsBuilder().Country("192.0.2.0/24", "GB"),
                    DefaultPolicy());
  EditionTimeline earlier(world.atlases.get(), world.workloads, world.policy,
                          std::nullopt);
  EditionTimeline later(world.atlases.get(), world.workloads, world.policy,
                        std::nullopt, earlier.end_index());
  const int64_t now = StartOfDay(DayFrom("2026-01-01"));

  EXPECT_EQ(earlier.At(INT64_MAX).index, earlier.end_index() - 1);
  EXPECT_EQ(later.At(INT64_MIN).index, earlier.end_index());
  EXPECT_EQ(later.At(now).index, earlier.At(now).index + earlier.end_index());
  EXPECT_EQ(&later.edition(later.At(now).index), &later.At(now));
}

// Days that nanoseconds cannot hold are before or after every instant.
TEST(EditionTimelineTest, CopesWithDaysOutsideTheRangeOfInstants) {
  const World world(Timeless()
                        .Operator({.asn = 64496, .until = "1600-01-01"})
                        .Operator({.asn = 64496, .from = "2300-01-01"}),
                    DefaultPolicy());
  EditionTimeline timeline(world.atlases.get(), world.workloads, world.policy,
                           std::nullopt);

  for (const int64_t ns : {INT64_MIN, int64_t{0}, INT64_MAX}) {
    const Edition& edition = timeline.At(ns);
    EXPECT_EQ(edition.index, 1u);
    EXPECT_EQ(edition.from_ns, INT64_MIN);
    EXPECT_EQ(edition.until_ns, INT64_MAX);
  }
}

TEST(EditionTimelineTest, JudgesAllTimeByAFixedDay) {
  const World world(FactsBuilder().Country("192.0.2.0/24", "GB"),
                    DefaultPolicy());
  const Day day = DayFrom("2019-06-01");
  EditionTimeline timeline(world.atlases.get(), world.workloads, world.policy,
                           day);

  const Edition& edition = timeline.At(StartOfDay(DayFrom("2026-01-01")));

  EXPECT_EQ(edition.index, 0u);
  EXPECT_EQ(edition.from_ns, INT64_MIN);
  EXPECT_EQ(edition.until_ns, INT64_MAX);
  EXPECT_EQ(edition.rulebook.day(), day);
  EXPECT_EQ(&timeline.At(INT64_MIN), &edition);
  EXPECT_EQ(
      AllJudgements(world, edition.rulebook),
      AllJudgements(world, Rulebook::Compile(world.atlas, world.policy, day)));
}

TEST(EditionTimelineTest, JudgesAnInstantAsARulebookOfItsVeryDay) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomWorld random(seed);
  for (int round = 0; round < 10; ++round) {
    const World world(random.Facts(), random.Policy());
    EditionTimeline timeline(world.atlases.get(), world.workloads, world.policy,
                             std::nullopt);
    // Random days, and those beside a change.
    std::vector<Day> days;
    for (int i = 0; i < 25; ++i) days.push_back(random.Day());
    const std::vector<Day> changes = ChangeDays(*world.facts, world.policy);
    ASSERT_TRUE(std::is_sorted(changes.begin(), changes.end()));
    for (int i = 0; i < 25; ++i) {
      const Day change = changes[random.Below(changes.size())];
      days.push_back(change - std::chrono::days(random.Below(2)));
    }
    for (const Day day : days) {
      const int64_t ns =
          StartOfDay(day) + static_cast<int64_t>(random.Below(kNsPerDay));
      const Edition& edition = timeline.At(ns);
      ASSERT_LE(edition.from_ns, ns);
      ASSERT_GT(edition.until_ns, ns);
      const Rulebook expected =
          Rulebook::Compile(world.atlas, world.policy, day);
      ASSERT_TRUE(AllJudgements(world, edition.rulebook) ==
                  AllJudgements(world, expected))
          << FormatDay(day) << " in round " << round;
    }
  }
}

// With builds of databases, the atlas changes as well: an instant is judged as
// if there were nothing but the build of its day.
TEST(EditionTimelineTest, JudgesAnInstantByTheDatabaseBuildOfItsDay) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomWorld random(seed);
  for (int round = 0; round < 10; ++round) {
    const World world(random.FactsWithBuilds(), random.Policy());
    EditionTimeline timeline(world.atlases.get(), world.workloads, world.policy,
                             std::nullopt);
    std::vector<IpAddress> addresses;
    for (int i = 0; i < 100; ++i) addresses.push_back(random.Address());
    for (int i = 0; i < 20; ++i) {
      const Day day = random.Day();
      const Edition& edition = timeline.At(StartOfDay(day));
      const Atlas atlas =
          Atlas::Build(*world.facts, ExceptionMarks(world.policy), day).value();
      const Rulebook expected = Rulebook::Compile(atlas, world.policy, day);

      ASSERT_TRUE(
          JudgementsOf(world, *edition.atlas, edition.rulebook, addresses) ==
          JudgementsOf(world, atlas, expected, addresses))
          << FormatDay(day) << " in round " << round;
    }
  }
}

TEST(EditionTimelineTest, GivesTheSameAnswersForFactsInAnyOrder) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomWorld random(seed);
  for (int round = 0; round < 10; ++round) {
    const FactsBuilder facts = random.FactsWithBuilds();
    const Policy policy = random.Policy();
    const World world(facts, policy);
    const World shuffled(FactsBuilder(facts).Shuffle(seed + round), policy);
    EditionTimeline timeline(world.atlases.get(), world.workloads, world.policy,
                             std::nullopt);
    EditionTimeline other(shuffled.atlases.get(), shuffled.workloads,
                          shuffled.policy, std::nullopt);
    std::vector<IpAddress> addresses;
    for (int i = 0; i < 100; ++i) addresses.push_back(random.Address());
    ASSERT_EQ(ChangeDays(*world.facts, policy),
              ChangeDays(*shuffled.facts, policy));
    for (int i = 0; i < 20; ++i) {
      const int64_t ns = StartOfDay(random.Day());
      const Edition& edition = timeline.At(ns);
      const Edition& same = other.At(ns);

      ASSERT_EQ(edition.from_ns, same.from_ns);
      ASSERT_TRUE(
          JudgementsOf(world, *edition.atlas, edition.rulebook, addresses) ==
          JudgementsOf(shuffled, *same.atlas, same.rulebook, addresses))
          << FormatInstant(ns) << " in round " << round;
    }
  }
}

TEST(EditionTimelineTest, GivesEveryThreadTheSameEditions) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomWorld random(seed);
  const World world(random.Facts(), random.Policy());
  EditionTimeline timeline(world.atlases.get(), world.workloads, world.policy,
                           std::nullopt);
  std::vector<int64_t> instants;
  for (int i = 0; i < 60; ++i) instants.push_back(StartOfDay(random.Day()));

  constexpr size_t kThreadCount = 4;
  std::vector<std::vector<const Edition*>> found(kThreadCount);
  std::atomic<int> wrong_count = 0;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreadCount; ++t) {
    threads.emplace_back([&, t] {
      for (const int64_t ns : instants) {
        const Edition& edition = timeline.At(ns);
        found[t].push_back(&edition);
        const bool is_right = edition.from_ns <= ns && ns < edition.until_ns &&
                              &timeline.edition(edition.index) == &edition;
        if (!is_right) ++wrong_count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(wrong_count, 0);
  for (size_t t = 1; t < kThreadCount; ++t) EXPECT_EQ(found[t], found[0]);
}

}  // namespace
}  // namespace octroi
