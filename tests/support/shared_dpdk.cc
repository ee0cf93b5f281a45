// SPDX-License-Identifier: Apache-2.0
#include "tests/support/shared_dpdk.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

// What DPDK's libraries do not give back is not octroi's leak: net_af_xdp does
// not free its packet memory of libxdp.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:xsk_umem__create\n";
}

namespace octroi::testing {

Dpdk* SharedDpdk() {
  static const std::unique_ptr<Dpdk> dpdk = [] {
    DpdkOptions options;
    options.use_huge_pages = false;
    options.log = [](int severity, std::string_view line) {
      if (severity > 4) return;
      std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()),
                   line.data());
    };
    absl::StatusOr<std::unique_ptr<Dpdk>> started =
        StartDpdk(std::move(options));
    if (!started.ok()) {
      std::fprintf(stderr, "%s\n", started.status().ToString().c_str());
      std::exit(1);
    }
    return *std::move(started);
  }();
  return dpdk.get();
}

absl::StatusOr<std::unique_ptr<DpdkPorts>> OpenDevices(
    std::vector<std::string> devices, uint32_t worker_count) {
  DpdkPortsOptions options;
  options.devices = std::move(devices);
  options.worker_count = worker_count;
  options.descriptor_count = 512;
  return SharedDpdk()->Open(options);
}

}  // namespace octroi::testing
