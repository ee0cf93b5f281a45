// SPDX-License-Identifier: Apache-2.0
#include "geo/operators.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/facts_builder.h"

namespace octroi {
namespace {

using ::testing::AllOf;
using testing::DayFrom;
using testing::FactsBuilder;
using ::testing::HasSubstr;

constexpr uint32_t kNone = OperatorTable::kNone;

OperatorTable TableOf(const FactsBuilder& facts) {
  return OperatorTable::Create(facts.operators()).value();
}

std::string ErrorOf(const FactsBuilder& facts) {
  const auto table = OperatorTable::Create(facts.operators());
  return table.ok() ? "accepted" : std::string(table.status().message());
}

TEST(OperatorTableTest, MakesOneEntityOfAsnsWhoseRowsSayTheSame) {
  const OperatorTable table =
      TableOf(FactsBuilder()
                  .Operator({.asn = 64496, .name = "Acme", .country = "FR"})
                  .Operator({.asn = 64497, .name = "Acme", .country = "US"})
                  .Operator({.asn = 64498, .name = "Acme", .country = "FR"}));

  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.FindByAsn(64496), table.FindByAsn(64498));
  EXPECT_NE(table.FindByAsn(64496), table.FindByAsn(64497));
  EXPECT_EQ(table.FindByAsn(64499), kNone);
  EXPECT_EQ(table.FindByAsn(0), kNone);
}

TEST(OperatorTableTest, TellsWhoControlsAnOperatorOnADay) {
  const OperatorTable table = TableOf(
      FactsBuilder()
          .Operator({.asn = 64496, .country = "US", .from = "2024-07-01"})
          .Operator({.asn = 64496, .country = "FR", .until = "2024-05-31"}));
  const OperatorEntity& entity = table.entity(table.FindByAsn(64496));
  const auto country_on = [&entity](std::string_view day) {
    const OperatorRow* row = entity.At(DayFrom(day));
    return row == nullptr ? "nobody" : row->controlling_country.ToString();
  };

  EXPECT_EQ(country_on("2010-01-01"), "FR");
  EXPECT_EQ(country_on("2024-05-31"), "FR");
  EXPECT_EQ(country_on("2024-06-15"), "nobody");
  EXPECT_EQ(country_on("2024-07-01"), "US");
}

// Two ASNs of one operator that parted ways are two entities.
TEST(OperatorTableTest, KeepsAsnsApartThatDifferAtAnyTime) {
  const OperatorTable table =
      TableOf(FactsBuilder()
                  .Operator({.asn = 64496, .name = "Acme", .country = "FR"})
                  .Operator({.asn = 64497,
                             .name = "Acme",
                             .country = "FR",
                             .until = "2024-12-31"})
                  .Operator({.asn = 64497,
                             .name = "Acme",
                             .country = "US",
                             .from = "2025-01-01"}));

  EXPECT_NE(table.FindByAsn(64496), table.FindByAsn(64497));
}

TEST(OperatorTableTest, FindsTheProviderWithTheLowestAsn) {
  const OperatorTable table =
      TableOf(FactsBuilder()
                  .Operator({.name = "Without ASN", .provider = "Acme"})
                  .Operator({.asn = 64497, .name = "B", .provider = "Acme"})
                  .Operator({.asn = 64496, .name = "A", .provider = "Acme"})
                  .Operator({.asn = 64495, .name = "C"})
                  .Operator({.name = "Alone", .provider = "Beta"}));

  EXPECT_EQ(table.FindByProvider("Acme"), table.FindByAsn(64496));
  const uint32_t beta = table.FindByProvider("Beta");
  ASSERT_NE(beta, kNone);
  EXPECT_EQ(table.entity(beta).rows.front().name, "Alone");
  EXPECT_EQ(table.FindByProvider("Gamma"), kNone);
  // A row without a provider is not the provider "".
  EXPECT_EQ(table.FindByProvider(""), kNone);
}

// Found by this test: each row of an operator without an ASN was an entity of
// its own, so that after a change of control the provider led to nobody.
TEST(OperatorTableTest, FollowsAnOperatorWithoutAnAsnThroughTime) {
  const OperatorTable table = TableOf(FactsBuilder()
                                          .Operator({.name = "Acme",
                                                     .country = "FR",
                                                     .provider = "Acme",
                                                     .until = "2024-12-31"})
                                          .Operator({.name = "Acme",
                                                     .country = "US",
                                                     .provider = "Acme",
                                                     .from = "2025-01-01"})
                                          .Operator({.name = "Other"}));

  EXPECT_EQ(table.size(), 2u);
  const OperatorEntity& acme = table.entity(table.FindByProvider("Acme"));
  EXPECT_EQ(acme.At(DayFrom("2024-06-01"))->controlling_country.ToString(),
            "FR");
  EXPECT_EQ(acme.At(DayFrom("2025-06-01"))->controlling_country.ToString(),
            "US");
}

TEST(OperatorTableTest, RefusesRowsOfAnOperatorThatOverlapInTime) {
  EXPECT_THAT(ErrorOf(FactsBuilder()
                          .Operator({.asn = 64496})
                          .Operator({.asn = 64497})
                          .Operator({.asn = 64496, .from = "2025-01-01"})),
              AllOf(HasSubstr("line 3: AS64496"), HasSubstr("line 1")));
  EXPECT_THAT(ErrorOf(FactsBuilder()
                          .Operator({.asn = 64496, .from = "2025-01-01"})
                          .Operator({.asn = 64496, .until = "2025-01-01"})),
              HasSubstr("overlaps"));
  EXPECT_THAT(ErrorOf(FactsBuilder()
                          .Operator({.name = "Acme"})
                          .Operator({.name = "Acme", .country = "FR"})),
              HasSubstr("line 2: \"Acme\" overlaps"));
  EXPECT_EQ(ErrorOf(FactsBuilder()
                        .Operator({.asn = 64496, .until = "2024-12-31"})
                        .Operator({.asn = 64496, .from = "2025-01-01"})),
            "accepted");
}

TEST(OperatorTableTest, GivesTheRowAsTheFileHasIt) {
  const OperatorTable table =
      TableOf(FactsBuilder()
                  .Operator({.asn = 64496, .name = "Acme", .country = "FR"})
                  .Operator({.asn = 64497, .name = "Acme", .country = "FR"}));

  EXPECT_EQ(table.RowOf(64497, DayFrom("2026-01-01"))->line, 2);
  EXPECT_EQ(table.RowOf(64499, DayFrom("2026-01-01")), nullptr);
}

}  // namespace
}  // namespace octroi
