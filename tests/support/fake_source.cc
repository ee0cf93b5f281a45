// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fake_source.h"

#include <algorithm>

namespace octroi::testing {

void FakeSource::Push(const Frame& frame, int64_t timestamp_ns) {
  Stored stored;
  stored.frame = frame;
  stored.timestamp_ns = timestamp_ns;
  stored.clock_ns = packets_.empty()
                        ? timestamp_ns
                        : std::max(packets_.back().clock_ns, timestamp_ns);
  longest_bytes_ = std::max(longest_bytes_, frame.bytes.size());
  LeaveHeldBytes();
  lent_->resize(kMaxBurst * longest_bytes_);
  packets_.push_back(std::move(stored));
}

void FakeSource::LeaveHeldBytes() {
  if (lent_.use_count() == 1) return;
  lent_ = std::make_shared<std::vector<uint8_t>>(kMaxBurst * longest_bytes_, 0);
}

Packet FakeSource::PacketOf(const Stored& stored, const uint8_t* data) {
  Packet packet = stored.frame.AsPacket(stored.timestamp_ns);
  packet.clock_ns = stored.clock_ns;
  packet.data = data;
  return packet;
}

size_t FakeSource::ReceiveBurst(PacketBurst* burst) {
  burst->size = 0;
  LeaveHeldBytes();
  uint8_t* place = lent_->data();
  while (burst->size < burst_size_ && position_ < packets_.size()) {
    const Stored& stored = packets_[position_++];
    std::copy(stored.frame.bytes.begin(), stored.frame.bytes.end(), place);
    burst->packets[burst->size++] = PacketOf(stored, place);
    place += stored.frame.bytes.size();
  }
  return burst->size;
}

void FakeSource::ReleaseBurst(PacketBurst* burst) {
  burst->size = 0;
  if (lent_.use_count() > 1) return;
  std::fill(lent_->begin(), lent_->end(), uint8_t{0xDB});
}

void FakeSource::HoldBytes(HeldBytes* held) { held->Add(lent_, lent_->size()); }

std::vector<Packet> FakeSource::packets() const {
  std::vector<Packet> packets;
  for (const Stored& stored : packets_) {
    packets.push_back(PacketOf(stored, stored.frame.bytes.data()));
  }
  return packets;
}

}  // namespace octroi::testing
