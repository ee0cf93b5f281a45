// SPDX-License-Identifier: Apache-2.0
#include "geo/elapsed.h"

#include "gtest/gtest.h"

namespace octroi {
namespace {

TEST(ElapsedTest, WaitsForTheIntervalUnlessTheClockWasSetBack) {
  EXPECT_FALSE(HasElapsed(1000, 1000, 10));
  EXPECT_FALSE(HasElapsed(1000, 1009, 10));
  EXPECT_TRUE(HasElapsed(1000, 1010, 10));
  EXPECT_TRUE(HasElapsed(1000, 999, 10));
}

}  // namespace
}  // namespace octroi
