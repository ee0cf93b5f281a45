// SPDX-License-Identifier: Apache-2.0
#include "agent/service_manager.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <ctime>

#include "fmt/format.h"

namespace octroi {
namespace {

// How long a message may wait for room in the socket's queue.
constexpr int kRoomMs = 100;

std::string_view Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

std::optional<int64_t> NumberIn(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

// sd_watchdog_enabled(3): the time, unless it is meant for another process.
std::optional<int64_t> WatchdogNs() {
  constexpr int64_t kMaxUs = int64_t{86'400} * 1'000'000;
  const std::optional<int64_t> us = NumberIn(Variable("WATCHDOG_USEC"));
  const std::string_view pid = Variable("WATCHDOG_PID");
  if (!us || *us <= 0 || *us > kMaxUs) return std::nullopt;
  if (!pid.empty() && NumberIn(pid) != int64_t{getpid()}) return std::nullopt;
  return *us * 1000;
}

// A status is one line.
std::string OneLine(std::string text) {
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

}  // namespace

ServiceManager::ServiceManager() : watchdog_ns_(WatchdogNs()) {
  const std::string_view path = Variable("NOTIFY_SOCKET");
  if (path.empty() || path.size() >= sizeof(address_.sun_path)) return;
  address_.sun_family = AF_UNIX;
  path.copy(address_.sun_path, path.size());
  address_size_ =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  // '@' stands for the NUL that names in the abstract name space begin with.
  has_abstract_socket_ = path.front() == '@';
  if (has_abstract_socket_) address_.sun_path[0] = '\0';
  socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

ServiceManager::~ServiceManager() {
  if (socket_ >= 0) close(socket_);
}

void ServiceManager::Send(std::string_view message) {
  if (socket_ < 0) return;
  const auto send = [&] {
    return sendto(socket_, message.data(), message.size(),
                  MSG_DONTWAIT | MSG_NOSIGNAL,
                  reinterpret_cast<const sockaddr*>(&address_),
                  address_size_) >= 0;
  };
  if (send()) return;
  pollfd waiting = {socket_, POLLOUT, 0};
  if (poll(&waiting, 1, kRoomMs) > 0) send();
}

void ServiceManager::Ready(const std::string& status) {
  Send(fmt::format("READY=1\nSTATUS={}", OneLine(status)));
}

// systemd 253 and later want to know since when.
void ServiceManager::Reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  Send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                   now.tv_sec * int64_t{1'000'000} + now.tv_nsec / 1000));
}

void ServiceManager::Stopping(const std::string& status) {
  Send(fmt::format("STOPPING=1\nSTATUS={}", OneLine(status)));
}

void ServiceManager::Status(const std::string& status) {
  Send(fmt::format("STATUS={}", OneLine(status)));
}

void ServiceManager::FeedWatchdog() { Send("WATCHDOG=1"); }

}  // namespace octroi
