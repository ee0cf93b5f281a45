// SPDX-License-Identifier: Apache-2.0
#include "evidence/line_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <system_error>

#include "fmt/format.h"

namespace octroi {
namespace {

// A first byte that lines can have. A file system may fill with zeros what it
// had not written when the power went.
bool IsBeginOfLine(char c) { return c == '{' || c == '\0'; }

std::string TextOf(int error) { return std::generic_category().message(error); }

absl::Status Error(std::string text) {
  return absl::FailedPreconditionError(std::move(text));
}

struct stat StatOf(int descriptor) {
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0) status = {};
  return status;
}

// The bytes from `offset` on; fewer if the file ends or cannot be read.
std::string ReadAt(int descriptor, uint64_t offset, size_t most) {
  std::string bytes(most, '\0');
  size_t read_bytes = 0;
  while (read_bytes < most) {
    const ssize_t n =
        ::pread(descriptor, bytes.data() + read_bytes, most - read_bytes,
                static_cast<off_t>(offset + read_bytes));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    read_bytes += static_cast<size_t>(n);
  }
  bytes.resize(read_bytes);
  return bytes;
}

// Up to and with the last newline.
size_t WholeLines(std::string_view text) {
  const size_t last = text.rfind('\n');
  return last == std::string_view::npos ? 0 : last + 1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LineFile>> LineFile::Open(
    const std::string& path) {
  // Not blocking, lest a FIFO or a device holds it up before it is refused.
  const int descriptor = ::open(path.c_str(),
                                O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW |
                                    O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                                0640);
  if (descriptor < 0) {
    const int error = errno;
    return absl::Status(
        IsDiskFull(error) ? absl::StatusCode::kResourceExhausted
                          : absl::StatusCode::kUnavailable,
        error == ELOOP
            ? fmt::format("{}: is a symbolic link; give the path of a file "
                          "that octroi may append to",
                          path)
            : fmt::format("{}: cannot be opened: {}; give a path in a "
                          "directory that octroi may write to",
                          path, TextOf(error)));
  }
  std::unique_ptr<LineFile> file(new LineFile(descriptor));
  absl::Status status = file->Check();
  if (status.ok()) status = file->Mend();
  if (!status.ok()) {
    return absl::Status(status.code(),
                        path + ": " + std::string(status.message()));
  }
  return file;
}

bool IsDiskFull(int error) { return error == ENOSPC || error == EDQUOT; }

LineFile::~LineFile() { ::close(descriptor_); }

absl::Status LineFile::Check() const {
  const struct stat status = StatOf(descriptor_);
  if (!S_ISREG(status.st_mode)) {
    return Error("is not a regular file; give the path of one, or of none");
  }
  const std::string head = Head(1);
  if (!head.empty() && !IsBeginOfLine(head[0])) {
    return Error(
        "does not begin with a JSON object, so it is something else than a "
        "log; move it away, or give another path");
  }
  return absl::OkStatus();
}

absl::Status LineFile::Mend() {
  const uint64_t size = this->size();
  if (size == 0 || ReadAt(descriptor_, size - 1, 1) == "\n") {
    return absl::OkStatus();
  }
  const size_t tail_bytes = std::min<uint64_t>(size, kMaxLineBytes);
  const std::string tail = ReadAt(descriptor_, size - tail_bytes, tail_bytes);
  const size_t whole_bytes = WholeLines(tail);
  const bool is_torn = tail.size() == tail_bytes && whole_bytes < tail_bytes &&
                       IsBeginOfLine(tail[whole_bytes]) &&
                       (whole_bytes != 0 || tail_bytes == size);
  if (!is_torn) {
    return Error(
        "does not end in a line or the beginning of one; move it away, or "
        "give another path");
  }
  mended_bytes_ = tail_bytes - whole_bytes;
  if (CutTo(size - mended_bytes_)) return absl::OkStatus();
  const int error = errno;
  return absl::UnavailableError(
      fmt::format("ends in a torn line, which cannot be cut off: {}; "
                  "move it away, or give another path",
                  TextOf(error)));
}

LineFile::WriteResult LineFile::Write(std::string_view lines) {
  assert(lines.empty() || lines.back() == '\n');
  if (torn_at_ && !CutTo(*torn_at_)) return {0, errno};
  const uint64_t start = size();
  WriteResult result;
  while (result.written_bytes < lines.size()) {
    const std::string_view rest = lines.substr(result.written_bytes);
    const ssize_t n = ::write(descriptor_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      result.error = n < 0 ? errno : EIO;
      break;
    }
    result.written_bytes += static_cast<size_t>(n);
  }
  const size_t whole_bytes = WholeLines(lines.substr(0, result.written_bytes));
  if (whole_bytes < result.written_bytes) CutTo(start + whole_bytes);
  result.written_bytes = whole_bytes;
  return result;
}

int LineFile::Sync() { return ::fdatasync(descriptor_) == 0 ? 0 : errno; }

uint64_t LineFile::size() const {
  return static_cast<uint64_t>(StatOf(descriptor_).st_size);
}

std::string LineFile::Head(size_t most) const {
  return ReadAt(descriptor_, 0, most);
}

bool LineFile::is_deleted() const { return StatOf(descriptor_).st_nlink == 0; }

bool LineFile::IsAt(const std::string& path) const {
  const struct stat ours = StatOf(descriptor_);
  struct stat there = {};
  return ::lstat(path.c_str(), &there) == 0 && there.st_dev == ours.st_dev &&
         there.st_ino == ours.st_ino;
}

// Remembers the place if it fails, with errno set. Never makes a file longer:
// somebody else may have cut it meanwhile.
bool LineFile::CutTo(uint64_t size) {
  torn_at_ = size;
  if (this->size() > size &&
      ::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
    return false;
  }
  torn_at_.reset();
  return true;
}

}  // namespace octroi
