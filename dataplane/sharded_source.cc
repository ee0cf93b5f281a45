// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sharded_source.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace octroi {

ShardedSource::ShardedSource()
    : batches_(std::make_unique<Batch[]>(kBatchCount)) {
  for (size_t i = 0; i < kBatchCount; ++i) {
    batches_[i].bytes = std::make_unique<uint8_t[]>(kBatchBytes);
  }
}

void ShardedSource::Push(const Packet& packet) {
  assert(packet.captured_octets <= kBatchBytes);
  if (has_filling_) {
    const Batch& full = batch(filling_);
    if (full.packet_count == kBatchPackets ||
        full.used_bytes + packet.captured_octets > kBatchBytes) {
      PublishFilling();
    }
  }
  if (!has_filling_) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] {
      return published_count_ - released_count_ < kBatchCount;
    });
    filling_ = published_count_;
    has_filling_ = true;
  }

  Batch& target = batch(filling_);
  uint8_t* bytes = target.bytes.get() + target.used_bytes;
  if (packet.captured_octets > 0) {
    std::memcpy(bytes, packet.data, packet.captured_octets);
  }
  Packet& copy = target.packets[target.packet_count++];
  copy = packet;
  copy.data = bytes;
  target.used_bytes += packet.captured_octets;
}

void ShardedSource::Close(int64_t final_clock_ns) {
  if (has_filling_) PublishFilling();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_closed_ = true;
    final_clock_ns_ = final_clock_ns;
  }
  changed_.notify_all();
}

void ShardedSource::PublishFilling() {
  has_filling_ = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    published_count_ += 1;
  }
  changed_.notify_all();
}

size_t ShardedSource::ReceiveBurst(PacketBurst* burst) {
  burst->size = 0;
  if (!has_draining_) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] {
      return released_count_ < published_count_ || is_closed_;
    });
    if (released_count_ == published_count_) {
      is_finished_ = true;
      return 0;
    }
    draining_ = released_count_;
    drained_packets_ = 0;
    has_draining_ = true;
  }

  const Batch& from = batch(draining_);
  burst->size = std::min(kMaxBurst, from.packet_count - drained_packets_);
  std::copy_n(from.packets.begin() + drained_packets_, burst->size,
              burst->packets.begin());
  drained_packets_ += burst->size;
  return burst->size;
}

void ShardedSource::ReleaseBurst(PacketBurst* burst) {
  burst->size = 0;
  if (!has_draining_) return;
  Batch& from = batch(draining_);
  if (drained_packets_ < from.packet_count) return;
  from.packet_count = 0;
  from.used_bytes = 0;
  has_draining_ = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    released_count_ += 1;
  }
  changed_.notify_all();
}

}  // namespace octroi
