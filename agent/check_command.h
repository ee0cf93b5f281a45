// SPDX-License-Identifier: Apache-2.0
// `octroi check`: whether a configuration would run, and every problem if not.
#pragma once

#include <string>

#include "agent/command.h"

namespace octroi {

ExitCode RunCheck(const std::string& config_path,
                  const Surroundings& surroundings);

}  // namespace octroi
