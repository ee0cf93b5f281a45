// SPDX-License-Identifier: Apache-2.0
#include "agent/table.h"

#include <sstream>
#include <string>
#include <vector>

#include "agent/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ReportRow Row(Verdict verdict, Reason reason, uint64_t egress_octets) {
  ReportRow row;
  row.workload = "payments";
  row.direction = FlowDirection::kEgress;
  row.verdict = verdict;
  row.reason = reason;
  row.destination.location = "US";
  row.destination.country = "US";
  row.destination.regime = "third_country";
  row.destination.asn = 64496;
  row.destination.operator_name = "Example Hosting";
  row.destination.controlling_country = "US";
  row.destination.law = "CLOUD-Act";
  row.destination.qualification = "none";
  row.destination.seal = 0;
  row.totals = {.flows = 2,
                .packets = 1234,
                .octets = egress_octets + 10,
                .egress_packets = 600,
                .egress_octets = egress_octets};
  return row;
}

ReplayReport Report(std::vector<ReportRow> rows) {
  ReplayReport report;
  report.at = "capture";
  report.edition_digest = "9f2c";
  for (const ReportRow& row : rows) {
    report.totals.push_back({row.direction, row.verdict, row.totals});
    report.result.counters.received += row.totals.packets;
    report.result.counters.accounted += row.totals.packets;
  }
  report.destinations.listed = std::move(rows);
  report.workloads = {{"payments", 0, false, {}}};
  report.sources = {{"dbip-country", "", ParseDay("2026-06-01"), "", ""},
                    {"operators.csv", "", std::nullopt, "", ""}};
  report.sources[0].attribution = "IP geolocation by DB-IP (https://db-ip.com)";
  return report;
}

TEST(TableTest, SaysWhereItWentUnderWhoseLawAndWhy) {
  TableOptions options;
  options.columns = 160;

  const std::string text = RenderTable(
      Report({Row(Verdict::kViolation, Reason::kOutsideEu, 1'500'000)}),
      options);

  EXPECT_THAT(text, HasSubstr("US third_country"));
  EXPECT_THAT(text, HasSubstr("Example Hosting"));
  EXPECT_THAT(text, HasSubstr("US, CLOUD-Act"));
  EXPECT_THAT(text, HasSubstr("outside_eu (19.2)"));
  EXPECT_THAT(text, HasSubstr("1.50 MB"));
  EXPECT_THAT(text, HasSubstr("judged by the facts of the capture's own time"));
}

TEST(TableTest, SaysWhichExceptionsTrafficMeetsAfterTheirEnd) {
  ReportException ended;
  ended.workload = "payments";
  ended.exception.reference = "ICT-0042";
  ended.exception.until = *ParseDay("2026-06-30");
  ReportException still_active = ended;
  still_active.exception.reference = "ICT-0043";
  still_active.applied = {.flows = 5};
  ended.expired = {.flows = 2, .octets = 3000, .egress_octets = 2000};
  ReplayReport report = Report({});
  report.exceptions = {ended, still_active};
  TableOptions options;
  options.columns = 160;

  const std::string text = RenderTable(report, options);

  EXPECT_THAT(text,
              HasSubstr("\nexception ICT-0042 of workload payments ended on "
                        "2026-06-30: 2 flows meet it after that, 2.00 kB sent "
                        "out\n"));
  EXPECT_THAT(text, Not(HasSubstr("ICT-0043")));
}

TEST(TableTest, NamesTheDatabasesTheirDatesAndTheirAttribution) {
  const std::string text = RenderTable(Report({}), {});

  EXPECT_THAT(text, HasSubstr("dbip-country 2026-06-01"));
  EXPECT_THAT(text, HasSubstr("operators.csv undated"));
  EXPECT_THAT(text, HasSubstr("IP geolocation by DB-IP (https://db-ip.com)"));
  EXPECT_THAT(text, HasSubstr("edition: 9f2c"));
}

TEST(TableTest, ClosesTheBooks) {
  ReplayReport report =
      Report({Row(Verdict::kCompliant, Reason::kMeetsRequirement, 1)});
  report.result.counters.received += 3;
  report.result.counters.undecoded[static_cast<size_t>(DropReason::kNotIp)] = 3;

  EXPECT_THAT(RenderTable(report, {}),
              HasSubstr("1,237 received = 1,234 accounted + 3 undecoded + 0 "
                        "filtered; not_ip 3"));
}

TEST(TableTest, SaysWhatTheListLeavesOut) {
  ReplayReport report =
      Report({Row(Verdict::kCompliant, Reason::kMeetsRequirement, 1000)});
  report.destinations.left_out = {
      {Verdict::kViolation, {2, {.flows = 4, .egress_octets = 1500}}},
      {Verdict::kCompliant, {1, {.flows = 2, .egress_octets = 998}}}};

  const std::string text = RenderTable(report, {});

  EXPECT_THAT(text, HasSubstr("and 2 more violation: 4 flows"));
  EXPECT_THAT(text, HasSubstr("and 1 more compliant: 2 flows, 998 B sent out"));
}

TEST(TableTest, FitsTheTerminal) {
  for (const size_t columns : {80u, 100u, 132u}) {
    TableOptions options;
    options.columns = columns;

    std::istringstream lines(RenderTable(
        Report({Row(Verdict::kViolation, Reason::kAdministeredFromOutsideEu, 1),
                Row(Verdict::kUndetermined, Reason::kFactUnknownAtTime,
                    1'000'000)}),
        options));

    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(DisplayWidth(line), columns) << line;
    }
  }
}

TEST(TableTest, UsesNoEscapeSequenceWithoutColours) {
  const ReplayReport report =
      Report({Row(Verdict::kViolation, Reason::kOutsideEu, 1)});
  TableOptions colored;
  colored.use_color = true;

  EXPECT_THAT(RenderTable(report, {}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(RenderTable(report, colored), HasSubstr("\x1b[31mviolation"));
}

// A hostile database must not drive the terminal.
TEST(TableTest, PrintsNamesWithoutControlCharacters) {
  ReportRow row = Row(Verdict::kViolation, Reason::kOutsideEu, 1);
  row.destination.operator_name = "evil\x1b[2J";

  EXPECT_THAT(RenderTable(Report({row}), {}), HasSubstr("evil?[2J"));
}

}  // namespace
}  // namespace octroi
