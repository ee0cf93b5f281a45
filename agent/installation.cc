// SPDX-License-Identifier: Apache-2.0
#include "agent/installation.h"

#include <filesystem>
#include <system_error>

#include "dataplane/dpdk.h"
#include "dataplane/interface_point.h"
#include "fmt/format.h"

namespace octroi {

std::string EmbeddedFactsDir() {
  std::error_code error;
  const std::filesystem::path program =
      std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return "share/octroi";
  return (program.parent_path() / "../share/octroi").lexically_normal();
}

BuildInfo BuildInfoOfThis() {
#if defined(__clang__)
  constexpr int kMajor = __clang_major__;
  constexpr int kMinor = __clang_minor__;
  constexpr int kPatch = __clang_patchlevel__;
  constexpr const char* kName = "clang";
#else
  constexpr int kMajor = __GNUC__;
  constexpr int kMinor = __GNUC_MINOR__;
  constexpr int kPatch = __GNUC_PATCHLEVEL__;
  constexpr const char* kName = "gcc";
#endif
  return {OCTROI_VERSION,
          fmt::format("{} {}.{}.{}", kName, kMajor, kMinor, kPatch),
          DpdkVersion(), LibpcapVersion()};
}

std::string VersionText() {
  return fmt::format("octroi {}\ndpdk: {}\n", OCTROI_VERSION, DpdkVersion());
}

}  // namespace octroi
