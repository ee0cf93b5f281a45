// SPDX-License-Identifier: Apache-2.0
// PacketBuilder writes frames for tests, outermost layer first:
//
//   PacketBuilder().Ethernet().Vlan(7).Ipv4("192.0.2.1", "198.51.100.7")
//       .Tcp(40000, 443).Payload(1000).Build()
//
// Build fills in what follows from the layers: types, protocol numbers,
// lengths and checksums. What a test wants wrong, it says (Next, StatedLength)
// or writes over the bytes. Plain values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "dataplane/packet.h"
#include "geo/ip_address.h"

namespace octroi::testing {

// The address that `text` writes. REQUIRES: `text` is an IP address.
IpAddress AddressOf(std::string_view text);

// A frame that a test owns.
struct Frame {
  std::vector<uint8_t> bytes;
  uint32_t wire_octets = 0;
  LinkType link_type = LinkType::kEthernet;

  // The frame as a source hands it over. Borrows `bytes`.
  Packet AsPacket(int64_t timestamp_ns = 0) const;
};

// Network byte order.
void WriteU16(std::vector<uint8_t>* bytes, size_t at, uint16_t value);

class PacketBuilder {
 public:
  // Link layers. The first layer decides the frame's link type: IP in front is
  // kRaw, PPP is kPpp; AsLinkType says otherwise.
  PacketBuilder& Ethernet();
  PacketBuilder& Vlan(uint16_t id, uint16_t tag_type = 0x8100);
  PacketBuilder& Mpls(uint32_t label);
  // RFC 4385, between a label and the Ethernet frame of a pseudowire.
  PacketBuilder& ControlWord();
  // A header that is written out, whatever it is.
  PacketBuilder& Opaque(std::vector<uint8_t> header);
  // The session header with the PPP protocol field that follows it.
  PacketBuilder& Pppoe(uint16_t session);
  PacketBuilder& Ppp(bool has_address_and_control = true,
                     bool has_short_protocol = false);
  // As the content of a frame, LLC makes the type field before it a length.
  PacketBuilder& LlcSnap();
  PacketBuilder& LinuxCooked();
  PacketBuilder& LinuxCooked2();
  // `family` as the capturing system wrote it, in either byte order.
  PacketBuilder& Loopback(uint32_t family, bool is_big_endian = false);
  PacketBuilder& Chdlc();
  // `type` and `flags` are the frame control; the header has what they ask
  // for. LLC follows in a data frame.
  PacketBuilder& Ieee80211(uint8_t type = 0x08, uint8_t flags = 0x01);
  // With a timestamp and `flags`.
  PacketBuilder& Radiotap(uint8_t flags = 0);

  // IP and what may follow it before the transport.
  PacketBuilder& Ipv4(std::string_view source, std::string_view destination);
  PacketBuilder& Ipv6(std::string_view source, std::string_view destination);
  // Options of the last IPv4 header, a multiple of four.
  PacketBuilder& Options(size_t octets);
  // Makes the last IPv4 header that of a fragment, or appends the fragment
  // header of IPv6. `offset` is in octets, a multiple of eight.
  PacketBuilder& Fragment(uint32_t id, uint16_t offset, bool has_more);
  // HopByHop (0), Routing (43) or DestinationOptions (60).
  PacketBuilder& Extension(uint8_t protocol_identifier, size_t octets = 8);
  // A hop-by-hop header with the jumbo payload option, filled in; the IPv6
  // payload length becomes 0.
  PacketBuilder& JumboPayload();
  PacketBuilder& Ah();
  PacketBuilder& Esp();

  PacketBuilder& Tcp(uint16_t source_port, uint16_t destination_port,
                     uint8_t flags = 0x10);
  PacketBuilder& Udp(uint16_t source_port, uint16_t destination_port);
  PacketBuilder& Sctp(uint16_t source_port, uint16_t destination_port);
  PacketBuilder& Icmp(uint8_t type = 8);
  PacketBuilder& Icmpv6(uint8_t type = 128);

  // Tunnels. Those over UDP follow a Udp layer.
  struct GreFields {
    bool has_checksum = false;
    bool has_routing = false;
    std::optional<uint32_t> key = std::nullopt;
    std::optional<uint32_t> sequence = std::nullopt;
  };
  PacketBuilder& Gre();
  PacketBuilder& Gre(const GreFields& fields);
  PacketBuilder& Pptp(uint16_t call, bool has_acknowledgment = false);
  // After Gre (with a sequence number for 2); followed by Ethernet.
  PacketBuilder& Erspan2(uint16_t session);
  PacketBuilder& Erspan3(uint16_t session, bool has_platform_header = false);
  PacketBuilder& Vxlan(uint32_t id);
  PacketBuilder& VxlanGpe(uint32_t id);
  PacketBuilder& Geneve(uint32_t id, size_t option_octets = 0);
  PacketBuilder& GtpU(uint32_t endpoint, int extension_count = 0);
  PacketBuilder& L2tp(uint16_t tunnel, uint16_t session);

  PacketBuilder& Payload(size_t octets);
  PacketBuilder& Payload(std::vector<uint8_t> bytes);
  // Octets behind everything, which no length counts.
  PacketBuilder& Padding(size_t octets);

  // What the last layer says of the next, instead of the truth: an EtherType,
  // a protocol number or a PPP protocol.
  PacketBuilder& Next(uint16_t number);
  // The length that the last IP header states, instead of the truth.
  PacketBuilder& StatedLength(uint16_t octets);
  PacketBuilder& AsLinkType(LinkType link_type);
  // Keeps the first `octets` as captured; the length on the wire stays.
  PacketBuilder& Snap(uint32_t octets);

  Frame Build() const;

 private:
  enum class Kind {
    kEthernet,
    kVlan,
    kMpls,
    kPppoe,
    kPpp,
    kLlcSnap,
    kLinuxCooked,
    kLinuxCooked2,
    kChdlc,
    kIpv4,
    kIpv6,
    kExtension,
    kJumboPayload,
    kTcp,
    kUdp,
    kSctp,
    kIcmp,
    kIcmpv6,
    kGre,
    kPptp,
    kVxlanGpe,
    kGeneve,
    kGtpU,
    kL2tp,
    kFixed,  // Nothing to fill in.
  };
  struct Layer {
    Kind kind = Kind::kFixed;
    std::vector<uint8_t> header;
    // How a layer before this one names it.
    uint16_t ether_type = 0;
    uint8_t protocol_identifier = 59;  // No next header.
    std::optional<uint16_t> next = std::nullopt;
    std::optional<uint16_t> stated_length = std::nullopt;
  };

  PacketBuilder& Add(Layer layer, LinkType link_type = LinkType::kEthernet);
  Layer* LastIp();
  uint16_t NextEtherType(size_t index) const;
  uint16_t NextPppProtocol(size_t index) const;
  uint8_t NextProtocol(size_t index) const;
  uint32_t PseudoHeaderSum(size_t index, uint8_t protocol_identifier,
                           size_t octets) const;
  // The header of layer `index` in front of `body`, filled in.
  std::vector<uint8_t> Complete(size_t index,
                                const std::vector<uint8_t>& body) const;

  std::vector<Layer> layers_;
  std::vector<uint8_t> payload_;
  size_t padding_octets_ = 0;
  LinkType link_type_ = LinkType::kEthernet;
  std::optional<uint32_t> captured_octets_;
};

}  // namespace octroi::testing
