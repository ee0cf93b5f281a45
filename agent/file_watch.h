// SPDX-License-Identifier: Apache-2.0
// Tells when one of some files has changed (inotify), so that facts are loaded
// anew. Folders are watched, not files: a file is replaced by renaming another
// one over it, is made later, or is one of a folder's. What is in the folders
// beside the files makes no noise.
//
// Thread safety: one thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace octroi {

class FileWatch {
 public:
  // Watches these files, and all files of those that are folders. A pattern in
  // a name ('*', '?') stands for its whole folder. Fails if a folder cannot be
  // watched.
  static absl::StatusOr<std::unique_ptr<FileWatch>> Create(
      const std::vector<std::string>& paths);
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // Readable when something happened: for poll.
  int descriptor() const { return descriptor_; }
  // Reads what happened; whether it concerned one of the files. Something that
  // was missed because too much happened counts as a change.
  bool HasChanged();

 private:
  explicit FileWatch(int descriptor) : descriptor_(descriptor) {}

  absl::Status Watch(const std::string& path);

  const int descriptor_;
  // Of each watched folder, the names that matter; empty: all of them.
  std::map<int, std::set<std::string>> names_of_watch_;
};

}  // namespace octroi
