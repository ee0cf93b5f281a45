// SPDX-License-Identifier: Apache-2.0
// From the sources of a configuration to observation points, opened with the
// privileges that this takes.
//
// Thread safety: one control thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/load.h"
#include "dataplane/dpdk.h"
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

// The points in the order of the sources, and the DPDK that some of them need.
struct OpenedPoints {
  std::unique_ptr<Dpdk> dpdk;  // Null if none does; outlives the points.
  std::vector<std::unique_ptr<ObservationPoint>> points;
};

// Opens every source. Lines that DPDK logs go to `say`, from any thread; it
// must outlive the points.
absl::StatusOr<OpenedPoints> OpenPoints(
    const Config& config, const std::function<void(std::string_view)>& say);

}  // namespace octroi
