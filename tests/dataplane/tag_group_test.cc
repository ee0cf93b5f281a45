// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tag_group.h"

#include <vector>

#include "gtest/gtest.h"

namespace octroi {
namespace {

std::vector<uint32_t> PlacesOf(PlaceSet places) {
  std::vector<uint32_t> found;
  for (; !places.is_empty(); places.RemoveFirst()) {
    found.push_back(places.First());
  }
  return found;
}

TEST(TagGroupTest, FindsEveryPlaceWithATagAndNoOther) {
  TagGroup group{};
  group.tags[0] = 7;
  group.tags[1] = 8;  // A neighbour that differs in one bit.
  group.tags[7] = 7;
  group.tags[8] = 0x87;
  group.tags[14] = 7;

  EXPECT_EQ(PlacesOf(group.Match(7)), (std::vector<uint32_t>{0, 7, 14}));
  EXPECT_EQ(PlacesOf(group.Match(0x87)), (std::vector<uint32_t>{8}));
  EXPECT_EQ(PlacesOf(group.Match(9)), std::vector<uint32_t>{});
  EXPECT_EQ(group.Match(TagGroup::kFree).First(), 2u);
}

// The last byte is a count, whatever its value.
TEST(TagGroupTest, NeverTakesTheCountForATag) {
  TagGroup group{};
  group.passed_count = 7;

  EXPECT_TRUE(group.Match(7).is_empty());
  group.passed_count = TagGroup::kFree;
  EXPECT_EQ(PlacesOf(group.Match(TagGroup::kFree)).size(), TagGroup::kPlaces);
}

TEST(TagGroupTest, StopsCountingWhereItCannotCountExactly) {
  TagGroup group{};
  group.Pass();
  group.UndoPass();
  EXPECT_EQ(group.passed_count, 0);

  for (int i = 0; i < 1000; ++i) group.Pass();
  for (int i = 0; i < 1000; ++i) group.UndoPass();

  EXPECT_EQ(group.passed_count, TagGroup::kManyPassed)
      << "look-ups must go on past this group";
}

}  // namespace
}  // namespace octroi
