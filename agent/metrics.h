// SPDX-License-Identifier: Apache-2.0
// Metrics says in numbers what the daemon sees and how it fares. It keeps
// none of its own: a scrape settles the workers, reads their counters and
// accounts, and adds what the control thread published at its last tick. What
// is not known has no series, or is NaN; it is never 0.
//
// Thread safety: one control thread calls what says so. Any thread may call
// the rest, at once; readers wait for each other, and workers for nobody.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "agent/egress_series.h"
#include "agent/http_server.h"
#include "agent/process_stats.h"
#include "agent/sandbox.h"
#include "dataplane/live_workers.h"
#include "geo/facts.h"
#include "policy/policy.h"
#include "prometheus/metric_family.h"

namespace octroi {

enum class ReloadResult : uint8_t { kAdopted, kUnchanged, kRefused };
inline constexpr size_t kReloadResultCount = 3;

// What only the control thread knows.
struct PublishedState {
  struct Point {
    std::string name;
    PointState state = PointState::kUp;
    LossTotals losses = {};
    bool is_blind = false;
    bool is_silent = false;
    int64_t blind_ns = 0;
  };
  // A name of a fixed set of words, and a count.
  using NamedCount = std::pair<std::string_view, uint64_t>;

  // In the order of the workers' point_index.
  std::vector<Point> points;
  size_t stalled_workers = 0;
  std::array<uint64_t, kReloadResultCount> reloads{};  // By ReloadResult.
  bool is_edition_refused = false;
  std::string edition_digest;
  int64_t edition_adopted_ns = 0;  // Wall clock.
  // Flow records that the log lost, by kFlowLogLosses; empty without a log.
  std::vector<NamedCount> log_losses;
  uint64_t events_lost = 0;
  std::optional<HttpTotals> http;  // Nothing without a server.
};

// When a service's qualification ends or ended, and how old a fact is; seconds
// since the Unix epoch.
struct QualificationEnd {
  std::string provider;
  std::string service;  // service_id
  int64_t end_seconds = 0;
};
struct FactDate {
  std::string fact;
  int64_t built_seconds = 0;
};
// By the end, then by name: the qualification of each service that is in force
// on the day, or was last before it, where an end is known. Rows that follow
// without a gap are one qualification.
std::vector<QualificationEnd> QualificationEndsOf(const Catalogue& catalogue,
                                                  Day day);
// The oldest file of each name that has a date, in the order of results; of a
// database with several builds the one in force.
std::vector<FactDate> FactDatesOf(const Facts& facts, Day day);

class Metrics {
 public:
  // `workers` must outlive this. `reader` is asked about accounts of every
  // generation until ReleaseBooks. `process` was made before the sandbox.
  Metrics(LiveWorkers* workers, AccountReader reader,
          std::unique_ptr<ProcessReader> process,
          std::vector<SandboxMeasure> sandbox);
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Control thread: four times a second, the first time before any scrape.
  void Publish(PublishedState state);
  // Control thread: what is believed from here on, at the start, after a reload
  // and when a date has passed. Copies what it needs.
  void PublishBeliefs(const Facts& facts, const Policy& policy, Day day);
  // Control thread: workers' OfferEditions and ReleaseBooks, which must not be
  // called elsewhere. Before books are freed their sums are taken over.
  // REQUIRES of ReleaseBooks: workers->is_adopted(the last ones offered).
  void OfferEditions(EditionProvider* editions);
  void ReleaseBooks();

  // Every metric that has a series, in the order of kMetrics.
  std::vector<prometheus::MetricFamily> Collect();

  // Packets are received: workers run, none of them stands still, and a source
  // is up.
  bool IsReady() const;

 private:
  void NoteBooks();
  void NoteLeftOut(const std::string& what);

  // Constant after construction.
  LiveWorkers* const workers_;
  const std::vector<SandboxMeasure> sandbox_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  EgressSeries series_;
  std::vector<const Accounts*> books_;  // Outer layers, of all workers.
  const std::unique_ptr<ProcessReader> process_;
  PublishedState state_;
  std::vector<std::string> workloads_;  // Of the policy in force.
  std::vector<QualificationEnd> qualifications_;
  std::vector<FactDate> facts_;
  // Qualifications and facts that have, or had, no series.
  absl::flat_hash_set<std::string> left_out_;
};

}  // namespace octroi
