// SPDX-License-Identifier: Apache-2.0
// One IP layer of a packet as the steps after decode take it: its key, packed
// as the flow table compares it, and what a record adds up. A plain packet
// (Ethernet, IP without options or fragments, TCP or UDP, no tunnel) goes from
// its bytes to this in one pass; any other is decoded to its layers first
// (decode.h), and MakeFlowPacket gives the same for a layer.
//
// Plain values and pure functions: any thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "dataplane/decode.h"
#include "dataplane/decode_link.h"
#include "dataplane/decode_tunnel.h"
#include "dataplane/flow_key.h"
#include "dataplane/frame_view.h"
#include "dataplane/packet.h"

namespace octroi {

// Without initial values, as the arrays of a burst need none.
struct FlowPacket {
  PackedKey key;
  int64_t timestamp_ns;
  int64_t clock_ns;
  uint32_t ip_octets;  // As IpLayer::ip_octets.
  uint8_t tcp_flags;   // 0 if it is not TCP.
  Endpoint sender;
  TunnelKind tunnel_kind;  // kNone: the outermost layer.
  // The flow table's own, set by its Touch functions: the key's hash, and where
  // the record is looked for first.
  uint32_t hash;
  uint32_t candidate;
  V6Addresses v6;  // Set if key.is_v6().
};
static_assert(std::is_trivially_copyable_v<FlowPacket>);

// A packet that another thread than its worker's has looked at. One cache line
// with IPv4, two with IPv6.
struct alignas(64) ReadPacket {
  // Null: the packet is plain, and was read to `plain`. Else `plain` is not
  // set, and the packet is to be decoded.
  const Packet* not_plain;
  FlowPacket plain;
};
static_assert(std::is_trivially_copyable_v<ReadPacket>);
static_assert(sizeof(ReadPacket) == 128);

// Copies a packet, addresses of IPv6 only where it has them. Hot path.
inline void CopyPlain(const FlowPacket& from, FlowPacket* to) {
  std::memcpy(to, &from, offsetof(FlowPacket, v6));
  if (from.key.is_v6()) to->v6 = from.v6;
}

// `tunnel` is the number of the tunnel that the layer was found in.
// REQUIRES: tunnel < kTunnelNumberLimit.
FlowPacket MakeFlowPacket(const IpLayer& layer, int64_t timestamp_ns,
                          int64_t clock_ns, TunnelNumber tunnel = kNoTunnel,
                          TunnelKind tunnel_kind = TunnelKind::kNone);

// The layer that a packet was made from, as far as classify asks for it:
// addresses, ports, protocol, flags and octets.
IpLayer LayerOf(const FlowPacket& packet);

// Reads a plain packet. False, with `plain` in any state, if the packet is
// another one or could be: it is to be decoded then. Hot path.
inline bool ReadPlainPacket(const Packet& packet, FlowPacket* plain);

// The key of both directions, and which end sent the packet. `addresses` and
// `ports` have the sender's in the upper half; `rest` is the lower half of
// PackedKey::rest.
inline void SetV4Key(uint64_t addresses, uint32_t ports, uint32_t rest,
                     FlowPacket* packet) {
  const uint64_t swapped = std::rotl(addresses, 32);
  bool is_sent_by_b = addresses > swapped;
  if (addresses == swapped) [[unlikely]] {
    is_sent_by_b = ports > std::rotl(ports, 16);
  }
  packet->sender = static_cast<Endpoint>(is_sent_by_b);
  packet->key.addresses = std::min(addresses, swapped);
  packet->key.rest = uint64_t{std::rotl(ports, is_sent_by_b * 16)} << 32 | rest;
}

inline void SetV6Key(Uint128 source, Uint128 destination, uint32_t ports,
                     uint32_t rest, FlowPacket* packet) {
  bool is_sent_by_b = source > destination;
  if (source == destination) [[unlikely]] {
    is_sent_by_b = ports > std::rotl(ports, 16);
  }
  const Uint128 a = is_sent_by_b ? destination : source;
  const Uint128 b = is_sent_by_b ? source : destination;
  packet->sender = static_cast<Endpoint>(is_sent_by_b);
  packet->v6 = {static_cast<uint64_t>(a >> 64), static_cast<uint64_t>(a),
                static_cast<uint64_t>(b >> 64), static_cast<uint64_t>(b)};
  packet->key.addresses = DigestOf(packet->v6);
  packet->key.rest = uint64_t{std::rotl(ports, is_sent_by_b * 16)} << 32 |
                     rest | PackedKey::kV6Bit;
}

// The frame of a plain packet: where its IP header begins, how long that is,
// and how much of the transport must be there: up to the flags of TCP.
inline constexpr uint32_t kPlainTypeAt = 12;
inline constexpr uint32_t kPlainIpAt = 14;
inline constexpr uint32_t kPlainV4Octets = 20;
inline constexpr uint32_t kPlainV6Octets = 40;
inline constexpr uint32_t kPlainTransportOctets = 14;

// The transport of a plain packet, which is not a UDP datagram that may be a
// tunnel.
inline bool ReadPlainTransport(const FrameView& frame, uint32_t at,
                               uint8_t protocol, uint32_t* ports,
                               FlowPacket* plain) {
  *ports = frame.U32(at);
  if (protocol == kProtocolTcp) {
    plain->tcp_flags = frame.U8(at + 13);
    return true;
  }
  plain->tcp_flags = 0;
  return protocol == kProtocolUdp &&
         !IsUdpTunnelPort(static_cast<uint16_t>(*ports >> 16),
                          static_cast<uint16_t>(*ports));
}

// Whether the packet states a length that the frame carried and that holds its
// headers, as far as they are read.
inline bool IsPlainLength(uint32_t ip_octets, uint32_t header_octets,
                          const FrameView& frame) {
  return ip_octets >= header_octets + kPlainTransportOctets &&
         ip_octets <= frame.wire_octets() - kPlainIpAt;
}

// REQUIRES: frame.Has(kPlainTypeAt + 4), which say IPv4 without options.
inline bool ReadPlainV4(const FrameView& frame, FlowPacket* plain) {
  constexpr uint16_t kMoreOrOffset = 0x3fff;
  constexpr uint32_t kTransportAt = kPlainIpAt + kPlainV4Octets;
  if (!frame.Has(kTransportAt + kPlainTransportOctets)) return false;
  if ((frame.U16(kPlainIpAt + 6) & kMoreOrOffset) != 0) return false;
  plain->ip_octets = frame.U16(kPlainIpAt + 2);
  if (!IsPlainLength(plain->ip_octets, kPlainV4Octets, frame)) return false;
  const uint8_t protocol = frame.U8(kPlainIpAt + 9);
  uint32_t ports;
  if (!ReadPlainTransport(frame, kTransportAt, protocol, &ports, plain)) {
    return false;
  }
  SetV4Key(frame.U64(kPlainIpAt + 12), ports, protocol, plain);
  return true;
}

// REQUIRES: frame.Has(kPlainTypeAt + 4), which say IPv6.
inline bool ReadPlainV6(const FrameView& frame, FlowPacket* plain) {
  constexpr uint32_t kTransportAt = kPlainIpAt + kPlainV6Octets;
  if (!frame.Has(kTransportAt + kPlainTransportOctets)) return false;
  plain->ip_octets = kPlainV6Octets + frame.U16(kPlainIpAt + 4);
  if (!IsPlainLength(plain->ip_octets, kPlainV6Octets, frame)) return false;
  const uint8_t protocol = frame.U8(kPlainIpAt + 6);
  uint32_t ports;
  if (!ReadPlainTransport(frame, kTransportAt, protocol, &ports, plain)) {
    return false;
  }
  const auto address = [&frame](size_t at) {
    return static_cast<Uint128>(frame.U64(at)) << 64 | frame.U64(at + 8);
  };
  SetV6Key(address(kPlainIpAt + 8), address(kPlainIpAt + 24), ports, protocol,
           plain);
  return true;
}

inline bool ReadPlainPacket(const Packet& packet, FlowPacket* plain) {
  if (packet.link_type != LinkType::kEthernet) return false;
  const FrameView frame(packet.data, packet.captured_octets,
                        packet.wire_octets);
  if (!frame.Has(kPlainTypeAt + 4)) return false;
  const int64_t timestamp_ns = packet.timestamp_ns;
  const int64_t clock_ns = packet.clock_ns;
  plain->timestamp_ns = timestamp_ns;
  plain->clock_ns = clock_ns;
  plain->tunnel_kind = TunnelKind::kNone;
  // EtherType, and the first byte of IP: version and, in IPv4, header length.
  const uint32_t start = frame.U32(kPlainTypeAt);
  if (start >> 8 == (kNextIpv4 << 8 | 0x45)) return ReadPlainV4(frame, plain);
  return start >> 12 == (kNextIpv6 << 4 | 6) && ReadPlainV6(frame, plain);
}

}  // namespace octroi
