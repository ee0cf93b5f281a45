// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_key.h"

#include <cassert>

namespace octroi {

IpAddress FlowKey::address(Endpoint endpoint) const {
  const uint64_t high = endpoint == Endpoint::kA ? a_high : b_high;
  const uint64_t low = endpoint == Endpoint::kA ? a_low : b_low;
  return is_v6 != 0 ? IpAddress::V6(high, low)
                    : IpAddress::V4(static_cast<uint32_t>(low));
}

DirectedKey MakeFlowKey(const IpLayer& layer, TunnelNumber tunnel) {
  assert(tunnel < kTunnelNumberLimit);
  const bool is_sent_by_a = layer.source < layer.destination ||
                            (layer.source == layer.destination &&
                             layer.source_port <= layer.destination_port);
  const IpAddress& a = is_sent_by_a ? layer.source : layer.destination;
  const IpAddress& b = is_sent_by_a ? layer.destination : layer.source;

  DirectedKey directed;
  directed.sender = is_sent_by_a ? Endpoint::kA : Endpoint::kB;
  FlowKey& key = directed.key;
  key.a_high = a.high();
  key.a_low = a.low();
  key.b_high = b.high();
  key.b_low = b.low();
  key.a_port = is_sent_by_a ? layer.source_port : layer.destination_port;
  key.b_port = is_sent_by_a ? layer.destination_port : layer.source_port;
  key.protocol_identifier = layer.protocol_identifier;
  key.is_v6 = a.is_v4() ? 0 : 1;
  key.tunnel = tunnel & (kTunnelNumberLimit - 1);
  return directed;
}

FlowKey Unpack(const PackedKey& packed, const V6Addresses& v6) {
  FlowKey key;
  key.a_port = static_cast<uint16_t>(packed.rest >> 48);
  key.b_port = static_cast<uint16_t>(packed.rest >> 32);
  key.protocol_identifier = static_cast<uint8_t>(packed.rest);
  key.tunnel = static_cast<uint32_t>(packed.rest) >> PackedKey::kTunnelShift;
  key.is_v6 = packed.is_v6() ? 1 : 0;
  if (packed.is_v6()) {
    key.a_high = v6.a_high;
    key.a_low = v6.a_low;
    key.b_high = v6.b_high;
    key.b_low = v6.b_low;
  } else {
    key.a_low = packed.addresses >> 32;
    key.b_low = packed.addresses & UINT32_MAX;
  }
  return key;
}

FlowHasher::FlowHasher(uint64_t seed) {
  for (uint64_t& secret : secrets_) secret = NextSecret(&seed);
}

uint32_t FlowHasher::Hash(const FlowKey& key) const {
  PackedKey packed{};
  packed.rest = uint64_t{key.a_port} << 48 | uint64_t{key.b_port} << 32 |
                uint64_t{key.tunnel} << PackedKey::kTunnelShift |
                uint64_t{key.is_v6} << 8 | key.protocol_identifier;
  if (key.is_v6 != 0) {
    return HashV6(packed, {key.a_high, key.a_low, key.b_high, key.b_low});
  }
  packed.addresses = key.a_low << 32 | key.b_low;
  return HashV4(packed);
}

}  // namespace octroi
