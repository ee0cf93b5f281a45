// SPDX-License-Identifier: Apache-2.0
// Rulesets are made here and enforced in sandbox_test.cc: a test process that
// gave up its files could run no other test.
#include "agent/landlock.h"

#include <unistd.h>

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::TempDir;
using ::testing::HasSubstr;

TEST(LandlockTest, SaysWhatAnOlderAbiCannotRestrict) {
  EXPECT_EQ(LandlockGap(1),
            "truncating files that are open for reading, binding and "
            "connecting TCP sockets, ioctl of devices, abstract Unix sockets "
            "and signals of others");
  EXPECT_EQ(LandlockGap(5), "abstract Unix sockets and signals of others");
  EXPECT_EQ(LandlockGap(kLandlockAbiKnown), "");
  EXPECT_EQ(LandlockGap(kLandlockAbiKnown + 1), "");
}

// A right that a kernel does not know would be refused: each ABI that this
// kernel offers is asked for its own rights and for nothing more.
TEST(LandlockTest, MakesARulesetOfEachAbiThatTheKernelHas) {
  const LandlockSupport support = AskLandlock();
  if (support.abi == 0) GTEST_SKIP() << "no Landlock here: " << support.gap;
  const TempDir folder;
  const LandlockRules rules = {{folder.Write("exact.txt", "x"), "/"},
                               {folder.Path("")}};

  for (int abi = 1; abi <= std::min(support.abi, kLandlockAbiKnown); ++abi) {
    const absl::StatusOr<int> ruleset = MakeLandlockRuleset(abi, rules);
    ASSERT_TRUE(ruleset.ok()) << "ABI " << abi << ": " << ruleset.status();
    ::close(*ruleset);
  }
}

TEST(LandlockTest, NamesThePathThatCannotBeOpened) {
  const LandlockSupport support = AskLandlock();
  if (support.abi == 0) GTEST_SKIP() << "no Landlock here: " << support.gap;
  const TempDir folder;
  const std::string file = folder.Write("exact.txt", "x");

  const auto missing = MakeLandlockRuleset(support.abi, {{"/nowhere/x"}, {}});
  const auto no_folder = MakeLandlockRuleset(support.abi, {{}, {file}});

  EXPECT_THAT(missing.status().message(),
              HasSubstr("/nowhere/x: cannot be opened for the sandbox: No such "
                        "file or directory"));
  EXPECT_THAT(no_folder.status().message(),
              HasSubstr(file + ": cannot be opened for the sandbox: Not a "
                               "directory"));
}

}  // namespace
}  // namespace octroi
