// SPDX-License-Identifier: Apache-2.0
// A number that one thread adds to and any thread reads.
//
// Add is a plain load and store, without a locked instruction, because there
// is no other writer. A reader may see a value a burst old, never a torn one
// and never a smaller one than it saw before.
#pragma once

#include <atomic>
#include <cstdint>

namespace octroi {

class Counter {
 public:
  // Owner thread only.
  void Add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n,
                 std::memory_order_relaxed);
  }
  // Takes over a number that is counted elsewhere. Owner thread only.
  // REQUIRES: n >= Read().
  void Set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }

  // Any thread.
  uint64_t Read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
  static_assert(std::atomic<uint64_t>::is_always_lock_free);
};

}  // namespace octroi
