// SPDX-License-Identifier: Apache-2.0
#include "geo/mmdb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "tests/support/mmdb_writer.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MmdbArray;
using testing::MmdbAsnRecord;
using testing::MmdbFlatCountry;
using testing::MmdbImage;
using testing::MmdbMap;
using testing::MmdbNestedCountry;
using testing::MmdbPointer;
using testing::MmdbString;
using testing::MmdbUint16;
using testing::MmdbUint32;
using testing::MmdbUint64;
using testing::MmdbWriter;
using testing::TempDir;

std::unique_ptr<MmdbFile> ParseOrDie(std::string bytes) {
  auto file = MmdbFile::Parse("test.mmdb", std::move(bytes));
  EXPECT_TRUE(file.ok()) << file.status();
  return *std::move(file);
}

std::string ParseError(std::string bytes) {
  const auto file = MmdbFile::Parse("test.mmdb", std::move(bytes));
  return std::string(file.status().message());
}

// The error of whichever step refuses the file first.
std::string WalkError(std::string bytes) {
  const auto file = MmdbFile::Parse("test.mmdb", std::move(bytes));
  if (!file.ok()) return std::string(file.status().message());
  return std::string((*file)->WalkCountries().status().message());
}

// "prefix=code", in the order of the walk.
std::vector<std::string> WalkedCountries(const MmdbFile& file) {
  const auto table = file.WalkCountries();
  EXPECT_TRUE(table.ok()) << table.status();
  std::vector<std::string> lines;
  if (!table.ok()) return lines;
  for (const auto& [prefix, record] : table->entries) {
    lines.push_back(prefix.ToString() + "=" + table->records[record].code);
  }
  return lines;
}

std::string CodeOf(const MmdbFile& file, std::string_view address) {
  const auto found = file.LookupCountry(IpAddress::Parse(address).value());
  EXPECT_TRUE(found.ok()) << found.status();
  if (!found.ok() || !found->has_value()) return "none";
  return (*found)->record.code + " " + (*found)->prefix.ToString();
}

MmdbWriter SmallWriter() {
  return MmdbWriter()
      .Insert("192.0.2.0/24", MmdbFlatCountry("FR"))
      .Insert("198.51.100.0/24", MmdbFlatCountry("US"))
      .Insert("2001:db8::/32", MmdbFlatCountry("DE"));
}

TEST(MmdbFileTest, ReadsMetadata) {
  const auto file = ParseOrDie(SmallWriter().BuildBytes());

  EXPECT_EQ(file->path(), "test.mmdb");
  EXPECT_EQ(file->metadata().database_type, "Test-Country");
  EXPECT_EQ(file->metadata().description, "a test database");
  EXPECT_EQ(file->metadata().build_epoch_s, 1767225600);
  EXPECT_EQ(file->metadata().ip_version, 6);
  EXPECT_EQ(file->metadata().node_count, SmallWriter().Build().node_count);
}

TEST(MmdbFileTest, WalksEveryRecordSizeInAddressOrder) {
  for (const uint16_t record_size : {24, 28, 32}) {
    MmdbWriter writer({.record_size = record_size});
    writer.Insert("2001:db8::/32", MmdbFlatCountry("DE"))
        .Insert("198.51.100.0/24", MmdbFlatCountry("US"))
        .Insert("2001:db8:1::/48", MmdbFlatCountry("US"))
        .Insert("192.0.2.0/24", MmdbFlatCountry("FR"));

    const auto file = ParseOrDie(writer.BuildBytes());

    const std::vector<std::string> lines = WalkedCountries(*file);
    ASSERT_EQ(lines.size(), 19u) << record_size;
    EXPECT_EQ(lines[0], "192.0.2.0/24=FR");
    EXPECT_EQ(lines[1], "198.51.100.0/24=US");
    EXPECT_EQ(lines[2], "2001:db8::/48=DE");
    EXPECT_EQ(lines[3], "2001:db8:1::/48=US");
    EXPECT_EQ(lines[18], "2001:db8:8000::/33=DE");
    EXPECT_EQ(CodeOf(*file, "198.51.100.77"), "US 198.51.100.0/24");
    EXPECT_EQ(CodeOf(*file, "2001:db8:1::9"), "US 2001:db8:1::/48");
    EXPECT_EQ(CodeOf(*file, "203.0.113.1"), "none");
    EXPECT_EQ(CodeOf(*file, "2001:db9::"), "none");
  }
}

TEST(MmdbFileTest, ReadsAnIpv4TreeWhichHasNoIpv6) {
  MmdbWriter writer({.ip_version = 4});
  writer.Insert("192.0.2.0/24", MmdbFlatCountry("FR"))
      .Insert("203.0.113.7/32", MmdbFlatCountry("US"));

  const auto file = ParseOrDie(writer.BuildBytes());

  EXPECT_THAT(WalkedCountries(*file),
              ElementsAre("192.0.2.0/24=FR", "203.0.113.7/32=US"));
  EXPECT_EQ(CodeOf(*file, "203.0.113.7"), "US 203.0.113.7/32");
  EXPECT_EQ(CodeOf(*file, "2001:db8::1"), "none");
}

TEST(MmdbFileTest, LeavesAliasesOfTheIpv4TreeOut) {
  MmdbWriter writer = SmallWriter();
  writer.AliasIpv4("::ffff:0:0/96").AliasIpv4("2002::/16");

  const auto file = ParseOrDie(writer.BuildBytes());

  EXPECT_THAT(
      WalkedCountries(*file),
      ElementsAre("192.0.2.0/24=FR", "198.51.100.0/24=US", "2001:db8::/32=DE"));
}

TEST(MmdbFileTest, GivesIpv6AddressesNothingOfTheIpv4Tree) {
  const auto file = ParseOrDie(SmallWriter().BuildBytes());

  EXPECT_EQ(CodeOf(*file, "192.0.2.1"), "FR 192.0.2.0/24");
  EXPECT_EQ(CodeOf(*file, "::192.0.2.1"), "none");
}

TEST(MmdbFileTest, AppliesARecordAboveTheIpv4TreeToBothFamilies) {
  const auto file = ParseOrDie(
      MmdbWriter().Insert("::/8", MmdbFlatCountry("FR")).BuildBytes());

  EXPECT_THAT(WalkedCountries(*file), ElementsAre("0.0.0.0/0=FR", "::/8=FR"));
  EXPECT_EQ(CodeOf(*file, "192.0.2.1"), "FR 0.0.0.0/0");
  EXPECT_EQ(CodeOf(*file, "::1"), "FR ::/8");
}

TEST(MmdbFileTest, ReadsEveryShapeOfCountryRecord) {
  const struct {
    const char* description;
    std::string record;
    CountryRecord country;
  } cases[] = {
      {"flat", MmdbFlatCountry("FR"), {"FR", ""}},
      {"nested", MmdbNestedCountry("FR", "US"), {"FR", "US"}},
      {"registered country only",
       MmdbMap(
           {{"registered_country", MmdbMap({{"iso_code", MmdbString("US")}})}}),
       {"", "US"}},
      {"code in `country`",
       MmdbMap({{"country", MmdbString("FR")}}),
       {"FR", ""}},
      {"name in `country`, code beside it",
       MmdbMap({{"country", MmdbString("France")},
                {"country_code", MmdbString("FR")}}),
       {"FR", ""}},
      {"a pseudo-code is kept as written", MmdbFlatCountry("EU"), {"EU", ""}},
      {"number for a code",
       MmdbMap({{"country_code", MmdbUint32(250)}}),
       {"", ""}},
      {"array for a country",
       MmdbMap({{"country", MmdbArray({MmdbString("FR")})}}),
       {"", ""}},
      {"text for a record", MmdbString("FR"), {"", ""}},
  };
  for (const auto& c : cases) {
    const auto file =
        ParseOrDie(MmdbWriter()
                       .Insert("192.0.2.0/24", c.record)
                       .Insert("2001:db8::/32", c.record)
                       .Insert("203.0.113.0/24", MmdbFlatCountry("DE"))
                       .BuildBytes());

    const auto found =
        file->LookupCountry(IpAddress::Parse("192.0.2.1").value());
    const auto table = file->WalkCountries();

    ASSERT_TRUE(found.ok() && found->has_value()) << c.description;
    EXPECT_EQ((*found)->record, c.country) << c.description;
    ASSERT_TRUE(table.ok()) << c.description << table.status();
    EXPECT_THAT(table->records, ElementsAre(c.country, CountryRecord{"DE", ""}))
        << c.description;
  }
}

TEST(MmdbFileTest, ReadsEveryShapeOfAsnRecord) {
  const struct {
    const char* description;
    std::string record;
    MmdbAsn asn;
  } cases[] = {
      {"MaxMind, DB-IP", MmdbAsnRecord(64496, "Example"), {64496, "Example"}},
      {"no name",
       MmdbMap({{"autonomous_system_number", MmdbUint32(64496)}}),
       {64496, ""}},
      {"IPinfo Lite",
       MmdbMap({{"asn", MmdbString("AS64496")},
                {"as_name", MmdbString("Example")},
                {"country_code", MmdbString("FR")}}),
       {64496, "Example"}},
      {"IPinfo ASN",
       MmdbMap({{"asn", MmdbString("AS4294967295")},
                {"name", MmdbString("Example")}}),
       {4294967295, "Example"}},
      {"64-bit integer",
       MmdbMap({{"autonomous_system_number", MmdbUint64(64496)}}),
       {64496, ""}},
      {"number too large",
       MmdbMap({{"autonomous_system_number", MmdbUint64(1ull << 32)}}),
       {0, ""}},
      {"no number in the text",
       MmdbMap({{"asn", MmdbString("AS64496x")}}),
       {0, ""}},
  };
  for (const auto& c : cases) {
    const auto file =
        ParseOrDie(MmdbWriter().Insert("192.0.2.0/24", c.record).BuildBytes());

    const auto found = file->LookupAsn(IpAddress::Parse("192.0.2.1").value());

    ASSERT_TRUE(found.ok() && found->has_value()) << c.description;
    EXPECT_EQ((*found)->record, c.asn) << c.description;
    EXPECT_EQ(file->WalkAsns().ok(), c.asn != MmdbAsn()) << c.description;
  }
}

TEST(MmdbFileTest, GivesEachDistinctRecordOnce) {
  // Two records of equal countries that differ elsewhere.
  const std::string one = MmdbMap(
      {{"country_code", MmdbString("FR")}, {"city", MmdbString("Paris")}});
  const std::string two = MmdbMap(
      {{"country_code", MmdbString("FR")}, {"city", MmdbString("Lille")}});
  const auto file = ParseOrDie(MmdbWriter()
                                   .Insert("192.0.2.0/25", one)
                                   .Insert("192.0.2.128/25", two)
                                   .Insert("203.0.113.0/24", one)
                                   .BuildBytes());

  const auto table = file->WalkCountries();

  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->records, ElementsAre(CountryRecord{"FR", ""}));
  EXPECT_EQ(table->entries.size(), 3u);
}

TEST(MmdbFileTest, FollowsPointersBetweenValues) {
  // A record whose key and value are both pointers to texts of an earlier one.
  const std::string first = MmdbFlatCountry("FR");
  const size_t key_offset = 1;
  const size_t value_offset = first.size() - 3;
  const std::string second = std::string("\xe1", 1) + MmdbPointer(key_offset) +
                             MmdbPointer(value_offset);

  const auto file = ParseOrDie(MmdbWriter()
                                   .Insert("192.0.2.0/24", first)
                                   .Insert("203.0.113.0/24", second)
                                   .BuildBytes());

  EXPECT_EQ(CodeOf(*file, "203.0.113.1"), "FR 203.0.113.0/24");
}

// Names go to logs, JSON and terminals.
TEST(MmdbFileTest, BoundsAndCleansText) {
  const struct {
    const char* description;
    std::string raw;
    std::string clean;
  } cases[] = {
      {"valid", "Société Générale 東京 😀", "Société Générale 東京 😀"},
      {"control characters", "a\x1b[31mb\x7f\n", "a?[31mb??"},
      {"C1 control",
       "a\xc2\x9b"
       "b",
       "a??b"},
      {"stray bytes", "a\xff\x80z", "a??z"},
      {"overlong slash", "\xc0\xaf", "??"},
      {"surrogate", "\xed\xa0\x80", "???"},
      {"beyond Unicode", "\xf4\x90\x80\x80", "????"},
      {"cut off", "a\xe6\x9d", "a??"},
      {"long", std::string(70000, 'x'), std::string(256, 'x')},
      {"character at the limit", std::string(255, 'x') + "é",
       std::string(255, 'x')},
  };
  for (const auto& c : cases) {
    const auto file =
        ParseOrDie(MmdbWriter()
                       .Insert("192.0.2.0/24", MmdbAsnRecord(64496, c.raw))
                       .BuildBytes());

    const auto found = file->LookupAsn(IpAddress::Parse("192.0.2.1").value());

    ASSERT_TRUE(found.ok() && found->has_value()) << c.description;
    EXPECT_EQ((*found)->record.organization, c.clean) << c.description;
  }
}

TEST(MmdbFileTest, SaysWhatAFileIsThatIsNoDatabase) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo(dir.Path("pipe").c_str(), 0600), 0);
  const std::string accepted =
      "accepted: .mmdb files with country or ASN records";
  const struct {
    std::string path;
    std::string what;
  } cases[] = {
      {dir.Path("absent"), "cannot open: No such file or directory"},
      {dir.Path("."), "not a MaxMind DB: a directory"},
      {dir.Path("pipe"), "not a MaxMind DB: not a regular file"},
      {dir.Write("empty", ""), "not a MaxMind DB: the file is empty"},
      {dir.Write("byte", "x"),
       "not a MaxMind DB: the file begins with '78' and has no metadata "
       "section"},
      {dir.Write("text", "1.0.0.0,1.0.0.255,FR\n"),
       "not a MaxMind DB: the file begins with '31 2e' and has no metadata "
       "section"},
      {dir.Write("gzip", "\x1f\x8b\x08..."),
       "not a MaxMind DB: the file begins with '1f 8b' and has no metadata "
       "section (it is compressed: unpack it first)"},
  };
  for (const auto& c : cases) {
    const auto file = MmdbFile::Open(c.path);

    EXPECT_EQ(file.status().message(),
              c.path + ": " + c.what + "; " + accepted);
  }
}

TEST(MmdbFileTest, OpensWhatItParses) {
  const TempDir dir;
  const std::string path =
      dir.Write("country.mmdb", SmallWriter().BuildBytes());

  const auto file = MmdbFile::Open(path);
  // In place, as a careless copy does: what is open must not notice.
  dir.Write("country.mmdb", "");

  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(CodeOf(**file, "192.0.2.1"), "FR 192.0.2.0/24");
  EXPECT_EQ(WalkedCountries(**file).size(), 3u);
}

TEST(MmdbFileTest, RefusesMetadataThatIsIncompleteOrOutOfRange) {
  const struct {
    const char* key;
    std::string value;
    const char* error;
  } cases[] = {
      {"node_count", "", "node_count is missing or no integer"},
      {"node_count", MmdbString("5"), "node_count is missing or no integer"},
      {"node_count", MmdbUint32(0), "node_count is 0; accepted: 1 to"},
      {"node_count", MmdbUint32(4000000000), "node_count is 4000000000"},
      {"node_count", MmdbUint32(1000000), "the file is cut off or damaged"},
      // libmaxminddb multiplies this by 6 to 2^32 - 4.
      {"node_count", MmdbUint32(715827882), "node_count is 715827882"},
      {"record_size", "", "record_size is missing"},
      {"record_size", MmdbUint16(16), "record_size is 16"},
      {"record_size", MmdbUint16(26), "record_size 26"},
      {"ip_version", "", "ip_version is missing"},
      {"ip_version", MmdbUint16(5), "ip_version 5"},
      {"ip_version", MmdbUint16(7), "ip_version is 7"},
      {"build_epoch", "", "build_epoch is missing"},
      {"build_epoch", MmdbUint64(1ull << 40), "build_epoch is 1099511627776"},
      {"binary_format_major_version", MmdbUint16(3),
       "binary_format_major_version is 3"},
  };
  for (const auto& c : cases) {
    const std::string error =
        ParseError(SmallWriter().SetMetadata(c.key, c.value).BuildBytes());

    EXPECT_THAT(error, ::testing::StartsWith("test.mmdb: ")) << c.key;
    EXPECT_THAT(error, HasSubstr(c.error)) << c.key;
  }
}

// Arrays of pointers to arrays of pointers: a few bytes that decode to more
// values than there is memory for.
TEST(MmdbFileTest, RefusesMetadataThatMultipliesItself) {
  MmdbWriter writer = SmallWriter();
  // The pointers lead to the metadata map itself.
  writer.SetMetadata("languages",
                     MmdbArray(std::vector<std::string>(20, MmdbPointer(0))));

  EXPECT_THAT(ParseError(writer.BuildBytes()), HasSubstr("nests deeper"));
}

TEST(MmdbFileTest, RefusesEveryPrefixOfAFileWithoutReadingBeyondIt) {
  const std::string bytes = SmallWriter().BuildBytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(ParseError(bytes.substr(0, size)), "") << size;
  }
}

TEST(MmdbFileTest, RefusesATreeThatIsNoTree) {
  const MmdbImage good = SmallWriter().Build();
  MmdbImage cycle = good;
  cycle.SetRecord(5, 1, 3);
  MmdbImage self = good;
  self.SetRecord(good.node_count - 1, 0, good.node_count - 1);
  MmdbImage root = good;
  root.SetRecord(0, 0, 0);
  MmdbImage shared = good;
  shared.SetRecord(0, 1, good.node_count - 1);

  for (const MmdbImage& image : {cycle, self, root, shared}) {
    EXPECT_THAT(WalkError(image.bytes), HasSubstr("is reached twice"));
  }
}

TEST(MmdbFileTest, RefusesATreeDeeperThanAnAddress) {
  MmdbWriter writer({.ip_version = 6});
  writer.Insert("::1:0:0:1/128", MmdbFlatCountry("FR"));
  // The same nodes, said to be a tree of 32 levels.
  writer.SetMetadata("ip_version", MmdbUint16(4));

  EXPECT_THAT(WalkError(writer.BuildBytes()),
              HasSubstr("is below the last bit"));
}

TEST(MmdbFileTest, RefusesRecordsOutOfBounds) {
  const MmdbImage good = SmallWriter().Build();
  const uint32_t data_bytes =
      static_cast<uint32_t>(good.metadata_offset - good.data_offset);
  for (const uint32_t record :
       {good.node_count + 1, good.node_count + 15, good.DataRecord(data_bytes),
        good.DataRecord(data_bytes + 20), 0xffffffu}) {
    MmdbImage image = good;
    image.SetRecord(0, 1, record);

    EXPECT_THAT(WalkError(image.bytes),
                HasSubstr("test.mmdb: the record of 8000::/1: the value at"))
        << record;
  }
}

TEST(MmdbFileTest, RefusesMalformedRecords) {
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += std::string("\x01\x04", 2);
  const struct {
    const char* description;
    std::string record;
    const char* error;
  } cases[] = {
      {"a map longer than the section", std::string("\xff\xff\xff\xff"),
       "section"},
      {"a text longer than the section", std::string("\x5f\xff\xff\xff"),
       "is cut off by the end of the section"},
      {"arrays in arrays", deep, "nests deeper than 32"},
      {"a map of many",
       MmdbMap(std::vector<std::pair<std::string, std::string>>(
           600, {"k", MmdbString("v")})),
       "more than 1024 values"},
      {"a key that is no text",
       std::string("\xe1") + MmdbUint32(1) + MmdbString("v"),
       "is not a string"},
      {"a pointer beyond the section", MmdbPointer(1 << 30),
       "leads to no value"},
      {"a pointer to itself", MmdbPointer(0), "leads to no value"},
      {"a map that holds itself",
       std::string("\xe1") + MmdbString("k") + MmdbPointer(0),
       "nests deeper than 32"},
      {"an integer of nine bytes",
       std::string("\x09\x02"
                   "123456789"),
       "has type 9 and 9 bytes"},
      {"an unknown type",
       std::string("\x01\x20"
                   "1"),
       "has type 39"},
  };
  for (const auto& c : cases) {
    // The malformed record is first in the data section, so that offset 0 is
    // it.
    MmdbWriter writer;
    writer.Insert("192.0.2.0/24", c.record);
    const std::string bytes = writer.BuildBytes();

    EXPECT_THAT(WalkError(bytes), HasSubstr(c.error)) << c.description;
    const auto found =
        ParseOrDie(bytes)->LookupCountry(IpAddress::Parse("192.0.2.1").value());
    EXPECT_THAT(std::string(found.status().message()),
                HasSubstr("test.mmdb: the record of 192.0.2.1: "))
        << c.description;
  }
}

TEST(MmdbFileTest, NamesTheKindOfADatabaseOfAnotherKind) {
  const std::string anonymous =
      MmdbMap({{"is_anonymous", MmdbUint16(1)}, {"is_vpn", MmdbUint16(1)}});
  MmdbWriter writer({.database_type = "GeoIP2-Anonymous-IP"});
  const std::string bytes =
      writer.Insert("192.0.2.0/24", anonymous).BuildBytes();
  const auto file = ParseOrDie(bytes);

  EXPECT_EQ(file->WalkCountries().status().message(),
            "test.mmdb: a database of type 'GeoIP2-Anonymous-IP' without "
            "country records (country.iso_code, country_code or country): the "
            "record of 192.0.2.0/24 is a map of is_anonymous, is_vpn");
  EXPECT_THAT(std::string(file->WalkAsns().status().message()),
              HasSubstr("without ASN records"));
}

TEST(MmdbFileTest, RefusesADatabaseWithoutRecords) {
  MmdbImage image =
      MmdbWriter().Insert("2001:db8::/32", MmdbFlatCountry("FR")).Build();
  image.SetRecord(0, 0, image.node_count);

  EXPECT_EQ(WalkError(image.bytes),
            "test.mmdb: its search tree has no records");
}

// The walk and the look-up go different ways through the file.
TEST(MmdbFileTest, WalksWhatItLooksUp) {
  MmdbWriter writer = SmallWriter();
  writer.Insert("192.0.2.77/32", MmdbFlatCountry("US"))
      .Insert("2001:db8::1/128", MmdbFlatCountry("FR"))
      .Insert("128.0.0.0/1", MmdbFlatCountry("JP"));
  const auto file = ParseOrDie(writer.BuildBytes());

  for (const std::string& line : WalkedCountries(*file)) {
    const IpPrefix prefix =
        IpPrefix::Parse(line.substr(0, line.find('='))).value();
    EXPECT_EQ(CodeOf(*file, prefix.address().ToString()),
              line.substr(line.find('=') + 1) + " " + prefix.ToString());
  }
}

}  // namespace
}  // namespace octroi
