// SPDX-License-Identifier: Apache-2.0
#include "dataplane/decode_ip.h"

#include <algorithm>

namespace octroi {
namespace {

constexpr uint32_t kIpv4Octets = 20;
constexpr uint32_t kIpv6Octets = 40;

// Whether `protocol_identifier` is a header between IP and the transport. In
// IPv4 there is one, AH.
bool IsExtensionHeader(uint8_t protocol_identifier, bool is_v4) {
  switch (protocol_identifier) {
    case kProtocolAh:
      return true;
    case kProtocolHopByHop:
    case kProtocolRouting:
    case kProtocolFragment:
    case kProtocolDestinationOptions:
      return !is_v4;
    default:
      return false;
  }
}

// The length that an extension header states, octets; 0 if it is impossible.
// REQUIRES: rest.Has(8).
uint32_t ExtensionHeaderOctets(uint8_t protocol_identifier,
                               const FrameView& rest) {
  if (protocol_identifier == kProtocolFragment) return 8;
  const uint32_t length = rest.U8(1);
  if (protocol_identifier != kProtocolAh) return (length + 1) * 8;
  return length == 0 ? 0 : (length + 2) * 4;  // RFC 4302 §2.2.
}

// RFC 8200 §4.5. A fragment that is the whole packet (RFC 6946) is none.
void ReadFragmentHeader(const FrameView& rest, IpLayer* layer) {
  const uint16_t offset_and_more = rest.U16(2);
  const uint16_t offset = offset_and_more & 0xfff8;
  const bool has_more = (offset_and_more & 1) != 0;
  if (offset == 0 && !has_more) return;
  layer->is_fragment = true;
  layer->is_first_fragment = offset == 0;
  layer->fragment_id = rest.U32(4);
}

// Walks extension headers until a transport, a later fragment, or the end of
// what can be known.
void SkipExtensionHeaders(HeaderWalk* walk, IpLayer* layer) {
  FrameView& rest = walk->rest;
  const bool is_v4 = layer->source.is_v4();
  for (int count = 0; IsExtensionHeader(layer->protocol_identifier, is_v4);
       ++count) {
    const bool is_allowed =
        count < kMaxIpv6ExtensionHeaders && walk->TakeHeader();
    if (!is_allowed || !rest.Has(8)) return rest.Clear();
    const uint32_t octets =
        ExtensionHeaderOctets(layer->protocol_identifier, rest);
    if (octets == 0 || !rest.Has(octets)) return rest.Clear();

    if (layer->protocol_identifier == kProtocolFragment) {
      ReadFragmentHeader(rest, layer);
    }
    layer->protocol_identifier = rest.U8(0);
    rest.Skip(octets);
    if (layer->is_fragment && !layer->is_first_fragment) return rest.Clear();
  }
}

// Ports stand first in all three transports, so they are known even where the
// capture ends inside the header.
void ReadTransport(const FrameView& rest, IpLayer* layer) {
  const uint8_t protocol = layer->protocol_identifier;
  const bool is_tcp = protocol == kProtocolTcp;
  if (!is_tcp && protocol != kProtocolUdp && protocol != kProtocolSctp) return;
  if (!rest.Has(4)) return;
  layer->source_port = rest.U16(0);
  layer->destination_port = rest.U16(2);
  layer->has_ports = true;
  if (is_tcp && rest.Has(14)) layer->tcp_flags = rest.U8(13);
}

DropReason DecodeIpv4(HeaderWalk* walk, IpLayer* layer) {
  FrameView& rest = walk->rest;
  if (!rest.Has(1)) return DropReason::kTruncated;
  const uint32_t header_octets = (rest.U8(0) & 0x0f) * 4u;
  if (rest.U8(0) >> 4 != 4 || header_octets < kIpv4Octets ||
      header_octets > rest.wire_octets()) {
    return DropReason::kBadIpHeader;
  }
  if (!rest.Has(kIpv4Octets)) return DropReason::kTruncated;

  // Zero: the sender left the segmentation, and the length, to the hardware.
  // A frame cannot have carried more than its length on the wire.
  const uint32_t total_octets = rest.U16(2);
  if (total_octets != 0 && total_octets < header_octets) {
    return DropReason::kBadIpHeader;
  }
  if (total_octets != 0) rest.Limit(total_octets);

  const uint16_t flags_and_offset = rest.U16(6);
  layer->source = IpAddress::V4FromBytes(rest.Bytes(12, 4));
  layer->destination = IpAddress::V4FromBytes(rest.Bytes(16, 4));
  layer->ip_octets = rest.wire_octets();
  layer->protocol_identifier = rest.U8(9);
  layer->is_fragment = (flags_and_offset & 0x3fff) != 0;  // More, or an offset.
  layer->is_first_fragment =
      layer->is_fragment && (flags_and_offset & 0x1fff) == 0;
  layer->fragment_id = layer->is_fragment ? rest.U16(4) : 0;

  rest.Skip(header_octets);  // Leaves nothing if the options are cut.
  if (layer->is_fragment && !layer->is_first_fragment) rest.Clear();
  return kNoDropReason;
}

// The value of the jumbo payload option (RFC 2675 §2) in the hop-by-hop header
// at the start of `options`; 0 if it is not there.
uint32_t JumboPayloadOctets(FrameView options) {
  constexpr uint8_t kPad1 = 0;
  constexpr uint8_t kJumboPayload = 0xc2;
  if (!options.Has(8)) return 0;
  options.Limit((options.U8(1) + 1u) * 8);
  options.Skip(2);
  while (options.Has(2)) {
    const uint8_t type = options.U8(0);
    const uint8_t length = options.U8(1);
    if (type == kJumboPayload && length == 4 && options.Has(6)) {
      return options.U32(2);
    }
    options.Skip(type == kPad1 ? 1 : 2u + length);
  }
  return 0;
}

// Whether `rest` begins with a TCP header that fits into it.
bool HoldsTcp(const FrameView& rest) {
  if (!rest.Has(13)) return false;
  const uint32_t header_octets = (rest.U8(12) >> 4) * 4u;
  return header_octets >= 20 && header_octets <= rest.wire_octets();
}

// The payload of an IPv6 header whose payload length is zero: the jumbo
// option's value, all that follows if it is a TCP segment too large for the
// field (Linux' BIG TCP writes no option), or indeed nothing.
uint32_t UnstatedPayloadOctets(uint8_t next_header, const FrameView& payload) {
  constexpr uint32_t kHopByHopOctets = 8;
  if (next_header == kProtocolHopByHop) {
    const uint32_t jumbo_octets = JumboPayloadOctets(payload);
    return jumbo_octets < kHopByHopOctets ? 0 : jumbo_octets;
  }
  if (next_header == kProtocolTcp && HoldsTcp(payload)) {
    return payload.wire_octets();
  }
  return 0;
}

DropReason DecodeIpv6(HeaderWalk* walk, IpLayer* layer) {
  FrameView& rest = walk->rest;
  if (!rest.Has(1)) return DropReason::kTruncated;
  if (rest.U8(0) >> 4 != 6) return DropReason::kBadIpHeader;
  if (!rest.Has(kIpv6Octets)) return DropReason::kTruncated;

  uint32_t payload_octets = rest.U16(4);
  layer->protocol_identifier = rest.U8(6);
  layer->source = IpAddress::V6FromBytes(rest.Bytes(8, 16));
  layer->destination = IpAddress::V6FromBytes(rest.Bytes(24, 16));
  layer->fragment_id = 0;
  layer->is_fragment = false;
  layer->is_first_fragment = false;

  rest.Skip(kIpv6Octets);
  if (payload_octets == 0) {
    payload_octets = UnstatedPayloadOctets(layer->protocol_identifier, rest);
  }
  rest.Limit(payload_octets);
  layer->ip_octets = kIpv6Octets + rest.wire_octets();
  return kNoDropReason;
}

}  // namespace

DropReason DecodeIp(HeaderWalk* walk, IpLayer* layer) {
  const DropReason reason = walk->next == kNextIpv4 ? DecodeIpv4(walk, layer)
                                                    : DecodeIpv6(walk, layer);
  if (reason != kNoDropReason) return reason;
  layer->source_port = 0;
  layer->destination_port = 0;
  layer->tcp_flags = 0;
  layer->has_ports = false;
  SkipExtensionHeaders(walk, layer);
  ReadTransport(walk->rest, layer);
  return kNoDropReason;
}

}  // namespace octroi
