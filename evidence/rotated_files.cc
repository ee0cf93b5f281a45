// SPDX-License-Identifier: Apache-2.0
#include "evidence/rotated_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "dataplane/limits.h"
#include "fmt/format.h"
#include "geo/calendar.h"

namespace octroi {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int kMaxNumber = 9999;
// "20261122T101500Z-0001".
constexpr size_t kMarkLength = 21;

std::string TextOfError(int error) {
  return std::generic_category().message(error);
}

std::string FolderOf(const std::string& path) {
  const std::filesystem::path parent =
      std::filesystem::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

}  // namespace

// Times that limits.h does not allow are nobody's clock, so not ours.
std::optional<RotatedFiles::Mark> RotatedFiles::ParseMark(
    std::string_view text) {
  if (text.size() != kMarkLength || text[8] != 'T' || text[16] != '-') {
    return std::nullopt;
  }
  const std::optional<int64_t> ns = ParseInstant(
      fmt::format("{}-{}-{}T{}:{}:{}", text.substr(0, 4), text.substr(4, 2),
                  text.substr(6, 2), text.substr(9, 2), text.substr(11, 2),
                  text.substr(13, 3)));
  if (!ns || *ns < 0 || *ns > kMaxTimestampNs) return std::nullopt;
  Mark mark;
  mark.second = *ns / kNsPerSecond;
  const std::string_view digits = text.substr(17);
  const auto [end, error] = std::from_chars(
      digits.data(), digits.data() + digits.size(), mark.number);
  if (error != std::errc() || end != digits.data() + digits.size() ||
      mark.number < 1) {
    return std::nullopt;
  }
  return mark;
}

std::string RotatedFiles::TextOf(const Mark& mark) {
  std::string second =
      FormatInstant(mark.second * kNsPerSecond).substr(0, 19) + "Z";
  std::erase_if(second, [](char c) { return c == '-' || c == ':'; });
  return fmt::format("{}-{:04}", second, mark.number);
}

std::string RotatedFiles::PathOf(const Mark& mark) const {
  return path_ + "." + TextOf(mark);
}

absl::Status RotatedFiles::Scan() {
  const std::string folder = FolderOf(path_);
  const std::string prefix =
      std::filesystem::path(path_).filename().string() + ".";
  files_.clear();
  total_bytes_ = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const std::optional<Mark> mark =
        ParseMark(std::string_view(name).substr(prefix.size()));
    struct stat status = {};
    if (!mark || ::lstat(entry->path().c_str(), &status) != 0 ||
        !S_ISREG(status.st_mode)) {
      continue;
    }
    files_.push_back({*mark, static_cast<uint64_t>(status.st_size)});
    total_bytes_ += files_.back().bytes;
    last_mark_ = std::max(last_mark_, *mark);
  }
  if (error) {
    return absl::UnavailableError(
        fmt::format("{}: cannot be listed: {}; the folder of a log must be one "
                    "that octroi may read",
                    folder, error.message()));
  }
  std::sort(files_.begin(), files_.end(),
            [](const File& x, const File& y) { return x.mark < y.mark; });
  return absl::OkStatus();
}

// Behind every name seen so far, whatever the clock says.
RotatedFiles::Mark RotatedFiles::NextMark(int64_t now_ns) const {
  const int64_t second =
      std::clamp<int64_t>(now_ns, 0, kMaxTimestampNs) / kNsPerSecond;
  if (second > last_mark_.second) return {second, 1};
  if (last_mark_.number == kMaxNumber) return {last_mark_.second + 1, 1};
  return {last_mark_.second, last_mark_.number + 1};
}

absl::Status RotatedFiles::Rotate(uint64_t bytes, int64_t now_ns) {
  const Mark mark = NextMark(now_ns);
  const std::string target = PathOf(mark);
  // rename() replaces what is there, and nothing of ours is: only a name that
  // Scan has not seen could be lost.
  struct stat status = {};
  const bool is_taken = ::lstat(target.c_str(), &status) == 0;
  if (is_taken || std::rename(path_.c_str(), target.c_str()) != 0) {
    const int error = is_taken ? EEXIST : errno;
    if (is_taken) last_mark_ = mark;
    return absl::UnavailableError(
        fmt::format("{}: cannot be renamed to {}: {}; octroi must be "
                    "allowed to write to its folder",
                    path_, target, TextOfError(error)));
  }
  files_.push_back({mark, bytes});
  total_bytes_ += bytes;
  last_mark_ = mark;
  return absl::OkStatus();
}

int RotatedFiles::SyncFolder() const {
  const std::string folder = FolderOf(path_);
  const int descriptor =
      ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  return error;
}

std::optional<RotatedFiles::Removal> RotatedFiles::RemoveOldest() {
  for (auto file = files_.begin(); file != files_.end(); ++file) {
    Removal removal;
    removal.bytes = file->bytes;
    removal.was_there = ::unlink(PathOf(file->mark).c_str()) == 0;
    if (!removal.was_there && errno != ENOENT) continue;
    total_bytes_ -= removal.bytes;
    files_.erase(file);
    return removal;
  }
  return std::nullopt;
}

}  // namespace octroi
