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
  return (packet.tcp_flags & (kTcpSyn | kTcpAck)) != kTcpSyn;
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
      few_records_(options.few_records),
      is_prefaulted_(options.is_prefaulted),
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

// Four times as many records or twice as many (FlowTableOptions). Or as many as
// there is memory for beside the present ones; as many as now if that is not
// worth the copy.
size_t FlowTable::NextCapacity() const {
  if (memory_limit_bytes_ <= memory_bytes()) return capacity_;
  const size_t room_bytes = memory_limit_bytes_ - memory_bytes();
  const size_t fitting = room_bytes / kGroupBytes * kRecordsPerGroup;
  const size_t wanted =
      4 * capacity_ <= few_records_ ? 4 * capacity_ : 2 * capacity_;
  const size_t capacity = std::min({wanted, fitting, kMaxCapacity});
  return capacity < capacity_ + capacity_ / 8 + 1 ? capacity_ : capacity;
}

void FlowTable::TouchLines(std::span<FlowPacket> packets) const {
  for (FlowPacket& packet : packets) packet.candidate = TouchLine(packet);
}

// The place that a tag points to, nearly always of the key's own group.
inline FlowIndex FlowTable::TouchLine(const FlowPacket& packet) const {
  const uint32_t home = GroupOf(packet.hash);
  const PlaceSet matches = groups_[home].Match(TagOf(packet.hash));
  FlowIndex candidate;
  if (matches.is_empty()) [[unlikely]] {
    candidate = TouchBeyondHome(packet.hash);
  } else {
    candidate = TouchMatches(home, matches);
  }
  if (packet.key.is_v6()) __builtin_prefetch(&v6_[candidate]);
  return candidate;
}

// Keys are compared whole: equal hashes are not equal flows, and a mistake here
// moves octets from one country to another.
size_t FlowTable::UpdateBurst(std::span<const FlowPacket> packets,
                              std::span<FlowHit> hits,
                              std::span<BurstIndex> asked) {
  assert(packets.size() <= kMaxBurst);
  assert(packets.size() == hits.size() && packets.size() == asked.size());
  if (packets.empty()) return 0;

  const Present present = PresentOf(packets.back().clock_ns);
  size_t asked_count = 0;
  for (size_t i = 0; i < packets.size(); ++i) {
    const FlowPacket& packet = packets[i];
    FlowIndex flow = packet.candidate;
    if (IsPlainlyContinued(flow, packet, present)) [[likely]] {
      hits[i] = {flow, /*is_new=*/false};
    } else {
      hits[i] = FindOrStart(packet);
      flow = hits[i].flow;
      if (NeedsAnswer(hits[i])) {
        asked[asked_count++] = static_cast<BurstIndex>(i);
      }
      if (flow == kNoFlow) continue;
    }
    AddPacket(packet, flow);
  }
  return asked_count;
}

// No clock of a burst is above that of its last packet: what continues then
// continues at any of them.
inline FlowTable::Present FlowTable::PresentOf(int64_t last_clock_ns) const {
  return {.idle_floor_ns = last_clock_ns - timeouts_.idle_ns,
          .active_floor_ns = last_clock_ns - timeouts_.active_ns + 1,
          .generation = generation_};
}

// The record may stand in a later group, of which the next ones are mostly in
// the cache line of the first. Else the place that a new record would take is
// touched, if it can have one. In a full table no record starts before the
// burst is over, so that what is not found here need not be looked for again.
[[gnu::noinline]] FlowIndex FlowTable::TouchBeyondHome(uint32_t hash) const {
  constexpr int kGroupsTouched = 8;
  const uint32_t home = GroupOf(hash);
  uint32_t at = home;
  int touched = 0;
  for (; touched < kGroupsTouched && groups_[at].passed_count != 0; ++touched) {
    at = After(at);
    const PlaceSet passed = groups_[at].Match(TagOf(hash));
    if (!passed.is_empty()) return TouchMatches(at, passed);
  }
  if (size_ == capacity_) {
    return touched < kGroupsTouched ? AbsentIndex() : NowhereIndex();
  }
  const PlaceSet free = groups_[home].Match(TagGroup::kFree);
  if (free.is_empty()) return NowhereIndex();
  const FlowIndex place =
      home * TagGroup::kPlaces + static_cast<FlowIndex>(free.First());
  __builtin_prefetch(&lines_[place], /*rw=*/1);
  __builtin_prefetch(&details_[place], /*rw=*/1);
  return place;
}

// The first of the places of a group that a tag points to. The second one is
// touched as well, so that a false tag costs no miss.
inline FlowIndex FlowTable::TouchMatches(uint32_t group,
                                         PlaceSet matches) const {
  const FlowIndex first = group * TagGroup::kPlaces;
  const FlowIndex candidate = first + matches.First();
  __builtin_prefetch(&lines_[candidate], /*rw=*/1);
  matches.RemoveFirst();
  if (!matches.is_empty()) [[unlikely]] {
    __builtin_prefetch(&lines_[first + matches.First()], /*rw=*/1);
  }
  return candidate;
}

inline bool FlowTable::IsAt(FlowIndex flow, const FlowPacket& packet) const {
  return lines_[flow].key == packet.key &&
         (!packet.key.is_v6() || v6_[flow] == packet.v6);
}

// Whether the packet continues an open record at that place, for sure and for
// the plain reasons: FindOrStart looks closer.
inline bool FlowTable::IsPlainlyContinued(FlowIndex flow,
                                          const FlowPacket& packet,
                                          const Present& present) const {
  const FlowLine& line = lines_[flow];
  const uint64_t other_key = (line.key.addresses ^ packet.key.addresses) |
                             (line.key.rest ^ packet.key.rest);
  const auto other_state = static_cast<uint8_t>(
      (line.generation ^ present.generation) | line.tcp_end);
  if ((other_key | other_state) != 0) return false;
  // Below zero if either is.
  const int64_t age = (line.last_clock_ns - present.idle_floor_ns) |
                      (line.start_clock_ns - present.active_floor_ns);
  if (age < 0) return false;
  return !packet.key.is_v6() || v6_[flow] == packet.v6;
}

// The record of the key from its home on, as far as keys have gone past.
FlowIndex FlowTable::Find(const FlowPacket& packet) const {
  uint32_t at = GroupOf(packet.hash);
  for (size_t looked_at = 0; looked_at < groups_.size(); ++looked_at) {
    const TagGroup& group = groups_[at];
    for (PlaceSet matches = group.Match(TagOf(packet.hash));
         !matches.is_empty(); matches.RemoveFirst()) {
      const FlowIndex flow = at * TagGroup::kPlaces + matches.First();
      if (IsAt(flow, packet)) return flow;
    }
    if (group.passed_count == 0) break;
    at = After(at);
  }
  return kNoPlace;
}

[[gnu::noinline]] FlowHit FlowTable::FindOrStart(const FlowPacket& packet) {
  if (packet.candidate == AbsentIndex()) return {kNoFlow, /*is_new=*/false};
  const FlowIndex found = Find(packet);
  if (found != kNoPlace) {
    const FlowLine& line = lines_[found];
    if (line.generation == generation_ &&
        Continues(line.age(), packet, timeouts_)) {
      return {found, /*is_new=*/false};
    }
    EndAt(found, packet.clock_ns);
  }
  const FlowIndex started = TakePlace(packet.hash);
  if (started == kNoPlace) return {kNoFlow, /*is_new=*/false};
  Start(packet, started);
  return {started, /*is_new=*/true};
}

inline void FlowTable::AddPacket(const FlowPacket& packet, FlowIndex flow) {
  FlowLine& line = lines_[flow];
  const auto side = static_cast<size_t>(packet.sender);
  line.octets[side] += packet.ip_octets;
  line.packets[side] += 1;
  // No timestamp is above its clock, so that one at its clock is the latest.
  const bool is_late = packet.timestamp_ns != packet.clock_ns;
  if (is_late) AddLateTimestamp(packet.timestamp_ns, flow);
  line.has_late_end = is_late;
  line.last_clock_ns = packet.clock_ns;

  if ((packet.tcp_flags & (kTcpFin | kTcpRst)) == 0) return;
  if ((packet.tcp_flags & kTcpRst) != 0) line.tcp_end |= kTcpEndReset;
  if ((packet.tcp_flags & kTcpFin) != 0) {
    line.tcp_end |=
        packet.sender == Endpoint::kA ? kTcpEndFinByA : kTcpEndFinByB;
  }
}

[[gnu::noinline]] void FlowTable::AddLateTimestamp(int64_t timestamp_ns,
                                                   FlowIndex flow) {
  const FlowLine& line = lines_[flow];
  int64_t& end_ns = history_[flow].end_ns;
  if (!line.has_late_end) end_ns = line.last_clock_ns;
  end_ns = std::max(end_ns, timestamp_ns);
}

void FlowTable::StartGeneration(int64_t clock_ns) {
  generation_ = generation_ == UINT8_MAX ? kNoGeneration + 1 : generation_ + 1;
  generation_clock_ns_ = clock_ns;
}

bool FlowTable::EndIfStale(FlowIndex flow) {
  if (lines_[flow].generation == generation_) return false;
  EndAt(flow, generation_clock_ns_);
  return true;
}

void FlowTable::TouchRecordsOf(size_t group) const {
  for (PlaceSet open = OpenRecordsOf(group); !open.is_empty();
       open.RemoveFirst()) {
    __builtin_prefetch(&lines_[IndexOf(group, open.First())], /*rw=*/1);
  }
}

FlowCounts FlowTable::Unsettled(FlowIndex flow) const {
  const FlowLine& line = lines_[flow];
  return {.octets = {line.octets[0], line.octets[1]},
          .packets = {line.packets[0], line.packets[1]}};
}

void FlowTable::MarkSettled(FlowIndex flow) {
  FlowLine& line = lines_[flow];
  FlowCounts& settled = history_[flow].settled;
  if (!line.has_settled) settled = FlowCounts();
  line.has_settled = true;
  for (size_t side = 0; side < 2; ++side) {
    settled.octets[side] += std::exchange(line.octets[side], 0);
    settled.packets[side] += std::exchange(line.packets[side], 0);
  }
}

void FlowTable::ExpireBurst(int64_t clock_ns, size_t count) {
  assert(count <= kMaxEndedPerCall);
  // Beyond what most calls look at: the lines of a call were touched by the one
  // before it, and have come while packets were worked on.
  constexpr size_t kTouchedAhead = 128;
  for (size_t n = std::min(count, place_count()); n > 0; --n) {
    if (scan_position_ >= place_count()) scan_position_ = 0;
    const auto flow = static_cast<FlowIndex>(scan_position_++);
    const size_t ahead = std::min(flow + kTouchedAhead, place_count() - 1);
    __builtin_prefetch(&lines_[ahead]);
    if (!HasOpenRecord(flow)) continue;
    if (CanContinue(lines_[flow].age(), clock_ns, timeouts_)) continue;
    EndAt(flow, clock_ns);
  }
}

size_t FlowTable::PlacesDue(int64_t elapsed_ns) const {
  if (elapsed_ns <= 0) return 0;
  const int64_t sweep_ns =
      std::max<int64_t>(timeouts_.idle_ns / kSweepsPerTimeout, 1);
  if (elapsed_ns >= sweep_ns) return place_count();
  const Uint128 product =
      Uint128{place_count()} * static_cast<uint64_t>(elapsed_ns);
  // Nearly always: a division of 128 bits takes long.
  if (product <= UINT64_MAX) {
    return static_cast<uint64_t>(product) / static_cast<uint64_t>(sweep_ns);
  }
  return static_cast<size_t>(product / static_cast<uint64_t>(sweep_ns));
}

bool FlowTable::EndRemaining(int64_t clock_ns, size_t count) {
  assert(count <= kMaxEndedPerCall);
  for (; count > 0 && drain_position_ < place_count(); ++drain_position_) {
    const auto flow = static_cast<FlowIndex>(drain_position_);
    if (!HasOpenRecord(flow)) continue;
    EndAt(flow, clock_ns);
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
  const FlowHistory& history = history_[flow];
  for (size_t side = 0; side < 2; ++side) {
    record.sent_octets[side] = line.octets[side];
    record.sent_packets[side] = line.packets[side];
    if (!line.has_settled) continue;
    record.sent_octets[side] += history.settled.octets[side];
    record.sent_packets[side] += history.settled.packets[side];
  }
  record.start_ns =
      line.has_late_start ? history.start_ns : line.start_clock_ns;
  record.end_ns = line.has_late_end ? history.end_ns : line.last_clock_ns;
  record.start_clock_ns = line.start_clock_ns;
  record.last_clock_ns = line.last_clock_ns;
  record.attribution = details.attribution;
  record.edition = details.edition;
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

size_t FlowTable::CapacityWithin(size_t bytes) {
  const size_t groups = std::max<size_t>(bytes / kGroupBytes, 1);
  return std::min(groups * kRecordsPerGroup, kMaxCapacity);
}

size_t FlowTable::MemoryOf(size_t capacity) {
  return GroupCountOf(capacity) * kGroupBytes;
}

inline uint32_t FlowTable::After(uint32_t group) const {
  return group + 1 == groups_.size() ? 0 : group + 1;
}

inline uint8_t& FlowTable::TagAt(FlowIndex flow) {
  return groups_[flow / TagGroup::kPlaces].tags[flow % TagGroup::kPlaces];
}

uint32_t FlowTable::HashAt(FlowIndex flow) const {
  const PackedKey& key = lines_[flow].key;
  return hasher_.Hash(key, v6_[key.is_v6() ? flow : 0]);
}

// Copies the records in the order of their hashes, and gives the old memory
// back on the way: the peak is little more than the new arrays.
bool FlowTable::Grow(size_t capacity) {
  constexpr size_t kPlacesBetweenDrops = 1 << 16;
  assert(ended_.empty());
  HugeArray<TagGroup> groups(GroupCountOf(capacity), is_prefaulted_);
  HugeArray<FlowLine> lines(groups.size() * TagGroup::kPlaces + kSpareLines,
                            is_prefaulted_);
  HugeArray<FlowDetails> details(lines.size(), is_prefaulted_);
  HugeArray<FlowHistory> history(lines.size(), is_prefaulted_);
  HugeArray<V6Addresses> v6(lines.size(), is_prefaulted_);
  if (groups.is_empty() || lines.is_empty() || details.is_empty() ||
      history.is_empty() || v6.is_empty()) {
    return false;
  }
  std::swap(groups, groups_);
  std::swap(lines, lines_);
  std::swap(details, details_);
  std::swap(history, history_);
  std::swap(v6, v6_);
  capacity_ = capacity;
  size_ = 0;

  for (size_t from = 0; from + kSpareLines < lines.size(); ++from) {
    if (from % kPlacesBetweenDrops == 0) {
      lines.DropFirst(from);
      details.DropFirst(from);
      history.DropFirst(from);
      v6.DropFirst(from);
    }
    const TagGroup& group = groups[from / TagGroup::kPlaces];
    if (group.tags[from % TagGroup::kPlaces] == TagGroup::kFree) continue;
    const FlowLine& line = lines[from];
    const bool is_v6 = line.key.is_v6();
    const FlowIndex to =
        TakePlace(hasher_.Hash(line.key, v6[is_v6 ? from : 0]));
    lines_[to] = line;
    details_[to] = details[from];
    if (is_v6) v6_[to] = v6[from];
    if (line.has_settled || line.has_late_start || line.has_late_end) {
      history_[to] = history[from];
    }
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

void FlowTable::Start(const FlowPacket& packet, FlowIndex flow) {
  FlowLine& line = lines_[flow];
  line = FlowLine();
  line.key = packet.key;
  line.start_clock_ns = packet.clock_ns;
  line.last_clock_ns = packet.clock_ns;
  line.generation = generation_;
  details_[flow] = FlowDetails();
  details_[flow].tunnel_kind = packet.tunnel_kind;
  if (packet.key.is_v6()) v6_[flow] = packet.v6;
  if (packet.timestamp_ns == packet.clock_ns) return;
  line.has_late_start = true;
  line.has_late_end = true;
  history_[flow].start_ns = packet.timestamp_ns;
  history_[flow].end_ns = packet.timestamp_ns;
}

// Ends a record that does not continue at `clock_ns`, or that is cut off there;
// one of an earlier generation was cut off when that ended. Out of reach of
// look-ups from then on, and readable until ReleaseEnded.
void FlowTable::EndAt(FlowIndex flow, int64_t clock_ns) {
  assert(ended_.size() < ended_.capacity());
  FlowLine& line = lines_[flow];
  if (line.generation != generation_) clock_ns = generation_clock_ns_;
  TagAt(flow) = TagGroup::kEnded;
  line.generation = kNoGeneration;
  details_[flow].end_reason = EndReasonAt(line.age(), clock_ns, timeouts_);
  ended_.push_back(flow);
}

}  // namespace octroi
