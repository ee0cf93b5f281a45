// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_table.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <utility>

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

}  // namespace

bool CanContinue(const FlowAge& age, int64_t clock_ns,
                 const FlowTimeouts& timeouts) {
  const int64_t silence_ns =
      age.is_closed ? timeouts.closed_ns : timeouts.idle_ns;
  return Elapsed(age.last_clock_ns, clock_ns) <=
             static_cast<uint64_t>(silence_ns) &&
         Elapsed(age.start_clock_ns, clock_ns) <
             static_cast<uint64_t>(timeouts.active_ns);
}

bool Continues(const FlowAge& age, const FlowPacket& packet,
               const FlowTimeouts& timeouts) {
  if (!CanContinue(age, packet.clock_ns, timeouts)) return false;
  if (!age.is_closed) return true;
  // After the end of a connection a SYN opens the next one (RFC 9293 §3.6.1).
  return (packet.layer->tcp_flags & (kTcpSyn | kTcpAck)) != kTcpSyn;
}

FlowEndReason EndReasonAt(const FlowAge& age, int64_t clock_ns,
                          const FlowTimeouts& timeouts) {
  if (age.is_closed) return FlowEndReason::kEndOfFlow;
  if (CanContinue(age, clock_ns, timeouts)) return FlowEndReason::kForcedEnd;
  // Whichever came first, so that it does not matter when it is noticed.
  const uint64_t idle_end = Elapsed(age.start_clock_ns, age.last_clock_ns) +
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
  const bool has_memory =
      Grow(std::max(options.initial_capacity, kMinCapacity));
  // As a failing operator new, which this table's memory does not come from.
  if (!has_memory) std::abort();
}

void FlowTable::Reserve(size_t count) {
  while (capacity_ - size_ < count) {
    const size_t capacity = NextCapacity();
    if (capacity == capacity_ || !Grow(capacity)) return;
  }
}

// Twice as many records, or as many as there is memory for beside the present
// ones; as many as now if that is not worth the copy.
size_t FlowTable::NextCapacity() const {
  if (memory_limit_bytes_ <= memory_bytes()) return capacity_;
  const size_t room_bytes = memory_limit_bytes_ - memory_bytes();
  const size_t fitting = room_bytes / kGroupBytes * kRecordsPerGroup;
  const size_t capacity = std::min({2 * capacity_, fitting, kMaxCapacity});
  return capacity < capacity_ + capacity_ / 8 + 1 ? capacity_ : capacity;
}

// Three passes, so that the cache misses of a burst overlap: touch every group
// of tags, touch the record that the tags point to, then compare and update.
// Keys are compared whole: equal hashes are not equal flows, and a mistake here
// moves octets from one country to another.
void FlowTable::UpdateBurst(std::span<const FlowPacket> packets,
                            std::span<FlowHit> hits) {
  assert(packets.size() <= kMaxBurst);
  assert(packets.size() == hits.size());

  std::array<Probe, kMaxBurst> probes;
  for (size_t i = 0; i < packets.size(); ++i) {
    SetProbe(packets[i], &probes[i]);
    __builtin_prefetch(&groups_[probes[i].home], /*rw=*/1);
  }
  for (size_t i = 0; i < packets.size(); ++i) FindCandidate(&probes[i]);
  for (size_t i = 0; i < packets.size(); ++i) {
    hits[i] = FindOrStart(probes[i], packets[i]);
    if (hits[i].flow == kNoFlow) continue;
    AddPacket(packets[i], hits[i].sender, hits[i].flow);
  }
}

inline void FlowTable::SetProbe(const FlowPacket& packet, Probe* probe) const {
  const IpLayer& layer = *packet.layer;
  assert(packet.tunnel < kTunnelNumberLimit);
  uint64_t a_port = layer.source_port;
  uint64_t b_port = layer.destination_port;
  const uint64_t tail = uint64_t{packet.tunnel} << PackedKey::kTunnelShift |
                        layer.protocol_identifier;
  if (layer.source.is_v4()) {
    const uint64_t source = layer.source.low() << 16 | a_port;
    const uint64_t destination = layer.destination.low() << 16 | b_port;
    const bool is_sent_by_a = source <= destination;
    const uint64_t a = is_sent_by_a ? source : destination;
    const uint64_t b = is_sent_by_a ? destination : source;
    probe->sender = is_sent_by_a ? Endpoint::kA : Endpoint::kB;
    probe->key.addresses = (a >> 16) << 32 | b >> 16;
    probe->key.rest = a << 48 | (b & UINT16_MAX) << 32 | tail;
    probe->hash = hasher_.HashV4(probe->key);
  } else {
    const bool is_sent_by_a =
        layer.source < layer.destination ||
        (layer.source == layer.destination && a_port <= b_port);
    const IpAddress& a = is_sent_by_a ? layer.source : layer.destination;
    const IpAddress& b = is_sent_by_a ? layer.destination : layer.source;
    if (!is_sent_by_a) std::swap(a_port, b_port);
    probe->sender = is_sent_by_a ? Endpoint::kA : Endpoint::kB;
    probe->v6 = {a.high(), a.low(), b.high(), b.low()};
    probe->key.addresses = DigestOf(probe->v6);
    probe->key.rest = a_port << 48 | b_port << 32 | tail | PackedKey::kV6Bit;
    probe->hash = hasher_.HashV6(probe->key, probe->v6);
  }
  probe->home = GroupOf(probe->hash);
  probe->tag = TagOf(probe->hash);
}

// Touches every place that the tags point to, and keeps the first; where there
// is none, the place that a new record would take is touched instead.
inline void FlowTable::FindCandidate(Probe* probe) {
  const TagGroup& home = groups_[probe->home];
  const FlowIndex first = probe->home * TagGroup::kPlaces;
  const PlaceSet matches = home.Match(probe->tag);
  if (!matches.is_empty()) {
    probe->candidate = first + matches.First();
    __builtin_prefetch(&lines_[probe->candidate], /*rw=*/1);
    if (probe->key.is_v6()) __builtin_prefetch(&v6_[probe->candidate]);
    if (home.passed_count == 0) return;
  } else {
    probe->candidate = kNoPlace;
    if (home.passed_count == 0) return PrefetchFree(home, first);
  }
  // Its record may stand in the next group, seldom in a later one.
  const uint32_t next = After(probe->home);
  const PlaceSet passed = groups_[next].Match(probe->tag);
  if (passed.is_empty()) return;
  const FlowIndex place = next * TagGroup::kPlaces + passed.First();
  if (probe->candidate == kNoPlace) probe->candidate = place;
  __builtin_prefetch(&lines_[place], /*rw=*/1);
}

inline void FlowTable::PrefetchFree(const TagGroup& group,
                                    FlowIndex first) const {
  const PlaceSet free = group.Match(TagGroup::kFree);
  if (free.is_empty()) return;
  __builtin_prefetch(&lines_[first + free.First()], /*rw=*/1);
  __builtin_prefetch(&details_[first + free.First()], /*rw=*/1);
}

inline bool FlowTable::IsAt(FlowIndex flow, const Probe& probe) const {
  return lines_[flow].key == probe.key &&
         (!probe.key.is_v6() || v6_[flow] == probe.v6);
}

// The record of the key from its home on, as far as keys have gone past.
FlowIndex FlowTable::Find(const Probe& probe) const {
  uint32_t at = probe.home;
  for (size_t looked_at = 0; looked_at < groups_.size(); ++looked_at) {
    const TagGroup& group = groups_[at];
    for (PlaceSet matches = group.Match(probe.tag); !matches.is_empty();
         matches.RemoveFirst()) {
      const FlowIndex flow = at * TagGroup::kPlaces + matches.First();
      if (IsAt(flow, probe)) return flow;
    }
    if (group.passed_count == 0) break;
    at = After(at);
  }
  return kNoPlace;
}

inline FlowHit FlowTable::FindOrStart(const Probe& probe,
                                      const FlowPacket& packet) {
  FlowIndex found = probe.candidate;
  // An earlier packet of the burst may have ended it, or started another.
  if (found == kNoPlace || lines_[found].has_ended || !IsAt(found, probe)) {
    found = Find(probe);
  }
  if (found != kNoPlace) {
    const FlowAge age = lines_[found].age();
    if (Continues(age, packet, timeouts_)) {
      return {found, probe.sender, /*is_new=*/false};
    }
    End(found, EndReasonAt(age, packet.clock_ns, timeouts_));
  }
  const FlowIndex started = TakePlace(probe.hash);
  if (started == kNoPlace) return {kNoFlow, probe.sender, /*is_new=*/false};
  Start(probe, packet, started);
  return {started, probe.sender, /*is_new=*/true};
}

inline void FlowTable::AddPacket(const FlowPacket& packet, Endpoint sender,
                                 FlowIndex flow) {
  FlowLine& line = lines_[flow];
  const auto side = static_cast<size_t>(sender);
  line.sent_octets[side] += packet.layer->ip_octets;
  line.sent_packets[side] += 1;
  if (line.sent_packets[side] == 0) details_[flow].packet_carries[side] += 1;

  // No timestamp is above its clock, so that one at its clock is the latest.
  const bool is_late = packet.timestamp_ns != packet.clock_ns;
  if (is_late) {
    int64_t& end_ns = details_[flow].end_ns;
    if (!line.has_late_end) end_ns = line.last_clock_ns;
    end_ns = std::max(end_ns, packet.timestamp_ns);
  }
  line.has_late_end = is_late;
  line.last_clock_ns = packet.clock_ns;

  const uint8_t flags = packet.layer->tcp_flags;
  if ((flags & (kTcpFin | kTcpRst)) == 0) return;
  if ((flags & kTcpRst) != 0) line.tcp_end |= kTcpEndReset;
  if ((flags & kTcpFin) != 0) {
    line.tcp_end |= sender == Endpoint::kA ? kTcpEndFinByA : kTcpEndFinByB;
  }
}

void FlowTable::ExpireBurst(int64_t clock_ns, size_t count) {
  assert(count <= kMaxEndedPerCall);
  for (size_t n = std::min(count, place_count()); n > 0; --n) {
    if (scan_position_ >= place_count()) scan_position_ = 0;
    const auto flow = static_cast<FlowIndex>(scan_position_++);
    if (TagAt(flow) <= TagGroup::kEnded) continue;
    const FlowAge age = lines_[flow].age();
    if (CanContinue(age, clock_ns, timeouts_)) continue;
    End(flow, EndReasonAt(age, clock_ns, timeouts_));
  }
}

size_t FlowTable::PlacesDue(int64_t elapsed_ns) const {
  if (elapsed_ns <= 0) return 0;
  const int64_t sweep_ns =
      std::max<int64_t>(timeouts_.idle_ns / kSweepsPerTimeout, 1);
  if (elapsed_ns >= sweep_ns) return place_count();
  return static_cast<size_t>(Uint128{place_count()} *
                             static_cast<uint64_t>(elapsed_ns) /
                             static_cast<uint64_t>(sweep_ns));
}

bool FlowTable::EndRemaining(int64_t clock_ns, size_t count) {
  assert(count <= kMaxEndedPerCall);
  for (; count > 0 && drain_position_ < place_count(); ++drain_position_) {
    const auto flow = static_cast<FlowIndex>(drain_position_);
    if (TagAt(flow) <= TagGroup::kEnded) continue;
    End(flow, EndReasonAt(lines_[flow].age(), clock_ns, timeouts_));
    count -= 1;
  }
  return drain_position_ < place_count();
}

void FlowTable::ReleaseEnded() {
  for (const FlowIndex flow : ended_) GiveBack(flow);
  ended_.clear();
}

FlowRecord FlowTable::record(FlowIndex flow) const {
  const FlowLine& line = lines_[flow];
  const FlowDetails& details = details_[flow];
  FlowRecord record;
  record.key = Unpack(line.key, v6_[line.key.is_v6() ? flow : 0]);
  for (size_t side = 0; side < 2; ++side) {
    record.sent_octets[side] = line.sent_octets[side];
    record.sent_packets[side] =
        uint64_t{details.packet_carries[side]} << 32 | line.sent_packets[side];
  }
  record.start_ns = details.start_ns;
  record.end_ns = line.has_late_end ? details.end_ns : line.last_clock_ns;
  record.start_clock_ns = line.start_clock_ns;
  record.last_clock_ns = line.last_clock_ns;
  record.attribution = details.attribution;
  record.edition = details.edition;
  record.account = line.account;
  record.judgement = details.judgement;
  record.workload = details.workload;
  record.direction = line.direction;
  record.end_reason = details.end_reason;
  record.initiator = line.initiator;
  record.tcp_end = line.tcp_end;
  record.tunnel_kind = details.tunnel_kind;
  return record;
}

size_t FlowTable::GroupCountOf(size_t capacity) {
  return (capacity + kRecordsPerGroup - 1) / kRecordsPerGroup;
}

size_t FlowTable::MemoryOf(size_t capacity) {
  return GroupCountOf(capacity) * kGroupBytes;
}

// Any byte but the two that are no tags.
uint8_t FlowTable::TagOf(uint32_t hash) {
  const auto byte = static_cast<uint8_t>(hash);
  return byte <= TagGroup::kEnded ? static_cast<uint8_t>(byte + 2) : byte;
}

// In the order of hashes, whatever the number of groups: it need not be a power
// of two, and a table that grows is copied from its start to its end.
inline uint32_t FlowTable::GroupOf(uint32_t hash) const {
  return static_cast<uint32_t>((uint64_t{hash} * groups_.size()) >> 32);
}

inline uint32_t FlowTable::After(uint32_t group) const {
  return group + 1 == groups_.size() ? 0 : group + 1;
}

inline uint8_t& FlowTable::TagAt(FlowIndex flow) {
  return groups_[flow / TagGroup::kPlaces].tags[flow % TagGroup::kPlaces];
}

uint32_t FlowTable::HashAt(FlowIndex flow) const {
  const PackedKey& key = lines_[flow].key;
  return key.is_v6() ? hasher_.HashV6(key, v6_[flow]) : hasher_.HashV4(key);
}

// Copies the records in the order of their hashes, and gives the old memory
// back on the way: the peak is little more than the new arrays.
bool FlowTable::Grow(size_t capacity) {
  constexpr size_t kPlacesBetweenDrops = 1 << 16;
  assert(ended_.empty());
  HugeArray<TagGroup> groups(GroupCountOf(capacity));
  HugeArray<FlowLine> lines(groups.size() * TagGroup::kPlaces);
  HugeArray<FlowDetails> details(lines.size());
  HugeArray<V6Addresses> v6(lines.size());
  if (groups.is_empty() || lines.is_empty() || details.is_empty() ||
      v6.is_empty()) {
    return false;
  }
  std::swap(groups, groups_);
  std::swap(lines, lines_);
  std::swap(details, details_);
  std::swap(v6, v6_);
  capacity_ = capacity;
  size_ = 0;

  for (size_t from = 0; from < lines.size(); ++from) {
    if (from % kPlacesBetweenDrops == 0) {
      lines.DropFirst(from);
      details.DropFirst(from);
      v6.DropFirst(from);
    }
    const TagGroup& group = groups[from / TagGroup::kPlaces];
    if (group.tags[from % TagGroup::kPlaces] == TagGroup::kFree) continue;
    const PackedKey& key = lines[from].key;
    const FlowIndex to = TakePlace(key.is_v6() ? hasher_.HashV6(key, v6[from])
                                               : hasher_.HashV4(key));
    lines_[to] = lines[from];
    details_[to] = details[from];
    if (key.is_v6()) v6_[to] = v6[from];
  }
  return true;
}

// A free place for a key of that hash, tagged; kNoPlace if the table is full.
FlowIndex FlowTable::TakePlace(uint32_t hash) {
  if (size_ == capacity_) return kNoPlace;
  size_ += 1;
  for (uint32_t at = GroupOf(hash);; at = After(at)) {
    TagGroup& group = groups_[at];
    const PlaceSet free = group.Match(TagGroup::kFree);
    if (free.is_empty()) {
      group.Pass();
      continue;
    }
    group.tags[free.First()] = TagOf(hash);
    return at * TagGroup::kPlaces + free.First();
  }
}

void FlowTable::GiveBack(FlowIndex flow) {
  const uint32_t group = flow / TagGroup::kPlaces;
  for (uint32_t at = GroupOf(HashAt(flow)); at != group; at = After(at)) {
    groups_[at].UndoPass();
  }
  TagAt(flow) = TagGroup::kFree;
  size_ -= 1;
}

void FlowTable::Start(const Probe& probe, const FlowPacket& packet,
                      FlowIndex flow) {
  FlowLine& line = lines_[flow];
  line = FlowLine();
  line.key = probe.key;
  line.start_clock_ns = packet.clock_ns;
  line.last_clock_ns = packet.clock_ns;
  line.has_late_end = true;
  FlowDetails& details = details_[flow];
  details = FlowDetails();
  details.start_ns = packet.timestamp_ns;
  details.end_ns = packet.timestamp_ns;
  details.tunnel_kind = packet.tunnel_kind;
  if (probe.key.is_v6()) v6_[flow] = probe.v6;
}

// Out of reach of look-ups, and readable until ReleaseEnded.
void FlowTable::End(FlowIndex flow, FlowEndReason reason) {
  assert(ended_.size() < ended_.capacity());
  TagAt(flow) = TagGroup::kEnded;
  lines_[flow].has_ended = true;
  details_[flow].end_reason = reason;
  ended_.push_back(flow);
}

}  // namespace octroi
