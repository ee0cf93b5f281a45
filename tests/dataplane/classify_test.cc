// SPDX-License-Identifier: Apache-2.0
#include "dataplane/classify.h"

#include "gtest/gtest.h"
#include "tests/support/packet_builder.h"
#include "tests/support/small_world.h"

namespace octroi {
namespace {

using testing::AddressOf;
using testing::kChange;
using testing::kOthers;
using testing::kPayments;
using testing::kStart;
using testing::SmallWorld;

IpLayer Layer(const char* source, uint16_t source_port, const char* destination,
              uint16_t destination_port, uint8_t protocol = kProtocolTcp,
              uint8_t flags = 0) {
  IpLayer layer;
  layer.source = AddressOf(source);
  layer.destination = AddressOf(destination);
  layer.source_port = source_port;
  layer.destination_port = destination_port;
  layer.protocol_identifier = protocol;
  layer.tcp_flags = flags;
  layer.has_ports = true;
  return layer;
}

TEST(OpenerTest, FollowsHandshakeThenServerPorts) {
  struct Case {
    const char* description;
    uint8_t protocol;
    uint8_t flags;
    uint16_t source_port;
    uint16_t destination_port;
    OpenedBy expected;
  };
  const Case cases[] = {
      {"a SYN, whatever the ports", kProtocolTcp, kTcpSyn, 80, 40000,
       OpenedBy::kSender},
      {"a SYN-ACK, whatever the ports", kProtocolTcp, kTcpSyn | kTcpAck, 40000,
       80, OpenedBy::kReceiver},
      {"from a system port", kProtocolTcp, kTcpAck, 443, 40000,
       OpenedBy::kReceiver},
      {"to a system port", kProtocolTcp, kTcpAck, 40000, 443,
       OpenedBy::kSender},
      {"1023 is a system port, 1024 is not", kProtocolTcp, kTcpAck, 1023, 1024,
       OpenedBy::kReceiver},
      {"both are system ports", kProtocolTcp, kTcpAck, 513, 514,
       OpenedBy::kUnknown},
      {"from a registered server port", kProtocolTcp, kTcpAck, 5432, 40000,
       OpenedBy::kReceiver},
      {"to a registered server port", kProtocolTcp, kTcpAck, 40000, 27017,
       OpenedBy::kSender},
      {"a system port beats a registered one", kProtocolTcp, kTcpAck, 3306, 22,
       OpenedBy::kSender},
      {"both are registered server ports", kProtocolTcp, kTcpAck, 3306, 8080,
       OpenedBy::kUnknown},
      {"neither port tells", kProtocolTcp, kTcpAck, 40000, 50000,
       OpenedBy::kUnknown},
      {"no ports", kProtocolTcp, 0, 0, 0, OpenedBy::kUnknown},
      {"an answer of DNS", kProtocolUdp, 0, 53, 40000, OpenedBy::kReceiver},
      {"a question to DNS", kProtocolUdp, 0, 40000, 53, OpenedBy::kSender},
      {"NTP between servers", kProtocolUdp, 0, 123, 123, OpenedBy::kSender},
      {"UDP between high ports", kProtocolUdp, 0, 40000, 50000,
       OpenedBy::kSender},
      {"an answer of SIP over SCTP", kProtocolSctp, 0, 5060, 40000,
       OpenedBy::kReceiver},
      {"ICMP has no ports", kProtocolIcmp, 0, 0, 0, OpenedBy::kSender},
      {"nor has ESP", kProtocolEsp, 0, 0, 0, OpenedBy::kSender},
  };
  for (const Case& c : cases) {
    const IpLayer layer = Layer("192.0.2.1", c.source_port, "198.51.100.7",
                                c.destination_port, c.protocol, c.flags);
    EXPECT_EQ(OpenerOf(layer), c.expected) << c.description;
  }
}

class ClassifyTest : public ::testing::Test {
 protected:
  Classification ClassifyAt(const IpLayer& layer, int64_t timestamp_ns) {
    Classifier classifier(world_.editions());
    return classifier.Classify(
        MakeFlowPacket(layer, timestamp_ns, timestamp_ns));
  }
  AttributionId AttributionOf(const char* address) const {
    return world_.atlas().Lookup(AddressOf(address));
  }

  SmallWorld world_;
};

TEST_F(ClassifyTest, TellsDirectionWorkloadAndRemoteEnd) {
  struct Case {
    const char* description;
    const char* source;
    const char* destination;
    uint8_t flags;
    FlowDirection direction;
    WorkloadId workload;
    const char* attributed;
  };
  const Case cases[] = {
      {"opened by a workload", "192.0.2.1", "203.0.113.5", kTcpSyn,
       FlowDirection::kEgress, kPayments, "203.0.113.5"},
      {"seen from its answer", "203.0.113.5", "192.0.2.1", kTcpSyn | kTcpAck,
       FlowDirection::kEgress, kPayments, "203.0.113.5"},
      {"opened by a remote address", "198.51.100.7", "192.0.2.1", kTcpSyn,
       FlowDirection::kIngress, kPayments, "198.51.100.7"},
      {"the other workload", "192.0.2.200", "198.51.100.7", kTcpSyn,
       FlowDirection::kEgress, kOthers, "198.51.100.7"},
      {"both are local: the initiator's workload", "192.0.2.200", "192.0.2.1",
       kTcpSyn, FlowDirection::kInternal, kOthers, "192.0.2.1"},
      {"neither is local", "203.0.113.5", "198.51.100.7", kTcpSyn,
       FlowDirection::kTransit, kNoWorkload, "198.51.100.7"},
      {"transit seen from its answer", "203.0.113.5", "198.51.100.7",
       kTcpSyn | kTcpAck, FlowDirection::kTransit, kNoWorkload, "203.0.113.5"},
      {"IPv6", "2001:db8:42::1", "2001:db8:a::1", kTcpSyn,
       FlowDirection::kEgress, kPayments, "2001:db8:a::1"},
  };
  for (const Case& c : cases) {
    const Classification found = ClassifyAt(
        Layer(c.source, 40000, c.destination, 443, kProtocolTcp, c.flags),
        kStart);
    EXPECT_EQ(found.direction, c.direction) << c.description;
    EXPECT_EQ(found.workload, c.workload) << c.description;
    EXPECT_EQ(found.attribution, AttributionOf(c.attributed)) << c.description;
  }
}

TEST_F(ClassifyTest, JudgesByOpenerAndPort) {
  struct Case {
    const char* description;
    IpLayer layer;
    Verdict verdict;
    Reason reason;
  };
  const Case cases[] = {
      {"to the EU", Layer("192.0.2.1", 40000, "203.0.113.5", 443),
       Verdict::kCompliant, Reason::kMeetsRequirement},
      {"out of the EU", Layer("192.0.2.1", 40000, "198.51.100.7", 443),
       Verdict::kViolation, Reason::kOutsideEu},
      {"a client from outside", Layer("198.51.100.7", 40000, "192.0.2.1", 443),
       Verdict::kNotJudged, Reason::kOpenedByRemote},
      {"an administrator from outside",
       Layer("198.51.100.7", 40000, "192.0.2.1", 22), Verdict::kViolation,
       Reason::kAdministeredFromOutsideEu},
      {"the same, seen from the server's answer",
       Layer("192.0.2.1", 22, "198.51.100.7", 40000), Verdict::kViolation,
       Reason::kAdministeredFromOutsideEu},
      {"RDP over UDP",
       Layer("198.51.100.7", 40000, "192.0.2.1", 3389, kProtocolUdp),
       Verdict::kViolation, Reason::kAdministeredFromOutsideEu},
      {"port 22 of another protocol",
       Layer("198.51.100.7", 40000, "192.0.2.1", 22, kProtocolSctp),
       Verdict::kNotJudged, Reason::kOpenedByRemote},
      {"administration of a remote host",
       Layer("192.0.2.1", 40000, "198.51.100.7", 22), Verdict::kViolation,
       Reason::kOutsideEu},
      {"between local hosts", Layer("192.0.2.1", 40000, "192.0.2.9", 22),
       Verdict::kNotJudged, Reason::kInternal},
      {"between remote hosts", Layer("203.0.113.5", 40000, "198.51.100.7", 22),
       Verdict::kNotJudged, Reason::kNoRequirement},
  };
  for (const Case& c : cases) {
    const Judgement found = ClassifyAt(c.layer, kStart).judgement;
    EXPECT_EQ(found.verdict, c.verdict) << c.description;
    EXPECT_EQ(found.reason, c.reason) << c.description;
  }
}

// DESIGN: a flow whose opener cannot be told counts as opened locally.
TEST_F(ClassifyTest, CountsAnUnknownOpenerAsLocal) {
  struct Case {
    const char* source;
    const char* destination;
    FlowDirection direction;
    bool is_opened_by_sender;
  };
  const Case cases[] = {
      {"192.0.2.1", "203.0.113.5", FlowDirection::kEgress, true},
      {"203.0.113.5", "192.0.2.1", FlowDirection::kEgress, false},
      {"192.0.2.1", "192.0.2.2", FlowDirection::kInternal, true},
      {"203.0.113.5", "198.51.100.7", FlowDirection::kTransit, true},
  };
  for (const Case& c : cases) {
    const Classification found = ClassifyAt(
        Layer(c.source, 40000, c.destination, 50000, kProtocolTcp, kTcpAck),
        kStart);
    EXPECT_EQ(found.direction, c.direction) << c.source;
    EXPECT_EQ(found.is_opened_by_sender, c.is_opened_by_sender) << c.source;
  }
}

TEST_F(ClassifyTest, JudgesByTheEditionInForceAtTheStart) {
  const IpLayer excepted = Layer("192.0.2.1", 40000, "198.51.100.200", 443);
  Classifier classifier(world_.editions());
  const auto at = [&](int64_t ns) {
    return classifier.Classify(MakeFlowPacket(excepted, ns, ns));
  };

  const Classification before = at(kChange - 1);
  const Classification after = at(kChange);
  const Classification before_again = at(kStart);

  EXPECT_EQ(before.judgement.verdict, Verdict::kExcepted);
  EXPECT_EQ(after.judgement.verdict, Verdict::kViolation);
  EXPECT_EQ(before_again.judgement.verdict, Verdict::kExcepted);
  EXPECT_LT(before.edition, after.edition);
  EXPECT_EQ(before.edition, before_again.edition);
}

TEST(IsEgressTest, IsWhatTheLocalSideSendsToARemoteOne) {
  EXPECT_TRUE(IsEgress(FlowDirection::kEgress, /*is_sent_by_initiator=*/true));
  EXPECT_FALSE(IsEgress(FlowDirection::kEgress, false));
  EXPECT_FALSE(IsEgress(FlowDirection::kIngress, true));
  EXPECT_TRUE(IsEgress(FlowDirection::kIngress, false));
  for (const bool is_sent_by_initiator : {false, true}) {
    EXPECT_FALSE(IsEgress(FlowDirection::kInternal, is_sent_by_initiator));
    EXPECT_FALSE(IsEgress(FlowDirection::kTransit, is_sent_by_initiator));
  }
}

}  // namespace
}  // namespace octroi
