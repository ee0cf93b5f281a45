// SPDX-License-Identifier: Apache-2.0
#include "geo/country.h"

#include <algorithm>

#include "absl/status/status.h"
#include "fmt/format.h"

namespace octroi {

std::optional<CountryCode> CountryCode::Parse(std::string_view text) {
  if (text.size() != 2) return std::nullopt;
  CountryCode code;
  for (size_t i = 0; i < 2; ++i) {
    const char c = text[i];
    if (c >= 'A' && c <= 'Z') {
      code.letters_[i] = c;
    } else if (c >= 'a' && c <= 'z') {
      code.letters_[i] = static_cast<char>(c - 'a' + 'A');
    } else {
      return std::nullopt;
    }
  }
  return code;
}

std::string_view RegimeName(Regime regime) {
  switch (regime) {
    case Regime::kUnknown:
      return "unknown";
    case Regime::kEu:
      return "eu";
    case Regime::kEea:
      return "eea";
    case Regime::kAdequate:
      return "adequate";
    case Regime::kThirdCountry:
      return "third_country";
  }
  return "unknown";
}

std::optional<Regime> ParseRegime(std::string_view text) {
  for (const Regime regime : {Regime::kUnknown, Regime::kEu, Regime::kEea,
                              Regime::kAdequate, Regime::kThirdCountry}) {
    if (RegimeName(regime) == text) return regime;
  }
  return std::nullopt;
}

namespace {

using Kind = JurisdictionRow::Kind;

bool OverlapInTime(const Validity& a, const Validity& b) {
  const bool a_ends_before = a.until && b.from && *a.until < *b.from;
  const bool b_ends_before = b.until && a.from && *b.until < *a.from;
  return !a_ends_before && !b_ends_before;
}

bool IsCountry(const JurisdictionRow& row) {
  return row.kind == Kind::kRegime || row.kind == Kind::kNone;
}

}  // namespace

absl::StatusOr<Jurisdictions> Jurisdictions::Create(
    std::vector<JurisdictionRow> rows) {
  Jurisdictions result;
  result.rows_ = std::move(rows);
  for (size_t i = 0; i < result.rows_.size(); ++i) {
    const JurisdictionRow& row = result.rows_[i];
    std::vector<size_t>& same = result.by_code_[row.code];
    for (const size_t j : same) {
      const JurisdictionRow& other = result.rows_[j];
      if (!IsCountry(row) || !IsCountry(other)) {
        return absl::InvalidArgumentError(fmt::format(
            "line {}: {} stands already on line {}; a code that is no country "
            "has one row",
            row.line, row.code.ToString(), other.line));
      }
      if (!OverlapInTime(row.validity, other.validity)) continue;
      return absl::InvalidArgumentError(fmt::format(
          "line {}: {} overlaps in time with line {}; one status of a country "
          "holds on a day",
          row.line, row.code.ToString(), other.line));
    }
    same.push_back(i);
  }
  for (const JurisdictionRow& row : result.rows_) {
    if (row.kind != Kind::kAlias) continue;
    const auto target = result.by_code_.find(row.alias_of);
    if (row.alias_of.is_known() &&
        (target == result.by_code_.end() ||
         IsCountry(result.rows_[target->second.front()]))) {
      continue;
    }
    return absl::InvalidArgumentError(
        fmt::format("line {}: alias {} does not name a country", row.line,
                    row.code.ToString()));
  }
  return result;
}

CountryCode Jurisdictions::Resolve(CountryCode code) const {
  const auto found = by_code_.find(code);
  if (found == by_code_.end()) return code;
  const JurisdictionRow& row = rows_[found->second.front()];
  if (row.kind == Kind::kUnknown) return CountryCode();
  return row.kind == Kind::kAlias ? row.alias_of : code;
}

const JurisdictionRow* Jurisdictions::RowAt(CountryCode country,
                                            Day day) const {
  const auto found = by_code_.find(country);
  if (found == by_code_.end()) return nullptr;
  for (const size_t i : found->second) {
    if (rows_[i].validity.Covers(day)) return &rows_[i];
  }
  return nullptr;
}

Regime Jurisdictions::RegimeAt(CountryCode country, Day day) const {
  const CountryCode resolved = Resolve(country);
  if (!resolved.is_known()) return Regime::kUnknown;
  const JurisdictionRow* row = RowAt(resolved, day);
  if (row == nullptr || row->kind != Kind::kRegime) {
    return Regime::kThirdCountry;
  }
  return row->regime;
}

std::string Jurisdictions::Name(CountryCode country) const {
  const auto found = by_code_.find(country);
  if (found == by_code_.end()) return country.ToString();
  const JurisdictionRow& row = rows_[found->second.front()];
  return row.kind == Kind::kAlias ? Name(row.alias_of) : row.name;
}

}  // namespace octroi
