// SPDX-License-Identifier: Apache-2.0
// What is expected of many inputs, as rows of a CSV file in the source tree:
// text fields, none of them with a comma, a quote or a line break but the last,
// which runs to the end of its line. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace octroi::testing {

using Row = std::vector<std::string>;

// The rows without comments and header. Throws if the file cannot be read or a
// row has another number of fields than the header.
std::vector<Row> ReadRows(const std::string& path);

}  // namespace octroi::testing
