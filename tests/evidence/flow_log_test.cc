// SPDX-License-Identifier: Apache-2.0
#include "evidence/flow_log.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/replay.h"
#include "evidence/flow_writer.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/fake_source.h"
#include "tests/support/private_mounts.h"
#include "tests/support/small_world.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;

using ::octroi::testing::FakeSource;
using ::octroi::testing::kSecond;
using ::octroi::testing::kStart;
using ::octroi::testing::MountMemory;
using ::octroi::testing::MountOver;
using ::octroi::testing::PacketBuilder;
using ::octroi::testing::ReadFile;
using ::octroi::testing::RunWithPrivateMounts;
using ::octroi::testing::SmallWorld;
using ::octroi::testing::TempDir;
using ::octroi::testing::Unmount;
using ::testing::HasSubstr;

constexpr int64_t kHour = 3600 * kSecond;

// The lines of a text, which must all be records and whole.
std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = text.find('\n', begin);
    EXPECT_NE(end, std::string::npos) << "a torn line";
    if (end == std::string::npos) break;
    lines.push_back(text.substr(begin, end - begin));
    EXPECT_TRUE(nlohmann::json::accept(lines.back())) << lines.back();
    begin = end + 1;
  }
  return lines;
}

class FlowLogTest : public ::testing::Test {
 protected:
  FlowLogTest() {
    options_.path = dir_.Path("flows.jsonl");
    options_.buffer_bytes = 2048;  // Two records.
    options_.rotate_bytes = 4096;
    options_.ceiling_bytes = 16 * 1024;
    options_.rotate_age_ns = 0;
  }

  // `count` violations, each with a port of its own, so that no two records
  // read the same.
  std::vector<ExportedFlow> Violations(size_t count) {
    FakeSource source;
    for (size_t i = 0; i < count; ++i) {
      source.Push(PacketBuilder()
                      .Ipv4("192.0.2.1", "198.51.100.7")
                      .Udp(static_cast<uint16_t>(40'000 + next_port_++), 443),
                  kStart);
    }
    return Meter(&source);
  }
  std::vector<ExportedFlow> Meter(FakeSource* source) {
    ReplayOptions options;
    options.keep_flows = true;
    return Replay(options, source, world_.editions())->flows;
  }

  std::unique_ptr<FlowLog> Open(int64_t now_ns = kStart) {
    auto log = FlowLog::Create(options_, now_ns);
    EXPECT_TRUE(log.ok()) << log.status();
    return log.ok() ? *std::move(log) : nullptr;
  }
  void Append(FlowLog* log, const std::vector<ExportedFlow>& flows,
              int64_t now_ns = kStart) {
    log->Append(flows, world_.timeline(), now_ns);
  }
  std::vector<std::string> Expected(std::span<const ExportedFlow> flows) {
    std::vector<std::string> lines;
    for (const ExportedFlow& flow : flows) {
      lines.push_back(FlowToJson(flow, world_.timeline()));
    }
    return lines;
  }

  // The rotated files in the order of their names, then the log.
  std::vector<std::string> Files() const {
    std::vector<std::string> paths;
    for (const auto& entry : fs::directory_iterator(dir_.Path("."))) {
      if (entry.path().filename() != "flows.jsonl") {
        paths.push_back(entry.path().string());
      }
    }
    std::sort(paths.begin(), paths.end());
    if (fs::exists(options_.path)) paths.push_back(options_.path);
    return paths;
  }
  std::vector<std::string> AllLines() const {
    std::vector<std::string> all;
    for (const std::string& path : Files()) {
      for (std::string& line : LinesOf(ReadFile(path))) {
        all.push_back(std::move(line));
      }
    }
    return all;
  }
  uint64_t AllBytes() const {
    uint64_t bytes = 0;
    for (const std::string& path : Files()) bytes += fs::file_size(path);
    return bytes;
  }

  static uint64_t Lost(const FlowLog& log, FlowLogLoss loss) {
    return log.counters().lost_records[static_cast<size_t>(loss)].Read();
  }
  static uint64_t Lost(const FlowLog& log) {
    uint64_t lost = 0;
    for (const Counter& counter : log.counters().lost_records) {
      lost += counter.Read();
    }
    return lost;
  }

  SmallWorld world_;
  const TempDir dir_;
  FlowLogOptions options_;
  size_t next_port_ = 0;
};

TEST_F(FlowLogTest, WritesWhatWaitsWhenAskedTo) {
  const auto log = Open();
  const auto flows = Violations(2);

  Append(log.get(), flows);

  EXPECT_EQ(ReadFile(options_.path), "");
  EXPECT_EQ(log->waiting_records(), 2u);

  log->Flush(kStart);

  EXPECT_EQ(AllLines(), Expected(flows));
  EXPECT_EQ(log->waiting_records(), 0u);
  EXPECT_EQ(log->counters().written_records.Read(), 2u);
  EXPECT_EQ(log->counters().written_bytes.Read(), fs::file_size(options_.path));
}

TEST_F(FlowLogTest, WritesByItselfWhenTheBufferIsFull) {
  const auto log = Open();
  const auto flows = Violations(5);

  Append(log.get(), flows);

  const size_t written = AllLines().size();
  EXPECT_GE(written, 3u);
  EXPECT_EQ(written + log->waiting_records(), 5u);
}

TEST_F(FlowLogTest, WritesChosenVerdictsOnly) {
  FakeSource source;
  const std::vector<std::pair<const char*, uint16_t>> targets = {
      {"198.51.100.7", 1},    // A violation.
      {"203.0.113.9", 2},     // Compliant.
      {"198.51.100.200", 3},  // Excepted.
      {"192.0.2.99", 4},      // Internal: not judged.
  };
  for (const auto& [target, port] : targets) {
    source.Push(PacketBuilder().Ipv4("192.0.2.1", target).Udp(40'000, port),
                kStart);
  }
  options_.verdicts = {Verdict::kViolation, Verdict::kExcepted};
  const auto log = Open();

  Append(log.get(), Meter(&source));
  log->Flush(kStart);

  std::vector<int> ports;
  for (const std::string& line : AllLines()) {
    ports.push_back(nlohmann::json::parse(line)["destination_port"]);
  }
  EXPECT_THAT(ports, ::testing::UnorderedElementsAre(1, 3));
  EXPECT_EQ(log->counters().not_chosen_records.Read(), 2u);
}

TEST_F(FlowLogTest, RotatesBeforeAFileIsTooLong) {
  options_.ceiling_bytes = 1 << 20;
  const auto log = Open();
  const auto flows = Violations(40);

  Append(log.get(), flows);
  log->Flush(kStart);

  const std::vector<std::string> files = Files();
  EXPECT_GE(files.size(), 5u);
  EXPECT_EQ(log->counters().rotated_files.Read(), files.size() - 1);
  for (const std::string& path : files) {
    EXPECT_LE(fs::file_size(path), options_.rotate_bytes) << path;
  }
  EXPECT_EQ(AllLines(), Expected(flows));  // None twice, in order.
  EXPECT_THAT(files.front(), HasSubstr("flows.jsonl.20260115T000000Z-0001"));
}

TEST_F(FlowLogTest, RotatesAFileWhoseFirstRecordIsTooOld) {
  options_.rotate_age_ns = kHour;
  auto log = Open(kStart);
  Append(log.get(), Violations(1));
  log->Flush(kStart + kSecond);

  log->Flush(kStart + kHour);  // A second too early.

  EXPECT_EQ(Files().size(), 1u);

  log->Flush(kStart + kHour + kSecond);  // With nothing to write.

  EXPECT_EQ(Files().size(), 2u);

  log->Flush(kStart + 3 * kHour);  // An empty file is not rotated.

  EXPECT_EQ(Files().size(), 2u);
}

// A daemon that is started again every now and then must rotate as well.
TEST_F(FlowLogTest, KnowsTheAgeOfAFileThatItFinds) {
  options_.rotate_age_ns = kHour;
  auto log = Open(kStart);
  Append(log.get(), Violations(1));
  log->Finish(kStart);

  log = Open(kStart + kHour - kSecond);
  log->Flush(kStart + kHour - kSecond);

  EXPECT_EQ(Files().size(), 1u);

  log = Open(kStart + kHour);
  log->Flush(kStart + kHour);

  EXPECT_EQ(Files().size(), 2u);
}

TEST_F(FlowLogTest, IsNotConfusedByAClockThatGoesBack) {
  options_.rotate_age_ns = kHour;
  const auto log = Open(kStart);
  const auto flows = Violations(20);

  int64_t now_ns = kStart;
  for (size_t i = 0; i < flows.size(); ++i) {
    log->Append({&flows[i], 1}, world_.timeline(), now_ns);
    log->Flush(now_ns);
    now_ns -= kHour;
  }

  EXPECT_EQ(AllLines(), Expected(flows));
}

TEST_F(FlowLogTest, StaysBelowItsCeilingByDeletingTheOldest) {
  const auto log = Open();
  const auto flows = Violations(100);

  for (const ExportedFlow& flow : flows) {
    log->Append({&flow, 1}, world_.timeline(), kStart);
    log->Flush(kStart);
    EXPECT_LE(AllBytes(), options_.ceiling_bytes);
  }

  const auto lines = AllLines();
  const auto expected = Expected(flows);
  ASSERT_GE(lines.size(), 10u);
  ASSERT_LT(lines.size(), expected.size());
  EXPECT_TRUE(std::equal(lines.rbegin(), lines.rend(), expected.rbegin()))
      << "what is left are not the latest records";
  const FlowLogCounters& counters = log->counters();
  EXPECT_EQ(Lost(*log), 0u);
  EXPECT_GT(counters.deleted_files.Read(), 0u);
  EXPECT_EQ(counters.deleted_bytes.Read() + AllBytes(),
            counters.written_bytes.Read());
}

TEST_F(FlowLogTest, KeepsACeilingThatWasLowered) {
  options_.ceiling_bytes = 1 << 20;
  auto log = Open();
  Append(log.get(), Violations(60));
  log->Finish(kStart);
  ASSERT_GT(AllBytes(), 16u * 1024);
  options_.ceiling_bytes = 16 * 1024;

  log = Open();

  EXPECT_LE(AllBytes(), options_.ceiling_bytes);
}

TEST_F(FlowLogTest, CountsTheRecordsThatAFullDiskCosts) {
  const std::string problem = RunWithPrivateMounts([&] {
    ASSERT_TRUE(MountMemory(dir_.Path("."), 64 * 1024));
    options_.rotate_bytes = 1 << 20;
    options_.ceiling_bytes = 1 << 30;
    const auto log = Open();
    const auto filler = dir_.Path("filler");
    std::ofstream(filler) << std::string(56 * 1024, 'x');  // 8 KiB are left.
    const auto flows = Violations(40);

    int64_t now_ns = kStart;
    for (const ExportedFlow& flow : flows) {
      log->Append({&flow, 1}, world_.timeline(), now_ns);
      log->Flush(now_ns);
      now_ns += kSecond / 4;
    }

    EXPECT_GT(Lost(*log, FlowLogLoss::kDiskFull), 0u);
    EXPECT_EQ(Lost(*log), Lost(*log, FlowLogLoss::kDiskFull));
    EXPECT_THAT(std::string(log->state().message()),
                HasSubstr("flows.jsonl: cannot be written: No space left"));
    EXPECT_EQ(log->counters().written_records.Read() + log->waiting_records() +
                  Lost(*log),
              40u);
    EXPECT_EQ(LinesOf(ReadFile(options_.path)).size(),
              log->counters().written_records.Read());

    // Room again: what waited is written, and nothing more is lost.
    const uint64_t lost = Lost(*log);
    fs::remove(filler);
    Append(log.get(), Violations(1), now_ns + kSecond);
    log->Flush(now_ns + kSecond);

    EXPECT_TRUE(log->state().ok()) << log->state();
    EXPECT_EQ(log->waiting_records(), 0u);
    EXPECT_EQ(Lost(*log), lost);
    EXPECT_EQ(LinesOf(ReadFile(options_.path)).size() + lost, 41u);
  });
  if (!problem.empty()) GTEST_SKIP() << problem;
}

// A mount point can be neither renamed nor deleted, by root either.
TEST_F(FlowLogTest, CountsTheRecordsThatTheCeilingCosts) {
  const std::string problem = RunWithPrivateMounts([&] {
    const auto log = Open();
    ASSERT_TRUE(MountOver(options_.path, options_.path));
    const auto flows = Violations(40);

    int64_t now_ns = kStart;
    for (const ExportedFlow& flow : flows) {
      log->Append({&flow, 1}, world_.timeline(), now_ns);
      log->Flush(now_ns);
      now_ns += kSecond;
    }

    // Not rotated: it grows to the ceiling and not beyond it.
    EXPECT_EQ(Files().size(), 1u);
    EXPECT_LE(AllBytes(), options_.ceiling_bytes);
    EXPECT_GT(AllBytes(), options_.ceiling_bytes - 2 * 1024);
    EXPECT_GT(Lost(*log, FlowLogLoss::kCeiling), 0u);
    EXPECT_EQ(AllLines().size() + log->waiting_records() + Lost(*log), 40u);
    EXPECT_THAT(std::string(log->state().message()),
                HasSubstr("the ceiling of 16384 bytes is reached"));

    const uint64_t lost = Lost(*log);
    ASSERT_TRUE(Unmount(options_.path));
    log->Flush(now_ns + kSecond);

    EXPECT_TRUE(log->state().ok()) << log->state();
    EXPECT_EQ(Lost(*log), lost);
    EXPECT_EQ(log->waiting_records(), 0u);
    EXPECT_LE(AllBytes(), options_.ceiling_bytes);
  });
  if (!problem.empty()) GTEST_SKIP() << problem;
}

TEST_F(FlowLogTest, TriesOnceASecondAfterAFailure) {
  const auto log = Open();
  fs::remove(options_.path);
  fs::create_directory(options_.path);
  const auto flows = Violations(8);

  log->Append(std::span(flows).first(7), world_.timeline(), kStart);

  EXPECT_GT(Lost(*log, FlowLogLoss::kError), 0u);
  EXPECT_THAT(std::string(log->state().message()),
              HasSubstr("flows.jsonl: cannot be opened: Is a directory"));
  const uint64_t lost = Lost(*log);

  fs::remove(options_.path);
  log->Flush(kStart + kSecond - 1);

  EXPECT_FALSE(log->state().ok());

  log->Flush(kStart + kSecond);

  EXPECT_TRUE(log->state().ok()) << log->state();
  EXPECT_EQ(AllLines().size() + lost, 7u);
}

TEST_F(FlowLogTest, CountsWhatCannotBeWrittenAtTheEnd) {
  const auto log = Open();
  Append(log.get(), Violations(2));
  fs::remove(options_.path);
  fs::create_directory(options_.path);

  log->Finish(kStart);

  EXPECT_EQ(log->waiting_records(), 0u);
  EXPECT_EQ(Lost(*log, FlowLogLoss::kError), 2u);
}

// The name that the last records stand under is brought to the disk with them:
// where its folder cannot be reached any more, that is said.
TEST_F(FlowLogTest, SaysThatItCannotBeBroughtToTheDiskAtTheEnd) {
  fs::create_directory(dir_.Path("log"));
  options_.path = dir_.Path("log/flows.jsonl");
  const auto log = Open();
  Append(log.get(), Violations(1));
  log->Flush(kStart);
  ASSERT_TRUE(log->state().ok()) << log->state();

  fs::rename(dir_.Path("log"), dir_.Path("elsewhere"));
  log->Finish(kStart);

  EXPECT_THAT(std::string(log->state().message()),
              HasSubstr("log/flows.jsonl: cannot be brought to the disk: "));
  EXPECT_EQ(LinesOf(ReadFile(dir_.Path("elsewhere/flows.jsonl"))).size(), 1u);
}

TEST_F(FlowLogTest, CountsARecordThatIsLongerThanTheBuffer) {
  Policy policy = world_.policy();
  policy.workloads[0].name = std::string(options_.buffer_bytes, 'x');
  const auto atlases =
      AtlasTimeline::Create(world_.facts(), ExceptionMarks(policy)).value();
  EditionTimeline timeline(atlases.get(), world_.workloads(), policy,
                           std::nullopt);
  const auto flows = Violations(1);
  ASSERT_EQ(timeline.At(kStart).index, flows[0].record.edition);
  const auto log = Open();

  log->Append(flows, timeline, kStart);
  Append(log.get(), flows);

  EXPECT_EQ(Lost(*log, FlowLogLoss::kTooLong), 1u);
  EXPECT_EQ(log->waiting_records(), 1u);
}

TEST_F(FlowLogTest, GoesOnInANewFileWhenSomebodyRenamedTheOldOne) {
  const auto log = Open();
  const auto flows = Violations(3);
  log->Append(std::span(flows).first(1), world_.timeline(), kStart);
  log->Flush(kStart);
  fs::rename(options_.path, dir_.Path("theirs"));

  // Until it is told, it writes to the file that it has.
  log->Append(std::span(flows).subspan(1, 1), world_.timeline(), kStart);
  ASSERT_TRUE(log->Reopen(kStart).ok());
  log->Append(std::span(flows).subspan(2, 1), world_.timeline(), kStart);
  log->Flush(kStart);

  const auto expected = Expected(flows);
  EXPECT_EQ(LinesOf(ReadFile(dir_.Path("theirs"))),
            std::vector<std::string>(expected.begin(), expected.begin() + 2));
  EXPECT_EQ(LinesOf(ReadFile(options_.path)),
            std::vector<std::string>(expected.begin() + 2, expected.end()));
}

TEST_F(FlowLogTest, KeepsItsFileWhereThePathCannotBeReopened) {
  const auto log = Open();
  const auto flows = Violations(1);
  fs::rename(options_.path, dir_.Path("theirs"));
  fs::create_directory(options_.path);

  const absl::Status status = log->Reopen(kStart);
  Append(log.get(), flows);
  log->Flush(kStart);

  EXPECT_THAT(std::string(status.message()), HasSubstr("Is a directory"));
  EXPECT_EQ(LinesOf(ReadFile(dir_.Path("theirs"))), Expected(flows));
}

// What is written to a file without a name is lost, and nobody would know.
TEST_F(FlowLogTest, MakesAnotherFileWhenItsOwnWasDeleted) {
  const auto log = Open();
  const auto flows = Violations(2);
  log->Append(std::span(flows).first(1), world_.timeline(), kStart);
  log->Flush(kStart);
  fs::remove(options_.path);

  log->Append(std::span(flows).last(1), world_.timeline(), kStart);
  log->Flush(kStart);

  EXPECT_EQ(AllLines(), Expected(std::span(flows).last(1)));
}

// A process can be killed after any byte: the next one cuts off what is torn,
// says so, and goes on.
TEST_F(FlowLogTest, GoesOnWhereverItWasKilled) {
  const auto flows = Violations(3);
  const auto expected = Expected(flows);
  const std::string whole = expected[0] + "\n" + expected[1] + "\n";
  const auto restart_after = [&](size_t length) {
    dir_.Write("flows.jsonl", whole.substr(0, length));
    const auto kept = static_cast<size_t>(std::count(
        whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length), '\n'));

    const auto log = Open();
    ASSERT_NE(log, nullptr) << length;
    log->Append(std::span(flows).last(1), world_.timeline(), kStart);
    log->Finish(kStart);

    const auto lines = LinesOf(ReadFile(options_.path));
    ASSERT_EQ(lines.size(), kept + 1) << length;
    EXPECT_EQ(lines.back(), expected[2]) << length;
    const uint64_t mended = log->counters().mended_bytes.Read();
    EXPECT_EQ(fs::file_size(options_.path),
              length - mended + expected[2].size() + 1);
    EXPECT_EQ(log->counters().mended_files.Read(), mended == 0 ? 0u : 1u);
  };
  const auto restart_after_each = [&] {
    for (size_t n = 0; n <= whole.size(); ++n) restart_after(n);
  };

  // A thousand files: in memory where that is permitted.
  const std::string problem = RunWithPrivateMounts([&] {
    ASSERT_TRUE(MountMemory(dir_.Path("."), 1 << 20));
    restart_after_each();
  });
  if (!problem.empty()) restart_after_each();
}

// Between the renaming of the old file and the making of the next one.
TEST_F(FlowLogTest, GoesOnWhereItWasKilledWhileItRotated) {
  auto log = Open();
  Append(log.get(), Violations(1));
  log->Finish(kStart);
  fs::rename(options_.path, options_.path + ".20260115T000000Z-0001");

  log = Open();
  Append(log.get(), Violations(1));
  log->Finish(kStart);

  EXPECT_EQ(AllLines().size(), 2u);
}

TEST_F(FlowLogTest, RefusesOptionsOutOfTheirBounds) {
  FlowLogOptions small_buffer = options_;
  small_buffer.buffer_bytes = 1023;
  FlowLogOptions large_buffer = options_;
  large_buffer.buffer_bytes = kMaxLineBytes + 1;
  FlowLogOptions small_file = options_;
  small_file.rotate_bytes = options_.buffer_bytes - 1;
  FlowLogOptions low_ceiling = options_;
  low_ceiling.ceiling_bytes = 2 * options_.rotate_bytes - 1;
  FlowLogOptions short_age = options_;
  short_age.rotate_age_ns = kSecond - 1;
  const std::pair<FlowLogOptions, const char*> cases[] = {
      {small_buffer, "bytes of the buffer: 1023; give 1024 to 262144"},
      {large_buffer, "bytes of the buffer: 262145; give 1024 to 262144"},
      {small_file, "at which it is rotated: 2047; give 2048 or more"},
      {low_ceiling, "all files together: 8191; give at least twice"},
      {short_age, "in ns at which it is rotated: 999999999; give 0 for never"},
  };
  for (const auto& [options, message] : cases) {
    const auto log = FlowLog::Create(options, kStart);
    EXPECT_THAT(std::string(log.status().message()),
                HasSubstr(options_.path + ": "))
        << message;
    EXPECT_THAT(std::string(log.status().message()), HasSubstr(message));
  }
}

}  // namespace
}  // namespace octroi
