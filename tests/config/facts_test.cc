// SPDX-License-Identifier: Apache-2.0
#include "config/facts.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/digest.h"
#include "fmt/format.h"
#include "geo/atlas.h"
#include "geo/joined_databases.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/mmdb_writer.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::MmdbAsnRecord;
using ::octroi::testing::MmdbFlatCountry;
using ::octroi::testing::MmdbWriter;
using ::octroi::testing::ReadFile;
using ::octroi::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::string CountryBytes(std::string_view code,
                         std::string type = "Test-Country") {
  MmdbWriter::Options options;
  options.database_type = std::move(type);
  return MmdbWriter(options)
      .Insert("192.0.2.0/24", MmdbFlatCountry(code))
      .BuildBytes();
}

std::string CountryBuiltOn(std::string_view day, std::string_view code) {
  MmdbWriter::Options options;
  options.build_epoch =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                ParseDay(day)->time_since_epoch())
                                .count());
  return MmdbWriter(options)
      .Insert("192.0.2.0/24", MmdbFlatCountry(code))
      .BuildBytes();
}

std::string AsnBytes(std::string type = "Test-ASN") {
  MmdbWriter::Options options;
  options.database_type = std::move(type);
  return MmdbWriter(options)
      .Insert("192.0.2.0/24", MmdbAsnRecord(64500, "Example"))
      .BuildBytes();
}

// A folder with one small file of each kind, as embedded_dir.
class FactsTest : public ::testing::Test {
 protected:
  FactsTest() {
    options_.embedded_dir = dir_.Path("");
    dir_.Write("dbip-country.mmdb", CountryBytes("FR"));
    dir_.Write("asn.mmdb", AsnBytes());
    dir_.Write("qualified_services.csv",
               std::string(kServices) +
                   "a-iaas,A,A Cloud,IaaS,SecNumCloud,3.2,qualified,,"
                   "2025-01-01,2028-01-01,,2026-03-01,s,\n"
                   "b-iaas,B,B Cloud,IaaS,SecNumCloud,,qualified,,,,,"
                   "2026-04-01,s,\n");
    dir_.Write("operators.csv",
               std::string(kOperators) + "64500,A,,FR,,high,A,,,,,s\n");
    dir_.Write("jurisdictions.csv",
               std::string(kJurisdictions) +
                   "FR,France,eu,1958-01-01,,,2026-11-22,s\n");
    dir_.Write("schemes.csv", std::string(kSchemes) +
                                  "SecNumCloud,ANSSI,strict,3,3.1;3.2,s\n");
    dir_.Write("special_purpose.csv",
               std::string(kSpecial) + "10.0.0.0/8,P,private,no,RFC 1918,s\n");
    dir_.Write("anycast.csv",
               std::string(kAnycast) + "198.51.100.0/24,X,,,,2026-10-01,s\n");
    dir_.Write("offering_ranges.csv",
               std::string(kRanges) +
                   "203.0.113.0/25,A,a-iaas,r,FR,published,s,2026-08,\n");
  }

  std::vector<std::string> Problems() const {
    std::vector<Problem> problems;
    const std::unique_ptr<Facts> facts = LoadFacts(options_, &problems);
    EXPECT_EQ(facts == nullptr, !problems.empty());
    std::vector<std::string> lines;
    for (const Problem& problem : problems) {
      // The folder's name differs from run to run.
      std::string line = problem.text();
      const std::string folder = dir_.Path("");
      for (size_t at; (at = line.find(folder)) != std::string::npos;) {
        line.erase(at, folder.size());
      }
      lines.push_back(line);
    }
    return lines;
  }

  static constexpr std::string_view kServices =
      "service_id,provider,service,service_type,scheme,framework_version,state,"
      "milestone,from,until,reference,observed_on,source,note\n";
  static constexpr std::string_view kOperators =
      "asn,operator,parent,controlling_country,extraterritorial_law,confidence,"
      "provider,note,from,until,observed_on,source\n";
  static constexpr std::string_view kJurisdictions =
      "code,name,regime,from,until,scope,observed_on,source\n";
  static constexpr std::string_view kSchemes =
      "scheme,authority,sovereignty_requirements,indicative_seal,versions,"
      "source\n";
  static constexpr std::string_view kSpecial =
      "prefix,name,kind,globally_reachable,reference,source\n";
  static constexpr std::string_view kAnycast =
      "prefix,name,operator_asn,from,until,observed_on,source\n";
  static constexpr std::string_view kRanges =
      "prefix,provider,service_id,region,region_country,grade,source,retrieved,"
      "note\n";

  TempDir dir_;
  FactsOptions options_;
};

TEST_F(FactsTest, LoadsTheEmbeddedFiles) {
  const auto loaded = LoadFacts(options_);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Facts& facts = **loaded;
  EXPECT_THAT(facts.countries, SizeIs(1));
  ASSERT_THAT(facts.asn, SizeIs(1));
  EXPECT_THAT(facts.catalogue.services(), SizeIs(2));
  EXPECT_NE(facts.operators.FindByAsn(64500), OperatorTable::kNone);
  EXPECT_EQ(facts.jurisdictions.RegimeAt(*CountryCode::Parse("FR"),
                                         *ParseDay("2026-01-01")),
            Regime::kEu);
  EXPECT_THAT(facts.schemes, SizeIs(1));
  EXPECT_NE(facts.special_purpose.Find(*IpAddress::Parse("10.1.2.3")), nullptr);
  EXPECT_THAT(facts.anycast, SizeIs(1));
  EXPECT_THAT(facts.ranges.rows(), SizeIs(1));
}

TEST_F(FactsTest, DescribesEverySource) {
  const auto loaded = LoadFacts(options_);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  std::vector<std::string> lines;
  for (const FactSource& source : (*loaded)->sources) {
    lines.push_back(fmt::format("{} {} {}", source.name,
                                source.built ? FormatDay(*source.built) : "-",
                                source.attribution));
    EXPECT_EQ(source.sha256, Sha256Hex(ReadFile(source.path))) << source.name;
  }
  EXPECT_THAT(lines,
              ElementsAre("dbip-country 2026-01-01 IP geolocation by DB-IP "
                          "(https://db-ip.com)",
                          "asn 2026-01-01 ", "schemes.csv - ",
                          "qualified_services.csv 2026-04-01 ",
                          "operators.csv - ", "jurisdictions.csv 2026-11-22 ",
                          "special_purpose.csv - ", "anycast.csv 2026-10-01 ",
                          "offering_ranges.csv 2026-08-01 "));
}

TEST_F(FactsTest, TakesConfiguredFilesInPlaceOfEmbeddedOnes) {
  options_.country = {dir_.Write("first.mmdb", CountryBytes("DE")),
                      dir_.Write("second.mmdb", CountryBytes("US"))};
  options_.operators = dir_.Write(
      "my_operators.csv", std::string(kOperators) + "64501,B,,,,low,,,,,,s\n");

  const auto loaded = LoadFacts(options_);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_THAT((*loaded)->countries, SizeIs(2));
  EXPECT_EQ((*loaded)->countries[0][0].source.name, "first");
  EXPECT_EQ((*loaded)->countries[1][0].source.name, "second");
  EXPECT_EQ((*loaded)->operators.FindByAsn(64500), OperatorTable::kNone);
  EXPECT_NE((*loaded)->operators.FindByAsn(64501), OperatorTable::kNone);
}

TEST_F(FactsTest, AddsRangesByPatternInTheOrderOfTheirNames) {
  dir_.Write("b.csv",
             std::string(kRanges) + "192.0.2.0/25,A,,,,asserted,s,2026-08,\n");
  dir_.Write("a.csv", std::string(kRanges) +
                          "192.0.2.128/25,A,,,,asserted,s,2026-08,\n");
  dir_.Write(".b.csv", "hidden");
  options_.ranges = {dir_.Path("?.csv")};

  const auto loaded = LoadFacts(options_);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT((*loaded)->ranges.rows(), SizeIs(3));
  const size_t count = (*loaded)->sources.size();
  EXPECT_EQ((*loaded)->sources[count - 2].name, "a.csv");
  EXPECT_EQ((*loaded)->sources[count - 1].name, "b.csv");
}

TEST_F(FactsTest, MatchesPatterns) {
  const std::string ranges(kRanges);
  std::filesystem::create_directory(dir_.Path("d"));
  for (const char* name : {"d/aws-1.csv", "d/aws-22.csv", "d/ovh.csv",
                           "d/ovh.csv.bak", "d/.hidden.csv"}) {
    dir_.Write(name, ranges);
  }
  const struct {
    const char* pattern;
    size_t file_count;
  } cases[] = {
      {"d/*.csv", 3},   {"d/*", 4},        {"d/aws-?.csv", 1},
      {"d/aws-*", 2},   {"d/*w*-*2*", 1},  {"d/.*", 1},
      {"d/ovh.csv", 1}, {"d/ovh.csv*", 2}, {"d/**", 4},
  };
  for (const auto& [pattern, file_count] : cases) {
    options_.ranges = {dir_.Path(pattern)};
    const auto loaded = LoadFacts(options_);
    ASSERT_TRUE(loaded.ok()) << pattern << loaded.status();
    EXPECT_EQ((*loaded)->sources.size(), 9 + file_count) << pattern;
  }
}

TEST_F(FactsTest, NamesFilesAndPatternsThatAreMissing) {
  options_.country = {dir_.Path("no.mmdb")};
  options_.services = dir_.Path("no.csv");
  options_.ranges = {dir_.Path("no_ranges.csv"), dir_.Path("no*.csv"),
                     dir_.Path("nowhere/*.csv"), dir_.Path("x*/a.csv")};

  const std::vector<std::string> problems = Problems();

  ASSERT_THAT(problems, SizeIs(6));
  EXPECT_THAT(problems[0], HasSubstr("no.mmdb"));
  EXPECT_EQ(problems[1], "no.csv: cannot be read: No such file or directory");
  EXPECT_EQ(problems[2],
            "no_ranges.csv: cannot be read: No such file or directory");
  EXPECT_EQ(problems[3], "no*.csv: the pattern matches no file");
  EXPECT_EQ(problems[4],
            "nowhere/*.csv: the folder cannot be read: No such file or "
            "directory");
  EXPECT_EQ(problems[5],
            "x*/a.csv: a pattern stands in a folder's name; write '*' and '?' "
            "in the name of the file only");
}

TEST_F(FactsTest, RefusesADatabaseOfTheWrongKind) {
  options_.country = {dir_.Write("c.mmdb", AsnBytes("GeoLite2-ASN"))};
  options_.asn = dir_.Write("a.mmdb", CountryBytes("FR", "DBIP-Country-Lite"));

  EXPECT_THAT(
      Problems(),
      ElementsAre("c.mmdb: is a database of type \"GeoLite2-ASN\", of "
                  "autonomous systems; write it as facts.asn, and here one of "
                  "countries",
                  "a.mmdb: is a database of type \"DBIP-Country-Lite\", of "
                  "places; write it as facts.country, and here one of "
                  "autonomous systems"));
}

TEST_F(FactsTest, RefusesADatabaseOfRegistrations) {
  options_.country = {
      dir_.Write("iptoasn-country.mmdb", CountryBytes("US", "country"))};

  EXPECT_THAT(Problems(),
              ElementsAre("iptoasn-country.mmdb: says where the holder of an "
                          "address is registered, not where the address is; "
                          "write a database of locations, such as DB-IP's"));
}

TEST_F(FactsTest, ReadsAFolderOfBuildsInTheOrderOfTheirDays) {
  std::filesystem::create_directory(dir_.Path("builds"));
  dir_.Write("builds/a.mmdb", CountryBuiltOn("2026-01-01", "FR"));
  dir_.Write("builds/b.mmdb", CountryBuiltOn("2025-06-01", "DE"));
  dir_.Write("builds/notes.txt", "not a database");
  options_.country = {dir_.Path("builds")};

  const auto loaded = LoadFacts(options_);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_THAT((*loaded)->countries, SizeIs(1));
  const CountrySeries& series = (*loaded)->countries[0];
  ASSERT_THAT(series, SizeIs(2));
  EXPECT_EQ(series[0].source.name, "b");
  EXPECT_EQ(series[1].source.name, "a");
  // Every build is a source, and so part of the edition's digest.
  EXPECT_EQ((*loaded)->sources[0].name, "b");
  EXPECT_EQ((*loaded)->sources[1].name, "a");
}

TEST_F(FactsTest, SaysWhatIsWrongWithAFolderOfBuilds) {
  for (const char* name : {"none", "same", "undated", "mixed"}) {
    std::filesystem::create_directory(dir_.Path(name));
  }
  dir_.Write("same/a.mmdb", CountryBuiltOn("2026-01-01", "FR"));
  dir_.Write("same/b.mmdb", CountryBuiltOn("2026-01-01", "DE"));
  dir_.Write("undated/a.mmdb", CountryBuiltOn("1970-01-01", "FR"));
  dir_.Write("mixed/a.mmdb", CountryBuiltOn("2026-01-01", "FR"));
  dir_.Write("mixed/b.mmdb", "not a database");
  options_.country = {dir_.Path("none"), dir_.Path("same"),
                      dir_.Path("undated"), dir_.Path("mixed")};

  const std::vector<std::string> problems = Problems();

  ASSERT_THAT(problems, SizeIs(4));
  EXPECT_EQ(problems[0], "none: the folder holds no .mmdb file");
  EXPECT_THAT(problems[1],
              HasSubstr("same/b.mmdb: was built on 2026-01-01 as same/a.mmdb "
                        "was; keep one build of a day"));
  EXPECT_THAT(problems[2], HasSubstr("does not say when it was built"));
  EXPECT_THAT(problems[3], HasSubstr("mixed/b.mmdb"));
}

TEST_F(FactsTest, ReadsTextDatabasesOfTor) {
  options_.country = {dir_.Write("first.mmdb", CountryBytes("DE")),
                      dir_.Write("geoip",
                                 "# Generated: Thu, 25 Jun 2026 04:33:59 GMT\n"
                                 "# Vendor:    IPFire Project\n"
                                 "3221225984,3221226239,FR\n")};

  const auto loaded = LoadFacts(options_);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_THAT((*loaded)->countries, SizeIs(2));
  const CountryDatabase& database = (*loaded)->countries[1][0];
  EXPECT_EQ(database.source.name, "geoip");
  EXPECT_EQ(FormatDay(*database.source.built), "2026-06-25");
  EXPECT_THAT(database.source.attribution, HasSubstr("CC BY-SA 4.0"));
  const auto found =
      database.file->LookupCountry(*IpAddress::Parse("192.0.2.7")).value();
  EXPECT_EQ(found->record.code, "FR");
}

TEST_F(FactsTest, NamesTheLineOfATextThatIsNoDatabase) {
  options_.country = {dir_.Write("letter.txt", "1,2,FR\nDear reader,\n")};

  EXPECT_THAT(Problems(),
              ElementsAre("letter.txt:2: \"Dear reader,\" is not a range of "
                          "addresses; write an MMDB file, or lines "
                          "`first,last,country` as Tor reads them"));
}

TEST_F(FactsTest, AddsTheUsersAnycastPrefixesToTheEmbeddedOnes) {
  options_.anycast = {dir_.Write(
      "mine.csv",
      std::string(kAnycast) + "203.0.113.0/24,Mine,,,,2026-10-01,s\n")};

  const auto loaded = LoadFacts(options_);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT((*loaded)->anycast, SizeIs(2));
}

TEST_F(FactsTest, RefusesOneOpinionTwice) {
  options_.country = {dir_.Write("1.mmdb", CountryBytes("FR")),
                      dir_.Write("2.mmdb", CountryBytes("FR"))};

  EXPECT_THAT(Problems(),
              ElementsAre(EndsWith("a second opinion needs a second source")));
}

TEST_F(FactsTest, NamesADatabaseThatIsNotOne) {
  options_.asn = dir_.Write("text.mmdb", "asn,name\n");

  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("text.mmdb")));
}

TEST_F(FactsTest, TellsTheLineOfWhatATableRefuses) {
  dir_.Write("operators.csv", std::string(kOperators) +
                                  "64500,A,,FR,,high,A,,,,,s\n"
                                  "64500,B,,FR,,high,A,,,,,s\n");
  dir_.Write("special_purpose.csv", std::string(kSpecial) +
                                        "10.0.0.0/8,P,private,no,RFC 1918,s\n"
                                        "10.0.0.0/8,P,private,no,RFC 1918,s\n");

  EXPECT_THAT(
      Problems(),
      ElementsAre(
          StartsWith("operators.csv:3: AS64500 overlaps in time with line 2"),
          "special_purpose.csv:3: 10.0.0.0/8 stands twice"));
}

TEST_F(FactsTest, NamesBothRangesOfTwoServicesThatOverlap) {
  options_.ranges = {dir_.Write(
      "mine.csv", std::string(kRanges) + "203.0.113.0/26,B,b-iaas,,,asserted,s,"
                                         "2026-08,\n")};

  EXPECT_THAT(Problems(),
              ElementsAre("mine.csv:2: 203.0.113.0/26 of service \"b-iaas\" "
                          "overlaps 203.0.113.0/25 of service \"a-iaas\" "
                          "(offering_ranges.csv:2); an address belongs to one "
                          "service"));
}

TEST_F(FactsTest, ChecksTheSchemesOfServices) {
  dir_.Write("qualified_services.csv",
             std::string(kServices) +
                 "a-iaas,A,A,IaaS,SecNumClod,,qualified,,,,,2026-03-01,s,\n"
                 "b-iaas,B,B,IaaS,SecNumCloud,4,qualified,,,,,2026-03-01,s,\n");

  EXPECT_THAT(
      Problems(),
      ElementsAre("qualified_services.csv:2: scheme \"SecNumClod\" is not in "
                  "schemes.csv",
                  "qualified_services.csv:3: framework_version \"4\" is not a "
                  "version of SecNumCloud; schemes.csv has 3.1, 3.2"));
}

TEST_F(FactsTest, RefusesEveryImpossibleStepOfTheCatalogue) {
  dir_.Write("qualified_services.csv",
             std::string(kServices) +
                 "a-iaas,A,A,IaaS,SecNumCloud,,withdrawn,,2024-01-01,,,"
                 "2024-01-01,s,\n"
                 "a-iaas,A,A,IaaS,SecNumCloud,,qualified,,2025-01-01,,,"
                 "2025-01-01,s,\n"
                 "b-iaas,B,B,IaaS,SecNumCloud,,in_qualification,J2,2024-01-01,,"
                 ",2024-01-01,s,\n"
                 "b-iaas,B,B,IaaS,SecNumCloud,,in_qualification,J1,2025-01-01,,"
                 ",2025-01-01,s,\n");

  const std::vector<std::string> problems = Problems();

  ASSERT_THAT(problems, SizeIs(2));
  EXPECT_THAT(problems[0],
              StartsWith("qualified_services.csv:3: a-iaas qualified from "
                         "2025-01-01 cannot follow withdrawn (line 2); "));
  EXPECT_THAT(problems[1],
              StartsWith("qualified_services.csv:5: b-iaas milestone J1 from "
                         "2025-01-01 cannot follow J2 (line 4); "));
}

// What ships beside the databases is of them, and is what they would give.
TEST(EmbeddedFactsTest, HaveTheirDatabasesJoined) {
  const std::string share = OCTROI_BINARY_DIR "/share/octroi";
  FactsOptions options;
  options.embedded_dir = share;
  const auto facts = LoadFacts(options);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ((*facts)->joined_file, share + "/databases.joined");

  const auto read = JoinedDatabases::Read((*facts)->joined_file, **facts);

  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_TRUE(read->has_value());
  const auto joined = JoinedDatabases::Join(**facts, Day::max());
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_TRUE((*read)->bytes() == joined->bytes());
}

// Other databases than those that ship are walked, whatever stands in the file.
TEST_F(FactsTest, LeavesWhatIsJoinedOfOtherDatabases) {
  options_.country = {dir_.Write("mine.mmdb", CountryBytes("DE"))};
  const std::string shipped =
      ReadFile(OCTROI_BINARY_DIR "/share/octroi/databases.joined");
  dir_.Write("databases.joined", shipped.substr(0, shipped.size() / 2));
  const auto facts = LoadFacts(options_);
  ASSERT_TRUE(facts.ok()) << facts.status();

  const auto atlas = Atlas::Build(**facts, {});

  ASSERT_TRUE(atlas.ok()) << atlas.status();
  const Attribution& found =
      atlas->attribution(atlas->Lookup(*IpAddress::Parse("192.0.2.1")));
  EXPECT_THAT(atlas->location(found.location).opinions,
              ElementsAre(*CountryCode::Parse("DE")));
}

// Neither the databases nor the tables that are not asked for are opened.
TEST_F(FactsTest, LoadsTheCatalogueAlone) {
  for (const char* name :
       {"dbip-country.mmdb", "asn.mmdb", "operators.csv", "jurisdictions.csv",
        "special_purpose.csv", "anycast.csv", "offering_ranges.csv"}) {
    dir_.Write(name, "not what it must be");
  }
  std::vector<Problem> problems;

  const auto facts = LoadCataloguePart(options_, {}, &problems);

  ASSERT_NE(facts, nullptr);
  EXPECT_THAT(problems, SizeIs(0));
  EXPECT_THAT(facts->catalogue.services(), SizeIs(2));
  EXPECT_THAT(facts->schemes, SizeIs(1));
  EXPECT_EQ(LoadCataloguePart(options_, {.with_ranges = true}, &problems),
            nullptr);
  EXPECT_EQ(LoadCataloguePart(options_, {.with_asn = true}, &problems),
            nullptr);
}

TEST_F(FactsTest, LoadsRangesAndAsnsBesideTheCatalogue) {
  std::vector<Problem> problems;

  const auto facts = LoadCataloguePart(
      options_, {.with_ranges = true, .with_asn = true}, &problems);

  ASSERT_NE(facts, nullptr);
  EXPECT_THAT(facts->ranges.rows(), SizeIs(1));
  EXPECT_FALSE(facts->asn.empty());
  EXPECT_THAT(facts->countries, SizeIs(0));
}

TEST_F(FactsTest, ReadsRowsThatMakeNoCatalogue) {
  options_.services = dir_.Write(
      "mine.csv", std::string(kServices) +
                      "a-iaas,A,A,IaaS,SecNumCloud,,withdrawn,,2024-01-01,,,"
                      "2024-01-01,s,\n"
                      "a-iaas,A,A,IaaS,SecNumCloud,,qualified,,yesterday,,,"
                      "2025-01-01,s,\n"
                      "a-iaas,A,A,IaaS,BSI C5,,qualified,,2025-01-01,,,"
                      "2025-01-01,s,\n");
  std::vector<Problem> problems;

  const std::vector<CatalogueRow> rows = ReadCatalogueRows(options_, &problems);

  EXPECT_EQ(CataloguePath(options_), dir_.Path("mine.csv"));
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[1].line, 4);
  ASSERT_THAT(problems, SizeIs(2));
  EXPECT_EQ(problems[0].line, 3);
  EXPECT_THAT(problems[1].what, HasSubstr("scheme \"BSI C5\""));
}

// A user's catalogue need not have every service of the ranges that ship.
TEST_F(FactsTest, KeepsTheRegionOfAnEmbeddedRangeWithoutItsService) {
  options_.services = dir_.Write(
      "mine.csv", std::string(kServices) +
                      "b-iaas,B,B,IaaS,SecNumCloud,,qualified,,,,,2026-03-01,"
                      "s,\n");

  const auto loaded = LoadFacts(options_);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_THAT((*loaded)->ranges.rows(), SizeIs(1));
  EXPECT_EQ((*loaded)->ranges.rows()[0].service_id, "");
  EXPECT_EQ((*loaded)->ranges.rows()[0].region, "r");
}

TEST_F(FactsTest, ReportsTheProblemsOfAllFilesAtOnce) {
  dir_.Write("schemes.csv", "");
  dir_.Write("anycast.csv", std::string(kAnycast) + "x,,,,,,\n");

  EXPECT_THAT(Problems(), SizeIs(5));
  EXPECT_EQ(LoadFacts(options_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(FactsThatShipTest, LoadWithoutAProblem) {
  FactsOptions options;
  options.embedded_dir = OCTROI_BINARY_DIR "/share/octroi";

  const auto loaded = LoadFacts(options);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Facts& facts = **loaded;
  EXPECT_THAT(facts.sources, SizeIs(9));
  EXPECT_EQ(facts.countries[0][0].source.attribution,
            "IP geolocation by DB-IP (https://db-ip.com)");
  EXPECT_EQ(facts.asn[0].source.attribution,
            "RouteViews (https://routeviews.org); NRO (https://nro.net); IP "
            "geolocation by DB-IP (https://db-ip.com)");
  for (const FactSource& source : facts.sources) {
    EXPECT_THAT(source.sha256, SizeIs(64)) << source.name;
  }
}

}  // namespace
}  // namespace octroi
