// SPDX-License-Identifier: Apache-2.0
// What the documentation shows as output is what the program prints. Every
// block of a page that begins with "$ build/release/bin/octroi" is run as it
// stands, and each of its lines must be printed, in the order of the page. A
// line "[...]" stands for what is left out; runs of spaces count as one.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;

using ::octroi::testing::TempDir;

constexpr std::string_view kPrompt = "$ ";
constexpr std::string_view kProgram = "build/release/bin/octroi ";
constexpr std::string_view kLeftOut = "[...]";

// One command of a page and the lines below it.
struct Shown {
  std::string place;  // "docs/tutorials/x.md:12"
  std::string command;
  std::vector<std::string> lines;
};

std::string Collapse(std::string_view line) {
  std::string result;
  for (const char c : line) {
    if (c == ' ' && (result.empty() || result.back() == ' ')) continue;
    result += c;
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

std::vector<Shown> CommandsOf(const fs::path& page) {
  std::vector<Shown> shown;
  std::ifstream file(page);
  bool is_in_block = false;
  bool has_command = false;  // In this block.
  bool is_continued = false;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.starts_with("```")) {
      is_in_block = !is_in_block;
      has_command = false;
      is_continued = false;
    } else if (is_in_block && is_continued) {
      shown.back().command += "\n" + line;
      is_continued = line.ends_with('\\');
    } else if (is_in_block && line.starts_with(kPrompt)) {
      const std::string name = fs::relative(page, OCTROI_SOURCE_DIR).string();
      shown.push_back({fmt::format("{}:{}", name, number),
                       line.substr(kPrompt.size()),
                       {}});
      is_continued = line.ends_with('\\');
      has_command = true;
    } else if (has_command) {
      shown.back().lines.push_back(line);
    }
  }
  return shown;
}

std::vector<Shown> AllCommands() {
  std::vector<fs::path> pages = {OCTROI_SOURCE_DIR "/README.md"};
  for (const auto& entry :
       fs::recursive_directory_iterator(OCTROI_SOURCE_DIR "/docs")) {
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  }
  std::vector<Shown> ours;
  for (const fs::path& page : pages) {
    for (Shown& shown : CommandsOf(page)) {
      if (shown.command.starts_with(kProgram)) ours.push_back(std::move(shown));
    }
  }
  return ours;
}

// `explain` without a day answers for today. The page says which day that was,
// so that the answer stays the same.
std::string WithDayOfPage(const Shown& shown) {
  const bool is_for_today =
      shown.command.find("explain ") != std::string::npos &&
      shown.command.find("--at") == std::string::npos && !shown.lines.empty();
  const size_t on =
      is_for_today ? shown.lines.front().rfind(" on ") : std::string::npos;
  if (on == std::string::npos) return shown.command;
  return shown.command + " --at " + shown.lines.front().substr(on + 4);
}

std::vector<std::string> PrintedBy(const std::string& command,
                                   const std::string& folder) {
  const std::string all = "cd '" + folder + "' && ( " + command + " ) 2>&1";
  std::FILE* pipe = popen(all.c_str(), "r");
  EXPECT_NE(pipe, nullptr) << command;
  if (pipe == nullptr) return {};
  std::string text;
  char buffer[4096];
  size_t size = 0;
  while ((size = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0) {
    text.append(buffer, size);
  }
  pclose(pipe);
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(Collapse(text.substr(0, end)));
    text.erase(0, end + 1);
  }
  return lines;
}

TEST(ShownOutputTest, IsWhatTheProgramPrints) {
  // A folder that looks like the root of a repository with a release build.
  TempDir dir;
  fs::create_directory(dir.Path("build"));
  fs::create_symlink(OCTROI_BINARY_DIR, dir.Path("build/release"));
  fs::create_symlink(OCTROI_SOURCE_DIR "/examples", dir.Path("examples"));

  const std::vector<Shown> commands = AllCommands();
  ASSERT_GE(commands.size(), 5u) << "pages show fewer commands than expected";
  std::map<std::string, std::vector<std::string>> printed_by;  // Run once.
  for (const Shown& shown : commands) {
    const std::string command = WithDayOfPage(shown);
    if (printed_by.find(command) == printed_by.end()) {
      printed_by[command] = PrintedBy(command, dir.Path("."));
    }
    const std::vector<std::string>& printed = printed_by[command];
    size_t position = 0;
    for (const std::string& line : shown.lines) {
      const std::string wanted = Collapse(line);
      if (wanted.empty() || wanted == kLeftOut) continue;
      const auto found =
          std::find(printed.begin() + static_cast<ptrdiff_t>(position),
                    printed.end(), wanted);
      if (found == printed.end()) {
        ADD_FAILURE() << shown.place << ": `" << shown.command
                      << "` does not print, or not in this order:\n  " << line;
        break;
      }
      position = static_cast<size_t>(found - printed.begin()) + 1;
    }
  }
}

}  // namespace
}  // namespace octroi
