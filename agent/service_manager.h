// SPDX-License-Identifier: Apache-2.0
// What the daemon tells the service manager that started it, and how often it
// must be heard of: the protocol of sd_notify(3), datagrams to a Unix socket.
// Without a service manager nothing is sent.
//
// libsystemd's own function waits for as long as the socket's queue is full,
// and with it the control loop would: here a message waits a moment and is
// then given up.
//
// Thread safety: one thread at a time.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace octroi {

class ServiceManager {
 public:
  // Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID, and opens a socket.
  ServiceManager();
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

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
  void Send(std::string_view message);

  std::optional<int64_t> watchdog_ns_;
  bool has_abstract_socket_ = false;
  int socket_ = -1;  // None: nobody listens.
  sockaddr_un address_{};
  socklen_t address_size_ = 0;
};

}  // namespace octroi
