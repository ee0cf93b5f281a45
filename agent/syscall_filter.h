// SPDX-License-Identifier: Apache-2.0
// The system calls that a running octroi makes, and no others. A call that is
// not in the list fails with EPERM, does nothing, and is logged by the kernel
// (an audit record of type SECCOMP). It does not end the process: a monitor
// that dies is blind, and the refused call is without effect either way.
//
// Thread safety: any thread may call; the filter holds for all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace octroi {

// Loads the filter into the kernel, for every thread and for good, with
// no_new_privs. `ioctl_requests` are allowed beside the filter's own. Returns
// the number of calls that are allowed, some with some arguments only.
absl::StatusOr<size_t> LoadSyscallFilter(
    const std::vector<uint64_t>& ioctl_requests);

}  // namespace octroi
