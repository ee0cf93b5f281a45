// SPDX-License-Identifier: Apache-2.0
// Reference pages that repeat a table of the code must repeat it exactly: what
// stands between the markers of a page is rendered here from the table itself.
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/event.h"
#include "agent/metric_catalogue.h"
#include "config/expectations.h"
#include "dataplane/drop_reason.h"
#include "evidence/flow_log.h"
#include "fmt/format.h"
#include "geo/catalogue.h"
#include "gtest/gtest.h"
#include "policy/catalogue_check.h"
#include "policy/terms.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

constexpr std::string_view kBegin =
    "<!-- begin of the table: tests/agent/reference_pages_test.cc -->\n";
constexpr std::string_view kEnd = "<!-- end of the table -->\n";
constexpr std::string_view kBeginExamples =
    "<!-- begin of the examples: tests/agent/reference_pages_test.cc -->\n";
constexpr std::string_view kBeginCeilings =
    "<!-- begin of the ceilings: tests/agent/reference_pages_test.cc -->\n";
constexpr char kExamplesPath[] = "examples/reasons/expect.csv";

std::string ReadPage(const std::string& path) {
  return octroi::testing::ReadFile(OCTROI_SOURCE_DIR "/" + path);
}

// What stands between the markers, or a text that says that they are missing.
std::string TableOf(const std::string& path,
                    std::string_view begin_marker = kBegin) {
  const std::string page = ReadPage(path);
  const size_t begin = page.find(begin_marker);
  if (begin == std::string::npos) return "the first marker is missing";
  const size_t first = begin + begin_marker.size();
  const size_t end = page.find(kEnd, first);
  if (end == std::string::npos) return "the last marker is missing";
  return page.substr(first, end - first);
}

std::string HowToUpdate(const std::string& path, const std::string& table,
                        std::string_view begin_marker = kBegin) {
  return fmt::format(
      "{} does not say what the code says. Write this between its markers, "
      "and see that the text around it still holds:\n\n{}{}{}",
      path, begin_marker, table, kEnd);
}

// The flows of the world in which every reason occurs.
std::vector<Expectation> Examples() {
  std::vector<Problem> problems;
  std::vector<Expectation> examples =
      ReadExpectations(ReadPage(kExamplesPath), kExamplesPath, &problems);
  for (const Problem& problem : problems) ADD_FAILURE() << problem.text();
  return examples;
}

// In the order of the reasons, whatever the order of the file is.
std::string ExampleTable() {
  std::string table =
      "| reason | situation | local | | remote | port | on | verdict |\n"
      "|---|---|---|---|---|---|---|---|\n";
  const std::vector<Expectation> examples = Examples();
  for (const ReasonInfo& info : kReasons) {
    for (const Expectation& example : examples) {
      if (example.reason != info.reason) continue;
      table += fmt::format("| `{}` | {} | {} | {} | {} | {} | {} | `{}` |\n",
                           info.name, example.note, example.local.ToString(),
                           example.is_opened_by_local ? "→" : "←",
                           example.remote.ToString(), example.port,
                           example.time_text, VerdictName(example.verdict));
    }
  }
  return table;
}

std::string ReasonTable() {
  std::string table = "| reason | clause | meaning |\n|---|---|---|\n";
  for (const ReasonInfo& info : kReasons) {
    table += fmt::format("| `{}` | {} | {} |\n", info.name, info.clause,
                         info.meaning);
  }
  return table;
}

std::string DropReasonTable() {
  std::string table = "| reason | meaning |\n|---|---|\n";
  for (const DropReasonInfo& info : kDropReasons) {
    table += fmt::format("| `{}` | {} |\n", info.label, info.meaning);
  }
  return table;
}

std::string EventTable() {
  std::string table =
      "| `OCTROI_EVENT` | `MESSAGE_ID` | `PRIORITY` | meaning |\n"
      "|---|---|---|---|\n";
  for (const EventInfo& info : kEvents) {
    table += fmt::format("| `{}` | `{}` | {} | {} |\n", info.name,
                         info.message_id, info.priority, info.meaning);
  }
  return table;
}

std::string MetricTable() {
  std::string table =
      "| metric | type | labels | meaning |\n|---|---|---|---|\n";
  for (const MetricInfo& info : kMetrics) {
    table += fmt::format("| `{}` | {} | {} | {} |\n", info.name,
                         MetricKindName(info.kind), info.labels, info.meaning);
  }
  return table;
}

std::string CeilingTable() {
  std::string table = "| metric | series at most |\n|---|---|\n";
  for (const MetricInfo& info : kMetrics) {
    table += fmt::format("| `{}` | {} |\n", info.name, info.max_series);
  }
  return table + fmt::format("| all | {} |\n", MaxSeriesOfAll());
}

std::string FlowLogLossTable() {
  std::string table = "| cause | meaning |\n|---|---|\n";
  for (const FlowLogLossInfo& info : kFlowLogLosses) {
    table += fmt::format("| `{}` | {} |\n", info.name, info.meaning);
  }
  return table;
}

std::string FindingTable() {
  std::string table = "| kind | severity | meaning |\n|---|---|---|\n";
  for (const FindingInfo& info : kFindings) {
    table += fmt::format("| `{}` | {} | {} |\n", info.name,
                         info.is_error ? "error" : "warning", info.meaning);
  }
  return table;
}

std::string SuccessionTable() {
  std::string table = "| state |";
  std::string line = "|---|";
  for (const ServiceState next : kServiceStates) {
    table += fmt::format(" to `{}` |", StateName(next));
    line += "---|";
  }
  table += "\n" + line + "\n";
  constexpr const char* kWords[] = {"never", "yes", "once ended"};
  for (const ServiceState state : kServiceStates) {
    table += fmt::format("| `{}` |", StateName(state));
    for (const ServiceState next : kServiceStates) {
      table += fmt::format(
          " {} |", kWords[static_cast<size_t>(SuccessionOf(state, next))]);
    }
    table += "\n";
  }
  return table;
}

TEST(ReferencePagesTest, FindingsAreThoseOfTheCode) {
  const std::string path = "docs/reference/catalogue-json.md";
  EXPECT_EQ(TableOf(path), FindingTable()) << HowToUpdate(path, FindingTable());
}

TEST(ReferencePagesTest, WhatMayFollowAStateIsWhatTheCodeSays) {
  const std::string path = "docs/explanation/qualification.md";
  EXPECT_EQ(TableOf(path), SuccessionTable())
      << HowToUpdate(path, SuccessionTable());
}

TEST(ReferencePagesTest, ReasonsAreThoseOfTheCode) {
  const std::string path = "docs/reference/reasons.md";
  EXPECT_EQ(TableOf(path), ReasonTable()) << HowToUpdate(path, ReasonTable());
}

TEST(ReferencePagesTest, ExamplesOfReasonsAreThoseOfTheirWorld) {
  const std::string path = "docs/reference/reasons.md";
  EXPECT_EQ(TableOf(path, kBeginExamples), ExampleTable())
      << HowToUpdate(path, ExampleTable(), kBeginExamples);
}

// That the examples hold is run by CTest: Examples.reasons.
TEST(ReferencePagesTest, EveryReasonHasAnExample) {
  std::set<Reason> shown;
  for (const Expectation& example : Examples()) {
    ASSERT_TRUE(example.reason.has_value()) << "line " << example.line;
    EXPECT_NE(example.note, "") << "line " << example.line;
    shown.insert(*example.reason);
  }

  for (const ReasonInfo& info : kReasons) {
    EXPECT_TRUE(shown.contains(info.reason)) << info.name;
  }
}

TEST(ReferencePagesTest, EventsAreThoseOfTheCode) {
  const std::string path = "docs/reference/journal.md";
  EXPECT_EQ(TableOf(path), EventTable()) << HowToUpdate(path, EventTable());
}

TEST(ReferencePagesTest, MetricsAreThoseOfTheCode) {
  const std::string path = "docs/reference/metrics.md";
  EXPECT_EQ(TableOf(path), MetricTable()) << HowToUpdate(path, MetricTable());
  EXPECT_EQ(TableOf(path, kBeginCeilings), CeilingTable())
      << HowToUpdate(path, CeilingTable(), kBeginCeilings);
}

TEST(ReferencePagesTest, CausesOfLostRecordsAreThoseOfTheCode) {
  const std::string path = "docs/reference/flow-log.md";
  EXPECT_EQ(TableOf(path), FlowLogLossTable())
      << HowToUpdate(path, FlowLogLossTable());
}

TEST(ReferencePagesTest, UndecodedReasonsAreThoseOfTheCode) {
  const std::string path = "docs/reference/undecoded-reasons.md";
  EXPECT_EQ(TableOf(path), DropReasonTable())
      << HowToUpdate(path, DropReasonTable());
}

// The page explains every verdict in prose, so a verdict that is added needs a
// heading there.
TEST(ReferencePagesTest, EveryVerdictIsExplained) {
  const std::string page = ReadPage("docs/reference/reasons.md");
  for (int i = 0; i < static_cast<int>(Verdict::kCount); ++i) {
    const std::string name(VerdictName(static_cast<Verdict>(i)));
    EXPECT_NE(page.find("| `" + name + "` |"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace octroi
