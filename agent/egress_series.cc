// SPDX-License-Identifier: Apache-2.0
#include "agent/egress_series.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <tuple>

#include "agent/text.h"
#include "evidence/destination_view.h"
#include "fmt/format.h"

namespace octroi {
namespace {

// Indexes of names that are not given by anybody.
constexpr uint8_t kOther = 0;
constexpr uint8_t kNoneSlot = 1;

// Columns of an operator's name in a label; "…" ends what was cut.
constexpr size_t kMaxOperatorColumns = 128;

// Folded keys that are remembered, so that each counts once.
constexpr size_t kMaxRemembered = size_t{1} << 16;

constexpr std::string_view kOpenedBy[] = {"remote", "local"};

constexpr bool CrossesTheBoundary(FlowDirection direction) {
  return direction == FlowDirection::kEgress ||
         direction == FlowDirection::kIngress;
}

// 0 is "other", a Regime is one above itself.
uint8_t RegimeIndex(Regime regime) {
  return static_cast<uint8_t>(static_cast<int>(regime) + 1);
}
static_assert(static_cast<size_t>(Regime::kThirdCountry) + 2 ==
              kRegimeLabelCount);
std::string_view RegimeLabel(uint8_t index) {
  return index == kOther ? kOtherLabel
                         : RegimeName(static_cast<Regime>(index - 1));
}

// Whether the requirement, or an exception from it, judged the destination.
bool IsJudged(const Judgement& judgement) {
  return judgement.verdict != Verdict::kNotJudged &&
         judgement.reason != Reason::kAdministeredFromOutsideEu;
}

}  // namespace

AccountWords WordsOf(const Edition& edition, const AccountKey& key) {
  const DestinationView view = ViewOf(edition, key.attribution);
  AccountWords words;
  const std::vector<Workload>& workloads = edition.policy->workloads;
  if (key.workload < workloads.size()) {
    words.workload = workloads[key.workload].name;
  }
  words.location = view.location;
  words.regime = ParseRegime(view.regime).value_or(Regime::kUnknown);
  if (!view.operator_name.empty()) {
    words.operator_name =
        Shorten(Printable(view.operator_name), kMaxOperatorColumns);
  } else {
    words.operator_name =
        view.asn != 0 ? fmt::format("AS{}", view.asn) : "unknown";
  }
  words.seal = view.seal;
  return words;
}

EgressSeries::EgressSeries(AccountReader reader)
    : reader_(std::move(reader)),
      workloads_{std::string(kOtherLabel), std::string(kNoneLabel)},
      countries_{std::string(kOtherLabel)} {
  workload_slots_.emplace(kOtherLabel, kOther);
  workload_slots_.emplace("", kNoneSlot);
  country_indexes_.emplace(kOtherLabel, kOther);
}

void EgressSeries::NameWorkloads(std::span<const Workload> workloads) {
  for (const Workload& workload : workloads) {
    if (workload_slots_.contains(workload.name)) continue;
    if (workloads_.size() == kWorkloadSlots) {
      if (unnamed_workloads_.size() < kMaxRemembered) {
        folded_count_ += unnamed_workloads_.insert(workload.name).second;
      }
      continue;
    }
    workload_slots_.emplace(workload.name,
                            static_cast<uint8_t>(workloads_.size()));
    workloads_.push_back(workload.name);
  }
}

bool EgressSeries::IsNamed(const std::string& workload) const {
  return WorkloadSlot(workload) > kNoneSlot;
}

EgressSeriesValues EgressSeries::Read(
    std::span<const Accounts* const> present) {
  // Of accounts that were offered to a worker, never used and freed.
  absl::erase_if(targets_, [present](const auto& one) {
    return std::find(present.begin(), present.end(), one.first) ==
           present.end();
  });
  Resolve(present);
  Sums sums = absorbed_;
  sums.locations.resize(locations_.size());
  sums.operators.resize(operators_.size());
  for (const Accounts* accounts : present) {
    AddTo(&sums, *accounts, targets_[accounts]);
  }
  return ValuesOf(sums);
}

void EgressSeries::Absorb(std::span<const Accounts* const> ended) {
  Resolve(ended);
  absorbed_.locations.resize(locations_.size());
  absorbed_.operators.resize(operators_.size());
  for (const Accounts* accounts : ended) {
    AddTo(&absorbed_, *accounts, targets_[accounts]);
    targets_.erase(accounts);
  }
}

// All new accounts of all workers, then their places: which worker had one
// first makes no difference.
void EgressSeries::Resolve(std::span<const Accounts* const> all) {
  std::vector<Unplaced> unplaced;
  for (const Accounts* accounts : all) {
    std::vector<Target>& targets = targets_[accounts];
    const std::span<const Account> view = accounts->view();
    const size_t known_count = targets.size();
    targets.resize(view.size());
    for (size_t i = known_count; i < view.size(); ++i) {
      Resolve(view[i], &targets[i], &unplaced);
    }
  }
  Place(&unplaced);
}

void EgressSeries::Resolve(const Account& account, Target* target,
                           std::vector<Unplaced>* unplaced) {
  const AccountKey& key = account.key;
  target->direction = key.direction;
  AccountWords words;
  Location location;
  Operator operator_key;
  if (key.attribution == kFoldedAttribution) {
    operator_key.name = kOtherLabel;
  } else {
    words = reader_(key);
    location.workload = WorkloadSlot(words.workload);
    location.regime = RegimeIndex(words.regime);
    location.country = CountryIndex(words.location);
    operator_key.name = std::move(words.operator_name);
  }
  const Judgement& judgement = key.judgement;
  if (judgement.verdict == Verdict::kViolation) {
    // No requirement, no violation: "none" has no such series.
    const size_t slot =
        location.workload == kNoneSlot ? kOther : location.workload;
    target->violation = static_cast<SeriesIndex>(
        slot * kReasonCount + static_cast<size_t>(judgement.reason));
  }
  if (!CrossesTheBoundary(key.direction)) return;
  NoteSeal(key, location.workload, words.seal);
  location.is_opened_by_local = key.direction == FlowDirection::kEgress;
  location.verdict = operator_key.verdict = judgement.verdict;
  operator_key.workload = location.workload;

  const auto known_location = location_indexes_.find(location);
  const auto known_operator = operator_indexes_.find(operator_key);
  if (known_location != location_indexes_.end() &&
      known_operator != operator_indexes_.end()) {
    target->location = known_location->second;
    target->operator_series = known_operator->second;
    return;
  }
  unplaced->push_back({target, location, std::move(operator_key),
                       account.egress_octets.Read()});
}

template <typename Key, typename KeyOf, typename PlaceOne>
void EgressSeries::PlaceInOrder(std::span<const Unplaced> unplaced,
                                KeyOf key_of, PlaceOne place_one) {
  absl::flat_hash_map<Key, uint64_t> octets;
  for (const Unplaced& one : unplaced) octets[key_of(one)] += one.octets;
  // Violations first, then those with the most octets, then by name.
  struct Ranked {
    Verdict verdict;
    uint64_t octets;
    const Key* key;
  };
  std::vector<Ranked> order;
  order.reserve(octets.size());
  for (const auto& [key, sum] : octets) {
    order.push_back({key.verdict, sum, &key});
  }
  std::sort(order.begin(), order.end(), [&](const Ranked& a, const Ranked& b) {
    if (a.verdict != b.verdict) return a.verdict > b.verdict;
    if (a.octets != b.octets) return a.octets > b.octets;
    return place_one.IsBefore(*a.key, *b.key);
  });
  absl::flat_hash_map<Key, SeriesIndex> places;
  for (const Ranked& one : order) places.emplace(*one.key, place_one(*one.key));
  for (const Unplaced& one : unplaced) {
    place_one.Set(one.target, places.at(key_of(one)));
  }
}

void EgressSeries::Place(std::vector<Unplaced>* unplaced) {
  if (unplaced->empty()) return;
  struct Locations {
    EgressSeries* series;
    SeriesIndex operator()(const Location& location) const {
      return series->PlaceLocation(location);
    }
    bool IsBefore(const Location& a, const Location& b) const {
      const auto rank = [this](const Location& x) {
        return std::tie(x.workload, x.is_opened_by_local, x.regime,
                        series->countries_[x.country]);
      };
      return rank(a) < rank(b);
    }
    static void Set(Target* target, SeriesIndex index) {
      target->location = index;
    }
  };
  struct Operators {
    EgressSeries* series;
    SeriesIndex operator()(const Operator& key) const {
      return series->PlaceOperator(key);
    }
    static bool IsBefore(const Operator& a, const Operator& b) {
      return std::tie(a.workload, a.name) < std::tie(b.workload, b.name);
    }
    static void Set(Target* target, SeriesIndex index) {
      target->operator_series = index;
    }
  };
  PlaceInOrder<Location>(
      *unplaced, [](const Unplaced& one) { return one.location; },
      Locations{this});
  PlaceInOrder<Operator>(
      *unplaced, [](const Unplaced& one) { return one.operator_key; },
      Operators{this});
}

EgressSeries::SeriesIndex EgressSeries::PlaceLocation(
    const Location& location) {
  const auto known = location_indexes_.find(location);
  if (known != location_indexes_.end()) return known->second;
  Location folded = location;
  folded.country = kOther;
  const bool is_folded_already = folded == location;
  if (!is_folded_already && named_location_count_ < kNamedLocations) {
    ++named_location_count_;
    return FindOrAdd(location);
  }
  ++folded_count_;
  SeriesIndex index = kNoSeries;
  const auto known_fold = location_indexes_.find(folded);
  if (known_fold != location_indexes_.end()) {
    index = known_fold->second;
  } else if (folded.workload != kOther &&
             country_folded_count_ < kCountryFoldedLocations) {
    ++country_folded_count_;
    index = FindOrAdd(folded);
  } else {
    folded.workload = kOther;
    index = FindOrAdd(folded);
  }
  if (location_indexes_.size() < kMaxRemembered) {
    location_indexes_.emplace(location, index);
  }
  return index;
}

EgressSeries::SeriesIndex EgressSeries::PlaceOperator(const Operator& key) {
  const auto known = operator_indexes_.find(key);
  if (known != operator_indexes_.end()) return known->second;
  if (key.name == kOtherLabel) return FindOrAdd(key);
  if (named_operator_count_ < kNamedOperators) {
    ++named_operator_count_;
    return FindOrAdd(key);
  }
  ++folded_count_;
  const SeriesIndex index =
      FindOrAdd(Operator{key.workload, key.verdict, std::string(kOtherLabel)});
  if (operator_indexes_.size() < kMaxRemembered) {
    operator_indexes_.emplace(key, index);
  }
  return index;
}

EgressSeries::SeriesIndex EgressSeries::FindOrAdd(const Location& location) {
  const auto [found, is_new] = location_indexes_.emplace(
      location, static_cast<SeriesIndex>(locations_.size()));
  if (is_new) {
    locations_.push_back(location);
    assert(locations_.size() <= kMaxLocations);
  }
  return found->second;
}

EgressSeries::SeriesIndex EgressSeries::FindOrAdd(const Operator& key) {
  const auto [found, is_new] = operator_indexes_.emplace(
      key, static_cast<SeriesIndex>(operators_.size()));
  if (is_new) {
    operators_.push_back(key);
    assert(operators_.size() <= kMaxOperators);
  }
  return found->second;
}

uint8_t EgressSeries::WorkloadSlot(const std::string& name) const {
  const auto found = workload_slots_.find(name);
  return found == workload_slots_.end() ? kOther : found->second;
}

uint16_t EgressSeries::CountryIndex(const std::string& name) {
  const auto found = country_indexes_.find(name);
  if (found != country_indexes_.end()) return found->second;
  // Two letters, or one of a few words: never reached.
  if (countries_.size() == UINT16_MAX) return kOther;
  const auto index = static_cast<uint16_t>(countries_.size());
  countries_.push_back(name);
  country_indexes_.emplace(name, index);
  return index;
}

// The chain is as strong as its weakest link.
void EgressSeries::NoteSeal(const AccountKey& key, uint8_t workload,
                            const std::optional<int>& seal) {
  if (!seal || !IsJudged(key.judgement)) return;
  std::optional<int>& lowest = seals_[workload];
  lowest = std::min(lowest.value_or(*seal), *seal);
}

void EgressSeries::AddTo(Sums* sums, const Accounts& accounts,
                         std::span<const Target> targets) {
  const std::span<const Account> view = accounts.view();
  for (size_t i = 0; i < targets.size(); ++i) {
    const Target& target = targets[i];
    const AccountTotals totals = view[i].Read();
    sums->directions[static_cast<size_t>(target.direction)] += totals;
    if (target.violation != kNoSeries) {
      sums->violations[target.violation] += totals.flows;
    }
    if (target.location == kNoSeries) continue;
    LocationSum& sum = sums->locations[target.location];
    sum.flows += totals.flows;
    sum.packets += totals.egress_packets;
    sum.octets += totals.egress_octets;
    sums->operators[target.operator_series] += totals.egress_octets;
  }
}

EgressSeriesValues EgressSeries::ValuesOf(const Sums& sums) const {
  EgressSeriesValues values;
  values.directions = sums.directions;
  values.folded_count = folded_count_;
  for (size_t i = 0; i < sums.locations.size(); ++i) {
    const Location& location = locations_[i];
    const LocationSum& sum = sums.locations[i];
    values.locations.push_back(
        {workloads_[location.workload], kOpenedBy[location.is_opened_by_local],
         VerdictName(location.verdict), RegimeLabel(location.regime),
         countries_[location.country], sum.flows, sum.packets, sum.octets});
  }
  for (size_t i = 0; i < sums.operators.size(); ++i) {
    const Operator& key = operators_[i];
    values.operators.push_back({workloads_[key.workload],
                                VerdictName(key.verdict), key.name,
                                sums.operators[i]});
  }
  for (size_t slot = 0; slot < workloads_.size(); ++slot) {
    if (slot == kNoneSlot) continue;  // Nothing judges what it has not.
    for (const ReasonInfo& info : kReasons) {
      if (!CanBeViolation(info.reason)) continue;
      values.violations.push_back(
          {workloads_[slot], info.reason,
           sums.violations[slot * kReasonCount +
                           static_cast<size_t>(info.reason)]});
    }
    if (slot != kOther || seals_[slot]) {
      values.seals.push_back({workloads_[slot], seals_[slot]});
    }
  }
  return values;
}

}  // namespace octroi
