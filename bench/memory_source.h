// SPDX-License-Identifier: Apache-2.0
// Packets in memory, laid out as pcap records, walked round and round as a
// source: the packet path without a file. Each round is later than the one
// before it, so that clocks never go back. Thread safety: one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "bench/memory.h"
#include "bench/traffic.h"
#include "dataplane/packet_source.h"

namespace octroi::bench {

// 64-octet packets behind their record headers.
struct Record64 {
  PcapRecordHeader header;
  uint8_t frame[64];
};
static_assert(sizeof(Record64) == 80);

// Reads a record as a capture reader does: the time, both lengths, the bytes.
inline void ReadRecord(const Record64& record, int64_t base_ns,
                       Packet* packet) {
  packet->data = record.frame;
  packet->captured_octets = record.header.captured_octets;
  packet->wire_octets =
      std::max(record.header.wire_octets, record.header.captured_octets);
  packet->timestamp_ns = base_ns +
                         int64_t{record.header.seconds} * 1'000'000'000 +
                         int64_t{record.header.microseconds} * 1'000;
  packet->clock_ns = packet->timestamp_ns;
  packet->link_type = LinkType::kEthernet;
}

class MemorySource final : public PacketSource {
 public:
  // `records` must outlive the source; one comes each `spacing_ns`.
  MemorySource(const Prefaulted<Record64>* records, int64_t spacing_ns)
      : records_(*records), spacing_ns_(spacing_ns) {}

  // The source ends after that many packets more, the first of them at
  // `start_ns` after the first record's time: sources that take turns at one
  // worker then have one clock.
  void SetBudget(size_t packets, int64_t start_ns) {
    budget_ = packets;
    base_ns_ = start_ns - static_cast<int64_t>(position_) * spacing_ns_;
  }

  size_t ReceiveBurst(PacketBurst* burst) override {
    const size_t count =
        std::min({kMaxBurst, budget_, records_.size() - position_});
    for (size_t i = 0; i < count; ++i) {
      ReadRecord(records_[position_ + i], base_ns_, &burst->packets[i]);
    }
    burst->size = count;
    budget_ -= count;
    position_ += count;
    if (position_ == records_.size()) {
      position_ = 0;
      base_ns_ += static_cast<int64_t>(records_.size()) * spacing_ns_;
    }
    return count;
  }
  void ReleaseBurst(PacketBurst* burst) override { burst->size = 0; }
  bool is_finished() const override { return budget_ == 0; }

 private:
  const Prefaulted<Record64>& records_;
  const int64_t spacing_ns_;
  size_t budget_ = 0;
  size_t position_ = 0;
  int64_t base_ns_ = 0;
};

}  // namespace octroi::bench
