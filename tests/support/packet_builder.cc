// SPDX-License-Identifier: Apache-2.0
#include "tests/support/packet_builder.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <string>
#include <utility>

namespace octroi::testing {
namespace {

using Bytes = std::vector<uint8_t>;

void AppendU8(Bytes* bytes, uint8_t value) { bytes->push_back(value); }
void AppendU16(Bytes* bytes, uint16_t value) {
  AppendU8(bytes, static_cast<uint8_t>(value >> 8));
  AppendU8(bytes, static_cast<uint8_t>(value));
}
void AppendU32(Bytes* bytes, uint32_t value) {
  AppendU16(bytes, static_cast<uint16_t>(value >> 16));
  AppendU16(bytes, static_cast<uint16_t>(value));
}
void AppendZeros(Bytes* bytes, size_t count) {
  bytes->resize(bytes->size() + count);
}

void WriteU32(Bytes* bytes, size_t at, uint32_t value) {
  WriteU16(bytes, at, static_cast<uint16_t>(value >> 16));
  WriteU16(bytes, at + 2, static_cast<uint16_t>(value));
}

void AppendAddress(Bytes* bytes, std::string_view text, int family) {
  std::array<uint8_t, 16> address = {};
  const int is_valid =
      inet_pton(family, std::string(text).c_str(), address.data());
  assert(is_valid == 1);
  (void)is_valid;
  const size_t octets = family == AF_INET ? 4 : 16;
  bytes->insert(bytes->end(), address.begin(), address.begin() + octets);
}

// RFC 1071, without the final complement.
uint32_t Sum(const uint8_t* data, size_t octets) {
  uint32_t sum = 0;
  for (size_t i = 0; i < octets; ++i) {
    sum += i % 2 == 0 ? static_cast<uint32_t>(data[i]) << 8 : data[i];
  }
  return sum;
}

uint16_t Checksum(uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

uint16_t ChecksumOf(const Bytes& header, const Bytes& body, uint32_t sum) {
  return Checksum(uint64_t{sum} + Sum(header.data(), header.size()) +
                  Sum(body.data(), body.size()));
}

// RFC 9260 appendix A: CRC-32C, written least significant byte first.
uint32_t Crc32c(const Bytes& header, const Bytes& body) {
  uint32_t crc = 0xffffffff;
  for (const Bytes* part : {&header, &body}) {
    for (const uint8_t byte : *part) {
      crc ^= byte;
      for (int bit = 0; bit < 8; ++bit) {
        crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
      }
    }
  }
  return __builtin_bswap32(~crc);
}

constexpr std::array<uint8_t, 12> kMacAddresses = {0x02, 0, 0, 0, 0, 0x01,
                                                   0x02, 0, 0, 0, 0, 0x02};

}  // namespace

IpAddress AddressOf(std::string_view text) {
  const bool is_v6 = text.find(':') != std::string_view::npos;
  Bytes bytes;
  AppendAddress(&bytes, text, is_v6 ? AF_INET6 : AF_INET);
  return is_v6 ? IpAddress::V6FromBytes(bytes.data())
               : IpAddress::V4FromBytes(bytes.data());
}

Packet Frame::AsPacket(int64_t timestamp_ns) const {
  return {.data = bytes.data(),
          .captured_octets = static_cast<uint32_t>(bytes.size()),
          .wire_octets = wire_octets,
          .timestamp_ns = timestamp_ns,
          .clock_ns = timestamp_ns,
          .link_type = link_type};
}

void WriteU16(std::vector<uint8_t>* bytes, size_t at, uint16_t value) {
  bytes->at(at) = static_cast<uint8_t>(value >> 8);
  bytes->at(at + 1) = static_cast<uint8_t>(value);
}

PacketBuilder& PacketBuilder::Add(Layer layer, LinkType link_type) {
  if (layers_.empty()) link_type_ = link_type;
  layers_.push_back(std::move(layer));
  return *this;
}

PacketBuilder& PacketBuilder::Ethernet() {
  Layer layer = {.kind = Kind::kEthernet, .header = {}, .ether_type = 0x6558};
  layer.header.assign(kMacAddresses.begin(), kMacAddresses.end());
  AppendZeros(&layer.header, 2);
  return Add(layer);
}

PacketBuilder& PacketBuilder::Vlan(uint16_t id, uint16_t tag_type) {
  Layer layer = {.kind = Kind::kVlan, .header = {}, .ether_type = tag_type};
  AppendU16(&layer.header, id);
  AppendZeros(&layer.header, 2);
  return Add(layer);
}

PacketBuilder& PacketBuilder::Mpls(uint32_t label) {
  Layer layer = {.kind = Kind::kMpls,
                 .header = {},
                 .ether_type = 0x8847,
                 .protocol_identifier = 137};
  AppendU32(&layer.header, label << 12 | 64);
  return Add(layer);
}

PacketBuilder& PacketBuilder::ControlWord() {
  return Add({.header = Bytes(4)});
}

PacketBuilder& PacketBuilder::Opaque(std::vector<uint8_t> header) {
  return Add({.header = std::move(header)});
}

PacketBuilder& PacketBuilder::Pppoe(uint16_t session) {
  Layer layer = {
      .kind = Kind::kPppoe, .header = {0x11, 0}, .ether_type = 0x8864};
  AppendU16(&layer.header, session);
  AppendZeros(&layer.header, 4);
  return Add(layer, LinkType::kPppEther);
}

PacketBuilder& PacketBuilder::Ppp(bool has_address_and_control,
                                  bool has_short_protocol) {
  Layer layer = {.kind = Kind::kPpp, .header = {}, .ether_type = 0x880b};
  if (has_address_and_control) layer.header = {0xff, 0x03};
  AppendZeros(&layer.header, has_short_protocol ? 1 : 2);
  return Add(layer, LinkType::kPpp);
}

PacketBuilder& PacketBuilder::LlcSnap() {
  return Add(
      {.kind = Kind::kLlcSnap, .header = {0xaa, 0xaa, 0x03, 0, 0, 0, 0, 0}});
}

PacketBuilder& PacketBuilder::LinuxCooked() {
  // To us, from an Ethernet interface, with an address of six bytes.
  Layer layer = {.kind = Kind::kLinuxCooked, .header = {0, 0, 0, 1, 0, 6}};
  AppendZeros(&layer.header, 10);
  return Add(layer, LinkType::kLinuxSll);
}

PacketBuilder& PacketBuilder::LinuxCooked2() {
  Layer layer = {.kind = Kind::kLinuxCooked2,
                 .header = {0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6}};
  AppendZeros(&layer.header, 8);
  return Add(layer, LinkType::kLinuxSll2);
}

PacketBuilder& PacketBuilder::Loopback(uint32_t family, bool is_big_endian) {
  Layer layer;
  AppendU32(&layer.header, is_big_endian ? family : __builtin_bswap32(family));
  return Add(layer, is_big_endian ? LinkType::kLoop : LinkType::kNull);
}

PacketBuilder& PacketBuilder::Chdlc() {
  return Add({.kind = Kind::kChdlc, .header = {0x0f, 0, 0, 0}},
             LinkType::kChdlc);
}

PacketBuilder& PacketBuilder::Ieee80211(uint8_t type, uint8_t flags) {
  Layer layer = {.header = {type, flags}};
  AppendZeros(&layer.header, 22);
  if ((flags & 0x03) == 0x03) AppendZeros(&layer.header, 6);
  const bool has_qos = (type & 0x80) != 0;
  if (has_qos) AppendZeros(&layer.header, 2);
  if (has_qos && (flags & 0x80) != 0) AppendZeros(&layer.header, 4);
  return Add(layer, LinkType::kIeee80211);
}

PacketBuilder& PacketBuilder::Radiotap(uint8_t flags) {
  // Version 0, 25 octets, two presence words; then the timestamp, which is
  // aligned to eight, and the flags.
  Layer layer = {.header = {0, 0, 25, 0, 0x03, 0, 0, 0x80, 0, 0, 0, 0}};
  AppendZeros(&layer.header, 4 + 8);
  AppendU8(&layer.header, flags);
  return Add(layer, LinkType::kIeee80211Radiotap);
}

PacketBuilder& PacketBuilder::Ipv4(std::string_view source,
                                   std::string_view destination) {
  Layer layer = {.kind = Kind::kIpv4,
                 .header = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0},
                 .ether_type = 0x0800,
                 .protocol_identifier = 4};
  AppendAddress(&layer.header, source, AF_INET);
  AppendAddress(&layer.header, destination, AF_INET);
  return Add(layer, LinkType::kRaw);
}

PacketBuilder& PacketBuilder::Ipv6(std::string_view source,
                                   std::string_view destination) {
  Layer layer = {.kind = Kind::kIpv6,
                 .header = {0x60, 0, 0, 0, 0, 0, 0, 64},
                 .ether_type = 0x86dd,
                 .protocol_identifier = 41};
  AppendAddress(&layer.header, source, AF_INET6);
  AppendAddress(&layer.header, destination, AF_INET6);
  return Add(layer, LinkType::kRaw);
}

PacketBuilder::Layer* PacketBuilder::LastIp() {
  const auto found =
      std::find_if(layers_.rbegin(), layers_.rend(), [](const Layer& layer) {
        return layer.kind == Kind::kIpv4 || layer.kind == Kind::kIpv6;
      });
  assert(found != layers_.rend());
  return &*found;
}

PacketBuilder& PacketBuilder::Options(size_t octets) {
  constexpr uint8_t kNoOperation = 1;
  assert(octets % 4 == 0 && octets <= 40);
  Layer* ip = LastIp();
  ip->header.insert(ip->header.end(), octets, kNoOperation);
  ip->header[0] = static_cast<uint8_t>(0x40 | ip->header.size() / 4);
  return *this;
}

PacketBuilder& PacketBuilder::Fragment(uint32_t id, uint16_t offset,
                                       bool has_more) {
  assert(offset % 8 == 0);
  Layer* ip = LastIp();
  if (ip->kind == Kind::kIpv4) {
    WriteU16(&ip->header, 4, static_cast<uint16_t>(id));
    WriteU16(&ip->header, 6,
             static_cast<uint16_t>(offset / 8 | (has_more ? 0x2000 : 0)));
    return *this;
  }
  Layer layer = {.kind = Kind::kExtension,
                 .header = {59, 0},
                 .ether_type = 0,
                 .protocol_identifier = 44};
  AppendU16(&layer.header, static_cast<uint16_t>(offset | (has_more ? 1 : 0)));
  AppendU32(&layer.header, id);
  return Add(layer);
}

PacketBuilder& PacketBuilder::Extension(uint8_t protocol_identifier,
                                        size_t octets) {
  assert(octets % 8 == 0 && octets >= 8);
  Layer layer = {.kind = Kind::kExtension,
                 .header = Bytes(octets),
                 .ether_type = 0,
                 .protocol_identifier = protocol_identifier};
  layer.header[1] = static_cast<uint8_t>(octets / 8 - 1);
  return Add(layer);
}

PacketBuilder& PacketBuilder::JumboPayload() {
  LastIp()->stated_length = 0;
  return Add({.kind = Kind::kJumboPayload,
              .header = {59, 0, 0xc2, 4, 0, 0, 0, 0},
              .ether_type = 0,
              .protocol_identifier = 0});
}

PacketBuilder& PacketBuilder::Ah() {
  Layer layer = {.kind = Kind::kExtension,
                 .header = Bytes(24),
                 .ether_type = 0,
                 .protocol_identifier = 51};
  layer.header[1] = 24 / 4 - 2;
  return Add(layer);
}

PacketBuilder& PacketBuilder::Esp() {
  return Add(
      {.header = Bytes(8, 0x5a), .ether_type = 0, .protocol_identifier = 50});
}

PacketBuilder& PacketBuilder::Tcp(uint16_t source_port,
                                  uint16_t destination_port, uint8_t flags) {
  Layer layer = {.kind = Kind::kTcp,
                 .header = {},
                 .ether_type = 0,
                 .protocol_identifier = 6};
  AppendU16(&layer.header, source_port);
  AppendU16(&layer.header, destination_port);
  AppendZeros(&layer.header, 8);
  AppendU16(&layer.header, static_cast<uint16_t>(0x5000 | flags));
  AppendU16(&layer.header, 0xffff);  // Window.
  AppendZeros(&layer.header, 4);
  return Add(layer);
}

PacketBuilder& PacketBuilder::Udp(uint16_t source_port,
                                  uint16_t destination_port) {
  Layer layer = {.kind = Kind::kUdp,
                 .header = {},
                 .ether_type = 0,
                 .protocol_identifier = 17};
  AppendU16(&layer.header, source_port);
  AppendU16(&layer.header, destination_port);
  AppendZeros(&layer.header, 4);
  return Add(layer);
}

PacketBuilder& PacketBuilder::Sctp(uint16_t source_port,
                                   uint16_t destination_port) {
  Layer layer = {.kind = Kind::kSctp,
                 .header = {},
                 .ether_type = 0,
                 .protocol_identifier = 132};
  AppendU16(&layer.header, source_port);
  AppendU16(&layer.header, destination_port);
  AppendZeros(&layer.header, 8);
  return Add(layer);
}

PacketBuilder& PacketBuilder::Icmp(uint8_t type) {
  return Add({.kind = Kind::kIcmp,
              .header = {type, 0, 0, 0, 0, 0, 0, 0},
              .ether_type = 0,
              .protocol_identifier = 1});
}

PacketBuilder& PacketBuilder::Icmpv6(uint8_t type) {
  return Add({.kind = Kind::kIcmpv6,
              .header = {type, 0, 0, 0, 0, 0, 0, 0},
              .ether_type = 0,
              .protocol_identifier = 58});
}

PacketBuilder& PacketBuilder::Gre() { return Gre(GreFields{}); }

PacketBuilder& PacketBuilder::Gre(const GreFields& fields) {
  Layer layer = {.kind = Kind::kGre,
                 .header = {},
                 .ether_type = 0,
                 .protocol_identifier = 47};
  uint16_t flags = 0;
  if (fields.has_checksum) flags |= 0x8000;
  if (fields.has_routing) flags |= 0x4000;
  if (fields.key) flags |= 0x2000;
  if (fields.sequence) flags |= 0x1000;
  AppendU16(&layer.header, flags);
  AppendZeros(&layer.header, 2);
  if (fields.has_checksum || fields.has_routing) AppendZeros(&layer.header, 4);
  if (fields.key) AppendU32(&layer.header, *fields.key);
  if (fields.sequence) AppendU32(&layer.header, *fields.sequence);
  if (fields.has_routing) {
    // One entry of the IP family with one address, and the one that ends.
    for (const uint8_t byte : {0x08, 0x00, 0, 4, 192, 0, 2, 9, 0, 0, 0, 0}) {
      AppendU8(&layer.header, byte);
    }
  }
  return Add(layer);
}

PacketBuilder& PacketBuilder::Pptp(uint16_t call, bool has_acknowledgment) {
  Layer layer = {.kind = Kind::kPptp,
                 .header = {0x30, 0x01, 0x88, 0x0b, 0, 0},
                 .ether_type = 0,
                 .protocol_identifier = 47};
  AppendU16(&layer.header, call);
  AppendU32(&layer.header, 1);
  if (has_acknowledgment) {
    layer.header[1] |= 0x80;
    AppendU32(&layer.header, 1);
  }
  return Add(layer);
}

PacketBuilder& PacketBuilder::Erspan2(uint16_t session) {
  Layer layer = {.header = {0x10, 0x01}, .ether_type = 0x88be};
  AppendU16(&layer.header, session);
  AppendZeros(&layer.header, 4);
  return Add(layer);
}

PacketBuilder& PacketBuilder::Erspan3(uint16_t session,
                                      bool has_platform_header) {
  Layer layer = {.header = {0x20, 0x01}, .ether_type = 0x22eb};
  AppendU16(&layer.header, session);
  AppendZeros(&layer.header, 6);
  AppendU16(&layer.header, has_platform_header ? 1 : 0);
  if (has_platform_header) AppendZeros(&layer.header, 8);
  return Add(layer);
}

PacketBuilder& PacketBuilder::Vxlan(uint32_t id) {
  Layer layer = {.header = {0x08, 0, 0, 0}};
  AppendU32(&layer.header, id << 8);
  return Add(layer);
}

PacketBuilder& PacketBuilder::VxlanGpe(uint32_t id) {
  Layer layer = {.kind = Kind::kVxlanGpe, .header = {0x0c, 0, 0, 0}};
  AppendU32(&layer.header, id << 8);
  return Add(layer);
}

PacketBuilder& PacketBuilder::Geneve(uint32_t id, size_t option_octets) {
  assert(option_octets % 4 == 0 && option_octets < 256);
  Layer layer = {.kind = Kind::kGeneve,
                 .header = {static_cast<uint8_t>(option_octets / 4), 0, 0, 0}};
  AppendU32(&layer.header, id << 8);
  AppendZeros(&layer.header, option_octets);
  return Add(layer);
}

PacketBuilder& PacketBuilder::GtpU(uint32_t endpoint, int extension_count) {
  // The PDU session container of TS 38.415, eight octets long.
  constexpr uint8_t kContainer = 0x85;
  Layer layer = {.kind = Kind::kGtpU, .header = {0x30, 255, 0, 0}};
  AppendU32(&layer.header, endpoint);
  if (extension_count == 0) return Add(layer);
  layer.header[0] |= 0x04;
  AppendZeros(&layer.header, 3);
  for (int i = 0; i < extension_count; ++i) {
    for (const uint8_t byte : {int{kContainer}, 2, 0, 0, 0, 0, 0, 0}) {
      AppendU8(&layer.header, byte);
    }
  }
  AppendU8(&layer.header, 0);
  return Add(layer);
}

PacketBuilder& PacketBuilder::L2tp(uint16_t tunnel, uint16_t session) {
  Layer layer = {.kind = Kind::kL2tp, .header = {0x40, 0x02, 0, 0}};
  AppendU16(&layer.header, tunnel);
  AppendU16(&layer.header, session);
  return Add(layer);
}

PacketBuilder& PacketBuilder::Payload(size_t octets) {
  for (size_t i = 0; i < octets; ++i) {
    payload_.push_back(static_cast<uint8_t>(i));
  }
  return *this;
}

PacketBuilder& PacketBuilder::Payload(std::vector<uint8_t> bytes) {
  payload_.insert(payload_.end(), bytes.begin(), bytes.end());
  return *this;
}

PacketBuilder& PacketBuilder::Padding(size_t octets) {
  padding_octets_ += octets;
  return *this;
}

PacketBuilder& PacketBuilder::Next(uint16_t number) {
  layers_.back().next = number;
  return *this;
}

PacketBuilder& PacketBuilder::StatedLength(uint16_t octets) {
  LastIp()->stated_length = octets;
  return *this;
}

PacketBuilder& PacketBuilder::AsLinkType(LinkType link_type) {
  link_type_ = link_type;
  return *this;
}

PacketBuilder& PacketBuilder::Snap(uint32_t octets) {
  captured_octets_ = octets;
  return *this;
}

uint16_t PacketBuilder::NextEtherType(size_t index) const {
  if (layers_[index].next) return *layers_[index].next;
  return index + 1 < layers_.size() ? layers_[index + 1].ether_type : 0;
}

uint16_t PacketBuilder::NextPppProtocol(size_t index) const {
  if (layers_[index].next) return *layers_[index].next;
  switch (NextEtherType(index)) {
    case 0x0800:
      return 0x0021;
    case 0x86dd:
      return 0x0057;
    case 0x8847:
      return 0x0281;
    default:
      return 0xc021;  // Link control.
  }
}

uint8_t PacketBuilder::NextProtocol(size_t index) const {
  if (layers_[index].next) return static_cast<uint8_t>(*layers_[index].next);
  constexpr uint8_t kNoNextHeader = 59;
  return index + 1 < layers_.size() ? layers_[index + 1].protocol_identifier
                                    : kNoNextHeader;
}

// RFC 9293 §3.1 and RFC 8200 §8.1: the addresses, the length, the protocol.
uint32_t PacketBuilder::PseudoHeaderSum(size_t index,
                                        uint8_t protocol_identifier,
                                        size_t octets) const {
  for (size_t i = index; i-- > 0;) {
    const Layer& layer = layers_[i];
    uint32_t address_sum;
    if (layer.kind == Kind::kIpv4) {
      address_sum = Sum(&layer.header[12], 8);
    } else if (layer.kind == Kind::kIpv6) {
      address_sum = Sum(&layer.header[8], 32);
    } else {
      continue;
    }
    return address_sum + static_cast<uint32_t>(octets) + protocol_identifier;
  }
  return 0;
}

std::vector<uint8_t> PacketBuilder::Complete(size_t index,
                                             const Bytes& body) const {
  const Layer& layer = layers_[index];
  Bytes header = layer.header;
  const auto body_octets = static_cast<uint16_t>(body.size());
  const auto all_octets = static_cast<uint16_t>(header.size() + body.size());
  const bool is_before_llc =
      index + 1 < layers_.size() && layers_[index + 1].kind == Kind::kLlcSnap;
  switch (layer.kind) {
    case Kind::kFixed:
      break;
    case Kind::kEthernet:
      WriteU16(
          &header, 12,
          is_before_llc && !layer.next ? body_octets : NextEtherType(index));
      break;
    case Kind::kVlan:
    case Kind::kChdlc:
    case Kind::kGeneve:
      WriteU16(
          &header, 2,
          is_before_llc && !layer.next ? body_octets : NextEtherType(index));
      break;
    case Kind::kMpls:
      if (NextEtherType(index) != 0x8847) header[2] |= 1;
      break;
    case Kind::kPppoe:
      WriteU16(&header, 4, static_cast<uint16_t>(body_octets + 2));
      WriteU16(&header, 6, NextPppProtocol(index));
      break;
    case Kind::kPpp:
      if (header.size() % 2 == 0) {
        WriteU16(&header, header.size() - 2, NextPppProtocol(index));
      } else {
        header.back() = static_cast<uint8_t>(NextPppProtocol(index));
      }
      break;
    case Kind::kLlcSnap:
      WriteU16(&header, 6, NextEtherType(index));
      break;
    case Kind::kLinuxCooked:
      WriteU16(&header, 14, NextEtherType(index));
      break;
    case Kind::kLinuxCooked2:
      WriteU16(&header, 0, NextEtherType(index));
      break;
    case Kind::kIpv4:
      WriteU16(&header, 2, layer.stated_length.value_or(all_octets));
      header[9] = NextProtocol(index);
      WriteU16(&header, 10, ChecksumOf(header, {}, 0));
      break;
    case Kind::kIpv6:
      WriteU16(&header, 4, layer.stated_length.value_or(body_octets));
      header[6] = NextProtocol(index);
      break;
    case Kind::kExtension:
      header[0] = NextProtocol(index);
      break;
    case Kind::kJumboPayload:
      header[0] = NextProtocol(index);
      WriteU32(&header, 4, static_cast<uint32_t>(header.size() + body.size()));
      break;
    case Kind::kTcp:
      WriteU16(&header, 16,
               ChecksumOf(header, body, PseudoHeaderSum(index, 6, all_octets)));
      break;
    case Kind::kUdp:
      WriteU16(&header, 4, all_octets);
      WriteU16(
          &header, 6,
          ChecksumOf(header, body, PseudoHeaderSum(index, 17, all_octets)));
      break;
    case Kind::kSctp:
      WriteU32(&header, 8, Crc32c(header, body));
      break;
    case Kind::kIcmp:
      WriteU16(&header, 2, ChecksumOf(header, body, 0));
      break;
    case Kind::kIcmpv6:
      WriteU16(
          &header, 2,
          ChecksumOf(header, body, PseudoHeaderSum(index, 58, all_octets)));
      break;
    case Kind::kGre:
      WriteU16(&header, 2, NextEtherType(index));
      if ((header[0] & 0x80) != 0) {
        WriteU16(&header, 4, ChecksumOf(header, body, 0));
      }
      break;
    case Kind::kPptp:
      WriteU16(&header, 4, body_octets);
      break;
    case Kind::kVxlanGpe:
      switch (NextEtherType(index)) {
        case 0x0800:
          header[3] = 1;
          break;
        case 0x86dd:
          header[3] = 2;
          break;
        case 0x8847:
          header[3] = 5;
          break;
        default:
          header[3] = 3;
      }
      break;
    case Kind::kGtpU:
      WriteU16(&header, 2, static_cast<uint16_t>(all_octets - 8));
      break;
    case Kind::kL2tp:
      WriteU16(&header, 2, all_octets);
      break;
  }
  return header;
}

Frame PacketBuilder::Build() const {
  Bytes bytes = payload_;
  for (size_t index = layers_.size(); index-- > 0;) {
    const Bytes header = Complete(index, bytes);
    bytes.insert(bytes.begin(), header.begin(), header.end());
  }
  bytes.resize(bytes.size() + padding_octets_);
  Frame frame = {
      .bytes = std::move(bytes), .wire_octets = 0, .link_type = link_type_};
  frame.wire_octets = static_cast<uint32_t>(frame.bytes.size());
  if (captured_octets_ && *captured_octets_ < frame.bytes.size()) {
    frame.bytes.resize(*captured_octets_);
  }
  frame.bytes.shrink_to_fit();
  return frame;
}

}  // namespace octroi::testing
