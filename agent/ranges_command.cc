// SPDX-License-Identifier: Apache-2.0
#include "agent/ranges_command.h"

#include <sys/stat.h>

#include <ctime>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "config/csv.h"
#include "config/fact_tables.h"
#include "config/range_import.h"
#include "config/suggest.h"
#include "config/text_file.h"
#include "fmt/format.h"

namespace octroi {
namespace {

constexpr char kStandardInput[] = "-";

absl::Status OptionError(std::string_view option, std::string_view value,
                         std::string_view what) {
  return absl::InvalidArgumentError(
      fmt::format("{}: {} {}", option, Quoted(value), what));
}

// The UTC day on which the file was last written, which is when it was fetched
// as far as the file tells; today for standard input, and for a file that
// cannot be asked: that it cannot be read is found later.
Day DayOfFile(const std::string& file, const Surroundings& surroundings) {
  struct stat info;
  if (file == kStandardInput || ::stat(file.c_str(), &info) != 0) {
    return DayOf(surroundings.now_ns());
  }
  return std::chrono::floor<std::chrono::days>(
      std::chrono::sys_seconds(std::chrono::seconds(info.st_mtim.tv_sec)));
}

// From words to values. What the values must be to each other is checked by
// CheckRangeImport.
absl::StatusOr<RangeImportOptions> ReadOptions(
    const RangesImportOptions& words, const Surroundings& surroundings) {
  RangeImportOptions options;
  const std::optional<RangeFormat> format = ParseRangeFormat(words.from);
  if (!format) {
    return OptionError(
        "--from", words.from,
        fmt::format("is not a format; write {}", OneOf(RangeFormatNames())));
  }
  options.format = *format;
  options.file = words.file == kStandardInput ? "standard input" : words.file;
  options.provider = words.provider;
  options.region = words.region;
  options.service_id = words.service;
  options.source = words.source;
  if (!words.country.empty()) {
    const std::optional<CountryCode> country =
        CountryCode::Parse(words.country);
    if (!country) {
      return OptionError("--country", words.country,
                         "is not a country code; write two letters (ISO "
                         "3166-1)");
    }
    options.country = *country;
  }
  if (!words.grade.empty()) {
    options.grade = ParseGrade(words.grade);
    if (!options.grade) {
      return OptionError("--grade", words.grade,
                         "is not a grade; write asserted, published or "
                         "derived");
    }
  }
  options.retrieved = DayOfFile(words.file, surroundings);
  if (!words.retrieved.empty()) {
    const std::optional<Day> day = ParseDay(words.retrieved);
    if (!day) {
      return OptionError("--retrieved", words.retrieved,
                         "is not a day; write YYYY-MM-DD");
    }
    options.retrieved = *day;
  }
  const absl::Status status = CheckRangeImport(options);
  if (!status.ok()) return status;
  return options;
}

// One of the tables that ship, with every problem of it in `problems`.
template <typename Table, typename Row>
Table LoadTable(const std::string& path,
                FactTable<Row> (*read)(std::string_view, const std::string&,
                                       std::vector<Problem>*),
                std::vector<Problem>* problems) {
  const absl::StatusOr<std::string> text = ReadTextFile(path, kMaxCsvFileBytes);
  if (!text.ok()) {
    problems->push_back(ProblemOf(path, text.status()));
    return Table();
  }
  absl::StatusOr<Table> table = Table::Create(read(*text, path, problems).rows);
  if (table.ok()) return *std::move(table);
  problems->push_back(ProblemOf(path, table.status()));
  return Table();
}

absl::StatusOr<ImportedRanges> ReadAndImport(const std::string& file,
                                             const RangeImportOptions& options,
                                             const Surroundings& surroundings) {
  std::vector<Problem> problems;
  const auto regions = LoadTable<RegionTable>(
      surroundings.facts_dir + "/regions.csv", &ReadRegions, &problems);
  const auto special_purpose = LoadTable<SpecialPurposeTable>(
      surroundings.facts_dir + "/special_purpose.csv", &ReadSpecialPurpose,
      &problems);
  const absl::Status tables = ToStatus(problems);
  if (!tables.ok()) return tables;
  const absl::StatusOr<std::string> text = ReadTextFile(
      file == kStandardInput ? "/dev/stdin" : file, kMaxRangeFileBytes);
  if (!text.ok()) return text.status();
  return ImportRanges(*text, options, {&regions, &special_purpose});
}

// A line of `errors` for each line of the message.
void WriteErrorLines(std::string_view message,
                     const Surroundings& surroundings) {
  while (!message.empty()) {
    const size_t end = std::min(message.find('\n'), message.size());
    WriteError(surroundings, message.substr(0, end));
    message.remove_prefix(std::min(end + 1, message.size()));
  }
}

}  // namespace

ExitCode RunRangesImport(const RangesImportOptions& words,
                         const Surroundings& surroundings) {
  const absl::StatusOr<RangeImportOptions> options =
      ReadOptions(words, surroundings);
  if (!options.ok()) {
    WriteError(surroundings, std::string(options.status().message()));
    return kExitUsage;
  }
  const absl::StatusOr<ImportedRanges> imported =
      ReadAndImport(words.file, *options, surroundings);
  if (!imported.ok()) {
    WriteErrorLines(std::string(imported.status().message()), surroundings);
    return kExitFailed;
  }
  *surroundings.out << RangesToCsv(imported->rows);
  for (const std::string& line : ReportLines(*imported)) {
    WriteError(surroundings, fmt::format("{}: {}", options->file, line));
  }
  return FinishOutput(surroundings);
}

}  // namespace octroi
