// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fragment_cache.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#include "tests/support/packet_builder.h"

namespace octroi {
namespace {

using testing::AddressOf;
using testing::Frame;
using testing::PacketBuilder;

constexpr const char* kClient = "192.0.2.1";
constexpr const char* kServer = "198.51.100.7";
constexpr int64_t kSecondNs = 1'000'000'000;

DecodedPacket Decode(const Frame& frame, int64_t clock_ns = 0) {
  const Packet packet = frame.AsPacket(clock_ns);
  DecodedPacket decoded;
  DecodePacket(packet, &decoded);
  EXPECT_TRUE(decoded.is_decoded());
  return decoded;
}

DecodedPacket First(uint32_t id, int64_t clock_ns = 0) {
  return Decode(PacketBuilder()
                    .Ipv4(kClient, kServer)
                    .Fragment(id, 0, true)
                    .Udp(40000, 53)
                    .Payload(64)
                    .Build(),
                clock_ns);
}

DecodedPacket Later(uint32_t id, int64_t clock_ns = 0) {
  return Decode(PacketBuilder()
                    .Ipv4(kClient, kServer)
                    .Next(kProtocolUdp)
                    .Fragment(id, 72, false)
                    .Payload(64)
                    .Build(),
                clock_ns);
}

// Resolves one packet and returns it.
DecodedPacket Resolve(FragmentCache* cache, DecodedPacket packet) {
  cache->Resolve(&packet);
  return packet;
}

TEST(FragmentCacheTest, GivesLaterFragmentsThePortsOfTheFirst) {
  FragmentCache cache;
  std::array<DecodedPacket, 4> burst = {First(1), Later(1), First(2), Later(1)};

  for (DecodedPacket& packet : burst) cache.Resolve(&packet);

  for (const size_t later : {1, 3}) {
    EXPECT_TRUE(burst[later].outer.has_ports);
    EXPECT_EQ(burst[later].outer.source_port, 40000);
    EXPECT_EQ(burst[later].outer.destination_port, 53);
  }
  EXPECT_EQ(cache.resolved_count(), 2u);
  EXPECT_EQ(cache.unresolved_count(), 0u);
  EXPECT_EQ(cache.evicted_count(), 0u);
}

TEST(FragmentCacheTest, RemembersAcrossBursts) {
  FragmentCache cache;
  Resolve(&cache, First(1));

  EXPECT_TRUE(Resolve(&cache, Later(1)).outer.has_ports);
}

TEST(FragmentCacheTest, LeavesAFragmentThatCameBeforeItsFirstWithoutPorts) {
  FragmentCache cache;

  const DecodedPacket early = Resolve(&cache, Later(1));
  Resolve(&cache, First(1));
  const DecodedPacket late = Resolve(&cache, Later(1));

  EXPECT_FALSE(early.outer.has_ports);
  EXPECT_EQ(early.outer.destination_port, 0);
  EXPECT_TRUE(late.outer.has_ports);
  EXPECT_EQ(cache.unresolved_count(), 1u);
  EXPECT_EQ(cache.resolved_count(), 1u);
}

// Each of these differs from the first fragment in one part of the key.
TEST(FragmentCacheTest, ComparesWholeKeys) {
  const auto later = [](std::string_view source, std::string_view destination,
                        uint8_t protocol_identifier, uint32_t id) {
    return Decode(PacketBuilder()
                      .Ipv4(source, destination)
                      .Next(protocol_identifier)
                      .Fragment(id, 72, false)
                      .Payload(64)
                      .Build());
  };
  const DecodedPacket others[] = {
      later("192.0.2.2", kServer, kProtocolUdp, 1),
      later(kClient, "198.51.100.8", kProtocolUdp, 1),
      later(kServer, kClient, kProtocolUdp, 1),
      later(kClient, kServer, kProtocolTcp, 1),
      later(kClient, kServer, kProtocolUdp, 2),
      Decode(PacketBuilder()
                 .Ipv6("::c000:201", "::c633:6407")
                 .Fragment(1, 72, false)
                 .Next(kProtocolUdp)
                 .Payload(64)
                 .Build()),
  };
  FragmentCache cache;
  Resolve(&cache, First(1));

  for (const DecodedPacket& other : others) {
    EXPECT_FALSE(Resolve(&cache, other).outer.has_ports);
  }
  EXPECT_EQ(cache.unresolved_count(), std::size(others));
}

TEST(FragmentCacheTest, ForgetsAfterTheReassemblyTime) {
  FragmentCache cache;
  Resolve(&cache, First(1, 5 * kSecondNs));

  EXPECT_TRUE(Resolve(&cache, Later(1, 65 * kSecondNs)).outer.has_ports);
  EXPECT_FALSE(Resolve(&cache, Later(1, 65 * kSecondNs + 1)).outer.has_ports);
}

TEST(FragmentCacheTest, TakesThePortsOfTheLatestFirstFragment) {
  FragmentCache cache;
  Resolve(&cache, First(1));
  Resolve(&cache, Decode(PacketBuilder()
                             .Ipv4(kClient, kServer)
                             .Fragment(1, 0, true)
                             .Udp(50000, 123)
                             .Payload(64)
                             .Build(),
                         50 * kSecondNs));

  const DecodedPacket later = Resolve(&cache, Later(1, 100 * kSecondNs));

  EXPECT_EQ(later.outer.source_port, 50000);
  EXPECT_EQ(later.outer.destination_port, 123);
  EXPECT_EQ(cache.evicted_count(), 0u);
}

// In IPv6 a later fragment names what follows the fragment header, which may
// be an extension header: its flow is that of the transport behind.
TEST(FragmentCacheTest, GivesIpv6FragmentsTheTransportOfTheFirst) {
  const auto fragment = [](uint16_t offset) {
    return PacketBuilder()
        .Ipv6("2001:db8::1", "2001:db8::2")
        .Fragment(9, offset, true);
  };
  FragmentCache cache;
  Resolve(&cache, Decode(fragment(0)
                             .Extension(kProtocolDestinationOptions)
                             .Udp(40000, 53)
                             .Payload(48)
                             .Build()));

  const IpLayer later =
      Resolve(&cache, Decode(fragment(64)
                                 .Next(kProtocolDestinationOptions)
                                 .Payload(64)
                                 .Build()))
          .outer;

  EXPECT_TRUE(later.has_ports);
  EXPECT_EQ(later.protocol_identifier, kProtocolUdp);
  EXPECT_EQ(later.destination_port, 53);
}

TEST(FragmentCacheTest, CountsNothingForProtocolsWithoutPorts) {
  FragmentCache cache;
  Resolve(&cache, Decode(PacketBuilder()
                             .Ipv4(kClient, kServer)
                             .Fragment(1, 0, true)
                             .Icmp()
                             .Payload(64)
                             .Build()));
  Resolve(&cache, Decode(PacketBuilder()
                             .Ipv4(kClient, kServer)
                             .Next(kProtocolIcmp)
                             .Fragment(1, 72, false)
                             .Payload(64)
                             .Build()));

  EXPECT_EQ(cache.resolved_count(), 0u);
  EXPECT_EQ(cache.unresolved_count(), 0u);
}

// The same addresses and identification in two tunnels are two datagrams.
TEST(FragmentCacheTest, TellsInnerFragmentsByTheirTunnel) {
  const auto tunnel = [](uint32_t key) {
    return PacketBuilder()
        .Ipv4(kClient, kServer)
        .Gre({.key = key})
        .Ipv4("203.0.113.5", "203.0.113.6");
  };
  const auto first = [&](uint32_t key, uint16_t port) {
    return Decode(
        tunnel(key).Fragment(1, 0, true).Udp(40000, port).Payload(64).Build());
  };
  const auto later = [&](uint32_t key) {
    return Decode(tunnel(key)
                      .Next(kProtocolUdp)
                      .Fragment(1, 72, false)
                      .Payload(64)
                      .Build());
  };
  FragmentCache cache;
  Resolve(&cache, first(1, 53));
  Resolve(&cache, first(2, 123));

  EXPECT_EQ(Resolve(&cache, later(1)).inner.destination_port, 53);
  EXPECT_EQ(Resolve(&cache, later(2)).inner.destination_port, 123);
  EXPECT_FALSE(Resolve(&cache, later(3)).inner.has_ports);
  EXPECT_FALSE(Resolve(&cache, later(1)).outer.has_ports);
}

// One address pair can fill the sets of its shard and no more. The datagrams
// that leave are the oldest, and each is counted.
TEST(FragmentCacheTest, EvictsTheOldestOfAFullSet) {
  constexpr uint32_t kPerShard =
      FragmentCache::kSetsPerShard * FragmentCache::kWays;
  constexpr uint32_t kDatagramCount = 4 * kPerShard;
  FragmentCache cache;
  for (uint32_t id = 0; id < kDatagramCount; ++id) Resolve(&cache, First(id));

  std::vector<bool> is_remembered;
  for (uint32_t id = 0; id < kDatagramCount; ++id) {
    is_remembered.push_back(Resolve(&cache, Later(id)).outer.has_ports);
  }

  EXPECT_EQ(cache.resolved_count(), kPerShard);
  EXPECT_EQ(cache.evicted_count(), kDatagramCount - kPerShard);
  EXPECT_FALSE(is_remembered.front());
  EXPECT_TRUE(is_remembered.back());
}

TEST(FragmentCacheTest, DoesNotCountAnExpiredDatagramAsEvicted) {
  constexpr uint32_t kDatagramCount = 1000;
  FragmentCache cache;
  for (uint32_t id = 0; id < kDatagramCount; ++id) {
    Resolve(&cache, First(id, id * 61 * kSecondNs));
  }

  EXPECT_EQ(cache.evicted_count(), 0u);
}

// Fragments of many address pairs, more than the cache holds, given to one
// worker or spread over several by shard: each packet fares the same.
TEST(FragmentCacheTest, ResolvesAlikeForAnyNumberOfWorkers) {
  constexpr uint32_t kSeed = 20240229;
  SCOPED_TRACE(fmt::format("seed {}", kSeed));
  std::mt19937 random(kSeed);
  std::vector<DecodedPacket> packets;
  for (int i = 0; i < 60'000; ++i) {
    DecodedPacket packet = random() % 2 == 0 ? First(0) : Later(0);
    packet.outer.source = IpAddress::V4(0xc0000200 + random() % 256);
    packet.outer.fragment_id = random() % 128;
    packet.outer.source_port =
        packet.outer.has_ports ? static_cast<uint16_t>(random()) : uint16_t{0};
    packet.clock_ns = i * kSecondNs / 200;
    packets.push_back(packet);
  }

  std::vector<uint16_t> expected_ports;
  for (const uint32_t worker_count : {1u, 2u, 5u, 64u}) {
    SCOPED_TRACE(worker_count);
    const auto caches = std::make_unique<FragmentCache[]>(worker_count);
    std::vector<uint16_t> ports;
    uint64_t evicted_count = 0;
    for (const DecodedPacket& packet : packets) {
      const uint32_t shard =
          ShardOfAddresses(packet.outer.source, packet.outer.destination);
      ports.push_back(
          Resolve(&caches[shard % worker_count], packet).outer.source_port);
    }
    for (uint32_t i = 0; i < worker_count; ++i) {
      evicted_count += caches[i].evicted_count();
    }

    if (expected_ports.empty()) expected_ports = ports;
    EXPECT_EQ(ports, expected_ports);
    EXPECT_GT(evicted_count, 0u) << "the cache was never full";
  }
}

}  // namespace
}  // namespace octroi
