// SPDX-License-Identifier: Apache-2.0
// Who was talked to: the third parties that traffic shows, with the facts that
// a register of ICT providers asks for (docs/reference/inventory.md maps the
// columns to DORA's register of information). Octets are those of the accounts,
// so that they add up even where flow records were lost.
//
// Plain data. A sink belongs to one worker's thread; all else to any.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "dataplane/flow_sink.h"
#include "dataplane/replay.h"
#include "policy/edition.h"

namespace octroi {

// The first and the last packet of a destination.
struct Sighting {
  int64_t first_ns = 0;
  int64_t last_ns = 0;
};
// By edition and attribution.
using SightingKey = std::pair<uint32_t, AttributionId>;
using Sightings = absl::flat_hash_map<SightingKey, Sighting>;

// Notes when destinations were seen; one per worker.
class SightingSink : public FlowSink {
 public:
  void Export(std::span<const FlowRecord> records,
              const TunnelIndex& tunnels) override;
  const Sightings& sightings() const { return sightings_; }

 private:
  Sightings sightings_;
};

// A provider that a user's register names (config/provider_register.h).
struct RegisteredProvider {
  std::string name;
  uint32_t asn = 0;  // 0: not given.
};

// One third party: traffic between a local and a remote address.
struct InventoryRow {
  std::string operator_name;  // "" if nobody is known to run the addresses.
  std::string parent;
  std::string controlling_country;
  std::string law;
  std::string confidence;
  std::string provider;  // The catalogue's name of it; "" if it has none.
  std::set<uint32_t> asns;
  std::set<std::string> services;   // service_id
  std::set<std::string> locations;  // "FR", "contested", "anycast", ...
  std::set<std::string> workloads;
  Verdict worst_verdict = Verdict::kNotJudged;
  // Nothing if the flow records were lost.
  std::optional<int64_t> first_ns;
  std::optional<int64_t> last_ns;
  AccountTotals totals;
  // Nothing without a register.
  std::optional<bool> is_registered;
};

// Most octets first. `registered`: nothing for no register.
std::vector<InventoryRow> MakeInventory(
    std::span<const AccountRow> accounts,
    std::span<const SightingSink> sightings, const EditionTimeline& timeline,
    const Policy& policy,
    const std::optional<std::vector<RegisteredProvider>>& registered);

std::string InventoryToCsv(const std::vector<InventoryRow>& rows);

}  // namespace octroi
