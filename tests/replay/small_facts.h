// SPDX-License-Identifier: Apache-2.0
// A folder of facts as share/octroi is one, but small enough to keep in mind
// and to load in a moment: the tables of tests/replay/facts/ and databases that
// are made here. The documentation prefixes are its outside world:
//
//   203.0.113.0/25    FR  AS64496 Lutece, France; .32/28 is a published range
//                         of lutece-iaas, .48/28 a derived one of lutece-saas
//   203.0.113.128/26  DE  AS64497 Rhein Rechenzentrum, Germany
//   203.0.113.192/26  FR  AS64498 Liberty Cloud, United States
//   198.51.100.0/25   US  AS64498
//   198.51.100.128/26 GB  AS64499 Albion Hosting, United Kingdom
//   198.51.100.192/27 FR, or US in the second opinion: contested; AS64500,
//                         which has no row
//   198.51.100.224/27 CH  AS64501, which has no row
//   192.0.2.0/26          anycast, AS64498
//   2001:db8:f::/48   FR  AS64496
//   2001:db8:a::/48   US  AS64498
//
// What is not listed is of unknown location. Plain functions; any thread.
#pragma once

#include <string>

#include "tests/support/temp_dir.h"

namespace octroi::testing {

// Makes the folder `name` below `dir`, with everything that the agent reads
// there and second-opinion.mmdb besides; returns its path.
std::string WriteSmallFacts(const TempDir& dir, const std::string& name);

// The same with the tables that ship, from data/, in place of the small ones:
// the real catalogue, and no address located.
std::string WriteShippedTables(const TempDir& dir, const std::string& name);

}  // namespace octroi::testing
