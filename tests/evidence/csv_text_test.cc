// SPDX-License-Identifier: Apache-2.0
#include "evidence/csv_text.h"

#include <string>

#include "gtest/gtest.h"

namespace octroi {
namespace {

TEST(CsvTextTest, QuotesWhatNeedsQuotes) {
  EXPECT_EQ(CsvField(""), "");
  EXPECT_EQ(CsvField("plain"), "plain");
  EXPECT_EQ(CsvField("a,b"), "\"a,b\"");
  EXPECT_EQ(CsvField("a \"b\""), "\"a \"\"b\"\"\"");
  EXPECT_EQ(CsvField("a\nb"), "\"a\nb\"");
  EXPECT_EQ(CsvField("#a"), "\"#a\"");
  EXPECT_EQ(CsvField("=a"), "=a");
}

TEST(CsvTextTest, KeepsASpreadsheetFromRunningAFormula) {
  EXPECT_EQ(SpreadsheetField("=1+1"), "'=1+1");
  EXPECT_EQ(SpreadsheetField("-2"), "'-2");
  EXPECT_EQ(SpreadsheetField("@a,b"), "\"'@a,b\"");
  EXPECT_EQ(SpreadsheetField("a=b"), "a=b");
  EXPECT_EQ(SpreadsheetField(""), "");
}

TEST(CsvTextTest, WritesEmptyFieldsWhereTheyStand) {
  EXPECT_EQ(SpreadsheetLine({"", "a", ""}), ",a,\n");
  EXPECT_EQ(SpreadsheetLine({"x"}), "x\n");
}

}  // namespace
}  // namespace octroi
