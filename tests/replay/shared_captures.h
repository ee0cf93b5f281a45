// SPDX-License-Identifier: Apache-2.0
// The public captures that a developer's checkout has beside it: which there
// are, and a share of them for each of several tests that run at once. Plain
// functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace octroi::testing {

// Every file that is a capture, as a path below SharedCapturesDir(), sorted;
// empty where the folder is absent.
std::vector<std::string> SharedCaptures();

// Of `all`, every `count`-th one beginning with number `index`.
std::vector<std::string> ShardOf(const std::vector<std::string>& all,
                                 size_t index, size_t count);

// The path of a shared capture.
std::string SharedCapturePath(const std::string& name);

}  // namespace octroi::testing
