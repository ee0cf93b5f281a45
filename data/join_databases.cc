// SPDX-License-Identifier: Apache-2.0
// Joins the databases that ship, so that octroi need not at every start:
//
//   octroi_join_databases COUNTRY.mmdb ASN.mmdb RESULT
//
// A step of the build; it is not installed. The same databases always give the
// same bytes.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evidence/digest.h"
#include "evidence/whole_file.h"
#include "geo/joined_databases.h"

namespace octroi {
namespace {

template <typename Database>
absl::StatusOr<Database> Open(const std::string& path) {
  absl::StatusOr<std::unique_ptr<MmdbFile>> file = MmdbFile::Open(path);
  if (!file.ok()) return file.status();
  Database database;
  database.source.path = path;
  database.source.sha256 = Sha256Hex((*file)->content());
  database.file = *std::move(file);
  return database;
}

absl::Status JoinDatabases(const std::string& country, const std::string& asn,
                           const std::string& result) {
  Facts facts;
  absl::StatusOr<CountryDatabase> countries = Open<CountryDatabase>(country);
  if (!countries.ok()) return countries.status();
  facts.countries.emplace_back().push_back(*std::move(countries));
  absl::StatusOr<AsnDatabase> asns = Open<AsnDatabase>(asn);
  if (!asns.ok()) return asns.status();
  facts.asn.push_back(*std::move(asns));

  const auto joined = JoinedDatabases::Join(facts, Day::max());
  if (!joined.ok()) return joined.status();
  return WriteWholeFile(
      result, "cannot be written", "make room",
      [&joined](std::ostream& out) { out << joined->bytes(); });
}

}  // namespace
}  // namespace octroi

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s COUNTRY.mmdb ASN.mmdb RESULT\n", argv[0]);
    return EXIT_FAILURE;
  }
  const absl::Status status = octroi::JoinDatabases(argv[1], argv[2], argv[3]);
  if (status.ok()) return EXIT_SUCCESS;
  std::fprintf(stderr, "%s: %s\n", argv[0],
               std::string(status.message()).c_str());
  return EXIT_FAILURE;
}
