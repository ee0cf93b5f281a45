// SPDX-License-Identifier: Apache-2.0
// Reading from a file descriptor as much as is wanted. Free function; any
// thread.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"

namespace octroi {

// Reads into bytes[0, size) until all of it is filled or the file ends, and
// returns how much was read. The message of a failure is what the system says,
// without a path.
absl::StatusOr<size_t> ReadBytes(int descriptor, char* bytes, size_t size);

}  // namespace octroi
