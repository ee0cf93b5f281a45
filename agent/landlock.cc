// SPDX-License-Identifier: Apache-2.0
#include "agent/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "fmt/format.h"

namespace octroi {
namespace {

// Rights that Debian 12's <linux/landlock.h> (ABI 2) does not name; the values
// are the kernel's interface, Documentation/userspace-api/landlock.rst.
constexpr uint64_t kTruncate = 1ULL << 14;            // ABI 3, Linux 6.2
constexpr uint64_t kIoctlDevice = 1ULL << 15;         // ABI 5, Linux 6.10
constexpr uint64_t kBindTcp = 1ULL << 0;              // ABI 4, Linux 6.7
constexpr uint64_t kConnectTcp = 1ULL << 1;           // ABI 4
constexpr uint64_t kScopeAbstractSocket = 1ULL << 0;  // ABI 6, Linux 6.12
constexpr uint64_t kScopeSignal = 1ULL << 1;          // ABI 6

// struct landlock_ruleset_attr as of ABI 6. A kernel with an older one takes
// it where what it does not know is zero.
struct RulesetAttributes {
  uint64_t handled_files = 0;
  uint64_t handled_network = 0;
  uint64_t scoped = 0;
};
static_assert(sizeof(RulesetAttributes) == 24);

constexpr uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr uint64_t kReadBelow = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t kWriteBelow = kReadBelow | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                 kTruncate | LANDLOCK_ACCESS_FS_MAKE_REG |
                                 LANDLOCK_ACCESS_FS_REMOVE_FILE;

// What each ABI added, so what an older one cannot restrict.
struct Addition {
  int abi;
  const char* what;
};
constexpr std::array kAdditions = {
    Addition{3, "truncating files that are open for reading"},
    Addition{4, "binding and connecting TCP sockets"},
    Addition{5, "ioctl of devices"},
    Addition{6, "abstract Unix sockets and signals of others"},
};

uint64_t HandledFiles(int abi) {
  // EXECUTE (bit 0) to MAKE_SYM (bit 12).
  uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kIoctlDevice;
  return rights;
}

absl::Status PathError(const std::string& path, int error) {
  return absl::FailedPreconditionError(
      fmt::format("{}: cannot be opened for the sandbox: {}; it must exist "
                  "before the daemon starts",
                  path, std::generic_category().message(error)));
}

// Grants `rights` below `path`; of a file, those that a file can have.
// `open_flags` O_DIRECTORY refuses files.
absl::Status AddPath(int ruleset, const std::string& path, uint64_t rights,
                     int open_flags) {
  const int file = ::open(path.c_str(), O_PATH | O_CLOEXEC | open_flags);
  if (file < 0) return PathError(path, errno);
  const absl::Cleanup closer = [file] { ::close(file); };
  struct stat info;
  if (::fstat(file, &info) != 0) return PathError(path, errno);

  landlock_path_beneath_attr rule = {};
  rule.allowed_access = S_ISDIR(info.st_mode) ? rights : rights & kReadFile;
  rule.parent_fd = file;
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
                &rule, 0) != 0) {
    return PathError(path, errno);
  }
  return absl::OkStatus();
}

absl::Status AddRules(int ruleset, int abi, const LandlockRules& rules) {
  for (const std::string& path : rules.readable_paths) {
    const absl::Status added = AddPath(ruleset, path, kReadBelow, 0);
    if (!added.ok()) return added;
  }
  for (const std::string& path : rules.writable_folders) {
    const absl::Status added =
        AddPath(ruleset, path, kWriteBelow & HandledFiles(abi), O_DIRECTORY);
    if (!added.ok()) return added;
  }
  return absl::OkStatus();
}

}  // namespace

LandlockSupport AskLandlock() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0,
                             LANDLOCK_CREATE_RULESET_VERSION);
  if (abi <= 0) {
    // ENOSYS: not built in. EOPNOTSUPP: not among lsm= of the kernel's command
    // line. EPERM: refused by the filter of a container.
    return {0, errno == ENOSYS ? "this kernel has none (Linux 5.13 has)"
               : errno == EOPNOTSUPP
                   ? "switched off; put landlock into lsm= of the kernel's "
                     "command line"
                   : std::generic_category().message(errno)};
  }
  return {static_cast<int>(abi), LandlockGap(static_cast<int>(abi))};
}

std::string LandlockGap(int abi) {
  std::string gap;
  for (const Addition& addition : kAdditions) {
    if (abi >= addition.abi) continue;
    if (!gap.empty()) gap += ", ";
    gap += addition.what;
  }
  return gap;
}

absl::StatusOr<int> MakeLandlockRuleset(int abi, const LandlockRules& rules) {
  assert(abi > 0);
  RulesetAttributes attributes;
  attributes.handled_files = HandledFiles(abi);
  if (abi >= 4) attributes.handled_network = kBindTcp | kConnectTcp;
  if (abi >= 6) {
    attributes.scoped =
        kScopeSignal |
        (rules.allows_abstract_sockets ? 0 : kScopeAbstractSocket);
  }
  const long ruleset = ::syscall(SYS_landlock_create_ruleset, &attributes,
                                 sizeof(attributes), 0);
  if (ruleset < 0) {
    return absl::InternalError(fmt::format(
        "Landlock ABI {}: the kernel refuses its own rights: {}; report this "
        "kernel's version",
        abi, std::generic_category().message(errno)));
  }
  const absl::Status added = AddRules(static_cast<int>(ruleset), abi, rules);
  if (!added.ok()) {
    ::close(static_cast<int>(ruleset));
    return added;
  }
  return static_cast<int>(ruleset);
}

int RestrictThread(int ruleset) {
  return ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? 0 : errno;
}

}  // namespace octroi
