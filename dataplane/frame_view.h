// SPDX-License-Identifier: Apache-2.0
// The part of a frame that decode has not walked yet: the bytes that were
// captured and the length that was on the wire. Every byte that decode reads
// is read through this type. A plain value that borrows the frame; any thread.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace octroi {

// Callers ask Has first: what a frame holds is never an error of the program.
// The readers assert that it was asked, which costs nothing where the compiler
// sees the question.
class FrameView {
 public:
  FrameView() = default;
  // The captured bytes never outnumber those on the wire: a source that says
  // otherwise is taken by the bytes it has.
  FrameView(const uint8_t* data, uint32_t captured_octets, uint32_t wire_octets)
      : data_(data),
        captured_octets_(captured_octets),
        wire_octets_(std::max(captured_octets, wire_octets)) {}

  uint32_t captured_octets() const { return captured_octets_; }
  uint32_t wire_octets() const { return wire_octets_; }
  // Whether `count` bytes can be read.
  bool Has(size_t count) const { return captured_octets_ >= count; }

  // Unsigned integers in network byte order, `at` bytes from here.
  // REQUIRES: Has(at + the size of the integer).
  uint8_t U8(size_t at) const {
    assert(Has(at + 1));
    return data_[at];
  }
  uint16_t U16(size_t at) const {
    return __builtin_bswap16(Load<uint16_t>(at));
  }
  uint32_t U32(size_t at) const {
    return __builtin_bswap32(Load<uint32_t>(at));
  }
  uint64_t U64(size_t at) const {
    return __builtin_bswap64(Load<uint64_t>(at));
  }
  // The same in the little-endian order of 802.11 and radiotap.
  uint16_t LittleU16(size_t at) const { return Load<uint16_t>(at); }
  uint32_t LittleU32(size_t at) const { return Load<uint32_t>(at); }

  // REQUIRES: Has(at + count).
  const uint8_t* Bytes(size_t at, size_t count) const {
    assert(Has(at + count));
    return data_ + at;
  }

  // Leaves out the first `count` octets; all of them if there are fewer.
  void Skip(uint32_t count) {
    const uint32_t captured = std::min(count, captured_octets_);
    data_ += captured;
    captured_octets_ -= captured;
    wire_octets_ -= std::min(count, wire_octets_);
  }

  // Leaves out what follows the first `count` octets: padding, a check
  // sequence, the frame around a payload that states its length.
  void Limit(uint32_t count) {
    wire_octets_ = std::min(count, wire_octets_);
    captured_octets_ = std::min(count, captured_octets_);
  }

  // Leaves nothing: the bytes that follow cannot be told.
  void Clear() { Limit(0); }

 private:
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

  template <typename T>
  T Load(size_t at) const {
    assert(Has(at + sizeof(T)));
    T value;
    std::memcpy(&value, data_ + at, sizeof(value));
    return value;
  }

  const uint8_t* data_ = nullptr;
  uint32_t captured_octets_ = 0;
  uint32_t wire_octets_ = 0;
};

}  // namespace octroi
