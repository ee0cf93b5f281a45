// SPDX-License-Identifier: Apache-2.0
#include "dataplane/export_ring.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace octroi {

ExportRing::ExportRing(size_t capacity)
    : mask_(capacity - 1), places_(std::make_unique<ExportedFlow[]>(capacity)) {
  assert(std::has_single_bit(capacity));
  assert(capacity <= kMaxExportRingRecords);
}

void ExportRing::Export(std::span<const FlowRecord> records,
                        const TunnelIndex& tunnels) {
  const uint64_t put_count = put_count_.load(std::memory_order_relaxed);
  const size_t fitting_count =
      std::min(records.size(), FreePlaces(put_count, records.size()));
  for (size_t i = 0; i < fitting_count; ++i) {
    const FlowRecord& record = records[i];
    places_[(put_count + i) & mask_] = {record,
                                        tunnels.tunnel(record.key.tunnel)};
  }
  put_count_.store(put_count + fitting_count, std::memory_order_release);
  lost_count_.Add(records.size() - fitting_count);
}

size_t ExportRing::TakeBatch(std::span<ExportedFlow> flows) {
  const uint64_t taken_count = taken_count_.load(std::memory_order_relaxed);
  const uint64_t waiting_count =
      put_count_.load(std::memory_order_acquire) - taken_count;
  const size_t count = std::min<uint64_t>(flows.size(), waiting_count);
  for (size_t i = 0; i < count; ++i) {
    flows[i] = places_[(taken_count + i) & mask_];
  }
  taken_count_.store(taken_count + count, std::memory_order_release);
  return count;
}

// The writer's position is looked at only when the last one known leaves too
// little room: its cache line then stays with the writer.
size_t ExportRing::FreePlaces(uint64_t put_count, size_t wanted) {
  if (capacity() - (put_count - seen_taken_count_) < wanted) {
    seen_taken_count_ = taken_count_.load(std::memory_order_acquire);
  }
  return capacity() - (put_count - seen_taken_count_);
}

}  // namespace octroi
