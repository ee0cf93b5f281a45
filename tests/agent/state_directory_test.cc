// SPDX-License-Identifier: Apache-2.0
#include "agent/state_directory.h"

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::ReadFile;
using ::octroi::testing::TempDir;
using ::testing::HasSubstr;

DaemonState SomeState() {
  DaemonState state;
  state.run_count = 3;
  state.first_start_ns = 1'700'000'000'000'000'001;
  state.alive_ns = 1'760'000'000'000'000'002;
  state.has_ended = true;
  state.edition_digest = "9f2c";
  state.totals = {UINT64_MAX, 2, 3, 4, 5, 6};
  return state;
}

TEST(DaemonStateTest, ReadsBackWhatItWrites) {
  const absl::StatusOr<DaemonState> read =
      StateFromText(StateToText(SomeState()));

  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, SomeState());
}

TEST(DaemonStateTest, RefusesEveryTextThatItDidNotWrite) {
  const std::string whole = StateToText(SomeState());
  for (size_t size = 0; size + 2 < whole.size(); ++size) {
    EXPECT_FALSE(StateFromText(whole.substr(0, size)).ok()) << size;
  }
  for (const std::string& text :
       {std::string("[]"), std::string("{}"),
        std::string("{\"schema\": \"octroi.state/2\"}"),
        std::string("{\"schema\": \"octroi.state/1\"}"),
        std::string("{\"schema\": 1, \"runs\": 1}")}) {
    EXPECT_FALSE(StateFromText(text).ok()) << text;
  }
  std::string negative = whole;
  negative.replace(negative.find("\"runs\": 3"), 9, "\"runs\": -3");
  EXPECT_THAT(std::string(StateFromText(negative).status().message()),
              HasSubstr("lacks runs; a file that octroi wrote"));
}

TEST(StateDirectoryTest, RemembersFromOneRunToTheNext) {
  const TempDir dir;
  {
    const auto first = StateDirectory::Open(dir.Path("state"));
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_EQ(*(*first)->Read(), std::nullopt);
    EXPECT_TRUE((*first)->Write(SomeState()).ok());
  }

  const auto second = StateDirectory::Open(dir.Path("state"));

  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(*(*second)->Read(), SomeState());
}

TEST(StateDirectoryTest, IsUsedByOneAtATime) {
  const TempDir dir;
  const auto first = StateDirectory::Open(dir.Path("state"));
  ASSERT_TRUE(first.ok());

  const auto second = StateDirectory::Open(dir.Path("state"));

  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("another octroi (process "));
}

TEST(StateDirectoryTest, PutsAsideWhatIsNoStateAndSaysSo) {
  const TempDir dir;
  const auto directory = StateDirectory::Open(dir.Path("state"));
  ASSERT_TRUE(directory.ok());
  dir.Write("state/state.json", "half a fi");

  EXPECT_THAT(std::string((*directory)->Read().status().message()),
              HasSubstr("counting begins anew"));

  EXPECT_EQ(ReadFile(dir.Path("state/state.json.unreadable")), "half a fi");
  EXPECT_EQ(*(*directory)->Read(), std::nullopt);
}

TEST(StateDirectoryTest, LeavesTheOldStateWhereTheNewOneCannotBeWritten) {
  const TempDir dir;
  const auto directory = StateDirectory::Open(dir.Path("state"));
  ASSERT_TRUE(directory.ok());
  ASSERT_TRUE((*directory)->Write(SomeState()).ok());
  // In the way of the file that would become the new state.
  std::filesystem::create_directory(dir.Path("state/state.json.partial"));
  DaemonState other = SomeState();
  other.run_count = 4;

  EXPECT_FALSE((*directory)->Write(other).ok());

  EXPECT_EQ(*(*directory)->Read(), SomeState());
}

TEST(StateDirectoryTest, SaysWhatToDoWhereItMayNotWrite) {
  EXPECT_THAT(
      std::string(StateDirectory::Open("/proc/octroi").status().message()),
      HasSubstr("set state_directory to a folder"));
}

}  // namespace
}  // namespace octroi
