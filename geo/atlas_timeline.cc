// SPDX-License-Identifier: Apache-2.0
#include "geo/atlas_timeline.h"

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

#include "absl/status/status.h"

namespace octroi {
namespace {

template <typename Database>
void AddChanges(const std::vector<Database>& series, std::set<Day>* days) {
  for (size_t i = 1; i < series.size(); ++i) {
    days->insert(*series[i].source.built);
  }
}

// Whether every build of every series can be walked: a build that is asked for
// in the middle of a replay must not fail there.
absl::Status CheckBuilds(const Facts& facts) {
  for (const CountrySeries& series : facts.countries) {
    for (size_t i = 0; i + 1 < series.size(); ++i) {
      const auto table = series[i].file->WalkCountries();
      if (!table.ok()) return table.status();
    }
  }
  for (size_t i = 0; i + 1 < facts.asn.size(); ++i) {
    const auto table = facts.asn[i].file->WalkAsns();
    if (!table.ok()) return table.status();
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<Day> DatabaseChangeDays(const Facts& facts) {
  std::set<Day> days;
  for (const CountrySeries& series : facts.countries) {
    AddChanges(series, &days);
  }
  AddChanges(facts.asn, &days);
  return {days.begin(), days.end()};
}

AtlasTimeline::AtlasTimeline(const Facts& facts, std::vector<PrefixMark> marks)
    : facts_(facts),
      marks_(std::move(marks)),
      change_days_(DatabaseChangeDays(facts)),
      atlases_(change_days_.size() + 1) {}

absl::StatusOr<std::unique_ptr<AtlasTimeline>> AtlasTimeline::Create(
    const Facts& facts, std::vector<PrefixMark> marks) {
  absl::Status status = CheckBuilds(facts);
  if (!status.ok()) return status;
  std::unique_ptr<AtlasTimeline> timeline(
      new AtlasTimeline(facts, std::move(marks)));
  absl::StatusOr<Atlas> newest = Atlas::Build(facts, timeline->marks_);
  if (!newest.ok()) return newest.status();
  timeline->atlases_.back() = std::make_unique<Atlas>(*std::move(newest));
  return timeline;
}

const Atlas& AtlasTimeline::At(Day day) {
  const auto next =
      std::upper_bound(change_days_.begin(), change_days_.end(), day);
  const auto index = static_cast<size_t>(next - change_days_.begin());
  const std::lock_guard lock(mutex_);
  std::unique_ptr<const Atlas>& atlas = atlases_[index];
  if (atlas == nullptr) {
    absl::StatusOr<Atlas> built = Atlas::Build(facts_, marks_, day);
    assert(built.ok());  // Create has walked every build.
    atlas = std::make_unique<Atlas>(*std::move(built));
  }
  return *atlas;
}

}  // namespace octroi
