// SPDX-License-Identifier: Apache-2.0
#include "config/problem.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace octroi {
namespace {

TEST(ProblemTest, NamesAsMuchOfThePlaceAsIsKnown) {
  EXPECT_EQ((Problem{"a.csv", 3, 7, "what"}).text(), "a.csv:3:7: what");
  EXPECT_EQ((Problem{"a.csv", 3, 0, "what"}).text(), "a.csv:3: what");
  EXPECT_EQ((Problem{"a.csv", 0, 0, "what"}).text(), "a.csv: what");
  EXPECT_EQ((Problem{"", 0, 0, "b.csv: what"}).text(), "b.csv: what");
}

TEST(ProblemTest, TakesTheLineFromTheErrorOfATable) {
  const struct {
    const char* message;
    const char* text;
  } cases[] = {
      {"line 12: 10.0.0.0/8 stands twice", "a.csv:12: 10.0.0.0/8 stands twice"},
      {"line twelve: no", "a.csv: line twelve: no"},
      {"line 12", "a.csv: line 12"},
      {"a.csv:4: wrong", "a.csv:4: wrong"},
      {"something else", "a.csv: something else"},
  };
  for (const auto& [message, text] : cases) {
    EXPECT_EQ(ProblemOf("a.csv", absl::InvalidArgumentError(message)).text(),
              text);
  }
}

TEST(ProblemTest, BecomesAStatusOfOneLineEach) {
  EXPECT_TRUE(ToStatus({}).ok());

  const absl::Status status =
      ToStatus({{"a.csv", 1, 2, "one"}, {"b.csv", 0, 0, "two"}});

  EXPECT_EQ(std::string(status.message()), "a.csv:1:2: one\nb.csv: two");
}

TEST(ProblemTest, QuotesHostileTextWithoutHarm) {
  EXPECT_EQ(Quoted("ue"), "\"ue\"");
  EXPECT_EQ(Quoted("caf\xC3\xA9"), "\"caf\xC3\xA9\"");
  EXPECT_EQ(Quoted("\x1B[31m\n"), "\"\\x1b[31m\\x0a\"");
  EXPECT_EQ(Quoted("\xFF\xC3"), "\"\\xff\\xc3\"");
  EXPECT_EQ(Quoted(std::string(64, 'a')), "\"" + std::string(64, 'a') + "\"");
  EXPECT_EQ(Quoted(std::string(65, 'a')),
            "\"" + std::string(64, 'a') + "...\"");
}

}  // namespace
}  // namespace octroi
