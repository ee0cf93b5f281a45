// SPDX-License-Identifier: Apache-2.0
// `octroi facts compare`: how far country databases agree, over the whole
// address space and for each operator.
#pragma once

#include <string>
#include <vector>

#include "agent/command.h"

namespace octroi {

struct FactsCompareOptions {
  std::string config_path;
  std::string at = "now";  // "now" or a day.
  bool is_json = false;
  // Databases to compare beside the configured ones.
  std::vector<std::string> databases;
};

ExitCode RunFactsCompare(const FactsCompareOptions& options,
                         const Surroundings& surroundings);

}  // namespace octroi
