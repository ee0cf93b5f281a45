// SPDX-License-Identifier: Apache-2.0
#include "geo/calendar.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "tests/support/facts_builder.h"

namespace octroi {
namespace {

using testing::Between;
using testing::DayFrom;

constexpr int64_t kFirstNs = std::numeric_limits<int64_t>::min();
constexpr int64_t kLastNs = std::numeric_limits<int64_t>::max();
constexpr int64_t kNsPerDay = 86'400'000'000'000;

TEST(CalendarTest, KnowsLeapDays) {
  EXPECT_TRUE(ParseDay("2024-02-29").has_value());
  EXPECT_TRUE(ParseDay("2000-02-29").has_value());
  EXPECT_FALSE(ParseDay("2023-02-29").has_value());
  EXPECT_FALSE(ParseDay("1900-02-29").has_value());
  EXPECT_FALSE(ParseDay("2100-02-29").has_value());
  EXPECT_EQ(DayFrom("2024-02-29") + std::chrono::days(1),
            DayFrom("2024-03-01"));
}

TEST(CalendarTest, RefusesTextThatIsNotADay) {
  for (const char* text : {"",
                           "2026",
                           "2026-01",
                           "2026-1-15",
                           "2026-01-15 ",
                           " 2026-01-15",
                           "2026/01/15",
                           "15-01-2026",
                           "2026-00-10",
                           "2026-13-01",
                           "2026-01-00",
                           "2026-01-32",
                           "2026-04-31",
                           "2026-0x-15",
                           "-026-01-15",
                           "+026-01-15",
                           "-2026-01-15",
                           "12026-01-15",
                           "2026-01-1\xc2",
                           "20260115",
                           "2026-01-15T"}) {
    EXPECT_FALSE(ParseDay(text).has_value()) << text;
  }
}

TEST(CalendarTest, WritesTheDayThatItRead) {
  for (const char* text :
       {"0000-01-01", "0001-01-01", "1677-09-21", "1969-12-31", "1970-01-01",
        "2020-01-31", "2262-04-11", "9999-12-31"}) {
    EXPECT_EQ(FormatDay(DayFrom(text)), text);
  }
  EXPECT_EQ(DayFrom("1970-01-01").time_since_epoch().count(), 0);
  EXPECT_EQ(DayFrom("1969-12-31").time_since_epoch().count(), -1);
}

TEST(CalendarTest, ReadsInstants) {
  struct Case {
    const char* text;
    int64_t ns;
  };
  const Case cases[] = {
      {"1970-01-01", 0},
      {"1970-01-02", kNsPerDay},
      {"1970-01-01T00:00:00Z", 0},
      {"1970-01-01T00:00:01Z", 1'000'000'000},
      {"1970-01-01T00:00:00.5Z", 500'000'000},
      {"1970-01-01T00:00:00.000000001Z", 1},
      {"1970-01-01T00:00:00.123456789Z", 123'456'789},
      {"1969-12-31T23:59:59.999999999Z", -1},
      {"2026-01-15T10:00:00Z", 1'768'471'200'000'000'000},
      {"1970-01-01T23:59:59Z", kNsPerDay - 1'000'000'000},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ParseInstant(c.text), c.ns) << c.text;
  }
}

TEST(CalendarTest, RefusesTextThatIsNotAnInstant) {
  for (const char* text :
       {"", "now", "2026-01-15T", "2026-01-15TZ", "2026-01-15Z",
        "2026-01-15T10:00Z", "2026-01-15T10:00:00", "2026-01-15 10:00:00Z",
        "2026-01-15T10:00:00+01:00", "2026-01-15T24:00:00Z",
        "2026-01-15T10:60:00Z",
        // Captures count POSIX time, which has no leap seconds.
        "2016-12-31T23:59:60Z", "2026-01-15T10:00:00.Z",
        "2026-01-15T10:00:00.1234567890Z", "2026-01-15T10:00:00.12x Z",
        "2026-01-15T10:00:00,5Z", "2026-01-15T-1:00:00Z",
        "2026-02-30T10:00:00Z", "-026-01-15T10:00:00Z",
        "2026-01-15T10:00:00ZZ"}) {
    EXPECT_FALSE(ParseInstant(text).has_value()) << text;
  }
}

// Found by this test: on the first day of the range and before it, the time of
// day was added to the first instant of the range.
TEST(CalendarTest, RefusesInstantsThatNanosecondsCannotHold) {
  EXPECT_EQ(ParseInstant("1677-09-21T00:12:43.145224192Z"), kFirstNs);
  EXPECT_EQ(ParseInstant("1677-09-21T00:12:43.145224193Z"), kFirstNs + 1);
  EXPECT_EQ(ParseInstant("2262-04-11T23:47:16.854775807Z"), kLastNs);
  for (const char* text :
       {"1677-09-21T00:12:43.145224191Z", "1677-09-21", "1600-01-01",
        "1600-01-01T12:00:00Z", "2262-04-11T23:47:16.854775808Z", "2262-04-12",
        "9999-12-31T23:59:59Z"}) {
    EXPECT_FALSE(ParseInstant(text).has_value()) << text;
  }
}

TEST(CalendarTest, WritesInstantsToTheEndsOfTheRange) {
  EXPECT_EQ(FormatInstant(0), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(FormatInstant(-1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(FormatInstant(kFirstNs), "1677-09-21T00:12:43.145224192Z");
  EXPECT_EQ(FormatInstant(kLastNs), "2262-04-11T23:47:16.854775807Z");
}

TEST(CalendarTest, SaturatesTheStartOfFarDays) {
  EXPECT_EQ(StartOfDay(DayFrom("1970-01-02")), kNsPerDay);
  EXPECT_EQ(StartOfDay(DayFrom("1969-12-31")), -kNsPerDay);
  EXPECT_EQ(StartOfDay(DayFrom("1677-09-21")), kFirstNs);
  EXPECT_EQ(StartOfDay(DayFrom("0000-01-01")), kFirstNs);
  EXPECT_EQ(StartOfDay(DayFrom("2262-04-11")), kLastNs / kNsPerDay * kNsPerDay);
  EXPECT_EQ(StartOfDay(DayFrom("2262-04-12")), kLastNs);
  EXPECT_EQ(StartOfDay(DayFrom("9999-12-31")), kLastNs);
}

TEST(CalendarTest, ReadsBackTheInstantsThatItWrites) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto ns = static_cast<int64_t>(random());
    const std::string text = FormatInstant(ns);
    const Day day = DayOf(ns);

    ASSERT_EQ(ParseInstant(text), ns) << text;
    ASSERT_EQ(FormatDay(day), text.substr(0, 10));
    ASSERT_LE(StartOfDay(day), ns);
    ASSERT_TRUE(ns - StartOfDay(day) < kNsPerDay);
    ASSERT_EQ(ParseDay(FormatDay(day)), day);
  }
}

TEST(ValidityTest, CoversItsFirstAndItsLastDay) {
  const Validity validity = Between("2024-01-01", "2024-12-31");

  EXPECT_FALSE(validity.Covers(DayFrom("2023-12-31")));
  EXPECT_TRUE(validity.Covers(DayFrom("2024-01-01")));
  EXPECT_TRUE(validity.Covers(DayFrom("2024-12-31")));
  EXPECT_FALSE(validity.Covers(DayFrom("2025-01-01")));
}

TEST(ValidityTest, IsOpenWhereNoDayIsNamed) {
  EXPECT_TRUE(Between("", "").Covers(DayFrom("1900-01-01")));
  EXPECT_TRUE(Between("", "2024-12-31").Covers(DayFrom("1900-01-01")));
  EXPECT_FALSE(Between("", "2024-12-31").Covers(DayFrom("2025-01-01")));
  EXPECT_TRUE(Between("2024-01-01", "").Covers(DayFrom("2999-01-01")));
  EXPECT_FALSE(Between("2024-01-01", "").Covers(DayFrom("2023-12-31")));
}

}  // namespace
}  // namespace octroi
