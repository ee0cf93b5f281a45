// SPDX-License-Identifier: Apache-2.0
#include "examples/network.h"

namespace octroi::example {
namespace {

constexpr size_t kMtu = 1500;
// The range that Linux takes client ports from.
constexpr uint16_t kFirstClientPort = 32'768;
constexpr uint16_t kLastClientPort = 60'999;

// Hosts start at 64; a distant one is some routers away, always as many.
// What must not cross a router starts at 255 (RFC 4861, RFC 6762).
uint8_t HopLimitOf(const IpHeader& ip) {
  const uint8_t first = ip.destination.bytes[0];
  if (first == (ip.destination.is_ipv6 ? 0xFF : 224)) return 255;
  if (IsInOffice(ip.source)) return 64;
  const int routers = 7 + ip.source.bytes[1] % 9;
  return static_cast<uint8_t>(64 - routers);
}

}  // namespace

Network::Network(CaptureFile* capture, uint64_t seed)
    : capture_(capture), random_(seed), next_client_port_(kFirstClientPort) {}

void Network::Send(const Path& path, int64_t time_ns, IpHeader ip,
                   const Bytes& transport) {
  ip.hop_limit = HopLimitOf(ip);
  ip.id = static_cast<uint32_t>(random_.Below(0x10000));
  for (const Bytes& packet : IpPackets(ip, transport, kMtu)) {
    if (path.tunnel) {
      SendThroughTunnel(path, time_ns, ip, packet);
    } else {
      capture_->Add(path.interface, time_ns,
                    EthernetFrame(ip, path.tags, packet));
    }
    time_ns += 12 * kMicrosecond;  // 1500 octets at 1 Gb/s.
  }
}

void Network::SendThroughTunnel(const Path& path, int64_t time_ns,
                                const IpHeader& inner, const Bytes& packet) {
  const Tunnel& tunnel = *path.tunnel;
  const Path outside = {path.interface, path.tags, std::nullopt};
  const bool is_leaving = IsInOffice(inner.source);
  const Address& source = is_leaving ? tunnel.office_end : tunnel.far_end;
  const Address& destination = is_leaving ? tunnel.far_end : tunnel.office_end;
  if (tunnel.protocol == kGre) {
    Send(outside, time_ns, {source, destination, kGre},
         GrePayload(tunnel.id, packet));
    return;
  }
  // RFC 7348 section 5: the source port is a hash of the inner flow.
  constexpr uint16_t kVxlanPort = 4789;
  const uint8_t* inner_host =
      (is_leaving ? inner.source : inner.destination).bytes.data();
  const auto source_port =
      static_cast<uint16_t>(49'152 + inner_host[2] * 256 + inner_host[3]);
  SendUdp(outside, time_ns, {source, source_port}, {destination, kVxlanPort},
          VxlanPayload(tunnel.id, EthernetFrame(inner, {}, packet)));
}

void Network::SendUdp(const Path& path, int64_t time_ns, const Endpoint& from,
                      const Endpoint& to, const Bytes& payload) {
  IpHeader ip = {from.address, to.address, kUdp};
  ip.dont_fragment = false;
  Send(path, time_ns, ip, UdpDatagram(ip, from.port, to.port, payload));
}

void Network::SendFrame(const Path& path, int64_t time_ns,
                        const MacAddress& source, const MacAddress& destination,
                        uint16_t ether_type, const Bytes& content) {
  capture_->Add(
      path.interface, time_ns,
      EthernetFrame(source, destination, path.tags, ether_type, content));
}

uint16_t Network::NextClientPort() {
  const auto step = static_cast<int>(random_.Between(1, 7));
  const int port = next_client_port_ + step;
  next_client_port_ =
      port > kLastClientPort ? kFirstClientPort : static_cast<uint16_t>(port);
  return next_client_port_;
}

}  // namespace octroi::example
