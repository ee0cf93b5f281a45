// SPDX-License-Identifier: Apache-2.0
// One port of a DPDK device: its set-up, its counters, its removal.
//
// Thread safety: the control thread. is_gone is written by DPDK's interrupt
// thread and read by any thread.
#pragma once

#include <rte_config.h>
#include <rte_ethdev.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/dpdk.h"
#include "dataplane/dpdk_device.h"
#include "dataplane/dpdk_log.h"
#include "dataplane/wrapping_count.h"

namespace octroi {

// A key of Toeplitz hashing with which both directions of a flow have the same
// hash: two bytes, repeated, so that swapping addresses or ports, which moves
// bits by a multiple of 16, changes nothing. (S. Woo and K. Park, "Scalable TCP
// Session Monitoring with Symmetric Receive-side Scaling", 2012.)
std::vector<uint8_t> SymmetricRssKey(size_t bytes);

class DpdkPortDevice {
 public:
  // Takes over a port that DPDK has, until destroyed: then it is closed. `log`
  // must outlive this.
  static absl::StatusOr<std::unique_ptr<DpdkPortDevice>> Create(
      uint16_t number, const DpdkDevice& device, DpdkLogStream* log);
  ~DpdkPortDevice();
  DpdkPortDevice(const DpdkPortDevice&) = delete;
  DpdkPortDevice& operator=(const DpdkPortDevice&) = delete;

  uint16_t number() const { return number_; }
  const std::string& name() const { return name_; }
  int numa_node() const { return numa_node_; }
  const DpdkDriver& driver() const { return driver_; }
  rte_device* device() const { return info_.device; }
  const std::atomic<bool>& is_gone() const { return is_gone_; }
  // DPDK has let go of the port, and of its device with it.
  bool is_released() const { return is_released_; }

  // Workers that this port can feed so that flows stay whole, at most `wanted`.
  uint16_t WorkerCount(uint16_t wanted) const;
  // Queues that are opened for `workers`: as many, but all of a device that is
  // fed by somebody else.
  uint16_t QueueCount(uint16_t workers) const;
  // Places of a receive queue that this device can have, near to `wanted`.
  uint16_t DescriptorCount(uint16_t wanted) const;
  // Buffers that a queue of that many places holds at a time.
  uint32_t BufferCount(uint16_t wanted) const;

  // Sets up `workers` workers' queues, each with the buffers of `pool`, and
  // starts. May be called again after Stop.
  absl::Status Start(uint16_t workers, uint16_t descriptor_count,
                     bool is_promiscuous, rte_mempool* pool);
  void Stop();

  // As it was started.
  const DpdkPort& description() const { return description_; }

  DpdkPortState ReadState();
  std::vector<DpdkStatistic> ReadStatistics();

 private:
  DpdkPortDevice(uint16_t number, const DpdkDevice& device, DpdkLogStream* log);

  // A card's driver says that it went, or DPDK lets go of the port.
  static int OnPortEvent(uint16_t port, rte_eth_event_type event, void* self,
                         void* unused);
  // The kernel says so, of drivers that do not.
  static void OnDeviceEvent(const char* device, rte_dev_event_type event,
                            void* self);
  absl::Status RegisterCallbacks();
  void UnregisterCallbacks();
  bool UsesRss(uint16_t workers) const;
  uint8_t KeyBytes() const;
  // Borrows `key`.
  rte_eth_rss_conf HashConf(std::vector<uint8_t>* key) const;
  // Of the started device. One that will not say how it hashes is not
  // symmetric.
  bool AskForSymmetricHash();
  bool HasSymmetricHash() const;
  absl::Status Configure(uint16_t workers, uint16_t queues);
  absl::Status SetUpQueues(uint16_t queues, uint16_t descriptor_count,
                           rte_mempool* pool);
  absl::Status Refused(std::string_view what, int result) const;
  void ReadFirstCounts();

  // Constant after Create.
  const uint16_t number_;
  const std::string name_;
  const bool is_pci_;
  DpdkLogStream* const log_;
  rte_eth_dev_info info_{};
  DpdkDriver driver_;
  int numa_node_ = -1;

  bool is_started_ = false;
  uint16_t transmit_queue_count_ = 0;
  DpdkPort description_;
  DpdkPortState state_;
  WrappingCount received_;
  WrappingCount missed_;
  WrappingCount errors_;
  WrappingCount without_buffer_;

  // Written by the interrupt thread, read by any thread.
  std::atomic<bool> is_gone_ = false;
  // The port's number is no longer this port's. After is_gone_.
  std::atomic<bool> is_released_ = false;
};

}  // namespace octroi
