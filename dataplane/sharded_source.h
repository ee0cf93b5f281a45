// SPDX-License-Identifier: Apache-2.0
// The packets of one lane of a replay, as its worker receives them: a
// PacketDealer's blocks, taken one after the other. Belongs to the worker's
// thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/packet_dealer.h"
#include "dataplane/packet_source.h"

namespace octroi {

class ShardedSource final : public PacketSource {
 public:
  // `dealer` must outlive this. Each lane has one source.
  ShardedSource(PacketDealer* dealer, size_t lane)
      : dealer_(dealer), lane_(lane) {}

  // Waits for packets, or reads some; 0 only once there are none.
  size_t ReceiveBurst(PacketBurst* burst) override;
  void ReleaseBurst(PacketBurst* burst) override;
  bool is_finished() const override { return is_finished_; }
  // The last clock of the whole capture, not of this lane's packets.
  // REQUIRES: is_finished().
  int64_t final_clock_ns() const { return dealer_->final_clock_ns(); }

 private:
  size_t left_count() const {
    return block_->PlacesOf(lane_).size() - position_;
  }
  void PutBackIfUsedUp();

  // Constant after construction.
  PacketDealer* const dealer_;
  const size_t lane_;

  const PacketDealer::Block* block_ = nullptr;
  size_t position_ = 0;  // In this lane's packets of the block.
  bool is_finished_ = false;
};

}  // namespace octroi
