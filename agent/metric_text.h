// SPDX-License-Identifier: Apache-2.0
// What a scrape gets: metric families as text, in the two formats that
// Prometheus asks for. Free functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "prometheus/metric_family.h"

namespace octroi {

enum class MetricsFormat : uint8_t {
  kPrometheus,   // Text format 0.0.4.
  kOpenMetrics,  // OpenMetrics 1.0.0.
};

// REQUIRES: every family is one of kMetrics (metric_catalogue.h).
std::string SerializeMetrics(
    const std::vector<prometheus::MetricFamily>& families,
    MetricsFormat format);

}  // namespace octroi
