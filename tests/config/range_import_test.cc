// SPDX-License-Identifier: Apache-2.0
#include "config/range_import.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "config/fact_tables.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::ReadFile;
using ::octroi::testing::SharedRangeFilesDir;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

// The tables that ship, so that a test shows what a user gets.
class RangeImportTest : public ::testing::Test {
 protected:
  RangeImportTest() {
    regions_ = *RegionTable::Create(Rows(&ReadRegions, "regions.csv"));
    special_purpose_ = *SpecialPurposeTable::Create(
        Rows(&ReadSpecialPurpose, "special_purpose.csv"));
  }

  template <typename Row>
  static std::vector<Row> Rows(FactTable<Row> (*read)(std::string_view,
                                                      const std::string&,
                                                      std::vector<Problem>*),
                               const std::string& name) {
    std::vector<Problem> problems;
    std::vector<Row> rows =
        read(ReadFile(OCTROI_SOURCE_DIR "/data/" + name), name, &problems).rows;
    for (const Problem& problem : problems) ADD_FAILURE() << problem.text();
    return rows;
  }

  ImportedRanges Import(std::string_view text,
                        const RangeImportOptions& options) {
    const absl::Status status = CheckRangeImport(options);
    EXPECT_TRUE(status.ok()) << status;
    if (!status.ok()) return ImportedRanges();
    absl::StatusOr<ImportedRanges> imported =
        ImportRanges(text, options, {&regions_, &special_purpose_});
    EXPECT_TRUE(imported.ok()) << imported.status();
    if (!imported.ok()) return ImportedRanges();
    ExpectRoundTrip(*imported);
    ExpectNothingIsLost(*imported);
    return *std::move(imported);
  }

  // The loader takes what the import writes.
  static void ExpectRoundTrip(const ImportedRanges& imported) {
    std::vector<Problem> problems;
    const std::string csv = RangesToCsv(imported.rows);
    std::vector<RangeRow> rows = ReadRanges(csv, "out.csv", &problems).rows;
    for (const Problem& problem : problems) ADD_FAILURE() << problem.text();
    ASSERT_EQ(rows.size(), imported.rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(rows[i].line, imported.rows[i].line);
      EXPECT_EQ(rows[i].prefix, imported.rows[i].prefix);
      EXPECT_EQ(rows[i].region, imported.rows[i].region);
      EXPECT_EQ(rows[i].region_country, imported.rows[i].region_country);
      EXPECT_EQ(rows[i].grade, imported.rows[i].grade);
      EXPECT_EQ(rows[i].source, imported.rows[i].source);
      EXPECT_EQ(rows[i].note, imported.rows[i].note);
      rows[i].service_id.clear();
    }
    const absl::StatusOr<RangeTable> table =
        RangeTable::Create(std::move(rows), Catalogue());
    EXPECT_TRUE(table.ok()) << table.status();
  }

  static void ExpectNothingIsLost(const ImportedRanges& imported) {
    const RangeImportReport& report = imported.report;
    EXPECT_EQ(report.read_count, imported.rows.size() + report.duplicate_count +
                                     report.nested_count +
                                     report.malformed_count +
                                     report.oversized_count);
  }

  static RangeImportOptions OptionsFor(RangeFormat format) {
    RangeImportOptions options;
    options.format = format;
    options.file = "folder/file.json";
    options.retrieved = *ParseDay("2026-09-01");
    if (ProviderOf(format).empty()) options.provider = "Example";
    if (format == RangeFormat::kCidr) options.source = "J. Doe, contract 7";
    if (format == RangeFormat::kOutscale) options.region = "eu-west-2";
    return options;
  }

  // Imports a file of AWS from lines "PREFIX GROUP".
  ImportedRanges ImportAws(
      const std::vector<std::pair<std::string, std::string>>& entries) {
    std::string list;
    for (const auto& [prefix, group] : entries) {
      list += fmt::format(
          R"({}{{"ip_prefix": "{}", "network_border_group": "{}"}})",
          list.empty() ? "" : ",", prefix, group);
    }
    return Import(fmt::format(R"({{"prefixes": [{}]}})", list),
                  OptionsFor(RangeFormat::kAws));
  }

  RegionTable regions_;
  SpecialPurposeTable special_purpose_;
};

// "192.0.2.0/24 eu-west-3 FR" for each row.
std::vector<std::string> LinesOf(const ImportedRanges& imported) {
  std::vector<std::string> lines;
  for (const RangeRow& row : imported.rows) {
    lines.push_back(fmt::format("{} {} {}", row.prefix.ToString(), row.region,
                                row.region_country.ToString()));
  }
  return lines;
}

TEST_F(RangeImportTest, WritesRowsThatSayWhoseTheyAreAndWhoSaysSo) {
  const ImportedRanges imported = Import(
      R"({"syncToken": "17", "prefixes": [
          {"ip_prefix": "15.188.0.0/16", "region": "eu-west-3",
           "network_border_group": "eu-west-3"}]})",
      OptionsFor(RangeFormat::kAws));

  EXPECT_EQ(RangesToCsv(imported.rows),
            "prefix,provider,service_id,region,region_country,grade,source,"
            "retrieved,note\n"
            "15.188.0.0/16,AWS,,eu-west-3,FR,published,\"file.json, syncToken "
            "17\",2026-09-01,\n");
}

// Istanbul is not the EU: where the group is not known, its Region is no help.
TEST_F(RangeImportTest, NeverTakesTheRegionForABorderGroupThatItDoesNotKnow) {
  const ImportedRanges imported =
      ImportAws({{"15.188.0.0/16", "eu-central-1-ist-1"},
                 {"15.189.0.0/16", "eu-central-1-xyz-1"},
                 {"15.190.0.0/16", "eu-central-1-xyz-1"},
                 {"15.191.0.0/16", "EU-Central-1"},
                 {"15.192.0.0/16", "global"}});

  EXPECT_THAT(
      LinesOf(imported),
      ElementsAre("15.188.0.0/16 eu-central-1-ist-1 TR",
                  "15.189.0.0/16 eu-central-1-xyz-1 ",
                  "15.190.0.0/16 eu-central-1-xyz-1 ",
                  "15.191.0.0/16 EU-Central-1 DE", "15.192.0.0/16 GLOBAL "));
  EXPECT_THAT(imported.report.unknown_regions,
              ElementsAre(Pair("eu-central-1-xyz-1", 2)));
  EXPECT_THAT(ReportLines(imported),
              Contains("no country is known for the regions: "
                       "eu-central-1-xyz-1 (2 entries)"));
}

TEST_F(RangeImportTest, WritesAPrefixOnceAndPrefersTheEntryWithARegion) {
  const ImportedRanges imported = ImportAws({{"15.188.0.0/16", "eu-west-3"},
                                             {"15.188.0.0/16", ""},
                                             {"15.187.0.0/16", "eu-west-1"},
                                             {"15.188.0.0/16", "eu-west-3"}});

  EXPECT_THAT(LinesOf(imported), ElementsAre("15.187.0.0/16 eu-west-1 IE",
                                             "15.188.0.0/16 eu-west-3 FR"));
  EXPECT_EQ(imported.report.duplicate_count, 2u);
  EXPECT_EQ(imported.report.conflicting_count, 0u);
}

struct ConflictCase {
  std::vector<std::string> regions;
  std::string expected;
  std::string note;
};

TEST_F(RangeImportTest, NamesACountryOfAConflictOnlyIfAllAgree) {
  const ConflictCase cases[] = {
      {{"us-west-2", "us-east-1"},
       "15.188.0.0/16 us-east-1;us-west-2 US",
       "us-east-1;us-west-2"},
      {{"eu-west-3", "us-east-1"},
       "15.188.0.0/16 eu-west-3;us-east-1 ",
       "eu-west-3;us-east-1"},
      {{"eu-west-3", "eu-nowhere-1"},
       "15.188.0.0/16 eu-nowhere-1;eu-west-3 ",
       "eu-nowhere-1;eu-west-3"},
      // What is announced from many places has no location, even if a region
      // has it too.
      {{"GLOBAL", "eu-west-3"}, "15.188.0.0/16 GLOBAL ", "GLOBAL;eu-west-3"},
      {{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"},
       "15.188.0.0/16 a;b;c;d;e;f;g;h;+2 ",
       "a;b;c;d;e;f;g;h;+2"}};
  for (const ConflictCase& conflict : cases) {
    std::vector<std::pair<std::string, std::string>> entries;
    for (const std::string& region : conflict.regions) {
      entries.emplace_back("15.188.0.0/16", region);
    }

    const ImportedRanges imported = ImportAws(entries);

    EXPECT_THAT(LinesOf(imported), ElementsAre(conflict.expected));
    EXPECT_EQ(imported.report.conflicting_count, 1u);
    EXPECT_THAT(imported.rows[0].note,
                HasSubstr("several regions for this prefix: " + conflict.note));
    EXPECT_THAT(ReportLines(imported), Contains(HasSubstr("1 row stand")));
  }
}

TEST_F(RangeImportTest, DropsARangeInsideOneThatSaysAsMuch) {
  const ImportedRanges imported = ImportAws({
      {"15.188.0.0/16", "eu-west-3"},
      {"15.188.1.0/24", "eu-west-3"},  // The same.
      {"15.188.2.0/24", ""},           // Nothing.
      {"15.188.4.0/22", "eu-west-1"},  // Something else,
      {"15.188.4.0/24", "eu-west-1"},  // which this says too,
      {"15.188.5.0/24", "eu-west-3"},  // and this does not.
      {"15.192.0.0/16", ""},
      {"15.192.1.0/24", "eu-west-1"},
      {"15.193.0.0/16", "GLOBAL"},
      {"15.193.1.0/24", "eu-west-1"},
      {"15.193.1.0/25", "GLOBAL"},
  });

  EXPECT_THAT(
      LinesOf(imported),
      ElementsAre("15.188.0.0/16 eu-west-3 FR", "15.188.4.0/22 eu-west-1 IE",
                  "15.188.5.0/24 eu-west-3 FR", "15.192.0.0/16  ",
                  "15.192.1.0/24 eu-west-1 IE", "15.193.0.0/16 GLOBAL ",
                  "15.193.1.0/24 eu-west-1 IE", "15.193.1.0/25 GLOBAL "));
  EXPECT_EQ(imported.report.nested_count, 3u);
}

TEST_F(RangeImportTest, TakesTheCountryOfAGeofeedFromItself) {
  const ImportedRanges imported = Import(
      "15.188.0.0/16,FR,FR-IDF,Paris,\n15.189.0.0/16,,,,\n"
      "15.190.0.0/16,NL,,,\n15.190.0.0/16,US,,,\n",
      OptionsFor(RangeFormat::kGeofeed));

  EXPECT_THAT(LinesOf(imported),
              ElementsAre("15.188.0.0/16 FR-IDF FR", "15.189.0.0/16  ",
                          "15.190.0.0/16  "));
  EXPECT_EQ(imported.rows[0].provider, "Example");
  EXPECT_EQ(imported.rows[2].note,
            "the file has several countries for this prefix");
  EXPECT_THAT(imported.report.unknown_regions, IsEmpty());
}

// eu-west-2 is Paris at Outscale, and London at AWS.
TEST_F(RangeImportTest, LocatesAnOutscaleFileByTheRegionThatTheUserNames) {
  const ImportedRanges imported = Import(R"({"PublicIps": ["15.188.0.0/16"]})",
                                         OptionsFor(RangeFormat::kOutscale));

  EXPECT_THAT(LinesOf(imported), ElementsAre("15.188.0.0/16 eu-west-2 FR"));
}

TEST_F(RangeImportTest, AssertsAPlainList) {
  RangeImportOptions options = OptionsFor(RangeFormat::kCidr);
  options.provider = "OVH";
  options.region = "GRA";
  options.country = *CountryCode::Parse("FR");
  options.service_id = "ovh-bare-metal-pod-iaas";
  options.source = "J. Doe, \"annex B\"";

  const ImportedRanges imported = Import("15.188.0.0/16\n", options);

  EXPECT_THAT(RangesToCsv(imported.rows),
              HasSubstr("\n15.188.0.0/16,OVH,ovh-bare-metal-pod-iaas,GRA,FR,"
                        "asserted,\"J. Doe, \"\"annex B\"\"\",2026-09-01,\n"));
}

TEST_F(RangeImportTest, LooksUpTheRegionOfAPlainListAndReportsAnUnknownOne) {
  RangeImportOptions options = OptionsFor(RangeFormat::kCidr);
  options.provider = "S3NS";
  options.region = "u-france-east1";
  EXPECT_THAT(LinesOf(Import("15.188.0.0/16\n", options)),
              ElementsAre("15.188.0.0/16 u-france-east1 FR"));

  options.region = "u-nowhere1";
  const ImportedRanges unknown = Import("15.188.0.0/16\n", options);
  EXPECT_THAT(LinesOf(unknown), ElementsAre("15.188.0.0/16 u-nowhere1 "));
  EXPECT_THAT(unknown.report.unknown_regions,
              ElementsAre(Pair("u-nowhere1", 1)));

  options.region = "global";
  EXPECT_THAT(LinesOf(Import("15.188.0.0/16\n", options)),
              ElementsAre("15.188.0.0/16 GLOBAL "));
}

TEST_F(RangeImportTest, KeepsAndCountsWhatMeetsSpecialPurposeSpace) {
  const ImportedRanges imported =
      ImportAws({{"10.1.0.0/16", "eu-west-3"}, {"15.188.0.0/16", "eu-west-3"}});

  EXPECT_EQ(imported.rows.size(), 2u);
  EXPECT_EQ(imported.report.special_purpose_count, 1u);
  EXPECT_THAT(ReportLines(imported), Contains(HasSubstr("special-purpose")));
}

TEST_F(RangeImportTest, FailsWhereNoEntryCanBeUsed) {
  const absl::StatusOr<ImportedRanges> imported =
      ImportRanges("x\n0.0.0.0/1\n", OptionsFor(RangeFormat::kCidr),
                   {&regions_, &special_purpose_});

  ASSERT_FALSE(imported.ok());
  EXPECT_THAT(std::string(imported.status().message()),
              StartsWith("folder/file.json: no entry of it can be used (1 "
                         "malformed, 1 oversized); the first: line 1: \"x\""));
}

TEST_F(RangeImportTest, SaysWhatBecameOfEveryEntry) {
  std::string text = "15.188.0.0/16\n15.188.0.0/16\n15.188.1.0/24\n1.0.0.0/7\n";
  for (int i = 0; i < 30; ++i) text += "x\n";

  const std::vector<std::string> lines =
      ReportLines(Import(text, OptionsFor(RangeFormat::kCidr)));

  ASSERT_EQ(lines.size(), 2 + kMaxSkippedShown);
  EXPECT_EQ(lines[0],
            "34 entries read, 1 row written; left out: 1 duplicate, 1 nested, "
            "31 malformed, 0 oversized");
  EXPECT_THAT(lines[1], StartsWith("left out: line 4: "));
  EXPECT_EQ(lines.back(), "left out: 11 more that are not ranges");
}

struct BadOptions {
  void (*spoil)(RangeImportOptions*);
  std::string error;
};

TEST_F(RangeImportTest, RefusesOptionsThatCannotBeRight) {
  const BadOptions cases[] = {
      {[](RangeImportOptions* o) { o->provider = ""; }, "--provider: is miss"},
      {[](RangeImportOptions* o) { o->source = ""; }, "--source: is missing"},
      {[](RangeImportOptions* o) { o->source = "a\nb"; }, "--source: \"a\\x0a"},
      {[](RangeImportOptions* o) { o->source = " a"; }, "--source: \" a\" beg"},
      {[](RangeImportOptions* o) { o->source = std::string(2000, 'a'); },
       "--source: \"aaaa"},
      {[](RangeImportOptions* o) { o->provider = "\xFF"; }, "--provider: \""},
      {[](RangeImportOptions* o) { o->region = "a;b"; }, "--region: has a ';'"},
      {[](RangeImportOptions* o) { o->service_id = "A B"; }, "--service: \"A"},
      {[](RangeImportOptions* o) { o->country = *CountryCode::Parse("UK"); },
       "--country: \"UK\" is not a country"},
      {[](RangeImportOptions* o) {
         o->format = RangeFormat::kAws;
         o->region = "eu-west-3";
       },
       "--region: is for --from cidr and outscale"},
      {[](RangeImportOptions* o) {
         o->format = RangeFormat::kGeofeed;
         o->country = *CountryCode::Parse("FR");
       },
       "--country: is for --from cidr and outscale"},
      {[](RangeImportOptions* o) { o->format = RangeFormat::kOutscale; },
       "--region: is missing"},
      {[](RangeImportOptions* o) {
         o->format = RangeFormat::kAws;
         o->grade = Grade::kAsserted;
         o->source = "";
       },
       "--source: is missing"},
  };
  for (const BadOptions& bad : cases) {
    RangeImportOptions options = OptionsFor(RangeFormat::kCidr);
    ASSERT_TRUE(CheckRangeImport(options).ok());
    bad.spoil(&options);

    EXPECT_THAT(std::string(CheckRangeImport(options).message()),
                StartsWith(bad.error));
  }
}

// A file's name goes into the source, and may be any bytes.
TEST_F(RangeImportTest, LeavesANameThatIsNotTextOutOfTheSource) {
  RangeImportOptions options = OptionsFor(RangeFormat::kCloudflare);
  options.file = "folder/a\n,\xFF";

  EXPECT_EQ(Import("15.188.0.0/16\n", options).rows[0].source, "a file");
}

// Whatever a file holds: every prefix of it is covered by rows, and the most
// specific one names the country that the file gives the prefix, or one where
// the file gives none.
TEST_F(RangeImportTest, CoversEveryPrefixWithItsOwnCountry) {
  const std::vector<std::string> groups = {
      "eu-west-3", "eu-west-1",    "us-east-1", "us-west-2",
      "GLOBAL",    "eu-nowhere-1", ""};
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937 random(seed);
    std::map<IpPrefix, std::string> group_of;
    for (int i = 0; i < 200; ++i) {
      // Few bits, so that many prefixes are nested.
      const auto length = static_cast<int>(10 + random() % 9);
      const IpPrefix prefix = IpPrefix::Containing(
          IpAddress::V4(0x0F000000 | (random() & 0x3FC000)), length);
      group_of[prefix] = groups[random() % groups.size()];
    }
    std::vector<std::pair<std::string, std::string>> entries;
    for (const auto& [prefix, group] : group_of) {
      entries.emplace_back(prefix.ToString(), group);
      if (random() % 4 == 0) entries.push_back(entries.back());
      if (random() % 8 == 0) entries.emplace_back(prefix.ToString(), "");
    }
    std::shuffle(entries.begin(), entries.end(), random);

    const ImportedRanges imported = ImportAws(entries);

    for (const auto& [prefix, group] : group_of) {
      const RangeRow* best = nullptr;
      for (const RangeRow& row : imported.rows) {
        if (row.prefix.Contains(prefix) &&
            (best == nullptr || row.prefix.length() > best->prefix.length())) {
          best = &row;
        }
      }
      ASSERT_NE(best, nullptr) << prefix.ToString();
      if (group.empty()) continue;
      EXPECT_EQ(best->region, group) << prefix.ToString();
      EXPECT_EQ(best->region_country, regions_.CountryOf("AWS", group));
    }
    EXPECT_EQ(imported.report.conflicting_count, 0u);
  }
}

// Samples of the files as providers publish them, where a checkout has them.
struct Sample {
  RangeFormat format;
  std::string name;
  uint64_t read_count;
  uint64_t written_count;
  std::vector<std::string> rows;  // Some of them.
};

TEST_F(RangeImportTest, ImportsTheSampleOfEveryFormat) {
  const std::string dir = SharedRangeFilesDir();
  if (dir.empty()) {
    GTEST_SKIP() << "the folder of sample range files is not beside the "
                    "repository";
  }
  const Sample samples[] = {
      {RangeFormat::kAws,
       "aws-ip-ranges.sample.json",
       54,
       42,
       {"83.119.128.0/18 eu-central-1-ist-1 TR", "35.180.0.0/16 eu-west-3 FR",
        "15.220.48.0/21 eu-central-1-waw-1 PL", "51.34.0.0/16 eu-central-2 CH",
        "51.0.31.0/24 eusc-de-east-1 DE", "52.95.150.0/24 eu-west-2 GB",
        "54.222.64.0/24 cn-north-1 CN", "120.52.22.96/27 GLOBAL ",
        "2a05:d02b::/36 eu-central-1-ist-1 TR", "2600:9000:3000::/36 GLOBAL "}},
      {RangeFormat::kGoogle,
       "google-cloud.sample.json",
       18,
       18,
       {"34.1.0.0/20 europe-west9 FR", "34.13.0.0/18 europe-west2 GB",
        "34.65.0.0/16 europe-west6 CH", "34.8.0.0/16 GLOBAL ",
        "8.34.210.0/24 us-central1 US", "2600:1900:4010::/44 europe-west1 BE"}},
      {RangeFormat::kAzure,
       "azure-service-tags.sample.json",
       41,
       41,
       {"4.176.0.0/16 centralfrance FR", "4.175.0.0/16 westeurope NL",
        "4.158.0.0/15 uksouth GB", "20.33.132.0/24 centralfrance FR",
        "4.145.0.0/16  ", "2603:1020:700::/47 uksouth GB"}},
      {RangeFormat::kOracle,
       "oracle-public-ip-ranges.sample.json",
       28,
       26,
       {"81.208.192.0/19 eu-jovanovac-1 RS", "89.168.32.0/19 eu-paris-1 FR",
        "129.80.0.0/16 us-ashburn-1 US", "79.72.24.0/21 eu-marseille-1 FR"}},
      {RangeFormat::kCloudflare,
       "cloudflare-ips-v4.txt",
       15,
       15,
       {"104.16.0.0/13 GLOBAL ", "131.0.72.0/22 GLOBAL "}},
      {RangeFormat::kCloudflare,
       "cloudflare-ips-v6.txt",
       7,
       7,
       {"2606:4700::/32 GLOBAL "}},
      {RangeFormat::kFastly,
       "fastly-public-ip-list.json",
       21,
       21,
       {"151.101.0.0/16 GLOBAL ", "2a04:4e42::/32 GLOBAL "}},
      {RangeFormat::kGithub,
       "github-meta.sample.json",
       74,
       32,
       {"140.82.112.0/20  ", "2606:50c0::/32  ", "4.148.0.0/16  "}},
      {RangeFormat::kOutscale,
       "outscale-ReadPublicIpRanges.schema-only.json",
       2,
       2,
       {"198.51.100.0/24 eu-west-2 FR"}},
      {RangeFormat::kGeofeed,
       "linode-geofeed.sample.txt",
       11,
       11,
       {"2a01:7e00::/32 GB-ENG GB", "2400:8901::/32 SG-04 SG"}},
      {RangeFormat::kGeofeed,
       "digitalocean-geofeed.sample.csv",
       12,
       12,
       {"5.101.96.0/21 NL-NH NL", "24.199.80.0/20 US-NJ US"}},
      {RangeFormat::kCidr,
       "akamai-v4.sample.txt",
       19,
       19,
       {"23.32.0.0/11  ", "184.84.0.0/14  "}},
  };
  for (const Sample& sample : samples) {
    SCOPED_TRACE(sample.name);

    const ImportedRanges imported =
        Import(ReadFile(dir + "/" + sample.name), OptionsFor(sample.format));

    EXPECT_EQ(imported.report.read_count, sample.read_count);
    EXPECT_EQ(imported.rows.size(), sample.written_count);
    EXPECT_THAT(imported.report.unknown_regions, IsEmpty());
    EXPECT_EQ(imported.report.malformed_count, 0u);
    EXPECT_EQ(imported.report.conflicting_count, 0u);
    for (const std::string& row : sample.rows) {
      EXPECT_THAT(LinesOf(imported), Contains(row));
    }
  }
}

TEST_F(RangeImportTest, RefusesASampleOfAnyOtherFormat) {
  const std::string dir = SharedRangeFilesDir();
  if (dir.empty()) {
    GTEST_SKIP() << "the folder of sample range files is not beside the "
                    "repository";
  }
  const std::pair<std::string, std::string> samples[] = {
      {"aws-ip-ranges.sample.json", "aws"},
      {"google-cloud.sample.json", "google"},
      {"azure-service-tags.sample.json", "azure"},
      {"oracle-public-ip-ranges.sample.json", "oracle"},
      {"fastly-public-ip-list.json", "fastly"},
      {"github-meta.sample.json", "github"},
      {"linode-geofeed.sample.txt", "geofeed"},
      {"cloudflare-ips-v6.txt", "cidr"},
      {"zscaler-hubs.sample.json", ""},
      {"ovhcloud-derived.sample.json", ""}};
  for (const auto& [name, format] : samples) {
    const std::string text = ReadFile(dir + "/" + name);
    for (const std::string_view other : RangeFormatNames()) {
      if (other == format || (format == "cidr" && other == "cloudflare")) {
        continue;
      }
      RangeImportOptions options = OptionsFor(*ParseRangeFormat(other));

      const absl::StatusOr<ImportedRanges> imported =
          ImportRanges(text, options, {&regions_, &special_purpose_});

      ASSERT_FALSE(imported.ok()) << name << " as " << other;
      const std::string error(imported.status().message());
      EXPECT_THAT(error, HasSubstr(fmt::format("`--from {}`", other)));
      if (!format.empty()) {
        EXPECT_THAT(error, HasSubstr(fmt::format("write `--from {}`", format)));
      }
    }
  }
}

}  // namespace
}  // namespace octroi
