// SPDX-License-Identifier: Apache-2.0
// What a build without DPDK has in place of dpdk.cc: the way to say so.
#include "dataplane/dpdk.h"

namespace octroi {

absl::StatusOr<std::unique_ptr<Dpdk>> StartDpdk(DpdkOptions) {
  return absl::UnimplementedError(
      "dpdk: octroi was built without DPDK; install libdpdk-dev and build with "
      "cmake -DOCTROI_DPDK=ON");
}

std::string DpdkVersion() { return "not built in"; }

}  // namespace octroi
