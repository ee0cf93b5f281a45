// SPDX-License-Identifier: Apache-2.0
// Days, instants and validity intervals of facts, all in UTC. A fact holds for
// whole days: `from` is its first day, `until` its last. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace octroi {

using Day = std::chrono::sys_days;

// Reads "YYYY-MM-DD" (RFC 3339 full-date). Nothing for any other text or for a
// day that the calendar does not have.
std::optional<Day> ParseDay(std::string_view text);
std::string FormatDay(Day day);

// Reads a day, or an RFC 3339 date-time in UTC ("2026-01-15T10:00:00Z", up to
// nine decimals). A day alone means its first instant. Ns since the Unix epoch;
// nothing for an instant that int64 cannot hold (before 1677-09-21 or after
// 2262-04-11).
std::optional<int64_t> ParseInstant(std::string_view text);
// RFC 3339 with nanoseconds: "2026-01-15T10:00:00.000000000Z".
std::string FormatInstant(int64_t ns);

// The UTC day that an instant falls on.
Day DayOf(int64_t ns);
// The first instant of a day, saturating at the range of int64 nanoseconds.
int64_t StartOfDay(Day day);

// When a fact holds. An open end is not a known end.
struct Validity {
  std::optional<Day> from;
  std::optional<Day> until;

  bool Covers(Day day) const {
    return (!from || *from <= day) && (!until || day <= *until);
  }
  friend bool operator==(const Validity&, const Validity&) = default;
};

}  // namespace octroi
