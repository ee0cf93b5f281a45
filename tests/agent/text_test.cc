// SPDX-License-Identifier: Apache-2.0
#include "agent/text.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace octroi {
namespace {

TEST(TextTest, GroupsDigitsByThree) {
  EXPECT_EQ(GroupDigits(0), "0");
  EXPECT_EQ(GroupDigits(999), "999");
  EXPECT_EQ(GroupDigits(1000), "1,000");
  EXPECT_EQ(GroupDigits(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(TextTest, WritesBytesWithDecimalPrefixes) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(1000), "1.00 kB");
  EXPECT_EQ(HumanBytes(12'345), "12.3 kB");
  EXPECT_EQ(HumanBytes(999'949), "999.9 kB");
  EXPECT_EQ(HumanBytes(999'950), "1.00 MB");
  EXPECT_EQ(HumanBytes(UINT64_MAX), "18.4 EB");
}

// A name in a database can carry an escape sequence that clears the terminal,
// or a control that makes text read backwards.
TEST(TextTest, LetsNoControlCharacterThrough) {
  EXPECT_EQ(Printable("plain"), "plain");
  EXPECT_EQ(Printable("a\x1b[2Jb"), "a?[2Jb");
  EXPECT_EQ(Printable("tab\tnewline\n"), "tab?newline?");
  EXPECT_EQ(Printable("Orange Café"), "Orange Café");
  EXPECT_EQ(Printable("c1\xc2\x9b!"), "c1?\?!");
  EXPECT_EQ(Printable("bidi\xe2\x80\xae!"), "bidi?\?\?!");
  EXPECT_EQ(Printable("cut\xe2\x80"), "cut??");
  EXPECT_EQ(Printable("overlong\xc0\xaf"), "overlong??");
  EXPECT_EQ(Printable("surrogate\xed\xa0\x80"), "surrogate???");
}

TEST(TextTest, ShortensToWholeCharacters) {
  EXPECT_EQ(Shorten("abc", 3), "abc");
  EXPECT_EQ(Shorten("abcd", 3), "ab…");
  EXPECT_EQ(Shorten("ééé", 3), "ééé");
  EXPECT_EQ(Shorten("éééé", 3), "éé…");
  EXPECT_EQ(Shorten("abc", 1), "…");
  EXPECT_EQ(Shorten("abc", 0), "");
}

TEST(TextTest, WrapsAtSpacesAndKeepsLongWordsWhole) {
  EXPECT_EQ(Wrap("one two three", 7),
            (std::vector<std::string>{"one two", "  three"}));
  EXPECT_EQ(Wrap("a muchlongerword b", 6),
            (std::vector<std::string>{"a", "  muchlongerword", "  b"}));
  EXPECT_EQ(Wrap("", 6), (std::vector<std::string>{""}));
}

TEST(TextTest, PaintsOnlyWhenAsked) {
  EXPECT_EQ(Paint("x", Color::kRed, false), "x");
  EXPECT_EQ(Paint("x", Color::kRed, true), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(Paint("x", Color::kPlain, true), "x");
}

TEST(TextTest, AlignsNumbersRightAndWordsLeft) {
  const std::vector<std::string> lines =
      LayOut({{"name"}, {"count", true}},
             {{{"a"}, {"1"}}, {{"longer"}, {"1,000"}}}, 80, false);

  EXPECT_EQ(lines, (std::vector<std::string>{"name    count", "a           1",
                                             "longer  1,000"}));
}

TEST(TextTest, CutsTheColumnWithTheMostToSpareUntilTheTableFits) {
  const std::vector<TextColumn> columns = {
      {"name", false, 4}, {"fixed"}, {"other", false, 5}};
  const std::vector<std::vector<TextCell>> rows = {
      {{"abcdefghijklmnop"}, {"1234567"}, {"abcdefgh"}}};

  for (size_t width = 16; width <= 40; ++width) {
    for (const std::string& line : LayOut(columns, rows, width, false)) {
      // 4 + 7 + 5 and two gaps is as narrow as it gets.
      EXPECT_LE(DisplayWidth(line), std::max<size_t>(width, 20)) << width;
    }
  }
  EXPECT_EQ(LayOut(columns, rows, 25, false)[1], "abcde…  1234567  abcdefgh");
}

TEST(TextTest, LeavesColumnsOutInTheirOrderAndSaysSo) {
  const std::vector<TextColumn> columns = {
      {"keep"}, {"second", false, 0, 2}, {"first", false, 0, 1}};
  const std::vector<std::vector<TextCell>> rows = {{{"a"}, {"b"}, {"c"}}};

  EXPECT_EQ(LayOut(columns, rows, 19, false)[0], "keep  second  first");
  EXPECT_EQ(LayOut(columns, rows, 18, false),
            (std::vector<std::string>{"keep  second", "a     b",
                                      "(too narrow for: first)"}));
  EXPECT_EQ(LayOut(columns, rows, 4, false).back(),
            "(too narrow for: second, first)");
}

}  // namespace
}  // namespace octroi
