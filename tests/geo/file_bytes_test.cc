// SPDX-License-Identifier: Apache-2.0
#include "geo/file_bytes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using testing::TempDir;

TEST(FileBytesTest, ReadsAsMuchAsIsWantedOrAsThereIs) {
  const TempDir dir;
  const int file = ::open(dir.Write("abc", "abc").c_str(), O_RDONLY);
  std::array<char, 4> bytes = {};

  const auto first = ReadBytes(file, bytes.data(), 2);
  const auto rest = ReadBytes(file, bytes.data() + 2, 2);
  const auto end = ReadBytes(file, bytes.data(), 4);
  ::close(file);

  EXPECT_EQ(first.value(), 2u);
  EXPECT_EQ(rest.value(), 1u);
  EXPECT_EQ(end.value(), 0u);
  EXPECT_EQ(std::string_view(bytes.data(), 3), "abc");
}

TEST(FileBytesTest, SaysWhyAFolderCannotBeRead) {
  const TempDir dir;
  const int folder = ::open(dir.Path("").c_str(), O_RDONLY);
  char byte = 0;

  const auto count = ReadBytes(folder, &byte, 1);
  ::close(folder);

  ASSERT_FALSE(count.ok());
  EXPECT_EQ(std::string_view(count.status().message().data(),
                             count.status().message().size()),
            "Is a directory");
}

}  // namespace
}  // namespace octroi
