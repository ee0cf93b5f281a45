// SPDX-License-Identifier: Apache-2.0
#include "geo/calendar.h"

#include <array>
#include <limits>

#include "fmt/format.h"

namespace octroi {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kNsPerDay = 86'400 * kNsPerSecond;

// The number that `text` is, if it is nothing but digits.
std::optional<int> ParseDigits(std::string_view text) {
  if (text.empty() || text.size() > 9) return std::nullopt;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// Ns within the day for "hh:mm:ss" with an optional fraction of up to nine
// digits. Leap seconds are refused: captures count POSIX time.
std::optional<int64_t> ParseTimeOfDay(std::string_view text) {
  if (text.size() < 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  const auto hour = ParseDigits(text.substr(0, 2));
  const auto minute = ParseDigits(text.substr(3, 2));
  const auto second = ParseDigits(text.substr(6, 2));
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 ||
      *second > 59) {
    return std::nullopt;
  }
  int64_t fraction_ns = 0;
  if (text.size() > 8) {
    if (text[8] != '.') return std::nullopt;
    std::string digits(text.substr(9));
    if (digits.empty() || digits.size() > 9) return std::nullopt;
    digits.resize(9, '0');
    const auto fraction = ParseDigits(digits);
    if (!fraction) return std::nullopt;
    fraction_ns = *fraction;
  }
  return (*hour * 3600 + *minute * 60 + *second) * kNsPerSecond + fraction_ns;
}

}  // namespace

std::optional<Day> ParseDay(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
    return std::nullopt;
  }
  const auto year = ParseDigits(text.substr(0, 4));
  const auto month = ParseDigits(text.substr(5, 2));
  const auto day = ParseDigits(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year(*year),
      std::chrono::month(static_cast<unsigned>(*month)),
      std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return Day(date);
}

std::string FormatDay(Day day) {
  const std::chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::optional<int64_t> ParseInstant(std::string_view text) {
  const std::optional<Day> day = ParseDay(text.substr(0, 10));
  if (!day) return std::nullopt;
  int64_t in_day = 0;
  if (text.size() > 10) {
    if (text.size() < 12 || text[10] != 'T' || text.back() != 'Z') {
      return std::nullopt;
    }
    const auto time = ParseTimeOfDay(text.substr(11, text.size() - 12));
    if (!time) return std::nullopt;
    in_day = *time;
  }
  // Not through StartOfDay: it saturates on the first day of the range.
  const auto days = static_cast<__int128_t>(day->time_since_epoch().count());
  const __int128_t ns = days * kNsPerDay + in_day;
  if (ns < std::numeric_limits<int64_t>::min() ||
      ns > std::numeric_limits<int64_t>::max()) {
    return std::nullopt;
  }
  return static_cast<int64_t>(ns);
}

std::string FormatInstant(int64_t ns) {
  const Day day = DayOf(ns);
  // Not through StartOfDay: it saturates on the first day of the range.
  const auto days = static_cast<__int128_t>(day.time_since_epoch().count());
  const auto in_day = static_cast<int64_t>(ns - days * kNsPerDay);
  const int64_t seconds = in_day / kNsPerSecond;
  return fmt::format("{}T{:02}:{:02}:{:02}.{:09}Z", FormatDay(day),
                     seconds / 3600, seconds / 60 % 60, seconds % 60,
                     in_day % kNsPerSecond);
}

Day DayOf(int64_t ns) {
  return std::chrono::floor<std::chrono::days>(
      std::chrono::sys_time<std::chrono::nanoseconds>(
          std::chrono::nanoseconds(ns)));
}

int64_t StartOfDay(Day day) {
  int64_t ns;
  const int64_t days = day.time_since_epoch().count();
  if (__builtin_mul_overflow(days, kNsPerDay, &ns)) {
    return days < 0 ? std::numeric_limits<int64_t>::min()
                    : std::numeric_limits<int64_t>::max();
  }
  return ns;
}

}  // namespace octroi
