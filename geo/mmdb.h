// SPDX-License-Identifier: Apache-2.0
// Reading MaxMind DB files (maxmind.github.io/MaxMind-DB) of the shapes that
// databases of countries and of ASNs come in. The file is hostile input: a
// search tree that is not a tree, pointers out of bounds, records that are deep
// or endless end in an error that says which file and what was found.
//
// The file is read into memory once, so that replacing or truncating it later
// is harmless. Every text taken from it is at most 256 bytes of valid UTF-8
// without control characters: what is not becomes '?', the rest is cut off.
//
// Immutable once open; any thread may call any const method.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "geo/ip_prefix.h"

struct MMDB_s;

namespace octroi {

// What the metadata section says.
struct MmdbMetadata {
  std::string database_type;
  std::string description;  // English, "" if there is none.
  int64_t build_epoch_s = 0;
  uint16_t ip_version = 0;  // 4 or 6.
  uint32_t node_count = 0;
};

// A country database record. Both shapes are read: flat `country_code`
// (ip-location-db, IPinfo; or IPinfo's two-letter `country`) and nested
// `country.iso_code` (MaxMind, DB-IP) with `registered_country.iso_code` beside
// it.
struct MmdbCountry {
  // As written, before Jurisdictions::Resolve; "" if the record has none.
  std::string code;
  std::string registered_code;
  friend bool operator==(const MmdbCountry&, const MmdbCountry&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const MmdbCountry& c) {
    return H::combine(std::move(h), c.code, c.registered_code);
  }
};

// An ASN database record: `autonomous_system_number` and
// `autonomous_system_organization` (MaxMind, DB-IP), or IPinfo's `asn`
// ("AS123") and `as_name` / `name`.
struct MmdbAsn {
  uint32_t asn = 0;  // 0: not announced.
  std::string organization;
  friend bool operator==(const MmdbAsn&, const MmdbAsn&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const MmdbAsn& a) {
    return H::combine(std::move(h), a.asn, a.organization);
  }
};

class MmdbFile {
 public:
  // Reads and checks `path`. Errors name the path, what was found (an empty
  // file, a text file, another format, no metadata) and what is accepted.
  static absl::StatusOr<std::unique_ptr<MmdbFile>> Open(
      const std::string& path);
  // The same for a file in memory; `path` is what errors call it.
  static absl::StatusOr<std::unique_ptr<MmdbFile>> Parse(std::string path,
                                                         std::string content);
  ~MmdbFile();
  MmdbFile(const MmdbFile&) = delete;
  MmdbFile& operator=(const MmdbFile&) = delete;

  const std::string& path() const { return path_; }
  const MmdbMetadata& metadata() const { return metadata_; }

  // A prefix of the search tree; `record` indexes the table's records.
  struct Entry {
    IpPrefix prefix;
    uint32_t record;
  };
  // Every prefix that has a record, in address order: IPv4 (found at ::/96 of
  // an IPv6 tree) as IPv4 prefixes, then IPv6. No two of them overlap. Nodes
  // that alias the IPv4 tree (::ffff:0:0/96, 2002::/16, ...) are left out.
  // Records are distinct, in the order in which they were met; one of another
  // shape than wanted is an empty record.
  template <typename Record>
  struct Table {
    std::vector<Record> records;
    std::vector<Entry> entries;
  };
  using CountryTable = Table<MmdbCountry>;
  using AsnTable = Table<MmdbAsn>;

  // Walk the search tree. They fail on a tree that reaches a node twice or is
  // too deep, on a record that is out of bounds or malformed, and, naming an
  // example prefix, if no record has the wanted shape (a database of the wrong
  // kind).
  absl::StatusOr<CountryTable> WalkCountries() const;
  absl::StatusOr<AsnTable> WalkAsns() const;

  // The record for one address, as the file says it, with the prefix that it
  // stands for; nothing if there is none. An IPv6 address inside ::/96, where
  // IPv4 lives, has none; one inside an alias of the IPv4 tree has what the
  // file gives it. Control path: for explain and tests.
  template <typename Record>
  struct Found {
    IpPrefix prefix;
    Record record;
  };
  absl::StatusOr<std::optional<Found<MmdbCountry>>> LookupCountry(
      const IpAddress& address) const;
  absl::StatusOr<std::optional<Found<MmdbAsn>>> LookupAsn(
      const IpAddress& address) const;

 private:
  template <typename Record>
  class TreeWalk;

  MmdbFile(std::string path, std::string content);

  // What Parse does, in order. Each leaves what the next needs.
  absl::Status ReadMetadata();
  absl::Status MapSections();

  template <typename Record>
  absl::StatusOr<Table<Record>> Walk() const;
  template <typename Record>
  absl::StatusOr<std::optional<Found<Record>>> Lookup(
      const IpAddress& address) const;

  // Constant after Parse.
  std::string path_;
  std::string content_;
  MmdbMetadata metadata_;
  size_t metadata_offset_ = 0;  // Of the metadata map, after its marker.
  size_t data_bytes_ = 0;       // Of the data section.
  std::unique_ptr<MMDB_s> mmdb_;
};

}  // namespace octroi
