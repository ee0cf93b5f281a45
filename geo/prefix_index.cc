// SPDX-License-Identifier: Apache-2.0
#include "geo/prefix_index.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>

namespace octroi {
namespace {

// As many misses as a core keeps in flight; more would only fill the stack.
constexpr size_t kMaxBatch = 32;

// Bits of the address that a node tells apart.
constexpr int kStride = 6;

// The places in tables of first nodes that a run may cost, and the bits of IPv4
// that choose one.
constexpr size_t kPlacesPerRun = 8;
constexpr int kMostDepthV4 = 18;
// What nodes take of memory that is reserved, words per run.
constexpr size_t kWordsPerRun = 4;

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

// How many bits choose the first node where `run_count` runs begin: from
// `least` on in steps of a stride, at most `most`, and at most eight places to
// a run.
constexpr int FirstDepth(int least, int most, int chosen_before,
                         size_t run_count) {
  int depth = least;
  while (depth < most && size_t{1} << (depth + kStride - chosen_before) <=
                             kPlacesPerRun * run_count) {
    depth += kStride;
  }
  return depth;
}

// Six bits of an address (left-aligned) from bit `depth` on; zeros follow the
// last one. REQUIRES: depth < 128.
unsigned BitsAt(uint64_t high, uint64_t low, int depth) {
  const uint64_t word = depth < 64 ? high << depth : low << (depth - 64);
  return static_cast<unsigned>(word >> (64 - kStride));
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
      : runs_(map.runs), words_(index->words_) {}

  // The root of the whole space.
  Root BuildRoot(int least_depth, int most_depth) {
    const Root root =
        AddTable(1, runs_.size(),
                 FirstDepth(least_depth, most_depth, 0, runs_.size()), 0, 0);
    AddChildren();
    return root;
  }

  // A root for each value of the first `bit_count` bits.
  void BuildRoots(int bit_count, int least_depth, int most_depth,
                  std::vector<Root>* roots) {
    size_t at = 1;
    for (size_t i = 0; i < roots->size(); ++i) {
      const size_t end = EndOfRuns(at, bit_count, static_cast<uint32_t>(i));
      const size_t begin = SkipFirst(at, end, bit_count);
      // Where there is one value, whatever bits are looked at.
      const int depth = begin == end ? bit_count
                                     : FirstDepth(least_depth, most_depth,
                                                  bit_count, end - begin);
      (*roots)[i] =
          AddTable(at, end, depth, bit_count, static_cast<uint32_t>(i));
      at = end;
    }
    assert(at == runs_.size());
    AddChildren();
  }

 private:
  // A node that is not built yet, and where the entry stands that leads to it.
  struct Child {
    uint32_t entry;
    int depth;
    size_t begin;
    size_t end;
  };

  Uint128 First(size_t run) const { return LeftAligned(runs_[run].first); }
  unsigned Bits(size_t run, int depth) const {
    const Uint128 first = First(run);
    return BitsAt(static_cast<uint64_t>(first >> 64),
                  static_cast<uint64_t>(first), depth);
  }

  // The first `bit_count` bits, at most 32, of where a run begins.
  uint32_t FirstBits(size_t run, int bit_count) const {
    return static_cast<uint32_t>(First(run) >> (128 - bit_count));
  }

  // The end of the runs from `at` on whose first `bit_count` bits are `bits`.
  size_t EndOfRuns(size_t at, int bit_count, uint32_t bits) const {
    while (at < runs_.size() && FirstBits(at, bit_count) == bits) ++at;
    return at;
  }

  // `begin` without the run that begins where its span of 2^(128 - depth)
  // addresses does.
  size_t SkipFirst(size_t begin, size_t end, int depth) const {
    if (begin == end) return begin;
    if (depth >= 128) return begin + 1;
    return First(begin) << depth == 0 ? begin + 1 : begin;
  }

  // A table for each value of the bits from `from` to `depth`, of the addresses
  // whose bits before these are `before`. The run that begins where they do, if
  // there is one, is the first of [at, end).
  Root AddTable(size_t at, size_t end, int depth, int from, uint32_t before) {
    const uint32_t count = 1u << (depth - from);
    const uint32_t first_bits = before << (depth - from);
    const uint32_t place = AddWords(count);
    for (uint32_t i = 0; i < count;) {
      // Up to where the next run begins, all have one value.
      const uint32_t filled =
          at < end ? FirstBits(at, depth) - first_bits : count;
      if (i < filled) {
        const uint32_t node = UniformNode(runs_[at - 1].value);
        std::fill_n(words_.begin() + place + i, filled - i, node);
        i = filled;
        continue;
      }
      const size_t next = EndOfRuns(at, depth, first_bits + i);
      const size_t begin = SkipFirst(at, next, depth);
      const uint32_t node = begin == next ? UniformNode(runs_[begin - 1].value)
                                          : AddNode(begin, next, depth);
      words_[place + i] = node;
      at = next;
      ++i;
    }
    assert(at == end);
    return {place - first_bits, static_cast<uint32_t>(64 - depth)};
  }

  // The place of so many new words, zero.
  uint32_t AddWords(size_t count) {
    const size_t place = words_.size();
    assert(place + count <= kChildBit);
    words_.resize(place + count);
    return static_cast<uint32_t>(place);
  }

  // A node of one value. Tables have it often, and mostly many in a row.
  uint32_t UniformNode(uint32_t value) {
    if (!uniform_ || words_[*uniform_ + kMapWords] != value) {
      uniform_ = AddWords(kMapWords);
      words_.push_back(value);
    }
    return *uniform_;
  }

  // From one group of six bits in which a run begins to the next.
  uint32_t AddNode(size_t begin, size_t end, int depth) {
    const uint32_t place = AddWords(kMapWords);
    uint64_t changes = 0;
    const auto set_from = [&](unsigned bits, Word entry) {
      if (bits > 0 && words_.back() == entry) return;
      if (bits > 0) changes |= uint64_t{1} << bits;
      words_.push_back(entry);
    };
    unsigned next_bits = 0;
    for (size_t at = begin; at < end;) {
      const unsigned bits = Bits(at, depth);
      if (bits > next_bits) set_from(next_bits, runs_[at - 1].value);
      size_t group_end = at;
      while (group_end < end && Bits(group_end, depth) == bits) ++group_end;
      at = SkipFirst(at, group_end, depth + kStride);
      if (at == group_end) {
        set_from(bits, runs_[at - 1].value);
      } else {
        // Until the child has a place, one that no other entry has.
        set_from(bits, kChildBit | static_cast<Word>(children_.size()));
        children_.push_back({static_cast<uint32_t>(words_.size() - 1),
                             depth + kStride, at, group_end});
      }
      next_bits = bits + 1;
      at = group_end;
    }
    if (next_bits < 64) set_from(next_bits, runs_[end - 1].value);
    std::memcpy(&words_[place], &changes, sizeof(changes));
    return place;
  }

  // Level by level, so that what most look-ups stop at stands together.
  void AddChildren() {
    for (size_t i = 0; i < children_.size(); ++i) {
      const Child child = children_[i];
      const uint32_t node = AddNode(child.begin, child.end, child.depth);
      words_[child.entry] = kChildBit | node;
    }
  }

  const HugePageVector<typename IntervalMap<Number>::Run>& runs_;
  HugePageVector<Word>& words_;
  std::optional<uint32_t> uniform_;  // The last node of one value.
  std::vector<Child> children_;
};

PrefixIndex::PrefixIndex()
    : PrefixIndex(Build(IntervalMapV4{{{0, 0}}}, IntervalMapV6{{{0, 0}}})) {}

// What is reserved and not used is never touched. A vector that grew instead
// would hold its content twice for a while.
PrefixIndex::PrefixIndex(size_t v4_count, size_t v6_count)
    : roots_v6_(size_t{1} << kRootBitsV6) {
  const size_t place_count =
      std::min(kPlacesPerRun * v4_count, size_t{1} << kMostDepthV4) +
      kPlacesPerRun * v6_count + roots_v6_.size();
  words_.reserve(place_count + kWordsPerRun * (v4_count + v6_count));
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
  // What is prefetched with the last node.
  index.words_.resize(index.words_.size() + kLineWords);
  return index;
}

inline PrefixIndex::Word PrefixIndex::EntryAt(const Word* node, unsigned bits) {
  uint64_t changes;
  std::memcpy(&changes, node, sizeof(changes));
  return node[kMapWords + std::popcount(changes << (63 - bits))];
}

inline uint32_t PrefixIndex::Descend(const Word* node, uint64_t high,
                                     uint64_t low, int depth) const {
  for (;; depth += kStride) {
    const Word entry = EntryAt(node, BitsAt(high, low, depth));
    if ((entry & kChildBit) == 0) return entry;
    node = ChildOf(entry);
  }
}

uint32_t PrefixIndex::LookupV4(uint32_t address) const {
  const uint64_t word = static_cast<uint64_t>(address) << 32;
  return Descend(FirstNode(root_v4_, word), word, 0, DepthOf(root_v4_));
}

uint32_t PrefixIndex::LookupV6(uint64_t high, uint64_t low) const {
  const Root root = RootV6(high);
  return Descend(FirstNode(root, high), high, low, DepthOf(root));
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

// In three passes, each of which prefetches for the next: tables, nodes,
// entries. Ninety-nine addresses in a hundred are answered by their first node,
// so that a branch may tell the others. Where most is in the cache,
// instructions count: hence four addresses a turn of each loop.
bool PrefixIndex::LookupChunkV4(std::span<const IpAddress> addresses,
                                std::span<uint32_t> values) const {
  // For addresses as they are, not left-aligned.
  const Root root = {root_v4_.first, root_v4_.shift - 32};
#pragma GCC unroll 4
  for (const IpAddress& address : addresses) {
    if (!address.is_v4()) return false;
    __builtin_prefetch(PlaceOfFirstNode(root, address.low()));
  }
  std::array<const Word*, kMaxBatch> nodes;
#pragma GCC unroll 4
  for (size_t i = 0; i < addresses.size(); ++i) {
    nodes[i] = FirstNode(root, addresses[i].low());
    PrefetchNode(nodes[i]);
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < addresses.size(); ++i) {
    const uint64_t address = addresses[i].low();
    Word entry = EntryAt(nodes[i], address >> (root.shift - kStride) & 63);
    if ((entry & kChildBit) != 0) [[unlikely]] {
      entry = Descend(ChildOf(entry), address << 32, 0,
                      DepthOf(root_v4_) + kStride);
    }
    values[i] = entry;
  }
  return true;
}

// Level by level: the next node is prefetched for every address before the
// first is looked at. Addresses that are answered leave the walk, without a
// branch that would depend on which they are.
void PrefixIndex::LookupChunk(std::span<const IpAddress> addresses,
                              std::span<uint32_t> values) const {
  std::array<const Word*, kMaxBatch> nodes;
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
    nodes[i] = FirstNode(root, high);
    PrefetchNode(nodes[i]);
    waiting[i] = static_cast<uint8_t>(i);
  }

  for (size_t waiting_count = addresses.size(); waiting_count > 0;) {
    size_t kept = 0;
    for (size_t w = 0; w < waiting_count; ++w) {
      const size_t i = waiting[w];
      const Word entry =
          EntryAt(nodes[i], BitsAt(highs[i], addresses[i].low(), depths[i]));
      values[i] = entry;
      const uint32_t is_child = entry >> 31;
      nodes[i] = &words_[(entry ^ kChildBit) & (0 - is_child)];
      PrefetchNode(nodes[i]);
      depths[i] = static_cast<uint8_t>(depths[i] + kStride);
      waiting[kept] = static_cast<uint8_t>(i);
      kept += is_child;
    }
    waiting_count = kept;
  }
}

size_t PrefixIndex::memory_bytes() const {
  return roots_v6_.size() * sizeof(Root) + words_.size() * sizeof(Word);
}

}  // namespace octroi
