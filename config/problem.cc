// SPDX-License-Identifier: Apache-2.0
#include "config/problem.h"

#include <charconv>

#include "config/text_file.h"
#include "fmt/format.h"

namespace octroi {
namespace {

constexpr size_t kMaxQuotedCharacters = 64;
constexpr std::string_view kLinePrefix = "line ";

}  // namespace

std::string Problem::text() const {
  if (file.empty()) return what;
  if (line == 0) return fmt::format("{}: {}", file, what);
  if (column == 0) return fmt::format("{}:{}: {}", file, line, what);
  return fmt::format("{}:{}:{}: {}", file, line, column, what);
}

Problem ProblemOf(const std::string& file, const absl::Status& status) {
  std::string message(status.message());
  if (message.starts_with(file)) return {"", 0, 0, std::move(message)};
  if (message.starts_with(kLinePrefix)) {
    int line = 0;
    const char* const end = message.data() + message.size();
    const auto [rest, error] =
        std::from_chars(message.data() + kLinePrefix.size(), end, line);
    if (error == std::errc() && std::string_view(rest, end).starts_with(": ")) {
      return {file, line, 0, std::string(rest + 2, end)};
    }
  }
  return {file, 0, 0, std::move(message)};
}

absl::Status ToStatus(const std::vector<Problem>& problems) {
  if (problems.empty()) return absl::OkStatus();
  std::string lines;
  for (const Problem& problem : problems) {
    if (!lines.empty()) lines += '\n';
    lines += problem.text();
  }
  return absl::InvalidArgumentError(lines);
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  size_t character_count = 0;
  for (size_t i = 0; i < text.size();) {
    if (++character_count > kMaxQuotedCharacters) {
      return quoted + "...\"";
    }
    const size_t length = Utf8Length(text.substr(i));
    const auto byte = static_cast<unsigned char>(text[i]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      quoted += fmt::format("\\x{:02x}", byte);
      i += 1;
    } else {
      quoted += text.substr(i, length);
      i += length;
    }
  }
  return quoted + "\"";
}

}  // namespace octroi
