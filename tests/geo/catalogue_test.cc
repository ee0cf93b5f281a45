// SPDX-License-Identifier: Apache-2.0
#include "geo/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/support/facts_builder.h"

namespace octroi {
namespace {

using ::testing::AllOf;
using testing::DayFrom;
using ::testing::ElementsAre;
using testing::FactsBuilder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Catalogue CatalogueOf(const FactsBuilder& facts) {
  return Catalogue::Create(facts.services()).value();
}

std::string ErrorOf(const FactsBuilder& facts) {
  const auto catalogue = Catalogue::Create(facts.services());
  return catalogue.ok() ? "accepted"
                        : std::string(catalogue.status().message());
}

TEST(ServiceStateTest, HasANameThatIsReadBack) {
  for (const auto& [state, name] :
       {std::pair{ServiceState::kNone, "none"},
        {ServiceState::kInQualification, "in_qualification"},
        {ServiceState::kQualified, "qualified"},
        {ServiceState::kSuspended, "suspended"},
        {ServiceState::kWithdrawn, "withdrawn"}}) {
    EXPECT_EQ(StateName(state), name);
    EXPECT_EQ(ParseServiceState(name), state);
  }
  EXPECT_FALSE(ParseServiceState("").has_value());
  EXPECT_FALSE(ParseServiceState("expired").has_value());
}

TEST(CatalogueTest, GathersTheRowsOfAServiceInTheOrderOfTime) {
  const Catalogue catalogue = CatalogueOf(
      FactsBuilder()
          .Service({.id = "iaas", .from = "2025-01-01", .until = "2027-12-31"})
          .Service({.id = "saas", .type = "SaaS", .from = "2024-01-01"})
          // Known from the day on which it was observed.
          .Service({.id = "iaas",
                    .state = ServiceState::kInQualification,
                    .until = "2025-01-01",
                    .observed_on = "2023-06-01"}));

  ASSERT_EQ(catalogue.services().size(), 2u);
  const Service& iaas = catalogue.service(catalogue.Find("iaas"));
  ASSERT_EQ(iaas.rows.size(), 2u);
  EXPECT_EQ(iaas.rows[0].state, ServiceState::kInQualification);
  EXPECT_EQ(iaas.rows[0].known_from(), DayFrom("2023-06-01"));
  EXPECT_EQ(iaas.rows[1].known_from(), DayFrom("2025-01-01"));
  EXPECT_EQ(catalogue.Find("paas"), Catalogue::kNone);
}

TEST(CatalogueTest, ListsTheServicesOfAProvider) {
  const Catalogue catalogue =
      CatalogueOf(FactsBuilder()
                      .Service({.id = "a-iaas", .provider = "A"})
                      .Service({.id = "b-iaas", .provider = "B"})
                      .Service({.id = "a-iaas",
                                .provider = "A",
                                .state = ServiceState::kWithdrawn,
                                .from = "2026-01-01"})
                      .Service({.id = "a-saas", .provider = "A"}));

  EXPECT_THAT(catalogue.ServicesOf("A"),
              ElementsAre(catalogue.Find("a-iaas"), catalogue.Find("a-saas")));
  EXPECT_THAT(catalogue.ServicesOf("C"), IsEmpty());
  EXPECT_THAT(Catalogue().ServicesOf(""), IsEmpty());
}

TEST(CatalogueTest, RefusesAServiceThatIsTwoServices) {
  const FactsBuilder::ServiceSpec first = {.id = "iaas"};
  std::vector<FactsBuilder::ServiceSpec> others(3, first);
  others[0].provider = "Other";
  others[1].type = "SaaS";
  others[2].scheme = "BSI C5";

  for (const FactsBuilder::ServiceSpec& other : others) {
    EXPECT_THAT(ErrorOf(FactsBuilder().Service(first).Service(other)),
                AllOf(HasSubstr("line 2: iaas"), HasSubstr("line 1")));
  }
  EXPECT_EQ(ErrorOf(FactsBuilder().Service(first).Service(first)), "accepted");
}

TEST(CatalogueTest, RefusesAnIntervalThatEndsBeforeItBegins) {
  EXPECT_THAT(ErrorOf(FactsBuilder().Service(
                  {.id = "iaas", .from = "2025-01-02", .until = "2025-01-01"})),
              AllOf(HasSubstr("line 1: iaas"), HasSubstr("2025-01-01"),
                    HasSubstr("2025-01-02")));
  // Without a start the row would never be known to hold.
  EXPECT_THAT(
      ErrorOf(FactsBuilder().Service(
          {.id = "iaas", .until = "2025-01-01", .observed_on = "2025-01-02"})),
      HasSubstr("before it is known to hold"));
  EXPECT_EQ(ErrorOf(FactsBuilder().Service(
                {.id = "iaas", .from = "2025-01-01", .until = "2025-01-01"})),
            "accepted");
}

TEST(MilestoneTest, HasANameThatIsReadBackAndAnOrder) {
  Milestone before = Milestone::kNotSaid;
  for (const char* name : {"", "J0", "J1", "J2", "J3"}) {
    const std::optional<Milestone> milestone = ParseMilestone(name);
    ASSERT_TRUE(milestone.has_value()) << name;
    EXPECT_EQ(MilestoneName(*milestone), name);
    EXPECT_GE(*milestone, before);
    before = *milestone;
  }
  EXPECT_FALSE(ParseMilestone("J4").has_value());
  EXPECT_FALSE(ParseMilestone("j1").has_value());
}

using Spec = FactsBuilder::ServiceSpec;
constexpr ServiceState kNone = ServiceState::kNone;
constexpr ServiceState kCandidate = ServiceState::kInQualification;
constexpr ServiceState kQualified = ServiceState::kQualified;
constexpr ServiceState kSuspended = ServiceState::kSuspended;
constexpr ServiceState kWithdrawn = ServiceState::kWithdrawn;

// "accepted", or why the rows of service "s" are no catalogue.
std::string Verdict(std::vector<Spec> rows) {
  FactsBuilder facts;
  for (Spec& row : rows) {
    row.id = "s";
    facts.Service(row);
  }
  return ErrorOf(facts);
}

// The state machine, written down once more: every pair of states, where the
// first is open and where it has ended on the day before the second begins.
TEST(CatalogueTest, AcceptsTheStepsOfTheStateMachineAndNoOthers) {
  struct Case {
    ServiceState state;
    ServiceState next;
    bool when_open;
    bool when_ended;
  };
  const Case cases[] = {
      {kNone, kNone, true, true},
      {kNone, kCandidate, true, true},
      {kNone, kQualified, true, true},
      {kNone, kSuspended, false, false},
      {kNone, kWithdrawn, false, false},
      {kCandidate, kNone, true, true},
      {kCandidate, kCandidate, true, true},
      {kCandidate, kQualified, true, true},
      {kCandidate, kSuspended, false, false},
      {kCandidate, kWithdrawn, true, true},
      {kQualified, kNone, false, true},
      {kQualified, kCandidate, false, true},
      {kQualified, kQualified, true, true},
      {kQualified, kSuspended, true, true},
      {kQualified, kWithdrawn, true, true},
      {kSuspended, kNone, false, true},
      {kSuspended, kCandidate, false, true},
      {kSuspended, kQualified, true, true},
      {kSuspended, kSuspended, true, true},
      {kSuspended, kWithdrawn, true, true},
      {kWithdrawn, kNone, true, true},
      {kWithdrawn, kCandidate, true, true},
      {kWithdrawn, kQualified, false, false},
      {kWithdrawn, kSuspended, false, false},
      {kWithdrawn, kWithdrawn, true, true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(StateName(c.state)) + " to " +
                 std::string(StateName(c.next)));
    const Spec second = {.state = c.next, .from = "2025-01-01"};
    const Spec open = {.state = c.state, .from = "2024-01-01"};
    Spec ended = open;
    ended.until = "2024-12-31";

    EXPECT_EQ(Verdict({open}), "accepted");
    EXPECT_EQ(Verdict({open, second}) == "accepted", c.when_open);
    EXPECT_EQ(Verdict({ended, second}) == "accepted", c.when_ended);
    // The order of the file does not matter, that of time does.
    EXPECT_EQ(Verdict({second, open}) == "accepted", c.when_open);
  }
}

TEST(CatalogueTest, AsksThatTheWholeQualificationHasEndedBeforeAnApplication) {
  const Spec qualified = {
      .state = kQualified, .from = "2022-01-01", .until = "2025-01-01"};
  const Spec suspended = {
      .state = kSuspended, .from = "2023-01-01", .until = "2023-06-30"};
  const auto candidate = [](const char* from) {
    return Spec{.state = kCandidate, .from = from};
  };

  // The day on which one ends and the next begins belongs to the next.
  EXPECT_EQ(Verdict({qualified, candidate("2025-01-01")}), "accepted");
  EXPECT_THAT(Verdict({qualified, candidate("2024-12-31")}),
              AllOf(HasSubstr("line 2: s "), HasSubstr("qualified (line 1)"),
                    HasSubstr("holds until 2025-01-01"),
                    HasSubstr("accepted is qualified, suspended or withdrawn, "
                              "or an `until` of line 1")));
  // The suspension has ended, what it suspended has not.
  EXPECT_THAT(Verdict({qualified, suspended, candidate("2024-01-01")}),
              HasSubstr("qualified (line 1)"));
  EXPECT_EQ(Verdict({qualified, suspended, candidate("2025-01-02")}),
            "accepted");
  // What was withdrawn does not count.
  EXPECT_EQ(Verdict({qualified,
                     {.state = kWithdrawn, .from = "2023-01-01"},
                     candidate("2024-01-01")}),
            "accepted");
}

TEST(CatalogueTest, LetsAMilestoneOfAnApplicationNeverGoBack) {
  const auto row = [](const char* from, Milestone milestone,
                      ServiceState state = kCandidate) {
    return Spec{.state = state, .from = from, .milestone = milestone};
  };
  using enum Milestone;

  EXPECT_EQ(Verdict({row("2024-01-01", kJ0), row("2024-06-01", kJ0),
                     row("2025-01-01", kNotSaid), row("2025-02-01", kJ2)}),
            "accepted");
  EXPECT_THAT(
      Verdict({row("2024-01-01", kJ2), row("2024-06-01", kJ1)}),
      AllOf(HasSubstr("line 2: s milestone J1 from 2024-06-01"),
            HasSubstr("cannot follow J2 (line 1)"), HasSubstr("accepted")));
  // A row that does not say its milestone hides nothing.
  EXPECT_THAT(Verdict({row("2024-01-01", kJ2), row("2024-06-01", kNotSaid),
                       row("2025-01-01", kJ0)}),
              HasSubstr("cannot follow J2 (line 1)"));
  // Another application begins anew.
  for (const ServiceState end : {kNone, kWithdrawn}) {
    EXPECT_EQ(Verdict({row("2024-01-01", kJ2), row("2024-06-01", kNotSaid, end),
                       row("2025-01-01", kJ0)}),
              "accepted");
  }
}

TEST(CatalogueTest, SaysWhatIsAcceptedAfterAState) {
  EXPECT_EQ(Verdict({{.state = kWithdrawn, .from = "2024-01-01"},
                     {.state = kQualified, .from = "2025-01-01"}}),
            "line 2: s qualified from 2025-01-01 cannot follow withdrawn (line "
            "1); after withdrawn, accepted is none, in_qualification or "
            "withdrawn");
}

TEST(FindCatalogueProblemsTest, FindsEveryProblemInTheOrderOfLines) {
  const FactsBuilder facts =
      FactsBuilder()
          .Service({.id = "a", .state = kWithdrawn, .from = "2024-01-01"})
          .Service({.id = "b", .from = "2024-02-02", .until = "2024-02-01"})
          .Service({.id = "a", .state = kQualified, .from = "2024-03-01"})
          .Service({.id = "b", .provider = "Other", .from = "2025-01-01"});

  const auto problems = FindCatalogueProblems(GatherServices(facts.services()));

  using Kind = CatalogueProblem::Kind;
  ASSERT_EQ(problems.size(), 3u);
  const std::tuple<int, const char*, Kind> expected[] = {
      {2, "b", Kind::kEndsBeforeItBegins},
      {3, "a", Kind::kImpossibleStep},
      {4, "b", Kind::kAnotherService}};
  for (size_t i = 0; i < problems.size(); ++i) {
    const auto& [line, service_id, kind] = expected[i];
    EXPECT_EQ(problems[i].line, line);
    EXPECT_EQ(problems[i].service_id, service_id);
    EXPECT_EQ(problems[i].kind, kind);
  }
}

TEST(FindCatalogueProblemsTest, RefusesAServiceWithTooManyRows) {
  FactsBuilder facts;
  for (size_t i = 0; i < kMaxRowsOfService; ++i) facts.Service({.id = "s"});
  EXPECT_EQ(ErrorOf(facts), "accepted");

  facts.Service({.id = "s"});

  EXPECT_THAT(ErrorOf(facts), HasSubstr("1001 rows; accepted is 1000"));
}

}  // namespace
}  // namespace octroi
