// SPDX-License-Identifier: Apache-2.0
// Of the build that has no DPDK: see dataplane/no_dpdk.cc.
#include "dataplane/dpdk.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

TEST(NoDpdkTest, SaysThatItIsNotBuiltInAndWhatToInstall) {
  const auto started = StartDpdk({.devices = {"0000:3b:00.0"}});

  EXPECT_EQ(started.status().message(),
            "dpdk: octroi was built without DPDK; install libdpdk-dev and "
            "build with cmake -DOCTROI_DPDK=ON");
  EXPECT_EQ(DpdkVersion(), "not built in");
}

}  // namespace
}  // namespace octroi
