// SPDX-License-Identifier: Apache-2.0
// Packets of the example, byte by byte: addresses, IP and transport headers
// with true lengths and checksums, fragments, tunnels, Ethernet frames with
// VLAN tags. Written without octroi's own decoder, so that the captures do not
// inherit its mistakes. Pure functions; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "examples/random.h"

namespace octroi::example {

using Bytes = std::vector<uint8_t>;

// Append in network byte order.
void AppendU16(Bytes* bytes, uint16_t value);
void AppendU32(Bytes* bytes, uint32_t value);
void Append(Bytes* bytes, std::string_view text);
void Append(Bytes* bytes, const Bytes& more);
void AppendRandom(Bytes* bytes, size_t count, Random* random);

struct Address {
  std::array<uint8_t, 16> bytes = {};  // IPv4: the first four.
  bool is_ipv6 = false;

  size_t size() const { return is_ipv6 ? 16 : 4; }
};

void Append(Bytes* bytes, const Address& address);

// REQUIRES: `text` is an IPv4 or IPv6 address.
Address AddressOf(std::string_view text);
// The address `offset` behind `first`, carried within the last two bytes.
Address Offset(Address first, uint16_t offset);
// Whether it belongs to the example's branch office: 10.0.0.0/8,
// 2001:db8:42::/48 or link-local.
bool IsInOffice(const Address& address);

// IANA protocol numbers in use here.
enum Protocol : uint8_t {
  kIcmp = 1,
  kTcp = 6,
  kUdp = 17,
  kFragmentHeader = 44,
  kGre = 47,
  kEsp = 50,
  kIcmpv6 = 58,
};

struct IpHeader {
  Address source;
  Address destination;
  uint8_t protocol = kUdp;
  uint8_t hop_limit = 64;
  uint32_t id = 0;  // IPv4 identification; of fragments, both families.
  bool dont_fragment = true;
};

// RFC 9293 section 3.1 control bits.
enum TcpControl : uint8_t {
  kFin = 0x01,
  kSyn = 0x02,
  kRst = 0x04,
  kPsh = 0x08,
  kAck = 0x10,
};

struct TcpHeader {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint32_t sequence = 0;
  uint32_t acknowledgment = 0;
  uint8_t control = 0;
  uint16_t mss = 0;             // Of a segment with SYN.
  uint32_t timestamp = 0;       // RFC 7323.
  uint32_t timestamp_echo = 0;  // RFC 7323.
};

// Transport segments, checksum included.
Bytes TcpSegment(const IpHeader& ip, const TcpHeader& tcp,
                 const Bytes& payload);
Bytes UdpDatagram(const IpHeader& ip, uint16_t source_port,
                  uint16_t destination_port, const Bytes& payload);
// ICMP or ICMPv6, by the family of `ip`.
Bytes IcmpMessage(const IpHeader& ip, uint8_t type, uint8_t code,
                  const Bytes& body);

// One IP packet.
Bytes IpPacket(const IpHeader& ip, const Bytes& transport);
// One packet, or fragments of at most `mtu` octets (RFC 791 section 3.2,
// RFC 8200 section 4.5).
std::vector<Bytes> IpPackets(const IpHeader& ip, const Bytes& transport,
                             size_t mtu);

// What goes in front of an inner packet: GRE with a key (RFC 2784, RFC 2890),
// or VXLAN with its Ethernet frame (RFC 7348), which is a UDP payload.
Bytes GrePayload(uint32_t key, const Bytes& ip_packet);
Bytes VxlanPayload(uint32_t network_id, const Bytes& ethernet_frame);

struct VlanTag {
  uint16_t ether_type = 0x8100;  // 0x88A8 for the outer tag of a carrier.
  uint16_t id = 0;
};

inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeLldp = 0x88CC;

using MacAddress = std::array<uint8_t, 6>;
void Append(Bytes* bytes, const MacAddress& address);
inline constexpr MacAddress kBroadcastMac = {0xFF, 0xFF, 0xFF,
                                             0xFF, 0xFF, 0xFF};
// The host's own in the office, the group's for multicast, else the router's.
MacAddress MacOf(const Address& address);

// A frame, padded to the 60 octets that Ethernet asks for (without its check
// sequence).
Bytes EthernetFrame(const MacAddress& source, const MacAddress& destination,
                    const std::vector<VlanTag>& tags, uint16_t ether_type,
                    const Bytes& content);
// The same around an IP packet from `source` to `destination`.
Bytes EthernetFrame(const IpHeader& ip, const std::vector<VlanTag>& tags,
                    const Bytes& ip_packet);

}  // namespace octroi::example
