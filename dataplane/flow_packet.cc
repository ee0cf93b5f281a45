// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_packet.h"

#include <cassert>
#include <utility>

namespace octroi {

FlowPacket MakeFlowPacket(const IpLayer& layer, int64_t timestamp_ns,
                          int64_t clock_ns, TunnelNumber tunnel,
                          TunnelKind tunnel_kind) {
  assert(tunnel < kTunnelNumberLimit);
  FlowPacket packet;
  packet.timestamp_ns = timestamp_ns;
  packet.clock_ns = clock_ns;
  packet.ip_octets = layer.ip_octets;
  packet.tcp_flags = layer.tcp_flags;
  packet.tunnel_kind = tunnel_kind;
  const uint32_t ports =
      uint32_t{layer.source_port} << 16 | layer.destination_port;
  const uint32_t rest =
      tunnel << PackedKey::kTunnelShift | layer.protocol_identifier;
  if (layer.source.is_v4()) {
    SetV4Key(layer.source.low() << 32 | layer.destination.low(), ports, rest,
             &packet);
  } else {
    SetV6Key(layer.source.number(), layer.destination.number(), ports, rest,
             &packet);
  }
  return packet;
}

IpLayer LayerOf(const FlowPacket& packet) {
  const PackedKey& key = packet.key;
  const bool is_from_a = packet.sender == Endpoint::kA;
  IpLayer layer;
  if (key.is_v6()) [[unlikely]] {
    const V6Addresses& v6 = packet.v6;
    layer.source = IpAddress::V6(v6.a_high, v6.a_low);
    layer.destination = IpAddress::V6(v6.b_high, v6.b_low);
    if (!is_from_a) std::swap(layer.source, layer.destination);
  } else {
    const int a_shift = is_from_a ? 32 : 0;
    layer.source =
        IpAddress::V4(static_cast<uint32_t>(key.addresses >> a_shift));
    layer.destination =
        IpAddress::V4(static_cast<uint32_t>(key.addresses >> (32 - a_shift)));
  }
  layer.ip_octets = packet.ip_octets;
  layer.source_port = is_from_a ? key.a_port() : key.b_port();
  layer.destination_port = is_from_a ? key.b_port() : key.a_port();
  layer.protocol_identifier = key.protocol_identifier();
  layer.tcp_flags = packet.tcp_flags;
  return layer;
}

}  // namespace octroi
