// SPDX-License-Identifier: Apache-2.0
#include "agent/metric_catalogue.h"

#include <algorithm>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MetricCatalogueTest, NamesEachMetricOnceAndByTheRules) {
  std::set<std::string_view> names;
  for (const MetricInfo& info : kMetrics) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(info.name.starts_with("octroi_") ||
                info.name.starts_with("process_"))
        << info.name;
    EXPECT_EQ(info.name.ends_with("_total"), info.kind == MetricKind::kCounter)
        << info.name;
    EXPECT_EQ(info.name.ends_with("_info"), info.kind == MetricKind::kInfo)
        << info.name;
    EXPECT_FALSE(info.meaning.empty()) << info.name;
    EXPECT_GT(info.max_series, 0u) << info.name;
  }
}

// OpenMetrics 1.0.0: a unit is the end of the family's name.
TEST(MetricCatalogueTest, PutsTheUnitAtTheEndOfTheName) {
  for (const MetricInfo& info : kMetrics) {
    if (info.unit.empty()) continue;
    std::string_view family = info.name;
    if (info.kind == MetricKind::kCounter) {
      family.remove_suffix(std::string_view("_total").size());
    }
    EXPECT_TRUE(family.ends_with("_" + std::string(info.unit))) << info.name;
  }
}

TEST(MetricCatalogueTest, SplitsTheLabels) {
  EXPECT_THAT(
      LabelsOf(InfoOf(MetricId::kEgressBytes)),
      ElementsAre("workload", "opened_by", "verdict", "regime", "country"));
  EXPECT_THAT(LabelsOf(InfoOf(MetricId::kReloads)), ElementsAre("result"));
  EXPECT_THAT(LabelsOf(InfoOf(MetricId::kWorkers)), IsEmpty());
}

TEST(MetricCatalogueTest, StaysBelowTheCeilingOfAScrape) {
  EXPECT_LE(MaxSeriesOfAll(), 2000u);
  EXPECT_EQ(kViolationReasonCount, 22u);
}

}  // namespace
}  // namespace octroi
