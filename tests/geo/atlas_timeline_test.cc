// SPDX-License-Identifier: Apache-2.0
#include "geo/atlas_timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/facts_builder.h"
#include "tests/support/mmdb_writer.h"

namespace octroi {
namespace {

using testing::Address;
using testing::DayFrom;
using ::testing::ElementsAre;
using testing::FactsBuilder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MmdbWriter;

std::string CountryAt(AtlasTimeline* timeline, std::string_view day) {
  const Atlas& atlas = timeline->At(DayFrom(day));
  const LocationClaim& claim = atlas.location(
      atlas.attribution(atlas.Lookup(Address("192.0.2.1"))).location);
  return claim.opinions.empty() ? "" : claim.opinions.front().ToString();
}

TEST(AtlasTimelineTest, UsesTheNewestBuildThatWasMadeByTheDay) {
  const auto facts = FactsBuilder()
                         .CountryBuild("2025-01-01", "192.0.2.0/24", "FR")
                         .CountryBuild("2026-01-01", "192.0.2.0/24", "US")
                         .CountryBuild("2025-07-01", "192.0.2.0/24", "DE")
                         .Build();
  const auto timeline = AtlasTimeline::Create(*facts, {}).value();

  EXPECT_THAT(timeline->change_days(),
              ElementsAre(DayFrom("2025-07-01"), DayFrom("2026-01-01")));
  // Before the first build there is none better than the first.
  EXPECT_EQ(CountryAt(timeline.get(), "2020-01-01"), "FR");
  EXPECT_EQ(CountryAt(timeline.get(), "2025-06-30"), "FR");
  EXPECT_EQ(CountryAt(timeline.get(), "2025-07-01"), "DE");
  EXPECT_EQ(CountryAt(timeline.get(), "2025-12-31"), "DE");
  EXPECT_EQ(CountryAt(timeline.get(), "2026-01-01"), "US");
  EXPECT_EQ(CountryAt(timeline.get(), "2030-01-01"), "US");
}

TEST(AtlasTimelineTest, HasOneAtlasWhereEveryDatabaseHasOneBuild) {
  const auto facts = FactsBuilder().Country("192.0.2.0/24", "FR").Build();
  const auto timeline = AtlasTimeline::Create(*facts, {}).value();

  EXPECT_THAT(timeline->change_days(), IsEmpty());
  EXPECT_EQ(&timeline->At(DayFrom("1999-01-01")),
            &timeline->At(DayFrom("2099-01-01")));
}

TEST(AtlasTimelineTest, RefusesAnOldBuildThatCannotBeWalked) {
  auto facts = FactsBuilder()
                   .CountryBuild("2025-01-01", "192.0.2.0/24", "FR")
                   .CountryBuild("2026-01-01", "192.0.2.0/24", "US")
                   .Build();
  // A database of something else.
  facts->countries[0][0].file =
      MmdbFile::Parse(
          "old.mmdb",
          MmdbWriter()
              .Insert("192.0.2.0/24", testing::MmdbAsnRecord(64496, "Example"))
              .BuildBytes())
          .value();

  const auto timeline = AtlasTimeline::Create(*facts, {});

  ASSERT_FALSE(timeline.ok());
  EXPECT_THAT(std::string(timeline.status().message()), HasSubstr("old.mmdb"));
}

}  // namespace
}  // namespace octroi
