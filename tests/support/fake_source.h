// SPDX-License-Identifier: Apache-2.0
// A packet source that a test fills beforehand. It lends its bytes as a real
// one does: after ReleaseBurst they are overwritten, unless they are held.
// Receiving allocates nothing where nothing is held. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/packet.h"
#include "dataplane/replay_source.h"
#include "tests/support/packet_builder.h"

namespace octroi::testing {

class FakeSource : public ReplaySource {
 public:
  // Hands over up to `burst_size` packets at a time.
  explicit FakeSource(size_t burst_size = kMaxBurst)
      : burst_size_(burst_size) {}

  // Appends a packet; its clock is the latest timestamp so far.
  void Push(const Frame& frame, int64_t timestamp_ns);
  void Push(const PacketBuilder& builder, int64_t timestamp_ns) {
    Push(builder.Build(), timestamp_ns);
  }

  size_t ReceiveBurst(PacketBurst* burst) override;
  void ReleaseBurst(PacketBurst* burst) override;
  void HoldBytes(HeldBytes* held) override;
  bool is_finished() const override { return position_ == packets_.size(); }

  // Every packet pushed, for another reader. Borrows from this source.
  std::vector<Packet> packets() const;

 private:
  struct Stored {
    Frame frame;
    int64_t timestamp_ns = 0;
    int64_t clock_ns = 0;
  };
  void LeaveHeldBytes();
  static Packet PacketOf(const Stored& stored, const uint8_t* data);

  const size_t burst_size_;
  std::vector<Stored> packets_;
  size_t position_ = 0;
  size_t longest_bytes_ = 0;
  // The bytes of the burst in progress.
  std::shared_ptr<std::vector<uint8_t>> lent_;
};

}  // namespace octroi::testing
