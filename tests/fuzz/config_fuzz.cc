// SPDX-License-Identifier: Apache-2.0
// Any bytes may stand in a configuration or in a file of facts. Each reader
// must end with a value or with at least one problem, never both and never
// neither, and whatever a problem says is UTF-8 on one line.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/csv.h"
#include "config/fact_tables.h"
#include "config/load.h"
#include "config/text_file.h"

namespace octroi {
namespace {

// Larger inputs find nothing more and take long.
constexpr size_t kMaxInputBytes = 1 << 16;

void CheckProblems(const std::vector<Problem>& problems) {
  for (const Problem& problem : problems) {
    const std::string text = problem.text();
    assert(!text.empty());
    assert(!FindBadCharacter(text, ""));
    assert(text.find('\n') == std::string::npos);
    assert(problem.line >= 0 && problem.column >= 0);
  }
}

template <typename Row>
void CheckTable(FactTable<Row> (*read)(std::string_view, const std::string&,
                                       std::vector<Problem>*),
                std::string_view text) {
  std::vector<Problem> problems;
  const FactTable<Row> table = read(text, "a.csv", &problems);
  CheckProblems(problems);
  assert(problems.size() <= kMaxCsvColumns + kMaxCsvProblems * 16);
  for (const Row& row : table.rows) assert(row.line > 0);
}

void CheckConfig(std::string_view text) {
  const LoadedConfig loaded = ReadConfig(text, "a.yaml", LoadOptions());
  assert(loaded.config.has_value() == loaded.problems.empty());
  CheckProblems(loaded.problems);
  if (!loaded.config) return;
  assert(!loaded.config->sources.empty());
  assert(CheckPolicy(loaded.config->policy).ok());
  CheckProblems(CheckPolicyAgainstFacts(*loaded.config, Facts()));
}

}  // namespace
}  // namespace octroi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > octroi::kMaxInputBytes) return 0;
  // The first byte says what reads the rest; a configuration begins with any
  // other letter, so that a corpus entry of one is a configuration as it is.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  switch (text[0]) {
    case '1':
      octroi::CheckTable(&octroi::ReadJurisdictions, text.substr(1));
      break;
    case '2':
      octroi::CheckTable(&octroi::ReadOperators, text.substr(1));
      break;
    case '3':
      octroi::CheckTable(&octroi::ReadQualifiedServices, text.substr(1));
      break;
    case '4':
      octroi::CheckTable(&octroi::ReadSchemes, text.substr(1));
      break;
    case '5':
      octroi::CheckTable(&octroi::ReadRanges, text.substr(1));
      break;
    case '6':
      octroi::CheckTable(&octroi::ReadSpecialPurpose, text.substr(1));
      break;
    case '7':
      octroi::CheckTable(&octroi::ReadAnycast, text.substr(1));
      break;
    default:
      octroi::CheckConfig(text);
  }
  return 0;
}
