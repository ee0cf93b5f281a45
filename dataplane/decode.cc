// SPDX-License-Identifier: Apache-2.0
#include "dataplane/decode.h"

#include <cassert>

#include "dataplane/decode_ip.h"
#include "dataplane/decode_link.h"
#include "dataplane/decode_tunnel.h"

namespace octroi {
namespace {

// Where things are in the packet that nearly all are: Ethernet, IP without
// options or extension headers, TCP or UDP.
constexpr uint32_t kIpAt = 14;
constexpr uint32_t kIpv4Octets = 20;
constexpr uint32_t kIpv6Octets = 40;
constexpr uint32_t kIpv4TransportAt = kIpAt + kIpv4Octets;
constexpr uint32_t kIpv6TransportAt = kIpAt + kIpv6Octets;
// What is read of a transport, at most: up to the flags of TCP.
constexpr uint32_t kTransportOctets = 14;

// Reads the transport of a plain packet. False if the packet needs the long
// way: a transport without ports, or a UDP datagram that may be a tunnel.
inline bool DecodePlainTransport(const FrameView& frame, uint32_t at,
                                 IpLayer* layer) {
  layer->source_port = frame.U16(at);
  layer->destination_port = frame.U16(at + 2);
  layer->fragment_id = 0;
  layer->is_fragment = false;
  layer->is_first_fragment = false;
  layer->has_ports = true;
  if (layer->protocol_identifier == kProtocolTcp) {
    layer->tcp_flags = frame.U8(at + 13);
    return true;
  }
  layer->tcp_flags = 0;
  return layer->protocol_identifier == kProtocolUdp &&
         !IsUdpTunnelPort(layer->source_port, layer->destination_port);
}

// Whether an IP packet of `ip_octets` states a length that the frame carried
// and that holds `header_octets` and what is read of the transport.
inline bool IsPlainLength(uint32_t ip_octets, uint32_t header_octets,
                          const FrameView& frame) {
  return ip_octets >= header_octets + kTransportOctets &&
         ip_octets <= frame.wire_octets() - kIpAt;
}

inline bool DecodePlainIpv4(const FrameView& frame, IpLayer* layer) {
  constexpr uint8_t kVersionAndLength = 0x45;
  constexpr uint16_t kMoreOrOffset = 0x3fff;
  if (!frame.Has(kIpv4TransportAt + kTransportOctets)) return false;
  if (frame.U8(kIpAt) != kVersionAndLength) return false;
  if ((frame.U16(kIpAt + 6) & kMoreOrOffset) != 0) return false;
  layer->ip_octets = frame.U16(kIpAt + 2);
  if (!IsPlainLength(layer->ip_octets, kIpv4Octets, frame)) return false;
  layer->protocol_identifier = frame.U8(kIpAt + 9);
  layer->source = IpAddress::V4FromBytes(frame.Bytes(kIpAt + 12, 4));
  layer->destination = IpAddress::V4FromBytes(frame.Bytes(kIpAt + 16, 4));
  return DecodePlainTransport(frame, kIpv4TransportAt, layer);
}

inline bool DecodePlainIpv6(const FrameView& frame, IpLayer* layer) {
  if (!frame.Has(kIpv6TransportAt + kTransportOctets)) return false;
  if (frame.U8(kIpAt) >> 4 != 6) return false;
  layer->ip_octets = kIpv6Octets + frame.U16(kIpAt + 4);
  if (!IsPlainLength(layer->ip_octets, kIpv6Octets, frame)) return false;
  layer->protocol_identifier = frame.U8(kIpAt + 6);
  layer->source = IpAddress::V6FromBytes(frame.Bytes(kIpAt + 8, 16));
  layer->destination = IpAddress::V6FromBytes(frame.Bytes(kIpAt + 24, 16));
  return DecodePlainTransport(frame, kIpv6TransportAt, layer);
}

// Decodes a plain packet; false, with `layer` in any state, if it is another.
inline bool DecodePlain(const Packet& packet, IpLayer* layer) {
  if (packet.link_type != LinkType::kEthernet) return false;
  const FrameView frame(packet.data, packet.captured_octets,
                        packet.wire_octets);
  if (!frame.Has(kIpAt)) return false;
  const uint16_t ether_type = frame.U16(12);
  if (ether_type == kNextIpv4) return DecodePlainIpv4(frame, layer);
  return ether_type == kNextIpv6 && DecodePlainIpv6(frame, layer);
}

// Follows tunnels inward. The outermost names the kind; the innermost IP
// header that is sound is the inner layer. What breaks inside changes nothing
// of what has been found.
void DecodeTunnels(HeaderWalk* walk, DecodedPacket* decoded) {
  IpLayer layer = decoded->outer;
  for (int ip_layers = 1; ip_layers < kMaxIpLayers; ++ip_layers) {
    TunnelHeader tunnel;
    if (!EnterTunnel(layer, walk, &tunnel)) return;
    if (WalkToIp(walk) != kNoDropReason) return;
    if (!walk->TakeHeader()) return;
    if (DecodeIp(walk, &layer) != kNoDropReason) return;
    if (decoded->tunnel == TunnelKind::kNone) {
      decoded->tunnel = tunnel.kind;
      decoded->tunnel_id = tunnel.id;
    }
    decoded->inner = layer;
  }
}

// The long way, for any packet.
[[gnu::noinline]] DropReason DecodeAny(const Packet& packet,
                                       DecodedPacket* decoded) {
  HeaderWalk walk;
  DropReason reason = StartWalk(packet, &walk);
  if (reason != kNoDropReason) return reason;
  reason = WalkToIp(&walk);
  if (reason != kNoDropReason) return reason;
  reason = DecodeIp(&walk, &decoded->outer);
  if (reason != kNoDropReason) return reason;
  DecodeTunnels(&walk, decoded);
  return kNoDropReason;
}

uint64_t MixAddress(const IpAddress& address) {
  uint64_t mixed = address.low() ^ (address.high() * 0x9e3779b97f4a7c15);
  mixed ^= mixed >> 32;
  mixed *= 0xd6e8feb86659fd93;
  mixed ^= mixed >> 32;
  return mixed;
}

uint32_t ShardOfIp(uint32_t ether_type, const FrameView& rest) {
  if (ether_type == kNextIpv4) {
    if (!rest.Has(kIpv4Octets)) return 0;
    return ShardOfAddresses(IpAddress::V4FromBytes(rest.Bytes(12, 4)),
                            IpAddress::V4FromBytes(rest.Bytes(16, 4)));
  }
  if (!rest.Has(kIpv6Octets)) return 0;
  return ShardOfAddresses(IpAddress::V6FromBytes(rest.Bytes(8, 16)),
                          IpAddress::V6FromBytes(rest.Bytes(24, 16)));
}

}  // namespace

std::string_view TunnelKindName(TunnelKind kind) {
  constexpr std::array<std::string_view,
                       static_cast<size_t>(TunnelKind::kCount)>
      kNames = {"",      "gre",    "erspan", "ipip", "6in4",      "4in6",
                "vxlan", "geneve", "gtp-u",  "l2tp", "mpls-in-ip"};
  assert(kind < TunnelKind::kCount);
  return kNames[static_cast<size_t>(kind)];
}

void DecodeBurst(std::span<const Packet> packets,
                 std::span<DecodedPacket> decoded) {
  constexpr size_t kPrefetchDistance = 4;
  assert(packets.size() == decoded.size());
  assert(packets.size() <= kMaxBurst);
  for (size_t i = 0; i < packets.size(); ++i) {
    if (i + kPrefetchDistance < packets.size()) {
      __builtin_prefetch(packets[i + kPrefetchDistance].data);
    }
    DecodedPacket& result = decoded[i];
    result.timestamp_ns = packets[i].timestamp_ns;
    result.clock_ns = packets[i].clock_ns;
    result.tunnel = TunnelKind::kNone;
    result.tunnel_id = 0;
    result.drop_reason = DecodePlain(packets[i], &result.outer)
                             ? kNoDropReason
                             : DecodeAny(packets[i], &result);
  }
}

uint32_t ShardOfAddresses(const IpAddress& source,
                          const IpAddress& destination) {
  static_assert(kShardCount == 64);
  const uint64_t sum = MixAddress(source) + MixAddress(destination);
  return static_cast<uint32_t>((sum * 0x9e3779b97f4a7c15) >> 58);
}

uint32_t ShardOfPacket(const Packet& packet) {
  if (packet.link_type == LinkType::kEthernet) {
    FrameView frame(packet.data, packet.captured_octets, packet.wire_octets);
    if (!frame.Has(kIpAt)) return 0;
    const uint16_t ether_type = frame.U16(12);
    if (ether_type == kNextIpv4 || ether_type == kNextIpv6) {
      frame.Skip(kIpAt);
      return ShardOfIp(ether_type, frame);
    }
  }
  HeaderWalk walk;
  if (StartWalk(packet, &walk) != kNoDropReason) return 0;
  if (WalkToIp(&walk) != kNoDropReason) return 0;
  return ShardOfIp(walk.next, walk.rest);
}

}  // namespace octroi
