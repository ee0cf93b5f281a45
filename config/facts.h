// SPDX-License-Identifier: Apache-2.0
// Loads everything octroi believes about the world: the files that the user
// names, and the embedded ones for all others. Each file is read once; its
// digest and its content are of the same bytes.
//
// Free functions; any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/problem.h"
#include "geo/facts.h"

namespace octroi {

// Which files facts come from. An empty member means the file of embedded_dir
// that is named beside it.
struct FactsOptions {
  // Country databases, the first opinion first: MMDB files, text files as Tor
  // reads them, or folders with several builds of one MMDB database.
  std::vector<std::string> country;  // dbip-country.mmdb
  std::string asn;                   // asn.mmdb; a file or such a folder.
  std::string services;              // qualified_services.csv
  std::string operators;             // operators.csv
  std::string jurisdictions;         // jurisdictions.csv
  std::string schemes;               // schemes.csv
  std::string special_purpose;       // special_purpose.csv
  // The user's ranges, beside those of offering_ranges.csv, and the user's
  // anycast prefixes, beside those of anycast.csv. A file name may be a
  // pattern: '*' stands for any characters, '?' for one. Files that a pattern
  // matches are read in the order of their names; a name that begins with '.'
  // matches only a pattern that does.
  std::vector<std::string> ranges;
  std::vector<std::string> anycast;
  std::string embedded_dir;
};

// The country database that is used where none is configured.
std::string EmbeddedCountryFile(const FactsOptions& options);

// The most builds of one database that a folder may hold: five years of months.
inline constexpr size_t kMaxDatabaseBuilds = 64;

// The facts, or null with every problem of every file added to `problems`.
//
// A catalogue of the user's own may lack a service that offering_ranges.csv
// names; the embedded range then tells provider and region only.
std::unique_ptr<Facts> LoadFacts(const FactsOptions& options,
                                 std::vector<Problem>* problems);

// The same; the error has one problem on each line.
absl::StatusOr<std::unique_ptr<Facts>> LoadFacts(const FactsOptions& options);

// The file that the catalogue is read from.
std::string CataloguePath(const FactsOptions& options);

// The catalogue and the schemes as LoadFacts would load them, and what is asked
// for beside them; everything else stays empty, and no database is opened that
// is not asked for. Null after a problem.
struct CataloguePart {
  bool with_ranges = false;
  bool with_asn = false;
};
std::unique_ptr<Facts> LoadCataloguePart(const FactsOptions& options,
                                         const CataloguePart& part,
                                         std::vector<Problem>* problems);

// The rows of the catalogue, whether or not they make one: problems of the
// file's text and of its schemes are added, what rows must be to each other is
// not looked at (FindCatalogueProblems, policy/catalogue_check.h).
std::vector<CatalogueRow> ReadCatalogueRows(const FactsOptions& options,
                                            std::vector<Problem>* problems);

}  // namespace octroi
