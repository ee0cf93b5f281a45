// SPDX-License-Identifier: Apache-2.0
// `octroi check`: whether a configuration would run, and every problem if not;
// with expectations, whether its policy says what they expect.
#pragma once

#include <string>

#include "agent/command.h"

namespace octroi {

struct CheckCommandOptions {
  std::string config_path;
  // A file of expectations (config/expectations.h) to check instead of whether
  // the configuration would run, which then needs no sources; "": none.
  std::string expect_path;
};

ExitCode RunCheck(const CheckCommandOptions& options,
                  const Surroundings& surroundings);

}  // namespace octroi
