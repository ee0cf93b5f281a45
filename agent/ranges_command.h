// SPDX-License-Identifier: Apache-2.0
// `octroi ranges import`: a provider's file of address ranges in, a file for
// `facts.ranges` out.
#pragma once

#include <string>

#include "agent/command.h"

namespace octroi {

// As on the command line; "" for what is not given.
struct RangesImportOptions {
  std::string file;  // "-" is standard input.
  std::string from;
  std::string provider = "";
  std::string region = "";
  std::string country = "";
  std::string service = "";
  std::string grade = "";
  std::string source = "";
  std::string retrieved = "";
};

// Writes the rows as CSV to `out`, and to `errors` what became of every entry
// of the file.
ExitCode RunRangesImport(const RangesImportOptions& options,
                         const Surroundings& surroundings);

}  // namespace octroi
