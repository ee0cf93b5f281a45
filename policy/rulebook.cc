// SPDX-License-Identifier: Apache-2.0
#include "policy/rulebook.h"

namespace octroi {
namespace {

constexpr Judgement kUncovered = {Verdict::kNotJudged, Reason::kNoRequirement,
                                  0};

}  // namespace

Rulebook Rulebook::Compile(const Atlas& atlas, const Policy& policy, Day day) {
  Rulebook rulebook;
  rulebook.day_ = day;
  rulebook.workload_count_ = policy.workloads.size();
  rulebook.administration_ports_.resize(UINT16_MAX + 1);
  for (const uint16_t port : policy.administration.ports) {
    rulebook.administration_ports_[port] = true;
  }

  const size_t class_count = atlas.classes().size();
  rulebook.destinations_.reserve(class_count);
  rulebook.table_.reserve(class_count * (rulebook.workload_count_ + 1) *
                          kOpenerCount);
  for (uint32_t class_id = 0; class_id < class_count; ++class_id) {
    const Destination& destination = rulebook.destinations_.emplace_back(
        ResolveDestination(atlas, class_id, day));
    const std::vector<uint32_t>& marks =
        atlas.marks(atlas.attribution(atlas.classes()[class_id]).marks);
    for (size_t w = 0; w < rulebook.workload_count_; ++w) {
      rulebook.table_.push_back(
          JudgeOpenedByLocal(policy, w, destination, marks, day));
      rulebook.table_.push_back(
          JudgeOpenedByRemote(policy, w, destination, marks, day));
      rulebook.table_.push_back(
          JudgeAdministration(policy, w, destination, marks, day));
    }
    rulebook.table_.insert(rulebook.table_.end(), kOpenerCount, kUncovered);
  }
  return rulebook;
}
static_assert(static_cast<int>(Opener::kLocal) == 0 &&
              static_cast<int>(Opener::kRemote) == 1 &&
              static_cast<int>(Opener::kRemoteAdministration) == 2);

}  // namespace octroi
