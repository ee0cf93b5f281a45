// SPDX-License-Identifier: Apache-2.0
#include "geo/opinions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "tests/support/facts_builder.h"
#include "tests/support/random_facts.h"

namespace octroi {
namespace {

using testing::Code;
using testing::DayFrom;
using ::testing::ElementsAre;
using testing::FactsBuilder;
using testing::RandomWorld;
using ::testing::SizeIs;

OpinionComparison Compare(const Facts& facts,
                          std::string_view day = "2026-06-01") {
  return CompareOpinions(facts, DayFrom(day), [](double) {}).value();
}

// both_answer, one_country, one_regime, other_regime, eu_and_not.
std::array<uint64_t, 5> NumbersOf(const OpinionPair& pair) {
  return {static_cast<uint64_t>(pair.both_answer),
          static_cast<uint64_t>(pair.one_country),
          static_cast<uint64_t>(pair.one_regime),
          static_cast<uint64_t>(pair.other_regime),
          static_cast<uint64_t>(pair.eu_and_not)};
}

TEST(OpinionsTest, CountTheSpaceInWhichDatabasesAgree) {
  const auto facts = FactsBuilder()
                         .Country("192.0.2.0/24", "FR")
                         .Country("192.0.2.0/25", "FR", 1)
                         .Country("192.0.2.128/26", "DE", 1)
                         .Country("192.0.2.192/27", "US", 1)
                         .Country("198.51.100.0/24", "CH")
                         .Country("198.51.100.0/24", "US", 1)
                         .Country("203.0.113.0/24", "FR")
                         // Not compared: private, a pseudo-code.
                         .Country("10.0.0.0/8", "FR")
                         .Country("10.0.0.0/8", "US", 1)
                         .Country("203.0.113.0/24", "EU", 1)
                         .Build();

  const OpinionComparison comparison = Compare(*facts);

  ASSERT_THAT(comparison.v4.pairs, SizeIs(1));
  EXPECT_THAT(NumbersOf(comparison.v4.pairs[0]),
              ElementsAre(128 + 64 + 32 + 256, 128, 64, 32 + 256, 32));
  EXPECT_EQ(static_cast<uint64_t>(comparison.v4.counted), 3 * 256u);
  EXPECT_EQ(static_cast<uint64_t>(comparison.v4.contested), 32 + 256u);
  EXPECT_EQ(static_cast<uint64_t>(comparison.v4.eu_and_not), 32u);
  EXPECT_EQ(static_cast<uint64_t>(comparison.v4.any_eu), 128 + 64 + 32u);
}

TEST(OpinionsTest, CountOnlyAnnouncedSpaceOfIpv6) {
  const auto facts = FactsBuilder()
                         .Country("2001:db8::/32", "FR")
                         .Country("2001:db8::/32", "US", 1)
                         .Asn("2001:db8::/48", 64496, "Example")
                         .Build();

  const OpinionComparison comparison = Compare(*facts);

  EXPECT_TRUE(comparison.v6.contested == Uint128{1} << 80);
  EXPECT_TRUE(comparison.v6.eu_and_not == Uint128{1} << 80);
}

TEST(OpinionsTest, TellWhoseSpaceIsContested) {
  const auto facts = FactsBuilder()
                         .Country("192.0.2.0/24", "FR")
                         .Country("192.0.2.0/24", "US", 1)
                         .Country("203.0.113.0/24", "FR")
                         .Country("203.0.113.0/25", "US", 1)
                         .Country("203.0.113.128/25", "FR", 1)
                         .Asn("192.0.2.0/25", 64496)
                         .Asn("203.0.113.0/24", 64497)
                         .Operator({.asn = 64496, .name = "First"})
                         .Operator({.asn = 64497, .name = "Second"})
                         .Build();

  const std::vector<OperatorOpinions> operators = Compare(*facts).v4.operators;

  ASSERT_THAT(operators, SizeIs(3));
  EXPECT_EQ(operators[0].name, "First");
  EXPECT_EQ(static_cast<uint64_t>(operators[0].contested), 128u);
  EXPECT_EQ(static_cast<uint64_t>(operators[0].several_answer), 128u);
  EXPECT_EQ(operators[1].name, "Second");
  EXPECT_EQ(static_cast<uint64_t>(operators[1].contested), 128u);
  EXPECT_EQ(static_cast<uint64_t>(operators[1].several_answer), 256u);
  EXPECT_EQ(operators[2].name, "");
  EXPECT_EQ(static_cast<uint64_t>(operators[2].contested), 128u);
}

TEST(OpinionsTest, JudgeByTheRegimeOfTheDay) {
  const auto facts = FactsBuilder()
                         .Country("192.0.2.0/24", "GB")
                         .Country("192.0.2.0/24", "FR", 1)
                         .Build();

  EXPECT_TRUE(Compare(*facts, "2019-01-01").v4.contested == 0);
  EXPECT_TRUE(Compare(*facts, "2021-01-01").v4.contested == 256);
}

// Every number is a sum over addresses; here over each address of the block
// that random worlds live in.
TEST(OpinionsTest, EqualACountOfEveryAddress) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomWorld random(seed);
  for (int round = 0; round < 10; ++round) {
    const auto facts = random.FactsWithBuilds().Build();
    const Day day = random.Day();
    const OpinionComparison comparison =
        CompareOpinions(*facts, day, [](double) {}).value();
    std::vector<std::array<uint64_t, 5>> pairs(comparison.v4.pairs.size());
    uint64_t contested = 0;
    for (uint32_t host = 0; host < 1 << 12; ++host) {
      const IpAddress address = IpAddress::V4(0xcb007000 | host);
      if (facts->special_purpose.Find(address) != nullptr) continue;
      std::vector<CountryCode> codes;
      for (const CountrySeries& series : facts->countries) {
        const auto found =
            BuildInForce(series, day).file->LookupCountry(address).value();
        codes.push_back(
            found ? facts->jurisdictions.Resolve(Code(found->record.code))
                  : CountryCode());
      }
      std::optional<Regime> first;
      bool is_contested = false;
      for (const CountryCode code : codes) {
        if (!code.is_known()) continue;
        const Regime regime = facts->jurisdictions.RegimeAt(code, day);
        is_contested = is_contested || (first && *first != regime);
        if (!first) first = regime;
      }
      contested += is_contested ? 1 : 0;
      for (size_t i = 0; i < pairs.size(); ++i) {
        const OpinionPair& pair = comparison.v4.pairs[i];
        const CountryCode a = codes[pair.first];
        const CountryCode b = codes[pair.second];
        if (!a.is_known() || !b.is_known()) continue;
        const Regime x = facts->jurisdictions.RegimeAt(a, day);
        const Regime y = facts->jurisdictions.RegimeAt(b, day);
        ++pairs[i][0];
        pairs[i][1] += a == b ? 1 : 0;
        pairs[i][2] += a != b && x == y ? 1 : 0;
        pairs[i][3] += x != y ? 1 : 0;
        pairs[i][4] += (x == Regime::kEu) != (y == Regime::kEu) ? 1 : 0;
      }
    }
    for (size_t i = 0; i < pairs.size(); ++i) {
      EXPECT_EQ(NumbersOf(comparison.v4.pairs[i]), pairs[i]);
    }
    EXPECT_EQ(static_cast<uint64_t>(comparison.v4.contested), contested);
  }
}

}  // namespace
}  // namespace octroi
