// SPDX-License-Identifier: Apache-2.0
#include "agent/progress.h"

#include <chrono>
#include <ostream>

#include "agent/text.h"
#include "fmt/format.h"

namespace octroi {
namespace {

constexpr std::chrono::milliseconds kFirstDraw{1000};
constexpr std::chrono::milliseconds kRedraw{200};
constexpr size_t kBarWidth = 30;
// ECMA-48: to column one, then erase the line.
constexpr std::string_view kWipe = "\r\x1b[K";

std::string Bar(double fraction) {
  const auto filled = static_cast<size_t>(fraction * kBarWidth);
  return fmt::format("[{}{}]", std::string(filled, '#'),
                     std::string(kBarWidth - filled, '.'));
}

}  // namespace

std::string ProgressLine(const Progress& progress, double elapsed_s) {
  if (progress.share) {
    const double share = *progress.share;
    return fmt::format("{} {:3.0f} %", Bar(share), share * 100) +
           (share > 0 ? fmt::format("  {:.0f} s left",
                                    elapsed_s / share * (1 - share))
                      : "");
  }
  const auto done = static_cast<double>(progress.bytes_done);
  const double rate = elapsed_s > 0 ? done / elapsed_s : 0;
  const std::string rate_text = HumanBytes(static_cast<uint64_t>(rate)) + "/s";
  if (!progress.bytes_total || *progress.bytes_total == 0) {
    return fmt::format("{} read  {}", HumanBytes(progress.bytes_done),
                       rate_text);
  }
  const auto total = static_cast<double>(*progress.bytes_total);
  // A file may grow while it is read.
  const double fraction = done < total ? done / total : 1;
  std::string line =
      fmt::format("{} {:3.0f} %  {} of {}  {}", Bar(fraction), fraction * 100,
                  HumanBytes(progress.bytes_done),
                  HumanBytes(*progress.bytes_total), rate_text);
  if (rate > 0) {
    line += fmt::format("  {:.0f} s left", (total * (1 - fraction)) / rate);
  }
  return line;
}

ProgressBar::ProgressBar(std::function<Progress()> read, std::ostream* stream)
    : read_(std::move(read)), stream_(stream), thread_([this] { Run(); }) {}

ProgressBar::~ProgressBar() {
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
  }
  ended_.notify_one();
  thread_.join();
}

void ProgressBar::Run() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  std::unique_lock lock(mutex_);
  if (ended_.wait_for(lock, kFirstDraw, [this] { return has_ended_; })) return;
  while (!has_ended_) {
    const std::chrono::duration<double> elapsed = Clock::now() - start;
    *stream_ << kWipe << ProgressLine(read_(), elapsed.count()) << std::flush;
    ended_.wait_for(lock, kRedraw, [this] { return has_ended_; });
  }
  *stream_ << kWipe << std::flush;
}

}  // namespace octroi
