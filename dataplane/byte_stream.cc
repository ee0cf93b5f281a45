// SPDX-License-Identifier: Apache-2.0
#include "dataplane/byte_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <system_error>
#include <utility>

#include "fmt/format.h"

namespace octroi {
namespace {

// RFC 1952 §2.3.1: ID1, ID2 and the one compression method there is.
constexpr std::array<uint8_t, 3> kGzipMagic = {0x1f, 0x8b, 0x08};
// RFC 8878 §3.1.1 and §3.1.2: a frame, and a skippable frame (the low four
// bits of its first byte are free). Both little-endian.
constexpr uint32_t kZstdMagic = 0xFD2FB528;
constexpr uint32_t kZstdSkippableMagic = 0x184D2A50;
constexpr size_t kMagicBytes = 4;

ByteStream::Encoding EncodingOf(std::span<const uint8_t> first_bytes) {
  using Encoding = ByteStream::Encoding;
  if (first_bytes.size() >= kGzipMagic.size() &&
      std::equal(kGzipMagic.begin(), kGzipMagic.end(), first_bytes.begin())) {
    return Encoding::kGzip;
  }
  if (first_bytes.size() < kMagicBytes) return Encoding::kPlain;
  const uint32_t magic = first_bytes[0] | first_bytes[1] << 8 |
                         first_bytes[2] << 16 |
                         static_cast<uint32_t>(first_bytes[3]) << 24;
  if (magic == kZstdMagic || (magic & ~0xFu) == kZstdSkippableMagic) {
    return Encoding::kZstd;
  }
  return Encoding::kPlain;
}

absl::Status ErrnoStatus(int error, const std::string& name,
                         std::string_view what) {
  return absl::Status(
      absl::ErrnoToStatusCode(error),
      fmt::format("{}: {}: {}; a readable capture file is accepted", name, what,
                  std::generic_category().message(error)));
}

constexpr size_t RoundUp(size_t value, size_t to) {
  return (value + to - 1) / to * to;
}

}  // namespace

std::string_view EncodingName(ByteStream::Encoding encoding) {
  switch (encoding) {
    case ByteStream::Encoding::kPlain:
      return "plain";
    case ByteStream::Encoding::kGzip:
      return "gzip";
    case ByteStream::Encoding::kZstd:
      return "zstd";
  }
  return "";
}

class ByteStream::Decoder {
 public:
  struct Result {
    size_t consumed = 0;
    size_t produced = 0;
    const char* error = nullptr;  // Null, or what is wrong with the input.
  };

  virtual ~Decoder() = default;

  // Decodes from `input` to `output` as far as both reach or to the end of a
  // member. Also called with no input, for output that is still held back.
  virtual Result Decode(std::span<const uint8_t> input,
                        std::span<uint8_t> output) = 0;

  // Whether the compressed stream may end here.
  virtual bool is_between_members() const = 0;
};

namespace {

class GzipDecoder final : public ByteStream::Decoder {
 public:
  static std::unique_ptr<GzipDecoder> Create() {
    auto decoder = std::make_unique<GzipDecoder>();
    constexpr int kWindowBits = 15;
    constexpr int kGzipOnly = 16;
    if (inflateInit2(&decoder->zlib_, kWindowBits + kGzipOnly) != Z_OK) {
      return nullptr;
    }
    return decoder;
  }

  ~GzipDecoder() override { inflateEnd(&zlib_); }

  Result Decode(std::span<const uint8_t> input,
                std::span<uint8_t> output) override {
    Result result;
    if (is_between_members_) {
      // As gzip does: zeros may pad the end (tape blocks), and whatever else
      // follows must be another member.
      const auto* next = std::find_if(input.data(), input.data() + input.size(),
                                      [](uint8_t byte) { return byte != 0; });
      result.consumed = static_cast<size_t>(next - input.data());
      input = input.subspan(result.consumed);
      if (input.empty()) return result;
      inflateReset(&zlib_);
      is_between_members_ = false;
    }
    // zlib does not write through next_in, whose type is not const.
    zlib_.next_in = const_cast<Bytef*>(input.data());
    zlib_.avail_in = static_cast<uInt>(input.size());
    zlib_.next_out = output.data();
    zlib_.avail_out = static_cast<uInt>(output.size());
    const int code = inflate(&zlib_, Z_NO_FLUSH);
    result.consumed += input.size() - zlib_.avail_in;
    result.produced = output.size() - zlib_.avail_out;
    if (code == Z_STREAM_END) {
      is_between_members_ = true;
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      result.error = zlib_.msg != nullptr ? zlib_.msg : "not a gzip member";
    }
    return result;
  }

  bool is_between_members() const override { return is_between_members_; }

 private:
  z_stream zlib_{};
  bool is_between_members_ = true;
};

class ZstdDecoder final : public ByteStream::Decoder {
 public:
  static std::unique_ptr<ZstdDecoder> Create() {
    auto decoder = std::make_unique<ZstdDecoder>();
    decoder->zstd_ = ZSTD_createDCtx();
    if (decoder->zstd_ == nullptr ||
        ZSTD_isError(ZSTD_DCtx_setParameter(decoder->zstd_, ZSTD_d_windowLogMax,
                                            kMaxZstdWindowLog))) {
      return nullptr;
    }
    return decoder;
  }

  ~ZstdDecoder() override { ZSTD_freeDCtx(zstd_); }

  Result Decode(std::span<const uint8_t> input,
                std::span<uint8_t> output) override {
    if (input.empty() && is_between_members_) return {};
    ZSTD_inBuffer in = {input.data(), input.size(), 0};
    ZSTD_outBuffer out = {output.data(), output.size(), 0};
    const size_t code = ZSTD_decompressStream(zstd_, &out, &in);
    Result result{.consumed = in.pos, .produced = out.pos};
    if (ZSTD_isError(code)) result.error = ZSTD_getErrorName(code);
    is_between_members_ = code == 0;
    return result;
  }

  bool is_between_members() const override { return is_between_members_; }

 private:
  ZSTD_DCtx* zstd_ = nullptr;
  bool is_between_members_ = true;
};

}  // namespace

// A block of a file on its way from the thread that reads it to the stream.
class ByteStream::BlockAhead final : public BytesAhead {
 public:
  BlockAhead(int descriptor, uint64_t offset, Buffer buffer)
      : descriptor_(descriptor), offset_(offset), buffer_(std::move(buffer)) {}

  void Read() override {
    State state = State::kPlanned;
    if (!state_.compare_exchange_strong(state, State::kReading,
                                        std::memory_order_acquire)) {
      return;
    }
    ReadAll();
    state_.store(State::kRead, std::memory_order_release);
    state_.notify_all();
  }
  bool is_used() const override { return is_used_; }

  // The stream's: reads it, or waits for who does.
  Ahead Finish() {
    is_used_ = true;
    Read();
    state_.wait(State::kReading, std::memory_order_acquire);
    return {std::move(buffer_), size_, error_};
  }
  // The stream's: nobody uses the descriptor from here on.
  void Drop() {
    is_used_ = true;
    State state = State::kPlanned;
    if (state_.compare_exchange_strong(state, State::kRead)) return;
    state_.wait(State::kReading, std::memory_order_acquire);
  }
  // Where the next block begins.
  uint64_t end_offset() const { return offset_ + kReadBytes; }

 private:
  enum class State : uint8_t { kPlanned, kReading, kRead };

  void ReadAll() {
    uint8_t* const to = buffer_.bytes.get() + kReadBytes;
    while (size_ < kReadBytes) {
      const ssize_t count = ::pread(descriptor_, to + size_, kReadBytes - size_,
                                    static_cast<off_t>(offset_ + size_));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) error_ = errno;
      if (count <= 0) return;
      size_ += static_cast<size_t>(count);
    }
  }

  const int descriptor_;
  const uint64_t offset_;
  Buffer buffer_;
  std::atomic<State> state_{State::kPlanned};
  bool is_used_ = false;

  // Of the thread that reads; the stream's once kRead.
  size_t size_ = 0;
  int error_ = 0;
};

absl::StatusOr<std::unique_ptr<ByteStream>> ByteStream::Open(
    const std::string& path, Observer observer) {
  const bool is_stdin = path == "-";
  const std::string name = is_stdin ? "standard input" : path;
  // A duplicate, so that this object may close what it has.
  const int descriptor =
      is_stdin ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
               : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) return ErrnoStatus(errno, name, "cannot be opened");

  std::unique_ptr<ByteStream> stream(
      new ByteStream(name, descriptor, std::move(observer)));
  if (absl::Status status = stream->Start(is_stdin); !status.ok())
    return status;
  return stream;
}

ByteStream::ByteStream(std::string name, int descriptor, Observer observer)
    : name_(std::move(name)),
      descriptor_(descriptor),
      observer_(std::move(observer)) {}

ByteStream::~ByteStream() {
  DropAhead();
  ::close(descriptor_);
}

ByteStream::Buffer ByteStream::Allocate(size_t bytes) {
  auto* memory = static_cast<uint8_t*>(
      ::operator new[](bytes, std::align_val_t{kAlignment}, std::nothrow));
  if (memory == nullptr) return {};
  const auto give_back = [](uint8_t* given) {
    ::operator delete[](given, std::align_val_t{kAlignment});
  };
  return {std::shared_ptr<uint8_t[]>(memory, give_back), bytes};
}

absl::Status ByteStream::Start(bool is_stdin) {
  struct stat facts {};
  if (::fstat(descriptor_, &facts) != 0) {
    return ErrnoStatus(errno, name_, "cannot be examined");
  }
  if (S_ISDIR(facts.st_mode)) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: is a directory; a pcap or pcapng capture is accepted, plain or "
        "compressed with gzip or zstd",
        name_));
  }
  if (S_ISREG(facts.st_mode)) {
    file_bytes_ = static_cast<uint64_t>(facts.st_size);
    is_positioned_ = !is_stdin;
    ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  buffer_ = Allocate(kBufferBytes);
  if (buffer_.bytes == nullptr) {
    return absl::ResourceExhaustedError(
        fmt::format("{}: no memory to read it", name_));
  }
  Fill(kMagicBytes);
  encoding_ = EncodingOf(window());
  if (encoding_ == Encoding::kPlain) return absl::OkStatus();
  return StartDecoder();
}

// What was read so far turns out to be compressed: it becomes the decoder's
// input, and the window starts anew.
absl::Status ByteStream::StartDecoder() {
  if (encoding_ == Encoding::kGzip) {
    decoder_ = GzipDecoder::Create();
  } else {
    decoder_ = ZstdDecoder::Create();
  }
  raw_ = window();
  raw_buffer_ = std::exchange(buffer_, Allocate(buffer_.capacity));
  if (decoder_ == nullptr || buffer_.bytes == nullptr) {
    return absl::ResourceExhaustedError(
        fmt::format("{}: no memory to decompress it", name_));
  }
  begin_ = end_ = 0;
  is_ended_ = false;
  return absl::OkStatus();
}

bool ByteStream::Fill(size_t bytes) {
  assert(bytes <= kMaxWindowBytes);
  if (end_ - begin_ >= bytes) return true;

  bool is_moved = false;
  while (end_ - begin_ < bytes && !is_ended_) {
    if (!ahead_.empty() && end_ - begin_ <= kReadBytes) {
      MoveToAhead();
      continue;
    }
    if (!std::exchange(is_moved, true) && !MoveTailToStart()) break;
    if (!MakeRoom()) break;
    if (decoder_ == nullptr) {
      ReadPlain();
    } else {
      ReadDecoded();
    }
  }
  return end_ - begin_ >= bytes;
}

// Moves the window to where the next block lands on a page, in other memory if
// this one is held.
bool ByteStream::MoveTailToStart() {
  const size_t tail_bytes = end_ - begin_;
  const size_t aligned_end = RoundUp(tail_bytes, kAlignment);
  if (aligned_end >= end_) return true;
  const size_t begin = aligned_end - tail_bytes;
  const uint8_t* tail = buffer_.bytes.get() + begin_;
  if (buffer_.is_held() && !LeaveHeldBuffer()) return false;
  std::memmove(buffer_.bytes.get() + begin, tail, tail_bytes);
  begin_ = begin;
  end_ = begin + tail_bytes;
  return true;
}

// Takes other memory of the same size, without content. Ends the stream if
// there is none.
bool ByteStream::LeaveHeldBuffer() {
  Buffer next = FreeBuffer(buffer_.capacity);
  if (next.bytes == nullptr) {
    End(absl::ResourceExhaustedError(
        fmt::format("{}: byte {}: no memory to read on", name_, offset_)));
    return false;
  }
  Leave(std::exchange(buffer_, std::move(next)));
  return true;
}

// Memory that was left and is not held, or more. Nothing in it if there is
// none.
ByteStream::Buffer ByteStream::FreeBuffer(size_t bytes) {
  // The one that was left last is the one that is in a cache.
  for (auto left = left_.rbegin(); left != left_.rend(); ++left) {
    if (left->is_held() || left->capacity != bytes) continue;
    Buffer found = std::move(*left);
    left_.erase(std::next(left).base());
    return found;
  }
  return Allocate(bytes);
}

// Keeps memory of the size that is in use; the rest is its holders'.
void ByteStream::Leave(Buffer buffer) {
  if (buffer.capacity == buffer_.capacity) left_.push_back(std::move(buffer));
}

// Room for a whole block behind the window. The buffer grows with the bytes
// that are really there, never by a length that a file merely claims.
bool ByteStream::MakeRoom() {
  if (buffer_.capacity - end_ >= kReadBytes) return true;
  constexpr size_t kMaxCapacity = kMaxWindowBytes + kReadBytes + kAlignment;
  const size_t capacity = std::min(2 * buffer_.capacity, kMaxCapacity);
  assert(capacity - end_ >= kReadBytes);
  Buffer buffer = Allocate(capacity);
  if (buffer.bytes == nullptr) {
    End(absl::ResourceExhaustedError(
        fmt::format("{}: byte {}: no memory to read on", name_, offset_)));
    return false;
  }
  std::memcpy(buffer.bytes.get() + begin_, buffer_.bytes.get() + begin_,
              end_ - begin_);
  buffer_ = std::move(buffer);
  left_.clear();  // All of them smaller.
  return true;
}

std::shared_ptr<BytesAhead> ByteStream::PlanAhead() {
  const bool can_be_planned = is_positioned_ && decoder_ == nullptr &&
                              !is_ended_ && ahead_.size() < kMaxBlocksAhead;
  if (!can_be_planned) return nullptr;
  const uint64_t offset =
      ahead_.empty() ? raw_bytes_read_ : ahead_.back()->end_offset();
  if (offset >= *file_bytes_) return nullptr;
  Buffer buffer = FreeBuffer(kBufferBytes);
  if (buffer.bytes == nullptr) return nullptr;
  ahead_.push_back(
      std::make_shared<BlockAhead>(descriptor_, offset, std::move(buffer)));
  return ahead_.back();
}

// Goes on in the memory of the next block that was read ahead, in front of
// which there is room for the window.
void ByteStream::MoveToAhead() {
  const Ahead ahead = TakeAhead();
  const size_t tail_bytes = end_ - begin_;
  assert(tail_bytes <= kReadBytes);
  std::memcpy(ahead.buffer.bytes.get() + kReadBytes - tail_bytes,
              buffer_.bytes.get() + begin_, tail_bytes);
  begin_ = kReadBytes - tail_bytes;
  end_ = kReadBytes + ahead.size;
  is_ended_ = is_raw_ended_;
  Leave(std::exchange(buffer_, ahead.buffer));
}

// The next block that was read ahead, which the observer then has.
ByteStream::Ahead ByteStream::TakeAhead() {
  const std::shared_ptr<BlockAhead> block = std::move(ahead_.front());
  ahead_.pop_front();
  const Ahead ahead = block->Finish();
  AddRaw(ahead.raw());
  if (ahead.error != 0) FailReading(ahead.error);
  // What comes behind a gap does not follow.
  if (ahead.size < kReadBytes) DropAhead();
  return ahead;
}

void ByteStream::DropAhead() {
  for (const auto& block : ahead_) block->Drop();
  ahead_.clear();
}

void ByteStream::ReadPlain() {
  if (!ahead_.empty()) {
    const Ahead ahead = TakeAhead();
    std::memcpy(buffer_.bytes.get() + end_, ahead.raw().data(), ahead.size);
    end_ += ahead.size;
    Leave(ahead.buffer);
    is_ended_ = is_raw_ended_;
    return;
  }
  end_ += ReadRaw(buffer_.bytes.get() + end_, kReadBytes);
  is_ended_ = is_raw_ended_;
}

// Appends at least one byte to the window, or ends the stream.
void ByteStream::ReadDecoded() {
  const std::span<uint8_t> output(buffer_.bytes.get() + end_, kReadBytes);
  for (;;) {
    if (raw_.empty() && !is_raw_ended_) {
      uint8_t* raw = raw_buffer_.bytes.get();
      raw_ = {raw, ReadRaw(raw, kReadBytes)};
      if (!status_.ok()) return End(status_);
    }
    const Decoder::Result result = decoder_->Decode(raw_, output);
    raw_ = raw_.subspan(result.consumed);
    end_ += result.produced;
    if (result.error != nullptr) {
      return End(absl::DataLossError(fmt::format(
          "{}: byte {} of the file: broken {} stream ({}); what came before "
          "was read",
          name_, decoded_raw_bytes(), EncodingName(encoding_), result.error)));
    }
    if (result.produced > 0) return;
    if (!raw_.empty() || !is_raw_ended_) continue;
    if (decoder_->is_between_members()) return End(absl::OkStatus());
    return End(absl::DataLossError(fmt::format(
        "{}: byte {} of the file: the {} stream is cut off; what came before "
        "was read",
        name_, raw_bytes_read_, EncodingName(encoding_))));
  }
}

// Reads at most `bytes` raw bytes; 0 at the end or on failure.
size_t ByteStream::ReadRaw(uint8_t* to, size_t bytes) {
  ssize_t count = 0;
  do {
    count = is_positioned_ ? ::pread(descriptor_, to, bytes,
                                     static_cast<off_t>(raw_bytes_read_))
                           : ::read(descriptor_, to, bytes);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    FailReading(errno);
    return 0;
  }
  if (count == 0) {
    is_raw_ended_ = true;
    is_fully_read_ = true;
    return 0;
  }
  AddRaw({to, static_cast<size_t>(count)});
  return static_cast<size_t>(count);
}

void ByteStream::AddRaw(std::span<const uint8_t> raw) {
  raw_bytes_read_ += raw.size();
  if (observer_ && !raw.empty()) observer_(raw);
}

void ByteStream::FailReading(int error) {
  is_raw_ended_ = true;
  is_fully_read_ = false;
  status_ = ErrnoStatus(
      error, name_, fmt::format("byte {}: cannot be read", raw_bytes_read_));
}

void ByteStream::End(absl::Status status) {
  is_ended_ = true;
  status_ = std::move(status);
}

void ByteStream::Drain() {
  offset_ += end_ - begin_;
  begin_ = end_ = 0;
  raw_ = {};
  is_ended_ = true;
  DropAhead();
  if (!file_bytes_.has_value()) return;

  // The first failure is the one to report.
  const absl::Status status = status_;
  if (!buffer_.is_held() || LeaveHeldBuffer()) {
    while (!is_raw_ended_) ReadRaw(buffer_.bytes.get(), kReadBytes);
  }
  if (!status.ok()) status_ = status;
}

}  // namespace octroi
