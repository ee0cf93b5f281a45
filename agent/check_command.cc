// SPDX-License-Identifier: Apache-2.0
#include "agent/check_command.h"

#include <ostream>

#include "agent/expectations_check.h"
#include "agent/http_server.h"
#include "agent/observation.h"
#include "agent/text.h"
#include "fmt/format.h"

namespace octroi {
namespace {

void WriteEndedExceptions(const Workload& workload, Day today,
                          std::ostream& out) {
  for (const Exception& exception : workload.exceptions) {
    if (!exception.HasEnded(today)) continue;
    out << fmt::format(
        "    exception {} for {} ended on {}; remove it, or decide again\n",
        Printable(exception.reference), exception.destination.ToString(),
        FormatDay(exception.until));
  }
}

void WriteSummary(const Beliefs& beliefs, const std::string& config_path,
                  Day today, std::ostream& out) {
  const Policy& policy = beliefs.config.policy;
  out << fmt::format("{}: ok\n", config_path);
  for (const Workload& workload : policy.workloads) {
    out << fmt::format(
        "  workload {}: {} {}, {} {}\n", workload.name,
        workload.addresses.size() + (workload.covers_any ? 1 : 0),
        workload.covers_any ? "address ranges, any among them"
                            : "address ranges",
        workload.exceptions.size(),
        workload.exceptions.size() == 1 ? "exception" : "exceptions");
    WriteEndedExceptions(workload, today, out);
  }
  for (const FactSource& source : beliefs.facts->sources) {
    out << fmt::format("  {}: {}, sha256 {}\n", source.name,
                       source.built ? FormatDay(*source.built) : "undated",
                       source.sha256);
  }
  const Atlas& atlas = beliefs.atlases->At(Day::max());
  out << fmt::format("  atlas: {} attributions in {} classes, {}\n",
                     GroupDigits(atlas.attribution_count()),
                     GroupDigits(atlas.classes().size()),
                     HumanBytes(atlas.memory_bytes()));
  out << fmt::format("  edition {}\n", beliefs.digest);
}

}  // namespace

ExitCode RunCheck(const CheckCommandOptions& options,
                  const Surroundings& surroundings) {
  const std::string& config_path = options.config_path;
  const bool has_expectations = !options.expect_path.empty();
  const LoadedBeliefs loaded = LoadBeliefs(
      {.config_path = config_path, .needs_sources = !has_expectations},
      surroundings);
  if (loaded.beliefs == nullptr) return loaded.exit_code;
  if (has_expectations) {
    return CheckExpectations(*loaded.beliefs, options.expect_path,
                             surroundings);
  }
  const std::vector<std::string> problems =
      ProblemsOfSources(loaded.beliefs->config.sources);
  for (const std::string& problem : problems) {
    WriteError(surroundings,
               fmt::format("{}: sources: {}", config_path, problem));
  }
  const LoadedWebConfig web =
      LoadWebConfig(loaded.beliefs->config.metrics.web_config);
  WriteProblems(web.problems, surroundings);
  if (!problems.empty() || !web.config) return kExitUsage;
  if (const absl::Status fits = CheckWebConfig(*web.config); !fits.ok()) {
    WriteError(surroundings, std::string(fits.message()));
    return kExitUsage;
  }
  WriteSummary(*loaded.beliefs, config_path, DayOf(surroundings.now_ns()),
               *surroundings.out);
  return FinishOutput(surroundings);
}

}  // namespace octroi
