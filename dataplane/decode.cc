// SPDX-License-Identifier: Apache-2.0
#include "dataplane/decode.h"

#include <array>
#include <cassert>

#include "dataplane/decode_ip.h"
#include "dataplane/decode_link.h"
#include "dataplane/decode_tunnel.h"

namespace octroi {
namespace {

constexpr uint32_t kEthernetOctets = 14;
constexpr uint32_t kIpv4Octets = 20;
constexpr uint32_t kIpv6Octets = 40;

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

DropReason DecodeLayers(const Packet& packet, DecodedPacket* decoded) {
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

[[gnu::always_inline]] inline uint32_t ShardOfIp(uint32_t ether_type,
                                                 const FrameView& rest) {
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

void DecodePacket(const Packet& packet, DecodedPacket* decoded) {
  decoded->timestamp_ns = packet.timestamp_ns;
  decoded->clock_ns = packet.clock_ns;
  decoded->tunnel = TunnelKind::kNone;
  decoded->tunnel_id = 0;
  decoded->drop_reason = DecodeLayers(packet, decoded);
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
    if (!frame.Has(kEthernetOctets)) return 0;
    const uint16_t ether_type = frame.U16(12);
    if (ether_type == kNextIpv4 || ether_type == kNextIpv6) {
      frame.Skip(kEthernetOctets);
      return ShardOfIp(ether_type, frame);
    }
  }
  HeaderWalk walk;
  if (StartWalk(packet, &walk) != kNoDropReason) return 0;
  if (WalkToIp(&walk) != kNoDropReason) return 0;
  return ShardOfIp(walk.next, walk.rest);
}

}  // namespace octroi
