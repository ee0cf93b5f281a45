// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "tests/support/capture_builder.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using testing::ByteOrder;
using testing::ByteWriter;
using ::testing::ElementsAre;
using testing::Gzip;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::PcapBuilder;
using testing::PcapngBuilder;
using testing::PcapOptions;
using testing::TempDir;
using testing::Zstd;

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr uint32_t kSeconds = 1'700'000'000;  // 2023-11-14
constexpr int64_t kTimeNs = kSeconds * kNsPerSecond;

// A packet with its bytes copied out of the reader.
struct ReadPacket {
  int64_t timestamp_ns = 0;
  std::string bytes;
  uint32_t wire_octets = 0;
  uint16_t link_type = 0;
  int64_t clock_ns = 0;

  bool operator==(const ReadPacket&) const = default;
};

void PrintTo(const ReadPacket& packet, std::ostream* out) {
  *out << fmt::format("{{{} ns, \"{}\", {} on the wire, link {}, clock {}}}",
                      packet.timestamp_ns, packet.bytes, packet.wire_octets,
                      packet.link_type, packet.clock_ns);
}

// The usual packet: whole, of Ethernet, later than those before it.
ReadPacket Whole(int64_t timestamp_ns, const std::string& bytes,
                 uint16_t link_type = 1) {
  return {timestamp_ns, bytes, static_cast<uint32_t>(bytes.size()), link_type,
          timestamp_ns};
}

struct ReadResult {
  absl::Status status;  // Of opening or of reading.
  std::vector<ReadPacket> packets;
  CaptureSummary summary;

  std::string message() const { return std::string(status.message()); }
};

ReadResult ReadPath(const std::string& path, size_t batch_size = kMaxBurst) {
  ReadResult result;
  auto reader = CaptureReader::Open({.path = path, .observer = nullptr});
  result.status = reader.status();
  if (!reader.ok()) return result;

  std::vector<Packet> batch(batch_size);
  while (const size_t count = (*reader)->Next(batch)) {
    for (const Packet& packet : std::span(batch).first(count)) {
      result.packets.push_back(
          {packet.timestamp_ns,
           {reinterpret_cast<const char*>(packet.data), packet.captured_octets},
           packet.wire_octets,
           static_cast<uint16_t>(packet.link_type),
           packet.clock_ns});
    }
  }
  EXPECT_TRUE((*reader)->is_finished());
  EXPECT_EQ((*reader)->Next(batch), 0u);
  result.status = (*reader)->status();
  result.summary = (*reader)->summary();
  EXPECT_EQ(result.summary.packets, result.packets.size());
  EXPECT_TRUE(result.summary.is_fully_read);
  EXPECT_EQ(result.summary.bytes_read, std::filesystem::file_size(path));
  return result;
}

ReadResult Read(const std::string& content, size_t batch_size = kMaxBurst) {
  const TempDir dir;
  return ReadPath(dir.Write("capture", content), batch_size);
}

// The place in a message, without the directory of this run.
std::string PlaceAndAfter(const std::string& message) {
  const size_t at = message.find("capture: ");
  return at == std::string::npos ? message : message.substr(at);
}

// ---------------------------------------------------------------------------
// pcap

struct PcapCase {
  const char* description;
  PcapOptions options;
  int64_t ns_per_tick;
};

std::vector<PcapCase> PcapCases() {
  const std::string kuznetzov(8, 'k');
  const std::string suse(12, 's');
  const std::string ixia(4, 'i');
  return {
      {"microseconds", {}, 1000},
      {"nanoseconds", {.magic = 0xA1B23C4D}, 1},
      {"Navtel", {.magic = 0xA12B3C4D}, 1},
      {"Kuznetzov",
       {.magic = 0xA1B2CD34, .extra_record_header = kuznetzov},
       1000},
      {"Kuznetzov as in SuSE 6.3",
       {.magic = 0xA1B2CD34, .extra_record_header = suse},
       1000},
      {"Ixia hardware", {.magic = 0x1C0001AC, .extra_header = ixia}, 1},
      {"Ixia software", {.magic = 0x1C0001AB, .extra_header = ixia}, 1000},
      {"2.3", {.version_minor = 3}, 1000},
      {"2.3 with the old order of lengths",
       {.version_minor = 3, .has_original_length_first = true},
       1000},
      {"2.2", {.version_minor = 2, .has_original_length_first = true}, 1000},
      {"2.0", {.version_minor = 0, .has_original_length_first = true}, 1000},
      {"DG/UX",
       {.version_major = 543,
        .version_minor = 0,
        .has_original_length_first = true},
       1000},
      {"frame check sequence of 4 octets", {.link_field = 0x24000001}, 1000},
  };
}

TEST(CaptureReaderTest, ReadsEveryPcapVariantInBothByteOrders) {
  for (PcapCase c : PcapCases()) {
    for (const ByteOrder order : {ByteOrder::kLittle, ByteOrder::kBig}) {
      for (const size_t batch_size : {1, 32}) {
        SCOPED_TRACE(c.description);
        c.options.order = order;
        PcapBuilder file(c.options);
        file.Packet(kSeconds, 7, "first packet")
            .Packet(kSeconds + 1, 999'999, "cut to a few", 1500)
            .Packet(kSeconds + 2, 123'456, "third");

        const ReadResult result = Read(file.bytes(), batch_size);

        EXPECT_TRUE(result.status.ok()) << result.status;
        ReadPacket second = Whole(
            kTimeNs + kNsPerSecond + 999'999 * c.ns_per_tick, "cut to a few");
        second.wire_octets = 1500;
        EXPECT_THAT(
            result.packets,
            ElementsAre(
                Whole(kTimeNs + 7 * c.ns_per_tick, "first packet"), second,
                Whole(kTimeNs + 2 * kNsPerSecond + 123'456 * c.ns_per_tick,
                      "third")));
        EXPECT_EQ(result.summary.first_ns, kTimeNs + 7 * c.ns_per_tick);
        EXPECT_EQ(result.summary.last_ns,
                  kTimeNs + 2 * kNsPerSecond + 123'456 * c.ns_per_tick);
        EXPECT_FALSE(result.summary.truncated);
        EXPECT_EQ(result.summary.reported_drops, std::nullopt);
      }
    }
  }
}

// Programs disagree about the unit of Ixia's software captures; the first
// record shows which it is.
TEST(CaptureReaderTest, TellsNanosecondsInAnIxiaSoftwareCapture) {
  const PcapBuilder file =
      PcapBuilder({.magic = 0x1C0001AB, .extra_header = "size"})
          .Packet(kSeconds, 123'456'789, "packet");

  const ReadResult result = Read(file.bytes());

  EXPECT_THAT(result.packets,
              ElementsAre(Whole(kTimeNs + 123'456'789, "packet")));
}

TEST(CaptureReaderTest, KeepsTheNumberOfAnyLinkType) {
  for (const uint32_t link_type : {0, 12, 14, 101, 113, 276, 65535}) {
    const PcapBuilder file =
        PcapBuilder({.link_field = link_type}).Packet(kSeconds, 0, "x");

    const ReadResult result = Read(file.bytes());

    ASSERT_EQ(result.packets.size(), 1u);
    EXPECT_EQ(result.packets[0].link_type, link_type);
  }
}

TEST(CaptureReaderTest, TakesNoPacketForShorterOnTheWireThanCaptured) {
  const PcapBuilder file = PcapBuilder().Packet(kSeconds, 0, "four", 3);

  const ReadResult result = Read(file.bytes());

  ASSERT_EQ(result.packets.size(), 1u);
  EXPECT_EQ(result.packets[0].bytes, "four");
  EXPECT_EQ(result.packets[0].wire_octets, 4u);
}

TEST(CaptureReaderTest, KeepsTheClockWhenTimesGoBackwards) {
  const PcapBuilder file = PcapBuilder()
                               .Packet(kSeconds + 5, 0, "late")
                               .Packet(kSeconds, 0, "early")
                               .Packet(kSeconds + 6, 0, "later");

  const ReadResult result = Read(file.bytes());

  ASSERT_EQ(result.packets.size(), 3u);
  EXPECT_EQ(result.packets[1].timestamp_ns, kTimeNs);
  EXPECT_EQ(result.packets[1].clock_ns, kTimeNs + 5 * kNsPerSecond);
  EXPECT_EQ(result.packets[2].clock_ns, kTimeNs + 6 * kNsPerSecond);
  EXPECT_EQ(result.summary.first_ns, kTimeNs);
  EXPECT_EQ(result.summary.last_ns, kTimeNs + 6 * kNsPerSecond);
}

TEST(CaptureReaderTest, ReadsAHeaderWithoutPackets) {
  const ReadResult result = Read(PcapBuilder().bytes());

  EXPECT_TRUE(result.status.ok());
  EXPECT_THAT(result.packets, IsEmpty());
  EXPECT_EQ(result.summary.first_ns, std::nullopt);
  EXPECT_FALSE(result.summary.truncated);
}

// Records that straddle the blocks that a file is read in, of every size up to
// the limit.
TEST(CaptureReaderTest, ReadsRecordsOfAnySizeAcrossBlocks) {
  PcapBuilder pcap;
  PcapngBuilder pcapng;
  pcapng.Interface(1);
  std::vector<std::string> expected;
  for (uint32_t i = 0; i < 60; ++i) {
    const size_t octets = i % 20 == 19 ? kMaxCapturedOctets : i * 1'357;
    expected.emplace_back(octets, static_cast<char>('a' + i % 26));
    pcap.Packet(kSeconds + i, 0, expected.back());
    pcapng.Enhanced(0, (kSeconds + i) * uint64_t{1'000'000}, expected.back());
  }
  for (const std::string& content : {pcap.bytes(), pcapng.bytes()}) {
    for (const std::string& stored : {content, Gzip(content), Zstd(content)}) {
      const ReadResult result = Read(stored);

      EXPECT_TRUE(result.status.ok()) << result.status;
      ASSERT_EQ(result.packets.size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_TRUE(result.packets[i].bytes == expected[i]) << i;
        EXPECT_EQ(result.packets[i].timestamp_ns,
                  kTimeNs + static_cast<int64_t>(i) * kNsPerSecond);
      }
    }
  }
}

// ---------------------------------------------------------------------------
// Where captures end

// Cut anywhere, a capture has the packets that are whole, and a note unless it
// was cut between two records.
TEST(CaptureReaderTest, EndsWithANoteWhenTheLastPacketIsCutOff) {
  const std::string pcap = PcapBuilder()
                               .Packet(kSeconds, 0, "one")
                               .Packet(kSeconds, 1, "two")
                               .bytes();
  const PcapngBuilder head = PcapngBuilder().Interface(1);
  const std::string one = PcapngBuilder(head).Enhanced(0, 1, "one").bytes();
  const std::string pcapng =
      PcapngBuilder(head).Enhanced(0, 1, "one").Enhanced(0, 2, "two").bytes();
  const struct {
    std::string content;
    size_t first_end;  // Where the first packet ends.
  } kCases[] = {{pcap, 24 + 16 + 3}, {pcapng, one.size()}};
  for (const auto& c : kCases) {
    for (size_t bytes = c.first_end; bytes <= c.content.size(); ++bytes) {
      SCOPED_TRACE(bytes);
      const bool is_cut = bytes != c.first_end && bytes != c.content.size();

      const ReadResult result = Read(c.content.substr(0, bytes));

      EXPECT_TRUE(result.status.ok()) << result.status;
      EXPECT_EQ(result.packets.size(), bytes == c.content.size() ? 2u : 1u);
      EXPECT_EQ(result.summary.truncated, is_cut);
      EXPECT_THAT(result.summary.note,
                  is_cut ? HasSubstr(fmt::format(
                               "capture: byte {}: the capture ends inside its "
                               "last record: {} of at least ",
                               c.first_end, bytes - c.first_end))
                         : HasSubstr(""));
      EXPECT_EQ(result.summary.note.empty(), !is_cut);
    }
  }
}

// A compressed stream that is cut off lost more than its writer's last words:
// an error, unlike a plain file that was cut off.
TEST(CaptureReaderTest, FailsWhenTheCompressedStreamIsCutOff) {
  PcapBuilder file;
  for (uint32_t i = 0; i < 1000; ++i) {
    file.Packet(kSeconds + i * 7919, i * 65'537 % 1'000'000,
                fmt::format("packet {} of many {}", i, i * 7919));
  }
  for (const std::string& stored : {Gzip(file.bytes()), Zstd(file.bytes())}) {
    const size_t bytes = stored.size() - 3;

    const ReadResult result = Read(stored.substr(0, bytes));

    EXPECT_THAT(
        result.message(),
        HasSubstr(fmt::format("capture: byte {} of the file: the ", bytes)));
    EXPECT_THAT(result.message(), HasSubstr(" stream is cut off"));
    EXPECT_FALSE(result.summary.truncated);
    EXPECT_LE(result.packets.size(), 1000u);
  }
  // gzip holds nothing back: its checksum is what is missing.
  const std::string gzip = Gzip(file.bytes());
  EXPECT_EQ(Read(gzip.substr(0, gzip.size() - 3)).packets.size(), 1000u);
}

TEST(CaptureReaderTest, NotesARecordThatIsCutOffInsideAWholeStream) {
  const std::string file = PcapBuilder()
                               .Packet(kSeconds, 0, "one")
                               .Packet(kSeconds, 0, "two")
                               .bytes();

  const ReadResult result = Read(Gzip(file.substr(0, file.size() - 1)));

  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.packets.size(), 1u);
  EXPECT_TRUE(result.summary.truncated);
  EXPECT_THAT(result.summary.note,
              HasSubstr("capture: byte 43 after decompression: "));
}

TEST(CaptureReaderTest, ReadsConcatenatedMembersAsOneCapture) {
  const std::string file = PcapBuilder()
                               .Packet(kSeconds, 0, "one")
                               .Packet(kSeconds, 0, "two")
                               .bytes();
  const std::string head = file.substr(0, 30);  // Inside the first record.
  const std::string tail = file.substr(30);

  EXPECT_EQ(Read(Gzip(head) + Gzip(tail)).packets.size(), 2u);
  EXPECT_EQ(Read(Zstd(head) + Zstd(tail)).packets.size(), 2u);
}

// ---------------------------------------------------------------------------
// What is no capture

TEST(CaptureReaderTest, SaysWhatWasFoundAndWhatIsAccepted) {
  const std::string accepted =
      "; a pcap or pcapng capture is accepted, plain or compressed with gzip "
      "or zstd";
  const std::string pcap = PcapBuilder().bytes();
  const std::string pcapng = PcapngBuilder().bytes();
  const struct {
    const char* description;
    std::string content;
    std::string message;
  } kCases[] = {
      {"empty", "", "capture: is empty" + accepted},
      {"gzip of nothing", Gzip(""),
       "capture: gzip content is empty" + accepted},
      {"short", "ab", "capture: begins with 61 62" + accepted},
      {"text", "hello, world",
       "capture: begins with 68 65 6c 6c 6f 2c 20 77" + accepted},
      {"text in zstd", Zstd("hello"),
       "capture: zstd content begins with 68 65 6c 6c 6f" + accepted},
      {"xz",
       std::string("\xfd"
                   "7zXZ\0\0\4",
                   8),
       "capture: begins with fd 37 7a 58 5a 00 00 04, which is xz" + accepted},
      {"a magic number that nothing is known of",
       PcapBuilder({.magic = 0xA1B234CD}).bytes(),
       "capture: begins with cd 34 b2 a1 02 00 04 00" + accepted},
      {"half a pcap header", pcap.substr(0, 23),
       "capture: ends after 23 bytes, inside its pcap file header of 24 bytes; "
       "a whole header is accepted"},
      {"half a pcapng header", pcapng.substr(0, 27),
       "capture: ends after 27 bytes, inside its pcapng section header; a "
       "whole header is accepted"},
      {"pcap 1.9",
       PcapBuilder({.version_major = 1, .version_minor = 9}).bytes(),
       "capture: byte 4: pcap version 1.9; 2.0 to 2.4 and 543.0 are accepted"},
      {"pcap 2.5", PcapBuilder({.version_minor = 5}).bytes(),
       "capture: byte 4: pcap version 2.5; 2.0 to 2.4 and 543.0 are accepted"},
      {"reserved bits of the link type",
       PcapBuilder({.link_field = 0x00300001}).bytes(),
       "capture: byte 20: link type field 0x00300001 with reserved bits set; a "
       "field whose bits 16 to 25 and 27 are zero is accepted"},
      {"pcapng 2.0", std::string(pcapng).replace(12, 2, std::string("\2\0", 2)),
       "capture: byte 0: pcapng version 2.0; 1.0 and 1.2 are accepted"},
      {"pcapng of no byte order", std::string(pcapng).replace(8, 1, "x"),
       "capture: byte 0: a section header with byte-order magic 78 3c 2b 1a; "
       "1a 2b 3c 4d is accepted, in either order"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.description);

    const ReadResult result = Read(c.content);

    EXPECT_EQ(PlaceAndAfter(result.message()), c.message);
  }
}

TEST(CaptureReaderTest, RefusesADirectoryAndAMissingFile) {
  const TempDir dir;

  EXPECT_THAT(ReadPath(dir.Path("")).message(),
              HasSubstr(": is a directory; a pcap or pcapng capture is"));
  EXPECT_THAT(ReadPath(dir.Path("missing")).message(),
              HasSubstr("missing: cannot be opened: No such file"));
}

// ---------------------------------------------------------------------------
// pcapng

TEST(CaptureReaderTest, ReadsEveryPacketBlockInBothByteOrders) {
  for (const ByteOrder order : {ByteOrder::kLittle, ByteOrder::kBig}) {
    for (const size_t batch_size : {1, 32}) {
      PcapngBuilder file(order);
      file.Interface(1)
          .Enhanced(0, 1'700'000'000'000'001, "enhanced", 900)
          .Obsolete(0, 0xFFFF, 1'700'000'000'000'002, "obsolete")
          .Simple(6, "simple")
          .Enhanced(0, 1'700'000'000'000'003, "");

      const ReadResult result = Read(file.bytes(), batch_size);

      EXPECT_TRUE(result.status.ok()) << result.status;
      ReadPacket first = Whole(kTimeNs + 1000, "enhanced");
      first.wire_octets = 900;
      // A simple packet has the clock of the packet before it.
      EXPECT_THAT(result.packets,
                  ElementsAre(first, Whole(kTimeNs + 2000, "obsolete"),
                              Whole(kTimeNs + 2000, "simple"),
                              Whole(kTimeNs + 3000, "")));
      EXPECT_EQ(result.summary.packets_without_time, 1u);
      EXPECT_EQ(result.summary.first_ns, kTimeNs + 1000);
      EXPECT_EQ(result.summary.last_ns, kTimeNs + 3000);
    }
  }
}

// libpcap refuses interfaces of different link types and snap lengths; they
// are valid.
TEST(CaptureReaderTest, ReadsInterfacesWithTheirOwnLinkTypesAndClocks) {
  for (const ByteOrder order : {ByteOrder::kLittle, ByteOrder::kBig}) {
    PcapngBuilder file(order);
    const std::string minus_100 = file.U64(static_cast<uint64_t>(-100));
    file.Interface(1, 96)
        .Interface(101, 65535, {{9, "\x09"}})
        .Interface(113, 0, {{2, "eth0"}, {9, "\x8a"}, {14, minus_100}})
        .Enhanced(1, 1'700'000'000'000'000'001, "ns")
        .Enhanced(0, 1'700'000'000'000'000, "us")
        .Enhanced(2, (uint64_t{kSeconds} + 100) << 10 | 512, "2^-10");

    const ReadResult result = Read(file.bytes());

    EXPECT_TRUE(result.status.ok()) << result.status;
    ReadPacket second = Whole(kTimeNs, "us", 1);
    second.clock_ns = kTimeNs + 1;
    EXPECT_THAT(result.packets,
                ElementsAre(Whole(kTimeNs + 1, "ns", 101), second,
                            Whole(kTimeNs + 500'000'000, "2^-10", 113)));
  }
}

struct ResolutionCase {
  std::string tsresol;
  uint64_t ticks;
  int64_t offset_seconds;
  int64_t timestamp_ns;
};

// Every resolution and every offset has a time, and no arithmetic overflows.
TEST(CaptureReaderTest, ConvertsAndClampsTimesOfAnyResolution) {
  const int64_t max = kMaxTimestampNs;
  const ResolutionCase kCases[] = {
      {std::string(1, '\0'), 5, 0, 5 * kNsPerSecond},
      {"\x03", 5, 0, 5'000'000},
      {"\x09", 5, 0, 5},
      {"\x0c", 5'999, 0, 5},
      {"\x1c", UINT64_MAX, 0, 1},
      {"\x1d", UINT64_MAX, 0, 0},
      {"\x7f", UINT64_MAX, 0, 0},
      {"\x80", 5, 0, 5 * kNsPerSecond},
      {"\x81", 5, 0, 2'500'000'000},
      {"\xa0", 0x1'8000'0000, 0, 1'500'000'000},
      {"\xff", UINT64_MAX, 0, 0},
      {"\x06", 1'000'000, 1, 2 * kNsPerSecond},
      // Before 1970, and after the latest time there is.
      {"\x06", 1'000'000, -2, 0},
      {"\x06", 0, INT64_MIN, 0},
      {"\x06", UINT64_MAX, INT64_MAX, max},
      {std::string(1, '\0'), UINT64_MAX, 0, max},
      {std::string(1, '\0'), UINT64_MAX, INT64_MIN, max},
      {"\x80", UINT64_MAX, INT64_MIN, max},
      {"\x06", UINT64_MAX, 0, max},
  };
  for (const ResolutionCase& c : kCases) {
    SCOPED_TRACE(fmt::format("{} {} {}", static_cast<uint8_t>(c.tsresol[0]),
                             c.ticks, c.offset_seconds));
    PcapngBuilder file;
    file.Interface(1, 0,
                   {{9, c.tsresol},
                    {14, file.U64(static_cast<uint64_t>(c.offset_seconds))}})
        .Enhanced(0, c.ticks, "x");

    const ReadResult result = Read(file.bytes());

    EXPECT_THAT(result.packets, ElementsAre(Whole(c.timestamp_ns, "x")));
  }
}

TEST(CaptureReaderTest, BeginsAnewWithEverySection) {
  PcapngBuilder file(ByteOrder::kLittle);
  file.Interface(1)
      .Enhanced(0, 1'000'000, "little")
      .Section(ByteOrder::kBig, 1, 2)
      .Interface(101, 0, {{9, "\x09"}})
      .Enhanced(0, 2'000'000'000, "big")
      .Section(ByteOrder::kLittle)
      .Interface(228)
      .Enhanced(0, 3'000'000, "again");

  const ReadResult result = Read(file.bytes());

  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_THAT(result.packets,
              ElementsAre(Whole(kNsPerSecond, "little", 1),
                          Whole(2 * kNsPerSecond, "big", 101),
                          Whole(3 * kNsPerSecond, "again", 228)));
}

TEST(CaptureReaderTest, SkipsBlocksWithoutPackets) {
  constexpr uint32_t kNameResolution = 4;
  constexpr uint32_t kJournal = 9;
  constexpr uint32_t kDecryptionSecrets = 10;
  constexpr uint32_t kCustom = 0x00000BAD;
  constexpr uint32_t kCustomNotCopied = 0x40000BAD;
  constexpr uint32_t kUnknown = 0x8BADF00D;
  PcapngBuilder file;
  for (const uint32_t type : {kNameResolution, kJournal, kDecryptionSecrets,
                              kCustom, kCustomNotCopied, kUnknown}) {
    file.Block(type, "").Block(type, std::string(8, '\xff'));
  }
  // Larger than the blocks that a file is read in.
  file.Block(kDecryptionSecrets, std::string(3'000'000, 's'));
  file.Interface(1).Enhanced(0, 1, "one");
  file.Block(kCustom, std::string(kMaxPcapngBlockBytes - 12, 'c'));
  file.Enhanced(0, 2, "two");

  const ReadResult result = Read(file.bytes());

  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_THAT(result.packets,
              ElementsAre(Whole(1000, "one"), Whole(2000, "two")));
}

// Its captured length is not written: the least of the original length, the
// snap length of the first interface and what the block holds.
TEST(CaptureReaderTest, WorksOutTheCapturedLengthOfASimplePacket) {
  const std::string bytes = "0123456789abcdef";
  const struct {
    uint32_t snap_octets;
    uint32_t wire_octets;
    uint32_t captured_octets;
  } kCases[] = {{0, 16, 16}, {0, 14, 14}, {6, 16, 6},
                {6, 5, 5},   {0, 99, 16}, {65535, UINT32_MAX, 16}};
  for (const auto& c : kCases) {
    PcapngBuilder file;
    file.Interface(1, c.snap_octets)
        .Interface(101, 3)
        .Simple(c.wire_octets, bytes);

    const ReadResult result = Read(file.bytes());

    ASSERT_EQ(result.packets.size(), 1u) << result.status;
    EXPECT_EQ(result.packets[0].bytes, bytes.substr(0, c.captured_octets));
    EXPECT_EQ(result.packets[0].wire_octets, c.wire_octets);
    EXPECT_EQ(result.packets[0].link_type, 1);
    EXPECT_EQ(result.packets[0].timestamp_ns, 0);
    EXPECT_EQ(result.summary.packets_without_time, 1u);
    EXPECT_EQ(result.summary.first_ns, std::nullopt);
  }
}

// ---------------------------------------------------------------------------
// Losses that the capture reports

TEST(CaptureReaderTest, TellsNoReportedDropsFromNotKnown) {
  PcapngBuilder silent;
  silent.Interface(1).Statistics(0, {{4, silent.U64(17)}}).Enhanced(0, 1, "x");
  PcapngBuilder none;
  none.Interface(1).Statistics(0, {{5, none.U64(0)}});

  EXPECT_EQ(Read(silent.bytes()).summary.reported_drops, std::nullopt);
  EXPECT_EQ(Read(none.bytes()).summary.reported_drops, 0u);
}

// Statistics run from the start of the capture, so that the last of an
// interface counts; interfaces and sections add up.
TEST(CaptureReaderTest, AddsUpTheDropsOfAllInterfaces) {
  for (const ByteOrder order : {ByteOrder::kLittle, ByteOrder::kBig}) {
    PcapngBuilder file(order);
    file.Interface(1)
        .Interface(1)
        .Statistics(0, {{5, file.U64(3)}, {7, file.U64(10)}})
        .Statistics(0, {{5, file.U64(5)}, {7, file.U64(20)}})
        .Statistics(1, {{7, file.U64(100)}})
        .Statistics(77, {{7, file.U64(1'000'000)}})  // No such interface.
        .Section(order)
        .Interface(1)
        .Statistics(0, {{5, file.U64(1000)}});

    const ReadResult result = Read(file.bytes());

    EXPECT_TRUE(result.status.ok()) << result.status;
    EXPECT_EQ(result.summary.reported_drops, 5u + 20 + 100 + 1000);
  }
}

TEST(CaptureReaderTest, AddsUpTheDropCountsOfPackets) {
  PcapngBuilder file;
  file.Interface(1)
      .Interface(1)
      .Enhanced(0, 1, "odd", 3, {{2, "\1\2\3\4"}, {4, file.U64(7)}})
      .Enhanced(0, 2, "even", 4, {{4, file.U64(8)}})
      .Obsolete(1, 100, 3, "old")
      .Obsolete(1, 0xFFFF, 4, "not known")
      // The same losses, counted by the interface.
      .Statistics(0, {{7, file.U64(14)}});

  const ReadResult result = Read(file.bytes());

  EXPECT_EQ(result.packets.size(), 4u);
  EXPECT_EQ(result.summary.reported_drops, 15u + 100);
}

TEST(CaptureReaderTest, DoesNotOverflowTheDropCount) {
  PcapngBuilder file;
  file.Interface(1)
      .Enhanced(0, 1, "x", 1, {{4, file.U64(UINT64_MAX)}})
      .Enhanced(0, 2, "x", 1, {{4, file.U64(2)}})
      .Section(ByteOrder::kLittle)
      .Interface(1)
      .Statistics(0, {{5, file.U64(UINT64_MAX)}, {7, file.U64(UINT64_MAX)}});

  EXPECT_EQ(Read(file.bytes()).summary.reported_drops, UINT64_MAX);
}

// ---------------------------------------------------------------------------
// Broken records

TEST(CaptureReaderTest, RefusesAPacketAboveTheLimit) {
  const std::string largest(kMaxCapturedOctets, 'x');
  const PcapBuilder file = PcapBuilder()
                               .Packet(kSeconds, 0, largest)
                               .RecordHeader(0, 0, kMaxCapturedOctets + 1, 9)
                               .Raw(largest + "x");

  const ReadResult result = Read(file.bytes());

  EXPECT_EQ(result.packets.size(), 1u);
  EXPECT_EQ(PlaceAndAfter(result.message()),
            fmt::format("capture: byte {}: a packet of 262145 captured octets; "
                        "at most 262144 are accepted",
                        24 + 16 + kMaxCapturedOctets));
}

struct BrokenCase {
  const char* description;
  std::string block;
  const char* message;
};

std::string BlockWithLengths(uint32_t type, uint32_t length, size_t body_bytes,
                             uint32_t trailing_length) {
  return ByteWriter()
      .U32(type)
      .U32(length)
      .Raw(std::string(body_bytes, '\0'))
      .U32(trailing_length)
      .bytes();
}

std::vector<BrokenCase> BrokenCases() {
  // Bodies of packets: interface, time, captured and original length.
  const auto packet = [](uint32_t interface_id, uint32_t captured_octets,
                         size_t bytes) {
    return ByteWriter()
        .U32(interface_id)
        .U64(0)
        .U32(captured_octets)
        .U32(9)
        .Raw(std::string(bytes, 'x'))
        .bytes();
  };
  const auto block = [](uint32_t type, const std::string& body) {
    const auto length = static_cast<uint32_t>(12 + body.size());
    return ByteWriter().U32(type).U32(length).Raw(body).U32(length).bytes();
  };
  const std::string idb("\1\0\0\0\0\0\0\0", 8);
  return {
      {"length 0", BlockWithLengths(99, 0, 12, 0),
       "a block of type 0x63 with a length of 0 bytes; a multiple of 4 from 12 "
       "to 16777216 is accepted"},
      {"no multiple of 4", BlockWithLengths(99, 18, 6, 18),
       "a block of type 0x63 with a length of 18 bytes; a multiple of 4 from "
       "12 to 16777216 is accepted"},
      {"above the limit", BlockWithLengths(99, 16'777'220, 40, 16'777'220),
       "a block of type 0x63 with a length of 16777220 bytes; a multiple of 4 "
       "from 12 to 16777216 is accepted"},
      {"enhanced packet too short", block(6, std::string(16, '\0')),
       "a block of type 0x6 with a length of 28 bytes; a multiple of 4 from 32 "
       "to 16777216 is accepted"},
      {"simple packet too short", block(3, ""),
       "a block of type 0x3 with a length of 12 bytes; a multiple of 4 from 16 "
       "to 16777216 is accepted"},
      {"interface too short", block(1, std::string(4, '\0')),
       "a block of type 0x1 with a length of 16 bytes; a multiple of 4 from 20 "
       "to 16777216 is accepted"},
      {"statistics too short", block(5, std::string(8, '\0')),
       "a block of type 0x5 with a length of 20 bytes; a multiple of 4 from 24 "
       "to 16777216 is accepted"},
      {"section too short",
       block(0x0A0D0D0A, std::string("\x4d\x3c\x2b\x1a"
                                     "\1\0\0\0",
                                     8)),
       "a block of type 0xa0d0d0a with a length of 20 bytes; a multiple of 4 "
       "from 28 to 16777216 is accepted"},
      {"lengths differ", BlockWithLengths(99, 20, 8, 24),
       "a block of type 0x63 says 20 bytes at its start and 24 at its end; "
       "equal lengths are accepted"},
      {"no such interface", block(6, packet(1, 4, 4)),
       "a packet of interface 1; the section describes 1 up to here"},
      {"more captured than the block holds", block(6, packet(0, 5, 4)),
       "a packet of 5 captured octets; at most 4 are accepted here"},
      {"captured length of 2^32 - 1", block(6, packet(0, UINT32_MAX, 4)),
       "a packet of 4294967295 captured octets; at most 4 are accepted here"},
      {"a packet above the limit", block(6, packet(0, 262'145, 262'148)),
       "a packet of 262145 captured octets; at most 262144 are accepted here"},
      {"resolution of two bytes",
       block(1, idb + std::string("\x09\0\x02\0\x06\x06\0\0", 8)),
       "an interface description with option 9 of 2 bytes; 1 is accepted"},
      {"offset of four bytes",
       block(1, idb + std::string("\x0e\0\x04\0\0\0\0\0", 8)),
       "an interface description with option 14 of 4 bytes; 8 is accepted"},
      {"option that overruns",
       block(1, idb + std::string("\x02\0\x05\0name", 8)),
       "an interface description with an option that overruns it; options "
       "inside their block are accepted"},
      {"byte order of nothing", block(0x0A0D0D0A, std::string(16, '\x11')),
       "a section header with byte-order magic 11 11 11 11; 1a 2b 3c 4d is "
       "accepted, in either order"},
  };
}

TEST(CaptureReaderTest, SaysAtWhichByteABlockIsBroken) {
  PcapngBuilder head;
  head.Interface(1).Enhanced(0, 1, "one");
  for (const BrokenCase& c : BrokenCases()) {
    SCOPED_TRACE(c.description);
    PcapngBuilder file = head;
    file.Raw(c.block).Enhanced(0, 2, "two");

    const ReadResult result = Read(file.bytes());

    EXPECT_EQ(
        PlaceAndAfter(result.message()),
        fmt::format("capture: byte {}: {}", head.bytes().size(), c.message));
    EXPECT_THAT(result.packets, ElementsAre(Whole(1000, "one")));
    EXPECT_FALSE(result.summary.truncated);
  }
}

TEST(CaptureReaderTest, RefusesASimplePacketWithoutAnInterface) {
  const ReadResult result = Read(PcapngBuilder().Simple(1, "x").bytes());

  EXPECT_EQ(PlaceAndAfter(result.message()),
            "capture: byte 28: a simple packet before any interface; one that "
            "follows an interface description is accepted");
}

TEST(CaptureReaderTest, RefusesMoreInterfacesThanItKeeps) {
  PcapngBuilder file;
  for (size_t i = 0; i <= kMaxPcapngInterfaces; ++i) file.Interface(1);

  const ReadResult result = Read(file.bytes());

  EXPECT_THAT(result.message(),
              HasSubstr("another interface description; at most 65536"));
}

// The packet is what counts; options that cannot be read only cost themselves.
TEST(CaptureReaderTest, KeepsAPacketWhoseOptionsAreBroken) {
  ByteWriter body;
  body.U32(0).U64(0).U32(4).U32(4).Raw("data").U16(4).U16(999).U32(1);
  PcapngBuilder file;
  file.Interface(1).Block(6, body.bytes()).Enhanced(0, 1, "two");

  const ReadResult result = Read(file.bytes());

  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_THAT(result.packets,
              ElementsAre(Whole(0, "data"), Whole(1000, "two")));
  EXPECT_EQ(result.summary.reported_drops, std::nullopt);
}

// Every byte of a capture set to extreme values: reading ends, and the
// sanitizers see no wrong step.
TEST(CaptureReaderTest, SurvivesAnyChangedByte) {
  PcapngBuilder pcapng;
  pcapng.Interface(1, 0, {{9, "\x09"}, {14, pcapng.U64(1)}})
      .Enhanced(0, 1, "one", 3, {{4, pcapng.U64(1)}})
      .Obsolete(0, 1, 2, "two")
      .Simple(5, "three")
      .Statistics(0, {{5, pcapng.U64(1)}});
  const std::string pcap = PcapBuilder()
                               .Packet(kSeconds, 0, "one")
                               .Packet(kSeconds, 0, "two")
                               .bytes();
  for (const std::string& content :
       {pcapng.bytes(), pcap, Gzip(pcap), Zstd(pcap)}) {
    for (size_t i = 0; i < content.size(); ++i) {
      for (const char value : {'\x00', '\x01', '\x7f', '\xff'}) {
        std::string changed = content;
        changed[i] = value;
        EXPECT_LE(Read(changed).packets.size(), 4u) << i;
      }
    }
  }
}

// ---------------------------------------------------------------------------
// Public captures

std::vector<std::string> SharedCaptures(const std::string& folder) {
  const std::string dir = testing::SharedCapturesDir();
  std::vector<std::string> paths;
  if (dir.empty()) return paths;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(dir + folder)) {
    if (entry.is_regular_file() && entry.path().extension() != ".md") {
      paths.push_back(entry.path().string());
    }
  }
  return paths;
}

TEST(CaptureReaderTest, ReadsEverySharedCaptureToItsEnd) {
  const std::vector<std::string> paths = SharedCaptures("");
  if (paths.empty()) GTEST_SKIP() << "no shared captures beside the checkout";
  size_t read_count = 0;
  for (const std::string& path : paths) {
    const ReadResult result = ReadPath(path);

    if (result.status.ok()) ++read_count;
  }

  // All but the ones that were made invalid on purpose.
  EXPECT_GE(read_count, paths.size() - 20);
}

// Packets of the files of pcapng-test-generator, the same in either byte order.
// libpcap refuses some of them; octroi reads all. Records that Wireshark lists
// for custom blocks are no packets.
TEST(CaptureReaderTest, ReadsEverySharedPcapngFile) {
  const std::string dir = testing::SharedCapturesDir();
  if (dir.empty()) GTEST_SKIP() << "no shared captures beside the checkout";
  const struct {
    const char* name;
    uint64_t packets;
    std::optional<uint64_t> reported_drops = std::nullopt;
  } kCases[] = {
      {"basic/test001", 4},         {"basic/test002", 0},
      {"basic/test003", 0},         {"basic/test004", 4},
      {"basic/test005", 4},         {"basic/test006", 5},
      {"basic/test007", 1},         {"basic/test008", 4},
      {"basic/test009", 2, 12'345}, {"basic/test010", 4},
      {"basic/test011", 4},         {"basic/test012", 4},
      {"basic/test013", 0, 10},     {"basic/test014", 0, 30},
      {"basic/test015", 0},         {"basic/test016", 4},
      {"basic/test017", 0},         {"basic/test018", 4},
      {"advanced/test100", 5},      {"advanced/test101", 4, 53},
      {"advanced/test102", 5, 53},  {"difficult/test200", 0},
      {"difficult/test201", 4, 53}, {"difficult/test202", 8, 53},
  };
  for (const char* order : {"le", "be"}) {
    for (const auto& c : kCases) {
      const std::string path =
          fmt::format("{}/pcapng/output_{}/{}.pcapng", dir, order, c.name);
      SCOPED_TRACE(path);

      const ReadResult result = ReadPath(path);

      EXPECT_TRUE(result.status.ok()) << result.status;
      EXPECT_EQ(result.summary.packets, c.packets);
      EXPECT_EQ(result.summary.reported_drops, c.reported_drops);
      EXPECT_FALSE(result.summary.truncated);
    }
  }
}

}  // namespace
}  // namespace octroi
