// SPDX-License-Identifier: Apache-2.0
// Counts calls of operator new, so that a test can show that a piece of code
// takes no memory. A program that uses it replaces the global operators.
#pragma once

#include <cstdint>

namespace octroi::testing {

// Counts what the current thread allocates while the guard lives.
class AllocationGuard {
 public:
  AllocationGuard();

  // Calls of operator new since construction, by this thread.
  uint64_t allocation_count() const;

 private:
  const uint64_t start_count_;
};

}  // namespace octroi::testing
