// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "bench/dpdk.h"

namespace octroi::bench {

bool StartDpdk(int, size_t) {
  std::fprintf(stderr, "bench: built without DPDK, its references are out\n");
  return false;
}

void DrainDpdkDevice(const char*, size_t) {}

struct DpdkHash::State {};
DpdkHash::DpdkHash(uint32_t) {}
DpdkHash::~DpdkHash() = default;
int32_t DpdkHash::Add(const Key16&) { return -1; }
void DpdkHash::LookupBulk(std::span<const Key16>, int32_t*) const {}

struct DpdkRoutes::State {};
DpdkRoutes::DpdkRoutes(Kind, std::span<const Route>) {}
DpdkRoutes::~DpdkRoutes() = default;
bool DpdkRoutes::is_available() const { return false; }
void DpdkRoutes::LookupV4(std::span<const uint32_t>, uint64_t*) const {}
void DpdkRoutes::LookupV6(std::span<const std::array<uint8_t, 16>>,
                          uint64_t*) const {}

}  // namespace octroi::bench
