// SPDX-License-Identifier: Apache-2.0
// RunOnAllThreads makes every thread of the process do something to itself:
// capabilities and Landlock domains belong to a thread, and a library (DPDK)
// may have started threads before they can be given up. Each thread is
// interrupted by SIGSYS in turn. libcap's psx does the same for threads whose
// creation the linker wrapped, which leaves out every shared library, and so
// std::thread and DPDK.
//
// Thread safety: one call at a time in a process.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"

namespace octroi {

// Calls `work(argument)` once on every thread, one after the other, the
// calling one last, and returns how many there were, threads that started
// meanwhile included. The calling thread must start none. `work` must be
// async-signal-safe. What it writes is visible to the caller afterwards.
// Fails where /proc is missing and, after five seconds, where a thread blocks
// SIGSYS; then some threads have been called, and SIGSYS stays taken.
absl::StatusOr<size_t> RunOnAllThreads(void (*work)(void*), void* argument);

}  // namespace octroi
