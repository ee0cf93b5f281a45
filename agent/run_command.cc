// SPDX-License-Identifier: Apache-2.0
#include "agent/run_command.h"

#include "agent/daemon.h"

namespace octroi {

ExitCode RunDaemon(const RunCommandOptions& options,
                   const Surroundings& surroundings) {
  Daemon daemon(options.config_path, surroundings);
  const ExitCode code = daemon.Start();
  return code == kExitDone ? daemon.Run() : code;
}

}  // namespace octroi
