// SPDX-License-Identifier: Apache-2.0
// The daemon's control loop. It opens what it needs, gives up its privileges,
// starts the workers, and then watches: losses and link states four times a
// second, signals, files that change, dates that pass. It judges nothing and
// sees no packet; workers do, whom it never stops for.
//
// Thread safety: everything on the main thread, which must not have started
// another one before.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agent/command.h"
#include "agent/event_log.h"
#include "agent/event_sink.h"
#include "agent/file_watch.h"
#include "agent/generations.h"
#include "agent/http_server.h"
#include "agent/live_writer.h"
#include "agent/metrics.h"
#include "agent/metrics_endpoint.h"
#include "agent/service_manager.h"
#include "agent/signals.h"
#include "agent/state_directory.h"
#include "dataplane/blindness.h"
#include "dataplane/dpdk.h"
#include "dataplane/link_monitor.h"
#include "dataplane/live_clock.h"
#include "dataplane/live_workers.h"
#include "dataplane/observation_point.h"

namespace octroi {

class Daemon {
 public:
  // `surroundings` must outlive the daemon.
  Daemon(std::string config_path, const Surroundings& surroundings);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Everything up to the point where packets are received. kExitDone, or why
  // not, which has been written to `errors`.
  ExitCode Start();
  // Until it is told to end, or cannot go on.
  ExitCode Run();

 private:
  // What is known of one observation point.
  struct WatchedPoint {
    explicit WatchedPoint(int64_t now_ns) : blindness(now_ns) {}

    std::unique_ptr<ObservationPoint> point;
    bool receives_everything = true;
    BlindnessTracker blindness;
    PointStatus status;
    PointState told_state = PointState::kUp;
    int64_t left_ns = 0;  // Wall clock when it went down or away.
  };
  // A worker's progress, as last seen.
  struct Progress {
    uint64_t round_count = 0;
    int64_t moved_ns = 0;
  };
  // What a reload has found.
  struct Loaded {
    std::unique_ptr<Beliefs> beliefs;
    std::string problems;                  // A line each.
    LoadedWebConfig web;                   // Of these beliefs' configuration.
    std::vector<IpAddress> own_addresses;  // That it was told.
  };

  // Start, in this order.
  ExitCode LoadBeliefs();
  absl::Status OpenState();
  absl::Status OpenOutputs();
  absl::Status OpenSources();
  absl::Status WatchFiles();
  absl::Status OpenMetrics();
  absl::Status GiveUpPrivileges();
  absl::Status StartThreads();

  // The loop.
  void Tick();
  void HandleSignals();
  void ObservePoints();
  void ObservePoint(WatchedPoint* watched);
  void TellChange(const WatchedPoint& watched, const BlindnessChange& change);
  void TellState(WatchedPoint* watched);
  void ObserveWorkers();
  void WatchDates();
  void WatchAddresses();
  void KeepState();
  void PublishMetrics();
  void AdoptedEdition(const std::string& cause);
  ExitCode Stop();

  // Reload.
  void BeginReload(std::string cause);
  void FinishReload();
  ReloadResult UseOrRefuse(Loaded loaded);
  void Refuse(const std::string& problems);
  void Adopt(std::unique_ptr<Beliefs> beliefs);
  void ReloadMetrics(const LoadedWebConfig& web);
  void ReleaseGenerations();

  bool Say(const absl::Status& status);
  void Say(const std::string& line);
  std::string StatusLine() const;
  const Config& config() const {
    return generations_->present().beliefs().config;
  }
  uint64_t ReceivedOf(size_t point_index) const;
  bool IsStalled(size_t worker) const;
  SeenTotals TotalsOfThisRun() const;
  DaemonState StateNow(bool has_ended) const;
  int64_t WallNs() const { return surroundings_.now_ns(); }

  // Constant after construction.
  const std::string config_path_;
  const Surroundings& surroundings_;

  const LiveClock clock_;
  ServiceManager manager_;
  std::unique_ptr<Signals> signals_;
  std::unique_ptr<StateDirectory> state_;
  DaemonState last_run_;  // As the last one left it.

  std::unique_ptr<EventSink> event_sink_;
  std::unique_ptr<EventLog> events_;
  std::unique_ptr<Generations> generations_;
  std::unique_ptr<LinkMonitor> links_;
  Config started_;  // What only a start brings into force.
  std::vector<IpAddress> own_addresses_;       // As last seen,
  std::vector<IpAddress> believed_addresses_;  // and as last loaded with.
  std::function<void(std::string_view)> say_;  // For DPDK.
  std::unique_ptr<Dpdk> dpdk_;                 // Null: no source needs it.
  std::vector<WatchedPoint> points_;
  std::unique_ptr<FileWatch> watch_;
  std::unique_ptr<ProcessReader> process_;  // Until the metrics have it.
  std::vector<SandboxMeasure> sandbox_;
  std::unique_ptr<LiveWorkers> workers_;
  std::unique_ptr<Metrics> metrics_;  // After workers_, whom it reads.
  std::vector<Progress> progress_;
  std::unique_ptr<FlowLog> flow_log_;  // Until the writer has it.
  std::unique_ptr<LiveWriter> writer_;
  WebConfig web_config_;  // As it was at the start.
  std::unique_ptr<MetricsEndpoint> endpoint_;
  std::unique_ptr<HttpServer> http_;  // Null: nobody listens.

  bool should_end_ = false;
  ExitCode exit_code_ = kExitDone;
  int64_t fed_ns_ = 0;
  int64_t state_kept_ns_ = 0;
  int64_t addresses_seen_ns_ = 0;
  int64_t addresses_tried_ns_ = 0;
  // Of the edition in force, wall clock.
  int64_t edition_adopted_ns_ = 0;
  int64_t edition_until_ns_ = 0;
  bool is_edition_refused_ = false;  // By the last reload.
  std::array<uint64_t, kReloadResultCount> reload_counts_{};  // ReloadResult

  // A reload that is under way; another one may be wanted meanwhile.
  std::future<Loaded> loading_;
  std::string loading_cause_;
  std::string wanted_cause_;
  std::string told_problem_;  // The last one that was refused for.
  // Generations before the present one may be freed when the writer has passed
  // twice since the workers let go.
  std::optional<uint64_t> release_pass_;
};

}  // namespace octroi
