// SPDX-License-Identifier: Apache-2.0
// Where the metrics are served: the text of `metrics.listen`, understood. No
// name is looked up. Plain values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "geo/ip_address.h"

namespace octroi {

struct ListenAddress {
  enum class Kind : uint8_t {
    kTcp,      // "127.0.0.1:9469", "[::1]:9469"; "[::]:9469" takes IPv4 too.
    kUnix,     // "unix:/run/octroi/metrics.sock"
    kSystemd,  // "systemd": the socket that the service manager has opened.
    kNone,     // "none": nobody listens.
  };

  Kind kind = Kind::kTcp;
  IpAddress address = {};  // kTcp
  uint16_t port = 0;       // kTcp; 0 lets the kernel choose.
  std::string path = {};   // kUnix, absolute.

  // As the configuration writes it.
  std::string ToString() const;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// Nothing if the text is none of the above.
std::optional<ListenAddress> ParseListenAddress(std::string_view text);

// What ParseListenAddress accepts, for messages.
inline constexpr std::string_view kListenAddressHint =
    "write an IP address and a port (127.0.0.1:9469, [::1]:9469), "
    "unix:/PATH, systemd or none";

}  // namespace octroi
