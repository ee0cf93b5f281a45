// SPDX-License-Identifier: Apache-2.0
#include "evidence/line_file.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/private_mounts.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;

using ::octroi::testing::MountMemory;
using ::octroi::testing::ReadFile;
using ::octroi::testing::RunWithPrivateMounts;
using ::octroi::testing::TempDir;
using ::testing::HasSubstr;

std::string MessageOf(const absl::StatusOr<std::unique_ptr<LineFile>>& file) {
  return std::string(file.status().message());
}

TEST(LineFileTest, AppendsToWhatIsThere) {
  const TempDir dir;
  dir.Write("a.jsonl", "{\"a\":1}\n");

  auto file = LineFile::Open(dir.Path("a.jsonl"));
  ASSERT_TRUE(file.ok()) << file.status();
  const auto result = (*file)->Write("{\"a\":2}\n{\"a\":3}\n");

  EXPECT_EQ(result.written_bytes, 16u);
  EXPECT_EQ(result.error, 0);
  EXPECT_EQ((*file)->mended_bytes(), 0u);
  EXPECT_EQ((*file)->size(), 24u);
  EXPECT_EQ(ReadFile(dir.Path("a.jsonl")), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
}

TEST(LineFileTest, LetsOwnerWriteAndGroupReadAndNobodyElse) {
  const TempDir dir;
  const mode_t before = ::umask(0);

  const auto file = LineFile::Open(dir.Path("a.jsonl"));

  ::umask(before);
  ASSERT_TRUE(file.ok()) << file.status();
  struct stat status = {};
  ASSERT_EQ(::stat(dir.Path("a.jsonl").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0640u);
}

TEST(LineFileTest, RefusesWhatIsNotALogAndLeavesItAsItIs) {
  const TempDir dir;
  fs::create_directory(dir.Path("folder"));
  dir.Write("target", "");
  fs::create_symlink(dir.Path("target"), dir.Path("link"));
  ASSERT_EQ(::mkfifo(dir.Path("fifo").c_str(), 0600), 0);
  dir.Write("octroi.yaml", "sources:\n");
  dir.Write("prose", "{\"a\":1}\nand then");
  dir.Write("long", "{" + std::string(kMaxLineBytes, 'x'));
  const struct {
    std::string path;
    const char* message;
  } cases[] = {
      {dir.Path("folder"), "Is a directory"},
      {dir.Path("link"), "is a symbolic link"},
      {dir.Path("fifo"), "is not a regular file"},
      {"/dev/full", "/dev/full: is not a regular file"},
      {dir.Path("no/a"), "No such file or directory"},
      {dir.Path("octroi.yaml"), "does not begin with a JSON object"},
      {dir.Path("prose"), "does not end in a line"},
      {dir.Path("long"), "does not end in a line"},
  };
  for (const auto& [path, message] : cases) {
    EXPECT_THAT(MessageOf(LineFile::Open(path)), HasSubstr(message)) << path;
  }
  EXPECT_EQ(ReadFile(dir.Path("octroi.yaml")), "sources:\n");
  EXPECT_EQ(ReadFile(dir.Path("prose")), "{\"a\":1}\nand then");
  EXPECT_EQ(fs::file_size(dir.Path("long")), 1 + kMaxLineBytes);
}

// A process can be killed after any byte.
TEST(LineFileTest, CutsOffATornLineWhereverItWasTorn) {
  const std::string lines = "{\"a\":1}\n{\"b\":22}\n{\"c\":333}\n";
  const TempDir dir;
  for (size_t length = 0; length <= lines.size(); ++length) {
    const std::string left = lines.substr(0, length);
    const std::string path = dir.Write("a.jsonl", left);
    const size_t last = left.rfind('\n');
    const size_t whole = last == std::string::npos ? 0 : last + 1;

    const auto file = LineFile::Open(path);

    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(ReadFile(path), left.substr(0, whole)) << length;
    EXPECT_EQ((*file)->mended_bytes(), length - whole) << length;
  }
}

// Some file systems fill with zeros what they had not written when the power
// went.
TEST(LineFileTest, CutsOffZerosAtTheEnd) {
  const TempDir dir;
  const std::string path =
      dir.Write("a.jsonl", "{\"a\":1}\n" + std::string(100, '\0'));

  const auto file = LineFile::Open(path);

  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(ReadFile(path), "{\"a\":1}\n");
}

TEST(LineFileTest, CutsOffTheLongestLine) {
  const TempDir dir;
  const std::string path =
      dir.Write("a.jsonl", "{}\n{" + std::string(kMaxLineBytes - 2, 'x'));

  const auto file = LineFile::Open(path);

  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(ReadFile(path), "{}\n");
}

// As long as the limit of file sizes holds; a longer write gives EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    before_handler_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const struct rlimit limit = {bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, before_handler_);
  }

 private:
  struct rlimit before_ = {};
  void (*before_handler_)(int) = nullptr;
};

TEST(LineFileTest, KeepsTheWholeLinesOfAWriteThatFails) {
  const TempDir dir;
  const std::string path = dir.Path("a.jsonl");
  const auto file = LineFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();

  LineFile::WriteResult result;
  {
    const FileSizeLimit limit(20);
    result = (*file)->Write("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
  }

  EXPECT_EQ(result.written_bytes, 16u);
  EXPECT_EQ(result.error, EFBIG);
  EXPECT_EQ(ReadFile(path), "{\"a\":1}\n{\"a\":2}\n");

  const auto next = (*file)->Write("{\"a\":3}\n");

  EXPECT_EQ(next.error, 0);
  EXPECT_EQ(ReadFile(path), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
}

TEST(LineFileTest, SaysThatTheDiskIsFull) {
  const TempDir dir;
  const std::string problem = RunWithPrivateMounts([&] {
    ASSERT_TRUE(MountMemory(dir.Path("."), 16 * 1024));
    const auto file = LineFile::Open(dir.Path("a.jsonl"));
    ASSERT_TRUE(file.ok()) << file.status();
    std::string lines;
    while (lines.size() < 20'000) lines += "{\"a\":1}\n";

    const auto result = (*file)->Write(lines);

    EXPECT_TRUE(IsDiskFull(result.error)) << result.error;
    EXPECT_EQ(ReadFile(dir.Path("a.jsonl")),
              lines.substr(0, result.written_bytes));
    EXPECT_EQ(result.written_bytes % 8, 0u);
  });
  if (!problem.empty()) GTEST_SKIP() << problem;
}

TEST(LineFileTest, KnowsItsNames) {
  const TempDir dir;
  const std::string path = dir.Path("a.jsonl");
  const auto file = LineFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();

  EXPECT_TRUE((*file)->IsAt(path));
  EXPECT_FALSE((*file)->is_deleted());

  fs::rename(path, dir.Path("b.jsonl"));

  EXPECT_FALSE((*file)->IsAt(path));
  EXPECT_TRUE((*file)->IsAt(dir.Path("b.jsonl")));
  EXPECT_FALSE((*file)->is_deleted());

  fs::remove(dir.Path("b.jsonl"));

  EXPECT_TRUE((*file)->is_deleted());
}

}  // namespace
}  // namespace octroi
