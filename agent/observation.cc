// SPDX-License-Identifier: Apache-2.0
#include "agent/observation.h"

#include <unistd.h>

#include <algorithm>

#include "dataplane/interface_point.h"
#include "fmt/format.h"

namespace octroi {

std::vector<std::string> ProblemsOfSources(
    const std::vector<SourceOptions>& sources) {
  std::vector<std::string> problems;
  const auto links = LinkMonitor::Open();
  if (!links.ok()) return {std::string(links.status().message())};
  std::vector<Link> found;
  for (const SourceOptions& source : sources) {
    switch (source.kind) {
      case SourceOptions::Kind::kInterface: {
        const std::string& name = source.interface.interface_name;
        const std::optional<Link> link = (*links)->Find(name);
        if (link) {
          found.push_back(*link);
        } else {
          problems.push_back(fmt::format(
              "{} is not a network interface of this host; `ip link` lists "
              "them",
              name));
        }
        break;
      }
      case SourceOptions::Kind::kFile:
        if (access(source.file.c_str(), R_OK) != 0) {
          problems.push_back(fmt::format(
              "{} cannot be read; give the path of a capture", source.file));
        }
        break;
      case SourceOptions::Kind::kDpdk:
        break;
    }
  }
  const std::optional<StackedLinks> stacked = FindStacked(found);
  if (stacked) {
    problems.push_back(fmt::format(
        "{} stands on {}: every packet would count twice; keep one of them",
        stacked->upper, stacked->lower));
  }
  return problems;
}

std::vector<IpAddress> OwnAddresses(const std::vector<SourceOptions>& sources,
                                    LinkMonitor* links) {
  std::vector<IpAddress> addresses;
  for (const SourceOptions& source : sources) {
    if (source.kind != SourceOptions::Kind::kInterface) continue;
    const auto link = links->Find(source.interface.interface_name);
    if (!link) continue;
    for (const IpAddress& address : links->AddressesOf(link->index)) {
      addresses.push_back(address);
    }
  }
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()),
                  addresses.end());
  return addresses;
}

absl::StatusOr<std::vector<std::unique_ptr<ObservationPoint>>> OpenPoints(
    const std::vector<SourceOptions>& sources) {
  std::vector<std::unique_ptr<ObservationPoint>> points;
  for (const SourceOptions& source : sources) {
    switch (source.kind) {
      case SourceOptions::Kind::kInterface: {
        auto point = InterfacePoint::Open(source.interface);
        if (!point.ok()) return point.status();
        points.push_back(*std::move(point));
        break;
      }
      case SourceOptions::Kind::kDpdk:
      case SourceOptions::Kind::kFile:
        return absl::UnimplementedError("not yet");
    }
  }
  return points;
}

}  // namespace octroi
