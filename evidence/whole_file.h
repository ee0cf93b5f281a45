// SPDX-License-Identifier: Apache-2.0
// Result files that appear under their name only when they are whole, so that
// nobody takes half a result for one. Free function; any thread.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace octroi {

// Lets `write` fill a file beside `path`, and renames it. Fails, leaving
// nothing behind: `PATH: FAILURE: why; HINT`, FAILURE such as "cannot be
// written".
absl::Status WriteWholeFile(const std::string& path, std::string_view failure,
                            std::string_view hint,
                            const std::function<void(std::ostream&)>& write);

}  // namespace octroi
