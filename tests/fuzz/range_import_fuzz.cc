// SPDX-License-Identifier: Apache-2.0
// Any bytes may stand in a provider's file of ranges. An import must end with
// rows or with one error: what it writes is read back without a problem, and
// every entry is accounted for.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/fact_tables.h"
#include "config/range_import.h"
#include "config/text_file.h"

namespace octroi {
namespace {

// Larger inputs find nothing more and take long.
constexpr size_t kMaxInputBytes = 1 << 16;

void CheckLine(const std::string& line) {
  assert(!line.empty());
  assert(!FindBadCharacter(line, ""));
  assert(line.find('\n') == std::string::npos);
}

RangeImportOptions OptionsFor(RangeFormat format) {
  RangeImportOptions options;
  options.format = format;
  options.file = "f";
  if (ProviderOf(format).empty()) options.provider = "Example";
  if (format == RangeFormat::kCidr) options.source = "s";
  if (format == RangeFormat::kOutscale) options.region = "eu-west-2";
  return options;
}

void CheckImport(const ImportedRanges& imported) {
  const RangeImportReport& report = imported.report;
  assert(report.read_count == imported.rows.size() + report.duplicate_count +
                                  report.nested_count + report.malformed_count +
                                  report.oversized_count);
  for (const std::string& line : ReportLines(imported)) CheckLine(line);
  std::vector<Problem> problems;
  std::vector<RangeRow> rows =
      ReadRanges(RangesToCsv(imported.rows), "out.csv", &problems).rows;
  assert(problems.empty());
  assert(rows.size() == imported.rows.size());
  assert(RangeTable::Create(std::move(rows), Catalogue()).ok());
}

}  // namespace
}  // namespace octroi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > octroi::kMaxInputBytes) return 0;
  // The first byte says of which format the rest is: '0' for the first.
  const size_t format = static_cast<size_t>(data[0] - '0');
  if (format >= octroi::RangeFormatNames().size()) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1,
                              size - 1);
  const octroi::RegionTable regions;
  const octroi::SpecialPurposeTable special_purpose;
  const absl::StatusOr<octroi::ImportedRanges> imported = octroi::ImportRanges(
      text, octroi::OptionsFor(static_cast<octroi::RangeFormat>(format)),
      {&regions, &special_purpose});
  if (imported.ok()) {
    octroi::CheckImport(*imported);
  } else {
    octroi::CheckLine(std::string(imported.status().message()));
  }
  return 0;
}
