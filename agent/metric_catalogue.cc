// SPDX-License-Identifier: Apache-2.0
#include "agent/metric_catalogue.h"

#include <algorithm>

namespace octroi {

std::string_view MetricKindName(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kGauge:
      return "gauge";
    case MetricKind::kInfo:
      return "info";
  }
  return "gauge";
}

std::vector<std::string_view> LabelsOf(const MetricInfo& info) {
  constexpr std::string_view kSeparator = ", ";
  std::vector<std::string_view> labels;
  std::string_view rest = info.labels;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(kSeparator), rest.size());
    labels.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + kSeparator.size(), rest.size()));
  }
  return labels;
}

}  // namespace octroi
