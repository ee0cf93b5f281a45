// SPDX-License-Identifier: Apache-2.0
// The rotated files of a log: those beside PATH that are named
// PATH.20261122T101500Z-0001, after the UTC second of their rotation and a
// number within it. Names in ascending order are files from old to new, also
// where the clock went back. Files with other names are somebody else's: not
// counted, not deleted.
//
// Keeps their names and sizes in memory. Not thread-safe.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace octroi {

class RotatedFiles {
 public:
  // Of the log at `path`; call Scan before anything else.
  explicit RotatedFiles(std::string path) : path_(std::move(path)) {}

  // Looks at the directory. Fails, naming it, if it cannot be read.
  absl::Status Scan();

  // Renames the log to a name that none of the files has had since the oldest
  // that is still there, at time `now_ns` (ns since the epoch), and adds it.
  // Fails, naming the path, if it cannot be renamed.
  absl::Status Rotate(uint64_t bytes, int64_t now_ns);

  // Waits until the names are on the disk. 0, or errno.
  int SyncFolder() const;

  // Deletes the oldest file that can be deleted. Nothing if there is none.
  struct Removal {
    uint64_t bytes = 0;
    bool was_there = true;  // Else somebody had deleted it before.
  };
  std::optional<Removal> RemoveOldest();

  size_t size() const { return files_.size(); }
  uint64_t total_bytes() const { return total_bytes_; }

 private:
  // What a name says. The order is that of the names.
  struct Mark {
    int64_t second = 0;  // Since the epoch.
    int number = 0;
    friend auto operator<=>(const Mark&, const Mark&) = default;
  };
  struct File {
    Mark mark;
    uint64_t bytes = 0;
  };

  static std::optional<Mark> ParseMark(std::string_view text);
  static std::string TextOf(const Mark& mark);
  Mark NextMark(int64_t now_ns) const;
  std::string PathOf(const Mark& mark) const;

  const std::string path_;
  std::deque<File> files_;  // The oldest first.
  uint64_t total_bytes_ = 0;
  Mark last_mark_;  // The greatest seen; {0, 0} before the first.
};

}  // namespace octroi
