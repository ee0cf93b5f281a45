// SPDX-License-Identifier: Apache-2.0
#include "bench/dpdk.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_lpm.h>
#include <rte_memory.h>
#include <sys/mman.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "dataplane/limits.h"

namespace octroi::bench {
namespace {

int AdviseHuge(const rte_memseg_list* list, void*) {
  madvise(list->base_va, list->len, MADV_HUGEPAGE);
  return 0;
}

// The address of a route as DPDK takes it: big-endian bytes.
std::array<uint8_t, 16> BytesOf(const IpAddress& address) {
  std::array<uint8_t, 16> bytes;
  Uint128 number = address.number();
  for (size_t i = 16; i-- > 0; number >>= 8) {
    bytes[i] = static_cast<uint8_t>(number);
  }
  return bytes;
}

}  // namespace

bool StartDpdk(int cpu, size_t memory_mb) {
  std::string core = std::to_string(cpu);
  std::string memory = std::to_string(memory_mb);
  std::array<std::string, 12> arguments = {"bench",
                                           "--no-huge",
                                           "--no-pci",
                                           "--no-shconf",
                                           "--no-telemetry",
                                           "--force-max-simd-bitwidth=512",
                                           "--log-level=error",
                                           "-l",
                                           core,
                                           "-m",
                                           memory};
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    if (!argument.empty()) argv.push_back(argument.data());
  }
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    std::fprintf(stderr, "bench: DPDK does not start: %s\n",
                 rte_strerror(rte_errno));
    return false;
  }
  rte_memseg_list_walk(AdviseHuge, nullptr);
  return true;
}

void DrainDpdkDevice(const char* device, size_t packet_count) {
  uint16_t port = 0;
  if (rte_eth_dev_get_port_by_name(device, &port) != 0) {
    std::fprintf(stderr, "bench: no DPDK device %s\n", device);
    std::exit(1);
  }
  std::array<rte_mbuf*, kMaxBurst> mbufs;
  for (size_t done = 0; done < packet_count;) {
    const uint16_t count =
        rte_eth_rx_burst(port, /*queue_id=*/0, mbufs.data(), kMaxBurst);
    rte_pktmbuf_free_bulk(mbufs.data(), count);
    done += count;
  }
}

struct DpdkHash::State {
  rte_hash* hash = nullptr;
};

DpdkHash::DpdkHash(uint32_t capacity) : state_(std::make_unique<State>()) {
  rte_hash_parameters parameters{};
  parameters.name = "flows";
  parameters.entries = capacity;
  parameters.key_len = sizeof(Key16);
  parameters.hash_func = rte_hash_crc;
  state_->hash = rte_hash_create(&parameters);
  if (state_->hash == nullptr) {
    std::fprintf(stderr, "bench: no rte_hash of %u keys: %s\n", capacity,
                 rte_strerror(rte_errno));
    std::exit(1);
  }
}

DpdkHash::~DpdkHash() { rte_hash_free(state_->hash); }

int32_t DpdkHash::Add(const Key16& key) {
  return rte_hash_add_key(state_->hash, &key);
}

void DpdkHash::LookupBulk(std::span<const Key16> keys, int32_t* places) const {
  std::array<const void*, kBatch> pointers;
  for (size_t i = 0; i < keys.size(); ++i) pointers[i] = &keys[i];
  rte_hash_lookup_bulk(state_->hash, pointers.data(),
                       static_cast<uint32_t>(keys.size()), places);
}

struct DpdkRoutes::State {
  rte_lpm* lpm = nullptr;
  rte_fib* fib = nullptr;
  rte_fib6* fib6 = nullptr;
};

DpdkRoutes::DpdkRoutes(Kind kind, std::span<const Route> routes)
    : state_(std::make_unique<State>()) {
  if (kind == Kind::kLpm) {
    rte_lpm_config config{};
    config.max_rules = 2'000'000;
    config.number_tbl8s = 1 << 17;
    state_->lpm = rte_lpm_create("lpm", 0, &config);
  } else if (kind == Kind::kFib) {
    rte_fib_conf config{};
    config.type = RTE_FIB_DIR24_8;
    config.max_routes = 2'000'000;
    config.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
    config.dir24_8.num_tbl8 = 1 << 17;
    state_->fib = rte_fib_create("fib", 0, &config);
    if (state_->fib != nullptr) {
      rte_fib_select_lookup(state_->fib, RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512);
    }
  } else {
    rte_fib6_conf config{};
    config.type = RTE_FIB6_TRIE;
    config.max_routes = 2'000'000;
    config.trie.nh_sz = RTE_FIB6_TRIE_4B;
    config.trie.num_tbl8 = 2'000'000;
    state_->fib6 = rte_fib6_create("fib6", 0, &config);
    if (state_->fib6 != nullptr) {
      rte_fib6_select_lookup(state_->fib6, RTE_FIB6_LOOKUP_TRIE_VECTOR_AVX512);
    }
  }
  size_t refused_count = 0;
  for (const Route& route : routes) {
    const IpPrefix& prefix = route.prefix;
    const auto depth = static_cast<uint8_t>(prefix.length());
    const bool is_v4 = prefix.family() == AddressFamily::kIpv4;
    int result = 0;
    if (state_->lpm != nullptr && is_v4 && depth > 0) {
      result = rte_lpm_add(state_->lpm, static_cast<uint32_t>(prefix.first()),
                           depth, route.value);
    } else if (state_->fib != nullptr && is_v4) {
      result = rte_fib_add(state_->fib, static_cast<uint32_t>(prefix.first()),
                           depth, route.value);
    } else if (state_->fib6 != nullptr && !is_v4) {
      const auto bytes = BytesOf(IpAddress::V6(prefix.first()));
      result = rte_fib6_add(state_->fib6, bytes.data(), depth, route.value);
    }
    refused_count += result < 0 ? 1 : 0;
  }
  if (!is_available() || refused_count > 0) {
    std::fprintf(stderr, "bench: DPDK table %d: %s, %zu routes refused\n",
                 static_cast<int>(kind),
                 is_available() ? "made" : rte_strerror(rte_errno),
                 refused_count);
  }
}

DpdkRoutes::~DpdkRoutes() {
  rte_lpm_free(state_->lpm);
  rte_fib_free(state_->fib);
  rte_fib6_free(state_->fib6);
}

bool DpdkRoutes::is_available() const {
  return state_->lpm != nullptr || state_->fib != nullptr ||
         state_->fib6 != nullptr;
}

void DpdkRoutes::LookupV4(std::span<const uint32_t> addresses,
                          uint64_t* values) const {
  const auto count = static_cast<uint32_t>(addresses.size());
  if (state_->fib != nullptr) {
    rte_fib_lookup_bulk(state_->fib, const_cast<uint32_t*>(addresses.data()),
                        values, static_cast<int>(count));
    return;
  }
  std::array<uint32_t, kBatch> found;
  rte_lpm_lookup_bulk(state_->lpm, addresses.data(), found.data(), count);
  for (uint32_t i = 0; i < count; ++i) values[i] = found[i] & 0xFFFFFF;
}

void DpdkRoutes::LookupV6(std::span<const std::array<uint8_t, 16>> addresses,
                          uint64_t* values) const {
  auto* bytes = reinterpret_cast<uint8_t(*)[RTE_FIB6_IPV6_ADDR_SIZE]>(
      const_cast<std::array<uint8_t, 16>*>(addresses.data()));
  rte_fib6_lookup_bulk(state_->fib6, bytes, values,
                       static_cast<int>(addresses.size()));
}

}  // namespace octroi::bench
