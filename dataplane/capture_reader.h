// SPDX-License-Identifier: Apache-2.0
// The packets of one capture file: pcap (draft-ietf-opsawg-pcap) with the
// variants that libpcap and Wireshark read, and pcapng
// (draft-ietf-opsawg-pcapng) with several sections and interfaces of different
// link types, snap lengths and clocks.
//
// A capture is hostile input. The reader is streaming and bounded: it parses
// records in place in the window of a ByteStream, and stops at the first
// record that cannot be, saying at which byte. Packets before it stand.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/byte_stream.h"
#include "dataplane/packet.h"
#include "dataplane/replay_source.h"

namespace octroi {

// What a capture file held. Grows while it is read.
struct CaptureSummary {
  std::string path;  // As it was given: "-" is standard input.
  uint64_t packets = 0;
  // Earliest and latest time of a packet, ns since the Unix epoch; nothing if
  // no packet has a time.
  std::optional<int64_t> first_ns;
  std::optional<int64_t> last_ns;
  // The file ends inside its last packet or block. A note, not an error: it is
  // what a capture looks like whose writer was stopped.
  bool truncated = false;
  // One line that says where and how; "" if not truncated.
  std::string note;
  // Simple packet blocks of pcapng carry no time.
  uint64_t packets_without_time = 0;
  // Packets that the capture itself says were lost before they reached the
  // file: pcapng interface statistics (isb_ifdrop, isb_osdrop) and packet drop
  // counts. Nothing means that the file does not say, which is not 0. The two
  // kinds count the same losses, so of each interface the larger is taken.
  std::optional<uint64_t> reported_drops;
  // Raw bytes of the file, as stored.
  uint64_t bytes_read = 0;
  // Whether the observer saw every byte of the file, that is, whether a digest
  // covers the whole file.
  bool is_fully_read = false;
};

struct CaptureReaderOptions {
  std::string path;                    // "-" is standard input.
  ByteStream::Observer observer = {};  // May be empty.
};

class CaptureReader {
 public:
  // Opens the capture and reads its file header or first section header. Fails
  // with one line that names the path, what was found and what is accepted.
  static absl::StatusOr<std::unique_ptr<CaptureReader>> Open(
      CaptureReaderOptions options);

  virtual ~CaptureReader() = default;
  CaptureReader(const CaptureReader&) = delete;
  CaptureReader& operator=(const CaptureReader&) = delete;

  // Fills up to packets.size() packets, in the file's order, and returns how
  // many; 0 at the end or after an error. May return fewer than there are. The
  // bytes stay valid until the next call, or for as long as they are held.
  // clock_ns is set to the file's own running clock: the latest time up to and
  // including this packet.
  //
  // At the end, the rest of a regular file is read past the observer.
  // REQUIRES: !packets.empty().
  size_t Next(std::span<Packet> packets);

  // Holds the bytes of the packets that Next returned last.
  void HoldBytes(HeldBytes* held) const {
    held->Add(stream_->Hold(), stream_->memory_bytes());
  }

  // As ByteStream::PlanAhead.
  std::shared_ptr<BytesAhead> PlanAhead() { return stream_->PlanAhead(); }

  // Ok, or why reading stopped before the end of the file.
  const absl::Status& status() const { return status_; }

  // True once no packet can follow those handed over.
  bool is_finished() const { return is_finished_; }

  // Final once Next has returned 0.
  const CaptureSummary& summary() const { return summary_; }

  // Size of a regular file; nothing for a pipe.
  std::optional<uint64_t> file_bytes() const { return stream_->file_bytes(); }

 protected:
  CaptureReader(std::string path, std::unique_ptr<ByteStream> stream);

  // Parses records in the window. Returns 0 only if it has ended the reading.
  virtual size_t ReadBatch(std::span<Packet> packets) = 0;

  // Whether the window has `bytes` bytes, reading more if it may: packets that
  // are already in the batch (`batch_size`) point into the window, so then the
  // batch must go out first. Ends the reading at the end of the stream.
  bool Require(size_t bytes, size_t batch_size) {
    return stream_->window().size() >= bytes || FillWindow(bytes, batch_size);
  }

  // Ends the reading with an error about the record at the window's start.
  void Fail(const std::string& message);

  // Counts packets that have their timestamp_ns, and sets their clocks.
  void AddTimed(std::span<Packet> packets);
  void AddWithoutTime(Packet* packet);

  const std::unique_ptr<ByteStream> stream_;
  CaptureSummary summary_;

 private:
  bool FillWindow(size_t bytes, size_t batch_size);
  void Finish();
  // "path: byte 24", of the record at the window's start.
  std::string Position() const;

  absl::Status status_;
  int64_t clock_ns_ = 0;
  bool is_finished_ = false;
  bool is_drained_ = false;
};

}  // namespace octroi
