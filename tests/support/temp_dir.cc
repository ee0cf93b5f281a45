// SPDX-License-Identifier: Apache-2.0
#include "tests/support/temp_dir.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace octroi::testing {
namespace {

std::string SharedDir(const std::string& name) {
  const std::filesystem::path path =
      std::filesystem::path(OCTROI_SOURCE_DIR) / "../shared" / name;
  return std::filesystem::is_directory(path) ? path.string() : "";
}

}  // namespace

TempDir::TempDir() {
  std::string name =
      (std::filesystem::temp_directory_path() / "octroi_test_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error("cannot make a directory for tests: " + name);
  }
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::Path(std::string_view name) const {
  return (path_ / name).string();
}

std::string TempDir::Write(std::string_view name,
                           std::string_view content) const {
  const std::string path = Path(name);
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
  return path;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string SharedCapturesDir() { return SharedDir("captures"); }

std::string SharedRangeFilesDir() { return SharedDir("data/range_formats"); }

}  // namespace octroi::testing
