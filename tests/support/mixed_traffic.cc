// SPDX-License-Identifier: Apache-2.0
#include "tests/support/mixed_traffic.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "examples/random.h"
#include "fmt/format.h"

namespace octroi::testing {
namespace {

using example::Random;

constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kAck = 0x10;
constexpr int kFlows = 400;

// A flow's ends, and what its packets look like.
struct Talk {
  bool is_v6 = false;
  std::string local;
  std::string remote;
  uint16_t local_port = 0;
  uint16_t remote_port = 0;
  enum class Kind { kUdp, kTcp, kIcmp, kVxlan, kGre } kind = Kind::kUdp;
  bool is_opened_by_remote = false;
  bool is_tagged = false;
  // In 1 of so many turns it sends a datagram in fragments; 0: never.
  uint64_t fragments_in = 0;
  bool has_begun = false;
};

Talk MakeTalk(Random* random) {
  Talk talk;
  talk.is_v6 = random->IsOneIn(3);
  // Both ends of a pair have several flows.
  const uint64_t local = 1 + random->Below(24);
  const uint64_t remote = 1 + random->Below(12);
  // France, the United States, a place that nobody knows.
  const uint64_t place = random->Below(3);
  if (talk.is_v6) {
    constexpr const char* kPlaces[] = {
        "2001:db8:f::", "2001:db8:a::", "2001:db8:1::"};
    talk.local = fmt::format("2001:db8:42::{:x}", local);
    talk.remote = fmt::format("{}{:x}", kPlaces[place], remote);
  } else {
    constexpr const char* kPlaces[] = {"203.0.113.", "198.51.100.",
                                       "100.66.0."};
    talk.local = fmt::format("192.0.2.{}", local);
    talk.remote = fmt::format("{}{}", kPlaces[place], remote);
  }
  // No port of a known server, often: who opened it is told by its beginning.
  talk.local_port = static_cast<uint16_t>(20'000 + random->Below(20'000));
  talk.remote_port = random->IsOneIn(2)
                         ? uint16_t{443}
                         : static_cast<uint16_t>(41'000 + random->Below(9'000));
  constexpr Talk::Kind kKinds[] = {Talk::Kind::kUdp,   Talk::Kind::kUdp,
                                   Talk::Kind::kUdp,   Talk::Kind::kTcp,
                                   Talk::Kind::kTcp,   Talk::Kind::kIcmp,
                                   Talk::Kind::kVxlan, Talk::Kind::kGre};
  talk.kind = kKinds[random->Below(std::size(kKinds))];
  talk.is_opened_by_remote = random->IsOneIn(4);
  talk.is_tagged = random->IsOneIn(5);
  if (random->IsOneIn(2)) talk.fragments_in = 4;
  return talk;
}

PacketBuilder Below(const Talk& talk, bool is_from_local) {
  PacketBuilder builder;
  builder.Ethernet();
  if (talk.is_tagged) builder.Vlan(7);
  const std::string& from = is_from_local ? talk.local : talk.remote;
  const std::string& to = is_from_local ? talk.remote : talk.local;
  return talk.is_v6 ? builder.Ipv6(from, to) : builder.Ipv4(from, to);
}

// A datagram in three fragments; the first is not always the first to come.
void AddFragments(const Talk& talk, bool is_from_local, Random* random,
                  std::vector<Frame>* frames) {
  const auto id = static_cast<uint32_t>(1 + random->Below(65'000));
  const uint16_t from = is_from_local ? talk.local_port : talk.remote_port;
  const uint16_t to = is_from_local ? talk.remote_port : talk.local_port;
  const size_t rest = 1 + random->Below(600);
  Frame parts[3] = {
      Below(talk, is_from_local)
          .Fragment(id, 0, true)
          .Udp(from, to)
          .Payload(792)
          .Build(),
      Below(talk, is_from_local)
          .Fragment(id, 800, true)
          .Next(17)
          .Payload(800)
          .Build(),
      Below(talk, is_from_local)
          .Fragment(id, 1600, false)
          .Next(17)
          .Payload(rest)
          .Build(),
  };
  if (random->IsOneIn(4)) std::swap(parts[1], parts[2]);
  for (Frame& part : parts) frames->push_back(std::move(part));
}

void AddWhole(const Talk& talk, bool is_from_local, bool is_first,
              Random* random, std::vector<Frame>* frames) {
  const uint16_t from = is_from_local ? talk.local_port : talk.remote_port;
  const uint16_t to = is_from_local ? talk.remote_port : talk.local_port;
  PacketBuilder builder = Below(talk, is_from_local);
  switch (talk.kind) {
    case Talk::Kind::kUdp:
      builder.Udp(from, to);
      break;
    case Talk::Kind::kTcp:
      builder.Tcp(from, to, is_first ? kSyn : kAck);
      break;
    case Talk::Kind::kIcmp:
      talk.is_v6 ? builder.Icmpv6() : builder.Icmp();
      break;
    case Talk::Kind::kVxlan:
      builder.Udp(from, 4789).Vxlan(4242).Ethernet();
      builder.Ipv4("10.9.0.1", "203.0.113.9").Udp(from, to);
      break;
    case Talk::Kind::kGre:
      builder.Gre().Ipv4("10.9.0.2", "198.51.100.9").Udp(from, to);
      break;
  }
  frames->push_back(builder.Payload(random->Below(1'200)).Build());
}

void AddTurn(Talk* talk, Random* random, std::vector<Frame>* frames) {
  const bool is_first = !talk->has_begun;
  talk->has_begun = true;
  const bool is_from_local =
      is_first ? !talk->is_opened_by_remote : random->IsOneIn(2);
  const bool is_fragmented = talk->kind == Talk::Kind::kUdp && !is_first &&
                             talk->fragments_in > 0 &&
                             random->IsOneIn(talk->fragments_in);
  if (is_fragmented) {
    AddFragments(*talk, is_from_local, random, frames);
  } else {
    AddWhole(*talk, is_from_local, is_first, random, frames);
  }
}

}  // namespace

std::vector<Frame> MixedTraffic(uint64_t seed, size_t count,
                                bool has_v4_fragments) {
  Random random(seed);
  std::vector<Talk> talks;
  for (int i = 0; i < kFlows; ++i) {
    talks.push_back(MakeTalk(&random));
    if (!talks.back().is_v6 && !has_v4_fragments) talks.back().fragments_in = 0;
  }
  std::vector<Frame> frames;
  while (frames.size() < count) {
    if (random.IsOneIn(200)) {
      // Not IP: LLDP's EtherType.
      frames.push_back(
          PacketBuilder().Ethernet().Next(0x88CC).Payload(46).Build());
      continue;
    }
    AddTurn(&talks[random.Below(talks.size())], &random, &frames);
  }
  return frames;
}

size_t SendFrames(const std::string& interface,
                  const std::vector<Frame>& frames, size_t batch_size,
                  const std::function<void(size_t)>& wait) {
  const int descriptor =
      socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
  if (descriptor < 0) return 0;
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  size_t sent = 0;
  for (const Frame& frame : frames) {
    if (sent % batch_size == 0) wait(sent);
    if (sendto(descriptor, frame.bytes.data(), frame.bytes.size(), 0,
               reinterpret_cast<const sockaddr*>(&to),
               sizeof(to)) != static_cast<ssize_t>(frame.bytes.size())) {
      break;
    }
    ++sent;
  }
  close(descriptor);
  return sent;
}

}  // namespace octroi::testing
