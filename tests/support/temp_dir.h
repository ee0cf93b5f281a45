// SPDX-License-Identifier: Apache-2.0
// A directory that lives as long as the object, and small file helpers for
// tests.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace octroi::testing {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  // The path of `name` inside the directory.
  std::string Path(std::string_view name) const;
  // Writes `content` to `name` and returns the path.
  std::string Write(std::string_view name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

std::string ReadFile(const std::string& path);

// The folder of public captures that a developer's checkout has beside it, or
// "" where it is absent: then a test skips with a message.
std::string SharedCapturesDir();
// The same of samples of the files in which providers publish their ranges.
std::string SharedRangeFilesDir();

}  // namespace octroi::testing
