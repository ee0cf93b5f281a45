// SPDX-License-Identifier: Apache-2.0
// An edition is everything octroi believes between two instants: the atlas and
// the rulebook of that time. EditionTimeline makes the editions of a set of
// facts and a policy, one per interval in which nothing changes, when they are
// first asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "geo/atlas_timeline.h"
#include "policy/policy.h"
#include "policy/rulebook.h"
#include "policy/workload_index.h"

namespace octroi {

struct Edition {
  // Position in the timeline, which has a range of its own where a process uses
  // several: editions of one timeline are ordered by time.
  uint32_t index = 0;
  // Judges flows that start in [from_ns, until_ns).
  int64_t from_ns = INT64_MIN;
  int64_t until_ns = INT64_MAX;
  const Atlas* atlas = nullptr;
  const WorkloadIndex* workloads = nullptr;
  const Policy* policy = nullptr;
  Rulebook rulebook;
};

// Days at which some fact or exception begins to hold or ceases to, or another
// build of a database begins to speak: the first day of each interval after the
// first. Ascending, without repetition.
std::vector<Day> ChangeDays(const Facts& facts, const Policy& policy);

class EditionTimeline {
 public:
  // `at`: judge every flow by the facts of that day, whatever its time.
  // `first_index`: that of the first edition; end_index() of the timeline that
  // this one takes the place of. The arguments must outlive the timeline;
  // `atlases` may serve others as well.
  EditionTimeline(AtlasTimeline* atlases, const WorkloadIndex& workloads,
                  const Policy& policy, std::optional<Day> at,
                  uint32_t first_index = 0);

  // The edition in force at an instant; never fails, never null. Any thread;
  // the first call for an interval compiles it under a lock, so a worker keeps
  // the edition it has and asks again only outside its interval.
  const Edition& At(int64_t ns);
  // The edition of an index that At has returned. Any thread.
  const Edition& edition(uint32_t index) const;

  // Indexes of this timeline's editions, made or not: from the first up to, and
  // without, the end. Any thread.
  uint32_t first_index() const { return first_index_; }
  uint32_t end_index() const {
    return first_index_ + static_cast<uint32_t>(change_days_.size()) + 1;
  }

 private:
  // Constant after construction.
  AtlasTimeline* const atlases_;
  const WorkloadIndex& workloads_;
  const Policy& policy_;
  std::optional<Day> at_;
  const uint32_t first_index_;
  std::vector<Day> change_days_;

  // Guarded by mutex_; an Edition, once made, does not move or change.
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Edition>> editions_;
};

}  // namespace octroi
