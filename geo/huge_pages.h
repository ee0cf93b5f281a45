// SPDX-License-Identifier: Apache-2.0
// An allocator for big arrays: memory in huge pages where the kernel has them.
// A table that traffic chooses the places of misses the TLB at every look-up
// otherwise, and an array that is filled once and dropped costs a page fault
// for every 4 KiB. A big array gets whole huge pages, so that this holds of its
// end as well. Small arrays are allocated as any other. Thread safety: as
// std::allocator.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace octroi {

template <typename T>
struct HugePageAllocator {
  using value_type = T;

  HugePageAllocator() = default;
  template <typename Other>
  explicit(false) HugePageAllocator(const HugePageAllocator<Other>& /*other*/) {
  }

  T* allocate(size_t count) {
    const size_t bytes = TakenBytes(count);
    void* const place = ::operator new(bytes, AlignmentOf(bytes));
    // Advice: where it is not taken, the table is only slower.
    if (bytes >= kHugePageBytes) ::madvise(place, bytes, MADV_HUGEPAGE);
    return static_cast<T*>(place);
  }
  void deallocate(T* place, size_t count) {
    ::operator delete(place, AlignmentOf(TakenBytes(count)));
  }

  friend bool operator==(const HugePageAllocator&,
                         const HugePageAllocator&) = default;

 private:
  static constexpr size_t kHugePageBytes = size_t{2} << 20;

  // Whole huge pages, unless there is too little for one.
  static size_t TakenBytes(size_t count) {
    const size_t bytes = count * sizeof(T);
    if (bytes < kHugePageBytes / 2) return bytes;
    return (bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  }
  static std::align_val_t AlignmentOf(size_t bytes) {
    static_assert(alignof(T) <= kHugePageBytes);
    constexpr size_t kLeast = std::max(alignof(T), alignof(std::max_align_t));
    return std::align_val_t(bytes >= kHugePageBytes ? kHugePageBytes : kLeast);
  }
};

template <typename T>
using HugePageVector = std::vector<T, HugePageAllocator<T>>;

// The same, but what resize() adds is left as the memory is: for an array that
// is sized for the most that it may hold, written, and cut to what it holds.
template <typename T>
struct UnfilledAllocator : HugePageAllocator<T> {
  template <typename Other>
  struct rebind {
    using other = UnfilledAllocator<Other>;
  };

  UnfilledAllocator() = default;
  template <typename Other>
  explicit(false) UnfilledAllocator(const UnfilledAllocator<Other>& /*other*/) {
  }

  // Of no arguments only; with any, std::allocator_traits constructs.
  void construct(T* place) { ::new (static_cast<void*>(place)) T; }
};
template <typename T>
using UnfilledVector = std::vector<T, UnfilledAllocator<T>>;

// Bytes that are not touched before they are written: a vector would fill them
// with zeros first. Aligned as malloc aligns, or better.
struct HugePageDeleter {
  size_t size = 0;
  void operator()(char* block) const {
    HugePageAllocator<char>().deallocate(block, size);
  }
};
using HugePageBlock = std::unique_ptr<char, HugePageDeleter>;
inline HugePageBlock AllocateHugePages(size_t bytes) {
  return {HugePageAllocator<char>().allocate(bytes), HugePageDeleter{bytes}};
}

}  // namespace octroi
