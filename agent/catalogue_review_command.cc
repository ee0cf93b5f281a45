// SPDX-License-Identifier: Apache-2.0
#include "agent/catalogue_review_command.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <utility>
#include <vector>

#include "agent/text.h"
#include "config/facts.h"
#include "evidence/json.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "policy/catalogue_check.h"
#include "policy/catalogue_diff.h"

namespace octroi {
namespace {

std::string Counted(size_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

// One side of a diff.
struct Side {
  std::string path;
  std::string sha256;
  std::unique_ptr<Facts> facts;
};

std::optional<Side> LoadSide(const std::string& path,
                             const Surroundings& surroundings) {
  const auto files = FactsOf({"", path}, surroundings);
  if (!files) return std::nullopt;
  std::vector<Problem> problems;
  Side side;
  side.path = path;
  side.facts = LoadCataloguePart(*files, {}, &problems);
  WriteProblems(problems, surroundings);
  if (side.facts == nullptr) return std::nullopt;
  for (const FactSource& source : side.facts->sources) {
    if (source.path == path) side.sha256 = source.sha256;
  }
  return side;
}

std::string DayText(const std::optional<Day>& day) {
  return day ? FormatDay(*day) : "";
}

std::string SideText(const Side& side, const std::optional<Day>& day) {
  return fmt::format(
      "{}: {}{}\n", Printable(side.path),
      Counted(side.facts->catalogue.services().size(), "service"),
      day ? ", newest observation " + FormatDay(*day) : "");
}

Json SideToJson(const Side& side, const std::optional<Day>& day) {
  return {{"path", side.path},
          {"sha256", side.sha256},
          {"day", TextOrNull(DayText(day))},
          {"services", side.facts->catalogue.services().size()}};
}

std::map<ChangeKind, size_t> CountByKind(const CatalogueDiff& diff) {
  std::map<ChangeKind, size_t> counts;
  for (const CatalogueChange& change : diff.changes) ++counts[change.kind];
  return counts;
}

size_t ChangedServiceCount(const CatalogueDiff& diff) {
  std::set<std::string_view> ids;
  for (const CatalogueChange& change : diff.changes) {
    ids.insert(change.service_id);
  }
  return ids.size();
}

Color ColorOf(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kLapsed:
    case ChangeKind::kRemoved:
      return Color::kRed;
    case ChangeKind::kBecameQualified:
      return Color::kGreen;
    default:
      return Color::kPlain;
  }
}

std::string SummaryOf(const CatalogueDiff& diff) {
  if (diff.changes.empty()) return "no change\n";
  std::vector<std::string> parts;
  for (const auto& [kind, count] : CountByKind(diff)) {
    parts.push_back(fmt::format("{} {}", count, ChangeName(kind)));
  }
  return fmt::format("{} changed: {}\n",
                     Counted(ChangedServiceCount(diff), "service"),
                     fmt::join(parts, ", "));
}

std::string DiffToText(const Side& before, const Side& after,
                       const CatalogueDiff& diff,
                       const Surroundings& surroundings) {
  std::string text =
      SideText(before, diff.before_day) + SideText(after, diff.after_day);
  std::vector<std::vector<TextCell>> rows;
  for (const CatalogueChange& change : diff.changes) {
    const auto value = [](const std::string& side) {
      return side.empty() ? std::string("-") : Printable(side);
    };
    rows.push_back(
        {{Printable(change.provider)},
         {Printable(change.name)},
         {change.type},
         {std::string(ChangeName(change.kind)), ColorOf(change.kind)},
         {value(change.before)},
         {value(change.after)}});
  }
  if (!rows.empty()) {
    for (const std::string& line :
         LayOut({{"provider", false, 10},
                 {"service", false, 14},
                 {"type"},
                 {"change"},
                 {"before", false, 24},
                 {"after", false, 24}},
                rows, PageColumns(surroundings), surroundings.use_color)) {
      text += line + "\n";
    }
  }
  return text + SummaryOf(diff);
}

std::string DiffToJson(const Side& before, const Side& after,
                       const CatalogueDiff& diff) {
  auto counts = CountByKind(diff);
  Json json;
  json["schema"] = "octroi.catalogue-diff/1";
  json["old"] = SideToJson(before, diff.before_day);
  json["new"] = SideToJson(after, diff.after_day);
  json["summary"] = {{"services", ChangedServiceCount(diff)}};
  for (int i = 0; i < static_cast<int>(ChangeKind::kCount); ++i) {
    const auto kind = static_cast<ChangeKind>(i);
    json["summary"][std::string(ChangeName(kind))] = counts[kind];
  }
  json["changes"] = Json::array();
  for (const CatalogueChange& change : diff.changes) {
    json["changes"].push_back({{"service_id", change.service_id},
                               {"provider", change.provider},
                               {"name", change.name},
                               {"type", change.type},
                               {"change", ChangeName(change.kind)},
                               {"old", TextOrNull(change.before)},
                               {"new", TextOrNull(change.after)}});
  }
  return ToPage(json);
}

// What `check` found.
struct Review {
  std::string path;
  Day day;
  size_t row_count = 0;
  std::vector<CatalogueFinding> findings;
  // Ranges of services that were compared with the ASN database; nothing if
  // they were not, because of errors.
  std::optional<size_t> range_count;

  size_t error_count() const {
    return static_cast<size_t>(std::count_if(
        findings.begin(), findings.end(), [](const CatalogueFinding& finding) {
          return InfoOf(finding.kind).is_error;
        }));
  }
  size_t warning_count() const { return findings.size() - error_count(); }
};

void AddProblems(const std::vector<Problem>& problems, Review* review) {
  for (const Problem& problem : problems) {
    review->findings.push_back({FindingKind::kUnreadable, problem.file,
                                problem.line, "", problem.what});
  }
}

// Problems of the file as a whole and no row: there is nothing to review.
bool IsWithoutRows(const std::vector<CatalogueRow>& rows,
                   const std::vector<Problem>& problems) {
  return rows.empty() &&
         std::any_of(problems.begin(), problems.end(),
                     [](const Problem& problem) { return problem.line == 0; });
}

void AddRangeFindings(const FactsOptions& files, Review* review) {
  std::vector<Problem> problems;
  const std::unique_ptr<Facts> facts = LoadCataloguePart(
      files, {.with_ranges = true, .with_asn = true}, &problems);
  AddProblems(problems, review);
  if (facts == nullptr) return;
  const std::vector<RangeRow>& ranges = facts->ranges.rows();
  const auto count = static_cast<size_t>(std::count_if(
      ranges.begin(), ranges.end(),
      [](const RangeRow& range) { return !range.service_id.empty(); }));
  if (count > 0) {
    const AsnDatabase& database = facts->asn.back();  // The newest build.
    const auto asns = database.file->WalkAsns();
    if (!asns.ok()) {
      AddProblems({ProblemOf(database.source.path, asns.status())}, review);
      return;
    }
    std::vector<CatalogueFinding> found = CheckServiceRanges(ranges, *asns);
    std::move(found.begin(), found.end(), std::back_inserter(review->findings));
  }
  review->range_count = count;
}

// Of errors that make the catalogue, the ranges would be others.
void ReviewRows(const std::vector<CatalogueRow>& rows,
                const FactsOptions& files, Review* review) {
  review->row_count = rows.size();
  for (CatalogueFinding& finding : CheckCatalogueRows(rows, review->day)) {
    finding.file = review->path;
    review->findings.push_back(std::move(finding));
  }
  std::stable_sort(review->findings.begin(), review->findings.end(),
                   [&](const CatalogueFinding& a, const CatalogueFinding& b) {
                     return a.file == b.file && a.line < b.line;
                   });
  if (review->error_count() == 0) AddRangeFindings(files, review);
}

std::string PlaceOf(const CatalogueFinding& finding) {
  if (finding.file.empty()) return "";
  if (finding.line == 0) return finding.file + ": ";
  return fmt::format("{}:{}: ", finding.file, finding.line);
}

std::string ReviewToText(const Review& review, bool use_color) {
  std::string text;
  for (const CatalogueFinding& finding : review.findings) {
    const FindingInfo& info = InfoOf(finding.kind);
    text += fmt::format(
        "{}{}: {}{}{} ({})\n", Printable(PlaceOf(finding)),
        Paint(info.is_error ? "error" : "warning",
              info.is_error ? Color::kRed : Color::kYellow, use_color),
        finding.service_id, finding.service_id.empty() ? "" : ": ",
        Printable(finding.what), info.name);
  }
  text += fmt::format(
      "{} on {}: {}, {} in {}; {}\n", Printable(review.path),
      FormatDay(review.day), Counted(review.error_count(), "error"),
      Counted(review.warning_count(), "warning"),
      Counted(review.row_count, "row"),
      review.range_count
          ? Counted(*review.range_count, "range") + " compared with ASNs"
          : std::string("ranges not looked at because of the errors"));
  return text;
}

std::string ReviewToJson(const Review& review) {
  Json json;
  json["schema"] = "octroi.catalogue-check/1";
  json["at"] = FormatDay(review.day);
  json["catalogue"] = {{"path", review.path}};
  json["summary"] = {
      {"errors", review.error_count()},
      {"warnings", review.warning_count()},
      {"rows", review.row_count},
      {"ranges", review.range_count ? Json(*review.range_count) : Json()}};
  json["findings"] = Json::array();
  for (const CatalogueFinding& finding : review.findings) {
    const FindingInfo& info = InfoOf(finding.kind);
    json["findings"].push_back(
        {{"severity", info.is_error ? "error" : "warning"},
         {"kind", info.name},
         {"file", TextOrNull(finding.file)},
         {"line", finding.line == 0 ? Json() : Json(finding.line)},
         {"service_id", TextOrNull(finding.service_id)},
         {"what", finding.what}});
  }
  return ToPage(json);
}

}  // namespace

ExitCode RunCatalogueDiff(const CatalogueDiffOptions& options,
                          const Surroundings& surroundings) {
  const std::optional<Side> before =
      LoadSide(options.before_path, surroundings);
  const std::optional<Side> after = LoadSide(options.after_path, surroundings);
  if (!before || !after) return kExitFailed;
  const CatalogueDiff diff =
      DiffCatalogues(before->facts->catalogue, after->facts->catalogue);
  *surroundings.out << (options.format == CatalogueFormat::kJson
                            ? DiffToJson(*before, *after, diff)
                            : DiffToText(*before, *after, diff, surroundings));
  return FinishOutput(surroundings);
}

ExitCode RunCatalogueCheck(const CatalogueCheckOptions& options,
                           const Surroundings& surroundings) {
  const std::optional<Day> day = ReadDayAt(options.at, surroundings);
  if (!day) return kExitUsage;
  const auto files = FactsOf(options.choice, surroundings);
  if (!files) return kExitUsage;
  std::vector<Problem> problems;
  const std::vector<CatalogueRow> rows = ReadCatalogueRows(*files, &problems);
  if (IsWithoutRows(rows, problems)) {
    WriteProblems(problems, surroundings);
    return kExitFailed;
  }
  Review review;
  review.path = CataloguePath(*files);
  review.day = *day;
  AddProblems(problems, &review);
  ReviewRows(rows, *files, &review);
  *surroundings.out << (options.format == CatalogueFormat::kJson
                            ? ReviewToJson(review)
                            : ReviewToText(review, surroundings.use_color));
  const ExitCode written = FinishOutput(surroundings);
  return review.error_count() > 0 ? kExitFailed : written;
}

}  // namespace octroi
