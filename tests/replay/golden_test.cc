// SPDX-License-Identifier: Apache-2.0
// The cases of tests/replay/cases/: what `octroi replay` writes for each is
// compared byte for byte with the file that is stored beside it.
//
// OCTROI_UPDATE_GOLDEN=1 writes those files instead; read the difference before
// you keep it.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "agent/replay_command.h"
#include "geo/calendar.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/replay/replay_case.h"
#include "tests/replay/small_facts.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;
using testing::CaseNames;
using testing::CasesDir;
using testing::PcapOf;
using testing::ReadCase;
using testing::ReadFile;
using testing::ReplayCase;
using testing::TempDir;
using testing::WriteSmallFacts;

// Paths in a result are as given: relative to here, they are the same on every
// machine.
class CurrentFolder {
 public:
  explicit CurrentFolder(const std::string& path)
      : before_(fs::current_path()) {
    fs::current_path(path);
  }
  ~CurrentFolder() { fs::current_path(before_); }
  CurrentFolder(const CurrentFolder&) = delete;
  CurrentFolder& operator=(const CurrentFolder&) = delete;

 private:
  const fs::path before_;
};

struct Output {
  ExitCode exit_code = kExitDone;
  std::string errors;
  std::string json;
  std::string flows;
};

Output RunCase(const ReplayCase& replay_case) {
  const TempDir dir;
  std::ostringstream out;
  std::ostringstream errors;
  Surroundings surroundings;
  surroundings.out = &out;
  surroundings.errors = &errors;
  surroundings.facts_dir = replay_case.facts == "small"
                               ? WriteSmallFacts(dir, "facts")
                               : OCTROI_BINARY_DIR "/share/octroi";
  surroundings.now_ns = [] { return *ParseInstant("2026-02-01"); };
  ReplayCommandOptions options;
  options.format = ReplayFormat::kJson;
  options.at = replay_case.at;
  options.flows_path = "flows.jsonl";
  options.captures = {"capture.pcap"};
  dir.Write("capture.pcap", PcapOf(replay_case.frames));
  if (!replay_case.config.empty()) {
    dir.Write("octroi.yaml", replay_case.config);
    options.config_path = "octroi.yaml";
  }
  const CurrentFolder folder(dir.Path(""));

  Output output;
  output.exit_code = RunReplay(options, surroundings);
  output.errors = errors.str();
  output.json = out.str();
  if (fs::exists("flows.jsonl")) output.flows = ReadFile("flows.jsonl");
  return output;
}

// The result without what every change of a shipped table would change.
std::string WithoutSources(const std::string& text) {
  auto json = nlohmann::ordered_json::parse(text);
  json["edition"].erase("digest");
  json["edition"].erase("sources");
  return json.dump(2) + "\n";
}

void ExpectStored(const std::string& path, const std::string& content) {
  if (std::getenv("OCTROI_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << content;
    return;
  }
  ASSERT_TRUE(fs::exists(path))
      << path << " is missing; OCTROI_UPDATE_GOLDEN=1 makes it";
  EXPECT_EQ(ReadFile(path), content)
      << path << " differs; if the change is meant, OCTROI_UPDATE_GOLDEN=1 "
      << "writes it";
}

void ExpectStoredResult(const std::string& name) {
  const ReplayCase replay_case = ReadCase(name);
  SCOPED_TRACE(replay_case.description);

  const Output output = RunCase(replay_case);

  EXPECT_EQ(output.exit_code, kExitDone);
  EXPECT_EQ(output.errors, "");
  const std::string stem = CasesDir() + "/" + name;
  ExpectStored(stem + ".json", replay_case.facts == "shipped"
                                   ? WithoutSources(output.json)
                                   : output.json);
  ExpectStored(stem + ".jsonl", output.flows);
}

std::string TestName(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; },
      '_');
  return name;
}

class ReplayGoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ReplayGoldenTest, WritesTheStoredResult) {
  ExpectStoredResult(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Cases, ReplayGoldenTest,
                         ::testing::ValuesIn(CaseNames("small")), TestName);

// These load the databases that ship, which takes seconds in a debug build.
class GoldenWithShippedFactsTest
    : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenWithShippedFactsTest, WritesTheStoredResult) {
  ExpectStoredResult(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenWithShippedFactsTest,
                         ::testing::ValuesIn(CaseNames("shipped")), TestName);

TEST(ReplayGoldenCasesTest, HaveNoStoredResultWithoutACase) {
  std::vector<std::string> orphans;
  for (const fs::directory_entry& entry : fs::directory_iterator(CasesDir())) {
    const fs::path& path = entry.path();
    if (path.extension() == ".json" || path.extension() == ".jsonl") {
      fs::path replay_case = path;
      replay_case.replace_extension(".yaml");
      if (!fs::exists(replay_case)) orphans.push_back(path.filename());
    }
  }

  EXPECT_THAT(orphans, ::testing::IsEmpty());
}

}  // namespace
}  // namespace octroi
