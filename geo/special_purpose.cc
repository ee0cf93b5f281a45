// SPDX-License-Identifier: Apache-2.0
#include "geo/special_purpose.h"

#include <algorithm>
#include <array>
#include <set>

#include "absl/status/status.h"
#include "fmt/format.h"
#include "geo/ranges.h"

namespace octroi {
namespace {

struct KindInfo {
  SpecialKind kind;
  std::string_view name;
  bool stays_inside;
};

constexpr KindInfo kKinds[] = {
    {SpecialKind::kThisNetwork, "this_network", true},
    {SpecialKind::kPrivate, "private", true},
    {SpecialKind::kShared, "shared", true},
    {SpecialKind::kLoopback, "loopback", true},
    {SpecialKind::kLinkLocal, "link_local", true},
    {SpecialKind::kMulticast, "multicast", true},
    {SpecialKind::kBroadcast, "broadcast", true},
    {SpecialKind::kDocumentation, "documentation", false},
    {SpecialKind::kBenchmarking, "benchmarking", false},
    {SpecialKind::kReserved, "reserved", false},
    {SpecialKind::kDiscard, "discard", false},
    {SpecialKind::kUniqueLocal, "unique_local", true},
    {SpecialKind::kUnspecified, "unspecified", true},
    {SpecialKind::kProtocolAssignment, "protocol_assignment", false},
    {SpecialKind::kTranslation, "translation", false},
    {SpecialKind::kTransition, "transition", false},
    {SpecialKind::kAnycastService, "anycast_service", false},
    {SpecialKind::kSiteLocal, "site_local", true},
    {SpecialKind::kOrchid, "orchid", false},
    {SpecialKind::kSegmentRouting, "segment_routing", true},
};
static_assert(std::size(kKinds) == static_cast<size_t>(SpecialKind::kCount));

const KindInfo& InfoOf(SpecialKind kind) {
  return kKinds[static_cast<size_t>(kind)];
}

}  // namespace

std::string_view SpecialKindName(SpecialKind kind) { return InfoOf(kind).name; }

std::optional<SpecialKind> ParseSpecialKind(std::string_view text) {
  for (const KindInfo& info : kKinds) {
    if (info.name == text) return info.kind;
  }
  return std::nullopt;
}

bool StaysInside(SpecialKind kind) { return InfoOf(kind).stays_inside; }

bool NamesNoRemoteHost(SpecialKind kind) {
  switch (kind) {
    case SpecialKind::kThisNetwork:
    case SpecialKind::kLoopback:
    case SpecialKind::kLinkLocal:
    case SpecialKind::kMulticast:
    case SpecialKind::kBroadcast:
    case SpecialKind::kUnspecified:
      return true;
    default:
      return false;
  }
}

absl::StatusOr<SpecialPurposeTable> SpecialPurposeTable::Create(
    std::vector<SpecialPurposeRow> rows) {
  std::set<IpPrefix> seen;
  for (const SpecialPurposeRow& row : rows) {
    if (!seen.insert(row.prefix).second) {
      return absl::InvalidArgumentError(fmt::format(
          "line {}: {} stands twice", row.line, row.prefix.ToString()));
    }
  }
  SpecialPurposeTable table;
  table.rows_ = std::move(rows);
  return table;
}

const SpecialPurposeRow* SpecialPurposeTable::Find(
    const IpAddress& address) const {
  return FindMostSpecific(rows_, address);
}

}  // namespace octroi
