// SPDX-License-Identifier: Apache-2.0
#include "agent/replay_command.h"

#include <algorithm>
#include <memory>
#include <ostream>
#include <random>
#include <utility>

#include "agent/progress.h"
#include "agent/table.h"
#include "dataplane/capture_source.h"
#include "dataplane/replay.h"
#include "evidence/digest.h"
#include "evidence/flow_writer.h"
#include "evidence/replay_report.h"
#include "fmt/format.h"

namespace octroi {
namespace {

// The captures as one source, with the digest of each file taken while it is
// read.
struct HashedSource {
  std::vector<Sha256> digests;
  std::unique_ptr<CaptureSource> source;
};

absl::StatusOr<std::unique_ptr<HashedSource>> OpenCaptures(
    const std::vector<std::string>& paths) {
  auto hashed = std::make_unique<HashedSource>();
  hashed->digests.resize(paths.size());
  CaptureSourceOptions options;
  options.paths = paths;
  options.make_observer = [digests = &hashed->digests](size_t index) {
    return [digest = &(*digests)[index]](std::span<const uint8_t> bytes) {
      digest->Update(bytes);
    };
  };
  auto source = CaptureSource::Create(std::move(options));
  if (!source.ok()) return source.status();
  hashed->source = *std::move(source);
  return hashed;
}

std::vector<ReportCapture> DescribeCaptures(HashedSource* hashed) {
  std::vector<ReportCapture> captures;
  const std::vector<CaptureSummary>& summaries = hashed->source->summaries();
  for (size_t i = 0; i < summaries.size(); ++i) {
    ReportCapture capture;
    capture.summary = summaries[i];
    if (summaries[i].is_fully_read) {
      capture.sha256 = hashed->digests[i].FinishHex();
    }
    const absl::Status& status = hashed->source->statuses()[i];
    if (!status.ok()) capture.error = std::string(status.message());
    captures.push_back(std::move(capture));
  }
  return captures;
}

absl::StatusOr<ReplayResult> ReplayWithProgress(
    const ReplayCommandOptions& options, const Surroundings& surroundings,
    CaptureSource* source, EditionTimeline* timeline) {
  std::unique_ptr<ProgressBar> bar;
  if (surroundings.show_progress) {
    bar = std::make_unique<ProgressBar>(
        [source] {
          const CaptureProgress progress = source->progress();
          return Progress{progress.bytes_read, progress.bytes_total};
        },
        surroundings.errors);
  }
  ReplayOptions replay;
  replay.worker_count = options.worker_count;
  replay.memory_limit_bytes = options.memory_limit_bytes;
  replay.keep_flows = !options.flows_path.empty();
  // Addresses in a capture may be chosen to collide; results do not depend on
  // the seed.
  replay.hash_seed = std::random_device()();
  TimelineEditions editions(timeline);
  return Replay(replay, source, &editions);
}

void WriteResult(const ReplayReport& report, ReplayFormat format,
                 const Surroundings& surroundings) {
  switch (format) {
    case ReplayFormat::kJson:
      *surroundings.out << ReportToJson(report);
      break;
    case ReplayFormat::kCsv:
      *surroundings.out << ReportToCsv(report);
      break;
    case ReplayFormat::kTable: {
      TableOptions table;
      table.columns = PageColumns(surroundings);
      table.use_color = surroundings.use_color;
      *surroundings.out << RenderTable(report, table);
      break;
    }
  }
}

bool Matches(Verdict fail_on, const ReplayReport& report) {
  return std::any_of(
      report.totals.begin(), report.totals.end(),
      [fail_on](const ReportTotal& total) { return total.verdict >= fail_on; });
}
static_assert(Verdict::kUndetermined < Verdict::kViolation &&
              Verdict::kExcepted < Verdict::kUndetermined);

bool AllFailedAtOnce(const std::vector<ReportCapture>& captures) {
  return std::all_of(
      captures.begin(), captures.end(), [](const ReportCapture& capture) {
        return !capture.error.empty() && capture.summary.packets == 0;
      });
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

ExitCode RunReplay(const ReplayCommandOptions& options,
                   const Surroundings& surroundings) {
  const auto at = ParseAt(options.at, surroundings.now_ns());
  if (!at.ok()) {
    WriteError(surroundings, std::string(at.status().message()));
    return kExitUsage;
  }
  if (options.flows_path == "-") {
    WriteError(surroundings,
               "--flows: - is standard output, where the result goes; write "
               "the path of a file");
    return kExitUsage;
  }
  const LoadedBeliefs loaded =
      LoadBeliefs({options.config_path, options.local_networks}, surroundings);
  if (loaded.beliefs == nullptr) return loaded.exit_code;
  const Beliefs& beliefs = *loaded.beliefs;
  const Policy& policy = beliefs.config.policy;

  auto captures = OpenCaptures(options.captures);
  if (!captures.ok()) {
    WriteError(surroundings, std::string(captures.status().message()));
    return kExitUsage;
  }
  EditionTimeline timeline(beliefs.atlases.get(), beliefs.workloads, policy,
                           *at);
  absl::StatusOr<ReplayResult> result = ReplayWithProgress(
      options, surroundings, (*captures)->source.get(), &timeline);
  if (!result.ok()) {
    WriteError(surroundings, std::string(result.status().message()));
    return kExitFailed;
  }

  ExitCode exit_code = kExitDone;
  if (!options.flows_path.empty()) {
    const absl::Status status =
        WriteFlows(options.flows_path, result->flows, timeline);
    if (!status.ok()) {
      WriteError(surroundings, std::string(status.message()));
      exit_code = kExitFailed;
    }
  }
  std::vector<ReportCapture> described = DescribeCaptures(captures->get());
  for (const ReportCapture& capture : described) {
    if (capture.error.empty()) continue;
    WriteError(surroundings, capture.error);
    exit_code = kExitFailed;
  }
  if (AllFailedAtOnce(described)) return exit_code;

  const ReplayReport report =
      MakeReport({&timeline, &policy, beliefs.facts.get(), std::move(described),
                  *at ? FormatDay(**at) : "capture", beliefs.digest},
                 *std::move(result));
  WriteResult(report, options.format, surroundings);
  if (FinishOutput(surroundings) != kExitDone) return kExitFailed;
  if (exit_code == kExitDone && options.fail_on &&
      Matches(*options.fail_on, report)) {
    return kExitFailOn;
  }
  return exit_code;
}

}  // namespace octroi
