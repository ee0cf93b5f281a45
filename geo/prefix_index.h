// SPDX-License-Identifier: Apache-2.0
// The longest-prefix index: from an address to a 31-bit value. The input is
// already flat (an ordered partition of each family's address space, see
// IntervalMap), so that a look-up never compares prefixes. It walks a trie of
// one kind of node: six bits of the address, of which a node keeps only the
// points where the value changes, as a 64-bit map, and right after the map the
// entries, of which it finds one by counting bits. The first bits, as many as
// there are runs to tell apart, choose the first node without a walk: 18 of
// IPv4, up to 28 of IPv6.
//
// Immutable after Build; any thread. Look-ups do not allocate and cannot fail.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "geo/huge_pages.h"
#include "geo/ip_address.h"
#include "geo/ip_prefix.h"

namespace octroi {

// A partition of a family's whole address space into runs with one value each.
// Run i covers [starts[i], starts[i + 1]); the last one ends with the space.
// `Number` is uint32_t (IPv4) or Uint128 (IPv6).
template <typename Number>
struct IntervalMap {
  struct Run {
    Number first;
    uint32_t value;
    friend bool operator==(const Run&, const Run&) = default;
  };
  // Sorted by first, runs[0].first == 0, neighbours have different values.
  UnfilledVector<Run> runs;

  // The value at `address`, by binary search. Control path.
  uint32_t At(Number address) const;
};
using IntervalMapV4 = IntervalMap<uint32_t>;
using IntervalMapV6 = IntervalMap<Uint128>;

// The same as an IntervalMapV6 in half of its memory: of nearly all runs the
// second half of the first address is 0, and is not kept.
class HalvedMapV6 {
 public:
  // Of at most so many runs.
  explicit HalvedMapV6(size_t most_runs) { runs_.resize(most_runs); }
  // REQUIRES: `first` is after that of the last call.
  void Append(Uint128 first, uint32_t value) {
    const auto high = static_cast<uint64_t>(first >> 64);
    const auto low = static_cast<uint64_t>(first);
    if (low != 0) lows_.push_back(low);
    const size_t place = low == 0 ? 0 : lows_.size() - 1;
    assert(size_ < runs_.size());
    runs_[size_++] = {high, value, static_cast<uint32_t>(place)};
  }

  size_t size() const { return size_; }
  uint32_t value(size_t run) const { return runs_[run].value; }
  uint64_t high(size_t run) const { return runs_[run].high; }
  bool has_low(size_t run) const { return runs_[run].low != 0; }
  uint64_t low(size_t run) const { return lows_[runs_[run].low]; }

 private:
  struct Run {
    uint64_t high;
    uint32_t value;
    uint32_t low;  // Its place in lows_.
  };

  UnfilledVector<Run> runs_;  // The first size_ are written.
  size_t size_ = 0;
  std::vector<uint64_t> lows_ = {0};
};

// A prefix and its value, as input to Flatten.
struct PrefixValue {
  IpPrefix prefix;
  uint32_t value;
};

// The partition of the address space in which each address has the value of
// the longest prefix that contains it, or `absent` where there is none. Of two
// equal prefixes the one that stands later in `prefixes` wins. Prefixes of the
// other family are ignored; order is otherwise free.
IntervalMapV4 FlattenV4(std::span<const PrefixValue> prefixes, uint32_t absent);
IntervalMapV6 FlattenV6(std::span<const PrefixValue> prefixes, uint32_t absent);

class PrefixIndex {
 public:
  // Values at or above this are not representable.
  static constexpr uint32_t kValueLimit = 1u << 31;

  // An index in which every address has value 0.
  PrefixIndex();
  // A moved-from index may only be assigned to or destroyed.
  PrefixIndex(PrefixIndex&&) = default;
  PrefixIndex& operator=(PrefixIndex&&) = default;
  PrefixIndex(const PrefixIndex&) = default;
  PrefixIndex& operator=(const PrefixIndex&) = default;
  ~PrefixIndex() = default;

  // REQUIRES: both maps are partitions with values below kValueLimit.
  static PrefixIndex Build(const IntervalMapV4& v4, const IntervalMapV6& v6);
  static PrefixIndex Build(const IntervalMapV4& v4, const HalvedMapV6& v6);

  // Hot path.
  uint32_t LookupV4(uint32_t address) const;
  uint32_t LookupV6(uint64_t high, uint64_t low) const;
  uint32_t Lookup(const IpAddress& address) const {
    return address.is_v4() ? LookupV4(address.v4())
                           : LookupV6(address.high(), address.low());
  }
  // Sets values[i] for addresses[i]; families may be mixed. Cache misses of
  // the batch overlap.
  // REQUIRES: addresses.size() == values.size().
  void LookupBatch(std::span<const IpAddress> addresses,
                   std::span<uint32_t> values) const;

  // Memory of the tables, bytes.
  size_t memory_bytes() const;

 private:
  template <typename Runs>
  class Builder;

  // The index is one array of words: tables of the places of first nodes, and
  // nodes. A node tells apart the 64 spans of six bits of the address. It is a
  // map, in which bit b is set where the entry of span b > 0 differs from that
  // of b - 1 (bit 0 never is), and then these entries, from that of span 0 on.
  // So map and entry are mostly in one cache line, or in two that follow each
  // other. A node of one entry has that for any bits that it is asked.
  using Word = uint32_t;
  static constexpr size_t kLineWords = 64 / sizeof(Word);  // Of a cache line.
  static constexpr size_t kMapWords = sizeof(uint64_t) / sizeof(Word);
  // What an entry holds: a value, or this bit with the place of the node that
  // tells the next six bits apart.
  static constexpr Word kChildBit = 1u << 31;

  // A table of first nodes. That of an address of left-aligned bits `word` is
  // at the place words_[first + (word >> shift)], modulo 2^32; it tells apart
  // the six bits from 64 - shift on.
  struct Root {
    uint32_t first;
    uint32_t shift;
  };
  // IPv6 has a root for each value of its first twelve bits: a registry's
  // block, or nothing.
  static constexpr int kRootBitsV6 = 12;

  // Room for so many runs of each family, without roots.
  PrefixIndex(size_t v4_count, size_t v6_count);

  static int DepthOf(Root root) { return 64 - static_cast<int>(root.shift); }
  Root RootV6(uint64_t high) const {
    return roots_v6_[high >> (64 - kRootBitsV6)];
  }
  const Word* PlaceOfFirstNode(Root root, uint64_t word) const {
    return &words_[root.first + static_cast<uint32_t>(word >> root.shift)];
  }
  const Word* FirstNode(Root root, uint64_t word) const {
    return &words_[*PlaceOfFirstNode(root, word)];
  }
  // The map, and the line after it: where an entry is, the map tells too late.
  static void PrefetchNode(const Word* node) {
    __builtin_prefetch(node);
    __builtin_prefetch(node + kLineWords);
  }
  const Word* ChildOf(Word entry) const { return &words_[entry ^ kChildBit]; }
  // The entry for addresses with the six bits `bits` at a node.
  static Word EntryAt(const Word* node, unsigned bits);
  // The value for an address whose walk has come to `node`.
  uint32_t Descend(const Word* node, uint64_t high, uint64_t low,
                   int depth) const;
  // REQUIRES, of the following: at most kMaxBatch addresses (prefix_index.cc),
  // as many values.
  void LookupChunk(std::span<const IpAddress> addresses,
                   std::span<uint32_t> values) const;
  // False, and nothing looked up, if one of them is not of IPv4.
  bool LookupChunkV4(std::span<const IpAddress> addresses,
                     std::span<uint32_t> values) const;

  Root root_v4_ = {};
  std::vector<Root> roots_v6_;
  UnfilledVector<Word> words_;
};

}  // namespace octroi
