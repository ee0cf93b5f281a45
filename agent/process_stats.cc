// SPDX-License-Identifier: Apache-2.0
#include "agent/process_stats.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>

namespace octroi {
namespace {

double SecondsOf(const timespec& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_nsec) / 1e9;
}
double SecondsOf(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_usec) / 1e6;
}

// When the process started, by the wall clock of now.
std::optional<double> StartTime(uint64_t start_ticks) {
  const long ticks_per_second = ::sysconf(_SC_CLK_TCK);
  timespec since_boot{};
  timespec now{};
  if (ticks_per_second <= 0 ||
      ::clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0 ||
      ::clock_gettime(CLOCK_REALTIME, &now) != 0) {
    return std::nullopt;
  }
  return SecondsOf(now) - SecondsOf(since_boot) +
         static_cast<double>(start_ticks) /
             static_cast<double>(ticks_per_second);
}

// The entries of getdents64(2): d_ino, d_off, d_reclen, d_type, d_name.
constexpr size_t kRecordLengthOffset = 16;
constexpr size_t kNameOffset = 19;

}  // namespace

std::optional<StatFields> ParseStat(std::string_view text) {
  // Fields are numbered from 1; the second, the name, ends in the last ')'.
  constexpr int kThreadsField = 20;
  constexpr int kStartField = 22;
  constexpr int kVirtualField = 23;
  constexpr int kResidentField = 24;
  const size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  StatFields fields;
  for (int field = 3; field <= kResidentField; ++field) {
    const size_t begin = text.find_first_not_of(" \n");
    if (begin == std::string_view::npos) return std::nullopt;
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(word.size());
    uint64_t* const wanted = field == kThreadsField    ? &fields.threads
                             : field == kStartField    ? &fields.start_ticks
                             : field == kVirtualField  ? &fields.virtual_bytes
                             : field == kResidentField ? &fields.resident_pages
                                                       : nullptr;
    if (wanted == nullptr) continue;
    const char* const last = word.data() + word.size();
    const auto [end, error] = std::from_chars(word.data(), last, *wanted);
    if (error != std::errc() || end != last) return std::nullopt;
  }
  return fields;
}

ProcessReader::ProcessReader()
    : stat_(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC)),
      descriptors_(
          ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  const std::optional<StatFields> fields = ReadStat();
  if (fields) start_time_seconds_ = StartTime(fields->start_ticks);
}

ProcessReader::~ProcessReader() {
  if (stat_ >= 0) ::close(stat_);
  if (descriptors_ >= 0) ::close(descriptors_);
}

std::optional<StatFields> ProcessReader::ReadStat() const {
  std::array<char, 2048> text;
  const ssize_t size = ::pread(stat_, text.data(), text.size(), 0);
  if (size <= 0) return std::nullopt;
  return ParseStat({text.data(), static_cast<size_t>(size)});
}

std::optional<uint64_t> ProcessReader::CountOpenFds() const {
  if (::lseek(descriptors_, 0, SEEK_SET) != 0) return std::nullopt;
  uint64_t count = 0;
  std::array<char, 4096> entries;
  while (true) {
    const long size =
        ::syscall(SYS_getdents64, descriptors_, entries.data(), entries.size());
    if (size < 0) return std::nullopt;
    if (size == 0) return count;
    for (size_t at = 0; at < static_cast<size_t>(size);) {
      uint16_t length = 0;
      std::memcpy(&length, entries.data() + at + kRecordLengthOffset,
                  sizeof(length));
      count += entries[at + kNameOffset] != '.';  // "." and ".." are not one.
      at += length;
    }
  }
}

ProcessStats ProcessReader::Read() {
  ProcessStats stats;
  stats.start_time_seconds = start_time_seconds_;
  stats.open_fds = CountOpenFds();
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    stats.cpu_seconds = SecondsOf(usage.ru_utime) + SecondsOf(usage.ru_stime);
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
      limit.rlim_cur != RLIM_INFINITY) {
    stats.max_fds = limit.rlim_cur;
  }
  const std::optional<StatFields> fields = ReadStat();
  if (!fields) return stats;
  stats.threads = fields->threads;
  stats.virtual_bytes = fields->virtual_bytes;
  stats.resident_bytes =
      fields->resident_pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return stats;
}

}  // namespace octroi
