// SPDX-License-Identifier: Apache-2.0
#include "policy/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "policy/workload_index.h"
#include "tests/support/facts_builder.h"

namespace octroi {
namespace {

using ::testing::AllOf;
using testing::DayFrom;
using ::testing::HasSubstr;
using testing::Prefix;

Workload Named(std::string name, std::vector<std::string> prefixes,
               bool covers_any = false) {
  Workload workload;
  workload.name = std::move(name);
  for (const std::string& prefix : prefixes) {
    workload.addresses.push_back(Prefix(prefix));
  }
  workload.covers_any = covers_any;
  return workload;
}

std::string ErrorOf(std::vector<Workload> workloads) {
  Policy policy;
  policy.workloads = std::move(workloads);
  const absl::Status status = CheckPolicy(policy);
  return status.ok() ? "accepted" : std::string(status.message());
}

TEST(PolicyTest, RequiresTheEuOfEverythingByDefault) {
  const Policy policy = DefaultPolicy();

  EXPECT_TRUE(CheckPolicy(policy).ok());
  EXPECT_FALSE(policy.undetermined_is_violation);
  ASSERT_EQ(policy.workloads.size(), 1u);
  const Workload& everything = policy.workloads[0];
  EXPECT_EQ(everything.name, "everything");
  EXPECT_TRUE(everything.covers_any);
  EXPECT_EQ(everything.requirement.location,
            (LocationRequirement{Regime::kEu, {}}));
  EXPECT_FALSE(everything.requirement.applies_to_any);
  EXPECT_FALSE(everything.requirement.requires_eu_control);
  EXPECT_FALSE(everything.requirement.qualification.has_value());
  EXPECT_FALSE(everything.requirement.minimum_seal.has_value());
  EXPECT_EQ(policy.administration.from.regime, Regime::kEu);
}

TEST(PolicyTest, AcceptsNestedWorkloads) {
  EXPECT_EQ(ErrorOf({Named("a", {"10.0.0.0/8", "2001:db8::/32"}),
                     Named("b", {"10.1.0.0/16"}), Named("rest", {}, true)}),
            "accepted");
  EXPECT_EQ(ErrorOf({}), "accepted");
}

TEST(PolicyTest, RefusesAWorkloadNamedTwice) {
  EXPECT_THAT(ErrorOf({Named("a", {"10.0.0.0/8"}), Named("a", {"11.0.0.0/8"})}),
              AllOf(HasSubstr("\"a\""), HasSubstr("twice")));
}

TEST(PolicyTest, RefusesTheNamesThatMetricsUse) {
  EXPECT_THAT(ErrorOf({Named("other", {"10.0.0.0/8"})}),
              AllOf(HasSubstr("\"other\""), HasSubstr("choose another")));
  EXPECT_THAT(ErrorOf({Named("none", {"10.0.0.0/8"})}),
              AllOf(HasSubstr("\"none\""), HasSubstr("no workload")));
  EXPECT_EQ(ErrorOf({Named("others", {"10.0.0.0/8"})}), "accepted");
}

TEST(PolicyTest, RefusesAPrefixOfTwoWorkloads) {
  EXPECT_THAT(
      ErrorOf({Named("a", {"10.0.0.0/8"}), Named("b", {"10.0.0.0/8"})}),
      AllOf(HasSubstr("10.0.0.0/8"), HasSubstr("\"a\""), HasSubstr("\"b\"")));
  EXPECT_THAT(ErrorOf({Named("a", {"10.0.0.0/8", "10.0.0.0/8"})}),
              HasSubstr("10.0.0.0/8"));
}

TEST(PolicyTest, RefusesTwoWorkloadsThatCoverAny) {
  EXPECT_THAT(ErrorOf({Named("a", {}, true), Named("b", {}, true)}),
              AllOf(HasSubstr("\"a\""), HasSubstr("\"b\""), HasSubstr("any")));
}

TEST(PolicyTest, RefusesMoreThanItsLimits) {
  std::vector<Workload> workloads;
  for (size_t i = 0; i < kMaxWorkloads; ++i) {
    workloads.push_back(Named("w" + std::to_string(i), {}));
  }
  EXPECT_EQ(ErrorOf(workloads), "accepted");
  workloads.push_back(Named("one too many", {}));
  EXPECT_THAT(ErrorOf(workloads), HasSubstr("at most 4096"));

  Workload a = Named("a", {"10.0.0.0/8"});
  Workload b = Named("b", {"11.0.0.0/8"});
  a.exceptions.assign(
      kMaxExceptions,
      {Prefix("192.0.2.0/24"), DayFrom("2026-01-01"), "REF", "reason", 0});
  EXPECT_EQ(ErrorOf({a, b}), "accepted");
  b.exceptions.push_back(a.exceptions.front());
  EXPECT_THAT(ErrorOf({a, b}), HasSubstr("4097 exceptions"));
}

}  // namespace
}  // namespace octroi
