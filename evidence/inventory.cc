// SPDX-License-Identifier: Apache-2.0
#include "evidence/inventory.h"

#include <algorithm>
#include <map>
#include <utility>

#include "evidence/csv_text.h"
#include "evidence/destination_view.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "geo/ascii.h"

namespace octroi {
namespace {

bool IsThirdParty(const AccountRow& account) {
  return (account.key.direction == FlowDirection::kEgress ||
          account.key.direction == FlowDirection::kIngress) &&
         account.key.judgement.reason != Reason::kInternal;
}

// What makes two destinations one third party.
using PartyKey = std::tuple<std::string, std::string, std::string, std::string>;

// A provider is registered under its own name, its parent's, its ASN's, or that
// which the catalogue has for it.
bool IsRegistered(const InventoryRow& row,
                  const std::vector<RegisteredProvider>& registered) {
  return std::any_of(
      registered.begin(), registered.end(),
      [&row](const RegisteredProvider& known) {
        if (known.asn != 0 && row.asns.contains(known.asn)) return true;
        return !known.name.empty() &&
               (EqualIgnoringCase(known.name, row.operator_name) ||
                EqualIgnoringCase(known.name, row.parent) ||
                EqualIgnoringCase(known.name, row.provider));
      });
}

class Builder {
 public:
  Builder(std::span<const SightingSink> sightings,
          const EditionTimeline& timeline, const Policy& policy)
      : timeline_(timeline), policy_(policy) {
    for (const SightingSink& sink : sightings) {
      for (const auto& [key, sighting] : sink.sightings()) {
        const auto [found, is_new] = sightings_.emplace(key, sighting);
        if (is_new) continue;
        found->second.first_ns =
            std::min(found->second.first_ns, sighting.first_ns);
        found->second.last_ns =
            std::max(found->second.last_ns, sighting.last_ns);
      }
    }
  }

  void Add(const AccountRow& account) {
    if (!IsThirdParty(account)) return;
    const AccountKey& key = account.key;
    if (key.attribution == kFoldedAttribution) {
      InventoryRow& row =
          rows_[{"(folded: too many destinations)", "", "", ""}];
      row.operator_name = "(folded: too many destinations)";
      Count(account, &row);
      return;
    }
    const Edition& edition = timeline_.edition(key.edition);
    const Destination& destination = DestinationOf(edition, key.attribution);
    const DestinationView view = ViewOf(edition, key.attribution);
    const OperatorRow* run_by = destination.operator_row;
    const std::string parent = run_by == nullptr ? "" : run_by->parent;
    const PartyKey party = {std::string(view.operator_name), parent,
                            std::string(view.controlling_country),
                            std::string(view.law)};
    InventoryRow& row = rows_[party];
    row.operator_name = view.operator_name;
    row.parent = parent;
    row.controlling_country = view.controlling_country;
    row.law = view.law;
    row.confidence = run_by == nullptr ? "" : run_by->confidence;
    if (run_by != nullptr) row.provider = run_by->provider;
    if (view.asn != 0) row.asns.insert(view.asn);
    if (!view.service.empty()) row.services.emplace(view.service);
    row.locations.emplace(view.location);
    Count(account, &row);
    See({key.edition, key.attribution}, &row);
  }

  std::vector<InventoryRow> Take(
      const std::optional<std::vector<RegisteredProvider>>& registered) {
    std::vector<InventoryRow> rows;
    for (auto& [party, row] : rows_) {
      if (registered) {
        row.is_registered = IsRegistered(row, *registered);
      }
      rows.push_back(std::move(row));
    }
    std::stable_sort(rows.begin(), rows.end(),
                     [](const InventoryRow& a, const InventoryRow& b) {
                       return a.totals.octets > b.totals.octets;
                     });
    return rows;
  }

 private:
  void Count(const AccountRow& account, InventoryRow* row) const {
    const AccountKey& key = account.key;
    if (key.workload < policy_.workloads.size()) {
      row->workloads.insert(policy_.workloads[key.workload].name);
    }
    row->worst_verdict = std::max(row->worst_verdict, key.judgement.verdict);
    row->totals += account.totals;
  }

  void See(const SightingKey& key, InventoryRow* row) const {
    const auto found = sightings_.find(key);
    if (found == sightings_.end()) return;
    const Sighting& sighting = found->second;
    row->first_ns =
        std::min(row->first_ns.value_or(sighting.first_ns), sighting.first_ns);
    row->last_ns =
        std::max(row->last_ns.value_or(sighting.last_ns), sighting.last_ns);
  }

  const EditionTimeline& timeline_;
  const Policy& policy_;
  Sightings sightings_;
  std::map<PartyKey, InventoryRow> rows_;
};

std::string Instant(const std::optional<int64_t>& ns) {
  return ns ? FormatInstant(*ns) : "";
}

std::string YesOrNo(const std::optional<bool>& answer) {
  if (!answer) return "";
  return *answer ? "yes" : "no";
}

}  // namespace

void SightingSink::Export(std::span<const FlowRecord> records,
                          const TunnelIndex& /*tunnels*/) {
  for (const FlowRecord& record : records) {
    if (record.is_tunnelled()) continue;
    const auto [found, is_new] =
        sightings_.emplace(SightingKey{record.edition, record.attribution},
                           Sighting{record.start_ns, record.end_ns});
    if (is_new) continue;
    Sighting& sighting = found->second;
    sighting.first_ns = std::min(sighting.first_ns, record.start_ns);
    sighting.last_ns = std::max(sighting.last_ns, record.end_ns);
  }
}

std::vector<InventoryRow> MakeInventory(
    std::span<const AccountRow> accounts,
    std::span<const SightingSink> sightings, const EditionTimeline& timeline,
    const Policy& policy,
    const std::optional<std::vector<RegisteredProvider>>& registered) {
  Builder builder(sightings, timeline, policy);
  for (const AccountRow& account : accounts) builder.Add(account);
  return builder.Take(registered);
}

std::string InventoryToCsv(const std::vector<InventoryRow>& rows) {
  std::string csv =
      "operator,parent,controlling_country,law,confidence,asns,services,"
      "locations,workloads,worst_verdict,first_seen,last_seen,flows,octets,"
      "egress_octets,in_register\n";
  for (const InventoryRow& row : rows) {
    csv += SpreadsheetLine(
        {row.operator_name, row.parent, row.controlling_country, row.law,
         row.confidence, fmt::format("{}", fmt::join(row.asns, ";")),
         fmt::format("{}", fmt::join(row.services, ";")),
         fmt::format("{}", fmt::join(row.locations, ";")),
         fmt::format("{}", fmt::join(row.workloads, ";")),
         VerdictName(row.worst_verdict), Instant(row.first_ns),
         Instant(row.last_ns), std::to_string(row.totals.flows),
         std::to_string(row.totals.octets),
         std::to_string(row.totals.egress_octets), YesOrNo(row.is_registered)});
  }
  return csv;
}

}  // namespace octroi
