// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_dealer.h"

#include <cassert>

#include "dataplane/decode.h"

namespace octroi {

PacketDealer::PacketDealer(ReplaySource* source, size_t lane_count)
    : lane_count_(lane_count),
      source_(source),
      blocks_(kBlockCount),
      taken_counts_(lane_count, 0) {
  static_assert(kBlockPackets <= size_t{UINT16_MAX} + 1);
  assert(lane_count >= 1 && lane_count <= kMaxWorkers);
  for (size_t shard = 0; shard < kShardCount; ++shard) {
    lane_of_shard_[shard] = static_cast<uint8_t>(shard % lane_count);
  }
  for (Block& block : blocks_) {
    block.places_ = std::make_unique<uint16_t[]>(lane_count * kBlockPackets);
  }
}

const PacketDealer::Block* PacketDealer::Take(size_t lane) {
  const size_t number = taken_counts_[lane] + 1;
  Block& wanted = block(number);
  std::unique_lock<std::mutex> lock(mutex_);
  while (!is_stopped_) {
    const bool is_dealt = wanted.number_ == number;
    const bool is_little_ahead = read_count_ < number + kReadAheadBlocks;
    if (CanRead() && (!is_dealt || is_little_ahead)) {
      ReadNext(&lock);
      continue;
    }
    if (is_dealt) {
      taken_counts_[lane] = number;
      return &wanted;
    }
    if (has_ended_ && number > read_count_) return nullptr;
    changed_.wait(lock);
  }
  return nullptr;
}

void PacketDealer::PutBack(size_t lane) {
  bool is_free = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    Block& taken = block(taken_counts_[lane]);
    assert(taken.number_ == taken_counts_[lane] && taken.lanes_left_ > 0);
    taken.lanes_left_ -= 1;
    is_free = taken.lanes_left_ == 0;
  }
  if (is_free) changed_.notify_all();
}

void PacketDealer::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_stopped_ = true;
  }
  changed_.notify_all();
}

// Whether the source is free, has more, and there is a block to read it into.
bool PacketDealer::CanRead() {
  return !is_reading_ && !has_ended_ && block(read_count_ + 1).lanes_left_ == 0;
}

// Reads a block and deals it, each without the lock. Only one lane reads at a
// time; the next may while this one deals.
void PacketDealer::ReadNext(std::unique_lock<std::mutex>* lock) {
  const size_t number = ++read_count_;
  Block& next = block(number);
  next.lanes_left_ = lane_count_;
  is_reading_ = true;
  lock->unlock();
  Read(&next);
  const bool has_ended = source_->is_finished();

  lock->lock();
  is_reading_ = false;
  has_ended_ = has_ended;
  lock->unlock();
  changed_.notify_all();
  Deal(&next);

  lock->lock();
  next.number_ = number;
  changed_.notify_all();
}

void PacketDealer::Read(Block* block) {
  block->held_.Clear();
  block->burst_count_ = 0;
  while (block->burst_count_ < kBlockBursts && !source_->is_finished() &&
         block->held_.size_bytes() < kMaxHeldBytes) {
    PacketBurst& burst = block->bursts_[block->burst_count_];
    const size_t size = source_->ReceiveBurst(&burst);
    source_->HoldBytes(&block->held_);
    source_->ReleaseBurst(&burst);
    if (size == 0) continue;
    burst.size = size;  // Released, but held.
    final_clock_ns_ = burst.packets[size - 1].clock_ns;
    block->burst_count_ += 1;
  }
}

void PacketDealer::Deal(Block* block) const {
  constexpr size_t kPrefetchDistance = 8;
  block->counts_.fill(0);
  for (size_t b = 0; b < block->burst_count_; ++b) {
    const std::span<const Packet> packets = block->bursts_[b].view();
    for (size_t i = 0; i < packets.size(); ++i) {
      if (i + kPrefetchDistance < packets.size()) {
        __builtin_prefetch(packets[i + kPrefetchDistance].data);
      }
      const size_t lane = lane_of_shard_[ShardOfPacket(packets[i])];
      block->places_[lane * kBlockPackets + block->counts_[lane]++] =
          static_cast<uint16_t>(b * kMaxBurst + i);
    }
  }
}

}  // namespace octroi
