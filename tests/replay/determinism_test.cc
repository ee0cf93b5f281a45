// SPDX-License-Identifier: Apache-2.0
// One capture, one result: byte-identical reports and flow records for any
// number of workers, hash seed and burst size.
#include <array>
#include <filesystem>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "agent/replay_command.h"
#include "dataplane/capture_source.h"
#include "dataplane/replay.h"
#include "evidence/flow_writer.h"
#include "evidence/replay_report.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/replay/replay_case.h"
#include "tests/replay/shared_captures.h"
#include "tests/replay/small_facts.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using testing::CaseNames;
using testing::Frame;
using testing::PacketBuilder;
using testing::PcapOf;
using testing::ReadCase;
using testing::ReadFile;
using testing::SharedCapturePath;
using testing::SharedCaptures;
using testing::TempDir;
using testing::TimedFrame;
using testing::WriteSmallFacts;

constexpr std::string_view kConfig = R"(
local_networks: [10.0.0.0/8, "fd00::/8"]
facts:
  country: [facts/dbip-country.mmdb, facts/second-opinion.mmdb]
policy:
  workloads:
    - name: regulated
      addresses: [10.0.0.0/24]
      requires: {location: eu, control: eu, qualification: {scheme: SecNumCloud}, applies_to: any}
      exceptions:
        - {destination: 198.51.100.0/28, until: 2026-01-15, reference: A-1, reason: a test}
    - name: everything-else
      addresses: [any]
      requires: {location: adequate}
)";

struct Variation {
  uint32_t worker_count = 1;
  uint64_t hash_seed = 0;
  size_t burst_size = kMaxBurst;
  size_t expiry_scan_count = ReplayOptions().expiry_scan_count;

  std::string Describe() const {
    return fmt::format("{} workers, seed {}, bursts of {}, scan {}",
                       worker_count, hash_seed, burst_size, expiry_scan_count);
  }
};

// Every number of workers, seed and burst size once with each other.
std::vector<Variation> Variations() {
  std::vector<Variation> variations;
  for (const uint32_t worker_count : {1, 2, 4}) {
    for (const uint64_t hash_seed : {0ULL, 1ULL, 0x9E3779B97F4A7C15ULL}) {
      for (const size_t burst_size : {size_t{1}, size_t{32}}) {
        variations.push_back({worker_count, hash_seed, burst_size});
      }
    }
  }
  variations.push_back({.expiry_scan_count = 0});
  variations.push_back({.worker_count = 2, .expiry_scan_count = 1});
  return variations;
}

// Hosts of every kind that the small facts tell apart.
constexpr std::array<const char*, 10> kRemoteHosts = {
    "203.0.113.9",  "203.0.113.33", "203.0.113.150",  "203.0.113.200",
    "198.51.100.7", "198.51.100.7", "198.51.100.129", "198.51.100.193",
    "192.0.2.1",    "192.0.2.200"};
constexpr std::array<const char*, 4> kLocalHosts = {"10.0.0.5", "10.0.0.6",
                                                    "10.0.1.5", "10.9.0.1"};
constexpr std::array<uint16_t, 5> kServerPorts = {22, 53, 443, 3389, 8443};
constexpr std::array<uint8_t, 5> kFlags = {0x02, 0x12, 0x10, 0x11, 0x04};

template <typename Array>
const auto& Any(const Array& values, std::mt19937* random) {
  return values[(*random)() % values.size()];
}

void AddIpv4(std::mt19937* random, PacketBuilder* builder) {
  const char* local = Any(kLocalHosts, random);
  const char* remote = (*random)() % 8 == 0 ? Any(kLocalHosts, random)
                                            : Any(kRemoteHosts, random);
  const auto client_port = static_cast<uint16_t>(40000 + (*random)() % 4);
  const uint16_t server_port = Any(kServerPorts, random);
  const bool is_out = (*random)() % 2 == 0;
  builder->Ipv4(is_out ? local : remote, is_out ? remote : local);
  const uint16_t source_port = is_out ? client_port : server_port;
  const uint16_t destination_port = is_out ? server_port : client_port;
  if ((*random)() % 3 == 0) {
    builder->Udp(source_port, destination_port);
  } else {
    builder->Tcp(source_port, destination_port, Any(kFlags, random));
  }
  builder->Payload((*random)() % 200);
}

Frame RandomFrame(std::mt19937* random) {
  PacketBuilder builder;
  builder.Ethernet();
  switch ((*random)() % 12) {
    case 0:
      return builder.Next(0x0806).Payload(size_t{28}).Build();  // ARP
    case 1:
      builder.Ipv4("10.0.0.1", "203.0.113.9")
          .Udp(50000, 4789)
          .Vxlan((*random)() % 3)
          .Ethernet();
      break;
    case 2: {
      const auto id = (*random)() % 4;
      builder.Ipv4("10.0.0.5", "198.51.100.7");
      if ((*random)() % 2 == 0) {
        return builder.Fragment(id, 0, true)
            .Udp(40000, 4500)
            .Payload(size_t{56})
            .Build();
      }
      return builder.Fragment(id, 64, false)
          .Next(17)
          .Payload(size_t{64})
          .Build();
    }
    default:
      break;
  }
  AddIpv4(random, &builder);
  return builder.Build();
}

// Two hours that cross the end of an exception, with pauses about as long as
// timeouts and times that go backwards.
std::string RandomPcap(uint32_t seed, size_t packet_count) {
  constexpr int64_t kStart = 1'768'517'999'000'000'000;  // 2026-01-15T22:59:59
  constexpr int64_t kMillisecond = 1'000'000;
  std::mt19937 random(seed);
  std::vector<TimedFrame> frames;
  int64_t timestamp_ns = kStart;
  for (size_t i = 0; i < packet_count; ++i) {
    const int64_t step_ms = random() % 100 == 0
                                ? 60'000
                                : static_cast<int64_t>(random() % 3000) - 500;
    timestamp_ns += step_ms * kMillisecond;
    frames.push_back({RandomFrame(&random), timestamp_ns});
  }
  return PcapOf(frames);
}

class ReplayDeterminismTest : public ::testing::Test {
 protected:
  ReplayDeterminismTest() {
    surroundings_.out = &out_;
    surroundings_.errors = &errors_;
    surroundings_.facts_dir = WriteSmallFacts(dir_, "facts");
    surroundings_.now_ns = [] { return int64_t{0}; };
    config_path_ = dir_.Write("octroi.yaml", kConfig);
  }

  void LoadFacts() {
    beliefs_ =
        LoadBeliefs({.config_path = config_path_}, surroundings_).beliefs;
    ASSERT_NE(beliefs_, nullptr) << errors_.str();
  }

  // The report and the flow records, as results write them.
  std::string ResultOf(const std::vector<std::string>& captures,
                       const Variation& variation) {
    auto source = CaptureSource::Create({.paths = captures});
    EXPECT_TRUE(source.ok());
    EditionTimeline timeline(beliefs_->atlases.get(), beliefs_->workloads,
                             beliefs_->config.policy, std::nullopt);
    TimelineEditions editions(&timeline);
    ReplayOptions options;
    options.worker_count = variation.worker_count;
    options.hash_seed = variation.hash_seed;
    options.burst_size = variation.burst_size;
    options.expiry_scan_count = variation.expiry_scan_count;
    options.keep_flows = true;
    options.memory_limit_bytes = size_t{256} << 20;
    absl::StatusOr<ReplayResult> result =
        Replay(options, source->get(), &editions);
    EXPECT_TRUE(result.ok()) << result.status();
    std::string text;
    for (const ExportedFlow& flow : result->flows) {
      text += FlowToJson(flow, timeline) + "\n";
    }
    std::vector<ReportCapture> described;
    for (const CaptureSummary& summary : (*source)->summaries()) {
      described.push_back({summary, "", ""});
    }
    return text +
           ReportToJson(MakeReport(
               {&timeline, &beliefs_->config.policy, beliefs_->facts.get(),
                std::move(described), "capture", beliefs_->digest},
               *std::move(result)));
  }

  void ExpectOneResult(const std::vector<std::string>& captures,
                       const std::vector<Variation>& variations) {
    const std::string expected = ResultOf(captures, variations.front());
    EXPECT_THAT(expected, ::testing::HasSubstr("octroi.replay/1"));
    for (const Variation& variation : variations) {
      // Not EXPECT_EQ: a difference of two long texts takes minutes to print.
      ASSERT_TRUE(ResultOf(captures, variation) == expected)
          << variation.Describe() << " gives another result than "
          << variations.front().Describe();
    }
  }

  const TempDir dir_;
  std::string config_path_;
  std::ostringstream out_;
  std::ostringstream errors_;
  Surroundings surroundings_;
  std::unique_ptr<Beliefs> beliefs_;
};

TEST_F(ReplayDeterminismTest, GivesOneResultForARandomCapture) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  const std::string capture = dir_.Write("random.pcap", RandomPcap(seed, 3000));
  LoadFacts();

  ExpectOneResult({capture}, Variations());
}

TEST_F(ReplayDeterminismTest, GivesOneResultForSeveralCapturesAtOnce) {
  std::vector<std::string> captures;
  for (const std::string& name : CaseNames("small")) {
    captures.push_back(
        dir_.Write(name + ".pcap", PcapOf(ReadCase(name).frames)));
  }
  captures.push_back(dir_.Write("random.pcap", RandomPcap(1, 200)));
  LoadFacts();

  ExpectOneResult(captures, Variations());
}

TEST_F(ReplayDeterminismTest, GivesOneResultForTheSharedCapturesAtOnce) {
  std::vector<std::string> captures;
  for (const std::string& name : SharedCaptures()) {
    captures.push_back(SharedCapturePath(name));
  }
  if (captures.empty()) {
    GTEST_SKIP() << "the shared captures are not beside this checkout";
  }
  LoadFacts();

  ExpectOneResult(captures, {{1, 0, 32}, {2, 1, 1}, {4, 2, 32}});
}

// The whole command, which takes a new hash seed each time it runs.
TEST_F(ReplayDeterminismTest, WritesTheSameBytesForAnyNumberOfWorkers) {
  ReplayCommandOptions options;
  options.config_path = config_path_;
  options.captures = {dir_.Write("random.pcap", RandomPcap(2, 1000))};
  options.flows_path = dir_.Path("flows.jsonl");
  for (const ReplayFormat format :
       {ReplayFormat::kJson, ReplayFormat::kCsv, ReplayFormat::kTable}) {
    options.format = format;
    std::string expected;
    for (const uint32_t worker_count : {1, 1, 2, 4}) {
      options.worker_count = worker_count;
      out_.str("");

      ASSERT_EQ(RunReplay(options, surroundings_), kExitDone) << errors_.str();

      const std::string found = out_.str() + ReadFile(options.flows_path);
      if (expected.empty()) expected = found;
      EXPECT_TRUE(found == expected) << worker_count << " workers";
    }
  }
}

}  // namespace
}  // namespace octroi
