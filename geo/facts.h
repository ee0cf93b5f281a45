// SPDX-License-Identifier: Apache-2.0
// Everything octroi was told about the world, as loaded: the input of the
// atlas and of the rulebook. Filled by config/facts.h, or by hand in tests;
// not changed afterwards. Any thread may read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "geo/calendar.h"
#include "geo/catalogue.h"
#include "geo/country.h"
#include "geo/mmdb.h"
#include "geo/operators.h"
#include "geo/ranges.h"
#include "geo/special_purpose.h"

namespace octroi {

// A file that facts came from, as results name it.
struct FactSource {
  std::string name;  // "dbip-country", "operators.csv"
  std::string path;
  // When the facts were gathered; nothing if the file does not say.
  std::optional<Day> built;
  std::string sha256;       // Lower-case hex of the file's bytes.
  std::string attribution;  // What its licence asks to be shown; "" for none.
};

struct CountryDatabase {
  FactSource source;
  std::unique_ptr<MmdbFile> file;
};

struct Facts {
  // In the order of configuration: the first is the first opinion.
  std::vector<CountryDatabase> countries;
  std::optional<CountryDatabase> asn;
  Jurisdictions jurisdictions;
  SpecialPurposeTable special_purpose;
  OperatorTable operators;
  Catalogue catalogue;
  std::vector<SchemeRow> schemes;
  RangeTable ranges;
  std::vector<AnycastRow> anycast;
  // Every file, databases included, in the order that results list them.
  std::vector<FactSource> sources;
};

}  // namespace octroi
