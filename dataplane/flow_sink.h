// SPDX-License-Identifier: Apache-2.0
// Where a worker's ended flows go, in batches. A sink belongs to one worker and
// is called from its thread only.
#pragma once

#include <span>

#include "dataplane/flow_record.h"
#include "dataplane/tunnel_index.h"

namespace octroi {

class FlowSink {
 public:
  virtual ~FlowSink() = default;

  // `records` have ended and are the worker's own again when this returns.
  // `tunnels` resolves their key.tunnel; it is the worker's as well. The order
  // is that in which ends were noticed, which no result may depend on.
  virtual void Export(std::span<const FlowRecord> records,
                      const TunnelIndex& tunnels) = 0;
};

}  // namespace octroi
