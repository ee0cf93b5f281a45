// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics.h"

#include <poll.h>

#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "agent/metric_text.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/replay/run_program.h"
#include "tests/support/facts_builder.h"
#include "tests/support/fake_source.h"
#include "tests/support/small_world.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::DayFrom;
using ::octroi::testing::FactsBuilder;
using ::octroi::testing::FakeSource;
using ::octroi::testing::IsInstalled;
using ::octroi::testing::kSecond;
using ::octroi::testing::kStart;
using ::octroi::testing::PacketBuilder;
using ::octroi::testing::ProgramResult;
using ::octroi::testing::RunProgram;
using ::octroi::testing::SmallWorld;
using ::octroi::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::Not;

// A source that hands over the packets that were pushed as soon as they are
// allowed, and never finishes.
class GatedSource : public LiveSource {
 public:
  // Before the worker starts.
  void Push(const PacketBuilder& packet) {
    packets_.Push(packet, kStart + static_cast<int64_t>(++count_));
  }
  void Allow(size_t count) { allowed_ += count; }

  size_t ReceiveBurst(PacketBurst* burst) override {
    burst->size = 0;
    if (given_ == allowed_) return 0;
    ++given_;
    return packets_.ReceiveBurst(burst);
  }
  void ReleaseBurst(PacketBurst* burst) override {
    if (burst->size > 0) packets_.ReleaseBurst(burst);
  }
  void Wait(int) override { poll(nullptr, 0, /*timeout_ms=*/1); }

 private:
  FakeSource packets_{/*burst_size=*/1};
  size_t count_ = 0;
  std::atomic<size_t> allowed_{0};
  size_t given_ = 0;  // Worker's thread.
};

class GatedPoint : public ObservationPoint {
 public:
  GatedPoint(std::string name, size_t sources)
      : name_(std::move(name)), sources_(sources) {}

  const std::string& name() const override { return name_; }
  size_t source_count() const override { return sources_.size(); }
  LiveSource* source(size_t index) override { return &sources_[index]; }
  PointStatus Observe() override { return {}; }
  GatedSource& gated(size_t index) { return sources_[index]; }

 private:
  const std::string name_;
  std::vector<GatedSource> sources_;
};

PacketBuilder Udp(const char* from, const char* to, uint16_t port = 53) {
  return PacketBuilder()
      .Ethernet()
      .Ipv4(from, to)
      .Udp(40000, port)
      .Payload(100);
}
constexpr uint64_t kUdpOctets = 20 + 8 + 100;

class MetricsTest : public ::testing::Test {
 protected:
  MetricsTest() : point_("eth0", 2) {
    world_.editions()->At(kStart);
    state_.points = {{.name = "eth0"}};
    state_.points[0].losses.at(LossPlace::kKernelRing) = 0;
    state_.edition_digest = "9f2c";
    state_.edition_adopted_ns = kStart;
  }
  ~MetricsTest() override {
    if (workers_ == nullptr) return;
    workers_->RequestStop(/*drain_ns=*/0);
    workers_->Join();
  }

  // After every packet was pushed.
  void Start() {
    LiveOptions options;
    options.flow_memory_bytes = size_t{4} << 20;
    options.account_limit = 1024;
    options.tunnelled_account_limit = 16;
    ObservationPoint* points[] = {&point_};
    workers_ =
        std::make_unique<LiveWorkers>(options, points, world_.editions());
    metrics_ = std::make_unique<Metrics>(
        workers_.get(),
        // All worlds of this test are alike.
        [this](const AccountKey& key) { return WordsOf(*edition_, key); },
        std::make_unique<ProcessReader>(),
        std::vector<SandboxMeasure>{{"landlock", true, ""},
                                    {"seccomp", false, ""}});
    metrics_->PublishBeliefs(world_.facts(), world_.policy(), DayOf(kStart));
    metrics_->Publish(state_);
    ASSERT_TRUE(workers_->Start().ok());
  }
  // Lets a worker receive so many packets more, and waits until it has.
  void Receive(size_t worker, size_t count) {
    const Counter& received = workers_->worker(worker).counters().received;
    const uint64_t wanted = received.Read() + count;
    point_.gated(worker).Allow(count);
    while (received.Read() < wanted) std::this_thread::yield();
  }

  using Samples = std::map<std::string, double>;
  // 'name{label="value"}' as text has them.
  Samples Scrape() {
    Samples samples;
    for (const prometheus::MetricFamily& family : metrics_->Collect()) {
      for (const prometheus::ClientMetric& metric : family.metric) {
        std::vector<std::string> labels;
        for (const auto& label : metric.label) {
          labels.push_back(fmt::format("{}=\"{}\"", label.name, label.value));
        }
        const bool is_counter = family.type == prometheus::MetricType::Counter;
        samples[labels.empty() ? family.name
                               : fmt::format("{}{{{}}}", family.name,
                                             fmt::join(labels, ","))] =
            is_counter ? metric.counter.value : metric.gauge.value;
      }
    }
    return samples;
  }

  SmallWorld world_;
  SmallWorld next_world_;
  const Edition* edition_ = &world_.editions()->At(kStart);
  GatedPoint point_;
  PublishedState state_;
  std::unique_ptr<LiveWorkers> workers_;
  std::unique_ptr<Metrics> metrics_;
};

TEST_F(MetricsTest, CountsWhatLeft) {
  GatedSource& source = point_.gated(0);
  source.Push(Udp("192.0.2.1", "198.51.100.7"));
  source.Push(Udp("192.0.2.1", "198.51.100.7"));
  source.Push(PacketBuilder()
                  .Ethernet()
                  .Ipv4("198.51.100.7", "192.0.2.1")
                  .Udp(53, 40000)
                  .Payload(100));
  source.Push(Udp("192.0.2.20", "203.0.113.9"));
  source.Push(Udp("192.0.2.1", "192.0.2.2"));
  source.Push(PacketBuilder().Ethernet().Opaque({0, 0, 0, 0}));
  Start();
  Receive(0, 6);

  const Samples samples = Scrape();

  const std::string us =
      "{workload=\"payments\",opened_by=\"local\",verdict=\"violation\","
      "regime=\"third_country\",country=\"US\"}";
  EXPECT_EQ(samples.at("octroi_egress_bytes_total" + us), 2 * kUdpOctets);
  EXPECT_EQ(samples.at("octroi_egress_packets_total" + us), 2);
  EXPECT_EQ(samples.at("octroi_flows_total" + us), 1);
  EXPECT_EQ(samples.at("octroi_egress_bytes_total{workload=\"others\","
                       "opened_by=\"local\",verdict=\"compliant\","
                       "regime=\"eu\",country=\"FR\"}"),
            kUdpOctets);
  EXPECT_EQ(samples.at("octroi_operator_egress_bytes_total{workload="
                       "\"payments\",verdict=\"violation\",operator="
                       "\"unknown\"}"),
            2 * kUdpOctets);
  EXPECT_EQ(samples.at("octroi_violations_total{workload=\"payments\","
                       "reason=\"outside_eu\"}"),
            1);
  EXPECT_EQ(samples.at("octroi_accounted_bytes_total{direction=\"egress\"}"),
            4 * kUdpOctets);
  EXPECT_EQ(
      samples.at("octroi_accounted_packets_total{direction=\"internal\"}"), 1);
  EXPECT_EQ(samples.at("octroi_received_packets_total{source=\"eth0\"}"), 6);
  double undecoded = 0;
  for (const DropReasonInfo& info : kDropReasons) {
    undecoded += samples.at(fmt::format(
        "octroi_undecoded_packets_total{{reason=\"{}\"}}", info.label));
  }
  EXPECT_EQ(undecoded, 1);
  EXPECT_EQ(samples.at("octroi_workload_seal_level{workload=\"payments\"}"), 0);
  EXPECT_EQ(samples.at("octroi_flows_active"), 3);
  EXPECT_GT(samples.at("octroi_flow_table_fill_ratio"), 0);
  EXPECT_LT(samples.at("octroi_flow_table_fill_ratio"), 0.1);
  EXPECT_EQ(samples.at("octroi_unsettled_workers"), 0);
  EXPECT_EQ(samples.at("octroi_workers"), 2);
}

TEST_F(MetricsTest, HasWhatIsKnownAtZeroAndNothingOfWhatIsNot) {
  Start();

  const Samples samples = Scrape();

  for (const char* workload : {"payments", "others", "other"}) {
    for (const ReasonInfo& info : kReasons) {
      const std::string name = fmt::format(
          "octroi_violations_total{{workload=\"{}\",reason=\"{}\"}}", workload,
          info.name);
      EXPECT_EQ(samples.contains(name), CanBeViolation(info.reason)) << name;
    }
  }
  for (const DropReasonInfo& info : kDropReasons) {
    EXPECT_EQ(
        samples.at(fmt::format(
            "octroi_undecoded_packets_total{{reason=\"{}\"}}", info.label)),
        0);
  }
  for (const char* name :
       {"octroi_reloads_total{result=\"adopted\"}",
        "octroi_reloads_total{result=\"refused\"}", "octroi_events_lost_total",
        "octroi_flow_records_lost_total{where=\"flow_table\"}",
        "octroi_flow_records_lost_total{where=\"export_ring\"}",
        "octroi_lost_packets_total{source=\"eth0\",where=\"kernel_ring\"}",
        "octroi_blind_seconds_total{source=\"eth0\"}",
        "octroi_accounted_bytes_total{direction=\"transit\"}",
        "octroi_filtered_packets_total", "octroi_series_folded_total"}) {
    EXPECT_EQ(samples.at(name), 0) << name;
  }
  // Nobody counts at the interface; there is no log and no server.
  for (const auto& [name, value] : samples) {
    EXPECT_THAT(name, Not(::testing::HasSubstr("where=\"interface\"")));
    EXPECT_THAT(name, Not(::testing::HasSubstr("flow_log")));
    EXPECT_THAT(name, Not(::testing::HasSubstr("octroi_http")));
  }
  EXPECT_TRUE(std::isnan(
      samples.at("octroi_workload_seal_level{workload=\"payments\"}")));
}

TEST_F(MetricsTest, SaysWhatTheControlThreadPublished) {
  state_.points = {
      {.name = "eth0", .is_blind = true, .blind_ns = 1'500'000'000},
      {.name = "eth1", .state = PointState::kDown, .is_silent = true}};
  state_.points[0].losses.at(LossPlace::kKernelRing) = 7;
  state_.stalled_workers = 1;
  state_.reloads = {1, 2, 3};
  state_.is_edition_refused = true;
  state_.log_losses = {{"flow_log_ceiling", 5}};
  state_.events_lost = 6;
  state_.http =
      HttpTotals{.open_connections = 2, .requests = {10}, .refused = {4}};
  Start();

  const Samples samples = Scrape();

  const std::pair<const char*, double> expected[] = {
      {"octroi_source_up{source=\"eth0\"}", 1},
      {"octroi_source_up{source=\"eth1\"}", 0},
      {"octroi_source_blind{source=\"eth0\"}", 1},
      {"octroi_source_blind{source=\"eth1\"}", 0},
      {"octroi_source_silent{source=\"eth1\"}", 1},
      {"octroi_blind_seconds_total{source=\"eth0\"}", 1.5},
      {"octroi_lost_packets_total{source=\"eth0\",where=\"kernel_ring\"}", 7},
      {"octroi_worker_stalled", 1},
      {"octroi_reloads_total{result=\"adopted\"}", 1},
      {"octroi_reloads_total{result=\"unchanged\"}", 2},
      {"octroi_reloads_total{result=\"refused\"}", 3},
      {"octroi_edition_refused", 1},
      {"octroi_edition_info{digest=\"9f2c\"}", 1},
      {"octroi_edition_adopted_timestamp_seconds", kStart / kSecond},
      {"octroi_flow_records_lost_total{where=\"flow_log_ceiling\"}", 5},
      {"octroi_events_lost_total", 6},
      {"octroi_http_connections", 2},
      {"octroi_http_requests_total{code=\"200\"}", 10},
      {"octroi_http_connections_refused_total{reason=\"limit\"}", 4},
      {"octroi_sandbox_in_force{measure=\"landlock\"}", 1},
      {"octroi_sandbox_in_force{measure=\"seccomp\"}", 0},
      {"octroi_workload_info{workload=\"payments\"}", 1},
  };
  for (const auto& [name, value] : expected) {
    ASSERT_TRUE(samples.contains(name)) << name;
    EXPECT_EQ(samples.at(name), value) << name;
  }
}

TEST_F(MetricsTest, AddsUpSourcesBeyondTheCeiling) {
  state_.points.clear();
  for (size_t i = 0; i < kNamedSources + 3; ++i) {
    PublishedState::Point point = {.name = fmt::format("eth{}", i),
                                   .blind_ns = kSecond};
    point.losses.at(LossPlace::kNic) = 10;
    state_.points.push_back(point);
  }
  state_.points.back().state = PointState::kGone;
  Start();

  const Samples samples = Scrape();

  EXPECT_EQ(samples.at("octroi_source_up{source=\"eth7\"}"), 1);
  EXPECT_FALSE(samples.contains("octroi_source_up{source=\"eth8\"}"));
  EXPECT_EQ(samples.at("octroi_source_up{source=\"other\"}"), 0);
  EXPECT_EQ(samples.at("octroi_blind_seconds_total{source=\"other\"}"), 3);
  EXPECT_EQ(samples.at("octroi_lost_packets_total{source=\"other\","
                       "where=\"nic\"}"),
            30);
}

// What was accounted by earlier beliefs stays, also when its books are freed.
TEST_F(MetricsTest, GoesOnCountingAcrossAReload) {
  const std::string name =
      "octroi_egress_bytes_total{workload=\"payments\",opened_by=\"local\","
      "verdict=\"violation\",regime=\"third_country\",country=\"US\"}";
  for (int i = 0; i < 4; ++i) {
    point_.gated(0).Push(Udp("192.0.2.1", "198.51.100.7"));
    point_.gated(1).Push(Udp("192.0.2.2", "198.51.100.7"));
  }
  Start();
  Receive(0, 1);
  Receive(1, 1);
  ASSERT_EQ(Scrape().at(name), 2 * kUdpOctets);

  metrics_->PublishBeliefs(next_world_.facts(), next_world_.policy(),
                           DayOf(kStart));
  metrics_->OfferEditions(next_world_.editions());
  Receive(0, 1);
  Receive(1, 1);
  EXPECT_EQ(Scrape().at(name), 4 * kUdpOctets);
  // A worker lets go of the earlier editions when a sweep has ended.
  while (!workers_->is_adopted(next_world_.editions())) Scrape();
  metrics_->ReleaseBooks();

  EXPECT_EQ(workers_->worker(0).kept_books().size(), 1u);
  EXPECT_EQ(Scrape().at(name), 4 * kUdpOctets);
  Receive(0, 2);
  const Samples samples = Scrape();
  EXPECT_EQ(samples.at(name), 6 * kUdpOctets);
  EXPECT_EQ(samples.at("octroi_violations_total{workload=\"payments\","
                       "reason=\"outside_eu\"}"),
            4);
}

// A scrape may come at any time, from several at once.
TEST_F(MetricsTest, IsReadByManyWhileBeliefsChange) {
  for (int i = 0; i < 100; ++i) {
    point_.gated(0).Push(
        Udp("192.0.2.1", fmt::format("198.51.100.{}", i).c_str()));
  }
  Start();
  std::atomic<bool> should_end{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      double before = 0;
      while (!should_end) {
        const double now =
            Scrape().at("octroi_accounted_bytes_total{direction=\"egress\"}");
        EXPECT_GE(now, before);
        before = now;
        metrics_->IsReady();
      }
    });
  }

  Receive(0, 50);
  metrics_->OfferEditions(next_world_.editions());
  Receive(0, 50);
  while (!workers_->is_adopted(next_world_.editions())) {
    metrics_->Publish(state_);
    std::this_thread::yield();
  }
  metrics_->ReleaseBooks();
  should_end = true;
  for (std::thread& reader : readers) reader.join();

  EXPECT_EQ(Scrape().at("octroi_accounted_bytes_total{direction=\"egress\"}"),
            100 * kUdpOctets);
}

TEST_F(MetricsTest, IsReadyWhileASourceIsUpAndNoWorkerStands) {
  Start();
  const auto is_ready = [&](PointState first, PointState second,
                            size_t stalled) {
    PublishedState state = state_;
    state.points = {{.name = "a", .state = first},
                    {.name = "b", .state = second}};
    state.stalled_workers = stalled;
    metrics_->Publish(state);
    return metrics_->IsReady();
  };

  EXPECT_TRUE(is_ready(PointState::kUp, PointState::kUp, 0));
  EXPECT_TRUE(is_ready(PointState::kDown, PointState::kUp, 0));
  EXPECT_FALSE(is_ready(PointState::kDown, PointState::kGone, 0));
  EXPECT_FALSE(is_ready(PointState::kUp, PointState::kUp, 1));
}

TEST_F(MetricsTest, IsWhatPrometheusReads) {
  ASSERT_TRUE(IsInstalled("promtool"))
      << "promtool is not installed; `tools/install-packages --test` installs "
         "it (Debian package prometheus)";
  point_.gated(0).Push(Udp("192.0.2.1", "198.51.100.7"));
  state_.log_losses = {{"flow_log_ceiling", 0}};
  state_.http =
      HttpTotals{.open_connections = 2, .requests = {10}, .refused = {4}};
  Start();
  Receive(0, 1);
  TempDir dir;
  const std::string path = dir.Write(
      "metrics", SerializeMetrics(metrics_->Collect(), MetricsFormat::kText));

  const ProgramResult result = RunProgram(
      {.arguments = {"promtool", "check", "metrics"}, .input_path = path});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out + result.errors, "");
}

// Every series is one of the catalogue's, and no label tells who talked.
TEST_F(MetricsTest, HasTheLabelsOfTheCatalogueAndNoAddress) {
  point_.gated(0).Push(Udp("192.0.2.1", "198.51.100.7"));
  point_.gated(0).Push(PacketBuilder()
                           .Ethernet()
                           .Ipv6("2001:db8:42::1", "2001:db8:a::7")
                           .Udp(40000, 53)
                           .Payload(100));
  Start();
  Receive(0, 2);
  const std::regex address(
      "[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+|[0-9a-fA-F]*:[0-9a-fA-F:]+:");
  std::set<std::string_view> seen;

  for (const prometheus::MetricFamily& family : metrics_->Collect()) {
    const auto* info =
        std::find_if(std::begin(kMetrics), std::end(kMetrics),
                     [&](const auto& one) { return one.name == family.name; });
    ASSERT_NE(info, std::end(kMetrics)) << family.name;
    seen.insert(info->name);
    EXPECT_LE(family.metric.size(), info->max_series) << family.name;
    for (const prometheus::ClientMetric& metric : family.metric) {
      std::vector<std::string_view> names;
      for (const auto& label : metric.label) {
        names.push_back(label.name);
        EXPECT_FALSE(std::regex_search(label.value, address)) << label.value;
      }
      EXPECT_EQ(names, LabelsOf(*info)) << family.name;
    }
  }
  // The rest is of the server, or of facts that this world has not.
  EXPECT_EQ(seen.size() + 3 + 2, kMetricCount);
}

TEST(QualificationEndsTest, TellsTheEndOfWhatIsOrWasLastInForce) {
  using State = ServiceState;
  const auto facts =
      FactsBuilder()
          .Service(
              {.id = "present", .from = "2024-01-01", .until = "2026-12-31"})
          .Service({.id = "over", .from = "2020-01-01", .until = "2023-01-31"})
          .Service({.id = "open", .from = "2024-01-01"})
          .Service(
              {.id = "renewed", .from = "2022-01-01", .until = "2025-12-31"})
          .Service(
              {.id = "renewed", .from = "2026-01-01", .until = "2028-12-31"})
          .Service(
              {.id = "decided", .from = "2023-01-01", .until = "2026-06-30"})
          .Service(
              {.id = "decided", .from = "2026-07-01", .until = "2029-06-30"})
          .Service(
              {.id = "withdrawn", .from = "2024-01-01", .until = "2026-12-31"})
          .Service({.id = "withdrawn",
                    .state = State::kWithdrawn,
                    .from = "2025-05-01"})
          .Service({.id = "applying",
                    .state = State::kInQualification,
                    .from = "2025-01-01"})
          .Build();

  std::vector<std::string> found;
  for (const QualificationEnd& end :
       QualificationEndsOf(facts->catalogue, DayFrom("2026-01-15"))) {
    found.push_back(
        fmt::format("{} {} {}", end.provider, end.service,
                    FormatInstant(end.end_seconds * kSecond).substr(0, 10)));
  }

  // The last day is over when the next one begins.
  EXPECT_THAT(found,
              ElementsAre("Acme over 2023-02-01", "Acme withdrawn 2025-05-01",
                          "Acme present 2027-01-01", "Acme renewed 2029-01-01",
                          "Acme decided 2029-07-01"));
}

TEST(FactDatesTest, TellsTheBuildThatSpeaksAndTheOldestOfAName) {
  auto facts = FactsBuilder()
                   .CountryBuild("2025-01-01", "192.0.2.0/24", "FR")
                   .CountryBuild("2026-01-01", "192.0.2.0/24", "FR")
                   .Build();
  const auto source_of = [](const char* name, const char* path,
                            std::optional<Day> built) {
    FactSource source;
    source.name = name;
    source.path = path;
    source.built = built;
    return source;
  };
  facts->sources = {
      facts->countries[0][0].source, facts->countries[0][1].source,
      source_of("ranges.csv", "a/ranges.csv", DayFrom("2026-03-01")),
      source_of("ranges.csv", "b/ranges.csv", DayFrom("2026-02-01")),
      source_of("undated.csv", "undated.csv", std::nullopt)};
  facts->sources[0].path = "old.mmdb";
  facts->countries[0][0].source.path = "old.mmdb";
  facts->sources[1].path = "new.mmdb";
  facts->countries[0][1].source.path = "new.mmdb";
  const auto dates_on = [&](const char* day) {
    std::map<std::string, std::string> dates;
    for (const FactDate& one : FactDatesOf(*facts, DayFrom(day))) {
      dates[one.fact] =
          FormatInstant(one.built_seconds * kSecond).substr(0, 10);
    }
    return dates;
  };

  using Dates = std::map<std::string, std::string>;
  const std::string country = facts->countries[0][1].source.name;
  EXPECT_EQ(dates_on("2026-06-01"),
            (Dates{{country, "2026-01-01"}, {"ranges.csv", "2026-02-01"}}));
  EXPECT_EQ(dates_on("2025-06-01").at(country), "2025-01-01");
}

}  // namespace
}  // namespace octroi
