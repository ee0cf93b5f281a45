// SPDX-License-Identifier: Apache-2.0
#include "geo/ascii.h"

#include <gtest/gtest.h>

namespace octroi {
namespace {

TEST(AsciiTest, LowersLettersOfAsciiAlone) {
  EXPECT_EQ(Lower("EU-West-3 [@Z]"), "eu-west-3 [@z]");
  EXPECT_EQ(Lower("\xc3\x89t\xc3\xa9"), "\xc3\x89t\xc3\xa9");
  EXPECT_EQ(Lower(""), "");
}

TEST(AsciiTest, ComparesWholeTextsInEitherCase) {
  EXPECT_TRUE(EqualIgnoringCase("GLOBAL", "global"));
  EXPECT_TRUE(EqualIgnoringCase("", ""));
  EXPECT_FALSE(EqualIgnoringCase("global", "globa"));
  EXPECT_FALSE(EqualIgnoringCase("a[", "A{"));
}

TEST(AsciiTest, TrimsBlanksAtTheEnds) {
  EXPECT_EQ(Trim(" \t a b\r"), "a b");
  EXPECT_EQ(Trim(" \r\t"), "");
  EXPECT_EQ(Trim(""), "");
}

}  // namespace
}  // namespace octroi
