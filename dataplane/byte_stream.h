// SPDX-License-Identifier: Apache-2.0
// The bytes of one file or of standard input, in order, through a window of
// bounded size. Content that is compressed with gzip (RFC 1952) or Zstandard
// (RFC 8878) is recognised by its first bytes and decompressed on the way,
// concatenated members and frames included.
//
// Capture files are parsed in place in the window: a plain file is read
// straight into it, and nothing but the unparsed tail of a block is ever moved.
// What a caller holds of the window stays as it is: the stream then goes on in
// other memory, which it uses again once nobody holds it.
//
// Blocks of a plain file can be read ahead by other threads (PlanAhead), which
// is where reading costs most: the kernel copies them.
//
// Thread safety: one thread at a time, but for reading what was planned.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/limits.h"
#include "dataplane/replay_source.h"

namespace octroi {

class ByteStream {
 public:
  // Told of every block of raw (still compressed) bytes as it is read, in file
  // order, so that a digest of the file needs no second pass. Called on the
  // thread that reads, once per block of at most 256 KiB.
  using Observer = std::function<void(std::span<const uint8_t>)>;

  // How the raw bytes are stored.
  enum class Encoding : uint8_t { kPlain, kGzip, kZstd };

  // Largest number of bytes that Fill can be asked for.
  static constexpr size_t kMaxWindowBytes = kMaxPcapngBlockBytes;

  // Opens `path`, "-" being standard input, and reads its first block. Fails
  // if it cannot be opened or is a directory; an empty file is an empty stream.
  static absl::StatusOr<std::unique_ptr<ByteStream>> Open(
      const std::string& path, Observer observer = nullptr);

  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  // The decompressed bytes that have been read and not consumed. Valid until
  // the next Fill or Drain, or for as long as the memory is held; Consume
  // leaves bytes in place.
  std::span<const uint8_t> window() const {
    return {buffer_.bytes.get() + begin_, end_ - begin_};
  }

  // The memory of the window, whose bytes stay as they are for as long as it is
  // held. To be let go of on this stream's thread, or ordered with it.
  std::shared_ptr<const void> Hold() const { return buffer_.bytes; }
  // Size of the memory that Hold gives, bytes.
  size_t memory_bytes() const { return buffer_.capacity; }

  // Reads until the window has at least `bytes` bytes. False if the stream ends
  // before; status() then tells an end from a failure, and the window holds
  // what came before it.
  // REQUIRES: bytes <= kMaxWindowBytes.
  bool Fill(size_t bytes);

  // The next block of a plain file that was not planned before, to be read by
  // another thread. Fill takes it when it comes to it, and reads it itself if
  // nobody has begun to. Null at the end, if kMaxBlocksAhead are planned, and
  // for what is no plain file.
  std::shared_ptr<BytesAhead> PlanAhead();

  // Drops the first `bytes` bytes of the window.
  // REQUIRES: bytes <= window().size().
  void Consume(size_t bytes) {
    assert(bytes <= end_ - begin_);
    begin_ += bytes;
    offset_ += bytes;
  }

  // Reads what is left of a regular file past the observer and drops it, so
  // that a digest covers the whole file also when parsing stopped early. Other
  // files are left where they are: a pipe need not end. The window is empty
  // afterwards.
  void Drain();

  // Ok until reading or decompressing failed. Bytes before the failure are
  // handed out first.
  const absl::Status& status() const { return status_; }

  // Position of window()[0] in the decompressed stream, in bytes.
  uint64_t offset() const { return offset_; }

  // Raw bytes read so far, compressed as they are stored.
  uint64_t raw_bytes_read() const { return raw_bytes_read_; }

  // True once the observer has seen every byte of the file.
  bool is_fully_read() const { return is_fully_read_; }

  // Size of a regular file when it was opened; nothing for a pipe.
  std::optional<uint64_t> file_bytes() const { return file_bytes_; }

  Encoding encoding() const { return encoding_; }

  // The path for messages: "standard input" for "-".
  const std::string& name() const { return name_; }

  // Turns compressed bytes into plain ones; one implementation per encoding.
  class Decoder;

 private:
  static constexpr size_t kReadBytes = 256 * 1024;
  static constexpr size_t kAlignment = 4096;
  static constexpr size_t kBufferBytes = 2 * kReadBytes;
  static constexpr size_t kMaxBlocksAhead = 4;

  // Memory on a page boundary; shared with those that hold it.
  struct Buffer {
    std::shared_ptr<uint8_t[]> bytes;
    size_t capacity = 0;

    bool is_held() const { return bytes.use_count() > 1; }
  };

  // A block that was read ahead: the upper half of a buffer, fewer than
  // kReadBytes at the end of the file or before the error.
  struct Ahead {
    Buffer buffer;
    size_t size = 0;
    int error = 0;  // Of errno; 0 is none.

    std::span<const uint8_t> raw() const {
      return {buffer.bytes.get() + kReadBytes, size};
    }
  };
  class BlockAhead;

  ByteStream(std::string name, int descriptor, Observer observer);

  // Nothing in it if there is no memory.
  static Buffer Allocate(size_t bytes);

  absl::Status Start(bool is_stdin);
  absl::Status StartDecoder();
  bool MoveTailToStart();
  Buffer FreeBuffer(size_t bytes);
  void Leave(Buffer buffer);
  void MoveToAhead();
  bool LeaveHeldBuffer();
  bool MakeRoom();
  void ReadPlain();
  Ahead TakeAhead();
  void DropAhead();
  void ReadDecoded();
  size_t ReadRaw(uint8_t* to, size_t bytes);
  void AddRaw(std::span<const uint8_t> raw);
  void FailReading(int error);
  void End(absl::Status status);
  uint64_t decoded_raw_bytes() const { return raw_bytes_read_ - raw_.size(); }

  // Constant after Start.
  const std::string name_;
  const int descriptor_;
  const Observer observer_;
  std::optional<uint64_t> file_bytes_;
  Encoding encoding_ = Encoding::kPlain;
  bool is_positioned_ = false;  // Read from the places of a regular file.

  // The window is [begin_, end_) of the buffer.
  Buffer buffer_;
  std::vector<Buffer> left_;  // Used before; free unless held.
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t offset_ = 0;

  // Planned and not yet come to, in the file's order.
  std::deque<std::shared_ptr<BlockAhead>> ahead_;

  // Compressed input; unused for a plain file.
  std::unique_ptr<Decoder> decoder_;
  Buffer raw_buffer_;
  std::span<const uint8_t> raw_;  // Read and not decompressed.

  uint64_t raw_bytes_read_ = 0;
  bool is_raw_ended_ = false;
  bool is_fully_read_ = false;
  bool is_ended_ = false;
  absl::Status status_;
};

// "gzip", "zstd", "plain".
std::string_view EncodingName(ByteStream::Encoding encoding);

}  // namespace octroi
