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
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "geo/country_file.h"
#include "geo/huge_pages.h"
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

// Country records come in two shapes, and both are read: flat `country_code`
// (ip-location-db, IPinfo; or IPinfo's two-letter `country`) and nested
// `country.iso_code` (MaxMind, DB-IP) with `registered_country.iso_code` beside
// it.
class MmdbFile : public CountryFile {
 public:
  // Reads and checks `path`. Errors name the path, what was found (an empty
  // file, a text file, another format, no metadata) and what is accepted.
  static absl::StatusOr<std::unique_ptr<MmdbFile>> Open(
      const std::string& path);
  // The same for a file in memory; `path` is what errors call it.
  static absl::StatusOr<std::unique_ptr<MmdbFile>> Parse(
      std::string path, std::string_view content);
  ~MmdbFile() override;
  MmdbFile(const MmdbFile&) = delete;
  MmdbFile& operator=(const MmdbFile&) = delete;

  const std::string& path() const { return path_; }
  // The bytes of the file.
  std::string_view content() const { return {content_.get(), size_}; }
  const MmdbMetadata& metadata() const { return metadata_; }

  using AsnTable = DatabaseTable<MmdbAsn>;

  // Walk the search tree: IPv4 (found at ::/96 of an IPv6 tree) as IPv4
  // prefixes, then IPv6. Nodes that alias the IPv4 tree (::ffff:0:0/96,
  // 2002::/16, ...) are left out; a record of another shape than wanted is an
  // empty one. They fail on a tree that reaches a node twice or is too deep, on
  // a record that is out of bounds or malformed, and, naming an example prefix,
  // if no record has the wanted shape (a database of the wrong kind).
  absl::StatusOr<CountryTable> WalkCountries() const override;
  absl::StatusOr<AsnTable> WalkAsns() const;

  // An IPv6 address inside ::/96, where IPv4 lives, has no record; one inside
  // an alias of the IPv4 tree has what the file gives it. Control path: for
  // explain and tests.
  absl::StatusOr<std::optional<FoundRecord<CountryRecord>>> LookupCountry(
      const IpAddress& address) const override;
  absl::StatusOr<std::optional<FoundRecord<MmdbAsn>>> LookupAsn(
      const IpAddress& address) const;

 private:
  template <typename Record>
  class TreeWalk;

  MmdbFile(std::string path, HugePageBlock content, size_t size);

  static absl::StatusOr<std::unique_ptr<MmdbFile>> Make(std::string path,
                                                        HugePageBlock content,
                                                        size_t size);
  // What Make does, in order. Each leaves what the next needs.
  absl::Status ReadMetadata();
  absl::Status MapSections();

  template <typename Record>
  absl::StatusOr<DatabaseTable<Record>> Walk() const;
  template <typename Record>
  absl::StatusOr<std::optional<FoundRecord<Record>>> Lookup(
      const IpAddress& address) const;

  // Constant after Make.
  std::string path_;
  HugePageBlock content_;
  size_t size_;
  MmdbMetadata metadata_;
  size_t metadata_offset_ = 0;  // Of the metadata map, after its marker.
  size_t data_bytes_ = 0;       // Of the data section.
  std::unique_ptr<MMDB_s> mmdb_;
};

}  // namespace octroi
