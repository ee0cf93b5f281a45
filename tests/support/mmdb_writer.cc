// SPDX-License-Identifier: Apache-2.0
#include "tests/support/mmdb_writer.h"

#include <cassert>

namespace octroi::testing {
namespace {

enum Type {
  kExtended = 0,
  kPointer = 1,
  kString = 2,
  kUint16 = 5,
  kUint32 = 6,
  kMap = 7,
  kUint64 = 9,
  kArray = 11,
};

std::string BigEndian(uint64_t value, size_t byte_count) {
  std::string bytes(byte_count, '\0');
  for (size_t i = 0; i < byte_count; ++i) {
    bytes[byte_count - 1 - i] = static_cast<char>(value >> (8 * i));
  }
  return bytes;
}

// The control byte, the extended type and the size.
std::string Head(Type type, size_t size) {
  const int control_type = type > kMap ? kExtended : type;
  size_t short_size = size;
  std::string size_bytes;
  if (size >= 65821) {
    short_size = 31;
    size_bytes = BigEndian(size - 65821, 3);
  } else if (size >= 285) {
    short_size = 30;
    size_bytes = BigEndian(size - 285, 2);
  } else if (size >= 29) {
    short_size = 29;
    size_bytes = BigEndian(size - 29, 1);
  }
  std::string head(1, static_cast<char>(control_type << 5 | short_size));
  if (type > kMap) head += static_cast<char>(type - kMap);
  return head + size_bytes;
}

std::string Integer(Type type, uint64_t value) {
  size_t byte_count = 0;
  while (byte_count < 8 && value >> (8 * byte_count) != 0) ++byte_count;
  return Head(type, byte_count) + BigEndian(value, byte_count);
}

}  // namespace

std::string MmdbString(std::string_view text) {
  return Head(kString, text.size()) + std::string(text);
}

std::string MmdbUint16(uint16_t value) { return Integer(kUint16, value); }
std::string MmdbUint32(uint32_t value) { return Integer(kUint32, value); }
std::string MmdbUint64(uint64_t value) { return Integer(kUint64, value); }

std::string MmdbPointer(uint32_t offset) {
  constexpr int kFourBytes = 3 << 3;
  return static_cast<char>(kPointer << 5 | kFourBytes) + BigEndian(offset, 4);
}

std::string MmdbMap(
    const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string map = Head(kMap, fields.size());
  for (const auto& [key, value] : fields) map += MmdbString(key) + value;
  return map;
}

std::string MmdbArray(const std::vector<std::string>& values) {
  std::string array = Head(kArray, values.size());
  for (const std::string& value : values) array += value;
  return array;
}

std::string MmdbFlatCountry(std::string_view code) {
  return MmdbMap({{"country_code", MmdbString(code)}});
}

std::string MmdbNestedCountry(std::string_view code,
                              std::string_view registered_code) {
  return MmdbMap({{"continent", MmdbMap({{"code", MmdbString("EU")}})},
                  {"country", MmdbMap({{"geoname_id", MmdbUint32(3017382)},
                                       {"iso_code", MmdbString(code)}})},
                  {"registered_country",
                   MmdbMap({{"iso_code", MmdbString(registered_code)}})}});
}

std::string MmdbAsnRecord(uint32_t asn, std::string_view organization) {
  return MmdbMap(
      {{"autonomous_system_number", MmdbUint32(asn)},
       {"autonomous_system_organization", MmdbString(organization)}});
}

void MmdbImage::SetRecord(uint32_t node, int side, uint32_t record) {
  assert(record_size == 24 || record_size == 32);
  const size_t size = record_size / 8;
  bytes.replace((2 * node + side) * size, size, BigEndian(record, size));
}

MmdbWriter::MmdbWriter(Options options)
    : options_(std::move(options)), nodes_(1) {}

// Makes the nodes down to `prefix`. A record that is met on the way is given to
// both halves of what it stood for.
MmdbWriter::Branch* MmdbWriter::BranchAt(const IpPrefix& prefix) {
  const bool is_v4_tree = options_.ip_version == 4;
  const int tree_depth = is_v4_tree ? 32 : 128;
  const bool is_below_96 =
      !is_v4_tree && prefix.family() == AddressFamily::kIpv4;
  const int length = prefix.length() + (is_below_96 ? 96 : 0);
  assert(length > 0 && length <= tree_depth);

  Branch* branch = nullptr;
  size_t node = 0;
  for (int depth = 0; depth < length; ++depth) {
    if (depth > 0) {
      if (branch->kind != Branch::Kind::kNode) {
        const Branch old = *branch;
        *branch = {Branch::Kind::kNode, nodes_.size()};
        node = nodes_.size();
        nodes_.push_back({old, old});
      } else {
        node = branch->index;
      }
    }
    const int bit =
        static_cast<int>(prefix.first() >> (tree_depth - 1 - depth)) & 1;
    branch = &nodes_[node][bit];
  }
  return branch;
}

MmdbWriter& MmdbWriter::Insert(const IpPrefix& prefix,
                               const std::string& record) {
  const auto [entry, is_new] =
      record_offsets_.try_emplace(record, data_.size());
  if (is_new) data_ += record;
  *BranchAt(prefix) = {Branch::Kind::kRecord, entry->second};
  return *this;
}

MmdbWriter& MmdbWriter::Insert(std::string_view prefix,
                               const std::string& record) {
  return Insert(IpPrefix::Parse(prefix).value(), record);
}

MmdbWriter& MmdbWriter::AliasIpv4(std::string_view prefix) {
  const Branch ipv4 = *BranchAt(IpPrefix::Parse("::/96").value());
  assert(ipv4.kind == Branch::Kind::kNode);
  *BranchAt(IpPrefix::Parse(prefix).value()) = ipv4;
  return *this;
}

MmdbWriter& MmdbWriter::SetMetadata(std::string_view key,
                                    std::string encoded_value) {
  metadata_overrides_[std::string(key)] = std::move(encoded_value);
  return *this;
}

std::string MmdbWriter::Metadata() const {
  std::map<std::string, std::string> fields = {
      {"binary_format_major_version", MmdbUint16(2)},
      {"binary_format_minor_version", MmdbUint16(0)},
      {"build_epoch", MmdbUint64(options_.build_epoch)},
      {"database_type", MmdbString(options_.database_type)},
      {"description", MmdbMap({{"en", MmdbString(options_.description)}})},
      {"ip_version", MmdbUint16(options_.ip_version)},
      {"languages", MmdbArray({MmdbString("en")})},
      {"node_count", MmdbUint32(static_cast<uint32_t>(nodes_.size()))},
      {"record_size", MmdbUint16(options_.record_size)}};
  for (const auto& [key, value] : metadata_overrides_) {
    fields[key] = value;
    if (value.empty()) fields.erase(key);
  }
  return MmdbMap({fields.begin(), fields.end()});
}

MmdbImage MmdbWriter::Build() const {
  MmdbImage image;
  image.node_count = static_cast<uint32_t>(nodes_.size());
  image.record_size = options_.record_size;
  const auto record_of = [&](const Branch& branch) -> uint64_t {
    switch (branch.kind) {
      case Branch::Kind::kNode:
        return branch.index;
      case Branch::Kind::kRecord:
        return image.DataRecord(static_cast<uint32_t>(branch.index));
      default:
        return nodes_.size();
    }
  };
  for (const Node& node : nodes_) {
    const uint64_t left = record_of(node[0]);
    const uint64_t right = record_of(node[1]);
    if (options_.record_size == 28) {
      // The middle byte holds the upper four bits of both.
      image.bytes += BigEndian(left & 0xffffff, 3) +
                     BigEndian((left >> 24) << 4 | right >> 24, 1) +
                     BigEndian(right & 0xffffff, 3);
    } else {
      image.bytes += BigEndian(left, options_.record_size / 8) +
                     BigEndian(right, options_.record_size / 8);
    }
  }
  image.bytes += std::string(16, '\0');
  image.data_offset = image.bytes.size();
  image.bytes += data_;
  image.metadata_offset = image.bytes.size();
  image.bytes += "\xab\xcd\xefMaxMind.com" + Metadata();
  return image;
}

}  // namespace octroi::testing
