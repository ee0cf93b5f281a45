// SPDX-License-Identifier: Apache-2.0
// On real kernel sockets, in network namespaces of the test's own.
#include "dataplane/interface_point.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/decode.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/mixed_traffic.h"
#include "tests/support/network_lab.h"
#include "tests/support/packet_builder.h"

namespace octroi {
namespace {

using ::octroi::testing::AddressOf;
using ::octroi::testing::Frame;
using ::octroi::testing::NetworkLab;
using ::octroi::testing::PacketBuilder;
using ::octroi::testing::SendFrames;
using ::testing::HasSubstr;

constexpr uint16_t kPort = 9;

// A socket's address for either family.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  explicit SocketAddress(const IpAddress& address) {
    if (address.is_v4()) {
      auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
      v4->sin_family = AF_INET;
      v4->sin_port = htons(kPort);
      v4->sin_addr.s_addr = htonl(address.v4());
      size = sizeof(*v4);
    } else {
      auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(kPort);
      inet_pton(AF_INET6, address.ToString().c_str(), &v6->sin6_addr);
      size = sizeof(*v6);
    }
  }
};

// Sends `count` UDP datagrams of `payload_octets` from the calling thread's
// namespace, from as many ports as there are sockets.
void SendUdp(const std::string& destination, int count, size_t payload_octets,
             int socket_count = 1) {
  const SocketAddress to(AddressOf(destination));
  const std::vector<char> payload(payload_octets, 'x');
  for (int s = 0; s < socket_count; ++s) {
    const int descriptor = socket(to.storage.ss_family, SOCK_DGRAM, 0);
    ASSERT_GE(descriptor, 0);
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(sendto(descriptor, payload.data(), payload.size(), 0,
                       reinterpret_cast<const sockaddr*>(&to.storage), to.size),
                static_cast<ssize_t>(payload.size()))
          << errno;
    }
    close(descriptor);
  }
}

// Sends a frame as it is on an interface of the calling thread's namespace.
void SendFrame(const std::string& interface, const Frame& frame) {
  const int descriptor = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  ASSERT_GE(descriptor, 0);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  EXPECT_EQ(sendto(descriptor, frame.bytes.data(), frame.bytes.size(), 0,
                   reinterpret_cast<const sockaddr*>(&to), sizeof(to)),
            static_cast<ssize_t>(frame.bytes.size()));
  close(descriptor);
}

// What was received, by destination.
struct Received {
  uint64_t packets = 0;
  uint64_t octets = 0;
};

class InterfacePointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why_not;
    lab_ = NetworkLab::Create(&why_not);
    if (lab_ == nullptr) GTEST_SKIP() << why_not;
  }

  void Open(InterfaceOptions options) {
    if (options.interface_name.empty()) options.interface_name = "here0";
    auto point = InterfacePoint::Open(options);
    ASSERT_TRUE(point.ok()) << point.status();
    point_ = *std::move(point);
  }

  // Receives what waits on one source; adds it to received_.
  size_t Drain(size_t source_index) {
    LiveSource* source = point_->source(source_index);
    PacketBurst burst;
    DecodedPacket decoded;
    size_t total = 0;
    while (source->ReceiveBurst(&burst) > 0) {
      for (const Packet& packet : burst.view()) {
        DecodePacket(packet, &decoded);
        EXPECT_TRUE(decoded.is_decoded());
        Received& to = received_[decoded.outer.destination.ToString()];
        to.packets += 1;
        to.octets += decoded.outer.ip_octets;
        last_ = packet;
      }
      total += burst.size;
      source->ReleaseBurst(&burst);
    }
    per_source_[source_index] += total;
    return total;
  }

  // Receives until `is_enough`. Gives up, and says so, after half a minute, so
  // that a test that would hang fails instead.
  void DrainUntil(const std::function<bool()>& is_enough) {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!is_enough()) {
      for (size_t i = 0; i < point_->source_count(); ++i) {
        if (Drain(i) == 0) point_->source(i)->Wait(20);
      }
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    }
  }

  uint64_t received_packets() const {
    uint64_t packets = 0;
    for (const auto& [destination, received] : received_) {
      packets += received.packets;
    }
    return packets;
  }

  std::unique_ptr<NetworkLab> lab_;
  std::unique_ptr<InterfacePoint> point_;
  std::map<std::string, Received> received_;
  std::map<size_t, size_t> per_source_;
  Packet last_;  // Its bytes are gone.
};

TEST_F(InterfacePointTest, CountsWhatARealHostSendsToTheOctet) {
  // Nobody listens, and Linux refuses as many datagrams as it likes by ICMP.
  Open({.filter = "udp"});

  SendUdp("192.0.2.2", 100, 500);
  SendUdp("2001:db8::2", 70, 900);
  lab_->There([] { SendUdp("192.0.2.1", 30, 100); }).join();

  DrainUntil([&] {
    return received_["192.0.2.2"].packets >= 100 &&
           received_["2001:db8::2"].packets >= 70 &&
           received_["192.0.2.1"].packets >= 30;
  });

  EXPECT_EQ(received_["192.0.2.2"].octets, 100u * (20 + 8 + 500));
  EXPECT_EQ(received_["2001:db8::2"].octets, 70u * (40 + 8 + 900));
  EXPECT_EQ(received_["192.0.2.1"].octets, 30u * (20 + 8 + 100));
  EXPECT_EQ(point_->Observe().losses.at(LossPlace::kKernelRing), 0u);
}

// Sends over TCP, and reads, until the other end has everything.
void ExchangeTcp(NetworkLab* lab, size_t octets) {
  const SocketAddress here(AddressOf("192.0.2.1"));
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int is_on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &is_on, sizeof(is_on));
  ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&here.storage),
                 here.size),
            0);
  ASSERT_EQ(listen(listener, 1), 0);
  std::thread client = lab->There([&] {
    const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(
        connect(descriptor, reinterpret_cast<const sockaddr*>(&here.storage),
                here.size),
        0);
    std::vector<char> buffer(65'536);
    size_t received = 0;
    for (ssize_t n = 0;
         (n = recv(descriptor, buffer.data(), buffer.size(), 0)) > 0;) {
      received += static_cast<size_t>(n);
    }
    EXPECT_EQ(received, octets);
    close(descriptor);
  });
  const int connection = accept(listener, nullptr, nullptr);
  const std::vector<char> payload(octets, 'x');
  for (size_t sent = 0; sent < octets;) {
    const ssize_t n =
        send(connection, payload.data() + sent, octets - sent, MSG_NOSIGNAL);
    ASSERT_GT(n, 0);
    sent += static_cast<size_t>(n);
  }
  close(connection);
  client.join();
  close(listener);
}

TEST_F(InterfacePointTest, AgreesWithTheInterfacesCountersOnTcpWithOffloads) {
  Open({});
  auto monitor = LinkMonitor::Open();
  ASSERT_TRUE(monitor.ok());
  const uint64_t before = (*monitor)->Find("here0")->packets;

  ExchangeTcp(lab_.get(), 3'000'000);

  // Joined packets count as the one that crossed the wire, here and there.
  DrainUntil([&] {
    return received_packets() >= (*monitor)->Find("here0")->packets - before;
  });
  EXPECT_EQ(received_packets(), (*monitor)->Find("here0")->packets - before);
  EXPECT_GT(received_["192.0.2.2"].octets, 3'000'000u);
  EXPECT_LT(received_["192.0.2.2"].octets, 3'300'000u);
}

// Frames of 200 hosts to one, in one layer below IP.
std::vector<Frame> FramesOfManyHosts(
    const std::function<PacketBuilder()>& below, bool is_v6) {
  std::vector<Frame> frames;
  for (int host = 1; host <= 200; ++host) {
    PacketBuilder builder = below();
    is_v6 ? builder.Ipv6("2001:db8:5::" + std::to_string(host), "2001:db8:6::1")
          : builder.Ipv4("198.51.100." + std::to_string(host), "203.0.113.1");
    frames.push_back(builder.Udp(4000, kPort).Payload(64).Build());
  }
  return frames;
}

TEST_F(InterfacePointTest, SharesHostsAmongWorkersAndLosesNoPacket) {
  const auto untagged = [] { return PacketBuilder().Ethernet(); };
  const auto tagged = [] { return PacketBuilder().Ethernet().Vlan(7); };
  const auto tagged_twice = [] {
    return PacketBuilder().Ethernet().Vlan(7, 0x88A8).Vlan(8);
  };
  const auto tagged_thrice = [] {
    return PacketBuilder().Ethernet().Vlan(7, 0x88A8).Vlan(8).Vlan(9);
  };
  const std::function<PacketBuilder()> kinds[] = {untagged, tagged,
                                                  tagged_twice, tagged_thrice};
  for (const auto& below : kinds) {
    for (const bool is_v6 : {false, true}) {
      // What arrives has lost its first tag to the kernel; what leaves has not.
      for (const bool is_arriving : {true, false}) {
        if (&below == &kinds[3] && !is_arriving) continue;
        SCOPED_TRACE(&below - kinds);
        Open({.worker_count = 2});
        received_.clear();
        per_source_.clear();
        const std::vector<Frame> frames = FramesOfManyHosts(below, is_v6);
        const auto send = [&](const char* interface) {
          EXPECT_EQ(SendFrames(interface, frames, frames.size(), [](size_t) {}),
                    frames.size());
        };
        if (is_arriving) {
          lab_->There([&] { send("there0"); }).join();
        } else {
          send("here0");
        }
        const std::string to = is_v6 ? "2001:db8:6::1" : "203.0.113.1";
        DrainUntil([&] { return received_[to].packets >= 200; });
        EXPECT_EQ(received_[to].packets, 200u);
        EXPECT_GT(per_source_[0], 40u);
        EXPECT_GT(per_source_[1], 40u);
        point_.reset();
      }
    }
  }
}

// Two hosts talk over one worker, whichever way and in however many flows:
// their fragments, which have no ports, meet the rest.
TEST_F(InterfacePointTest, BringsAllPacketsOfTwoHostsToOneWorker) {
  Open({.worker_count = 2, .filter = "udp"});

  lab_->There([] { SendUdp("192.0.2.1", 2, 3000, /*socket_count=*/100); })
      .join();
  SendUdp("192.0.2.2", 2, 64, /*socket_count=*/100);

  DrainUntil([&] {
    return received_["192.0.2.1"].packets >= 600 &&
           received_["192.0.2.2"].packets >= 200;
  });
  EXPECT_EQ(std::min(per_source_[0], per_source_[1]), 0u);
  EXPECT_EQ(std::max(per_source_[0], per_source_[1]), 800u);
}

TEST_F(InterfacePointTest, ReportsExactlyTheLossOfAFullRing) {
  constexpr uint64_t kSent = 60'000;
  Open({.filter = "udp", .ring_bytes = kMinRingBytes});

  // Nobody receives meanwhile.
  lab_->There([] { SendUdp("192.0.2.1", kSent, 200); }).join();

  uint64_t lost = 0;
  DrainUntil([&] {
    lost = *point_->Observe().losses.at(LossPlace::kKernelRing);
    return received_packets() + lost >= kSent;
  });
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(received_packets() + lost, kSent);
}

TEST_F(InterfacePointTest, SurvivesAnInterfaceThatGoesDownAndUp) {
  Open({});
  ASSERT_EQ(point_->Observe().state, PointState::kUp);

  ASSERT_TRUE(lab_->Run("ip link set here0 down"));
  EXPECT_EQ(point_->Observe().state, PointState::kDown);
  Drain(0);
  ASSERT_TRUE(lab_->Run("ip link set here0 up"));
  ASSERT_TRUE(lab_->Run(
      "ip neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev here0"));

  SendUdp("192.0.2.2", 10, 100);
  DrainUntil([&] { return received_["192.0.2.2"].packets >= 10; });
  EXPECT_EQ(point_->Observe().state, PointState::kUp);
}

TEST_F(InterfacePointTest, FollowsAnInterfaceThatIsRemovedAndMadeAnew) {
  Open({.is_promiscuous = true});

  ASSERT_TRUE(lab_->Run("ip link del here0"));
  EXPECT_EQ(point_->Observe().state, PointState::kGone);
  Drain(0);
  ASSERT_TRUE(lab_->MakeWire());
  EXPECT_EQ(point_->Observe().state, PointState::kUp);

  SendUdp("192.0.2.2", 10, 100);
  DrainUntil([&] { return received_["192.0.2.2"].packets >= 10; });
}

TEST_F(InterfacePointTest, SaysThatWorkersThatShareCannotFollow) {
  Open({.worker_count = 2});

  ASSERT_TRUE(lab_->Run("ip link del here0"));
  EXPECT_EQ(point_->Observe().state, PointState::kGone);
  ASSERT_TRUE(lab_->MakeWire());

  const PointStatus status = point_->Observe();
  EXPECT_EQ(status.state, PointState::kLost);
  EXPECT_THAT(status.note, HasSubstr("restart octroi"));
}

TEST_F(InterfacePointTest, StaysWithAnInterfaceThatIsRenamed) {
  Open({});
  ASSERT_TRUE(lab_->Run("ip link set here0 name other0"));

  SendUdp("192.0.2.2", 10, 100);

  DrainUntil([&] { return received_["192.0.2.2"].packets >= 10; });
  const PointStatus status = point_->Observe();
  EXPECT_EQ(status.state, PointState::kUp);
  EXPECT_EQ(status.note, "is called other0 now");
}

TEST_F(InterfacePointTest, ReceivesWhatTheFilterAccepts) {
  Open({.filter = "ip6"});

  SendUdp("192.0.2.2", 10, 100);
  SendUdp("2001:db8::2", 10, 100);

  DrainUntil([&] { return received_["2001:db8::2"].packets >= 10; });
  EXPECT_EQ(received_.count("192.0.2.2"), 0u);
}

TEST_F(InterfacePointTest, TellsDirectionsApartByThePacketType) {
  Open({.direction = CaptureDirection::kOutgoing});

  lab_->There([] { SendUdp("192.0.2.1", 10, 100); }).join();
  SendUdp("192.0.2.2", 10, 100);

  DrainUntil([&] { return received_["192.0.2.2"].packets >= 10; });
  EXPECT_EQ(received_.count("192.0.2.1"), 0u);
}

TEST_F(InterfacePointTest, HandsOverPacketsOfTheLoopbackOnce) {
  Open({.interface_name = "lo", .filter = "udp"});

  SendUdp("127.0.0.1", 10, 100);
  // A marker behind them: what comes before it has been handed over.
  SendUdp("127.0.0.2", 1, 100);

  DrainUntil([&] { return received_["127.0.0.2"].packets >= 1; });
  EXPECT_EQ(received_["127.0.0.1"].packets, 10u);
}

TEST_F(InterfacePointTest, PutsBackTheVlanTagThatTheKernelTakesOff) {
  Open({.filter = "vlan 7 and udp"});

  lab_->There([] {
        SendFrame("there0", PacketBuilder()
                                .Ethernet()
                                .Vlan(7)
                                .Ipv4("198.51.100.2", "198.51.100.1")
                                .Udp(4000, kPort)
                                .Payload(100)
                                .Build());
      })
      .join();

  DrainUntil([&] { return received_["198.51.100.1"].packets >= 1; });
  EXPECT_EQ(received_["198.51.100.1"].octets, 20u + 8 + 100);
  EXPECT_EQ(last_.wire_octets, 14u + 4 + 20 + 8 + 100);
}

TEST_F(InterfacePointTest, HandsOverHeadersAndTheLengthOnTheWire) {
  Open({.snap_octets = kMinSnapOctets});

  SendUdp("192.0.2.2", 1, 1200);

  DrainUntil([&] { return received_["192.0.2.2"].packets >= 1; });
  EXPECT_EQ(received_["192.0.2.2"].octets, 20u + 8 + 1200);
}

TEST_F(InterfacePointTest, RefusesWhatItCannotCaptureWithWhatToDo) {
  const auto error_of = [](const InterfaceOptions& options) {
    return std::string(InterfacePoint::Open(options).status().message());
  };

  EXPECT_EQ(error_of({.interface_name = "elsewhere0"}),
            "interface elsewhere0: there is none of that name; `ip link` lists "
            "them");
  EXPECT_THAT(error_of({.interface_name = "here0", .filter = "port what"}),
              HasSubstr("interface here0: filter \"port what\": "));
}

}  // namespace
}  // namespace octroi
