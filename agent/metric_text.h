// SPDX-License-Identifier: Apache-2.0
// What a scrape gets: metric families as text, in the two formats that
// Prometheus asks for. Free functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "agent/metrics_format.h"
#include "prometheus/metric_family.h"

namespace octroi {

// REQUIRES: every family is one of kMetrics (metric_catalogue.h).
std::string SerializeMetrics(
    const std::vector<prometheus::MetricFamily>& families,
    MetricsFormat format);

}  // namespace octroi
