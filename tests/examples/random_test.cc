// SPDX-License-Identifier: Apache-2.0
#include "examples/random.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi::example {
namespace {

// The first numbers of splitmix64 from this seed, as its authors' reference
// implementation gives them: whoever changes them changes every capture.
TEST(RandomTest, GivesTheNumbersOfTheReferenceImplementation) {
  Random random(1234567);

  EXPECT_EQ(random.Next(), 6457827717110365317u);
  EXPECT_EQ(random.Next(), 3203168211198807973u);
  EXPECT_EQ(random.Next(), 9817491932198370423u);
}

TEST(RandomTest, StaysBetweenItsBounds) {
  Random random(7);

  for (int i = 0; i < 1000; ++i) {
    EXPECT_THAT(random.Between(-2, 3),
                ::testing::AllOf(::testing::Ge(-2), ::testing::Le(3)));
    EXPECT_THAT(random.Around(100),
                ::testing::AllOf(::testing::Ge(50), ::testing::Le(200)));
  }
}

}  // namespace
}  // namespace octroi::example
