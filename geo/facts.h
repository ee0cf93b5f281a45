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
#include "geo/country_file.h"
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
  std::unique_ptr<CountryFile> file;
};

struct AsnDatabase {
  FactSource source;
  std::unique_ptr<MmdbFile> file;
};

// One database, or several builds of it: ascending by `source.built`, each day
// once. A build speaks from its day until the next one's.
using CountrySeries = std::vector<CountryDatabase>;
using AsnSeries = std::vector<AsnDatabase>;

// The build that speaks on a day: the newest that was made by then, or the
// first where none was. REQUIRES: the series is not empty.
template <typename Database>
const Database& BuildInForce(const std::vector<Database>& series, Day day) {
  size_t found = 0;
  for (size_t i = 1; i < series.size() && *series[i].source.built <= day; ++i) {
    found = i;
  }
  return series[found];
}

struct Facts {
  // In the order of configuration: the first is the first opinion. None of
  // them is empty.
  std::vector<CountrySeries> countries;
  AsnSeries asn;  // Empty: no database.
  Jurisdictions jurisdictions;
  SpecialPurposeTable special_purpose;
  OperatorTable operators;
  Catalogue catalogue;
  std::vector<SchemeRow> schemes;
  RangeTable ranges;
  std::vector<AnycastRow> anycast;
  // A file in which databases are joined already (joined_databases.h), which is
  // used if it is of those above and exists; "" for none. It tells nothing that
  // they do not, and so is not a source.
  std::string joined_file;
  // Every file, databases included, in the order that results list them.
  std::vector<FactSource> sources;
};

}  // namespace octroi
