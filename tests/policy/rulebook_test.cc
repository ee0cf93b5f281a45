// SPDX-License-Identifier: Apache-2.0
#include "policy/rulebook.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "tests/support/facts_builder.h"
#include "tests/support/random_facts.h"

namespace octroi {
namespace {

using testing::Address;
using testing::DayFrom;
using testing::FactsBuilder;
using testing::RandomWorld;

constexpr Opener kOpeners[] = {Opener::kLocal, Opener::kRemote,
                               Opener::kRemoteAdministration};
static_assert(std::size(kOpeners) == kOpenerCount);
// 22 and 443 are ports that random exceptions name.
constexpr uint16_t kPorts[] = {kNoPort, 22, 443, 8443};

Judgement JudgeDirectly(const Policy& policy, WorkloadId workload,
                        Opener opener, const Destination& destination,
                        const std::vector<uint32_t>& marks, Day day,
                        uint16_t port) {
  if (workload == kNoWorkload) return {};
  switch (opener) {
    case Opener::kLocal:
      return JudgeOpenedByLocal(policy, workload, destination, marks, day,
                                port);
    case Opener::kRemote:
      return JudgeOpenedByRemote(policy, workload, destination, marks, day,
                                 port);
    case Opener::kRemoteAdministration:
      return JudgeAdministration(policy, workload, destination, marks, day,
                                 port);
  }
  return {};
}

TEST(RulebookTest, EqualsTheDirectJudgementOfEveryClass) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomWorld random(seed);
  std::set<Reason> reached;
  int expired_count = 0;
  bool depends_on_port = false;
  for (int round = 0; round < 40; ++round) {
    const auto facts = random.Facts().Build();
    const Policy policy = random.Policy();
    ASSERT_TRUE(CheckPolicy(policy).ok());
    const Atlas atlas = Atlas::Build(*facts, ExceptionMarks(policy)).value();
    const Day day = random.Day();

    const Rulebook rulebook = Rulebook::Compile(atlas, policy, day);

    for (AttributionId id = 0; id < atlas.attribution_count(); ++id) {
      const Attribution& attribution = atlas.attribution(id);
      const Destination destination =
          ResolveDestination(atlas, attribution.class_id, day);
      for (const WorkloadId workload :
           {WorkloadId{0}, WorkloadId{1}, WorkloadId{2}, kNoWorkload}) {
        for (const Opener opener : kOpeners) {
          for (const uint16_t port : kPorts) {
            const Judgement expected =
                JudgeDirectly(policy, workload, opener, destination,
                              atlas.marks(attribution.marks), day, port);
            const Judgement found =
                rulebook.Judge(attribution, workload, opener, port);
            ASSERT_EQ(found, expected)
                << "round " << round << ", attribution " << id << ", workload "
                << workload << ", opener " << static_cast<int>(opener)
                << ", port " << port << ": " << InfoOf(found.reason).name
                << " (" << found.exception << ") instead of "
                << InfoOf(expected.reason).name << " (" << expected.exception
                << ")";
            reached.insert(found.reason);
            expired_count += found.is_exception_expired() ? 1 : 0;
            depends_on_port |=
                found != rulebook.Judge(attribution, workload, opener, kNoPort);
          }
        }
      }
    }
  }
  // The random worlds are varied enough to mean something.
  EXPECT_GT(reached.size(), kReasonCount / 2);
  EXPECT_GT(expired_count, 0);
  EXPECT_TRUE(depends_on_port);
}

TEST(RulebookTest, DoesNotJudgeWhatNoWorkloadCovers) {
  const auto facts = FactsBuilder().Country("192.0.2.0/24", "US").Build();
  const Policy policy = DefaultPolicy();
  const Atlas atlas = Atlas::Build(*facts, {}).value();
  const Rulebook rulebook =
      Rulebook::Compile(atlas, policy, DayFrom("2026-01-01"));
  const Attribution& attribution =
      atlas.attribution(atlas.Lookup(Address("192.0.2.1")));

  for (const Opener opener : kOpeners) {
    EXPECT_EQ(rulebook.Judge(attribution, kNoWorkload, opener, 443),
              (Judgement{Verdict::kNotJudged, Reason::kNoRequirement}));
  }
  EXPECT_EQ(rulebook.Judge(attribution, 0, Opener::kLocal, 443).verdict,
            Verdict::kViolation);
  EXPECT_EQ(rulebook.day(), DayFrom("2026-01-01"));
  EXPECT_EQ(rulebook.destination(attribution).country.ToString(), "US");
}

TEST(RulebookTest, WorksWithoutWorkloads) {
  const auto facts = FactsBuilder().Country("192.0.2.0/24", "US").Build();
  const Policy policy;
  const Atlas atlas = Atlas::Build(*facts, {}).value();
  const Rulebook rulebook =
      Rulebook::Compile(atlas, policy, DayFrom("2026-01-01"));

  for (AttributionId id = 0; id < atlas.attribution_count(); ++id) {
    EXPECT_EQ(
        rulebook.Judge(atlas.attribution(id), kNoWorkload, Opener::kLocal, 443)
            .reason,
        Reason::kNoRequirement);
  }
}

TEST(RulebookTest, KnowsTheAdministrationPorts) {
  const auto facts = FactsBuilder().Build();
  const Atlas atlas = Atlas::Build(*facts, {}).value();
  const Day day = DayFrom("2026-01-01");
  Policy policy = DefaultPolicy();

  const Rulebook by_default = Rulebook::Compile(atlas, policy, day);
  policy.administration.ports = {0, 65535};
  const Rulebook extreme = Rulebook::Compile(atlas, policy, day);
  policy.administration.ports = {};
  const Rulebook none = Rulebook::Compile(atlas, policy, day);

  for (const uint16_t port : {22, 3389, 5985, 5986}) {
    EXPECT_TRUE(by_default.IsAdministrationPort(port)) << port;
    EXPECT_FALSE(none.IsAdministrationPort(port)) << port;
  }
  EXPECT_FALSE(by_default.IsAdministrationPort(443));
  EXPECT_TRUE(extreme.IsAdministrationPort(0));
  EXPECT_TRUE(extreme.IsAdministrationPort(65535));
  EXPECT_FALSE(extreme.IsAdministrationPort(22));
}

}  // namespace
}  // namespace octroi
