// SPDX-License-Identifier: Apache-2.0
// Step 3, flow: finds or makes the record of each packet's flow in this
// worker's own table. Open addressing over 8-byte buckets, which hold a hash
// and the place of a record in a pool; keys are compared whole.
//
// When a flow starts and ends depends on its own packets and on the capture's
// clock alone (Continues, below). Expiry frees records that no packet could
// continue any more: it takes memory back, it does not decide.
//
// Thread safety: one worker's own; no concurrent calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/decode.h"
#include "dataplane/flow_key.h"
#include "dataplane/flow_record.h"
#include "dataplane/limits.h"

namespace octroi {

// When a record ends and the next packet of its key starts another one.
struct FlowTimeouts {
  // No packet for longer than this.
  int64_t idle_ns = 60'000'000'000;
  // As old as this, whatever its traffic: long flows are reported in parts.
  int64_t active_ns = 1'800'000'000'000;
  // No packet for longer than this, after the TCP connection has ended: time
  // for the last acknowledgement and retransmissions.
  int64_t closed_ns = 5'000'000'000;
};
// Bounds of each timeout: positive, so that a packet can continue the flow of
// the one before it, and far below the range of the clock.
inline constexpr int64_t kMinFlowTimeoutNs = 1;
inline constexpr int64_t kMaxFlowTimeoutNs = 366LL * 86'400 * 1'000'000'000;

struct FlowTableOptions {
  // Records that there is memory for from the start.
  size_t initial_capacity = 8192;
  // What records and buckets may take in all, while growing included. A table
  // whose initial capacity takes more is made with that and does not grow.
  size_t memory_limit_bytes = size_t{1} << 30;
};

// One IP layer of a packet, as the table takes it. Borrows the layer.
struct FlowPacket {
  const IpLayer* layer = nullptr;
  int64_t timestamp_ns = 0;
  int64_t clock_ns = 0;
  TunnelNumber tunnel = kNoTunnel;
  TunnelKind tunnel_kind = TunnelKind::kNone;
};

using FlowIndex = uint32_t;
inline constexpr FlowIndex kNoFlow = UINT32_MAX;

// Where a packet went.
struct FlowHit {
  // kNoFlow: the table is full, and the flow has no record.
  FlowIndex flow = kNoFlow;
  Endpoint sender = Endpoint::kA;
  // This packet started the record, which has not been classified.
  bool is_new = false;
};

// Whether `packet` belongs to the record of its key.
bool Continues(const FlowRecord& record, const FlowPacket& packet,
               const FlowTimeouts& timeouts);
// Whether some packet at `clock_ns` or later could belong to the record.
bool CanContinue(const FlowRecord& record, int64_t clock_ns,
                 const FlowTimeouts& timeouts);
// Why a record ended that does not continue at `clock_ns`, or that is cut off
// there. The same at whatever later clock it is asked.
FlowEndReason EndReasonAt(const FlowRecord& record, int64_t clock_ns,
                          const FlowTimeouts& timeouts);

class FlowTable {
 public:
  // Records that one call of ExpireBurst or EndRemaining may end.
  static constexpr size_t kMaxEndedPerCall = 1024;
  // Records that a table may have, whatever its memory limit.
  static constexpr size_t kMaxCapacity = size_t{1} << 30;

  // REQUIRES: each timeout is within the bounds above.
  FlowTable(const FlowTableOptions& options, const FlowTimeouts& timeouts,
            uint64_t seed);

  // Makes room for `count` records more, as far as the limit allows. May
  // allocate and move records: not within a burst.
  void Reserve(size_t count);

  // Adds each packet to the record of its flow, which is made where there is
  // none or where the packet does not continue it, and sets hits[i]. Records
  // that end stay readable, and hits valid, until ReleaseEnded.
  // REQUIRES: packets.size() == hits.size() <= kMaxBurst. Hot path.
  void UpdateBurst(std::span<const FlowPacket> packets,
                   std::span<FlowHit> hits);

  // Looks at the next `count` places of the pool, round and round, and ends
  // the records that cannot continue at `clock_ns`.
  // REQUIRES: count <= kMaxEndedPerCall; `clock_ns` is not above that of any
  // packet still to come. Hot path.
  void ExpireBurst(int64_t clock_ns, size_t count);

  // Ends up to `count` of the records that are left, as of the capture's last
  // `clock_ns`. False when there is none left. No packet may follow.
  // REQUIRES: count <= kMaxEndedPerCall.
  bool EndRemaining(int64_t clock_ns, size_t count);

  // Records that have ended since the last ReleaseEnded, and giving their
  // places back. One burst of outer layers, one of inner ones and one other
  // call may come in between.
  std::span<const FlowIndex> ended() const { return ended_; }
  void ReleaseEnded();

  FlowRecord& record(FlowIndex flow) { return records_[flow]; }
  const FlowRecord& record(FlowIndex flow) const { return records_[flow]; }

  // Records in the table, those not yet released included.
  size_t size() const { return used_end_ - free_.size(); }
  size_t capacity() const { return records_.size(); }
  // Memory of records and buckets, bytes.
  size_t memory_bytes() const { return MemoryOf(records_.size()); }

 private:
  struct Bucket {
    uint32_t hash = 0;
    FlowIndex flow = kNoFlow;
  };
  static_assert(sizeof(Bucket) == 8);
  static constexpr size_t kMaxEnded = 2 * kMaxBurst + kMaxEndedPerCall;

  static size_t MemoryOf(size_t capacity);
  static size_t BucketCountOf(size_t capacity);

  size_t unused_count() const { return records_.size() - used_end_; }
  void Grow(size_t capacity);
  FlowHit FindOrStart(uint32_t hash, const DirectedKey& key,
                      const FlowPacket& packet);
  size_t FindBucket(uint32_t hash, const FlowKey& key) const;
  void RemoveBucket(size_t hole);
  FlowIndex TakePlace();
  static void Start(const FlowKey& key, const FlowPacket& packet,
                    FlowRecord* record);
  void End(FlowIndex flow, FlowEndReason reason);

  // Constant after construction.
  const FlowTimeouts timeouts_;
  const size_t memory_limit_bytes_;
  const FlowHasher hasher_;

  std::vector<Bucket> buckets_;  // A power of two; at most half are used.
  std::vector<FlowRecord> records_;
  std::vector<FlowIndex> free_;   // Places below used_end_ to take again.
  std::vector<FlowIndex> ended_;  // Out of the buckets, not yet released.
  size_t used_end_ = 0;           // Places from here on were never taken.
  size_t scan_position_ = 0;
  size_t drain_position_ = 0;
};

}  // namespace octroi
