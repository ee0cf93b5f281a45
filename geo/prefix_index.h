// SPDX-License-Identifier: Apache-2.0
// The longest-prefix index: from an address to a 31-bit value. The input is
// already flat (an ordered partition of each family's address space, see
// IntervalMap), so that a look-up never compares prefixes. It walks a trie of
// stride 16, then 8, 8, ... in which every step costs one cache line: a node
// keeps only the points where the value changes, in a 256-bit map, and finds
// the slot by counting bits; a span with few changes is a bucket, a sorted list
// that ends the walk at once, however long its prefixes are.
//
// Immutable after Build; any thread. Look-ups do not allocate and cannot fail.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

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
  std::vector<Run> runs;

  // The value at `address`, by binary search. Control path.
  uint32_t At(Number address) const;
};
using IntervalMapV4 = IntervalMap<uint32_t>;
using IntervalMapV6 = IntervalMap<Uint128>;

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
  template <typename Number>
  class Builder;

  // What a slot holds: a value, or kChildBit with a line's index and kind.
  using Entry = uint32_t;
  static constexpr Entry kChildBit = 1u << 31;
  static constexpr Entry kBucketBit = 1;

  static constexpr size_t kRootSize = 1u << 16;
  static constexpr size_t kInlineSlots = 6;
  static constexpr size_t kBucketRuns = 6;

  // The 256 spans of one byte of the address. Bit b of `changes` is set where
  // the entry of byte b differs from that of b - 1, and bit 0 always. The first
  // slots stand in the node, so that a sparse one costs no second miss.
  struct Node {
    std::array<uint64_t, 4> changes;
    std::array<uint8_t, 4> counts;  // Bits set in the words before this one.
    uint32_t overflow;              // In slots_, of slot kInlineSlots.
    std::array<Entry, kInlineSlots> slots;
  };
  // Runs by the upper 64 bits of their first address (an IPv4 address fills the
  // uppermost 32). values[0] holds before starts[0], values[i + 1] from
  // starts[i]; unused places repeat the last run.
  struct Bucket {
    std::array<uint64_t, kBucketRuns - 1> starts;
    std::array<uint32_t, kBucketRuns> values;
  };
  union alignas(64) Line {
    Node node;
    Bucket bucket;
  };
  static_assert(sizeof(Line) == 64);

  // Where the entry for addresses with `byte` stands.
  const Entry* SlotOf(const Node& node, uint8_t byte) const;
  const Line& LineOf(Entry entry) const {
    return lines_[(entry ^ kChildBit) >> 1];
  }
  static uint32_t ValueIn(const Bucket& bucket, uint64_t high);
  uint32_t Descend(Entry entry, uint64_t high, uint64_t low) const;
  // REQUIRES: at most kMaxBatch addresses (prefix_index.cc), as many values.
  void LookupChunk(std::span<const IpAddress> addresses,
                   std::span<uint32_t> values) const;

  std::vector<Entry> root_v4_;
  std::vector<Entry> root_v6_;
  std::vector<Line> lines_;
  std::vector<Entry> slots_;
};

}  // namespace octroi
