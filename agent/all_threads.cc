// SPDX-License-Identifier: Apache-2.0
#include "agent/all_threads.h"

#include <semaphore.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "fmt/format.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;

constexpr const char* kThreadsFolder = "/proc/self/task";
// As libpsx: nobody sends it, so nobody has a reason to block or handle it.
constexpr int kSignal = SIGSYS;
constexpr int kMaxSlices = 100;
constexpr int64_t kSliceNs = 50'000'000;

// What a thread is to do; a signal carries its address.
struct Call {
  void (*work)(void*) = nullptr;
  void* argument = nullptr;
  sem_t done = {};
};

void Answer(int, siginfo_t* info, void*) {
  if (info->si_code != SI_QUEUE || info->si_pid != ::getpid()) return;
  const int saved_errno = errno;
  auto* call = static_cast<Call*>(info->si_value.sival_ptr);
  call->work(call->argument);
  ::sem_post(&call->done);
  errno = saved_errno;
}

bool IsThread(pid_t thread) {
  std::error_code error;
  return fs::exists(fmt::format("{}/{}", kThreadsFolder, thread), error);
}

absl::StatusOr<std::set<pid_t>> ListThreads() {
  std::set<pid_t> threads;
  std::error_code error;
  fs::directory_iterator entry(kThreadsFolder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t thread = 0;
    std::from_chars(name.data(), name.data() + name.size(), thread);
    threads.insert(thread);
  }
  if (error) {
    return absl::FailedPreconditionError(
        fmt::format("{}: cannot be read: {}; the threads of the process are "
                    "listed there: mount /proc",
                    kThreadsFolder, error.message()));
  }
  return threads;
}

bool Send(pid_t thread, Call* call) {
  siginfo_t info = {};
  info.si_signo = kSignal;
  info.si_code = SI_QUEUE;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  info.si_value.sival_ptr = call;
  return ::syscall(SYS_rt_tgsigqueueinfo, ::getpid(), thread, kSignal, &info) ==
         0;
}

// True if a thread answered within a slice of time.
bool AwaitAnswer(Call* call) {
  timespec deadline = {};
  ::clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_nsec += kSliceNs;
  if (deadline.tv_nsec >= 1'000'000'000) {
    deadline.tv_nsec -= 1'000'000'000;
    ++deadline.tv_sec;
  }
  int result = 0;
  do {
    result = ::sem_clockwait(&call->done, CLOCK_MONOTONIC, &deadline);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

enum class Outcome { kCalled, kEnded, kSilent };

Outcome RunOn(pid_t thread, Call* call) {
  if (!Send(thread, call)) {
    return errno == ESRCH ? Outcome::kEnded : Outcome::kSilent;
  }
  for (int i = 0; i < kMaxSlices; ++i) {
    if (AwaitAnswer(call)) return Outcome::kCalled;
    if (!IsThread(thread)) return Outcome::kEnded;
  }
  return Outcome::kSilent;
}

// Until a listing shows no thread that has not been called: one that started
// meanwhile may be the child of one that had not been, either.
absl::StatusOr<size_t> RunOnOthers(Call* call) {
  size_t count = 0;
  std::set<pid_t> seen = {::gettid()};
  for (bool is_complete = false; !is_complete;) {
    const absl::StatusOr<std::set<pid_t>> threads = ListThreads();
    if (!threads.ok()) return threads.status();
    is_complete = true;
    for (const pid_t thread : *threads) {
      if (!seen.insert(thread).second) continue;
      is_complete = false;
      const Outcome outcome = RunOn(thread, call);
      if (outcome == Outcome::kSilent) {
        return absl::DeadlineExceededError(
            fmt::format("thread {}: does not answer SIGSYS; the library that "
                        "started it must not block that signal",
                        thread));
      }
      if (outcome == Outcome::kCalled) ++count;
    }
  }
  return count;
}

}  // namespace

absl::StatusOr<size_t> RunOnAllThreads(void (*work)(void*), void* argument) {
  auto call = std::make_unique<Call>();
  call->work = work;
  call->argument = argument;
  ::sem_init(&call->done, /*pshared=*/0, 0);

  struct sigaction action = {};
  struct sigaction previous = {};
  action.sa_sigaction = Answer;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  ::sigfillset(&action.sa_mask);
  ::sigaction(kSignal, &action, &previous);

  const absl::StatusOr<size_t> others = RunOnOthers(call.get());
  if (!others.ok()) {
    // A thread may still answer: what it then reads must not be freed.
    static_cast<void>(call.release());
    return others.status();
  }
  ::sigaction(kSignal, &previous, nullptr);
  ::sem_destroy(&call->done);
  // Last: afterwards it may be unable to list or to signal the others.
  work(argument);
  return *others + 1;
}

}  // namespace octroi
