// SPDX-License-Identifier: Apache-2.0
// A database that says in which country an address is, whatever its format:
// MaxMind DB (mmdb.h) or the text files that Tor reads (country_text.h). The
// atlas and explain know no more of it than this.
//
// Implementations are immutable once open; any thread may call any method.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "geo/huge_pages.h"
#include "geo/ip_prefix.h"

namespace octroi {

// What a database says of a prefix. The codes are as written, before
// Jurisdictions::Resolve; "" where there is none.
struct CountryRecord {
  std::string code;
  // Where the holder of the prefix is registered, in the files that have it
  // (MaxMind's `registered_country`). A claim of its own, never a location.
  std::string registered_code;
  friend bool operator==(const CountryRecord&, const CountryRecord&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const CountryRecord& c) {
    return H::combine(std::move(h), c.code, c.registered_code);
  }
};

// A prefix of a database; `record` indexes the table's records.
struct DatabaseEntry {
  IpPrefix prefix;
  uint32_t record;
};

// Every prefix that has a record, in address order, IPv4 before IPv6. No two of
// them overlap. Records are distinct, in the order in which they were met.
template <typename Record>
struct DatabaseTable {
  std::vector<Record> records;
  HugePageVector<DatabaseEntry> entries;
};
using CountryTable = DatabaseTable<CountryRecord>;

// The record of one address, with the prefix that it stands for.
template <typename Record>
struct FoundRecord {
  IpPrefix prefix;
  Record record;
};

class CountryFile {
 public:
  virtual ~CountryFile() = default;

  // The whole database. Fails if it cannot be walked, or holds no countries.
  virtual absl::StatusOr<CountryTable> WalkCountries() const = 0;

  // What it says of one address; nothing if it says nothing. Control path.
  virtual absl::StatusOr<std::optional<FoundRecord<CountryRecord>>>
  LookupCountry(const IpAddress& address) const = 0;
};

}  // namespace octroi
