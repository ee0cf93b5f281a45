// SPDX-License-Identifier: Apache-2.0
// Packets as lines of text, so that a replay case is data:
//
//   2026-01-15T10:00:00Z | ethernet | ipv4 10.0.0.5 203.0.113.9 | tcp 40000 443
//       syn | payload 100                                    (on one line)
//   +0.25 | ...
//
// First the time: an instant, or seconds since the line before. Then the layers
// from the outside in, by their PacketBuilder names:
//
//   ethernet, vlan ID, mpls LABEL, pppoe SESSION, ipv4 FROM TO, ipv6 FROM TO,
//   tcp FROM TO FLAG... (syn ack fin rst psh), udp FROM TO, sctp FROM TO,
//   icmp, icmpv6, esp, gre, vxlan ID, geneve ID, gtpu ENDPOINT,
//   fragment ID OFFSET more|last, next NUMBER, payload OCTETS, snap OCTETS
//
// Plain functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/packet_builder.h"

namespace octroi::testing {

struct TimedFrame {
  Frame frame;
  int64_t timestamp_ns = 0;
};

// Throws std::invalid_argument, naming the line, if a line is not such a text.
std::vector<TimedFrame> FramesOf(const std::vector<std::string>& lines);

// The frames as a pcap file with nanoseconds.
// REQUIRES: there is one, and they have one link type.
std::string PcapOf(const std::vector<TimedFrame>& frames);

}  // namespace octroi::testing
