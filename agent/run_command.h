// SPDX-License-Identifier: Apache-2.0
// `octroi run`: the daemon. docs/reference/daemon.md tells what it does when.
#pragma once

#include <string>

#include "agent/command.h"

namespace octroi {

struct RunCommandOptions {
  std::string config_path;
};

// Runs until SIGTERM or SIGINT, which end it with kExitDone. kExitFailed: it
// could not start, or a source was lost that only a new start can open again.
ExitCode RunDaemon(const RunCommandOptions& options,
                   const Surroundings& surroundings);

}  // namespace octroi
