// SPDX-License-Identifier: Apache-2.0
#include "agent/progress.h"

#include <sstream>

#include "gtest/gtest.h"

namespace octroi {
namespace {

TEST(ProgressTest, ShowsBarRateAndTimeLeft) {
  EXPECT_EQ(ProgressLine({500'000'000, 2'000'000'000}, 5),
            "[#######.......................]  25 %  500.0 MB of 2.00 GB  "
            "100.0 MB/s  15 s left");
}

TEST(ProgressTest, ShowsNoBarWhereTheTotalIsNotKnown) {
  EXPECT_EQ(ProgressLine({5'000'000, std::nullopt}, 2),
            "5.00 MB read  2.50 MB/s");
}

TEST(ProgressTest, StaysWithinTheBarWhenTheFileGrows) {
  EXPECT_EQ(ProgressLine({30, 20}, 1),
            "[##############################] 100 %  30 B of 20 B  30 B/s  "
            "0 s left");
}

TEST(ProgressTest, SurvivesNoTimeAndNoBytes) {
  EXPECT_EQ(ProgressLine({0, 100}, 0),
            "[..............................]   0 %  0 B of 100 B  0 B/s");
  EXPECT_EQ(ProgressLine({0, 0}, 0), "0 B read  0 B/s");
}

TEST(ProgressTest, DrawsNothingForWorkThatIsOverAtOnce) {
  std::ostringstream stream;
  {
    const ProgressBar bar([] { return Progress{1, 2}; }, &stream);
  }
  EXPECT_EQ(stream.str(), "");
}

TEST(ProgressLineTest, ShowsAShareOfWorkThatIsNotCountedInBytes) {
  Progress progress;
  progress.share = 0.25;
  EXPECT_EQ(ProgressLine(progress, 3.0),
            "[#######.......................]  25 %  9 s left");
  progress.share = 0;
  EXPECT_EQ(ProgressLine(progress, 3.0),
            "[..............................]   0 %");
}

}  // namespace
}  // namespace octroi
