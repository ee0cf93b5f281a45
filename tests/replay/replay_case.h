// SPDX-License-Identifier: Apache-2.0
// A replay case: a capture, a configuration and the facts to judge by, as one
// YAML file of tests/replay/cases/. What `octroi replay` makes of it stands
// beside it, in NAME.json and NAME.jsonl (flow records). One thread.
#pragma once

#include <string>
#include <vector>

#include "tests/replay/frame_text.h"

namespace octroi::testing {

struct ReplayCase {
  std::string name;         // Of the file, without .yaml.
  std::string description;  // What the case shows, in a sentence.
  // "small": those of small_facts.h. "shipped": those of the build tree.
  std::string facts = "small";
  std::string config;  // octroi.yaml; "" for the defaults.
  std::string at = "capture";
  std::vector<TimedFrame> frames;
};

// The folder of the cases, in the source tree.
std::string CasesDir();

// The names of all cases that use those facts, sorted.
std::vector<std::string> CaseNames(const std::string& facts);

// Throws, naming the file, if it is not a case.
ReplayCase ReadCase(const std::string& name);

}  // namespace octroi::testing
