// SPDX-License-Identifier: Apache-2.0
#include "geo/regions.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

using ::testing::HasSubstr;

RegionRow Row(const std::string& provider, const std::string& region,
              const std::string& country, int line) {
  RegionRow row;
  row.provider = provider;
  row.region = region;
  row.country = *CountryCode::Parse(country);
  row.line = line;
  return row;
}

// The same name is another place at another provider.
TEST(RegionTableTest, AnswersForTheRegionOfThatProviderAlone) {
  const absl::StatusOr<RegionTable> table =
      RegionTable::Create({Row("AWS", "eu-west-2", "GB", 4),
                           Row("Outscale", "eu-west-2", "FR", 5)});

  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->CountryOf("AWS", "eu-west-2").ToString(), "GB");
  EXPECT_EQ(table->CountryOf("Outscale", "eu-west-2").ToString(), "FR");
  EXPECT_FALSE(table->CountryOf("Oracle Cloud", "eu-west-2").is_known());
  EXPECT_FALSE(table->CountryOf("AWS", "eu-west-20").is_known());
  EXPECT_FALSE(table->CountryOf("AWS", "").is_known());
}

TEST(RegionTableTest, TakesUpperAndLowerCaseAsEqual) {
  const absl::StatusOr<RegionTable> table =
      RegionTable::Create({Row("AWS", "eu-west-3", "FR", 4)});

  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->CountryOf("aws", "EU-West-3").ToString(), "FR");
}

TEST(RegionTableTest, RefusesARegionThatStandsTwice) {
  const absl::StatusOr<RegionTable> table = RegionTable::Create(
      {Row("AWS", "eu-west-3", "FR", 4), Row("aws", "EU-WEST-3", "DE", 9)});

  ASSERT_FALSE(table.ok());
  EXPECT_THAT(std::string(table.status().message()),
              HasSubstr("line 9: region \"EU-WEST-3\" of \"aws\" stands "
                        "already at line 4"));
}

TEST(RegionTableTest, KnowsNothingWhenEmpty) {
  EXPECT_FALSE(RegionTable().CountryOf("AWS", "eu-west-3").is_known());
}

}  // namespace
}  // namespace octroi
