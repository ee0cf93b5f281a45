// SPDX-License-Identifier: Apache-2.0
// The sink that keeps flows in memory, and the order that results list them
// in. A sink belongs to one worker's thread; once that has ended, to any other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/exported_flow.h"
#include "dataplane/flow_sink.h"

namespace octroi {

// The order that results list flows in: by start, source, destination, ports,
// protocol, tunnel, then everything else that a result can show, so that flows
// of equal rank read the same.
bool IsBefore(const ExportedFlow& x, const ExportedFlow& y);

// Keeps up to `limit` flows; those above are counted and lost.
class CollectingSink : public FlowSink {
 public:
  explicit CollectingSink(size_t limit) : limit_(limit) {}

  void Export(std::span<const FlowRecord> records,
              const TunnelIndex& tunnels) override;

  const std::vector<ExportedFlow>& flows() const { return flows_; }
  std::vector<ExportedFlow> TakeFlows() { return std::move(flows_); }
  size_t limit() const { return limit_; }
  uint64_t lost_count() const { return lost_count_; }

 private:
  const size_t limit_;
  std::vector<ExportedFlow> flows_;
  uint64_t lost_count_ = 0;
};

}  // namespace octroi
