// SPDX-License-Identifier: Apache-2.0
// Capture files byte by byte, for tests: pcap in its variants and pcapng in
// either byte order, valid or broken on purpose. A builder appends and returns
// itself, so that a file reads as a list of its records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace octroi::testing {

enum class ByteOrder : uint8_t { kLittle, kBig };

// Appends integers in a byte order.
class ByteWriter {
 public:
  explicit ByteWriter(ByteOrder order = ByteOrder::kLittle) : order_(order) {}

  ByteWriter& U8(uint8_t value);
  ByteWriter& U16(uint16_t value);
  ByteWriter& U32(uint32_t value);
  ByteWriter& U64(uint64_t value);
  ByteWriter& Raw(std::string_view bytes);
  // Zeros up to the next multiple of four.
  ByteWriter& Pad();

  const std::string& bytes() const { return bytes_; }

 private:
  ByteWriter& Integer(uint64_t value, size_t bytes);

  ByteOrder order_;
  std::string bytes_;
};

struct PcapOptions {
  uint32_t magic = 0xA1B2C3D4;
  ByteOrder order = ByteOrder::kLittle;
  uint16_t version_major = 2;
  uint16_t version_minor = 4;
  uint32_t snap_octets = 262'144;
  uint32_t link_field = 1;  // With the upper bits, where a test sets them.
  // Written behind the file header, and behind each record header.
  std::string extra_header = {};
  std::string extra_record_header = {};
  // Write the original length before the captured one.
  bool has_original_length_first = false;
};

class PcapBuilder {
 public:
  explicit PcapBuilder(PcapOptions options = {});

  // A packet with these bytes; its length on the wire is theirs unless given.
  PcapBuilder& Packet(uint32_t seconds, uint32_t ticks, std::string_view bytes,
                      std::optional<uint32_t> wire_octets = std::nullopt);
  // A record header alone, with whatever lengths.
  PcapBuilder& RecordHeader(uint32_t seconds, uint32_t ticks,
                            uint32_t captured_octets, uint32_t wire_octets);
  PcapBuilder& Raw(std::string_view bytes);

  const std::string& bytes() const { return writer_.bytes(); }

 private:
  PcapOptions options_;
  ByteWriter writer_;
};

// One option of a pcapng block; padded when it is written.
struct PcapngOption {
  uint16_t code = 0;
  std::string value;
};

class PcapngBuilder {
 public:
  using Options = std::initializer_list<PcapngOption>;

  // Begins the first section.
  explicit PcapngBuilder(ByteOrder order = ByteOrder::kLittle);

  // Begins another section, from here on in `order`.
  PcapngBuilder& Section(ByteOrder order, uint16_t version_major = 1,
                         uint16_t version_minor = 0);
  PcapngBuilder& Interface(uint16_t link_type, uint32_t snap_octets = 0,
                           Options options = {});
  PcapngBuilder& Enhanced(uint32_t interface_id, uint64_t ticks,
                          std::string_view bytes,
                          std::optional<uint32_t> wire_octets = std::nullopt,
                          Options options = {});
  // `drops` of 0xFFFF means not known.
  PcapngBuilder& Obsolete(uint16_t interface_id, uint16_t drops, uint64_t ticks,
                          std::string_view bytes);
  PcapngBuilder& Simple(uint32_t wire_octets, std::string_view bytes);
  PcapngBuilder& Statistics(uint32_t interface_id, Options options);
  // Any block: its body as it is, with true lengths around it.
  PcapngBuilder& Block(uint32_t type, std::string_view body);
  PcapngBuilder& Raw(std::string_view bytes);

  // An eight-byte value for an option, in the current section's order.
  std::string U64(uint64_t value) const;

  const std::string& bytes() const { return bytes_; }

 private:
  ByteWriter Body() const { return ByteWriter(order_); }
  void Append(ByteWriter* body, Options options) const;

  ByteOrder order_;
  std::string bytes_;
};

// One gzip member and one zstd frame with this content.
std::string Gzip(std::string_view content);
std::string Zstd(std::string_view content);

}  // namespace octroi::testing
