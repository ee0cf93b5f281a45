// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics_endpoint.h"

#include <string>

#include "agent/landing_page.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

using ::testing::HasSubstr;

class MetricsEndpointTest : public ::testing::Test {
 protected:
  MetricsEndpointTest()
      : endpoint_({.write_metrics =
                       [this](MetricsFormat format) {
                         ++written_;
                         return format == MetricsFormat::kText
                                    ? "text " + std::to_string(written_)
                                    : "open " + std::to_string(written_);
                       },
                   .is_ready = [this] { return is_ready_; }}) {}

  HttpResponse Get(const std::string& path, int64_t arrived_ns = 0,
                   const std::string& accept = "") {
    return endpoint_.Handle({path, accept, false, arrived_ns});
  }

  int written_ = 0;
  bool is_ready_ = true;
  MetricsEndpoint endpoint_;
};

TEST_F(MetricsEndpointTest, ServesTheFormatThatIsAskedFor) {
  const HttpResponse text = Get("/metrics");
  const HttpResponse open = Get("/metrics", 0, "application/openmetrics-text");

  EXPECT_EQ(text.status, 200);
  EXPECT_EQ(text.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(*text.body, "text 1");
  EXPECT_EQ(open.content_type,
            "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(*open.body, "open 2");
}

// A thousand scrapes at once cost two writings; none gets numbers that are
// older than its request.
TEST_F(MetricsEndpointTest, WritesOnceForAllWhoAskedBefore) {
  const auto first = Get("/metrics", 1).body;
  for (int64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(Get("/metrics", i).body, first);
  }
  EXPECT_EQ(written_, 1);

  EXPECT_NE(Get("/metrics", INT64_MAX).body, first);

  EXPECT_EQ(written_, 2);
}

TEST_F(MetricsEndpointTest, SaysWhetherItIsReady) {
  EXPECT_EQ(Get("/-/ready").status, 200);
  is_ready_ = false;
  EXPECT_EQ(Get("/-/ready").status, 503);
  EXPECT_EQ(*Get("/-/ready").body, "not ready\n");
  EXPECT_EQ(Get("/-/healthy").status, 200);
}

TEST_F(MetricsEndpointTest, ServesThePageAndSaysWhatElseThereIs) {
  const HttpResponse page = Get("/");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(page.content_security_policy, LandingPagePolicy());
  EXPECT_EQ(*page.body, LandingPage());

  for (const char* path : {"/metric", "/metrics/", "//", "", "/-/"}) {
    const HttpResponse missing = Get(path);
    EXPECT_EQ(missing.status, 404) << path;
    EXPECT_THAT(*missing.body, HasSubstr("/metrics "));
  }
}

}  // namespace
}  // namespace octroi
