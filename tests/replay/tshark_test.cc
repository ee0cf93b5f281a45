// SPDX-License-Identifier: Apache-2.0
// Another pair of eyes: the packets and octets that octroi accounts between two
// addresses are those that tshark sees in the same capture. Where they differ,
// tshark_differences.csv says by how much and why, and is exact: a difference
// that is not listed fails, and so does a listed one that is gone.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/capture_reader.h"
#include "dataplane/capture_source.h"
#include "dataplane/replay.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/replay/csv_expectations.h"
#include "tests/replay/run_program.h"
#include "tests/replay/shared_captures.h"
#include "tests/support/small_world.h"

namespace octroi {
namespace {

using testing::IsInstalled;
using testing::ProgramResult;
using testing::ReadRows;
using testing::Row;
using testing::RunProgram;
using testing::ShardOf;
using testing::SharedCapturePath;
using testing::SharedCaptures;
using testing::SmallWorld;

constexpr size_t kShardCount = 8;

constexpr char kDifferencesFile[] =
    OCTROI_SOURCE_DIR "/tests/replay/tshark_differences.csv";

// What passed between two addresses, whichever way.
struct Sum {
  uint64_t packets = 0;
  uint64_t octets = 0;

  friend bool operator==(const Sum&, const Sum&) = default;
};

// By "smaller larger" address text.
using Sums = std::map<std::string, Sum>;

void Add(const std::string& from, const std::string& to, uint64_t packets,
         uint64_t octets, Sums* sums) {
  Sum& sum =
      (*sums)[fmt::format("{} {}", std::min(from, to), std::max(from, to))];
  sum.packets += packets;
  sum.octets += octets;
}

bool IsEthernet(const std::string& path) {
  auto reader = CaptureReader::Open({.path = path});
  if (!reader.ok()) return false;
  std::array<Packet, 32> packets;
  bool is_ethernet = false;
  while (const size_t count = (*reader)->Next(packets)) {
    for (size_t i = 0; i < count; ++i) {
      if (packets[i].link_type != LinkType::kEthernet) return false;
      is_ethernet = true;
    }
  }
  return is_ethernet;
}

// From flow records, outermost layers only.
Sums SumsOfOctroi(const std::string& path, SmallWorld* world) {
  auto source = CaptureSource::Create({.paths = {path}});
  ReplayOptions options;
  options.keep_flows = true;
  options.memory_limit_bytes = size_t{64} << 20;
  auto result = Replay(options, source->get(), world->editions());
  EXPECT_TRUE(result.ok()) << result.status();
  Sums sums;
  for (const ExportedFlow& flow : result->flows) {
    const FlowRecord& record = flow.record;
    if (record.is_tunnelled()) continue;
    Add(record.source().ToString(), record.destination().ToString(),
        record.packets() + record.reverse_packets(),
        record.octets() + record.reverse_octets(), &sums);
  }
  return sums;
}

std::vector<std::string> SplitAtTabs(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, '\t');) {
    fields.push_back(field);
  }
  fields.resize(7);
  return fields;
}

// In the layers of a frame ("eth:ethertype:ip:tcp"), whether the first IP layer
// is IPv6; nothing if there is none.
std::optional<bool> IsOutermostV6(const std::string& layers) {
  std::istringstream stream(layers);
  for (std::string layer; std::getline(stream, layer, ':');) {
    if (layer == "ip") return false;
    if (layer == "ipv6") return true;
  }
  return std::nullopt;
}

uint64_t NumberOf(const std::string& text) {
  return std::strtoull(text.c_str(), nullptr, 10);
}

// Without name resolution, and without putting packets together again: what
// is compared is packets.
ProgramResult RunTshark(const std::string& path) {
  std::vector<std::string> arguments = {"tshark", "-n", "-r", path};
  for (const char* preference : {"ip.defragment:FALSE", "ipv6.defragment:FALSE",
                                 "tcp.desegment_tcp_streams:FALSE"}) {
    arguments.insert(arguments.end(), {"-o", preference});
  }
  arguments.insert(arguments.end(), {"-T", "fields", "-E", "occurrence=f"});
  for (const char* field : {"frame.protocols", "ip.src", "ip.dst", "ip.len",
                            "ipv6.src", "ipv6.dst", "ipv6.plen"}) {
    arguments.insert(arguments.end(), {"-e", field});
  }
  return RunProgram({.arguments = arguments});
}

Sums SumsOfTshark(const std::string& path) {
  constexpr uint64_t kIpv6HeaderOctets = 40;  // RFC 8200 §3
  Sums sums;
  std::istringstream lines(RunTshark(path).out);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> fields = SplitAtTabs(line);
    const std::optional<bool> is_v6 = IsOutermostV6(fields[0]);
    if (!is_v6) continue;
    const size_t first = *is_v6 ? 4 : 1;
    if (fields[first + 1].empty()) continue;
    Add(fields[first], fields[first + 1], 1,
        NumberOf(fields[first + 2]) + (*is_v6 ? kIpv6HeaderOctets : 0), &sums);
  }
  return sums;
}

// One line per pair that differs: "CAPTURE,PAIR,PACKETS,OCTETS", by how much
// octroi has more.
std::vector<std::string> DifferencesOf(const std::string& name,
                                       SmallWorld* world) {
  const std::string path = SharedCapturePath(name);
  const Sums octroi = SumsOfOctroi(path, world);
  const Sums tshark = SumsOfTshark(path);
  Sums all = octroi;
  all.insert(tshark.begin(), tshark.end());
  std::vector<std::string> differences;
  for (const auto& [pair, unused] : all) {
    const auto in_octroi = octroi.find(pair);
    const auto in_tshark = tshark.find(pair);
    const Sum ours = in_octroi == octroi.end() ? Sum() : in_octroi->second;
    const Sum theirs = in_tshark == tshark.end() ? Sum() : in_tshark->second;
    if (ours == theirs) continue;
    differences.push_back(
        fmt::format("{},{},{},{}", name, pair,
                    static_cast<int64_t>(ours.packets - theirs.packets),
                    static_cast<int64_t>(ours.octets - theirs.octets)));
  }
  return differences;
}

std::vector<std::string> ListedDifferences(
    const std::vector<std::string>& captures) {
  const std::set<std::string> names(captures.begin(), captures.end());
  std::vector<std::string> differences;
  for (const Row& row : ReadRows(kDifferencesFile)) {
    if (!names.contains(row[0])) continue;
    differences.push_back(
        fmt::format("{},{},{},{}", row[0], row[1], row[2], row[3]));
  }
  return differences;
}

class TsharkTest : public ::testing::TestWithParam<size_t> {};

TEST_P(TsharkTest, SeesTheSameOctetsBetweenTheSameAddresses) {
  if (SharedCaptures().empty()) {
    GTEST_SKIP() << "the shared captures are not beside this checkout";
  }
  if (!IsInstalled("tshark")) GTEST_SKIP() << "tshark is not installed";
  const std::vector<std::string> captures =
      ShardOf(SharedCaptures(), GetParam(), kShardCount);
  SmallWorld world;
  size_t compared_count = 0;
  std::vector<std::string> found;

  for (const std::string& name : captures) {
    if (!IsEthernet(SharedCapturePath(name))) continue;
    ++compared_count;
    const std::vector<std::string> differences = DifferencesOf(name, &world);
    found.insert(found.end(), differences.begin(), differences.end());
  }

  EXPECT_GT(compared_count, 0u);
  EXPECT_THAT(
      found, ::testing::UnorderedElementsAreArray(ListedDifferences(captures)));
  RecordProperty("captures", static_cast<int>(compared_count));
}

INSTANTIATE_TEST_SUITE_P(Shard, TsharkTest,
                         ::testing::Range(size_t{0}, kShardCount));

}  // namespace
}  // namespace octroi
