// SPDX-License-Identifier: Apache-2.0
#include "agent/http_negotiation.h"

#include "gtest/gtest.h"

namespace octroi {
namespace {

TEST(HttpNegotiationTest, CompressesForWhoeverSaysSoAndNobodyElse) {
  const struct {
    const char* header;
    bool accepts;
  } cases[] = {
      {"", false},
      {"gzip", true},
      {"GZip", true},
      {"x-gzip", true},
      {"gzip;q=0", false},
      {"gzip; q=0.000", false},
      {"gzip;q=0.001", true},
      {"gzip;q=1.000", true},
      {"gzip;q=2", false},
      {"gzip;q=", false},
      {"gzip;q=nonsense", false},
      {"deflate, gzip;q=0.5, br", true},
      {"deflate, br", false},
      {"*", true},
      {"*;q=0", false},
      {"gzip;q=0, *", false},
      {"*;q=0, gzip", true},
      {"identity", false},
      {",,;;=,", false},
      {"gzipped", false},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(AcceptsGzip(test.header), test.accepts) << test.header;
  }
}

TEST(HttpNegotiationTest, PrefersOpenMetricsWhereItIsNamedFirst) {
  const struct {
    const char* header;
    bool prefers;
  } cases[] = {
      {"", false},
      {"*/*", false},
      {"application/*", false},
      {"text/html,application/xhtml+xml,*/*;q=0.8", false},
      {"application/openmetrics-text", true},
      {"Application/OpenMetrics-Text;Version=1.0.0", true},
      {"application/openmetrics-text;version=0.0.1", false},
      {"application/openmetrics-text;q=0", false},
      // As Prometheus 2.42 asks, and as it asks for text alone.
      {"application/openmetrics-text;version=1.0.0,"
       "application/openmetrics-text;version=0.0.1;q=0.75,"
       "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       true},
      {"text/plain;version=0.0.4;q=1,*/*;q=0.1", false},
      {"application/openmetrics-text;q=0.2, text/plain;q=0.7", false},
      {"text/plain;q=0.2, application/openmetrics-text;q=0.7", true},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(PrefersOpenMetrics(test.header), test.prefers) << test.header;
  }
}

}  // namespace
}  // namespace octroi
