// SPDX-License-Identifier: Apache-2.0
// What the daemon tells the service manager that started it (sd_notify(3)), and
// how often it must be heard of. Without one nothing is sent. Any thread, one
// at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace octroi {

class ServiceManager {
 public:
  // Reads $NOTIFY_SOCKET and $WATCHDOG_USEC.
  ServiceManager();

  // Packets can be received; or, after Reloading, the reload has ended.
  void Ready(const std::string& status);
  void Reloading();
  void Stopping(const std::string& status);
  // What `systemctl status` shows.
  void Status(const std::string& status);
  // The process is well. To be sent only if every worker is.
  void FeedWatchdog();

  // How long it may be silent; nothing: nobody watches.
  std::optional<int64_t> watchdog_ns() const { return watchdog_ns_; }
  // The socket's name is in the abstract name space, as a container may have
  // it.
  bool has_abstract_socket() const { return has_abstract_socket_; }

 private:
  std::optional<int64_t> watchdog_ns_;
  bool has_abstract_socket_ = false;
};

}  // namespace octroi
