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

// The runs of IPv4 as HalvedMapV6 has those of IPv6.
class LeftAlignedMapV4 {
 public:
  explicit LeftAlignedMapV4(const IntervalMapV4& map) : runs_(map.runs) {}

  size_t size() const { return runs_.size(); }
  uint32_t value(size_t run) const { return runs_[run].value; }
  uint64_t high(size_t run) const { return uint64_t{runs_[run].first} << 32; }
  bool has_low(size_t /*run*/) const { return false; }
  uint64_t low(size_t /*run*/) const { return 0; }

 private:
  std::span<const IntervalMapV4::Run> runs_;
};

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

// Builds one family's part of an index. A node is that of the span of the
// address space that a run begins in: it tells apart the runs that begin inside
// the span, after its first address, and the run before them has the value at
// that address. Each run is looked at once per level that it reaches.
template <typename Runs>
class PrefixIndex::Builder {
 public:
  Builder(const Runs& runs, PrefixIndex* index)
      : runs_(runs), words_(index->words_), used_(words_.size()) {
    assert(IsValid());
    // A level has at most as many nodes as there are runs.
    level_.reserve(runs_.size());
    next_level_.reserve(runs_.size());
    words_.resize(words_.capacity());
  }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;
  ~Builder() { words_.resize(used_); }

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
      const auto bits = static_cast<uint32_t>(i);
      size_t end = at;
      while (BeginsIn(end, bit_count, bits)) ++end;
      const size_t inside =
          end - at - (BeginsWithSpan(at, end, bit_count) ? 1 : 0);
      // Where there is one value, whatever bits are looked at.
      const int depth =
          inside == 0 ? bit_count
                      : FirstDepth(least_depth, most_depth, bit_count, inside);
      (*roots)[i] = AddTable(at, end, depth, bit_count, bits);
      at = end;
    }
    assert(at == runs_.size());
    AddChildren();
  }

 private:
  static constexpr size_t kMostNodeWords = kMapWords + (1u << kStride);

  // A node that is not built yet: the first run that begins inside its span,
  // and where the entry stands that leads to it.
  struct Child {
    uint32_t entry;
    uint32_t begin;
    int depth;
  };
  // A node, and the run after those that begin in its span.
  struct Node {
    uint32_t place;
    size_t end;
  };

  bool IsValid() const {
    Word values = 0;
    for (size_t i = 0; i < runs_.size(); ++i) values |= runs_.value(i);
    return runs_.size() > 0 && runs_.high(0) == 0 && !runs_.has_low(0) &&
           values < kValueLimit &&
           runs_.size() <= std::numeric_limits<uint32_t>::max();
  }

  // Whether there is such a run, and it begins with `bit_count` bits like
  // these.
  bool BeginsIn(size_t run, int bit_count, uint32_t bits) const {
    return run < runs_.size() && FirstBits(run, bit_count) == bits;
  }
  uint32_t FirstBits(size_t run, int bit_count) const {
    return static_cast<uint32_t>(runs_.high(run) >> (64 - bit_count));
  }
  // Whether run `at` of [at, end) has zeros after its first `bit_count` bits.
  bool BeginsWithSpan(size_t at, size_t end, int bit_count) const {
    return at < end && runs_.high(at) << bit_count == 0 && !runs_.has_low(at);
  }

  // A table for each value of the bits from `from` to `depth`, of the addresses
  // whose bits before these are `before`. The run that begins where they do, if
  // there is one, is the first of [at, end).
  Root AddTable(size_t at, size_t end, int depth, int from, uint32_t before) {
    const uint32_t count = 1u << (depth - from);
    const uint32_t first_bits = before << (depth - from);
    const uint32_t place = AddWords(count);
    for (uint32_t i = 0; i < count; ++i) {
      // Up to where the next run begins, all have one value.
      const uint32_t filled =
          at < end ? FirstBits(at, depth) - first_bits : count;
      if (i < filled) {
        const uint32_t node = UniformNode(runs_.value(at - 1));
        std::fill_n(&words_[place + i], filled - i, node);
        i = filled;
        if (i == count) break;
      }
      if (BeginsWithSpan(at, end, depth)) ++at;
      if (BeginsIn(at, depth, first_bits + i)) {
        const Node node = AddNode<FirstHalf>(at, depth);
        words_[place + i] = node.place;
        at = node.end;
      } else {
        const uint32_t node = UniformNode(runs_.value(at - 1));
        words_[place + i] = node;
      }
    }
    assert(at == end);
    return {place - first_bits, static_cast<uint32_t>(64 - depth)};
  }

  // Room for so many more words.
  void Reserve(size_t count) {
    assert(used_ + count <= kChildBit);
    if (words_.size() - used_ >= count) return;
    words_.resize(used_);
    words_.reserve(2 * (used_ + count));
    words_.resize(words_.capacity());
  }

  // The place of so many new words, which are to be written.
  uint32_t AddWords(size_t count) {
    Reserve(count);
    const auto place = static_cast<uint32_t>(used_);
    used_ += count;
    return place;
  }

  // A node of one value. Tables have it often, and mostly many in a row.
  uint32_t UniformNode(uint32_t value) {
    if (!uniform_ || words_[*uniform_ + kMapWords] != value) {
      uniform_ = AddWords(kMapWords + 1);
      std::fill_n(&words_[*uniform_], kMapWords, 0);
      words_[*uniform_ + kMapWords] = value;
    }
    return *uniform_;
  }

  // What a node looks at: one half of an address, IPv4's being the first.
  struct FirstHalf {
    static constexpr int kBegin = 0;
    static uint64_t Of(const Runs& runs, size_t run) { return runs.high(run); }
    // Whether the other half may change: it is beyond the node's six bits.
    static bool IsInside(const Runs& runs, size_t run) {
      return runs.has_low(run);
    }
    static bool IsSameBefore(const Runs& /*runs*/, size_t /*a*/, size_t /*b*/) {
      return true;
    }
  };
  struct SecondHalf {
    static constexpr int kBegin = 64;
    static uint64_t Of(const Runs& runs, size_t run) { return runs.low(run); }
    static bool IsInside(const Runs& /*runs*/, size_t /*run*/) { return false; }
    static bool IsSameBefore(const Runs& runs, size_t a, size_t b) {
      return runs.high(a) == runs.high(b);
    }
  };

  // The node of the span in which run `at` is the first that begins inside; the
  // bits of the half from `depth` on are the span's. Entries are written from
  // left to right, one for each bit of the map (for bit 0 as well, until the
  // end): where the bit of a group of six bits is set already, the last entry
  // is the group's, and a better one takes its place.
  template <typename Half>
  Node AddNode(size_t at, int depth) {
    Reserve(kMostNodeWords);
    const auto place = static_cast<uint32_t>(used_);
    Word* const entries = &words_[place + kMapWords];
    size_t count = 0;
    uint64_t changes = 0;
    const auto set_from = [&](unsigned bits, Word entry) {
      count -= changes >> bits & 1;
      changes |= uint64_t{1} << bits;
      entries[count++] = entry;
    };

    // What is the same in the whole span, and the six bits.
    const uint64_t before = ~(~uint64_t{0} >> depth);
    const uint64_t group = ~(~uint64_t{0} >> kStride) >> depth;
    const size_t begin = at;
    const uint64_t first = Half::Of(runs_, begin) & before;
    set_from(0, runs_.value(at - 1));
    for (;;) {
      // Runs that begin where a group does: nearly all.
      uint64_t inside = 0;
      for (; at < runs_.size(); ++at) {
        inside = Half::Of(runs_, at) ^ first;
        if ((inside & ~group) != 0 || Half::IsInside(runs_, at) ||
            !Half::IsSameBefore(runs_, begin, at)) {
          break;
        }
        set_from(GroupOf(inside, depth), runs_.value(at));
      }
      if (at == runs_.size() || (inside & before) != 0 ||
          !Half::IsSameBefore(runs_, begin, at)) {
        break;
      }

      // The first that begins inside a group, which is a child's.
      const unsigned bits = GroupOf(inside, depth);
      set_from(bits, kChildBit);
      next_level_.push_back(
          {static_cast<uint32_t>(place + kMapWords + count - 1),
           static_cast<uint32_t>(at), Half::kBegin + depth + kStride});
      do {
        ++at;
      } while (at < runs_.size() &&
               ((Half::Of(runs_, at) ^ first ^ inside) & (before | group)) ==
                   0 &&
               Half::IsSameBefore(runs_, begin, at));
      if (bits == 63) break;
      set_from(bits + 1, runs_.value(at - 1));
    }
    changes &= ~uint64_t{1};
    std::memcpy(&words_[place], &changes, sizeof(changes));
    used_ += kMapWords + count;
    return {place, at};
  }

  // The six bits from `depth` on; zeros follow the last one.
  static unsigned GroupOf(uint64_t half, int depth) {
    return static_cast<unsigned>(half << depth >> (64 - kStride));
  }

  // Level by level, so that what most look-ups stop at stands together.
  void AddChildren() {
    while (!next_level_.empty()) {
      std::swap(level_, next_level_);
      next_level_.clear();
      for (const Child& child : level_) {
        const Node node =
            child.depth < 64
                ? AddNode<FirstHalf>(child.begin, child.depth)
                : AddNode<SecondHalf>(child.begin, child.depth - 64);
        words_[child.entry] = kChildBit | node.place;
      }
    }
  }

  const Runs& runs_;
  // Of which the first `used_` are written.
  UnfilledVector<Word>& words_;
  size_t used_;
  std::optional<uint32_t> uniform_;  // The last node of one value.
  HugePageVector<Child> level_;
  HugePageVector<Child> next_level_;
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
  HalvedMapV6 halved(v6.runs.size());
  for (const auto& run : v6.runs) halved.Append(run.first, run.value);
  return Build(v4, halved);
}

PrefixIndex PrefixIndex::Build(const IntervalMapV4& v4, const HalvedMapV6& v6) {
  PrefixIndex index(v4.runs.size(), v6.size());
  const LeftAlignedMapV4 aligned(v4);
  // Depths of which a multiple of the stride is 64, where the second half of an
  // IPv6 address begins.
  index.root_v4_ = Builder(aligned, &index).BuildRoot(6, kMostDepthV4);
  Builder(v6, &index).BuildRoots(kRootBitsV6, 16, 28, &index.roots_v6_);
  // What is prefetched with the last node.
  index.words_.resize(index.words_.size() + kLineWords, 0);
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
