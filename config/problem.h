// SPDX-License-Identifier: Apache-2.0
// What is wrong with a configuration or a file of facts, and where. Readers of
// config/ add to a list of these and read on, so that a user sees every
// problem at once. Plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace octroi {

struct Problem {
  std::string file;
  int line = 0;    // From 1; 0: the file as a whole.
  int column = 0;  // From 1, in characters; 0: the line as a whole.
  std::string what;

  // "FILE:LINE:COLUMN: what", as far as the place is known.
  std::string text() const;
};

// The problem that an error of geo/ or policy/ tells of a table read from
// `file`. A message that begins with "line N: " gives the line; one that names
// a file itself is taken whole.
Problem ProblemOf(const std::string& file, const absl::Status& status);

// Every problem on its own line, as one error.
absl::Status ToStatus(const std::vector<Problem>& problems);

// `text` in double quotes for a message: at most 64 characters of it, anything
// that would disturb a terminal or a log written as \xNN.
std::string Quoted(std::string_view text);

}  // namespace octroi
