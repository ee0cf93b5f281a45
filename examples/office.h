// SPDX-License-Identifier: Apache-2.0
// The branch office: which hosts it has, where each of them is seen, and how
// one of them gets to talk to somebody. Thread safety: one thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "examples/capture_file.h"
#include "examples/network.h"
#include "examples/random.h"

namespace octroi::example {

// Interfaces of the capture.
inline constexpr uint32_t kLan = 0;
inline constexpr uint32_t kUplink = 1;

// Hosts that send, and where they are seen.
struct Zone {
  const char* first_ipv4;
  const char* first_ipv6;
  uint16_t hosts;
  uint32_t interface;
  uint16_t vlan;  // 0 for none.
};
inline constexpr Zone kPayments = {"10.20.1.11", "2001:db8:42:20::11", 4,
                                   kUplink, 20};
inline constexpr Zone kDesktops = {"10.30.4.10", "2001:db8:42:30::410", 60,
                                   kLan, 0};
inline constexpr Zone kMailRelay = {"10.30.0.25", "2001:db8:42:30::25", 1, kLan,
                                    0};
inline constexpr Zone kResolver = {"10.30.0.53", "2001:db8:42:30::53", 1, kLan,
                                   0};
inline constexpr Zone kAdmin = {"10.40.0.11", "2001:db8:42:40::11", 3, kUplink,
                                40};

Path PathOf(const Zone& zone);

class Office {
 public:
  // Borrows `capture`, which must outlive it.
  Office(CaptureFile* capture, uint64_t seed);

  Network* network() { return &network_; }
  Random* random() { return network_.random(); }

  // Within the time that is observed, or a little before.
  int64_t AnyTime();

  // From some host of the zone, which has an address of the remote's family.
  Session SessionOf(const Zone& zone, std::string_view remote, uint16_t port,
                    int64_t start_ns, int64_t round_trip_us);

  // Just before the session, its client asks the office's resolver for the
  // server's address; if that has forgotten the name, it asks Quad9.
  void LookUpFirst(const Zone& zone, const Session& session,
                   std::string_view name);

 private:
  const int64_t first_ns_;
  const int64_t end_ns_;
  Network network_;
};

}  // namespace octroi::example
