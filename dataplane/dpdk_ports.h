// SPDX-License-Identifier: Apache-2.0
// Opens devices of a DPDK that runs: finds their ports, decides how many queues
// they get, gives them buffers, and starts them. See dpdk.h for what the result
// is.
//
// Thread safety: the control thread.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "dataplane/dpdk.h"
#include "dataplane/dpdk_log.h"

namespace octroi {

// `log` must outlive the call.
absl::StatusOr<std::unique_ptr<DpdkPorts>> OpenDpdkPorts(
    const DpdkPortsOptions& options, DpdkLogStream* log);

}  // namespace octroi
