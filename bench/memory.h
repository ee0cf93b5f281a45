// SPDX-License-Identifier: Apache-2.0
// Memory for a benchmark: taken from the kernel at once, in huge pages where
// there are any, and touched before a clock starts. A first touch costs more
// than what is measured. Thread safety: one thread.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

namespace octroi::bench {

// Zeroed memory for `count` objects that need no destructor.
template <typename T>
class Prefaulted {
 public:
  explicit Prefaulted(size_t count)
      : count_(count), bytes_((count * sizeof(T) + kHuge) & ~(kHuge - 1)) {
    void* place = std::aligned_alloc(kHuge, bytes_);
    if (place == nullptr) std::abort();
    madvise(place, bytes_, MADV_HUGEPAGE);
    std::memset(place, 0, bytes_);
    data_ = static_cast<T*>(place);
  }
  ~Prefaulted() { std::free(data_); }
  Prefaulted(const Prefaulted&) = delete;
  Prefaulted& operator=(const Prefaulted&) = delete;

  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return count_; }

 private:
  static constexpr size_t kHuge = size_t{2} << 20;

  size_t count_;
  size_t bytes_;
  T* data_;
};

}  // namespace octroi::bench
