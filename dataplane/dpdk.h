// SPDX-License-Identifier: Apache-2.0
// Packets from network cards that a DPDK driver polls, and from DPDK's virtual
// devices. StartDpdk starts DPDK once in a process; Open then gives a group of
// devices as one PacketSource per worker. Worker i receives queue i of every
// device of the group: the two ports of a tap, one for each direction, make
// whole flows.
//
// Nothing here includes a header of DPDK. Built without DPDK, StartDpdk fails
// and says so, and there is no other function to call.
//
// Thread safety: one control thread starts, opens, reads states and destroys. A
// worker's thread calls RegisterThread, then its own PacketSource, then
// UnregisterThread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/packet_source.h"

namespace octroi {

// Gets each line that DPDK logs, without its line end. `severity` is syslog's:
// 3 and below are errors, 4 warnings, 7 debugging. Called on any thread, one at
// a time, while DPDK runs.
using DpdkLog = std::function<void(int severity, std::string_view line)>;

struct DpdkOptions {
  // Every device that will be opened: PCI addresses ("0000:3b:00.0") and
  // virtual devices ("net_af_packet0,iface=v0"), with DPDK's arguments after a
  // comma. No other PCI device is touched; with virtual ones only, none is.
  std::vector<std::string> devices = {};
  // Packet buffers in huge pages, which the system must have set aside. Without
  // them DPDK is slower, and a network card needs an IOMMU.
  bool use_huge_pages = true;
  // Memory taken at start. 0: with huge pages nothing, more is taken as it is
  // needed; without them 256.
  uint32_t memory_megabytes = 0;
  // Where the calling thread and DPDK's own threads run. Empty: where the
  // calling thread may run now.
  std::vector<int> control_cpus = {};
  // May be empty. DPDK writes nothing to stdout; before its log is up it writes
  // to stderr why it cannot start.
  DpdkLog log = {};
};

struct DpdkPortsOptions {
  // Of DpdkOptions::devices.
  std::vector<std::string> devices = {};
  // 1 to kMaxWorkers. There may be fewer sources: see DpdkPorts::notes.
  uint32_t worker_count = 1;
  // Receive what is addressed to others too, as on a mirror port.
  bool is_promiscuous = true;
  // Places of a receive queue: packets that wait while a worker is busy. A
  // device rounds it to what it can.
  uint16_t descriptor_count = 2048;
  // Packet buffers of each NUMA node. 0: as many as its queues need.
  uint32_t buffer_count = 0;

  friend bool operator==(const DpdkPortsOptions&,
                         const DpdkPortsOptions&) = default;
};

// A port as it was opened.
struct DpdkPort {
  std::string device;  // Its name, without arguments.
  std::string driver;
  int numa_node = -1;  // -1: not known, or it has none.
  uint16_t queue_count = 0;
  // Both directions of a flow come in by the same queue.
  bool is_symmetric = false;
  bool is_promiscuous = false;
};

// What a port counted since it was opened, in 64 bits across resets and wraps
// of the device's own counters. Nothing where the driver is not known to count:
// that is not 0.
struct DpdkPortState {
  std::optional<uint64_t> received;  // Packets handed to the queues.
  std::optional<uint64_t> missed;    // The receive queues were full (imissed).
  std::optional<uint64_t> errors;    // Broken on the wire (ierrors).
  std::optional<uint64_t> without_buffer;  // No buffer was free (rx_nombuf).
  // Nothing where a virtual device says "up", which most say whatever is true.
  std::optional<bool> is_link_up;
  // The device was removed. Its counts stand as last read; its queues give
  // nothing more. To receive from it again, open it again.
  bool is_gone = false;
};

// One of a driver's own counters (an "xstat").
struct DpdkStatistic {
  std::string name;
  uint64_t value = 0;
};

// Devices that were opened together. Closes them when destroyed.
class DpdkPorts {
 public:
  // REQUIRES: no worker is in a call to one of the sources.
  virtual ~DpdkPorts() = default;

  // One per worker; this owns them. They are live: never finished.
  virtual const std::vector<std::unique_ptr<PacketSource>>& sources() const = 0;

  // In the order of the devices; a device may have several ports.
  virtual const std::vector<DpdkPort>& ports() const = 0;

  // What is not as it was asked for, a sentence each: fewer workers than were
  // wanted, a device that is not promiscuous.
  virtual const std::vector<std::string>& notes() const = 0;

  // The state of ports()[index]. Asks the device: some take milliseconds. A
  // device that counts in 32 bits must be read before it wraps twice.
  virtual DpdkPortState ReadState(size_t index) = 0;

  // The driver's own counters of ports()[index], as the device has them now;
  // empty once it is gone.
  virtual std::vector<DpdkStatistic> ReadStatistics(size_t index) = 0;
};

// DPDK, started. Stops it when destroyed; it cannot be started again in the
// same process.
class Dpdk {
 public:
  // REQUIRES: every DpdkPorts is destroyed, every thread unregistered.
  virtual ~Dpdk() = default;

  // Opens devices and starts them: packets queue from here on. Fails if one
  // cannot be had, with what to do about it; nothing is left open then.
  virtual absl::StatusOr<std::unique_ptr<DpdkPorts>> Open(
      const DpdkPortsOptions& options) = 0;

  // Pins the calling thread to `cpu`, if given, and makes it known to DPDK,
  // which then caches free buffers for it. A worker's thread calls it before
  // its first burst.
  virtual absl::Status RegisterThread(std::optional<int> cpu) = 0;
  // Takes it back, before the thread ends. Does nothing on other threads.
  virtual void UnregisterThread() = 0;
};

// Starts DPDK. Fails, with what to do, if the build has no DPDK, if it has been
// started before, if there are no huge pages, or if it refuses.
absl::StatusOr<std::unique_ptr<Dpdk>> StartDpdk(DpdkOptions options);

// The version of DPDK that runs, "22.11.11", or "not built in".
std::string DpdkVersion();

}  // namespace octroi
