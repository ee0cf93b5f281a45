// SPDX-License-Identifier: Apache-2.0
// Countries and what EU law makes of them at a time. A country is an ISO 3166-1
// alpha-2 code; the pseudo-codes that databases contain (EU, AP, ZZ, ...) are
// not countries, and become "unknown" here, in one place.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "geo/calendar.h"

namespace octroi {

// Two capital letters, or nothing ("unknown"). Trivially copyable.
class CountryCode {
 public:
  constexpr CountryCode() = default;
  // Reads two ASCII letters, either case. Nothing for other text.
  static std::optional<CountryCode> Parse(std::string_view text);

  bool is_known() const { return letters_[0] != 0; }
  // "FR", or "" for unknown.
  std::string ToString() const { return std::string(letters()); }
  // The same, for as long as this code stays where it is.
  std::string_view letters() const& {
    return {letters_.data(), is_known() ? letters_.size() : 0};
  }

  friend auto operator<=>(const CountryCode&, const CountryCode&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const CountryCode& code) {
    return H::combine(std::move(h), code.letters_[0], code.letters_[1]);
  }

 private:
  std::array<char, 2> letters_{};
};

// Of a country, at a time (DESIGN "regime"). kUnknown: no country to ask about.
enum class Regime : uint8_t { kUnknown, kEu, kEea, kAdequate, kThirdCountry };
// "unknown", "eu", "eea", "adequate", "third_country".
std::string_view RegimeName(Regime regime);
std::optional<Regime> ParseRegime(std::string_view text);

// One row of data/jurisdictions.csv.
struct JurisdictionRow {
  enum class Kind : uint8_t {
    kRegime,   // `regime` holds during `validity`
    kNone,     // a country without EU status; the row says why
    kAlias,    // a code that some databases write for `alias_of`
    kUnknown,  // a pseudo-code: never a country
  };
  CountryCode code;
  std::string name;
  Kind kind = Kind::kNone;
  Regime regime = Regime::kThirdCountry;
  CountryCode alias_of;
  Validity validity;
  std::string scope;  // What the status is limited to; "" for no limit.
  std::string source;
  int line = 0;  // In its file; 0 for none.
};

// The regime of every country at every time. The lists of members and of
// adequacy decisions are exhaustive, so a country without a row in force is a
// third country. Immutable after Create; any thread.
class Jurisdictions {
 public:
  // No rows: every country is a third country.
  Jurisdictions() = default;
  // Fails if two rows of a code overlap in time; if an alias names no country
  // (nothing, another alias or a pseudo-code); if a code that is an alias or a
  // pseudo-code has another row: what a code means does not depend on time.
  static absl::StatusOr<Jurisdictions> Create(
      std::vector<JurisdictionRow> rows);

  // What a code found in a database means: itself, the country that it is an
  // alias of, or unknown for a pseudo-code.
  CountryCode Resolve(CountryCode code) const;
  Regime RegimeAt(CountryCode country, Day day) const;
  // The row in force, or null. An alias is not resolved.
  const JurisdictionRow* RowAt(CountryCode country, Day day) const;
  // The name of a country, of the one that is meant for an alias; the code
  // where no row names it.
  std::string Name(CountryCode country) const;

  const std::vector<JurisdictionRow>& rows() const { return rows_; }

 private:
  std::vector<JurisdictionRow> rows_;
  absl::flat_hash_map<CountryCode, std::vector<size_t>> by_code_;
};

}  // namespace octroi
