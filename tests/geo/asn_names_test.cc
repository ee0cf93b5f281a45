// SPDX-License-Identifier: Apache-2.0
#include "geo/asn_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace octroi {
namespace {

TEST(AsnNamesTest, FindsTheFirstNameOfEachAsn) {
  const std::vector<MmdbAsn> records = {
      {64499, "Late"},         {64496, "Example"}, {0, "Not announced"},
      {64496, "Another name"}, {4294967295, ""},   {64497, ""}};

  const AsnNames names = AsnNames::Of(records);

  EXPECT_EQ(names.Find(64496), "Example");
  EXPECT_EQ(names.Find(64499), "Late");
  EXPECT_EQ(names.Find(0), "Not announced");
  EXPECT_EQ(names.Find(64497), "");
  EXPECT_EQ(names.Find(64498), "");
  EXPECT_EQ(names.Find(4294967295), "");
  EXPECT_THAT(names.asns(),
              ::testing::ElementsAre(0, 64496, 64497, 64499, 4294967295));
  EXPECT_EQ(AsnNames().Find(0), "");
}

TEST(AsnNamesTest, IsWhatItsPartsWere) {
  const std::vector<MmdbAsn> records = {{1, "one"}, {3, "three"}, {2, "two"}};
  const AsnNames names = AsnNames::Of(records);

  const AsnNames copy(names.asns(), names.ends(), names.text());

  for (const uint32_t asn : {0u, 1u, 2u, 3u, 4u}) {
    EXPECT_EQ(copy.Find(asn), names.Find(asn)) << asn;
  }
  EXPECT_EQ(copy.memory_bytes(), names.memory_bytes());
}

TEST(AsnNamesTest, KnowsWhichPartsAreConsistent) {
  const struct {
    std::vector<uint32_t> asns;
    std::vector<uint32_t> ends;
    std::string_view text;
    bool expected;
  } cases[] = {
      {{}, {}, "", true},
      {{1, 5}, {2, 2}, "ab", true},
      {{1, 5}, {0, 2}, "ab", true},
      {{5, 1}, {1, 2}, "ab", false},
      {{5, 5}, {1, 2}, "ab", false},
      {{1, 5}, {3, 2}, "ab", false},
      {{1, 5}, {1, 3}, "ab", false},
      {{1, 5}, {1, 1}, "ab", false},
      {{1, 5}, {2}, "ab", false},
      {{}, {}, "ab", false},
  };
  for (const auto& [asns, ends, text, expected] : cases) {
    EXPECT_EQ(AsnNames::AreConsistent(asns, ends, text), expected)
        << ::testing::PrintToString(asns) << ::testing::PrintToString(ends);
  }
}

}  // namespace
}  // namespace octroi
