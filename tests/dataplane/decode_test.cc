// SPDX-License-Identifier: Apache-2.0
#include "dataplane/decode.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/flow_packet.h"
#include "tests/support/packet_builder.h"

namespace octroi {
namespace {

using testing::AddressOf;
using testing::Frame;
using testing::PacketBuilder;
using testing::WriteU16;

constexpr const char* kClient = "192.0.2.1";
constexpr const char* kServer = "198.51.100.7";
constexpr const char* kClient6 = "2001:db8::1";
constexpr const char* kServer6 = "2001:db8:ffff::7";
// Inside tunnels.
constexpr const char* kInnerClient = "203.0.113.5";
constexpr const char* kInnerServer = "203.0.113.6";

// What is read as a plain packet must be what decode finds.
void CheckPlain(const Packet& packet, const DecodedPacket& decoded) {
  FlowPacket plain;
  if (!ReadPlainPacket(packet, &plain)) return;
  ASSERT_TRUE(decoded.is_decoded());
  ASSERT_EQ(decoded.tunnel, TunnelKind::kNone);
  ASSERT_FALSE(decoded.outer.is_fragment);
  ASSERT_TRUE(decoded.outer.has_ports);
  const FlowPacket expected =
      MakeFlowPacket(decoded.outer, packet.timestamp_ns, packet.clock_ns);
  EXPECT_EQ(plain.key, expected.key);
  EXPECT_EQ(plain.sender, expected.sender);
  EXPECT_EQ(plain.ip_octets, expected.ip_octets);
  EXPECT_EQ(plain.tcp_flags, expected.tcp_flags);
  EXPECT_EQ(plain.tunnel_kind, expected.tunnel_kind);
  EXPECT_EQ(plain.timestamp_ns, expected.timestamp_ns);
  EXPECT_EQ(plain.clock_ns, expected.clock_ns);
  if (plain.key.is_v6()) {
    EXPECT_EQ(plain.v6, expected.v6);
  }
}

// Decodes a copy of the exact size, on the heap, so that ASan sees an
// over-read of one byte, into a result full of what an earlier packet left.
// Checks what holds for every packet.
DecodedPacket Decode(Packet packet) {
  const auto copy = std::make_unique<uint8_t[]>(packet.captured_octets);
  std::copy_n(packet.data, packet.captured_octets, copy.get());
  packet.data = copy.get();
  DecodedPacket decoded;
  std::memset(static_cast<void*>(&decoded.outer), 0x01, sizeof(decoded.outer));
  std::memset(static_cast<void*>(&decoded.inner), 0x01, sizeof(decoded.inner));
  decoded.tunnel = TunnelKind::kGtpU;
  decoded.tunnel_id = 77;
  DecodePacket(packet, &decoded);

  CheckPlain(packet, decoded);
  EXPECT_EQ(decoded.timestamp_ns, packet.timestamp_ns);
  EXPECT_EQ(decoded.clock_ns, packet.clock_ns);
  EXPECT_LT(ShardOfPacket(packet), kShardCount);
  if (!decoded.is_decoded()) return decoded;
  EXPECT_EQ(ShardOfPacket(packet),
            ShardOfAddresses(decoded.outer.source, decoded.outer.destination));
  EXPECT_LE(decoded.outer.ip_octets, packet.wire_octets);
  if (decoded.tunnel != TunnelKind::kNone) {
    EXPECT_LT(decoded.inner.ip_octets, decoded.outer.ip_octets);
  } else {
    EXPECT_EQ(decoded.tunnel_id, 0u);
  }
  return decoded;
}

DecodedPacket Decode(const Frame& frame) { return Decode(frame.AsPacket()); }
DecodedPacket Decode(const PacketBuilder& builder) {
  return Decode(builder.Build());
}

std::string_view Label(DropReason reason) {
  if (reason == kNoDropReason) return "decoded";
  return kDropReasons[static_cast<size_t>(reason)].label;
}

// All fields of a layer, for messages and comparisons.
std::string Text(const IpLayer& layer) {
  return fmt::format(
      "{:x}:{:x}>{:x}:{:x} family={} octets={} fragment={}/{}/{} ports={}/{}>{}"
      " protocol={} flags={:x}",
      layer.source.high(), layer.source.low(), layer.destination.high(),
      layer.destination.low(), layer.source.is_v4() ? 4 : 6, layer.ip_octets,
      layer.is_fragment, layer.is_first_fragment, layer.fragment_id,
      layer.has_ports, layer.source_port, layer.destination_port,
      layer.protocol_identifier, layer.tcp_flags);
}

// The packet that most cases wrap: 140 octets of IPv4 and TCP.
PacketBuilder AroundIpv4(PacketBuilder links) {
  return links.Ipv4(kClient, kServer).Tcp(40000, 443, 0x18).Payload(100);
}

// The same in IPv6: 160 octets.
PacketBuilder AroundIpv6(PacketBuilder links) {
  return links.Ipv6(kClient6, kServer6).Tcp(40000, 443, 0x18).Payload(100);
}

IpLayer PlainIpv4Layer() {
  return {.source = AddressOf(kClient),
          .destination = AddressOf(kServer),
          .ip_octets = 140,
          .source_port = 40000,
          .destination_port = 443,
          .protocol_identifier = kProtocolTcp,
          .tcp_flags = kTcpPsh | kTcpAck,
          .has_ports = true};
}

IpLayer PlainIpv6Layer() {
  IpLayer layer = PlainIpv4Layer();
  layer.source = AddressOf(kClient6);
  layer.destination = AddressOf(kServer6);
  layer.ip_octets = 160;
  return layer;
}

PacketBuilder Ethernet() { return PacketBuilder().Ethernet(); }

PacketBuilder Vlans(int count) {
  PacketBuilder builder = Ethernet();
  for (int i = 0; i < count; ++i) builder.Vlan(static_cast<uint16_t>(i));
  return builder;
}

PacketBuilder Labels(int count) {
  PacketBuilder builder = Ethernet();
  for (int i = 0; i < count; ++i) builder.Mpls(100);
  return builder;
}

struct LinkCase {
  const char* description;
  PacketBuilder links;
};

std::vector<LinkCase> LinkCases() {
  return {
      {"Ethernet", Ethernet()},
      {"802.1Q", Ethernet().Vlan(7)},
      {"802.1ad", Ethernet().Vlan(7, 0x88a8).Vlan(8)},
      {"QinQ 9100", Ethernet().Vlan(7, 0x9100).Vlan(8)},
      {"QinQ 9200", Ethernet().Vlan(7, 0x9200).Vlan(8)},
      {"as many tags as are allowed", Vlans(kMaxVlanTags)},
      {"MPLS", Ethernet().Mpls(16)},
      {"MPLS multicast", Ethernet().Next(0x8848).Mpls(16)},
      {"MPLS behind a tag", Ethernet().Vlan(7).Mpls(16).Mpls(17)},
      {"as many labels as are allowed", Labels(kMaxMplsLabels)},
      {"pseudowire with control word",
       Ethernet().Mpls(16).ControlWord().Ethernet()},
      {"pseudowire with control word and tags",
       Ethernet().Mpls(16).ControlWord().Ethernet().Vlan(7).Vlan(8)},
      {"pseudowire without control word", Ethernet().Mpls(16).Ethernet()},
      {"PPPoE", Ethernet().Pppoe(1)},
      {"PPPoE behind a tag", Ethernet().Vlan(7).Pppoe(1)},
      {"PPPoE without Ethernet", PacketBuilder().Pppoe(1)},
      {"802.3 with SNAP", Ethernet().LlcSnap()},
      {"802.3 with SNAP behind a tag", Ethernet().Vlan(7).LlcSnap()},
      {"SNAP before a tag", Ethernet().LlcSnap().Vlan(7)},
      {"MACsec, integrity only",
       Ethernet().Next(0x88e5).Opaque({0, 0, 0, 0, 0, 1, 0x08, 0x00})},
      {"Linux cooked", PacketBuilder().LinuxCooked()},
      {"Linux cooked with a tag", PacketBuilder().LinuxCooked().Vlan(7)},
      {"Linux cooked v2", PacketBuilder().LinuxCooked2()},
      {"raw IP", PacketBuilder()},
      {"PPP", PacketBuilder().Ppp()},
      {"PPP without address and control", PacketBuilder().Ppp(false)},
      {"PPP with a short protocol field", PacketBuilder().Ppp(true, true)},
      {"PPP with neither", PacketBuilder().Ppp(false, true)},
      {"PPP with MPLS", PacketBuilder().Ppp().Mpls(16)},
      {"PPP in HDLC", PacketBuilder().Ppp().AsLinkType(LinkType::kPppHdlc)},
      {"Cisco HDLC as PPP in HDLC",
       PacketBuilder().Chdlc().AsLinkType(LinkType::kPppHdlc)},
      {"Cisco HDLC", PacketBuilder().Chdlc()},
      {"PPP as Cisco HDLC", PacketBuilder().Ppp().AsLinkType(LinkType::kChdlc)},
      {"802.11", PacketBuilder().Ieee80211().LlcSnap()},
      {"802.11 with QoS", PacketBuilder().Ieee80211(0x88).LlcSnap()},
      {"802.11 with QoS and HT control",
       PacketBuilder().Ieee80211(0x88, 0x81).LlcSnap()},
      {"802.11 with four addresses",
       PacketBuilder().Ieee80211(0x08, 0x03).LlcSnap()},
      {"802.11 with four addresses and QoS",
       PacketBuilder().Ieee80211(0x88, 0x03).LlcSnap()},
      {"radiotap", PacketBuilder().Radiotap().Ieee80211().LlcSnap()},
      {"radiotap, header padded",
       PacketBuilder().Radiotap(0x20).Ieee80211(0x88).Opaque({0, 0}).LlcSnap()},
  };
}

TEST(DecodeTest, ReadsIpv4BehindEveryLinkLayer) {
  for (const LinkCase& c : LinkCases()) {
    SCOPED_TRACE(c.description);
    const DecodedPacket decoded = Decode(AroundIpv4(c.links));

    ASSERT_EQ(Label(decoded.drop_reason), "decoded");
    EXPECT_EQ(Text(decoded.outer), Text(PlainIpv4Layer()));
    EXPECT_EQ(decoded.tunnel, TunnelKind::kNone);
  }
}

TEST(DecodeTest, ReadsIpv6BehindEveryLinkLayer) {
  for (const LinkCase& c : LinkCases()) {
    if (std::string_view(c.description).find("MACsec") == 0) continue;
    SCOPED_TRACE(c.description);
    const DecodedPacket decoded = Decode(AroundIpv6(c.links));

    ASSERT_EQ(Label(decoded.drop_reason), "decoded");
    EXPECT_EQ(Text(decoded.outer), Text(PlainIpv6Layer()));
  }
}

TEST(DecodeTest, ReadsFramesWhoseLinkTypeNamesTheVersion) {
  EXPECT_EQ(Text(Decode(AroundIpv4({}).AsLinkType(LinkType::kIpv4)).outer),
            Text(PlainIpv4Layer()));
  EXPECT_EQ(Text(Decode(AroundIpv6({}).AsLinkType(LinkType::kIpv6)).outer),
            Text(PlainIpv6Layer()));
  EXPECT_EQ(
      Label(Decode(AroundIpv6({}).AsLinkType(LinkType::kIpv4)).drop_reason),
      "bad_ip_header");
  EXPECT_EQ(
      Label(Decode(AroundIpv4({}).AsLinkType(LinkType::kIpv6)).drop_reason),
      "bad_ip_header");
}

// The family is the capturing system's number, and so is its byte order.
TEST(DecodeTest, ReadsLoopbackFramesOfEverySystem) {
  for (const bool is_big_endian : {false, true}) {
    SCOPED_TRACE(is_big_endian);
    EXPECT_EQ(
        Text(Decode(AroundIpv4(PacketBuilder().Loopback(2, is_big_endian)))
                 .outer),
        Text(PlainIpv4Layer()));
    for (const uint32_t family : {10, 24, 28, 30}) {
      const auto links = PacketBuilder().Loopback(family, is_big_endian);
      EXPECT_EQ(Text(Decode(AroundIpv6(links)).outer), Text(PlainIpv6Layer()))
          << family;
    }
    const auto other = PacketBuilder().Loopback(7, is_big_endian);
    EXPECT_EQ(Label(Decode(AroundIpv4(other)).drop_reason), "not_ip");
  }
}

struct ReasonCase {
  const char* description;
  std::string_view label;
  Frame frame;
};

Frame WithByte(const PacketBuilder& builder, size_t at, uint8_t value) {
  Frame frame = builder.Build();
  frame.bytes.at(at) = value;
  return frame;
}

std::vector<ReasonCase> ReasonCases() {
  const PacketBuilder plain = AroundIpv4(Ethernet());
  const PacketBuilder plain6 = AroundIpv6(Ethernet());
  const auto wifi = [](uint8_t type, uint8_t flags) {
    return AroundIpv4(PacketBuilder().Ieee80211(type, flags).LlcSnap());
  };
  return {
      {"nothing", "truncated", PacketBuilder().Build()},
      {"ARP", "not_ip", Ethernet().Next(0x0806).Payload(28).Build()},
      {"LLDP", "not_ip", Ethernet().Next(0x88cc).Payload(28).Build()},
      {"spanning tree", "not_ip",
       Ethernet().Next(38).Payload({0x42, 0x42, 0x03, 0, 0}).Build()},
      {"SNAP of another organisation", "not_ip",
       WithByte(AroundIpv4(Ethernet().LlcSnap()), 19, 0x0c)},
      {"PPPoE discovery", "not_ip",
       WithByte(AroundIpv4(Ethernet().Pppoe(1)), 15, 0x09)},
      {"PPP link control", "not_ip",
       PacketBuilder().Ppp().Next(0xc021).Payload(10).Build()},
      {"802.11 beacon", "not_ip", wifi(0x80, 0).Build()},
      {"802.11 null data", "not_ip", wifi(0x48, 1).Build()},
      {"MPLS with neither IP nor Ethernet", "not_ip",
       Ethernet().Mpls(16).Payload(40).Build()},
      {"an unknown link type", "unsupported_link_type",
       AroundIpv4({}).AsLinkType(LinkType{147}).Build()},
      {"a type between length and EtherType", "bad_link_header",
       Ethernet().Next(1501).Payload(60).Build()},
      {"PPPoE of another version", "bad_link_header",
       WithByte(AroundIpv4(Ethernet().Pppoe(1)), 14, 0x21)},
      {"PPPoE without room for a protocol", "bad_link_header",
       WithByte(AroundIpv4(Ethernet().Pppoe(1)), 19, 0x01)},
      {"802.11 of another version", "bad_link_header", wifi(0x09, 1).Build()},
      {"radiotap of another version", "bad_link_header",
       WithByte(AroundIpv4(PacketBuilder().Radiotap().Ieee80211().LlcSnap()), 0,
                1)},
      {"radiotap whose presence words never end", "bad_link_header",
       WithByte(AroundIpv4(PacketBuilder().Radiotap().Ieee80211().LlcSnap()), 2,
                8)},
      {"802.11 protected", "encrypted_link", wifi(0x08, 0x41).Build()},
      {"MACsec", "encrypted_link",
       Ethernet().Next(0x88e5).Payload({0x0c, 0, 0, 0, 0, 1}).Build()},
      {"802.11 later fragment", "link_fragment",
       WithByte(wifi(0x08, 1), 22, 0x01)},
      {"PPP multilink", "link_fragment",
       PacketBuilder().Ppp().Next(0x003d).Payload(40).Build()},
      {"802.11 A-MSDU", "aggregated_frame", WithByte(wifi(0x88, 1), 24, 0x80)},
      {"IPv6 header behind the EtherType of IPv4", "bad_ip_header",
       AroundIpv6(Ethernet().Next(0x0800)).Build()},
      {"IPv4 header behind the EtherType of IPv6", "bad_ip_header",
       AroundIpv4(Ethernet().Next(0x86dd)).Build()},
      {"IHL of 4", "bad_ip_header", WithByte(plain, 14, 0x44)},
      {"IHL beyond the frame", "bad_ip_header",
       WithByte(Ethernet().Ipv4(kClient, kServer), 14, 0x4f)},
      {"total length of 19", "bad_ip_header",
       AroundIpv4(Ethernet()).StatedLength(19).Build()},
      {"raw IP of version 5", "bad_ip_header",
       WithByte(AroundIpv4({}), 0, 0x55)},
      {"IPv4 cut in its fixed part", "truncated",
       PacketBuilder(plain).Snap(14 + 19).Build()},
      {"IPv6 cut in its fixed part", "truncated",
       PacketBuilder(plain6).Snap(14 + 39).Build()},
      {"one tag too many", "too_many_headers",
       AroundIpv4(Vlans(kMaxVlanTags + 1)).Build()},
      {"one label too many", "too_many_headers",
       AroundIpv4(Labels(kMaxMplsLabels + 1)).Build()},
      {"link headers without end", "too_many_headers",
       [] {
         PacketBuilder builder = Ethernet();
         for (int i = 0; i < kMaxDecodedHeaders; ++i) {
           builder.LlcSnap().Ethernet();
         }
         return AroundIpv4(builder).Build();
       }()},
  };
}

TEST(DecodeTest, NamesTheReasonWhyAPacketIsNotDecoded) {
  std::set<std::string_view> seen;
  for (const ReasonCase& c : ReasonCases()) {
    SCOPED_TRACE(c.description);
    const DecodedPacket decoded = Decode(c.frame);

    EXPECT_EQ(Label(decoded.drop_reason), c.label);
    seen.insert(Label(decoded.drop_reason));
  }
  EXPECT_EQ(seen.size(), kDropReasonCount) << "a reason has no case";
}

struct LengthCase {
  const char* description;
  uint32_t ip_octets;
  PacketBuilder builder;
};

TEST(DecodeTest, CountsTheOctetsThatIpStatesAndTheFrameCarried) {
  const auto ipv4 = [] { return Ethernet().Ipv4(kClient, kServer); };
  const auto ipv6 = [] { return Ethernet().Ipv6(kClient6, kServer6); };
  const LengthCase cases[] = {
      {"IPv4", 40, ipv4().Tcp(1, 2)},
      {"IPv4, padded to the shortest frame", 40, ipv4().Tcp(1, 2).Padding(6)},
      {"IPv4 behind a tag, padded and with a check sequence", 28,
       Ethernet().Vlan(7).Ipv4(kClient, kServer).Udp(1, 2).Padding(22)},
      {"IPv4 in 802.3, padded", 40,
       Ethernet().LlcSnap().Ipv4(kClient, kServer).Tcp(1, 2).Padding(6)},
      {"IPv4 in PPPoE, padded", 40,
       Ethernet().Pppoe(1).Ipv4(kClient, kServer).Tcp(1, 2).Padding(6)},
      {"IPv4, snapped", 1040, ipv4().Tcp(1, 2).Payload(1000).Snap(64)},
      {"IPv4 of zero length (BIG TCP, TSO)", 70'040,
       ipv4().Tcp(1, 2).Payload(70'000).StatedLength(0)},
      {"IPv4 of zero length, snapped", 70'040,
       ipv4().Tcp(1, 2).Payload(70'000).StatedLength(0).Snap(96)},
      {"IPv4 of zero length, in PPPoE, padded", 40,
       Ethernet()
           .Pppoe(1)
           .Ipv4(kClient, kServer)
           .Tcp(1, 2)
           .StatedLength(0)
           .Padding(6)},
      {"IPv4, longer than the frame", 140,
       ipv4().Tcp(1, 2).Payload(100).StatedLength(60'000)},
      {"IPv4, header only", 20, ipv4()},
      {"IPv6", 60, ipv6().Tcp(1, 2)},
      {"IPv6, padded", 48, ipv6().Udp(1, 2).Padding(4)},
      {"IPv6, snapped", 1060, ipv6().Tcp(1, 2).Payload(1000).Snap(80)},
      {"IPv6, longer than the frame", 160,
       ipv6().Tcp(1, 2).Payload(100).StatedLength(60'000)},
      {"IPv6 without payload, padded", 40, ipv6().Padding(6)},
      {"IPv6 of zero length, TCP (BIG TCP)", 70'060,
       ipv6().Tcp(1, 2).Payload(70'000).StatedLength(0)},
      {"IPv6 of zero length, TCP, snapped", 70'060,
       ipv6().Tcp(1, 2).Payload(70'000).StatedLength(0).Snap(96)},
      {"IPv6 of zero length, UDP", 40,
       ipv6().Udp(1, 2).Payload(100).StatedLength(0)},
      {"IPv6 with a jumbo payload", 70'068,
       ipv6().JumboPayload().Tcp(1, 2).Payload(70'000).Padding(4)},
      {"IPv6 with a jumbo payload, snapped", 70'068,
       ipv6().JumboPayload().Tcp(1, 2).Payload(70'000).Snap(100)},
      {"IPv6 of zero length, hop-by-hop without the option", 40,
       ipv6().Extension(0).Tcp(1, 2).StatedLength(0)},
  };
  for (const LengthCase& c : cases) {
    SCOPED_TRACE(c.description);
    const DecodedPacket decoded = Decode(c.builder);

    ASSERT_EQ(Label(decoded.drop_reason), "decoded");
    EXPECT_EQ(decoded.outer.ip_octets, c.ip_octets);
  }
}

// A TCP data offset that does not fit makes the bytes behind a zero payload
// length padding, not a segment.
TEST(DecodeTest, TakesTheFramesLengthForIpv6OnlyBeforeASoundTcpHeader) {
  Frame frame = Ethernet()
                    .Ipv6(kClient6, kServer6)
                    .Tcp(1, 2)
                    .Payload(100)
                    .StatedLength(0)
                    .Build();
  frame.bytes[14 + 40 + 12] = 0x40;

  EXPECT_EQ(Decode(frame).outer.ip_octets, 40u);
}

TEST(DecodeTest, BoundsAJumboPayloadByTheFrame) {
  Frame frame =
      Ethernet().Ipv6(kClient6, kServer6).JumboPayload().Tcp(1, 2).Build();
  for (const uint16_t high : {0x0001, 0xffff}) {
    WriteU16(&frame.bytes, 14 + 40 + 4, high);

    const DecodedPacket decoded = Decode(frame);

    ASSERT_TRUE(decoded.is_decoded());
    EXPECT_EQ(decoded.outer.ip_octets, 40u + 8 + 20);
  }
}

struct TransportCase {
  const char* description;
  IpProtocol protocol_identifier;
  bool has_ports;
  PacketBuilder builder;
};

PacketBuilder Extensions(int count) {
  PacketBuilder builder = PacketBuilder().Ipv6(kClient6, kServer6);
  for (int i = 0; i < count; ++i) {
    builder.Extension(kProtocolDestinationOptions);
  }
  return builder;
}

TEST(DecodeTest, NamesTheTransportAndReadsItsPorts) {
  const auto ipv4 = [] { return PacketBuilder().Ipv4(kClient, kServer); };
  const auto ipv6 = [] { return PacketBuilder().Ipv6(kClient6, kServer6); };
  const TransportCase cases[] = {
      {"TCP", kProtocolTcp, true, ipv4().Tcp(40000, 443)},
      {"UDP", kProtocolUdp, true, ipv4().Udp(40000, 443)},
      {"SCTP", kProtocolSctp, true, ipv4().Sctp(40000, 443)},
      {"ICMP", kProtocolIcmp, false, ipv4().Icmp()},
      {"ESP", kProtocolEsp, false, ipv4().Esp().Payload(40)},
      {"IPv4 options", kProtocolTcp, true, ipv4().Options(40).Tcp(40000, 443)},
      {"IPv4 options, cut", kProtocolTcp, false,
       ipv4().Options(40).Tcp(40000, 443).Snap(59)},
      {"AH in IPv4", kProtocolTcp, true, ipv4().Ah().Tcp(40000, 443)},
      {"AH before ESP", kProtocolEsp, false, ipv4().Ah().Esp().Payload(40)},
      {"AH, cut", kProtocolAh, false, ipv4().Ah().Tcp(40000, 443).Snap(43)},
      {"TCP, cut before it", kProtocolTcp, false,
       ipv4().Tcp(40000, 443).Snap(20)},
      {"TCP, cut in the ports", kProtocolTcp, false,
       ipv4().Tcp(40000, 443).Snap(23)},
      {"TCP, cut after the ports", kProtocolTcp, true,
       ipv4().Tcp(40000, 443).Snap(24)},
      {"TCP, outside the stated length", kProtocolTcp, false,
       ipv4().Tcp(40000, 443).StatedLength(22)},
      {"IPv4 does not have IPv6's extensions", kProtocolHopByHop, false,
       ipv4().Next(0).Tcp(40000, 443)},
      {"ICMPv6", kProtocolIcmpv6, false, ipv6().Icmpv6()},
      {"SCTP in IPv6", kProtocolSctp, true, ipv6().Sctp(40000, 443)},
      {"nothing", kProtocolNoNext, false, ipv6()},
      {"mobility", kProtocolMobility, false, ipv6().Next(135).Payload(16)},
      {"each extension header", kProtocolTcp, true,
       ipv6()
           .Extension(kProtocolHopByHop)
           .Extension(kProtocolDestinationOptions, 24)
           .Extension(kProtocolRouting, 40)
           .Ah()
           .Tcp(40000, 443)},
      {"as many extension headers as are allowed", kProtocolTcp, true,
       Extensions(kMaxIpv6ExtensionHeaders).Tcp(40000, 443)},
      {"one extension header too many", kProtocolDestinationOptions, false,
       Extensions(kMaxIpv6ExtensionHeaders + 1).Tcp(40000, 443)},
      {"an extension header, cut", kProtocolRouting, false,
       ipv6().Extension(kProtocolRouting, 24).Tcp(40000, 443).Snap(63)},
      {"an extension header beyond the packet", kProtocolRouting, false,
       ipv6().Extension(kProtocolRouting, 24).Tcp(1, 2).StatedLength(20)},
  };
  for (const TransportCase& c : cases) {
    SCOPED_TRACE(c.description);
    const DecodedPacket decoded = Decode(c.builder);

    ASSERT_EQ(Label(decoded.drop_reason), "decoded");
    EXPECT_EQ(decoded.outer.protocol_identifier, c.protocol_identifier);
    EXPECT_EQ(decoded.outer.has_ports, c.has_ports);
    EXPECT_EQ(decoded.outer.source_port, c.has_ports ? 40000 : 0);
    EXPECT_EQ(decoded.outer.destination_port, c.has_ports ? 443 : 0);
    EXPECT_EQ(decoded.tunnel, TunnelKind::kNone);
  }
}

TEST(DecodeTest, ReadsTcpFlags) {
  for (const uint8_t flags : {0x02, 0x12, 0x11, 0x04}) {
    EXPECT_EQ(Decode(Ethernet().Ipv4(kClient, kServer).Tcp(1, 2, flags))
                  .outer.tcp_flags,
              flags);
    EXPECT_EQ(Decode(PacketBuilder().Ipv6(kClient6, kServer6).Tcp(1, 2, flags))
                  .outer.tcp_flags,
              flags);
  }
}

struct FragmentCase {
  const char* description;
  bool is_fragment;
  bool is_first;
  bool has_ports;
  PacketBuilder builder;
};

TEST(DecodeTest, TellsFragmentsAndReadsPortsInTheFirstOnly) {
  const auto ipv4 = [] { return Ethernet().Ipv4(kClient, kServer); };
  const auto ipv6 = [] { return Ethernet().Ipv6(kClient6, kServer6); };
  const FragmentCase cases[] = {
      {"IPv4, whole", false, false, true, ipv4().Udp(1, 2).Payload(64)},
      {"IPv4, first", true, true, true,
       ipv4().Fragment(0x1234, 0, true).Udp(1, 2).Payload(64)},
      {"IPv4, middle", true, false, false,
       ipv4().Next(17).Fragment(0x1234, 72, true).Payload(64)},
      {"IPv4, last", true, false, false,
       ipv4().Next(17).Fragment(0x1234, 136, false).Payload(64)},
      {"IPv4, first, too short for ports", true, true, false,
       ipv4().Next(17).Fragment(0x1234, 0, true).Payload(2)},
      {"IPv6, first", true, true, true,
       ipv6().Fragment(0x1234, 0, true).Udp(1, 2).Payload(64)},
      {"IPv6, middle", true, false, false,
       ipv6().Fragment(0x1234, 72, true).Next(17).Payload(64)},
      {"IPv6, last, behind hop-by-hop", true, false, false,
       ipv6().Extension(0).Fragment(0x1234, 136, false).Next(17).Payload(64)},
      {"IPv6, first, with options behind", true, true, true,
       ipv6().Fragment(0x1234, 0, true).Extension(60).Udp(1, 2).Payload(64)},
      {"IPv6, a fragment that is the whole packet (RFC 6946)", false, false,
       true, ipv6().Fragment(0x1234, 0, false).Udp(1, 2).Payload(64)},
  };
  for (const FragmentCase& c : cases) {
    SCOPED_TRACE(c.description);
    const IpLayer outer = Decode(c.builder).outer;

    EXPECT_EQ(outer.is_fragment, c.is_fragment);
    EXPECT_EQ(outer.is_first_fragment, c.is_first);
    EXPECT_EQ(outer.has_ports, c.has_ports);
    EXPECT_EQ(outer.destination_port, c.has_ports ? 2 : 0);
    EXPECT_EQ(outer.protocol_identifier, kProtocolUdp);
    EXPECT_EQ(outer.fragment_id, c.is_fragment ? 0x1234u : 0u);
  }
}

struct TunnelCase {
  const char* description;
  std::string_view kind;
  uint32_t id;
  PacketBuilder outer;  // Up to the inner IP header, which is IPv4.
};

PacketBuilder Outer() { return Ethernet().Ipv4(kClient, kServer); }
PacketBuilder Outer6() { return Ethernet().Ipv6(kClient6, kServer6); }

std::vector<TunnelCase> TunnelCases() {
  return {
      {"IP in IP", "ipip", 0, Outer()},
      {"IPv4 in IPv6", "4in6", 0, Outer6()},
      {"IPv4 in IPv6 behind options", "4in6", 0, Outer6().Extension(60)},
      {"GRE", "gre", 0, Outer().Gre()},
      {"GRE in IPv6", "gre", 0, Outer6().Gre()},
      {"GRE with a checksum", "gre", 0, Outer().Gre({.has_checksum = true})},
      {"GRE with a key", "gre", 77, Outer().Gre({.key = 77})},
      {"GRE with a sequence number", "gre", 0, Outer().Gre({.sequence = 1})},
      {"GRE with routing", "gre", 0, Outer().Gre({.has_routing = true})},
      {"GRE with everything", "gre", 77,
       Outer().Gre({.has_checksum = true,
                    .has_routing = true,
                    .key = 77,
                    .sequence = 1})},
      {"GRE with MPLS", "gre", 0, Outer().Gre().Mpls(16)},
      {"GRE with PPP", "gre", 0, Outer().Gre().Ppp(false)},
      {"NVGRE", "gre", 0x70001, Outer().Gre({.key = 0x70001}).Ethernet()},
      {"PPTP", "gre", 9, Outer().Pptp(9).Ppp()},
      {"PPTP with an acknowledgment", "gre", 9,
       Outer().Pptp(9, true).Ppp(false, true)},
      {"ERSPAN I", "erspan", 0, Outer().Gre().Next(0x88be).Ethernet()},
      {"ERSPAN II", "erspan", 5,
       Outer().Gre({.sequence = 1}).Erspan2(5).Ethernet()},
      {"ERSPAN III", "erspan", 6,
       Outer().Gre({.sequence = 1}).Erspan3(6).Ethernet().Vlan(7)},
      {"ERSPAN III with a platform header", "erspan", 6,
       Outer().Gre({.sequence = 1}).Erspan3(6, true).Ethernet()},
      {"VXLAN", "vxlan", 5001, Outer().Udp(50000, 4789).Vxlan(5001).Ethernet()},
      {"VXLAN in IPv6", "vxlan", 5001,
       Outer6().Udp(50000, 4789).Vxlan(5001).Ethernet()},
      {"VXLAN on Linux' port, with tags", "vxlan", 1,
       Outer().Udp(50000, 8472).Vxlan(1).Ethernet().Vlan(7)},
      {"VXLAN with a group policy", "vxlan", 5,
       Outer().Udp(50000, 4789).Opaque({0x88, 0, 0, 9, 0, 0, 5, 0}).Ethernet()},
      {"VXLAN-GPE with IP", "vxlan", 3, Outer().Udp(50000, 4790).VxlanGpe(3)},
      {"VXLAN-GPE with Ethernet", "vxlan", 3,
       Outer().Udp(50000, 4790).VxlanGpe(3).Ethernet()},
      {"VXLAN-GPE with MPLS", "vxlan", 3,
       Outer().Udp(50000, 4790).VxlanGpe(3).Mpls(16)},
      {"Geneve with IP", "geneve", 4, Outer().Udp(50000, 6081).Geneve(4)},
      {"Geneve with options and Ethernet", "geneve", 4,
       Outer().Udp(50000, 6081).Geneve(4, 252).Ethernet()},
      {"GTP-U", "gtp-u", 0xdeadbeef, Outer().Udp(50000, 2152).GtpU(0xdeadbeef)},
      {"GTP-U with extension headers", "gtp-u", 1,
       Outer().Udp(2152, 2152).GtpU(1, 3)},
      {"L2TP", "l2tp", 12, Outer().Udp(1701, 1701).L2tp(11, 12).Ppp()},
      {"L2TP to any port", "l2tp", 12,
       Outer().Udp(1701, 50000).L2tp(11, 12).Ppp(false)},
      {"L2TP with sequence numbers and an offset", "l2tp", 12,
       Outer()
           .Udp(1701, 1701)
           .Opaque({0x0a, 0x02, 0, 11, 0, 12, 0, 1, 0, 2, 0, 3, 9, 9, 9})
           .Ppp()},
      {"MPLS in IP", "mpls-in-ip", 0, Outer().Mpls(16).Mpls(17)},
      {"MPLS in UDP", "mpls-in-ip", 0, Outer().Udp(50000, 6635).Mpls(16)},
  };
}

PacketBuilder WithInner(PacketBuilder outer) {
  return outer.Ipv4(kInnerClient, kInnerServer).Udp(5000, 53).Payload(30);
}

TEST(DecodeTest, KeepsBothEndsOfEveryTunnel) {
  for (const TunnelCase& c : TunnelCases()) {
    SCOPED_TRACE(c.description);
    const PacketBuilder builder = WithInner(c.outer).Padding(4);
    const DecodedPacket decoded = Decode(builder);

    ASSERT_EQ(Label(decoded.drop_reason), "decoded");
    EXPECT_EQ(TunnelKindName(decoded.tunnel), c.kind);
    EXPECT_EQ(decoded.tunnel_id, c.id);
    EXPECT_EQ(decoded.outer.ip_octets, builder.Build().bytes.size() - 14 - 4);
    EXPECT_TRUE(decoded.outer.source == AddressOf(kClient) ||
                decoded.outer.source == AddressOf(kClient6));
    EXPECT_EQ(Text(decoded.inner), Text({.source = AddressOf(kInnerClient),
                                         .destination = AddressOf(kInnerServer),
                                         .ip_octets = 58,
                                         .source_port = 5000,
                                         .destination_port = 53,
                                         .protocol_identifier = kProtocolUdp,
                                         .has_ports = true}));
  }
}

TEST(DecodeTest, TellsTunnelsOfIpv6ByTheOuterFamily) {
  const auto with_inner = [](PacketBuilder outer) {
    return outer.Ipv6("2001:db8:1::1", "2001:db8:2::2").Icmpv6();
  };

  EXPECT_EQ(Decode(with_inner(Outer())).tunnel, TunnelKind::k6in4);
  EXPECT_EQ(Decode(with_inner(Outer6())).tunnel, TunnelKind::kIpInIp);
  EXPECT_EQ(Decode(with_inner(Outer6())).inner.destination,
            AddressOf("2001:db8:2::2"));
}

// A port proves nothing: what does not look like the tunnel is just UDP.
TEST(DecodeTest, DoesNotBelieveATunnelThatItsHeaderContradicts) {
  const auto udp = [](uint16_t port) { return Outer().Udp(50000, port); };
  const auto opaque = [&](uint16_t port, std::vector<uint8_t> header) {
    return WithInner(udp(port).Opaque(std::move(header)));
  };
  const LinkCase cases[] = {
      {"VXLAN without the I flag",
       WithInner(udp(4789).Opaque({0, 0, 0, 0, 0, 0, 1, 0}).Ethernet())},
      {"VXLAN with a reserved bit",
       WithInner(udp(4789).Opaque({8, 0, 1, 0, 0, 0, 1, 0}).Ethernet())},
      {"VXLAN with a reserved last byte",
       WithInner(udp(4789).Opaque({8, 0, 0, 0, 0, 0, 1, 1}).Ethernet())},
      {"VXLAN with ARP inside",
       udp(4789).Vxlan(1).Ethernet().Next(0x0806).Payload(28)},
      {"VXLAN with an IP header that is none",
       udp(4789).Vxlan(1).Ethernet().Next(0x0800).Payload(40)},
      {"VXLAN from its port, to another",
       WithInner(Outer().Udp(4789, 50000).Vxlan(1).Ethernet())},
      {"VXLAN-GPE of another version",
       opaque(4790, {0x1c, 0, 0, 1, 0, 0, 1, 0})},
      {"VXLAN-GPE of the network's own",
       opaque(4790, {0x0d, 0, 0, 1, 0, 0, 1, 0})},
      {"Geneve of another version", opaque(6081, {0x40, 0, 8, 0, 0, 0, 1, 0})},
      {"Geneve with an unknown protocol",
       opaque(6081, {0, 0, 8, 6, 0, 0, 1, 0})},
      {"Geneve with options beyond the packet",
       opaque(6081, {0x3f, 0, 8, 0, 0, 0, 1, 0})},
      {"GTP-U of version 2", opaque(2152, {0x50, 255, 0, 58, 0, 0, 0, 1})},
      {"GTP' instead of GTP", opaque(2152, {0x20, 255, 0, 58, 0, 0, 0, 1})},
      {"GTP-U echo request", opaque(2152, {0x30, 1, 0, 58, 0, 0, 0, 1})},
      {"GTP-U with an extension header of no length",
       opaque(2152, {0x34, 255, 0, 62, 0, 0, 0, 1, 0, 0, 0, 0x85, 0})},
      {"L2TP control message",
       WithInner(udp(1701).Opaque({0x80, 2, 0, 1, 0, 1}).Ppp())},
      {"L2TPv3", WithInner(udp(1701).Opaque({0, 3, 0, 1, 0, 1}).Ppp())},
      {"L2TP, longer than the datagram",
       WithInner(udp(1701).Opaque({0x40, 2, 0xff, 0, 0, 1, 0, 1}).Ppp())},
      {"MPLS in UDP without a bottom of stack", udp(6635).Payload(60)},
      {"GRE of version 2", WithInner(Outer().Next(47).Opaque({0, 2, 8, 0}))},
      {"GRE with an unknown type", Outer().Gre().Next(0x0806).Payload(40)},
      {"GRE with routes beyond the packet",
       WithInner(
           Outer().Next(47).Opaque({0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 255}))},
      {"PPTP acknowledgment without payload",
       Outer().Next(47).Payload(
           {0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 9, 0, 0, 0, 1})},
      {"ERSPAN II of another version",
       WithInner(Outer()
                     .Gre({.sequence = 1})
                     .Next(0x88be)
                     .Opaque({0x30, 0, 0, 0, 0, 0, 0, 0})
                     .Ethernet())},
  };
  for (const LinkCase& c : cases) {
    SCOPED_TRACE(c.description);
    const DecodedPacket decoded = Decode(c.links);

    ASSERT_EQ(Label(decoded.drop_reason), "decoded");
    EXPECT_EQ(TunnelKindName(decoded.tunnel), "");
    EXPECT_EQ(decoded.outer.destination, AddressOf(kServer));
  }
}

TEST(DecodeTest, CountsTheOuterPacketWhenTheInnerHeaderIsBroken) {
  for (const TunnelCase& c : TunnelCases()) {
    SCOPED_TRACE(c.description);
    const size_t inner_at = c.outer.Build().bytes.size();
    const PacketBuilder whole = WithInner(c.outer);
    Frame wrong_version = whole.Build();
    wrong_version.bytes[inner_at] = 0x15;
    Frame wrong_length = whole.Build();
    WriteU16(&wrong_length.bytes, inner_at + 2, 19);
    const Frame cut =
        PacketBuilder(whole).Snap(static_cast<uint32_t>(inner_at + 19)).Build();

    for (const Frame& frame : {wrong_version, wrong_length, cut}) {
      const DecodedPacket decoded = Decode(frame);

      ASSERT_EQ(Label(decoded.drop_reason), "decoded");
      EXPECT_EQ(decoded.outer.ip_octets, whole.Build().bytes.size() - 14);
      EXPECT_EQ(TunnelKindName(decoded.tunnel), "");
    }
  }
}

TEST(DecodeTest, BoundsInnerOctetsByTheOuterPayload) {
  for (const uint16_t stated : {uint16_t{0}, uint16_t{60'000}}) {
    const DecodedPacket decoded =
        Decode(WithInner(Outer().Gre()).StatedLength(stated).Padding(10));

    EXPECT_EQ(decoded.tunnel, TunnelKind::kGre);
    EXPECT_EQ(decoded.inner.ip_octets, 58u);
  }
}

TEST(DecodeTest, LooksForTunnelsInFirstFragmentsOnly) {
  const PacketBuilder first = WithInner(
      Outer().Fragment(1, 0, true).Udp(50000, 4789).Vxlan(9).Ethernet());
  const PacketBuilder later = WithInner(
      Outer().Fragment(1, 64, false).Udp(50000, 4789).Vxlan(9).Ethernet());

  EXPECT_EQ(Decode(first).tunnel, TunnelKind::kVxlan);
  EXPECT_EQ(Decode(later).tunnel, TunnelKind::kNone);
}

TEST(DecodeTest, KeepsTheOutermostTunnelAndTheInnermostPacket) {
  const DecodedPacket decoded =
      Decode(WithInner(Outer()
                           .Udp(50000, 2152)
                           .GtpU(7)
                           .Ipv4("203.0.113.1", "203.0.113.2")
                           .Udp(50000, 4789)
                           .Vxlan(8)
                           .Ethernet()));

  EXPECT_EQ(decoded.tunnel, TunnelKind::kGtpU);
  EXPECT_EQ(decoded.tunnel_id, 7u);
  EXPECT_EQ(decoded.outer.destination, AddressOf(kServer));
  EXPECT_EQ(decoded.inner.destination, AddressOf(kInnerServer));
}

TEST(DecodeTest, KeepsTheInnermostPacketWithinTheLimitOfIpLayers) {
  const auto nested = [](int layer_count) {
    PacketBuilder builder = Ethernet();
    for (int i = 1; i <= layer_count; ++i) {
      builder.Ipv4(kClient, fmt::format("198.51.100.{}", i));
    }
    return builder.Udp(1, 2);
  };
  const auto innermost = AddressOf(fmt::format("198.51.100.{}", kMaxIpLayers));

  for (const int extra : {0, 1, 20}) {
    const DecodedPacket decoded = Decode(nested(kMaxIpLayers + extra));
    EXPECT_EQ(decoded.outer.destination, AddressOf("198.51.100.1"));
    EXPECT_EQ(decoded.tunnel, TunnelKind::kIpInIp);
    EXPECT_EQ(decoded.inner.destination, innermost);
    EXPECT_EQ(decoded.inner.has_ports, extra == 0);
  }
}

// Frames of every link layer, tunnel and reason, for the properties below.
std::vector<Frame> RichFrames() {
  std::vector<Frame> frames;
  for (const LinkCase& c : LinkCases()) {
    frames.push_back(AroundIpv4(c.links).Build());
    frames.push_back(AroundIpv6(c.links).Build());
    frames.push_back(WithInner(PacketBuilder(c.links)
                                   .Ipv6(kClient6, kServer6)
                                   .Extension(0)
                                   .Extension(43, 24)
                                   .Ah()
                                   .Udp(50000, 4789)
                                   .Vxlan(1)
                                   .Ethernet()
                                   .Vlan(7))
                         .Build());
  }
  for (const TunnelCase& c : TunnelCases()) {
    frames.push_back(WithInner(c.outer).Build());
  }
  for (ReasonCase& c : ReasonCases()) frames.push_back(std::move(c.frame));
  return frames;
}

TEST(DecodeTest, LosesOnlyWhatWasNotCaptured) {
  for (const Frame& frame : RichFrames()) {
    const DecodedPacket whole = Decode(frame);
    Packet packet = frame.AsPacket();
    for (uint32_t captured = 0; captured <= frame.bytes.size(); ++captured) {
      SCOPED_TRACE(captured);
      packet.captured_octets = captured;
      const DecodedPacket decoded = Decode(packet);

      if (!whole.is_decoded()) {
        ASSERT_FALSE(decoded.is_decoded());
        continue;
      }
      if (!decoded.is_decoded()) {
        // Of a pseudowire too little may be left to tell that it is one.
        ASSERT_TRUE(decoded.drop_reason == DropReason::kTruncated ||
                    decoded.drop_reason == DropReason::kNotIp);
        continue;
      }
      ASSERT_EQ(decoded.outer.source, whole.outer.source);
      ASSERT_EQ(decoded.outer.destination, whole.outer.destination);
      ASSERT_EQ(decoded.outer.ip_octets, whole.outer.ip_octets);
      if (decoded.outer.has_ports) {
        ASSERT_EQ(decoded.outer.source_port, whole.outer.source_port);
      }
      if (decoded.tunnel != TunnelKind::kNone) {
        ASSERT_EQ(decoded.tunnel, whole.tunnel);
        ASSERT_EQ(decoded.tunnel_id, whole.tunnel_id);
        ASSERT_EQ(decoded.inner.destination, whole.inner.destination);
        ASSERT_EQ(decoded.inner.ip_octets, whole.inner.ip_octets);
      }
    }
  }
}

// A frame that ends there, too: nothing follows on the wire.
TEST(DecodeTest, DecodesFramesOfAnyLengthOrNamesAReason) {
  for (const Frame& frame : RichFrames()) {
    Packet packet = frame.AsPacket();
    for (uint32_t length = 0; length <= frame.bytes.size(); ++length) {
      packet.captured_octets = length;
      packet.wire_octets = length;
      Decode(packet);
    }
  }
}

TEST(DecodeTest, SurvivesAnyByteAtAnyPlace) {
  for (Frame& frame : RichFrames()) {
    for (uint8_t& byte : frame.bytes) {
      const uint8_t original = byte;
      for (const int value : {0x00, 0x01, 0x40, 0x7f, 0x80, 0xfe, 0xff}) {
        byte = static_cast<uint8_t>(value);
        Decode(frame);
        byte = static_cast<uint8_t>(original ^ value);
        Decode(frame);
      }
      byte = original;
    }
  }
}

TEST(ShardTest, IsTheSameInBothDirections) {
  for (uint32_t i = 0; i < 1000; ++i) {
    const IpAddress a = IpAddress::V4(0xc0000200 + i);
    const IpAddress b = IpAddress::V6(0x20010db8'00000000, i * i);
    EXPECT_EQ(ShardOfAddresses(a, b), ShardOfAddresses(b, a));
  }
}

// One client, servers in a row: what a host sees. Each shard must get its part
// within a factor, or a worker gets too much.
TEST(ShardTest, SpreadsTheAddressPairsOfOneClient) {
  constexpr uint32_t kPairCount = 64'000;
  std::vector<uint32_t> counts(kShardCount);
  for (uint32_t i = 0; i < kPairCount; ++i) {
    ++counts[ShardOfAddresses(AddressOf(kClient),
                              IpAddress::V4(0xc6336400 + i))];
  }

  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  EXPECT_GT(*least, kPairCount / kShardCount * 8 / 10);
  EXPECT_LT(*most, kPairCount / kShardCount * 12 / 10);
}

// What is kept per shard decides results, so the number must never change.
TEST(ShardTest, IsFixed) {
  EXPECT_EQ(ShardOfAddresses(AddressOf(kClient), AddressOf(kServer)), 8u);
  EXPECT_EQ(ShardOfAddresses(AddressOf(kClient6), AddressOf(kServer6)), 59u);
}

TEST(ShardTest, IsZeroWithoutAnIpHeader) {
  const Frame frame = Ethernet().Next(0x0806).Payload(28).Build();

  EXPECT_EQ(ShardOfPacket(frame.AsPacket()), 0u);
}

}  // namespace
}  // namespace octroi
