// SPDX-License-Identifier: Apache-2.0
// A group of the flow table: one byte of hash for each of 15 places, looked at
// together, and how many keys went past it. 16 bytes, so that the tags of a
// million flows stay near the core while their records do not.
//
// The 15 bytes are compared at once with SSE2, which every x86-64 has. A plain
// value; any thread.
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace octroi {

// Places of a group: bit i is set for place i.
class PlaceSet {
 public:
  explicit PlaceSet(uint32_t bits) : bits_(bits) {}

  bool is_empty() const { return bits_ == 0; }
  // REQUIRES: !is_empty().
  uint32_t First() const {
    return static_cast<uint32_t>(std::countr_zero(bits_));
  }
  void RemoveFirst() { bits_ &= bits_ - 1; }

 private:
  uint32_t bits_;
};

struct alignas(16) TagGroup {
  static constexpr uint32_t kPlaces = 15;
  // Values that are no tag: a place without a record, and one whose record has
  // ended and is still read.
  static constexpr uint8_t kFree = 0;
  static constexpr uint8_t kEnded = 1;
  // No longer counted exactly: look-ups pass this group for good.
  static constexpr uint8_t kManyPassed = UINT8_MAX;

  uint8_t tags[kPlaces];
  // Keys whose home is this group or one before it, and that stand in a later
  // one.
  uint8_t passed_count;

  // The places whose tag is `tag`.
  PlaceSet Match(uint8_t tag) const {
    constexpr uint32_t kWithoutCount = (1u << kPlaces) - 1;
    const __m128i bytes =
        _mm_load_si128(reinterpret_cast<const __m128i*>(this));
    const __m128i equal =
        _mm_cmpeq_epi8(bytes, _mm_set1_epi8(static_cast<char>(tag)));
    return PlaceSet(static_cast<uint32_t>(_mm_movemask_epi8(equal)) &
                    kWithoutCount);
  }

  // The places that have a record which has not ended.
  PlaceSet Open() const {
    static_assert(kFree == 0 && kEnded == 1);
    constexpr uint32_t kWithoutCount = (1u << kPlaces) - 1;
    const __m128i bytes =
        _mm_load_si128(reinterpret_cast<const __m128i*>(this));
    const __m128i no_tag =
        _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(kEnded)), bytes);
    return PlaceSet(~static_cast<uint32_t>(_mm_movemask_epi8(no_tag)) &
                    kWithoutCount);
  }

  void Pass() { passed_count += passed_count == kManyPassed ? 0 : 1; }
  void UndoPass() { passed_count -= passed_count == kManyPassed ? 0 : 1; }
};
static_assert(sizeof(TagGroup) == 16);

}  // namespace octroi
