// SPDX-License-Identifier: Apache-2.0
#include "geo/file_bytes.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "absl/status/status.h"

namespace octroi {

absl::StatusOr<size_t> ReadBytes(int descriptor, char* bytes, size_t size) {
  size_t filled = 0;
  while (filled < size) {
    const ssize_t count = ::read(descriptor, bytes + filled, size - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return absl::UnavailableError(std::generic_category().message(errno));
    }
    if (count == 0) break;
    filled += static_cast<size_t>(count);
  }
  return filled;
}

}  // namespace octroi
