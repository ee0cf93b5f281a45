// SPDX-License-Identifier: Apache-2.0
// Takes what DPDK logs: gives each line to a DpdkLog, and keeps the first
// error, because DPDK's functions fail with a number and say why in the log
// only. What follows the first error is what came of it.
//
// Thread safety: any thread may log and call TakeError.
#pragma once

#include <cstddef>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

#include "dataplane/dpdk.h"

namespace octroi {

class DpdkLogStream {
 public:
  // Becomes DPDK's log, until destroyed. There is one log in a process.
  explicit DpdkLogStream(DpdkLog log);
  ~DpdkLogStream();
  DpdkLogStream(const DpdkLogStream&) = delete;
  DpdkLogStream& operator=(const DpdkLogStream&) = delete;

  // The first error line since the last call; empty if there was none.
  std::string TakeError();

 private:
  static ssize_t Write(void* cookie, const char* text, size_t size);
  void Add(std::string_view text);
  void EndLine();

  const DpdkLog log_;
  FILE* file_ = nullptr;

  std::mutex mu_;
  std::string line_;   // Guarded by mu_.
  std::string error_;  // Guarded by mu_.
};

}  // namespace octroi
