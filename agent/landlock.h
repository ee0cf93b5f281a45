// SPDX-License-Identifier: Apache-2.0
// Landlock, the kernel's own fence around files: a thread gives up every file
// but those below named paths. By system calls, since Debian 12 has no library
// for it, and in the words of each ABI version, since the kernel that runs is
// not the one whose headers were compiled with.
//
// Thread safety: functions without state.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace octroi {

// The newest ABI whose rights octroi knows: Linux 6.12. Later ones added no
// right that it must name.
inline constexpr int kLandlockAbiKnown = 6;

struct LandlockRules {
  std::vector<std::string> readable_paths;    // Files, or folders and below.
  std::vector<std::string> writable_folders;  // Read and write, files only.
  bool allows_abstract_sockets = false;       // ABI 6 could refuse them.
};

// What the running kernel offers.
struct LandlockSupport {
  int abi = 0;      // 0: none.
  std::string gap;  // Why none, or what this ABI cannot restrict.
};
LandlockSupport AskLandlock();

// What a kernel of that ABI cannot restrict and a newer one can, "" for none.
std::string LandlockGap(int abi);

// A ruleset of all rights that `abi` knows, granting `rules`, as a descriptor
// that the caller closes. Fails where a path cannot be opened, naming it.
// REQUIRES: abi > 0.
absl::StatusOr<int> MakeLandlockRuleset(int abi, const LandlockRules& rules);

// Puts the calling thread, and those that it starts, under the ruleset.
// Returns 0, or errno. Async-signal-safe. REQUIRES: no_new_privs is set.
int RestrictThread(int ruleset);

}  // namespace octroi
