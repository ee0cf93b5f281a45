// SPDX-License-Identifier: Apache-2.0
#include "evidence/json.h"

#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace octroi {
namespace {

TEST(JsonTest, SaysNullForWhatIsNotKnown) {
  EXPECT_EQ(ToLine({TextOrNull(""), TextOrNull("a"),
                    NumberOrNull(std::optional<int>()),
                    NumberOrNull(std::optional<int>(0)),
                    DayOrNull(std::nullopt), InstantOrNull(0)}),
            "[null,\"a\",null,0,null,\"1970-01-01T00:00:00.000000000Z\"]");
}

TEST(JsonTest, KeepsTheOrderOfKeysAndReplacesWhatIsNotUtf8) {
  Json json;
  json["b"] = "\xff";
  json["a"] = 1;

  EXPECT_EQ(ToLine(json), "{\"b\":\"\xef\xbf\xbd\",\"a\":1}");
  EXPECT_EQ(ToPage(json), "{\n  \"b\": \"\xef\xbf\xbd\",\n  \"a\": 1\n}\n");
}

}  // namespace
}  // namespace octroi
