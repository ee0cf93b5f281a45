// SPDX-License-Identifier: Apache-2.0
#include "agent/installation.h"

#include <filesystem>
#include <system_error>

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
#ifdef OCTROI_HAVE_DPDK
  constexpr std::string_view kDpdk = "found at build; no source uses it yet";
#else
  constexpr std::string_view kDpdk = "not built in";
#endif
  return fmt::format("octroi {}\ndpdk: {}\n", OCTROI_VERSION, kDpdk);
}

}  // namespace octroi
