// SPDX-License-Identifier: Apache-2.0
// Step 2, decode: from any frame to its IP layers; the plain ones that most
// packets are have a shorter way (flow_packet.h). Walks link headers, VLAN,
// MPLS and PPPoE down to the outermost IP header, then the transport header,
// then any tunnel inside, up to the limits of limits.h.
//
// Any byte string is a frame that a hostile host may send: it is decoded or it
// has one DropReason, and nothing past captured_octets is read. Free functions
// without state: any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "dataplane/drop_reason.h"
#include "dataplane/packet.h"
#include "geo/ip_address.h"

namespace octroi {

// IANA protocol numbers that octroi gives a meaning to.
enum IpProtocol : uint8_t {
  kProtocolHopByHop = 0,
  kProtocolIcmp = 1,
  kProtocolIpip = 4,
  kProtocolTcp = 6,
  kProtocolUdp = 17,
  kProtocolIpv6 = 41,
  kProtocolRouting = 43,
  kProtocolFragment = 44,
  kProtocolGre = 47,
  kProtocolEsp = 50,
  kProtocolAh = 51,
  kProtocolIcmpv6 = 58,
  kProtocolNoNext = 59,
  kProtocolDestinationOptions = 60,
  kProtocolL2tp = 115,
  kProtocolSctp = 132,
  kProtocolMobility = 135,
  kProtocolMpls = 137,
};

// RFC 9293 §3.1 control bits.
enum TcpFlag : uint8_t {
  kTcpFin = 0x01,
  kTcpSyn = 0x02,
  kTcpRst = 0x04,
  kTcpPsh = 0x08,
  kTcpAck = 0x10,
};

enum class TunnelKind : uint8_t {
  kNone,
  kGre,       // RFC 2784, RFC 2890; NVGRE (RFC 7637) as well
  kErspan,    // draft-foschiano-erspan
  kIpInIp,    // RFC 2003, RFC 2473: the inner family is the outer's
  k6in4,      // RFC 4213: IPv6 in IPv4
  k4in6,      // RFC 2473: IPv4 in IPv6
  kVxlan,     // RFC 7348, and VXLAN-GPE
  kGeneve,    // RFC 8926
  kGtpU,      // 3GPP TS 29.281
  kL2tp,      // RFC 2661 over UDP
  kMplsInIp,  // RFC 4023
  kCount,
};
// "", "gre", "erspan", "ipip", "6in4", "4in6", "vxlan", "geneve", "gtp-u",
// "l2tp", "mpls-in-ip".
std::string_view TunnelKindName(TunnelKind kind);

// One IP header and the transport header that follows it.
struct IpLayer {
  IpAddress source;
  IpAddress destination;
  // IP header and payload as sent on the wire; link padding does not count. A
  // total length of zero (BIG TCP, TSO) takes the frame's length on the wire.
  uint32_t ip_octets = 0;
  // Fragment identification (RFC 791, RFC 8200 §4.5). Meaningful if
  // is_fragment.
  uint32_t fragment_id = 0;
  uint16_t source_port = 0;  // TCP, UDP, SCTP; else 0.
  uint16_t destination_port = 0;
  // The transport, after IPv6 extension headers and AH have been walked; for a
  // payload that cannot be walked (truncated, ESP), the last number named.
  uint8_t protocol_identifier = 0;
  uint8_t tcp_flags = 0;
  bool is_fragment = false;
  bool is_first_fragment = false;  // Meaningful if is_fragment: offset is 0.
  bool has_ports = false;          // The transport header was read.
};

// What decode found in one packet.
struct DecodedPacket {
  IpLayer outer;
  // The innermost IP layer inside tunnels. Meaningful if tunnel is not kNone.
  IpLayer inner;
  int64_t timestamp_ns = 0;
  int64_t clock_ns = 0;
  // VNI, GRE key, TEID, session of the outermost tunnel; 0 if it has none.
  uint32_t tunnel_id = 0;
  // The outermost tunnel that an inner IP header was found in.
  TunnelKind tunnel = TunnelKind::kNone;
  // kCount: decoded. Else why not, and nothing but the times is meaningful.
  DropReason drop_reason = DropReason::kCount;

  bool is_decoded() const { return drop_reason == DropReason::kCount; }
};
static_assert(std::is_trivially_copyable_v<DecodedPacket>);

// Sets every field of `decoded` that it says is meaningful. Hot path, for the
// packets that are not plain (flow_packet.h).
void DecodePacket(const Packet& packet, DecodedPacket* decoded);

// The shard of the outermost address pair (limits.h): symmetric in source and
// destination, unseeded, so that all packets of an address pair, fragments
// included, meet the same worker and bounded per-shard state evolves alike at
// any worker count. 0 for a packet that has no outermost IP header.
uint32_t ShardOfAddresses(const IpAddress& source,
                          const IpAddress& destination);
uint32_t ShardOfPacket(const Packet& packet);

}  // namespace octroi
