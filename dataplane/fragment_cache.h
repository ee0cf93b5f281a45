// SPDX-License-Identifier: Apache-2.0
// FragmentCache gives the later fragments of a datagram the ports that only
// its first fragment carries, so that they are counted to the same flow. It
// stands between decode and the flow table.
//
// Bounded and deterministic: memory is taken once, and the sets of the cache
// are divided among the shards of limits.h, so that what is evicted depends on
// packets of the same shard only. Results are then the same however many
// workers share the shards.
//
// Thread safety: one worker's own; no concurrent calls.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "dataplane/decode.h"
#include "dataplane/limits.h"

namespace octroi {

class FragmentCache {
 public:
  // Datagrams in reassembly that are remembered, over all shards.
  static constexpr size_t kSetsPerShard = 16;
  static constexpr size_t kWays = 8;
  static constexpr size_t kCapacity = kShardCount * kSetsPerShard * kWays;
  // How long the later fragments of a datagram may come after its first, by
  // the packets' clock_ns: the reassembly time of RFC 8200 §4.5, which is
  // within what RFC 1122 §3.3.2 asks of IPv4 (60 s to 120 s).
  static constexpr int64_t kTimeoutNs = 60'000'000'000;

  FragmentCache();

  // Remembers the ports of a first fragment, and sets ports, has_ports and, for
  // IPv6, the protocol of a later fragment whose first is remembered. Does so
  // for the outer layer and for the inner one, which is told apart by its
  // tunnel. Fragments that came before their first stay without ports.
  // REQUIRES: packet->is_decoded(). Hot path.
  void Resolve(DecodedPacket* packet) {
    const bool has_inner = packet->tunnel != TunnelKind::kNone;
    if (packet->outer.is_fragment || (has_inner && packet->inner.is_fragment)) {
      ResolveLayers(packet);
    }
  }

  // Later fragments of TCP, UDP and SCTP that got ports, and those that did
  // not because their first was not seen, was evicted or came later.
  uint64_t resolved_count() const { return resolved_count_; }
  uint64_t unresolved_count() const { return unresolved_count_; }
  // Remembered datagrams that made room for others before their time.
  uint64_t evicted_count() const { return evicted_count_; }

 private:
  // What makes two fragments parts of one datagram (RFC 791 §2.3, RFC 8200
  // §4.5), and the tunnel that it was in.
  struct Key {
    IpAddress source;
    IpAddress destination;
    uint32_t fragment_id = 0;
    uint32_t tunnel_id = 0;
    // IPv4 only: identifications are the protocol's own there.
    uint8_t protocol_identifier = 0;
    TunnelKind tunnel = TunnelKind::kNone;  // kNone: the outer layer.

    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Entry {
    Key key;
    int64_t stored_ns = 0;
    uint16_t source_port = 0;
    uint16_t destination_port = 0;
    uint8_t protocol_identifier = 0;
    bool is_used = false;
  };
  // Youngest first; unused entries last.
  using Set = std::array<Entry, kWays>;

  void ResolveLayers(DecodedPacket* packet);
  static Key MakeKey(const IpLayer& layer, TunnelKind tunnel,
                     uint32_t tunnel_id);
  Set& SetOf(const Key& key, uint32_t shard);
  void ResolveLayer(const Key& key, uint32_t shard, int64_t clock_ns,
                    IpLayer* layer);
  void Store(const Key& key, const IpLayer& layer, int64_t clock_ns, Set* set);

  const std::unique_ptr<Set[]> sets_;
  uint64_t resolved_count_ = 0;
  uint64_t unresolved_count_ = 0;
  uint64_t evicted_count_ = 0;
};

}  // namespace octroi
