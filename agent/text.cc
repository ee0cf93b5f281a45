// SPDX-License-Identifier: Apache-2.0
#include "agent/text.h"

#include <algorithm>
#include <array>

#include "fmt/format.h"

namespace octroi {
namespace {

constexpr std::string_view kColumnGap = "  ";

// Length of the UTF-8 sequence at the start of `text` if it is a well-formed
// printable code point (RFC 3629 §4), else 0. Bidirectional controls and other
// format characters of U+2000 to U+206F are not printable here: they reorder
// what stands around them.
size_t PrintableSequence(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto is_tail = [&](size_t i) {
    return i < text.size() && (byte(i) & 0xc0) == 0x80;
  };
  const uint8_t lead = byte(0);
  if (lead >= 0x20 && lead < 0x7f) return 1;
  if (lead >= 0xc2 && lead <= 0xdf && is_tail(1)) {
    return lead == 0xc2 && byte(1) < 0xa0 ? 0 : 2;  // C1 controls.
  }
  if (lead >= 0xe0 && lead <= 0xef && is_tail(1) && is_tail(2)) {
    const int code =
        (lead & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    const bool is_format = (code >= 0x200b && code <= 0x200f) ||
                           (code >= 0x2028 && code <= 0x202e) ||
                           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
    const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < 0x800 || is_format || is_surrogate ? 0 : 3;
  }
  return 0;  // Beyond the basic plane: no name needs it.
}

}  // namespace

std::string GroupDigits(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

std::string HumanBytes(uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  constexpr std::array<std::string_view, 6> kUnits = {"kB", "MB", "GB",
                                                      "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  size_t unit = 0;
  // 999.95 would print as 1000.0.
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return value < 10 ? fmt::format("{:.2f} {}", value, kUnits[unit])
                    : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string Printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t length = PrintableSequence(text);
    if (length == 0) {
      result += '?';
      text.remove_prefix(1);
    } else {
      result += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return result;
}

size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(),
      [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

std::string Shorten(std::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width == 0) return "";
  std::string result;
  size_t used = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<uint8_t>(text[i]) & 0xc0) != 0x80 && ++used == width) {
      break;
    }
    result += text[i];
  }
  return result + "…";
}

std::vector<std::string> Wrap(std::string_view text, size_t width) {
  constexpr std::string_view kIndent = "  ";
  std::vector<std::string> lines = {""};
  while (!text.empty()) {
    const size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(space == std::string_view::npos ? text.size()
                                                       : space + 1);
    std::string& line = lines.back();
    const bool is_begun = !line.empty() && line != kIndent;
    if (is_begun && DisplayWidth(line) + 1 + DisplayWidth(word) > width) {
      lines.push_back(std::string(kIndent) + std::string(word));
    } else {
      line += is_begun ? " " : "";
      line += word;
    }
  }
  return lines;
}

Color ColorOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kViolation:
      return Color::kRed;
    case Verdict::kUndetermined:
      return Color::kYellow;
    case Verdict::kCompliant:
      return Color::kGreen;
    case Verdict::kExcepted:
      return Color::kCyan;
    case Verdict::kNotJudged:
    case Verdict::kCount:
      break;
  }
  return Color::kDim;
}

std::string Paint(std::string_view text, Color color, bool use_color) {
  if (!use_color || color == Color::kPlain) return std::string(text);
  const auto code = [color] {
    switch (color) {
      case Color::kRed:
        return 31;
      case Color::kYellow:
        return 33;
      case Color::kGreen:
        return 32;
      case Color::kCyan:
        return 36;
      case Color::kDim:
        return 2;
      case Color::kPlain:
        break;
    }
    return 0;
  };
  return fmt::format("\x1b[{}m{}\x1b[0m", code(), text);
}

namespace {

std::vector<size_t> NaturalWidths(
    const std::vector<TextColumn>& columns,
    const std::vector<std::vector<TextCell>>& rows) {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns.size(); ++i) {
    size_t width = DisplayWidth(columns[i].title);
    for (const auto& row : rows) {
      width = std::max(width, DisplayWidth(row[i].text));
    }
    widths.push_back(width);
  }
  return widths;
}

size_t LeastWidth(const TextColumn& column, size_t natural_width) {
  return column.minimum_width == 0
             ? natural_width
             : std::min(column.minimum_width, natural_width);
}

// Indexes of the columns that are shown: all, unless their least widths do not
// fit.
std::vector<size_t> ChooseColumns(const std::vector<TextColumn>& columns,
                                  const std::vector<size_t>& widths,
                                  size_t available) {
  std::vector<size_t> shown;
  for (size_t i = 0; i < columns.size(); ++i) shown.push_back(i);
  while (true) {
    size_t least = kColumnGap.size() * (shown.size() - 1);
    auto first_to_go = shown.end();
    for (auto it = shown.begin(); it != shown.end(); ++it) {
      least += LeastWidth(columns[*it], widths[*it]);
      const int order = columns[*it].leave_out_order;
      if (order != 0 && (first_to_go == shown.end() ||
                         order < columns[*first_to_go].leave_out_order)) {
        first_to_go = it;
      }
    }
    if (least <= available || first_to_go == shown.end()) return shown;
    shown.erase(first_to_go);
  }
}

// Cuts the column that has the most to spare, a column of text at a time, until
// the table fits or nothing more may be cut.
void CutToFit(const std::vector<TextColumn>& columns,
              const std::vector<size_t>& shown, size_t available,
              std::vector<size_t>* widths) {
  size_t total = kColumnGap.size() * (shown.size() - 1);
  for (const size_t i : shown) total += (*widths)[i];
  while (total > available) {
    size_t most = 0;
    size_t chosen = 0;
    for (const size_t i : shown) {
      const size_t spare = (*widths)[i] - LeastWidth(columns[i], (*widths)[i]);
      if (spare > most) {
        most = spare;
        chosen = i;
      }
    }
    if (most == 0) return;
    --(*widths)[chosen];
    --total;
  }
}

std::string Pad(std::string_view text, size_t width, bool is_number) {
  const std::string cut = Shorten(text, width);
  const std::string space(width - DisplayWidth(cut), ' ');
  return is_number ? space + cut : cut + space;
}

}  // namespace

std::vector<std::string> LayOut(const std::vector<TextColumn>& columns,
                                const std::vector<std::vector<TextCell>>& rows,
                                size_t columns_of_terminal, bool use_color) {
  std::vector<size_t> widths = NaturalWidths(columns, rows);
  const std::vector<size_t> shown =
      ChooseColumns(columns, widths, columns_of_terminal);
  CutToFit(columns, shown, columns_of_terminal, &widths);
  const auto line_of = [&](const auto& text_of) {
    std::string line;
    for (const size_t i : shown) {
      if (!line.empty()) line += kColumnGap;
      const auto [text, color] = text_of(i);
      line +=
          Paint(Pad(text, widths[i], columns[i].is_number), color, use_color);
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
  };
  std::vector<std::string> lines;
  lines.push_back(line_of(
      [&](size_t i) { return std::pair(columns[i].title, Color::kDim); }));
  for (const auto& row : rows) {
    lines.push_back(line_of(
        [&](size_t i) { return std::pair(row[i].text, row[i].color); }));
  }
  std::string left_out;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (std::find(shown.begin(), shown.end(), i) != shown.end()) continue;
    left_out += (left_out.empty() ? "" : ", ") + columns[i].title;
  }
  if (!left_out.empty()) {
    lines.push_back(fmt::format("(too narrow for: {})", left_out));
  }
  return lines;
}

std::string LayOutText(const std::vector<TextColumn>& columns,
                       const std::vector<std::vector<TextCell>>& rows,
                       size_t columns_of_terminal, bool use_color,
                       size_t indent) {
  std::string text;
  for (const std::string& line :
       LayOut(columns, rows, columns_of_terminal - indent, use_color)) {
    text.append(indent, ' ').append(line).append("\n");
  }
  return text;
}

}  // namespace octroi
