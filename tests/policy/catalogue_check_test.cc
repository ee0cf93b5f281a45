// SPDX-License-Identifier: Apache-2.0
#include "policy/catalogue_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/facts_builder.h"

namespace octroi {
namespace {

using testing::DayFrom;
using ::testing::ElementsAre;
using testing::FactsBuilder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Spec = FactsBuilder::ServiceSpec;

constexpr ServiceState kNone = ServiceState::kNone;
constexpr ServiceState kCandidate = ServiceState::kInQualification;
constexpr ServiceState kSuspended = ServiceState::kSuspended;
constexpr ServiceState kWithdrawn = ServiceState::kWithdrawn;
constexpr char kToday[] = "2026-06-01";

// A row about which there is nothing to say on kToday.
Spec Sound() {
  return {.id = "s",
          .from = "2025-01-01",
          .until = "2027-12-31",
          .observed_on = "2026-05-15",
          .reference = "decision 1"};
}

std::vector<CatalogueFinding> Findings(std::vector<Spec> rows,
                                       const char* day = kToday) {
  FactsBuilder facts;
  for (Spec& row : rows) {
    row.id = "s";
    facts.Service(row);
  }
  return CheckCatalogueRows(facts.services(), DayFrom(day));
}

// "kind at line", each.
std::vector<std::string> Kinds(const std::vector<CatalogueFinding>& findings) {
  std::vector<std::string> kinds;
  for (const CatalogueFinding& finding : findings) {
    kinds.push_back(std::string(InfoOf(finding.kind).name) + " at " +
                    std::to_string(finding.line));
  }
  return kinds;
}

TEST(FindingsTest, HaveNamesOfTheirOwn) {
  for (size_t i = 0; i < kFindingCount; ++i) {
    EXPECT_EQ(static_cast<size_t>(kFindings[i].kind), i);
    for (size_t j = 0; j < i; ++j) {
      EXPECT_NE(kFindings[i].name, kFindings[j].name);
    }
  }
}

TEST(CheckCatalogueRowsTest, HasNothingToSayOfASoundRow) {
  EXPECT_THAT(Kinds(Findings({Sound()})), IsEmpty());
  EXPECT_THAT(Kinds(CheckCatalogueRows({}, DayFrom(kToday))), IsEmpty());
}

// One change to a sound row, and what is found of it.
TEST(CheckCatalogueRowsTest, FindsWhatIsWrongWithARow) {
  struct Case {
    const char* what;
    void (*change)(Spec* row);
    const char* kind;  // "": nothing.
  };
  const Case cases[] = {
      {"observed on the day", [](Spec* row) { row->observed_on = kToday; }, ""},
      {"observed the day after",
       [](Spec* row) { row->observed_on = "2026-06-02"; },
       "observed_in_future at 1"},
      {"observed on its first day",
       [](Spec* row) { row->from = row->observed_on; }, ""},
      {"observed before its first day",
       [](Spec* row) { row->from = "2026-05-16"; }, "observed_too_early at 1"},
      {"without a reference", [](Spec* row) { row->reference = ""; },
       "no_reference at 1"},
      {"a candidate needs no reference",
       [](Spec* row) {
         row->state = kCandidate;
         row->reference = "";
       },
       ""},
      {"without a first day", [](Spec* row) { row->from = ""; },
       "no_dates at 1"},
      {"without a last day", [](Spec* row) { row->until = ""; },
       "no_dates at 1"},
      {"observed 60 days ago",
       [](Spec* row) { row->observed_on = "2026-04-02"; }, ""},
      {"observed 61 days ago",
       [](Spec* row) { row->observed_on = "2026-04-01"; }, "not_observed at 1"},
      {"91 days left", [](Spec* row) { row->until = "2026-08-31"; }, ""},
      {"90 days left", [](Spec* row) { row->until = "2026-08-30"; },
       "expires_soon at 1"},
      {"the last day", [](Spec* row) { row->until = kToday; },
       "expires_soon at 1"},
      {"ended the day before", [](Spec* row) { row->until = "2026-05-31"; },
       "no_successor at 1"},
      {"a candidate that ended",
       [](Spec* row) {
         row->state = kCandidate;
         row->until = "2026-05-31";
       },
       "no_successor at 1"},
      {"a candidate that ends soon",
       [](Spec* row) {
         row->state = kCandidate;
         row->until = "2026-06-02";
       },
       ""},
      {"ends before it begins",
       [](Spec* row) {
         row->from = "";
         row->until = "2026-05-14";
         row->state = kNone;
       },
       "ends_before_it_begins at 1"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    Spec row = Sound();
    c.change(&row);
    std::vector<std::string> kinds = Kinds(Findings({row}));
    // The row that was never known to hold has ended, too.
    std::erase_if(kinds, [&](const std::string& kind) {
      return kind == "no_successor at 1" && kind != c.kind;
    });

    if (*c.kind == '\0') {
      EXPECT_THAT(kinds, IsEmpty());
    } else {
      EXPECT_THAT(kinds, ElementsAre(c.kind));
    }
  }
}

TEST(CheckCatalogueRowsTest, SaysHowManyDaysAreLeft) {
  Spec row = Sound();
  row.until = "2026-06-09";
  EXPECT_THAT(Findings({row}).at(0).what, HasSubstr("8 days left"));
  row.until = "2026-06-02";
  EXPECT_THAT(Findings({row}).at(0).what, HasSubstr("1 day left"));
}

TEST(CheckCatalogueRowsTest, KnowsThatARenewalFollows) {
  Spec first = Sound();
  first.until = "2026-06-09";
  Spec renewal = Sound();
  renewal.until = "2029-06-09";
  renewal.observed_on = "2026-06-09";

  // It may begin on the last day or on the day after it, not later.
  const auto with_renewal_from = [&](const char* from, const char* until) {
    renewal.from = from;
    renewal.observed_on = from;
    first.until = until;
    // The renewal is observed in the future of the day: that is another
    // finding.
    std::vector<std::string> kinds = Kinds(Findings({first, renewal}));
    std::erase(kinds, "observed_in_future at 2");
    return kinds;
  };

  EXPECT_THAT(with_renewal_from("2026-06-09", "2026-06-09"), IsEmpty());
  EXPECT_THAT(with_renewal_from("2026-06-10", "2026-06-09"), IsEmpty());
  EXPECT_THAT(with_renewal_from("2026-06-11", "2026-06-09"),
              ElementsAre("expires_soon at 1"));
  // Expired, and the next is known.
  EXPECT_THAT(with_renewal_from("2026-06-11", "2026-05-31"), IsEmpty());
}

TEST(CheckCatalogueRowsTest, FindsRowsThatContradictEachOther) {
  const auto row = [](ServiceState state, const char* from, const char* until,
                      Milestone milestone = Milestone::kNotSaid,
                      const char* version = "") {
    return Spec{.version = version,
                .state = state,
                .from = from,
                .until = until,
                .observed_on = "2026-05-15",
                .reference = "decision 1",
                .milestone = milestone};
  };
  constexpr ServiceState kQualified = ServiceState::kQualified;
  struct Case {
    const char* what;
    std::vector<Spec> rows;
    bool contradicts;
  };
  const Case cases[] = {
      {"one day is shared",
       {row(kCandidate, "2024-01-01", "2025-01-01"),
        row(kQualified, "2025-01-01", "2027-12-31")},
       false},
      {"two days are shared",
       {row(kCandidate, "2024-01-01", "2025-01-02"),
        row(kQualified, "2025-01-01", "2027-12-31")},
       true},
      {"an open end is where the next begins",
       {row(kCandidate, "2024-01-01", ""), row(kQualified, "2025-01-01", "")},
       false},
      {"two states begin on one day",
       {row(kCandidate, "2025-01-01", ""), row(kQualified, "2025-01-01", "")},
       true},
      {"a suspension within the qualification",
       {row(kQualified, "2024-01-01", "2027-12-31"),
        row(kSuspended, "2025-01-01", "2025-06-30")},
       false},
      {"a withdrawal within the qualification",
       {row(kQualified, "2024-01-01", "2027-12-31"),
        row(kWithdrawn, "2025-01-01", "")},
       true},
      {"a renewal before the end",
       {row(kQualified, "2024-01-01", "2026-12-31"),
        row(kQualified, "2026-01-01", "2029-12-31")},
       false},
      {"two versions at once",
       {row(kQualified, "2024-01-01", "2026-12-31", Milestone::kNotSaid, "3.1"),
        row(kQualified, "2026-01-01", "2029-12-31", Milestone::kNotSaid,
            "3.2")},
       true},
      {"two milestones at once",
       {row(kCandidate, "2024-01-01", "2026-12-31", Milestone::kJ0),
        row(kCandidate, "2026-01-01", "", Milestone::kJ1)},
       true},
      {"a milestone that is not said",
       {row(kCandidate, "2024-01-01", "2026-12-31", Milestone::kJ0),
        row(kCandidate, "2026-01-01", "")},
       false},
      {"not with the neighbour, but with the row before it",
       {row(kCandidate, "2024-01-01", "2026-12-31"),
        row(kCandidate, "2025-01-01", "2025-01-31"),
        row(kQualified, "2026-01-01", "2029-12-31")},
       true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const std::string last = std::to_string(c.rows.size());
    const std::vector<std::string> kinds = Kinds(Findings(c.rows));

    EXPECT_EQ(
        std::count(kinds.begin(), kinds.end(), "contradiction at " + last),
        c.contradicts ? 1 : 0)
        << ::testing::PrintToString(kinds);
  }
}

// Found while the embedded catalogue was looked through: a candidate's row
// without an end made the service a candidate again once it had expired.
TEST(CheckCatalogueRowsTest, FindsARowThatReturnsAfterALaterOneHasEnded) {
  Spec candidate = Sound();
  candidate.state = kCandidate;
  candidate.from = "2024-01-01";
  candidate.until = "";
  Spec suspended = Sound();
  suspended.state = kSuspended;
  suspended.from = "2026-01-01";
  suspended.until = "2026-12-31";
  Spec open = Sound();
  open.until = "";

  const auto found = Findings({candidate, Sound()});

  EXPECT_THAT(Kinds(found), ElementsAre("returns at 1"));
  EXPECT_THAT(found[0].what, HasSubstr("line 2 has ended on 2027-12-31"));
  // The later one has no end either.
  EXPECT_THAT(Kinds(Findings({candidate, open})), ElementsAre("no_dates at 2"));
  // After a suspension the qualification shall return.
  EXPECT_THAT(Kinds(Findings({open, suspended})), ElementsAre("no_dates at 1"));
}

TEST(CheckCatalogueRowsTest, LooksAtRowsThatMakeNoCatalogue) {
  Spec withdrawn = Sound();
  withdrawn.state = kWithdrawn;
  withdrawn.from = "2024-01-01";
  withdrawn.until = "2024-12-31";
  Spec other = Sound();
  other.from = "2025-02-01";
  other.provider = "Other";
  other.reference = "";

  EXPECT_THAT(Kinds(Findings({withdrawn, Sound(), other})),
              ElementsAre("impossible_step at 2", "another_service at 3",
                          "no_reference at 3"));
}

TEST(CheckCatalogueRowsTest, SaysNothingElseOfAServiceWithTooManyRows) {
  std::vector<Spec> rows(kMaxRowsOfService + 1, Sound());
  rows.front().reference = "";

  EXPECT_THAT(Kinds(Findings(rows)), ElementsAre("too_many_rows at 1"));
}

// What ASNs say of ranges of service "s".
std::vector<std::string> RangeFindings(const FactsBuilder& facts) {
  const auto built = facts.Build();
  std::vector<std::string> found;
  for (const CatalogueFinding& finding : CheckServiceRanges(
           built->ranges.rows(), built->asn[0].file->WalkAsns().value())) {
    EXPECT_EQ(finding.file, "ranges.csv");
    EXPECT_EQ(finding.service_id, "s");
    found.push_back(std::string(InfoOf(finding.kind).name) + " at " +
                    std::to_string(finding.line) + ": " + finding.what);
  }
  return found;
}

TEST(CheckServiceRangesTest, FindsRangesThatAreWiderThanTheirService) {
  const FactsBuilder facts =
      FactsBuilder()
          .Asn("192.0.2.0/25", 64496, "Acme")
          .Asn("192.0.2.128/25", 64497, "Other")
          .Asn("198.51.100.0/25", 64496, "Acme")
          .Asn("203.0.113.0/24", 64497, "Other")
          .Asn("2001:db8::/32", 64496, "Acme")
          .Service({.id = "s"})
          .Range({.prefix = "192.0.2.0/24", .service_id = "s"})
          .Range({.prefix = "192.0.2.0/25", .service_id = "s"})
          .Range({.prefix = "198.51.100.0/24", .service_id = "s"})
          .Range({.prefix = "198.51.100.128/25", .service_id = "s"})
          .Range({.prefix = "203.0.113.9/32", .service_id = "s"})
          .Range({.prefix = "2001:db8:42::/48", .service_id = "s"})
          .Range({.prefix = "2001:db8::/31", .service_id = "s"})
          // Without a service a range proves nothing.
          .Range({.prefix = "192.0.0.0/16"});

  EXPECT_THAT(
      RangeFindings(facts),
      ElementsAre("range_of_several at 1: 192.0.2.0/24 is announced by 2 ASNs: "
                  "AS64496 Acme, AS64497 Other",
                  "range_unannounced at 3: 198.51.100.0/24 is announced in "
                  "part only, by AS64496 Acme",
                  "range_unannounced at 4: 198.51.100.128/25 is announced by "
                  "no ASN",
                  "range_unannounced at 7: 2001:db8::/31 is announced in part "
                  "only, by AS64496 Acme"));
}

TEST(CheckServiceRangesTest, NamesEightAsnsAndCountsTheOthers) {
  FactsBuilder facts;
  facts.Service({.id = "s"});
  facts.Range({.prefix = "192.0.2.0/24", .service_id = "s"});
  for (uint32_t i = 0; i < 16; ++i) {
    facts.Asn("192.0.2." + std::to_string(i * 16) + "/28", 64496 + i);
  }

  EXPECT_THAT(
      RangeFindings(facts),
      ElementsAre("range_of_several at 1: 192.0.2.0/24 is announced by 16 "
                  "ASNs: AS64496, AS64497, AS64498, AS64499, AS64500, AS64501, "
                  "AS64502, AS64503, 8 more"));
}

}  // namespace
}  // namespace octroi
