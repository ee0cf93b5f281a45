// SPDX-License-Identifier: Apache-2.0
// Any byte string is a frame that a hostile host may send, in a capture of any
// link type. DecodePacket must decode it or give one reason, read nothing past
// captured_octets, and not depend on what its result held before.
//
// An input is: the link type (an index), how much longer the frame was on the
// wire (one byte, squared), the frame.
#include <cassert>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>

#include "dataplane/decode.h"
#include "dataplane/flow_packet.h"
#include "dataplane/fragment_cache.h"

namespace octroi {
namespace {

constexpr LinkType kLinkTypes[] = {
    LinkType::kEthernet,          LinkType::kNull,     LinkType::kPpp,
    LinkType::kPppHdlc,           LinkType::kPppEther, LinkType::kRawBsd,
    LinkType::kRawOpenBsd,        LinkType::kRaw,      LinkType::kChdlc,
    LinkType::kIeee80211,         LinkType::kLoop,     LinkType::kLinuxSll,
    LinkType::kIeee80211Radiotap, LinkType::kIpv4,     LinkType::kIpv6,
    LinkType::kLinuxSll2,         LinkType{147},
};

DecodedPacket DecodeOver(uint8_t stale_byte, const Packet& packet) {
  DecodedPacket decoded;
  // Booleans and enumerations stay valid: 0 or 1.
  std::memset(static_cast<void*>(&decoded), stale_byte, sizeof(decoded));
  DecodePacket(packet, &decoded);
  return decoded;
}

void CheckEqual(const IpLayer& a, const IpLayer& b) {
  assert(a.source == b.source && a.destination == b.destination);
  assert(a.ip_octets == b.ip_octets && a.fragment_id == b.fragment_id);
  assert(a.source_port == b.source_port);
  assert(a.destination_port == b.destination_port);
  assert(a.protocol_identifier == b.protocol_identifier);
  assert(a.tcp_flags == b.tcp_flags && a.has_ports == b.has_ports);
  assert(a.is_fragment == b.is_fragment);
  assert(a.is_first_fragment == b.is_first_fragment);
}

void CheckLayer(const IpLayer& layer) {
  assert(layer.source.family() == layer.destination.family());
  assert(layer.ip_octets >= (layer.source.is_v4() ? 20u : 40u));
  assert(layer.has_ports ||
         (layer.source_port == 0 && layer.destination_port == 0));
  assert(!layer.is_first_fragment || layer.is_fragment);
}

void CheckDecoded(const Packet& packet, const DecodedPacket& decoded) {
  const IpLayer& outer = decoded.outer;
  CheckLayer(outer);
  assert(outer.ip_octets <= packet.wire_octets);
  assert(ShardOfPacket(packet) ==
         ShardOfAddresses(outer.source, outer.destination));
  assert(ShardOfPacket(packet) ==
         ShardOfAddresses(outer.destination, outer.source));
  if (decoded.tunnel == TunnelKind::kNone) {
    assert(decoded.tunnel_id == 0);
    return;
  }
  assert(!TunnelKindName(decoded.tunnel).empty());
  assert(!outer.is_fragment || outer.is_first_fragment);
  CheckLayer(decoded.inner);
  assert(decoded.inner.ip_octets < outer.ip_octets);
}

// What is read as a plain packet is what decode finds.
void CheckPlain(const Packet& packet, const DecodedPacket& decoded) {
  FlowPacket plain;
  if (!ReadPlainPacket(packet, &plain)) return;
  assert(decoded.is_decoded() && decoded.tunnel == TunnelKind::kNone);
  assert(!decoded.outer.is_fragment && decoded.outer.has_ports);
  const FlowPacket expected =
      MakeFlowPacket(decoded.outer, packet.timestamp_ns, packet.clock_ns);
  assert(plain.key == expected.key && plain.sender == expected.sender);
  assert(plain.ip_octets == expected.ip_octets);
  assert(plain.tcp_flags == expected.tcp_flags);
  assert(!plain.key.is_v6() || plain.v6 == expected.v6);
}

// A packet meets itself in the cache: ports come from nowhere else.
void CheckFragments(const Packet& packet, DecodedPacket decoded) {
  const auto fragments = std::make_unique<FragmentCache>();
  const DecodedPacket original = decoded;
  for (int i = 0; i < 2; ++i) fragments->Resolve(&decoded);
  CheckDecoded(packet, decoded);
  CheckEqual(decoded.outer, original.outer);
  assert(fragments->resolved_count() == 0);
  assert(fragments->evicted_count() == 0);
}

void DecodeFrame(const uint8_t* frame, uint32_t captured_octets,
                 uint32_t uncaptured_octets, LinkType link_type) {
  const Packet packet = {.data = frame,
                         .captured_octets = captured_octets,
                         .wire_octets = captured_octets + uncaptured_octets,
                         .timestamp_ns = 1,
                         .clock_ns = 2,
                         .link_type = link_type};
  DecodedPacket decoded = DecodeOver(0, packet);
  const DecodedPacket again = DecodeOver(1, packet);

  assert(decoded.timestamp_ns == 1 && decoded.clock_ns == 2);
  assert(decoded.drop_reason == again.drop_reason);
  assert(ShardOfPacket(packet) < kShardCount);
  CheckPlain(packet, decoded);
  if (!decoded.is_decoded()) return;
  assert(decoded.tunnel == again.tunnel);
  assert(decoded.tunnel_id == again.tunnel_id);
  CheckEqual(decoded.outer, again.outer);
  if (decoded.tunnel != TunnelKind::kNone) {
    CheckEqual(decoded.inner, again.inner);
  }
  CheckDecoded(packet, decoded);

  const bool has_fragment =
      decoded.outer.is_fragment ||
      (decoded.tunnel != TunnelKind::kNone && decoded.inner.is_fragment);
  if (has_fragment) CheckFragments(packet, decoded);
}

}  // namespace
}  // namespace octroi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kHeaderBytes = 2;
  if (size < kHeaderBytes || size > octroi::kMaxCapturedOctets) return 0;
  const octroi::LinkType link_type =
      octroi::kLinkTypes[data[0] % std::size(octroi::kLinkTypes)];
  const uint32_t uncaptured_octets = uint32_t{data[1]} * data[1];

  // A heap copy of the exact size, so that ASan sees an over-read of a byte.
  const auto frame_octets = static_cast<uint32_t>(size - kHeaderBytes);
  const auto frame = std::make_unique<uint8_t[]>(frame_octets);
  if (frame_octets != 0) {
    std::memcpy(frame.get(), data + kHeaderBytes, frame_octets);
  }
  octroi::DecodeFrame(frame.get(), frame_octets, uncaptured_octets, link_type);
  return 0;
}
