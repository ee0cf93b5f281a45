// SPDX-License-Identifier: Apache-2.0
#include "agent/installation.h"

#include <filesystem>
#include <system_error>

#include "dataplane/dpdk.h"
#include "fmt/format.h"

namespace octroi {

std::string EmbeddedFactsDir() {
  std::error_code error;
  const std::filesystem::path program =
      std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return "share/octroi";
  return (program.parent_path() / "../share/octroi").lexically_normal();
}

std::string VersionText() {
  return fmt::format("octroi {}\ndpdk: {}\n", OCTROI_VERSION, DpdkVersion());
}

}  // namespace octroi
