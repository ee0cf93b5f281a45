// SPDX-License-Identifier: Apache-2.0
#include "evidence/csv_text.h"

namespace octroi {

std::string CsvField(std::string_view text) {
  // A '#' at the start of a line would begin a comment.
  if (text.find_first_of(",\"\r\n") == std::string_view::npos &&
      !text.starts_with('#')) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string SpreadsheetField(std::string_view text) {
  constexpr std::string_view kFormulaStarts = "=+-@\t\r";
  if (!text.empty() &&
      kFormulaStarts.find(text.front()) != std::string_view::npos) {
    return CsvField("'" + std::string(text));
  }
  return CsvField(text);
}

std::string SpreadsheetLine(std::initializer_list<std::string_view> texts) {
  std::string line;
  for (const std::string_view& text : texts) {
    if (&text != texts.begin()) line += ',';
    line += SpreadsheetField(text);
  }
  return line + "\n";
}

}  // namespace octroi
