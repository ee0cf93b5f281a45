// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture_source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "tests/support/capture_builder.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using testing::ByteOrder;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::Gzip;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::PcapBuilder;
using testing::PcapngBuilder;
using testing::TempDir;

constexpr int64_t kNsPerSecond = 1'000'000'000;

struct SourceResult {
  std::vector<std::string> packets;  // Their bytes, in order.
  std::vector<int64_t> timestamps_ns;
  std::vector<int64_t> clocks_ns;
};

// Receives all bursts. The bytes are looked at when the burst is full, as a
// worker does: none of them may have been overwritten by then.
SourceResult ReceiveAll(CaptureSource* source) {
  SourceResult result;
  PacketBurst burst;
  while (source->ReceiveBurst(&burst) > 0) {
    EXPECT_FALSE(source->is_finished());
    for (const Packet& packet : burst.view()) {
      result.packets.emplace_back(reinterpret_cast<const char*>(packet.data),
                                  packet.captured_octets);
      result.timestamps_ns.push_back(packet.timestamp_ns);
      result.clocks_ns.push_back(packet.clock_ns);
    }
    source->ReleaseBurst(&burst);
  }
  EXPECT_TRUE(source->is_finished());
  EXPECT_TRUE(std::is_sorted(result.clocks_ns.begin(), result.clocks_ns.end()));
  return result;
}

std::unique_ptr<CaptureSource> MakeSource(std::vector<std::string> paths) {
  auto source = CaptureSource::Create(
      {.paths = std::move(paths), .make_observer = nullptr});
  EXPECT_TRUE(source.ok()) << source.status();
  return *std::move(source);
}

// A capture with one packet per second given, named "name@second".
std::string Capture(const std::string& name,
                    const std::vector<uint32_t>& seconds) {
  PcapBuilder file;
  for (const uint32_t second : seconds) {
    file.Packet(second, 0, fmt::format("{}@{}", name, second));
  }
  return file.bytes();
}

TEST(CaptureSourceTest, MergesCapturesInTimeOrder) {
  const TempDir dir;
  const auto source =
      MakeSource({dir.Write("c", Capture("c", {7, 8})),
                  dir.Write("a", Capture("a", {1, 4, 5, 9})),
                  dir.Write("b", Gzip(Capture("b", {2, 3, 6})))});

  const SourceResult result = ReceiveAll(source.get());

  EXPECT_THAT(result.packets, ElementsAre("a@1", "b@2", "b@3", "a@4", "a@5",
                                          "b@6", "c@7", "c@8", "a@9"));
  EXPECT_THAT(source->statuses(), Each(absl::OkStatus()));
  EXPECT_EQ(source->summaries()[0].packets, 2u);
  EXPECT_EQ(source->summaries()[1].packets, 4u);
  EXPECT_EQ(source->summaries()[2].packets, 3u);
  EXPECT_EQ(source->summaries()[2].first_ns, 2 * kNsPerSecond);
  EXPECT_EQ(source->summaries()[2].last_ns, 6 * kNsPerSecond);
}

TEST(CaptureSourceTest, PutsEqualTimesInCommandLineOrder) {
  const TempDir dir;
  const auto source = MakeSource({dir.Write("z", Capture("z", {1, 2, 2, 3})),
                                  dir.Write("a", Capture("a", {1, 2, 3}))});

  const SourceResult result = ReceiveAll(source.get());

  EXPECT_THAT(result.packets,
              ElementsAre("z@1", "a@1", "z@2", "z@2", "a@2", "z@3", "a@3"));
}

// A capture's own order is evidence of what its clock did; only the clock of
// the merged stream never goes backwards.
TEST(CaptureSourceTest, KeepsTheOrderInsideACaptureWhenTimeGoesBackwards) {
  const TempDir dir;
  const auto source = MakeSource({dir.Write("a", Capture("a", {5, 1, 6})),
                                  dir.Write("b", Capture("b", {4, 7, 2}))});

  const SourceResult result = ReceiveAll(source.get());

  EXPECT_THAT(result.packets,
              ElementsAre("b@4", "a@5", "a@1", "a@6", "b@7", "b@2"));
  EXPECT_THAT(
      result.timestamps_ns,
      ElementsAre(4 * kNsPerSecond, 5 * kNsPerSecond, kNsPerSecond,
                  6 * kNsPerSecond, 7 * kNsPerSecond, 2 * kNsPerSecond));
  EXPECT_THAT(
      result.clocks_ns,
      ElementsAre(4 * kNsPerSecond, 5 * kNsPerSecond, 5 * kNsPerSecond,
                  6 * kNsPerSecond, 7 * kNsPerSecond, 7 * kNsPerSecond));
}

// Against a stable sort of all packets, with times that repeat, files that
// overlap and more packets than a burst and a read block hold.
TEST(CaptureSourceTest, MergesLikeAStableSort) {
  constexpr uint32_t kSeed = 20'260'301;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  const TempDir dir;
  std::vector<std::string> paths;
  struct Expected {
    uint32_t second;
    std::string bytes;
  };
  std::vector<Expected> expected;
  for (int file = 0; file < 12; ++file) {
    PcapBuilder capture;
    uint32_t second = 1 + random() % 300;
    const uint32_t packet_count = random() % 500;
    for (uint32_t i = 0; i < packet_count; ++i) {
      second += random() % 2;
      std::string bytes = fmt::format("{}/{}/", file, i);
      bytes.resize(bytes.size() + random() % 3000, 'x');
      capture.Packet(second, 0, bytes);
      expected.push_back({second, std::move(bytes)});
    }
    paths.push_back(dir.Write(fmt::format("{}", file), capture.bytes()));
  }
  std::stable_sort(
      expected.begin(), expected.end(),
      [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto source = MakeSource(paths);

  const SourceResult result = ReceiveAll(source.get());

  ASSERT_EQ(result.packets.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(result.packets[i] == expected[i].bytes) << i;
  }
}

TEST(CaptureSourceTest, FillsBurstsFromOneCapture) {
  const TempDir dir;
  std::vector<uint32_t> seconds(3 * kMaxBurst + 4);
  std::iota(seconds.begin(), seconds.end(), 1);
  const auto source = MakeSource({dir.Write("a", Capture("a", seconds))});
  PacketBurst burst;
  std::vector<size_t> sizes;

  while (source->ReceiveBurst(&burst) > 0) {
    sizes.push_back(burst.size);
    source->ReleaseBurst(&burst);
  }

  EXPECT_THAT(sizes, ElementsAre(kMaxBurst, kMaxBurst, kMaxBurst, 4u));
}

// Several workers look at packets long after the source has gone on.
TEST(CaptureSourceTest, KeepsTheBytesThatAreHeld) {
  constexpr uint32_t kCount = 4000;
  const auto bytes_of = [](size_t capture, uint32_t number) {
    return fmt::format("{}/{}", capture, number) + std::string(700, 'x');
  };
  // Two that are merged, then one that is left alone, then a last one.
  const TempDir dir;
  std::vector<std::string> paths;
  constexpr uint32_t kStarts[] = {0, 1000, 10'000};
  for (size_t i = 0; i < 3; ++i) {
    PcapBuilder capture;
    for (uint32_t n = 0; n < kCount; ++n) {
      capture.Packet(kStarts[i] + n, 0, bytes_of(i, n));
    }
    paths.push_back(dir.Write(fmt::format("{}.pcap", i), capture.bytes()));
  }
  const auto source = MakeSource(paths);
  HeldBytes held;
  std::vector<Packet> packets;

  PacketBurst burst;
  while (source->ReceiveBurst(&burst) > 0) {
    source->HoldBytes(&held);
    packets.insert(packets.end(), burst.packets.begin(),
                   burst.packets.begin() + burst.size);
    source->ReleaseBurst(&burst);
  }

  ASSERT_EQ(packets.size(), 3 * kCount);
  EXPECT_GT(held.size_bytes(), 3 * kCount * 700u);
  uint32_t next[3] = {};
  for (const Packet& packet : packets) {
    const std::string bytes(reinterpret_cast<const char*>(packet.data),
                            packet.captured_octets);
    const size_t capture = static_cast<size_t>(bytes[0] - '0');
    ASSERT_LT(capture, 3u);
    EXPECT_EQ(bytes, bytes_of(capture, next[capture]++));
  }
}

// The clock of a capture that has ended goes on in the one that is left.
TEST(CaptureSourceTest, KeepsTheClockOfACaptureThatHasEnded) {
  const TempDir dir;
  PcapBuilder later;
  PcapBuilder earlier;
  later.Packet(10, 0, "a").Packet(500, 0, "b");
  earlier.Packet(20, 0, "c");
  for (uint32_t n = 0; n < 200; ++n) earlier.Packet(15, 0, "d");
  earlier.Packet(600, 0, "e");
  earlier.Packet(550, 0, "f");
  for (uint32_t n = 0; n < 200; ++n) earlier.Packet(450, 0, "g");

  const SourceResult result =
      ReceiveAll(MakeSource({dir.Write("later", later.bytes()),
                             dir.Write("earlier", earlier.bytes())})
                     .get());

  ASSERT_EQ(result.packets.size(), 405u);
  EXPECT_EQ(result.clocks_ns.back(), 600 * kNsPerSecond);
  EXPECT_EQ(result.timestamps_ns.back(), 450 * kNsPerSecond);
}

TEST(CaptureSourceTest, ReadsTheOtherCapturesWhenSomeCannotBeOpened) {
  const TempDir dir;
  const auto source =
      MakeSource({dir.Path("missing"), dir.Write("a", Capture("a", {1})),
                  dir.Write("text", "hello"), dir.Write("b", Capture("b", {2})),
                  dir.Path("")});

  // Known before the first packet is read.
  EXPECT_EQ(source->statuses()[0].code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(source->statuses()[2].message()),
              HasSubstr("text: begins with 68 65 6c 6c 6f; "));
  EXPECT_THAT(std::string(source->statuses()[4].message()),
              HasSubstr("is a directory"));
  const SourceResult result = ReceiveAll(source.get());

  EXPECT_THAT(result.packets, ElementsAre("a@1", "b@2"));
  EXPECT_TRUE(source->statuses()[1].ok());
  EXPECT_TRUE(source->statuses()[3].ok());
  EXPECT_EQ(source->summaries()[0].path, dir.Path("missing"));
  EXPECT_FALSE(source->summaries()[0].is_fully_read);
}

TEST(CaptureSourceTest, KeepsThePacketsBeforeACaptureBreaks) {
  const TempDir dir;
  const std::string broken = PcapBuilder()
                                 .Packet(1, 0, "a@1")
                                 .Packet(3, 0, "a@3")
                                 .RecordHeader(5, 0, UINT32_MAX, 1)
                                 .bytes();
  const auto source = MakeSource(
      {dir.Write("broken", broken), dir.Write("b", Capture("b", {2, 4, 6}))});

  const SourceResult result = ReceiveAll(source.get());

  EXPECT_THAT(result.packets, ElementsAre("a@1", "b@2", "a@3", "b@4", "b@6"));
  EXPECT_THAT(std::string(source->statuses()[0].message()),
              HasSubstr("broken: byte 62: a packet of 4294967295 captured"));
  EXPECT_EQ(source->summaries()[0].packets, 2u);
  EXPECT_TRUE(source->statuses()[1].ok());
}

TEST(CaptureSourceTest, ReadsCapturesWithoutPackets) {
  const TempDir dir;
  const std::string cut_off = Capture("x", {1}).substr(0, 30);
  const auto source = MakeSource({dir.Write("none", PcapBuilder().bytes()),
                                  dir.Write("cut", cut_off),
                                  dir.Write("a", Capture("a", {1}))});

  const SourceResult result = ReceiveAll(source.get());

  EXPECT_THAT(result.packets, ElementsAre("a@1"));
  EXPECT_THAT(source->statuses(), Each(absl::OkStatus()));
  EXPECT_TRUE(source->summaries()[0].is_fully_read);
  EXPECT_FALSE(source->summaries()[0].truncated);
  EXPECT_TRUE(source->summaries()[1].truncated);
}

TEST(CaptureSourceTest, IsFinishedAtOnceWhenNoCaptureCanBeRead) {
  const TempDir dir;
  const auto source = MakeSource({dir.Path("missing")});
  PacketBurst burst;

  EXPECT_TRUE(source->is_finished());
  EXPECT_EQ(source->ReceiveBurst(&burst), 0u);
}

TEST(CaptureSourceTest, RefusesAnEmptyCommandLine) {
  EXPECT_EQ(CaptureSource::Create({}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// A digest needs every byte of every capture once: of those that end, break or
// are cut off, and of the blocks behind.
TEST(CaptureSourceTest, ShowsEveryRawByteOnceToTheObservers) {
  const TempDir dir;
  const std::string tail(700'000, 't');
  const std::string broken = PcapBuilder()
                                 .Packet(1, 0, "x")
                                 .RecordHeader(5, 0, UINT32_MAX, 1)
                                 .Raw(tail)
                                 .bytes();
  const std::vector<std::string> contents = {
      Capture("a", {3, 4}), Gzip(Capture("b", {1, 2})), broken,
      Capture("c", {1}).substr(0, 41), PcapBuilder().bytes()};
  std::vector<std::string> paths;
  uint64_t bytes_total = 0;
  for (size_t i = 0; i < contents.size(); ++i) {
    paths.push_back(dir.Write(fmt::format("{}", i), contents[i]));
    bytes_total += contents[i].size();
  }
  std::vector<std::string> seen(contents.size());
  const auto make_observer = [&seen](size_t index) {
    return [&seen, index](std::span<const uint8_t> raw) {
      seen[index].append(reinterpret_cast<const char*>(raw.data()), raw.size());
    };
  };
  auto source =
      CaptureSource::Create({.paths = paths, .make_observer = make_observer});
  ASSERT_TRUE(source.ok());
  EXPECT_EQ((*source)->progress().bytes_read, 0u);
  EXPECT_EQ((*source)->progress().bytes_total, bytes_total);

  ReceiveAll(source->get());

  for (size_t i = 0; i < contents.size(); ++i) {
    EXPECT_TRUE(seen[i] == contents[i]) << i;
    EXPECT_TRUE((*source)->summaries()[i].is_fully_read) << i;
    EXPECT_EQ((*source)->summaries()[i].bytes_read, contents[i].size());
  }
  EXPECT_EQ((*source)->progress().bytes_read, bytes_total);
}

// The descriptors that this process has open.
size_t OpenDescriptorCount() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

TEST(CaptureSourceTest, OpensConsecutiveCapturesOneAfterTheOther) {
  const TempDir dir;
  std::vector<std::string> paths;
  for (uint32_t i = 0; i < 300; ++i) {
    paths.push_back(
        dir.Write(fmt::format("{:03}", i), Capture("x", {10 * i, 10 * i + 5})));
  }
  std::shuffle(paths.begin(), paths.end(), std::mt19937(1));
  const size_t before_count = OpenDescriptorCount();
  const auto source = MakeSource(paths);
  EXPECT_EQ(OpenDescriptorCount(), before_count);

  PacketBurst burst;
  size_t packet_count = 0;
  size_t most_open_count = 0;
  while (const size_t count = source->ReceiveBurst(&burst)) {
    packet_count += count;
    most_open_count = std::max(most_open_count, OpenDescriptorCount());
    source->ReleaseBurst(&burst);
  }

  EXPECT_EQ(packet_count, 600u);
  EXPECT_LE(most_open_count, before_count + 2);
  EXPECT_EQ(OpenDescriptorCount(), before_count);
}

// A pipe can be read once: what was read to see its first packet counts.
TEST(CaptureSourceTest, MergesAPipeWithFiles) {
  const TempDir dir;
  const std::string pipe = dir.Path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string content = Capture("p", {2, 4});
  std::thread writer([&pipe, &content] {
    const int descriptor = ::open(pipe.c_str(), O_WRONLY);
    EXPECT_EQ(::write(descriptor, content.data(), content.size()),
              static_cast<ssize_t>(content.size()));
    ::close(descriptor);
  });
  std::string seen;
  auto source = CaptureSource::Create(
      {.paths = {pipe, dir.Write("a", Capture("a", {1, 3, 5}))},
       .make_observer = [&seen](size_t index) -> ByteStream::Observer {
         if (index != 0) return nullptr;
         return [&seen](std::span<const uint8_t> raw) {
           seen.append(reinterpret_cast<const char*>(raw.data()), raw.size());
         };
       }});
  writer.join();
  ASSERT_TRUE(source.ok());

  const SourceResult result = ReceiveAll(source->get());

  EXPECT_THAT(result.packets, ElementsAre("a@1", "p@2", "a@3", "p@4", "a@5"));
  EXPECT_EQ(seen, content);
  EXPECT_EQ((*source)->progress().bytes_total, std::nullopt);
  EXPECT_TRUE((*source)->summaries()[0].is_fully_read);
}

// Gives `content` to this process as its standard input, and puts the former
// one back.
class StandardInput {
 public:
  explicit StandardInput(const std::string& path) : saved_(::dup(0)) {
    const int descriptor = ::open(path.c_str(), O_RDONLY);
    ::dup2(descriptor, 0);
    ::close(descriptor);
  }
  ~StandardInput() {
    ::dup2(saved_, 0);
    ::close(saved_);
  }
  StandardInput(const StandardInput&) = delete;
  StandardInput& operator=(const StandardInput&) = delete;

 private:
  const int saved_;
};

TEST(CaptureSourceTest, ReadsStandardInputOnce) {
  const TempDir dir;
  const StandardInput input(dir.Write("input", Capture("i", {2})));
  const auto source =
      MakeSource({"-", dir.Write("a", Capture("a", {1, 3})), "-"});

  const SourceResult result = ReceiveAll(source.get());

  EXPECT_THAT(result.packets, ElementsAre("a@1", "i@2", "a@3"));
  EXPECT_EQ(source->summaries()[0].path, "-");
  EXPECT_EQ(source->statuses()[2].message(),
            "standard input: given twice; it can be read once");
}

TEST(CaptureSourceTest, ReportsACaptureThatIsGoneWhenItIsDue) {
  const TempDir dir;
  const std::string gone = dir.Write("gone", Capture("g", {2}));
  const auto source = MakeSource({gone, dir.Write("a", Capture("a", {1, 3}))});
  std::filesystem::remove(gone);

  const SourceResult result = ReceiveAll(source.get());

  EXPECT_THAT(result.packets, ElementsAre("a@1", "a@3"));
  EXPECT_EQ(source->statuses()[0].code(), absl::StatusCode::kNotFound);
}

// Packets without a time take the clock of their own capture, and never turn
// the merged one back.
TEST(CaptureSourceTest, MergesPacketsWithoutATime) {
  const TempDir dir;
  PcapngBuilder simple;
  simple.Interface(1)
      .Simple(2, "s0")
      .Enhanced(0, 3'000'000, "s3")
      .Simple(2, "s+");
  const auto source = MakeSource(
      {dir.Write("a", Capture("a", {1, 4})), dir.Write("s", simple.bytes())});

  const SourceResult result = ReceiveAll(source.get());

  EXPECT_THAT(result.packets, ElementsAre("s0", "a@1", "s3", "s+", "a@4"));
  EXPECT_THAT(result.clocks_ns,
              ElementsAre(0, kNsPerSecond, 3 * kNsPerSecond, 3 * kNsPerSecond,
                          4 * kNsPerSecond));
}

}  // namespace
}  // namespace octroi
