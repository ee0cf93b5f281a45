// SPDX-License-Identifier: Apache-2.0
// `octroi explain`: every claim about an address, its source, and the verdict
// that it leads to.
#pragma once

#include <string>

#include "agent/command.h"

namespace octroi {

struct ExplainCommandOptions {
  std::string config_path;
  std::string address;
  std::string from;        // A local address; "": every workload answers.
  std::string at = "now";  // "now" or a day.
  // The service's port, which exceptions may be confined to.
  uint16_t port = kNoPort;
  bool is_json = false;
};

ExitCode RunExplain(const ExplainCommandOptions& options,
                    const Surroundings& surroundings);

// The same by facts and a policy that are loaded already: config_path is not
// read.
ExitCode ExplainWith(const Beliefs& beliefs,
                     const ExplainCommandOptions& options,
                     const Surroundings& surroundings);

}  // namespace octroi
