// SPDX-License-Identifier: Apache-2.0
// The signals that the daemon hears, read from a descriptor on the control
// thread; no handler runs anywhere.
//
// Thread safety: made on the main thread before any other one is started, so
// that all of them have these signals blocked.
#pragma once

#include <memory>

#include "absl/status/statusor.h"

namespace octroi {

class Signals {
 public:
  // Blocks SIGTERM, SIGINT and SIGHUP, and ignores SIGPIPE and SIGXFSZ, which
  // are errors of the call that meets them.
  static absl::StatusOr<std::unique_ptr<Signals>> Create();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Readable when a signal has come: for poll.
  int descriptor() const { return descriptor_; }

  // What has come since the last call.
  struct Received {
    bool should_end = false;
    bool should_reload = false;
  };
  Received Take();

 private:
  explicit Signals(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
};

}  // namespace octroi
