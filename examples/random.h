// SPDX-License-Identifier: Apache-2.0
// Numbers that look random and are the same everywhere: splitmix64 (Steele,
// Lea, Flood: "Fast splittable pseudorandom number generators", 2014) with
// integer arithmetic only. The distributions of <random> are left out, since
// each standard library has its own.
//
// Call it once per full expression: C++ does not say which argument of a call
// is evaluated first. Thread safety: one thread.
#pragma once

#include <cassert>
#include <cstdint>

namespace octroi::example {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  // 0 to `bound` - 1. The bias of the remainder is below 2^-30 here.
  // REQUIRES: 0 < bound < 2^34.
  uint64_t Below(uint64_t bound) {
    assert(bound > 0);
    return Next() % bound;
  }

  // `least` to `most`, both included.
  int64_t Between(int64_t least, int64_t most) {
    assert(least <= most);
    return least +
           static_cast<int64_t>(Below(static_cast<uint64_t>(most - least) + 1));
  }

  // Half of `typical` to double of it, small values more often: what sizes of
  // requests and pauses between them look like, near enough.
  int64_t Around(int64_t typical) {
    const int64_t most = Between(typical, 2 * typical);
    return Between(typical / 2, most);
  }

  bool IsOneIn(uint64_t count) { return Below(count) == 0; }

 private:
  uint64_t state_;
};

}  // namespace octroi::example
