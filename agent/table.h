// SPDX-License-Identifier: Apache-2.0
// The replay's result as a person wants to read it on a terminal.
#pragma once

#include <cstddef>
#include <string>

#include "evidence/replay_report.h"
#include "evidence/verdict_changes.h"

namespace octroi {

struct TableOptions {
  size_t columns = 120;  // Width of the terminal.
  bool use_color = false;
  // Destinations that are listed; what the rest amounts to is said in a line.
  size_t max_destinations = 40;
};

// Ends in a newline.
std::string RenderTable(const ReplayReport& report,
                        const TableOptions& options);

// The flows whose verdict changes between two times, in groups for which the
// same differs, at most options.max_destinations of them. Ends in a newline.
std::string RenderComparison(const VerdictComparison& comparison,
                             const TableOptions& options);

}  // namespace octroi
