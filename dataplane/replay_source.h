// SPDX-License-Identifier: Apache-2.0
// A source that ends and whose bytes can be kept past the burst that they came
// with, so that several workers share what one of them has read instead of
// copying it.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/packet_source.h"

namespace octroi {

// Keeps memory that packets stand in as it is. Plain values; whoever has one
// lets go of it on the thread that receives, or ordered with it by a lock.
class HeldBytes {
 public:
  // `memory` of `size_bytes`. The same memory held twice in a row counts once.
  void Add(std::shared_ptr<const void> memory, size_t size_bytes) {
    if (memory == nullptr) return;
    if (!memories_.empty() && memories_.back() == memory) return;
    memories_.push_back(std::move(memory));
    size_bytes_ += size_bytes;
  }
  void Clear() {
    memories_.clear();
    size_bytes_ = 0;
  }
  // How much is held.
  size_t size_bytes() const { return size_bytes_; }

 private:
  std::vector<std::shared_ptr<const void>> memories_;
  size_t size_bytes_ = 0;
};

// Bytes that a source comes to later, which one thread can read while another
// receives.
class BytesAhead {
 public:
  virtual ~BytesAhead() = default;
  // Reads them, unless some thread has begun to. Any thread.
  virtual void Read() = 0;
  // Whether the source has come to them, or passed over them. Ordered with the
  // source's calls.
  virtual bool is_used() const = 0;
};

// A burst of a ReplaySource may be smaller than what is left: where the memory
// ends that its packets stand in.
class ReplaySource : public PacketSource {
 public:
  // Adds to `held` what keeps the bytes of the last burst readable past
  // ReleaseBurst, for as long as it is held.
  // REQUIRES: the last burst has not been released.
  virtual void HoldBytes(HeldBytes* held) = 0;

  // The next bytes that can be read ahead, after those that were planned
  // before; null if there are none. It need not be used, and may be used when
  // the source is no more.
  virtual std::shared_ptr<BytesAhead> PlanAhead() { return nullptr; }
};

}  // namespace octroi
