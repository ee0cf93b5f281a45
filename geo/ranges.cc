// SPDX-License-Identifier: Apache-2.0
#include "geo/ranges.h"

#include <algorithm>
#include <tuple>

#include "fmt/format.h"
#include "geo/ascii.h"

namespace octroi {

std::string_view GradeName(Grade grade) {
  switch (grade) {
    case Grade::kNone:
      return "";
    case Grade::kAsserted:
      return "asserted";
    case Grade::kPublished:
      return "published";
    case Grade::kDerived:
      return "derived";
  }
  return "";
}

std::optional<Grade> ParseGrade(std::string_view text) {
  for (const Grade grade :
       {Grade::kAsserted, Grade::kPublished, Grade::kDerived}) {
    if (GradeName(grade) == text) return grade;
  }
  return std::nullopt;
}

bool RangeRow::is_global() const { return EqualIgnoringCase(region, "global"); }

namespace {

std::string PlaceOf(const RangeRow& row) {
  return fmt::format("{}:{}", row.file, row.line);
}

absl::Status CheckRow(const RangeRow& row, const Catalogue& catalogue) {
  const int widest = row.prefix.family() == AddressFamily::kIpv4
                         ? kWidestRangeV4
                         : kWidestRangeV6;
  if (row.prefix.length() < widest) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: {} is wider than any provider's address space; write /{} or "
        "longer",
        PlaceOf(row), row.prefix.ToString(), widest));
  }
  if (row.is_global() && row.region_country.is_known()) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: the region is {} and the country {}; an address of no one region "
        "has no country: leave region_country empty, or name the region",
        PlaceOf(row), row.region, row.region_country.ToString()));
  }
  if (row.service_id.empty()) return absl::OkStatus();
  const uint32_t index = catalogue.Find(row.service_id);
  if (index == Catalogue::kNone) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: service_id \"{}\" is not in the catalogue; write one that "
        "qualified_services.csv has, or leave it empty",
        PlaceOf(row), row.service_id));
  }
  const Service& service = catalogue.service(index);
  if (service.provider != row.provider) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: service_id \"{}\" belongs to \"{}\", not to \"{}\"", PlaceOf(row),
        row.service_id, service.provider, row.provider));
  }
  return absl::OkStatus();
}

// Two rows of one prefix that cannot both be meant.
bool Contradict(const RangeRow& a, const RangeRow& b) {
  if (a.grade != b.grade) return false;
  return a.provider == b.provider ||
         (a.region_country.is_known() && b.region_country.is_known() &&
          a.region_country != b.region_country);
}

// How much a row's say of its prefix counts.
auto RankOf(const RangeRow& row) {
  const int grade = row.grade == Grade::kAsserted    ? 2
                    : row.grade == Grade::kPublished ? 1
                                                     : 0;
  return std::tuple(grade, !row.service_id.empty(),
                    row.region_country.is_known());
}

// Rows sorted by prefix meet all rows that contain them on a stack, so that
// overlaps are found in one pass.
absl::Status CheckOverlaps(const std::vector<RangeRow>& rows) {
  std::vector<const RangeRow*> sorted;
  sorted.reserve(rows.size());
  for (const RangeRow& row : rows) sorted.push_back(&row);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const RangeRow* a, const RangeRow* b) {
                     return a->prefix < b->prefix;
                   });
  std::vector<const RangeRow*> enclosing;
  for (const RangeRow* row : sorted) {
    while (!enclosing.empty() &&
           !enclosing.back()->prefix.Contains(row->prefix)) {
      enclosing.pop_back();
    }
    for (const RangeRow* outer : enclosing) {
      if (outer->prefix == row->prefix && Contradict(*outer, *row)) {
        const bool is_one_provider = outer->provider == row->provider;
        return absl::InvalidArgumentError(
            is_one_provider
                ? fmt::format("{}: {} stands already at {}; keep one of them",
                              PlaceOf(*row), row->prefix.ToString(),
                              PlaceOf(*outer))
                : fmt::format("{}: {} is in {} here and in {} at {}; keep one "
                              "of them",
                              PlaceOf(*row), row->prefix.ToString(),
                              row->region_country.ToString(),
                              outer->region_country.ToString(),
                              PlaceOf(*outer)));
      }
      if (!outer->service_id.empty() && !row->service_id.empty() &&
          outer->service_id != row->service_id) {
        return absl::InvalidArgumentError(fmt::format(
            "{}: {} of service \"{}\" overlaps {} of service \"{}\" ({}); an "
            "address belongs to one service",
            PlaceOf(*row), row->prefix.ToString(), row->service_id,
            outer->prefix.ToString(), outer->service_id, PlaceOf(*outer)));
      }
    }
    enclosing.push_back(row);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RangeTable> RangeTable::Create(std::vector<RangeRow> rows,
                                              const Catalogue& catalogue) {
  for (const RangeRow& row : rows) {
    const absl::Status status = CheckRow(row, catalogue);
    if (!status.ok()) return status;
  }
  const absl::Status status = CheckOverlaps(rows);
  if (!status.ok()) return status;
  RangeTable table;
  table.rows_ = std::move(rows);
  // The row that speaks comes last.
  std::sort(table.rows_.begin(), table.rows_.end(),
            [](const RangeRow& a, const RangeRow& b) {
              const auto x = RankOf(a);
              const auto y = RankOf(b);
              return x != y ? x < y
                            : std::tie(b.provider, b.prefix) <
                                  std::tie(a.provider, a.prefix);
            });
  return table;
}

namespace {

// Of equal prefixes the last.
const RangeRow* FindLongest(const std::vector<RangeRow>& rows,
                            const IpAddress& address, bool is_derived) {
  const RangeRow* best = nullptr;
  for (const RangeRow& row : rows) {
    if ((row.grade == Grade::kDerived) == is_derived &&
        row.prefix.Contains(address) &&
        (best == nullptr || row.prefix.length() >= best->prefix.length())) {
      best = &row;
    }
  }
  return best;
}

}  // namespace

const RangeRow* RangeTable::Find(const IpAddress& address) const {
  return FindLongest(rows_, address, false);
}

const RangeRow* RangeTable::FindDerived(const IpAddress& address) const {
  return FindLongest(rows_, address, true);
}

}  // namespace octroi
