// SPDX-License-Identifier: Apache-2.0
// From the text of a CSV file to the rows of geo/: every value checked, every
// problem added with its line and column, rows with a problem left out. What
// rows must be to each other (intervals that do not overlap, ranges of one
// service) is checked by the tables of geo/ that are made from them.
//
// Free functions; any thread. `file` is the name for messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"
#include "geo/calendar.h"
#include "geo/catalogue.h"
#include "geo/country.h"
#include "geo/operators.h"
#include "geo/ranges.h"
#include "geo/regions.h"
#include "geo/special_purpose.h"

namespace octroi {

template <typename Row>
struct FactTable {
  std::vector<Row> rows;
  // The latest day on which a row was observed or retrieved; nothing if the
  // file has no such column or no such day.
  std::optional<Day> latest;
};

// code,name,regime,from,until,scope,observed_on,source. `regime` is eu, eea,
// adequate, none, alias (then `name` is the code that is meant) or unknown.
FactTable<JurisdictionRow> ReadJurisdictions(std::string_view text,
                                             const std::string& file,
                                             std::vector<Problem>* problems);

// asn,operator,parent,controlling_country,extraterritorial_law,confidence,
// provider,note,from,until,observed_on,source. An empty ASN is an operator to
// which no address leads; the law "none" is the same as an empty one.
FactTable<OperatorRow> ReadOperators(std::string_view text,
                                     const std::string& file,
                                     std::vector<Problem>* problems);

// service_id,provider,service,service_type,scheme,framework_version,state,
// milestone,from,until,reference,observed_on,source,note.
FactTable<CatalogueRow> ReadQualifiedServices(std::string_view text,
                                              const std::string& file,
                                              std::vector<Problem>* problems);

// scheme,authority,sovereignty_requirements,indicative_seal,versions,source.
// `versions` are ascending, with ';' between them.
FactTable<SchemeRow> ReadSchemes(std::string_view text, const std::string& file,
                                 std::vector<Problem>* problems);

// prefix,provider,service_id,region,region_country,grade,source,retrieved,note,
// for data/offering_ranges.csv and for files of the user's own ranges.
FactTable<RangeRow> ReadRanges(std::string_view text, const std::string& file,
                               std::vector<Problem>* problems);

// prefix,name,kind,globally_reachable,reference,source.
FactTable<SpecialPurposeRow> ReadSpecialPurpose(std::string_view text,
                                                const std::string& file,
                                                std::vector<Problem>* problems);

// prefix,name,operator_asn,from,until,observed_on,source.
FactTable<AnycastRow> ReadAnycast(std::string_view text,
                                  const std::string& file,
                                  std::vector<Problem>* problems);

// provider,region,country,source,observed_on. Read where a provider's file of
// ranges is imported, not by LoadFacts.
FactTable<RegionRow> ReadRegions(std::string_view text, const std::string& file,
                                 std::vector<Problem>* problems);

// Small letters, digits and '-': what a service_id may be made of.
bool IsServiceId(std::string_view text);

}  // namespace octroi
