// SPDX-License-Identifier: Apache-2.0
// The sandbox is entered by sandbox_probe.cc, a process of its own, and tried
// from the inside.
#include "agent/sandbox.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/replay/run_program.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;

using ::octroi::testing::ProgramResult;
using ::octroi::testing::RunProgram;
using ::octroi::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kEndedBySigsys = 128 + SIGSYS;

// What the probe found, by name.
class Findings {
 public:
  explicit Findings(const std::string& mode) {
    const TempDir folder;
    fs::permissions(folder.Path(""), fs::perms(0755));
    for (const char* name : {"readable", "writable", "outside"}) {
      fs::create_directory(folder.Path(name));
      fs::permissions(folder.Path(name), fs::perms(0777));
    }
    // Permissions would let anybody do everything.
    for (const char* name :
         {"exact.txt", "readable/below.txt", "outside/secret.txt",
          "outside/new_exact.txt", "outside/new_below.txt"}) {
      fs::permissions(folder.Write(name, "text\n"), fs::perms(0666));
    }
    const ProgramResult result =
        RunProgram({{"env", "NOTIFY_SOCKET=" + folder.Path("notify"),
                     OCTROI_SANDBOX_PROBE, mode, folder.Path("")}});
    exit_code_ = result.exit_code;
    text_ = result.out;
    std::istringstream lines(text_);
    std::string name;
    std::string value;
    while (lines >> name && std::getline(lines >> std::ws, value)) {
      by_name_[name] = value;
    }
  }

  std::string operator[](const std::string& name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? "not tried" : found->second;
  }

  // Of names that begin so, and have that result if one is given.
  size_t CountOf(
      const std::string& prefix,
      const std::optional<std::string>& result = std::nullopt) const {
    size_t count = 0;
    for (const auto& [name, value] : by_name_) {
      if (name.starts_with(prefix) && value == result.value_or(value)) ++count;
    }
    return count;
  }

  // Why the probe could not begin, or "".
  std::string obstacle() const {
    return by_name_.contains("setup") ? by_name_.at("setup") : "";
  }

  int exit_code() const { return exit_code_; }
  // As the probe printed them.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::map<std::string, std::string> by_name_;
  int exit_code_ = -1;
};

struct Expectation {
  const char* name;
  const char* result;
};

void ExpectAll(const Findings& findings,
               std::initializer_list<Expectation> expectations) {
  for (const Expectation& expected : expectations) {
    EXPECT_EQ(findings[expected.name], expected.result) << expected.name;
  }
}

bool HasLandlock(const Findings& findings) {
  return findings["landlock_abi"] != "0";
}

// The mode "root" needs that uid; "user" is tried by whoever runs the test.
class SandboxTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "root" && ::geteuid() != 0) {
      GTEST_SKIP() << "needs to be root";
    }
    findings_.emplace(GetParam());
    if (!findings_->obstacle().empty()) GTEST_SKIP() << findings_->obstacle();
    ASSERT_EQ((*findings_)["finished"], "ok") << (*findings_)["error"];
  }

  // Of tests that need packet sockets.
  bool HasInterfaces() const { return ::geteuid() == 0; }
  const Findings& findings() const { return *findings_; }

 private:
  std::optional<Findings> findings_;
};

INSTANTIATE_TEST_SUITE_P(Modes, SandboxTest, ::testing::Values("root", "user"),
                         [](const auto& mode) {
                           return std::string(mode.param);
                         });

TEST_P(SandboxTest, ReadsAndWritesInItsFoldersAndNowhereElse) {
  if (!HasLandlock(findings())) GTEST_SKIP() << findings()["measure_landlock"];

  ExpectAll(findings(), {{"read_outside", "EACCES"},
                         {"read_passwd", "EACCES"},
                         {"read_proc", "EACCES"},
                         {"list_outside", "EACCES"},
                         {"write_outside", "EACCES"},
                         {"read_readable", "ok"},
                         {"list_readable", "ok"},
                         {"write_readable", "EACCES"},
                         {"create_readable", "EACCES"},
                         {"unlink_readable", "EACCES"},
                         {"read_exact", "ok"},
                         {"create_writable", "ok"},
                         {"write_writable", "ok"},
                         {"sync_writable", "ok"},
                         {"lock_writable", "ok"},
                         {"truncate_writable", "ok"},
                         {"rename_writable", "ok"},
                         {"rename_outside", "EACCES"},
                         {"unlink_writable", "ok"}});
}

TEST_P(SandboxTest, RefusesWhatTheKernelsLandlockCanRefuse) {
  const struct {
    int abi;
    const char* name;
    const char* result;
  } cases[] = {
      {3, "truncate_readable", "EACCES"},
      {4, "bind_tcp", "EACCES"},
      {6, "abstract_send", "EPERM"},
  };
  for (const auto& test : cases) {
    if (std::stoi(findings()["landlock_abi"]) < test.abi) continue;
    EXPECT_EQ(findings()[test.name], test.result) << test.name;
  }
}

// What readable_paths says of files that are replaced.
TEST_P(SandboxTest, ReadsAReplacedFileBelowAFolderOnly) {
  if (!HasLandlock(findings())) GTEST_SKIP() << findings()["measure_landlock"];

  ExpectAll(findings(), {{"replace_files", "ok"},
                         {"read_replaced_below", "ok"},
                         {"read_replaced_exact", "EACCES"}});
}

TEST_P(SandboxTest, RefusesEveryCallThatOctroiDoesNotMake) {
  EXPECT_EQ(findings().CountOf("refused_"), 55U);
  EXPECT_EQ(findings().CountOf("refused_", "EPERM"), 55U) << findings().text();
  ExpectAll(findings(), {{"mmap_executable", "EPERM"},
                         {"mprotect_executable", "EPERM"},
                         {"pkey_mprotect", "EPERM"},
                         {"clone3", "ENOSYS"}});
}

TEST_P(SandboxTest, LetsADaemonInCppRun) {
  EXPECT_EQ(findings().CountOf("allowed_"), 16U);
  EXPECT_EQ(findings().CountOf("allowed_", "ok"), 16U) << findings().text();
  ExpectAll(findings(), {{"mmap", "ok"},
                         {"mprotect", "ok"},
                         {"madvise", "ok"},
                         {"malloc", "ok"},
                         {"exception", "ok"},
                         {"iterate_folder", "ok"}});
}

TEST_P(SandboxTest, SetsLimitsThatStay) {
  ExpectAll(findings(), {{"limit_core", "0 0"},
                         {"limit_open_files", "256 256"},
                         {"refused_set_limit", "EPERM"}});
}

TEST_P(SandboxTest, ServesTheListenerAndTellsSystemd) {
  ExpectAll(findings(), {{"accept", "ok"},
                         {"setsockopt_nodelay", "ok"},
                         {"send_connection", "ok"},
                         {"socket_unix_datagram", "ok"},
                         {"notify", "ok"},
                         {"notified", "READY=1"}});
}

TEST_P(SandboxTest, KnowsWhatTheKernelSaysOfTheProcess) {
  ExpectAll(findings(), {{"process_stats", "complete"}});
}

TEST_P(SandboxTest, WritesToTheJournal) {
  if (!HasInterfaces()) GTEST_SKIP() << "needs root, for a journal of its own";

  ExpectAll(
      findings(),
      {{"journal", "ok"}, {"journal_arrives", "ok"}, {"journal_long", "ok"}});
}

TEST_P(SandboxTest, ConfinesThreadsThatRunAndThreadsThatCome) {
  EXPECT_EQ(findings()["threads"], "2");
  ExpectAll(findings(), {{"early_NoNewPrivs", "1"},
                         {"early_Seccomp", "2"},
                         {"early_CapEff", "0000000000000000"},
                         {"early_CapPrm", "0000000000000000"},
                         {"early_thread_socket", "EPERM"},
                         {"later_thread_exec", "EPERM"}});
  if (!HasLandlock(findings())) return;
  ExpectAll(findings(),
            {{"early_thread_read", "EACCES"}, {"later_thread_read", "EACCES"}});
}

TEST_P(SandboxTest, LeavesNoCapability) {
  ExpectAll(findings(), {{"main_CapInh", "0000000000000000"},
                         {"main_CapPrm", "0000000000000000"},
                         {"main_CapEff", "0000000000000000"},
                         {"main_CapAmb", "0000000000000000"},
                         {"main_NoNewPrivs", "1"},
                         {"main_Seccomp", "2"}});
  if (std::string(GetParam()) != "root") return;
  ExpectAll(findings(), {{"main_CapBnd", "0000000000000000"},
                         {"early_CapBnd", "0000000000000000"},
                         {"measure_capabilities",
                          "full: left: none; uid 0 stands for none, but owns "
                          "root's files"}});
}

TEST_P(SandboxTest, ReceivesPacketsOnSocketsThatWereOpenBefore) {
  if (!HasInterfaces()) GTEST_SKIP() << "needs root, for packet sockets";

  ExpectAll(findings(), {{"send_udp", "ok"},
                         {"packets_receive", "ok"},
                         {"packets_statistics", "ok"},
                         {"packets_counted", "some"}});
}

// An interface that comes back needs no privilege. The kernel binds no socket
// that is in a fanout group (packet_do_bind() in net/packet/af_packet.c): such
// a source needs spare sockets, which join a group after they are bound.
TEST_P(SandboxTest, BindsPacketSocketsToAnInterfaceThatCameBack) {
  if (findings()["recreate"] == "not tried") {
    GTEST_SKIP() << "needs root, the program ip and veth interfaces";
  }

  ExpectAll(findings(), {{"recreate", "ok"},
                         {"veth_gone", "ENETDOWN"},
                         {"rebind", "ok"},
                         {"rebind_promiscuous", "ok"},
                         {"rebind_filter", "ok"},
                         {"rebind_in_fanout", "EINVAL"},
                         {"bind_spare", "ok"},
                         {"spare_fanout", "ok"},
                         {"send_frame", "ok"},
                         {"rebound_receive", "ok"},
                         {"rebound_counted", "some"},
                         {"spare_receive", "ok"},
                         {"spare_counted", "some"}});
}

TEST(SandboxModesTest, SaysWhatFailedAndWhatToDo) {
  const struct {
    const char* mode;
    const char* error;
  } cases[] = {
      {"missing_path",
       "/nowhere/x: cannot be opened for the sandbox: No such "
       "file or directory; it must exist before the daemon"},
      {"file_to_write",
       "exact.txt: cannot be opened for the sandbox: Not a "
       "directory"},
      {"limit_too_high",
       "sandbox: RLIMIT_NOFILE cannot be set to 1073741824: "
       "Operation not permitted; raise the limit"},
      {"no_filter",
       "system call filter: cannot be loaded: Invalid argument; "
       "the kernel needs CONFIG_SECCOMP_FILTER"},
      {"deaf",
       "does not answer SIGSYS; the library that started it must not "
       "block that signal"},
  };
  for (const auto& test : cases) {
    const Findings findings(test.mode);
    if (!findings.obstacle().empty()) GTEST_SKIP() << findings.obstacle();
    EXPECT_THAT(findings["error"], HasSubstr(test.error)) << test.mode;
  }
}

TEST(SandboxModesTest, GoesOnWithoutLandlockAndSaysSo) {
  const Findings findings("old_kernel");
  if (!findings.obstacle().empty()) GTEST_SKIP() << findings.obstacle();

  ExpectAll(findings, {{"landlock_abi", "0"},
                       {"measure_landlock",
                        "partial: none: this kernel has none (Linux 5.13 "
                        "has); permissions alone bound the files"},
                       {"main_Seccomp", "2"},
                       {"early_thread_read", "ok"},
                       {"early_thread_socket", "EPERM"},
                       {"finished", "ok"}});
}

TEST(SandboxModesTest, GoesOnWithoutTheFilterWhereThatIsAllowed) {
  const Findings findings("filter_optional");
  if (!findings.obstacle().empty()) GTEST_SKIP() << findings.obstacle();

  EXPECT_THAT(
      findings["measure_seccomp"],
      StartsWith("partial: none: system call filter: cannot be loaded"));
  EXPECT_EQ(findings["early_thread_socket"], "ok");
  EXPECT_EQ(findings["main_CapEff"], "0000000000000000");
}

TEST(SandboxModesTest, SendsToAbstractSocketsWhereThatIsAskedFor) {
  const Findings findings("abstract");
  if (!findings.obstacle().empty()) GTEST_SKIP() << findings.obstacle();

  EXPECT_EQ(findings["abstract_send"], "ok");
}

TEST(SandboxModesTest, KeepsTheCapabilitiesThatAreAskedForAndSaysSo) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to have a capability";
  const Findings findings("kept");
  if (!findings.obstacle().empty()) GTEST_SKIP() << findings.obstacle();

  ExpectAll(findings, {{"main_CapEff", "0000000000002000"},
                       {"main_CapBnd", "0000000000002000"},
                       {"early_CapEff", "0000000000002000"},
                       {"measure_capabilities",
                        "partial: left: CAP_NET_RAW; uid 0 stands for none, "
                        "but owns root's files"}});
}

TEST(SandboxModesTest, EndsAtACallInTheNumberingOfAnotherArchitecture) {
  const Findings findings("foreign");
  if (!findings.obstacle().empty()) GTEST_SKIP() << findings.obstacle();

  EXPECT_EQ(findings["main_Seccomp"], "2");
  EXPECT_EQ(findings.exit_code(), kEndedBySigsys);
}

TEST(SandboxMeasuresTest, CallsNothingFullThatIsMissing) {
  SandboxLevel level;
  level.capabilities = 1ULL << 12 | 1ULL << 13 | 1ULL << 62;
  level.bounding_set = ~0ULL;
  level.is_root = true;
  level.landlock_gap = "switched off";
  level.seccomp_gap = "refused";

  const std::vector<SandboxMeasure> measures = SandboxMeasures(level);

  const struct {
    const char* label;
    bool is_full;
    const char* text;
  } expected[] = {
      {"capabilities", false,
       "left: CAP_NET_ADMIN CAP_NET_RAW capability 62; uid 0 was not locked "
       "for lack of CAP_SETPCAP, and owns root's files; the bounding set stays "
       "for lack of CAP_SETPCAP, and is of no use under no_new_privs"},
      {"no_new_privs", false, "not set"},
      {"landlock", false,
       "none: switched off; permissions alone bound the files"},
      {"limits", true, "no core file, open files as started with"},
      {"seccomp", false, "none: refused"},
  };
  ASSERT_EQ(measures.size(), std::size(expected));
  for (size_t i = 0; i < measures.size(); ++i) {
    EXPECT_STREQ(measures[i].label, expected[i].label);
    EXPECT_EQ(measures[i].is_full, expected[i].is_full) << measures[i].label;
    EXPECT_EQ(measures[i].text, expected[i].text);
  }
}

TEST(SandboxMeasuresTest, NamesWhatAnOldLandlockLeavesOpen) {
  SandboxLevel level;
  level.landlock_abi = 5;
  level.landlock_gap = "signals of others";
  level.readable_paths = 3;
  level.writable_folders = 2;

  const SandboxMeasure landlock = SandboxMeasures(level)[2];

  EXPECT_FALSE(landlock.is_full);
  EXPECT_EQ(landlock.text,
            "ABI 5, 3 paths to read, 2 folders to write; does not restrict "
            "signals of others");
}

TEST(SandboxMeasuresTest, NamesCapabilitiesByTheirNumber) {
  EXPECT_EQ(CapabilityNames(0), "none");
  EXPECT_EQ(CapabilityNames(1), "CAP_CHOWN");
  EXPECT_EQ(CapabilityNames(1ULL << 40 | 1ULL << 8),
            "CAP_SETPCAP CAP_CHECKPOINT_RESTORE");
}

}  // namespace
}  // namespace octroi
