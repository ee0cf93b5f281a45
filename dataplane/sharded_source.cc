// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sharded_source.h"

#include <algorithm>
#include <span>

namespace octroi {
namespace {

// Where the headers of most packets end: Ethernet, IPv4 and TCP.
constexpr size_t kHeaderOctets = 54;

}  // namespace

size_t ShardedSource::ReceiveBurst(PacketBurst* burst) {
  burst->size = 0;
  while (block_ == nullptr) {
    block_ = dealer_->Take(lane_);
    if (block_ == nullptr) {
      is_finished_ = true;
      return 0;
    }
    position_ = 0;
    PutBackIfUsedUp();  // A block may have nothing for this lane.
  }
  const std::span<const uint16_t> places = block_->PlacesOf(lane_).subspan(
      position_, std::min(kMaxBurst, left_count()));
  // What another core has read or written comes from its cache: all of the
  // burst is touched before any of it is needed.
  for (const uint16_t place : places) {
    __builtin_prefetch(&block_->packet(place));
  }
  for (const uint16_t place : places) {
    const Packet& packet = block_->packet(place);
    __builtin_prefetch(packet.data);
    __builtin_prefetch(packet.data + kHeaderOctets);
    burst->packets[burst->size++] = packet;
  }
  position_ += burst->size;
  return burst->size;
}

void ShardedSource::ReleaseBurst(PacketBurst* burst) {
  burst->size = 0;
  if (block_ != nullptr) PutBackIfUsedUp();
}

void ShardedSource::PutBackIfUsedUp() {
  if (left_count() > 0) return;
  block_ = nullptr;
  dealer_->PutBack(lane_);
}

}  // namespace octroi
