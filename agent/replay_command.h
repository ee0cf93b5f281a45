// SPDX-License-Identifier: Apache-2.0
// `octroi replay`: captures in, verdicts out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/command.h"
#include "policy/terms.h"

namespace octroi {

enum class ReplayFormat : uint8_t { kTable, kJson, kCsv };

struct ReplayCommandOptions {
  std::string config_path;
  std::optional<std::vector<IpPrefix>> local_networks;
  // "capture", "now", or a day.
  std::string at = "capture";
  uint32_t worker_count = 1;
  size_t memory_limit_bytes = size_t{2} << 30;
  ReplayFormat format = ReplayFormat::kTable;
  std::string flows_path;      // "": no flow records.
  std::string inventory_path;  // "": no inventory.
  std::string register_path;   // "": none to compare the inventory with.
  // "A,B", each as `at`: the result is what changes between them. "": not so.
  std::string compare_at;
  std::optional<Verdict> fail_on;  // kViolation or kUndetermined.
  std::vector<std::string> captures;
};

// Writes the result even if a capture broke in the middle: what was read
// counts. Returns kExitFailed if any capture could not be read whole or a file
// could not be written, else kExitFailOn if a flow has the verdict that
// fail_on names or a worse one.
ExitCode RunReplay(const ReplayCommandOptions& options,
                   const Surroundings& surroundings);

}  // namespace octroi
