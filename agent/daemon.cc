// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon.h"

#include <poll.h>

#include <cassert>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <random>
#include <set>
#include <utility>

#include "agent/metric_text.h"
#include "agent/observation.h"
#include "agent/sandbox.h"
#include "agent/text.h"
#include "fmt/format.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int kTickMs = 250;
// A worker comes round at least twenty times a second.
constexpr int64_t kStalledNs = 2 * kSecondNs;
constexpr int64_t kStateIntervalNs = 10 * kSecondNs;
constexpr int64_t kAddressIntervalNs = 5 * kSecondNs;
// How long after a reload for other addresses was refused it is tried again.
constexpr int64_t kAddressRetryNs = 60 * kSecondNs;
// How long a worker may wait at the end until its flows are written.
constexpr int64_t kDrainNs = 5 * kSecondNs;
// An edition is made so long before its day begins.
constexpr int64_t kPrepareNs = 600 * kSecondNs;

constexpr char kPackagedStateDirectory[] = "/var/lib/octroi";

// As configured, else the service manager's, else the packaged one.
std::string StateDirectoryOf(const Config& config) {
  if (!config.live.state_directory.empty()) return config.live.state_directory;
  const char* given = std::getenv("STATE_DIRECTORY");
  if (given == nullptr || *given == '\0') return kPackagedStateDirectory;
  // systemd separates several with a colon.
  const std::string_view all(given);
  return std::string(all.substr(0, all.find(':')));
}

std::string FolderOf(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

// Every file and folder that a reload reads, the configuration first.
std::vector<std::string> PathsOf(const Config& config, const WebConfig& web) {
  const FactsOptions& facts = config.facts;
  std::vector<std::string> paths = {config.path};
  paths.insert(paths.end(), web.paths.begin(), web.paths.end());
  for (const std::string& path :
       {facts.asn, facts.services, facts.operators, facts.jurisdictions,
        facts.schemes, facts.special_purpose}) {
    if (!path.empty()) paths.push_back(path);
  }
  for (const auto* list : {&facts.country, &facts.ranges, &facts.anycast}) {
    paths.insert(paths.end(), list->begin(), list->end());
  }
  return paths;
}

// The folders of these, each once: files are replaced by renaming.
std::vector<std::string> FoldersOf(const std::vector<std::string>& paths) {
  std::set<std::string> folders;
  for (const std::string& path : paths) {
    std::error_code ignored;
    folders.insert(fs::is_directory(path, ignored) ? path : FolderOf(path));
  }
  return {folders.begin(), folders.end()};
}

uint64_t RandomSeed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

Daemon::Daemon(std::string config_path, const Surroundings& surroundings)
    : config_path_(std::move(config_path)), surroundings_(surroundings) {}

Daemon::~Daemon() {
  // Its handler reads what the workers have.
  if (http_ != nullptr) http_->Stop();
  if (workers_ != nullptr && !workers_->has_ended()) {
    workers_->RequestStop(/*drain_ns=*/0);
  }
  if (workers_ != nullptr) workers_->Join();
  if (writer_ != nullptr) writer_->Finish();
}

void Daemon::Say(const std::string& line) { WriteError(surroundings_, line); }

bool Daemon::Say(const absl::Status& status) {
  if (!status.ok()) Say(std::string(status.message()));
  return status.ok();
}

ExitCode Daemon::Start() {
  auto signals = Signals::Create();
  if (!Say(signals.status())) return kExitFailed;
  signals_ = *std::move(signals);
  auto links = LinkMonitor::Open();
  if (!Say(links.status())) return kExitFailed;
  links_ = *std::move(links);
  if (const ExitCode code = LoadBeliefs(); code != kExitDone) return code;
  for (const auto step : {&Daemon::OpenState, &Daemon::OpenOutputs,
                          &Daemon::OpenSources, &Daemon::OpenMetrics,
                          &Daemon::GiveUpPrivileges, &Daemon::StartThreads}) {
    if (!Say((this->*step)())) return kExitFailed;
  }
  manager_.Ready(StatusLine());
  Say(StatusLine());
  return kExitDone;
}

ExitCode Daemon::LoadBeliefs() {
  BeliefOptions options = {.config_path = config_path_, .needs_sources = true};
  std::optional<Config> config = ObtainConfig(options, surroundings_);
  if (!config) return kExitUsage;
  const std::vector<std::string> problems = ProblemsOfSources(config->sources);
  for (const std::string& problem : problems) {
    Say(fmt::format("{}: sources: {}", config_path_, problem));
  }
  if (!problems.empty()) return kExitUsage;
  LoadedWebConfig web = LoadWebConfig(config->metrics.web_config);
  WriteProblems(web.problems, surroundings_);
  if (!web.config) return kExitUsage;
  if (!Say(CheckWebConfig(*web.config))) return kExitUsage;
  web_config_ = *std::move(web.config);
  own_addresses_ = OwnAddresses(config->sources, links_.get());
  options.own_addresses = own_addresses_;
  LoadedBeliefs loaded =
      octroi::LoadBeliefs(*std::move(config), options, surroundings_);
  if (loaded.beliefs == nullptr) return loaded.exit_code;
  started_ = loaded.beliefs->config;
  believed_addresses_ = own_addresses_;
  generations_ = std::make_unique<Generations>(std::move(loaded.beliefs));
  return kExitDone;
}

// Says what the last run left behind: a time without octroi is a time in which
// nothing was seen.
absl::Status Daemon::OpenState() {
  auto state = StateDirectory::Open(StateDirectoryOf(config()));
  if (!state.ok()) return state.status();
  state_ = *std::move(state);
  const auto read = state_->Read();
  if (!read.ok()) {
    Say(std::string(read.status().message()));
  } else if (read->has_value()) {
    last_run_ = **read;
    Say(fmt::format(
        "run {}: nothing was seen from {} until now; the last run "
        "{}",
        last_run_.run_count + 1, FormatInstant(last_run_.alive_ns),
        last_run_.has_ended ? "ended as it should" : "did not end by itself"));
  }
  if (last_run_.run_count == 0) last_run_.first_start_ns = WallNs();
  return state_->Write(StateNow(/*has_ended=*/false));
}

absl::Status Daemon::OpenOutputs() {
  event_sink_ = OpenEventSink(kJournalSocket, surroundings_.errors);
  events_ = std::make_unique<EventLog>(EventLogOptions(), event_sink_.get());
  process_ = std::make_unique<ProcessReader>();
  if (!config().live.flow_log) return absl::OkStatus();
  auto log = FlowLog::Create(*config().live.flow_log, WallNs());
  if (!log.ok()) return log.status();
  flow_log_ = *std::move(log);
  const uint64_t mended = flow_log_->counters().mended_bytes.Read();
  if (mended > 0) events_->LogMended(config().live.flow_log->path, mended);
  return absl::OkStatus();
}

absl::Status Daemon::OpenSources() {
  if (config().live.reloads_on_change) {
    if (const absl::Status status = WatchFiles(); !status.ok()) return status;
  }
  say_ = [this](std::string_view line) { Say(std::string(line)); };
  auto opened = OpenPoints(config(), say_);
  if (!opened.ok()) return opened.status();
  dpdk_ = std::move(opened->dpdk);
  for (size_t i = 0; i < opened->points.size(); ++i) {
    const InterfaceOptions& options = config().sources[i].interface;
    WatchedPoint& watched = points_.emplace_back(clock_.Now());
    watched.point = std::move(opened->points[i]);
    watched.receives_everything =
        options.filter.empty() && options.direction == CaptureDirection::kBoth;
  }
  return absl::OkStatus();
}

absl::Status Daemon::WatchFiles() {
  auto watch = FileWatch::Create(PathsOf(config(), web_config_));
  if (!watch.ok()) return watch.status();
  watch_ = *std::move(watch);
  return absl::OkStatus();
}

absl::Status Daemon::OpenMetrics() {
  const ListenAddress& listen = config().metrics.listen;
  if (listen.kind == ListenAddress::Kind::kNone) return absl::OkStatus();
  auto server = HttpServer::Open({.listen = listen, .web = web_config_});
  if (!server.ok()) return server.status();
  http_ = *std::move(server);
  // It is asked once the metrics are there (StartThreads).
  endpoint_ = std::make_unique<MetricsEndpoint>(MetricsEndpointParts{
      .write_metrics =
          [this](MetricsFormat format) {
            return SerializeMetrics(metrics_->Collect(), format);
          },
      .is_ready = [this] { return metrics_->IsReady(); }});
  Say(fmt::format("metrics: served at {}{}{}", http_->address(),
                  web_config_.tls ? ", encrypted" : "",
                  web_config_.users.empty() ? "" : ", with passwords"));
  return absl::OkStatus();
}

absl::Status Daemon::GiveUpPrivileges() {
  SandboxOptions options;
  options.readable_paths = FoldersOf(PathsOf(config(), web_config_));
  options.readable_paths.push_back(config().facts.embedded_dir);
  for (const SourceOptions& source : config().sources) {
    // Opened when its first packet is due.
    if (source.kind != SourceOptions::Kind::kFile) continue;
    options.readable_paths.push_back(FolderOf(source.file));
  }
  options.writable_folders = {state_->path()};
  if (config().live.flow_log) {
    options.writable_folders.push_back(FolderOf(config().live.flow_log->path));
  }
  // To remove the socket's file at the end.
  const ListenAddress& listen = config().metrics.listen;
  if (listen.kind == ListenAddress::Kind::kUnix) {
    options.writable_folders.push_back(FolderOf(listen.path));
  }
  options.sends_to_abstract_sockets = manager_.has_abstract_socket();
  const absl::StatusOr<SandboxLevel> level = EnterSandbox(options);
  if (!level.ok()) return level.status();
  sandbox_ = SandboxMeasures(*level);
  for (const SandboxMeasure& measure : sandbox_) {
    Say(fmt::format("sandbox: {}", measure.text));
  }
  return absl::OkStatus();
}

absl::Status Daemon::StartThreads() {
  LiveOptions options;
  options.flow_memory_bytes = size_t{config().live.flow_memory_mib} << 20;
  options.timeouts.active_ns = config().live.active_seconds * kSecondNs;
  options.hash_seed = RandomSeed();
  std::vector<ObservationPoint*> points;
  for (const WatchedPoint& watched : points_) {
    points.push_back(watched.point.get());
  }
  Generation& present = generations_->present();
  workers_ = std::make_unique<LiveWorkers>(options, points, present.editions());
  writer_ = std::make_unique<LiveWriter>(workers_.get(), generations_.get(),
                                         std::move(flow_log_), events_.get(),
                                         surroundings_.now_ns);
  metrics_ = std::make_unique<Metrics>(
      workers_.get(),
      [this](const AccountKey& key) {
        const auto timeline = generations_->TimelineOf(key.edition);
        assert(timeline != nullptr);  // Metrics::ReleaseBooks came before.
        return WordsOf(timeline->edition(key.edition), key);
      },
      std::move(process_), sandbox_);
  progress_.assign(workers_->size(), {0, clock_.Now()});
  edition_until_ns_ = present.timeline().At(WallNs()).until_ns;
  if (const absl::Status status = writer_->Start(); !status.ok()) return status;
  if (const absl::Status status = workers_->Start(); !status.ok()) {
    return status;
  }
  AdoptedEdition("start");
  PublishMetrics();
  if (http_ == nullptr) return absl::OkStatus();
  return http_->Start([this](const HttpRequest& request) {
    return endpoint_->Handle(request);
  });
}

ExitCode Daemon::Run() {
  while (!should_end_) {
    pollfd waiting[] = {{signals_->descriptor(), POLLIN, 0},
                        {watch_ ? watch_->descriptor() : -1, POLLIN, 0}};
    poll(waiting, std::size(waiting), kTickMs);
    HandleSignals();
    if (watch_ != nullptr && watch_->HasChanged()) wanted_cause_ = "change";
    Tick();
  }
  return Stop();
}

void Daemon::HandleSignals() {
  const Signals::Received received = signals_->Take();
  should_end_ |= received.should_end;
  if (!received.should_reload) return;
  writer_->RequestReopen();
  wanted_cause_ = "reload";
}

void Daemon::Tick() {
  ObserveWorkers();
  ObservePoints();
  WatchDates();
  WatchAddresses();
  FinishReload();
  if (!wanted_cause_.empty() && !loading_.valid()) {
    BeginReload(std::exchange(wanted_cause_, ""));
  }
  ReleaseGenerations();
  KeepState();
  PublishMetrics();
}

// The watchdog is fed only while every worker moves.
void Daemon::ObserveWorkers() {
  const int64_t now_ns = clock_.Now();
  bool is_all_moving = true;
  for (size_t i = 0; i < workers_->size(); ++i) {
    const uint64_t round_count = workers_->round_count(i);
    // A worker whose capture has ended stands still for good.
    if (round_count != progress_[i].round_count || workers_->has_ended(i)) {
      progress_[i] = {round_count, now_ns};
    }
    is_all_moving &= !IsStalled(i);
  }
  const std::optional<int64_t> watchdog_ns = manager_.watchdog_ns();
  if (!watchdog_ns || !is_all_moving) return;
  if (now_ns - fed_ns_ < *watchdog_ns / 4) return;
  fed_ns_ = now_ns;
  manager_.FeedWatchdog();
}

bool Daemon::IsStalled(size_t worker) const {
  return clock_.Now() - progress_[worker].moved_ns >= kStalledNs;
}

void Daemon::ObservePoints() {
  for (WatchedPoint& watched : points_) ObservePoint(&watched);
}

uint64_t Daemon::ReceivedOf(size_t point_index) const {
  uint64_t received = 0;
  for (size_t i = 0; i < workers_->size(); ++i) {
    if (workers_->point_index(i) != point_index) continue;
    received += workers_->worker(i).counters().received.Read();
  }
  return received;
}

void Daemon::ObservePoint(WatchedPoint* watched) {
  const int64_t now_ns = clock_.Now();
  const auto index = static_cast<size_t>(watched - points_.data());
  watched->status = watched->point->Observe();
  PointSighting sighting;
  sighting.status = watched->status;
  sighting.received_packets = ReceivedOf(index);
  sighting.receives_everything = watched->receives_everything;
  for (size_t i = 0; i < workers_->size(); ++i) {
    sighting.is_stalled |= workers_->point_index(i) == index && IsStalled(i);
  }
  TellChange(*watched, watched->blindness.Observe(now_ns, sighting));
  TellState(watched);
}

void Daemon::TellChange(const WatchedPoint& watched,
                        const BlindnessChange& change) {
  const std::string& name = watched.point->name();
  if (change.opened) {
    events_->BlindBegan(name, BlindCauseName(change.opened->cause),
                        change.opened->from_ns);
  }
  if (change.closed) {
    const BlindInterval& blind = *change.closed;
    std::optional<uint64_t> lost_packets;
    if (blind.cause == BlindCause::kLoss) lost_packets = blind.lost_packets;
    events_->BlindEnded(name, BlindCauseName(blind.cause), blind.from_ns,
                        blind.until_ns, lost_packets);
  }
  if (change.fell_silent) {
    events_->SourceSilent(name, WallNs() - BlindnessTracker::kSilenceNs);
  }
  if (change.spoke_again) events_->SourceSpoke(name);
}

void Daemon::TellState(WatchedPoint* watched) {
  const PointStatus& status = watched->status;
  if (status.state == watched->told_state) return;
  const std::string& name = watched->point->name();
  if (status.state == PointState::kUp) {
    events_->SourceBack(name, watched->left_ns, WallNs());
  } else {
    if (watched->told_state == PointState::kUp) watched->left_ns = WallNs();
    events_->SourceLost(name,
                        status.note.empty()
                            ? fmt::format("is {}", PointStateName(status.state))
                            : status.note);
  }
  watched->told_state = status.state;
  if (status.state != PointState::kLost) return;
  // Only a new start can open it again: the service manager gives it.
  should_end_ = true;
  exit_code_ = kExitFailed;
}

// The next edition is made before its day begins, so that the worker that first
// needs it finds it.
void Daemon::WatchDates() {
  const int64_t now_ns = WallNs();
  if (now_ns < edition_until_ns_ - kPrepareNs) return;
  EditionTimeline& timeline = generations_->present().timeline();
  timeline.At(edition_until_ns_);
  if (now_ns < edition_until_ns_) return;
  edition_until_ns_ = timeline.At(now_ns).until_ns;
  AdoptedEdition("date");
}

// The interfaces' own addresses are local where no networks are configured.
void Daemon::WatchAddresses() {
  const int64_t now_ns = clock_.Now();
  if (now_ns - addresses_seen_ns_ < kAddressIntervalNs) return;
  addresses_seen_ns_ = now_ns;
  if (config().local_networks) return;
  std::vector<IpAddress> addresses =
      OwnAddresses(config().sources, links_.get());
  // An interface that is away keeps those that it had.
  if (addresses.empty() || addresses == believed_addresses_) return;
  // A reload with these was refused, or is under way.
  if (addresses == own_addresses_ &&
      now_ns - addresses_tried_ns_ < kAddressRetryNs) {
    return;
  }
  own_addresses_ = std::move(addresses);
  addresses_tried_ns_ = now_ns;
  wanted_cause_ = "addresses";
}

void Daemon::KeepState() {
  const int64_t now_ns = clock_.Now();
  if (now_ns - state_kept_ns_ < kStateIntervalNs) return;
  state_kept_ns_ = now_ns;
  Say(state_->Write(StateNow(/*has_ended=*/false)));
  manager_.Status(StatusLine());
}

// On a thread of its own: packets, losses and the watchdog do not wait for it.
void Daemon::BeginReload(std::string cause) {
  if (cause != "addresses") manager_.Reloading();
  loading_cause_ = std::move(cause);
  loading_ = std::async(
      std::launch::async, [this, addresses = own_addresses_]() -> Loaded {
        std::ostringstream problems;
        Surroundings aside = surroundings_;
        aside.errors = &problems;
        LoadedBeliefs loaded = octroi::LoadBeliefs({.config_path = config_path_,
                                                    .own_addresses = addresses,
                                                    .needs_sources = true},
                                                   aside);
        LoadedWebConfig web;
        if (loaded.beliefs != nullptr) {
          web = LoadWebConfig(loaded.beliefs->config.metrics.web_config);
        }
        return {std::move(loaded.beliefs), problems.str(), std::move(web),
                addresses};
      });
}

void Daemon::FinishReload() {
  if (!loading_.valid() ||
      loading_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    return;
  }
  const ReloadResult result = UseOrRefuse(loading_.get());
  reload_counts_[static_cast<size_t>(result)] += 1;
  is_edition_refused_ = result == ReloadResult::kRefused;
  manager_.Ready(StatusLine());
}

ReloadResult Daemon::UseOrRefuse(Loaded loaded) {
  const Beliefs& present = generations_->present().beliefs();
  if (loaded.beliefs != nullptr) ReloadMetrics(loaded.web);
  if (loaded.beliefs == nullptr) {
    Refuse(loaded.problems);
    return ReloadResult::kRefused;
  }
  if (!(loaded.beliefs->config.sources == present.config.sources)) {
    Refuse("octroi: sources: cannot be changed by a reload; restart octroi\n");
    return ReloadResult::kRefused;
  }
  believed_addresses_ = std::move(loaded.own_addresses);
  told_problem_.clear();
  for (const std::string& needed :
       RestartsNeeded(started_, loaded.beliefs->config)) {
    Say(fmt::format("{}: {}", loading_cause_, needed));
  }
  if (loaded.beliefs->digest == present.digest) {
    Say(fmt::format("{}: nothing has changed", loading_cause_));
    return ReloadResult::kUnchanged;
  }
  Adopt(std::move(loaded.beliefs));
  return ReloadResult::kAdopted;
}

// Certificates, users and headers are read again with every reload, whether the
// edition changes or not; what cannot be taken leaves those before in force.
void Daemon::ReloadMetrics(const LoadedWebConfig& web) {
  if (http_ == nullptr) return;
  WriteProblems(web.problems, surroundings_);
  const bool is_taken = web.config && Say(http_->Reload(*web.config));
  if (is_taken) {
    web_config_ = *web.config;
  } else {
    Say("metrics.web_config: not taken; what was in force stays");
  }
}

// `problems`: a line each. What is tried again by itself is told once.
void Daemon::Refuse(const std::string& problems) {
  if (loading_cause_ == "addresses" && problems == told_problem_) return;
  told_problem_ = problems;
  *surroundings_.errors << problems;
  events_->EditionRefused(FirstLine(problems),
                          generations_->present().beliefs().digest);
}

void Daemon::Adopt(std::unique_ptr<Beliefs> beliefs) {
  for (const std::string& change :
       ChangesBetween(generations_->present().beliefs(), *beliefs)) {
    Say(fmt::format("{}: {}", loading_cause_, change));
  }
  Generation& next = generations_->Adopt(std::move(beliefs));
  edition_until_ns_ = next.timeline().At(WallNs()).until_ns;
  // It may name other files.
  if (watch_ != nullptr) Say(WatchFiles());
  AdoptedEdition(loading_cause_);
  metrics_->OfferEditions(next.editions());
  release_pass_.reset();
}

// Tells the journal, and the metrics what is believed from here on: before any
// worker judges by it, so that workloads have their names.
void Daemon::AdoptedEdition(const std::string& cause) {
  const Beliefs& beliefs = generations_->present().beliefs();
  edition_adopted_ns_ = WallNs();
  metrics_->PublishBeliefs(*beliefs.facts, beliefs.config.policy,
                           DayOf(edition_adopted_ns_));
  events_->EditionAdopted(beliefs.digest, cause);
}

void Daemon::PublishMetrics() {
  PublishedState state;
  for (const WatchedPoint& watched : points_) {
    state.points.push_back(
        {watched.point->name(), watched.status.state, watched.status.losses,
         watched.blindness.open().has_value(), watched.blindness.is_silent(),
         watched.blindness.blind_ns()});
  }
  for (size_t i = 0; i < workers_->size(); ++i) {
    state.stalled_workers += IsStalled(i);
  }
  state.reloads = reload_counts_;
  state.is_edition_refused = is_edition_refused_;
  state.edition_digest = generations_->present().beliefs().digest;
  state.edition_adopted_ns = edition_adopted_ns_;
  if (const FlowLogCounters* counters = writer_->log_counters()) {
    for (const FlowLogLossInfo& info : kFlowLogLosses) {
      const auto loss = static_cast<size_t>(info.loss);
      state.log_losses.emplace_back(info.name,
                                    counters->lost_records[loss].Read());
    }
  }
  state.events_lost = events_->lost_entries();
  if (http_ != nullptr) state.http = http_->totals();
  metrics_->Publish(std::move(state));
}

// Once no worker holds a record of an earlier generation, the writer may still
// be at flows that it has judged: two passes later it is not.
void Daemon::ReleaseGenerations() {
  if (generations_->count() == 1) return;
  const EditionProvider* present = generations_->present().editions();
  if (!workers_->is_adopted(present)) return;
  const uint64_t passes = writer_->pass_count();
  if (!release_pass_) release_pass_ = passes + 2;
  if (passes < *release_pass_) return;
  metrics_->ReleaseBooks();
  generations_->ReleaseBefore(present);
  release_pass_.reset();
}

ExitCode Daemon::Stop() {
  manager_.Stopping("ending open flows");
  if (http_ != nullptr) http_->Stop();
  if (loading_.valid()) loading_.wait();
  workers_->RequestStop(kDrainNs);
  while (!workers_->has_ended()) poll(nullptr, 0, /*timeout_ms=*/10);
  ObservePoints();
  workers_->Join();
  writer_->Finish();
  for (WatchedPoint& watched : points_) {
    TellChange(watched, watched.blindness.Finish(clock_.Now()));
  }
  if (!Say(state_->Write(StateNow(/*has_ended=*/true)))) {
    exit_code_ = kExitFailed;
  }
  Say(StatusLine());
  return exit_code_;
}

SeenTotals Daemon::TotalsOfThisRun() const {
  SeenTotals totals;
  if (workers_ == nullptr) return totals;
  WorkerTotals counters;
  for (size_t i = 0; i < workers_->size(); ++i) {
    counters += workers_->worker(i).counters().Read();
  }
  totals.received_packets = counters.received;
  totals.accounted_packets = counters.accounted;
  totals.undecoded_packets = counters.undecoded_total();
  totals.lost_flow_records =
      counters.flow_records_lost + writer_->lost_records();
  for (const WatchedPoint& watched : points_) {
    totals.lost_packets += watched.status.losses.known();
    totals.blind_ns += watched.blindness.blind_ns();
  }
  return totals;
}

DaemonState Daemon::StateNow(bool has_ended) const {
  DaemonState state = last_run_;
  state.run_count += 1;
  state.alive_ns = WallNs();
  state.has_ended = has_ended;
  state.edition_digest = generations_->present().beliefs().digest;
  state.totals += TotalsOfThisRun();
  return state;
}

std::string Daemon::StatusLine() const {
  std::vector<std::string> names;
  for (const WatchedPoint& watched : points_) {
    names.push_back(watched.point->name());
  }
  const SeenTotals totals = TotalsOfThisRun();
  uint64_t open_flows = 0;
  for (size_t i = 0; i < workers_->size(); ++i) {
    const WorkerCounters& counters = workers_->worker(i).counters();
    const uint64_t ended = counters.flows_ended.Read();
    open_flows += counters.flows_started.Read() - ended;
  }
  return fmt::format(
      "{}: {} packets received, {} undecoded, {} lost, {} flows open, blind "
      "for "
      "{:.1f} s; edition {}",
      fmt::join(names, ", "), GroupDigits(totals.received_packets),
      GroupDigits(totals.undecoded_packets), GroupDigits(totals.lost_packets),
      GroupDigits(open_flows),
      static_cast<double>(totals.blind_ns) / static_cast<double>(kSecondNs),
      generations_->present().beliefs().digest.substr(0, 12));
}

}  // namespace octroi
