// SPDX-License-Identifier: Apache-2.0
#include "dataplane/huge_array.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace octroi {
namespace {

constexpr size_t kHugePageBytes = size_t{2} << 20;

}  // namespace

void* TakePages(size_t bytes) {
  if (bytes == 0) return nullptr;
  void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
  // Advice: where it is not taken, the array is only slower.
  if (bytes >= kHugePageBytes) ::madvise(pages, bytes, MADV_HUGEPAGE);
  return pages;
}

void ReturnPages(void* pages, size_t bytes) {
  if (pages != nullptr) ::munmap(pages, bytes);
}

// Whole huge pages only, so that none is split.
void DropPages(void* pages, size_t bytes) {
  const auto begin = reinterpret_cast<uintptr_t>(pages);
  const uintptr_t from = (begin + kHugePageBytes - 1) & ~(kHugePageBytes - 1);
  const uintptr_t to = (begin + bytes) & ~(kHugePageBytes - 1);
  if (to <= from) return;
  ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
}

}  // namespace octroi
