// SPDX-License-Identifier: Apache-2.0
// Flow records as JSON Lines: one biflow a line, keys and order as in
// docs/reference/flow-record.md. Control path; one thread at a time.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "dataplane/collecting_sink.h"
#include "policy/edition.h"

namespace octroi {

// One line without its newline. `timeline` made the editions that judged it.
std::string FlowToJson(const ExportedFlow& flow,
                       const EditionTimeline& timeline);

// Writes flows, in the order given, to `path`, which is replaced only when all
// of it has been written; "-" is not accepted. Errors name the path.
absl::Status WriteFlows(const std::string& path,
                        std::span<const ExportedFlow> flows,
                        const EditionTimeline& timeline);

}  // namespace octroi
