// SPDX-License-Identifier: Apache-2.0
#include "tests/replay/small_facts.h"

#include <filesystem>
#include <string_view>

#include "tests/support/mmdb_writer.h"

namespace octroi::testing {
namespace {

namespace fs = std::filesystem;

std::string CountryBytes(std::string_view contested) {
  return MmdbWriter()
      .Insert("203.0.113.0/24", MmdbFlatCountry("FR"))
      .Insert("203.0.113.128/26", MmdbFlatCountry("DE"))
      .Insert("198.51.100.0/25", MmdbFlatCountry("US"))
      .Insert("198.51.100.128/26", MmdbFlatCountry("GB"))
      .Insert("198.51.100.192/27", MmdbFlatCountry(contested))
      .Insert("198.51.100.224/27", MmdbFlatCountry("CH"))
      .Insert("192.0.2.0/26", MmdbFlatCountry("US"))
      .Insert("2001:db8:f::/48", MmdbFlatCountry("FR"))
      .Insert("2001:db8:a::/48", MmdbFlatCountry("US"))
      .BuildBytes();
}

std::string AsnBytes() {
  MmdbWriter::Options options;
  options.database_type = "Test-ASN";
  return MmdbWriter(options)
      .Insert("203.0.113.0/25", MmdbAsnRecord(64496, "LUTECE"))
      .Insert("203.0.113.128/26", MmdbAsnRecord(64497, "RHEIN"))
      .Insert("203.0.113.192/26", MmdbAsnRecord(64498, "LIBERTY"))
      .Insert("198.51.100.0/25", MmdbAsnRecord(64498, "LIBERTY"))
      .Insert("198.51.100.128/26", MmdbAsnRecord(64499, "ALBION"))
      .Insert("198.51.100.192/27", MmdbAsnRecord(64500, "NOBODY-KNOWS"))
      .Insert("198.51.100.224/27", MmdbAsnRecord(64501, "HELVETIA"))
      .Insert("192.0.2.0/26", MmdbAsnRecord(64498, "LIBERTY"))
      .Insert("2001:db8:f::/48", MmdbAsnRecord(64496, "LUTECE"))
      .Insert("2001:db8:a::/48", MmdbAsnRecord(64498, "LIBERTY"))
      .BuildBytes();
}

std::string WriteFacts(const TempDir& dir, const std::string& name,
                       const fs::path& tables) {
  fs::create_directory(dir.Path(name));
  for (const fs::directory_entry& entry : fs::directory_iterator(tables)) {
    if (entry.path().extension() != ".csv") continue;
    fs::copy_file(entry.path(),
                  fs::path(dir.Path(name)) / entry.path().filename());
  }
  dir.Write(name + "/dbip-country.mmdb", CountryBytes("FR"));
  dir.Write(name + "/second-opinion.mmdb", CountryBytes("US"));
  dir.Write(name + "/asn.mmdb", AsnBytes());
  return dir.Path(name);
}

}  // namespace

std::string WriteSmallFacts(const TempDir& dir, const std::string& name) {
  return WriteFacts(dir, name,
                    fs::path(OCTROI_SOURCE_DIR) / "tests/replay/facts");
}

std::string WriteShippedTables(const TempDir& dir, const std::string& name) {
  return WriteFacts(dir, name, fs::path(OCTROI_SOURCE_DIR) / "data");
}

}  // namespace octroi::testing
