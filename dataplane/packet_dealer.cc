// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_dealer.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "dataplane/decode.h"

namespace octroi {

PacketDealer::PacketDealer(ReplaySource* source, size_t lane_count)
    : source_(source), lanes_(lane_count), dealt_(kBlocksPerLane * lane_count) {
  assert(lane_count >= 1 && lane_count <= kMaxWorkers);
  for (size_t shard = 0; shard < kShardCount; ++shard) {
    lane_of_shard_[shard] = static_cast<uint8_t>(shard % lane_count);
  }
  for (Lane& lane : lanes_) {
    lane.bursts = std::make_unique_for_overwrite<PacketBurst[]>(kBlockBursts);
    for (Block& block : lane.blocks) {
      block.not_plain_ =
          std::make_unique_for_overwrite<Packet[]>(kBlockPackets);
      block.parts_.resize(lane_count);
    }
  }
}

const PacketDealer::Block* PacketDealer::Take(size_t lane) {
  Lane& own = lanes_[lane];
  const size_t number = own.taken_count + 1;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!is_stopped_) {
    if (own.turn == 0 && MayTakeTurn(number)) TakeTurn(&own, &lock);
    if (HasTurn(&own)) {
      UseTurn(&own, &lock);
      continue;
    }
    const Block* const next = dealt(number);
    if (next != nullptr && next->number_ == number) {
      own.taken_count = number;
      return next;
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
    Block& taken = *dealt(lanes_[lane].taken_count);
    assert(taken.number_ == lanes_[lane].taken_count && taken.lanes_left_ > 0);
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

// Whether there is something to do for a lane whose next block has this number:
// not much is read ahead of it, and it can read bytes ahead or will come next.
bool PacketDealer::MayTakeTurn(size_t wanted_number) const {
  return !has_ended_ && turn_count_ < wanted_number + kReadAheadBlocks &&
         (!planned_.empty() || turn_count_ == read_count_);
}

// Takes the next turn, and reads for it what was planned, without the lock.
void PacketDealer::TakeTurn(Lane* lane, std::unique_lock<std::mutex>* lock) {
  lane->turn = ++turn_count_;
  lane->ahead.reset();
  if (planned_.empty()) return;
  lane->ahead = std::move(planned_.front());
  planned_.pop_front();
  lock->unlock();
  lane->ahead->Read();
  lock->lock();
}

// Whether the lane may use the source, and there is a block to fill.
bool PacketDealer::HasTurn(Lane* lane) const {
  return !has_ended_ && !is_reading_ && lane->turn == read_count_ + 1 &&
         lane->FreeBlock() != nullptr;
}

PacketDealer::Block* PacketDealer::Lane::FreeBlock() {
  for (Block& block : blocks) {
    if (block.lanes_left_ == 0) return &block;
  }
  return nullptr;
}

// Receives a block and deals it, each without the lock. Only one lane receives
// at a time; the next may while this one deals.
void PacketDealer::UseTurn(Lane* lane, std::unique_lock<std::mutex>* lock) {
  const size_t number = std::exchange(lane->turn, 0);
  Block& next = *lane->FreeBlock();
  next.lanes_left_ = lanes_.size();
  is_reading_ = true;
  lock->unlock();
  Receive(lane, &next);
  std::vector<std::shared_ptr<BytesAhead>> planned;
  while (auto ahead = source_->PlanAhead()) planned.push_back(std::move(ahead));
  const bool has_ended = source_->is_finished();

  lock->lock();
  std::move(planned.begin(), planned.end(), std::back_inserter(planned_));
  read_count_ = number;
  is_reading_ = false;
  has_ended_ = has_ended;
  lock->unlock();
  changed_.notify_all();
  Deal(lane, &next);

  lock->lock();
  next.number_ = number;
  dealt(number) = &next;
  changed_.notify_all();
}

// Receives what stands in the memory that was read ahead, or else whatever the
// source gives at a time.
void PacketDealer::Receive(Lane* lane, Block* block) {
  block->held_.Clear();
  lane->held.Clear();
  lane->burst_count = 0;
  // The turn before went on into these bytes: from the next on, each lane walks
  // over its own again.
  if (lane->ahead != nullptr && lane->ahead->is_used()) return;
  while (lane->burst_count < kBlockBursts && !source_->is_finished() &&
         lane->held.size_bytes() < kMaxHeldBytes) {
    PacketBurst& burst = lane->bursts[lane->burst_count];
    const size_t size = source_->ReceiveBurst(&burst);
    source_->HoldBytes(&lane->held);
    source_->ReleaseBurst(&burst);
    if (size == 0) continue;
    burst.size = size;  // Released, but held.
    final_clock_ns_ = burst.packets[size - 1].clock_ns;
    lane->burst_count += 1;
    const bool has_own_ahead =
        lane->ahead != nullptr && !lane->ahead->is_used();
    if (size < kMaxBurst && !has_own_ahead) return;
  }
}

// What is read and written next is touched on the way.
void PacketDealer::Deal(Lane* lane, Block* block) const {
  constexpr size_t kTouchedAhead = 8;
  constexpr size_t kWrittenAhead = 4;
  constexpr size_t kFewestPackets = 64;
  for (Block::Part& part : block->parts_) part.size = 0;
  size_t not_plain_count = 0;
  for (size_t b = 0; b < lane->burst_count; ++b) {
    const std::span<const Packet> packets = lane->bursts[b].view();
    for (size_t i = 0; i < packets.size(); ++i) {
      const size_t ahead = std::min(i + kTouchedAhead, packets.size() - 1);
      __builtin_prefetch(packets[ahead].data);
      const Packet& packet = packets[i];
      Block::Part& part = block->parts_[lane_of_shard_[ShardOfPacket(packet)]];
      if (part.size + kWrittenAhead >= part.packets.size()) [[unlikely]] {
        part.packets.resize(std::max(2 * part.packets.size(), kFewestPackets));
      }
      ReadPacket& read = part.packets[part.size++];
      __builtin_prefetch(&read + kWrittenAhead, /*rw=*/1);
      read.not_plain = nullptr;
      if (ReadPlainPacket(packet, &read.plain)) [[likely]]
        continue;
      Packet& kept = block->not_plain_[not_plain_count++];
      kept = packet;
      read.not_plain = &kept;
    }
  }
  if (not_plain_count > 0) std::swap(block->held_, lane->held);
}

}  // namespace octroi
