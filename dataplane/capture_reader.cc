// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture_reader.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

#include "dataplane/capture_bytes.h"
#include "dataplane/pcap_reader.h"
#include "dataplane/pcapng_reader.h"
#include "fmt/format.h"

namespace octroi {
namespace {

constexpr std::string_view kAccepted =
    "a pcap or pcapng capture is accepted, plain or compressed with gzip or "
    "zstd";

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
  if (IsPcapngMagic(magic)) {
    return OpenPcapng(std::move(options.path), std::move(stream));
  }
  if (IsPcapMagic(magic)) {
    return OpenPcap(std::move(options.path), std::move(stream));
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

void CaptureReader::AddTimed(std::span<Packet> packets) {
  if (packets.empty()) return;
  int64_t first_ns = summary_.first_ns.value_or(packets[0].timestamp_ns);
  int64_t last_ns = summary_.last_ns.value_or(packets[0].timestamp_ns);
  int64_t clock_ns = clock_ns_;
  for (Packet& packet : packets) {
    first_ns = std::min(first_ns, packet.timestamp_ns);
    last_ns = std::max(last_ns, packet.timestamp_ns);
    clock_ns = std::max(clock_ns, packet.timestamp_ns);
    packet.clock_ns = clock_ns;
  }
  summary_.first_ns = first_ns;
  summary_.last_ns = last_ns;
  clock_ns_ = clock_ns;
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
