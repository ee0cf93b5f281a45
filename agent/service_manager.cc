// SPDX-License-Identifier: Apache-2.0
#include "agent/service_manager.h"

#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <ctime>

#include "fmt/format.h"

namespace octroi {
namespace {

// Nobody listening is no failure: sd_notify then does nothing.
void Notify(const std::string& message) {
  sd_notify(/*unset_environment=*/0, message.c_str());
}

// A status is one line.
std::string OneLine(std::string text) {
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

}  // namespace

ServiceManager::ServiceManager() {
  uint64_t watchdog_us = 0;
  if (sd_watchdog_enabled(/*unset_environment=*/0, &watchdog_us) > 0) {
    watchdog_ns_ = static_cast<int64_t>(watchdog_us) * 1000;
  }
  const char* socket = std::getenv("NOTIFY_SOCKET");
  has_abstract_socket_ = socket != nullptr && *socket == '@';
}

void ServiceManager::Ready(const std::string& status) {
  Notify(fmt::format("READY=1\nSTATUS={}", OneLine(status)));
}

// systemd 253 and later want to know since when.
void ServiceManager::Reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  Notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                     now.tv_sec * int64_t{1'000'000} + now.tv_nsec / 1000));
}

void ServiceManager::Stopping(const std::string& status) {
  Notify(fmt::format("STOPPING=1\nSTATUS={}", OneLine(status)));
}

void ServiceManager::Status(const std::string& status) {
  Notify(fmt::format("STATUS={}", OneLine(status)));
}

void ServiceManager::FeedWatchdog() { Notify("WATCHDOG=1"); }

}  // namespace octroi
