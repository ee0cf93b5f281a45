// SPDX-License-Identifier: Apache-2.0
#include "tests/replay/replay_case.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "yaml-cpp/yaml.h"

namespace octroi::testing {
namespace {

namespace fs = std::filesystem;

ReplayCase ParseCase(const std::string& name, const YAML::Node& node) {
  ReplayCase result;
  result.name = name;
  for (const auto& field : node) {
    const auto key = field.first.as<std::string>();
    if (key == "description") {
      result.description = field.second.as<std::string>();
    } else if (key == "facts") {
      result.facts = field.second.as<std::string>();
    } else if (key == "config") {
      result.config = field.second.as<std::string>();
    } else if (key == "at") {
      result.at = field.second.as<std::string>();
    } else if (key == "packets") {
      result.frames = FramesOf(field.second.as<std::vector<std::string>>());
    } else {
      throw std::invalid_argument(key + " is not a key of a case");
    }
  }
  if (result.description.empty()) {
    throw std::invalid_argument("a case needs a description");
  }
  if (result.facts != "small" && result.facts != "shipped") {
    throw std::invalid_argument("facts are small or shipped");
  }
  return result;
}

}  // namespace

std::string CasesDir() {
  return std::string(OCTROI_SOURCE_DIR) + "/tests/replay/cases";
}

std::vector<std::string> CaseNames(const std::string& facts) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(CasesDir())) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string name = entry.path().stem();
    if (ReadCase(name).facts == facts) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

ReplayCase ReadCase(const std::string& name) {
  const std::string path = CasesDir() + "/" + name + ".yaml";
  try {
    return ParseCase(name, YAML::LoadFile(path));
  } catch (const std::exception& error) {
    throw std::invalid_argument(path + ": " + error.what());
  }
}

}  // namespace octroi::testing
