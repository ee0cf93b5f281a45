// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>

#include "agent/installation.h"
#include "agent/text.h"

namespace octroi {
namespace {

// How long a scrape waits for workers that are asleep or behind.
constexpr int kSettleMs = 500;
constexpr double kNsPerSecond = 1e9;
// Left-out names that are remembered, so that each counts once.
constexpr size_t kMaxRemembered = size_t{1} << 16;

constexpr std::string_view kReloadResults[] = {"adopted", "unchanged",
                                               "refused"};
static_assert(std::size(kReloadResults) == kReloadResultCount);

int64_t SecondsOf(Day day) {
  return std::chrono::duration_cast<std::chrono::seconds>(
             day.time_since_epoch())
      .count();
}

// A qualification's row in force, or the last one that was.
const CatalogueRow* LastQualification(const Service& service, Day day) {
  const QualificationAt at = EvaluateQualification(service, day);
  if (at.row != nullptr && at.row->state == ServiceState::kQualified) {
    return at.row;
  }
  const CatalogueRow* last = nullptr;
  for (const CatalogueRow& row : service.rows) {  // Sorted by known_from().
    if (row.known_from() > day) break;
    if (row.state == ServiceState::kQualified) last = &row;
  }
  return last;
}

// The first day without the qualification that a row is part of. Nothing if no
// end is known.
std::optional<Day> EndOfQualification(const Service& service,
                                      const CatalogueRow& of, Day day) {
  if (!of.validity.until) return std::nullopt;
  Day end = *of.validity.until + std::chrono::days(1);
  for (const CatalogueRow& row : service.rows) {
    if (row.known_from() < of.known_from() || &row == &of) continue;
    if (row.state == ServiceState::kQualified && row.known_from() <= end) {
      if (!row.validity.until) return std::nullopt;
      end = std::max(end, *row.validity.until + std::chrono::days(1));
    } else if (row.state == ServiceState::kWithdrawn &&
               row.known_from() <= day) {
      // Withdrawn, and nobody says since when.
      if (!row.validity.from) return std::nullopt;
      return std::min(end, *row.validity.from);
    }
  }
  return end;
}

// Counters and gauges by family, with the labels of the catalogue.
class Families {
 public:
  Families() : families_(kMetricCount) {
    for (const MetricInfo& info : kMetrics) {
      prometheus::MetricFamily& family = At(info.id);
      family.name = info.name;
      family.help = info.meaning;
      family.type = info.kind == MetricKind::kCounter
                        ? prometheus::MetricType::Counter
                        : prometheus::MetricType::Gauge;
    }
  }

  // REQUIRES: a value for each label of the metric.
  void Add(MetricId id, const std::vector<std::string_view>& values,
           double number) {
    prometheus::ClientMetric metric;
    const std::vector<std::string_view>& labels = labels_[Index(id)];
    assert(values.size() == labels.size());
    metric.label.reserve(labels.size());
    for (size_t i = 0; i < labels.size(); ++i) {
      metric.label.push_back({std::string(labels[i]), std::string(values[i])});
    }
    if (At(id).type == prometheus::MetricType::Counter) {
      metric.counter.value = number;
    } else {
      metric.gauge.value = number;
    }
    At(id).metric.push_back(std::move(metric));
    assert(At(id).metric.size() <= InfoOf(id).max_series);
  }
  void Add(MetricId id, double number) { Add(id, {}, number); }
  void AddCount(MetricId id, const std::vector<std::string_view>& values,
                uint64_t count) {
    Add(id, values, static_cast<double>(count));
  }
  void AddCount(MetricId id, uint64_t count) { AddCount(id, {}, count); }
  template <typename Number>
  void AddIfKnown(MetricId id, const std::optional<Number>& number) {
    if (number) Add(id, static_cast<double>(*number));
  }

  // Those that have a series.
  std::vector<prometheus::MetricFamily> Take() {
    std::erase_if(families_,
                  [](const auto& one) { return one.metric.empty(); });
    return std::move(families_);
  }

 private:
  static size_t Index(MetricId id) { return static_cast<size_t>(id); }
  prometheus::MetricFamily& At(MetricId id) { return families_[Index(id)]; }

  std::vector<prometheus::MetricFamily> families_;
  const std::vector<std::vector<std::string_view>> labels_ = [] {
    std::vector<std::vector<std::string_view>> labels;
    for (const MetricInfo& info : kMetrics) labels.push_back(LabelsOf(info));
    return labels;
  }();
};

void AddEgress(const EgressSeriesValues& values, Families* families) {
  for (const LocationSeries& one : values.locations) {
    const std::vector<std::string_view> labels = {
        one.workload, one.opened_by, one.verdict, one.regime, one.country};
    families->AddCount(MetricId::kEgressBytes, labels, one.octets);
    families->AddCount(MetricId::kEgressPackets, labels, one.packets);
    families->AddCount(MetricId::kFlows, labels, one.flows);
  }
  for (const OperatorSeries& one : values.operators) {
    families->AddCount(MetricId::kOperatorEgressBytes,
                       {one.workload, one.verdict, one.operator_name},
                       one.octets);
  }
  for (const ViolationSeries& one : values.violations) {
    families->AddCount(MetricId::kViolations,
                       {one.workload, InfoOf(one.reason).name}, one.flows);
  }
  for (const WorkloadSeal& one : values.seals) {
    families->Add(MetricId::kWorkloadSealLevel, {one.workload},
                  one.lowest ? *one.lowest : std::nan(""));
  }
  for (int i = 0; i < kFlowDirectionCount; ++i) {
    const AccountTotals& totals = values.directions[static_cast<size_t>(i)];
    const std::string_view name = DirectionName(static_cast<FlowDirection>(i));
    families->AddCount(MetricId::kAccountedBytes, {name}, totals.octets);
    families->AddCount(MetricId::kAccountedPackets, {name}, totals.packets);
  }
}

// What workers count beside their accounts.
void AddWorkers(LiveWorkers* workers, Families* families) {
  WorkerTotals totals;
  uint64_t active = 0;
  double fullest = 0;
  uint64_t ring_losses = 0;
  for (size_t i = 0; i < workers->size(); ++i) {
    const Worker& worker = workers->worker(i);
    totals += worker.counters().Read();
    // Ended first: what starts in between only adds.
    const uint64_t ended = worker.counters().flows_ended.Read();
    const uint64_t open = worker.counters().flows_started.Read() - ended;
    active += open;
    fullest = std::max(fullest,
                       static_cast<double>(open) /
                           static_cast<double>(worker.flow_table().capacity()));
    ring_losses += workers->ring(i)->lost_count();
  }
  families->AddCount(MetricId::kFilteredPackets, totals.filtered);
  for (const DropReasonInfo& info : kDropReasons) {
    families->AddCount(MetricId::kUndecodedPackets, {info.label},
                       totals.undecoded[static_cast<size_t>(info.reason)]);
  }
  families->AddCount(MetricId::kFlowsActive, active);
  families->Add(MetricId::kFlowTableFillRatio, std::min(fullest, 1.0));
  families->AddCount(MetricId::kFlowRecordsLost, {"flow_table"},
                     totals.flow_records_lost);
  families->AddCount(MetricId::kFlowRecordsLost, {"tunnels"},
                     totals.tunnels_not_tracked);
  families->AddCount(MetricId::kFlowRecordsLost, {"export_ring"}, ring_losses);
  families->AddCount(MetricId::kWorkers, workers->size());
}

// Sources as they are labelled: several may share a name.
struct SourceSums {
  bool is_up = true;
  bool is_blind = false;
  bool is_silent = false;
  int64_t blind_ns = 0;
  uint64_t received = 0;
  LossTotals losses;
};

std::map<std::string, SourceSums> SourcesOf(const PublishedState& state,
                                            const LiveWorkers& workers) {
  std::vector<uint64_t> received(state.points.size());
  for (size_t i = 0; i < workers.size(); ++i) {
    const size_t point = workers.point_index(i);
    if (point >= received.size()) continue;
    received[point] += workers.worker(i).counters().received.Read();
  }
  std::map<std::string, SourceSums> sources;
  for (size_t i = 0; i < state.points.size(); ++i) {
    const PublishedState::Point& point = state.points[i];
    SourceSums& sums = sources[i < kNamedSources ? Printable(point.name)
                                                 : std::string(kOtherLabel)];
    sums.is_up &= point.state == PointState::kUp;
    sums.is_blind |= point.is_blind;
    sums.is_silent |= point.is_silent;
    sums.blind_ns += point.blind_ns;
    sums.received += received[i];
    for (size_t place = 0; place < kLossPlaceCount; ++place) {
      const std::optional<uint64_t>& lost = point.losses.packets[place];
      std::optional<uint64_t>& sum = sums.losses.packets[place];
      if (lost) sum = sum.value_or(0) + *lost;
    }
  }
  return sources;
}

void AddSources(const PublishedState& state, const LiveWorkers& workers,
                Families* families) {
  for (const auto& [name, sums] : SourcesOf(state, workers)) {
    families->AddCount(MetricId::kReceivedPackets, {name}, sums.received);
    families->Add(MetricId::kSourceUp, {name}, sums.is_up);
    families->Add(MetricId::kSourceBlind, {name}, sums.is_blind);
    families->Add(MetricId::kSourceSilent, {name}, sums.is_silent);
    families->Add(MetricId::kBlindSeconds, {name},
                  static_cast<double>(sums.blind_ns) / kNsPerSecond);
    for (size_t i = 0; i < kLossPlaceCount; ++i) {
      const auto place = static_cast<LossPlace>(i);
      if (!sums.losses.at(place)) continue;
      families->AddCount(MetricId::kLostPackets, {name, LossPlaceName(place)},
                         *sums.losses.at(place));
    }
  }
}

void AddHttp(const HttpTotals& totals, Families* families) {
  families->AddCount(MetricId::kHttpConnections, totals.open_connections);
  for (size_t i = 0; i < kHttpStatuses.size(); ++i) {
    const int status = kHttpStatuses[i];
    const std::string code =
        status == 0 ? std::string(kOtherLabel) : std::to_string(status);
    families->AddCount(MetricId::kHttpRequests, {code}, totals.requests[i]);
  }
  for (const HttpRefusalInfo& info : kHttpRefusals) {
    families->AddCount(MetricId::kHttpConnectionsRefused, {info.label},
                       totals.refused[static_cast<size_t>(info.refusal)]);
  }
}

void AddState(const PublishedState& state, Families* families) {
  if (!state.edition_digest.empty()) {
    families->Add(MetricId::kEditionInfo, {state.edition_digest}, 1);
    families->Add(MetricId::kEditionAdopted,
                  static_cast<double>(state.edition_adopted_ns) / kNsPerSecond);
  }
  for (size_t i = 0; i < kReloadResultCount; ++i) {
    families->AddCount(MetricId::kReloads, {kReloadResults[i]},
                       state.reloads[i]);
  }
  families->Add(MetricId::kEditionRefused, state.is_edition_refused);
  families->AddCount(MetricId::kWorkerStalled, state.stalled_workers);
  for (const auto& [where, records] : state.log_losses) {
    families->AddCount(MetricId::kFlowRecordsLost, {where}, records);
  }
  families->AddCount(MetricId::kEventsLost, state.events_lost);
  if (state.http) AddHttp(*state.http, families);
}

void AddProcess(const ProcessStats& stats, Families* families) {
  families->AddIfKnown(MetricId::kProcessCpuSeconds, stats.cpu_seconds);
  families->AddIfKnown(MetricId::kProcessResidentMemory, stats.resident_bytes);
  families->AddIfKnown(MetricId::kProcessVirtualMemory, stats.virtual_bytes);
  families->AddIfKnown(MetricId::kProcessOpenFds, stats.open_fds);
  families->AddIfKnown(MetricId::kProcessMaxFds, stats.max_fds);
  families->AddIfKnown(MetricId::kProcessThreads, stats.threads);
  families->AddIfKnown(MetricId::kProcessStartTime, stats.start_time_seconds);
}

}  // namespace

std::vector<QualificationEnd> QualificationEndsOf(const Catalogue& catalogue,
                                                  Day day) {
  std::vector<QualificationEnd> ends;
  for (const Service& service : catalogue.services()) {
    const CatalogueRow* const row = LastQualification(service, day);
    if (row == nullptr) continue;
    const std::optional<Day> end = EndOfQualification(service, *row, day);
    if (!end) continue;
    ends.push_back(
        {Printable(service.provider), Printable(service.id), SecondsOf(*end)});
  }
  std::sort(ends.begin(), ends.end(), [](const auto& a, const auto& b) {
    return std::tie(a.end_seconds, a.provider, a.service) <
           std::tie(b.end_seconds, b.provider, b.service);
  });
  return ends;
}

std::vector<FactDate> FactDatesOf(const Facts& facts, Day day) {
  // The files of databases; of each series one build speaks.
  absl::flat_hash_set<std::string> databases;
  absl::flat_hash_set<std::string> speaking;
  const auto note = [&](const auto& series) {
    for (const auto& build : series) databases.insert(build.source.path);
    speaking.insert(BuildInForce(series, day).source.path);
  };
  for (const CountrySeries& series : facts.countries) note(series);
  if (!facts.asn.empty()) note(facts.asn);

  std::vector<FactDate> dates;
  for (const FactSource& source : facts.sources) {
    if (databases.contains(source.path) && !speaking.contains(source.path)) {
      continue;
    }
    if (!source.built) continue;
    const std::string name = Printable(source.name);
    const int64_t built = SecondsOf(*source.built);
    const auto known =
        std::find_if(dates.begin(), dates.end(),
                     [&](const FactDate& one) { return one.fact == name; });
    if (known == dates.end()) {
      dates.push_back({name, built});
    } else {
      known->built_seconds = std::min(known->built_seconds, built);
    }
  }
  return dates;
}

Metrics::Metrics(LiveWorkers* workers, AccountReader reader,
                 std::unique_ptr<ProcessReader> process,
                 std::vector<SandboxMeasure> sandbox)
    : workers_(workers),
      sandbox_(std::move(sandbox)),
      series_(std::move(reader)),
      process_(std::move(process)) {
  assert(sandbox_.size() <= kSandboxMeasureLimit);
  NoteBooks();
}

void Metrics::Publish(PublishedState state) {
  const std::lock_guard lock(mutex_);
  state_ = std::move(state);
}

void Metrics::PublishBeliefs(const Facts& facts, const Policy& policy,
                             Day day) {
  std::vector<QualificationEnd> ends =
      QualificationEndsOf(facts.catalogue, day);
  std::vector<FactDate> dates = FactDatesOf(facts, day);
  const std::lock_guard lock(mutex_);
  series_.NameWorkloads(policy.workloads);
  workloads_.clear();
  for (const Workload& workload : policy.workloads) {
    if (series_.IsNamed(workload.name)) workloads_.push_back(workload.name);
  }
  for (size_t i = kNamedQualifications; i < ends.size(); ++i) {
    NoteLeftOut("service " + ends[i].service);
  }
  ends.resize(std::min(ends.size(), kNamedQualifications));
  qualifications_ = std::move(ends);
  for (size_t i = kNamedFacts; i < dates.size(); ++i) {
    NoteLeftOut("fact " + dates[i].fact);
  }
  dates.resize(std::min(dates.size(), kNamedFacts));
  facts_ = std::move(dates);
}

void Metrics::NoteLeftOut(const std::string& what) {
  if (left_out_.size() < kMaxRemembered) left_out_.insert(what);
}

void Metrics::OfferEditions(EditionProvider* editions) {
  const std::lock_guard lock(mutex_);
  workers_->OfferEditions(editions);
  NoteBooks();
}

// All books but the last are those of editions that no worker uses any more.
void Metrics::ReleaseBooks() {
  const std::lock_guard lock(mutex_);
  std::vector<const Accounts*> ended;
  for (size_t i = 0; i < workers_->size(); ++i) {
    const std::vector<const Books*> kept = workers_->worker(i).kept_books();
    for (size_t j = 0; j + 1 < kept.size(); ++j) {
      ended.push_back(&kept[j]->outer);
    }
  }
  series_.Absorb(ended);
  workers_->ReleaseBooks();
  NoteBooks();
}

void Metrics::NoteBooks() {
  books_.clear();
  for (size_t i = 0; i < workers_->size(); ++i) {
    for (const Books* books : workers_->worker(i).kept_books()) {
      books_.push_back(&books->outer);
    }
  }
}

std::vector<prometheus::MetricFamily> Metrics::Collect() {
  const size_t unsettled_count = workers_->Settle(kSettleMs);
  Families families;
  const std::lock_guard lock(mutex_);
  const EgressSeriesValues egress = series_.Read(books_);
  AddEgress(egress, &families);
  AddWorkers(workers_, &families);
  AddSources(state_, *workers_, &families);
  AddState(state_, &families);
  families.AddCount(MetricId::kUnsettledWorkers, unsettled_count);
  families.AddCount(MetricId::kSeriesFolded,
                    egress.folded_count + left_out_.size());
  for (const std::string& workload : workloads_) {
    families.Add(MetricId::kWorkloadInfo, {workload}, 1);
  }
  for (const QualificationEnd& one : qualifications_) {
    families.Add(MetricId::kQualificationExpires, {one.provider, one.service},
                 static_cast<double>(one.end_seconds));
  }
  for (const FactDate& one : facts_) {
    families.Add(MetricId::kFactBuilt, {one.fact},
                 static_cast<double>(one.built_seconds));
  }
  for (const SandboxMeasure& measure : sandbox_) {
    families.Add(MetricId::kSandboxInForce, {measure.label}, measure.is_full);
  }
  const BuildInfo build = BuildInfoOfThis();
  families.Add(MetricId::kBuildInfo,
               {build.version, build.compiler, build.dpdk, build.libpcap}, 1);
  AddProcess(process_->Read(), &families);
  return families.Take();
}

bool Metrics::IsReady() const {
  const std::lock_guard lock(mutex_);
  return state_.stalled_workers == 0 &&
         std::any_of(
             state_.points.begin(), state_.points.end(),
             [](const auto& point) { return point.state == PointState::kUp; });
}

}  // namespace octroi
