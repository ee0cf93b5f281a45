// SPDX-License-Identifier: Apache-2.0
#include "bench/world.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "config/facts.h"

namespace octroi::bench {
namespace {

template <typename T>
T Must(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "bench: %s\n",
               std::string(result.status().message()).c_str());
  std::exit(1);
}

}  // namespace

std::unique_ptr<Facts> LoadEmbeddedFacts() {
  FactsOptions options;
  options.embedded_dir = OCTROI_SHARE_DIR;
  return Must(LoadFacts(options));
}

std::unique_ptr<World> LoadWorld() {
  auto world = std::make_unique<World>();
  world->facts = LoadEmbeddedFacts();
  world->policy = DefaultPolicy();
  world->atlases =
      Must(AtlasTimeline::Create(*world->facts, ExceptionMarks(world->policy)));
  world->atlas = &world->atlases->At(Day::max());
  world->workloads = WorkloadIndex::Create(
      world->policy, DefaultLocalNetworks(world->facts->special_purpose));
  world->timeline = std::make_unique<EditionTimeline>(
      world->atlases.get(), world->workloads, world->policy, std::nullopt);
  world->editions = std::make_unique<TimelineEditions>(world->timeline.get());
  for (const auto& entry :
       Must(world->facts->asn.back().file->WalkAsns()).entries) {
    auto& family = entry.prefix.family() == AddressFamily::kIpv4
                       ? world->announced_v4
                       : world->announced_v6;
    family.push_back(entry.prefix);
  }
  return world;
}

}  // namespace octroi::bench
