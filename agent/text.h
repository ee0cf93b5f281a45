// SPDX-License-Identifier: Apache-2.0
// Text for people on a terminal: numbers, widths, colours. Names come from
// databases and captures, so nothing here lets a control character through.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/terms.h"

namespace octroi {

// "1,234,567".
std::string GroupDigits(uint64_t number);
// "812 B", "1.4 kB", "3.2 GB": decimal prefixes, at most four characters of
// number.
std::string HumanBytes(uint64_t bytes);

// `text` with control characters and broken UTF-8 replaced by '?'.
std::string Printable(std::string_view text);
// Columns that printable text takes, a code point each.
size_t DisplayWidth(std::string_view text);
// At most `width` columns; "…" ends what was cut.
std::string Shorten(std::string_view text, size_t width);

// Lines of at most `width` columns, broken at spaces; the later ones are
// indented by two. A word that is longer stays whole.
std::vector<std::string> Wrap(std::string_view text, size_t width);

enum class Color : uint8_t { kPlain, kRed, kYellow, kGreen, kCyan, kDim };
Color ColorOf(Verdict verdict);
// SGR sequences (ECMA-48 §8.3.117) around the text, unless !use_color.
std::string Paint(std::string_view text, Color color, bool use_color);

// A table that is measured before it is printed.
struct TextColumn {
  std::string title;
  bool is_number = false;  // Right-aligned.
  // A column may be cut to this width when the table does not fit; 0: never.
  size_t minimum_width = 0;
  // Columns that are left out where even cutting does not help, 1 first; 0:
  // never.
  int leave_out_order = 0;
};
struct TextCell {
  std::string text;
  Color color = Color::kPlain;
};

// Lines of the table, header first, at most `columns_of_terminal` wide as far
// as the minimum widths allow: the column with the most to spare is cut first.
// What was left out is said in a last line.
std::vector<std::string> LayOut(const std::vector<TextColumn>& columns,
                                const std::vector<std::vector<TextCell>>& rows,
                                size_t columns_of_terminal, bool use_color);

// The lines of such a table, each `indent` columns in and with a newline, on a
// terminal of that many columns.
std::string LayOutText(const std::vector<TextColumn>& columns,
                       const std::vector<std::vector<TextCell>>& rows,
                       size_t columns_of_terminal, bool use_color,
                       size_t indent = 0);

}  // namespace octroi
