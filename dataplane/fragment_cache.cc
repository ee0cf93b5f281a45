// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fragment_cache.h"

#include <algorithm>

namespace octroi {
namespace {

// Whether the datagram of a fragment that names this protocol can have ports.
// In IPv6 an extension header may stand before the transport.
bool MayHavePorts(const IpLayer& layer) {
  switch (layer.protocol_identifier) {
    case kProtocolTcp:
    case kProtocolUdp:
    case kProtocolSctp:
      return true;
    case kProtocolRouting:
    case kProtocolAh:
    case kProtocolDestinationOptions:
      return !layer.source.is_v4();
    default:
      return false;
  }
}

bool IsExpired(int64_t stored_ns, int64_t clock_ns) {
  // Unsigned, since a capture may claim any two times.
  return clock_ns > stored_ns &&
         static_cast<uint64_t>(clock_ns) - static_cast<uint64_t>(stored_ns) >
             FragmentCache::kTimeoutNs;
}

}  // namespace

FragmentCache::FragmentCache()
    : sets_(std::make_unique<Set[]>(kShardCount * kSetsPerShard)) {}

void FragmentCache::ResolveLayers(DecodedPacket* packet) {
  const uint32_t shard =
      ShardOfAddresses(packet->outer.source, packet->outer.destination);
  if (packet->outer.is_fragment) {
    ResolveLayer(MakeKey(packet->outer, TunnelKind::kNone, 0), shard,
                 packet->clock_ns, &packet->outer);
  }
  if (packet->tunnel != TunnelKind::kNone && packet->inner.is_fragment) {
    ResolveLayer(MakeKey(packet->inner, packet->tunnel, packet->tunnel_id),
                 shard, packet->clock_ns, &packet->inner);
  }
}

FragmentCache::Key FragmentCache::MakeKey(const IpLayer& layer,
                                          TunnelKind tunnel,
                                          uint32_t tunnel_id) {
  return {.source = layer.source,
          .destination = layer.destination,
          .fragment_id = layer.fragment_id,
          .tunnel_id = tunnel_id,
          .protocol_identifier =
              layer.source.is_v4() ? layer.protocol_identifier : uint8_t{0},
          .tunnel = tunnel};
}

// Not seeded: which datagrams share a set decides what is evicted, and so what
// the result is. A flood can push out the datagrams of its own shard, which is
// counted.
FragmentCache::Set& FragmentCache::SetOf(const Key& key, uint32_t shard) {
  static_assert((kSetsPerShard & (kSetsPerShard - 1)) == 0);
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  uint64_t mixed = key.fragment_id;
  mixed = (mixed ^ key.source.low()) * kOdd;
  mixed = (mixed ^ (mixed >> 32) ^ key.destination.low()) * kOdd;
  mixed = (mixed ^ (mixed >> 32) ^ key.protocol_identifier) * kOdd;
  return sets_[shard * kSetsPerShard + (mixed >> 32) % kSetsPerShard];
}

void FragmentCache::ResolveLayer(const Key& key, uint32_t shard,
                                 int64_t clock_ns, IpLayer* layer) {
  if (!MayHavePorts(*layer)) return;
  Set& set = SetOf(key, shard);
  if (layer->is_first_fragment) {
    if (layer->has_ports) Store(key, *layer, clock_ns, &set);
    return;
  }
  for (const Entry& entry : set) {
    if (!entry.is_used) break;
    if (entry.key != key || IsExpired(entry.stored_ns, clock_ns)) continue;
    layer->source_port = entry.source_port;
    layer->destination_port = entry.destination_port;
    layer->protocol_identifier = entry.protocol_identifier;
    layer->has_ports = true;
    ++resolved_count_;
    return;
  }
  ++unresolved_count_;
}

// The entry of the same datagram, an unused one or else the oldest gives way;
// those before it move up by one.
void FragmentCache::Store(const Key& key, const IpLayer& layer,
                          int64_t clock_ns, Set* set) {
  size_t victim = 0;
  while (victim < kWays - 1 && (*set)[victim].is_used &&
         (*set)[victim].key != key) {
    ++victim;
  }
  const Entry& old = (*set)[victim];
  const bool makes_room = old.is_used && old.key != key;
  if (makes_room && !IsExpired(old.stored_ns, clock_ns)) ++evicted_count_;

  std::move_backward(set->begin(), set->begin() + victim,
                     set->begin() + victim + 1);
  set->front() = {.key = key,
                  .stored_ns = clock_ns,
                  .source_port = layer.source_port,
                  .destination_port = layer.destination_port,
                  .protocol_identifier = layer.protocol_identifier,
                  .is_used = true};
}

}  // namespace octroi
