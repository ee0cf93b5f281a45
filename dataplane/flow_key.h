// SPDX-License-Identifier: Apache-2.0
// What makes two packets one flow: the 5-tuple of an IP layer without VLAN
// tags, the same for both directions (RFC 5103), and the tunnel that the layer
// was found in. Keys are compared whole; the hash only finds the place.
//
// Plain values and pure functions: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "dataplane/decode.h"
#include "geo/ip_address.h"

namespace octroi {

// Number of a tunnel in a worker's TunnelIndex; 0 is the outermost layer.
using TunnelNumber = uint32_t;
inline constexpr TunnelNumber kNoTunnel = 0;
inline constexpr TunnelNumber kTunnelNumberLimit = 1u << 23;

// One of the two ends of a flow. kA is the one with the smaller (address,
// port), so that both directions have one key.
enum class Endpoint : uint8_t { kA = 0, kB = 1 };

constexpr Endpoint Opposite(Endpoint endpoint) {
  return endpoint == Endpoint::kA ? Endpoint::kB : Endpoint::kA;
}

struct FlowKey {
  // Halves of the addresses as IpAddress::high() and low() give them.
  uint64_t a_high = 0;
  uint64_t a_low = 0;
  uint64_t b_high = 0;
  uint64_t b_low = 0;
  // Of TCP, UDP and SCTP; 0 for other protocols and for fragments whose ports
  // are not known.
  uint16_t a_port = 0;
  uint16_t b_port = 0;
  uint32_t protocol_identifier : 8 = 0;
  uint32_t is_v6 : 1 = 0;
  uint32_t tunnel : 23 = kNoTunnel;

  IpAddress address(Endpoint endpoint) const;
  uint16_t port(Endpoint endpoint) const {
    return endpoint == Endpoint::kA ? a_port : b_port;
  }

  friend bool operator==(const FlowKey&, const FlowKey&) = default;
};
static_assert(sizeof(FlowKey) == 40);
static_assert(std::is_trivially_copyable_v<FlowKey>);
static_assert(std::has_unique_object_representations_v<FlowKey>);

// A key, and which end of it sent the packet that it was made from.
struct DirectedKey {
  FlowKey key;
  Endpoint sender = Endpoint::kA;
};

// REQUIRES: tunnel < kTunnelNumberLimit. Hot path.
DirectedKey MakeFlowKey(const IpLayer& layer, TunnelNumber tunnel);

// A hash whose collisions a sender cannot aim for without the seed. Results
// never depend on the seed.
class FlowHasher {
 public:
  explicit FlowHasher(uint64_t seed);

  // Hot path.
  uint32_t Hash(const FlowKey& key) const;

 private:
  std::array<uint64_t, 6> secrets_;
};

}  // namespace octroi
