// SPDX-License-Identifier: Apache-2.0
#include "geo/country.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/facts_builder.h"

namespace octroi {
namespace {

using ::testing::AllOf;
using testing::Between;
using testing::Code;
using testing::DayFrom;
using ::testing::HasSubstr;
using testing::SampleJurisdictions;
using Kind = JurisdictionRow::Kind;

Jurisdictions World() {
  return Jurisdictions::Create(SampleJurisdictions()).value();
}

JurisdictionRow Row(std::string_view code, Kind kind, std::string_view from,
                    std::string_view until, std::string_view alias_of = "") {
  JurisdictionRow row;
  row.code = Code(code);
  row.name = code;
  row.kind = kind;
  row.regime = Regime::kEu;
  row.validity = Between(from, until);
  row.alias_of = Code(alias_of);
  return row;
}

std::string ErrorOf(std::vector<JurisdictionRow> rows) {
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i].line = static_cast<int>(i) + 10;
  const absl::StatusOr<Jurisdictions> table = Jurisdictions::Create(rows);
  return table.ok() ? "accepted" : std::string(table.status().message());
}

TEST(CountryCodeTest, ReadsTwoLettersOfEitherCase) {
  EXPECT_EQ(Code("fr").ToString(), "FR");
  EXPECT_EQ(Code("Fr"), Code("FR"));
  EXPECT_FALSE(CountryCode().is_known());
  EXPECT_EQ(CountryCode().ToString(), "");
  for (const char* text : {"", "F", "FRA", "F1", "A1", "--", " F", "\xc3\x89",
                           "@A", "[A", "`a", "{a"}) {
    EXPECT_FALSE(CountryCode::Parse(text).has_value()) << text;
  }
  EXPECT_FALSE(CountryCode::Parse(std::string_view("\0\0", 2)).has_value());
}

TEST(RegimeTest, HasANameThatIsReadBack) {
  for (const auto& [regime, name] :
       {std::pair{Regime::kUnknown, "unknown"},
        {Regime::kEu, "eu"},
        {Regime::kEea, "eea"},
        {Regime::kAdequate, "adequate"},
        {Regime::kThirdCountry, "third_country"}}) {
    EXPECT_EQ(RegimeName(regime), name);
    EXPECT_EQ(ParseRegime(name), regime);
  }
  EXPECT_FALSE(ParseRegime("EU").has_value());
  EXPECT_FALSE(ParseRegime("").has_value());
}

TEST(JurisdictionsTest, GivesTheRegimeOfTheDay) {
  const Jurisdictions world = World();
  struct Case {
    const char* code;
    const char* day;
    Regime regime;
  };
  const Case cases[] = {
      {"FR", "2026-01-01", Regime::kEu},
      {"NO", "2026-01-01", Regime::kEea},
      {"CH", "2026-01-01", Regime::kAdequate},
      {"US", "2026-01-01", Regime::kThirdCountry},
      // The last day of membership counts.
      {"GB", "2020-01-31", Regime::kEu},
      {"GB", "2020-02-01", Regime::kAdequate},
      {"GB", "2031-12-27", Regime::kAdequate},
      {"GB", "2031-12-28", Regime::kThirdCountry},
      {"GB", "1972-12-31", Regime::kThirdCountry},
      {"HR", "2013-06-30", Regime::kThirdCountry},
      {"HR", "2013-07-01", Regime::kEu},
      {"JP", "2019-01-22", Regime::kThirdCountry},
      // The lists are exhaustive: a country without a row is a third country.
      {"BR", "2026-01-01", Regime::kThirdCountry},
      // Aliases and pseudo-codes.
      {"UK", "2020-01-31", Regime::kEu},
      {"UK", "2020-02-01", Regime::kAdequate},
      {"EL", "2026-01-01", Regime::kEu},
      {"EU", "2026-01-01", Regime::kUnknown},
      {"AP", "2026-01-01", Regime::kUnknown},
      {"", "2026-01-01", Regime::kUnknown},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(world.RegimeAt(Code(c.code), DayFrom(c.day)), c.regime)
        << c.code << " " << c.day;
  }
}

TEST(JurisdictionsTest, ResolvesAliasesAndPseudoCodes) {
  const Jurisdictions world = World();

  EXPECT_EQ(world.Resolve(Code("FR")), Code("FR"));
  EXPECT_EQ(world.Resolve(Code("BR")), Code("BR"));
  EXPECT_EQ(world.Resolve(Code("UK")), Code("GB"));
  EXPECT_EQ(world.Resolve(Code("EU")), CountryCode());
  EXPECT_EQ(world.Resolve(CountryCode()), CountryCode());
}

TEST(JurisdictionsTest, FindsTheRowInForce) {
  const Jurisdictions world = World();

  const JurisdictionRow* row = world.RowAt(Code("GB"), DayFrom("2020-01-31"));
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->regime, Regime::kEu);
  EXPECT_EQ(world.RowAt(Code("GB"), DayFrom("1950-01-01")), nullptr);
  EXPECT_EQ(world.RowAt(Code("BR"), DayFrom("2026-01-01")), nullptr);
}

TEST(JurisdictionsTest, NamesCountries) {
  const Jurisdictions world = World();

  EXPECT_EQ(world.Name(Code("FR")), "France");
  EXPECT_EQ(world.Name(Code("BR")), "BR");
  EXPECT_EQ(world.Name(Code("UK")), "United Kingdom");
  EXPECT_EQ(world.Name(CountryCode()), "");
}

TEST(JurisdictionsTest, CallsEveryCountryAThirdCountryWithoutRows) {
  EXPECT_EQ(Jurisdictions().RegimeAt(Code("FR"), DayFrom("2026-01-01")),
            Regime::kThirdCountry);
  EXPECT_EQ(Jurisdictions().RegimeAt(CountryCode(), DayFrom("2026-01-01")),
            Regime::kUnknown);
}

TEST(JurisdictionsTest, RefusesRowsOfACodeThatOverlapInTime) {
  const auto two = [](std::string_view from_1, std::string_view until_1,
                      std::string_view from_2, std::string_view until_2) {
    return ErrorOf({Row("FR", Kind::kRegime, from_1, until_1),
                    Row("DE", Kind::kRegime, "", ""),
                    Row("FR", Kind::kNone, from_2, until_2)});
  };

  EXPECT_EQ(two("", "2020-01-31", "2020-02-01", ""), "accepted");
  EXPECT_EQ(two("2020-02-01", "", "", "2020-01-31"), "accepted");
  EXPECT_THAT(two("", "2020-01-31", "2020-01-31", ""),
              AllOf(HasSubstr("line 12"), HasSubstr("FR overlaps"),
                    HasSubstr("line 10")));
  EXPECT_THAT(two("", "", "2020-01-31", "2020-01-31"), HasSubstr("overlaps"));
  EXPECT_THAT(two("2020-01-01", "", "2010-01-01", ""), HasSubstr("overlaps"));
}

TEST(JurisdictionsTest, RefusesAnAliasWithoutACountry) {
  const JurisdictionRow gb = Row("GB", Kind::kRegime, "", "");
  const JurisdictionRow uk = Row("UK", Kind::kAlias, "", "", "GB");

  EXPECT_EQ(ErrorOf({uk, gb}), "accepted");
  EXPECT_EQ(ErrorOf({uk}), "accepted");
  EXPECT_THAT(ErrorOf({Row("UK", Kind::kAlias, "", "")}),
              AllOf(HasSubstr("line 10"), HasSubstr("UK")));
  // Found by this test: the alias of an alias was taken for a country.
  EXPECT_THAT(ErrorOf({uk, gb, Row("EN", Kind::kAlias, "", "", "UK")}),
              HasSubstr("line 12: alias EN"));
  EXPECT_THAT(ErrorOf({Row("UK", Kind::kAlias, "", "", "UK")}),
              HasSubstr("alias UK"));
  EXPECT_THAT(ErrorOf({Row("XE", Kind::kAlias, "", "", "EU"),
                       Row("EU", Kind::kUnknown, "", "")}),
              HasSubstr("alias XE"));
}

// Resolve has no date: a code cannot be a pseudo-code for a time only.
TEST(JurisdictionsTest, RefusesACodeThatIsACountryForATime) {
  EXPECT_THAT(ErrorOf({Row("CS", Kind::kRegime, "", "2006-06-02"),
                       Row("CS", Kind::kUnknown, "2006-06-03", "")}),
              AllOf(HasSubstr("line 11"), HasSubstr("CS")));
}

}  // namespace
}  // namespace octroi
