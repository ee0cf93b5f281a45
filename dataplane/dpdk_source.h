// SPDX-License-Identifier: Apache-2.0
// The packets of one worker: a queue of each of its ports, polled in turn. A
// burst comes from one queue and borrows its buffers; nothing is copied.
//
// Thread safety: the worker's thread only, but for DpdkQueue::is_gone.
#pragma once

#include <rte_config.h>
#include <rte_mbuf.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "dataplane/limits.h"
#include "dataplane/packet_source.h"

namespace octroi {

struct DpdkQueue {
  uint16_t port = 0;
  uint16_t queue = 0;
  // Set on another thread when the device has been removed: from then on the
  // port's number may be another device's.
  const std::atomic<bool>* is_gone = nullptr;
};

class DpdkSource final : public PacketSource {
 public:
  // REQUIRES: what the queues point to outlives this.
  explicit DpdkSource(std::vector<DpdkQueue> queues);
  // Gives back what the last burst held.
  ~DpdkSource() override;
  DpdkSource(const DpdkSource&) = delete;
  DpdkSource& operator=(const DpdkSource&) = delete;

  // PacketSource. The time is the system's clock, read once for the burst after
  // it was received; clock_ns stands still while that clock goes back.
  size_t ReceiveBurst(PacketBurst* burst) override;
  void ReleaseBurst(PacketBurst* burst) override;
  bool is_finished() const override { return false; }

 private:
  void Poll();
  Packet PacketOf(const rte_mbuf& mbuf, int64_t timestamp_ns) const;

  const std::vector<DpdkQueue> queues_;
  size_t next_ = 0;  // The queue to begin with.
  int64_t clock_ns_ = 0;
  uint16_t held_count_ = 0;
  std::array<rte_mbuf*, kMaxBurst> held_;
};

}  // namespace octroi
