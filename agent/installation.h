// SPDX-License-Identifier: Apache-2.0
// Where the installed files are, and what was built in.
#pragma once

#include <string>

namespace octroi {

// The folder of the embedded facts: ../share/octroi beside the folder that the
// running program is in, which holds in the build tree and where installed.
// Returns a path that may not exist: reading from it says so.
std::string EmbeddedFactsDir();

// What runs, for octroi_build_info.
struct BuildInfo {
  std::string version;   // "0.1.0"
  std::string compiler;  // "gcc 12.2.0"
  std::string dpdk;      // "22.11.11", or "not built in"
  std::string libpcap;   // "1.10.3"
};
BuildInfo BuildInfoOfThis();

// "octroi 0.1.0" and what was built in, for `octroi version`.
std::string VersionText();

}  // namespace octroi
