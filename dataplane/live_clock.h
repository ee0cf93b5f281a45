// SPDX-License-Identifier: Apache-2.0
// The clock of a live source: ns since the Unix epoch when it was made, and
// from then on as time really passes. An administrator or NTP may set the wall
// clock meanwhile; timeouts are not to notice. One thread.
#pragma once

#include <cstdint>
#include <ctime>

namespace octroi {

class LiveClock {
 public:
  LiveClock() : offset_ns_(Read(CLOCK_REALTIME) - Read(CLOCK_MONOTONIC)) {}

  // Never goes backwards. Read without a system call (vDSO).
  int64_t Now() const { return offset_ns_ + Read(CLOCK_MONOTONIC); }

 private:
  static int64_t Read(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return time.tv_sec * int64_t{1'000'000'000} + time.tv_nsec;
  }

  const int64_t offset_ns_;
};

}  // namespace octroi
