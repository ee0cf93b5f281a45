// SPDX-License-Identifier: Apache-2.0
// Every shared capture, most of them hostile, through the whole packet path
// with the facts that ship: nothing crashes, each is read or refused in one
// line, and every packet stays in the books.
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "agent/command.h"
#include "dataplane/capture_source.h"
#include "dataplane/replay.h"
#include "evidence/flow_writer.h"
#include "evidence/replay_report.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/replay/csv_expectations.h"
#include "tests/replay/shared_captures.h"

namespace octroi {
namespace {

using testing::ReadRows;
using testing::Row;
using testing::ShardOf;
using testing::SharedCapturePath;
using testing::SharedCaptures;

constexpr size_t kShardCount = 4;

constexpr char kProblemsFile[] =
    OCTROI_SOURCE_DIR "/tests/replay/shared_capture_problems.csv";

struct Replayed {
  absl::Status status;  // Of the capture.
  CaptureSummary summary;
  ReplayReport report;
  size_t json_bytes = 0;  // Of report and flows.
};

AccountTotals SumOf(const ReportRows& rows) {
  AccountTotals sum;
  for (const ReportRow& row : rows.listed) sum += row.totals;
  return sum;
}

AccountTotals SumOf(const std::vector<ReportTotal>& totals) {
  AccountTotals sum;
  for (const ReportTotal& total : totals) sum += total.totals;
  return sum;
}

AccountTotals SumOfFlows(const std::vector<ExportedFlow>& flows,
                         bool is_tunnelled) {
  AccountTotals sum;
  for (const ExportedFlow& flow : flows) {
    const FlowRecord& record = flow.record;
    if (record.is_tunnelled() != is_tunnelled) continue;
    sum.flows += 1;
    sum.packets += record.packets() + record.reverse_packets();
    sum.octets += record.octets() + record.reverse_octets();
  }
  return sum;
}

void ExpectSamePackets(const AccountTotals& found,
                       const AccountTotals& expected, const char* what) {
  EXPECT_EQ(found.flows, expected.flows) << what;
  EXPECT_EQ(found.packets, expected.packets) << what;
  EXPECT_EQ(found.octets, expected.octets) << what;
}

// received = accounted + undecoded + filtered, and the same sums wherever a
// result says them.
void ExpectBooksBalance(const Replayed& replayed) {
  const ReplayReport& report = replayed.report;
  const WorkerTotals& counters = report.result.counters;
  EXPECT_EQ(counters.received, replayed.summary.packets);
  EXPECT_EQ(counters.received, counters.accounted + counters.undecoded_total() +
                                   counters.filtered);
  EXPECT_FALSE(report.result.is_limit_reached);
  const AccountTotals totals = SumOf(report.totals);
  EXPECT_EQ(totals.packets, counters.accounted);
  EXPECT_EQ(totals.flows, report.result.flow_count);
  EXPECT_EQ(totals, SumOf(report.destinations));
  ExpectSamePackets(SumOfFlows(report.result.flows, false), totals, "flows");
  ExpectSamePackets(SumOfFlows(report.result.flows, true),
                    SumOf(report.tunnelled), "tunnelled flows");
}

// "" or what is wrong with the capture, without its path; a note of a capture
// that ends in the middle counts as read.
std::string ProblemOf(const Replayed& replayed, const std::string& path) {
  if (replayed.status.ok()) return "";
  std::string message(replayed.status.message());
  EXPECT_TRUE(message.starts_with(path + ": ")) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_EQ(std::count_if(message.begin(), message.end(),
                          [](unsigned char c) { return c < 0x20; }),
            0)
      << message;
  return message.substr(std::min(path.size() + 2, message.size()));
}

class SharedCapturesTest : public ::testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    if (SharedCaptures().empty()) {
      GTEST_SKIP() << "the shared captures are not beside this checkout";
    }
    Surroundings surroundings;
    surroundings.errors = &errors_;
    surroundings.facts_dir = OCTROI_BINARY_DIR "/share/octroi";
    surroundings.now_ns = [] { return int64_t{0}; };
    beliefs_ = LoadBeliefs({}, surroundings).beliefs;
    ASSERT_NE(beliefs_, nullptr) << errors_.str();
  }

  Replayed ReplayOne(const std::string& path) {
    auto source = CaptureSource::Create({.paths = {path}});
    EXPECT_TRUE(source.ok());
    EditionTimeline timeline(beliefs_->atlases.get(), beliefs_->workloads,
                             beliefs_->config.policy, std::nullopt);
    TimelineEditions editions(&timeline);
    ReplayOptions options;
    options.keep_flows = true;
    auto result = Replay(options, source->get(), &editions);
    EXPECT_TRUE(result.ok()) << result.status();
    Replayed replayed;
    replayed.status = (*source)->statuses()[0];
    replayed.summary = (*source)->summaries()[0];
    for (const ExportedFlow& flow : result->flows) {
      replayed.json_bytes += FlowToJson(flow, timeline).size();
    }
    replayed.report = MakeReport({&timeline,
                                  &beliefs_->config.policy,
                                  beliefs_->facts.get(),
                                  {{replayed.summary, "", ""}},
                                  "capture",
                                  beliefs_->digest},
                                 *std::move(result));
    replayed.json_bytes += ReportToJson(replayed.report).size();
    return replayed;
  }

  std::ostringstream errors_;
  std::unique_ptr<Beliefs> beliefs_;
};

TEST_P(SharedCapturesTest, AreReadOrRefusedAndStayInTheBooks) {
  std::map<std::string, std::string> expected_problems;
  for (const Row& row : ReadRows(kProblemsFile)) {
    expected_problems[row[0]] = row[1];
  }
  size_t read_count = 0;
  size_t truncated_count = 0;
  WorkerTotals counters;

  const std::vector<std::string> captures =
      ShardOf(SharedCaptures(), GetParam(), kShardCount);
  for (const std::string& name : captures) {
    SCOPED_TRACE(name);
    const std::string path = SharedCapturePath(name);

    const Replayed replayed = ReplayOne(path);

    ExpectBooksBalance(replayed);
    const std::string problem = ProblemOf(replayed, path);
    const auto expected = expected_problems.find(name);
    EXPECT_EQ(problem,
              expected == expected_problems.end() ? "" : expected->second);
    EXPECT_EQ(replayed.summary.truncated, !replayed.summary.note.empty());
    read_count += replayed.status.ok() ? 1 : 0;
    truncated_count += replayed.summary.truncated ? 1 : 0;
    counters += replayed.report.result.counters;
  }

  EXPECT_GT(counters.accounted, 0u);
  std::cout << fmt::format(
      "{} captures: {} read, of which {} end in the middle of a packet; {} "
      "refused; {} packets, {} of them accounted\n",
      captures.size(), read_count, truncated_count,
      captures.size() - read_count, counters.received, counters.accounted);
}

INSTANTIATE_TEST_SUITE_P(Shard, SharedCapturesTest,
                         ::testing::Range(size_t{0}, kShardCount));

// No facts needed: the captures of pcapng/ are valid, though libpcap refuses
// those with several interfaces that differ.
TEST(SharedPcapngTest, IsReadWithoutAnError) {
  size_t count = 0;
  for (const std::string& name : SharedCaptures()) {
    if (!name.starts_with("pcapng/")) continue;
    SCOPED_TRACE(name);
    ++count;

    auto source = CaptureSource::Create({.paths = {SharedCapturePath(name)}});
    ASSERT_TRUE(source.ok());
    PacketBurst burst;
    while (!(*source)->is_finished()) {
      (*source)->ReceiveBurst(&burst);
      (*source)->ReleaseBurst(&burst);
    }

    EXPECT_TRUE((*source)->statuses()[0].ok()) << (*source)->statuses()[0];
    EXPECT_FALSE((*source)->summaries()[0].truncated);
  }
  if (count == 0) {
    GTEST_SKIP() << "the shared captures are not beside this checkout";
  }
}

// A file that is listed and not there would make the list rot.
TEST(SharedCaptureProblemsTest, ListCapturesThatExist) {
  const std::vector<std::string> captures = SharedCaptures();
  if (captures.empty()) {
    GTEST_SKIP() << "the shared captures are not beside this checkout";
  }
  for (const Row& row : ReadRows(kProblemsFile)) {
    EXPECT_TRUE(std::binary_search(captures.begin(), captures.end(), row[0]))
        << row[0];
  }
}

}  // namespace
}  // namespace octroi
