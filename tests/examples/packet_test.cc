// SPDX-License-Identifier: Apache-2.0
#include "examples/packet.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi::example {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

uint16_t U16At(const Bytes& bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

// A header with its checksum sums up to nothing (RFC 1071 section 1).
uint16_t OnesComplementSum(const Bytes& bytes, size_t octets) {
  uint32_t sum = 0;
  for (size_t at = 0; at < octets; at += 2) sum += U16At(bytes, at);
  while ((sum >> 16) != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

TEST(PacketTest, WritesLengthsAndChecksums) {
  const IpHeader ip = {AddressOf("192.0.2.1"), AddressOf("198.51.100.7"), kUdp};

  const Bytes packet =
      IpPacket(ip, UdpDatagram(ip, 40'000, 53, Bytes(30, 'x')));

  ASSERT_THAT(packet, SizeIs(20 + 8 + 30));
  EXPECT_EQ(U16At(packet, 2), packet.size());
  EXPECT_EQ(OnesComplementSum(packet, 20), 0xFFFF);
  EXPECT_EQ(U16At(packet, 24), 8 + 30);
  Bytes with_pseudo_header(packet.begin() + 12, packet.end());
  Append(&with_pseudo_header, Bytes{0, kUdp, 0, 8 + 30});
  EXPECT_EQ(OnesComplementSum(with_pseudo_header, with_pseudo_header.size()),
            0xFFFF);
}

TEST(PacketTest, CutsALongDatagramIntoFragmentsThatFit) {
  struct Case {
    const char* source;
    const char* destination;
    size_t header_octets;
  };
  for (const Case& c : {Case{"192.0.2.1", "198.51.100.7", 20},
                        Case{"2001:db8::1", "2001:db8::2", 40 + 8}}) {
    SCOPED_TRACE(c.source);
    const IpHeader ip = {AddressOf(c.source), AddressOf(c.destination), kUdp};
    const Bytes datagram = UdpDatagram(ip, 514, 514, Bytes(3'600, 'x'));

    const std::vector<Bytes> packets = IpPackets(ip, datagram, 1'500);

    size_t content = 0;
    for (const Bytes& packet : packets) {
      EXPECT_LE(packet.size(), 1'500u);
      content += packet.size() - c.header_octets;
    }
    EXPECT_THAT(packets, SizeIs(3));
    EXPECT_EQ(content, datagram.size());
  }
}

TEST(PacketTest, PadsAFrameToTheShortestThatEthernetAllows) {
  const Bytes frame = EthernetFrame({}, kBroadcastMac, {{0x8100, 20}},
                                    kEtherTypeArp, Bytes(28, 1));

  ASSERT_THAT(frame, SizeIs(60));
  EXPECT_THAT(Bytes(frame.begin() + 12, frame.begin() + 18),
              ElementsAre(0x81, 0x00, 0, 20, 0x08, 0x06));
}

}  // namespace
}  // namespace octroi::example
