// SPDX-License-Identifier: Apache-2.0
#include "agent/all_threads.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <latch>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace octroi {
namespace {

// Which threads were called, without allocating in a signal handler.
struct Callers {
  std::array<pid_t, 64> threads = {};
  size_t count = 0;

  static void Note(void* argument) {
    auto* callers = static_cast<Callers*>(argument);
    if (callers->count == callers->threads.size()) return;
    callers->threads[callers->count++] = ::gettid();
  }

  size_t CountOf(pid_t thread) const {
    return static_cast<size_t>(
        std::count(threads.begin(), threads.begin() + count, thread));
  }
};

// Threads that wait until the object ends.
class WaitingThreads {
 public:
  explicit WaitingThreads(size_t count) : started_(count), ids_(count) {
    for (size_t i = 0; i < count; ++i) {
      threads_.emplace_back([this, i] {
        ids_[i] = ::gettid();
        started_.count_down();
        has_ended_.wait(false);
      });
    }
    started_.wait();
  }

  ~WaitingThreads() {
    has_ended_ = true;
    has_ended_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  WaitingThreads(const WaitingThreads&) = delete;
  WaitingThreads& operator=(const WaitingThreads&) = delete;

  const std::vector<pid_t>& ids() const { return ids_; }

 private:
  std::latch started_;
  std::vector<pid_t> ids_;
  std::atomic<bool> has_ended_{false};
  std::vector<std::thread> threads_;
};

TEST(AllThreadsTest, CallsEachThreadOnceAndTheCallingOneLast) {
  const WaitingThreads waiting(5);
  Callers callers;

  const absl::StatusOr<size_t> count = RunOnAllThreads(Callers::Note, &callers);

  ASSERT_TRUE(count.ok()) << count.status();
  EXPECT_EQ(*count, callers.count);
  for (const pid_t thread : waiting.ids()) {
    EXPECT_EQ(callers.CountOf(thread), 1U);
  }
  EXPECT_EQ(callers.CountOf(::gettid()), 1U);
  EXPECT_EQ(callers.threads[callers.count - 1], ::gettid());
}

TEST(AllThreadsTest, GivesTheSignalBack) {
  struct sigaction before = {};
  ::sigaction(SIGSYS, nullptr, &before);
  Callers callers;

  ASSERT_TRUE(RunOnAllThreads(Callers::Note, &callers).ok());

  struct sigaction after = {};
  ::sigaction(SIGSYS, nullptr, &after);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
}

}  // namespace
}  // namespace octroi
