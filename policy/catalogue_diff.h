// SPDX-License-Identifier: Apache-2.0
// What changed between two catalogues, service by service. Each is taken at
// its own day, the newest `observed_on` of its rows: that is the day of which
// it speaks, and no clock changes the answer. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "geo/calendar.h"
#include "geo/catalogue.h"

namespace octroi {

enum class ChangeKind : uint8_t {
  kAdded,            // A service_id that only the second has.
  kRemoved,          // One that only the first has.
  kBecameQualified,  // Qualified in the second only, new services included.
  kLapsed,           // Qualified in the first only, removed ones included.
  kState,            // Another state or milestone, qualified in neither.
  kDates,            // Of the row that decides: another first or last day.
  kVersion,          // Of the row that decides.
  kReference,        // Of the row that decides.
  kScope,            // Another provider, name, type or scheme.
  kRowAdded,         // A row that only the second has; of services in both.
  kRowRemoved,
  kCount,
};
// "added", "removed", "became_qualified", "lapsed", "state", "dates",
// "version", "reference", "scope", "row_added", "row_removed".
std::string_view ChangeName(ChangeKind kind);

struct CatalogueChange {
  ChangeKind kind = ChangeKind::kAdded;
  // The service as the second catalogue has it; a removed one, as the first.
  std::string service_id;
  std::string provider;
  std::string name;
  std::string type;
  std::string before;  // "" where there is nothing.
  std::string after;
};

struct CatalogueDiff {
  // The days of the two; nothing for a catalogue without rows.
  std::optional<Day> before_day;
  std::optional<Day> after_day;
  // Sorted by provider, name, type, service_id, kind.
  std::vector<CatalogueChange> changes;
};

// Rows are equal if they say the same: where they stand, and the source and
// note of them, do not count, nor does `observed_on` where there is a `from`.
CatalogueDiff DiffCatalogues(const Catalogue& before, const Catalogue& after);

// The newest `observed_on` of all rows; nothing without rows.
std::optional<Day> LatestObservation(const Catalogue& catalogue);

}  // namespace octroi
