// SPDX-License-Identifier: Apache-2.0
#include "geo/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
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

}  // namespace
}  // namespace octroi
