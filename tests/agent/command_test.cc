// SPDX-License-Identifier: Apache-2.0
// The commands with streams around them, on the embedded facts. What only a
// process shows (exit status, closed pipes) is tested in tests/replay.
#include "agent/command.h"

#include <chrono>
#include <filesystem>
#include <sstream>
#include <string>

#include "agent/check_command.h"
#include "agent/explain_command.h"
#include "agent/ranges_command.h"
#include "agent/replay_command.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/http_client.h"
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

TEST_F(CommandTest, CheckNamesEveryProblemOfTheWebConfiguration) {
  const std::string config = dir_.Write(
      "octroi.yaml",
      "sources:\n  - interface: lo\nmetrics: {web_config: web.yml}\n");
  EXPECT_EQ(RunCheck({config, ""}, surroundings_), kExitUsage);
  EXPECT_THAT(errors_.str(), HasSubstr("web.yml"));
  EXPECT_THAT(errors_.str(), HasSubstr("No such file"));

  errors_.str("");
  const std::string web =
      dir_.Write("web.yml",
                 "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"
                 "basic_auth_users: {prometheus: secret}\n");
  EXPECT_EQ(RunCheck({config, ""}, surroundings_), kExitUsage);
  EXPECT_THAT(errors_.str(), HasSubstr(web + ":1:32: "));
  EXPECT_THAT(errors_.str(), HasSubstr(web + ":2:32: "));

  // Files that are there, and do not fit.
  errors_.str("");
  dir_.Write("web.yml",
             "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n");
  const auto own = testing::MakeCertificate("localhost", "");
  dir_.Write("cert.pem", own.certificate);
  dir_.Write("key.pem", testing::MakeCertificate("other", "").key);
  EXPECT_EQ(RunCheck({config, ""}, surroundings_), kExitUsage);
  EXPECT_THAT(errors_.str(),
              HasSubstr(web + ":1:52: tls_server_config.key_file: "));
  EXPECT_THAT(errors_.str(), HasSubstr("is not the key of"));

  errors_.str("");
  dir_.Write("key.pem", own.key);
  EXPECT_EQ(RunCheck({config, ""}, surroundings_), kExitDone) << errors_.str();
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

TEST_F(CommandTest, RangesImportWritesWhatFactsRangesReads) {
  RangesImportOptions options;
  options.file = dir_.Write("list.txt", "15.188.0.0/16 # ours\n");
  options.from = "cidr";
  options.provider = "AWS";
  options.region = "eu-west-3";
  options.source = "J. Doe, contract 7";
  options.retrieved = "2026-09-01";

  EXPECT_EQ(RunRangesImport(options, surroundings_), kExitDone);

  EXPECT_EQ(out_.str(),
            "prefix,provider,service_id,region,region_country,grade,source,"
            "retrieved,note\n"
            "15.188.0.0/16,AWS,,eu-west-3,FR,asserted,\"J. Doe, contract 7\","
            "2026-09-01,\n");
  EXPECT_EQ(errors_.str(),
            "octroi: " + options.file +
                ": 1 entry read, 1 row written; left out: 0 duplicate, 0 "
                "nested, 0 malformed, 0 oversized\n");
  const std::string config = dir_.Write(
      "octroi.yaml",
      "facts: {ranges: " + dir_.Write("ranges.csv", out_.str()) + "}\n");
  out_.str("");
  EXPECT_EQ(
      RunExplain({.config_path = config, .address = "15.188.7.7", .from = ""},
                 surroundings_),
      kExitDone);
  EXPECT_THAT(out_.str(), HasSubstr("FR (region eu-west-3)"));
  EXPECT_THAT(out_.str(), HasSubstr("Amazon / AWS"));
}

// A file is as old as its last change, whenever it is imported.
TEST_F(CommandTest, RangesImportTakesTheDayOfTheFile) {
  RangesImportOptions options;
  options.file = dir_.Write("list.txt", "15.188.0.0/16\n");
  options.from = "cloudflare";
  std::filesystem::last_write_time(
      options.file, std::chrono::file_clock::from_sys(
                        std::chrono::sys_seconds(*ParseDay("2024-02-29"))) +
                        std::chrono::hours(23));

  EXPECT_EQ(RunRangesImport(options, surroundings_), kExitDone);

  EXPECT_THAT(out_.str(),
              HasSubstr("15.188.0.0/16,Cloudflare,,GLOBAL,,published,list.txt,"
                        "2024-02-29,\n"));
}

TEST_F(CommandTest, RangesImportTellsWrongUsageFromAnUnusableFile) {
  const std::string list = dir_.Write("list.txt", "15.188.0.0/16\n");
  struct Case {
    RangesImportOptions options;
    ExitCode exit_code;
    const char* error;
  };
  const Case cases[] = {
      {{.file = list, .from = "azur"}, kExitUsage, "--from: \"azur\""},
      {{.file = list, .from = "cidr"}, kExitUsage, "--provider: is missing"},
      {{.file = list, .from = "cidr", .provider = "A"},
       kExitUsage,
       "--source: is missing"},
      {{.file = list, .from = "cidr", .provider = "A", .country = "France"},
       kExitUsage,
       "--country: \"France\""},
      {{.file = list, .from = "cloudflare", .grade = "sure"},
       kExitUsage,
       "--grade: \"sure\""},
      {{.file = list, .from = "cloudflare", .retrieved = "yesterday"},
       kExitUsage,
       "--retrieved: \"yesterday\""},
      {{.file = list, .from = "aws"}, kExitFailed, "write `--from cidr`"},
      {{.file = dir_.Path("missing"), .from = "aws"},
       kExitFailed,
       "No such file"},
  };
  for (const Case& wrong : cases) {
    errors_.str("");

    EXPECT_EQ(RunRangesImport(wrong.options, surroundings_), wrong.exit_code);
    EXPECT_THAT(errors_.str(), StartsWith("octroi: "));
    EXPECT_THAT(errors_.str(), HasSubstr(wrong.error));
    EXPECT_THAT(out_.str(), IsEmpty());
  }
}

TEST_F(CommandTest, RangesImportNeedsItsTables) {
  surroundings_.facts_dir = dir_.Path("");

  EXPECT_EQ(RunRangesImport({.file = dir_.Write("list.txt", "15.188.0.0/16\n"),
                             .from = "cloudflare"},
                            surroundings_),
            kExitFailed);
  EXPECT_THAT(errors_.str(), HasSubstr("regions.csv: cannot be read"));
  EXPECT_THAT(errors_.str(), HasSubstr("special_purpose.csv: cannot be read"));
}

}  // namespace
}  // namespace octroi
