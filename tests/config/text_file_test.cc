// SPDX-License-Identifier: Apache-2.0
#include "config/text_file.h"

#include <sys/stat.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::TempDir;
using ::testing::EndsWith;

TEST(TextFileTest, ReadsAFileOfExactlyTheLimit) {
  const TempDir dir;
  const std::string path = dir.Write("a", std::string(1 << 20, 'a'));

  const auto at_limit = ReadTextFile(path, 1 << 20);
  const auto above_limit = ReadTextFile(path, (1 << 20) - 1);

  ASSERT_TRUE(at_limit.ok()) << at_limit.status();
  EXPECT_EQ(at_limit->size(), size_t{1} << 20);
  EXPECT_FALSE(above_limit.ok());
}

TEST(TextFileTest, NamesWhatCannotBeRead) {
  const TempDir dir;
  dir.Write("large", std::string((1 << 20) + 1, 'a'));

  const auto missing = ReadTextFile(dir.Path("missing"), 1 << 20);
  const auto folder = ReadTextFile(dir.Path(""), 1 << 20);
  const auto large = ReadTextFile(dir.Path("large"), 1 << 20);

  EXPECT_THAT(std::string(missing.status().message()),
              EndsWith("missing: cannot be read: No such file or directory"));
  EXPECT_THAT(std::string(folder.status().message()),
              EndsWith("cannot be read: Is a directory"));
  EXPECT_THAT(std::string(large.status().message()),
              EndsWith("large: is larger than 1 MiB, the most that octroi "
                       "reads of such a file"));
}

// A named pipe that nobody writes to would stop the agent at its start.
TEST(TextFileTest, DoesNotWaitForTheWriterOfAPipe) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo(dir.Path("pipe").c_str(), 0600), 0);

  const auto text = ReadTextFile(dir.Path("pipe"), 1 << 20);

  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, "");
}

// RFC 3629 §3 and §4, the borders of each length.
TEST(TextFileTest, KnowsUtf8) {
  const struct {
    std::string text;
    size_t length;
  } cases[] = {
      {"a", 1},
      {"\xC2\x80", 2},
      {"\xDF\xBF", 2},
      {"\xE0\xA0\x80", 3},
      {"\xED\x9F\xBF", 3},
      {"\xEF\xBF\xBF", 3},
      {"\xF0\x90\x80\x80", 4},
      {"\xF4\x8F\xBF\xBF", 4},
      {"", 0},
      {"\x80", 0},              // A continuation alone.
      {"\xC0\x80", 0},          // Overlong.
      {"\xC1\xBF", 0},          // Overlong.
      {"\xE0\x9F\xBF", 0},      // Overlong.
      {"\xED\xA0\x80", 0},      // A surrogate.
      {"\xF0\x8F\xBF\xBF", 0},  // Overlong.
      {"\xF4\x90\x80\x80", 0},  // Above U+10FFFF.
      {"\xF5\x80\x80\x80", 0},
      {"\xE2\x82", 0},  // Cut off.
      {"\xC3"
       "a",
       0},
  };
  for (const auto& [text, length] : cases) {
    EXPECT_EQ(Utf8Length(text), length) << Quoted(text);
  }
}

TEST(TextFileTest, FindsTheFirstBadCharacterByLineAndColumn) {
  const auto control = FindBadCharacter("caf\xC3\xA9\n\xC3\xA9\x01", "a.csv");
  const auto not_utf8 = FindBadCharacter("a\r\nb\xFF", "a.csv");

  ASSERT_TRUE(control);
  EXPECT_EQ(control->text(),
            "a.csv:2:2: byte 0x01 is a control character; write the file as "
            "UTF-8 text");
  ASSERT_TRUE(not_utf8);
  EXPECT_EQ(not_utf8->text(),
            "a.csv:2:2: byte 0xff is not UTF-8; write the file as UTF-8 text");
  EXPECT_FALSE(FindBadCharacter("caf\xC3\xA9\t\r\n", "a.csv"));
  EXPECT_TRUE(FindBadCharacter(std::string_view("\0", 1), "a.csv"));
}

TEST(TextFileTest, RepeatsNoHostileTextOfAPrefix) {
  const struct {
    std::string text;
    std::string message;
  } cases[] = {
      {"\n\x1b",
       "\"\\x0a\\x1b\" is not a prefix; write for example "
       "192.0.2.0/24 or 2001:db8::/32"},
      {std::string(100, '1'),
       "\"" + std::string(64, '1') +
           "...\" is not a prefix; write for example 192.0.2.0/24 or "
           "2001:db8::/32"},
      {"1",
       "\"1\" is not a prefix; write for example 192.0.2.0/24 or "
       "2001:db8::/32"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_EQ(std::string(ParsePrefix(text).status().message()), message);
  }
  EXPECT_TRUE(
      ParsePrefix("ABCD:EF01:2345:6789:abcd:ef01:255.255.255.255/128").ok());
}

}  // namespace
}  // namespace octroi
