// SPDX-License-Identifier: Apache-2.0
#include "tests/replay/shared_captures.h"

#include <algorithm>
#include <filesystem>

#include "tests/support/temp_dir.h"

namespace octroi::testing {

namespace fs = std::filesystem;

std::vector<std::string> SharedCaptures() {
  const std::string root = SharedCapturesDir();
  std::vector<std::string> names;
  if (root.empty()) return names;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(root)) {
    const fs::path& path = entry.path();
    if (path.extension() != ".pcap" && path.extension() != ".pcapng") continue;
    names.push_back(path.lexically_relative(root).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> ShardOf(const std::vector<std::string>& all,
                                 size_t index, size_t count) {
  std::vector<std::string> shard;
  for (size_t i = index; i < all.size(); i += count) shard.push_back(all[i]);
  return shard;
}

std::string SharedCapturePath(const std::string& name) {
  return SharedCapturesDir() + "/" + name;
}

}  // namespace octroi::testing
