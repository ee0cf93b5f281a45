// SPDX-License-Identifier: Apache-2.0
// Deals the packets of one source out to the workers of a replay: to each lane
// those of its shards (limits.h), in the source's order.
//
// No thread only reads. The workers take turns at the source, a block of
// packets at a time: who finds little read ahead, and the source free, reads a
// block and tells its packets apart, while others work on earlier blocks and
// one of them may read the next. Bytes stay where they were read.
//
// Thread safety: one thread per lane, any thread for Stop. One lock, taken a
// few times per block. What is read ahead is bounded, whatever the source
// holds: a lane that lags makes the others wait.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "dataplane/limits.h"
#include "dataplane/packet.h"
#include "dataplane/replay_source.h"

namespace octroi {

class PacketDealer {
 public:
  // Blocks that are read and not yet worked off by every lane.
  static constexpr size_t kBlockCount = 8;
  static constexpr size_t kBlockBursts = 4;
  static constexpr size_t kBlockPackets = kBlockBursts * kMaxBurst;

  // Packets that were read one after the other, told apart by lane.
  class Block {
   public:
    // Where the packets of a lane stand in this block, in their order.
    std::span<const uint16_t> PlacesOf(size_t lane) const {
      return {&places_[lane * kBlockPackets], counts_[lane]};
    }
    const Packet& packet(uint16_t place) const {
      return bursts_[place / kMaxBurst].packets[place % kMaxBurst];
    }

   private:
    friend class PacketDealer;

    // Written by the lane that reads and deals, read by all lanes once dealt.
    std::array<PacketBurst, kBlockBursts> bursts_;
    size_t burst_count_ = 0;
    HeldBytes held_;
    std::unique_ptr<uint16_t[]> places_;  // kBlockPackets for each lane.
    std::array<size_t, kMaxWorkers> counts_{};

    // Guarded by mutex_ of the dealer.
    size_t number_ = 0;  // Of this block, once dealt; the first is 1.
    size_t lanes_left_ = 0;
  };

  // `source` must outlive this, and belongs to it until then.
  // REQUIRES: 1 <= lane_count <= kMaxWorkers.
  PacketDealer(ReplaySource* source, size_t lane_count);

  // The next block for `lane`; null once there is none. May read blocks, and
  // waits where another lane has to read or to work off one.
  // REQUIRES: the lane has put back the block that it took before.
  const Block* Take(size_t lane);
  // Gives the block back that `lane` took last.
  void PutBack(size_t lane);

  // Every Take from now on gives null: some lane will not be run.
  void Stop();

  // The clock of the source's last packet; 0 without one.
  // REQUIRES: Take has returned null, and Stop was not called.
  int64_t final_clock_ns() const { return final_clock_ns_; }

 private:
  // A lane that finds fewer blocks than this read from its own on reads one
  // more, so that the others do not come to wait for the source.
  static constexpr size_t kReadAheadBlocks = 3;
  // What a block may hold of the source's memory before no further burst is
  // taken into it, bytes. One burst may hold more.
  static constexpr size_t kMaxHeldBytes = size_t{4} << 20;

  Block& block(size_t number) { return blocks_[number % kBlockCount]; }
  bool CanRead();
  void ReadNext(std::unique_lock<std::mutex>* lock);
  void Read(Block* block);
  void Deal(Block* block) const;

  // Constant after construction.
  const size_t lane_count_;
  std::array<uint8_t, kShardCount> lane_of_shard_;

  // Of the lane that reads, one at a time.
  ReplaySource* const source_;
  int64_t final_clock_ns_ = 0;

  std::vector<Block> blocks_;
  std::vector<size_t> taken_counts_;  // Each its lane's own.

  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t read_count_ = 0;  // Blocks read, or being read.
  bool is_reading_ = false;
  bool has_ended_ = false;
  bool is_stopped_ = false;
};

}  // namespace octroi
