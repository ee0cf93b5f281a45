// SPDX-License-Identifier: Apache-2.0
#include "agent/expectations_check.h"

#include <memory>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/judge.h"
#include "tests/support/facts_builder.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using testing::FactsBuilder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Prefix;
using testing::TempDir;

class ExpectationsCheckTest : public ::testing::Test {
 protected:
  ExpectationsCheckTest() {
    surroundings_.out = &out_;
    surroundings_.errors = &errors_;
    Policy& policy = beliefs_.config.policy;
    policy = DefaultPolicy();
    policy.workloads[0].exceptions = {{Prefix("198.51.100.0/25"),
                                       testing::DayFrom("2026-06-30"),
                                       "EX-1",
                                       "a reason",
                                       0,
                                       {443}}};
    beliefs_.facts = FactsBuilder()
                         .Country("203.0.113.0/24", "FR")
                         .Country("198.51.100.0/24", "US")
                         .Build();
    beliefs_.atlases =
        AtlasTimeline::Create(*beliefs_.facts, ExceptionMarks(policy)).value();
    beliefs_.workloads = WorkloadIndex::Create(policy, {Prefix("10.0.0.0/8")});
  }

  ExitCode Check(const std::string& rows) {
    const std::string path = dir_.Write(
        "e.csv",
        "local,remote,port,time,verdict,reason,protocol,opened_by\n" + rows);
    return CheckExpectations(beliefs_, path, surroundings_);
  }

  TempDir dir_;
  std::ostringstream out_;
  std::ostringstream errors_;
  Surroundings surroundings_;
  Beliefs beliefs_;
};

TEST_F(ExpectationsCheckTest, JudgesFlowsAsTheDataplaneDoes) {
  const ExitCode code = Check(
      "10.0.0.1,203.0.113.1,443,2026-03-01,compliant,meets_requirement,,\n"
      "10.0.0.1,198.51.100.200,443,2026-03-01,violation,outside_eu,udp,\n"
      "10.0.0.1,198.51.100.1,443,2026-06-30,excepted,exception,,\n"
      "10.0.0.1,198.51.100.1,443,2026-07-01,violation,outside_eu,,\n"
      "10.0.0.1,198.51.100.1,25,2026-06-30,violation,outside_eu,,\n"
      // The service answers from a port that looks like a client's.
      "10.0.0.1,198.51.100.200,50000,2026-03-01,violation,outside_eu,,\n"
      "10.0.0.1,198.51.100.200,443,2026-03-01,not_judged,opened_by_remote,,"
      "remote\n"
      "10.0.0.1,198.51.100.200,50000,2026-03-01,not_judged,opened_by_remote,"
      "udp,remote\n"
      "10.0.0.1,198.51.100.200,22,2026-03-01,violation,"
      "administered_from_outside_eu,,remote\n"
      "10.0.0.1,198.51.100.200,,2026-03-01,violation,outside_eu,icmp,\n"
      "10.0.0.1,10.0.0.2,443,2026-03-01,not_judged,internal,,\n"
      "192.0.2.1,192.0.2.2,443,2026-03-01,not_judged,no_requirement,,\n"
      // Any reason.
      "10.0.0.1,192.0.2.1,443,2026-03-01,undetermined,,,\n");

  EXPECT_EQ(code, kExitDone);
  EXPECT_EQ(out_.str(), dir_.Path("e.csv") + ": 13 of 13 expectations hold\n");
  EXPECT_THAT(errors_.str(), IsEmpty());
}

TEST_F(ExpectationsCheckTest, SaysWhatItFoundInstead) {
  const ExitCode code = Check(
      "10.0.0.1,203.0.113.1,443,2026-03-01,compliant,,,\n"
      "10.0.0.1,198.51.100.1,443,2026-07-01,excepted,exception,,\n"
      "10.0.0.1,203.0.113.1,443,2026-03-01,compliant,exception,,\n");

  EXPECT_EQ(code, kExitFailed);
  const std::string path = dir_.Path("e.csv");
  EXPECT_EQ(out_.str(),
            path +
                ":3: 10.0.0.1 to 198.51.100.1 at 2026-07-01: expected excepted "
                "exception; found violation outside_eu (egress, workload "
                "everything, location US, operator unknown, service none, "
                "exception EX-1, which has ended)\n" +
                path +
                ":4: 10.0.0.1 to 203.0.113.1 at 2026-03-01: expected compliant "
                "exception; found compliant meets_requirement (egress, "
                "workload everything, location FR, operator unknown, service "
                "none)\n" +
                path + ": 1 of 3 expectations hold\n");
}

TEST_F(ExpectationsCheckTest, RefusesAFileThatIsNotWhatItMustBe) {
  EXPECT_EQ(Check("10.0.0.1,203.0.113.1,443,2026-03-01,fine,,,\n"), kExitUsage);
  EXPECT_THAT(errors_.str(), HasSubstr("e.csv:2:37: column \"verdict\""));
  EXPECT_THAT(out_.str(), IsEmpty());
  EXPECT_EQ(
      CheckExpectations(beliefs_, dir_.Path("missing.csv"), surroundings_),
      kExitUsage);
  EXPECT_THAT(errors_.str(), HasSubstr("missing.csv: "));
}

}  // namespace
}  // namespace octroi
