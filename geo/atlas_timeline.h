// SPDX-License-Identifier: Apache-2.0
// The atlases of a set of facts over time. An atlas has no date of its own,
// but a database may be given in several builds, each of which speaks from its
// day on: every combination of builds that is in force at some time has one
// atlas. With one build of everything there is one atlas.
//
// Any thread may call any method.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"
#include "geo/atlas.h"

namespace octroi {

class AtlasTimeline {
 public:
  // Fails as Atlas::Build does, for whichever build cannot be used. The facts
  // must outlive the timeline. Builds the newest atlas; others when they are
  // first asked for.
  static absl::StatusOr<std::unique_ptr<AtlasTimeline>> Create(
      const Facts& facts, std::vector<PrefixMark> marks);

  // The atlas of a day, which lives as long as the timeline. The first call for
  // a combination of builds makes it, under a lock.
  const Atlas& At(Day day);

  // The first days of builds that come after another one: ascending, without
  // repetition.
  const std::vector<Day>& change_days() const { return change_days_; }
  const Facts& facts() const { return facts_; }

 private:
  AtlasTimeline(const Facts& facts, std::vector<PrefixMark> marks);

  // Constant after construction.
  const Facts& facts_;
  const std::vector<PrefixMark> marks_;
  std::vector<Day> change_days_;

  // Guarded by mutex_; an Atlas, once made, does not move or change.
  std::mutex mutex_;
  std::vector<std::unique_ptr<const Atlas>> atlases_;  // One per interval.
};

// Days on which another build of a database begins to speak.
std::vector<Day> DatabaseChangeDays(const Facts& facts);

}  // namespace octroi
