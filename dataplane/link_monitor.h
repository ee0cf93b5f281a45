// SPDX-License-Identifier: Apache-2.0
// The network interfaces of this host as the kernel tells them over rtnetlink:
// state, counters, what they are stacked on, and addresses. A socket that is
// opened once answers for interfaces that come later, and needs no privilege.
//
// Thread safety: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "geo/ip_address.h"

struct mnl_socket;

namespace octroi {

struct Link {
  int index = 0;  // ifindex
  std::string name;
  // Administratively up, and able to carry packets (IFF_UP, IFF_RUNNING).
  bool is_up = false;
  bool is_loopback = false;
  int master_index = 0;  // The bridge or bond that it is a port of; 0: none.
  int lower_index = 0;   // What it stands on (VLAN, macvlan); 0: nothing.
  // In both directions, as the driver counts (rtnl_link_stats64).
  uint64_t packets = 0;
  // Received packets that the interface had no room for: rx_missed_errors and
  // rx_fifo_errors, which drivers fill in different ways.
  uint64_t missed_packets = 0;
};

class LinkMonitor {
 public:
  // Opens the socket. Fails where rtnetlink is not to be had.
  static absl::StatusOr<std::unique_ptr<LinkMonitor>> Open();
  ~LinkMonitor();
  LinkMonitor(const LinkMonitor&) = delete;
  LinkMonitor& operator=(const LinkMonitor&) = delete;

  // The interface of that name, or of that index, now; nothing if there is
  // none or the kernel does not answer.
  std::optional<Link> Find(const std::string& name);
  std::optional<Link> Find(int index);

  // Every address of the interface, both families, in ascending order; empty
  // if it has none or is not there.
  std::vector<IpAddress> AddressesOf(int index);

 private:
  explicit LinkMonitor(mnl_socket* socket) : socket_(socket) {}

  template <typename Fill, typename Take>
  bool Ask(uint16_t type, uint16_t flags, Fill fill, Take take);

  mnl_socket* const socket_;
  uint32_t sequence_ = 0;
};

// An interface whose packets `links` would count twice: it is another one's
// master or port, or one stands on the other.
struct StackedLinks {
  std::string upper;
  std::string lower;
};
std::optional<StackedLinks> FindStacked(const std::vector<Link>& links);

}  // namespace octroi
