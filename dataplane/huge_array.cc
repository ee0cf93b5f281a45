// SPDX-License-Identifier: Apache-2.0
#include "dataplane/huge_array.h"

#include <sys/mman.h>

#include <cstdint>

namespace octroi {
namespace {

constexpr size_t kHugePageBytes = size_t{2} << 20;
constexpr size_t kSmallestPageBytes = 4096;

uintptr_t RoundUp(uintptr_t value) {
  return (value + kHugePageBytes - 1) & ~(kHugePageBytes - 1);
}

// What is taken of the kernel for an array: whole huge pages, unless it is too
// small for one.
size_t TakenBytes(size_t bytes) {
  return bytes < kHugePageBytes / 2 ? bytes : RoundUp(bytes);
}

void* Map(size_t bytes) {
  void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : pages;
}

// Mapped from a multiple of the page size on, which not every kernel gives by
// itself.
void* MapHuge(size_t bytes) {
  void* pages = Map(bytes + kHugePageBytes);
  if (pages == nullptr) return nullptr;
  const auto begin = reinterpret_cast<uintptr_t>(pages);
  const uintptr_t aligned = RoundUp(begin);
  const size_t before = aligned - begin;
  const size_t after = kHugePageBytes - before;
  if (before > 0) ::munmap(pages, before);
  if (after > 0) ::munmap(reinterpret_cast<void*>(aligned + bytes), after);
  pages = reinterpret_cast<void*>(aligned);
  // Advice: where it is not taken, the array is only slower.
  ::madvise(pages, bytes, MADV_HUGEPAGE);
  return pages;
}

}  // namespace

void* TakePages(size_t bytes, bool is_prefaulted) {
  if (bytes == 0 || bytes > SIZE_MAX / 2) return nullptr;
  const size_t taken = TakenBytes(bytes);
  void* pages = taken < kHugePageBytes ? Map(taken) : MapHuge(taken);
  if (pages == nullptr || !is_prefaulted) return pages;
  auto* byte = static_cast<volatile char*>(pages);
  for (size_t at = 0; at < taken; at += kSmallestPageBytes) byte[at] = 0;
  return pages;
}

void ReturnPages(void* pages, size_t bytes) {
  if (pages != nullptr) ::munmap(pages, TakenBytes(bytes));
}

// Whole huge pages only, so that none is split.
void DropPages(void* pages, size_t bytes) {
  const auto begin = reinterpret_cast<uintptr_t>(pages);
  const uintptr_t from = RoundUp(begin);
  const uintptr_t to = (begin + bytes) & ~(kHugePageBytes - 1);
  if (to <= from) return;
  ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
}

}  // namespace octroi
