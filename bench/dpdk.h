// SPDX-License-Identifier: Apache-2.0
// DPDK's tables as references: its hash, and its longest-prefix matches.
// rte_*.h is included by dpdk.cc only, since libdpdk's flags name a CPU. Where
// DPDK is not installed no_dpdk.cc stands in and Start says false.
//
// Thread safety: one thread; one object of each class at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "bench/traffic.h"
#include "geo/ip_address.h"
#include "geo/ip_prefix.h"

namespace octroi::bench {

inline constexpr size_t kBatch = 32;

// Starts DPDK without devices and with up to `memory_mb` of ordinary memory, in
// huge pages where the kernel has them. False where there is no DPDK or it does
// not start; said on stderr.
bool StartDpdk(int cpu, size_t memory_mb);

// Receives at least `packet_count` packets from the first queue of a device
// that runs, and gives the buffers back. Ends the program if there is no such
// device.
void DrainDpdkDevice(const char* device, size_t packet_count);

// A 5-tuple of IPv4, padded with zeros.
struct Key16 {
  uint32_t source = 0;
  uint32_t destination = 0;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint32_t protocol = 0;

  friend bool operator==(const Key16&, const Key16&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const Key16& key) {
    return H::combine(std::move(state), key.source, key.destination,
                      key.source_port, key.destination_port, key.protocol);
  }
};
static_assert(sizeof(Key16) == 16);

// rte_hash with 16-byte keys, its CRC hash, looked up in bulk.
class DpdkHash {
 public:
  explicit DpdkHash(uint32_t capacity);
  ~DpdkHash();
  // The place of a new key; negative if it cannot be added.
  int32_t Add(const Key16& key);
  // places[i] of keys[i], negative where there is none.
  // REQUIRES: at most kBatch keys.
  void LookupBulk(std::span<const Key16> keys, int32_t* places) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A prefix and its value, below 2^24.
struct Route {
  IpPrefix prefix;
  uint32_t value = 0;
};

// The three look-ups. Those whose table cannot be made are not available.
class DpdkRoutes {
 public:
  enum class Kind : uint8_t { kLpm, kFib, kFib6 };

  // Adds the routes of the kind's family. rte_lpm takes half a minute.
  DpdkRoutes(Kind kind, std::span<const Route> routes);
  ~DpdkRoutes();
  bool is_available() const;
  // REQUIRES: kLpm or kFib; at most kBatch addresses.
  void LookupV4(std::span<const uint32_t> addresses, uint64_t* values) const;
  // REQUIRES: kFib6; at most kBatch addresses of 16 bytes.
  void LookupV6(std::span<const std::array<uint8_t, 16>> addresses,
                uint64_t* values) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace octroi::bench
