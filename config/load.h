// SPDX-License-Identifier: Apache-2.0
// octroi.yaml in, checked structs out: the schema of the configuration, its
// defaults, and every problem of a file at once, in the order of the file.
//
// Free functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/facts.h"
#include "config/listen_address.h"
#include "config/problem.h"
#include "dataplane/dpdk.h"
#include "dataplane/interface_point.h"
#include "evidence/flow_log.h"
#include "geo/facts.h"
#include "geo/ip_prefix.h"
#include "policy/policy.h"

namespace octroi {

// Where packets come from: one item of `sources`.
struct SourceOptions {
  enum class Kind { kInterface, kDpdk, kFile };
  Kind kind = Kind::kInterface;
  InterfaceOptions interface;  // kInterface
  DpdkPortsOptions dpdk;       // kDpdk
  std::string file;            // kFile

  friend bool operator==(const SourceOptions&, const SourceOptions&) = default;
};

// A place in the configuration file, from 1; 0: not written there.
struct ConfigPlace {
  int line = 0;
  int column = 0;
};

// Where the names of a workload's requirement stand, for problems that only
// the facts tell. Lists have an entry for each name.
struct RequirementPlaces {
  ConfigPlace scheme;
  ConfigPlace minimum_version;
  std::vector<ConfigPlace> allowed_operators;
  std::vector<ConfigPlace> allowed_services;
  std::vector<ConfigPlace> denied_laws;
};

// How the daemon runs, beside what it believes.
struct LiveConfig {
  // Memory of each worker's flow table, MiB.
  uint32_t flow_memory_mib = 192;
  // A flow is reported in parts of this length, seconds: what it violates is
  // not told later.
  uint32_t active_seconds = 60;
  // No file of flow records if not given.
  std::optional<FlowLogOptions> flow_log;
  // "": the service manager's, or the packaged one.
  std::string state_directory;
  // Load facts anew when one of their files changes; else on SIGHUP alone.
  bool reloads_on_change = false;
};
inline constexpr uint32_t kMinFlowMemoryMib = 4;
inline constexpr uint32_t kMaxFlowMemoryMib = 128 * 1024;
inline constexpr uint32_t kMaxActiveSeconds = 86'400;

// Where the metrics are served, and to whom.
inline constexpr std::string_view kDefaultMetricsListen = "127.0.0.1:9469";
struct MetricsConfig {
  ListenAddress listen = *ParseListenAddress(kDefaultMetricsListen);
  // A file as config/web_config.h reads it; "": no TLS, no passwords.
  std::string web_config;
};

// What DPDK takes for all sources together.
struct DpdkMemory {
  bool uses_huge_pages = true;
  uint32_t mib = 0;  // 0: DpdkOptions::memory_megabytes says what follows.

  friend bool operator==(const DpdkMemory&, const DpdkMemory&) = default;
};

struct Config {
  std::vector<SourceOptions> sources;
  DpdkMemory dpdk_memory;
  // Nothing: the default of policy/workload_index.h and, live, the
  // interfaces' own addresses.
  std::optional<std::vector<IpPrefix>> local_networks;
  FactsOptions facts;  // embedded_dir is the caller's to set.
  Policy policy;
  MetricsConfig metrics;
  LiveConfig live;
  std::string path;
  // One per workload of `policy`, where the file writes workloads.
  std::vector<RequirementPlaces> requirement_places;
};

struct LoadOptions {
  // Whether a file without `sources` is a problem: yes to run, no to replay.
  bool needs_sources = true;
};

// Either a configuration or at least one problem, sorted by place.
struct LoadedConfig {
  std::optional<Config> config;
  std::vector<Problem> problems;
};

// Reads a configuration file. Relative paths in it are taken from the file's
// own directory.
LoadedConfig LoadConfig(const std::string& path, const LoadOptions& options);

// The same of a text that is already in memory; `path` names it and gives the
// directory.
LoadedConfig ReadConfig(std::string_view text, const std::string& path,
                        const LoadOptions& options);

// What a configuration without a file is: DefaultPolicy(), embedded facts.
Config DefaultConfig();

// What the policy names that the facts do not have: schemes and versions of
// schemes, operators, services and laws. With the place of the name where the
// file writes it.
std::vector<Problem> CheckPolicyAgainstFacts(const Config& config,
                                             const Facts& facts);

}  // namespace octroi
