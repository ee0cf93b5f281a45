// SPDX-License-Identifier: Apache-2.0
// Who runs an address, and whose law reaches them. An operator is known by its
// ASN, or by a range that names it: so part of an ASN's space can belong to
// another operator (a subsidiary abroad, a customer's own). Several ASNs of one
// operator are one entity. Immutable after Create; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "geo/calendar.h"
#include "geo/country.h"

namespace octroi {

// One row of data/operators.csv.
struct OperatorRow {
  // 0: an operator without an ASN; only a range leads to it, by `provider`.
  uint32_t asn = 0;
  std::string name;
  std::string parent;
  CountryCode controlling_country;  // Unknown where no source says.
  // Extraterritorial laws identified, ';' between them; "" for none identified,
  // which is not immunity.
  std::string law;
  std::string confidence;  // "high", "medium", "low", "unverified".
  std::string provider;    // The catalogue's name of it; "" if it has none.
  std::string note;
  Validity validity;  // Open on both sides: an undated claim.
  std::string observed_on;
  std::string source;
  int line = 0;
};

// The laws of a row, one by one.
std::vector<std::string> LawsOf(const OperatorRow& row);

// Rows that say the same of several ASNs, one entry per interval of time.
struct OperatorEntity {
  std::vector<OperatorRow> rows;  // Sorted by validity; none overlap.

  // The row that holds on `day`, or null.
  const OperatorRow* At(Day day) const;
};

class OperatorTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  OperatorTable() = default;
  // Fails if two rows of one ASN, or of one name without an ASN, overlap in
  // time.
  static absl::StatusOr<OperatorTable> Create(std::vector<OperatorRow> rows);

  // Index of the entity, or kNone.
  uint32_t FindByAsn(uint32_t asn) const;
  // The entity that a range's provider is: one whose rows carry it as their
  // provider, else as their name. The one with the lowest ASN where there are
  // several, one without an ASN last.
  uint32_t FindByProvider(std::string_view provider) const;

  const OperatorEntity& entity(uint32_t index) const {
    return entities_[index];
  }
  size_t size() const { return entities_.size(); }
  // The row of an ASN on a day as the file has it, or null. For explain.
  const OperatorRow* RowOf(uint32_t asn, Day day) const;

 private:
  std::vector<OperatorEntity> entities_;
  std::vector<OperatorRow> rows_;
  absl::flat_hash_map<uint32_t, uint32_t> by_asn_;
  absl::flat_hash_map<std::string, uint32_t> by_provider_;
  absl::flat_hash_map<std::string, uint32_t> by_name_;
};

}  // namespace octroi
