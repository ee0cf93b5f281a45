// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture_reader.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "fmt/format.h"

namespace octroi {
namespace {

// Times are computed wider than either format can write them, then clamped.
__extension__ typedef __int128 WideInt;

constexpr uint64_t kNsPerSecond = 1'000'000'000;

constexpr std::string_view kAccepted =
    "a pcap or pcapng capture is accepted, plain or compressed with gzip or "
    "zstd";

int64_t ClampTimestamp(WideInt ns) {
  return static_cast<int64_t>(
      std::clamp<WideInt>(ns, 0, WideInt{kMaxTimestampNs}));
}

uint64_t SaturatingAdd(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

constexpr size_t PaddedToFour(size_t bytes) { return (bytes + 3) & ~size_t{3}; }

// Integers in the byte order of a file or of a section of it.
class ByteOrder {
 public:
  explicit ByteOrder(bool is_swapped = false) : is_swapped_(is_swapped) {}

  uint16_t Read16(const uint8_t* from) const {
    uint16_t value = 0;
    std::memcpy(&value, from, sizeof(value));
    return is_swapped_ ? __builtin_bswap16(value) : value;
  }
  uint32_t Read32(const uint8_t* from) const {
    uint32_t value = 0;
    std::memcpy(&value, from, sizeof(value));
    return is_swapped_ ? __builtin_bswap32(value) : value;
  }
  uint64_t Read64(const uint8_t* from) const {
    uint64_t value = 0;
    std::memcpy(&value, from, sizeof(value));
    return is_swapped_ ? __builtin_bswap64(value) : value;
  }
  // The two halves of a pcapng time: the upper one stands first in either
  // order (draft-ietf-opsawg-pcapng section 4.3).
  uint64_t ReadTicks(const uint8_t* from) const {
    return uint64_t{Read32(from)} << 32 | Read32(from + 4);
  }

 private:
  bool is_swapped_;
};

// "0a 0d 0d 0a", of at most eight bytes.
std::string HexOf(std::span<const uint8_t> bytes) {
  std::string text;
  for (const uint8_t byte : bytes.first(std::min<size_t>(bytes.size(), 8))) {
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", byte);
  }
  return text;
}

// Formats that people hand over by mistake, named so that they see it.
struct KnownFormat {
  std::string_view first_bytes;
  std::string_view name;
};
constexpr KnownFormat kKnownFormats[] = {
    {"\xfd"
     "7zXZ",
     ", which is xz"},
    {"BZh", ", which is bzip2"},
    {"\x04\x22\x4d\x18", ", which is lz4"},
    {"PK\x03\x04", ", which is zip"},
    {"snoop", ", which is a Solaris snoop capture"},
    {"<?xml", ", which is XML"},
};

std::string_view KnownFormatOf(std::span<const uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                              bytes.size());
  for (const KnownFormat& format : kKnownFormats) {
    if (text.starts_with(format.first_bytes)) return format.name;
  }
  return "";
}

// ---------------------------------------------------------------------------
// pcap

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

class PcapReader final : public CaptureReader {
 public:
  // `variant` is what the magic number says, in the byte order `order`.
  static absl::StatusOr<std::unique_ptr<CaptureReader>> Create(
      std::string path, std::unique_ptr<ByteStream> stream,
      const PcapVariant& variant, ByteOrder order);

 protected:
  size_t ReadBatch(std::span<Packet> packets) override;

 private:
  PcapReader(std::string path, std::unique_ptr<ByteStream> stream,
             const PcapVariant& variant, ByteOrder order)
      : CaptureReader(std::move(path), std::move(stream)),
        order_(order),
        ns_per_tick_(variant.ns_per_tick),
        record_header_bytes_(kPcapRecordHeaderBytes +
                             variant.extra_record_header_bytes) {}

  PcapRecord ParseRecord(const uint8_t* record) const;
  bool AreRecordsSane(size_t record_header_bytes) const;
  void GuessSuse();
  void GuessIxiaResolution();

  ByteOrder order_;
  uint32_t ns_per_tick_;
  size_t record_header_bytes_;
  LengthOrder length_order_ = LengthOrder::kCapturedFirst;
  LinkType link_type_ = LinkType::kNull;
};

absl::StatusOr<std::unique_ptr<CaptureReader>> PcapReader::Create(
    std::string path, std::unique_ptr<ByteStream> stream,
    const PcapVariant& variant, ByteOrder order) {
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

  std::unique_ptr<PcapReader> reader(
      new PcapReader(std::move(path), std::move(stream), variant, order));
  reader->link_type_ = static_cast<LinkType>(link_field & kPcapLinkTypeBits);
  reader->length_order_ = LengthOrderOf(major, minor);
  if (variant.magic == kKuznetzovMagic) reader->GuessSuse();
  if (variant.magic == kIxiaSoftwareMagic) reader->GuessIxiaResolution();
  return reader;
}

PcapRecord PcapReader::ParseRecord(const uint8_t* record) const {
  PcapRecord parsed{.seconds = order_.Read32(record),
                    .ticks = order_.Read32(record + 4),
                    .captured_octets = order_.Read32(record + 8),
                    .wire_octets = order_.Read32(record + 12)};
  if (length_order_ == LengthOrder::kOriginalFirst ||
      (length_order_ == LengthOrder::kEither &&
       parsed.captured_octets > parsed.wire_octets)) {
    std::swap(parsed.captured_octets, parsed.wire_octets);
  }
  return parsed;
}

size_t PcapReader::ReadBatch(std::span<Packet> packets) {
  size_t count = 0;
  while (count < packets.size() && Require(record_header_bytes_, count)) {
    const PcapRecord record = ParseRecord(stream_->window().data());
    if (record.captured_octets > kMaxCapturedOctets) {
      Fail(
          fmt::format("a packet of {} captured octets; at most {} are accepted",
                      record.captured_octets, kMaxCapturedOctets));
      break;
    }
    const size_t record_bytes = record_header_bytes_ + record.captured_octets;
    if (!Require(record_bytes, count)) break;

    Packet& packet = packets[count++];
    packet.data = stream_->window().data() + record_header_bytes_;
    packet.captured_octets = record.captured_octets;
    packet.wire_octets = std::max(record.wire_octets, record.captured_octets);
    packet.link_type = link_type_;
    AddTimed(&packet, ClampTimestamp(WideInt{record.seconds} * kNsPerSecond +
                                     uint64_t{record.ticks} * ns_per_tick_));
    stream_->Consume(record_bytes);
  }
  return count;
}

// Whether the records at the start of the window look like records if their
// headers have this size.
bool PcapReader::AreRecordsSane(size_t record_header_bytes) const {
  constexpr int kRecordsToTry = 8;
  std::span<const uint8_t> left = stream_->window();
  for (int i = 0; i < kRecordsToTry; ++i) {
    if (left.size() < record_header_bytes) return true;
    const PcapRecord record = ParseRecord(left.data());
    if (record.ticks >= kNsPerSecond / ns_per_tick_ ||
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
  if (AreRecordsSane(record_header_bytes_)) return;
  if (AreRecordsSane(record_header_bytes_ + kSuseExtraBytes)) {
    record_header_bytes_ += kSuseExtraBytes;
  }
}

// Microseconds according to Wireshark, nanoseconds according to others. No
// microsecond part reaches a million, and nearly every nanosecond part does.
void PcapReader::GuessIxiaResolution() {
  if (!stream_->Fill(kPcapRecordHeaderBytes)) return;
  constexpr uint32_t kMicrosecondsPerSecond = 1'000'000;
  if (ParseRecord(stream_->window().data()).ticks >= kMicrosecondsPerSecond) {
    ns_per_tick_ = 1;
  }
}

// ---------------------------------------------------------------------------
// pcapng

// Block types and option codes of draft-ietf-opsawg-pcapng section 11.
constexpr uint32_t kSectionHeaderBlock = 0x0A0D0D0A;  // A palindrome.
constexpr uint32_t kInterfaceDescriptionBlock = 1;
constexpr uint32_t kObsoletePacketBlock = 2;
constexpr uint32_t kSimplePacketBlock = 3;
constexpr uint32_t kInterfaceStatisticsBlock = 5;
constexpr uint32_t kEnhancedPacketBlock = 6;

constexpr uint32_t kByteOrderMagic = 0x1A2B3C4D;

constexpr uint16_t kEndOfOptions = 0;
constexpr uint16_t kIfTsresol = 9;
constexpr uint16_t kIfTsoffset = 14;
constexpr uint16_t kIsbIfdrop = 5;
constexpr uint16_t kIsbOsdrop = 7;
constexpr uint16_t kEpbDropcount = 4;

// Type and total length before a block's body, total length again behind it.
constexpr size_t kBlockHeaderBytes = 8;
constexpr size_t kBlockTrailerBytes = 4;
constexpr size_t kMinBlockBytes = kBlockHeaderBytes + kBlockTrailerBytes;

// The time units of an interface: ticks * multiplier / divisor >> shift is ns.
class InterfaceClock {
 public:
  // The value of if_tsresol: 10^-n, or 2^-n if the upper bit is set.
  void SetResolution(uint8_t tsresol) {
    const int exponent = tsresol & 0x7F;
    multiplier_ = divisor_ = 1;
    shift_ = 0;
    if ((tsresol & 0x80) != 0) {
      multiplier_ = kNsPerSecond;
      shift_ = exponent;
      return;
    }
    constexpr int kNsExponent = 9;
    constexpr int kMaxExponent = kNsExponent + 19;  // 10^19 fits in 64 bits.
    for (int i = exponent; i < kNsExponent; ++i) multiplier_ *= 10;
    for (int i = kNsExponent; i < std::min(exponent, kMaxExponent); ++i) {
      divisor_ *= 10;
    }
    // Finer than any 64-bit count could reach a nanosecond with.
    if (exponent > kMaxExponent) multiplier_ = 0;
  }

  void SetOffset(int64_t seconds) { offset_seconds_ = seconds; }

  // Ticks are below 2^64, seconds below 2^63 and factors below 2^30.
  int64_t ToTimestamp(uint64_t ticks) const {
    WideInt ns = WideInt{ticks} * multiplier_;
    if (divisor_ != 1) ns /= divisor_;
    ns >>= shift_;
    return ClampTimestamp(ns + WideInt{offset_seconds_} * kNsPerSecond);
  }

 private:
  uint64_t multiplier_ = 1000;  // Microseconds, if the file does not say.
  uint64_t divisor_ = 1;
  int shift_ = 0;
  int64_t offset_seconds_ = 0;
};

struct Interface {
  LinkType link_type = LinkType::kNull;
  uint32_t snap_octets = 0;  // 0 is no limit.
  InterfaceClock clock;
  // Losses since the start of the capture, as its statistics say, and as the
  // drop counts of its packets add up to. Both count the same packets.
  std::optional<uint64_t> interface_drops;
  std::optional<uint64_t> os_drops;
  std::optional<uint64_t> packet_drops;

  std::optional<uint64_t> Drops() const {
    if (!interface_drops && !os_drops) return packet_drops;
    return std::max(
        SaturatingAdd(interface_drops.value_or(0), os_drops.value_or(0)),
        packet_drops.value_or(0));
  }
};

struct Option {
  uint16_t code = kEndOfOptions;
  std::span<const uint8_t> value;
};

// Walks the options at the end of a block.
class OptionCursor {
 public:
  OptionCursor(std::span<const uint8_t> bytes, ByteOrder order)
      : left_(bytes), order_(order) {}

  // The next option; nothing at the end, or where one overruns its block.
  std::optional<Option> Next() {
    constexpr size_t kOptionHeaderBytes = 4;
    if (left_.empty()) return std::nullopt;
    if (left_.size() < kOptionHeaderBytes) return Overrun();
    const uint16_t code = order_.Read16(left_.data());
    const size_t value_bytes = order_.Read16(left_.data() + 2);
    if (code == kEndOfOptions) return std::nullopt;
    left_ = left_.subspan(kOptionHeaderBytes);
    if (left_.size() < PaddedToFour(value_bytes)) return Overrun();
    const Option option{code, left_.first(value_bytes)};
    left_ = left_.subspan(PaddedToFour(value_bytes));
    return option;
  }

  bool has_overrun() const { return has_overrun_; }

 private:
  std::optional<Option> Overrun() {
    has_overrun_ = true;
    return std::nullopt;
  }

  std::span<const uint8_t> left_;
  ByteOrder order_;
  bool has_overrun_ = false;
};

class PcapngReader final : public CaptureReader {
 public:
  static absl::StatusOr<std::unique_ptr<CaptureReader>> Create(
      std::string path, std::unique_ptr<ByteStream> stream);

 protected:
  size_t ReadBatch(std::span<Packet> packets) override;

 private:
  using CaptureReader::CaptureReader;

  // What reading one block came to. kStopped: it failed, or the batch must go
  // out first.
  enum class Outcome : uint8_t { kPacket, kNoPacket, kStopped };

  // A whole block in the window.
  struct Block {
    uint32_t type = 0;
    std::span<const uint8_t> bytes;  // From its type to its last length.

    // The bytes from `begin` to the trailing length.
    std::span<const uint8_t> From(size_t begin) const {
      return bytes.subspan(begin, bytes.size() - kBlockTrailerBytes - begin);
    }
  };

  Outcome ReadBlock(size_t batch_size, Packet* packet);
  bool ReadByteOrder(const uint8_t* block);
  bool CheckLength(uint32_t type, uint32_t length);
  Outcome ParseBlock(const Block& block, Packet* packet);
  Outcome ParseSection(const Block& block);
  Outcome ParseInterface(const Block& block);
  Outcome ParsePacket(const Block& block, Packet* packet);
  Outcome ParseSimplePacket(const Block& block, Packet* packet);
  Outcome ParseStatistics(const Block& block);
  void AddPacketDrops(const Block& block, size_t options_begin,
                      Interface* seen_by);
  void CloseSection();
  Outcome FailBlock(const std::string& message);

  ByteOrder order_;
  std::vector<Interface> interfaces_;  // Of the current section.
};

absl::StatusOr<std::unique_ptr<CaptureReader>> PcapngReader::Create(
    std::string path, std::unique_ptr<ByteStream> stream) {
  std::unique_ptr<PcapngReader> reader(
      new PcapngReader(std::move(path), std::move(stream)));
  Packet no_packet;
  if (reader->ReadBlock(/*batch_size=*/0, &no_packet) == Outcome::kNoPacket) {
    return reader;
  }
  if (!reader->status().ok()) return reader->status();
  return absl::DataLossError(fmt::format(
      "{}: ends after {} bytes, inside its pcapng section header; a whole "
      "header is accepted",
      reader->stream_->name(), reader->stream_->window().size()));
}

size_t PcapngReader::ReadBatch(std::span<Packet> packets) {
  size_t count = 0;
  while (count < packets.size()) {
    const Outcome outcome = ReadBlock(count, &packets[count]);
    if (outcome == Outcome::kStopped) break;
    if (outcome == Outcome::kPacket) ++count;
  }
  if (is_finished()) CloseSection();
  return count;
}

PcapngReader::Outcome PcapngReader::ReadBlock(size_t batch_size,
                                              Packet* packet) {
  if (!Require(kMinBlockBytes, batch_size)) return Outcome::kStopped;
  const uint8_t* start = stream_->window().data();
  const uint32_t type = order_.Read32(start);
  if (type == kSectionHeaderBlock && !ReadByteOrder(start)) {
    return Outcome::kStopped;
  }
  const uint32_t length = order_.Read32(start + 4);
  if (!CheckLength(type, length)) return Outcome::kStopped;
  if (!Require(length, batch_size)) return Outcome::kStopped;

  const Block block{type, stream_->window().first(length)};
  const uint32_t trailing_length =
      order_.Read32(block.bytes.data() + length - kBlockTrailerBytes);
  if (trailing_length != length) {
    return FailBlock(fmt::format(
        "a block of type {:#x} says {} bytes at its start and {} at its end; "
        "equal lengths are accepted",
        type, length, trailing_length));
  }
  const Outcome outcome = ParseBlock(block, packet);
  if (outcome != Outcome::kStopped) stream_->Consume(length);
  return outcome;
}

// Each section has its own byte order; its header says which.
bool PcapngReader::ReadByteOrder(const uint8_t* block) {
  const uint8_t* magic = block + kBlockHeaderBytes;
  for (const bool is_swapped : {false, true}) {
    const ByteOrder order(is_swapped);
    if (order.Read32(magic) != kByteOrderMagic) continue;
    order_ = order;
    return true;
  }
  Fail(fmt::format(
      "a section header with byte-order magic {}; 1a 2b 3c 4d is accepted, in "
      "either order",
      HexOf({magic, 4})));
  return false;
}

bool PcapngReader::CheckLength(uint32_t type, uint32_t length) {
  const auto minimum_of = [](uint32_t block_type) -> uint32_t {
    switch (block_type) {
      case kSectionHeaderBlock:
        return 28;
      case kInterfaceDescriptionBlock:
        return 20;
      case kObsoletePacketBlock:
      case kEnhancedPacketBlock:
        return 32;
      case kSimplePacketBlock:
        return 16;
      case kInterfaceStatisticsBlock:
        return 24;
      default:
        return kMinBlockBytes;
    }
  };
  const uint32_t minimum = minimum_of(type);
  if (length % 4 == 0 && length >= minimum && length <= kMaxPcapngBlockBytes) {
    return true;
  }
  Fail(fmt::format(
      "a block of type {:#x} with a length of {} bytes; a multiple of 4 from "
      "{} to {} is accepted",
      type, length, minimum, kMaxPcapngBlockBytes));
  return false;
}

PcapngReader::Outcome PcapngReader::ParseBlock(const Block& block,
                                               Packet* packet) {
  switch (block.type) {
    case kEnhancedPacketBlock:
    case kObsoletePacketBlock:
      return ParsePacket(block, packet);
    case kSimplePacketBlock:
      return ParseSimplePacket(block, packet);
    case kSectionHeaderBlock:
      return ParseSection(block);
    case kInterfaceDescriptionBlock:
      return ParseInterface(block);
    case kInterfaceStatisticsBlock:
      return ParseStatistics(block);
    default:
      // Name resolution, decryption secrets, custom blocks, and what is not
      // known here: no packets.
      return Outcome::kNoPacket;
  }
}

// Section 4.1. The section length is not needed: the next section says itself
// that it begins.
PcapngReader::Outcome PcapngReader::ParseSection(const Block& block) {
  const uint16_t major = order_.Read16(block.bytes.data() + 12);
  const uint16_t minor = order_.Read16(block.bytes.data() + 14);
  // Some programs wrote 1.2; it is read like 1.0.
  if (major != 1 || (minor != 0 && minor != 2)) {
    return FailBlock(fmt::format(
        "pcapng version {}.{}; 1.0 and 1.2 are accepted", major, minor));
  }
  CloseSection();
  return Outcome::kNoPacket;
}

// Section 4.2.
PcapngReader::Outcome PcapngReader::ParseInterface(const Block& block) {
  if (interfaces_.size() >= kMaxPcapngInterfaces) {
    return FailBlock(
        fmt::format("another interface description; at most {} in a section "
                    "are accepted",
                    kMaxPcapngInterfaces));
  }
  Interface described;
  described.link_type =
      static_cast<LinkType>(order_.Read16(block.bytes.data() + 8));
  described.snap_octets = order_.Read32(block.bytes.data() + 12);
  OptionCursor options(block.From(16), order_);
  while (const std::optional<Option> option = options.Next()) {
    if (option->code == kIfTsresol && option->value.size() == 1) {
      described.clock.SetResolution(option->value[0]);
    } else if (option->code == kIfTsoffset && option->value.size() == 8) {
      described.clock.SetOffset(
          static_cast<int64_t>(order_.Read64(option->value.data())));
    } else if (option->code == kIfTsresol || option->code == kIfTsoffset) {
      return FailBlock(fmt::format(
          "an interface description with option {} of {} bytes; {} is accepted",
          option->code, option->value.size(),
          option->code == kIfTsresol ? 1 : 8));
    }
  }
  // The options say what the packets' times mean, so a guess would not do.
  if (options.has_overrun()) {
    return FailBlock(
        "an interface description with an option that overruns it; options "
        "inside their block are accepted");
  }
  interfaces_.push_back(described);
  return Outcome::kNoPacket;
}

// Section 4.3, and appendix A for the obsolete packet block: that one has 16
// bits each for the interface and a drop count, and is otherwise the same.
PcapngReader::Outcome PcapngReader::ParsePacket(const Block& block,
                                                Packet* packet) {
  constexpr size_t kFixedBytes = 28;
  const uint8_t* start = block.bytes.data();
  const bool is_obsolete = block.type == kObsoletePacketBlock;
  const uint32_t interface_id =
      is_obsolete ? order_.Read16(start + 8) : order_.Read32(start + 8);
  if (interface_id >= interfaces_.size()) {
    return FailBlock(fmt::format(
        "a packet of interface {}; the section describes {} up to here",
        interface_id, interfaces_.size()));
  }
  const uint32_t captured_octets = order_.Read32(start + 20);
  const size_t body_bytes = block.From(kFixedBytes).size();
  if (captured_octets > kMaxCapturedOctets || captured_octets > body_bytes) {
    return FailBlock(fmt::format(
        "a packet of {} captured octets; at most {} are accepted here",
        captured_octets, std::min<size_t>(kMaxCapturedOctets, body_bytes)));
  }
  Interface& seen_by = interfaces_[interface_id];
  packet->data = start + kFixedBytes;
  packet->captured_octets = captured_octets;
  packet->wire_octets = std::max(order_.Read32(start + 24), captured_octets);
  packet->link_type = seen_by.link_type;
  AddTimed(packet, seen_by.clock.ToTimestamp(order_.ReadTicks(start + 12)));

  if (is_obsolete) {
    constexpr uint16_t kDropsNotKnown = 0xFFFF;
    const uint16_t drops = order_.Read16(start + 10);
    if (drops != kDropsNotKnown) {
      seen_by.packet_drops =
          SaturatingAdd(seen_by.packet_drops.value_or(0), drops);
    }
  } else if (PaddedToFour(captured_octets) < body_bytes) {
    AddPacketDrops(block, kFixedBytes + PaddedToFour(captured_octets),
                   &seen_by);
  }
  return Outcome::kPacket;
}

// An option that cannot be read never costs a packet.
void PcapngReader::AddPacketDrops(const Block& block, size_t options_begin,
                                  Interface* seen_by) {
  OptionCursor options(block.From(options_begin), order_);
  while (const std::optional<Option> option = options.Next()) {
    if (option->code != kEpbDropcount || option->value.size() != 8) continue;
    seen_by->packet_drops = SaturatingAdd(seen_by->packet_drops.value_or(0),
                                          order_.Read64(option->value.data()));
  }
}

// Section 4.4: of the first interface, without a time, and with the captured
// length left to be worked out.
PcapngReader::Outcome PcapngReader::ParseSimplePacket(const Block& block,
                                                      Packet* packet) {
  constexpr size_t kFixedBytes = 12;
  if (interfaces_.empty()) {
    return FailBlock(
        "a simple packet before any interface; one that follows an interface "
        "description is accepted");
  }
  const Interface& seen_by = interfaces_.front();
  const uint32_t wire_octets = order_.Read32(block.bytes.data() + 8);
  size_t captured_octets =
      std::min<size_t>(wire_octets, block.From(kFixedBytes).size());
  if (seen_by.snap_octets != 0) {
    captured_octets = std::min<size_t>(captured_octets, seen_by.snap_octets);
  }
  if (captured_octets > kMaxCapturedOctets) {
    return FailBlock(
        fmt::format("a packet of {} captured octets; at most {} are accepted",
                    captured_octets, kMaxCapturedOctets));
  }
  packet->data = block.bytes.data() + kFixedBytes;
  packet->captured_octets = static_cast<uint32_t>(captured_octets);
  packet->wire_octets = wire_octets;
  packet->link_type = seen_by.link_type;
  AddWithoutTime(packet);
  return Outcome::kPacket;
}

// Section 4.6. The counters run from the start of the capture, so that a later
// block replaces an earlier one of its interface.
PcapngReader::Outcome PcapngReader::ParseStatistics(const Block& block) {
  const uint32_t interface_id = order_.Read32(block.bytes.data() + 8);
  if (interface_id >= interfaces_.size()) return Outcome::kNoPacket;
  Interface& described = interfaces_[interface_id];
  OptionCursor options(block.From(20), order_);
  while (const std::optional<Option> option = options.Next()) {
    if (option->value.size() != 8) continue;
    const uint64_t value = order_.Read64(option->value.data());
    if (option->code == kIsbIfdrop) {
      described.interface_drops =
          std::max(described.interface_drops.value_or(0), value);
    } else if (option->code == kIsbOsdrop) {
      described.os_drops = std::max(described.os_drops.value_or(0), value);
    }
  }
  return Outcome::kNoPacket;
}

// Adds up what the section said of its losses, and forgets its interfaces.
void PcapngReader::CloseSection() {
  for (const Interface& described : interfaces_) {
    const std::optional<uint64_t> drops = described.Drops();
    if (!drops.has_value()) continue;
    summary_.reported_drops =
        SaturatingAdd(summary_.reported_drops.value_or(0), *drops);
  }
  interfaces_.clear();
}

PcapngReader::Outcome PcapngReader::FailBlock(const std::string& message) {
  Fail(message);
  return Outcome::kStopped;
}

absl::Status NoCaptureError(const ByteStream& stream) {
  const std::span<const uint8_t> found = stream.window();
  const bool is_plain = stream.encoding() == ByteStream::Encoding::kPlain;
  const std::string content =
      is_plain ? ""
               : fmt::format("{} content ", EncodingName(stream.encoding()));
  if (found.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}is empty; {}", stream.name(), content, kAccepted));
  }
  return absl::InvalidArgumentError(
      fmt::format("{}: {}begins with {}{}; {}", stream.name(), content,
                  HexOf(found), KnownFormatOf(found), kAccepted));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CaptureReader>> CaptureReader::Open(
    CaptureReaderOptions options) {
  absl::StatusOr<std::unique_ptr<ByteStream>> opened =
      ByteStream::Open(options.path, std::move(options.observer));
  if (!opened.ok()) return opened.status();
  std::unique_ptr<ByteStream> stream = *std::move(opened);

  constexpr size_t kMagicBytes = 4;
  if (!stream->Fill(kMagicBytes)) {
    if (!stream->status().ok()) return stream->status();
    return NoCaptureError(*stream);
  }
  const uint8_t* magic = stream->window().data();
  if (ByteOrder().Read32(magic) == kSectionHeaderBlock) {
    return PcapngReader::Create(std::move(options.path), std::move(stream));
  }
  for (const bool is_swapped : {false, true}) {
    const ByteOrder order(is_swapped);
    for (const PcapVariant& variant : kPcapVariants) {
      if (order.Read32(magic) != variant.magic) continue;
      return PcapReader::Create(std::move(options.path), std::move(stream),
                                variant, order);
    }
  }
  return NoCaptureError(*stream);
}

CaptureReader::CaptureReader(std::string path,
                             std::unique_ptr<ByteStream> stream)
    : stream_(std::move(stream)) {
  summary_.path = std::move(path);
}

size_t CaptureReader::Next(std::span<Packet> packets) {
  assert(!packets.empty());
  const size_t count = is_finished_ ? 0 : ReadBatch(packets);
  if (count == 0) Finish();
  summary_.packets += count;
  summary_.bytes_read = stream_->raw_bytes_read();
  return count;
}

bool CaptureReader::FillWindow(size_t bytes, size_t batch_size) {
  if (is_finished_ || batch_size > 0) return false;
  if (stream_->Fill(bytes)) return true;
  is_finished_ = true;
  status_ = stream_->status();
  const size_t left_bytes = stream_->window().size();
  if (status_.ok() && left_bytes > 0) {
    summary_.truncated = true;
    summary_.note = fmt::format(
        "{}: the capture ends inside its last record: {} of at least {} bytes "
        "are there; what came before was read",
        Position(), left_bytes, bytes);
  }
  return false;
}

void CaptureReader::Fail(const std::string& message) {
  is_finished_ = true;
  status_ = absl::DataLossError(fmt::format("{}: {}", Position(), message));
}

std::string CaptureReader::Position() const {
  const bool is_plain = stream_->encoding() == ByteStream::Encoding::kPlain;
  return fmt::format("{}: byte {}{}", stream_->name(), stream_->offset(),
                     is_plain ? "" : " after decompression");
}

void CaptureReader::AddTimed(Packet* packet, int64_t timestamp_ns) {
  packet->timestamp_ns = timestamp_ns;
  clock_ns_ = std::max(clock_ns_, timestamp_ns);
  packet->clock_ns = clock_ns_;
  if (!summary_.first_ns.has_value()) {
    summary_.first_ns = summary_.last_ns = timestamp_ns;
  } else {
    summary_.first_ns = std::min(*summary_.first_ns, timestamp_ns);
    summary_.last_ns = std::max(*summary_.last_ns, timestamp_ns);
  }
}

void CaptureReader::AddWithoutTime(Packet* packet) {
  packet->timestamp_ns = clock_ns_;
  packet->clock_ns = clock_ns_;
  ++summary_.packets_without_time;
}

// The digest of a capture covers all of its file, also what was not parsed.
void CaptureReader::Finish() {
  if (is_drained_) return;
  is_drained_ = true;
  stream_->Drain();
  summary_.is_fully_read = stream_->is_fully_read();
}

}  // namespace octroi
