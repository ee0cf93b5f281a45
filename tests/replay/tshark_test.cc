// SPDX-License-Identifier: Apache-2.0
// Another pair of eyes: the packets and octets that octroi accounts between two
// addresses are those that tshark sees in the same capture. Where they differ,
// tshark_differences.csv says by how much and why, and is exact: a difference
// that is not listed fails, and so does a listed one that is gone.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <span>
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
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using testing::IsInstalled;
using testing::ProgramResult;
using testing::ReadRows;
using testing::Row;
using testing::RunProgram;
using testing::SharedCapturePath;
using testing::SharedCaptures;
using testing::SmallWorld;
using testing::TempDir;

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

constexpr LinkType kComparedLinkTypes[] = {
    LinkType::kNull,    LinkType::kEthernet, LinkType::kPpp,
    LinkType::kPppHdlc, LinkType::kPppEther, LinkType::kRawBsd,
    LinkType::kRaw,     LinkType::kChdlc,    LinkType::kIeee80211,
    LinkType::kLoop,    LinkType::kLinuxSll, LinkType::kIeee80211Radiotap,
    LinkType::kIpv4,    LinkType::kIpv6,     LinkType::kLinuxSll2,
};

// The packets of a capture that octroi reads to its end and whose frames are
// all of a kind that it decodes; 0 for any other capture.
size_t ComparedPacketCount(const std::string& path) {
  auto reader = CaptureReader::Open({.path = path});
  if (!reader.ok()) return 0;
  std::array<Packet, 32> packets;
  size_t packet_count = 0;
  while (const size_t count = (*reader)->Next(packets)) {
    for (size_t i = 0; i < count; ++i) {
      if (std::find(std::begin(kComparedLinkTypes),
                    std::end(kComparedLinkTypes),
                    packets[i].link_type) == std::end(kComparedLinkTypes)) {
        return 0;
      }
    }
    packet_count += count;
  }
  return (*reader)->status().ok() ? packet_count : 0;
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
  fields.resize(8);
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

// Every capture at once, one after the other: starting tshark takes longer than
// reading a capture, and mergecap reads files as tshark does.
void MergeCaptures(const std::vector<std::string>& paths,
                   const std::string& merged) {
  std::vector<std::string> arguments = {"mergecap", "-a",     "-I", "none",
                                        "-F",       "pcapng", "-w", merged};
  arguments.insert(arguments.end(), paths.begin(), paths.end());
  const ProgramResult result = RunProgram({.arguments = arguments});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
}

// A line per packet. Without name resolution, and without putting packets
// together again: what is compared is packets.
std::vector<std::string> RunTshark(const std::string& path) {
  std::vector<std::string> arguments = {"tshark", "-n", "-r", path};
  for (const char* preference : {"ip.defragment:FALSE", "ipv6.defragment:FALSE",
                                 "tcp.desegment_tcp_streams:FALSE"}) {
    arguments.insert(arguments.end(), {"-o", preference});
  }
  arguments.insert(arguments.end(), {"-T", "fields", "-E", "occurrence=f"});
  for (const char* field :
       {"frame.interface_id", "frame.protocols", "ip.src", "ip.dst", "ip.len",
        "ipv6.src", "ipv6.dst", "ipv6.plen"}) {
    arguments.insert(arguments.end(), {"-e", field});
  }
  const ProgramResult result = RunProgram({.arguments = arguments});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  std::vector<std::string> lines;
  std::istringstream stream(result.out);
  for (std::string line; std::getline(stream, line);) {
    // A custom block of pcapng counts as a packet of no interface.
    if (!line.starts_with('\t')) lines.push_back(line);
  }
  return lines;
}

Sums SumsOfTshark(std::span<const std::string> lines) {
  constexpr uint64_t kIpv6HeaderOctets = 40;  // RFC 8200 §3
  Sums sums;
  for (const std::string& line : lines) {
    const std::vector<std::string> fields = SplitAtTabs(line);
    const std::optional<bool> is_v6 = IsOutermostV6(fields[1]);
    if (!is_v6) continue;
    const size_t first = *is_v6 ? 5 : 2;
    if (fields[first + 1].empty()) continue;
    Add(fields[first], fields[first + 1], 1,
        NumberOf(fields[first + 2]) + (*is_v6 ? kIpv6HeaderOctets : 0), &sums);
  }
  return sums;
}

// One line per pair that differs: "CAPTURE,PAIR,PACKETS,OCTETS", by how much
// octroi has more.
std::vector<std::string> DifferencesOf(const std::string& name,
                                       const Sums& octroi, const Sums& tshark) {
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

std::vector<std::string> ListedDifferences() {
  std::vector<std::string> differences;
  for (const Row& row : ReadRows(kDifferencesFile)) {
    differences.push_back(
        fmt::format("{},{},{},{}", row[0], row[1], row[2], row[3]));
  }
  return differences;
}

// A capture, and how many packets both programs read from it.
struct Compared {
  std::string name;
  size_t packet_count = 0;
};

TEST(TsharkTest, SeesTheSameOctetsBetweenTheSameAddresses) {
  if (SharedCaptures().empty()) {
    GTEST_SKIP() << "the shared captures are not beside this checkout";
  }
  if (!IsInstalled("tshark") || !IsInstalled("mergecap")) {
    GTEST_SKIP() << "tshark is not installed";
  }
  std::vector<Compared> captures;
  std::vector<std::string> paths;
  size_t packet_count = 0;
  for (const std::string& name : SharedCaptures()) {
    const size_t count = ComparedPacketCount(SharedCapturePath(name));
    if (count == 0) continue;
    captures.push_back({name, count});
    paths.push_back(SharedCapturePath(name));
    packet_count += count;
  }

  const TempDir dir;
  ASSERT_NO_FATAL_FAILURE(MergeCaptures(paths, dir.Path("merged.pcapng")));
  const std::vector<std::string> lines = RunTshark(dir.Path("merged.pcapng"));
  ASSERT_EQ(lines.size(), packet_count);
  SmallWorld world;
  std::vector<std::string> found;
  size_t first = 0;
  for (const Compared& capture : captures) {
    const std::vector<std::string> differences = DifferencesOf(
        capture.name, SumsOfOctroi(SharedCapturePath(capture.name), &world),
        SumsOfTshark(std::span(lines).subspan(first, capture.packet_count)));
    found.insert(found.end(), differences.begin(), differences.end());
    first += capture.packet_count;
  }

  EXPECT_THAT(found, ::testing::UnorderedElementsAreArray(ListedDifferences()));
  std::cout << fmt::format("{} captures, {} packets compared\n",
                           captures.size(), packet_count);
}

}  // namespace
}  // namespace octroi
