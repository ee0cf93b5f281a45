// SPDX-License-Identifier: Apache-2.0
#include "config/range_formats.h"

#include <string>
#include <vector>

#include "config/text_file.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

RangeEntries Read(RangeFormat format, std::string_view text) {
  const absl::StatusOr<RangeEntries> read = ReadRangeEntries(format, text, "f");
  EXPECT_TRUE(read.ok()) << read.status();
  return read.ok() ? *read : RangeEntries();
}

// "192.0.2.0/24 eu-west-3 FR" for each entry.
std::vector<std::string> LinesOf(const RangeEntries& read) {
  std::vector<std::string> lines;
  for (const RangeEntry& entry : read.entries) {
    lines.push_back(fmt::format("{} {} {}", entry.prefix.ToString(),
                                read.regions[entry.region],
                                entry.country.ToString()));
  }
  return lines;
}

std::string ErrorOf(RangeFormat format, std::string_view text) {
  const absl::StatusOr<RangeEntries> read = ReadRangeEntries(format, text, "f");
  return read.ok() ? "" : std::string(read.status().message());
}

// The Local Zone in Istanbul belongs to the Region of Frankfurt: where an
// address is announced is told by the border group alone.
TEST(RangeFormatsTest, ReadsTheBorderGroupOfAws) {
  const RangeEntries read = Read(RangeFormat::kAws, R"({
    "syncToken": "17", "createDate": "2026-08-22-15-17-05",
    "prefixes": [
      {"ip_prefix": "192.0.2.0/24", "region": "eu-central-1",
       "service": "EC2", "network_border_group": "eu-central-1-ist-1"},
      {"ip_prefix": "198.51.100.0/24", "region": "GLOBAL",
       "service": "CLOUDFRONT", "network_border_group": "Global"}],
    "ipv6_prefixes": [
      {"ipv6_prefix": "2001:db8::/32", "region": "eu-west-3",
       "service": "EC2", "network_border_group": "eu-west-3"}]})");

  EXPECT_THAT(LinesOf(read), ElementsAre("192.0.2.0/24 eu-central-1-ist-1 ",
                                         "198.51.100.0/24 GLOBAL ",
                                         "2001:db8::/32 eu-west-3 "));
  EXPECT_EQ(read.version, "syncToken 17, createDate 2026-08-22-15-17-05");
  EXPECT_THAT(read.skipped, IsEmpty());
}

TEST(RangeFormatsTest, ReadsTheScopesOfGoogle) {
  const RangeEntries read = Read(RangeFormat::kGoogle, R"({
    "creationTime": "2025-07-24", "prefixes": [
      {"ipv4Prefix": "192.0.2.0/24", "scope": "europe-west9"},
      {"ipv6Prefix": "2001:db8::/32", "scope": "global"},
      {"ipv4Prefix": "198.51.100.0/24"}]})");

  EXPECT_THAT(LinesOf(read),
              ElementsAre("192.0.2.0/24 europe-west9 ", "2001:db8::/32 GLOBAL ",
                          "198.51.100.0/24  "));
  EXPECT_EQ(read.version, "creationTime 2025-07-24");
}

TEST(RangeFormatsTest, ReadsTheTagsOfAzure) {
  const RangeEntries read = Read(RangeFormat::kAzure, R"({
    "changeNumber": 363, "cloud": "Public", "values": [
      {"name": "AzureCloud", "properties": {"region": "",
       "addressPrefixes": ["192.0.2.0/24", "2001:db8::/32"]}},
      {"name": "AzureCloud.centralfrance", "properties": {
       "region": "centralfrance", "addressPrefixes": ["192.0.2.0/25"]}}]})");

  EXPECT_THAT(LinesOf(read), ElementsAre("192.0.2.0/24  ", "2001:db8::/32  ",
                                         "192.0.2.0/25 centralfrance "));
  EXPECT_EQ(read.version, "cloud Public, changeNumber 363");
}

TEST(RangeFormatsTest, ReadsTheRegionsOfOracle) {
  const RangeEntries read = Read(RangeFormat::kOracle, R"({
    "regions": [{"region": "eu-zurich-1", "cidrs": [
      {"cidr": "192.0.2.0/24", "tags": ["OCI"]},
      {"cidr": "198.51.100.0/24"}]}]})");

  EXPECT_THAT(LinesOf(read), ElementsAre("192.0.2.0/24 eu-zurich-1 ",
                                         "198.51.100.0/24 eu-zurich-1 "));
}

TEST(RangeFormatsTest, ReadsFastlyAndCloudflareAsGlobal) {
  const RangeEntries fastly = Read(
      RangeFormat::kFastly,
      R"({"addresses": ["192.0.2.0/24"], "ipv6_addresses": ["2001:db8::/32"]})");
  const RangeEntries cloudflare =
      Read(RangeFormat::kCloudflare, "192.0.2.0/24\n2001:db8::/32");

  EXPECT_THAT(LinesOf(fastly),
              ElementsAre("192.0.2.0/24 GLOBAL ", "2001:db8::/32 GLOBAL "));
  EXPECT_EQ(LinesOf(cloudflare), LinesOf(fastly));
}

TEST(RangeFormatsTest, ReadsEveryListOfGithubButTheKeys) {
  const RangeEntries read = Read(RangeFormat::kGithub, R"({
    "verifiable_password_authentication": false,
    "ssh_keys": ["ssh-ed25519 AAAA"],
    "domains": {"website": ["*.example"]},
    "hooks": ["192.0.2.0/24"], "a new list": ["198.51.100.0/24", "x"]})");

  EXPECT_THAT(LinesOf(read),
              ElementsAre("198.51.100.0/24  ", "192.0.2.0/24  "));
  EXPECT_THAT(read.skipped,
              ElementsAre(StartsWith("\"a new list\"[1]: \"x\" is not")));
}

TEST(RangeFormatsTest, SaysThatAPageOfOutscaleIsNotAll) {
  const std::string whole = R"({"PublicIps": ["192.0.2.0/24"]})";
  const std::string page =
      R"({"PublicIps": ["192.0.2.0/24"], "NextPageToken": "t"})";

  EXPECT_FALSE(Read(RangeFormat::kOutscale, whole).is_partial);
  EXPECT_TRUE(Read(RangeFormat::kOutscale, page).is_partial);
}

TEST(RangeFormatsTest, ReadsGeofeeds) {
  const RangeEntries read = Read(RangeFormat::kGeofeed,
                                 "# prefix, country, region, city\r\n"
                                 "192.0.2.0/24,FR,FR-IDF,Paris,\r\n"
                                 " 198.51.100.0/24 , \"de\" ,,,\r\n"
                                 "203.0.113.0/24,,,,\r\n"
                                 "2001:db8::/32,ZZ,ZZ-1,,");

  EXPECT_THAT(LinesOf(read),
              ElementsAre("192.0.2.0/24 FR-IDF FR", "198.51.100.0/24  DE",
                          "203.0.113.0/24  ", "2001:db8::/32 ZZ-1 "));
  EXPECT_THAT(read.skipped, IsEmpty());
}

TEST(RangeFormatsTest, SkipsGeofeedLinesThatContradictThemselves) {
  const RangeEntries read = Read(RangeFormat::kGeofeed,
                                 "192.0.2.0/24,FR\n"
                                 "192.0.2.0/25,UK,,\n"
                                 "192.0.2.0/26,FR,GB-ENG,\n"
                                 "192.0.2.0/27\n"
                                 "192.0.2.0/28,,GB-ENG,\n");

  EXPECT_THAT(LinesOf(read), ElementsAre("192.0.2.0/24  FR"));
  EXPECT_EQ(read.malformed_count, 4u);
  EXPECT_THAT(
      read.skipped,
      ElementsAre("line 2: \"UK\" is not a country of ISO 3166-1",
                  StartsWith("line 3: the region \"GB-ENG\" is not one of the "
                             "country \"FR\""),
                  StartsWith("line 4: has no country"),
                  StartsWith("line 5: the region \"GB-ENG\"")));
}

TEST(RangeFormatsTest, ReadsPlainListsWithCommentsAndWhiteSpace) {
  const RangeEntries read = Read(RangeFormat::kCidr,
                                 "\xEF\xBB\xBF# Office\r\n"
                                 "\t192.0.2.0/24 \t # the old one\r\n"
                                 "\r\n"
                                 "2001:DB8::/32\r\n"
                                 "198.51.100.7");

  EXPECT_THAT(LinesOf(read), ElementsAre("192.0.2.0/24  ", "2001:db8::/32  ",
                                         "198.51.100.7/32  "));
}

TEST(RangeFormatsTest, TellsWhereAnEntryCannotBeUsed) {
  const RangeEntries aws = Read(RangeFormat::kAws, R"({"prefixes": [
      {"ip_prefix": "192.0.2.0/24", "network_border_group": "eu-west-3"},
      {"ip_prefix": "192.0.2.1/24", "network_border_group": "eu-west-3"},
      {"ip_prefix": 7, "network_border_group": "eu-west-3"},
      {"network_border_group": "eu-west-3"},
      {"ip_prefix": "192.0.2.0/24", "region": "eu-west-3"},
      {"ip_prefix": "192.0.2.0/24", "network_border_group": null},
      {"ip_prefix": "192.0.2.0/24", "network_border_group": "a;b"},
      "192.0.2.0/24",
      {"ip_prefix": "192.0.0.0/7", "network_border_group": "eu-west-3"}],
    "ipv6_prefixes": [
      {"ipv6_prefix": "2000::/15", "network_border_group": "eu-west-3"}]})");

  EXPECT_THAT(aws.entries, SizeIs(1));
  EXPECT_EQ(aws.malformed_count, 7u);
  EXPECT_EQ(aws.oversized_count, 2u);
  EXPECT_THAT(
      aws.skipped,
      ElementsAre(
          ContainsRegex("^prefixes\\[1\\]\\.ip_prefix: .*192\\.0\\.2\\.0/24"),
          "prefixes[2].ip_prefix: is a number; a prefix is expected",
          "prefixes[3].ip_prefix: is missing; a prefix is expected",
          StartsWith("prefixes[4].network_border_group: is missing"),
          StartsWith("prefixes[5].network_border_group: is null"),
          StartsWith("prefixes[6].ip_prefix: the region \"a;b\" is not a name"),
          StartsWith("prefixes[7].network_border_group: is missing"),
          ContainsRegex("prefixes\\[8\\]\\.ip_prefix: 192.*wider.*/8"),
          ContainsRegex("ipv6_prefixes\\[0\\]\\.ipv6_prefix: 2000.*/16")));
}

TEST(RangeFormatsTest, CountsListsThatAreNone) {
  const RangeEntries azure = Read(RangeFormat::kAzure, R"({"values": [
      {"properties": {"region": "westeurope", "addressPrefixes": {}}},
      {"properties": {"region": "westeurope"}},
      {"properties": []}, 7]})");

  EXPECT_THAT(azure.entries, IsEmpty());
  EXPECT_THAT(
      azure.skipped,
      ElementsAre("values[0].properties.addressPrefixes: is an object; a list "
                  "is expected",
                  "values[1].properties: has no `addressPrefixes`",
                  "values[2].properties: has no `addressPrefixes`",
                  "values[3].properties: has no `addressPrefixes`"));
}

TEST(RangeFormatsTest, ShowsTheFirstEntriesThatItSkipsAndCountsAll) {
  std::string text = "192.0.2.0/24\n";
  for (int i = 0; i < 100; ++i) text += "x\n";

  const RangeEntries read = Read(RangeFormat::kCidr, text);

  EXPECT_THAT(read.skipped, SizeIs(kMaxSkippedShown));
  EXPECT_EQ(read.malformed_count, 100u);
}

constexpr std::string_view kAwsFile =
    R"({"prefixes": [{"ip_prefix": "192.0.2.0/24"}]})";
constexpr std::string_view kGoogleFile =
    R"({"prefixes": [{"ipv4Prefix": "192.0.2.0/24"}]})";
constexpr std::string_view kAzureFile = R"({"values": [{"properties": {}}]})";
constexpr std::string_view kOracleFile = R"({"regions": [{"cidrs": []}]})";
constexpr std::string_view kFastlyFile = R"({"addresses": []})";
constexpr std::string_view kGithubFile = R"({"hooks": []})";
constexpr std::string_view kOutscaleFile = R"({"PublicIps": []})";

TEST(RangeFormatsTest, SaysWhichFormatAFileHasInstead) {
  const std::pair<std::string_view, RangeFormat> files[] = {
      {kAwsFile, RangeFormat::kAws},
      {kGoogleFile, RangeFormat::kGoogle},
      {kAzureFile, RangeFormat::kAzure},
      {kOracleFile, RangeFormat::kOracle},
      {kFastlyFile, RangeFormat::kFastly},
      {kGithubFile, RangeFormat::kGithub},
      {kOutscaleFile, RangeFormat::kOutscale},
      {"192.0.2.0/24,FR,,,\n", RangeFormat::kGeofeed},
      {"192.0.2.0/24\n", RangeFormat::kCidr}};
  for (const auto& [text, format] : files) {
    for (const std::string_view name : RangeFormatNames()) {
      const RangeFormat asked = *ParseRangeFormat(name);
      const bool is_list =
          format == RangeFormat::kCidr && asked == RangeFormat::kCloudflare;
      if (asked == format || is_list) continue;

      const std::string error = ErrorOf(asked, text);

      EXPECT_THAT(error, HasSubstr(fmt::format("write `--from {}`",
                                               RangeFormatName(format))))
          << text << " as " << name;
      EXPECT_THAT(error, HasSubstr(fmt::format("for `--from {}`", name)));
    }
  }
}

TEST(RangeFormatsTest, SaysWhatItFoundInAFileOfNoKnownFormat) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "has no entry"},
      {"# nothing\n", "has no entry"},
      {"<!DOCTYPE html>\n<html>", "begins like a page for a browser"},
      {"{}", "is an empty JSON object"},
      {"[1, 2]", "is a list in JSON"},
      {R"({"message": "rate limit"})", "has the JSON members \"message\""},
      {"hello", "begins with \"hello\""}};
  for (const auto& [text, found] : cases) {
    EXPECT_THAT(ErrorOf(RangeFormat::kAws, text),
                ContainsRegex(fmt::format("^f: {}", found)))
        << text;
    EXPECT_THAT(ErrorOf(RangeFormat::kAws, text),
                HasSubstr("`--from aws` expects a JSON object"));
  }
  EXPECT_THAT(ErrorOf(RangeFormat::kCidr, "<html>"),
              HasSubstr("a page for a browser"));
}

TEST(RangeFormatsTest, SaysWhereJsonBreaksOff) {
  const std::string whole = R"({
    "prefixes": [{"ip_prefix": "192.0.2.0/24", "network_border_group": "é"}]})";
  const std::string cut = whole.substr(0, 30);

  EXPECT_EQ(ErrorOf(RangeFormat::kAws, cut),
            "f:2:29: is not JSON from here on (byte 31)");
  EXPECT_EQ(ErrorOf(RangeFormat::kAws, "{\"a\": 1}\n}"),
            "f:2:1: is not JSON from here on (byte 10)");
  for (size_t size = 1; size < whole.size(); ++size) {
    const std::string error = ErrorOf(RangeFormat::kAws, whole.substr(0, size));
    EXPECT_THAT(error, StartsWith("f:")) << size;
    EXPECT_FALSE(FindBadCharacter(error, "")) << size;
  }
}

// Each of these would otherwise take a multiple of its size, or be read as
// something that its author did not write.
TEST(RangeFormatsTest, RefusesHostileJson) {
  const std::string deep(1 << 20, '[');
  std::string flat = "{\"prefixes\": [0";
  for (size_t i = 0; i < kMaxJsonValues; ++i) flat += ",0";
  const std::string twice =
      R"({"prefixes": [], "ipv6_prefixes": [], "prefixes": []})";
  const std::string with_nul = std::string(kAwsFile) + '\0' + "{}";

  EXPECT_THAT(ErrorOf(RangeFormat::kAws, deep),
              HasSubstr("nested deeper than 16 levels"));
  EXPECT_THAT(ErrorOf(RangeFormat::kAws, flat + "]}"),
              HasSubstr("more than 2000000 JSON values"));
  EXPECT_THAT(ErrorOf(RangeFormat::kAws, twice),
              HasSubstr("the name \"prefixes\" stands twice"));
  EXPECT_THAT(ErrorOf(RangeFormat::kAws, with_nul),
              HasSubstr("byte 0x00 is a control character"));
  EXPECT_THAT(ErrorOf(RangeFormat::kCidr, with_nul), HasSubstr("byte 0x00"));
  EXPECT_THAT(ErrorOf(RangeFormat::kCidr, "192.0.2.0/24\n\xFF\n"),
              HasSubstr("f:2:1: byte 0xff is not UTF-8"));
}

TEST(RangeFormatsTest, ShortensWhatItRepeatsOfAFile) {
  const std::string text(1 << 18, 'x');
  const RangeEntries aws = Read(
      RangeFormat::kAws,
      fmt::format(R"({{"syncToken": "{0}", "prefixes": [{{"ip_prefix": "{0}",
                  "network_border_group": "{0}"}},
                  {{"ip_prefix": "192.0.2.0/24",
                    "network_border_group": "a\u0000b\nc"}}]}})",
                  text));

  EXPECT_EQ(aws.version, "");
  ASSERT_THAT(aws.skipped, SizeIs(2));
  EXPECT_LT(aws.skipped[0].size(), 300u);
  EXPECT_THAT(aws.skipped[1], HasSubstr(R"(the region "a\x00b\x0ac")"));
  EXPECT_LT(ErrorOf(RangeFormat::kAws, text).size(), 300u);
  EXPECT_LT(ErrorOf(RangeFormat::kAws, "{\"" + text + "\": 1}").size(), 300u);
}

TEST(RangeFormatsTest, RefusesMoreEntriesThanAnyProviderHas) {
  std::string text;
  for (size_t i = 0; i <= kMaxRangeEntries; ++i) text += "::1\n";

  EXPECT_THAT(ErrorOf(RangeFormat::kCidr, text),
              HasSubstr("has more than 1000000 entries"));
}

TEST(RangeFormatsTest, KnowsEveryFormatByName) {
  EXPECT_EQ(ParseRangeFormat("nobody"), std::nullopt);
  EXPECT_THAT(RangeFormatNames(), SizeIs(10));
  for (const std::string_view name : RangeFormatNames()) {
    const std::optional<RangeFormat> format = ParseRangeFormat(name);
    ASSERT_TRUE(format.has_value()) << name;
    EXPECT_EQ(RangeFormatName(*format), name);
  }
  EXPECT_EQ(ProviderOf(RangeFormat::kAws), "AWS");
  EXPECT_EQ(ProviderOf(RangeFormat::kGeofeed), "");
  EXPECT_EQ(ProviderOf(RangeFormat::kCidr), "");
}

}  // namespace
}  // namespace octroi
