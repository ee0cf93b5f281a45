// SPDX-License-Identifier: Apache-2.0
// EnterSandbox takes from the process, for good, all that it no longer needs
// once its sockets, rings, listeners and log files are open: capabilities,
// other files, other programs, other sockets. docs/explanation/
// least-privilege.md has the reasons, and what an intruder could still do.
//
// Thread safety: call it once, on the main thread, before the first packet
// byte is read and before octroi starts a thread. Threads that a library has
// started already (DPDK's) are confined as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace octroi {

struct SandboxOptions {
  // Files and folders (with all below) that a reload reads. Name the folder
  // where a file is replaced by renaming another over it: a rule is bound to
  // the file that was there, and would not cover its successor.
  std::vector<std::string> readable_paths = {};
  // Folders in which regular files are read, written, made, renamed and
  // removed: state and logs. Folders are neither made nor removed in them.
  std::vector<std::string> writable_folders = {};
  // The most descriptors that may be open (RLIMIT_NOFILE); nothing leaves it.
  std::optional<uint64_t> open_file_limit = std::nullopt;
  // Capabilities to keep: bit n is capability n of <linux/capability.h>. No
  // source of octroi needs one after its start.
  uint64_t kept_capabilities = 0;
  // ioctl() requests beside those of syscall_filter.h that a driver makes
  // after its start (vfio: VFIO_DEVICE_SET_IRQS).
  std::vector<uint64_t> ioctl_requests = {};
  // True where $NOTIFY_SOCKET begins with '@': Landlock (ABI 6) would refuse
  // to send to a Unix socket in the abstract name space.
  bool sends_to_abstract_sockets = false;
  // False goes on without the system call filter where the kernel refuses it.
  bool requires_seccomp = true;
};

// What was reached: the weakest of all threads.
struct SandboxLevel {
  size_t threads = 0;              // Confined; later ones inherit.
  uint64_t capabilities = 0;       // Left, as in kept_capabilities.
  uint64_t bounding_set = 0;       // Left; without CAP_SETPCAP it must stay.
  bool is_root = false;            // Real, effective or saved uid 0...
  bool is_root_powerless = false;  // ...which securebits made an ordinary one.
  bool has_no_new_privileges = false;
  int landlock_abi = 0;      // Of the kernel; 0: it has none, or it is off.
  std::string landlock_gap;  // Why it is 0, or what this ABI cannot restrict.
  size_t readable_paths = 0;
  size_t writable_folders = 0;
  std::optional<uint64_t> open_file_limit;
  size_t allowed_calls = 0;  // By the system call filter; 0: there is none.
  std::string seccomp_gap;   // Why there is none.
};

// Confines the process. An error is one line, what failed and what to do, and
// leaves the process confined in part: it must end. It is an error where a
// path is missing, where a capability remains that kept_capabilities lacks,
// where a thread does not answer, and where the filter is refused
// (requires_seccomp). A kernel without Landlock is none: see landlock_abi.
absl::StatusOr<SandboxLevel> EnterSandbox(const SandboxOptions& options);

// One measure of a level, for the log and as a metric's label.
struct SandboxMeasure {
  const char* label;  // Never renamed.
  bool is_full;       // All that octroi knows to ask for is in force.
  std::string text;   // One line: what holds, and what does not.
};
std::vector<SandboxMeasure> SandboxMeasures(const SandboxLevel& level);

// "CAP_NET_RAW CAP_IPC_LOCK", "capability 63" for one without a known name,
// "none" for 0.
std::string CapabilityNames(uint64_t capabilities);

}  // namespace octroi
