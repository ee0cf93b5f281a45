// SPDX-License-Identifier: Apache-2.0
// A file that grows by whole lines and is never left with part of one: what a
// failed write leaves behind is cut off again, and what a killed process left
// behind is cut off when the file is opened. Lines are JSON objects.
//
// One process writes a path at a time. Where the process has a limit on file
// sizes (RLIMIT_FSIZE), it must ignore SIGXFSZ. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace octroi {

// The longest line, newline included, and so the most that is ever cut off.
inline constexpr size_t kMaxLineBytes = size_t{256} << 10;

class LineFile {
 public:
  // Opens the file for appending, or makes it with mode 0640 (less the umask).
  // Fails, naming the path, if its last component is a symbolic link or not a
  // regular file, and, so that a mistaken path destroys nothing, if the file
  // does not begin with an object or ends in something else than lines and the
  // beginning of one. ResourceExhausted if the disk is full.
  static absl::StatusOr<std::unique_ptr<LineFile>> Open(
      const std::string& path);
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  // Appends lines. What has been written when an error occurs is kept as far as
  // it is whole lines. REQUIRES: `lines` is empty or ends in a newline.
  struct WriteResult {
    size_t written_bytes = 0;  // Of `lines`, from the first.
    int error = 0;             // errno; 0 if all was written.
  };
  WriteResult Write(std::string_view lines);

  // Waits until what was written is on the disk: it survives a power cut. 0, or
  // errno.
  int Sync();

  // Bytes of the file now, whoever changed it.
  uint64_t size() const;
  // The first bytes of the file, at most `most`.
  std::string Head(size_t most) const;
  // No name is left for it: what is written to it goes nowhere.
  bool is_deleted() const;
  // `path` names this file.
  bool IsAt(const std::string& path) const;

  // Bytes of a torn last line that Open cut off.
  uint64_t mended_bytes() const { return mended_bytes_; }

 private:
  explicit LineFile(int descriptor) : descriptor_(descriptor) {}

  // An error without the path, from Open.
  absl::Status Check() const;
  absl::Status Mend();
  bool CutTo(uint64_t size);

  const int descriptor_;
  uint64_t mended_bytes_ = 0;
  // Where the whole lines end, if a torn one behind them could not be cut.
  std::optional<uint64_t> torn_at_;
};

// Whether an errno says that there is no room for the file.
bool IsDiskFull(int error);

}  // namespace octroi
