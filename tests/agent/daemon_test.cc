// SPDX-License-Identifier: Apache-2.0
// `octroi run` as a process of its own, between two hosts of the test's own.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "agent/http_listener.h"
#include "agent/state_directory.h"
#include "evidence/json.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/replay/small_facts.h"
#include "tests/support/http_client.h"
#include "tests/support/network_lab.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::BasicAuthLine;
using ::octroi::testing::CertificateAndKey;
using ::octroi::testing::HttpClient;
using ::octroi::testing::MakeCertificate;
using ::octroi::testing::NetworkLab;
using ::octroi::testing::ReadFile;
using ::octroi::testing::TempDir;
using ::octroi::testing::TlsClientOptions;
using ::octroi::testing::WriteSmallFacts;
using ::testing::HasSubstr;
using ::testing::Not;

// Where a service manager would listen.
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& path) : path_(path) {
    descriptor_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(descriptor_, reinterpret_cast<const sockaddr*>(&address),
                   sizeof(address)),
              0);
  }
  ~NotifySocket() { close(descriptor_); }

  // Waits for a message that has `part`. False if none comes in a minute.
  bool WaitFor(const std::string& part) {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      pollfd waiting = {descriptor_, POLLIN, 0};
      if (poll(&waiting, 1, 1000) <= 0) continue;
      char text[4096];
      const ssize_t size = recv(descriptor_, text, sizeof(text), 0);
      if (size <= 0) continue;
      last_ = std::string(text, static_cast<size_t>(size));
      if (last_.find(part) != std::string::npos) return true;
    }
    return false;
  }
  // Whether a message is waiting; throws away what is.
  bool Drain() {
    bool had_any = false;
    char text[4096];
    while (recv(descriptor_, text, sizeof(text), MSG_DONTWAIT) > 0) {
      had_any = true;
    }
    return had_any;
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  int descriptor_ = -1;
  std::string last_;
};

class DaemonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why_not;
    lab_ = NetworkLab::Create(&why_not);
    if (lab_ == nullptr) GTEST_SKIP() << why_not;
    notify_ = std::make_unique<NotifySocket>(dir_.Path("notify"));
    std::filesystem::create_directory(dir_.Path("log"));
    // Those that ship take seconds to load in a debug build.
    WriteSmallFacts(dir_, "facts");
    WriteConfig("eu");
  }
  void TearDown() override {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      Wait();
    }
  }

  void WriteConfig(const std::string& location,
                   const std::string& metrics = "listen: 127.0.0.1:9469") {
    dir_.Write("octroi.yaml",
               fmt::format("sources: [{{interface: here0, filter: udp}}]\n"
                           "facts: {{country: facts/dbip-country.mmdb, "
                           "asn: facts/asn.mmdb}}\n"
                           "local_networks: [192.0.2.1, '2001:db8::1']\n"
                           "policy: {{workloads: [{{name: all, addresses: "
                           "[any], requires: {{location: {}}}}}]}}\n"
                           "state_directory: {}\n"
                           "flow_log: {{path: {}, verdicts: [not_judged, "
                           "compliant, excepted, undetermined, violation]}}\n"
                           "metrics: {{{}}}\n",
                           location, dir_.Path("state"),
                           dir_.Path("log/flows.jsonl"), metrics));
  }
  // A certificate, its key, and a user whose password is U*U.
  CertificateAndKey WriteWebConfig() {
    const CertificateAndKey own = MakeCertificate("localhost", "IP:127.0.0.1");
    std::filesystem::create_directory(dir_.Path("web"));
    dir_.Write("web/cert.pem", own.certificate);
    dir_.Write("web/key.pem", own.key);
    dir_.Write("web/web.yml",
               "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"
               "basic_auth_users:\n"
               "  prometheus: $2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQ"
               "Yb4YMJKvyOeW\n");
    return own;
  }

  // Starts the daemon; its standard error goes to a file. `listener` is handed
  // over as a service manager does, if there is one.
  void Spawn(int listener = -1) {
    std::vector<std::string> environment = {
        "NOTIFY_SOCKET=" + notify_->path(), "WATCHDOG_USEC=1000000",
        // At its end the sanitizer would trace threads, which is forbidden.
        "ASAN_OPTIONS=detect_leaks=0", "PATH=/usr/bin:/bin"};
    std::vector<char*> variables;
    for (std::string& one : environment) variables.push_back(one.data());
    variables.push_back(nullptr);
    std::string program = OCTROI_BINARY_DIR "/bin/octroi";
    std::string run = "run";
    std::string option = "--config";
    std::string config = dir_.Path("octroi.yaml");
    std::vector<char*> arguments = {program.data(), run.data(), option.data(),
                                    config.data(), nullptr};
    // The process that promises the socket is the one that gets it.
    std::string shell = "/bin/sh";
    std::string flag = "-c";
    std::string script = "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\"";
    if (listener >= 0) {
      arguments.insert(arguments.begin(),
                       {shell.data(), flag.data(), script.data()});
    }
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    if (listener >= 0) posix_spawn_file_actions_adddup2(&files, listener, 3);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO,
                                     dir_.Path("stderr").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0644);
    ASSERT_EQ(posix_spawn(&child_, arguments[0], &files, nullptr,
                          arguments.data(), variables.data()),
              0);
    posix_spawn_file_actions_destroy(&files);
  }
  void Start(int listener = -1) {
    Spawn(listener);
    ASSERT_TRUE(notify_->WaitFor("READY=1")) << ReadFile(dir_.Path("stderr"));
  }
  int Wait() {
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int Stop() {
    kill(child_, SIGTERM);
    return Wait();
  }
  std::string errors() const { return ReadFile(dir_.Path("stderr")); }

  // Sends datagrams to the other host.
  void Send(int count, size_t octets) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(4000);
    to.sin_addr.s_addr = htonl(0xC0000202);  // 192.0.2.2
    const int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    const std::string payload(octets, 'x');
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(sendto(descriptor, payload.data(), payload.size(), 0,
                       reinterpret_cast<const sockaddr*>(&to), sizeof(to)),
                static_cast<ssize_t>(octets));
    }
    close(descriptor);
  }

  // The sum of a member over all flow records.
  uint64_t SumOf(const std::string& member) {
    std::ifstream file(dir_.Path("log/flows.jsonl"));
    uint64_t sum = 0;
    for (std::string line; std::getline(file, line);) {
      sum += Json::parse(line).at(member).get<uint64_t>();
    }
    return sum;
  }
  DaemonState State() {
    const auto state = StateFromText(ReadFile(dir_.Path("state/state.json")));
    EXPECT_TRUE(state.ok()) << state.status();
    return state.ok() ? *state : DaemonState();
  }

  TempDir dir_;
  std::unique_ptr<NetworkLab> lab_;
  std::unique_ptr<NotifySocket> notify_;
  pid_t child_ = 0;
};

TEST_F(DaemonTest, AccountsForEveryOctetAndEndsInOrder) {
  Start();
  Send(1000, 500);
  // What is in the ring is received before it ends; the watchdog is fed when
  // workers have come round.
  ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));
  ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));

  EXPECT_EQ(Stop(), 0) << errors();

  EXPECT_EQ(SumOf("packets"), 1000u) << errors();
  EXPECT_EQ(SumOf("octets"), 1000u * (20 + 8 + 500));
  const DaemonState state = State();
  EXPECT_TRUE(state.has_ended);
  EXPECT_EQ(state.run_count, 1u);
  EXPECT_EQ(state.totals.received_packets, 1000u);
  EXPECT_EQ(state.totals.lost_packets, 0u);
}

TEST_F(DaemonTest, IsRefusedWhereAnotherOneRuns) {
  Start();
  const pid_t first = child_;

  Spawn();

  EXPECT_EQ(Wait(), 1);
  EXPECT_THAT(errors(), HasSubstr("another octroi (process "));
  child_ = first;
  EXPECT_EQ(Stop(), 0);
}

TEST_F(DaemonTest, ReloadsUnderTrafficAndMissesNoPacket) {
  Start();
  for (int i = 0; i < 4; ++i) {
    Send(200, 100);
    WriteConfig(i % 2 == 0 ? "eea" : "eu");
    kill(child_, SIGHUP);
    Send(200, 100);
    ASSERT_TRUE(notify_->WaitFor("READY=1")) << errors();
    Send(200, 100);
  }
  ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));
  ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));

  EXPECT_EQ(Stop(), 0) << errors();

  EXPECT_EQ(SumOf("packets"), 4u * 600) << errors();
  EXPECT_THAT(errors(), HasSubstr("reload: policy"));
}

TEST_F(DaemonTest, KeepsItsEditionWhereTheNewOneIsBad) {
  Start();
  const std::string before = State().edition_digest;
  dir_.Write("octroi.yaml",
             "sources: [{interface: here0}]\npolicy: {wrk: 1}\n");

  kill(child_, SIGHUP);

  ASSERT_TRUE(notify_->WaitFor("READY=1"));
  EXPECT_THAT(errors(), HasSubstr("unknown key \"wrk\""));
  EXPECT_EQ(Stop(), 0);
  EXPECT_EQ(State().edition_digest, before);
}

// What only a start brings into force is not adopted, and not passed over.
TEST_F(DaemonTest, SaysWhatAReloadCannotChange) {
  Start();
  WriteConfig("eu", "listen: 127.0.0.1:9999");
  std::ofstream(dir_.Path("octroi.yaml"), std::ios::app)
      << "flow_table: {memory_mib: 8}\ndpdk: {memory_mib: 64}\n";

  kill(child_, SIGHUP);

  ASSERT_TRUE(notify_->WaitFor("READY=1"));
  EXPECT_EQ(Stop(), 0);
  for (const char* key : {"flow_table", "dpdk", "metrics.listen"}) {
    EXPECT_THAT(errors(),
                HasSubstr(fmt::format(
                    "octroi: reload: {}: cannot be changed by a reload, what "
                    "it was at the start stays in force; restart octroi",
                    key)));
  }
  EXPECT_THAT(errors(), Not(HasSubstr("flow_log: cannot")));
  EXPECT_THAT(errors(), HasSubstr("nothing has changed"));
}

TEST_F(DaemonTest, ReloadsByItselfAlsoForAFileThatAReloadHasNamed) {
  const std::string ranges =
      "prefix,provider,service_id,region,region_country,grade,source,"
      "retrieved,note\n";
  dir_.Write("ranges.csv", ranges);
  std::ofstream(dir_.Path("octroi.yaml"), std::ios::app)
      << "reload: on_change\n";
  Start();
  std::string config = ReadFile(dir_.Path("octroi.yaml"));
  const std::string asn = "asn: facts/asn.mmdb";
  config.insert(config.find(asn) + asn.size(), ", ranges: ranges.csv");
  dir_.Write("octroi.yaml", config);
  ASSERT_TRUE(notify_->WaitFor("READY=1")) << errors();
  EXPECT_THAT(errors(), HasSubstr("change: ranges.csv: new"));

  dir_.Write("ranges.csv", ranges +
                               "203.0.113.9/32,Somebody,,,FR,asserted,"
                               "a test,2026-01,\n");

  ASSERT_TRUE(notify_->WaitFor("READY=1")) << errors();
  EXPECT_THAT(errors(), HasSubstr("change: ranges.csv: 2026-01-01 instead of"));
  EXPECT_EQ(Stop(), 0);
}

TEST_F(DaemonTest, IsReadByTheNextRunAfterAKill) {
  uint64_t received = 0;
  for (uint64_t run = 1; run <= 3; ++run) {
    Start();
    Send(50, 100);
    ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));
    kill(child_, SIGKILL);
    EXPECT_EQ(Wait(), -SIGKILL);
    const DaemonState state = State();
    EXPECT_EQ(state.run_count, run);
    EXPECT_FALSE(state.has_ended);
    EXPECT_GE(state.totals.received_packets, received);
    received = state.totals.received_packets;
  }
  EXPECT_THAT(errors(), HasSubstr("did not end by itself"));
}

TEST_F(DaemonTest, DoesNotFeedTheWatchdogWhileItIsStopped) {
  Start();
  ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));

  kill(child_, SIGSTOP);
  int status = 0;
  ASSERT_EQ(waitpid(child_, &status, WUNTRACED), child_);
  notify_->Drain();

  EXPECT_FALSE(notify_->Drain());
  kill(child_, SIGCONT);
  EXPECT_TRUE(notify_->WaitFor("WATCHDOG=1"));
  EXPECT_EQ(Stop(), 0);
}

TEST_F(DaemonTest, FollowsAnInterfaceThatIsMadeAnewWithoutAnyPrivilege) {
  Start();
  ASSERT_TRUE(lab_->Run("ip link del here0"));
  // Twice: the state is looked at between two feedings.
  ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));
  ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));
  ASSERT_TRUE(lab_->MakeWire());
  ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));
  ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));
  Send(100, 100);
  ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));
  ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));

  EXPECT_EQ(Stop(), 0) << errors();

  EXPECT_EQ(SumOf("packets"), 100u) << errors();
  EXPECT_GT(State().totals.blind_ns, 0);
}

TEST_F(DaemonTest, ReceivesACaptureOnceAndStaysWell) {
  dir_.Write("octroi.yaml",
             fmt::format("sources: [{{file: {}}}]\n"
                         "facts: {{country: facts/dbip-country.mmdb, "
                         "asn: facts/asn.mmdb}}\n"
                         "state_directory: {}\n",
                         OCTROI_BINARY_DIR "/examples/branch-office.pcapng",
                         dir_.Path("state")));
  Start();
  // The capture has ended long before its worker would count as stalled.
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));

  EXPECT_EQ(Stop(), 0) << errors();

  EXPECT_GT(State().totals.received_packets, 0u);
  EXPECT_EQ(State().totals.blind_ns, 0) << errors();
}

TEST_F(DaemonTest, ServesMetricsInsideTheSandbox) {
  const CertificateAndKey own = WriteWebConfig();
  WriteConfig("eu", "web_config: web/web.yml");
  Start();
  EXPECT_THAT(errors(), HasSubstr("metrics: served at 127.0.0.1:9469, "
                                  "encrypted, with passwords"));
  ASSERT_TRUE(notify_->WaitFor("WATCHDOG=1"));
  TlsClientOptions tls;
  tls.authority = own.certificate;
  const auto status_of = [&](const std::string& path,
                             const std::string& password) {
    HttpClient client("127.0.0.1:9469", &tls);
    return client.Get(path, BasicAuthLine("prometheus", password)).status;
  };

  EXPECT_EQ(status_of("/metrics", "U*U"), 200);
  EXPECT_EQ(status_of("/-/ready", "U*U"), 200);
  EXPECT_EQ(status_of("/metrics", "wrong"), 401);

  // What is bad leaves what was there.
  dir_.Write("web/key.pem", MakeCertificate("other", "").key);
  kill(child_, SIGHUP);
  ASSERT_TRUE(notify_->WaitFor("READY=1"));
  EXPECT_THAT(errors(), HasSubstr("is not the key of"));
  EXPECT_THAT(errors(), HasSubstr("metrics.web_config: not taken"));
  EXPECT_EQ(status_of("/metrics", "U*U"), 200);

  // And what is good is taken, though the edition stays.
  const CertificateAndKey next = WriteWebConfig();
  kill(child_, SIGHUP);
  ASSERT_TRUE(notify_->WaitFor("READY=1"));
  EXPECT_EQ(status_of("/metrics", "U*U"), 0);
  tls.authority = next.certificate;
  EXPECT_EQ(status_of("/metrics", "U*U"), 200);
  EXPECT_EQ(Stop(), 0) << errors();
}

TEST_F(DaemonTest, RemovesTheSocketOfItsMetrics) {
  std::filesystem::create_directory(dir_.Path("run"));
  const std::string path = dir_.Path("run/metrics.sock");
  WriteConfig("eu", "listen: 'unix:" + path + "'");
  Start();

  EXPECT_EQ(HttpClient("unix:" + path).Get("/metrics").status, 200);

  EXPECT_EQ(Stop(), 0) << errors();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(DaemonTest, TakesOverASocketFromTheServiceManager) {
  const auto listener =
      HttpListener::Open(ParseListenAddress("127.0.0.1:0").value());
  ASSERT_TRUE(listener.ok()) << listener.status();
  WriteConfig("eu", "listen: systemd");
  Start((*listener)->descriptor());

  EXPECT_EQ(HttpClient((*listener)->address()).Get("/metrics").status, 200);

  EXPECT_THAT(errors(), HasSubstr("served at " + (*listener)->address()));
  EXPECT_EQ(Stop(), 0) << errors();
}

TEST_F(DaemonTest, ListensNowhereWhereThatIsAskedFor) {
  WriteConfig("eu", "listen: none");
  Start();

  EXPECT_FALSE(HttpClient("127.0.0.1:9469").is_connected());

  EXPECT_EQ(Stop(), 0) << errors();
}

TEST_F(DaemonTest, SaysThatThePortOfItsMetricsIsTaken) {
  const auto listener =
      HttpListener::Open(ParseListenAddress("127.0.0.1:9469").value());
  ASSERT_TRUE(listener.ok()) << listener.status();
  Spawn();

  EXPECT_EQ(Wait(), 1);
  EXPECT_THAT(errors(), HasSubstr("metrics.listen: 127.0.0.1:9469: Address "
                                  "already in use; stop what listens there"));
}

TEST_F(DaemonTest, SaysWhatItCannotStartWith) {
  dir_.Write("octroi.yaml", "sources: [{interface: nowhere0}]\n");
  Spawn();

  EXPECT_EQ(Wait(), 2);
  EXPECT_THAT(errors(), HasSubstr("nowhere0 is not a network interface"));
}

}  // namespace
}  // namespace octroi
