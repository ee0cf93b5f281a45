// SPDX-License-Identifier: Apache-2.0
// Seeded traffic: flows whose destinations lie in announced prefixes, the order
// in which their packets come, and the frames. The same on every machine: only
// integers are drawn. Thread safety: one thread per object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "examples/random.h"
#include "geo/ip_address.h"
#include "geo/ip_prefix.h"

namespace octroi::bench {

using example::Random;

struct FlowTuple {
  IpAddress source;  // In 10.0.0.0/8 or fd00::/8.
  IpAddress destination;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  bool is_udp = false;
};

// Which flow the next packet belongs to.
enum class Order : uint8_t {
  kUniform,  // Any, equally likely: the worst case for caches.
  kZipf,     // Flow n as often as 1/n, by octaves: what traffic looks like.
};

// A number below `count`, by `order`.
uint32_t Draw(Order order, uint32_t count, Random* random);
// `packet_count` of them.
std::vector<uint32_t> DrawOrder(Order order, uint32_t flow_count,
                                size_t packet_count, uint64_t seed);

// An address that one of the prefixes covers, each prefix equally likely.
IpAddress DrawAddress(std::span<const IpPrefix> prefixes, Random* random);

struct FlowMix {
  uint32_t flow_count = 0;
  uint32_t v6_percent = 0;
  std::span<const IpPrefix> announced_v4 = {};
  std::span<const IpPrefix> announced_v6 = {};
  uint64_t seed = 1;
};
// Flows that differ from each other: their number stands in the source.
std::vector<FlowTuple> MakeFlows(const FlowMix& mix);

// Shortest frames that hold the headers: 54 and 74 octets, without the frame
// check sequence.
inline constexpr uint32_t kMinV4Frame = 14 + 20 + 20;
inline constexpr uint32_t kMinV6Frame = 14 + 40 + 20;
// Writes the headers of a frame: Ethernet, IP, TCP with ACK or UDP. The rest of
// `frame_octets` is left as it is. `is_answer` swaps the ends.
// REQUIRES: frame_octets is at least the minimum of the flow's family.
void WriteFrame(const FlowTuple& flow, uint32_t frame_octets, bool is_answer,
                uint8_t* frame);

// Sizes of a simple Internet mix: 64, 594 and 1518 octets as 7, 4 and 1.
uint32_t DrawImixOctets(Random* random);

// The header of a pcap record in this host's byte order.
struct PcapRecordHeader {
  uint32_t seconds = 0;
  uint32_t microseconds = 0;
  uint32_t captured_octets = 0;
  uint32_t wire_octets = 0;
};
static_assert(sizeof(PcapRecordHeader) == 16);

// When the first packet of any benchmark is seen: 2026-01-15T00:00:00Z.
inline constexpr int64_t kFirstNs = 1'768'435'200'000'000'000;

}  // namespace octroi::bench
