// SPDX-License-Identifier: Apache-2.0
// The program as a process: exit statuses, and what goes to which stream. The
// program runs from a folder of its own, laid out as an installation with small
// facts, so that a run takes a moment.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/replay/frame_text.h"
#include "tests/replay/run_program.h"
#include "tests/replay/small_facts.h"
#include "tests/support/capture_builder.h"
#include "tests/support/mmdb_writer.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using testing::FramesOf;
using testing::Gzip;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::OutputTo;
using testing::PcapOf;
using testing::ProgramOptions;
using testing::ProgramResult;
using testing::ReadFile;
using testing::RunProgram;
using ::testing::StartsWith;
using testing::TempDir;
using testing::WriteSmallFacts;

constexpr char kToFrance[] =
    "2026-01-15T10:00:00Z | ethernet | ipv4 10.0.0.5 203.0.113.9 | tcp 40000 "
    "443 syn";
constexpr char kToUnitedStates[] =
    "2026-01-15T10:00:01Z | ethernet | ipv4 10.0.0.5 198.51.100.7 | tcp 40000 "
    "443 syn";
constexpr char kToUnknown[] =
    "2026-01-15T10:00:02Z | ethernet | ipv4 10.0.0.5 192.0.2.200 | udp 40000 "
    "443 | payload 10";

constexpr char kRangesHeader[] =
    "prefix,provider,service_id,region,region_country,grade,source,retrieved,"
    "note\n";

std::string ManyPackets() {
  std::vector<std::string> lines;
  for (int i = 0; i < 500; ++i) {
    lines.push_back(
        fmt::format("2026-01-15T10:00:00Z | ethernet | ipv4 10.0.{}.{} "
                    "203.0.113.9 | udp {} 443 | payload {}",
                    i % 7, i % 200, 40000 + 13 * i, i % 50));
  }
  return PcapOf(FramesOf(lines));
}

class ProcessTest : public ::testing::Test {
 protected:
  ProcessTest() {
    InstallProgram();
    WriteCaptures();
  }

  // The program finds its facts beside the file that was started.
  void InstallProgram() {
    fs::create_directories(dir_.Path("bin"));
    fs::create_directories(dir_.Path("share"));
    WriteSmallFacts(dir_, "share/octroi");
    const fs::path built = OCTROI_BINARY_DIR "/bin/octroi";
    std::error_code error;
    fs::create_hard_link(built, dir_.Path("bin/octroi"), error);
    if (error) fs::copy_file(built, dir_.Path("bin/octroi"));
  }

  void WriteCaptures() {
    const std::string france = PcapOf(FramesOf({kToFrance}));
    dir_.Write("france.pcap", france);
    dir_.Write("both.pcap", PcapOf(FramesOf({kToFrance, kToUnitedStates})));
    dir_.Write("unknown.pcap", PcapOf(FramesOf({kToUnknown})));
    dir_.Write("empty.pcap", "");
    dir_.Write("text.pcap", "This is a letter, not a capture of packets.\n");
    dir_.Write("cut.pcap", france.substr(0, france.size() - 10));
    dir_.Write("broken.pcap", france + std::string(16, '\xFF'));
    const std::string packed = Gzip(ManyPackets());
    dir_.Write("cut.pcap.gz", packed.substr(0, packed.size() / 2));
    fs::create_directory(dir_.Path("folder"));
  }

  ProgramResult Run(std::vector<std::string> arguments,
                    ProgramOptions options = {}) {
    arguments.insert(arguments.begin(), dir_.Path("bin/octroi"));
    options.arguments = std::move(arguments);
    options.folder = dir_.Path("");
    return RunProgram(options);
  }

  const TempDir dir_;
};

// Errors are one line each, and say that octroi says it.
void ExpectErrorLines(const std::string& errors) {
  std::istringstream lines(errors);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_THAT(line, StartsWith("octroi: "));
  }
}

struct ExpectedRun {
  std::vector<std::string> arguments;
  int exit_code = 0;
  const char* error = "";  // A regular expression; "": nothing is written.
  bool has_result = false;
};

void ExpectRun(const ExpectedRun& expected, const ProgramResult& found) {
  std::string command = "octroi";
  for (const std::string& argument : expected.arguments) {
    command += " " + argument;
  }
  SCOPED_TRACE(command);
  EXPECT_EQ(found.exit_code, expected.exit_code);
  if (*expected.error == '\0') {
    EXPECT_EQ(found.errors, "");
  } else {
    EXPECT_THAT(found.errors, ContainsRegex(expected.error));
  }
  EXPECT_EQ(!found.out.empty(), expected.has_result) << found.out;
  ExpectErrorLines(found.errors);
}

TEST_F(ProcessTest, RefusesCapturesThatItCannotReadAndKeepsWhatItRead) {
  const std::vector<ExpectedRun> runs = {
      {{"replay", "missing.pcap"}, 1, "missing\\.pcap: .*No such file"},
      {{"replay", "folder"}, 1, "folder: .*directory"},
      {{"replay", "empty.pcap"}, 1, "empty\\.pcap: .*empty"},
      {{"replay", "text.pcap"}, 1, "text\\.pcap: .*pcap or pcapng"},
      {{"replay", "broken.pcap"}, 1, "broken\\.pcap: byte [0-9]+: ", true},
      {{"replay", "cut.pcap.gz"}, 1, "cut\\.pcap\\.gz: .*gzip", true},
      {{"replay", "missing.pcap", "france.pcap"}, 1, "missing\\.pcap: ", true},
      {{"replay", "france.pcap", "text.pcap"}, 1, "text\\.pcap: ", true},
      {{"replay", "missing.pcap", "text.pcap"}, 1, "missing.*\n.*text"},
      {{"replay", "france.pcap"}, 0, "", true},
      {{"replay", "cut.pcap"}, 0, "", true},
      // That the result is not whole weighs more than what it says.
      {{"replay", "--fail-on", "violation", "both.pcap", "missing.pcap"},
       1,
       "missing\\.pcap: ",
       true},
  };
  for (const ExpectedRun& run : runs) ExpectRun(run, Run(run.arguments));
}

TEST_F(ProcessTest, CountsThePacketsBeforeAnError) {
  const ProgramResult result =
      Run({"replay", "--format", "json", "cut.pcap.gz"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, ContainsRegex("\"accounted\": [1-9]"));
}

TEST_F(ProcessTest, SaysInTheResultThatACaptureEndsInsideAPacket) {
  const ProgramResult result = Run({"replay", "--format", "json", "cut.pcap"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("\"truncated\": true"));
}

TEST_F(ProcessTest, RefusesACaptureThatItMayNotRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read every file";
  ASSERT_EQ(::chmod(dir_.Path("france.pcap").c_str(), 0), 0);

  const ProgramResult result = Run({"replay", "france.pcap"});

  ExpectRun(
      {{"replay", "france.pcap"}, 1, "france\\.pcap: .*Permission denied"},
      result);
}

TEST_F(ProcessTest, RefusesWrongUsage) {
  const std::vector<ExpectedRun> runs = {
      {{}, 2, "octroi --help"},
      {{"reply", "france.pcap"}, 2, "\"reply\" is not a command"},
      {{"replay"}, 2, "captures is required"},
      {{"replay", "--worker", "2", "france.pcap"}, 2, "--worker"},
      {{"replay", "--workers", "0", "france.pcap"}, 2, "--workers: .*1 to 64"},
      {{"replay", "--workers", "many", "france.pcap"}, 2, "--workers"},
      {{"replay", "--at", "yesterday", "france.pcap"},
       2,
       "--at: \"yesterday\" is not a time; write capture, now or YYYY-MM-DD"},
      {{"replay", "--at", "2026-02-30", "france.pcap"}, 2, "--at: "},
      {{"replay", "--local", "office", "france.pcap"}, 2, "--local: .*office"},
      {{"replay", "--local", "10.0.0.1/8", "france.pcap"},
       2,
       "--local: .*10\\.0\\.0\\.0/8"},
      {{"replay", "--format", "xml", "france.pcap"}, 2, "--format"},
      {{"replay", "--fail-on", "anything", "france.pcap"}, 2, "--fail-on"},
      {{"replay", "--flows", "-", "france.pcap"}, 2, "--flows: .*a file"},
      {{"replay", "--compare-at", "now", "france.pcap"},
       2,
       "--compare-at: \"now\" is not two times"},
      {{"replay", "--compare-at", "now,then", "france.pcap"}, 2, "\"then\""},
      {{"replay", "--compare-at", "capture,now", "--flows", "f", "france.pcap"},
       2,
       "--compare-at: .*do not go with it"},
      {{"replay", "--register", "r.csv", "france.pcap"}, 2, "--inventory too"},
      {{"replay", "--inventory", "-", "france.pcap"}, 2, "--inventory: .*file"},
      {{"facts"}, 2, "subcommand is required"},
      {{"facts", "compare"}, 2, "one country database is configured"},
      {{"facts", "compare", "--at", "capture", "x"}, 2, "--at: "},
      {{"explain", "example.org"}, 2, "example\\.org.*not an IP address"},
      {{"explain", "203.0.113.9", "--at", "capture"}, 2, "--at: "},
      {{"explain", "203.0.113.9", "--from", "198.51.100.7"}, 2, "not a local"},
      {{"check"}, 2, "--config is required"},
      {{"ranges"}, 2, "subcommand is required"},
      {{"ranges", "import"}, 2, "file is required"},
      {{"ranges", "import", "france.pcap"}, 2, "--from is required"},
      {{"ranges", "import", "--from", "cidr", "list.txt"}, 2, "--provider: "},
      {{"catalogue"}, 2, "write list, show, diff or check"},
      {{"catalogue", "lst"}, 2, "write list, show, diff or check"},
      {{"catalogue", "show"}, 2, "service is required"},
      {{"catalogue", "diff", "a.csv"}, 2, "new is required"},
      {{"catalogue", "list", "--at", "capture"}, 2, "--at: .*YYYY-MM-DD"},
      {{"catalogue", "list", "--type", "XaaS"}, 2, "--type: .*IaaS"},
      {{"catalogue", "list", "--state", "J1"}, 2, "--state: .*in_qual"},
      {{"catalogue", "list", "--format", "text"}, 2, "--format"},
      {{"catalogue", "list", "--provider", "Lutec"},
       2,
       "\"Lutec\".*did you mean \"Lutece\"\\?"},
      {{"catalogue", "list", "--config", "missing.yaml"}, 2, "No such"},
      {{"check", "--config", "missing.yaml"}, 2, "missing\\.yaml: .*No such"},
  };
  for (const ExpectedRun& run : runs) ExpectRun(run, Run(run.arguments));
}

TEST_F(ProcessTest, FailsOnVerdictsAsAsked) {
  const std::vector<ExpectedRun> runs = {
      {{"replay", "--fail-on", "violation", "both.pcap"}, 3, "", true},
      {{"replay", "--fail-on", "violation", "france.pcap"}, 0, "", true},
      {{"replay", "--fail-on", "violation", "unknown.pcap"}, 0, "", true},
      {{"replay", "--fail-on", "undetermined", "unknown.pcap"}, 3, "", true},
      // A violation is worse than what is undetermined.
      {{"replay", "--fail-on", "undetermined", "both.pcap"}, 3, "", true},
      {{"replay", "--fail-on", "undetermined", "france.pcap"}, 0, "", true},
      {{"replay", "both.pcap"}, 0, "", true},
  };
  for (const ExpectedRun& run : runs) ExpectRun(run, Run(run.arguments));
}

TEST_F(ProcessTest, ListsTheFlowsWhoseVerdictChangesBetweenTwoTimes) {
  // A flow to the United Kingdom, which left the Union on 2020-01-31.
  dir_.Write("uk.pcap",
             PcapOf(FramesOf({kToFrance,
                              "2026-01-15T10:00:01Z | ethernet | ipv4 10.0.0.5 "
                              "198.51.100.130 | tcp 40000 443 syn"})));

  const ProgramResult table =
      Run({"replay", "--compare-at", "2020-01-31,2020-02-01", "uk.pcap"});
  EXPECT_EQ(table.exit_code, 0);
  EXPECT_THAT(table.out, HasSubstr("2 flows, judged by 2020-01-31 and by "
                                   "2020-02-01: 1 change"));
  EXPECT_THAT(table.out, HasSubstr("compliant meets_requirement -> violation "
                                   "outside_eu: 1 flows, 40 B\n"
                                   "  regime: eu -> adequate\n"));

  const ProgramResult csv = Run({"replay", "--format", "csv", "--compare-at",
                                 "2020-01-31,capture", "uk.pcap"});
  EXPECT_THAT(csv.out, HasSubstr("198.51.100.130,40000,443,6,everything,"
                                 "compliant,meets_requirement,violation,"
                                 "outside_eu,"));
  const ProgramResult nothing =
      Run({"replay", "--compare-at", "2025-01-01,capture", "uk.pcap"});
  EXPECT_THAT(nothing.out, HasSubstr("0 change"));
}

TEST_F(ProcessTest, WritesAnInventoryAndWhatARegisterLacks) {
  dir_.Write("register.csv", "operator,reference\nNobody,C-1\n");
  dir_.Write("bad.csv", "name\nx\n");

  const ProgramResult result = Run({"replay", "--inventory", "i.csv",
                                    "--register", "register.csv", "both.pcap"});

  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.out, HasSubstr("2 of 2 third parties are not in "
                                    "register.csv"));
  const std::string inventory = ReadFile(dir_.Path("i.csv"));
  EXPECT_THAT(inventory, StartsWith("operator,parent,controlling_country,"));
  EXPECT_EQ(std::count(inventory.begin(), inventory.end(), '\n'), 3);
  EXPECT_THAT(inventory, HasSubstr(",2026-01-15T10:00:00.000000000Z,"));

  const ProgramResult bad = Run(
      {"replay", "--inventory", "j.csv", "--register", "bad.csv", "both.pcap"});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_THAT(bad.errors, HasSubstr("octroi: bad.csv:1:1: "));
  EXPECT_FALSE(fs::exists(dir_.Path("j.csv")));

  const ProgramResult nowhere =
      Run({"replay", "--inventory", "folder/no/i.csv", "both.pcap"});
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_THAT(nowhere.errors, HasSubstr("folder/no/i.csv: cannot be written"));
  EXPECT_THAT(nowhere.out, HasSubstr("2 flows"));
}

TEST_F(ProcessTest, ComparesDatabasesThatDisagree) {
  const ProgramResult result = Run({"facts", "compare", "--format", "json",
                                    "share/octroi/second-opinion.mmdb"});

  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.out, HasSubstr("\"schema\": \"octroi.facts-compare/1\""));
  // 198.51.100.192/27 is in France or in the United States.
  EXPECT_THAT(result.out, HasSubstr("\"eu_and_not_eu\": 32"));
  EXPECT_THAT(Run({"facts", "compare", "share/octroi/second-opinion.mmdb"}).out,
              HasSubstr("contested (the databases differ in regime): 32 of"));
  EXPECT_THAT(Run({"facts", "compare", "both.pcap"}).errors,
              HasSubstr("both.pcap: "));
}

// Exit statuses that a pipeline relies on.
TEST_F(ProcessTest, ChecksWhetherAPolicySaysWhatIsExpected) {
  const std::string header = "local,remote,port,time,verdict,reason\n";
  const std::string holds =
      "10.0.0.5,203.0.113.9,443,2026-01-15,compliant,meets_requirement\n";
  dir_.Write("policy.yaml", "policy:\n  undetermined: report\n");
  dir_.Write("holds.csv", header + holds);
  dir_.Write(
      "fails.csv",
      header + holds + "10.0.0.5,198.51.100.7,443,2026-01-15,compliant,\n");
  dir_.Write("malformed.csv", header + "10.0.0.5,198.51.100.7,443\n");
  dir_.Write("typo.csv",
             header + "10.0.0.5,203.0.113.9,443,2026-01-15,compliamt,\n");
  const auto run = [&](const std::string& file, int exit_code,
                       const char* error, bool has_result) {
    const std::vector<std::string> arguments = {
        "check", "--config", "policy.yaml", "--expect", file};
    const ProgramResult result = Run(arguments);
    ExpectRun({arguments, exit_code, error, has_result}, result);
    return result.out;
  };

  EXPECT_EQ(run("holds.csv", 0, "", true),
            "holds.csv: 1 of 1 expectations hold\n");
  EXPECT_THAT(run("fails.csv", 1, "", true),
              ContainsRegex("^fails\\.csv:3: .*expected compliant; found "
                            "violation outside_eu .*location US.*\n"
                            "fails\\.csv: 1 of 2 expectations hold\n$"));
  run("malformed.csv", 2, "malformed\\.csv:2:1: .*3 values", false);
  run("typo.csv", 2, "typo\\.csv:2:37: .*did you mean \"compliant\"", false);
  run("missing.csv", 2, "missing\\.csv: .*No such file", false);
}

struct BadConfig {
  const char* name;
  const char* text;
  int exit_code;
  const char* error;
};

TEST_F(ProcessTest, RefusesAConfigurationWithFileLineAndColumn) {
  const BadConfig configs[] = {
      {"unknown-key.yaml", "policy:\n  workload: []\n", 2,
       "unknown-key\\.yaml:2:3: .*did you mean \"?workloads"},
      {"host-bits.yaml", "local_networks: [10.0.0.1/8]\n", 2,
       "host-bits\\.yaml:1:18: .*10\\.0\\.0\\.0/8"},
      {"no-end.yaml",
       "policy:\n"
       "  workloads:\n"
       "    - name: a\n"
       "      addresses: [any]\n"
       "      requires: {location: eu}\n"
       "      exceptions:\n"
       "        - {destination: 203.0.113.0/24, reference: r, reason: b}\n",
       2, "no-end\\.yaml:7:11: .*until.*end date"},
      {"not-yaml.yaml", "policy: [\n", 2, "not-yaml\\.yaml:[0-9]+:[0-9]+: "},
      {"empty-scheme.yaml",
       "policy:\n"
       "  workloads:\n"
       "    - name: a\n"
       "      addresses: [any]\n"
       "      requires: {qualification: {scheme: SecNumClout}}\n",
       2, "empty-scheme\\.yaml:5:[0-9]+: .*SecNumCloud"},
      {"asn-as-country.yaml", "facts: {country: share/octroi/asn.mmdb}\n", 1,
       "asn\\.mmdb: .*autonomous systems; write it as facts\\.asn"},
      {"country-as-asn.yaml", "facts: {asn: share/octroi/dbip-country.mmdb}\n",
       1, "dbip-country\\.mmdb: .*places; write it as facts\\.country"},
      {"text-as-country.yaml", "facts: {country: text.pcap}\n", 1,
       "text\\.pcap:1: .*MMDB file"},
      {"missing-asn.yaml", "facts: {asn: nowhere.mmdb}\n", 1,
       "nowhere\\.mmdb: .*No such file"},
      {"missing-ranges.yaml", "facts: {ranges: nowhere.csv}\n", 1,
       "nowhere\\.csv: .*No such file"},
      {"overlap.yaml", "facts: {ranges: overlap.csv}\n", 1,
       "overlap\\.csv:3: .*overlap"},
      {"host-bits-range.yaml", "facts: {ranges: host-bits.csv}\n", 1,
       "host-bits\\.csv:2:1: .*203\\.0\\.113\\.64/26"},
      {"wide-range.yaml", "facts: {ranges: wide.csv}\n", 1, "wide\\.csv:2.*/8"},
      {"no-such-service.yaml", "facts: {ranges: service.csv}\n", 1,
       "service\\.csv:2.*lutece-caas"},
  };
  dir_.Write("overlap.csv",
             std::string(kRangesHeader) +
                 "198.51.100.0/24,Lutece,lutece-iaas,,,asserted,s,2026-01,\n"
                 "198.51.100.0/25,Lutece,lutece-saas,,,asserted,s,2026-01,\n");
  dir_.Write("host-bits.csv",
             std::string(kRangesHeader) +
                 "203.0.113.65/26,Lutece,,,,asserted,s,2026-01,\n");
  dir_.Write("wide.csv", std::string(kRangesHeader) +
                             "198.0.0.0/7,Lutece,,,,asserted,s,2026-01,\n");
  dir_.Write("service.csv",
             std::string(kRangesHeader) +
                 "198.51.100.0/24,Lutece,lutece-caas,,,asserted,s,2026-01,\n");
  for (const BadConfig& config : configs) {
    dir_.Write(config.name, config.text);
    const std::vector<std::string> arguments = {"replay", "--config",
                                                config.name, "france.pcap"};

    ExpectRun({arguments, config.exit_code, config.error}, Run(arguments));
  }
}

TEST_F(ProcessTest, ReadsStandardInput) {
  const ProgramResult from_file =
      Run({"replay", "--format", "csv", "both.pcap"});

  const ProgramResult from_input = Run({"replay", "--format", "csv", "-"},
                                       {.input_path = dir_.Path("both.pcap")});
  const ProgramResult from_nothing = Run({"replay", "-"});

  EXPECT_EQ(from_input.exit_code, 0);
  EXPECT_EQ(from_input.errors, "");
  EXPECT_EQ(from_input.out, from_file.out);
  ExpectRun({{"replay", "-"}, 1, "standard input: .*empty"}, from_nothing);
}

TEST_F(ProcessTest, ImportsRangesThatReplayThenUses) {
  dir_.Write("list.json", R"({"prefixes": [
      {"ip_prefix": "198.51.100.0/24", "region": "us-east-1",
       "network_border_group": "eu-west-3"},
      {"ip_prefix": "x", "network_border_group": "eu-west-3"}]})");
  const std::vector<std::string> arguments = {
      "ranges", "import", "--from", "aws", "--retrieved", "2026-01-02"};
  std::vector<std::string> from_file = arguments;
  from_file.push_back("list.json");
  std::vector<std::string> from_input = arguments;
  from_input.insert(from_input.end(), {"--source", "list.json", "-"});

  const ProgramResult file = Run(from_file);
  const ProgramResult input =
      Run(from_input, {.input_path = dir_.Path("list.json")});

  EXPECT_EQ(file.exit_code, 0);
  EXPECT_EQ(file.out, std::string(kRangesHeader) +
                          "198.51.100.0/24,AWS,,eu-west-3,FR,published,"
                          "list.json,2026-01-02,\n");
  EXPECT_THAT(file.errors, HasSubstr("octroi: list.json: 2 entries read, 1 "
                                     "row written"));
  EXPECT_THAT(file.errors, HasSubstr("prefixes[1].ip_prefix: \"x\""));
  ExpectErrorLines(file.errors);
  EXPECT_EQ(input.exit_code, 0);
  EXPECT_EQ(input.out, file.out);
  EXPECT_THAT(input.errors, StartsWith("octroi: standard input: 2 entries"));

  dir_.Write("ranges.csv", file.out);
  dir_.Write("ranges.yaml", "facts: {ranges: ranges.csv}\n");
  const ProgramResult result = Run({"replay", "--config", "ranges.yaml",
                                    "--fail-on", "violation", "both.pcap"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.errors;
}

TEST_F(ProcessTest, RefusesAFileOfRangesThatIsOfAnotherFormat) {
  dir_.Write("list.txt", "198.51.100.0/24\n");
  const std::vector<ExpectedRun> runs = {
      {{"ranges", "import", "--from", "aws", "list.txt"},
       1,
       "list\\.txt: .*write `--from cidr`"},
      {{"ranges", "import", "--from", "aws", "folder"}, 1, "folder: .*direct"},
      {{"ranges", "import", "--from", "aws", "-"}, 1, "standard input: .*no"},
  };
  for (const ExpectedRun& run : runs) ExpectRun(run, Run(run.arguments));
}

TEST_F(ProcessTest, FailsWhereTheResultCannotBeWritten) {
  const std::vector<std::vector<std::string>> commands = {
      {"replay", "both.pcap"},
      {"replay", "--format", "json", "both.pcap"},
      {"replay", "--fail-on", "violation", "both.pcap"},
      {"explain", "203.0.113.9"},
      {"explain", "--format", "json", "203.0.113.9"},
      {"catalogue", "list"},
      {"catalogue", "show", "lutece-iaas"},
      {"catalogue", "check", "--at", "2025-12-20"},
      {"version"}};
  for (const std::vector<std::string>& arguments : commands) {
    for (const OutputTo output_to :
         {OutputTo::kFullDevice, OutputTo::kClosedPipe}) {
      const ProgramResult result = Run(arguments, {.output_to = output_to});

      ExpectRun({arguments, 1, "standard output: .*cannot be written"}, result);
    }
  }
}

TEST_F(ProcessTest, SaysWhereFlowRecordsCannotBeWrittenAndPrintsTheResult) {
  const std::vector<ExpectedRun> runs = {
      {{"replay", "--flows", "nowhere/flows.jsonl", "both.pcap"},
       1,
       "nowhere/flows\\.jsonl.*No such file",
       true},
      {{"replay", "--flows", "folder", "both.pcap"}, 1, "folder: ", true},
  };
  for (const ExpectedRun& run : runs) ExpectRun(run, Run(run.arguments));
}

TEST_F(ProcessTest, WritesFlowRecordsOneALine) {
  const ProgramResult result =
      Run({"replay", "--flows", "flows.jsonl", "both.pcap"});

  EXPECT_EQ(result.exit_code, 0);
  const std::string flows = ReadFile(dir_.Path("flows.jsonl"));
  EXPECT_EQ(std::count(flows.begin(), flows.end(), '\n'), 2);
  EXPECT_THAT(flows, HasSubstr("\"destination_address\":\"198.51.100.7\""));
}

TEST_F(ProcessTest, ShowsHelpAndVersionAsResults) {
  const std::vector<ExpectedRun> runs = {
      {{"--help"}, 0, "", true},
      {{"replay", "--help"}, 0, "", true},
      {{"version"}, 0, "", true},
  };
  for (const ExpectedRun& run : runs) ExpectRun(run, Run(run.arguments));
}

TEST_F(ProcessTest, ChecksAConfiguration) {
  dir_.Write("good.yaml", "sources: [{file: france.pcap}]\n");
  dir_.Write("bad.yaml", "policy: {undetermined: maybe}\n");

  ExpectRun({{"check", "--config", "good.yaml"}, 0, "", true},
            Run({"check", "--config", "good.yaml"}));
  ExpectRun({{"check", "--config", "bad.yaml"}, 2, "bad\\.yaml:1:24: "},
            Run({"check", "--config", "bad.yaml"}));
}

// Where it was built, with the facts that ship.
TEST(InstalledProgramTest, FindsItsFactsBesideItself) {
  const ProgramResult result = RunProgram(
      {.arguments = {OCTROI_BINARY_DIR "/bin/octroi", "explain", "15.188.0.1",
                     "--at", "2026-06-30", "--format", "json"}});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.errors, "");
  EXPECT_THAT(result.out, HasSubstr("\"country\": \"FR\""));
}

}  // namespace
}  // namespace octroi
