// SPDX-License-Identifier: Apache-2.0
#include "agent/command.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include "config/facts.h"
#include "evidence/replay_report.h"
#include "fmt/format.h"
#include "policy/judge.h"

namespace octroi {

void WriteProblems(const std::vector<Problem>& problems,
                   const Surroundings& surroundings) {
  for (const Problem& problem : problems) {
    WriteError(surroundings, problem.text());
  }
}

size_t PageColumns(const Surroundings& surroundings) {
  constexpr size_t kWithoutTerminal = 160;
  constexpr size_t kNarrowest = 60;
  return surroundings.out_columns
             ? std::max(kNarrowest,
                        static_cast<size_t>(*surroundings.out_columns))
             : kWithoutTerminal;
}

std::optional<Config> ObtainConfig(const BeliefOptions& options,
                                   const Surroundings& surroundings) {
  LoadedConfig loaded;
  if (options.config_path.empty()) {
    loaded.config = DefaultConfig();
  } else {
    loaded = LoadConfig(options.config_path,
                        {.needs_sources = options.needs_sources});
  }
  WriteProblems(loaded.problems, surroundings);
  if (!loaded.problems.empty()) return std::nullopt;
  loaded.config->facts.embedded_dir = surroundings.facts_dir;
  return std::move(loaded.config);
}

namespace {

// As given on the command line, else as configured, with what is local
// everywhere; else the default, which has that already.
std::vector<IpPrefix> LocalNetworksOf(const BeliefOptions& options,
                                      const Config& config,
                                      const SpecialPurposeTable& table) {
  const auto& given =
      options.local_networks ? options.local_networks : config.local_networks;
  if (!given) {
    std::vector<IpPrefix> networks = DefaultLocalNetworks(table);
    for (const IpAddress& address : options.own_addresses) {
      networks.push_back(IpPrefix::Containing(address, address.bit_count()));
    }
    return networks;
  }
  std::vector<IpPrefix> networks = *given;
  const std::vector<IpPrefix> always = AlwaysLocalNetworks(table);
  networks.insert(networks.end(), always.begin(), always.end());
  return networks;
}

}  // namespace

absl::StatusOr<std::optional<Day>> ParseAt(const std::string& text,
                                           int64_t now_ns) {
  if (text == "capture") return std::optional<Day>();
  if (text == "now") return std::optional<Day>(DayOf(now_ns));
  const std::optional<Day> day = ParseDay(text);
  if (day) return std::optional<Day>(*day);
  return absl::InvalidArgumentError(fmt::format(
      "--at: \"{}\" is not a time; write capture, now or YYYY-MM-DD", text));
}

absl::StatusOr<Day> ParseDayAt(const std::string& text, int64_t now_ns) {
  const auto at = ParseAt(text, now_ns);
  if (at.ok() && *at) return **at;
  return absl::InvalidArgumentError(fmt::format(
      "--at: {} is not a day; write now or YYYY-MM-DD", Quoted(text)));
}

std::optional<Day> ReadDayAt(const std::string& text,
                             const Surroundings& surroundings) {
  const absl::StatusOr<Day> day = ParseDayAt(text, surroundings.now_ns());
  if (day.ok()) return *day;
  WriteError(surroundings, std::string(day.status().message()));
  return std::nullopt;
}

void WriteError(const Surroundings& surroundings, std::string_view message) {
  *surroundings.errors << "octroi: " << message << "\n";
}

ExitCode FinishOutput(const Surroundings& surroundings) {
  surroundings.out->flush();
  if (*surroundings.out) return kExitDone;
  WriteError(surroundings,
             "standard output: the result cannot be written whole; make room, "
             "or keep the reader of the pipe open");
  return kExitFailed;
}

LoadedBeliefs LoadBeliefs(const BeliefOptions& options,
                          const Surroundings& surroundings) {
  std::optional<Config> config = ObtainConfig(options, surroundings);
  if (!config) return {nullptr, kExitUsage};
  return LoadBeliefs(*std::move(config), options, surroundings);
}

LoadedBeliefs LoadBeliefs(Config loaded, const BeliefOptions& options,
                          const Surroundings& surroundings) {
  auto beliefs = std::make_unique<Beliefs>();
  beliefs->config = std::move(loaded);
  const Config& config = beliefs->config;
  std::vector<Problem> problems;
  beliefs->facts = LoadFacts(config.facts, &problems);
  if (beliefs->facts == nullptr || !problems.empty()) {
    WriteProblems(problems, surroundings);
    return {nullptr, kExitFailed};
  }
  problems = CheckPolicyAgainstFacts(config, *beliefs->facts);
  if (!problems.empty()) {
    WriteProblems(problems, surroundings);
    return {nullptr, kExitUsage};
  }
  absl::StatusOr<std::unique_ptr<AtlasTimeline>> atlases =
      AtlasTimeline::Create(*beliefs->facts, ExceptionMarks(config.policy));
  if (!atlases.ok()) {
    WriteError(surroundings, std::string(atlases.status().message()));
    return {nullptr, kExitFailed};
  }
  beliefs->atlases = *std::move(atlases);
  beliefs->local_networks =
      LocalNetworksOf(options, config, beliefs->facts->special_purpose);
  beliefs->workloads =
      WorkloadIndex::Create(config.policy, beliefs->local_networks);
  beliefs->digest =
      EditionDigest(*beliefs->facts, config.policy, beliefs->local_networks);
  return {std::move(beliefs), kExitDone};
}

}  // namespace octroi
