// SPDX-License-Identifier: Apache-2.0
// What the readers of both capture formats need: integers in a file's byte
// order, and times as wide as a file can write them. Internal to the capture
// readers. Plain values: any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "dataplane/limits.h"
#include "fmt/format.h"

namespace octroi {

// Times are computed wider than either format can write them, then clamped.
__extension__ typedef __int128 WideInt;

inline constexpr uint64_t kNsPerSecond = 1'000'000'000;

inline int64_t ClampTimestamp(WideInt ns) {
  return static_cast<int64_t>(
      std::clamp<WideInt>(ns, 0, WideInt{kMaxTimestampNs}));
}

// Integers in the byte order of a file or of a section of it.
class FileByteOrder {
 public:
  explicit FileByteOrder(bool is_swapped = false) : is_swapped_(is_swapped) {}

  uint16_t Read16(const uint8_t* from) const {
    uint16_t value = 0;
    std::memcpy(&value, from, sizeof(value));
    return is_swapped_ ? __builtin_bswap16(value) : value;
  }
  uint32_t Read32(const uint8_t* from) const {
    uint32_t value = 0;
    std::memcpy(&value, from, sizeof(value));
    return is_swapped_ ? __builtin_bswap32(value) : value;
  }
  uint64_t Read64(const uint8_t* from) const {
    uint64_t value = 0;
    std::memcpy(&value, from, sizeof(value));
    return is_swapped_ ? __builtin_bswap64(value) : value;
  }
  // The two halves of a pcapng time: the upper one stands first in either
  // order (draft-ietf-opsawg-pcapng section 4.3).
  uint64_t ReadTicks(const uint8_t* from) const {
    return uint64_t{Read32(from)} << 32 | Read32(from + 4);
  }

 private:
  bool is_swapped_;
};

// "0a 0d 0d 0a", of at most eight bytes.
inline std::string HexOf(std::span<const uint8_t> bytes) {
  std::string text;
  for (const uint8_t byte : bytes.first(std::min<size_t>(bytes.size(), 8))) {
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", byte);
  }
  return text;
}

}  // namespace octroi
