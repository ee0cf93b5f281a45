// SPDX-License-Identifier: Apache-2.0
#include "policy/rulebook.h"

#include <algorithm>

namespace octroi {
namespace {

constexpr Judgement kUncovered = {Verdict::kNotJudged, Reason::kNoRequirement};

}  // namespace

Rulebook Rulebook::Compile(const Atlas& atlas, const Policy& policy, Day day) {
  Rulebook rulebook;
  rulebook.day_ = day;
  rulebook.workload_count_ = policy.workloads.size();
  rulebook.atlas_ = &atlas;
  rulebook.policy_ = &policy;
  rulebook.port_exceptions_.resize(rulebook.workload_count_ + 1);
  for (size_t w = 0; w < rulebook.workload_count_; ++w) {
    rulebook.AddPortExceptions(policy, w);
  }
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
          JudgeOpenedByLocal(policy, w, destination, marks, day, kNoPort));
      rulebook.table_.push_back(
          JudgeOpenedByRemote(policy, w, destination, marks, day, kNoPort));
      rulebook.table_.push_back(
          JudgeAdministration(policy, w, destination, marks, day, kNoPort));
    }
    rulebook.table_.insert(rulebook.table_.end(), kOpenerCount, kUncovered);
  }
  return rulebook;
}
static_assert(static_cast<int>(Opener::kLocal) == 0 &&
              static_cast<int>(Opener::kRemote) == 1 &&
              static_cast<int>(Opener::kRemoteAdministration) == 2);

void Rulebook::AddPortExceptions(const Policy& policy, size_t workload) {
  const std::vector<Exception>& exceptions =
      policy.workloads[workload].exceptions;
  const uint32_t first_mark = FirstExceptionMark(policy, workload);
  for (size_t i = 0; i < exceptions.size(); ++i) {
    if (exceptions[i].ports.empty()) continue;
    port_exceptions_[workload].push_back({&exceptions[i],
                                          static_cast<uint32_t>(first_mark + i),
                                          static_cast<uint16_t>(i)});
  }
}

Judgement Rulebook::JudgeByPort(const Judgement& of_any_port,
                                const Attribution& attribution,
                                WorkloadId workload, Opener opener,
                                uint16_t port) const {
  const bool asks_exceptions =
      opener != Opener::kRemote ||
      policy_->workloads[workload].requirement.applies_to_any;
  if (!asks_exceptions || StaysInside(destination(attribution))) {
    return of_any_port;
  }
  const std::vector<uint32_t>& marks = atlas_->marks(attribution.marks);
  // The first that has ended; of_any_port names one that is not excepting.
  uint16_t ended = of_any_port.exception;
  for (const PortException& candidate : port_exceptions_[workload]) {
    const bool is_later = of_any_port.verdict == Verdict::kExcepted &&
                          candidate.index > of_any_port.exception;
    if (is_later) return of_any_port;
    if (!std::binary_search(marks.begin(), marks.end(), candidate.mark) ||
        !candidate.exception->CoversPort(port)) {
      continue;
    }
    if (!candidate.exception->HasEnded(day_)) {
      return {Verdict::kExcepted, Reason::kException, candidate.index};
    }
    ended = std::min(ended, candidate.index);
  }
  if (of_any_port.verdict == Verdict::kExcepted) return of_any_port;
  return {of_any_port.verdict, of_any_port.reason, ended};
}

}  // namespace octroi
