// SPDX-License-Identifier: Apache-2.0
// How results write CSV (RFC 4180, LF). Free functions; any thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace octroi {

// Quoted where needed (RFC 4180 §2). A text that a spreadsheet would take for a
// formula gets an apostrophe in front: names come from hostile input.
std::string CsvField(std::string_view text);

// The fields, each as CsvField, and a newline.
std::string CsvLine(std::initializer_list<std::string_view> fields);

}  // namespace octroi
