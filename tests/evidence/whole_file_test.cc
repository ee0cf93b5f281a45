// SPDX-License-Identifier: Apache-2.0
#include "evidence/whole_file.h"

#include <filesystem>
#include <ostream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::ReadFile;
using ::octroi::testing::TempDir;
using ::testing::HasSubstr;

TEST(WholeFileTest, AppearsUnderItsNameWhenItIsWhole) {
  const TempDir dir;
  dir.Write("a.csv", "old");

  const absl::Status status =
      WriteWholeFile(dir.Path("a.csv"), "cannot be written", "make room",
                     [&](std::ostream& out) {
                       out << "new";
                       EXPECT_EQ(ReadFile(dir.Path("a.csv")), "old");
                     });

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(ReadFile(dir.Path("a.csv")), "new");
  EXPECT_FALSE(std::filesystem::exists(dir.Path("a.csv.partial")));
}

TEST(WholeFileTest, LeavesNothingBehindWhereItCannotBeWritten) {
  const TempDir dir;
  bool was_asked = false;

  const absl::Status status =
      WriteWholeFile(dir.Path("no/a.csv"), "cannot be written", "make room",
                     [&](std::ostream&) { was_asked = true; });

  EXPECT_THAT(std::string(status.message()),
              HasSubstr("no/a.csv: cannot be written: No such file or "
                        "directory; make room"));
  EXPECT_FALSE(was_asked);
  EXPECT_FALSE(std::filesystem::exists(dir.Path("no")));
}

}  // namespace
}  // namespace octroi
