// SPDX-License-Identifier: Apache-2.0
// A device's counter as a 64-bit count since the first reading, across wraps of
// 32 bits and across resets.
//
// A reading below the one before it means one of the two, and a reading does
// not say which. From the upper half of 32 bits to the lower half it is taken
// for a wrap, anything else for a reset, after which at least what the counter
// shows has happened. So no event is counted that did not happen, unless a
// counter was reset between 2^31 and 2^32.
//
// Thread safety: one thread.
#pragma once

#include <cstdint>

namespace octroi {

class WrappingCount {
 public:
  // The count starts at 0 where the counter stands now.
  explicit WrappingCount(uint64_t first_reading = 0) : last_(first_reading) {}

  // Returns the count as of this reading.
  uint64_t Update(uint64_t reading) {
    if (reading >= last_) {
      count_ += reading - last_;
    } else if (last_ <= UINT32_MAX && last_ > kHalf && reading <= kHalf) {
      count_ += (uint64_t{UINT32_MAX} - last_) + 1 + reading;
    } else {
      count_ += reading;
    }
    last_ = reading;
    return count_;
  }

  uint64_t count() const { return count_; }

 private:
  static constexpr uint64_t kHalf = uint64_t{1} << 31;

  uint64_t last_;
  uint64_t count_ = 0;
};

}  // namespace octroi
