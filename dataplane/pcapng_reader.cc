// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pcapng_reader.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/capture_bytes.h"
#include "dataplane/limits.h"
#include "fmt/format.h"

namespace octroi {
namespace {

uint64_t SaturatingAdd(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

constexpr size_t PaddedToFour(size_t bytes) { return (bytes + 3) & ~size_t{3}; }

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
    easy_ticks_ = 0;
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
    if (exponent <= kNsExponent) easy_ticks_ = kMaxTimestampNs / multiplier_;
  }

  void SetOffset(int64_t seconds) { offset_seconds_ = seconds; }

  // Ticks are below 2^64, seconds below 2^63 and factors below 2^30.
  int64_t ToTimestamp(uint64_t ticks) const {
    if (ticks <= easy_ticks_ && offset_seconds_ == 0) {
      return static_cast<int64_t>(ticks * multiplier_);
    }
    WideInt ns = WideInt{ticks} * multiplier_;
    if (divisor_ != 1) ns /= divisor_;
    ns >>= shift_;
    return ClampTimestamp(ns + WideInt{offset_seconds_} * kNsPerSecond);
  }

 private:
  uint64_t multiplier_ = 1000;  // Microseconds, if the file does not say.
  uint64_t divisor_ = 1;
  int shift_ = 0;
  // Up to here 64 bits are enough, and neither division nor shift is needed.
  uint64_t easy_ticks_ = kMaxTimestampNs / 1000;
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
  OptionCursor(std::span<const uint8_t> bytes, FileByteOrder order)
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
  FileByteOrder order_;
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

  FileByteOrder order_;
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
    const FileByteOrder order(is_swapped);
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
  packet->timestamp_ns =
      seen_by.clock.ToTimestamp(order_.ReadTicks(start + 12));
  AddTimed({packet, 1});

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

}  // namespace

bool IsPcapngMagic(const uint8_t* magic) {
  return FileByteOrder().Read32(magic) == kSectionHeaderBlock;
}

absl::StatusOr<std::unique_ptr<CaptureReader>> OpenPcapng(
    std::string path, std::unique_ptr<ByteStream> stream) {
  return PcapngReader::Create(std::move(path), std::move(stream));
}

}  // namespace octroi
