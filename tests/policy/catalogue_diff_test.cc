// SPDX-License-Identifier: Apache-2.0
#include "policy/catalogue_diff.h"

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
using ::testing::IsEmpty;
using Spec = FactsBuilder::ServiceSpec;

constexpr ServiceState kCandidate = ServiceState::kInQualification;

Catalogue CatalogueOf(const std::vector<Spec>& rows) {
  FactsBuilder facts;
  for (const Spec& row : rows) facts.Service(row);
  return Catalogue::Create(facts.services()).value();
}

// "service: change: before -> after", each.
std::vector<std::string> Changes(const std::vector<Spec>& before,
                                 const std::vector<Spec>& after) {
  std::vector<std::string> changes;
  for (const CatalogueChange& change :
       DiffCatalogues(CatalogueOf(before), CatalogueOf(after)).changes) {
    changes.push_back(change.service_id + ": " +
                      std::string(ChangeName(change.kind)) + ": " +
                      change.before + " -> " + change.after);
  }
  return changes;
}

const Spec kQualified = {.id = "s",
                         .from = "2025-01-01",
                         .until = "2027-12-31",
                         .observed_on = "2026-01-01",
                         .reference = "decision 1"};
const Spec kApplied = {.id = "s",
                       .state = kCandidate,
                       .from = "2024-01-01",
                       .observed_on = "2024-01-01"};

TEST(DiffCataloguesTest, FindsNoChangeWhereRowsSayTheSame) {
  Spec observed_again = kQualified;
  observed_again.observed_on = "2026-02-01";

  EXPECT_THAT(Changes({kQualified}, {kQualified}), IsEmpty());
  EXPECT_THAT(Changes({kQualified}, {observed_again}), IsEmpty());
  EXPECT_THAT(Changes({}, {}), IsEmpty());
  // Neither does the order of the file count.
  EXPECT_THAT(Changes({kApplied, kQualified}, {kQualified, kApplied}),
              IsEmpty());
}

TEST(DiffCataloguesTest, SaysWhatWasAddedAndRemoved) {
  EXPECT_THAT(
      Changes({}, {kQualified}),
      ElementsAre(
          "s: added:  -> qualified, 2025-01-01 to 2027-12-31, decision 1",
          "s: became_qualified:  -> qualified"));
  EXPECT_THAT(
      Changes({kQualified}, {}),
      ElementsAre(
          "s: removed: qualified, 2025-01-01 to 2027-12-31, decision 1 -> ",
          "s: lapsed: qualified -> "));
  EXPECT_THAT(
      Changes({}, {kApplied}),
      ElementsAre("s: added:  -> in_qualification, 2024-01-01 to not known"));
}

TEST(DiffCataloguesTest, SaysThatAServiceBecameQualified) {
  Spec ended = kApplied;
  ended.until = "2025-01-01";

  EXPECT_THAT(
      Changes({kApplied}, {ended, kQualified}),
      ElementsAre(
          "s: became_qualified: in_qualification -> qualified",
          "s: dates: 2024-01-01 to not known -> 2025-01-01 to 2027-12-31",
          "s: reference:  -> decision 1",
          "s: row_added:  -> in_qualification, 2024-01-01 to 2025-01-01, "
          "version 3.2",
          "s: row_added:  -> qualified, 2025-01-01 to 2027-12-31, version 3.2, "
          "decision 1",
          "s: row_removed: in_qualification, 2024-01-01 to not known, version "
          "3.2 -> "));
}

TEST(DiffCataloguesTest, SaysThatAQualificationLapsed) {
  Spec withdrawn = kQualified;
  withdrawn.state = ServiceState::kWithdrawn;
  withdrawn.from = "2026-03-01";
  withdrawn.until = "";
  withdrawn.observed_on = "2026-03-01";
  withdrawn.reference = "";
  // Another service says that the second catalogue is of a later day.
  const Spec other = {
      .id = "z", .state = kCandidate, .observed_on = "2025-01-01"};
  Spec other_later = other;
  other_later.observed_on = "2028-01-01";

  EXPECT_THAT(Changes({kQualified}, {kQualified, withdrawn}),
              ElementsAre("s: lapsed: qualified -> withdrawn",
                          "s: dates: 2025-01-01 to 2027-12-31 -> 2026-03-01 to "
                          "not known",
                          "s: reference: decision 1 -> ",
                          "s: row_added:  -> withdrawn, 2026-03-01 to not "
                          "known, version 3.2"));
  // Expired: the row is the same, the day is not.
  EXPECT_THAT(Changes({kQualified, other}, {kQualified, other, other_later}),
              ElementsAre("s: lapsed: qualified -> expired",
                          "z: row_added:  -> in_qualification, observed "
                          "2028-01-01, not known to not known, version 3.2"));
}

TEST(DiffCataloguesTest, SaysEveryOtherChangeWithBothSides) {
  struct Case {
    void (*change)(Spec* row);
    const char* expected;
  };
  const Case cases[] = {
      {[](Spec* row) { row->until = "2028-12-31"; },
       "s: dates: 2025-01-01 to 2027-12-31 -> 2025-01-01 to 2028-12-31"},
      {[](Spec* row) { row->version = "3.1"; }, "s: version: 3.2 -> 3.1"},
      {[](Spec* row) { row->reference = ""; }, "s: reference: decision 1 -> "},
      {[](Spec* row) { row->name = "Cloud"; },
       "s: scope: Acme, Service s, IaaS, SecNumCloud -> Acme, Cloud, IaaS, "
       "SecNumCloud"},
      {[](Spec* row) { row->type = "PaaS"; },
       "s: scope: Acme, Service s, IaaS, SecNumCloud -> Acme, Service s, PaaS, "
       "SecNumCloud"},
      {[](Spec* row) { row->provider = "Zeta"; },
       "s: scope: Acme, Service s, IaaS, SecNumCloud -> Zeta, Service s, IaaS, "
       "SecNumCloud"},
  };
  for (const Case& c : cases) {
    Spec changed = kQualified;
    c.change(&changed);
    const std::vector<std::string> changes = Changes({kQualified}, {changed});

    ASSERT_FALSE(changes.empty()) << c.expected;
    EXPECT_EQ(changes[0], c.expected);
  }
}

TEST(DiffCataloguesTest, SaysThatAMilestoneChanged) {
  Spec first = kApplied;
  first.milestone = Milestone::kJ0;
  Spec second = kApplied;
  second.milestone = Milestone::kJ1;

  EXPECT_EQ(Changes({first}, {second}).at(0),
            "s: state: in_qualification J0 -> in_qualification J1");
}

// A row of the past decides nothing today, and is said all the same.
TEST(DiffCataloguesTest, SaysThatAnotherRowThanTheDecidingOneChanged) {
  Spec ended = kApplied;
  ended.until = "2024-12-31";

  EXPECT_THAT(Changes({ended, kQualified}, {kQualified}),
              ElementsAre("s: row_removed: in_qualification, 2024-01-01 to "
                          "2024-12-31, version 3.2 -> "));
}

TEST(DiffCataloguesTest, TakesEachCatalogueAtItsNewestObservation) {
  const CatalogueDiff diff =
      DiffCatalogues(CatalogueOf({kApplied}), CatalogueOf({kQualified}));

  EXPECT_EQ(diff.before_day, DayFrom("2024-01-01"));
  EXPECT_EQ(diff.after_day, DayFrom("2026-01-01"));
  EXPECT_EQ(DiffCatalogues(Catalogue(), Catalogue()).before_day, std::nullopt);
}

TEST(DiffCataloguesTest, SortsByProviderAndService) {
  EXPECT_THAT(
      Changes({},
              {{.id = "b", .provider = "B", .state = kCandidate, .name = "x"},
               {.id = "c", .provider = "A", .state = kCandidate, .name = "y"},
               {.id = "a", .provider = "A", .state = kCandidate, .name = "z"}}),
      ElementsAre("c: added:  -> in_qualification, not known to not known",
                  "a: added:  -> in_qualification, not known to not known",
                  "b: added:  -> in_qualification, not known to not known"));
}

}  // namespace
}  // namespace octroi
