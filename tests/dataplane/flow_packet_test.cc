// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_packet.h"

#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/packet_builder.h"

namespace octroi {
namespace {

using testing::AddressOf;
using testing::Frame;
using testing::PacketBuilder;

constexpr char kClient[] = "192.0.2.1";
constexpr char kServer[] = "198.51.100.7";
constexpr char kClient6[] = "2001:db8:1::1";
constexpr char kServer6[] = "2001:db8:2::2";

PacketBuilder Ipv4() {
  return PacketBuilder().Ethernet().Ipv4(kClient, kServer);
}
PacketBuilder Ipv6() {
  return PacketBuilder().Ethernet().Ipv6(kClient6, kServer6);
}

// Whether it may be read the short way; decode_test.cc compares the two ways.
TEST(FlowPacketTest, ReadsPlainPacketsAndNoOthers) {
  struct Case {
    const char* description;
    PacketBuilder packet;
    bool is_plain;
  };
  const Case cases[] = {
      {"TCP", Ipv4().Tcp(40000, 443), true},
      {"TCP over IPv6", Ipv6().Tcp(40000, 443), true},
      {"UDP", Ipv4().Udp(40000, 53).Payload(20), true},
      {"UDP over IPv6", Ipv6().Udp(40000, 53).Payload(20), true},
      {"no payload: less than what a TCP header takes", Ipv4().Udp(1, 53),
       false},
      {"ICMP", Ipv4().Next(kProtocolIcmp).Payload(40), false},
      {"a port of a tunnel", Ipv4().Udp(40000, 4789).Payload(40), false},
      {"L2TP answers to any port", Ipv4().Udp(1701, 40000).Payload(40), false},
      {"a fragment", Ipv4().Fragment(1, 0, true).Udp(40000, 53).Payload(40),
       false},
      {"an extension header", Ipv6().Extension(0).Tcp(40000, 443), false},
      {"a VLAN tag",
       PacketBuilder().Ethernet().Vlan(7).Ipv4(kClient, kServer).Tcp(1, 2),
       false},
      {"another link layer", PacketBuilder().Ipv4(kClient, kServer).Tcp(1, 2),
       false},
      {"a header that was not captured", Ipv4().Tcp(40000, 443).Snap(47),
       false},
      {"IPv6 that was not captured", Ipv6().Tcp(40000, 443).Snap(67), false},
  };
  for (const Case& c : cases) {
    const Frame frame = c.packet.Build();
    FlowPacket plain;
    EXPECT_EQ(ReadPlainPacket(frame.AsPacket(), &plain), c.is_plain)
        << c.description;
  }
}

TEST(FlowPacketTest, GivesBackTheLayerThatItWasMadeFrom) {
  for (const auto& [source, destination] :
       std::vector<std::pair<const char*, const char*>>{{kClient, kServer},
                                                        {kServer, kClient},
                                                        {kClient, kClient},
                                                        {kClient6, kServer6},
                                                        {kServer6, kClient6}}) {
    for (const uint16_t port : {uint16_t{1}, uint16_t{60'000}}) {
      IpLayer layer;
      layer.source = AddressOf(source);
      layer.destination = AddressOf(destination);
      layer.source_port = port;
      layer.destination_port = 443;
      layer.protocol_identifier = kProtocolTcp;
      layer.tcp_flags = kTcpSyn | kTcpAck;
      layer.ip_octets = 1500;

      const FlowPacket packet =
          MakeFlowPacket(layer, 1, 2, kTunnelNumberLimit - 1, TunnelKind::kGre);
      const IpLayer back = LayerOf(packet);

      EXPECT_EQ(back.source, layer.source);
      EXPECT_EQ(back.destination, layer.destination);
      EXPECT_EQ(back.source_port, layer.source_port);
      EXPECT_EQ(back.destination_port, layer.destination_port);
      EXPECT_EQ(back.protocol_identifier, layer.protocol_identifier);
      EXPECT_EQ(back.tcp_flags, layer.tcp_flags);
      EXPECT_EQ(back.ip_octets, layer.ip_octets);
      EXPECT_EQ(packet.key.tunnel(), kTunnelNumberLimit - 1);
      EXPECT_EQ(packet.tunnel_kind, TunnelKind::kGre);
      EXPECT_EQ(packet.timestamp_ns, 1);
      EXPECT_EQ(packet.clock_ns, 2);
    }
  }
}

}  // namespace
}  // namespace octroi
