// SPDX-License-Identifier: Apache-2.0
// TunnelIndex numbers the tunnels that a worker meets, so that a flow key names
// its tunnel by 23 bits and still compares it whole: outer address pair, kind
// and identifier. Numbers are the worker's own; results name the tunnel itself.
//
// Bounded per shard (limits.h), so that the tunnels that are not numbered are
// the same at any worker count. A tunnel keeps its number for good.
//
// Thread safety: one worker's own; no concurrent calls.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/decode.h"
#include "dataplane/flow_key.h"
#include "dataplane/limits.h"
#include "geo/ip_address.h"

namespace octroi {

// A tunnel, the same for both directions.
struct Tunnel {
  // Of the outermost IP layer; the smaller address first.
  IpAddress a;
  IpAddress b;
  // VNI, GRE key, TEID, ...; 0 if the kind has none.
  uint32_t id = 0;
  TunnelKind kind = TunnelKind::kNone;

  friend bool operator==(const Tunnel&, const Tunnel&) = default;
  friend auto operator<=>(const Tunnel&, const Tunnel&) = default;
};

class TunnelIndex {
 public:
  // Tunnels that are numbered per shard: 2^20 over all shards.
  static constexpr uint32_t kTunnelsPerShard = (1u << 20) / kShardCount;
  static_assert(kTunnelsPerShard * kShardCount < kTunnelNumberLimit);

  explicit TunnelIndex(uint64_t seed);

  // Makes room for `count` tunnels more. May allocate: not within a burst.
  void Reserve(size_t count);

  // The number of the tunnel that the packet's inner layer is in; kNoTunnel if
  // its shard is full.
  // REQUIRES: packet.tunnel != kNone; room was reserved. Hot path.
  TunnelNumber NumberOf(const DecodedPacket& packet);

  // The tunnel behind a number; for kNoTunnel one of kind kNone.
  const Tunnel& tunnel(TunnelNumber number) const { return tunnels_[number]; }
  size_t size() const { return tunnels_.size() - 1; }

 private:
  uint32_t Hash(const Tunnel& tunnel) const;
  void Rebuild(size_t bucket_count);

  const uint64_t seed_;
  std::vector<Tunnel> tunnels_;        // [0] is the outermost layer's.
  std::vector<TunnelNumber> buckets_;  // Linear probing; kNoTunnel is empty.
  std::vector<uint32_t> shard_counts_;
};

}  // namespace octroi
