// SPDX-License-Identifier: Apache-2.0
// The values of a MaxMind DB file's sections, checked before libmaxminddb sees
// them. Its version 1.7.1 skips nested maps and arrays by unbounded recursion,
// so what it decodes must be known to be shallow, short and inside the section.
//
// A check belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace octroi {

// What of a text in the file may be shown in logs, JSON and terminals: its
// first 256 bytes, in which '?' replaces control characters and whatever is not
// UTF-8.
std::string CleanMmdbText(std::string_view raw);

// Checks values of one section: that each is inside it, well-formed, at most
// kMaxDepth deep and of at most kMaxValues values, pointers followed; and that
// all checks together stay below kMaxTotalValues.
class MmdbValueCheck {
 public:
  static constexpr int kMaxDepth = 32;
  static constexpr uint32_t kMaxValues = 1024;
  static constexpr uint64_t kMaxTotalValues = uint64_t{1} << 28;

  // `section` must outlive the check.
  explicit MmdbValueCheck(std::string_view section) : section_(section) {}

  // Looks at the value at `offset` and at all that its pointers reach.
  absl::Status Check(size_t offset);

  // "a map of a, b, c", or the kind of value that stands at `offset`.
  // REQUIRES: Check(offset) is OK.
  std::string Describe(size_t offset) const;

 private:
  enum class Type : uint16_t {
    kExtended = 0,
    kPointer = 1,
    kString = 2,
    kDouble = 3,
    kBytes = 4,
    kUint16 = 5,
    kUint32 = 6,
    kMap = 7,
    kInt32 = 8,
    kUint64 = 9,
    kUint128 = 10,
    kArray = 11,
    kBoolean = 14,
    kFloat = 15,
  };

  // A control byte and what belongs to it. For a map or an array `next` is the
  // first element, for anything else what follows.
  struct Head {
    Type type = Type::kExtended;
    uint32_t size = 0;  // Bytes, or pairs of a map, or elements of an array.
    uint32_t pointer = 0;
    size_t content = 0;
    size_t next = 0;
  };

  uint8_t ByteAt(size_t offset) const {
    return static_cast<uint8_t>(section_[offset]);
  }
  // `count` bytes, big-endian; nothing beyond the end of the section.
  std::optional<uint32_t> ReadBigEndian(size_t offset, size_t count) const;
  std::optional<Head> ReadHead(size_t offset) const;
  std::optional<Head> ReadPointer(uint8_t control, size_t offset) const;
  // The value at `offset`, or that which the pointer there points to.
  std::optional<Head> ReadFollowing(size_t offset) const;
  // Of a value that is no map, array or pointer.
  static bool HasValidSize(const Head& head);
  // Moves `offset` beyond the value there.
  absl::Status Skip(size_t* offset, int depth);
  absl::Status SkipElements(const Head& head, size_t* offset, int depth);

  std::string_view section_;
  uint32_t value_count_ = 0;
  uint64_t total_count_ = 0;
};

}  // namespace octroi
