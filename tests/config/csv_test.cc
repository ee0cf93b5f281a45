// SPDX-License-Identifier: Apache-2.0
#include "config/csv.h"

#include <string>
#include <string_view>
#include <vector>

#include "evidence/csv_text.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kColumns[] = {"name", "until"};

// What a text is read as: "name|until" of each row, and the problems.
struct Result {
  std::vector<std::string> rows;
  std::vector<std::string> problems;
};

Result Read(std::string_view text) {
  Result result;
  std::vector<Problem> problems;
  std::optional<CsvTable> table =
      CsvTable::Open(text, "a.csv", kColumns, &problems);
  while (table && table->Next()) {
    result.rows.push_back(fmt::format("{}|{}@{}", table->Text("name"),
                                      table->Text("until"), table->line()));
  }
  for (const Problem& problem : problems) {
    result.problems.push_back(problem.text());
  }
  return result;
}

TEST(CsvTableTest, KnowsColumnsThatAFileMayLeaveOut) {
  constexpr std::string_view kOptional[] = {"note", "source"};
  const auto read = [&](std::string_view text, std::string* problem) {
    std::vector<Problem> problems;
    std::string rows;
    auto table = CsvTable::Open(text, "a.csv", kColumns, &problems, kOptional);
    while (table && table->Next()) {
      rows += fmt::format("{}|{}|{};", table->Text("name"), table->Text("note"),
                          table->Text("source"));
    }
    if (!problems.empty()) *problem = problems[0].text();
    return rows;
  };
  std::string problem;

  EXPECT_EQ(read("name,until\na,b\n", &problem), "a||;");
  EXPECT_EQ(read("note,name,until\nn,a,b\n", &problem), "a|n|;");
  EXPECT_EQ(read("source,note,name,until\ns,n,a,b\n", &problem), "a|n|s;");
  EXPECT_EQ(problem, "");
  EXPECT_EQ(read("note,name\nn,a\n", &problem), "");
  EXPECT_EQ(problem,
            "a.csv:1: column \"until\" is missing; the columns are "
            "name,until,note,source");
  EXPECT_EQ(read("note,name,until\na,b\n", &problem), "");
  EXPECT_EQ(problem, "a.csv:2:1: the row has 2 values, the header 3");
}

TEST(CsvTableTest, ReadsTheFormsOfRfc4180) {
  const struct {
    const char* what;
    std::string text;
    std::vector<std::string> rows;
  } cases[] = {
      {"plain", "name,until\na,b\nc,d\n", {"a|b@2", "c|d@3"}},
      {"no line end at the end", "name,until\na,b", {"a|b@2"}},
      {"CRLF", "name,until\r\na,b\r\n", {"a|b@2"}},
      {"columns in another order", "until,name\nb,a\n", {"a|b@2"}},
      {"a byte order mark", "\xEF\xBB\xBFname,until\na,b\n", {"a|b@2"}},
      {"comments before the header",
       "# one\n\n#\nname,until\na,b\n",
       {"a|b@5"}},
      {"quoted", "\"name\",until\n\"a,\"\"x\"\"\",\"\"\n", {"a,\"x\"|@2"}},
      {"a line break in quotes",
       "name,until\n\"a\nb\",c\nx,e\n",
       {"a\nb|c@2", "x|e@4"}},
      {"empty values", "name,until\n,\n", {"|@2"}},
      {"empty lines", "name,until\n\na,b\n\r\n\nc,d\n\n", {"a|b@3", "c|d@6"}},
      {"a '#' in a row is a value", "name,until\n#a,b\n", {"#a|b@2"}},
      {"no rows", "name,until\n", {}},
      {"other languages", "name,until\n\xC3\xA9,b\n", {"\xC3\xA9|b@2"}},
  };
  for (const auto& [what, text, rows] : cases) {
    const Result result = Read(text);
    EXPECT_EQ(result.rows, rows) << what;
    EXPECT_THAT(result.problems, IsEmpty()) << what;
  }
}

TEST(CsvTableTest, SaysWhatIsWrongWithAHeader) {
  const struct {
    const char* text;
    std::vector<std::string> problems;
  } cases[] = {
      {"", {"a.csv: is empty; begin with the header name,until"}},
      {"# only\n", {"a.csv: is empty; begin with the header name,until"}},
      {"name,untilx\n",
       {"a.csv:1:6: unknown column \"untilx\"; did you mean \"until\"? known "
        "columns: name, until"}},
      {"# x\nname\n",
       {"a.csv:2: column \"until\" is missing; the columns are name,until"}},
      {"name,until,more\n",
       {"a.csv:1:12: unknown column \"more\"; known columns: name, until"}},
      {"name,until,name\n", {"a.csv:1:12: column \"name\" stands twice"}},
      {"name;until\n",
       {"a.csv:1:1: unknown column \"name;until\"; known columns: name, until",
        "a.csv:1: column \"name\" is missing; the columns are name,until",
        "a.csv:1: column \"until\" is missing; the columns are name,until"}},
  };
  for (const auto& [text, problems] : cases) {
    const Result result = Read(text);
    EXPECT_EQ(result.problems, problems) << text;
    EXPECT_THAT(result.rows, IsEmpty()) << text;
  }
}

TEST(CsvTableTest, GoesOnAfterARowOfTheWrongLength) {
  const Result result = Read("name,until\na\nb,c,d\ne,f\n");

  EXPECT_THAT(result.rows, ElementsAre("e|f@4"));
  EXPECT_THAT(result.problems,
              ElementsAre("a.csv:2:1: the row has 1 values, the header 2",
                          "a.csv:3:1: the row has 3 values, the header 2"));
}

TEST(CsvTableTest, StopsWhereTextIsNotCsv) {
  const struct {
    std::string row;
    const char* problem;
  } cases[] = {
      {"a,\"b", "a.csv:2:3: the closing quote is missing"},
      {"a,\"b\"c",
       "a.csv:2:3: text after the closing quote; write \"\" for a quote inside "
       "a quoted value"},
      {"a,b\"c\"",
       "a.csv:2:3: a quote inside a value; put the whole value in quotes and "
       "write \"\" for the quote"},
      {"a\rb,c",
       "a.csv:2:1: a carriage return without a line feed; end lines with LF or "
       "CRLF"},
      {"\xC3\xA9,\"b", "a.csv:2:3: the closing quote is missing"},
      {std::string(100, ','), "a.csv:2:64: a row has more than 64 values"},
      {"a," + std::string(kMaxCsvFieldBytes + 1, 'b'),
       "a.csv:2:3: a value is longer than 64 KiB"},
      {"a,\"" + std::string(kMaxCsvFieldBytes + 1, 'b') + "\"",
       "a.csv:2:3: a quoted value is longer than 64 KiB; is its closing quote "
       "missing?"},
  };
  for (const auto& [row, problem] : cases) {
    const Result result = Read("name,until\n" + row + "\nx,y\n");
    EXPECT_THAT(result.problems, ElementsAre(problem));
    EXPECT_THAT(result.rows, IsEmpty());
  }
}

TEST(CsvTableTest, ReadsAValueOfTheGreatestLength) {
  const std::string value(kMaxCsvFieldBytes, 'b');

  EXPECT_THAT(Read("name,until\na," + value).rows,
              ElementsAre("a|" + value + "@2"));
  EXPECT_THAT(Read("name,until\na,\"" + value + "\"").rows,
              ElementsAre("a|" + value + "@2"));
}

TEST(CsvTableTest, RefusesTextThatIsNotUtf8) {
  EXPECT_THAT(Read("name,until\na,\xE9\n").problems,
              ElementsAre("a.csv:2:3: byte 0xe9 is not UTF-8; write the file "
                          "as UTF-8 text"));
}

TEST(CsvTableTest, PutsAnErrorOfAValueWhereTheValueBegins) {
  std::vector<Problem> problems;
  auto table = CsvTable::Open("name,until\n\xC3\xA9\xC3\xA9,2026-13-01\n",
                              "a.csv", kColumns, &problems);
  ASSERT_TRUE(table && table->Next());
  EXPECT_TRUE(table->row_is_good());

  table->Error("until", "\"2026-13-01\" is not a day; write YYYY-MM-DD");

  EXPECT_FALSE(table->row_is_good());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].text(),
            "a.csv:2:4: column \"until\": \"2026-13-01\" is not a day; write "
            "YYYY-MM-DD");
}

TEST(CsvTableTest, ShowsTwentyProblemsAndStops) {
  std::string text = "name,until\n";
  for (int i = 0; i < 1000; ++i) text += "a\n";

  const Result result = Read(text);

  ASSERT_EQ(result.problems.size(), kMaxCsvProblems + 1);
  EXPECT_EQ(result.problems[19],
            "a.csv:21:1: the row has 1 values, the header 2");
  EXPECT_EQ(result.problems[20],
            "a.csv: has 20 problems or more; the rest of the file was not "
            "read");
}

// What results write (evidence/csv_text.h) is read back as it was.
TEST(CsvTableTest, ReadsWhatResultsWrite) {
  const std::string values[] = {"",     "plain", "a,b", "say \"x\"", "\"",
                                "#tag", "é",     " a ", "a\nb"};
  constexpr std::string_view kColumn[] = {"a", "b"};
  for (const std::string& value : values) {
    const std::string text = "a,b\n" + CsvField(value) + ",x\n";
    std::vector<Problem> problems;

    auto table = CsvTable::Open(text, "f.csv", kColumn, &problems);

    ASSERT_TRUE(table.has_value()) << value;
    ASSERT_TRUE(table->Next()) << value;
    EXPECT_EQ(table->Text("a"), value);
    EXPECT_EQ(table->Text("b"), "x");
  }
}

}  // namespace
}  // namespace octroi
