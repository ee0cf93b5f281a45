// SPDX-License-Identifier: Apache-2.0
#include "agent/metric_text.h"

#include <cmath>
#include <limits>
#include <string>

#include "agent/metric_catalogue.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

prometheus::MetricFamily Family(MetricId id) {
  prometheus::MetricFamily family;
  family.name = InfoOf(id).name;
  family.help = InfoOf(id).meaning;
  family.type = InfoOf(id).kind == MetricKind::kCounter
                    ? prometheus::MetricType::Counter
                    : prometheus::MetricType::Gauge;
  return family;
}

prometheus::MetricFamily CounterOf(MetricId id, double value) {
  prometheus::MetricFamily family = Family(id);
  family.metric.emplace_back().counter.value = value;
  return family;
}

prometheus::MetricFamily GaugeOf(MetricId id, double value) {
  prometheus::MetricFamily family = Family(id);
  family.metric.emplace_back().gauge.value = value;
  return family;
}

std::string OpenMetrics(const prometheus::MetricFamily& family) {
  return SerializeMetrics({family}, MetricsFormat::kOpenMetrics);
}

TEST(MetricTextTest, WritesBothFormats) {
  prometheus::MetricFamily family =
      CounterOf(MetricId::kAccountedBytes, 1234567);
  family.metric[0].label = {{"direction", "egress"}};

  EXPECT_EQ(SerializeMetrics({family}, MetricsFormat::kText),
            "# HELP octroi_accounted_bytes_total " +
                std::string(InfoOf(MetricId::kAccountedBytes).meaning) +
                "\n# TYPE octroi_accounted_bytes_total counter\n"
                "octroi_accounted_bytes_total{direction=\"egress\"} 1234567\n");
  EXPECT_EQ(OpenMetrics(family),
            "# TYPE octroi_accounted_bytes counter\n"
            "# UNIT octroi_accounted_bytes bytes\n"
            "# HELP octroi_accounted_bytes " +
                std::string(InfoOf(MetricId::kAccountedBytes).meaning) +
                "\noctroi_accounted_bytes_total{direction=\"egress\"} 1234567\n"
                "# EOF\n");
}

TEST(MetricTextTest, CallsAnInfoWhatEachFormatKnows) {
  prometheus::MetricFamily family = GaugeOf(MetricId::kEditionInfo, 1);
  family.metric[0].label = {{"digest", "9f2c"}};

  EXPECT_THAT(SerializeMetrics({family}, MetricsFormat::kText),
              HasSubstr("# TYPE octroi_edition_info gauge\n"
                        "octroi_edition_info{digest=\"9f2c\"} 1\n"));
  const std::string text = OpenMetrics(family);
  EXPECT_THAT(text, HasSubstr("# TYPE octroi_edition info\n"));
  EXPECT_THAT(text, HasSubstr("\noctroi_edition_info{digest=\"9f2c\"} 1\n"));
  EXPECT_THAT(text, EndsWith("\n# EOF\n"));
}

TEST(MetricTextTest, EscapesWhatALabelMayHold) {
  prometheus::MetricFamily family = GaugeOf(MetricId::kWorkloadInfo, 1);
  family.metric[0].label = {{"workload", "a\\b \"c\"\nd é"}};

  for (const MetricsFormat format :
       {MetricsFormat::kText, MetricsFormat::kOpenMetrics}) {
    EXPECT_THAT(SerializeMetrics({family}, format),
                HasSubstr("{workload=\"a\\\\b \\\"c\\\"\\nd é\"} 1\n"));
  }
}

// Counters are exact as far as a scrape can carry them: up to 2^53.
TEST(MetricTextTest, WritesNumbersThatReadAsTheSame) {
  for (const double number :
       {0.0, 0.1, 1.0 / 3, 1e-7, 9007199254740991.0, 9007199254740992.0,
        1.5e300, 1763825284.25, -4.0}) {
    const prometheus::MetricFamily family =
        GaugeOf(MetricId::kProcessStartTime, number);
    const std::string text = OpenMetrics(family);
    const size_t at = text.find("\nprocess_start_time_seconds ");
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(std::stod(text.substr(text.find(' ', at) + 1)), number) << text;
  }
  for (const double number : {9007199254740991.0, 9007199254740992.0}) {
    EXPECT_THAT(
        SerializeMetrics({CounterOf(MetricId::kFilteredPackets, number)},
                         MetricsFormat::kText),
        HasSubstr("octroi_filtered_packets_total " +
                  std::to_string(static_cast<uint64_t>(number)) + "\n"));
  }
}

TEST(MetricTextTest, WritesWhatIsNotKnownAsNotANumber) {
  const std::string text =
      OpenMetrics(GaugeOf(MetricId::kFlowTableFillRatio, std::nan("")));

  EXPECT_THAT(text, HasSubstr("octroi_flow_table_fill_ratio NaN\n"));
  EXPECT_THAT(text, HasSubstr("# UNIT octroi_flow_table_fill_ratio ratio\n"));
}

}  // namespace
}  // namespace octroi
