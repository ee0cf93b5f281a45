// SPDX-License-Identifier: Apache-2.0
// A world small enough to keep in mind, for tests of the packet path:
//
//   192.0.2.0/24, 2001:db8:42::/48        local networks
//   192.0.2.0/28, 2001:db8:42::/64        workload "payments" (0): must stay in
//                                         the EU; 198.51.100.128/25 is excepted
//                                         to the end of kChangeDay
//   the rest of them                      workload "others" (1): requires
//                                         nothing
//   203.0.113.0/24, 2001:db8:f::/48       France
//   198.51.100.0/24, 2001:db8:a::/48      the United States
//
// What is not listed is remote and of unknown location. Immutable once made,
// except that the timeline compiles editions when asked; any thread.
#pragma once

#include <cstdint>
#include <memory>

#include "dataplane/classify.h"
#include "dataplane/replay.h"
#include "geo/atlas_timeline.h"
#include "geo/facts.h"
#include "policy/edition.h"
#include "policy/policy.h"
#include "policy/workload_index.h"

namespace octroi::testing {

inline constexpr WorkloadId kPayments = 0;
inline constexpr WorkloadId kOthers = 1;
inline constexpr int64_t kSecond = 1'000'000'000;
// 2026-01-15T00:00:00Z.
inline constexpr int64_t kStart = 1'768'435'200 * kSecond;
// 2026-01-16T00:00:00Z: the exception has ended, another edition is in force.
inline constexpr int64_t kChange = kStart + 86'400 * kSecond;

class SmallWorld {
 public:
  SmallWorld();

  EditionProvider* editions() { return editions_.get(); }
  const EditionTimeline& timeline() const { return *timeline_; }
  const Facts& facts() const { return facts_; }
  const Policy& policy() const { return policy_; }
  const WorkloadIndex& workloads() const { return workloads_; }
  const Atlas& atlas() const { return atlases_->At(DayOf(kStart)); }

 private:
  Facts facts_;
  Policy policy_;
  WorkloadIndex workloads_;
  std::unique_ptr<AtlasTimeline> atlases_;
  std::unique_ptr<EditionTimeline> timeline_;
  std::unique_ptr<TimelineEditions> editions_;
};

}  // namespace octroi::testing
