// SPDX-License-Identifier: Apache-2.0
#include "geo/ranges.h"

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
using ::testing::AllOf;
using testing::FactsBuilder;
using ::testing::HasSubstr;
using testing::Prefix;
using testing::RandomWorld;

// Two services of Acme and one of Beta.
FactsBuilder Services() {
  return FactsBuilder()
      .Service({.id = "iaas"})
      .Service({.id = "saas", .type = "SaaS"})
      .Service({.id = "beta", .provider = "Beta"});
}

absl::StatusOr<RangeTable> Create(const FactsBuilder& facts) {
  return RangeTable::Create(facts.ranges(),
                            Catalogue::Create(facts.services()).value());
}

std::string ErrorOf(const FactsBuilder& facts) {
  const absl::StatusOr<RangeTable> table = Create(facts);
  return table.ok() ? "accepted" : std::string(table.status().message());
}

TEST(GradeTest, HasANameThatIsReadBack) {
  for (const auto& [grade, name] : {std::pair{Grade::kAsserted, "asserted"},
                                    {Grade::kPublished, "published"},
                                    {Grade::kDerived, "derived"}}) {
    EXPECT_EQ(GradeName(grade), name);
    EXPECT_EQ(ParseGrade(name), grade);
  }
  EXPECT_EQ(GradeName(Grade::kNone), "");
  EXPECT_FALSE(ParseGrade("").has_value());
}

TEST(RangeTableTest, LetsTheLongestPrefixSpeak) {
  const RangeTable table =
      Create(Services()
                 .Range({.prefix = "192.0.2.0/24", .country = "FR"})
                 .Range({.prefix = "192.0.2.128/25", .service_id = "iaas"})
                 .Range({.prefix = "192.0.2.129", .service_id = "iaas"})
                 .Range({.prefix = "2001:db8::/32", .provider = "Beta"}))
          .value();

  EXPECT_EQ(table.Find(Address("192.0.2.1"))->line, 1);
  EXPECT_EQ(table.Find(Address("192.0.2.128"))->line, 2);
  EXPECT_EQ(table.Find(Address("192.0.2.129"))->line, 3);
  EXPECT_EQ(table.Find(Address("2001:db8::1"))->line, 4);
  EXPECT_EQ(table.Find(Address("192.0.3.1")), nullptr);
}

TEST(RangeTableTest, RefusesOverlappingRangesOfTwoServices) {
  EXPECT_THAT(
      ErrorOf(Services()
                  .Range({.prefix = "192.0.2.128/25", .service_id = "iaas"})
                  .Range({.prefix = "192.0.2.0/24", .service_id = "saas"})),
      AllOf(HasSubstr("ranges.csv:1"), HasSubstr("ranges.csv:2"),
            HasSubstr("192.0.2.128/25"), HasSubstr("\"iaas\""),
            HasSubstr("\"saas\"")));
  // A range in between that names no service hides nothing.
  EXPECT_THAT(
      ErrorOf(Services()
                  .Range({.prefix = "2001:db8::/32", .service_id = "iaas"})
                  .Range({.prefix = "2001:db8::/48"})
                  .Range({.prefix = "2001:db8::/64", .service_id = "saas"})),
      AllOf(HasSubstr("ranges.csv:1"), HasSubstr("ranges.csv:3")));
  EXPECT_EQ(
      ErrorOf(Services()
                  .Range({.prefix = "192.0.2.0/25", .service_id = "iaas"})
                  .Range({.prefix = "192.0.2.128/25", .service_id = "saas"})
                  .Range({.prefix = "192.0.2.0/26", .service_id = "iaas"})
                  .Range({.prefix = "192.0.2.0/24"})),
      "accepted");
}

TEST(RangeTableTest, RefusesAPrefixThatStandsTwice) {
  EXPECT_THAT(ErrorOf(Services()
                          .Range({.prefix = "192.0.2.0/24"})
                          .Range({.prefix = "198.51.100.0/24"})
                          .Range({.prefix = "192.0.2.0/24"})),
              AllOf(HasSubstr("ranges.csv:3"), HasSubstr("192.0.2.0/24"),
                    HasSubstr("ranges.csv:1")));
}

TEST(RangeTableTest, TakesOnePrefixFromSeveralProviders) {
  // GitHub publishes prefixes that are Azure's, without a region.
  const RangeTable table =
      Create(Services()
                 .Range({.prefix = "192.0.2.0/24", .provider = "GitHub"})
                 .Range({.prefix = "192.0.2.0/24",
                         .provider = "Azure",
                         .country = "FR"})
                 .Range({.prefix = "198.51.100.0/24",
                         .provider = "Azure",
                         .country = "FR"})
                 .Range({.prefix = "198.51.100.0/24",
                         .provider = "me",
                         .country = "DE",
                         .grade = Grade::kAsserted})
                 .Range({.prefix = "203.0.113.0/24", .service_id = "iaas"})
                 .Range({.prefix = "203.0.113.0/24",
                         .provider = "Azure",
                         .country = "FR"})
                 .Range({.prefix = "192.0.3.0/24", .provider = "One"})
                 .Range({.prefix = "192.0.3.0/24", .provider = "Two"}))
          .value();

  EXPECT_EQ(table.Find(Address("192.0.2.1"))->provider, "Azure");
  EXPECT_EQ(table.Find(Address("198.51.100.1"))->provider, "me");
  EXPECT_EQ(table.Find(Address("203.0.113.1"))->service_id, "iaas");
  EXPECT_EQ(table.Find(Address("192.0.3.1"))->provider, "One");
}

TEST(RangeTableTest, RefusesOnePrefixInTwoCountries) {
  EXPECT_THAT(ErrorOf(Services()
                          .Range({.prefix = "192.0.2.0/24",
                                  .provider = "One",
                                  .country = "FR"})
                          .Range({.prefix = "192.0.2.0/24",
                                  .provider = "Two",
                                  .country = "US"})),
              AllOf(HasSubstr("ranges.csv:2"), HasSubstr("ranges.csv:1")));
}

TEST(RangeTableTest, RefusesACountryOfAGlobalRegion) {
  EXPECT_THAT(
      ErrorOf(Services().Range(
          {.prefix = "192.0.2.0/24", .country = "US", .region = "Global"})),
      AllOf(HasSubstr("ranges.csv:1"), HasSubstr("Global"), HasSubstr("US")));
}

TEST(RangeTableTest, KeepsDerivedRangesApart) {
  const RangeTable table =
      Create(Services()
                 .Range({.prefix = "192.0.2.0/24"})
                 .Range({.prefix = "192.0.2.0/25", .grade = Grade::kDerived}))
          .value();

  EXPECT_EQ(table.Find(Address("192.0.2.1"))->line, 1);
  EXPECT_EQ(table.FindDerived(Address("192.0.2.1"))->line, 2);
  EXPECT_EQ(table.FindDerived(Address("192.0.2.200")), nullptr);
}

TEST(RangeTableTest, RefusesAServiceThatIsNotTheProviders) {
  EXPECT_THAT(
      ErrorOf(Services().Range({.prefix = "192.0.2.0/24", .service_id = "x"})),
      AllOf(HasSubstr("ranges.csv:1"), HasSubstr("\"x\""),
            HasSubstr("not in the catalogue")));
  EXPECT_THAT(ErrorOf(Services().Range(
                  {.prefix = "192.0.2.0/24", .service_id = "beta"})),
              AllOf(HasSubstr("ranges.csv:1"), HasSubstr("\"Beta\""),
                    HasSubstr("\"Acme\"")));
}

TEST(RangeTableTest, RefusesRangesThatNoProviderCanHave) {
  EXPECT_THAT(ErrorOf(Services().Range({.prefix = "0.0.0.0/0"})),
              AllOf(HasSubstr("ranges.csv:1"), HasSubstr("0.0.0.0/0"),
                    HasSubstr("write /8 or longer")));
  EXPECT_THAT(ErrorOf(Services().Range({.prefix = "2000::/15"})),
              HasSubstr("write /16 or longer"));
  EXPECT_EQ(ErrorOf(Services()
                        .Range({.prefix = "9.0.0.0/8"})
                        .Range({.prefix = "2600::/16"})),
            "accepted");
}

// Every pair of rows is compared, however the check finds them.
TEST(RangeTableTest, AcceptsWhatNoPairOfRowsForbids) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomWorld random(seed);
  int accepted_count = 0;
  for (int round = 0; round < 400; ++round) {
    FactsBuilder facts = Services();
    for (const IpPrefix& prefix : random.Prefixes(2 + random.Below(6))) {
      const char* services[] = {"", "iaas", "saas"};
      facts.Range({.prefix = prefix.ToString(),
                   .service_id = services[random.Below(3)]});
    }
    bool is_allowed = true;
    const std::vector<RangeRow>& rows = facts.ranges();
    for (size_t i = 0; i < rows.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        const bool two_services = !rows[i].service_id.empty() &&
                                  !rows[j].service_id.empty() &&
                                  rows[i].service_id != rows[j].service_id;
        if (rows[i].prefix == rows[j].prefix ||
            (two_services && rows[i].prefix.Overlaps(rows[j].prefix))) {
          is_allowed = false;
        }
      }
    }
    ASSERT_EQ(Create(facts).ok(), is_allowed);
    accepted_count += is_allowed ? 1 : 0;
  }
  EXPECT_GT(accepted_count, 0);
  EXPECT_LT(accepted_count, 400);
}

}  // namespace
}  // namespace octroi
