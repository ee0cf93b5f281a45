// SPDX-License-Identifier: Apache-2.0
#include "geo/operators.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/status/status.h"
#include "fmt/format.h"

namespace octroi {
namespace {

// What makes two rows speak of one entity: everything but the ASN.
using RowIdentity =
    std::tuple<std::string, std::string, CountryCode, std::string, std::string,
               std::string, std::optional<Day>, std::optional<Day>>;

RowIdentity IdentityOf(const OperatorRow& row) {
  return {row.name,          row.parent,        row.controlling_country,
          row.law,           row.confidence,    row.provider,
          row.validity.from, row.validity.until};
}

bool BeginsBefore(const OperatorRow& a, const OperatorRow& b) {
  return a.validity.from < b.validity.from;  // An open start sorts first.
}

absl::Status CheckOverlap(const std::vector<OperatorRow>& sorted) {
  for (size_t i = 1; i < sorted.size(); ++i) {
    const OperatorRow& earlier = sorted[i - 1];
    const OperatorRow& later = sorted[i];
    if (earlier.validity.until && later.validity.from &&
        *earlier.validity.until < *later.validity.from) {
      continue;
    }
    return absl::InvalidArgumentError(fmt::format(
        "line {}: {} overlaps in time with line {}; give the rows of one "
        "operator `from` and `until` that do not overlap",
        later.line,
        later.asn == 0 ? fmt::format("\"{}\"", later.name)
                       : fmt::format("AS{}", later.asn),
        earlier.line));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> LawsOf(const OperatorRow& row) {
  std::vector<std::string> laws;
  std::string_view rest = row.law;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(';'), rest.size());
    std::string_view law = rest.substr(0, end);
    while (law.starts_with(' ')) law.remove_prefix(1);
    while (law.ends_with(' ')) law.remove_suffix(1);
    if (!law.empty()) laws.emplace_back(law);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return laws;
}

const OperatorRow* OperatorEntity::At(Day day) const {
  for (const OperatorRow& row : rows) {
    if (row.validity.Covers(day)) return &row;
  }
  return nullptr;
}

absl::StatusOr<OperatorTable> OperatorTable::Create(
    std::vector<OperatorRow> rows) {
  OperatorTable table;
  table.rows_ = std::move(rows);
  // Rows of one ASN are one entity; ASNs whose rows say the same share it.
  // Operators without an ASN come last, and are told apart by their names.
  std::map<std::tuple<bool, uint32_t, std::string>, std::vector<OperatorRow>>
      groups;
  for (const OperatorRow& row : table.rows_) {
    const bool has_asn = row.asn != 0;
    groups[{!has_asn, row.asn, has_asn ? "" : row.name}].push_back(row);
  }

  std::map<std::vector<RowIdentity>, uint32_t> known;
  for (auto& [key, group] : groups) {
    std::stable_sort(group.begin(), group.end(), BeginsBefore);
    const absl::Status overlap = CheckOverlap(group);
    if (!overlap.ok()) return overlap;
    std::vector<RowIdentity> identity;
    for (const OperatorRow& row : group) identity.push_back(IdentityOf(row));
    const auto [found, is_new] = known.emplace(
        std::move(identity), static_cast<uint32_t>(table.entities_.size()));
    if (is_new) table.entities_.push_back({group});
    const uint32_t asn = group.front().asn;
    if (asn != 0) table.by_asn_[asn] = found->second;
    for (const OperatorRow& row : group) {
      table.by_name_.emplace(row.name, found->second);
      if (row.provider.empty()) continue;
      table.by_provider_.emplace(row.provider, found->second);
    }
  }
  return table;
}

uint32_t OperatorTable::FindByAsn(uint32_t asn) const {
  const auto found = by_asn_.find(asn);
  return found == by_asn_.end() ? kNone : found->second;
}

uint32_t OperatorTable::FindByProvider(std::string_view provider) const {
  const std::string name(provider);
  const auto found = by_provider_.find(name);
  if (found != by_provider_.end()) return found->second;
  const auto named = by_name_.find(name);
  return named == by_name_.end() ? kNone : named->second;
}

const OperatorRow* OperatorTable::RowOf(uint32_t asn, Day day) const {
  for (const OperatorRow& row : rows_) {
    if (row.asn == asn && row.validity.Covers(day)) return &row;
  }
  return nullptr;
}

}  // namespace octroi
