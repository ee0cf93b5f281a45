// SPDX-License-Identifier: Apache-2.0
// The network around the capture: where a conversation is seen, and how its
// packets get there, through tunnels and in fragments. Times are ns since the
// Unix epoch. Thread safety: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "examples/capture_file.h"
#include "examples/packet.h"
#include "examples/random.h"

namespace octroi::example {

inline constexpr int64_t kMicrosecond = 1'000;
inline constexpr int64_t kMillisecond = 1'000 * kMicrosecond;
inline constexpr int64_t kSecond = 1'000 * kMillisecond;
inline constexpr int64_t kMinute = 60 * kSecond;

struct Endpoint {
  Address address;
  uint16_t port = 0;
};

// A tunnel between the office and a far end.
struct Tunnel {
  uint8_t protocol = kGre;  // Or kUdp, for VXLAN.
  Address office_end;
  Address far_end;
  uint32_t id = 0;  // GRE key, VXLAN network identifier.
};

// Where a conversation is seen.
struct Path {
  uint32_t interface = 0;
  std::vector<VlanTag> tags;
  std::optional<Tunnel> tunnel;
};

// Who talks to whom, where that is seen, from when on, and how far away both
// are.
struct Session {
  Path path;
  Endpoint client;
  Endpoint server;
  int64_t start_ns = 0;
  // From the capture to the client, or to the server, and back.
  int64_t client_round_trip_ns = 200 * kMicrosecond;
  int64_t server_round_trip_ns = 200 * kMicrosecond;
  // One TCP segment in so many is lost behind the capture; 0 for none.
  uint64_t lost_one_in = 0;
};

class Network {
 public:
  // Borrows `capture`, which must outlive it.
  Network(CaptureFile* capture, uint64_t seed);

  // One IP packet, in fragments if it is longer than 1500 octets. Fills in the
  // hop limit and the identification. `ip.protocol` tells what `transport` is.
  void Send(const Path& path, int64_t time_ns, IpHeader ip,
            const Bytes& transport);
  void SendUdp(const Path& path, int64_t time_ns, const Endpoint& from,
               const Endpoint& to, const Bytes& payload);
  // A frame that is not IP.
  void SendFrame(const Path& path, int64_t time_ns, const MacAddress& source,
                 const MacAddress& destination, uint16_t ether_type,
                 const Bytes& content);

  // A port for a client, not used again for long.
  uint16_t NextClientPort();

  // Numbers for packets and conversations.
  Random* random() { return &random_; }

 private:
  // The packet inside the tunnel, from the end on the sender's side.
  void SendThroughTunnel(const Path& path, int64_t time_ns,
                         const IpHeader& inner, const Bytes& packet);

  CaptureFile* const capture_;
  Random random_;
  uint16_t next_client_port_ = 0;
};

}  // namespace octroi::example
