// SPDX-License-Identifier: Apache-2.0
#include "geo/joined_databases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "geo/atlas.h"
#include "tests/support/facts_builder.h"
#include "tests/support/random_facts.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using testing::Address;
using testing::FactsBuilder;
using ::testing::HasSubstr;
using testing::Prefix;
using testing::RandomWorld;
using testing::TempDir;

// Where the format has what a test changes.
constexpr size_t kVersionAt = 8;
constexpr size_t kChecksumAt = 16;
constexpr size_t kCountsAt = 24;
constexpr size_t kDigestsAt = 64;
constexpr size_t kHeaderBytes = kDigestsAt + 9 * 64;

// With the digests that config/ would find.
std::unique_ptr<Facts> WithDigests(std::unique_ptr<Facts> facts) {
  char letter = 'a';
  for (CountrySeries& series : facts->countries) {
    for (CountryDatabase& build : series) {
      build.source.sha256 = std::string(64, letter++);
    }
  }
  for (AsnDatabase& build : facts->asn) {
    build.source.sha256 = std::string(64, letter++);
  }
  return facts;
}

FactsBuilder SmallFacts() {
  return FactsBuilder()
      .Country("192.0.2.0/24", "FR", 0)
      .Country("192.0.2.0/25", "UK", 1)
      .Country("2001:db8::/32", "EU", 0)
      .Country("2001:db8::/127", "DE", 1)
      .Asn("192.0.2.0/24", 64496, "Example")
      .Asn("2001:db8::/48", 64497, "Another");
}

// "FR UK AS64496"; '-' for a database that says nothing.
std::string Describe(const JoinedDatabases& joined, uint32_t claim) {
  std::string text;
  for (size_t i = 0; i < joined.database_count(); ++i) {
    const CountryCode code = joined.code(joined.codes(claim), i);
    text += (code.is_known() ? code.ToString() : "-") + " ";
  }
  return text + fmt::format("AS{}", joined.asn(claim));
}

std::string At(const JoinedDatabases& joined, const IpAddress& address) {
  const uint32_t claim =
      address.is_v4() ? joined.v4().claims[joined.v4().Find(address.v4())]
                      : joined.v6().claims[joined.v6().Find(address.number())];
  return Describe(joined, claim);
}

TEST(JoinedDatabasesTest, HaveTheCodesAsTheyAreWrittenAndTheAsn) {
  const auto facts = SmallFacts().Build();

  const auto joined = JoinedDatabases::Join(*facts, Day::max()).value();

  EXPECT_EQ(At(joined, Address("192.0.2.1")), "FR UK AS64496");
  EXPECT_EQ(At(joined, Address("192.0.2.128")), "FR - AS64496");
  EXPECT_EQ(At(joined, Address("192.0.3.0")), "- - AS0");
  EXPECT_EQ(At(joined, Address("2001:db8::1")), "EU DE AS64497");
  EXPECT_EQ(At(joined, Address("2001:db8::2")), "EU - AS64497");
  // No ASN announces it: the database is not believed.
  EXPECT_EQ(At(joined, Address("2001:db8:1::")), "- - AS0");
  EXPECT_EQ(joined.CopyNames().Find(64496), "Example");
  EXPECT_EQ(joined.CopyNames().Find(64498), "");
}

TEST(JoinedDatabasesTest, SayOfEachAddressWhatTheDatabasesSay) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomWorld random(seed);
  for (int round = 0; round < 30; ++round) {
    const auto facts = random.Facts().Build();
    const auto joined = JoinedDatabases::Join(*facts, Day::max()).value();
    std::vector<IpPrefix> prefixes = {Prefix("0.0.0.0/0"), Prefix("::/0")};
    const auto add = [&prefixes](const auto& entries) {
      for (const DatabaseEntry& entry : entries) {
        prefixes.push_back(entry.prefix);
      }
    };
    add(facts->asn[0].file->WalkAsns()->entries);
    for (const CountrySeries& series : facts->countries) {
      add(series[0].file->WalkCountries()->entries);
    }

    for (const IpAddress& address : testing::Boundaries(prefixes)) {
      // IPv4 that is embedded in IPv6 is looked up as IPv4.
      if (Unmap(address).address != address) continue;
      const auto found_asn = facts->asn[0].file->LookupAsn(address).value();
      const uint32_t asn = found_asn ? found_asn->record.asn : 0;
      std::string expected;
      for (const CountrySeries& series : facts->countries) {
        const auto found = series[0].file->LookupCountry(address).value();
        const CountryCode code =
            found && (address.is_v4() || asn != 0)
                ? CountryCode::Parse(found->record.code).value_or(CountryCode())
                : CountryCode();
        expected += (code.is_known() ? code.ToString() : "-") + " ";
      }
      ASSERT_EQ(At(joined, address), expected + fmt::format("AS{}", asn))
          << address.ToString() << " in round " << round;
    }
  }
}

// Every attribution, location and number of both is the same.
void ExpectEqual(const Atlas& a, const Atlas& b,
                 const std::vector<IpAddress>& addresses) {
  ASSERT_EQ(a.attribution_count(), b.attribution_count());
  ASSERT_EQ(a.classes(), b.classes());
  ASSERT_EQ(a.memory_bytes(), b.memory_bytes());
  for (AttributionId id = 0; id < a.attribution_count(); ++id) {
    const Attribution& one = a.attribution(id);
    const Attribution& other = b.attribution(id);
    ASSERT_EQ(one.asn, other.asn);
    ASSERT_EQ(one.location, other.location);
    ASSERT_EQ(one.operator_entity, other.operator_entity);
    ASSERT_EQ(one.service, other.service);
    ASSERT_EQ(one.grade, other.grade);
    ASSERT_EQ(one.class_id, other.class_id);
    ASSERT_EQ(a.marks(one.marks), b.marks(other.marks));
    ASSERT_EQ(a.location(one.location), b.location(other.location));
    ASSERT_EQ(a.AsnName(one.asn), b.AsnName(one.asn));
  }
  for (const IpAddress& address : addresses) {
    ASSERT_EQ(a.Lookup(address), b.Lookup(address)) << address.ToString();
  }
}

TEST(JoinedDatabasesTest, GiveTheSameAtlasFromAFile) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomWorld random(seed);
  const TempDir dir;
  for (int round = 0; round < 20; ++round) {
    const auto facts = WithDigests(random.Facts().Build());
    std::vector<PrefixMark> marks;
    for (const IpPrefix& prefix : random.Prefixes(random.Below(8))) {
      marks.push_back({prefix, static_cast<uint32_t>(random.Below(5))});
    }
    const Atlas walked = Atlas::Build(*facts, marks).value();
    const auto joined = JoinedDatabases::Join(*facts, Day::max()).value();
    facts->joined_file = dir.Write("databases.joined", joined.bytes());
    // Were they walked again, this would fail.
    facts->asn[0].file =
        MmdbFile::Open(OCTROI_BINARY_DIR "/share/octroi/dbip-country.mmdb")
            .value();

    const Atlas read = Atlas::Build(*facts, marks).value();

    std::vector<IpAddress> addresses;
    for (int i = 0; i < 500; ++i) addresses.push_back(random.Address());
    std::vector<IpPrefix> prefixes = {Prefix("0.0.0.0/0"), Prefix("::/0")};
    for (const auto& row : facts->ranges.rows()) prefixes.push_back(row.prefix);
    for (const auto& row : facts->anycast) prefixes.push_back(row.prefix);
    for (const auto& mark : marks) prefixes.push_back(mark.prefix);
    for (const IpAddress& address : testing::Boundaries(prefixes)) {
      addresses.push_back(address);
    }
    ExpectEqual(walked, read, addresses);
  }
}

class JoinedFileTest : public ::testing::Test {
 protected:
  JoinedFileTest()
      : facts_(WithDigests(SmallFacts().Build())),
        bytes_(JoinedDatabases::Join(*facts_, Day::max())->bytes()) {}

  // "read", "not of these", or why it is refused.
  std::string ResultOf(std::string_view bytes) {
    return ResultOf(bytes, *facts_);
  }
  std::string ResultOf(std::string_view bytes, const Facts& facts) {
    const std::string path = dir_.Write("databases.joined", bytes);
    const auto joined = JoinedDatabases::Read(path, facts);
    if (joined.ok()) return *joined ? "read" : "not of these";
    const std::string message(joined.status().message());
    EXPECT_TRUE(message.starts_with(path + ": ")) << message;
    return message.substr(path.size() + 2);
  }

  static std::string WithChecksum(std::string bytes) {
    const uint64_t sum =
        XXH3_64bits(&bytes[kCountsAt], bytes.size() - kCountsAt);
    std::memcpy(&bytes[kChecksumAt], &sum, sizeof(sum));
    return bytes;
  }
  // With another 32-bit number in one place.
  std::string WithNumber(size_t at, uint32_t number) const {
    std::string bytes = bytes_;
    std::memcpy(&bytes[at], &number, sizeof(number));
    return WithChecksum(bytes);
  }
  uint32_t NumberAt(size_t at) const {
    uint32_t number;
    std::memcpy(&number, &bytes_[at], sizeof(number));
    return number;
  }

  TempDir dir_;
  const std::unique_ptr<Facts> facts_;
  const std::string bytes_;
};

TEST_F(JoinedFileTest, IsReadAsItWasWritten) {
  const std::string path = dir_.Write("databases.joined", bytes_);

  const auto joined = JoinedDatabases::Read(path, *facts_);

  ASSERT_TRUE(joined.ok()) << joined.status();
  ASSERT_TRUE(joined->has_value());
  EXPECT_EQ((*joined)->bytes(), bytes_);
  EXPECT_EQ(WithChecksum(bytes_), bytes_);
}

TEST_F(JoinedFileTest, IsLeftWhereItIsOfOtherDatabases) {
  const auto expect_left = [this](const Facts& facts) {
    EXPECT_EQ(ResultOf(bytes_, facts), "not of these");
  };

  auto other = WithDigests(SmallFacts().Build());
  other->countries[1][0].source.sha256[63] = 'x';
  expect_left(*other);
  other = WithDigests(SmallFacts().Build());
  other->asn[0].source.sha256[0] = 'x';
  expect_left(*other);
  // The order of opinions is part of the result.
  other = WithDigests(SmallFacts().Build());
  std::swap(other->countries[0], other->countries[1]);
  expect_left(*other);
  other = WithDigests(SmallFacts().Build());
  other->countries.pop_back();
  expect_left(*other);
  other = WithDigests(SmallFacts().Build());
  other->asn.clear();
  expect_left(*other);
  // Digests that are not known.
  expect_left(*SmallFacts().Build());
  expect_left(Facts());
}

TEST_F(JoinedFileTest, IsLeftWhereADatabaseHasSeveralBuilds) {
  const auto facts =
      WithDigests(FactsBuilder()
                      .CountryBuild("2025-01-01", "192.0.2.0/24", "FR")
                      .CountryBuild("2026-01-01", "192.0.2.0/24", "US")
                      .Build());
  const auto joined = JoinedDatabases::Join(*facts, Day::max()).value();

  EXPECT_EQ(ResultOf(joined.bytes(), *facts), "not of these");
}

TEST_F(JoinedFileTest, IsLeftWhereAnotherVersionWroteIt) {
  EXPECT_EQ(ResultOf(WithNumber(kVersionAt, 2)), "not of these");
  // Of a processor with the other byte order.
  EXPECT_EQ(ResultOf(WithNumber(kVersionAt + 4, 0x04030201)), "not of these");
}

TEST_F(JoinedFileTest, NeedNotExist) {
  const auto joined =
      JoinedDatabases::Read(dir_.Path("databases.joined"), *facts_);

  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_FALSE(joined->has_value());
}

TEST_F(JoinedFileTest, CannotBeAFolder) {
  const auto joined = JoinedDatabases::Read(dir_.Path(""), *facts_);

  EXPECT_THAT(std::string(joined.status().message()),
              HasSubstr("cannot be read: not a regular file"));
}

// Whatever bit of it turns, no other answer comes of it.
TEST_F(JoinedFileTest, IsRefusedWithAnyBitOfItChanged) {
  for (size_t at = 0; at < bytes_.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = bytes_;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      const std::string result = ResultOf(bytes);
      // Of these the file is not known to be of the same databases.
      const bool is_other = (at >= kVersionAt && at < kChecksumAt) ||
                            (at >= kCountsAt && at < kCountsAt + 8) ||
                            (at >= kDigestsAt && at < kDigestsAt + 3 * 64);
      if (is_other) {
        EXPECT_EQ(result, "not of these") << at;
      } else {
        EXPECT_THAT(result, ::testing::StartsWith("is damaged: ")) << at;
        EXPECT_THAT(result, HasSubstr("install octroi's files again")) << at;
      }
    }
  }
}

TEST_F(JoinedFileTest, IsRefusedAtAnyOtherLength) {
  for (size_t length = 0; length < bytes_.size(); ++length) {
    EXPECT_THAT(ResultOf(bytes_.substr(0, length)),
                ::testing::StartsWith("is damaged: "))
        << length;
  }
  EXPECT_THAT(ResultOf(bytes_ + '\0'), ::testing::StartsWith("is damaged: "));
}

// What no accident makes: the checksum is right, the content is not.
TEST_F(JoinedFileTest, IsRefusedWhereItsPartsContradictEachOther) {
  const uint32_t v4_count = NumberAt(kCountsAt + 8);
  const uint32_t v6_count = NumberAt(kCountsAt + 12);
  const uint32_t low_count = NumberAt(kCountsAt + 16);
  const uint32_t claim_count = NumberAt(kCountsAt + 20);
  const uint32_t name_count = NumberAt(kCountsAt + 28);
  ASSERT_EQ(low_count, v6_count);  // For 2001:db8::2.
  const size_t v6_highs = kHeaderBytes;
  const size_t v6_lows = v6_highs + 8 * v6_count;
  const size_t v4_firsts = v6_lows + 8 * v6_count;
  const size_t v4_claims = v4_firsts + 4 * v4_count;
  const size_t v6_claims = v4_claims + 4 * v4_count;
  const size_t codes = v6_claims + 4 * v6_count + 4 * claim_count;
  const size_t name_asns = codes + 4 * claim_count;
  const size_t name_ends = name_asns + 4 * name_count;
  const struct {
    const char* description;
    size_t at;
    uint32_t number;
    const char* expected;
  } cases[] = {
      {"IPv4 does not begin at 0", v4_firsts, 1, "do not ascend"},
      {"a run of IPv4 begins twice", v4_firsts + 4, 0, "do not ascend"},
      {"IPv6 does not begin at 0", v6_lows, 1, "do not ascend"},
      {"a run of IPv6 goes back", v6_highs + 8 * v6_count - 4, 0,
       "do not ascend"},
      {"a claim of IPv4 is not there", v4_claims, claim_count, "a claim"},
      {"a claim of IPv6 is not there", v6_claims + 4, ~0u, "a claim"},
      {"codes are not there", codes, 1000, "codes that are not there"},
      {"an ASN is named twice", name_asns + 4, NumberAt(name_asns), "names"},
      {"a name ends after the text", name_ends + 4, 1000, "names"},
      {"there are fewer low halves", kCountsAt + 16, low_count - 1, "bytes"},
      {"there are more runs", kCountsAt + 8, ~0u, "bytes"},
  };
  for (const auto& [description, at, number, expected] : cases) {
    const std::string result = ResultOf(WithNumber(at, number));
    EXPECT_THAT(result, ::testing::StartsWith("is damaged: ")) << description;
    EXPECT_THAT(result, HasSubstr(expected)) << description;
  }
}

TEST_F(JoinedFileTest, IsRefusedWithoutRuns) {
  std::string bytes(kHeaderBytes, '\0');
  std::copy_n(bytes_.begin(), kChecksumAt, bytes.begin());
  std::copy_n(bytes_.begin() + kCountsAt, 8, bytes.begin() + kCountsAt);
  std::copy_n(bytes_.begin() + kDigestsAt, kHeaderBytes - kDigestsAt,
              bytes.begin() + kDigestsAt);

  EXPECT_THAT(ResultOf(WithChecksum(bytes)), HasSubstr("has no runs"));
}

TEST_F(JoinedFileTest, FailsTheAtlasWhereItIsDamaged) {
  std::string bytes = bytes_;
  bytes.back() = 'x';
  facts_->joined_file = dir_.Write("databases.joined", bytes);

  const auto atlas = Atlas::Build(*facts_, {});

  ASSERT_FALSE(atlas.ok());
  EXPECT_THAT(std::string(atlas.status().message()),
              HasSubstr("databases.joined: is damaged: its checksum is wrong"));
}

}  // namespace
}  // namespace octroi
