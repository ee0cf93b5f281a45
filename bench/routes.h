// SPDX-License-Identifier: Apache-2.0
// The atlas as other longest-prefix matches take it: prefixes that together
// give each address the attribution that the atlas gives. Control path.
#pragma once

#include <vector>

#include "bench/dpdk.h"
#include "bench/world.h"

namespace octroi::bench {

// Both families; every address is covered exactly once.
std::vector<Route> RoutesOf(const World& world);

}  // namespace octroi::bench
