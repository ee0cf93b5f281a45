// SPDX-License-Identifier: Apache-2.0
#include "geo/country_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "tests/support/facts_builder.h"

namespace octroi {
namespace {

using testing::Address;
using testing::DayFrom;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<std::string> EntriesOf(std::string_view text) {
  const auto file = CountryText::Parse("geoip", text).value();
  const CountryTable table = file->WalkCountries().value();
  std::vector<std::string> entries;
  for (const DatabaseEntry& entry : table.entries) {
    entries.push_back(entry.prefix.ToString() + " " +
                      table.records[entry.record].code);
  }
  return entries;
}

std::string ErrorOf(std::string_view text) {
  const auto file = CountryText::Parse("geoip", text);
  return file.ok() ? "accepted" : std::string(file.status().message());
}

std::string CodeOf(const CountryText& file, std::string_view address) {
  const auto found = file.LookupCountry(Address(address)).value();
  return found ? found->record.code : "";
}

TEST(CountryTextTest, ReadsBothFormatsOfTor) {
  EXPECT_THAT(EntriesOf("# a comment\n"
                        "16777216,16777471,AU\n"
                        "16777472,16777727,??\r\n"
                        "\n"
                        "16777728,16777730,fr\n"
                        "2001:200::,2001:200:ffff:ffff:ffff:ffff:ffff:ffff,JP"),
              ElementsAre("1.0.0.0/24 AU", "1.0.2.0/31 fr", "1.0.2.2/32 fr",
                          "2001:200::/32 JP"));
}

TEST(CountryTextTest, SplitsARangeIntoTheFewestPrefixes) {
  const struct {
    const char* range;
    std::vector<std::string> prefixes;
  } cases[] = {
      {"0,4294967295,FR", {"0.0.0.0/0 FR"}},
      {"1,1,FR", {"0.0.0.1/32 FR"}},
      {"4294967294,4294967295,FR", {"255.255.255.254/31 FR"}},
      {"1,6,FR",
       {"0.0.0.1/32 FR", "0.0.0.2/31 FR", "0.0.0.4/31 FR", "0.0.0.6/32 FR"}},
      {"::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,FR", {"::/0 FR"}},
      {"2001:db8::1,2001:db8::2,FR",
       {"2001:db8::1/128 FR", "2001:db8::2/128 FR"}},
      {"8000::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,FR", {"8000::/1 FR"}},
  };
  for (const auto& [range, prefixes] : cases) {
    EXPECT_EQ(EntriesOf(range), prefixes) << range;
  }
}

TEST(CountryTextTest, FindsTheRangeOfAnAddress) {
  const auto file = CountryText::Parse("geoip",
                                       "16777216,16777471,AU\n"
                                       "16777473,16777473,FR\n"
                                       "2001:200::,2001:200::ffff,JP\n")
                        .value();

  EXPECT_EQ(CodeOf(*file, "0.255.255.255"), "");
  EXPECT_EQ(CodeOf(*file, "1.0.0.0"), "AU");
  EXPECT_EQ(CodeOf(*file, "1.0.0.255"), "AU");
  EXPECT_EQ(CodeOf(*file, "1.0.1.0"), "");
  EXPECT_EQ(CodeOf(*file, "1.0.1.1"), "FR");
  EXPECT_EQ(CodeOf(*file, "1.0.1.2"), "");
  EXPECT_EQ(CodeOf(*file, "2001:200::7"), "JP");
  EXPECT_EQ(CodeOf(*file, "2001:200::1:0"), "");
  EXPECT_EQ(file->LookupCountry(Address("1.0.0.7"))->value().prefix.ToString(),
            "1.0.0.0/24");
}

TEST(CountryTextTest, KnowsWhenAndByWhomItWasMade) {
  const auto file =
      CountryText::Parse("geoip",
                         "# Generated: Thu, 05 Jun 2026 04:33:59 GMT\n"
                         "# Vendor:    IPFire Project\n"
                         "1,1,FR\n")
          .value();
  EXPECT_EQ(file->built(), DayFrom("2026-06-05"));
  EXPECT_EQ(file->vendor(), "IPFire Project");

  for (const char* comment : {"", "# Generated:\n", "# Generated: yesterday\n",
                              "# Generated: Thu, 31 Feb 2026 04:33:59 GMT\n",
                              "# Generated: Thu, xx Jun 2026\n"}) {
    const auto undated =
        CountryText::Parse("geoip", std::string(comment) + "1,1,FR\n").value();
    EXPECT_EQ(undated->built(), std::nullopt) << comment;
  }
}

TEST(CountryTextTest, NamesTheLineThatIsNotARange) {
  const struct {
    std::string text;
    const char* error;
  } cases[] = {
      {"", "geoip: has no range of addresses; write an MMDB file, or lines"},
      {"# only comments\n", "geoip: has no range of addresses"},
      {"1,1,??\n", "geoip: has no range of addresses"},
      {"hello\n", "geoip:1: \"hello\" is not a range of addresses; write"},
      {"1,2\n", "geoip:1: \"1,2\" is not a range of addresses"},
      {"1,1,FR\n2,1,FR\n", "geoip:2: \"2,1,FR\" is not a range"},
      {"1,::2,FR\n", "geoip:1: \"1,::2,FR\" is not a range"},
      {"1,4294967296,FR\n", "geoip:1: \"1,4294967296,FR\" is not a range"},
      {"1.2.3.4,1.2.3.5,FR\n", "geoip:1: \"1.2.3.4,1.2.3.5,FR\" is not"},
      {"1,2,FRA\n", "geoip:1: \"FRA\" is not a country code"},
      {"1,2,\n", "geoip:1: \"\" is not a country code"},
      {"1,2,F\x01\n", "geoip:1: \"F?\" is not a country code"},
      {"5,9,FR\n9,10,DE\n",
       "geoip:2: 0.0.0.9 does not come after the range before it, which ends "
       "at 0.0.0.9"},
      {"::1,::2,FR\n3,4,DE\n", "geoip:2: 0.0.0.3 does not come after"},
      {std::string(100'000, 'x'), "geoip:1: \"xxxxxxxxxxxxxxx"},
  };
  for (const auto& [text, error] : cases) {
    EXPECT_THAT(ErrorOf(text), StartsWith(error)) << text.substr(0, 40);
    EXPECT_LT(ErrorOf(text).size(), 200u);
  }
}

// Prefixes of random ranges cover them, each address once.
TEST(CountryTextTest, CoversExactlyWhatTheTextSays) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 50; ++round) {
    std::string text;
    std::vector<std::string> expected(512);
    for (uint32_t next = 0; next < expected.size();) {
      const auto last =
          std::min<uint32_t>(next + static_cast<uint32_t>(random() % 40), 511);
      const std::string code =
          std::vector<std::string>{"FR", "DE", "??"}[random() % 3];
      text += fmt::format("{},{},{}\n", next, last, code);
      for (uint32_t i = next; i <= last; ++i) {
        expected[i] = code == "??" ? "" : code;
      }
      next = last + 1;
    }
    const auto file = CountryText::Parse("geoip", text);
    if (!file.ok()) continue;  // Nothing but "??".
    for (uint32_t i = 0; i < expected.size(); ++i) {
      const auto found = (*file)->LookupCountry(IpAddress::V4(i)).value();
      ASSERT_EQ(found ? found->record.code : "", expected[i]) << i;
    }
    IpAddress next;
    const CountryTable table = (*file)->WalkCountries().value();
    for (const DatabaseEntry& entry : table.entries) {
      ASSERT_GE(entry.prefix.address(), next);
      next = IpAddress::V4(static_cast<uint32_t>(entry.prefix.last()) + 1);
    }
  }
}

}  // namespace
}  // namespace octroi
