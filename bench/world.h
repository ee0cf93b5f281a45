// SPDX-License-Identifier: Apache-2.0
// What a benchmark judges by: the embedded facts, joined as the program joins
// them, and a policy of one workload that must stay in the EU. Immutable once
// loaded, except that the timeline compiles editions when asked; any thread.
#pragma once

#include <memory>
#include <vector>

#include "dataplane/replay.h"
#include "geo/atlas.h"
#include "geo/atlas_timeline.h"
#include "geo/facts.h"
#include "geo/ip_prefix.h"
#include "policy/edition.h"
#include "policy/policy.h"
#include "policy/workload_index.h"

namespace octroi::bench {

struct World {
  std::unique_ptr<Facts> facts;
  Policy policy;
  std::unique_ptr<AtlasTimeline> atlases;
  const Atlas* atlas = nullptr;  // The newest.
  WorkloadIndex workloads;
  std::unique_ptr<EditionTimeline> timeline;
  std::unique_ptr<TimelineEditions> editions;

  // The prefixes that the ASN database says are announced, by family.
  std::vector<IpPrefix> announced_v4;
  std::vector<IpPrefix> announced_v6;
};

// The facts of the build tree's share/octroi. Ends the program with a message
// if they cannot be loaded: a benchmark has nothing to go on with.
std::unique_ptr<Facts> LoadEmbeddedFacts();
std::unique_ptr<World> LoadWorld();

}  // namespace octroi::bench
