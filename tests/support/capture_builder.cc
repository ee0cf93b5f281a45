// SPDX-License-Identifier: Apache-2.0
#include "tests/support/capture_builder.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace octroi::testing {

ByteWriter& ByteWriter::Integer(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) {
    text += static_cast<char>(value >> (8 * i) & 0xFF);
  }
  if (order_ == ByteOrder::kBig) std::reverse(text.begin(), text.end());
  return Raw(text);
}

ByteWriter& ByteWriter::U8(uint8_t value) { return Integer(value, 1); }
ByteWriter& ByteWriter::U16(uint16_t value) { return Integer(value, 2); }
ByteWriter& ByteWriter::U32(uint32_t value) { return Integer(value, 4); }
ByteWriter& ByteWriter::U64(uint64_t value) { return Integer(value, 8); }

ByteWriter& ByteWriter::Raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

ByteWriter& ByteWriter::Pad() {
  bytes_.resize((bytes_.size() + 3) / 4 * 4);
  return *this;
}

PcapBuilder::PcapBuilder(PcapOptions options)
    : options_(std::move(options)), writer_(options_.order) {
  writer_.U32(options_.magic)
      .U16(options_.version_major)
      .U16(options_.version_minor)
      .U32(0)
      .U32(0)
      .U32(options_.snap_octets)
      .U32(options_.link_field)
      .Raw(options_.extra_header);
}

PcapBuilder& PcapBuilder::Packet(uint32_t seconds, uint32_t ticks,
                                 std::string_view bytes,
                                 std::optional<uint32_t> wire_octets) {
  const auto captured_octets = static_cast<uint32_t>(bytes.size());
  return RecordHeader(seconds, ticks, captured_octets,
                      wire_octets.value_or(captured_octets))
      .Raw(bytes);
}

PcapBuilder& PcapBuilder::RecordHeader(uint32_t seconds, uint32_t ticks,
                                       uint32_t captured_octets,
                                       uint32_t wire_octets) {
  if (options_.has_original_length_first) {
    std::swap(captured_octets, wire_octets);
  }
  writer_.U32(seconds)
      .U32(ticks)
      .U32(captured_octets)
      .U32(wire_octets)
      .Raw(options_.extra_record_header);
  return *this;
}

PcapBuilder& PcapBuilder::Raw(std::string_view bytes) {
  writer_.Raw(bytes);
  return *this;
}

PcapngBuilder::PcapngBuilder(ByteOrder order) : order_(order) {
  Section(order);
}

PcapngBuilder& PcapngBuilder::Section(ByteOrder order, uint16_t version_major,
                                      uint16_t version_minor) {
  order_ = order;
  constexpr uint64_t kNoSectionLength = UINT64_MAX;
  return Block(0x0A0D0D0A, Body()
                               .U32(0x1A2B3C4D)
                               .U16(version_major)
                               .U16(version_minor)
                               .U64(kNoSectionLength)
                               .bytes());
}

PcapngBuilder& PcapngBuilder::Interface(uint16_t link_type,
                                        uint32_t snap_octets, Options options) {
  ByteWriter body = Body();
  body.U16(link_type).U16(0).U32(snap_octets);
  Append(&body, options);
  return Block(1, body.bytes());
}

PcapngBuilder& PcapngBuilder::Enhanced(uint32_t interface_id, uint64_t ticks,
                                       std::string_view bytes,
                                       std::optional<uint32_t> wire_octets,
                                       Options options) {
  const auto captured_octets = static_cast<uint32_t>(bytes.size());
  ByteWriter body = Body();
  body.U32(interface_id)
      .U32(static_cast<uint32_t>(ticks >> 32))
      .U32(static_cast<uint32_t>(ticks))
      .U32(captured_octets)
      .U32(wire_octets.value_or(captured_octets))
      .Raw(bytes)
      .Pad();
  Append(&body, options);
  return Block(6, body.bytes());
}

PcapngBuilder& PcapngBuilder::Obsolete(uint16_t interface_id, uint16_t drops,
                                       uint64_t ticks, std::string_view bytes) {
  const auto captured_octets = static_cast<uint32_t>(bytes.size());
  return Block(2, Body()
                      .U16(interface_id)
                      .U16(drops)
                      .U32(static_cast<uint32_t>(ticks >> 32))
                      .U32(static_cast<uint32_t>(ticks))
                      .U32(captured_octets)
                      .U32(captured_octets)
                      .Raw(bytes)
                      .Pad()
                      .bytes());
}

PcapngBuilder& PcapngBuilder::Simple(uint32_t wire_octets,
                                     std::string_view bytes) {
  return Block(3, Body().U32(wire_octets).Raw(bytes).Pad().bytes());
}

PcapngBuilder& PcapngBuilder::Statistics(uint32_t interface_id,
                                         Options options) {
  ByteWriter body = Body();
  body.U32(interface_id).U32(0).U32(0);
  Append(&body, options);
  return Block(5, body.bytes());
}

PcapngBuilder& PcapngBuilder::Block(uint32_t type, std::string_view body) {
  const auto length = static_cast<uint32_t>(12 + body.size());
  return Raw(Body().U32(type).U32(length).Raw(body).U32(length).bytes());
}

PcapngBuilder& PcapngBuilder::Raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

std::string PcapngBuilder::U64(uint64_t value) const {
  return Body().U64(value).bytes();
}

void PcapngBuilder::Append(ByteWriter* body, Options options) const {
  if (options.size() == 0) return;
  for (const PcapngOption& option : options) {
    body->U16(option.code)
        .U16(static_cast<uint16_t>(option.value.size()))
        .Raw(option.value)
        .Pad();
  }
  body->U16(0).U16(0);
}

std::string Gzip(std::string_view content) {
  z_stream zlib{};
  constexpr int kGzipWindowBits = 15 + 16;
  [[maybe_unused]] int code =
      deflateInit2(&zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits,
                   /*memLevel=*/8, Z_DEFAULT_STRATEGY);
  assert(code == Z_OK);
  std::string compressed(deflateBound(&zlib, content.size()), '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  zlib.avail_in = static_cast<uInt>(content.size());
  zlib.next_out = reinterpret_cast<Bytef*>(compressed.data());
  zlib.avail_out = static_cast<uInt>(compressed.size());
  code = deflate(&zlib, Z_FINISH);
  assert(code == Z_STREAM_END);
  compressed.resize(zlib.total_out);
  deflateEnd(&zlib);
  return compressed;
}

std::string Zstd(std::string_view content) {
  std::string compressed(ZSTD_compressBound(content.size()), '\0');
  const size_t bytes =
      ZSTD_compress(compressed.data(), compressed.size(), content.data(),
                    content.size(), /*compressionLevel=*/3);
  assert(!ZSTD_isError(bytes));
  compressed.resize(bytes);
  return compressed;
}

}  // namespace octroi::testing
