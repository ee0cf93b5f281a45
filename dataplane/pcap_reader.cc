// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pcap_reader.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <span>
#include <utility>

#include "dataplane/capture_bytes.h"
#include "fmt/format.h"

namespace octroi {
namespace {

// The variants of pcap differ in their magic number, in the unit of the
// sub-second part and in fields that some programs put behind the usual ones.
struct PcapVariant {
  uint32_t magic;
  uint32_t ns_per_tick;
  uint8_t extra_header_bytes;         // Behind the 24 of the file header.
  uint8_t extra_record_header_bytes;  // Behind the 16 of a record header.
};
constexpr uint32_t kKuznetzovMagic = 0xA1B2CD34;
constexpr uint32_t kIxiaSoftwareMagic = 0x1C0001AB;
constexpr PcapVariant kPcapVariants[] = {
    {0xA1B2C3D4, 1000, 0, 0},  // Microseconds: by far the most common.
    {0xA1B23C4D, 1, 0, 0},     // Nanoseconds.
    // Alexey Kuznetzov's patch: interface index, protocol and packet type.
    {kKuznetzovMagic, 1000, 0, 8},
    {0xA12B3C4D, 1, 0, 0},  // Navtel: nanoseconds.
    // Ixia "lcap" of a hardware and of a software capture; the extra field is
    // the size of all records (Wireshark issue 14073).
    {0x1C0001AC, 1, 4, 0},
    {kIxiaSoftwareMagic, 1000, 4, 0},
};

constexpr size_t kPcapHeaderBytes = 24;
constexpr size_t kPcapRecordHeaderBytes = 16;
// The link type field (section 4 of the draft): a link type, ten reserved bits,
// a bit that says whether the next field counts, a reserved bit, and the length
// of the frame check sequence. The length is not needed: decode takes a
// packet's length from its IP header. A reader should refuse reserved bits.
constexpr uint32_t kPcapLinkTypeBits = 0x0000FFFF;
constexpr uint32_t kPcapReservedLinkBits = 0x0BFF0000;
// SuSE Linux 6.3 wrote Kuznetzov's magic with four more bytes: two processor
// numbers and padding.
constexpr size_t kSuseExtraBytes = 4;

// Before version 2.3 the original length stood before the captured one. Some
// files of version 2.3 still have them so, and DG/UX wrote 543.0 (libpcap,
// sf-pcap.c).
enum class LengthOrder : uint8_t { kCapturedFirst, kOriginalFirst, kEither };

LengthOrder LengthOrderOf(uint16_t major, uint16_t minor) {
  if (major == 543) return LengthOrder::kOriginalFirst;
  if (minor < 3) return LengthOrder::kOriginalFirst;
  return minor == 3 ? LengthOrder::kEither : LengthOrder::kCapturedFirst;
}

bool IsPcapVersionRead(uint16_t major, uint16_t minor) {
  return (major == 2 && minor <= 4) || (major == 543 && minor == 0);
}

struct PcapRecord {
  uint32_t seconds = 0;
  uint32_t ticks = 0;  // Of the variant's unit, since `seconds`.
  uint32_t captured_octets = 0;
  uint32_t wire_octets = 0;
};

// How the records of a file are written.
struct RecordLayout {
  FileByteOrder order;
  LengthOrder length_order = LengthOrder::kCapturedFirst;
  LinkType link_type = LinkType::kNull;
  uint32_t ns_per_tick = 1000;
  size_t header_bytes = kPcapRecordHeaderBytes;

  PcapRecord Parse(const uint8_t* record) const {
    PcapRecord parsed{.seconds = order.Read32(record),
                      .ticks = order.Read32(record + 4),
                      .captured_octets = order.Read32(record + 8),
                      .wire_octets = order.Read32(record + 12)};
    if (length_order == LengthOrder::kCapturedFirst) return parsed;
    if (length_order == LengthOrder::kOriginalFirst ||
        parsed.captured_octets > parsed.wire_octets) {
      std::swap(parsed.captured_octets, parsed.wire_octets);
    }
    return parsed;
  }

  // Never above kMaxTimestampNs: both parts have 32 bits, and a tick is at most
  // a microsecond.
  int64_t TimeOf(const PcapRecord& record) const {
    static_assert(UINT32_MAX * (kNsPerSecond + 1000) <=
                  uint64_t{kMaxTimestampNs});
    return static_cast<int64_t>(record.seconds * kNsPerSecond +
                                uint64_t{record.ticks} * ns_per_tick);
  }
};

class PcapReader final : public CaptureReader {
 public:
  // `variant` is what the magic number says, in the byte order `order`.
  static absl::StatusOr<std::unique_ptr<CaptureReader>> Create(
      std::string path, std::unique_ptr<ByteStream> stream,
      const PcapVariant& variant, FileByteOrder order);

 protected:
  size_t ReadBatch(std::span<Packet> packets) override;

 private:
  PcapReader(std::string path, std::unique_ptr<ByteStream> stream,
             const RecordLayout& layout)
      : CaptureReader(std::move(path), std::move(stream)), layout_(layout) {}

  size_t TakeWholeRecords(std::span<Packet> packets);
  bool AreRecordsSane(size_t record_header_bytes) const;
  void GuessSuse();
  void GuessIxiaResolution();

  RecordLayout layout_;
};

absl::StatusOr<std::unique_ptr<CaptureReader>> PcapReader::Create(
    std::string path, std::unique_ptr<ByteStream> stream,
    const PcapVariant& variant, FileByteOrder order) {
  const size_t header_bytes = kPcapHeaderBytes + variant.extra_header_bytes;
  if (!stream->Fill(header_bytes)) {
    if (!stream->status().ok()) return stream->status();
    return absl::DataLossError(fmt::format(
        "{}: ends after {} bytes, inside its pcap file header of {} bytes; a "
        "whole header is accepted",
        stream->name(), stream->window().size(), header_bytes));
  }
  const uint8_t* header = stream->window().data();
  const uint16_t major = order.Read16(header + 4);
  const uint16_t minor = order.Read16(header + 6);
  if (!IsPcapVersionRead(major, minor)) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: byte 4: pcap version {}.{}; 2.0 to 2.4 and 543.0 are accepted",
        stream->name(), major, minor));
  }
  const uint32_t link_field = order.Read32(header + 20);
  if ((link_field & kPcapReservedLinkBits) != 0) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: byte 20: link type field {:#010x} with reserved bits set; a field "
        "whose bits 16 to 25 and 27 are zero is accepted",
        stream->name(), link_field));
  }
  stream->Consume(header_bytes);

  const RecordLayout layout = {
      .order = order,
      .length_order = LengthOrderOf(major, minor),
      .link_type = static_cast<LinkType>(link_field & kPcapLinkTypeBits),
      .ns_per_tick = variant.ns_per_tick,
      .header_bytes =
          kPcapRecordHeaderBytes + variant.extra_record_header_bytes};
  std::unique_ptr<PcapReader> reader(
      new PcapReader(std::move(path), std::move(stream), layout));
  if (variant.magic == kKuznetzovMagic) reader->GuessSuse();
  if (variant.magic == kIxiaSoftwareMagic) reader->GuessIxiaResolution();
  return reader;
}

size_t PcapReader::ReadBatch(std::span<Packet> packets) {
  for (;;) {
    const size_t count = TakeWholeRecords(packets);
    if (count > 0) return count;
    // The record at the window's start reaches past it, or is none.
    if (!Require(layout_.header_bytes, /*batch_size=*/0)) return 0;
    const uint32_t captured_octets =
        layout_.Parse(stream_->window().data()).captured_octets;
    if (captured_octets > kMaxCapturedOctets) {
      Fail(
          fmt::format("a packet of {} captured octets; at most {} are accepted",
                      captured_octets, kMaxCapturedOctets));
      return 0;
    }
    if (!Require(layout_.header_bytes + captured_octets, /*batch_size=*/0)) {
      return 0;
    }
  }
}

// Takes records up to the first that is not whole in the window or too large.
size_t PcapReader::TakeWholeRecords(std::span<Packet> packets) {
  // A copy of its own, which the packets that are written cannot alias.
  const RecordLayout layout = layout_;
  const std::span<const uint8_t> window = stream_->window();
  const uint8_t* record = window.data();
  const uint8_t* const end = record + window.size();
  size_t count = 0;
  for (; count < packets.size(); ++count) {
    if (static_cast<size_t>(end - record) < layout.header_bytes) break;
    const PcapRecord parsed = layout.Parse(record);
    const uint8_t* const data = record + layout.header_bytes;
    if (parsed.captured_octets > kMaxCapturedOctets ||
        parsed.captured_octets > static_cast<size_t>(end - data)) {
      break;
    }
    Packet& packet = packets[count];
    packet.data = data;
    packet.captured_octets = parsed.captured_octets;
    packet.wire_octets = std::max(parsed.wire_octets, parsed.captured_octets);
    packet.timestamp_ns = layout.TimeOf(parsed);
    packet.link_type = layout.link_type;
    record = data + parsed.captured_octets;
  }
  AddTimed(packets.first(count));
  stream_->Consume(static_cast<size_t>(record - window.data()));
  return count;
}

// Whether the records at the start of the window look like records if their
// headers have this size.
bool PcapReader::AreRecordsSane(size_t record_header_bytes) const {
  constexpr int kRecordsToTry = 8;
  std::span<const uint8_t> left = stream_->window();
  for (int i = 0; i < kRecordsToTry; ++i) {
    if (left.size() < record_header_bytes) return true;
    const PcapRecord record = layout_.Parse(left.data());
    if (record.ticks >= kNsPerSecond / layout_.ns_per_tick ||
        record.captured_octets > kMaxCapturedOctets ||
        record.captured_octets > record.wire_octets) {
      return false;
    }
    const size_t record_bytes = record_header_bytes + record.captured_octets;
    if (left.size() < record_bytes) return true;
    left = left.subspan(record_bytes);
  }
  return true;
}

// The magic number does not tell SuSE's longer record header from Kuznetzov's
// own; the records do.
void PcapReader::GuessSuse() {
  constexpr size_t kEnoughBytes = 8192;
  stream_->Fill(kEnoughBytes);
  if (AreRecordsSane(layout_.header_bytes)) return;
  if (AreRecordsSane(layout_.header_bytes + kSuseExtraBytes)) {
    layout_.header_bytes += kSuseExtraBytes;
  }
}

// Microseconds according to Wireshark, nanoseconds according to others. No
// microsecond part reaches a million, and nearly every nanosecond part does.
void PcapReader::GuessIxiaResolution() {
  if (!stream_->Fill(kPcapRecordHeaderBytes)) return;
  constexpr uint32_t kMicrosecondsPerSecond = 1'000'000;
  if (layout_.Parse(stream_->window().data()).ticks >= kMicrosecondsPerSecond) {
    layout_.ns_per_tick = 1;
  }
}

// A variant and the byte order that its magic number stands in.
struct PcapMagic {
  PcapVariant variant;
  FileByteOrder order;
};

std::optional<PcapMagic> FindMagic(const uint8_t* magic) {
  for (const bool is_swapped : {false, true}) {
    const FileByteOrder order(is_swapped);
    for (const PcapVariant& variant : kPcapVariants) {
      if (order.Read32(magic) == variant.magic)
        return PcapMagic{variant, order};
    }
  }
  return std::nullopt;
}

}  // namespace

bool IsPcapMagic(const uint8_t* magic) { return FindMagic(magic).has_value(); }

absl::StatusOr<std::unique_ptr<CaptureReader>> OpenPcap(
    std::string path, std::unique_ptr<ByteStream> stream) {
  const std::optional<PcapMagic> magic = FindMagic(stream->window().data());
  assert(magic.has_value());
  return PcapReader::Create(std::move(path), std::move(stream), magic->variant,
                            magic->order);
}

}  // namespace octroi
