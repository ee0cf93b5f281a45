// SPDX-License-Identifier: Apache-2.0
// A packet as a source hands it over: borrowed bytes and what the observation
// point says of them. Plain values; a packet belongs to the burst that holds
// it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "dataplane/limits.h"

namespace octroi {

// How a frame begins: the LINKTYPE_ values of the pcap formats
// (draft-ietf-opsawg-pcaplinktype). Values that are not named here are legal;
// decode counts them as unsupported.
enum class LinkType : uint16_t {
  kNull = 0,
  kEthernet = 1,
  kPpp = 9,
  kPppHdlc = 50,
  kPppEther = 51,
  kRawBsd = 12,  // DLT_RAW as some systems wrote it
  kRawOpenBsd = 14,
  kRaw = 101,
  kChdlc = 104,
  kIeee80211 = 105,
  kLoop = 108,
  kLinuxSll = 113,
  kIeee80211Radiotap = 127,
  kIpv4 = 228,
  kIpv6 = 229,
  kLinuxSll2 = 276,
};

struct Packet {
  // `captured_octets` bytes, the source's until ReleaseBurst.
  const uint8_t* data = nullptr;
  uint32_t captured_octets = 0;
  // Length of the frame on the wire; may exceed captured_octets (snap length).
  // A source never sets it below captured_octets.
  uint32_t wire_octets = 0;
  // When the packet was seen, ns since the Unix epoch. May go backwards.
  int64_t timestamp_ns = 0;
  // The capture's clock: the latest timestamp_ns of this source up to and
  // including this packet, over all files and interfaces. Never goes backwards.
  int64_t clock_ns = 0;
  LinkType link_type = LinkType::kEthernet;
};
static_assert(std::is_trivially_copyable_v<Packet>);
static_assert(sizeof(Packet) == 40);

struct PacketBurst {
  std::array<Packet, kMaxBurst> packets;
  size_t size = 0;

  std::span<const Packet> view() const { return {packets.data(), size}; }
};

}  // namespace octroi
