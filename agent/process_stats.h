// SPDX-License-Identifier: Apache-2.0
// What the kernel says of this process, for the metrics process_*. The files
// of /proc are opened before the sandbox closes them to all others, and read
// anew each time.
//
// Thread safety: Read is called under the caller's lock: it moves a position.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace octroi {

// Nothing: the kernel does not say.
struct ProcessStats {
  std::optional<double> cpu_seconds;
  std::optional<uint64_t> resident_bytes;
  std::optional<uint64_t> virtual_bytes;
  std::optional<uint64_t> open_fds;
  std::optional<uint64_t> max_fds;  // Also nothing where there is no limit.
  std::optional<uint64_t> threads;
  std::optional<double> start_time_seconds;  // Since the Unix epoch.
};

// Fields of /proc/PID/stat (proc(5)).
struct StatFields {
  uint64_t threads = 0;
  uint64_t start_ticks = 0;  // Since boot.
  uint64_t virtual_bytes = 0;
  uint64_t resident_pages = 0;
};
// Nothing if the text is not such a line. The program's name in it may hold
// anything, ')' and spaces included.
std::optional<StatFields> ParseStat(std::string_view text);

class ProcessReader {
 public:
  // Opens the files; what cannot be opened will be nothing.
  ProcessReader();
  ~ProcessReader();
  ProcessReader(const ProcessReader&) = delete;
  ProcessReader& operator=(const ProcessReader&) = delete;

  ProcessStats Read();

 private:
  std::optional<StatFields> ReadStat() const;
  std::optional<uint64_t> CountOpenFds() const;

  // Constant after construction; -1: could not be opened.
  const int stat_;
  const int descriptors_;
  std::optional<double> start_time_seconds_;
};

}  // namespace octroi
