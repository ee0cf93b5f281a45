// SPDX-License-Identifier: Apache-2.0
// Writes small MaxMind DB files for tests: valid ones of any record size and
// address family, and, by patching the result, deliberately broken ones.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "geo/ip_prefix.h"

namespace octroi::testing {

// Values, encoded as in the file's data section. An encoded value is a plain
// string of bytes, so that a test may also write one by hand.
std::string MmdbString(std::string_view text);
std::string MmdbUint16(uint16_t value);
std::string MmdbUint32(uint32_t value);
std::string MmdbUint64(uint64_t value);
// A pointer to a byte of the data section.
std::string MmdbPointer(uint32_t offset);
// A map of (key, encoded value), in the given order.
std::string MmdbMap(
    const std::vector<std::pair<std::string, std::string>>& fields);
std::string MmdbArray(const std::vector<std::string>& values);

// The two shapes of country records: country_code, and country.iso_code.
std::string MmdbFlatCountry(std::string_view code);
std::string MmdbNestedCountry(std::string_view code,
                              std::string_view registered_code);
// autonomous_system_number and autonomous_system_organization.
std::string MmdbAsnRecord(uint32_t asn, std::string_view organization);

// A finished file, and where its parts are.
struct MmdbImage {
  std::string bytes;
  uint32_t node_count = 0;
  uint16_t record_size = 0;  // Bits.
  size_t data_offset = 0;
  size_t metadata_offset = 0;  // Of the marker.

  // Makes the zero (side 0) or one (side 1) branch of `node` lead to `record`:
  // a node's number, node_count for nothing, or a data pointer.
  // REQUIRES: record_size is 24 or 32.
  void SetRecord(uint32_t node, int side, uint32_t record);
  // The record that leads to a byte of the data section.
  uint32_t DataRecord(uint32_t offset) const {
    return node_count + 16 + offset;
  }
};

class MmdbWriter {
 public:
  struct Options {
    uint16_t ip_version = 6;
    uint16_t record_size = 24;
    std::string database_type = "Test-Country";
    std::string description = "a test database";
    uint64_t build_epoch = 1767225600;  // 2026-01-01T00:00:00Z
  };

  MmdbWriter() : MmdbWriter(Options()) {}
  explicit MmdbWriter(Options options);

  // Gives `prefix` the encoded record; later calls overwrite earlier ones. IPv4
  // prefixes go below ::/96 of an IPv6 tree. Equal records are stored once.
  MmdbWriter& Insert(const IpPrefix& prefix, const std::string& record);
  MmdbWriter& Insert(std::string_view prefix, const std::string& record);
  // Makes an IPv6 prefix lead to the root of the IPv4 tree.
  // REQUIRES: there are IPv4 prefixes of more than one record.
  MmdbWriter& AliasIpv4(std::string_view prefix);
  // Replaces a field of the metadata, or removes it if the value is "".
  MmdbWriter& SetMetadata(std::string_view key, std::string encoded_value);

  MmdbImage Build() const;
  std::string BuildBytes() const { return Build().bytes; }

 private:
  // A branch: a node, nothing, or a record.
  struct Branch {
    enum class Kind { kEmpty, kNode, kRecord };
    Kind kind = Kind::kEmpty;
    size_t index = 0;  // In nodes_, or byte of data_.
  };
  using Node = std::array<Branch, 2>;

  Branch* BranchAt(const IpPrefix& prefix);
  std::string Metadata() const;

  Options options_;
  std::vector<Node> nodes_;
  std::string data_;
  std::map<std::string, size_t> record_offsets_;
  std::map<std::string, std::string> metadata_overrides_;
};

}  // namespace octroi::testing
