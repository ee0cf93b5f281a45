// SPDX-License-Identifier: Apache-2.0
// What is served where: /metrics, /-/healthy, /-/ready, / and a list of these
// for everything else. The handler of HttpServer.
//
// However many scrapes come at once, a scrape waits for two writings of the
// metrics at most: those whose request was complete before a writing began get
// the same copy, which is as new as one of their own.
//
// Thread safety: Handle is called by one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "agent/http_server.h"
#include "agent/metrics_format.h"

namespace octroi {

struct MetricsEndpointParts {
  std::function<std::string(MetricsFormat)> write_metrics;
  // Packets are received and every worker moves.
  std::function<bool()> is_ready;
};

class MetricsEndpoint {
 public:
  explicit MetricsEndpoint(MetricsEndpointParts parts);

  HttpResponse Handle(const HttpRequest& request);

 private:
  // What was written last.
  struct Written {
    int64_t begun_ns = 0;  // CLOCK_MONOTONIC; 0: nothing yet.
    std::shared_ptr<const std::string> text;
  };

  HttpResponse Metrics(const HttpRequest& request);

  const MetricsEndpointParts parts_;
  const std::shared_ptr<const std::string> landing_page_;
  std::array<Written, static_cast<size_t>(MetricsFormat::kCount)> written_;
};

}  // namespace octroi
