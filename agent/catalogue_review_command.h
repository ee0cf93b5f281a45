// SPDX-License-Identifier: Apache-2.0
// `octroi catalogue diff` and `check`: what changed between two catalogues, and
// what in one is wrong or deserves a look. What is found is judged in
// policy/catalogue_diff.h and policy/catalogue_check.h; here it is shown.
#pragma once

#include <string>

#include "agent/catalogue_command.h"
#include "agent/command.h"

namespace octroi {

struct CatalogueDiffOptions {
  std::string before_path;
  std::string after_path;
  CatalogueFormat format = CatalogueFormat::kText;  // Or kJson.
};

// kExitDone whether or not anything changed.
ExitCode RunCatalogueDiff(const CatalogueDiffOptions& options,
                          const Surroundings& surroundings);

struct CatalogueCheckOptions {
  CatalogueChoice choice;
  std::string at = "now";
  CatalogueFormat format = CatalogueFormat::kText;  // Or kJson.
};

// kExitFailed if an error is found; warnings alone leave kExitDone.
ExitCode RunCatalogueCheck(const CatalogueCheckOptions& options,
                           const Surroundings& surroundings);

}  // namespace octroi
