// SPDX-License-Identifier: Apache-2.0
// Intervals by a wall clock, which may be set back. Pure; any thread.
#pragma once

#include <cstdint>

namespace octroi {

// Whether so many ns have passed since an instant. Also where the clock was set
// back behind it: nobody knows how many have, and none is waited for twice.
constexpr bool HasElapsed(int64_t since_ns, int64_t now_ns,
                          int64_t interval_ns) {
  return now_ns < since_ns || now_ns - since_ns >= interval_ns;
}

}  // namespace octroi
