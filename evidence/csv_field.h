// SPDX-License-Identifier: Apache-2.0
// One value of the CSV that results are written as. A free function; any
// thread.
#pragma once

#include <string>
#include <string_view>

namespace octroi {

// `text` quoted as RFC 4180 says, where it has to be. Names come from databases
// and tables: one that a spreadsheet would take for a formula has an apostrophe
// in front.
std::string CsvField(std::string_view text);

}  // namespace octroi
