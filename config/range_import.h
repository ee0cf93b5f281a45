// SPDX-License-Identifier: Apache-2.0
// From the file in which a provider publishes its address ranges to rows that
// ReadRanges reads back (columns of fact_tables.h): each prefix once, located
// by the table of regions, with its source and its day. Pure: text in, rows and
// an account of every entry out.
//
// Of an entry that is read, exactly one of these holds: it is a row, it says
// what another entry of its prefix says, it lies inside a wider row that says
// as much, it is not a range, or it is too wide to be one.
//
// Free functions; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/range_formats.h"
#include "geo/calendar.h"
#include "geo/country.h"
#include "geo/ranges.h"
#include "geo/regions.h"
#include "geo/special_purpose.h"

namespace octroi {

struct RangeImportOptions {
  RangeFormat format = RangeFormat::kCidr;
  // The name of the file, for messages and as the beginning of the source.
  std::string file;
  // "": the format's own (ProviderOf), which geofeed and cidr have not.
  std::string provider;
  // Of every entry: for cidr, and for outscale, whose file does not say it.
  std::string region;
  CountryCode country;  // The same; unknown: the table of regions says it.
  std::string service_id;
  std::optional<Grade> grade;  // Nothing: asserted for cidr, else published.
  // "": the file's name and what the file says of its version. Needed for
  // asserted ranges: who says so, and on what ground.
  std::string source;
  Day retrieved;
};

// What became of the entries.
struct RangeImportReport {
  uint64_t read_count = 0;
  uint64_t duplicate_count = 0;  // The prefix stands already.
  uint64_t nested_count = 0;     // Inside a row that says as much.
  uint64_t malformed_count = 0;
  uint64_t oversized_count = 0;
  // Of the rows: those whose entries named different regions, and those that
  // meet special-purpose space, where no range locates.
  uint64_t conflicting_count = 0;
  uint64_t special_purpose_count = 0;
  // Regions that the table has no country for, with the entries that name them.
  std::map<std::string, uint64_t> unknown_regions;
  std::vector<std::string> skipped;  // As in RangeEntries.
  bool is_partial = false;           // As in RangeEntries.
};

struct ImportedRanges {
  // Sorted by prefix; the line of each is its line in RangesToCsv().
  std::vector<RangeRow> rows;
  RangeImportReport report;
};

// What tells where a range is, and where none may be.
struct RangeImportTables {
  const RegionTable* regions;
  const SpecialPurposeTable* special_purpose;
};

// What is wrong with options, as one error that says what to write.
absl::Status CheckRangeImport(const RangeImportOptions& options);

// Fails, naming the file, if it is not of the format, or if no entry of it can
// be used. REQUIRES: CheckRangeImport(options).ok().
absl::StatusOr<ImportedRanges> ImportRanges(std::string_view text,
                                            const RangeImportOptions& options,
                                            const RangeImportTables& tables);

// The rows as CSV with a header line.
std::string RangesToCsv(const std::vector<RangeRow>& rows);

// The account for a person, a line each: the counts, then what was skipped, the
// regions that are not known, and other reasons for a second look.
std::vector<std::string> ReportLines(const ImportedRanges& imported);

}  // namespace octroi
