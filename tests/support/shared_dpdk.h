// SPDX-License-Identifier: Apache-2.0
// The DPDK of a test program: it starts once in a process, so that the tests of
// a program share it. Without huge pages, so that no machine must have any.
// Thread safety: the thread that runs the tests.
#pragma once

#include <string>
#include <vector>

#include "dataplane/dpdk.h"

namespace octroi::testing {

// Started at the first call; stopped when the program ends. Ends the program
// with a message if DPDK does not start.
Dpdk* SharedDpdk();

// Opens devices of the shared DPDK.
absl::StatusOr<std::unique_ptr<DpdkPorts>> OpenDevices(
    std::vector<std::string> devices, uint32_t worker_count = 1);

}  // namespace octroi::testing
