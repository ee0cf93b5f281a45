// SPDX-License-Identifier: Apache-2.0
#include "geo/ranges.h"

#include <algorithm>

#include "fmt/format.h"

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
      if (outer->prefix == row->prefix) {
        return absl::InvalidArgumentError(fmt::format(
            "{}: {} stands already at {}; keep one of them", PlaceOf(*row),
            row->prefix.ToString(), PlaceOf(*outer)));
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
  return table;
}

const RangeRow* RangeTable::Find(const IpAddress& address) const {
  return FindMostSpecific(rows_, address);
}

}  // namespace octroi
