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

#include "dataplane/mix.h"
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

// Both IPv6 addresses of a key. Without initial values, as the arrays of a
// burst need none.
struct V6Addresses {
  uint64_t a_high;
  uint64_t a_low;
  uint64_t b_high;
  uint64_t b_low;

  friend bool operator==(const V6Addresses&, const V6Addresses&) = default;
};

// A key as a table compares it: two words are all of an IPv4 key, and tell
// nearly every IPv6 key apart, whose addresses are then compared as well.
struct PackedKey {
  // IPv4: both addresses, A's in the upper half. IPv6: a digest of them.
  uint64_t addresses;
  // From the uppermost bit: port of A, port of B, tunnel, family, protocol.
  uint64_t rest;

  static constexpr uint64_t kV6Bit = 1u << 8;
  static constexpr int kTunnelShift = 9;

  bool is_v6() const { return (rest & kV6Bit) != 0; }
  uint16_t a_port() const { return static_cast<uint16_t>(rest >> 48); }
  uint16_t b_port() const { return static_cast<uint16_t>(rest >> 32); }
  TunnelNumber tunnel() const {
    return static_cast<uint32_t>(rest) >> kTunnelShift;
  }
  uint8_t protocol_identifier() const { return static_cast<uint8_t>(rest); }
  friend bool operator==(const PackedKey&, const PackedKey&) = default;
};

// The digest that stands for IPv6 addresses in PackedKey::addresses.
constexpr uint64_t DigestOf(const V6Addresses& v6) {
  return v6.a_low ^ (v6.b_low << 1 | v6.b_low >> 63);
}
// `v6` is read if the key is one of IPv6, and only then.
FlowKey Unpack(const PackedKey& key, const V6Addresses& v6);

// A hash whose collisions a sender cannot aim for without the seed. Results
// never depend on the seed.
class FlowHasher {
 public:
  explicit FlowHasher(uint64_t seed);

  // Hot path. `v6` is read if the key is one of IPv6, and only then.
  uint32_t Hash(const PackedKey& key, const V6Addresses& v6) const {
    return key.is_v6() ? HashV6(key, v6) : HashV4(key);
  }

 private:
  uint32_t HashV4(const PackedKey& key) const {
    return Finish(MultiplyMix(key.addresses ^ secrets_[0], secrets_[1]),
                  key.rest);
  }
  uint32_t HashV6(const PackedKey& key, const V6Addresses& v6) const {
    return Finish(
        MultiplyMix(v6.a_high ^ secrets_[0], v6.a_low ^ secrets_[1]) ^
            MultiplyMix(v6.b_high ^ secrets_[2], v6.b_low ^ secrets_[3]),
        key.rest);
  }
  uint32_t Finish(uint64_t addresses, uint64_t rest) const {
    const uint64_t all =
        MultiplyMix(addresses ^ secrets_[4], rest ^ secrets_[5]);
    return static_cast<uint32_t>(all ^ (all >> 32));
  }

  std::array<uint64_t, 6> secrets_;
};

}  // namespace octroi
