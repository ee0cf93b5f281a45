// SPDX-License-Identifier: Apache-2.0
// ExportRing hands a worker's ended flows to the one thread that writes them:
// a bounded ring with one producer and one consumer. The worker never waits:
// what finds no place is dropped and counted, its octets are in the accounts.
//
// Nothing wakes the consumer. A wake-up is a system call on the worker's side,
// and ended flows are in no hurry: the writer thread looks at all rings some
// ten times a second, and takes batches until they are empty.
//
// Thread safety: lock-free. One thread, the worker's, calls Export; one
// thread, the writer's, calls TakeBatch; any thread lost_count. The
// constructor takes all memory and touches it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/counter.h"
#include "dataplane/exported_flow.h"
#include "dataplane/flow_sink.h"
#include "dataplane/limits.h"

namespace octroi {

class ExportRing : public FlowSink {
 public:
  // Room for `capacity` flows.
  // REQUIRES: a power of two, at most kMaxExportRingRecords.
  explicit ExportRing(size_t capacity = kDefaultExportRingRecords);

  // Copies the records behind those that wait, with their tunnels resolved;
  // drops the last ones if there is not room for all. Hot path.
  void Export(std::span<const FlowRecord> records,
              const TunnelIndex& tunnels) override;

  // Whether Export would drop none of so many records. The worker's thread.
  bool HasRoomFor(size_t count) {
    return FreePlaces(put_count_.load(std::memory_order_relaxed), count) >=
           count;
  }

  // Moves the flows that have waited longest to `flows`, in the order of
  // Export, and returns how many: fewer than flows.size() if no more waited.
  size_t TakeBatch(std::span<ExportedFlow> flows);

  // Records dropped since construction because the ring was full.
  uint64_t lost_count() const { return lost_count_.Read(); }
  size_t capacity() const { return mask_ + 1; }

 private:
  size_t FreePlaces(uint64_t put_count, size_t wanted);

  // Constant after construction. Flow n stands at place n & mask_.
  const size_t mask_;
  const std::unique_ptr<ExportedFlow[]> places_;

  // Flows put and taken since construction; the difference waits. Each has one
  // writer, which stores with release what the other side loads with acquire:
  // a place is read after it was filled, and filled again after it was read.
  alignas(64) std::atomic<uint64_t> put_count_{0};    // Written by the worker.
  alignas(64) std::atomic<uint64_t> taken_count_{0};  // Written by the writer.

  // Worker thread only: taken_count_ when it was last looked at.
  alignas(64) uint64_t seen_taken_count_ = 0;

  // Written by the worker, read by any thread.
  Counter lost_count_;
};

}  // namespace octroi
