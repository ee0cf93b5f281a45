// SPDX-License-Identifier: Apache-2.0
#include "evidence/flow_writer.h"

#include <filesystem>
#include <string>
#include <vector>

#include "dataplane/replay.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/fake_source.h"
#include "tests/support/small_world.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::FakeSource;
using ::octroi::testing::kChange;
using ::octroi::testing::kSecond;
using ::octroi::testing::kStart;
using ::octroi::testing::PacketBuilder;
using ::octroi::testing::ReadFile;
using ::octroi::testing::SmallWorld;
using ::octroi::testing::TempDir;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

class FlowWriterTest : public ::testing::Test {
 protected:
  std::vector<ExportedFlow> Meter(FakeSource* source) {
    ReplayOptions options;
    options.keep_flows = true;
    return Replay(options, source, world_.editions())->flows;
  }

  SmallWorld world_;
};

TEST_F(FlowWriterTest, WritesEveryKeyOfTheSchemaInItsOrder) {
  FakeSource source;
  source.Push(PacketBuilder()
                  .Ipv4("192.0.2.1", "198.51.100.7")
                  .Tcp(40000, 443, 0x02)
                  .Payload(100),
              kStart);
  source.Push(
      PacketBuilder().Ipv4("198.51.100.7", "192.0.2.1").Tcp(443, 40000, 0x12),
      kStart + kSecond / 2);

  const std::vector<ExportedFlow> flows = Meter(&source);
  ASSERT_EQ(flows.size(), 1u);
  const Json line = Json::parse(FlowToJson(flows[0], world_.timeline()));

  std::vector<std::string> keys;
  for (const auto& [key, value] : line.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"source_address",
                                            "destination_address",
                                            "source_port",
                                            "destination_port",
                                            "protocol",
                                            "start",
                                            "end",
                                            "packets",
                                            "octets",
                                            "reverse_packets",
                                            "reverse_octets",
                                            "end_reason",
                                            "direction",
                                            "workload",
                                            "location",
                                            "country",
                                            "regime",
                                            "asn",
                                            "operator",
                                            "controlling_country",
                                            "law",
                                            "service",
                                            "qualification",
                                            "seal",
                                            "verdict",
                                            "reason",
                                            "clause",
                                            "exception",
                                            "exception_expired",
                                            "tunnel"}));
  EXPECT_EQ(line["source_address"], "192.0.2.1");
  EXPECT_EQ(line["destination_port"], 443);
  EXPECT_EQ(line["protocol"], 6);
  EXPECT_EQ(line["start"], "2026-01-15T00:00:00.000000000Z");
  EXPECT_EQ(line["end"], "2026-01-15T00:00:00.500000000Z");
  EXPECT_EQ(line["packets"], 1);
  EXPECT_EQ(line["octets"], 140);
  EXPECT_EQ(line["reverse_octets"], 40);
  EXPECT_EQ(line["direction"], "egress");
  EXPECT_EQ(line["workload"], "payments");
  EXPECT_EQ(line["country"], "US");
  EXPECT_EQ(line["seal"], 0);
  EXPECT_EQ(line["verdict"], "violation");
  EXPECT_EQ(line["reason"], "outside_eu");
  EXPECT_EQ(line["clause"], "19.2");
  EXPECT_TRUE(line["service"].is_null());
  EXPECT_TRUE(line["exception"].is_null());
  EXPECT_EQ(line["exception_expired"], false);
  EXPECT_TRUE(line["tunnel"].is_null());
}

TEST_F(FlowWriterTest, NamesTheExceptionWhetherOrNotItHasEnded) {
  FakeSource source;
  for (const int64_t start : {kStart, kChange}) {
    source.Push(PacketBuilder()
                    .Ipv4("192.0.2.1", "198.51.100.200")
                    .Tcp(40000, 443, 0x02),
                start);
  }

  const std::vector<ExportedFlow> flows = Meter(&source);

  ASSERT_EQ(flows.size(), 2u);
  const Json before = Json::parse(FlowToJson(flows[0], world_.timeline()));
  const Json after = Json::parse(FlowToJson(flows[1], world_.timeline()));
  EXPECT_EQ(before["verdict"], "excepted");
  EXPECT_EQ(before["exception"], "ICT-0042");
  EXPECT_EQ(before["exception_expired"], false);
  EXPECT_EQ(after["verdict"], "violation");
  EXPECT_EQ(after["reason"], "outside_eu");
  EXPECT_EQ(after["exception"], "ICT-0042");
  EXPECT_EQ(after["exception_expired"], true);
}

TEST_F(FlowWriterTest, NamesTheTunnelOfAnInnerFlow) {
  FakeSource source;
  source.Push(PacketBuilder()
                  .Ethernet()
                  .Ipv4("192.0.2.1", "203.0.113.9")
                  .Udp(50000, 4789)
                  .Vxlan(42)
                  .Ethernet()
                  .Ipv4("192.0.2.20", "198.51.100.7")
                  .Udp(40000, 40001)
                  .Payload(10),
              kStart);

  const std::vector<ExportedFlow> flows = Meter(&source);
  ASSERT_EQ(flows.size(), 2u);
  Json tunnelled;
  for (const ExportedFlow& flow : flows) {
    const Json line = Json::parse(FlowToJson(flow, world_.timeline()));
    if (!line["tunnel"].is_null()) tunnelled = line;
  }

  EXPECT_EQ(tunnelled["destination_address"], "198.51.100.7");
  EXPECT_EQ(tunnelled["tunnel"]["kind"], "vxlan");
  EXPECT_EQ(tunnelled["tunnel"]["id"], 42);
}

TEST_F(FlowWriterTest, WritesOneLinePerFlowAndLeavesNoPartialFile) {
  FakeSource source;
  for (uint16_t port = 1; port <= 3; ++port) {
    source.Push(
        PacketBuilder().Ipv4("192.0.2.1", "203.0.113.9").Udp(40000, port),
        kStart + port);
  }
  const TempDir dir;
  const std::string path = dir.Path("flows.jsonl");

  ASSERT_TRUE(WriteFlows(path, Meter(&source), world_.timeline()).ok());

  const std::string text = ReadFile(path);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
}

TEST_F(FlowWriterTest, NamesThePathThatCannotBeWritten) {
  const absl::Status status =
      WriteFlows("/nosuchdir/flows.jsonl", {}, world_.timeline());

  EXPECT_THAT(std::string(status.message()),
              HasSubstr("/nosuchdir/flows.jsonl: flow records cannot be "
                        "written: No such file or directory"));
}

}  // namespace
}  // namespace octroi
