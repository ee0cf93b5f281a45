// SPDX-License-Identifier: Apache-2.0
#include "agent/event_log.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "dataplane/replay.h"
#include "geo/atlas_timeline.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/facts_builder.h"
#include "tests/support/fake_source.h"
#include "tests/support/small_world.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::FactsBuilder;
using ::octroi::testing::FakeSource;
using ::octroi::testing::kSecond;
using ::octroi::testing::kStart;
using ::octroi::testing::PacketBuilder;
using ::octroi::testing::Prefix;
using ::octroi::testing::ReadFile;
using ::testing::HasSubstr;

constexpr int64_t kMinute = 60 * kSecond;

// Keeps entries, or takes none.
class FakeSink : public EventSink {
 public:
  bool Write(const Event& event) override {
    if (!is_open) return false;
    events.push_back(event);
    return true;
  }

  bool is_open = true;
  std::vector<Event> events;
};

// Nothing if the entry has no such field.
std::optional<std::string> FieldOf(const Event& event, std::string_view name) {
  for (const EventField& field : event.fields) {
    if (field.name == name) return field.value;
  }
  return std::nullopt;
}

uint64_t NumberOf(const Event& event, std::string_view name) {
  return std::stoull(FieldOf(event, name).value_or("0"));
}

// One workload that must stay in the EU, and operators outside it.
class EventLogTest : public ::testing::Test {
 protected:
  EventLogTest() {
    facts_ = FactsBuilder()
                 .Country("198.51.100.0/24", "US")
                 .Country("203.0.113.0/24", "FR")
                 .Asn("198.51.100.0/25", 64496, "Example Hosting")
                 .Asn("198.51.100.128/26", 64497, "Hostile\nPRIORITY=0\x1b[2J")
                 .Asn("198.51.100.192/27", 64498)
                 .Build();
    Workload payments;
    payments.name = "payments";
    payments.covers_any = true;
    payments.requirement.location = LocationRequirement{Regime::kEu, {}};
    policy_.workloads = {payments};
    workloads_ = WorkloadIndex::Create(policy_, {Prefix("192.0.2.0/24")});
    atlases_ = AtlasTimeline::Create(*facts_, ExceptionMarks(policy_)).value();
    timeline_ = std::make_unique<EditionTimeline>(atlases_.get(), workloads_,
                                                  policy_, std::nullopt);
    log_ = std::make_unique<EventLog>(EventLogOptions(), &sink_);
  }

  // One flow of a packet of 28 + `payload` octets to each address, with a
  // packet of 28 + 1 back.
  std::vector<ExportedFlow> FlowsTo(const std::vector<const char*>& targets,
                                    size_t payload = 72) {
    FakeSource source;
    for (const char* target : targets) {
      const uint16_t port = next_port_++;
      source.Push(PacketBuilder()
                      .Ipv4("192.0.2.1", target)
                      .Udp(port, 443)
                      .Payload(payload),
                  kStart);
      source.Push(
          PacketBuilder().Ipv4(target, "192.0.2.1").Udp(443, port).Payload(1),
          kStart);
    }
    return Meter(&source);
  }
  std::vector<ExportedFlow> Meter(FakeSource* source) {
    ReplayOptions options;
    options.keep_flows = true;
    TimelineEditions editions(timeline_.get());
    return Replay(options, source, &editions)->flows;
  }
  void Add(const std::vector<const char*>& targets, int64_t now_ns,
           size_t payload = 72) {
    log_->AddFlows(FlowsTo(targets, payload), *timeline_, now_ns);
  }
  std::vector<EventKind> Kinds() const {
    std::vector<EventKind> kinds;
    for (const Event& event : sink_.events) kinds.push_back(event.kind);
    return kinds;
  }

  std::unique_ptr<Facts> facts_;
  Policy policy_;
  WorkloadIndex workloads_;
  std::unique_ptr<AtlasTimeline> atlases_;
  std::unique_ptr<EditionTimeline> timeline_;
  FakeSink sink_;
  std::unique_ptr<EventLog> log_;
  uint16_t next_port_ = 40'000;
};

TEST_F(EventLogTest, TellsAViolationThatIsNew) {
  Add({"198.51.100.7"}, kStart);

  ASSERT_EQ(Kinds(), std::vector{EventKind::kViolation});
  const Event& event = sink_.events[0];
  EXPECT_EQ(event.message,
            "violation by payments with Example Hosting: outside_eu, clause "
            "19.2; to 198.51.100.7 (US) port 443");
  const std::vector<std::pair<const char*, const char*>> expected = {
      {"OCTROI_WORKLOAD", "payments"},
      {"OCTROI_OPERATOR", "Example Hosting"},
      {"OCTROI_REASON", "outside_eu"},
      {"OCTROI_CLAUSE", "19.2"},
      {"OCTROI_LOCATION", "US"},
      {"OCTROI_COUNTRY", "US"},
      {"OCTROI_ASN", "64496"},
      {"OCTROI_DIRECTION", "egress"},
      {"OCTROI_LOCAL", "192.0.2.1"},
      {"OCTROI_DESTINATION", "198.51.100.7"},
      {"OCTROI_PORT", "443"},
      {"OCTROI_PROTOCOL", "17"},
      {"OCTROI_START", "2026-01-15T00:00:00.000000000Z"},
      {"OCTROI_END", "2026-01-15T00:00:00.000000000Z"},
      {"OCTROI_EGRESS_OCTETS", "100"},
      {"OCTROI_INGRESS_OCTETS", "29"},
  };
  ASSERT_EQ(event.fields.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(event.fields[i].name, expected[i].first);
    EXPECT_EQ(event.fields[i].value, expected[i].second);
  }
}

TEST_F(EventLogTest, WritesTheEntriesThatItsPageShows) {
  Add({"198.51.100.7", "198.51.100.8", "198.51.100.9"}, kStart);
  log_->Tick(kStart + 5 * kMinute);
  const std::string page =
      ReadFile(OCTROI_SOURCE_DIR "/docs/reference/journal.md");

  ASSERT_EQ(sink_.events.size(), 2u);
  for (const Event& event : sink_.events) {
    const std::string block = "```\n" + JournalEntry(event) + "```\n";
    EXPECT_THAT(page, HasSubstr(block));
  }
}

TEST_F(EventLogTest, TellsNothingButViolations) {
  Add({"203.0.113.9", "192.0.2.77", "233.252.0.1"}, kStart);
  log_->Finish(kStart);

  EXPECT_EQ(Kinds(), std::vector<EventKind>());
}

TEST_F(EventLogTest, CountsWhatFollowsAndTellsItOnceInAnInterval) {
  Add({"198.51.100.7", "198.51.100.8", "198.51.100.9"}, kStart);
  Add({"198.51.100.7"}, kStart + kMinute, 172);
  log_->Tick(kStart + 5 * kMinute - 1);

  ASSERT_EQ(Kinds(), std::vector{EventKind::kViolation});

  log_->Tick(kStart + 5 * kMinute);

  ASSERT_EQ(sink_.events.size(), 2u);
  const Event& event = sink_.events[1];
  EXPECT_EQ(event.kind, EventKind::kViolationsRepeated);
  EXPECT_EQ(event.message,
            "3 more violations by payments with Example Hosting: outside_eu, "
            "clause 19.2; 400 octets sent, 87 received since "
            "2026-01-15T00:00:00.000000000Z");
  EXPECT_EQ(FieldOf(event, "OCTROI_WORKLOAD"), "payments");
  EXPECT_EQ(FieldOf(event, "OCTROI_FLOWS"), "3");
  EXPECT_EQ(FieldOf(event, "OCTROI_EGRESS_OCTETS"), "400");
  EXPECT_EQ(FieldOf(event, "OCTROI_INGRESS_OCTETS"), "87");
  EXPECT_EQ(FieldOf(event, "OCTROI_SINCE"), "2026-01-15T00:00:00.000000000Z");

  // Nothing new: nothing to tell. Then one more, and the end.
  log_->Tick(kStart + 20 * kMinute);
  Add({"198.51.100.7"}, kStart + 21 * kMinute);
  log_->Finish(kStart + 21 * kMinute);

  ASSERT_EQ(sink_.events.size(), 3u);
  EXPECT_THAT(sink_.events[2].message,
              HasSubstr("1 more violation by payments with Example Hosting"));
  EXPECT_EQ(FieldOf(sink_.events[2], "OCTROI_SINCE"),
            "2026-01-15T00:05:00.000000000Z");
}

TEST_F(EventLogTest, TellsOperatorsApartAndNamesThemAsFarAsKnown) {
  Add({"198.51.100.7", "198.51.100.200", "198.51.100.250"}, kStart);

  ASSERT_EQ(sink_.events.size(), 3u);
  EXPECT_EQ(FieldOf(sink_.events[0], "OCTROI_OPERATOR"), "Example Hosting");
  EXPECT_EQ(FieldOf(sink_.events[1], "OCTROI_OPERATOR"), "AS64498");
  // What is not known is not there.
  EXPECT_EQ(FieldOf(sink_.events[2], "OCTROI_OPERATOR"), std::nullopt);
  EXPECT_EQ(FieldOf(sink_.events[2], "OCTROI_ASN"), std::nullopt);
  EXPECT_THAT(sink_.events[2].message, HasSubstr("with an unknown operator:"));
}

TEST_F(EventLogTest, ShowsHostileNamesOnOneLine) {
  Add({"198.51.100.130"}, kStart);
  log_->SourceLost("eth0\nPRIORITY=0", "a\x1b[31m\nb");
  log_->EditionRefused("octroi.yaml:1:1: \r\n", "\n");

  ASSERT_EQ(sink_.events.size(), 3u);
  for (const Event& event : sink_.events) {
    for (const char c : event.message) {
      EXPECT_GE(static_cast<uint8_t>(c), 0x20) << event.message;
    }
  }
}

// The packets of a flow inside a tunnel are those of the flow around it.
TEST_F(EventLogTest, DoesNotAddFlowsInsideTunnelsToThoseOutside) {
  FakeSource source;
  for (const uint16_t port : {40'001, 40'002}) {
    source.Push(PacketBuilder()
                    .Ethernet()
                    .Ipv4("192.0.2.1", "198.51.100.7")
                    .Udp(port, 4789)
                    .Vxlan(42)
                    .Ethernet()
                    .Ipv4("192.0.2.20", "198.51.100.8")
                    .Udp(port, 443)
                    .Payload(10),
                kStart);
  }

  log_->AddFlows(Meter(&source), *timeline_, kStart);
  log_->Finish(kStart);

  ASSERT_EQ(sink_.events.size(), 4u);
  int tunnelled = 0;
  for (const Event& event : sink_.events) {
    const bool is_tunnelled = FieldOf(event, "OCTROI_TUNNELLED") == "yes";
    if (is_tunnelled) ++tunnelled;
    EXPECT_EQ(event.message.find(" inside a tunnel:") != std::string::npos,
              is_tunnelled);
    if (event.kind == EventKind::kViolation) {
      EXPECT_EQ(FieldOf(event, "OCTROI_TUNNEL").has_value(), is_tunnelled);
    } else {
      EXPECT_EQ(NumberOf(event, "OCTROI_FLOWS"), 1u);
      EXPECT_EQ(NumberOf(event, "OCTROI_EGRESS_OCTETS"),
                is_tunnelled ? 38u : 38u + 14 + 8 + 28);
    }
  }
  EXPECT_EQ(tunnelled, 2);
}

TEST_F(EventLogTest, CountsExactlyWhatIsBeyondItsLimit) {
  EventLogOptions options;
  options.max_kept = 1;
  EventLog log(options, &sink_);
  const auto flows = FlowsTo(
      {"198.51.100.7", "198.51.100.200", "198.51.100.250", "198.51.100.8"});

  log.AddFlows(flows, *timeline_, kStart);
  log.Tick(kStart + 5 * kMinute);

  ASSERT_EQ(Kinds(),
            (std::vector{EventKind::kViolation, EventKind::kViolationsRepeated,
                         EventKind::kViolationsBeyondLimit}));
  EXPECT_EQ(NumberOf(sink_.events[1], "OCTROI_FLOWS"), 1u);
  EXPECT_EQ(sink_.events[2].message,
            "2 more violations beyond the 1 workloads, operators and reasons "
            "that are told apart; 200 octets sent, 58 received since "
            "2026-01-15T00:00:00.000000000Z");
  EXPECT_EQ(log.violations_beyond_limit(), 2u);
}

TEST_F(EventLogTest, TakesAViolationForNewAfterADayWithout) {
  EventLogOptions options;
  options.max_kept = 1;
  EventLog log(options, &sink_);
  const int64_t day_ns = 24 * 60 * kMinute;
  log.AddFlows(FlowsTo({"198.51.100.7"}), *timeline_, kStart);
  log.Tick(kStart + day_ns - 1);

  log.AddFlows(FlowsTo({"198.51.100.200"}), *timeline_, kStart + day_ns - 1);

  EXPECT_EQ(log.violations_beyond_limit(), 1u);

  log.Tick(kStart + day_ns);  // Makes room for another.
  log.AddFlows(FlowsTo({"198.51.100.200"}), *timeline_, kStart + day_ns);

  EXPECT_EQ(log.violations_beyond_limit(), 1u);
  EXPECT_EQ(FieldOf(sink_.events.back(), "OCTROI_OPERATOR"), "AS64498");
}

TEST_F(EventLogTest, LosesNoCountWhileTheJournalTakesNothing) {
  sink_.is_open = false;
  Add({"198.51.100.7", "198.51.100.8"}, kStart);
  log_->Tick(kStart + 5 * kMinute);
  log_->Tick(kStart + 6 * kMinute);
  log_->SourceLost("eth0", "it is down");

  EXPECT_EQ(log_->lost_entries(), 2u);  // The violation, and the source.

  sink_.is_open = true;
  log_->Tick(kStart + 7 * kMinute);

  ASSERT_EQ(Kinds(), (std::vector{EventKind::kEventsLost,
                                  EventKind::kViolationsRepeated}));
  EXPECT_EQ(sink_.events[0].message,
            "2 entries before this could not be delivered");
  EXPECT_EQ(NumberOf(sink_.events[0], "OCTROI_LOST_ENTRIES"), 2u);
  EXPECT_EQ(NumberOf(sink_.events[1], "OCTROI_FLOWS"), 2u);
  EXPECT_EQ(NumberOf(sink_.events[1], "OCTROI_EGRESS_OCTETS"), 200u);

  log_->Finish(kStart + 8 * kMinute);

  EXPECT_EQ(sink_.events.size(), 2u);
}

TEST_F(EventLogTest, TellsLostRecordsAtOnceThenOnceInAnInterval) {
  log_->RecordsLost("export_ring", 0, kStart);

  EXPECT_EQ(sink_.events.size(), 0u);

  log_->RecordsLost("export_ring", 1, kStart);
  log_->RecordsLost("export_ring", 5, kStart + kSecond);
  log_->RecordsLost("flow_log_disk_full", 7, kStart + kSecond);
  log_->Tick(kStart + kMinute);

  ASSERT_EQ(sink_.events.size(), 2u);
  EXPECT_EQ(sink_.events[0].message,
            "1 flow record lost where=export_ring total=1; octets are in the "
            "accounts");
  EXPECT_EQ(FieldOf(sink_.events[1], "OCTROI_WHERE"), "flow_log_disk_full");

  log_->Tick(kStart + 5 * kMinute);
  log_->RecordsLost("export_ring", 6, kStart + 6 * kMinute);
  log_->Finish(kStart + 6 * kMinute);

  ASSERT_EQ(sink_.events.size(), 4u);
  EXPECT_EQ(NumberOf(sink_.events[2], "OCTROI_LOST_RECORDS"), 4u);
  EXPECT_EQ(NumberOf(sink_.events[3], "OCTROI_LOST_RECORDS"), 1u);
  EXPECT_EQ(NumberOf(sink_.events[3], "OCTROI_LOST_RECORDS_TOTAL"), 6u);
}

TEST_F(EventLogTest, TellsTheLifeOfTheDaemon) {
  log_->EditionAdopted("9f2c", "reload");
  log_->EditionRefused("octroi.yaml:3:1: x: unknown key", "9f2c");
  log_->BlindBegan("eth0", "loss", kStart);
  log_->BlindEnded("eth0", "loss", kStart, kStart + kSecond, 12);
  log_->BlindEnded("eth0", "loss", kStart, kStart + kSecond, std::nullopt);
  log_->SourceSilent("eth0", kStart);
  log_->SourceSpoke("eth0");
  log_->SourceLost("eth0", "the interface is down");
  log_->SourceBack("eth0", kStart, kStart + kSecond);
  log_->LogMended("/var/log/octroi/flows.jsonl", 120);

  const std::vector<std::string> expected = {
      "edition adopted cause=reload digest=9f2c",
      "edition refused, the one in force stays; correct it and reload: "
      "octroi.yaml:3:1: x: unknown key",
      "not all packets are seen source=eth0 cause=loss "
      "since=2026-01-15T00:00:00.000000000Z",
      "all packets are seen again source=eth0 cause=loss "
      "since=2026-01-15T00:00:00.000000000Z "
      "until=2026-01-15T00:00:01.000000000Z lost=12",
      "all packets are seen again source=eth0 cause=loss "
      "since=2026-01-15T00:00:00.000000000Z "
      "until=2026-01-15T00:00:01.000000000Z lost=unknown",
      "no packets any more source=eth0 since=2026-01-15T00:00:00.000000000Z",
      "packets again source=eth0",
      "source lost source=eth0: the interface is down",
      "source back source=eth0 since=2026-01-15T00:00:00.000000000Z "
      "until=2026-01-15T00:00:01.000000000Z",
      "part of a record cut off at the end of /var/log/octroi/flows.jsonl "
      "bytes=120",
  };
  std::vector<std::string> messages;
  for (const Event& event : sink_.events) messages.push_back(event.message);
  EXPECT_EQ(messages, expected);
  // Not known is not 0.
  EXPECT_EQ(FieldOf(sink_.events[3], "OCTROI_LOST_PACKETS"), "12");
  EXPECT_EQ(FieldOf(sink_.events[4], "OCTROI_LOST_PACKETS"), std::nullopt);
}

TEST_F(EventLogTest, CutsLongNamesBetweenCodePoints) {
  const std::string name = std::string(kMaxEventNameBytes - 1, 'x') + "éé";
  policy_.workloads[0].name = name;

  Add({"198.51.100.7"}, kStart);

  EXPECT_EQ(FieldOf(sink_.events[0], "OCTROI_WORKLOAD"),
            std::string(kMaxEventNameBytes - 1, 'x') + "…");
}

}  // namespace
}  // namespace octroi
