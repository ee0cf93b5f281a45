// SPDX-License-Identifier: Apache-2.0
#include "bench/traffic.h"

#include <bit>
#include <cstring>
#include <utility>

namespace octroi::bench {
namespace {

constexpr size_t kEthernetOctets = 14;

void Put16(uint16_t value, uint8_t* to) {
  value = __builtin_bswap16(value);
  std::memcpy(to, &value, sizeof(value));
}

void Put32(uint32_t value, uint8_t* to) {
  value = __builtin_bswap32(value);
  std::memcpy(to, &value, sizeof(value));
}

void Put64(uint64_t value, uint8_t* to) {
  value = __builtin_bswap64(value);
  std::memcpy(to, &value, sizeof(value));
}

void WriteIpv4(const IpAddress& source, const IpAddress& destination,
               uint32_t ip_octets, uint8_t protocol, uint8_t* ip) {
  std::memset(ip, 0, 20);
  ip[0] = 0x45;
  Put16(static_cast<uint16_t>(ip_octets), ip + 2);
  ip[8] = 64;
  ip[9] = protocol;
  Put32(source.v4(), ip + 12);
  Put32(destination.v4(), ip + 16);
}

void WriteIpv6(const IpAddress& source, const IpAddress& destination,
               uint32_t ip_octets, uint8_t protocol, uint8_t* ip) {
  Put32(0x60000000, ip);
  Put16(static_cast<uint16_t>(ip_octets - 40), ip + 4);
  ip[6] = protocol;
  ip[7] = 64;
  Put64(source.high(), ip + 8);
  Put64(source.low(), ip + 16);
  Put64(destination.high(), ip + 24);
  Put64(destination.low(), ip + 32);
}

}  // namespace

uint32_t Draw(Order order, uint32_t count, Random* random) {
  if (order == Order::kUniform) {
    return static_cast<uint32_t>(random->Below(count));
  }
  // An octave of ranks, each as likely as the next one, then a rank in it.
  const auto octave_count = static_cast<uint32_t>(std::bit_width(count));
  for (;;) {
    const uint64_t first = uint64_t{1} << random->Below(octave_count);
    const uint64_t rank = first + random->Below(first);
    if (rank <= count) return static_cast<uint32_t>(rank - 1);
  }
}

std::vector<uint32_t> DrawOrder(Order order, uint32_t flow_count,
                                size_t packet_count, uint64_t seed) {
  Random random(seed);
  std::vector<uint32_t> flows(packet_count);
  for (uint32_t& flow : flows) flow = Draw(order, flow_count, &random);
  return flows;
}

IpAddress DrawAddress(std::span<const IpPrefix> prefixes, Random* random) {
  const IpPrefix& prefix = prefixes[random->Below(prefixes.size())];
  const Uint128 size = prefix.last() - prefix.first() + 1;
  const uint64_t high = random->Next();
  const uint64_t low = random->Next();
  const Uint128 any = (static_cast<Uint128>(high) << 64) | low;
  const Uint128 number = prefix.first() + (size == 0 ? any : any % size);
  return prefix.family() == AddressFamily::kIpv4
             ? IpAddress::V4(static_cast<uint32_t>(number))
             : IpAddress::V6(number);
}

std::vector<FlowTuple> MakeFlows(const FlowMix& mix) {
  constexpr uint16_t kServerPorts[] = {443, 443, 443, 80, 53, 25, 993, 22};
  Random random(mix.seed);
  std::vector<FlowTuple> flows(mix.flow_count);
  for (uint32_t i = 0; i < mix.flow_count; ++i) {
    FlowTuple& flow = flows[i];
    const bool is_v6 = random.Below(100) < mix.v6_percent;
    // A bijection, so that neighbours in number are not neighbours in address.
    const uint32_t host = (i * 2'654'435'761u) & 0xFFFFFF;
    flow.source = is_v6 ? IpAddress::V6(uint64_t{0xFD42} << 48, host)
                        : IpAddress::V4((10u << 24) | host);
    flow.destination =
        DrawAddress(is_v6 ? mix.announced_v6 : mix.announced_v4, &random);
    flow.source_port =
        static_cast<uint16_t>(32'768 + (i >> 24) * 1024 + random.Below(1024));
    flow.destination_port = kServerPorts[random.Below(8)];
    flow.is_udp = random.Below(5) == 0;
  }
  return flows;
}

void WriteFrame(const FlowTuple& flow, uint32_t frame_octets, bool is_answer,
                uint8_t* frame) {
  constexpr uint8_t kTcp = 6;
  constexpr uint8_t kUdp = 17;
  constexpr uint8_t kAck = 0x10;
  FlowTuple sent = flow;
  if (is_answer) {
    std::swap(sent.source, sent.destination);
    std::swap(sent.source_port, sent.destination_port);
  }
  const bool is_v4 = flow.source.is_v4();
  const uint32_t ip_octets = frame_octets - kEthernetOctets;
  std::memset(frame, 2, 12);
  Put16(is_v4 ? 0x0800 : 0x86DD, frame + 12);
  uint8_t* ip = frame + kEthernetOctets;
  (is_v4 ? WriteIpv4 : WriteIpv6)(sent.source, sent.destination, ip_octets,
                                  flow.is_udp ? kUdp : kTcp, ip);

  uint8_t* transport = ip + (is_v4 ? 20 : 40);
  std::memset(transport, 0, flow.is_udp ? 8 : 20);
  Put16(sent.source_port, transport);
  Put16(sent.destination_port, transport + 2);
  if (flow.is_udp) {
    Put16(static_cast<uint16_t>(ip_octets - (is_v4 ? 20 : 40)), transport + 4);
  } else {
    transport[12] = 5 << 4;
    transport[13] = kAck;
  }
}

uint32_t DrawImixOctets(Random* random) {
  const uint64_t draw = random->Below(12);
  if (draw < 7) return 64;
  return draw < 11 ? 594 : 1518;
}

}  // namespace octroi::bench
