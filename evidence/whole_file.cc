// SPDX-License-Identifier: Apache-2.0
#include "evidence/whole_file.h"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <system_error>

#include "fmt/format.h"

namespace octroi {

absl::Status WriteWholeFile(const std::string& path, std::string_view failure,
                            std::string_view hint,
                            const std::function<void(std::ostream&)>& write) {
  const std::string partial = path + ".partial";
  std::ofstream file(partial, std::ios::binary | std::ios::trunc);
  if (file) write(file);
  file.close();
  if (file && std::rename(partial.c_str(), path.c_str()) == 0) {
    return absl::OkStatus();
  }
  const std::string why = std::generic_category().message(errno);
  std::remove(partial.c_str());
  return absl::UnavailableError(
      fmt::format("{}: {}: {}; {}", path, failure, why, hint));
}

}  // namespace octroi
