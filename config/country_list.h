// SPDX-License-Identifier: Apache-2.0
// Which two letters are a country of ISO 3166-1, so that a typing error such
// as "UE" or "UK" is found where it is written and not by traffic that is
// judged wrongly. Free function; any thread.
#pragma once

#include "geo/country.h"

namespace octroi {

// Whether ISO 3166-1 assigns the code to a country or territory. False for the
// unknown country and for codes that are reserved (EU, UK) or left to users
// (XK, ZZ).
bool IsAssignedCountry(CountryCode code);

}  // namespace octroi
