// SPDX-License-Identifier: Apache-2.0
#include "config/suggest.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "config/problem.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "geo/ascii.h"

namespace octroi {
namespace {

// Words longer than this are not compared: the table grows with the product of
// the lengths, and a word may be as long as a file.
constexpr size_t kMaxComparedBytes = 64;

// Optimal string alignment distance of two words, case ignored.
size_t Distance(std::string_view a, std::string_view b) {
  // Three rows of the table: two above, above, current.
  std::vector<size_t> two_above(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool is_equal = Lower(a[i - 1]) == Lower(b[j - 1]);
      current[j] = std::min({above[j] + 1, current[j - 1] + 1,
                             above[j - 1] + (is_equal ? 0 : 1)});
      if (i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
          Lower(a[i - 2]) == Lower(b[j - 1])) {
        current[j] = std::min(current[j], two_above[j - 2] + 1);
      }
    }
    two_above.swap(above);
    above.swap(current);
  }
  return above[b.size()];
}

}  // namespace

std::string_view NearestWord(std::string_view word,
                             std::span<const std::string_view> known) {
  if (word.empty() || word.size() > kMaxComparedBytes) return "";
  std::string_view nearest;
  size_t nearest_distance = std::max<size_t>(word.size() / 3, 1) + 1;
  for (const std::string_view candidate : known) {
    if (candidate.size() > kMaxComparedBytes) continue;
    const size_t distance = Distance(word, candidate);
    // All letters replaced is not a typing error.
    if (distance < nearest_distance && distance < candidate.size()) {
      nearest = candidate;
      nearest_distance = distance;
    }
  }
  return nearest;
}

std::string UnknownWord(std::string_view kind, std::string_view word,
                        std::span<const std::string_view> known) {
  const std::string_view nearest = NearestWord(word, known);
  const std::string question =
      nearest.empty() ? "" : fmt::format(" did you mean \"{}\"?", nearest);
  return fmt::format("unknown {} {};{} known {}s: {}", kind, Quoted(word),
                     question, kind, fmt::join(known, ", "));
}

std::string OneOf(std::span<const std::string_view> known) {
  if (known.empty()) return "";
  if (known.size() == 1) return std::string(known[0]);
  return fmt::format("{} or {}", fmt::join(known.first(known.size() - 1), ", "),
                     known.back());
}

}  // namespace octroi
