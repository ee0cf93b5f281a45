// SPDX-License-Identifier: Apache-2.0
#include "config/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "fmt/format.h"

namespace octroi {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kReadBytes = 1 << 16;

absl::Status FileError(const std::string& path, int error) {
  return absl::NotFoundError(fmt::format(
      "{}: cannot be read: {}", path, std::generic_category().message(error)));
}

bool IsContinuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

bool IsBadControl(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  return (value < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') ||
         value == 0x7F;
}

}  // namespace

absl::StatusOr<std::string> ReadTextFile(const std::string& path,
                                         size_t limit_bytes) {
  // Without O_NONBLOCK the open would wait for the writer of a named pipe.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return FileError(path, errno);
  const absl::Cleanup closer = [file] { ::close(file); };
  if (::fcntl(file, F_SETFL, 0) != 0) return FileError(path, errno);

  std::string text;
  struct stat info;
  if (::fstat(file, &info) != 0) return FileError(path, errno);
  if (S_ISREG(info.st_mode) && info.st_size > 0) {
    text.reserve(std::min(static_cast<size_t>(info.st_size), limit_bytes));
  }
  char buffer[kReadBytes];
  for (;;) {
    const ssize_t size = ::read(file, buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return FileError(path, errno);
    if (size == 0) return text;
    if (text.size() + static_cast<size_t>(size) > limit_bytes) {
      return absl::ResourceExhaustedError(
          fmt::format("{}: is larger than {} MiB, the most that octroi reads "
                      "of such a file",
                      path, limit_bytes >> 20));
    }
    text.append(buffer, static_cast<size_t>(size));
  }
}

// RFC 3629 §4: overlong forms, surrogates and numbers above U+10FFFF are not
// UTF-8.
size_t Utf8Length(std::string_view text) {
  if (text.empty()) return 0;
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  if (first == 0xE0 && second < 0xA0) return 0;
  if (first == 0xED && second > 0x9F) return 0;
  if (first == 0xF0 && second < 0x90) return 0;
  if (first == 0xF4 && second > 0x8F) return 0;
  return length;
}

size_t CountCharacters(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

std::string_view WithoutByteOrderMark(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  return text;
}

std::optional<Problem> FindBadCharacter(std::string_view text,
                                        const std::string& file) {
  int line = 1;
  size_t line_start = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8Length(text.substr(i));
    if (length == 0 || IsBadControl(text[i])) {
      const auto column = static_cast<int>(
          CountCharacters(text.substr(line_start, i - line_start)) + 1);
      return Problem{
          file, line, column,
          fmt::format("byte 0x{:02x} is {}; write the file as UTF-8 text",
                      static_cast<unsigned char>(text[i]),
                      length == 0 ? "not UTF-8" : "a control character")};
    }
    if (text[i] == '\n') {
      ++line;
      line_start = i + 1;
    }
    i += length;
  }
  return std::nullopt;
}

absl::StatusOr<IpPrefix> ParsePrefix(std::string_view text) {
  // Letters that some prefix has, and no more of them than the longest has
  // (an IPv6 address that ends in dotted quad, and its length).
  constexpr std::string_view kLetters = "0123456789abcdefABCDEF:./";
  constexpr size_t kMaxBytes = 49;
  if (text.size() > kMaxBytes ||
      text.find_first_not_of(kLetters) != std::string_view::npos) {
    return absl::InvalidArgumentError(
        fmt::format("{} is not a prefix; write for example 192.0.2.0/24 or "
                    "2001:db8::/32",
                    Quoted(text)));
  }
  return IpPrefix::Parse(text);
}

}  // namespace octroi
