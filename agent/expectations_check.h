// SPDX-License-Identifier: Apache-2.0
// `octroi check --expect`: whether a policy says of flows what a file expects
// it to. Each is classified as a packet of such a flow is, so that workload,
// direction, administration rule and exceptions are the real ones.
//
// Free functions; one thread.
#pragma once

#include <string>

#include "agent/command.h"

namespace octroi {

// Prints each expectation that does not hold, with its place and what was found
// instead, and how many hold. kExitDone if all do, kExitFailed if some do not,
// kExitUsage, with every problem, if the file is not what it must be.
ExitCode CheckExpectations(const Beliefs& beliefs, const std::string& path,
                           const Surroundings& surroundings);

}  // namespace octroi
