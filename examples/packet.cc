// SPDX-License-Identifier: Apache-2.0
#include "examples/packet.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cassert>
#include <span>
#include <string>

namespace octroi::example {

void AppendU16(Bytes* bytes, uint16_t value) {
  bytes->push_back(static_cast<uint8_t>(value >> 8));
  bytes->push_back(static_cast<uint8_t>(value));
}

void AppendU32(Bytes* bytes, uint32_t value) {
  AppendU16(bytes, static_cast<uint16_t>(value >> 16));
  AppendU16(bytes, static_cast<uint16_t>(value));
}

namespace {

// Grows first and copies then: gcc 12 warns of a range inserted at the end of
// a vector whose length it knows.
template <typename Range>
void AppendRange(Bytes* bytes, const Range& range) {
  const size_t first = bytes->size();
  bytes->resize(first + range.size());
  std::copy(range.begin(), range.end(), bytes->data() + first);
}

}  // namespace

void Append(Bytes* bytes, std::string_view text) { AppendRange(bytes, text); }

void Append(Bytes* bytes, const Bytes& more) { AppendRange(bytes, more); }

void AppendRandom(Bytes* bytes, size_t count, Random* random) {
  const size_t first = bytes->size();
  bytes->resize(first + count);
  uint8_t* const out = bytes->data() + first;
  uint64_t word = 0;
  for (size_t i = 0; i < count; ++i) {
    word = i % 8 == 0 ? random->Next() : word >> 8;
    out[i] = static_cast<uint8_t>(word);
  }
}

void Append(Bytes* bytes, const Address& address) {
  AppendRange(bytes, std::span(address.bytes).first(address.size()));
}

void Append(Bytes* bytes, const MacAddress& address) {
  AppendRange(bytes, address);
}

Address AddressOf(std::string_view text) {
  const std::string terminated(text);
  Address address;
  address.is_ipv6 = text.find(':') != std::string_view::npos;
  const int family = address.is_ipv6 ? AF_INET6 : AF_INET;
  const int parsed =
      inet_pton(family, terminated.c_str(), address.bytes.data());
  assert(parsed == 1);
  static_cast<void>(parsed);
  return address;
}

Address Offset(Address first, uint16_t offset) {
  uint8_t* last = first.bytes.data() + first.size() - 2;
  const auto sum = static_cast<uint16_t>((last[0] << 8) + last[1] + offset);
  last[0] = static_cast<uint8_t>(sum >> 8);
  last[1] = static_cast<uint8_t>(sum);
  return first;
}

bool IsInOffice(const Address& address) {
  const auto& bytes = address.bytes;
  if (!address.is_ipv6) return bytes[0] == 10;
  const std::array<uint8_t, 6> office = {0x20, 0x01, 0x0D, 0xB8, 0x00, 0x42};
  return std::equal(office.begin(), office.end(), bytes.begin()) ||
         (bytes[0] == 0xFE && (bytes[1] & 0xC0) == 0x80);
}

namespace {

void StoreU16(Bytes* bytes, size_t at, uint16_t value) {
  (*bytes)[at] = static_cast<uint8_t>(value >> 8);
  (*bytes)[at + 1] = static_cast<uint8_t>(value);
}

// RFC 1071: the ones' complement sum, before it is folded and complemented.
uint32_t Sum(const Bytes& bytes) {
  const uint8_t* const data = bytes.data();
  const size_t size = bytes.size();
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < size; i += 2) {
    sum += static_cast<uint32_t>(data[i] << 8 | data[i + 1]);
  }
  if (size % 2 == 1) sum += static_cast<uint32_t>(data[size - 1]) << 8;
  return sum;
}

uint16_t Checksum(uint32_t sum) {
  while ((sum >> 16) != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

// RFC 9293 section 3.1, RFC 8200 section 8.1.
uint32_t PseudoHeaderSum(const IpHeader& ip, size_t transport_octets) {
  Bytes header;
  Append(&header, ip.source);
  Append(&header, ip.destination);
  AppendU32(&header, static_cast<uint32_t>(transport_octets));
  AppendU32(&header, ip.protocol);
  return Sum(header);
}

void FillChecksum(const IpHeader& ip, size_t at, Bytes* segment) {
  const bool has_pseudo_header = ip.protocol != kIcmp;
  const uint32_t sum =
      has_pseudo_header ? PseudoHeaderSum(ip, segment->size()) : 0;
  uint16_t checksum = Checksum(sum + Sum(*segment));
  if (checksum == 0 && ip.protocol == kUdp) checksum = 0xFFFF;  // RFC 768.
  StoreU16(segment, at, checksum);
}

// RFC 7323: every segment has timestamps; one with SYN has the maximum segment
// size, permission for SACK and a window scale as well.
Bytes TcpOptions(const TcpHeader& tcp) {
  Bytes options;
  if ((tcp.control & kSyn) != 0) {
    Append(&options, Bytes{2, 4});
    AppendU16(&options, tcp.mss);
    Append(&options, Bytes{4, 2, 8, 10});
  } else {
    Append(&options, Bytes{1, 1, 8, 10});
  }
  AppendU32(&options, tcp.timestamp);
  AppendU32(&options, tcp.timestamp_echo);
  if ((tcp.control & kSyn) != 0) Append(&options, Bytes{1, 3, 3, 7});
  return options;
}

}  // namespace

Bytes TcpSegment(const IpHeader& ip, const TcpHeader& tcp,
                 const Bytes& payload) {
  const Bytes options = (tcp.control & kRst) != 0 ? Bytes() : TcpOptions(tcp);
  Bytes segment;
  AppendU16(&segment, tcp.source_port);
  AppendU16(&segment, tcp.destination_port);
  AppendU32(&segment, tcp.sequence);
  AppendU32(&segment, tcp.acknowledgment);
  segment.push_back(static_cast<uint8_t>((20 + options.size()) / 4 << 4));
  segment.push_back(tcp.control);
  AppendU16(&segment, (tcp.control & kSyn) != 0 ? 64'240 : 501);  // Window.
  AppendU32(&segment, 0);  // Checksum, urgent pointer.
  Append(&segment, options);
  Append(&segment, payload);
  FillChecksum(ip, 16, &segment);
  return segment;
}

Bytes UdpDatagram(const IpHeader& ip, uint16_t source_port,
                  uint16_t destination_port, const Bytes& payload) {
  Bytes datagram;
  AppendU16(&datagram, source_port);
  AppendU16(&datagram, destination_port);
  AppendU16(&datagram, static_cast<uint16_t>(8 + payload.size()));
  AppendU16(&datagram, 0);
  Append(&datagram, payload);
  FillChecksum(ip, 6, &datagram);
  return datagram;
}

Bytes IcmpMessage(const IpHeader& ip, uint8_t type, uint8_t code,
                  const Bytes& body) {
  Bytes message = {type, code, 0, 0};
  Append(&message, body);
  FillChecksum(ip, 2, &message);
  return message;
}

namespace {

Bytes Ipv4Packet(const IpHeader& ip, uint16_t fragment_field,
                 const Bytes& payload) {
  Bytes packet = {0x45, 0};
  AppendU16(&packet, static_cast<uint16_t>(20 + payload.size()));
  AppendU16(&packet, static_cast<uint16_t>(ip.id));
  AppendU16(&packet, fragment_field);
  Append(&packet, Bytes{ip.hop_limit, ip.protocol, 0, 0});
  Append(&packet, ip.source);
  Append(&packet, ip.destination);
  StoreU16(&packet, 10, Checksum(Sum(packet)));
  Append(&packet, payload);
  return packet;
}

Bytes Ipv6Packet(const IpHeader& ip, uint8_t next_header,
                 const Bytes& payload) {
  Bytes packet = {0x60, 0, 0, 0};
  AppendU16(&packet, static_cast<uint16_t>(payload.size()));
  Append(&packet, Bytes{next_header, ip.hop_limit});
  Append(&packet, ip.source);
  Append(&packet, ip.destination);
  Append(&packet, payload);
  return packet;
}

constexpr uint16_t kIpv4DontFragment = 0x4000;
constexpr uint16_t kIpv4MoreFragments = 0x2000;

Bytes IpFragment(const IpHeader& ip, size_t offset, bool has_more,
                 const Bytes& piece) {
  if (!ip.source.is_ipv6) {
    const auto units = static_cast<uint16_t>(offset / 8);
    return Ipv4Packet(
        ip, static_cast<uint16_t>(units | (has_more ? kIpv4MoreFragments : 0)),
        piece);
  }
  Bytes payload = {ip.protocol, 0};
  AppendU16(&payload, static_cast<uint16_t>(offset | (has_more ? 1U : 0U)));
  AppendU32(&payload, ip.id);
  Append(&payload, piece);
  return Ipv6Packet(ip, kFragmentHeader, payload);
}

}  // namespace

Bytes IpPacket(const IpHeader& ip, const Bytes& transport) {
  if (ip.source.is_ipv6) return Ipv6Packet(ip, ip.protocol, transport);
  return Ipv4Packet(ip, ip.dont_fragment ? kIpv4DontFragment : 0, transport);
}

std::vector<Bytes> IpPackets(const IpHeader& ip, const Bytes& transport,
                             size_t mtu) {
  const size_t header_octets = ip.source.is_ipv6 ? 40 : 20;
  if (header_octets + transport.size() <= mtu) return {IpPacket(ip, transport)};
  const size_t fragment_header_octets = ip.source.is_ipv6 ? 8 : 0;
  const size_t step = (mtu - header_octets - fragment_header_octets) / 8 * 8;
  std::vector<Bytes> packets;
  for (size_t at = 0; at < transport.size(); at += step) {
    const size_t end = std::min(at + step, transport.size());
    const Bytes piece(transport.begin() + static_cast<long>(at),
                      transport.begin() + static_cast<long>(end));
    packets.push_back(IpFragment(ip, at, end < transport.size(), piece));
  }
  return packets;
}

namespace {

uint16_t EtherTypeOf(const Bytes& ip_packet) {
  return ip_packet[0] >> 4 == 6 ? 0x86DD : 0x0800;
}

}  // namespace

Bytes GrePayload(uint32_t key, const Bytes& ip_packet) {
  Bytes payload = {0x20, 0x00};  // A key, and nothing else.
  AppendU16(&payload, EtherTypeOf(ip_packet));
  AppendU32(&payload, key);
  Append(&payload, ip_packet);
  return payload;
}

Bytes VxlanPayload(uint32_t network_id, const Bytes& ethernet_frame) {
  Bytes payload = {0x08, 0, 0, 0};
  AppendU32(&payload, network_id << 8);
  Append(&payload, ethernet_frame);
  return payload;
}

MacAddress MacOf(const Address& address) {
  const auto& bytes = address.bytes;
  if (address.is_ipv6 && bytes[0] == 0xFF) {  // RFC 2464 section 7.
    return {0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]};
  }
  if (!address.is_ipv6 && bytes[0] == 255) return kBroadcastMac;
  if (!address.is_ipv6 && bytes[0] >> 4 == 14) {  // RFC 1112 section 6.4.
    return {0x01,     0x00,    0x5E, static_cast<uint8_t>(bytes[1] & 0x7F),
            bytes[2], bytes[3]};
  }
  // Locally administered: no vendor's.
  if (!IsInOffice(address)) return {0x02, 0x00, 0x00, 0xFF, 0xFF, 0xFE};
  const size_t network = address.is_ipv6 ? 7 : 1;
  const size_t host = address.size() - 2;
  return {0x02, 0x00, 0x00, bytes[network], bytes[host], bytes[host + 1]};
}

Bytes EthernetFrame(const MacAddress& source, const MacAddress& destination,
                    const std::vector<VlanTag>& tags, uint16_t ether_type,
                    const Bytes& content) {
  Bytes frame;
  frame.reserve(content.size() + 32);
  Append(&frame, destination);
  Append(&frame, source);
  for (const VlanTag& tag : tags) {
    AppendU16(&frame, tag.ether_type);
    AppendU16(&frame, tag.id);
  }
  AppendU16(&frame, ether_type);
  Append(&frame, content);
  constexpr size_t kLeastOctets = 60;
  if (frame.size() < kLeastOctets) frame.resize(kLeastOctets);
  return frame;
}

Bytes EthernetFrame(const IpHeader& ip, const std::vector<VlanTag>& tags,
                    const Bytes& ip_packet) {
  return EthernetFrame(MacOf(ip.source), MacOf(ip.destination), tags,
                       EtherTypeOf(ip_packet), ip_packet);
}

}  // namespace octroi::example
