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

// Bits of the address that a node tells apart.
constexpr int kStride = 6;

// The first nodes that a run may cost, and the bits of IPv4 that choose one.
constexpr size_t kNodesPerRun = 8;
constexpr int kMostDepthV4 = 18;

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

constexpr uint64_t LeftAligned(uint32_t number) {
  return static_cast<uint64_t>(number) << 32;
}
constexpr Uint128 LeftAligned(Uint128 number) { return number; }

// How many bits choose the first node where `run_count` runs begin: from
// `least` on in steps of a stride, at most `most`, and at most eight nodes to a
// run.
constexpr int FirstDepth(int least, int most, int chosen_before,
                         size_t run_count) {
  int depth = least;
  while (depth < most && size_t{1} << (depth + kStride - chosen_before) <=
                             kNodesPerRun * run_count) {
    depth += kStride;
  }
  return depth;
}

// Six bits of a word, or of an address (left-aligned), from bit `depth` on;
// zeros follow the last one. REQUIRES: depth < 64; depth < 128.
unsigned FirstBits(uint64_t word, int depth) {
  return static_cast<unsigned>(word << depth >> 58);
}
unsigned BitsAt(uint64_t high, uint64_t low, int depth) {
  return depth < 64 ? FirstBits(high, depth) : FirstBits(low, depth - 64);
}
unsigned FirstBits(Uint128 word, int depth) {
  return BitsAt(static_cast<uint64_t>(word >> 64), static_cast<uint64_t>(word),
                depth);
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

  // The root of the whole space.
  Root BuildRoot(int least_depth, int most_depth) {
    return BuildBlock(1, runs_.size(),
                      FirstDepth(least_depth, most_depth, 0, runs_.size()), 0);
  }

  // A root for each value of the first `bit_count` bits.
  void BuildRoots(int bit_count, int least_depth, int most_depth,
                  std::vector<Root>* roots) {
    size_t at = 1;
    for (size_t i = 0; i < roots->size(); ++i) {
      const size_t end = EndOfRuns(at, bit_count, i);
      const size_t begin = SkipFirst(at, end, bit_count);
      if (begin < end) {
        const int depth =
            FirstDepth(least_depth, most_depth, bit_count, end - begin);
        (*roots)[i] = BuildBlock(begin, end, depth, bit_count);
      } else {
        // One value, whatever bits are looked at.
        (*roots)[i] = {AddNodes(1), static_cast<uint32_t>(64 - bit_count)};
        FillNode((*roots)[i].first, begin, end, bit_count);
      }
      at = end;
    }
    assert(at == runs_.size());
  }

 private:
  // An address, left-aligned: bits of IPv4 are found without 128-bit shifts.
  using Word = decltype(LeftAligned(Number{}));
  static constexpr int kWordBits = 8 * sizeof(Word);

  Word First(size_t run) const { return LeftAligned(runs_[run].first); }
  unsigned Bits(size_t run, int depth) const {
    return FirstBits(First(run), depth);
  }

  // The end of the runs from `at` on whose first `bit_count` bits are `bits`.
  size_t EndOfRuns(size_t at, int bit_count, Word bits) const {
    while (at < runs_.size() && First(at) >> (kWordBits - bit_count) == bits)
      ++at;
    return at;
  }

  // `begin` without the run that begins where its span of 2^(128 - depth)
  // addresses does.
  size_t SkipFirst(size_t begin, size_t end, int depth) const {
    if (begin == end) return begin;
    if (depth >= kWordBits) return begin + 1;
    return First(begin) << depth == 0 ? begin + 1 : begin;
  }

  // A node for each value of the bits from `from` to `depth`, of the addresses
  // that share the bits before these.
  Root BuildBlock(size_t begin, size_t end, int depth, int from) {
    const size_t count = size_t{1} << (depth - from);
    const Word before =
        from == 0 ? 0 : First(begin) >> (kWordBits - from) << (depth - from);
    const uint32_t first = AddNodes(count);
    size_t at = begin;
    for (size_t i = 0; i < count; ++i) {
      const size_t next = EndOfRuns(at, depth, before | i);
      FillNode(static_cast<uint32_t>(first + i), SkipFirst(at, next, depth),
               next, depth);
      at = next;
    }
    assert(at == end);
    return {first, static_cast<uint32_t>(64 - depth)};
  }

  uint32_t AddNodes(size_t count) {
    const size_t first = index_.nodes_.size();
    assert(first + count <= kChildBit);
    index_.nodes_.resize(first + count);
    return static_cast<uint32_t>(first);
  }

  // The entry for the span of 2^(128 - depth) addresses.
  Entry BuildChild(size_t begin, size_t end, int depth) {
    begin = SkipFirst(begin, end, depth);
    if (begin == end) return runs_[begin - 1].value;
    const uint32_t node = AddNodes(1);
    FillNode(node, begin, end, depth);
    return kChildBit | node;
  }

  // From one group of six bits in which a run begins to the next.
  void FillNode(uint32_t place, size_t begin, size_t end, int depth) {
    std::array<Entry, 64> entries;
    size_t count = 0;
    uint64_t changes = 0;
    const auto set_from = [&](unsigned bits, Entry entry) {
      if (count > 0 && entries[count - 1] == entry) return;
      entries[count++] = entry;
      changes |= uint64_t{1} << bits;
    };
    unsigned next_bits = 0;
    for (size_t at = begin; at < end;) {
      const unsigned bits = Bits(at, depth);
      if (bits > next_bits) set_from(next_bits, runs_[at - 1].value);
      size_t child_end = at;
      while (child_end < end && Bits(child_end, depth) == bits) ++child_end;
      set_from(bits, BuildChild(at, child_end, depth + kStride));
      next_bits = bits + 1;
      at = child_end;
    }
    if (next_bits < 64) set_from(next_bits, runs_[end - 1].value);

    auto& slots = index_.slots_;
    index_.nodes_[place] = {changes, static_cast<uint32_t>(slots.size() - 1),
                            entries[0]};
    slots.insert(slots.end(), entries.begin() + 1, entries.begin() + count);
  }

  const HugePageVector<typename IntervalMap<Number>::Run>& runs_;
  PrefixIndex& index_;
};

PrefixIndex::PrefixIndex()
    : PrefixIndex(Build(IntervalMapV4{{{0, 0}}}, IntervalMapV6{{{0, 0}}})) {}

// What is reserved and not used is never touched. A vector that grew instead
// would hold its content twice for a while.
PrefixIndex::PrefixIndex(size_t v4_count, size_t v6_count)
    : roots_v6_(size_t{1} << kRootBitsV6), slots_(1) {
  nodes_.reserve(std::min(kNodesPerRun * v4_count, size_t{1} << kMostDepthV4) +
                 kNodesPerRun * v6_count + roots_v6_.size());
  slots_.reserve(v4_count + v6_count);
}

PrefixIndex PrefixIndex::Build(const IntervalMapV4& v4,
                               const IntervalMapV6& v6) {
  const auto is_valid = [](const auto& map) {
    return !map.runs.empty() && map.runs.front().first == 0 &&
           std::all_of(map.runs.begin(), map.runs.end(),
                       [](const auto& run) { return run.value < kValueLimit; });
  };
  assert(is_valid(v4) && is_valid(v6));

  PrefixIndex index(v4.runs.size(), v6.runs.size());
  // Depths of which a multiple of the stride is 64, where the second half of an
  // IPv6 address begins.
  index.root_v4_ = Builder<uint32_t>(v4, &index).BuildRoot(6, kMostDepthV4);
  Builder<Uint128>(v6, &index)
      .BuildRoots(kRootBitsV6, 16, 28, &index.roots_v6_);
  return index;
}

// Which of the two places it is, no predictor can learn from traffic. A mask
// chooses, since compilers make a branch of `slot == 0 ? ... : ...`, with which
// a look-up takes twice as long.
inline const PrefixIndex::Entry* PrefixIndex::PlaceOf(const Node& node,
                                                      unsigned bits) const {
  const auto slot =
      static_cast<int64_t>(std::popcount(node.changes << (63 - bits))) - 1;
  const auto in_node = reinterpret_cast<uintptr_t>(&node.first);
  const auto in_slots =
      reinterpret_cast<uintptr_t>(slots_.data() + node.rest + slot);
  const auto is_in_node = static_cast<uintptr_t>((slot - 1) >> 63);
  return reinterpret_cast<const Entry*>(in_slots ^
                                        ((in_slots ^ in_node) & is_in_node));
}

inline uint32_t PrefixIndex::Descend(const Node& first, uint64_t high,
                                     uint64_t low, int depth) const {
  const Node* node = &first;
  for (;; depth += kStride) {
    const Entry entry = *PlaceOf(*node, BitsAt(high, low, depth));
    if ((entry & kChildBit) == 0) return entry;
    node = &nodes_[entry ^ kChildBit];
  }
}

uint32_t PrefixIndex::LookupV4(uint32_t address) const {
  const uint64_t word = static_cast<uint64_t>(address) << 32;
  return Descend(FirstNode(root_v4_, word), word, 0, DepthOf(root_v4_));
}

uint32_t PrefixIndex::LookupV6(uint64_t high, uint64_t low) const {
  const Root root = RootV6(high);
  return Descend(FirstNode(root, BelowRootV6(high)), high, low, DepthOf(root));
}

void PrefixIndex::LookupBatch(std::span<const IpAddress> addresses,
                              std::span<uint32_t> values) const {
  assert(addresses.size() == values.size());
  while (!addresses.empty()) {
    const size_t count = std::min(addresses.size(), kMaxBatch);
    const auto chunk = addresses.first(count);
    if (!LookupChunkV4(chunk, values.first(count))) {
      LookupChunk(chunk, values.first(count));
    }
    addresses = addresses.subspan(count);
    values = values.subspan(count);
  }
}

// In three passes, which prefetch for each other: nearly every address is
// answered by its first node.
bool PrefixIndex::LookupChunkV4(std::span<const IpAddress> addresses,
                                std::span<uint32_t> values) const {
  const Root root = root_v4_;
  const int depth = DepthOf(root);
  for (const IpAddress& address : addresses) {
    if (!address.is_v4()) return false;
    __builtin_prefetch(&FirstNode(root, address.low() << 32));
  }
  std::array<const Entry*, kMaxBatch> places;
  for (size_t i = 0; i < addresses.size(); ++i) {
    const uint64_t word = addresses[i].low() << 32;
    places[i] = PlaceOf(FirstNode(root, word), FirstBits(word, depth));
    __builtin_prefetch(places[i]);
  }
  Entry any = 0;
  for (size_t i = 0; i < addresses.size(); ++i) {
    values[i] = *places[i];
    any |= values[i];
  }
  if ((any & kChildBit) == 0) return true;
  for (size_t i = 0; i < addresses.size(); ++i) {
    if ((values[i] & kChildBit) == 0) continue;
    values[i] = Descend(nodes_[values[i] ^ kChildBit], addresses[i].low() << 32,
                        0, depth + kStride);
  }
  return true;
}

// Level by level: what comes next is prefetched for every address before the
// first is looked at. Addresses that are answered leave the walk, without a
// branch that would depend on which they are.
void PrefixIndex::LookupChunk(std::span<const IpAddress> addresses,
                              std::span<uint32_t> values) const {
  std::array<const Node*, kMaxBatch> nodes;
  std::array<const Entry*, kMaxBatch> places;
  std::array<uint64_t, kMaxBatch> highs;
  std::array<uint8_t, kMaxBatch> depths;
  std::array<uint8_t, kMaxBatch> waiting;
  for (size_t i = 0; i < addresses.size(); ++i) {
    const IpAddress& address = addresses[i];
    const bool is_v4 = address.is_v4();
    const uint64_t high = is_v4 ? address.low() << 32 : address.high();
    const Root root = is_v4 ? root_v4_ : RootV6(high);
    highs[i] = high;
    depths[i] = static_cast<uint8_t>(DepthOf(root));
    nodes[i] = &FirstNode(root, is_v4 ? high : BelowRootV6(high));
    __builtin_prefetch(nodes[i]);
    waiting[i] = static_cast<uint8_t>(i);
  }

  for (size_t waiting_count = addresses.size(); waiting_count > 0;) {
    for (size_t w = 0; w < waiting_count; ++w) {
      const size_t i = waiting[w];
      places[i] =
          PlaceOf(*nodes[i], BitsAt(highs[i], addresses[i].low(), depths[i]));
      __builtin_prefetch(places[i]);
      depths[i] = static_cast<uint8_t>(depths[i] + kStride);
    }
    size_t kept = 0;
    for (size_t w = 0; w < waiting_count; ++w) {
      const size_t i = waiting[w];
      const Entry entry = *places[i];
      values[i] = entry;
      const uint32_t is_child = entry >> 31;
      nodes[i] = &nodes_[(entry ^ kChildBit) & (0 - is_child)];
      __builtin_prefetch(nodes[i]);
      waiting[kept] = static_cast<uint8_t>(i);
      kept += is_child;
    }
    waiting_count = kept;
  }
}

size_t PrefixIndex::memory_bytes() const {
  return roots_v6_.size() * sizeof(Root) + nodes_.size() * sizeof(Node) +
         slots_.size() * sizeof(Entry);
}

}  // namespace octroi
