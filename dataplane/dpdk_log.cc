// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk_log.h"

#include <rte_log.h>

#include <utility>

namespace octroi {
namespace {

// A driver that never ends its line is cut here.
constexpr size_t kMaxLineBytes = 1000;

}  // namespace

DpdkLogStream::DpdkLogStream(DpdkLog log) : log_(std::move(log)) {
  cookie_io_functions_t functions{};
  functions.write = Write;
  file_ = fopencookie(this, "w", functions);
  // Each message is flushed by DPDK. Without memory for a stream the messages
  // go to stderr, DPDK's default.
  if (file_ != nullptr) rte_openlog_stream(file_);
}

DpdkLogStream::~DpdkLogStream() {
  rte_openlog_stream(nullptr);
  if (file_ != nullptr) std::fclose(file_);
}

std::string DpdkLogStream::TakeError() {
  const std::lock_guard lock(mu_);
  return std::exchange(error_, std::string());
}

ssize_t DpdkLogStream::Write(void* cookie, const char* text, size_t size) {
  static_cast<DpdkLogStream*>(cookie)->Add({text, size});
  return static_cast<ssize_t>(size);
}

void DpdkLogStream::Add(std::string_view text) {
  const std::lock_guard lock(mu_);
  for (const char c : text) {
    if (c == '\n' || line_.size() >= kMaxLineBytes) EndLine();
    if (c != '\n') line_ += c;
  }
}

void DpdkLogStream::EndLine() {
  while (!line_.empty() && (line_.back() == ' ' || line_.back() == '\r')) {
    line_.pop_back();
  }
  // DPDK's levels are syslog's plus one.
  const int severity = rte_log_cur_msg_loglevel() - 1;
  if (!line_.empty()) {
    if (severity <= 3 && error_.empty()) error_ = line_;
    if (log_) log_(severity, line_);
  }
  line_.clear();
}

}  // namespace octroi
