// SPDX-License-Identifier: Apache-2.0
#include "dataplane/observation_point.h"

namespace octroi {

std::string_view LossPlaceName(LossPlace place) {
  constexpr std::array<std::string_view, kLossPlaceCount> kNames = {
      "kernel_ring", "interface", "nic", "nic_errors", "mempool"};
  return kNames[static_cast<size_t>(place)];
}

std::string_view PointStateName(PointState state) {
  constexpr std::array<std::string_view, 4> kNames = {"up", "down", "gone",
                                                      "lost"};
  return kNames[static_cast<size_t>(state)];
}

uint64_t LossTotals::known() const {
  uint64_t sum = 0;
  for (const std::optional<uint64_t>& count : packets) sum += count.value_or(0);
  return sum;
}

}  // namespace octroi
