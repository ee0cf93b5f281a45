// SPDX-License-Identifier: Apache-2.0
// DPDK as a whole: its start, and packets from its devices through a worker.
// Interfaces are those of a network namespace of the test's own.
#include "dataplane/dpdk.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/capture_source.h"
#include "dataplane/collecting_sink.h"
#include "dataplane/dpdk_device.h"
#include "dataplane/interface_point.h"
#include "dataplane/replay.h"
#include "dataplane/worker.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/edition.h"
#include "tests/support/mixed_traffic.h"
#include "tests/support/network_namespace.h"
#include "tests/support/shared_dpdk.h"
#include "tests/support/small_world.h"

namespace octroi {
namespace {

using testing::Cable;
using ::testing::ElementsAre;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;
using testing::kStart;
using ::testing::MatchesRegex;
using testing::OpenDevices;
using testing::SharedDpdk;
using testing::SmallWorld;

// In a process of its own: DPDK starts once in a process.
void StartAndExit(const DpdkOptions& options) {
  const auto dpdk = StartDpdk(options);
  const std::string message =
      dpdk.ok() ? "started" : std::string(dpdk.status().message());
  std::fprintf(stderr, "%s\n", message.c_str());
  std::_Exit(0);
}

class DpdkStartTest : public ::testing::Test {
 protected:
  // The statement runs in a new process, not in a copy of this one.
  DpdkStartTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(DpdkStartTest, SaysThatNoHugePageIsFree) {
  if (FreeHugePages("/sys") > 0) GTEST_SKIP() << "this machine has huge pages";

  EXPECT_EXIT(StartAndExit({}), ExitedWithCode(0),
              "dpdk: no huge page is free; set some aside with: echo 512 > "
              "/proc/sys/vm/nr_hugepages, or do without huge pages");
}

TEST_F(DpdkStartTest, StartsInHugePages) {
  if (FreeHugePages("/sys") < 64) {
    GTEST_SKIP() << "fewer than 64 huge pages are free";
  }

  EXPECT_EXIT(StartAndExit({}), ExitedWithCode(0), "started");
}

TEST_F(DpdkStartTest, RefusesWhatIsNotADevice) {
  EXPECT_EXIT(StartAndExit({.devices = {"3b:00.0;"}, .use_huge_pages = false}),
              ExitedWithCode(0),
              "dpdk: \"3b:00.0;\" is not a device; write a PCI");
}

TEST_F(DpdkStartTest, RefusesMoreMemoryThanThereIs) {
  DpdkOptions options;
  options.use_huge_pages = false;
  options.memory_megabytes = UINT32_MAX;

  EXPECT_EXIT(StartAndExit(options), ExitedWithCode(0),
              "dpdk: 4294967295 MB of memory are wanted; this machine has");
}

TEST(DpdkTest, StartsOnceInAProcess) {
  SharedDpdk();

  const auto again = StartDpdk({.use_huge_pages = false});

  ASSERT_FALSE(again.ok());
  EXPECT_THAT(std::string(again.status().message()),
              HasSubstr("can be started once only"));
}

TEST(DpdkTest, WritesNothingToStdout) {
  ::testing::internal::CaptureStdout();

  const auto ports = OpenDevices({"net_null0"});
  const auto refused = OpenDevices({"net_null1,length=1"});

  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_TRUE(ports.ok()) << ports.status();
}

TEST(DpdkTest, SaysItsVersion) {
  EXPECT_THAT(DpdkVersion(), MatchesRegex("[0-9]+\\.[0-9]+.*"));
}

TEST(DpdkTest, PinsAWorkersThreadAndTakesItBack) {
  Dpdk* const dpdk = SharedDpdk();
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &allowed)) ++cpu;
  absl::Status registered = absl::UnknownError("not called");
  absl::Status misplaced = absl::OkStatus();
  cpu_set_t pinned;

  std::thread worker([&] {
    registered = dpdk->RegisterThread(cpu);
    sched_getaffinity(0, sizeof(pinned), &pinned);
    misplaced = dpdk->RegisterThread(CPU_SETSIZE);
    dpdk->UnregisterThread();
  });
  worker.join();

  EXPECT_TRUE(registered.ok()) << registered;
  EXPECT_EQ(CPU_COUNT(&pinned), 1);
  EXPECT_TRUE(CPU_ISSET(cpu, &pinned));
  EXPECT_THAT(std::string(misplaced.message()),
              HasSubstr("a worker cannot run on CPU 1024"));
}

AccountTotals SumOf(const Accounts& accounts) {
  AccountTotals sum;
  for (const Account& account : accounts.view()) sum += account.Read();
  return sum;
}

// Rounds without a packet after which a test stops waiting for one.
constexpr size_t kPatience = 20'000'000;

// Brings to the accounts what stands in open records.
void Settle(Worker* worker) {
  const uint64_t settlement = worker->RequestSettlement();
  while (worker->settlement_count() < settlement) worker->RunOnce();
}

void RunUntil(Worker* worker, uint64_t packets) {
  size_t empty_count = 0;
  while (worker->counters().received.Read() < packets &&
         empty_count < kPatience) {
    empty_count = worker->RunOnce() == 0 ? empty_count + 1 : 0;
  }
  Settle(worker);
}

// A capture as net_pcap tells it: of a packet that was cut off, it says what is
// left and not how long the packet was.
class WithoutWireLength final : public ReplaySource {
 public:
  explicit WithoutWireLength(ReplaySource* source) : source_(source) {}
  size_t ReceiveBurst(PacketBurst* burst) override {
    source_->ReceiveBurst(burst);
    for (Packet& packet : std::span(burst->packets.data(), burst->size)) {
      packet.wire_octets = packet.captured_octets;
    }
    return burst->size;
  }
  void ReleaseBurst(PacketBurst* burst) override {
    source_->ReleaseBurst(burst);
  }
  bool is_finished() const override { return source_->is_finished(); }
  void HoldBytes(HeldBytes* held) override { source_->HoldBytes(held); }

 private:
  ReplaySource* const source_;
};

// The accounts of both, but for the number of flows: a capture's own times say
// when a flow ends, and DPDK's device hands it over as fast as it can.
AccountRows WithoutFlows(AccountRows rows) {
  for (AccountRow& row : rows) row.totals.flows = 0;
  return rows;
}

TEST(DpdkTest, AccountsACaptureAsReplayDoes) {
  const SmallWorld world;
  const auto local = [](const char* text) {
    return IpPrefix::Parse(text).value();
  };
  const WorkloadIndex workloads = WorkloadIndex::Create(
      world.policy(), {local("10.0.0.0/8"), local("2001:db8:42::/48")});
  const auto atlases =
      AtlasTimeline::Create(world.facts(), ExceptionMarks(world.policy()))
          .value();
  // One day's edition for both, whatever the clock says.
  EditionTimeline timeline(atlases.get(), workloads, world.policy(),
                           DayOf(kStart));
  TimelineEditions editions(&timeline);
  const std::string path =
      std::string(OCTROI_BINARY_DIR) + "/examples/branch-office.pcapng";
  const auto capture = CaptureSource::Create({.paths = {path}});
  ASSERT_TRUE(capture.ok()) << capture.status();
  WithoutWireLength cut(capture->get());
  const auto replayed = Replay({}, &cut, &editions);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  ASSERT_TRUE((*capture)->statuses()[0].ok()) << (*capture)->statuses()[0];

  const auto ports = OpenDevices({"net_pcap0,rx_pcap=" + path});
  ASSERT_TRUE(ports.ok()) << ports.status();
  Worker worker({}, (*ports)->sources()[0].get(), &editions, nullptr);
  RunUntil(&worker, replayed->counters.received);

  EXPECT_GT(replayed->counters.accounted, 0u);
  EXPECT_EQ(worker.counters().Read(), replayed->counters);
  EXPECT_THAT((*ports)->notes(),
              ElementsAre(HasSubstr("does not tell how long a packet was")));
  const Accounts* accounts = &worker.accounts();
  EXPECT_EQ(WithoutFlows(MergeAccounts({&accounts, 1})),
            WithoutFlows(replayed->accounts));
  const DpdkPortState state = (*ports)->ReadState(0);
  EXPECT_EQ(state.received, replayed->counters.received);
  EXPECT_EQ(state.missed, 0u);
  EXPECT_EQ(state.errors, 0u);
  EXPECT_EQ(state.without_buffer, 0u);
}

// A UDP socket, bound and connected.
int DatagramSocket(const char* from, const char* to, uint16_t from_port,
                   uint16_t to_port) {
  const auto address = [](const char* text, uint16_t port) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(port);
    inet_pton(AF_INET, text, &made.sin_addr);
    return made;
  };
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in own = address(from, from_port);
  const sockaddr_in other = address(to, to_port);
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof(own)), 0);
  EXPECT_EQ(
      connect(fd, reinterpret_cast<const sockaddr*>(&other), sizeof(other)), 0);
  return fd;
}

// IP octets of UDP datagrams.
uint64_t OctetsOf(uint64_t packets, uint64_t payload) {
  return packets * (20 + 8) + payload;
}

// What sockets said over a cable.
struct Conversation {
  uint64_t requests = 0;
  uint64_t request_payload = 0;
  uint64_t answers = 0;
  uint64_t answer_payload = 0;

  uint64_t packets() const { return requests + answers; }
};

// Requests over the cable and, if asked for, answers of twice their size. Both
// ends have a socket while they talk, so that the kernel says nothing itself
// (ICMP). The ports are free: the network is the test's own.
Conversation Converse(const Cable& cable, int flow_count, int round_count,
                      bool has_answers) {
  Conversation said;
  for (int flow = 0; flow < flow_count; ++flow) {
    const auto client_port = static_cast<uint16_t>(40'000 + flow);
    int client = -1;
    int server = -1;
    cable.near->Run([&] {
      client = DatagramSocket(Cable::kNearAddress, Cable::kFarAddress,
                              client_port, 443);
    });
    cable.far->Run([&] {
      server = DatagramSocket(Cable::kFarAddress, Cable::kNearAddress, 443,
                              client_port);
    });
    std::array<char, 1400> bytes{};
    for (int round = 0; round < round_count; ++round) {
      const size_t size = static_cast<size_t>(1 + (flow * 37 + round) % 600);
      EXPECT_EQ(send(client, bytes.data(), size, 0),
                static_cast<ssize_t>(size));
      said.requests += 1;
      said.request_payload += size;
      if (!has_answers) continue;
      EXPECT_EQ(recv(server, bytes.data(), bytes.size(), 0),
                static_cast<ssize_t>(size));
      EXPECT_EQ(send(server, bytes.data(), 2 * size, 0),
                static_cast<ssize_t>(2 * size));
      EXPECT_EQ(recv(client, bytes.data(), bytes.size(), 0),
                static_cast<ssize_t>(2 * size));
      said.answers += 1;
      said.answer_payload += 2 * size;
    }
    close(client);
    close(server);
  }
  return said;
}

class DpdkCableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SharedDpdk();
    std::string why;
    if (!testing::LayCable(&cable_, &why)) GTEST_SKIP() << why;
  }

  // Opens a device in the namespace of the near or the far end.
  absl::StatusOr<std::unique_ptr<DpdkPorts>> OpenAt(
      const testing::NetworkNamespace& end, const std::string& device,
      uint32_t worker_count = 1) {
    absl::StatusOr<std::unique_ptr<DpdkPorts>> ports =
        absl::UnknownError("not opened");
    end.Run([&] { ports = OpenDevices({device}, worker_count); });
    // The driver sets the interface's address, even to what it is, whereupon
    // the kernel forgets whom it knew.
    EXPECT_TRUE(testing::Introduce(cable_));
    return ports;
  }

  Cable cable_;
  SmallWorld world_;
};

constexpr char kPacketDevice[] =
    "net_af_packet0,iface=v0,blocksz=1048576,framesz=2048,framecnt=16384";

TEST_F(DpdkCableTest, AccountsExactlyWhatSocketsSay) {
  const auto ports = OpenAt(*cable_.near, kPacketDevice);
  ASSERT_TRUE(ports.ok()) << ports.status();
  Worker worker({}, (*ports)->sources()[0].get(), world_.editions(), nullptr);

  const Conversation said = Converse(cable_, 5, 200, /*has_answers=*/true);
  RunUntil(&worker, said.packets());

  const AccountTotals sum = SumOf(worker.accounts());
  EXPECT_EQ(worker.counters().Read().undecoded_total(), 0u);
  EXPECT_EQ(sum.flows, 5u);
  EXPECT_EQ(sum.packets, said.packets());
  EXPECT_EQ(sum.egress_packets, said.requests);
  EXPECT_EQ(sum.egress_octets, OctetsOf(said.requests, said.request_payload));
  EXPECT_EQ(sum.octets, OctetsOf(said.packets(),
                                 said.request_payload + said.answer_payload));
  // And the kernel's own count of the interface.
  const auto link = cable_.near->CountsOf("v0");
  EXPECT_EQ(sum.packets, link.sent_packets + link.received_packets);
  EXPECT_EQ(sum.octets + 14 * sum.packets,
            link.sent_bytes + link.received_bytes);
  const DpdkPortState state = (*ports)->ReadState(0);
  EXPECT_EQ(state.received, said.packets());
  EXPECT_EQ(state.missed, std::nullopt) << "this driver counts no loss";
}

TEST_F(DpdkCableTest, BringsBothDirectionsOfAFlowToOneWorker) {
  const auto ports =
      OpenAt(*cable_.near, std::string(kPacketDevice) + ",qpairs=2", 2);
  ASSERT_TRUE(ports.ok()) << ports.status();
  ASSERT_EQ((*ports)->sources().size(), 2u);
  std::vector<std::unique_ptr<Worker>> workers;
  for (const auto& source : (*ports)->sources()) {
    workers.push_back(std::make_unique<Worker>(WorkerOptions{}, source.get(),
                                               world_.editions(), nullptr));
  }

  const Conversation said = Converse(cable_, 40, 3, /*has_answers=*/true);
  size_t empty_count = 0;
  const auto received = [&] {
    return workers[0]->counters().received.Read() +
           workers[1]->counters().received.Read();
  };
  while (received() < said.packets() && empty_count < kPatience) {
    const size_t count = workers[0]->RunOnce() + workers[1]->RunOnce();
    empty_count = count == 0 ? empty_count + 1 : 0;
  }

  AccountTotals sum;
  for (const auto& worker : workers) {
    EXPECT_GT(worker->counters().received.Read(), 0u);
    Settle(worker.get());
    sum += SumOf(worker->accounts());
  }
  EXPECT_EQ(sum.packets, said.packets());
  EXPECT_EQ(sum.flows, 40u) << "a flow was split";
  EXPECT_EQ(sum.egress_octets, OctetsOf(said.requests, said.request_payload));
}

// AF_XDP takes what arrives, before the kernel sees it: there are no answers.
TEST_F(DpdkCableTest, AccountsWhatArrivesByXdp) {
  const auto ports = OpenAt(*cable_.far, "net_af_xdp0,iface=v1");
  if (!ports.ok()) GTEST_SKIP() << ports.status();
  Worker worker({}, (*ports)->sources()[0].get(), world_.editions(), nullptr);

  const Conversation said = Converse(cable_, 3, 100, /*has_answers=*/false);
  RunUntil(&worker, said.packets());

  const AccountTotals sum = SumOf(worker.accounts());
  EXPECT_EQ(sum.packets, said.requests);
  EXPECT_EQ(sum.egress_octets, OctetsOf(said.requests, said.request_payload));
}

// DPDK's driver does not count what the kernel could not put into its ring: a
// loss that it calls 0 is not known.
TEST_F(DpdkCableTest, DoesNotSayThatXdpLostNothing) {
  const auto ports = OpenAt(*cable_.far, "net_af_xdp0,iface=v1");
  if (!ports.ok()) GTEST_SKIP() << ports.status();
  Worker worker({}, (*ports)->sources()[0].get(), world_.editions(), nullptr);

  // More than the ring holds, while nobody reads.
  const Conversation said = Converse(cable_, 10, 1000, /*has_answers=*/false);
  while (worker.RunOnce() > 0) {
  }

  const DpdkPortState state = (*ports)->ReadState(0);
  EXPECT_LT(worker.counters().received.Read(), said.packets());
  EXPECT_EQ(state.received, worker.counters().received.Read());
  EXPECT_EQ(state.missed, std::nullopt);
}

TEST_F(DpdkCableTest, CountsEveryPacketThatOverloadLost) {
  const auto ports = OpenAt(*cable_.far, "net_pcap0,rx_iface=v1");
  ASSERT_TRUE(ports.ok()) << ports.status();
  Worker worker({}, (*ports)->sources()[0].get(), world_.editions(), nullptr);

  const Conversation said = Converse(cable_, 10, 3000, /*has_answers=*/false);
  while (worker.RunOnce() > 0) {
  }

  const DpdkPortState state = (*ports)->ReadState(0);
  const uint64_t received = worker.counters().received.Read();
  EXPECT_LT(received, said.packets());
  EXPECT_EQ(state.received, received);
  EXPECT_EQ(received + state.missed.value(), said.packets());
  EXPECT_EQ(state.without_buffer, 0u);
}

// A worker on a source, and what it has exported.
struct Metered {
  Metered(PacketSource* source, EditionProvider* editions)
      : sink(SIZE_MAX), worker({}, source, editions, &sink) {}

  uint64_t received() const { return worker.counters().received.Read(); }
  AccountRows accounts() const {
    const Accounts* const accounts = &worker.accounts();
    return MergeAccounts({&accounts, 1});
  }
  AccountRows tunnelled_accounts() const {
    const Accounts* const accounts = &worker.tunnelled_accounts();
    return MergeAccounts({&accounts, 1});
  }
  // Ends, initiator first, and what each has sent; times are each point's own.
  std::vector<std::string> Flows() const {
    std::vector<std::string> flows;
    for (const ExportedFlow& flow : sink.flows()) {
      const FlowRecord& r = flow.record;
      flows.push_back(fmt::format(
          "{}:{} {}:{} protocol {} tunnel {}: {} ({}), {} ({}), account {} {}",
          r.source().ToString(), r.source_port(), r.destination().ToString(),
          r.destination_port(), r.protocol_identifier(),
          static_cast<int>(flow.tunnel.kind), r.packets(), r.octets(),
          r.reverse_packets(), r.reverse_octets(), r.attribution,
          VerdictName(r.judgement.verdict)));
    }
    std::sort(flows.begin(), flows.end());
    return flows;
  }

  CollectingSink sink;
  Worker worker;
};

// The same wire by libpcap, by net_af_packet beside it, and by net_af_xdp at
// the other end, which takes the frames from the kernel there. Without
// fragments of IPv4: net_af_packet has the kernel put them together
// (PACKET_FANOUT_FLAG_DEFRAG).
TEST_F(DpdkCableTest, EveryPathAccountsTheSameTrafficAlike) {
  absl::StatusOr<std::unique_ptr<InterfacePoint>> point =
      absl::UnknownError("not opened");
  cable_.near->Run(
      [&] { point = InterfacePoint::Open({.interface_name = "v0"}); });
  ASSERT_TRUE(point.ok()) << point.status();
  const auto packet = OpenAt(*cable_.near, kPacketDevice);
  ASSERT_TRUE(packet.ok()) << packet.status();
  const auto xdp = OpenAt(*cable_.far, "net_af_xdp0,iface=v1");
  if (!xdp.ok()) GTEST_SKIP() << xdp.status();
  Metered by_libpcap((*point)->source(0), world_.editions());
  Metered by_packet((*packet)->sources()[0].get(), world_.editions());
  Metered by_xdp((*xdp)->sources()[0].get(), world_.editions());
  Metered* const all[] = {&by_libpcap, &by_packet, &by_xdp};
  // Until each has what was sent, which fits into the smallest ring. A test
  // that would hang fails instead.
  bool is_complete = true;
  const auto receive = [&](uint64_t sent) {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (Metered* one : all) {
      while (is_complete && one->received() < sent) {
        if (one->worker.RunOnce() > 0) continue;
        is_complete = std::chrono::steady_clock::now() < deadline;
      }
    }
  };
  const std::vector<testing::Frame> frames =
      testing::MixedTraffic(/*seed=*/4, 5'000, /*has_v4_fragments=*/false);

  cable_.near->Run([&] {
    EXPECT_EQ(testing::SendFrames("v0", frames, 64, receive), frames.size());
  });
  receive(frames.size());
  for (Metered* one : all) one->worker.Finish(one->worker.clock_ns());

  ASSERT_TRUE(is_complete) << by_libpcap.received() << ", "
                           << by_packet.received() << " and "
                           << by_xdp.received() << " packets";
  EXPECT_EQ(by_libpcap.received(), frames.size());
  EXPECT_GT(by_libpcap.worker.counters().Read().fragments_resolved, 50u);
  EXPECT_FALSE(by_libpcap.tunnelled_accounts().empty());
  for (const Metered* one : {&by_packet, &by_xdp}) {
    EXPECT_EQ(one->worker.counters().Read(),
              by_libpcap.worker.counters().Read());
    EXPECT_EQ(one->accounts(), by_libpcap.accounts());
    EXPECT_EQ(one->tunnelled_accounts(), by_libpcap.tunnelled_accounts());
    EXPECT_EQ(one->Flows(), by_libpcap.Flows());
  }
}

}  // namespace
}  // namespace octroi
