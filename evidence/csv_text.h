// SPDX-License-Identifier: Apache-2.0
// How results write CSV (RFC 4180, LF). Free functions; any thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace octroi {

// `text` as one value: in quotes if it needs them, with quotes in it doubled
// (RFC 4180 §2). config/csv.h reads it back as it was.
std::string CsvField(std::string_view text);

// The same for a result that is opened in a spreadsheet: a text that would be
// taken for a formula gets an apostrophe in front, since names come from
// hostile input.
std::string SpreadsheetField(std::string_view text);

// The texts, each as SpreadsheetField, and a newline.
std::string SpreadsheetLine(std::initializer_list<std::string_view> texts);

}  // namespace octroi
