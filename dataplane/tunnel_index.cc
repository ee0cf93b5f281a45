// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tunnel_index.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "dataplane/mix.h"

namespace octroi {
namespace {

constexpr size_t kMinBuckets = 256;

Tunnel TunnelOf(const DecodedPacket& packet) {
  Tunnel tunnel;
  tunnel.a = std::min(packet.outer.source, packet.outer.destination);
  tunnel.b = std::max(packet.outer.source, packet.outer.destination);
  tunnel.id = packet.tunnel_id;
  tunnel.kind = packet.tunnel;
  return tunnel;
}

}  // namespace

TunnelIndex::TunnelIndex(uint64_t seed)
    : seed_(seed), tunnels_(1), shard_counts_(kShardCount, 0) {
  Rebuild(kMinBuckets);
}

void TunnelIndex::Reserve(size_t count) {
  const size_t needed = tunnels_.size() + count;
  if (2 * needed > buckets_.size()) Rebuild(std::bit_ceil(4 * needed));
}

TunnelNumber TunnelIndex::NumberOf(const DecodedPacket& packet) {
  assert(packet.tunnel != TunnelKind::kNone);
  const Tunnel tunnel = TunnelOf(packet);
  const size_t mask = buckets_.size() - 1;
  size_t position = Hash(tunnel) & mask;
  while (buckets_[position] != kNoTunnel) {
    if (tunnels_[buckets_[position]] == tunnel) return buckets_[position];
    position = (position + 1) & mask;
  }

  uint32_t& shard_count = shard_counts_[ShardOfAddresses(tunnel.a, tunnel.b)];
  if (shard_count == kTunnelsPerShard) return kNoTunnel;
  shard_count += 1;
  assert(tunnels_.size() < tunnels_.capacity());
  buckets_[position] = static_cast<TunnelNumber>(tunnels_.size());
  tunnels_.push_back(tunnel);
  return buckets_[position];
}

uint32_t TunnelIndex::Hash(const Tunnel& tunnel) const {
  const uint64_t tag =
      (uint64_t{tunnel.id} << 8) | static_cast<uint64_t>(tunnel.kind);
  uint64_t state = seed_;
  uint64_t hash = tag ^ NextSecret(&state);
  for (const uint64_t word :
       {tunnel.a.high(), tunnel.a.low(), tunnel.b.high(), tunnel.b.low()}) {
    hash = MultiplyMix(hash ^ word, NextSecret(&state));
  }
  return static_cast<uint32_t>(hash ^ (hash >> 32));
}

// Half of the buckets may be used: room for that many tunnels is taken as well.
void TunnelIndex::Rebuild(size_t bucket_count) {
  assert(std::has_single_bit(bucket_count));
  tunnels_.reserve(bucket_count / 2 + 1);
  buckets_.assign(bucket_count, kNoTunnel);
  for (size_t number = 1; number < tunnels_.size(); ++number) {
    size_t position = Hash(tunnels_[number]) & (bucket_count - 1);
    while (buckets_[position] != kNoTunnel) {
      position = (position + 1) & (bucket_count - 1);
    }
    buckets_[position] = static_cast<TunnelNumber>(number);
  }
}

}  // namespace octroi
