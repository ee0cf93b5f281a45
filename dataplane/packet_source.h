// SPDX-License-Identifier: Apache-2.0
// Where a worker's packets come from.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/packet.h"

namespace octroi {

// One queue of one observation point. A source belongs to one worker and is
// called from that worker's thread only. Each packet carries its own time, so
// that a replay is deterministic.
class PacketSource {
 public:
  virtual ~PacketSource() = default;

  // Fills `burst` and returns its size; 0 if nothing was waiting or the source
  // has finished. The bytes stay the source's and stay readable until
  // ReleaseBurst, or longer where they are held (replay_source.h).
  // REQUIRES: the previous burst has been released.
  virtual size_t ReceiveBurst(PacketBurst* burst) = 0;
  virtual void ReleaseBurst(PacketBurst* burst) = 0;

  // True once no packet can follow: a capture at its end, or one that broke
  // (the source keeps the error for its owner). Never true for a live source.
  virtual bool is_finished() const = 0;
};

}  // namespace octroi
