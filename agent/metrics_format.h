// SPDX-License-Identifier: Apache-2.0
// The texts that a scrape can ask for. Plain values.
#pragma once

#include <cstdint>

namespace octroi {

enum class MetricsFormat : uint8_t {
  kText,         // Prometheus' text format 0.0.4
  kOpenMetrics,  // OpenMetrics 1.0.0
  kCount,
};

}  // namespace octroi
