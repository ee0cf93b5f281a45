// SPDX-License-Identifier: Apache-2.0
// A fixed array of zeroed memory from the kernel: in huge pages where it has
// them, since a table that traffic chooses the places of misses the TLB at
// every packet otherwise. Parts that are no longer needed can be given back
// while the rest is read. Thread safety: as a plain array.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace octroi {

// `bytes` of zeroed memory, or null if there is none; 0 bytes are null.
// `is_prefaulted`: the kernel gives all of it now, and not where it is first
// touched.
void* TakePages(size_t bytes, bool is_prefaulted);
void ReturnPages(void* pages, size_t bytes);
// Gives the memory of whole pages within the first `bytes` back. What is read
// there is zero from then on.
void DropPages(void* pages, size_t bytes);

template <typename T>
class HugeArray {
 public:
  static_assert(std::is_trivially_copyable_v<T>);

  HugeArray() = default;
  // is_empty() if there is no memory. All bytes are zero: T must be valid so.
  explicit HugeArray(size_t count, bool is_prefaulted = false)
      : data_(static_cast<T*>(TakePages(count * sizeof(T), is_prefaulted))),
        count_(data_ == nullptr ? 0 : count) {}
  ~HugeArray() { ReturnPages(data_, count_ * sizeof(T)); }
  HugeArray(HugeArray&& other) noexcept { *this = std::move(other); }
  HugeArray& operator=(HugeArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }

  bool is_empty() const { return count_ == 0; }
  size_t size() const { return count_; }
  T* data() { return data_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  // Elements below `count` will not be read again.
  void DropFirst(size_t count) { DropPages(data_, count * sizeof(T)); }

 private:
  T* data_ = nullptr;
  size_t count_ = 0;
};

}  // namespace octroi
