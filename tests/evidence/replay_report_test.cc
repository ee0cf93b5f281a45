// SPDX-License-Identifier: Apache-2.0
#include "evidence/replay_report.h"

#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/facts_builder.h"
#include "tests/support/fake_source.h"
#include "tests/support/small_world.h"

namespace octroi {
namespace {

using ::octroi::testing::FactsBuilder;
using ::octroi::testing::FakeSource;
using ::octroi::testing::kChange;
using ::octroi::testing::kSecond;
using ::octroi::testing::kStart;
using ::octroi::testing::PacketBuilder;
using ::octroi::testing::SmallWorld;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::ordered_json;

class ReplayReportTest : public ::testing::Test {
 protected:
  void Udp(const char* source, const char* destination, size_t payload) {
    source_.Push(PacketBuilder()
                     .Ipv4(source, destination)
                     .Udp(40000, 40001)
                     .Payload(payload),
                 kStart + static_cast<int64_t>(count_++));
  }

  ReplayReport Make(std::vector<ReportCapture> captures = {},
                    size_t most_rows = SIZE_MAX) {
    absl::StatusOr<ReplayResult> result =
        Replay(ReplayOptions(), &source_, world_.editions());
    return MakeReport({&world_.timeline(), &world_.policy(), &world_.facts(),
                       std::move(captures), "capture", "digest", most_rows},
                      *std::move(result));
  }

  static ReportCapture CaptureOf(const char* first, const char* last) {
    ReportCapture capture;
    capture.summary.path = "x.pcap";
    capture.summary.first_ns = ParseInstant(first);
    capture.summary.last_ns = ParseInstant(last);
    return capture;
  }

  SmallWorld world_;
  FakeSource source_;
  size_t count_ = 0;
};

TEST_F(ReplayReportTest, SumsOfEveryViewEqualWhatWasAccounted) {
  Udp("192.0.2.1", "198.51.100.7", 100);   // payments, violation
  Udp("192.0.2.1", "203.0.113.9", 200);    // payments, compliant
  Udp("192.0.2.77", "198.51.100.7", 300);  // others
  Udp("198.51.100.7", "192.0.2.1", 400);   // the first flow's answer
  Udp("198.51.100.7", "203.0.113.9", 50);  // transit

  const ReplayReport report = Make();

  AccountTotals totals;
  for (const ReportTotal& total : report.totals) totals += total.totals;
  AccountTotals destinations;
  for (const ReportRow& row : report.destinations.listed) {
    destinations += row.totals;
  }
  EXPECT_EQ(totals, destinations);
  EXPECT_EQ(totals.packets, report.result.counters.accounted);
  EXPECT_EQ(totals.flows, report.result.flow_count);
  EXPECT_EQ(totals.octets, 100 + 200 + 300 + 400 + 50 + 5 * 28u);
  // What left: not the answer, not transit.
  EXPECT_EQ(totals.egress_octets, 100 + 200 + 300 + 3 * 28u);
}

TEST_F(ReplayReportTest, ListsDestinationsByWhatWasSentThere) {
  Udp("192.0.2.1", "203.0.113.9", 10);
  Udp("192.0.2.1", "198.51.100.7", 1000);

  const ReplayReport report = Make();

  ASSERT_EQ(report.destinations.listed.size(), 2u);
  EXPECT_EQ(report.destinations.listed[0].destination.country, "US");
  EXPECT_EQ(report.destinations.listed[1].destination.country, "FR");
}

TEST_F(ReplayReportTest, TellsWhatAListLeavesOut) {
  const auto send = [this] {
    Udp("192.0.2.1", "198.51.100.7", 1000);  // payments, violation
    Udp("192.0.2.1", "203.0.113.9", 200);    // payments, compliant
    Udp("192.0.2.77", "198.51.100.7", 30);   // others, compliant
  };
  send();
  const ReplayReport all = Make();
  send();

  const ReplayReport some = Make({}, 1);

  ASSERT_EQ(all.destinations.listed.size(), 3u);
  EXPECT_TRUE(all.destinations.left_out.empty());
  ASSERT_EQ(some.destinations.listed.size(), 1u);
  EXPECT_EQ(some.destinations.listed[0].destination.country, "US");
  AccountTotals told = some.destinations.listed[0].totals;
  size_t rows = 1;
  for (const auto& [verdict, remainder] : some.destinations.left_out) {
    told += remainder.totals;
    rows += remainder.rows;
  }
  EXPECT_EQ(rows, all.destinations.listed.size());
  AccountTotals totals;
  for (const ReportTotal& total : some.totals) totals += total.totals;
  EXPECT_EQ(told, totals);
  const auto& rest = some.destinations.left_out;
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest.begin()->first, Verdict::kCompliant);
  EXPECT_EQ(rest.begin()->second.rows, 2u);
  EXPECT_EQ(rest.begin()->second.totals.octets, 200u + 30u + 2 * 28u);
  EXPECT_EQ(some.workloads[0].lowest_seal, 0) << "whatever is listed";
}

TEST_F(ReplayReportTest, LowestSealIsThatOfTheWeakestDestination) {
  Udp("192.0.2.1", "203.0.113.9", 10);   // France, operator unknown: unknown
  Udp("192.0.2.1", "198.51.100.7", 10);  // the United States: 0

  const ReplayReport report = Make();

  ASSERT_EQ(report.workloads[0].name, "payments");
  EXPECT_EQ(report.workloads[0].lowest_seal, 0);
}

// Unknown is neither low nor high: it hides the level of the whole chain,
// unless another destination is at 0 already.
TEST_F(ReplayReportTest, LowestSealIsUnknownWhereADestinationIs) {
  Udp("192.0.2.1", "203.0.113.9", 10);

  const ReplayReport report = Make();

  EXPECT_EQ(report.workloads[0].lowest_seal, std::nullopt);
  EXPECT_TRUE(report.workloads[0].has_unknown_seal);
}

TEST_F(ReplayReportTest, JsonHasTheKeysOfItsSchema) {
  Udp("192.0.2.1", "198.51.100.7", 10);

  const Json json = Json::parse(ReportToJson(
      Make({CaptureOf("2026-01-15T00:00:00Z", "2026-01-15T00:00:01Z")})));

  EXPECT_EQ(json["schema"], "octroi.replay/1");
  for (const char* key :
       {"path", "sha256", "packets", "first", "last", "truncated"}) {
    EXPECT_TRUE(json["captures"][0].contains(key)) << key;
  }
  EXPECT_EQ(json["captures"][0]["first"], "2026-01-15T00:00:00.000000000Z");
  EXPECT_EQ(json["packets"]["received"], 1);
  EXPECT_TRUE(json["packets"]["undecoded"].is_object());
  EXPECT_EQ(json["flows"], 1);
  for (const char* key :
       {"direction", "verdict", "flows", "packets", "octets"}) {
    EXPECT_TRUE(json["totals"][0].contains(key)) << key;
  }
  for (const char* key :
       {"workload", "direction", "verdict", "reason", "clause", "country",
        "regime", "asn", "operator", "controlling_country", "service",
        "qualification", "seal", "flows", "packets", "octets"}) {
    EXPECT_TRUE(json["destinations"][0].contains(key)) << key;
  }
  for (const char* key :
       {"name", "lowest_seal", "flows", "packets", "octets"}) {
    EXPECT_TRUE(json["workloads"][0].contains(key)) << key;
  }
  EXPECT_EQ(json["edition"]["digest"], "digest");
  EXPECT_TRUE(json["edition"]["sources"].is_array());
}

TEST_F(ReplayReportTest,
       SaysWhichExceptionsTrafficMeetsBeforeAndAfterTheirEnd) {
  const auto exception_of = [](const ReplayReport& report) {
    return Json::parse(ReportToJson(report))["exceptions"][0];
  };
  const auto send_at = [this](int64_t time_ns) {
    source_.Push(PacketBuilder()
                     .Ipv4("192.0.2.1", "198.51.100.200")
                     .Udp(40000, 443)
                     .Payload(72),
                 time_ns);
  };

  const Json unused = exception_of(Make());
  send_at(kStart);
  const Json active = exception_of(Make());
  send_at(kStart);
  send_at(kChange);
  const Json both = exception_of(Make());

  EXPECT_EQ(unused["status"], "unused");
  EXPECT_EQ(unused["workload"], "payments");
  EXPECT_EQ(unused["destination"], "198.51.100.128/25");
  EXPECT_TRUE(unused["port"].is_null());
  EXPECT_EQ(unused["until"], "2026-01-15");
  EXPECT_EQ(unused["reference"], "ICT-0042");
  EXPECT_EQ(unused["flows"], 0);
  EXPECT_EQ(active["status"], "active");
  EXPECT_EQ(active["flows"], 1);
  EXPECT_EQ(active["octets"], 100);
  EXPECT_EQ(active["expired_flows"], 0);
  EXPECT_EQ(both["status"], "expired");
  EXPECT_EQ(both["flows"], 1);
  EXPECT_EQ(both["expired_flows"], 1);
  EXPECT_EQ(both["expired_octets"], 100);
}

TEST_F(ReplayReportTest, CsvHasARowPerDestinationAndQuotesNames) {
  Udp("192.0.2.1", "198.51.100.7", 10);
  ReplayReport report = Make();
  report.destinations.listed[0].destination.operator_name = "A, \"B\"";
  report.destinations.listed[0].workload = "=cmd()";

  const std::string csv = ReportToCsv(report);

  EXPECT_THAT(csv, HasSubstr("\n'=cmd(),egress,violation,outside_eu,19.2,US,"
                             "US,third_country,"));
  EXPECT_THAT(csv, HasSubstr(",\"A, \"\"B\"\"\","));
}

TEST_F(ReplayReportTest, WarnsWhenADatabaseIsFarFromTheCapture) {
  const auto facts =
      FactsBuilder().Country("203.0.113.0/24", "FR").Build();  // 2026-01-01
  struct Case {
    const char* first;
    const char* last;
    const char* warning;
  };
  const Case cases[] = {
      {"2025-10-03T00:00:00Z", "2025-10-03T00:00:00Z", ""},
      {"2025-10-02T23:00:00Z", "2025-10-02T23:00:00Z", "91 days younger"},
      {"2026-04-01T00:00:00Z", "2026-04-01T00:00:00Z", ""},
      {"2026-04-02T00:00:00Z", "2026-04-02T00:00:00Z", "91 days older"},
      {"2025-12-01T00:00:00Z", "2026-01-15T00:00:00Z", ""},
  };
  for (const Case& test : cases) {
    const ReplayReport report = MakeReport({&world_.timeline(),
                                            &world_.policy(),
                                            facts.get(),
                                            {CaptureOf(test.first, test.last)},
                                            "capture",
                                            ""},
                                           ReplayResult());
    if (*test.warning == '\0') {
      EXPECT_THAT(report.warnings, IsEmpty()) << test.first;
    } else {
      EXPECT_THAT(report.warnings, ElementsAre(HasSubstr(test.warning)));
    }
  }
}

TEST_F(ReplayReportTest, WarnsOfLossesThatTheCaptureReports) {
  ReportCapture capture =
      CaptureOf("2026-01-15T00:00:00Z", "2026-01-15T00:00:00Z");
  capture.summary.reported_drops = 7;

  EXPECT_THAT(Make({capture}).warnings,
              ElementsAre(HasSubstr("7 packets were lost before")));
}

TEST_F(ReplayReportTest, DigestChangesWithFactsPolicyAndLocalNetworks) {
  const Facts& facts = world_.facts();
  const Policy policy = DefaultPolicy();
  const std::string digest = EditionDigest(facts, policy, {});

  EXPECT_EQ(EditionDigest(facts, policy, {}), digest);
  EXPECT_NE(EditionDigest(facts, policy, {*IpPrefix::Parse("10.0.0.0/8")}),
            digest);
  Policy stricter = policy;
  stricter.workloads[0].requirement.requires_eu_control = true;
  EXPECT_NE(EditionDigest(facts, stricter, {}), digest);
  // Policies that differ in one thing each, from the default and each other.
  std::vector<Policy> policies(10, policy);
  Requirement* required = &policies[0].workloads[0].requirement;
  required->allow = AllowList{};
  required = &policies[1].workloads[0].requirement;
  required->allow = AllowList{{"a", "b"}, {}};
  required = &policies[2].workloads[0].requirement;
  required->allow = AllowList{{"a,1:b"}, {}};
  required = &policies[3].workloads[0].requirement;
  required->allow = AllowList{{}, {"a", "b"}};
  required = &policies[4].workloads[0].requirement;
  required->deny.countries = {*CountryCode::Parse("US")};
  required = &policies[5].workloads[0].requirement;
  required->deny.laws = {"US"};
  required = &policies[6].workloads[0].requirement;
  required->deny.laws = {"US", "CLOUD-Act"};
  const Exception exception = {
      *IpPrefix::Parse("192.0.2.0/24"), DayOf(kStart), "r", "because", 0, {}};
  for (size_t i = 7; i < 10; ++i) {
    policies[i].workloads[0].exceptions = {exception};
  }
  policies[8].workloads[0].exceptions[0].ports = {443};
  policies[9].workloads[0].exceptions[0].ports = {443, 8443};
  std::set<std::string> digests = {digest};
  for (const Policy& other_policy : policies) {
    digests.insert(EditionDigest(facts, other_policy, {}));
  }
  EXPECT_EQ(digests.size(), policies.size() + 1);
  Facts other;
  other.sources = {{"x", "", std::nullopt, "00", ""}};
  EXPECT_NE(EditionDigest(other, policy, {}), digest);
}

}  // namespace
}  // namespace octroi
