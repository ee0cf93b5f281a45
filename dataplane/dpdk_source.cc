// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk_source.h"

#include <rte_ethdev.h>
#include <time.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace octroi {
namespace {

// No system call: the kernel maps this clock into the process.
int64_t RealTimeNs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const int64_t ns = int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  return std::clamp<int64_t>(ns, 0, kMaxTimestampNs);
}

}  // namespace

DpdkSource::DpdkSource(std::vector<DpdkQueue> queues)
    : queues_(std::move(queues)) {}

DpdkSource::~DpdkSource() { rte_pktmbuf_free_bulk(held_.data(), held_count_); }

size_t DpdkSource::ReceiveBurst(PacketBurst* burst) {
  assert(held_count_ == 0);
  Poll();
  burst->size = held_count_;
  if (held_count_ == 0) return 0;

  const int64_t now_ns = RealTimeNs();
  clock_ns_ = std::max(clock_ns_, now_ns);
  for (size_t i = 0; i < held_count_; ++i) {
    burst->packets[i] = PacketOf(*held_[i], now_ns);
    __builtin_prefetch(burst->packets[i].data);
  }
  return held_count_;
}

// One round at most; the queue after the one that gave something is next.
void DpdkSource::Poll() {
  for (size_t tried = 0; tried < queues_.size() && held_count_ == 0; ++tried) {
    const DpdkQueue& queue = queues_[next_];
    next_ = next_ + 1 == queues_.size() ? 0 : next_ + 1;
    if (queue.is_gone->load(std::memory_order_relaxed)) continue;
    held_count_ =
        rte_eth_rx_burst(queue.port, queue.queue, held_.data(), kMaxBurst);
  }
}

// A packet that spans several buffers is one that its first buffer cuts off, as
// a snap length does: headers are in the first, and octets are counted from
// them and from the length on the wire. A VLAN tag that the card has taken off
// is not put back: flows are told apart without it, and octets start at the IP
// header.
Packet DpdkSource::PacketOf(const rte_mbuf& mbuf, int64_t timestamp_ns) const {
  Packet packet;
  packet.data = rte_pktmbuf_mtod(&mbuf, const uint8_t*);
  packet.captured_octets = mbuf.data_len;
  packet.wire_octets = std::max<uint32_t>(mbuf.pkt_len, mbuf.data_len);
  packet.timestamp_ns = timestamp_ns;
  packet.clock_ns = clock_ns_;
  packet.link_type = LinkType::kEthernet;
  return packet;
}

void DpdkSource::ReleaseBurst(PacketBurst* burst) {
  rte_pktmbuf_free_bulk(held_.data(), held_count_);
  held_count_ = 0;
  burst->size = 0;
}

}  // namespace octroi
