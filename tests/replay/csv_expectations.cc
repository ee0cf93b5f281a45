// SPDX-License-Identifier: Apache-2.0
#include "tests/replay/csv_expectations.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace octroi::testing {
namespace {

Row SplitAtCommas(const std::string& line, size_t field_limit) {
  Row row;
  size_t at = 0;
  while (row.size() + 1 < field_limit) {
    const size_t comma = line.find(',', at);
    if (comma == std::string::npos) break;
    row.push_back(line.substr(at, comma - at));
    at = comma + 1;
  }
  row.push_back(line.substr(at));
  return row;
}

}  // namespace

std::vector<Row> ReadRows(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<Row> rows;
  size_t field_count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    if (field_count == 0) {
      field_count =
          static_cast<size_t>(std::count(line.begin(), line.end(), ',')) + 1;
      continue;
    }
    rows.push_back(SplitAtCommas(line, field_count));
    if (rows.back().size() != field_count) {
      throw std::runtime_error(path + ": too few fields: " + line);
    }
  }
  return rows;
}

}  // namespace octroi::testing
