// SPDX-License-Identifier: Apache-2.0
#include "config/expectations.h"

#include <string>
#include <vector>

#include "geo/calendar.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kHeader[] = "local,remote,port,time,verdict,reason\n";

struct Result {
  std::vector<Expectation> rows;
  std::vector<std::string> problems;
};

Result Read(const std::string& text) {
  Result result;
  std::vector<Problem> problems;
  result.rows = ReadExpectations(text, "e.csv", &problems);
  for (const Problem& problem : problems) {
    result.problems.push_back(problem.text());
  }
  return result;
}

TEST(ExpectationsTest, ReadsARowWithDefaultsForWhatTheFileLeavesOut) {
  const Result result =
      Read("# a comment\n" + std::string(kHeader) +
           "10.0.0.1,192.0.2.1,443,2026-03-01,violation,outside_eu\n");

  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_THAT(result.rows, SizeIs(1));
  const Expectation& row = result.rows[0];
  EXPECT_EQ(row.local.ToString(), "10.0.0.1");
  EXPECT_EQ(row.remote.ToString(), "192.0.2.1");
  EXPECT_EQ(row.port, 443);
  EXPECT_EQ(row.protocol_identifier, 6);
  EXPECT_TRUE(row.is_opened_by_local);
  EXPECT_EQ(row.start_ns, ParseInstant("2026-03-01T00:00:00Z"));
  EXPECT_EQ(row.verdict, Verdict::kViolation);
  EXPECT_EQ(row.reason, Reason::kOutsideEu);
  EXPECT_EQ(row.line, 3);
}

TEST(ExpectationsTest, ReadsEveryColumn) {
  const Result result = Read(
      "note,opened_by,protocol,reason,verdict,time,port,remote,local\n"
      "why,remote,udp,,compliant,2026-03-01T12:00:00Z,53,192.0.2.1,10.0.0.1\n"
      ",local,icmp,,compliant,2026-03-01,,192.0.2.1,10.0.0.1\n"
      ",,icmp,,compliant,2026-03-01,,2001:db8::1,fd00::1\n"
      ",,47,,compliant,2026-03-01,,192.0.2.1,10.0.0.1\n");

  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_THAT(result.rows, SizeIs(4));
  EXPECT_EQ(result.rows[0].note, "why");
  EXPECT_FALSE(result.rows[0].is_opened_by_local);
  EXPECT_EQ(result.rows[0].protocol_identifier, 17);
  EXPECT_EQ(result.rows[0].reason, std::nullopt);
  EXPECT_EQ(result.rows[0].start_ns, ParseInstant("2026-03-01T12:00:00Z"));
  EXPECT_EQ(result.rows[1].protocol_identifier, 1);
  EXPECT_EQ(result.rows[1].port, 0);
  EXPECT_EQ(result.rows[2].protocol_identifier, 58);
  EXPECT_EQ(result.rows[3].protocol_identifier, 47);
}

TEST(ExpectationsTest, SaysWhatIsWrongWhereAndWhatToWrite) {
  const struct {
    const char* row;
    const char* problem;
  } cases[] = {
      {"10.0.0,192.0.2.1,443,2026-03-01,compliant,",
       "e.csv:2:1: column \"local\": \"10.0.0\" is not an IP address; write "
       "for example 192.0.2.1 or 2001:db8::1"},
      {"10.0.0.1,2001:db8::1,443,2026-03-01,compliant,",
       "e.csv:2:10: column \"remote\": is not of the family of the local "
       "address; write two IPv4 or two IPv6 addresses"},
      {"10.0.0.1,192.0.2.1,0,2026-03-01,compliant,",
       "e.csv:2:20: column \"port\": \"0\" is not a port; write the service's "
       "port, 1 to 65535"},
      {"10.0.0.1,192.0.2.1,443,March,compliant,",
       "e.csv:2:24: column \"time\": \"March\" is not a time; write YYYY-MM-DD "
       "or YYYY-MM-DDThh:mm:ssZ"},
      {"10.0.0.1,192.0.2.1,443,2026-03-01,complaint,",
       "e.csv:2:35: column \"verdict\": unknown verdict \"complaint\"; did you "
       "mean \"compliant\"? known verdicts: not_judged, compliant, excepted, "
       "undetermined, violation"},
  };
  for (const auto& c : cases) {
    const Result result = Read(std::string(kHeader) + c.row + "\n");
    EXPECT_THAT(result.problems, ElementsAre(c.problem));
    EXPECT_THAT(result.rows, IsEmpty()) << c.row;
  }
  EXPECT_THAT(
      Read(std::string(kHeader) +
           "10.0.0.1,192.0.2.1,443,2026-03-01,violation,outside_ue\n")
          .problems,
      ElementsAre(::testing::HasSubstr("did you mean \"outside_eu\"?")));
}

TEST(ExpectationsTest, ChecksTheOptionalColumns) {
  const auto problems_of = [](const std::string& protocol,
                              const std::string& port,
                              const std::string& opened_by) {
    return Read(
               "local,remote,port,time,verdict,reason,protocol,opened_by\n"
               "10.0.0.1,192.0.2.1," +
               port + ",2026-03-01,compliant,," + protocol + "," + opened_by +
               "\n")
        .problems;
  };

  EXPECT_THAT(problems_of("tcpp", "443", ""),
              ElementsAre("e.csv:2:46: column \"protocol\": \"tcpp\" is not a "
                          "protocol; write tcp, udp, sctp or icmp, or a "
                          "number from 0 to 255"));
  EXPECT_THAT(problems_of("icmp", "443", ""),
              ElementsAre("e.csv:2:20: column \"port\": protocol 1 has no "
                          "ports; leave it empty"));
  EXPECT_THAT(problems_of("", "443", "them"),
              ElementsAre("e.csv:2:47: column \"opened_by\": unknown opener "
                          "\"them\"; known openers: local, remote"));
}

// A file that expects nothing would always hold.
TEST(ExpectationsTest, RefusesAFileWithoutARow) {
  EXPECT_THAT(Read(kHeader).problems,
              ElementsAre("e.csv: expects nothing; write a row below the "
                          "header for each flow"));
  EXPECT_THAT(Read("").problems, SizeIs(1));
}

}  // namespace
}  // namespace octroi
