// SPDX-License-Identifier: Apache-2.0
// Deals the packets of one source out to the workers of a replay: to each lane
// those of its shards (limits.h), in the source's order.
//
// No thread only reads. The lanes take turns at the source. Who finds little
// read ahead takes the next turn, and what can be read ahead for it
// (BytesAhead) it reads at once, beside the others. When the turn comes, it
// receives a block of packets, which is no more than walking over its own
// bytes; then it reads the plain packets to what a worker needs of them
// (flow_packet.h), where the bytes are in its cache, and deals them out. The
// packets that are not plain go to their worker as they are, and their bytes
// stay where they were read.
//
// Thread safety: one thread per lane, any thread for Stop. One lock, taken a
// few times per block. What is read ahead is bounded, whatever the source
// holds: a lane that lags makes the others wait.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "dataplane/flow_packet.h"
#include "dataplane/limits.h"
#include "dataplane/packet.h"
#include "dataplane/replay_source.h"

namespace octroi {

class PacketDealer {
 public:
  // Blocks that a lane may have received and not every lane have worked off.
  static constexpr size_t kBlocksPerLane = 4;
  static constexpr size_t kBlockBursts = 16;
  static constexpr size_t kBlockPackets = kBlockBursts * kMaxBurst;

  // Packets that were read one after the other, told apart by lane.
  class Block {
   public:
    // Those of a lane, in their order. What they point to is the block's.
    std::span<const ReadPacket> PacketsOf(size_t lane) const {
      return {parts_[lane].packets.data(), parts_[lane].size};
    }

   private:
    friend class PacketDealer;

    // `packets` is as large as it ever had to be, of which `size` are set.
    struct Part {
      std::vector<ReadPacket> packets;
      size_t size = 0;
    };

    // Written by the lane that reads and deals, read by all lanes once dealt.
    std::vector<Part> parts_;  // One for each lane.
    std::unique_ptr<Packet[]> not_plain_;
    HeldBytes held_;  // The bytes of those.

    // Guarded by mutex_ of the dealer.
    size_t number_ = 0;  // Once dealt; the first is 1.
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

  // A lane's own.
  struct Lane {
    size_t taken_count = 0;  // Blocks.
    // The turn at the source that it waits for, 0 if none, and what it has read
    // ahead for its last turn, null if nothing.
    size_t turn = 0;
    std::shared_ptr<BytesAhead> ahead;
    // What it received in its last turn.
    std::unique_ptr<PacketBurst[]> bursts;
    size_t burst_count = 0;
    HeldBytes held;
    // What it has dealt. Memory that no other lane writes, so that a lane's own
    // packets stay in its core's cache.
    std::array<Block, kBlocksPerLane> blocks;

    // One that every lane has worked off, the same again where possible: it is
    // still in the cache. Null if there is none. Guarded by mutex_.
    Block* FreeBlock();
  };

  // Where the block with this number stands once it is dealt.
  Block*& dealt(size_t number) { return dealt_[number % dealt_.size()]; }
  bool MayTakeTurn(size_t wanted_number) const;
  void TakeTurn(Lane* lane, std::unique_lock<std::mutex>* lock);
  bool HasTurn(Lane* lane) const;
  void UseTurn(Lane* lane, std::unique_lock<std::mutex>* lock);
  void Receive(Lane* lane, Block* block);
  void Deal(Lane* lane, Block* block) const;

  // Constant after construction.
  std::array<uint8_t, kShardCount> lane_of_shard_;

  // Of the lane that reads, one at a time.
  ReplaySource* const source_;
  int64_t final_clock_ns_ = 0;

  std::vector<Lane> lanes_;

  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<BytesAhead>> planned_;
  std::vector<Block*> dealt_;  // The last ones; null before the first.
  size_t turn_count_ = 0;      // Turns taken.
  size_t read_count_ = 0;      // Turns that are over: blocks read.
  bool is_reading_ = false;
  bool has_ended_ = false;
  bool is_stopped_ = false;
};

}  // namespace octroi
