// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>

namespace octroi {
namespace {

constexpr size_t kMinCapacity = 1;

// Clocks never go back, so that the difference fits whatever they are.
uint64_t Elapsed(int64_t from_ns, int64_t to_ns) {
  return static_cast<uint64_t>(to_ns) - static_cast<uint64_t>(from_ns);
}

bool IsTimeoutInRange(int64_t timeout_ns) {
  return timeout_ns >= kMinFlowTimeoutNs && timeout_ns <= kMaxFlowTimeoutNs;
}

void AddPacket(const FlowPacket& packet, Endpoint sender, FlowRecord* record) {
  const auto side = static_cast<size_t>(sender);
  record->sent_octets[side] += packet.layer->ip_octets;
  record->sent_packets[side] += 1;
  record->end_ns = std::max(record->end_ns, packet.timestamp_ns);
  record->last_clock_ns = packet.clock_ns;
  const uint8_t flags = packet.layer->tcp_flags;
  if ((flags & (kTcpFin | kTcpRst)) == 0) return;
  if ((flags & kTcpRst) != 0) record->tcp_end |= kTcpEndReset;
  if ((flags & kTcpFin) != 0) {
    record->tcp_end |= sender == Endpoint::kA ? kTcpEndFinByA : kTcpEndFinByB;
  }
}

}  // namespace

bool CanContinue(const FlowRecord& record, int64_t clock_ns,
                 const FlowTimeouts& timeouts) {
  const int64_t silence_ns =
      record.is_closed() ? timeouts.closed_ns : timeouts.idle_ns;
  return Elapsed(record.last_clock_ns, clock_ns) <=
             static_cast<uint64_t>(silence_ns) &&
         Elapsed(record.start_clock_ns, clock_ns) <
             static_cast<uint64_t>(timeouts.active_ns);
}

bool Continues(const FlowRecord& record, const FlowPacket& packet,
               const FlowTimeouts& timeouts) {
  if (!CanContinue(record, packet.clock_ns, timeouts)) return false;
  if (!record.is_closed()) return true;
  // After the end of a connection a SYN opens the next one (RFC 9293 §3.6.1).
  return (packet.layer->tcp_flags & (kTcpSyn | kTcpAck)) != kTcpSyn;
}

FlowEndReason EndReasonAt(const FlowRecord& record, int64_t clock_ns,
                          const FlowTimeouts& timeouts) {
  if (record.is_closed()) return FlowEndReason::kEndOfFlow;
  if (CanContinue(record, clock_ns, timeouts)) return FlowEndReason::kForcedEnd;
  // Whichever came first, so that it does not matter when it is noticed.
  const uint64_t idle_end =
      Elapsed(record.start_clock_ns, record.last_clock_ns) +
      static_cast<uint64_t>(timeouts.idle_ns) + 1;
  return idle_end <= static_cast<uint64_t>(timeouts.active_ns)
             ? FlowEndReason::kIdleTimeout
             : FlowEndReason::kActiveTimeout;
}

FlowTable::FlowTable(const FlowTableOptions& options,
                     const FlowTimeouts& timeouts, uint64_t seed)
    : timeouts_(timeouts),
      memory_limit_bytes_(options.memory_limit_bytes),
      hasher_(seed) {
  assert(IsTimeoutInRange(timeouts.idle_ns));
  assert(IsTimeoutInRange(timeouts.active_ns));
  assert(IsTimeoutInRange(timeouts.closed_ns));
  ended_.reserve(kMaxEnded);
  Grow(std::max(options.initial_capacity, kMinCapacity));
}

void FlowTable::Reserve(size_t count) {
  while (free_.size() + unused_count() < count) {
    const size_t capacity = 2 * records_.size();
    if (capacity > kMaxCapacity) return;
    if (memory_bytes() + MemoryOf(capacity) > memory_limit_bytes_) return;
    Grow(capacity);
  }
}

// Three passes, so that the cache misses of a burst overlap: touch every
// bucket, touch the record that it points to, then probe. Keys are compared
// whole: equal hashes are not equal flows, and a mistake here moves octets
// from one country to another.
void FlowTable::UpdateBurst(std::span<const FlowPacket> packets,
                            std::span<FlowHit> hits) {
  assert(packets.size() <= kMaxBurst);
  assert(packets.size() == hits.size());

  std::array<DirectedKey, kMaxBurst> keys;
  std::array<uint32_t, kMaxBurst> hashes;
  const size_t mask = buckets_.size() - 1;
  for (size_t i = 0; i < packets.size(); ++i) {
    keys[i] = MakeFlowKey(*packets[i].layer, packets[i].tunnel);
    hashes[i] = hasher_.Hash(keys[i].key);
    __builtin_prefetch(&buckets_[hashes[i] & mask], /*rw=*/1);
  }
  for (size_t i = 0; i < packets.size(); ++i) {
    const FlowIndex flow = buckets_[hashes[i] & mask].flow;
    if (flow == kNoFlow) continue;
    const auto* lines = reinterpret_cast<const uint8_t*>(&records_[flow]);
    __builtin_prefetch(lines, /*rw=*/1);
    __builtin_prefetch(lines + 64, /*rw=*/1);
  }
  for (size_t i = 0; i < packets.size(); ++i) {
    hits[i] = FindOrStart(hashes[i], keys[i], packets[i]);
    if (hits[i].flow == kNoFlow) continue;
    AddPacket(packets[i], hits[i].sender, &records_[hits[i].flow]);
  }
}

FlowHit FlowTable::FindOrStart(uint32_t hash, const DirectedKey& key,
                               const FlowPacket& packet) {
  const size_t position = FindBucket(hash, key.key);
  const FlowIndex found = buckets_[position].flow;
  if (found != kNoFlow) {
    if (Continues(records_[found], packet, timeouts_)) {
      return {found, key.sender, /*is_new=*/false};
    }
    End(found, EndReasonAt(records_[found], packet.clock_ns, timeouts_));
  }

  const FlowIndex started = TakePlace();
  if (started == kNoFlow) {
    if (found != kNoFlow) RemoveBucket(position);
    return {kNoFlow, key.sender, /*is_new=*/false};
  }
  buckets_[position] = {hash, started};
  Start(key.key, packet, &records_[started]);
  return {started, key.sender, /*is_new=*/true};
}

void FlowTable::ExpireBurst(int64_t clock_ns, size_t count) {
  assert(count <= kMaxEndedPerCall);
  for (size_t n = std::min(count, used_end_); n > 0; --n) {
    if (scan_position_ >= used_end_) scan_position_ = 0;
    const auto flow = static_cast<FlowIndex>(scan_position_++);
    const FlowRecord& record = records_[flow];
    if (record.state != FlowState::kOpen) continue;
    if (CanContinue(record, clock_ns, timeouts_)) continue;
    RemoveBucket(FindBucket(hasher_.Hash(record.key), record.key));
    End(flow, EndReasonAt(record, clock_ns, timeouts_));
  }
}

bool FlowTable::EndRemaining(int64_t clock_ns, size_t count) {
  assert(count <= kMaxEndedPerCall);
  for (; count > 0 && drain_position_ < used_end_; ++drain_position_) {
    const auto flow = static_cast<FlowIndex>(drain_position_);
    const FlowRecord& record = records_[flow];
    if (record.state != FlowState::kOpen) continue;
    RemoveBucket(FindBucket(hasher_.Hash(record.key), record.key));
    End(flow, EndReasonAt(record, clock_ns, timeouts_));
    count -= 1;
  }
  return drain_position_ < used_end_;
}

void FlowTable::ReleaseEnded() {
  for (const FlowIndex flow : ended_) {
    records_[flow].state = FlowState::kFree;
    free_.push_back(flow);
  }
  ended_.clear();
}

size_t FlowTable::BucketCountOf(size_t capacity) {
  return std::bit_ceil(2 * capacity);
}

size_t FlowTable::MemoryOf(size_t capacity) {
  return capacity * (sizeof(FlowRecord) + sizeof(FlowIndex)) +
         BucketCountOf(capacity) * sizeof(Bucket);
}

// Records keep their places, and buckets the hashes that they were made with.
void FlowTable::Grow(size_t capacity) {
  assert(ended_.empty());
  records_.reserve(capacity);
  records_.resize(capacity);
  free_.reserve(capacity);

  std::vector<Bucket> old(BucketCountOf(capacity));
  old.swap(buckets_);
  const size_t mask = buckets_.size() - 1;
  for (const Bucket& bucket : old) {
    if (bucket.flow == kNoFlow) continue;
    size_t position = bucket.hash & mask;
    while (buckets_[position].flow != kNoFlow) {
      position = (position + 1) & mask;
    }
    buckets_[position] = bucket;
  }
}

// The bucket of the key's record, or the empty one where it belongs. At most
// half of the buckets are used, so that there is one.
size_t FlowTable::FindBucket(uint32_t hash, const FlowKey& key) const {
  const size_t mask = buckets_.size() - 1;
  size_t position = hash & mask;
  while (buckets_[position].flow != kNoFlow) {
    if (buckets_[position].hash == hash &&
        records_[buckets_[position].flow].key == key) {
      break;
    }
    position = (position + 1) & mask;
  }
  return position;
}

// Moves later buckets of the run back over the hole, so that no look-up ends
// early and none needs tombstones.
void FlowTable::RemoveBucket(size_t hole) {
  assert(buckets_[hole].flow != kNoFlow);
  const size_t mask = buckets_.size() - 1;
  for (size_t next = (hole + 1) & mask; buckets_[next].flow != kNoFlow;
       next = (next + 1) & mask) {
    const size_t home = buckets_[next].hash & mask;
    if (((next - home) & mask) < ((next - hole) & mask)) continue;
    buckets_[hole] = buckets_[next];
    hole = next;
  }
  buckets_[hole] = Bucket();
}

FlowIndex FlowTable::TakePlace() {
  if (!free_.empty()) {
    const FlowIndex flow = free_.back();
    free_.pop_back();
    return flow;
  }
  if (used_end_ == records_.size()) return kNoFlow;
  return static_cast<FlowIndex>(used_end_++);
}

void FlowTable::Start(const FlowKey& key, const FlowPacket& packet,
                      FlowRecord* record) {
  *record = FlowRecord();
  record->key = key;
  record->start_ns = packet.timestamp_ns;
  record->end_ns = packet.timestamp_ns;
  record->start_clock_ns = packet.clock_ns;
  record->last_clock_ns = packet.clock_ns;
  record->tunnel_kind = packet.tunnel_kind;
  record->state = FlowState::kOpen;
}

void FlowTable::End(FlowIndex flow, FlowEndReason reason) {
  assert(ended_.size() < ended_.capacity());
  records_[flow].state = FlowState::kEnded;
  records_[flow].end_reason = reason;
  ended_.push_back(flow);
}

}  // namespace octroi
