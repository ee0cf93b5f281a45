// SPDX-License-Identifier: Apache-2.0
// Seeded frames of a network that has a bit of everything, as a mirror port
// shows them: both directions of flows over IPv4 and IPv6 between the hosts of
// small_world.h and the world outside, in UDP, TCP and ICMP, with and without a
// VLAN tag, in tunnels, and datagrams in fragments, some out of order and some
// of flows whose other packets are whole. A few frames are not IP.
//
// No TCP connection ends: what a point makes of the frames does not depend on
// when they come, as long as that is within a flow's idle timeout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/packet_builder.h"

namespace octroi::testing {

// At least `count` frames, of at most 1,400 octets; no datagram lacks a
// fragment.
std::vector<Frame> MixedTraffic(uint64_t seed, size_t count,
                                bool has_v4_fragments = true);

// Sends the frames as they are on an interface of the calling thread's network
// namespace, in order. Before each `batch_size` of them calls `wait` with the
// number that have been sent. Returns how many were: fewer than all only if the
// kernel refuses one.
size_t SendFrames(const std::string& interface,
                  const std::vector<Frame>& frames, size_t batch_size,
                  const std::function<void(size_t)>& wait);

}  // namespace octroi::testing
