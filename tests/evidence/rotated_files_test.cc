// SPDX-License-Identifier: Apache-2.0
#include "evidence/rotated_files.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "geo/calendar.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;

using ::octroi::testing::ReadFile;
using ::octroi::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;

std::vector<std::string> NamesIn(const TempDir& dir) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(dir.Path("."))) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class RotatedFilesTest : public ::testing::Test {
 protected:
  // A log with this content, rotated.
  absl::Status Rotate(RotatedFiles* files, const std::string& content,
                      int64_t now_ns) {
    dir_.Write("flows.jsonl", content);
    return files->Rotate(content.size(), now_ns);
  }

  const TempDir dir_;
  const std::string path_ = dir_.Path("flows.jsonl");
  const int64_t start_ns_ = ParseInstant("2026-11-22T10:15:00.5Z").value();
};

TEST_F(RotatedFilesTest, NamesFilesByTimeAndNumberSoThatTheySort) {
  RotatedFiles files(path_);
  ASSERT_TRUE(files.Scan().ok());

  // Twice in a second, once later, once after the clock went back by an hour.
  for (const int64_t seconds : {0, 0, 7, -3600}) {
    ASSERT_TRUE(Rotate(&files, "{}\n", start_ns_ + seconds * kSecond).ok());
  }

  EXPECT_THAT(NamesIn(dir_), ElementsAre("flows.jsonl.20261122T101500Z-0001",
                                         "flows.jsonl.20261122T101500Z-0002",
                                         "flows.jsonl.20261122T101507Z-0001",
                                         "flows.jsonl.20261122T101507Z-0002"));
  EXPECT_EQ(files.size(), 4u);
  EXPECT_EQ(files.total_bytes(), 12u);
}

TEST_F(RotatedFilesTest, GoesOnBehindTheNamesThatItFinds) {
  dir_.Write("flows.jsonl.20261122T101500Z-9999", "{}\n");
  dir_.Write("flows.jsonl.20261122T101500Z-0007", "{}\n");
  RotatedFiles files(path_);
  ASSERT_TRUE(files.Scan().ok());

  ASSERT_TRUE(Rotate(&files, "{}\n", start_ns_).ok());

  EXPECT_TRUE(fs::exists(dir_.Path("flows.jsonl.20261122T101501Z-0001")));
  EXPECT_EQ(files.size(), 3u);
}

TEST_F(RotatedFilesTest, RemovesTheOldestFirst) {
  dir_.Write("flows.jsonl.20261122T101500Z-0002", "22");
  dir_.Write("flows.jsonl.20261121T000000Z-0001", "1");
  dir_.Write("flows.jsonl.20261122T101501Z-0001", "333");
  RotatedFiles files(path_);
  ASSERT_TRUE(files.Scan().ok());

  EXPECT_EQ(files.RemoveOldest()->bytes, 1u);
  EXPECT_EQ(files.total_bytes(), 5u);
  EXPECT_EQ(files.RemoveOldest()->bytes, 2u);

  EXPECT_THAT(NamesIn(dir_), ElementsAre("flows.jsonl.20261122T101501Z-0001"));

  // Deleted by somebody else: no longer counted.
  fs::remove(dir_.Path("flows.jsonl.20261122T101501Z-0001"));

  EXPECT_FALSE(files.RemoveOldest()->was_there);
  EXPECT_EQ(files.total_bytes(), 0u);
  EXPECT_FALSE(files.RemoveOldest().has_value());
}

TEST_F(RotatedFilesTest, LeavesAloneWhatHasAnotherName) {
  const std::vector<std::string> names = {
      "flows.jsonl",
      "flows.jsonl.1",
      "flows.jsonl.20261122T101500Z",
      "flows.jsonl.20261122T101500Z-0000",
      "flows.jsonl.20261122T101500Z-0001.gz",
      "flows.jsonl.20261122T101500Z-001",
      "flows.jsonl.20261122T101500Z-00x1",
      "flows.jsonl.20261122X101500Z-0001",
      "flows.jsonl.20261322T101500Z-0001",
      "flows.jsonl.22001122T101500Z-0001",
      "other.jsonl.20261122T101500Z-0001",
  };
  for (const std::string& name : names) dir_.Write(name, "{}\n");
  fs::create_directory(dir_.Path("flows.jsonl.20261122T101500Z-0001"));
  RotatedFiles files(path_);

  ASSERT_TRUE(files.Scan().ok());

  EXPECT_EQ(files.size(), 0u);
  EXPECT_FALSE(files.RemoveOldest().has_value());
  for (const std::string& name : names)
    EXPECT_TRUE(fs::exists(dir_.Path(name)));
}

// Somebody puts a file where the next one is to go, after the look.
TEST_F(RotatedFilesTest, ReplacesNothing) {
  RotatedFiles files(path_);
  ASSERT_TRUE(files.Scan().ok());
  dir_.Write("flows.jsonl.20261122T101500Z-0001", "theirs");

  const absl::Status status = Rotate(&files, "{}\n", start_ns_);

  EXPECT_THAT(std::string(status.message()), HasSubstr("File exists"));
  EXPECT_EQ(ReadFile(dir_.Path("flows.jsonl.20261122T101500Z-0001")), "theirs");

  ASSERT_TRUE(Rotate(&files, "{}\n", start_ns_).ok());

  EXPECT_TRUE(fs::exists(dir_.Path("flows.jsonl.20261122T101500Z-0002")));
}

TEST_F(RotatedFilesTest, NamesTheFolderThatCannotBeListed) {
  RotatedFiles files(dir_.Path("no/flows.jsonl"));

  const absl::Status status = files.Scan();

  EXPECT_THAT(std::string(status.message()),
              HasSubstr(dir_.Path("no") + ": cannot be listed: No such file"));
}

}  // namespace
}  // namespace octroi
