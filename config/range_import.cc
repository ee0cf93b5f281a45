// SPDX-License-Identifier: Apache-2.0
#include "config/range_import.h"

#include <algorithm>
#include <cassert>
#include <filesystem>
#include <set>
#include <span>
#include <utility>

#include "config/country_list.h"
#include "config/fact_tables.h"
#include "config/problem.h"
#include "config/text_file.h"
#include "evidence/csv_text.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "geo/ascii.h"

namespace octroi {
namespace {

constexpr size_t kMaxOptionBytes = 1000;
// Regions named in a row that has several, and in the report.
constexpr size_t kMaxJoinedRegions = 8;
constexpr size_t kMaxRegionsShown = 20;

// ---- options

// "" if the text can stand in a value of the CSV file as it is.
std::string WhatIsWrongWith(std::string_view text) {
  const bool has_line_break =
      text.find_first_of("\t\r\n") != std::string_view::npos;
  if (has_line_break || FindBadCharacter(text, "")) {
    return "has a line break, a tab or another character that is not text; "
           "write it on one line";
  }
  if (text.starts_with(' ') || text.ends_with(' ')) {
    return "begins or ends with white space; remove it";
  }
  if (text.size() > kMaxOptionBytes) {
    return fmt::format("is longer than {} bytes; shorten it", kMaxOptionBytes);
  }
  return "";
}

absl::Status OptionError(std::string_view option, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", option, what));
}

bool TakesRegion(RangeFormat format) {
  return format == RangeFormat::kCidr || format == RangeFormat::kOutscale;
}

Grade GradeOf(const RangeImportOptions& options) {
  return options.grade.value_or(options.format == RangeFormat::kCidr
                                    ? Grade::kAsserted
                                    : Grade::kPublished);
}

std::string ProviderOf(const RangeImportOptions& options) {
  if (!options.provider.empty()) return options.provider;
  return std::string(ProviderOf(options.format));
}

absl::Status CheckRegion(const RangeImportOptions& options) {
  const std::string_view name = RangeFormatName(options.format);
  if (TakesRegion(options.format)) {
    if (options.format == RangeFormat::kOutscale && options.region.empty()) {
      return OptionError("--region",
                         "is missing; the file does not say of which Region "
                         "it is, so write the one that you asked, for example "
                         "cloudgouv-eu-west-1");
    }
    if (options.region.find(';') != std::string::npos) {
      return OptionError("--region", "has a ';'; write one region");
    }
    return absl::OkStatus();
  }
  if (!options.region.empty() || options.country.is_known()) {
    return OptionError(
        options.region.empty() ? "--country" : "--region",
        fmt::format("is for --from cidr and outscale; a file of --from {} has "
                    "its own",
                    name));
  }
  return absl::OkStatus();
}

// ---- entries to rows

// What entries say of a prefix. A view into the names of the import.
struct Saying {
  std::string_view region;
  CountryCode country;

  // Whether the other one says all that this one does.
  bool IsImpliedBy(const Saying& other) const {
    return (region.empty() || region == other.region) &&
           (!country.is_known() || country == other.country);
  }
  friend auto operator<=>(const Saying&, const Saying&) = default;
};

// An entry that has its country.
struct LocatedEntry {
  IpPrefix prefix;
  Saying saying;
  friend auto operator<=>(const LocatedEntry&, const LocatedEntry&) = default;
};

// The name and the country of each region of a file.
std::vector<Saying> SayingsOf(const RangeEntries& read,
                              const RangeImportOptions& options,
                              const RegionTable& table) {
  std::vector<Saying> sayings;
  for (const std::string& region : read.regions) {
    Saying saying = {region, CountryCode()};
    if (!region.empty() && region != kGlobalRegion) {
      saying.country = table.CountryOf(ProviderOf(options), region);
    }
    sayings.push_back(saying);
  }
  return sayings;
}

// The region that the options give to every entry; "" if they give none.
std::string RegionOfAll(const RangeImportOptions& options) {
  return EqualIgnoringCase(options.region, kGlobalRegion)
             ? std::string(kGlobalRegion)
             : options.region;
}

std::string JoinRegions(std::span<const Saying> sayings) {
  std::set<std::string_view> names;
  for (const Saying& saying : sayings) {
    if (!saying.region.empty()) names.insert(saying.region);
  }
  const size_t more = names.size() - std::min(names.size(), kMaxJoinedRegions);
  while (names.size() > kMaxJoinedRegions) names.erase(std::prev(names.end()));
  std::string joined = fmt::format("{}", fmt::join(names, ";"));
  return more == 0 ? joined : fmt::format("{};+{}", joined, more);
}

class Importer {
 public:
  Importer(RangeEntries read, const RangeImportOptions& options,
           const RangeImportTables& tables)
      : read_(std::move(read)), options_(options), tables_(tables) {}

  ImportedRanges Import();

 private:
  std::vector<LocatedEntry> LocateEntries();
  // One row of the entries of one prefix.
  RangeRow Merge(std::span<const LocatedEntry> entries);
  void SetSaying(std::vector<Saying> sayings, RangeRow* row);
  void DropNested();
  void CountSpecialPurpose();
  RangeRow EmptyRow(const IpPrefix& prefix) const;
  std::string SourceText() const;

  RangeEntries read_;
  const RangeImportOptions& options_;
  const RangeImportTables& tables_;
  std::string source_;
  ImportedRanges result_;
};

ImportedRanges Importer::Import() {
  source_ = SourceText();
  RangeImportReport& report = result_.report;
  report.malformed_count = read_.malformed_count;
  report.oversized_count = read_.oversized_count;
  report.skipped = std::move(read_.skipped);
  report.is_partial = read_.is_partial;
  report.read_count =
      read_.entries.size() + read_.malformed_count + read_.oversized_count;
  const std::vector<LocatedEntry> entries = LocateEntries();
  for (size_t first = 0; first < entries.size();) {
    size_t end = first + 1;
    while (end < entries.size() &&
           entries[end].prefix == entries[first].prefix) {
      ++end;
    }
    result_.rows.push_back(
        Merge(std::span(entries).subspan(first, end - first)));
    report.duplicate_count += end - first - 1;
    first = end;
  }
  DropNested();
  CountSpecialPurpose();
  // The header is line 1.
  int line = 1;
  for (RangeRow& row : result_.rows) row.line = ++line;
  return std::move(result_);
}

std::vector<LocatedEntry> Importer::LocateEntries() {
  if (const std::string region = RegionOfAll(options_); !region.empty()) {
    read_.regions.push_back(region);
    for (RangeEntry& entry : read_.entries) {
      entry.region = static_cast<uint32_t>(read_.regions.size() - 1);
    }
  }
  const std::vector<Saying> sayings =
      SayingsOf(read_, options_, *tables_.regions);
  // A geofeed has a country beside its region; an option has the last word.
  const bool has_own_country =
      options_.format == RangeFormat::kGeofeed || options_.country.is_known();
  std::vector<LocatedEntry> entries;
  entries.reserve(read_.entries.size());
  for (const RangeEntry& entry : read_.entries) {
    Saying saying = sayings[entry.region];
    if (has_own_country) {
      saying.country =
          options_.country.is_known() ? options_.country : entry.country;
    } else if (!saying.region.empty() && saying.region != kGlobalRegion &&
               !saying.country.is_known()) {
      ++result_.report.unknown_regions[std::string(saying.region)];
    }
    entries.push_back({entry.prefix, saying});
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

RangeRow Importer::Merge(std::span<const LocatedEntry> entries) {
  RangeRow row = EmptyRow(entries.front().prefix);
  // Sorted, so that equal ones are neighbours.
  std::vector<Saying> sayings;
  for (const LocatedEntry& entry : entries) {
    if (sayings.empty() || sayings.back() != entry.saying) {
      sayings.push_back(entry.saying);
    }
  }
  SetSaying(std::move(sayings), &row);
  return row;
}

// `sayings` are different, and sorted.
void Importer::SetSaying(std::vector<Saying> sayings, RangeRow* row) {
  // One that says nothing comes first; so does a country without a region.
  while (sayings.size() > 1 &&
         std::any_of(sayings.begin() + 1, sayings.end(),
                     [&sayings](const Saying& other) {
                       return sayings.front().IsImpliedBy(other);
                     })) {
    sayings.erase(sayings.begin());
  }
  const Saying& first = sayings.front();
  row->region = first.region;
  row->region_country = first.country;
  if (sayings.size() == 1) return;
  ++result_.report.conflicting_count;
  const bool is_global = std::any_of(
      sayings.begin(), sayings.end(),
      [](const Saying& saying) { return saying.region == kGlobalRegion; });
  const bool has_one_country = std::all_of(
      sayings.begin(), sayings.end(),
      [&first](const Saying& other) { return other.country == first.country; });
  const std::string joined = JoinRegions(sayings);
  // What is everywhere is in no one region, whatever else is said of it.
  row->region = is_global ? std::string(kGlobalRegion) : joined;
  row->note = joined.empty() ? "the file has several countries for this prefix"
                             : fmt::format(
                                   "the file has several regions for this "
                                   "prefix: {}",
                                   joined);
  if (!has_one_country || is_global) row->region_country = CountryCode();
}

void Importer::DropNested() {
  std::vector<RangeRow>& rows = result_.rows;
  // Indexes of the kept rows that contain the one at hand, widest first. Rows
  // are sorted, a prefix before what it contains.
  std::vector<size_t> enclosing;
  size_t kept_count = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    while (!enclosing.empty() &&
           !rows[enclosing.back()].prefix.Contains(rows[i].prefix)) {
      enclosing.pop_back();
    }
    if (!enclosing.empty()) {
      const RangeRow& outer = rows[enclosing.back()];
      const Saying inner_saying = {rows[i].region, rows[i].region_country};
      const Saying outer_saying = {outer.region, outer.region_country};
      if (inner_saying.IsImpliedBy(outer_saying)) {
        ++result_.report.nested_count;
        continue;
      }
    }
    if (kept_count != i) rows[kept_count] = std::move(rows[i]);
    enclosing.push_back(kept_count);
    ++kept_count;
  }
  rows.resize(kept_count);
}

void Importer::CountSpecialPurpose() {
  const std::vector<SpecialPurposeRow>& special =
      tables_.special_purpose->rows();
  for (const RangeRow& row : result_.rows) {
    const bool meets = std::any_of(special.begin(), special.end(),
                                   [&row](const SpecialPurposeRow& other) {
                                     return other.prefix.Overlaps(row.prefix);
                                   });
    if (meets) ++result_.report.special_purpose_count;
  }
}

RangeRow Importer::EmptyRow(const IpPrefix& prefix) const {
  RangeRow row;
  row.prefix = prefix;
  row.provider = ProviderOf(options_);
  row.service_id = options_.service_id;
  row.grade = GradeOf(options_);
  row.source = source_;
  row.retrieved = FormatDay(options_.retrieved);
  row.file = options_.file;
  return row;
}

std::string Importer::SourceText() const {
  if (!options_.source.empty()) return options_.source;
  std::string name = std::filesystem::path(options_.file).filename().string();
  // A file's name may be any bytes.
  if (name.empty() || !WhatIsWrongWith(name).empty()) name = "a file";
  return read_.version.empty() ? name
                               : fmt::format("{}, {}", name, read_.version);
}

std::string Plural(uint64_t count, std::string_view one,
                   std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace

absl::Status CheckRangeImport(const RangeImportOptions& options) {
  const std::pair<std::string_view, const std::string&> texts[] = {
      {"--provider", options.provider},
      {"--region", options.region},
      {"--source", options.source}};
  for (const auto& [option, text] : texts) {
    const std::string wrong = WhatIsWrongWith(text);
    if (!wrong.empty()) {
      return OptionError(option, fmt::format("{} {}", Quoted(text), wrong));
    }
  }
  if (ProviderOf(options).empty()) {
    return OptionError(
        "--provider",
        fmt::format("is missing; a file of --from {} does not say whose the "
                    "addresses are, so write the provider as operators.csv "
                    "has it",
                    RangeFormatName(options.format)));
  }
  if (const absl::Status region = CheckRegion(options); !region.ok()) {
    return region;
  }
  if (options.country.is_known() && !IsAssignedCountry(options.country)) {
    return OptionError("--country",
                       fmt::format("\"{}\" is not a country of ISO 3166-1",
                                   options.country.ToString()));
  }
  if (!IsServiceId(options.service_id)) {
    return OptionError("--service",
                       fmt::format("{} is not a service_id; write small "
                                   "letters, digits and '-'",
                                   Quoted(options.service_id)));
  }
  if (GradeOf(options) == Grade::kAsserted && options.source.empty()) {
    return OptionError("--source",
                       "is missing; asserted ranges need to say who asserts "
                       "them and on what ground, for example \"J. Doe, "
                       "contract 2025-017 annex B\"");
  }
  return absl::OkStatus();
}

absl::StatusOr<ImportedRanges> ImportRanges(std::string_view text,
                                            const RangeImportOptions& options,
                                            const RangeImportTables& tables) {
  assert(CheckRangeImport(options).ok());
  absl::StatusOr<RangeEntries> read =
      ReadRangeEntries(options.format, text, options.file);
  if (!read.ok()) return read.status();
  if (read->entries.empty()) {
    std::string what = fmt::format(
        "{}: no entry of it can be used ({} malformed, {} oversized)",
        options.file, read->malformed_count, read->oversized_count);
    if (!read->skipped.empty()) {
      what += fmt::format("; the first: {}", read->skipped.front());
    }
    return absl::InvalidArgumentError(what);
  }
  return Importer(*std::move(read), options, tables).Import();
}

std::string RangesToCsv(const std::vector<RangeRow>& rows) {
  std::string csv =
      "prefix,provider,service_id,region,region_country,grade,source,"
      "retrieved,note\n";
  for (const RangeRow& row : rows) {
    csv += fmt::format("{},{},{},{},{},{},{},{},{}\n", row.prefix.ToString(),
                       CsvField(row.provider), row.service_id,
                       CsvField(row.region), row.region_country.ToString(),
                       GradeName(row.grade), CsvField(row.source),
                       row.retrieved, CsvField(row.note));
  }
  return csv;
}

std::vector<std::string> ReportLines(const ImportedRanges& imported) {
  const RangeImportReport& report = imported.report;
  std::vector<std::string> lines;
  lines.push_back(fmt::format(
      "{} read, {} written; left out: {} duplicate, {} nested, {} malformed, "
      "{} oversized",
      Plural(report.read_count, "entry", "entries"),
      Plural(imported.rows.size(), "row", "rows"), report.duplicate_count,
      report.nested_count, report.malformed_count, report.oversized_count));
  for (const std::string& skipped : report.skipped) {
    lines.push_back("left out: " + skipped);
  }
  const uint64_t skipped_count =
      report.malformed_count + report.oversized_count;
  if (skipped_count > report.skipped.size()) {
    lines.push_back(fmt::format("left out: {} more that are not ranges",
                                skipped_count - report.skipped.size()));
  }
  if (!report.unknown_regions.empty()) {
    size_t shown = 0;
    std::string names;
    for (const auto& [region, count] : report.unknown_regions) {
      if (++shown > kMaxRegionsShown) break;
      names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", region,
                           Plural(count, "entry", "entries"));
    }
    if (report.unknown_regions.size() > kMaxRegionsShown) {
      names += fmt::format(" and {} more",
                           report.unknown_regions.size() - kMaxRegionsShown);
    }
    lines.push_back("no country is known for the regions: " + names);
  }
  if (report.conflicting_count != 0) {
    lines.push_back(fmt::format(
        "{} stand for a prefix of which the file says different things; their "
        "note has what",
        Plural(report.conflicting_count, "row", "rows")));
  }
  if (report.special_purpose_count != 0) {
    lines.push_back(
        fmt::format("{} meet special-purpose space, where they locate nothing",
                    Plural(report.special_purpose_count, "row", "rows")));
  }
  if (report.is_partial) {
    lines.push_back(
        "the file is one page of several (NextPageToken); the ranges of the "
        "others are missing");
  }
  return lines;
}

}  // namespace octroi
