// SPDX-License-Identifier: Apache-2.0
// Workers on their threads, with real kernel sockets, in network namespaces of
// the test's own.
#include "dataplane/live_workers.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/interface_point.h"
#include "dataplane/replay.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/mixed_traffic.h"
#include "tests/support/network_lab.h"
#include "tests/support/packet_builder.h"
#include "tests/support/small_world.h"

namespace octroi {
namespace {

using ::octroi::testing::Frame;
using ::octroi::testing::MixedTraffic;
using ::octroi::testing::NetworkLab;
using ::octroi::testing::PacketBuilder;
using ::octroi::testing::SendFrames;
using ::octroi::testing::SmallWorld;
using ::testing::IsEmpty;

// Waits for a condition; false, so that a test that would hang fails instead,
// if it does not hold within a minute.
bool WaitUntil(const std::function<bool()>& holds) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    poll(nullptr, 0, /*timeout_ms=*/1);
  }
  return true;
}

// An interface point with its workers, and all that they have exported.
class Meter {
 public:
  Meter(uint32_t worker_count, EditionProvider* editions) {
    InterfaceOptions options;
    options.interface_name = "here0";
    options.worker_count = worker_count;
    // What the kernel says by itself: multicast listener reports (RFC 3810).
    options.filter = "not dst host ff02::16";
    auto point = InterfacePoint::Open(options);
    EXPECT_TRUE(point.ok()) << point.status();
    if (!point.ok()) return;
    point_ = *std::move(point);
    LiveOptions live;
    live.flow_memory_bytes = size_t{4} << 20;
    live.account_limit = 1024;
    live.tunnelled_account_limit = 1024;
    ObservationPoint* const points[] = {point_.get()};
    workers_ = std::make_unique<LiveWorkers>(live, points, editions);
    EXPECT_TRUE(workers_->Start().ok());
  }

  uint64_t received() const { return Counters().received; }
  WorkerTotals Counters() const {
    WorkerTotals sum;
    for (size_t i = 0; i < workers_->size(); ++i) {
      sum += workers_->worker(i).counters().Read();
    }
    return sum;
  }
  LiveWorkers& workers() { return *workers_; }
  // What has been exported since the last call.
  std::vector<ExportedFlow> TakeFlows() {
    std::vector<ExportedFlow> flows;
    std::array<ExportedFlow, 256> batch;
    for (size_t i = 0; i < workers_->size(); ++i) {
      for (size_t n = 0; (n = workers_->ring(i)->TakeBatch(batch)) > 0;) {
        flows.insert(flows.end(), batch.begin(), batch.begin() + n);
      }
    }
    return flows;
  }
  // Ends the workers. Their records fit into their rings.
  void Stop() {
    workers_->RequestStop(/*drain_ns=*/0);
    workers_->Join();
    for (size_t i = 0; i < workers_->size(); ++i) {
      EXPECT_EQ(workers_->ring(i)->lost_count(), 0u);
    }
    EXPECT_EQ(point_->Observe().losses.at(LossPlace::kKernelRing), 0u);
  }
  // Of the books that are kept.
  AccountRows Accounts(bool is_tunnelled) const {
    std::vector<const class Accounts*> all;
    for (size_t i = 0; i < workers_->size(); ++i) {
      for (const Books* books : workers_->worker(i).kept_books()) {
        all.push_back(is_tunnelled ? &books->tunnelled : &books->outer);
      }
    }
    return MergeAccounts(all);
  }
  uint64_t received_by(size_t worker) const {
    return std::as_const(*workers_).worker(worker).counters().received.Read();
  }

 private:
  std::unique_ptr<InterfacePoint> point_;
  std::unique_ptr<LiveWorkers> workers_;
};

class LiveWorkersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why_not;
    lab_ = NetworkLab::Create(&why_not);
    if (lab_ == nullptr) GTEST_SKIP() << why_not;
  }

  std::unique_ptr<NetworkLab> lab_;
};

// What a flow record says, but for its times: those are of each socket.
struct FlowText {
  std::string key;
  std::array<uint64_t, 4> counts;

  friend bool operator==(const FlowText&, const FlowText&) = default;
  friend auto operator<=>(const FlowText&, const FlowText&) = default;
  friend void PrintTo(const FlowText& flow, std::ostream* out) {
    *out << flow.key << ": " << flow.counts[0] << ", " << flow.counts[1] << "; "
         << flow.counts[2] << ", " << flow.counts[3];
  }
};

std::vector<FlowText> TextsOf(const std::vector<ExportedFlow>& flows) {
  std::vector<FlowText> texts;
  for (const ExportedFlow& flow : flows) {
    const FlowRecord& r = flow.record;
    texts.push_back(
        {r.source().ToString() + " " + std::to_string(r.source_port()) +
             " to " + r.destination().ToString() + " " +
             std::to_string(r.destination_port()) + " by " +
             std::to_string(r.protocol_identifier()) + " in " +
             std::to_string(static_cast<int>(flow.tunnel.kind)) + " " +
             flow.tunnel.a.ToString() + " " +
             std::string(DirectionName(r.direction)) + " account " +
             std::to_string(r.attribution) + " " + std::to_string(r.workload) +
             " " + std::string(VerdictName(r.judgement.verdict)) + " " +
             std::string(EndReasonName(r.end_reason)),
         {r.packets(), r.octets(), r.reverse_packets(), r.reverse_octets()}});
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

TEST_F(LiveWorkersTest, TwoThatShareAnInterfaceFindWhatOneFinds) {
  SmallWorld world;
  Meter one(1, world.editions());
  Meter two(2, world.editions());
  const std::vector<Frame> frames = MixedTraffic(/*seed=*/1, 20'000);

  lab_->There([&] {
        EXPECT_EQ(SendFrames("there0", frames, 64,
                             [&](size_t sent) {
                               EXPECT_TRUE(WaitUntil([&] {
                                 return one.received() + 2000 > sent &&
                                        two.received() + 2000 > sent;
                               }));
                             }),
                  frames.size());
      })
      .join();
  EXPECT_TRUE(WaitUntil([&] {
    return one.received() >= frames.size() && two.received() >= frames.size();
  }));
  one.Stop();
  two.Stop();

  EXPECT_GT(two.received_by(0), frames.size() / 5);
  EXPECT_GT(two.received_by(1), frames.size() / 5);
  EXPECT_EQ(one.received(), frames.size());
  EXPECT_GT(one.Counters().fragments_resolved, 1000u);
  EXPECT_GT(one.Counters().undecoded_total(), 0u);
  EXPECT_EQ(two.Counters(), one.Counters());
  EXPECT_EQ(two.Accounts(false), one.Accounts(false));
  EXPECT_FALSE(one.Accounts(true).empty());
  EXPECT_EQ(two.Accounts(true), one.Accounts(true));
  EXPECT_EQ(TextsOf(two.TakeFlows()), TextsOf(one.TakeFlows()));
}

// One reload: facts that say where the other end is, and a policy that permits
// that country alone. Of a whole edition each flow is compliant; of the facts
// of one and the policy of another, none is.
struct Reload {
  Facts facts;
  Policy policy;
  WorkloadIndex workloads;
  std::unique_ptr<AtlasTimeline> atlases;
  std::unique_ptr<EditionTimeline> timeline;
  std::unique_ptr<TimelineEditions> editions;
  CountryCode country;

  Reload(std::string_view code, uint32_t first_index)
      : country(CountryCode::Parse(code).value()) {
    RangeRow row;
    row.prefix = IpPrefix::Parse("192.0.2.2/32").value();
    row.provider = "Example";
    row.region_country = country;
    row.grade = Grade::kAsserted;
    facts.ranges = RangeTable::Create({row}, facts.catalogue).value();
    Workload all;
    all.name = "all";
    all.covers_any = true;
    all.requirement.location = LocationRequirement{Regime::kUnknown, {country}};
    all.requirement.applies_to_any = true;
    policy.workloads = {all};
    workloads = WorkloadIndex::Create(
        policy, {IpPrefix::Parse("192.0.2.9/32").value()});
    atlases = AtlasTimeline::Create(facts, ExceptionMarks(policy)).value();
    timeline = std::make_unique<EditionTimeline>(
        atlases.get(), workloads, policy, std::nullopt, first_index);
    editions = std::make_unique<TimelineEditions>(timeline.get());
  }

  // Whether this edition, and all of it, judged the flow.
  bool HasJudged(const FlowRecord& record) const {
    if (record.edition < timeline->first_index() ||
        record.edition >= timeline->end_index()) {
      return false;
    }
    const Atlas& atlas = *timeline->edition(record.edition).atlas;
    const LocationClaim& location =
        atlas.location(atlas.attribution(record.attribution).location);
    return location.opinions == std::vector<CountryCode>{country} &&
           record.judgement.verdict == Verdict::kCompliant &&
           record.judgement.reason == Reason::kMeetsRequirement;
  }
};

TEST_F(LiveWorkersTest, ReloadsTwoHundredTimesUnderTrafficAndMissesNoPacket) {
  constexpr int kReloads = 200;
  constexpr int kFlows = 60;
  auto present = std::make_unique<Reload>("FR", 0);
  Meter meter(2, present->editions.get());
  std::vector<Frame> frames;
  for (int flow = 0; flow < kFlows; ++flow) {
    frames.push_back(PacketBuilder()
                         .Ethernet()
                         .Ipv4("192.0.2.2", "192.0.2.9")
                         .Udp(static_cast<uint16_t>(20'000 + flow), 40'000)
                         .Payload(100)
                         .Build());
  }
  // The stream goes on, as fast as it is received, until all is done.
  std::atomic<bool> is_done{false};
  std::atomic<uint64_t> sent{0};
  std::thread sender = lab_->There([&] {
    while (!is_done) {
      sent += SendFrames("there0", frames, frames.size(), [&](size_t) {
        EXPECT_TRUE(WaitUntil([&] { return meter.received() + 4000 > sent; }));
      });
    }
  });

  uint64_t packets = 0;
  uint64_t accounted = 0;
  std::vector<ExportedFlow> judged_by_another;
  const auto take = [&] {
    for (const ExportedFlow& flow : meter.TakeFlows()) {
      packets += flow.record.packets();
      if (!present->HasJudged(flow.record)) judged_by_another.push_back(flow);
    }
    for (const AccountRow& row : meter.Accounts(false)) {
      if (row.key.edition != present->timeline->first_index()) continue;
      accounted += row.totals.packets;
      EXPECT_EQ(row.key.judgement.verdict, Verdict::kCompliant);
    }
  };
  for (int i = 1; i <= kReloads; ++i) {
    // Each edition judges some packets of each worker's stream.
    const uint64_t before = meter.received();
    EXPECT_TRUE(WaitUntil([&] { return meter.received() > before + kFlows; }));
    auto next = std::make_unique<Reload>(i % 2 == 0 ? "FR" : "US",
                                         present->timeline->end_index());
    meter.workers().OfferEditions(next->editions.get());
    ASSERT_TRUE(WaitUntil(
        [&] { return meter.workers().is_adopted(next->editions.get()); }));
    take();
    meter.workers().ReleaseBooks();
    // Whoever reads the earlier one from here on reads what is gone.
    present = std::move(next);
  }
  is_done = true;
  sender.join();
  EXPECT_TRUE(WaitUntil([&] { return meter.received() >= sent; }));
  meter.Stop();
  take();

  EXPECT_THAT(TextsOf(judged_by_another), IsEmpty());
  EXPECT_EQ(packets, sent);
  EXPECT_EQ(meter.received(), sent);
  EXPECT_EQ(accounted, sent);
}

}  // namespace
}  // namespace octroi
