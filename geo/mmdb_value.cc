// SPDX-License-Identifier: Apache-2.0
#include "geo/mmdb_value.h"

#include <algorithm>
#include <array>

#include "fmt/format.h"

namespace octroi {
namespace {

constexpr size_t kMaxTextBytes = 256;

// The length of the UTF-8 character (RFC 3629 §4) that `text` begins with; 0 if
// there is none, or if it is a control character.
size_t CharacterLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  uint32_t code_point = lead & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code_point = code_point << 6 | (byte(i) & 0x3f);
  }
  if (length == 2) return code_point >= 0xa0 ? 2 : 0;  // C1 controls.
  if (length == 3) {
    const bool is_surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    return code_point >= 0x800 && !is_surrogate ? 3 : 0;
  }
  return code_point >= 0x10000 && code_point <= 0x10ffff ? 4 : 0;
}

}  // namespace

std::string CleanMmdbText(std::string_view raw) {
  if (raw.size() > kMaxTextBytes) {
    size_t end = kMaxTextBytes;
    while (end > 0 && (raw[end] & 0xc0) == 0x80) --end;
    raw = raw.substr(0, end);
  }
  std::string text;
  text.reserve(raw.size());
  while (!raw.empty()) {
    const size_t length = CharacterLength(raw);
    if (length == 0) {
      text += '?';
    } else {
      text += raw.substr(0, length);
    }
    raw.remove_prefix(std::max<size_t>(length, 1));
  }
  return text;
}

absl::Status MmdbValueCheck::Check(size_t offset) {
  value_count_ = 0;
  const absl::Status status = Skip(&offset, /*depth=*/0);
  total_count_ += value_count_;
  if (status.ok() && total_count_ > kMaxTotalValues) {
    return absl::ResourceExhaustedError(
        fmt::format("its records have more than {} values", kMaxTotalValues));
  }
  return status;
}

std::optional<uint32_t> MmdbValueCheck::ReadBigEndian(size_t offset,
                                                      size_t count) const {
  if (offset > section_.size() || section_.size() - offset < count) {
    return std::nullopt;
  }
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | ByteAt(offset + i);
  return value;
}

std::optional<MmdbValueCheck::Head> MmdbValueCheck::ReadPointer(
    uint8_t control, size_t offset) const {
  constexpr std::array<uint32_t, 4> kBases = {0, 2048, 526336, 0};
  const size_t byte_count = ((control >> 3) & 3) + 1;
  const std::optional<uint32_t> low = ReadBigEndian(offset, byte_count);
  if (!low) return std::nullopt;
  Head head = {.type = Type::kPointer};
  head.pointer = *low + kBases[byte_count - 1];
  if (byte_count < 4) {
    head.pointer += static_cast<uint32_t>(control & 7) << (8 * byte_count);
  }
  head.next = offset + byte_count;
  return head;
}

std::optional<MmdbValueCheck::Head> MmdbValueCheck::ReadHead(
    size_t offset) const {
  const std::optional<uint32_t> control = ReadBigEndian(offset++, 1);
  if (!control) return std::nullopt;
  Head head = {.type = static_cast<Type>(*control >> 5)};
  if (head.type == Type::kPointer) {
    return ReadPointer(static_cast<uint8_t>(*control), offset);
  }
  if (head.type == Type::kExtended) {
    const std::optional<uint32_t> extended = ReadBigEndian(offset++, 1);
    if (!extended) return std::nullopt;
    head.type = static_cast<Type>(*extended + 7);
  }

  constexpr std::array<uint32_t, 3> kSizeBases = {29, 285, 65821};
  head.size = *control & 31;
  if (head.size >= 29) {
    const size_t byte_count = head.size - 28;
    const std::optional<uint32_t> more = ReadBigEndian(offset, byte_count);
    if (!more) return std::nullopt;
    head.size = kSizeBases[byte_count - 1] + *more;
    offset += byte_count;
  }
  head.content = offset;
  head.next = offset;
  if (head.type == Type::kMap || head.type == Type::kArray ||
      head.type == Type::kBoolean) {
    return head;
  }
  if (section_.size() - offset < head.size) return std::nullopt;
  head.next += head.size;
  return head;
}

std::optional<MmdbValueCheck::Head> MmdbValueCheck::ReadFollowing(
    size_t offset) const {
  const std::optional<Head> head = ReadHead(offset);
  if (!head || head->type != Type::kPointer) return head;
  return ReadHead(head->pointer);
}

bool MmdbValueCheck::HasValidSize(const Head& head) {
  switch (head.type) {
    case Type::kString:
    case Type::kBytes:
    case Type::kBoolean:
      return true;
    case Type::kDouble:
      return head.size == 8;
    case Type::kFloat:
      return head.size == 4;
    case Type::kUint16:
      return head.size <= 2;
    case Type::kUint32:
    case Type::kInt32:
      return head.size <= 4;
    case Type::kUint64:
      return head.size <= 8;
    case Type::kUint128:
      return head.size <= 16;
    default:
      return false;
  }
}

absl::Status MmdbValueCheck::Skip(size_t* offset, int depth) {
  if (depth > kMaxDepth || ++value_count_ > kMaxValues) {
    return absl::InvalidArgumentError(
        fmt::format("a record nests deeper than {} or has more than {} values",
                    kMaxDepth, kMaxValues));
  }
  const std::optional<Head> head = ReadHead(*offset);
  if (!head) {
    return absl::InvalidArgumentError(fmt::format(
        "the value at byte {} {} the section of {} bytes", *offset,
        *offset < section_.size() ? "is cut off by the end of" : "is outside",
        section_.size()));
  }
  const size_t begin = *offset;
  *offset = head->next;
  switch (head->type) {
    case Type::kMap:
    case Type::kArray:
      return SkipElements(*head, offset, depth);
    case Type::kPointer: {
      size_t target = head->pointer;
      const std::optional<Head> value = ReadHead(target);
      if (value && value->type != Type::kPointer) {
        return Skip(&target, depth + 1);
      }
      return absl::InvalidArgumentError(
          fmt::format("the pointer at byte {} leads to no value", begin));
    }
    default:
      if (HasValidSize(*head)) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("the value at byte {} has type {} and {} bytes", begin,
                  static_cast<int>(head->type), head->size));
}

absl::Status MmdbValueCheck::SkipElements(const Head& head, size_t* offset,
                                          int depth) {
  const bool is_map = head.type == Type::kMap;
  for (uint32_t i = 0; i < head.size; ++i) {
    if (is_map) {
      const std::optional<Head> key = ReadFollowing(*offset);
      if (key && key->type != Type::kString) {
        return absl::InvalidArgumentError(
            fmt::format("the map key at byte {} is not a string", *offset));
      }
      const absl::Status status = Skip(offset, depth + 1);
      if (!status.ok()) return status;
    }
    const absl::Status status = Skip(offset, depth + 1);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::string MmdbValueCheck::Describe(size_t offset) const {
  constexpr uint32_t kShownKeys = 6;
  const std::optional<Head> map = ReadFollowing(offset);
  if (!map || map->type != Type::kMap) return "not a map";
  if (map->size == 0) return "an empty map";
  std::string keys;
  size_t at = map->next;
  MmdbValueCheck skipper(section_);
  for (uint32_t i = 0; i < std::min(map->size, kShownKeys); ++i) {
    const std::optional<Head> key = ReadFollowing(at);
    if (!key) break;
    keys += i == 0 ? "" : ", ";
    keys += CleanMmdbText(section_.substr(key->content, key->size));
    if (!skipper.Skip(&at, 0).ok() || !skipper.Skip(&at, 0).ok()) break;
  }
  return fmt::format("a map of {}{}", keys,
                     map->size > kShownKeys ? ", ..." : "");
}

}  // namespace octroi
