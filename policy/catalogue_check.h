// SPDX-License-Identifier: Apache-2.0
// What is wrong, or deserves a look, in a catalogue of services on a day. The
// rows need not make a catalogue: those that Catalogue::Create refuses are
// looked at like all others, so that every problem is said at once. Pure
// functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "geo/calendar.h"
#include "geo/catalogue.h"
#include "geo/mmdb.h"
#include "geo/ranges.h"

namespace octroi {

enum class FindingKind : uint8_t {
  kUnreadable,
  kAnotherService,
  kEndsBeforeItBegins,
  kImpossibleStep,
  kTooManyRows,
  kContradiction,
  kObservedInFuture,
  kObservedTooEarly,
  kNoReference,
  kNoDates,
  kReturns,
  kNotObserved,
  kExpiresSoon,
  kNoSuccessor,
  kRangeOfSeveral,
  kRangeUnannounced,
  kCount,
};

struct FindingInfo {
  FindingKind kind;
  std::string_view name;  // In results; never renamed.
  bool is_error;
  std::string_view meaning;  // For people; one sentence.
};

// A row of the catalogue is stale when it was not observed for this long, as
// ANSSI's catalogue changes monthly: two months are one missed edition.
inline constexpr int kStaleDays = 60;
// An end is near when a renewal should be under way: a quarter.
inline constexpr int kNearEndDays = 90;

inline constexpr FindingInfo kFindings[] = {
    {FindingKind::kUnreadable, "unreadable", true,
     "A row or a file is not as its columns must be, or contradicts another "
     "file; the row is left out of what else is said."},
    {FindingKind::kAnotherService, "another_service", true,
     "A row names another provider, service, type or scheme than the first "
     "row of its service_id."},
    {FindingKind::kEndsBeforeItBegins, "ends_before_it_begins", true,
     "A row ends before the first day on which it is known to hold."},
    {FindingKind::kImpossibleStep, "impossible_step", true,
     "A state, or a milestone, cannot follow the one before it."},
    {FindingKind::kTooManyRows, "too_many_rows", true,
     "A service has more than 1,000 rows; nothing else is said of it."},
    {FindingKind::kContradiction, "contradiction", true,
     "Two rows of one service say different things of the same day, beside "
     "the day on which one ends and the next begins."},
    {FindingKind::kObservedInFuture, "observed_in_future", true,
     "A row was observed after the day of the check."},
    {FindingKind::kObservedTooEarly, "observed_too_early", true,
     "A row was observed before it began to hold."},
    {FindingKind::kNoReference, "no_reference", false,
     "A qualification has no reference to its decision."},
    {FindingKind::kNoDates, "no_dates", false,
     "A qualification lacks its first or its last day."},
    {FindingKind::kReturns, "returns", false,
     "A row without an end speaks again once a later row has ended."},
    {FindingKind::kNotObserved, "not_observed", false,
     "The row that speaks on the day was not observed for 60 days."},
    {FindingKind::kExpiresSoon, "expires_soon", false,
     "A qualification ends within 90 days, and no other follows it."},
    {FindingKind::kNoSuccessor, "no_successor", false,
     "The last state of a service has ended, and nothing follows it."},
    {FindingKind::kRangeOfSeveral, "range_of_several", false,
     "A range of a service has addresses that several ASNs announce: it may "
     "be wider than the service."},
    {FindingKind::kRangeUnannounced, "range_unannounced", false,
     "A range of a service has addresses that no ASN announces."},
};
inline constexpr size_t kFindingCount =
    static_cast<size_t>(FindingKind::kCount);
static_assert(std::size(kFindings) == kFindingCount);

const FindingInfo& InfoOf(FindingKind kind);

struct CatalogueFinding {
  FindingKind kind = FindingKind::kUnreadable;
  std::string file;  // "": the catalogue.
  int line = 0;      // 0: the file as a whole.
  std::string service_id;
  std::string what;
};

// What is found in rows, on `day`, in order of lines.
std::vector<CatalogueFinding> CheckCatalogueRows(
    const std::vector<CatalogueRow>& rows, Day day);

// What ASNs say of the ranges that are tied to a service, in the order of the
// ranges. Ranges without a service are not looked at.
std::vector<CatalogueFinding> CheckServiceRanges(
    const std::vector<RangeRow>& ranges, const MmdbFile::AsnTable& asns);

}  // namespace octroi
