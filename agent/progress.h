// SPDX-License-Identifier: Apache-2.0
// A progress bar on standard error for work that takes more than a second.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace octroi {

struct Progress {
  uint64_t bytes_done = 0;
  std::optional<uint64_t> bytes_total;  // Nothing if it cannot be known.
  // Of work that is not counted in bytes: how much is done, in [0, 1].
  std::optional<double> share = std::nullopt;
};

// "[#####.....]  52 %  1.2 GB of 2.3 GB  410 MB/s  3 s left", without the bar
// where the total is not known, without the bytes where there is a share.
std::string ProgressLine(const Progress& progress, double elapsed_s);

// Draws a line that redraws itself, from a thread of its own, until it is
// destroyed; then the line is wiped. Nothing is drawn in the first second.
class ProgressBar {
 public:
  // `read` is called from the bar's thread. Both must outlive the bar.
  ProgressBar(std::function<Progress()> read, std::ostream* stream);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

 private:
  void Run();

  // Constant after construction.
  const std::function<Progress()> read_;
  std::ostream* const stream_;

  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable ended_;
  bool has_ended_ = false;

  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace octroi
