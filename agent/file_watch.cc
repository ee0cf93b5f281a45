// SPDX-License-Identifier: Apache-2.0
#include "agent/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "fmt/format.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;

// A file is finished, or has gone or come by a rename. What is only begun is
// told again when it is closed.
constexpr uint32_t kFinished =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;

absl::Status CannotWatch(const std::string& path) {
  return absl::UnavailableError(
      fmt::format("{}: cannot be watched for changes: {}; set reload to "
                  "on_signal, or raise "
                  "fs.inotify.max_user_watches",
                  path, std::generic_category().message(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileWatch>> FileWatch::Create(
    const std::vector<std::string>& paths) {
  const int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) return CannotWatch("inotify");
  std::unique_ptr<FileWatch> watch(new FileWatch(descriptor));
  for (const std::string& path : paths) {
    const absl::Status status = watch->Watch(path);
    if (!status.ok()) return status;
  }
  return watch;
}

FileWatch::~FileWatch() { close(descriptor_); }

absl::Status FileWatch::Watch(const std::string& path) {
  const fs::path file(path);
  std::error_code ignored;
  const bool is_folder = fs::is_directory(file, ignored);
  const fs::path parent = file.parent_path();
  const fs::path folder = is_folder        ? file
                          : parent.empty() ? fs::path(".")
                                           : parent;
  const std::string name = is_folder ? "" : file.filename().string();
  const int number =
      inotify_add_watch(descriptor_, folder.c_str(), kFinished | IN_ONLYDIR);
  if (number < 0) return CannotWatch(folder.string());

  const bool is_new = names_of_watch_.count(number) == 0;
  std::set<std::string>& names = names_of_watch_[number];
  const bool is_any =
      name.empty() || name.find_first_of("*?") != std::string::npos;
  if (is_any) {
    names.clear();
  } else if (is_new || !names.empty()) {
    names.insert(name);
  }
  return absl::OkStatus();
}

bool FileWatch::HasChanged() {
  bool has_changed = false;
  alignas(inotify_event) std::array<char, 4096> buffer;
  while (true) {
    const ssize_t size = read(descriptor_, buffer.data(), buffer.size());
    if (size <= 0) return has_changed;
    for (ssize_t at = 0; at < size;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      const char* name = buffer.data() + at + sizeof(event);
      const auto watch = names_of_watch_.find(event.wd);
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        has_changed = true;
      } else if (watch != names_of_watch_.end() && event.len > 0) {
        const std::set<std::string>& names = watch->second;
        has_changed |= names.empty() || names.count(name) > 0;
      }
      at += static_cast<ssize_t>(sizeof(event) + event.len);
    }
  }
}

}  // namespace octroi
