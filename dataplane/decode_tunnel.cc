// SPDX-License-Identifier: Apache-2.0
#include "dataplane/decode_tunnel.h"

namespace octroi {
namespace {

constexpr uint32_t kUdpOctets = 8;

// Skips `count` octets that must have been captured.
bool SkipCaptured(uint32_t count, FrameView* rest) {
  if (!rest->Has(count)) return false;
  rest->Skip(count);
  return true;
}

// ERSPAN I is an Ethernet frame directly in GRE; II has a header of 8 octets.
// Only II numbers its packets, which tells the two apart
// (draft-foschiano-erspan §4.1, §4.2).
bool EnterErspan2(bool has_sequence_number, HeaderWalk* walk,
                  TunnelHeader* tunnel) {
  *tunnel = {TunnelKind::kErspan, 0};
  walk->next = kNextEthernet;
  if (!has_sequence_number) return true;
  if (!walk->rest.Has(8) || walk->rest.U8(0) >> 4 != 1) return false;
  tunnel->id = walk->rest.U16(2) & 0x3ff;
  walk->rest.Skip(8);
  return true;
}

// draft-foschiano-erspan §4.3: 12 octets, with 8 of a platform's own if the
// last bit says so. The frame type is Ethernet (0) or IP (2).
bool EnterErspan3(HeaderWalk* walk, TunnelHeader* tunnel) {
  if (!walk->rest.Has(12) || walk->rest.U8(0) >> 4 != 2) return false;
  const uint16_t flags = walk->rest.U16(10);
  const uint16_t frame_type = (flags >> 10) & 0x1f;
  if (frame_type != 0 && frame_type != 2) return false;
  *tunnel = {TunnelKind::kErspan, walk->rest.U16(2) & 0x3ffu};
  walk->next = frame_type == 0 ? kNextEthernet : kNextIpByVersion;
  const bool has_platform_header = (flags & 1) != 0;
  return SkipCaptured(has_platform_header ? 20 : 12, &walk->rest);
}

// The source route entries of RFC 1701, up to the empty one that ends them.
bool SkipGreRoutes(HeaderWalk* walk) {
  while (walk->TakeHeader()) {
    if (!walk->rest.Has(4)) return false;
    const uint16_t address_family = walk->rest.U16(0);
    const uint8_t route_octets = walk->rest.U8(3);
    if (!SkipCaptured(4u + route_octets, &walk->rest)) return false;
    if (address_family == 0 && route_octets == 0) return true;
  }
  return false;
}

constexpr uint16_t kGreChecksum = 0x8000;
constexpr uint16_t kGreRouting = 0x4000;
constexpr uint16_t kGreKey = 0x2000;
constexpr uint16_t kGreSequence = 0x1000;
constexpr uint16_t kGreAcknowledgment = 0x0080;
constexpr uint16_t kGreVersion = 0x0007;

// RFC 2637 §4.1, PPTP: the key holds a length and the call; a packet without a
// sequence number only acknowledges.
bool EnterPptp(uint16_t flags, HeaderWalk* walk, TunnelHeader* tunnel) {
  FrameView& rest = walk->rest;
  if (!rest.Has(8) || rest.U16(2) != kNextGrePpp) return false;
  if ((flags & kGreKey) == 0 || (flags & kGreSequence) == 0) return false;
  const uint16_t payload_octets = rest.U16(4);
  *tunnel = {TunnelKind::kGre, rest.U16(6)};
  const bool has_acknowledgment = (flags & kGreAcknowledgment) != 0;
  if (!SkipCaptured(has_acknowledgment ? 16 : 12, &rest)) return false;
  rest.Limit(payload_octets);
  walk->next = kNextPpp;
  return true;
}

// RFC 2784 and RFC 2890, with the routing of RFC 1701.
bool EnterGre(HeaderWalk* walk, TunnelHeader* tunnel) {
  FrameView& rest = walk->rest;
  if (!rest.Has(4)) return false;
  const uint16_t flags = rest.U16(0);
  const uint16_t protocol_type = rest.U16(2);
  const uint16_t version = flags & kGreVersion;
  if (version == 1) return EnterPptp(flags, walk, tunnel);
  if (version != 0) return false;

  const bool has_routing = (flags & kGreRouting) != 0;
  const bool has_checksum = (flags & kGreChecksum) != 0;
  const bool has_sequence_number = (flags & kGreSequence) != 0;
  *tunnel = {TunnelKind::kGre, 0};
  if (!SkipCaptured(has_checksum || has_routing ? 8 : 4, &rest)) return false;
  if ((flags & kGreKey) != 0) {
    if (!rest.Has(4)) return false;
    tunnel->id = rest.U32(0);
    rest.Skip(4);
  }
  if (has_sequence_number && !SkipCaptured(4, &rest)) return false;
  if (has_routing && !SkipGreRoutes(walk)) return false;

  constexpr uint16_t kErspan2 = 0x88be;
  constexpr uint16_t kErspan3 = 0x22eb;
  if (protocol_type == kErspan2) {
    return EnterErspan2(has_sequence_number, walk, tunnel);
  }
  if (protocol_type == kErspan3) return EnterErspan3(walk, tunnel);
  walk->next = protocol_type;
  return true;
}

// RFC 7348 §5: the I flag and nothing else, reserved fields zero. The group
// policy extension (draft-smith-vxlan-group-policy §2.1) sets G and uses three
// of them.
bool EnterVxlan(HeaderWalk* walk, TunnelHeader* tunnel) {
  FrameView& rest = walk->rest;
  if (!rest.Has(8)) return false;
  const uint32_t flags = rest.U32(0);
  constexpr uint32_t kHasPolicy = 0x8000'0000;
  constexpr uint32_t kPolicy = 0x0048'ffff;
  const uint32_t ignored = (flags & kHasPolicy) != 0 ? kHasPolicy | kPolicy : 0;
  if ((flags & ~ignored) != 0x0800'0000 || rest.U8(7) != 0) return false;
  *tunnel = {TunnelKind::kVxlan, rest.U32(4) >> 8};
  rest.Skip(8);
  walk->next = kNextEthernet;
  return true;
}

// draft-ietf-nvo3-vxlan-gpe §3.1: version 0, reserved fields zero. Without a
// next protocol the payload is Ethernet, as in VXLAN. Frames of the network's
// own (flag O) are not a user's.
bool EnterVxlanGpe(HeaderWalk* walk, TunnelHeader* tunnel) {
  constexpr uint8_t kHasId = 0x08;
  constexpr uint8_t kHasNextProtocol = 0x04;
  constexpr uint8_t kIsBroadcast = 0x02;
  FrameView& rest = walk->rest;
  if (!rest.Has(8)) return false;
  const uint8_t flags = rest.U8(0);
  if ((flags & ~(kHasId | kHasNextProtocol | kIsBroadcast)) != 0) return false;
  if ((flags & kHasId) == 0) return false;
  if (rest.U16(1) != 0 || rest.U8(7) != 0) return false;

  const uint8_t next_protocol = rest.U8(3);
  *tunnel = {TunnelKind::kVxlan, rest.U32(4) >> 8};
  rest.Skip(8);
  // clang-format off
  switch (next_protocol) {
    case 0: walk->next = kNextEthernet; return true;
    case 1: walk->next = kNextIpv4; return true;
    case 2: walk->next = kNextIpv6; return true;
    case 3: walk->next = kNextEthernet; return true;
    case 5: walk->next = kNextMpls; return true;
    default: return false;
  }
  // clang-format on
}

// RFC 8926 §3.4: version 0, reserved bits zero, options in units of four.
bool EnterGeneve(HeaderWalk* walk, TunnelHeader* tunnel) {
  FrameView& rest = walk->rest;
  if (!rest.Has(8)) return false;
  const uint8_t version = rest.U8(0) >> 6;
  const uint32_t option_octets = (rest.U8(0) & 0x3fu) * 4;
  const uint8_t reserved_bits = rest.U8(1) & 0x3f;
  if (version != 0 || reserved_bits != 0 || rest.U8(7) != 0) return false;

  walk->next = rest.U16(2);
  *tunnel = {TunnelKind::kGeneve, rest.U32(4) >> 8};
  switch (walk->next) {
    case kNextIpv4:
    case kNextIpv6:
    case kNextBridgedEthernet:
    case kNextMpls:
      return SkipCaptured(8 + option_octets, &rest);
    default:
      return false;
  }
}

// TS 29.281 §5.2: each extension states its length in units of four octets,
// and its last octet names the next.
bool SkipGtpExtensions(uint8_t next_extension, HeaderWalk* walk) {
  while (next_extension != 0) {
    if (!walk->TakeHeader() || !walk->rest.Has(1)) return false;
    const uint32_t octets = walk->rest.U8(0) * 4u;
    if (octets == 0 || !walk->rest.Has(octets)) return false;
    next_extension = walk->rest.U8(octets - 1);
    walk->rest.Skip(octets);
  }
  return true;
}

// TS 29.281 §5.1: version 1, protocol type GTP, the spare bit zero, and a
// G-PDU, which is the message that carries a user's packet.
bool EnterGtpU(HeaderWalk* walk, TunnelHeader* tunnel) {
  constexpr uint8_t kHasExtension = 0x04;
  constexpr uint8_t kHasOptionalFields = 0x07;
  constexpr uint8_t kGPdu = 255;
  FrameView& rest = walk->rest;
  if (!rest.Has(8)) return false;
  const uint8_t flags = rest.U8(0);
  if ((flags & 0xf8) != 0x30 || rest.U8(1) != kGPdu) return false;

  const uint16_t message_octets = rest.U16(2);
  *tunnel = {TunnelKind::kGtpU, rest.U32(4)};
  rest.Skip(8);
  rest.Limit(message_octets);
  walk->next = kNextIpByVersion;
  if ((flags & kHasOptionalFields) == 0) return true;

  if (!rest.Has(4)) return false;
  const uint8_t next_extension = (flags & kHasExtension) ? rest.U8(3) : 0;
  rest.Skip(4);
  return SkipGtpExtensions(next_extension, walk);
}

// RFC 2661 §3.1: a data message of version 2, reserved bits zero.
bool EnterL2tp(HeaderWalk* walk, TunnelHeader* tunnel) {
  constexpr uint16_t kHasLength = 0x4000;
  constexpr uint16_t kHasSequence = 0x0800;
  constexpr uint16_t kHasOffset = 0x0200;
  constexpr uint16_t kHasPriority = 0x0100;
  constexpr uint16_t kMayBeSet =
      kHasLength | kHasSequence | kHasOffset | kHasPriority;
  FrameView& rest = walk->rest;
  if (!rest.Has(2)) return false;
  const uint16_t flags = rest.U16(0);
  if ((flags & ~kMayBeSet) != 2) return false;

  const bool has_length = (flags & kHasLength) != 0;
  const bool has_offset = (flags & kHasOffset) != 0;
  const uint32_t ids_at = has_length ? 4 : 2;
  const uint32_t offset_at = ids_at + 4 + ((flags & kHasSequence) ? 4 : 0);
  const uint32_t header_octets = offset_at + (has_offset ? 2 : 0);
  if (!rest.Has(header_octets)) return false;
  if (has_length) {
    const uint16_t message_octets = rest.U16(2);
    if (message_octets < header_octets) return false;
    if (message_octets > rest.wire_octets()) return false;
    rest.Limit(message_octets);
  }
  *tunnel = {TunnelKind::kL2tp, rest.U16(ids_at + 2)};
  const uint32_t padding_octets = has_offset ? rest.U16(offset_at) : 0;
  walk->next = kNextPpp;
  return SkipCaptured(header_octets + padding_octets, &rest);
}

bool EnterUdpTunnel(const IpLayer& layer, HeaderWalk* walk,
                    TunnelHeader* tunnel) {
  FrameView& rest = walk->rest;
  if (!rest.Has(kUdpOctets)) return false;
  const uint16_t udp_octets = rest.U16(4);
  if (udp_octets >= kUdpOctets) rest.Limit(udp_octets);
  rest.Skip(kUdpOctets);
  switch (layer.destination_port) {
    case 4789:
    case 8472:
      return EnterVxlan(walk, tunnel);
    case 4790:
      return EnterVxlanGpe(walk, tunnel);
    case 6081:
      return EnterGeneve(walk, tunnel);
    case 2152:
      return EnterGtpU(walk, tunnel);
    case 6635:
      *tunnel = {TunnelKind::kMplsInIp, 0};
      walk->next = kNextMpls;
      return true;
    default:
      return EnterL2tp(walk, tunnel);
  }
}

}  // namespace

bool EnterTunnel(const IpLayer& layer, HeaderWalk* walk, TunnelHeader* tunnel) {
  const bool is_v4 = layer.source.is_v4();
  switch (layer.protocol_identifier) {
    case kProtocolUdp:
      return IsUdpTunnelPort(layer.source_port, layer.destination_port) &&
             EnterUdpTunnel(layer, walk, tunnel);
    case kProtocolIpip:
      *tunnel = {is_v4 ? TunnelKind::kIpInIp : TunnelKind::k4in6, 0};
      walk->next = kNextIpv4;
      return true;
    case kProtocolIpv6:
      *tunnel = {is_v4 ? TunnelKind::k6in4 : TunnelKind::kIpInIp, 0};
      walk->next = kNextIpv6;
      return true;
    case kProtocolGre:
      return EnterGre(walk, tunnel);
    case kProtocolMpls:
      *tunnel = {TunnelKind::kMplsInIp, 0};
      walk->next = kNextMpls;
      return true;
    default:
      return false;
  }
}

}  // namespace octroi
