// SPDX-License-Identifier: Apache-2.0
// A place where octroi sees live packets: a network interface or a DPDK port.
// It has one source per worker, and it says what it did not see, which is a
// result as much as what it saw.
//
// Thread safety: a source belongs to its worker's thread. Everything else is
// called from one control thread, also while workers receive.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/packet_source.h"

namespace octroi {

// Where packets are lost before a worker receives them.
enum class LossPlace : uint8_t {
  kKernelRing,  // The ring between the kernel and octroi was full.
  kInterface,   // The interface or its driver had no room.
  kNic,         // A NIC queue that DPDK polls was full.
  kNicErrors,   // The NIC received them broken.
  kMempool,     // No buffer was left for the NIC to write to.
};
inline constexpr size_t kLossPlaceCount = 5;
// "kernel_ring", "interface", "nic", "nic_errors", "mempool": the label
// `where` of octroi_lost_packets_total.
std::string_view LossPlaceName(LossPlace place);

// Packets lost at each place since the point was opened, in 64 bits whatever
// the counters that they are read from. Nothing: not known, because nobody
// counts there, which is not 0.
struct LossTotals {
  std::array<std::optional<uint64_t>, kLossPlaceCount> packets;

  const std::optional<uint64_t>& at(LossPlace place) const {
    return packets[static_cast<size_t>(place)];
  }
  std::optional<uint64_t>& at(LossPlace place) {
    return packets[static_cast<size_t>(place)];
  }
  // The sum over the places that are known.
  uint64_t known() const;

  friend bool operator==(const LossTotals&, const LossTotals&) = default;
};

enum class PointState : uint8_t {
  kUp,
  kDown,  // There, and administratively or physically down.
  kGone,  // Removed. It may come back.
  kLost,  // Removed, and cannot be opened again by this process.
};
// "up", "down", "gone", "lost".
std::string_view PointStateName(PointState state);

// What an observation point knows of itself at one time.
struct PointStatus {
  PointState state = PointState::kUp;
  LossTotals losses;
  // Packets that passed the interface in either direction as its driver counts
  // them, since some time in the past: tells silence from blindness. Nothing:
  // not known.
  std::optional<uint64_t> interface_packets;
  // What an operator is to know of how packets are seen, as a sentence without
  // a full stop; "" if nothing.
  std::string note;
};

// A source that waits for packets. All calls from the worker's thread.
class LiveSource : public PacketSource {
 public:
  // Returns when a packet may be waiting, and after `timeout_ms` at the latest.
  // Between two bursts.
  virtual void Wait(int timeout_ms) = 0;

  // Before the first burst on a thread, and after the last.
  virtual void StartThread() {}
  virtual void EndThread() {}

  bool is_finished() const override { return false; }
};

class ObservationPoint {
 public:
  virtual ~ObservationPoint() = default;

  // As the configuration names it: the label `source` of metrics.
  virtual const std::string& name() const = 0;
  // One source per worker; they live as long as the point.
  virtual size_t source_count() const = 0;
  virtual LiveSource* source(size_t index) = 0;

  // Reads the counters and the state, and takes an interface that has come
  // back into use again. Called about four times a second: some counters have
  // 32 bits and are read often enough never to wrap twice.
  virtual PointStatus Observe() = 0;
};

}  // namespace octroi
