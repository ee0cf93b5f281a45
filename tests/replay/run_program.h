// SPDX-License-Identifier: Apache-2.0
// Runs a program as a user does: with arguments, standard streams and an exit
// status. Plain functions; one thread at a time.
#pragma once

#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace octroi::testing {

// Where standard output goes.
enum class OutputTo : uint8_t {
  kFile,        // Read back as ProgramResult::out.
  kFullDevice,  // /dev/full: every write fails for want of space.
  kClosedPipe,  // A pipe whose reader has gone.
};

struct ProgramOptions {
  // The program first: a path, or a name.
  std::vector<std::string> arguments = {};
  std::string input_path = "/dev/null";
  std::string folder = "";  // To run in; "" for the current one.
  OutputTo output_to = OutputTo::kFile;
};

struct ProgramResult {
  int exit_code = -1;  // 128 + the signal's number if one ended it.
  std::string out;
  std::string errors;
};

// Throws if the program cannot be started.
ProgramResult RunProgram(const ProgramOptions& options);

// Whether a program of that name is found on the PATH.
bool IsInstalled(const std::string& name);

}  // namespace octroi::testing
