// SPDX-License-Identifier: Apache-2.0
#include "agent/replay_command.h"

#include <algorithm>
#include <memory>
#include <ostream>
#include <random>
#include <utility>

#include "agent/progress.h"
#include "agent/table.h"
#include "config/provider_register.h"
#include "dataplane/capture_source.h"
#include "dataplane/replay.h"
#include "evidence/digest.h"
#include "evidence/flow_writer.h"
#include "evidence/inventory.h"
#include "evidence/replay_report.h"
#include "evidence/verdict_changes.h"
#include "evidence/whole_file.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace octroi {
namespace {

// The captures as one source, with the digest of each file taken while it is
// read, if the result names it: a digest costs more than the packets do.
struct HashedSource {
  std::vector<Sha256> digests;  // Empty: none is wanted.
  std::unique_ptr<CaptureSource> source;
};

absl::StatusOr<std::unique_ptr<HashedSource>> OpenCaptures(
    const std::vector<std::string>& paths, bool takes_digests) {
  auto hashed = std::make_unique<HashedSource>();
  CaptureSourceOptions options;
  options.paths = paths;
  if (takes_digests) {
    hashed->digests.resize(paths.size());
    options.make_observer = [digests = &hashed->digests](size_t index) {
      return [digest = &(*digests)[index]](std::span<const uint8_t> bytes) {
        digest->Update(bytes);
      };
    };
  }
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
    if (summaries[i].is_fully_read && !hashed->digests.empty()) {
      capture.sha256 = hashed->digests[i].FinishHex();
    }
    const absl::Status& status = hashed->source->statuses()[i];
    if (!status.ok()) capture.error = std::string(status.message());
    captures.push_back(std::move(capture));
  }
  return captures;
}

// What a replay is run for, beside its totals.
struct Wanted {
  bool keeps_flows = false;
  std::vector<SightingSink>* sightings = nullptr;  // One per worker, or null.
};

absl::StatusOr<ReplayResult> ReplayWithProgress(
    const ReplayCommandOptions& options, const Surroundings& surroundings,
    const Wanted& wanted, CaptureSource* source, EditionTimeline* timeline) {
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
  replay.keep_flows = wanted.keeps_flows;
  // Addresses in a capture may be chosen to collide; results do not depend on
  // the seed.
  replay.hash_seed = std::random_device()();
  TimelineEditions editions(timeline);
  std::vector<FlowSink*> sinks;
  if (wanted.sightings != nullptr) {
    wanted.sightings->resize(options.worker_count);
    for (SightingSink& sink : *wanted.sightings) sinks.push_back(&sink);
  }
  return Replay(replay, source, &editions, sinks);
}

TableOptions TableOptionsOf(const Surroundings& surroundings) {
  TableOptions table;
  table.columns = PageColumns(surroundings);
  table.use_color = surroundings.use_color;
  return table;
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
    case ReplayFormat::kTable:
      *surroundings.out << RenderTable(report, TableOptionsOf(surroundings));
      break;
  }
}

// Of each list of a result.
size_t ListedRows(ReplayFormat format) {
  return format == ReplayFormat::kTable ? kTableRows : SIZE_MAX;
}

void WriteComparison(const VerdictComparison& comparison, ReplayFormat format,
                     const Surroundings& surroundings) {
  switch (format) {
    case ReplayFormat::kJson:
      *surroundings.out << ComparisonToJson(comparison);
      break;
    case ReplayFormat::kCsv:
      *surroundings.out << ComparisonToCsv(comparison);
      break;
    case ReplayFormat::kTable:
      *surroundings.out << RenderComparison(comparison,
                                            TableOptionsOf(surroundings));
      break;
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

// Says which of the providers in an inventory a register lacks.
void AddMissing(const std::vector<InventoryRow>& inventory,
                const std::string& register_path, ReplayReport* report) {
  std::vector<std::string> missing;
  for (const InventoryRow& row : inventory) {
    if (row.is_registered.value_or(true)) continue;
    missing.push_back(row.operator_name.empty() ? "(operator not known)"
                                                : row.operator_name);
  }
  if (missing.empty()) return;
  report->warnings.push_back(
      fmt::format("{} of {} third parties are not in {}: {}", missing.size(),
                  inventory.size(), register_path, fmt::join(missing, ", ")));
}

bool IsStandardOutput(const std::string& path) { return path == "-"; }

// What of the options cannot be meant together; "" if nothing.
std::string ContradictionIn(const ReplayCommandOptions& options) {
  if (IsStandardOutput(options.flows_path)) {
    return "--flows: - is standard output, where the result goes; write the "
           "path of a file";
  }
  if (IsStandardOutput(options.inventory_path)) {
    return "--inventory: - is standard output, where the result goes; write "
           "the path of a file";
  }
  if (!options.register_path.empty() && options.inventory_path.empty()) {
    return "--register: is compared with an inventory; give --inventory too";
  }
  if (options.compare_at.empty()) return "";
  const auto commas =
      std::count(options.compare_at.begin(), options.compare_at.end(), ',');
  if (commas != 1) {
    return fmt::format(
        "--compare-at: \"{}\" is not two times; write for "
        "example 2025-12-01,now",
        options.compare_at);
  }
  if (options.at != "capture" || options.fail_on ||
      !options.flows_path.empty() || !options.inventory_path.empty()) {
    return "--compare-at: compares two judgements, so --at, --fail-on, --flows "
           "and --inventory do not go with it; run them apart";
  }
  return "";
}

std::string NameOf(const std::optional<Day>& at) {
  return at ? FormatDay(*at) : "capture";
}

// One run of the command: what it needs is prepared once, then reported or
// compared.
class ReplayRun {
 public:
  ReplayRun(const ReplayCommandOptions& options,
            const Surroundings& surroundings)
      : options_(options), surroundings_(surroundings) {}

  // Loads beliefs and register, and opens the captures. kExitDone, or why not,
  // which has been written.
  ExitCode Prepare();

  ExitCode Report(const std::optional<Day>& at);
  ExitCode Compare(const std::optional<Day>& first,
                   const std::optional<Day>& second);

 private:
  const Policy& policy() const { return beliefs_->config.policy; }
  EditionTimeline TimelineAt(const std::optional<Day>& at) const;
  void Fail(const absl::Status& status);
  // The captures as read; errors of any have been written.
  std::vector<ReportCapture> Describe();
  ExitCode Finish();

  const ReplayCommandOptions& options_;
  const Surroundings& surroundings_;
  std::unique_ptr<Beliefs> beliefs_;
  std::unique_ptr<HashedSource> captures_;
  std::optional<std::vector<RegisteredProvider>> register_;
  ExitCode exit_code_ = kExitDone;
};

ExitCode ReplayRun::Prepare() {
  LoadedBeliefs loaded = LoadBeliefs(
      {options_.config_path, options_.local_networks}, surroundings_);
  if (loaded.beliefs == nullptr) return loaded.exit_code;
  beliefs_ = std::move(loaded.beliefs);
  if (!options_.register_path.empty()) {
    std::vector<Problem> problems;
    register_ = ReadProviderRegister(options_.register_path, &problems);
    WriteProblems(problems, surroundings_);
    if (!register_) return kExitFailed;
  }
  // The table and the CSV do not name digests.
  auto captures =
      OpenCaptures(options_.captures, options_.format == ReplayFormat::kJson);
  if (!captures.ok()) {
    WriteError(surroundings_, std::string(captures.status().message()));
    return kExitUsage;
  }
  captures_ = *std::move(captures);
  return kExitDone;
}

EditionTimeline ReplayRun::TimelineAt(const std::optional<Day>& at) const {
  return EditionTimeline(beliefs_->atlases.get(), beliefs_->workloads, policy(),
                         at);
}

void ReplayRun::Fail(const absl::Status& status) {
  if (status.ok()) return;
  WriteError(surroundings_, std::string(status.message()));
  exit_code_ = kExitFailed;
}

std::vector<ReportCapture> ReplayRun::Describe() {
  std::vector<ReportCapture> described = DescribeCaptures(captures_.get());
  for (const ReportCapture& capture : described) {
    if (capture.error.empty()) continue;
    WriteError(surroundings_, capture.error);
    exit_code_ = kExitFailed;
  }
  return described;
}

ExitCode ReplayRun::Finish() {
  return FinishOutput(surroundings_) == kExitDone ? exit_code_ : kExitFailed;
}

ExitCode ReplayRun::Report(const std::optional<Day>& at) {
  EditionTimeline timeline = TimelineAt(at);
  std::vector<SightingSink> sightings;
  const bool has_inventory = !options_.inventory_path.empty();
  absl::StatusOr<ReplayResult> result = ReplayWithProgress(
      options_, surroundings_,
      {!options_.flows_path.empty(), has_inventory ? &sightings : nullptr},
      captures_->source.get(), &timeline);
  if (!result.ok()) {
    Fail(result.status());
    return exit_code_;
  }
  if (!options_.flows_path.empty()) {
    Fail(WriteFlows(options_.flows_path, result->flows, timeline));
  }
  std::vector<InventoryRow> inventory;
  if (has_inventory) {
    inventory = MakeInventory(result->accounts, sightings, timeline, policy(),
                              register_);
    Fail(WriteWholeFile(
        options_.inventory_path, "cannot be written",
        "give a path in a directory that can be written",
        [&](std::ostream& file) { file << InventoryToCsv(inventory); }));
  }
  std::vector<ReportCapture> described = Describe();
  if (AllFailedAtOnce(described)) return exit_code_;
  ReplayReport report = MakeReport(
      {&timeline, &policy(), beliefs_->facts.get(), std::move(described),
       NameOf(at), beliefs_->digest, ListedRows(options_.format)},
      *std::move(result));
  AddMissing(inventory, options_.register_path, &report);
  WriteResult(report, options_.format, surroundings_);
  const ExitCode exit_code = Finish();
  if (exit_code == kExitDone && options_.fail_on &&
      Matches(*options_.fail_on, report)) {
    return kExitFailOn;
  }
  return exit_code;
}

ExitCode ReplayRun::Compare(const std::optional<Day>& first,
                            const std::optional<Day>& second) {
  EditionTimeline metered_by = TimelineAt(first);
  absl::StatusOr<ReplayResult> result =
      ReplayWithProgress(options_, surroundings_, {.keeps_flows = true},
                         captures_->source.get(), &metered_by);
  if (!result.ok()) {
    Fail(result.status());
    return exit_code_;
  }
  std::vector<ReportCapture> described = Describe();
  if (AllFailedAtOnce(described)) return exit_code_;
  EditionTimeline judged_by = TimelineAt(second);
  VerdictComparison comparison =
      CompareVerdicts(result->flows, {NameOf(first), &metered_by},
                      {NameOf(second), &judged_by}, policy());
  comparison.captures = std::move(described);
  comparison.edition_digest = beliefs_->digest;
  comparison.sources = beliefs_->facts->sources;
  if (result->flows_not_kept != 0 || result->counters.flow_records_lost != 0) {
    comparison.warnings.push_back(
        "the memory limit was reached: not every flow was compared; raise "
        "--memory-limit");
  }
  WriteComparison(comparison, options_.format, surroundings_);
  return Finish();
}

}  // namespace

ExitCode RunReplay(const ReplayCommandOptions& options,
                   const Surroundings& surroundings) {
  const std::string contradiction = ContradictionIn(options);
  if (!contradiction.empty()) {
    WriteError(surroundings, contradiction);
    return kExitUsage;
  }
  // A comparison has two times, a replay one.
  std::vector<std::optional<Day>> times;
  const bool compares = !options.compare_at.empty();
  const size_t comma = options.compare_at.find(',');
  const std::vector<std::string> texts =
      compares ? std::vector<std::string>{options.compare_at.substr(0, comma),
                                          options.compare_at.substr(comma + 1)}
               : std::vector<std::string>{options.at};
  for (const std::string& text : texts) {
    const auto at = ParseAt(text, surroundings.now_ns());
    if (!at.ok()) {
      WriteError(surroundings, std::string(at.status().message()));
      return kExitUsage;
    }
    times.push_back(*at);
  }
  ReplayRun run(options, surroundings);
  const ExitCode exit_code = run.Prepare();
  if (exit_code != kExitDone) return exit_code;
  return compares ? run.Compare(times[0], times[1]) : run.Report(times[0]);
}

}  // namespace octroi
