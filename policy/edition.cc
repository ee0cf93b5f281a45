// SPDX-License-Identifier: Apache-2.0
#include "policy/edition.h"

#include <algorithm>
#include <set>

namespace octroi {
namespace {

// The days on which something with this validity begins or has ended.
void AddChanges(const Validity& validity, std::set<Day>* days) {
  if (validity.from) days->insert(*validity.from);
  if (validity.until) days->insert(*validity.until + std::chrono::days(1));
}

}  // namespace

std::vector<Day> ChangeDays(const Facts& facts, const Policy& policy) {
  std::set<Day> days;
  for (const JurisdictionRow& row : facts.jurisdictions.rows()) {
    AddChanges(row.validity, &days);
  }
  for (size_t i = 0; i < facts.operators.size(); ++i) {
    for (const OperatorRow& row :
         facts.operators.entity(static_cast<uint32_t>(i)).rows) {
      AddChanges(row.validity, &days);
    }
  }
  for (const Service& service : facts.catalogue.services()) {
    for (const CatalogueRow& row : service.rows) {
      AddChanges({row.known_from(), row.validity.until}, &days);
    }
  }
  for (const AnycastRow& row : facts.anycast) AddChanges(row.validity, &days);
  for (const Day day : DatabaseChangeDays(facts)) days.insert(day);
  for (const Workload& workload : policy.workloads) {
    for (const Exception& exception : workload.exceptions) {
      days.insert(exception.until + std::chrono::days(1));
    }
  }
  return {days.begin(), days.end()};
}

EditionTimeline::EditionTimeline(AtlasTimeline* atlases,
                                 const WorkloadIndex& workloads,
                                 const Policy& policy, std::optional<Day> at,
                                 uint32_t first_index)
    : atlases_(atlases),
      workloads_(workloads),
      policy_(policy),
      at_(at),
      first_index_(first_index) {
  if (!at_) change_days_ = ChangeDays(atlases->facts(), policy);
  editions_.resize(change_days_.size() + 1);
}

// Interval i begins on change_days_[i - 1] and ends before change_days_[i].
const Edition& EditionTimeline::At(int64_t ns) {
  const auto next =
      std::upper_bound(change_days_.begin(), change_days_.end(), DayOf(ns));
  const auto index = static_cast<size_t>(next - change_days_.begin());
  const std::lock_guard lock(mutex_);
  if (editions_[index] != nullptr) return *editions_[index];
  auto edition = std::make_unique<Edition>();
  edition->index = first_index_ + static_cast<uint32_t>(index);
  if (index > 0) edition->from_ns = StartOfDay(change_days_[index - 1]);
  if (next != change_days_.end()) edition->until_ns = StartOfDay(*next);
  // Every day of the interval gives the same atlas and the same rulebook; the
  // flow's is at hand.
  const Day day = at_.value_or(DayOf(ns));
  edition->atlas = &atlases_->At(day);
  edition->workloads = &workloads_;
  edition->policy = &policy_;
  edition->rulebook = Rulebook::Compile(*edition->atlas, policy_, day);
  editions_[index] = std::move(edition);
  return *editions_[index];
}

const Edition& EditionTimeline::edition(uint32_t index) const {
  const std::lock_guard lock(mutex_);
  return *editions_[index - first_index_];
}

}  // namespace octroi
