// SPDX-License-Identifier: Apache-2.0
// `octroi catalogue list` and `show`: what is qualified on a day, until when,
// and by which row of the catalogue. They read the catalogue, its schemes and,
// for `show`, the ranges; no database. Also what all catalogue commands share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/command.h"
#include "config/facts.h"
#include "geo/calendar.h"
#include "geo/facts.h"

namespace octroi {

enum class CatalogueFormat : uint8_t { kText, kJson, kCsv };

// Which catalogue is asked.
struct CatalogueChoice {
  std::string config_path;     // Its facts.services; "": the embedded one.
  std::string catalogue_path;  // Instead of the configured one.
};

struct CatalogueListOptions {
  CatalogueChoice choice;
  std::string at = "now";  // "now" or a day.
  // Only these, where not "".
  std::string provider;
  std::string type;
  std::string state;  // As QualificationStatusName.
  CatalogueFormat format = CatalogueFormat::kText;
};

ExitCode RunCatalogueList(const CatalogueListOptions& options,
                          const Surroundings& surroundings);

struct CatalogueShowOptions {
  CatalogueChoice choice;
  std::string at = "now";
  // A service_id; or a service's name, PROVIDER/NAME or a provider's name, if
  // one service alone is called so. Upper and lower case count as equal.
  std::string service;
  CatalogueFormat format = CatalogueFormat::kText;
};

ExitCode RunCatalogueShow(const CatalogueShowOptions& options,
                          const Surroundings& surroundings);

// The files of facts that are meant, or nothing after errors of the
// configuration on `errors`.
std::optional<FactsOptions> FactsOf(const CatalogueChoice& choice,
                                    const Surroundings& surroundings);

}  // namespace octroi
