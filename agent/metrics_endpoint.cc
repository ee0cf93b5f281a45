// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics_endpoint.h"

#include <ctime>
#include <utility>

#include "agent/http_negotiation.h"
#include "agent/landing_page.h"

namespace octroi {
namespace {

constexpr char kTextType[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr char kOpenMetricsType[] =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";
constexpr char kHtmlType[] = "text/html; charset=utf-8";

constexpr char kWhatIsThere[] =
    "nothing is here; there is:\n"
    "/metrics    the metrics\n"
    "/-/healthy  whether the process answers\n"
    "/-/ready    whether packets are received\n"
    "/           a page for people\n";

int64_t MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

HttpResponse TextResponse(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.body = std::make_shared<const std::string>(std::move(text));
  return response;
}

}  // namespace

MetricsEndpoint::MetricsEndpoint(MetricsEndpointParts parts)
    : parts_(std::move(parts)),
      landing_page_(std::make_shared<const std::string>(LandingPage())) {}

HttpResponse MetricsEndpoint::Handle(const HttpRequest& request) {
  if (request.path == "/metrics") return Metrics(request);
  if (request.path == "/-/healthy") return TextResponse(200, "healthy\n");
  if (request.path == "/-/ready") {
    return parts_.is_ready() ? TextResponse(200, "ready\n")
                             : TextResponse(503, "not ready\n");
  }
  if (request.path != "/") return TextResponse(404, kWhatIsThere);
  HttpResponse response;
  response.content_type = kHtmlType;
  response.content_security_policy = LandingPagePolicy();
  response.body = landing_page_;
  return response;
}

HttpResponse MetricsEndpoint::Metrics(const HttpRequest& request) {
  const MetricsFormat format = PrefersOpenMetrics(request.accept)
                                   ? MetricsFormat::kOpenMetrics
                                   : MetricsFormat::kText;
  Written& written = written_[static_cast<size_t>(format)];
  if (written.text == nullptr || written.begun_ns < request.arrived_ns) {
    written.begun_ns = MonotonicNs();
    written.text =
        std::make_shared<const std::string>(parts_.write_metrics(format));
  }
  HttpResponse response;
  response.content_type =
      format == MetricsFormat::kText ? kTextType : kOpenMetricsType;
  response.body = written.text;
  return response;
}

}  // namespace octroi
