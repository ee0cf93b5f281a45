// SPDX-License-Identifier: Apache-2.0
// The commands with streams around them, on the embedded facts. What only a
// process shows (exit status, closed pipes) is tested in tests/replay.
#include "agent/command.h"

#include <sstream>
#include <string>

#include "agent/check_command.h"
#include "agent/explain_command.h"
#include "agent/replay_command.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    surroundings_.out = &out_;
    surroundings_.errors = &errors_;
    surroundings_.facts_dir = OCTROI_BINARY_DIR "/share/octroi";
    surroundings_.now_ns = [] { return *ParseInstant("2026-11-22T12:00:00Z"); };
  }

  std::ostringstream out_;
  std::ostringstream errors_;
  Surroundings surroundings_;
  TempDir dir_;
};

TEST_F(CommandTest, ParseAtReadsCaptureNowAndDays) {
  const int64_t now = *ParseInstant("2026-11-22T23:59:59Z");

  EXPECT_EQ(*ParseAt("capture", now), std::nullopt);
  EXPECT_EQ(*ParseAt("now", now), ParseDay("2026-11-22"));
  EXPECT_EQ(*ParseAt("2020-02-29", now), ParseDay("2020-02-29"));
  EXPECT_THAT(std::string(ParseAt("soon", now).status().message()),
              HasSubstr("write capture, now or YYYY-MM-DD"));
}

TEST_F(CommandTest, ExplainRefusesWhatIsNotAnAddress) {
  EXPECT_EQ(RunExplain({.config_path = "", .address = "300.1.1.1", .from = ""},
                       surroundings_),
            kExitUsage);
  EXPECT_THAT(out_.str(), IsEmpty());
  EXPECT_THAT(errors_.str(), StartsWith("octroi: \"300.1.1.1\" is not"));
}

TEST_F(CommandTest, ExplainJudgesForTheWorkloadOfTheLocalAddress) {
  const std::string config = dir_.Write("octroi.yaml", R"(
policy:
  workloads:
    - name: strict
      addresses: [10.20.0.0/16]
      requires: {location: eu, control: eu}
    - name: lax
      addresses: [any]
      requires: {location: adequate}
)");

  EXPECT_EQ(
      RunExplain(
          {.config_path = config, .address = "15.188.0.1", .from = "10.20.1.1"},
          surroundings_),
      kExitDone);

  EXPECT_THAT(out_.str(), HasSubstr("foreign_control (19.6), for workload "
                                    "strict"));
  EXPECT_EQ(out_.str().find("workload lax"), std::string::npos);
}

TEST_F(CommandTest, ExplainSaysThatAFromAddressIsNotLocal) {
  EXPECT_EQ(
      RunExplain(
          {.config_path = "", .address = "15.188.0.1", .from = "198.51.100.7"},
          surroundings_),
      kExitUsage);
  EXPECT_THAT(errors_.str(), HasSubstr("198.51.100.7 is not a local address"));
}

TEST_F(CommandTest, CheckNamesEveryProblemAndExitsWithUsage) {
  const std::string config = dir_.Write("octroi.yaml", R"(
sources:
  - interface: lo
policy:
  workload: []
  undetermined: maybe
)");

  EXPECT_EQ(RunCheck({config, ""}, surroundings_), kExitUsage);
  EXPECT_THAT(out_.str(), IsEmpty());
  EXPECT_THAT(errors_.str(), HasSubstr(config + ":5:3: "));
  EXPECT_THAT(errors_.str(), HasSubstr("workloads"));
  EXPECT_THAT(errors_.str(), HasSubstr(config + ":6:17: "));
}

TEST_F(CommandTest, CheckRefusesAnInterfaceThatIsNotThere) {
  const std::string config =
      dir_.Write("octroi.yaml", "sources:\n  - interface: nosuchif0\n");

  EXPECT_EQ(RunCheck({config, ""}, surroundings_), kExitUsage);
  EXPECT_THAT(errors_.str(), HasSubstr("nosuchif0"));
}

TEST_F(CommandTest, CheckAcceptsAConfigurationThatWouldRun) {
  const std::string config =
      dir_.Write("octroi.yaml", "sources:\n  - interface: lo\n");

  EXPECT_EQ(RunCheck({config, ""}, surroundings_), kExitDone) << errors_.str();
  EXPECT_THAT(out_.str(), HasSubstr(": ok\n"));
  EXPECT_THAT(out_.str(), HasSubstr("dbip-country: 2026-06-01"));
}

TEST_F(CommandTest, CheckNamesExceptionsThatHaveEnded) {
  const std::string config = dir_.Write("octroi.yaml", R"(
sources: [{interface: lo}]
policy:
  workloads:
    - name: payments
      addresses: [any]
      requires: {location: eu}
      exceptions:
        - {destination: 203.0.113.0/24, until: 2020-01-01, reference: EX-1,
           reason: long ago}
        - {destination: 203.0.113.0/24, until: 2999-12-31, reference: EX-2,
           reason: for ever}
)");

  EXPECT_EQ(RunCheck({config, ""}, surroundings_), kExitDone) << errors_.str();
  EXPECT_THAT(out_.str(), HasSubstr("exception EX-1 for 203.0.113.0/24 ended "
                                    "on 2020-01-01"));
  EXPECT_THAT(out_.str(), ::testing::Not(HasSubstr("EX-2")));
}

TEST_F(CommandTest, CheckOfExpectationsNeedsNoSources) {
  const std::string config = dir_.Write("octroi.yaml", "policy:\n");
  const std::string expectations =
      dir_.Write("e.csv",
                 "local,remote,port,time,verdict,reason\n"
                 "10.0.0.1,10.0.0.2,443,2026-03-01,not_judged,internal\n");

  EXPECT_EQ(RunCheck({config, expectations}, surroundings_), kExitDone)
      << errors_.str();
  EXPECT_THAT(out_.str(), HasSubstr("1 of 1 expectations hold"));
}

TEST_F(CommandTest, ReplayWithoutAnyReadableCaptureSaysSoAndPrintsNoResult) {
  ReplayCommandOptions options;
  options.captures = {dir_.Path("missing.pcap")};

  EXPECT_EQ(RunReplay(options, surroundings_), kExitFailed);
  EXPECT_THAT(out_.str(), IsEmpty());
  EXPECT_THAT(errors_.str(), HasSubstr("missing.pcap"));
}

}  // namespace
}  // namespace octroi
