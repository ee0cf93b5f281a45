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
};

// As many destinations as a person reads, and groups of a comparison.
inline constexpr size_t kTableRows = 40;

// All that the report lists, and in a line what it leaves out. Ends in a
// newline.
std::string RenderTable(const ReplayReport& report,
                        const TableOptions& options);

// The flows whose verdict changes between two times, in groups for which the
// same differs, at most kTableRows of them. Ends in a newline.
std::string RenderComparison(const VerdictComparison& comparison,
                             const TableOptions& options);

}  // namespace octroi
