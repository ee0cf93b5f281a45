// SPDX-License-Identifier: Apache-2.0
// A user's own register of ICT providers, as far as `octroi replay --register`
// needs it. Free function; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/problem.h"
#include "evidence/inventory.h"

namespace octroi {

// Reads a CSV file with the column `operator` and, if wanted, `asn`,
// `reference` and `note`, of which the last two are for people. Nothing, with
// every problem added, if it cannot be read whole.
std::optional<std::vector<RegisteredProvider>> ReadProviderRegister(
    const std::string& path, std::vector<Problem>* problems);

}  // namespace octroi
