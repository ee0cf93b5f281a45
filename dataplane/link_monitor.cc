// SPDX-License-Identifier: Apache-2.0
#include "dataplane/link_monitor.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "fmt/format.h"

namespace octroi {
namespace {

// An attribute's payload as a value of type T; nothing if it is shorter.
template <typename T>
std::optional<T> ReadAttribute(const nlattr* attribute) {
  T value{};
  if (mnl_attr_get_payload_len(attribute) < sizeof(T)) return std::nullopt;
  std::memcpy(&value, mnl_attr_get_payload(attribute), sizeof(T));
  return value;
}

// Calls `use` with each attribute behind a header of `header_bytes`.
template <typename Use>
void ForEachAttribute(const nlmsghdr* message, size_t header_bytes, Use use) {
  const auto on_attribute = [](const nlattr* attribute, void* data) {
    (*static_cast<Use*>(data))(attribute);
    return MNL_CB_OK;
  };
  mnl_attr_parse(message, static_cast<unsigned>(header_bytes), +on_attribute,
                 &use);
}

// Older kernels send fewer counters: what is not there stays 0.
rtnl_link_stats64 ReadStatistics(const nlattr* attribute) {
  rtnl_link_stats64 statistics{};
  std::memcpy(&statistics, mnl_attr_get_payload(attribute),
              std::min<size_t>(mnl_attr_get_payload_len(attribute),
                               sizeof(statistics)));
  return statistics;
}

std::optional<Link> ReadLink(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWLINK) return std::nullopt;
  const auto* header =
      static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  Link link;
  link.index = header->ifi_index;
  link.is_up = (header->ifi_flags & IFF_UP) != 0 &&
               (header->ifi_flags & IFF_RUNNING) != 0;
  link.is_loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
  bool is_elsewhere = false;
  ForEachAttribute(message, sizeof(ifinfomsg), [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case IFLA_IFNAME:
        if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0) {
          link.name = mnl_attr_get_str(attribute);
        }
        break;
      case IFLA_MASTER:
        link.master_index =
            static_cast<int>(ReadAttribute<uint32_t>(attribute).value_or(0));
        break;
      case IFLA_LINK:
        link.lower_index =
            static_cast<int>(ReadAttribute<uint32_t>(attribute).value_or(0));
        break;
      case IFLA_LINK_NETNSID:
        is_elsewhere = true;
        break;
      case IFLA_STATS64: {
        const rtnl_link_stats64 statistics = ReadStatistics(attribute);
        link.packets = statistics.rx_packets + statistics.tx_packets;
        link.missed_packets =
            statistics.rx_missed_errors + statistics.rx_fifo_errors;
        break;
      }
      default:
        break;
    }
  });
  // The other end of a veth pair is no lower layer; of a pair in two
  // namespaces the index means nothing here at all.
  if (is_elsewhere || link.lower_index == link.index) link.lower_index = 0;
  return link;
}

std::optional<IpAddress> ReadAddress(const nlmsghdr* message, int index) {
  if (message->nlmsg_type != RTM_NEWADDR) return std::nullopt;
  const auto* header =
      static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  if (static_cast<int>(header->ifa_index) != index) return std::nullopt;
  // The local address of a point-to-point link is IFA_LOCAL, its peer's
  // IFA_ADDRESS; elsewhere both are the same, or only the latter is there.
  std::optional<IpAddress> address;
  ForEachAttribute(message, sizeof(ifaddrmsg), [&](const nlattr* attribute) {
    const int type = mnl_attr_get_type(attribute);
    if (type != IFA_LOCAL && (type != IFA_ADDRESS || address)) return;
    if (header->ifa_family == AF_INET) {
      const auto bytes = ReadAttribute<std::array<uint8_t, 4>>(attribute);
      if (bytes) address = IpAddress::V4FromBytes(bytes->data());
    } else if (header->ifa_family == AF_INET6) {
      const auto bytes = ReadAttribute<std::array<uint8_t, 16>>(attribute);
      if (bytes) address = IpAddress::V6FromBytes(bytes->data());
    }
  });
  return address;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LinkMonitor>> LinkMonitor::Open() {
  mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  if (socket == nullptr || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
    const std::string why = std::generic_category().message(errno);
    if (socket != nullptr) mnl_socket_close(socket);
    return absl::UnavailableError(fmt::format(
        "rtnetlink: the network interfaces cannot be asked for: {}; the "
        "address family AF_NETLINK must be permitted",
        why));
  }
  return std::unique_ptr<LinkMonitor>(new LinkMonitor(socket));
}

LinkMonitor::~LinkMonitor() { mnl_socket_close(socket_); }

// Sends one request, which `fill` completes, and gives each message of the
// answer to `take`. False if the kernel refuses.
template <typename Fill, typename Take>
bool LinkMonitor::Ask(uint16_t type, uint16_t flags, Fill fill, Take take) {
  // A dump comes in parts of at most 32 KiB (the kernel's NLMSG_GOODSIZE).
  std::array<char, 32'768> buffer;
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = type;
  request->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  request->nlmsg_seq = ++sequence_;
  fill(request);
  if (mnl_socket_sendto(socket_, request, request->nlmsg_len) < 0) return false;

  const auto on_message = [](const nlmsghdr* message, void* data) {
    (*static_cast<Take*>(data))(message);
    return MNL_CB_OK;
  };
  const bool is_dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
  int result = MNL_CB_OK;
  do {
    const ssize_t size =
        mnl_socket_recvfrom(socket_, buffer.data(), buffer.size());
    if (size < 0) return false;
    result = mnl_cb_run(buffer.data(), static_cast<size_t>(size), sequence_,
                        mnl_socket_get_portid(socket_), +on_message, &take);
    // What is left of an earlier answer is passed over.
    if (result < 0 && errno != ESRCH && errno != EPROTO) return false;
  } while (result < 0 || (is_dump && result > MNL_CB_STOP));
  return true;
}

std::optional<Link> LinkMonitor::Find(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) return std::nullopt;
  std::optional<Link> found;
  const auto fill = [&](nlmsghdr* request) {
    mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg));
    mnl_attr_put_strz(request, IFLA_IFNAME, name.c_str());
  };
  const bool is_answered =
      Ask(RTM_GETLINK, 0, fill,
          [&](const nlmsghdr* message) { found = ReadLink(message); });
  return is_answered ? found : std::nullopt;
}

std::optional<Link> LinkMonitor::Find(int index) {
  if (index <= 0) return std::nullopt;
  std::optional<Link> found;
  const auto fill = [&](nlmsghdr* request) {
    auto* header = static_cast<ifinfomsg*>(
        mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg)));
    header->ifi_index = index;
  };
  const bool is_answered =
      Ask(RTM_GETLINK, 0, fill,
          [&](const nlmsghdr* message) { found = ReadLink(message); });
  return is_answered ? found : std::nullopt;
}

std::vector<IpAddress> LinkMonitor::AddressesOf(int index) {
  std::vector<IpAddress> addresses;
  const auto fill = [](nlmsghdr* request) {
    mnl_nlmsg_put_extra_header(request, sizeof(ifaddrmsg));
  };
  Ask(RTM_GETADDR, NLM_F_DUMP, fill, [&](const nlmsghdr* message) {
    const std::optional<IpAddress> address = ReadAddress(message, index);
    if (address) addresses.push_back(*address);
  });
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

std::optional<StackedLinks> FindStacked(const std::vector<Link>& links) {
  for (const Link& port : links) {
    for (const Link& other : links) {
      if (port.master_index == other.index) {
        return StackedLinks{other.name, port.name};
      }
      // Each end of a veth pair names the other one: neither is above.
      if (port.lower_index == other.index && other.lower_index != port.index) {
        return StackedLinks{port.name, other.name};
      }
    }
  }
  return std::nullopt;
}

}  // namespace octroi
