// SPDX-License-Identifier: Apache-2.0
#include "agent/syscall_filter.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <system_error>

#include "absl/status/status.h"
#include "fmt/format.h"

namespace octroi {
namespace {

// Allowed whatever their arguments are. What a path may be is Landlock's
// business, what a descriptor is was decided when it was opened.
constexpr std::array kCalls = {
    // Descriptors that are open.
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write),
    SCMP_SYS(writev), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(close),
    SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(flock),
    SCMP_SYS(fadvise64), SCMP_SYS(fstat), SCMP_SYS(fstatfs),
    // Reload, and log files that are rotated.
    SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(newfstatat), SCMP_SYS(stat),
    SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(access),
    SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink),
    SCMP_SYS(unlinkat), SCMP_SYS(inotify_init1), SCMP_SYS(inotify_add_watch),
    SCMP_SYS(inotify_rm_watch),
    // Waiting.
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6),
    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(eventfd2),
    SCMP_SYS(pipe2), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_gettime), SCMP_SYS(signalfd4), SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(restart_syscall),
    // Sockets that are open: packets, the listener and whom it accepts, the
    // journal. bind() puts a packet socket on an interface that came back.
    SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(sendto),
    SCMP_SYS(sendmsg), SCMP_SYS(accept4), SCMP_SYS(shutdown), SCMP_SYS(bind),
    SCMP_SYS(getsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    // A journal entry that is too long for a datagram is sent as such a file.
    SCMP_SYS(memfd_create),
    // Memory; mmap and mprotect are below.
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
    // Threads; clone is below.
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_setaffinity), SCMP_SYS(getcpu), SCMP_SYS(gettid),
    SCMP_SYS(exit), SCMP_SYS(exit_group),
    // Signals; tgkill is below.
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait), SCMP_SYS(sigaltstack),
    // Clocks (where the vDSO has none), chance, and questions.
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday),
    SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(getppid),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
    SCMP_SYS(getrusage), SCMP_SYS(times), SCMP_SYS(uname), SCMP_SYS(sysinfo)};

// One argument of a call: its bits under `mask` must be `value`.
struct Argument {
  unsigned index;
  uint64_t mask;
  uint64_t value;
};
constexpr uint64_t kWhole = ~uint64_t{0};
// Arguments that are an int: the kernel looks at no more of the register.
constexpr uint64_t kInt = 0xFFFFFFFF;

constexpr std::array<uint64_t, 12> kFcntlCommands = {
    F_GETFD,  F_SETFD,     F_GETFL,     F_SETFL,      F_GETLK,     F_SETLK,
    F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_ADD_SEALS, F_GET_SEALS,
};

// What libpcap asks about an interface that went away or came back, what the
// metrics' server asks of a connection, and whether a log is a terminal.
constexpr std::array<uint64_t, 8> kIoctlRequests = {
    FIONREAD,   FIONBIO,     TCGETS,       SIOCGIFFLAGS,
    SIOCGIFMTU, SIOCGIFNAME, SIOCGIFINDEX, SIOCGIFHWADDR,
};

// What makes a clone() a thread, and what would give it name spaces.
constexpr uint64_t kNameSpaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                 CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                 CLONE_NEWNET;

struct ReleaseFilter {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, ReleaseFilter>;

// Collects rules, and the first failure of one.
class RuleAdder {
 public:
  explicit RuleAdder(void* filter) : filter_(filter) {}

  void Allow(int call) { Add(SCMP_ACT_ALLOW, call, {}); }

  void AllowIf(int call, Argument argument) {
    const std::array comparisons = {Comparison(argument)};
    Add(SCMP_ACT_ALLOW, call, comparisons);
  }

  void AllowIf(int call, Argument first, Argument second) {
    const std::array comparisons = {Comparison(first), Comparison(second)};
    Add(SCMP_ACT_ALLOW, call, comparisons);
  }

  void Refuse(int call, int error) {
    Add(SCMP_ACT_ERRNO(static_cast<uint32_t>(error)), call, {});
  }

  // 0, or -errno of libseccomp.
  int result() const { return result_; }
  size_t allowed_calls() const { return allowed_calls_; }

 private:
  static scmp_arg_cmp Comparison(Argument argument) {
    return {argument.index, SCMP_CMP_MASKED_EQ, argument.mask, argument.value};
  }

  void Add(uint32_t action, int call,
           std::span<const scmp_arg_cmp> comparisons) {
    const int result = ::seccomp_rule_add_array(
        filter_, action, call, static_cast<unsigned>(comparisons.size()),
        comparisons.data());
    if (result_ == 0) result_ = result;
    // The rules of one call follow each other.
    if (action == SCMP_ACT_ALLOW && call != last_call_) ++allowed_calls_;
    last_call_ = call;
  }

  void* const filter_;
  int result_ = 0;
  int last_call_ = -1;
  size_t allowed_calls_ = 0;
};

void AddSocketRules(RuleAdder* rules) {
  // The type has flags (SOCK_CLOEXEC) above its four bits.
  rules->AllowIf(SCMP_SYS(socket), {0, kInt, AF_UNIX}, {1, 0xF, SOCK_DGRAM});
  rules->AllowIf(SCMP_SYS(setsockopt), {1, kInt, SOL_SOCKET});
  rules->AllowIf(SCMP_SYS(setsockopt), {1, kInt, SOL_PACKET});
  for (const uint64_t option : {TCP_NODELAY, TCP_CORK}) {
    rules->AllowIf(SCMP_SYS(setsockopt), {1, kInt, IPPROTO_TCP},
                   {2, kInt, option});
  }
}

void AddMemoryRules(RuleAdder* rules) {
  rules->AllowIf(SCMP_SYS(mmap), {2, PROT_EXEC, 0});
  rules->AllowIf(SCMP_SYS(mprotect), {2, PROT_EXEC, 0});
}

void AddProcessRules(RuleAdder* rules) {
  rules->AllowIf(SCMP_SYS(clone),
                 {0, CLONE_THREAD | kNameSpaces, CLONE_THREAD});
  // Its flags are behind a pointer. With this error glibc takes clone().
  rules->Refuse(SCMP_SYS(clone3), ENOSYS);
  rules->AllowIf(SCMP_SYS(tgkill),
                 {0, kInt, static_cast<uint64_t>(::getpid())});
  rules->AllowIf(SCMP_SYS(prctl), {0, kInt, PR_SET_NAME});
  rules->AllowIf(SCMP_SYS(prctl), {0, kInt, PR_GET_NAME});
  // Reading limits: a new one would be the third argument.
  rules->AllowIf(SCMP_SYS(prlimit64), {0, kInt, 0}, {2, kWhole, 0});
}

void AddRules(const std::vector<uint64_t>& ioctl_requests, RuleAdder* rules) {
  for (const int call : kCalls) rules->Allow(call);
  AddSocketRules(rules);
  AddMemoryRules(rules);
  AddProcessRules(rules);
  for (const uint64_t command : kFcntlCommands) {
    rules->AllowIf(SCMP_SYS(fcntl), {1, kInt, command});
  }
  for (const uint64_t request : kIoctlRequests) {
    rules->AllowIf(SCMP_SYS(ioctl), {1, kInt, request});
  }
  for (const uint64_t request : ioctl_requests) {
    rules->AllowIf(SCMP_SYS(ioctl), {1, kInt, request & kInt});
  }
}

absl::Status FilterError(const char* step, int result) {
  return absl::FailedPreconditionError(fmt::format(
      "system call filter: {}: {}; the kernel needs CONFIG_SECCOMP_FILTER, and "
      "no thread may have a filter of its own",
      step, std::generic_category().message(-result)));
}

int SetAttributes(void* filter) {
  int result = ::seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
  if (result != 0) return result;
  // System calls of another architecture's numbering are no mistake.
  result = ::seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
                              SCMP_ACT_KILL_PROCESS);
  if (result != 0) return result;
  // As a tree: a call costs the logarithm of the list's length.
  result = ::seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (result != 0) return result;
  // The kernel's own errno instead of ECANCELED.
  result = ::seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
  if (result != 0) return result;
  // Linux 4.14 and later log refusals; an older one only refuses.
  ::seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
  return 0;
}

}  // namespace

absl::StatusOr<size_t> LoadSyscallFilter(
    const std::vector<uint64_t>& ioctl_requests) {
  const Filter filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (filter == nullptr) return FilterError("cannot be made", -ENOMEM);
  int result = SetAttributes(filter.get());
  if (result != 0) return FilterError("attributes", result);

  RuleAdder rules(filter.get());
  AddRules(ioctl_requests, &rules);
  if (rules.result() != 0) return FilterError("rules", rules.result());
  result = ::seccomp_load(filter.get());
  if (result != 0) return FilterError("cannot be loaded", result);
  return rules.allowed_calls();
}

}  // namespace octroi
