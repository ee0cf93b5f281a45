// SPDX-License-Identifier: Apache-2.0
// What the commands share: where they write, what they return, and the facts
// and policy that they judge by.
#pragma once

#include <cstdio>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/load.h"
#include "config/problem.h"
#include "geo/atlas_timeline.h"
#include "policy/policy.h"
#include "policy/workload_index.h"

namespace octroi {

// Part of the interface; scripts rely on it.
enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,  // Could not do it: unreadable capture, bad data.
  kExitUsage = 2,   // Wrong usage or configuration.
  kExitFailOn = 3,  // `--fail-on` matched.
};

// What a process has around it; main() fills it, tests as they like. The
// streams must outlive the command.
struct Surroundings {
  std::ostream* out = nullptr;     // Results, and nothing else.
  std::ostream* errors = nullptr;  // One line each.
  // Columns of the terminal that `out` is; nothing if it is not one.
  std::optional<int> out_columns;
  bool use_color = false;
  bool show_progress = false;  // `errors` is a terminal.
  std::string facts_dir;       // Of the embedded facts (installation.h).
  // "Now", ns since the epoch: for `--at now` and defaults.
  std::function<int64_t()> now_ns;
};

// Facts, policy and the indexes made of them: all that judgement needs.
struct Beliefs {
  Config config;
  // As configured, and what is local everywhere (AlwaysLocalNetworks).
  std::vector<IpPrefix> local_networks;
  std::unique_ptr<Facts> facts;
  std::unique_ptr<AtlasTimeline> atlases;
  WorkloadIndex workloads;
  std::string digest;  // EditionDigest
};

struct BeliefOptions {
  std::string config_path = "";  // "": defaults.
  // Instead of the configuration's local networks.
  std::optional<std::vector<IpPrefix>> local_networks = std::nullopt;
  // Local as well where neither says what is: live, the interfaces' own.
  std::vector<IpAddress> own_addresses = {};
  bool needs_sources = false;  // The configuration must name packet sources.
};

// Loads the configuration and the facts and builds the indexes. On failure
// writes every problem to `errors`, a line each, and returns the exit code:
// kExitUsage for the configuration, kExitFailed for data that it names.
struct LoadedBeliefs {
  std::unique_ptr<Beliefs> beliefs;  // Null on failure.
  ExitCode exit_code = kExitDone;
};
LoadedBeliefs LoadBeliefs(const BeliefOptions& options,
                          const Surroundings& surroundings);
// The same of a configuration that has been obtained with these options.
LoadedBeliefs LoadBeliefs(Config config, const BeliefOptions& options,
                          const Surroundings& surroundings);

// Reads the configuration, or takes the defaults, with the embedded facts in
// place. Nothing after writing what is wrong with it.
std::optional<Config> ObtainConfig(const BeliefOptions& options,
                                   const Surroundings& surroundings);

// The day that `--at` names: nothing for "capture". An error says what is
// accepted.
absl::StatusOr<std::optional<Day>> ParseAt(const std::string& text,
                                           int64_t now_ns);
// The same where a day is needed: "capture" is an error.
absl::StatusOr<Day> ParseDayAt(const std::string& text, int64_t now_ns);
// The same; nothing after an error on `errors`.
std::optional<Day> ReadDayAt(const std::string& text,
                             const Surroundings& surroundings);

// "octroi: MESSAGE".
void WriteError(const Surroundings& surroundings, std::string_view message);

void WriteProblems(const std::vector<Problem>& problems,
                   const Surroundings& surroundings);

// How wide a page of text is: the terminal, within reason, or a wide page where
// there is none.
size_t PageColumns(const Surroundings& surroundings);

// Flushes `out`. Returns kExitFailed, and says so in a line, if what was
// written to it has not all arrived.
ExitCode FinishOutput(const Surroundings& surroundings);

}  // namespace octroi
