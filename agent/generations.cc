// SPDX-License-Identifier: Apache-2.0
#include "agent/generations.h"

#include <algorithm>
#include <map>
#include <utility>

#include "evidence/replay_report.h"
#include "fmt/format.h"

namespace octroi {

Generation::Generation(std::unique_ptr<Beliefs> beliefs, uint32_t first_index)
    : beliefs_(std::move(beliefs)),
      timeline_(beliefs_->atlases.get(), beliefs_->workloads,
                beliefs_->config.policy, /*at=*/std::nullopt, first_index),
      editions_(&timeline_) {}

Generations::Generations(std::unique_ptr<Beliefs> first)
    : present_(std::make_shared<Generation>(std::move(first), 0)),
      generations_{present_} {}

Generation& Generations::Adopt(std::unique_ptr<Beliefs> beliefs) {
  present_ = std::make_shared<Generation>(std::move(beliefs),
                                          present_->timeline().end_index());
  const std::lock_guard lock(mutex_);
  generations_.push_back(present_);
  return *present_;
}

void Generations::ReleaseBefore(const EditionProvider* oldest) {
  // Freed outside of the lock: it takes a while.
  std::vector<std::shared_ptr<Generation>> freed;
  const std::lock_guard lock(mutex_);
  const auto kept =
      std::find_if(generations_.begin(), generations_.end(),
                   [&](const auto& one) { return one->editions() == oldest; });
  if (kept == generations_.end()) return;
  freed.assign(std::make_move_iterator(generations_.begin()),
               std::make_move_iterator(kept));
  generations_.erase(generations_.begin(), kept);
}

size_t Generations::count() const {
  const std::lock_guard lock(mutex_);
  return generations_.size();
}

std::shared_ptr<EditionTimeline> Generations::TimelineOf(
    uint32_t edition_index) const {
  const std::lock_guard lock(mutex_);
  for (const auto& one : generations_) {
    EditionTimeline& timeline = one->timeline();
    if (edition_index < timeline.first_index() ||
        edition_index >= timeline.end_index()) {
      continue;
    }
    return std::shared_ptr<EditionTimeline>(one, &timeline);
  }
  return nullptr;
}

std::vector<std::string> ChangesBetween(const Beliefs& before,
                                        const Beliefs& after) {
  std::vector<std::string> changes;
  std::map<std::string, const FactSource*> known;
  for (const FactSource& source : before.facts->sources) {
    known.emplace(source.name, &source);
  }
  const auto built = [](const FactSource& source) {
    return source.built ? FormatDay(*source.built) : std::string("undated");
  };
  for (const FactSource& source : after.facts->sources) {
    const auto found = known.find(source.name);
    if (found == known.end()) {
      changes.push_back(fmt::format("{}: new, {}", source.name, built(source)));
      continue;
    }
    if (found->second->sha256 != source.sha256) {
      changes.push_back(fmt::format("{}: {} instead of {}", source.name,
                                    built(source), built(*found->second)));
    }
    known.erase(found);
  }
  for (const auto& [name, source] : known) {
    changes.push_back(fmt::format("{}: no longer read", name));
  }
  if (after.local_networks != before.local_networks) {
    changes.push_back("local networks");
  }
  const std::string with_other_policy =
      EditionDigest(*before.facts, after.config.policy, before.local_networks);
  if (with_other_policy != before.digest) changes.push_back("policy");
  return changes;
}

std::vector<std::string> RestartsNeeded(const Config& started,
                                        const Config& wanted) {
  const LiveConfig& was = started.live;
  const LiveConfig& is = wanted.live;
  const std::pair<const char*, bool> keys[] = {
      {"dpdk", started.dpdk_memory != wanted.dpdk_memory},
      {"flow_table", was.flow_memory_mib != is.flow_memory_mib ||
                         was.active_seconds != is.active_seconds},
      {"flow_log", was.flow_log != is.flow_log},
      {"state_directory", was.state_directory != is.state_directory},
      {"reload", was.reloads_on_change != is.reloads_on_change},
      {"metrics.listen", started.metrics.listen != wanted.metrics.listen},
  };
  std::vector<std::string> needed;
  for (const auto& [key, differs] : keys) {
    if (!differs) continue;
    needed.push_back(fmt::format(
        "{}: cannot be changed by a reload, what it was at the start stays in "
        "force; restart octroi",
        key));
  }
  return needed;
}

}  // namespace octroi
