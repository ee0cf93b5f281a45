// SPDX-License-Identifier: Apache-2.0
// What names in facts are compared by: ASCII letters count as equal in either
// case, and blanks around a value do not count. Other bytes are left as they
// are. Free functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace octroi {

constexpr char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
std::string Lower(std::string_view text);

bool EqualIgnoringCase(std::string_view a, std::string_view b);

// `text` without spaces, tabs and carriage returns at its ends.
std::string_view Trim(std::string_view text);

}  // namespace octroi
