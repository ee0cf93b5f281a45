// SPDX-License-Identifier: Apache-2.0
// Step 3, flow: finds or makes the record of each packet's flow in this
// worker's own table. A record stands where its hash says, so that no index
// comes between: a group of tags (tag_group.h) says which of 15 places to look
// at, and the place is one cache line, which holds an IPv4 key and all that a
// packet changes. Keys are compared whole. What only the first and the last
// packet need, what few flows need, and IPv6 addresses stand in arrays of their
// own.
//
// When a flow starts and ends depends on its own packets and on the capture's
// clock alone (Continues, below), and on StartGeneration. Expiry frees records
// that no packet could continue any more: it takes memory back, it does not
// decide.
//
// A line counts what its account has not been told yet; the owner of the table
// settles it with the account (Unsettled, MarkSettled), at the latest when the
// record ends. 2^32 packets must not pass in between.
//
// Thread safety: one worker's own; no concurrent calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/flow_key.h"
#include "dataplane/flow_packet.h"
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
  size_t initial_capacity = size_t{1} << 14;
  // What records and buckets may take in all, while growing included. A table
  // whose initial capacity takes more is made with that and does not grow.
  size_t memory_limit_bytes = size_t{1} << 30;
  // Up to so many records a table that grows has four times as many, since each
  // is moved whenever it does; then twice as many, since memory counts.
  size_t few_records = size_t{1} << 20;
  // Take all memory at once, so that no packet waits for the kernel: for live
  // use, with an initial capacity that is enough and a limit of 0.
  bool is_prefaulted = false;
};

using FlowIndex = uint32_t;
inline constexpr FlowIndex kNoFlow = UINT32_MAX;

// Index of a packet in its burst.
using BurstIndex = uint16_t;
static_assert(kMaxBurst <= size_t{UINT16_MAX} + 1);

// Where a packet went.
struct FlowHit {
  // kNoFlow: the table is full, and the flow has no record.
  FlowIndex flow = kNoFlow;
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

// What each packet of a flow reads and writes.
struct alignas(64) FlowLine {
  PackedKey key;
  // By sending end, as in FlowRecord: what is not settled yet. The rest stands
  // in FlowHistory.
  uint64_t octets[2];
  uint32_t packets[2];
  int64_t start_clock_ns;
  int64_t last_clock_ns;
  // The owner's: where it accounts the flow.
  uint32_t account;
  // Of the editions that the flow was judged by; kNoGeneration: there is no
  // record here, or it has ended and is not yet released.
  uint8_t generation;
  uint8_t tcp_end;
  FlowDirection direction : 2;
  Endpoint initiator : 1;
  // What FlowHistory holds of this flow; the rest of it is not set.
  bool has_settled : 1;
  bool has_late_start : 1;  // The first packet's timestamp was not its clock.
  // The last packet's timestamp went back. Else it is the flow's latest, and is
  // last_clock_ns.
  bool has_late_end;

  FlowAge age() const {
    return {start_clock_ns, last_clock_ns, IsClosed(tcp_end)};
  }
  bool is_tunnelled() const { return key.tunnel() != kNoTunnel; }
};
static_assert(sizeof(FlowLine) == 64, "one cache line");

// What a flow's first packet sets and its export reads.
struct FlowDetails {
  AttributionId attribution;
  uint32_t edition;
  Judgement judgement;
  WorkloadId workload;
  TunnelKind tunnel_kind;
  FlowEndReason end_reason;
};
static_assert(sizeof(FlowDetails) == 16);

// By sending end, as in FlowRecord.
struct FlowCounts {
  uint64_t octets[2];
  uint64_t packets[2];
};

// What few flows need, or none: its memory is taken where one does.
struct FlowHistory {
  FlowCounts settled;
  int64_t start_ns;
  int64_t end_ns;
};

class FlowTable {
 public:
  // Records that one call of ExpireBurst or EndRemaining may end.
  static constexpr size_t kMaxEndedPerCall = 1024;
  // Records that a table may have, whatever its memory limit.
  static constexpr size_t kMaxCapacity = size_t{1} << 30;

  // REQUIRES: each timeout is within the bounds above.
  FlowTable(const FlowTableOptions& options, const FlowTimeouts& timeouts,
            uint64_t seed);

  // The largest capacity whose arrays take no more than so many bytes; at least
  // that of one group.
  static size_t CapacityWithin(size_t bytes);

  // Makes room for `count` records more, as far as the limit allows. May
  // allocate and move records: not within a burst.
  void Reserve(size_t count);

  // The cache misses of a burst overlap because its packets are taken through
  // these first: TouchTags hashes the key and touches the tags of its group,
  // TouchLines touches the lines that the tags point to. Hot path.
  // REQUIRES of TouchLines: TouchTags of each packet since the last Reserve.
  void TouchTags(FlowPacket* packet) const {
    packet->hash = hasher_.Hash(packet->key, packet->v6);
    __builtin_prefetch(&groups_[GroupOf(packet->hash)]);
  }
  void TouchLines(std::span<FlowPacket> packets) const;

  // Adds each packet to the record of its flow, which is made where there is
  // none or where the packet does not continue it, and sets hits[i]. Records
  // that end stay readable, and hits valid, until ReleaseEnded. Sets the first
  // places of `asked` to the indexes of the packets that need an answer
  // (NeedsAnswer), in their order, and returns how many these are.
  // REQUIRES: packets.size() == hits.size() == asked.size() <= kMaxBurst;
  // TouchLines(packets) was the last call. Hot path.
  size_t UpdateBurst(std::span<const FlowPacket> packets,
                     std::span<FlowHit> hits, std::span<BurstIndex> asked);

  // From here on no packet continues a record that is there now: each ends when
  // its key is met, or by EndIfStale, as of `clock_ns`.
  // REQUIRES: no record of an earlier generation is left.
  void StartGeneration(int64_t clock_ns);
  // Ends an open record if it is of an earlier generation. Whether it was.
  bool EndIfStale(FlowIndex flow);

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

  // What the account of a record has not been told yet. MarkSettled: it has
  // been told all of it; for a record that has ended there is no need to.
  FlowCounts Unsettled(FlowIndex flow) const;
  void MarkSettled(FlowIndex flow);

  // Records that have ended since the last ReleaseEnded, and giving their
  // places back. One burst of outer layers, one of inner ones, one call of
  // ExpireBurst or EndRemaining, and kMaxEndedPerCall of EndIfStale may come in
  // between.
  std::span<const FlowIndex> ended() const { return ended_; }
  void ReleaseEnded();

  // The parts of a record, valid until the next Reserve.
  FlowLine& line(FlowIndex flow) { return lines_[flow]; }
  FlowDetails& details(FlowIndex flow) { return details_[flow]; }
  // A record as it is exported.
  FlowRecord record(FlowIndex flow) const;

  // The table in its groups, for who goes over all of it: the records of a
  // group that have not ended, which stay where they are until the next
  // Reserve. TouchRecordsOf saves the wait for their lines a little later.
  size_t group_count() const { return groups_.size(); }
  size_t place_count() const { return group_count() * TagGroup::kPlaces; }
  PlaceSet OpenRecordsOf(size_t group) const { return groups_[group].Open(); }
  static FlowIndex IndexOf(size_t group, uint32_t place) {
    return static_cast<FlowIndex>(group * TagGroup::kPlaces + place);
  }
  void TouchRecordsOf(size_t group) const;

  // Records in the table, those not yet released included.
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  // Memory of all arrays, bytes. That of IPv6 addresses and of FlowHistory is
  // taken where flows need it only, unless it is prefaulted.
  size_t memory_bytes() const { return MemoryOf(capacity_); }

 private:
  static constexpr size_t kMaxEnded = 2 * kMaxBurst + 2 * kMaxEndedPerCall;
  static constexpr int64_t kSweepsPerTimeout = 4;
  static constexpr FlowIndex kNoPlace = UINT32_MAX;
  // At most 4/5 of the places hold records, so that few leave their group.
  static constexpr size_t kRecordsPerGroup = TagGroup::kPlaces * 4 / 5;
  static constexpr size_t kGroupBytes =
      sizeof(TagGroup) +
      TagGroup::kPlaces * (sizeof(FlowLine) + sizeof(FlowDetails) +
                           sizeof(FlowHistory) + sizeof(V6Addresses));
  static constexpr uint8_t kNoGeneration = 0;
  // Lines beyond the places, which are never a record's.
  static constexpr size_t kSpareLines = 2;

  // What a burst compares records with: those whose clocks are not below these
  // floors, of this generation, continue.
  struct Present {
    int64_t idle_floor_ns;
    int64_t active_floor_ns;
    uint8_t generation;
  };

  bool HasOpenRecord(FlowIndex place) const {
    return groups_[place / TagGroup::kPlaces].tags[place % TagGroup::kPlaces] >
           TagGroup::kEnded;
  }
  static size_t MemoryOf(size_t capacity);
  static size_t GroupCountOf(size_t capacity);
  // Any byte but the two that are no tags.
  static uint8_t TagOf(uint32_t hash) {
    const auto byte = static_cast<uint8_t>(hash);
    return byte <= TagGroup::kEnded ? static_cast<uint8_t>(byte + 2) : byte;
  }

  // In the order of hashes, whatever the number of groups: it need not be a
  // power of two, and a table that grows is copied from its start to its end.
  uint32_t GroupOf(uint32_t hash) const {
    return static_cast<uint32_t>((uint64_t{hash} * groups_.size()) >> 32);
  }
  // Places that have no record and cost no miss: where it is not known whether
  // the key has one, and where it is known that it has none.
  FlowIndex NowhereIndex() const {
    return static_cast<FlowIndex>(place_count());
  }
  FlowIndex AbsentIndex() const { return NowhereIndex() + 1; }
  uint32_t After(uint32_t group) const;
  uint32_t HashAt(FlowIndex flow) const;
  uint8_t& TagAt(FlowIndex flow);

  size_t NextCapacity() const;
  bool Grow(size_t capacity);
  FlowIndex TouchLine(const FlowPacket& packet) const;
  FlowIndex TouchBeyondHome(uint32_t hash) const;
  FlowIndex TouchMatches(uint32_t group, PlaceSet matches) const;
  bool IsAt(FlowIndex flow, const FlowPacket& packet) const;
  Present PresentOf(int64_t last_clock_ns) const;
  bool IsPlainlyContinued(FlowIndex flow, const FlowPacket& packet,
                          const Present& present) const;
  FlowIndex Find(const FlowPacket& packet) const;
  FlowHit FindOrStart(const FlowPacket& packet);
  FlowIndex TakePlace(uint32_t hash);
  void Start(const FlowPacket& packet, FlowIndex flow);
  void AddPacket(const FlowPacket& packet, FlowIndex flow);
  void AddLateTimestamp(int64_t timestamp_ns, FlowIndex flow);
  void EndAt(FlowIndex flow, int64_t clock_ns);
  void GiveBack(FlowIndex flow);

  // Constant after construction.
  const FlowTimeouts timeouts_;
  const size_t memory_limit_bytes_;
  const size_t few_records_;
  const bool is_prefaulted_;
  const FlowHasher hasher_;

  // Place i of group g is element g * kPlaces + i of the other arrays. A record
  // stands in the first group from its home on that had room; the groups that
  // it passed count it.
  HugeArray<TagGroup> groups_;
  HugeArray<FlowLine> lines_;
  HugeArray<FlowDetails> details_;
  HugeArray<FlowHistory> history_;
  HugeArray<V6Addresses> v6_;
  std::vector<FlowIndex> ended_;  // Tagged kEnded, not yet released.
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t scan_position_ = 0;
  size_t drain_position_ = 0;
  uint8_t generation_ = kNoGeneration + 1;
  int64_t generation_clock_ns_ = 0;  // When the present generation began.
};

}  // namespace octroi
