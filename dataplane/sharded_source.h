// SPDX-License-Identifier: Apache-2.0
// The packets of some shards, handed from the thread that reads a capture to
// one worker's thread: a bounded queue of batches that hold copies of the
// bytes. The lock is taken once per batch, not per packet.
//
// Thread safety: one reading thread calls Push and Close, one worker's thread
// the rest. The constructor takes all memory.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "dataplane/limits.h"
#include "dataplane/packet.h"
#include "dataplane/packet_source.h"

namespace octroi {

class ShardedSource : public PacketSource {
 public:
  ShardedSource();

  // Copies the packet behind those pushed before. Waits while every batch is
  // full and the worker has not finished one.
  // REQUIRES: packet.captured_octets <= kMaxCapturedOctets.
  void Push(const Packet& packet);
  // No packet follows. `final_clock_ns` is the last clock of the whole capture.
  void Close(int64_t final_clock_ns);

  // Waits for packets; 0 only when the source has been closed and is empty.
  size_t ReceiveBurst(PacketBurst* burst) override;
  void ReleaseBurst(PacketBurst* burst) override;
  bool is_finished() const override { return is_finished_; }
  // REQUIRES: is_finished().
  int64_t final_clock_ns() const { return final_clock_ns_; }

 private:
  static constexpr size_t kBatchCount = 4;
  static constexpr size_t kBatchPackets = 512;
  static constexpr size_t kBatchBytes = kMaxCapturedOctets;

  struct Batch {
    std::array<Packet, kBatchPackets> packets;
    size_t packet_count = 0;
    size_t used_bytes = 0;
    std::unique_ptr<uint8_t[]> bytes;
  };

  Batch& batch(size_t number) { return batches_[number % kBatchCount]; }
  void PublishFilling();

  // Batch n is being filled if n == published_count_, waits for the worker or
  // is being drained if it is between the two counts, and is free otherwise.
  std::unique_ptr<Batch[]> batches_;

  // Reading thread only.
  size_t filling_ = 0;
  bool has_filling_ = false;

  // Worker's thread only.
  size_t draining_ = 0;
  size_t drained_packets_ = 0;
  bool has_draining_ = false;
  bool is_finished_ = false;

  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t published_count_ = 0;
  size_t released_count_ = 0;
  bool is_closed_ = false;
  int64_t final_clock_ns_ = 0;  // Constant once is_closed_.
};

}  // namespace octroi
