// SPDX-License-Identifier: Apache-2.0
// From the sources of a configuration to observation points, opened with the
// privileges that this takes.
//
// Thread safety: one control thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/load.h"
#include "dataplane/link_monitor.h"
#include "dataplane/observation_point.h"
#include "geo/ip_address.h"

namespace octroi {

// What is wrong with the sources on this host, a line each; empty if nothing
// is: interfaces that are not there, interfaces that stand on one another, so
// that each packet would count twice, captures that cannot be read. Opens none
// of them.
std::vector<std::string> ProblemsOfSources(
    const std::vector<SourceOptions>& sources);

// The addresses of the interfaces among the sources, ascending, each once.
std::vector<IpAddress> OwnAddresses(const std::vector<SourceOptions>& sources,
                                    LinkMonitor* links);

// Opens every source, in order.
absl::StatusOr<std::vector<std::unique_ptr<ObservationPoint>>> OpenPoints(
    const std::vector<SourceOptions>& sources);

}  // namespace octroi
