// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_record.h"

#include <array>

namespace octroi {
namespace {

constexpr std::array<std::string_view, kFlowDirectionCount> kDirectionNames = {
    "egress", "ingress", "internal", "transit"};

constexpr std::array<std::string_view, 6> kEndReasonNames = {
    "",           "idle_timeout",     "active_timeout", "end_of_flow",
    "forced_end", "lack_of_resources"};

}  // namespace

std::string_view DirectionName(FlowDirection direction) {
  return kDirectionNames[static_cast<size_t>(direction)];
}

std::string_view EndReasonName(FlowEndReason reason) {
  return kEndReasonNames[static_cast<size_t>(reason)];
}

}  // namespace octroi
