// SPDX-License-Identifier: Apache-2.0
#include "agent/metric_text.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <iterator>
#include <sstream>
#include <string_view>

#include "agent/metric_catalogue.h"
#include "fmt/format.h"
#include "prometheus/text_serializer.h"

namespace octroi {
namespace {

const MetricInfo& InfoOf(const prometheus::MetricFamily& family) {
  const auto* const found =
      std::find_if(std::begin(kMetrics), std::end(kMetrics),
                   [&](const auto& info) { return info.name == family.name; });
  assert(found != std::end(kMetrics));
  return *found;
}

// In OpenMetrics the family of a counter or an info has no suffix, its samples
// have.
std::string_view FamilyName(const MetricInfo& info) {
  std::string_view name = info.name;
  const std::string_view suffix = info.kind == MetricKind::kCounter ? "_total"
                                  : info.kind == MetricKind::kInfo  ? "_info"
                                                                    : "";
  assert(name.size() > suffix.size() &&
         name.substr(name.size() - suffix.size()) == suffix);
  name.remove_suffix(suffix.size());
  return name;
}

// escaped-string of OpenMetrics, for HELP and label values.
void AppendEscaped(std::string_view text, std::string* out) {
  for (const char c : text) {
    if (c == '\n') {
      *out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') *out += '\\';
    *out += c;
  }
}

// The shortest text that reads as the same number.
void AppendNumber(double number, std::string* out) {
  if (std::isnan(number)) {
    *out += "NaN";
  } else if (std::isinf(number)) {
    *out += number > 0 ? "+Inf" : "-Inf";
  } else if (number == std::floor(number) && std::abs(number) < 0x1p63) {
    fmt::format_to(std::back_inserter(*out), "{}",
                   static_cast<int64_t>(number));
  } else {
    fmt::format_to(std::back_inserter(*out), "{}", number);
  }
}

void AppendSample(const MetricInfo& info,
                  const prometheus::ClientMetric& metric, std::string* out) {
  *out += info.name;
  char before = '{';
  for (const prometheus::ClientMetric::Label& label : metric.label) {
    *out += before;
    *out += label.name;
    *out += "=\"";
    AppendEscaped(label.value, out);
    *out += '"';
    before = ',';
  }
  *out += metric.label.empty() ? " " : "} ";
  AppendNumber(info.kind == MetricKind::kCounter ? metric.counter.value
                                                 : metric.gauge.value,
               out);
  *out += '\n';
}

std::string ToOpenMetrics(
    const std::vector<prometheus::MetricFamily>& families) {
  std::string out;
  for (const prometheus::MetricFamily& family : families) {
    const MetricInfo& info = InfoOf(family);
    const std::string_view name = FamilyName(info);
    fmt::format_to(std::back_inserter(out), "# TYPE {} {}\n", name,
                   MetricKindName(info.kind));
    if (!info.unit.empty()) {
      fmt::format_to(std::back_inserter(out), "# UNIT {} {}\n", name,
                     info.unit);
    }
    fmt::format_to(std::back_inserter(out), "# HELP {} ", name);
    AppendEscaped(family.help, &out);
    out += '\n';
    for (const prometheus::ClientMetric& metric : family.metric) {
      AppendSample(info, metric, &out);
    }
  }
  out += "# EOF\n";
  return out;
}

}  // namespace

std::string SerializeMetrics(
    const std::vector<prometheus::MetricFamily>& families,
    MetricsFormat format) {
  if (format == MetricsFormat::kOpenMetrics) return ToOpenMetrics(families);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return std::move(text).str();
}

}  // namespace octroi
