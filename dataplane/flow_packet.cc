// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_packet.h"

#include <cassert>

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
  const FlowKey key = Unpack(packet.key, packet.v6);
  const Endpoint receiver = Opposite(packet.sender);
  IpLayer layer;
  layer.source = key.address(packet.sender);
  layer.destination = key.address(receiver);
  layer.ip_octets = packet.ip_octets;
  layer.source_port = key.port(packet.sender);
  layer.destination_port = key.port(receiver);
  layer.protocol_identifier = packet.key.protocol_identifier();
  layer.tcp_flags = packet.tcp_flags;
  return layer;
}

}  // namespace octroi
