// SPDX-License-Identifier: Apache-2.0
#include "agent/file_watch.h"

#include <filesystem>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::TempDir;
using ::testing::HasSubstr;

class FileWatchTest : public ::testing::Test {
 protected:
  FileWatchTest() {
    for (const char* folder : {"facts", "builds"}) {
      std::filesystem::create_directory(dir_.Path(folder));
    }
    dir_.Write("facts/country.mmdb", "old");
    dir_.Write("facts/beside.txt", "old");
    dir_.Write("builds/2026-01.mmdb", "old");
    auto watch =
        FileWatch::Create({dir_.Path("facts/country.mmdb"), dir_.Path("builds"),
                           dir_.Path("ranges.d/*.csv")});
    EXPECT_FALSE(watch.ok()) << "ranges.d is not there";
    std::filesystem::create_directory(dir_.Path("ranges.d"));
    watch =
        FileWatch::Create({dir_.Path("facts/country.mmdb"), dir_.Path("builds"),
                           dir_.Path("ranges.d/*.csv")});
    EXPECT_TRUE(watch.ok()) << watch.status();
    watch_ = *std::move(watch);
  }

  TempDir dir_;
  std::unique_ptr<FileWatch> watch_;
};

TEST_F(FileWatchTest, IsQuietWhileNothingHappens) {
  EXPECT_FALSE(watch_->HasChanged());
}

TEST_F(FileWatchTest, TellsAFileThatIsWritten) {
  dir_.Write("facts/country.mmdb", "new");

  EXPECT_TRUE(watch_->HasChanged());
  EXPECT_FALSE(watch_->HasChanged()) << "once";
}

TEST_F(FileWatchTest, TellsAFileThatAnotherIsRenamedOver) {
  dir_.Write("facts/country.mmdb.new", "new");
  EXPECT_FALSE(watch_->HasChanged());

  std::filesystem::rename(dir_.Path("facts/country.mmdb.new"),
                          dir_.Path("facts/country.mmdb"));

  EXPECT_TRUE(watch_->HasChanged());
}

TEST_F(FileWatchTest, DoesNotHearTheFilesBeside) {
  dir_.Write("facts/beside.txt", "new");

  EXPECT_FALSE(watch_->HasChanged());
}

TEST_F(FileWatchTest, TellsEveryFileOfAFolderAndOfAPattern) {
  dir_.Write("builds/2026-02.mmdb", "new");
  EXPECT_TRUE(watch_->HasChanged());

  dir_.Write("ranges.d/mine.csv", "new");
  EXPECT_TRUE(watch_->HasChanged());

  std::filesystem::remove(dir_.Path("ranges.d/mine.csv"));
  EXPECT_TRUE(watch_->HasChanged());
}

TEST(FileWatchErrorTest, SaysWhichFolderCannotBeWatched) {
  EXPECT_THAT(
      std::string(
          FileWatch::Create({"/nowhere/country.mmdb"}).status().message()),
      HasSubstr("/nowhere: cannot be watched for changes: No such file"));
}

}  // namespace
}  // namespace octroi
