// SPDX-License-Identifier: Apache-2.0
#include "examples/branch_office.h"

#include <array>
#include <map>
#include <set>
#include <string>

#include "dataplane/capture_reader.h"
#include "dataplane/decode.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi::example {
namespace {

using octroi::testing::TempDir;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Ge;
using ::testing::Le;

constexpr int64_t kMinuteNs = 60'000'000'000;

// What octroi's own reader and decoder find in a capture.
struct Findings {
  CaptureSummary summary;
  absl::Status status;
  uint64_t wire_octets = 0;
  uint64_t captured_octets = 0;
  uint64_t fragments = 0;
  uint64_t cut_packets = 0;
  std::map<DropReason, uint64_t> undecoded;
  std::set<TunnelKind> tunnels;
  std::set<std::string> remote_addresses;
};

void AddPacket(const Packet& packet, Findings* findings) {
  DecodedPacket decoded;
  DecodePacket(packet, &decoded);
  findings->wire_octets += packet.wire_octets;
  findings->captured_octets += packet.captured_octets;
  findings->cut_packets += packet.captured_octets < packet.wire_octets ? 1 : 0;
  if (!decoded.is_decoded()) {
    ++findings->undecoded[decoded.drop_reason];
    return;
  }
  findings->fragments += decoded.outer.is_fragment ? 1 : 0;
  findings->tunnels.insert(decoded.tunnel);
  findings->remote_addresses.insert(decoded.outer.destination.ToString());
  if (decoded.tunnel != TunnelKind::kNone) {
    findings->remote_addresses.insert(decoded.inner.destination.ToString());
  }
}

Findings Read(const std::string& capture) {
  TempDir folder;
  Findings findings;
  auto reader =
      CaptureReader::Open({folder.Write("example.pcapng", capture), {}});
  if (!reader.ok()) {
    findings.status = reader.status();
    return findings;
  }
  std::array<Packet, kMaxBurst> packets;
  while (const size_t count = (*reader)->Next(packets)) {
    for (size_t i = 0; i < count; ++i) AddPacket(packets[i], &findings);
  }
  findings.summary = (*reader)->summary();
  findings.status = (*reader)->status();
  return findings;
}

// FNV-1a, to pin the bytes without keeping the file.
uint64_t Fingerprint(const std::string& bytes) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001B3;
  }
  return hash;
}

// The documentation shows results of these captures: they are the same for
// every compiler and host. Who changes them on purpose changes the numbers
// here, and looks at the documentation.
TEST(BranchOfficeTest, GivesTheSameBytesEverywhere) {
  EXPECT_EQ(Fingerprint(BranchOfficeCapture()), 13359635894348973800u);
  EXPECT_EQ(Fingerprint(QualificationDayCapture()), 13585327894392060353u);
}

// What an office has, what the example is there to show, and no packet that is
// broken by mistake.
TEST(BranchOfficeTest, IsACompleteCaptureOfAnOffice) {
  const Findings findings = Read(BranchOfficeCapture());

  ASSERT_TRUE(findings.status.ok()) << findings.status;
  EXPECT_FALSE(findings.summary.truncated) << findings.summary.note;
  EXPECT_EQ(findings.summary.reported_drops, 0u);
  EXPECT_THAT(findings.summary.packets, AllOf(Ge(35'000u), Le(55'000u)));
  EXPECT_LE(findings.summary.bytes_read, 8'000'000u);
  ASSERT_TRUE(findings.summary.first_ns && findings.summary.last_ns);
  const int64_t duration_ns =
      *findings.summary.last_ns - *findings.summary.first_ns;
  EXPECT_THAT(duration_ns, AllOf(Ge(69 * kMinuteNs), Le(70 * kMinuteNs)));

  EXPECT_THAT(findings.undecoded, ::testing::ElementsAre(::testing::Pair(
                                      DropReason::kNotIp, Ge(1u))));
  EXPECT_THAT(findings.tunnels,
              ::testing::UnorderedElementsAre(
                  TunnelKind::kNone, TunnelKind::kGre, TunnelKind::kVxlan));
  EXPECT_GE(findings.fragments, 6u);
  EXPECT_GE(findings.cut_packets, 10'000u);
  EXPECT_GE(findings.wire_octets, 4 * findings.captured_octets);
  for (const char* address :
       {"177.222.80.10", "54.36.20.12", "2001:41d0:8:1234::10", "15.188.40.12",
        "51.159.30.20", "13.108.238.20", "9.9.9.9", "2620:fe::fe",
        "128.199.100.20", "139.180.130.20", "34.192.20.30"}) {
    EXPECT_THAT(findings.remote_addresses, Contains(address));
  }
}

TEST(BranchOfficeTest, SeesTheSameDestinationsBeforeAndAfterTheDecision) {
  const Findings findings = Read(QualificationDayCapture());

  ASSERT_TRUE(findings.status.ok()) << findings.status;
  ASSERT_TRUE(findings.summary.first_ns && findings.summary.last_ns);
  constexpr int64_t kDecisionNs = 1'765'929'600'000'000'000;  // 2025-12-17.
  EXPECT_LT(*findings.summary.first_ns, kDecisionNs);
  EXPECT_GT(*findings.summary.last_ns, kDecisionNs + 24 * 60 * kMinuteNs);
  EXPECT_TRUE(findings.undecoded.empty());
  EXPECT_THAT(findings.remote_addresses, Contains("177.222.80.10"));
}

}  // namespace
}  // namespace octroi::example
