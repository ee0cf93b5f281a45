// SPDX-License-Identifier: Apache-2.0
// Building the atlas from the facts, as a reload does, beside what cannot be
// left out: walking both databases.
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "bench/bench.h"
#include "bench/world.h"

namespace octroi::bench {
namespace {

int Run() {
  const std::unique_ptr<World> world = LoadWorld();
  std::printf("atlas: %.1f MB, %zu attributions\n",
              static_cast<double>(world->atlas->memory_bytes()) / 1e6,
              world->atlas->attribution_count());
  AddBench("atlas/build/octroi", 1, [&world] {
    const auto atlas =
        Atlas::Build(*world->facts, ExceptionMarks(world->policy));
    if (!atlas.ok()) std::abort();
  });
  AddBench("atlas/build/walk", 1, [&world] {
    const auto countries =
        world->facts->countries[0].back().file->WalkCountries();
    const auto asns = world->facts->asn.back().file->WalkAsns();
    if (!countries.ok() || !asns.ok()) std::abort();
  });
  return FinishBench();
}

}  // namespace
}  // namespace octroi::bench

int main(int argc, char** argv) {
  octroi::bench::StartBench(&argc, argv);
  return octroi::bench::Run();
}
