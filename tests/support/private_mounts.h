// SPDX-License-Identifier: Apache-2.0
// File systems of a test's own: what it mounts is seen by nobody else and is
// gone when it ends.
#pragma once

#include <functional>
#include <string>

namespace octroi::testing {

// Calls `body` on a thread that has a mount namespace of its own, and returns
// "". Where that is not permitted (it takes CAP_SYS_ADMIN), does nothing and
// returns why, for GTEST_SKIP.
std::string RunWithPrivateMounts(const std::function<void()>& body);

// For use in `body`; false with errno set. A file system in memory of that
// size, and the file or folder `source` seen at `target`.
bool MountMemory(const std::string& folder, size_t bytes);
bool MountOver(const std::string& source, const std::string& target);
bool Unmount(const std::string& target);

}  // namespace octroi::testing
