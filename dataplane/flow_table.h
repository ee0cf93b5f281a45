// SPDX-License-Identifier: Apache-2.0
// Step 3, flow: finds or makes the record of each packet's flow in this
// worker's own table. A record stands where its hash says, so that no index
// comes between: a group of tags (tag_group.h) says which of 15 places to look
// at, and the place is one cache line, which holds an IPv4 key and all that a
// packet changes. Keys are compared whole. What only the first and the last
// packet need, and IPv6 addresses, stand in arrays of their own.
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
#include "dataplane/huge_array.h"
#include "dataplane/limits.h"
#include "dataplane/tag_group.h"

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

// Whether the packet is to be classified: its flow is new, or has no record
// that would remember the answer.
constexpr bool NeedsAnswer(const FlowHit& hit) {
  return hit.is_new || hit.flow == kNoFlow;
}

// What of a record says whether it continues.
struct FlowAge {
  int64_t start_clock_ns = 0;
  int64_t last_clock_ns = 0;
  // A reset, or a FIN from both ends, has been seen.
  bool is_closed = false;
};

// Whether `packet` belongs to the record of its key.
bool Continues(const FlowAge& age, const FlowPacket& packet,
               const FlowTimeouts& timeouts);
// Whether some packet at `clock_ns` or later could belong to the record.
bool CanContinue(const FlowAge& age, int64_t clock_ns,
                 const FlowTimeouts& timeouts);
// Why a record ended that does not continue at `clock_ns`, or that is cut off
// there. The same at whatever later clock it is asked.
FlowEndReason EndReasonAt(const FlowAge& age, int64_t clock_ns,
                          const FlowTimeouts& timeouts);

// What each packet of a flow reads and writes. All zero is a free place.
//
// The latest timestamp is that of the last packet, which is last_clock_ns,
// unless has_late_end: the last packet's timestamp went back, and the latest
// stands in FlowDetails::end_ns.
struct alignas(64) FlowLine {
  PackedKey key;
  uint64_t sent_octets[2];   // By sending end, as in FlowRecord.
  uint32_t sent_packets[2];  // Above 2^32: FlowDetails::packet_carries.
  int64_t start_clock_ns;
  int64_t last_clock_ns;
  AccountIndex account;
  FlowDirection direction;
  Endpoint initiator;
  uint8_t tcp_end;
  bool has_late_end : 1;
  bool has_ended : 1;  // Out of reach of look-ups, not yet released.

  FlowAge age() const {
    return {start_clock_ns, last_clock_ns, IsClosed(tcp_end)};
  }
};
static_assert(sizeof(FlowLine) == 64, "one cache line");

// What a flow's first packet sets and its export reads.
struct FlowDetails {
  int64_t start_ns;
  int64_t end_ns;  // Meaningful if FlowLine::has_late_end.
  AttributionId attribution;
  uint32_t edition;
  uint32_t packet_carries[2];  // By sending end, in units of 2^32 packets.
  Judgement judgement;
  WorkloadId workload;
  TunnelKind tunnel_kind;
  FlowEndReason end_reason;
};
static_assert(sizeof(FlowDetails) == 40);

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

  // Looks at the next `count` places of the table, round and round, and ends
  // the records that cannot continue at `clock_ns`.
  // REQUIRES: count <= kMaxEndedPerCall; `clock_ns` is not above that of any
  // packet still to come. Hot path.
  void ExpireBurst(int64_t clock_ns, size_t count);
  // Places to look at when the clock has moved by `elapsed_ns`, so that each is
  // looked at kSweepsPerTimeout times in an idle timeout. Hot path.
  size_t PlacesDue(int64_t elapsed_ns) const;

  // Ends up to `count` of the records that are left, as of the capture's last
  // `clock_ns`. False when there is none left. No packet may follow.
  // REQUIRES: count <= kMaxEndedPerCall.
  bool EndRemaining(int64_t clock_ns, size_t count);

  // Records that have ended since the last ReleaseEnded, and giving their
  // places back. One burst of outer layers, one of inner ones and one other
  // call may come in between.
  std::span<const FlowIndex> ended() const { return ended_; }
  void ReleaseEnded();

  // The parts of a record, valid until the next Reserve.
  FlowLine& line(FlowIndex flow) { return lines_[flow]; }
  FlowDetails& details(FlowIndex flow) { return details_[flow]; }
  // A record as it is exported.
  FlowRecord record(FlowIndex flow) const;

  // Records in the table, those not yet released included.
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  // Memory of all arrays, bytes. That for IPv6 addresses is taken by the first
  // IPv6 flows only.
  size_t memory_bytes() const { return MemoryOf(capacity_); }

 private:
  static constexpr size_t kMaxEnded = 2 * kMaxBurst + kMaxEndedPerCall;
  static constexpr int64_t kSweepsPerTimeout = 8;
  static constexpr FlowIndex kNoPlace = UINT32_MAX;
  // At most 4/5 of the places hold records, so that few leave their group.
  static constexpr size_t kRecordsPerGroup = TagGroup::kPlaces * 4 / 5;
  static constexpr size_t kGroupBytes =
      sizeof(TagGroup) +
      TagGroup::kPlaces *
          (sizeof(FlowLine) + sizeof(FlowDetails) + sizeof(V6Addresses));

  // A packet's key, hashed, and where its record may be.
  struct Probe {
    PackedKey key;
    V6Addresses v6;  // Set if key.is_v6().
    uint32_t hash;
    uint32_t home;        // Its group.
    FlowIndex candidate;  // kNoPlace if no tag points to it.
    uint8_t tag;
    Endpoint sender;
  };

  static size_t MemoryOf(size_t capacity);
  static size_t GroupCountOf(size_t capacity);
  static uint8_t TagOf(uint32_t hash);

  size_t place_count() const { return groups_.size() * TagGroup::kPlaces; }
  uint32_t GroupOf(uint32_t hash) const;
  uint32_t After(uint32_t group) const;
  uint32_t HashAt(FlowIndex flow) const;
  uint8_t& TagAt(FlowIndex flow);

  size_t NextCapacity() const;
  bool Grow(size_t capacity);
  void SetProbe(const FlowPacket& packet, Probe* probe) const;
  void FindCandidate(Probe* probe);
  void PrefetchFree(const TagGroup& group, FlowIndex first) const;
  bool IsAt(FlowIndex flow, const Probe& probe) const;
  FlowIndex Find(const Probe& probe) const;
  FlowHit FindOrStart(const Probe& probe, const FlowPacket& packet);
  FlowIndex TakePlace(uint32_t hash);
  void Start(const Probe& probe, const FlowPacket& packet, FlowIndex flow);
  void AddPacket(const FlowPacket& packet, Endpoint sender, FlowIndex flow);
  void End(FlowIndex flow, FlowEndReason reason);
  void GiveBack(FlowIndex flow);

  // Constant after construction.
  const FlowTimeouts timeouts_;
  const size_t memory_limit_bytes_;
  const FlowHasher hasher_;

  // Place i of group g is element g * kPlaces + i of the other arrays. A record
  // stands in the first group from its home on that had room; the groups that
  // it passed count it.
  HugeArray<TagGroup> groups_;
  HugeArray<FlowLine> lines_;
  HugeArray<FlowDetails> details_;
  HugeArray<V6Addresses> v6_;
  std::vector<FlowIndex> ended_;  // Tagged kEnded, not yet released.
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t scan_position_ = 0;
  size_t drain_position_ = 0;
};

}  // namespace octroi
