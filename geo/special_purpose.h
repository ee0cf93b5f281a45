// SPDX-License-Identifier: Apache-2.0
// Address space that IANA set aside: private networks, loopback, multicast,
// documentation, ... (RFC 6890 and the registries that it made). Such an
// address is never in a country. Immutable after Create; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "geo/ip_prefix.h"

namespace octroi {

enum class SpecialKind : uint8_t {
  kThisNetwork,
  kPrivate,
  kShared,
  kLoopback,
  kLinkLocal,
  kMulticast,
  kBroadcast,
  kDocumentation,
  kBenchmarking,
  kReserved,
  kDiscard,
  kUniqueLocal,
  kUnspecified,
  kProtocolAssignment,
  kTranslation,
  kTransition,
  kAnycastService,
  kSiteLocal,
  kOrchid,
  kSegmentRouting,
  kCount,
};
// "private", "link_local", ...: the text of data/special_purpose.csv.
std::string_view SpecialKindName(SpecialKind kind);
std::optional<SpecialKind> ParseSpecialKind(std::string_view text);

// True for space that stays inside a network by its definition (private,
// loopback, link-local, multicast, broadcast, shared, unique local, ...), so
// that a packet sent there has not left. False for space that should not be
// seen at all (documentation, reserved, ...) or that is global.
bool StaysInside(SpecialKind kind);

// True for the part of that space whose addresses name no host elsewhere, on
// any network: multicast, broadcast, link-local, loopback, unspecified.
bool NamesNoRemoteHost(SpecialKind kind);

// One row of data/special_purpose.csv.
struct SpecialPurposeRow {
  IpPrefix prefix;
  std::string name;
  SpecialKind kind = SpecialKind::kReserved;
  bool is_globally_reachable = false;
  std::string reference;  // "RFC 1918"
  std::string source;
  int line = 0;
};

class SpecialPurposeTable {
 public:
  SpecialPurposeTable() = default;
  // Fails if a prefix stands twice.
  static absl::StatusOr<SpecialPurposeTable> Create(
      std::vector<SpecialPurposeRow> rows);

  // The most specific row that contains the address, or null. Control path.
  const SpecialPurposeRow* Find(const IpAddress& address) const;
  const std::vector<SpecialPurposeRow>& rows() const { return rows_; }

 private:
  std::vector<SpecialPurposeRow> rows_;
};

}  // namespace octroi
