// SPDX-License-Identifier: Apache-2.0
#include "evidence/csv_field.h"

#include <gtest/gtest.h>

namespace octroi {
namespace {

TEST(CsvFieldTest, QuotesWhatCsvCannotCarryPlain) {
  EXPECT_EQ(CsvField(""), "");
  EXPECT_EQ(CsvField("Cloud Temple"), "Cloud Temple");
  EXPECT_EQ(CsvField("a,b"), "\"a,b\"");
  EXPECT_EQ(CsvField("say \"no\""), "\"say \"\"no\"\"\"");
  EXPECT_EQ(CsvField("two\nlines"), "\"two\nlines\"");
}

TEST(CsvFieldTest, GuardsWhatASpreadsheetWouldRun) {
  for (const char* text : {"=1+1", "+1", "-1", "@SUM(A1)"}) {
    EXPECT_EQ(CsvField(text), std::string("'") + text);
  }
  EXPECT_EQ(CsvField("=a,b"), "\"'=a,b\"");
  EXPECT_EQ(CsvField("a=1"), "a=1");
}

}  // namespace
}  // namespace octroi
