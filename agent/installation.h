// SPDX-License-Identifier: Apache-2.0
// Where the installed files are, and what was built in.
#pragma once

#include <string>

namespace octroi {

// The folder of the embedded facts: ../share/octroi beside the folder that the
// running program is in, which holds in the build tree and where installed.
// Returns a path that may not exist: reading from it says so.
std::string EmbeddedFactsDir();

// "octroi 0.1.0" and what was built in, for `octroi version`.
std::string VersionText();

}  // namespace octroi
