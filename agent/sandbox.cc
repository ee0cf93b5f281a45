// SPDX-License-Identifier: Apache-2.0
#include "agent/sandbox.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "agent/all_threads.h"
#include "agent/landlock.h"
#include "agent/syscall_filter.h"
#include "fmt/format.h"

namespace octroi {
namespace {

constexpr int kNoRuleset = -1;
// The kernel keeps capabilities in 64 bits.
constexpr int kCapabilityBits = 64;

// By number, <linux/capability.h>.
constexpr std::array kCapabilityNames = {"CAP_CHOWN",
                                         "CAP_DAC_OVERRIDE",
                                         "CAP_DAC_READ_SEARCH",
                                         "CAP_FOWNER",
                                         "CAP_FSETID",
                                         "CAP_KILL",
                                         "CAP_SETGID",
                                         "CAP_SETUID",
                                         "CAP_SETPCAP",
                                         "CAP_LINUX_IMMUTABLE",
                                         "CAP_NET_BIND_SERVICE",
                                         "CAP_NET_BROADCAST",
                                         "CAP_NET_ADMIN",
                                         "CAP_NET_RAW",
                                         "CAP_IPC_LOCK",
                                         "CAP_IPC_OWNER",
                                         "CAP_SYS_MODULE",
                                         "CAP_SYS_RAWIO",
                                         "CAP_SYS_CHROOT",
                                         "CAP_SYS_PTRACE",
                                         "CAP_SYS_PACCT",
                                         "CAP_SYS_ADMIN",
                                         "CAP_SYS_BOOT",
                                         "CAP_SYS_NICE",
                                         "CAP_SYS_RESOURCE",
                                         "CAP_SYS_TIME",
                                         "CAP_SYS_TTY_CONFIG",
                                         "CAP_MKNOD",
                                         "CAP_LEASE",
                                         "CAP_AUDIT_WRITE",
                                         "CAP_AUDIT_CONTROL",
                                         "CAP_SETFCAP",
                                         "CAP_MAC_OVERRIDE",
                                         "CAP_MAC_ADMIN",
                                         "CAP_SYSLOG",
                                         "CAP_WAKE_ALARM",
                                         "CAP_BLOCK_SUSPEND",
                                         "CAP_AUDIT_READ",
                                         "CAP_PERFMON",
                                         "CAP_BPF",
                                         "CAP_CHECKPOINT_RESTORE"};
static_assert(std::size(kCapabilityNames) == CAP_LAST_CAP + 1);

// uid 0 brings no capability by a program's start or a change of uid, and none
// can be put into the ambient set; each for good.
constexpr unsigned long kRootIsPowerless =
    SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
    SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

// What each thread does to itself, and what came of it. No field needs an
// allocation: it is used in a signal handler, one thread after the other.
struct Confinement {
  uint64_t kept_capabilities = 0;
  int ruleset = kNoRuleset;

  const char* failed_step = nullptr;  // The first one of any thread.
  int error = 0;                      // errno of it.
  uint64_t capabilities = 0;          // Left in a thread.
  uint64_t bounding_set = 0;          // Likewise.
  bool is_root_powerless = true;      // In every thread.
  bool has_no_new_privileges = true;  // Likewise.

  void Fail(const char* step, int step_error) {
    if (failed_step != nullptr) return;
    failed_step = step;
    error = step_error;
  }
};

// The three sets of the calling thread that capset() knows.
struct CapabilitySets {
  uint64_t effective = 0;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;
};

bool GetCapabilities(CapabilitySets* sets) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  const auto join = [](uint32_t low, uint32_t high) {
    return uint64_t{high} << 32 | low;
  };
  sets->effective = join(data[0].effective, data[1].effective);
  sets->permitted = join(data[0].permitted, data[1].permitted);
  sets->inheritable = join(data[0].inheritable, data[1].inheritable);
  return true;
}

// `kept` effective and permitted, nothing inheritable.
bool SetCapabilities(uint64_t kept) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; ++i) {
    data[i].effective = static_cast<uint32_t>(kept >> (32 * i));
    data[i].permitted = data[i].effective;
  }
  return ::syscall(SYS_capset, &header, data) == 0;
}

// What is left of the bounding set. Dropping needs CAP_SETPCAP.
uint64_t DropBoundingSet(uint64_t kept) {
  uint64_t left = 0;
  for (int i = 0; i < kCapabilityBits; ++i) {
    // An error says that the kernel knows no capability of this number.
    if (::prctl(PR_CAPBSET_READ, i, 0, 0, 0) != 1) continue;
    const bool is_kept = (kept >> i & 1) != 0;
    if (is_kept || ::prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0) {
      left |= uint64_t{1} << i;
    }
  }
  return left;
}

void GiveUpCapabilities(Confinement* confinement) {
  CapabilitySets sets;
  if (!GetCapabilities(&sets)) return confinement->Fail("capget", errno);
  // Both need CAP_SETPCAP, so they come first.
  ::prctl(PR_SET_SECUREBITS, kRootIsPowerless, 0, 0, 0);
  const int bits = ::prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
  confinement->is_root_powerless &=
      bits >= 0 &&
      (static_cast<unsigned long>(bits) & kRootIsPowerless) == kRootIsPowerless;
  confinement->bounding_set |= DropBoundingSet(confinement->kept_capabilities);

  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return confinement->Fail("ambient capabilities", errno);
  }
  if (!SetCapabilities(confinement->kept_capabilities & sets.permitted)) {
    return confinement->Fail("capset", errno);
  }
  if (!GetCapabilities(&sets)) return confinement->Fail("capget", errno);
  confinement->capabilities |=
      sets.effective | sets.permitted | sets.inheritable;
}

// Runs on each thread (RunOnAllThreads): async-signal-safe.
void ConfineThread(void* argument) {
  auto* confinement = static_cast<Confinement*>(argument);
  GiveUpCapabilities(confinement);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    confinement->Fail("no_new_privs", errno);
  }
  confinement->has_no_new_privileges &=
      ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  if (confinement->ruleset != kNoRuleset) {
    const int error = RestrictThread(confinement->ruleset);
    if (error != 0) confinement->Fail("Landlock", error);
  }
}

absl::Status CheckConfinement(const Confinement& confinement) {
  if (confinement.failed_step != nullptr) {
    return absl::FailedPreconditionError(fmt::format(
        "sandbox: {}: {}; a container or another sandbox around octroi must "
        "let it give up its own rights",
        confinement.failed_step,
        std::generic_category().message(confinement.error)));
  }
  const uint64_t left =
      confinement.capabilities & ~confinement.kept_capabilities;
  if (left != 0 || !confinement.has_no_new_privileges) {
    return absl::FailedPreconditionError(fmt::format(
        "sandbox: capabilities left: {}, no_new_privs {}; octroi does not read "
        "packets with rights that it could not give up",
        CapabilityNames(left),
        confinement.has_no_new_privileges ? "set" : "not set"));
  }
  return absl::OkStatus();
}

absl::Status SetLimit(__rlimit_resource resource, const char* name,
                      uint64_t value) {
  // Both the limit and what it may be raised to.
  const rlimit limit = {value, value};
  if (::setrlimit(resource, &limit) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "sandbox: {} cannot be set to {}: {}; raise the limit that octroi is "
      "started with",
      name, value, std::generic_category().message(errno)));
}

absl::Status SetLimits(const std::optional<uint64_t>& open_file_limit) {
  // A core file would hold captured packets.
  const absl::Status core = SetLimit(RLIMIT_CORE, "RLIMIT_CORE", 0);
  if (!core.ok() || !open_file_limit) return core;
  return SetLimit(RLIMIT_NOFILE, "RLIMIT_NOFILE", *open_file_limit);
}

bool IsRoot() {
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  ::getresuid(&real, &effective, &saved);
  return real == 0 || effective == 0 || saved == 0;
}

// Rules while paths can still be opened, and a level that knows of them.
absl::StatusOr<int> PrepareLandlock(const SandboxOptions& options,
                                    SandboxLevel* level) {
  LandlockSupport support = AskLandlock();
  level->landlock_abi = support.abi;
  level->landlock_gap = std::move(support.gap);
  if (support.abi == 0) return kNoRuleset;
  level->readable_paths = options.readable_paths.size();
  level->writable_folders = options.writable_folders.size();
  return MakeLandlockRuleset(support.abi,
                             {options.readable_paths, options.writable_folders,
                              options.sends_to_abstract_sockets});
}

absl::Status ConfineThreads(const SandboxOptions& options, int ruleset,
                            SandboxLevel* level) {
  Confinement confinement;
  confinement.kept_capabilities = options.kept_capabilities;
  confinement.ruleset = ruleset;
  const absl::StatusOr<size_t> threads =
      RunOnAllThreads(ConfineThread, &confinement);
  if (!threads.ok()) return threads.status();
  const absl::Status checked = CheckConfinement(confinement);
  if (!checked.ok()) return checked;

  level->threads = *threads;
  level->capabilities = confinement.capabilities;
  level->bounding_set = confinement.bounding_set;
  level->is_root = IsRoot();
  level->is_root_powerless = confinement.is_root_powerless;
  level->has_no_new_privileges = confinement.has_no_new_privileges;
  return absl::OkStatus();
}

SandboxMeasure CapabilityMeasure(const SandboxLevel& level) {
  std::string text =
      fmt::format("left: {}", CapabilityNames(level.capabilities));
  if (level.is_root) {
    text += level.is_root_powerless
                ? "; uid 0 stands for none, but owns root's files"
                : "; uid 0 was not locked for lack of CAP_SETPCAP, and owns "
                  "root's files";
  }
  if ((level.bounding_set & ~level.capabilities) != 0) {
    text +=
        "; the bounding set stays for lack of CAP_SETPCAP, and is of no "
        "use under no_new_privs";
  }
  return {"capabilities", level.capabilities == 0, std::move(text)};
}

SandboxMeasure LandlockMeasure(const SandboxLevel& level) {
  if (level.landlock_abi == 0) {
    return {"landlock", false,
            fmt::format("none: {}; permissions alone bound the files",
                        level.landlock_gap)};
  }
  return {"landlock", level.landlock_gap.empty(),
          fmt::format("ABI {}, {} paths to read, {} folders to write{}{}",
                      level.landlock_abi, level.readable_paths,
                      level.writable_folders,
                      level.landlock_gap.empty() ? "" : "; does not restrict ",
                      level.landlock_gap)};
}

}  // namespace

absl::StatusOr<SandboxLevel> EnterSandbox(const SandboxOptions& options) {
  SandboxLevel level;
  const absl::StatusOr<int> ruleset = PrepareLandlock(options, &level);
  if (!ruleset.ok()) return ruleset.status();
  const absl::Cleanup closer = [&ruleset] {
    if (*ruleset != kNoRuleset) ::close(*ruleset);
  };
  const absl::Status limits = SetLimits(options.open_file_limit);
  if (!limits.ok()) return limits;
  level.open_file_limit = options.open_file_limit;

  const absl::Status confined = ConfineThreads(options, *ruleset, &level);
  if (!confined.ok()) return confined;

  // Last: it refuses the calls that the steps above are made of.
  const absl::StatusOr<size_t> allowed =
      LoadSyscallFilter(options.ioctl_requests);
  if (allowed.ok()) {
    level.allowed_calls = *allowed;
  } else if (options.requires_seccomp) {
    return allowed.status();
  } else {
    level.seccomp_gap = std::string(allowed.status().message());
  }
  return level;
}

std::vector<SandboxMeasure> SandboxMeasures(const SandboxLevel& level) {
  return {
      CapabilityMeasure(level),
      {"no_new_privs", level.has_no_new_privileges,
       level.has_no_new_privileges ? "set, no program gives new rights"
                                   : "not set"},
      LandlockMeasure(level),
      {"limits", true,
       fmt::format("no core file, {}",
                   level.open_file_limit
                       ? fmt::format("{} open files", *level.open_file_limit)
                       : "open files as started with")},
      {"seccomp", level.allowed_calls > 0,
       level.allowed_calls > 0
           ? fmt::format("{} system calls, others fail and are logged",
                         level.allowed_calls)
           : "none: " + level.seccomp_gap},
  };
}

std::string CapabilityNames(uint64_t capabilities) {
  std::string names;
  for (size_t i = 0; i < kCapabilityBits; ++i) {
    if ((capabilities >> i & 1) == 0) continue;
    if (!names.empty()) names += ' ';
    names += i < kCapabilityNames.size() ? kCapabilityNames[i]
                                         : fmt::format("capability {}", i);
  }
  return names.empty() ? "none" : names;
}

}  // namespace octroi
