// SPDX-License-Identifier: Apache-2.0
// What the daemon believes, one generation after the other: each reload that
// changes something makes another one. A generation lives until no worker and
// no flow on its way to the writer was judged by it.
//
// Thread safety: one control thread adopts and releases. TimelineOf: any
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/command.h"
#include "dataplane/replay.h"
#include "policy/edition.h"

namespace octroi {

class Generation {
 public:
  Generation(std::unique_ptr<Beliefs> beliefs, uint32_t first_index);

  const Beliefs& beliefs() const { return *beliefs_; }
  EditionTimeline& timeline() { return timeline_; }
  EditionProvider* editions() { return &editions_; }

 private:
  const std::unique_ptr<Beliefs> beliefs_;
  EditionTimeline timeline_;
  TimelineEditions editions_;
};

class Generations {
 public:
  explicit Generations(std::unique_ptr<Beliefs> first);

  // The present one; it stays until another is adopted and it is released.
  Generation& present() const { return *present_; }

  // From now on these are believed. The ones before stay until Release.
  Generation& Adopt(std::unique_ptr<Beliefs> beliefs);
  // Frees all generations before the one that has these editions.
  void ReleaseBefore(const EditionProvider* oldest);
  size_t count() const;

  // The timeline that an edition of that index belongs to; null if its
  // generation has been released. It lives as long as the pointer is held.
  std::shared_ptr<EditionTimeline> TimelineOf(uint32_t edition_index) const;

 private:
  // Shared with the writer, which may look while the control thread releases.
  std::shared_ptr<Generation> present_;  // Control thread only.

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Generation>> generations_;  // Guarded by mutex_.
};

// What a reload changed, a line each, for the operator: files of facts, local
// networks, the policy. Empty if nothing did.
std::vector<std::string> ChangesBetween(const Beliefs& before,
                                        const Beliefs& after);

// What of a configuration is not in force because only a start can bring it
// there, a line each: the keys that differ from those of the start. `sources`
// are not among them: with others, a reload is refused.
std::vector<std::string> RestartsNeeded(const Config& started,
                                        const Config& wanted);

}  // namespace octroi
