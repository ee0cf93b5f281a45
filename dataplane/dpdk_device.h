// SPDX-License-Identifier: Apache-2.0
// What octroi knows of DPDK's devices without asking DPDK: how they are named,
// what their drivers count, which Debian package a driver is in, and why a PCI
// device or huge pages cannot be had. Pure functions of their arguments and of
// the /sys that they are given; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace octroi {

struct DpdkDevice {
  // What DPDK is given: the name, then its arguments, if any, after a comma.
  std::string text;
  // "0000:3b:00.0" or "net_pcap0".
  std::string name;
  bool is_pci = false;
};

// Takes a device as the configuration names it. "3b:00.0" is short for
// "0000:3b:00.0". Fails on an empty name, or one that holds more than letters,
// digits, ':', '.', '-' and '_'; a line break cannot be in an argument.
absl::StatusOr<DpdkDevice> ParseDpdkDevice(std::string_view text);

// How packets reach the queues of a device without RSS.
enum class DpdkSpread : uint8_t {
  // Not known: one queue is used.
  kUnknown,
  // Both directions of a flow come in by the same queue.
  kSymmetric,
  // Whoever feeds the device decides (a file or an interface for each queue):
  // all queues must be read, by one worker so that flows are whole.
  kFeeder,
};

// What a driver of DPDK 22.11 is known to do. A counter that a driver does not
// fill reads 0, so that only those that are known to be filled say anything.
struct DpdkDriver {
  std::string_view name;
  bool counts_missed = false;
  bool counts_errors = false;
  bool counts_without_buffer = false;
  DpdkSpread spread = DpdkSpread::kUnknown;
  // It says how much of a packet it kept, not how long the packet was.
  bool hides_wire_length = false;
};

// Of a driver that is not known: nothing is counted, nothing is symmetric.
DpdkDriver FindDpdkDriver(std::string_view driver_name);

// Why DPDK has no driver for a virtual device, and what to install.
std::string ExplainVirtualDevice(std::string_view device_name);

// Why a PCI device is not had, and what to do: it is not there, or the kernel's
// driver has it, or nothing that is installed drives it. `sys` is "/sys".
std::string ExplainPciDevice(std::string_view sys, std::string_view address);

// Huge pages that nobody uses, of any size. `sys` is "/sys".
uint64_t FreeHugePages(std::string_view sys);

}  // namespace octroi
