// SPDX-License-Identifier: Apache-2.0
#include "agent/observation.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "dataplane/dpdk_point.h"
#include "dataplane/file_point.h"
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

namespace {

absl::StatusOr<std::unique_ptr<Dpdk>> StartDpdkFor(
    const Config& config, const std::function<void(std::string_view)>& say) {
  // syslog's: what is worth a line to an operator.
  constexpr int kWarning = 4;
  DpdkOptions options;
  for (const SourceOptions& source : config.sources) {
    options.devices.insert(options.devices.end(), source.dpdk.devices.begin(),
                           source.dpdk.devices.end());
  }
  options.use_huge_pages = config.dpdk_memory.uses_huge_pages;
  options.memory_megabytes = config.dpdk_memory.mib;
  options.log = [&say](int severity, std::string_view line) {
    if (severity <= kWarning) say(line);
  };
  return StartDpdk(std::move(options));
}

absl::StatusOr<std::unique_ptr<ObservationPoint>> OpenPoint(
    const SourceOptions& source, Dpdk* dpdk) {
  switch (source.kind) {
    case SourceOptions::Kind::kDpdk:
      return DpdkPoint::Open(dpdk, source.dpdk);
    case SourceOptions::Kind::kFile:
      return FilePoint::Open(source.file);
    case SourceOptions::Kind::kInterface:
      break;
  }
  return InterfacePoint::Open(source.interface);
}

}  // namespace

absl::StatusOr<OpenedPoints> OpenPoints(
    const Config& config, const std::function<void(std::string_view)>& say) {
  OpenedPoints opened;
  const bool needs_dpdk = std::any_of(
      config.sources.begin(), config.sources.end(), [](const auto& source) {
        return source.kind == SourceOptions::Kind::kDpdk;
      });
  if (needs_dpdk) {
    auto dpdk = StartDpdkFor(config, say);
    if (!dpdk.ok()) return dpdk.status();
    opened.dpdk = *std::move(dpdk);
  }
  for (const SourceOptions& source : config.sources) {
    auto point = OpenPoint(source, opened.dpdk.get());
    if (!point.ok()) return point.status();
    opened.points.push_back(*std::move(point));
  }
  return opened;
}

}  // namespace octroi
