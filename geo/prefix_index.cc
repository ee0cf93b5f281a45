// SPDX-License-Identifier: Apache-2.0
#include "geo/prefix_index.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>
#include <type_traits>

namespace octroi {
namespace {

// As many misses as a core keeps in flight; more would only fill the stack.
constexpr size_t kMaxBatch = 32;

template <typename Number>
struct Span {
  Number first;
  Number last;
  int length;
  uint32_t value;
};

template <typename Number>
std::vector<Span<Number>> SortedSpans(std::span<const PrefixValue> prefixes) {
  constexpr AddressFamily kFamily = sizeof(Number) == sizeof(uint32_t)
                                        ? AddressFamily::kIpv4
                                        : AddressFamily::kIpv6;
  std::vector<Span<Number>> spans;
  spans.reserve(prefixes.size());
  for (const PrefixValue& entry : prefixes) {
    if (entry.prefix.family() != kFamily) continue;
    spans.push_back({static_cast<Number>(entry.prefix.first()),
                     static_cast<Number>(entry.prefix.last()),
                     entry.prefix.length(), entry.value});
  }
  const auto is_before = [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.length < b.length;
  };
  // Databases are walked in order, so that there is seldom anything to do.
  if (!std::is_sorted(spans.begin(), spans.end(), is_before)) {
    std::stable_sort(spans.begin(), spans.end(), is_before);
  }
  return spans;
}

// Appends to a partition from left to right; neighbours of equal value merge.
template <typename Number>
class RunWriter {
 public:
  explicit RunWriter(uint32_t absent) { map_.runs.push_back({0, absent}); }

  // From `first` on, the value is `value`.
  // REQUIRES: `first` is not before that of the last call.
  void SetFrom(Number first, uint32_t value) {
    auto& runs = map_.runs;
    if (runs.back().first == first) {
      runs.back().value = value;
      if (runs.size() > 1 && runs[runs.size() - 2].value == value) {
        runs.pop_back();
      }
    } else if (runs.back().value != value) {
      runs.push_back({first, value});
    }
  }

  IntervalMap<Number> Take() { return std::move(map_); }

 private:
  IntervalMap<Number> map_;
};

// Sweeps over the prefixes in order. Those that are open at a point are nested,
// so a stack holds them, the longest on top.
template <typename Number>
IntervalMap<Number> Flatten(std::span<const PrefixValue> prefixes,
                            uint32_t absent) {
  constexpr Number kLast = std::numeric_limits<Number>::max();
  RunWriter<Number> writer(absent);
  std::vector<Span<Number>> open;
  const auto close_top = [&] {
    const Number last = open.back().last;
    open.pop_back();
    if (last == kLast) return;  // Nothing comes after it.
    writer.SetFrom(last + 1, open.empty() ? absent : open.back().value);
  };

  for (const Span<Number>& span : SortedSpans<Number>(prefixes)) {
    while (!open.empty() && open.back().last < span.first) close_top();
    writer.SetFrom(span.first, span.value);
    open.push_back(span);
  }
  while (!open.empty()) close_top();
  return writer.Take();
}

constexpr Uint128 LeftAligned(uint32_t number) {
  return static_cast<Uint128>(number) << 96;
}
constexpr Uint128 LeftAligned(Uint128 number) { return number; }

// The byte of an address (left-aligned) that begins at bit `depth`.
constexpr uint8_t ByteAt(Uint128 address, int depth) {
  return static_cast<uint8_t>(address >> (120 - depth));
}
uint8_t ByteAt(uint64_t high, uint64_t low, int depth) {
  return static_cast<uint8_t>(depth < 64 ? high >> (56 - depth)
                                         : low >> (120 - depth));
}

}  // namespace

template <typename Number>
uint32_t IntervalMap<Number>::At(Number address) const {
  assert(!runs.empty() && runs.front().first == 0);
  const auto after =
      std::upper_bound(runs.begin(), runs.end(), address,
                       [](Number a, const Run& run) { return a < run.first; });
  return std::prev(after)->value;
}

template struct IntervalMap<uint32_t>;
template struct IntervalMap<Uint128>;

IntervalMapV4 FlattenV4(std::span<const PrefixValue> prefixes,
                        uint32_t absent) {
  return Flatten<uint32_t>(prefixes, absent);
}

IntervalMapV6 FlattenV6(std::span<const PrefixValue> prefixes,
                        uint32_t absent) {
  return Flatten<Uint128>(prefixes, absent);
}

// Builds one family's part of an index. A span of the address space is given by
// the runs that begin inside it, [begin, end), after its first address; the run
// before `begin` has the value at the span's first address. Each run is looked
// at once per level that it reaches.
template <typename Number>
class PrefixIndex::Builder {
 public:
  Builder(const IntervalMap<Number>& map, PrefixIndex* index)
      : runs_(map.runs), index_(*index) {}

  void BuildRoot(std::vector<Entry>* root) {
    size_t at = 1;
    for (size_t i = 0; i < kRootSize; ++i) {
      const size_t end = EndOfRuns(at, /*bit_count=*/16, i);
      (*root)[i] = BuildChild(at, end, /*depth=*/16);
      at = end;
    }
    assert(at == runs_.size());
  }

 private:
  Uint128 First(size_t run) const { return LeftAligned(runs_[run].first); }

  // The end of the runs from `at` on whose first `bit_count` bits are `bits`.
  size_t EndOfRuns(size_t at, int bit_count, Uint128 bits) const {
    while (at < runs_.size() && First(at) >> (128 - bit_count) == bits) ++at;
    return at;
  }

  // The entry for a span of 2^(128 - depth) addresses, in which the runs
  // [begin, end) begin, one of them perhaps at its first address.
  Entry BuildChild(size_t begin, size_t end, int depth) {
    if (begin < end) {
      const Uint128 host_bits = (static_cast<Uint128>(1) << (128 - depth)) - 1;
      if ((First(begin) & host_bits) == 0) ++begin;
    }
    if (begin == end) return runs_[begin - 1].value;
    if (FitsBucket(begin, end)) return BuildBucket(begin, end);
    return BuildNode(begin, end, depth);
  }

  bool FitsBucket(size_t begin, size_t end) const {
    if (end - begin > kBucketRuns - 1) return false;
    for (size_t i = begin; i < end; ++i) {
      if (static_cast<uint64_t>(First(i)) != 0) return false;
    }
    return true;
  }

  Entry BuildBucket(size_t begin, size_t end) {
    Line line = {.bucket = {}};
    line.bucket.values.fill(runs_[end - 1].value);
    line.bucket.starts.fill(std::numeric_limits<uint64_t>::max());
    line.bucket.values[0] = runs_[begin - 1].value;
    for (size_t i = begin; i < end; ++i) {
      line.bucket.starts[i - begin] = static_cast<uint64_t>(First(i) >> 64);
      line.bucket.values[i - begin + 1] = runs_[i].value;
    }
    return AddLine(line) | kBucketBit;
  }

  Entry BuildNode(size_t begin, size_t end, int depth) {
    Line line = {.node = {}};
    std::array<Entry, 256> slots;
    size_t slot_count = 0;
    const auto set_from = [&](size_t byte, Entry entry) {
      if (slot_count > 0 && slots[slot_count - 1] == entry) return;
      slots[slot_count++] = entry;
      line.node.changes[byte / 64] |= uint64_t{1} << (byte % 64);
    };

    // From one byte in which a run begins to the next.
    size_t next_byte = 0;
    for (size_t at = begin; at < end;) {
      const size_t byte = ByteAt(First(at), depth);
      if (byte > next_byte) set_from(next_byte, runs_[at - 1].value);
      size_t child_end = at;
      while (child_end < end && ByteAt(First(child_end), depth) == byte) {
        ++child_end;
      }
      set_from(byte, BuildChild(at, child_end, depth + 8));
      next_byte = byte + 1;
      at = child_end;
    }
    if (next_byte < 256) set_from(next_byte, runs_[end - 1].value);

    StoreSlots(std::span(slots).first(slot_count), &line.node);
    return AddLine(line);
  }

  void StoreSlots(std::span<const Entry> slots, Node* node) {
    for (size_t word = 1; word < node->counts.size(); ++word) {
      node->counts[word] = static_cast<uint8_t>(
          node->counts[word - 1] + std::popcount(node->changes[word - 1]));
    }
    const size_t inline_count = std::min(slots.size(), kInlineSlots);
    std::copy_n(slots.begin(), inline_count, node->slots.begin());
    node->overflow = static_cast<uint32_t>(index_.slots_.size());
    index_.slots_.insert(index_.slots_.end(), slots.begin() + inline_count,
                         slots.end());
  }

  Entry AddLine(const Line& line) {
    assert(index_.lines_.size() < kChildBit >> 1);
    index_.lines_.push_back(line);
    return kChildBit | static_cast<Entry>((index_.lines_.size() - 1) << 1);
  }

  const std::vector<typename IntervalMap<Number>::Run>& runs_;
  PrefixIndex& index_;
};

PrefixIndex::PrefixIndex() : root_v4_(kRootSize), root_v6_(kRootSize) {}

PrefixIndex PrefixIndex::Build(const IntervalMapV4& v4,
                               const IntervalMapV6& v6) {
  const auto is_valid = [](const auto& map) {
    return !map.runs.empty() && map.runs.front().first == 0 &&
           std::all_of(map.runs.begin(), map.runs.end(),
                       [](const auto& run) { return run.value < kValueLimit; });
  };
  assert(is_valid(v4) && is_valid(v6));

  PrefixIndex index;
  Builder<uint32_t>(v4, &index).BuildRoot(&index.root_v4_);
  Builder<Uint128>(v6, &index).BuildRoot(&index.root_v6_);
  index.lines_.shrink_to_fit();
  index.slots_.shrink_to_fit();
  return index;
}

inline const PrefixIndex::Entry* PrefixIndex::SlotOf(const Node& node,
                                                     uint8_t byte) const {
  const size_t word = byte / 64;
  const uint64_t up_to_here = (uint64_t{2} << (byte % 64)) - 1;
  const size_t slot =
      node.counts[word] + std::popcount(node.changes[word] & up_to_here) - 1;
  return slot < kInlineSlots ? &node.slots[slot]
                             : &slots_[node.overflow + slot - kInlineSlots];
}

inline uint32_t PrefixIndex::ValueIn(const Bucket& bucket, uint64_t high) {
  size_t run = 0;
  for (const uint64_t start : bucket.starts) run += high >= start;
  return bucket.values[run];
}

inline uint32_t PrefixIndex::Descend(Entry entry, uint64_t high,
                                     uint64_t low) const {
  for (int depth = 16; entry & kChildBit; depth += 8) {
    const Line& line = LineOf(entry);
    if (entry & kBucketBit) return ValueIn(line.bucket, high);
    entry = *SlotOf(line.node, ByteAt(high, low, depth));
  }
  return entry;
}

uint32_t PrefixIndex::LookupV4(uint32_t address) const {
  return Descend(root_v4_[address >> 16], static_cast<uint64_t>(address) << 32,
                 0);
}

uint32_t PrefixIndex::LookupV6(uint64_t high, uint64_t low) const {
  return Descend(root_v6_[high >> 48], high, low);
}

void PrefixIndex::LookupBatch(std::span<const IpAddress> addresses,
                              std::span<uint32_t> values) const {
  assert(addresses.size() == values.size());
  while (!addresses.empty()) {
    const size_t count = std::min(addresses.size(), kMaxBatch);
    LookupChunk(addresses.first(count), values.first(count));
    addresses = addresses.subspan(count);
    values = values.subspan(count);
  }
}

// Level by level: what the next level reads is prefetched for every address
// before the first is read. Addresses that are answered leave the walk.
void PrefixIndex::LookupChunk(std::span<const IpAddress> addresses,
                              std::span<uint32_t> values) const {
  std::array<const Entry*, kMaxBatch> places;
  std::array<uint64_t, kMaxBatch> highs;
  std::array<uint8_t, kMaxBatch> waiting;
  size_t waiting_count = addresses.size();
  for (size_t i = 0; i < addresses.size(); ++i) {
    const IpAddress& address = addresses[i];
    highs[i] = address.is_v4() ? address.low() << 32 : address.high();
    const Entry* root = address.is_v4() ? root_v4_.data() : root_v6_.data();
    places[i] = &root[highs[i] >> 48];
    __builtin_prefetch(places[i]);
    waiting[i] = static_cast<uint8_t>(i);
  }

  for (int depth = 16; waiting_count > 0; depth += 8) {
    size_t kept = 0;
    for (size_t w = 0; w < waiting_count; ++w) {
      const size_t i = waiting[w];
      values[i] = *places[i];
      if ((values[i] & kChildBit) == 0) continue;
      __builtin_prefetch(&LineOf(values[i]));
      waiting[kept++] = static_cast<uint8_t>(i);
    }
    waiting_count = kept;

    kept = 0;
    for (size_t w = 0; w < waiting_count; ++w) {
      const size_t i = waiting[w];
      const Line& line = LineOf(values[i]);
      if (values[i] & kBucketBit) {
        values[i] = ValueIn(line.bucket, highs[i]);
        continue;
      }
      places[i] =
          SlotOf(line.node, ByteAt(highs[i], addresses[i].low(), depth));
      __builtin_prefetch(places[i]);
      waiting[kept++] = static_cast<uint8_t>(i);
    }
    waiting_count = kept;
  }
}

size_t PrefixIndex::memory_bytes() const {
  return (root_v4_.size() + root_v6_.size() + slots_.size()) * sizeof(Entry) +
         lines_.size() * sizeof(Line);
}

}  // namespace octroi
