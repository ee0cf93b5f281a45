// SPDX-License-Identifier: Apache-2.0
// The two captures of the example. README.md has the addresses and what octroi
// says of each. Pure functions: always the same bytes.
#pragma once

#include <string>

namespace octroi::example {

// Seventy minutes of a branch office on a working day: 2026-09-16, 08:00 to
// 09:10 UTC, from its switch (untagged) and from its uplink (tagged).
std::string BranchOfficeCapture();

// The payments servers of the same office on three days around the one on
// which S3NS was qualified (2025-12-17): the same destinations, other verdicts.
std::string QualificationDayCapture();

}  // namespace octroi::example
