// SPDX-License-Identifier: Apache-2.0
#include "geo/atlas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "fmt/format.h"
#include "geo/joined_databases.h"
#include "tests/support/facts_builder.h"
#include "tests/support/random_facts.h"

namespace octroi {
namespace {

using testing::Address;
using testing::Between;
using testing::Code;
using testing::DayFrom;
using ::testing::ElementsAre;
using testing::FactsBuilder;
using ::testing::IsEmpty;
using testing::Prefix;
using testing::RandomWorld;

// An atlas and the facts that it borrows.
struct World {
  explicit World(const FactsBuilder& builder,
                 const std::vector<PrefixMark>& marks = {})
      : facts(builder.Build()), atlas(Atlas::Build(*facts, marks).value()) {}

  const Attribution& At(std::string_view address) const {
    return atlas.attribution(atlas.Lookup(Address(address)));
  }
  const LocationClaim& LocationAt(std::string_view address) const {
    return atlas.location(At(address).location);
  }
  // "FR", "FR US", "anycast", "special private", "unknown".
  std::string WhereIs(std::string_view address) const {
    const LocationClaim& claim = LocationAt(address);
    std::string text;
    if (claim.kind == LocationKind::kUnknown) return "unknown";
    if (claim.kind == LocationKind::kAnycast) text = "anycast";
    if (claim.kind == LocationKind::kSpecialPurpose) {
      return fmt::format("special {}", SpecialKindName(claim.special));
    }
    for (const CountryCode code : claim.opinions) {
      text += (text.empty() ? "" : " ") + code.ToString();
    }
    return text;
  }
  std::string OperatorOf(std::string_view address) const {
    const uint32_t entity = At(address).operator_entity;
    return entity == OperatorTable::kNone
               ? "nobody"
               : facts->operators.entity(entity).rows.front().name;
  }
  std::vector<uint32_t> MarksAt(std::string_view address) const {
    return atlas.marks(At(address).marks);
  }

  std::unique_ptr<Facts> facts;
  Atlas atlas;
};

TEST(AtlasTest, HasAnAttributionForEveryAddressWithoutFacts) {
  const Facts facts;
  const Atlas atlas = Atlas::Build(facts, {}).value();

  for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255",
                           "::", "2001:db8::1", "ffff::1"}) {
    const Attribution& attribution =
        atlas.attribution(atlas.Lookup(Address(text)));
    EXPECT_EQ(attribution.asn, 0u);
    EXPECT_EQ(attribution.operator_entity, OperatorTable::kNone);
    EXPECT_EQ(attribution.service, Catalogue::kNone);
    EXPECT_EQ(attribution.grade, Grade::kNone);
    EXPECT_EQ(atlas.location(attribution.location).kind,
              LocationKind::kUnknown);
    EXPECT_THAT(atlas.marks(attribution.marks), IsEmpty());
  }
  EXPECT_EQ(atlas.attribution_count(), 1u);
}

// Each address carries a claim of its own kind and every weaker one.
TEST(AtlasTest, LocatesByTheStrongestClaim) {
  const World world(
      FactsBuilder()
          .Country("192.0.2.0/24", "US")
          .Anycast({.prefix = "192.0.2.0/25"})
          .Range({.prefix = "192.0.2.0/26", .country = "FR"})
          .Special("192.0.2.0/27", SpecialKind::kPrivate)
          .Special("192.0.2.0/28", SpecialKind::kAnycastService, true)
          .Special("192.0.2.0/29", SpecialKind::kAnycastService, false));

  EXPECT_EQ(world.WhereIs("192.0.2.200"), "US");
  EXPECT_EQ(world.WhereIs("192.0.2.100"), "anycast US");
  EXPECT_EQ(world.WhereIs("192.0.2.63"), "FR");
  EXPECT_EQ(world.WhereIs("192.0.2.31"), "special private");
  EXPECT_EQ(world.WhereIs("192.0.2.15"), "anycast");
  EXPECT_EQ(world.WhereIs("192.0.2.7"), "special anycast_service");
  EXPECT_EQ(world.WhereIs("198.51.100.1"), "unknown");
}

TEST(AtlasTest, LocatesByARangeOnlyIfItIsProvenAndNamesACountry) {
  const World world(FactsBuilder()
                        .Country("192.0.2.0/24", "US")
                        .Range({.prefix = "192.0.2.0/27",
                                .country = "FR",
                                .grade = Grade::kAsserted})
                        .Range({.prefix = "192.0.2.32/27",
                                .country = "FR",
                                .grade = Grade::kPublished})
                        .Range({.prefix = "192.0.2.64/27",
                                .country = "FR",
                                .grade = Grade::kDerived})
                        .Range({.prefix = "192.0.2.96/27"})
                        .Range({.prefix = "192.0.2.128/27", .country = "EU"})
                        .Range({.prefix = "192.0.2.160/27", .country = "UK"})
                        // Of ranges the longest speaks, even if it is silent.
                        .Range({.prefix = "192.0.2.0/28"}));

  EXPECT_EQ(world.WhereIs("192.0.2.16"), "FR");
  EXPECT_EQ(world.WhereIs("192.0.2.32"), "FR");
  EXPECT_EQ(world.WhereIs("192.0.2.64"), "US");
  EXPECT_EQ(world.WhereIs("192.0.2.96"), "US");
  EXPECT_EQ(world.WhereIs("192.0.2.128"), "US");
  EXPECT_EQ(world.WhereIs("192.0.2.160"), "GB");
  EXPECT_EQ(world.WhereIs("192.0.2.0"), "US");
}

TEST(AtlasTest, KeepsTheOpinionOfEachDatabaseInOrder) {
  const World world(FactsBuilder()
                        .Country("192.0.2.0/24", "FR", 0)
                        .Country("192.0.2.0/25", "US", 1)
                        .Country("192.0.2.0/26", "EU", 0)
                        .Country("198.51.100.0/24", "UK", 1)
                        .Country("203.0.113.0/24", "AP", 0));

  EXPECT_EQ(world.WhereIs("192.0.2.64"), "FR US");
  EXPECT_EQ(world.WhereIs("192.0.2.128"), "FR");
  // A pseudo-code is no opinion; an alias is the country that is meant.
  EXPECT_EQ(world.WhereIs("192.0.2.0"), "US");
  EXPECT_EQ(world.WhereIs("198.51.100.1"), "GB");
  EXPECT_EQ(world.WhereIs("203.0.113.1"), "unknown");
}

TEST(AtlasTest, DoesNotLocateIpv6WithoutAnAnnouncedAsn) {
  const FactsBuilder facts =
      FactsBuilder()
          .Country("2001:db8::/32", "FR")
          .Country("192.0.2.0/24", "FR")
          .Range({.prefix = "2001:db8:3::/48", .country = "DE"});
  const World without(facts);
  const World with(FactsBuilder(facts)
                       .Asn("2001:db8:1::/48", 64496)
                       .Asn("2001:db8:2::/48", 0));

  EXPECT_EQ(without.WhereIs("2001:db8:1::1"), "unknown");
  EXPECT_EQ(without.WhereIs("2001:db8:3::1"), "DE");
  EXPECT_EQ(with.WhereIs("2001:db8:1::1"), "FR");
  EXPECT_EQ(with.WhereIs("2001:db8:2::1"), "unknown");
  EXPECT_EQ(with.WhereIs("2001:db8:4::1"), "unknown");
  // IPv4 needs no ASN.
  EXPECT_EQ(with.WhereIs("192.0.2.1"), "FR");
}

TEST(AtlasTest, AttributesEmbeddedIpv4AsTheIpv4Address) {
  const World world(FactsBuilder()
                        .Country("192.0.2.0/24", "FR")
                        .Special("64:ff9b::/96", SpecialKind::kTranslation)
                        .Special("2002::/16", SpecialKind::kTransition)
                        .Special("2001::/32", SpecialKind::kTransition));
  const AttributionId v4 = world.atlas.Lookup(Address("192.0.2.45"));

  for (const char* text :
       {"::ffff:192.0.2.45", "64:ff9b::192.0.2.45", "2002:c000:22d::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2"}) {
    EXPECT_EQ(world.atlas.Lookup(Address(text)), v4) << text;
  }
  EXPECT_EQ(world.WhereIs("64:ff9b:1::192.0.2.45"), "unknown");
}

TEST(AtlasTest, KnowsEveryPeriodOfAnAnycastPrefix) {
  const World world(
      FactsBuilder()
          .Country("192.0.2.0/24", "FR")
          .Anycast({.prefix = "192.0.2.0/24",
                    .from = "2018-01-01",
                    .until = "2019-12-31"})
          .Anycast({.prefix = "192.0.2.0/25"})
          .Anycast({.prefix = "192.0.2.0/24", .from = "2022-01-01"}));

  // Found by this test: of two rows of a prefix, only the last counted.
  EXPECT_THAT(world.LocationAt("192.0.2.200").anycast_periods,
              ElementsAre(Between("2018-01-01", "2019-12-31"),
                          Between("2022-01-01", "")));
  EXPECT_THAT(world.LocationAt("192.0.2.1").anycast_periods,
              ElementsAre(Validity()));
  EXPECT_EQ(world.WhereIs("192.0.2.200"), "anycast FR");
}

TEST(AtlasTest, FindsTheOperatorByProviderAndThenByAsn) {
  const World world(
      FactsBuilder()
          .Asn("192.0.2.0/24", 64496, "Network")
          .Asn("198.51.100.0/24", 64499, "Nobody known")
          .Operator({.asn = 64496, .name = "Network"})
          .Operator({.name = "Acme", .provider = "Acme"})
          .Range({.prefix = "192.0.2.0/27"})
          .Range({.prefix = "192.0.2.32/27", .grade = Grade::kDerived})
          .Range({.prefix = "192.0.2.64/27", .provider = "Unknown"})
          .Range({.prefix = "203.0.113.0/24"}));

  EXPECT_EQ(world.OperatorOf("192.0.2.1"), "Acme");
  EXPECT_EQ(world.OperatorOf("192.0.2.32"), "Network");
  EXPECT_EQ(world.OperatorOf("192.0.2.64"), "Network");
  EXPECT_EQ(world.OperatorOf("192.0.2.200"), "Network");
  EXPECT_EQ(world.OperatorOf("198.51.100.1"), "nobody");
  // Announced or not, the provider's range is the provider's.
  EXPECT_EQ(world.OperatorOf("203.0.113.1"), "Acme");
  EXPECT_EQ(world.At("192.0.2.1").asn, 64496u);
  EXPECT_EQ(world.At("198.51.100.1").asn, 64499u);
  EXPECT_EQ(world.At("203.0.113.1").asn, 0u);
  EXPECT_EQ(world.atlas.AsnName(64499), "Nobody known");
  EXPECT_EQ(world.atlas.AsnName(64500), "");
}

TEST(AtlasTest, TiesServicesWithTheGradeOfTheRange) {
  const World world(FactsBuilder()
                        .Service({.id = "iaas"})
                        .Service({.id = "saas", .type = "SaaS"})
                        .Range({.prefix = "192.0.2.0/27",
                                .service_id = "iaas",
                                .grade = Grade::kAsserted})
                        .Range({.prefix = "192.0.2.32/27",
                                .service_id = "saas",
                                .grade = Grade::kDerived})
                        .Range({.prefix = "192.0.2.64/27"})
                        .Special("192.0.2.16/28", SpecialKind::kPrivate));

  EXPECT_EQ(world.At("192.0.2.1").service, 0u);
  EXPECT_EQ(world.At("192.0.2.1").grade, Grade::kAsserted);
  EXPECT_EQ(world.At("192.0.2.32").service, 1u);
  EXPECT_EQ(world.At("192.0.2.32").grade, Grade::kDerived);
  EXPECT_EQ(world.At("192.0.2.64").service, Catalogue::kNone);
  EXPECT_EQ(world.At("192.0.2.64").grade, Grade::kNone);
  // Special-purpose space has no service and no operator.
  EXPECT_EQ(world.At("192.0.2.16").service, Catalogue::kNone);
  EXPECT_EQ(world.At("192.0.2.16").grade, Grade::kNone);
}

TEST(AtlasTest, InternsEqualClaimsAsOneAttribution) {
  const World world(FactsBuilder()
                        .Country("192.0.2.0/24", "FR")
                        .Country("203.0.113.0/24", "FR")
                        .Country("198.51.100.0/24", "DE")
                        .Asn("192.0.2.0/24", 64496)
                        .Asn("203.0.113.0/24", 64496)
                        // Another prefix and another file position, but equal.
                        .Country("192.0.2.128/25", "FR"));
  const Atlas& atlas = world.atlas;

  EXPECT_EQ(atlas.Lookup(Address("192.0.2.1")),
            atlas.Lookup(Address("203.0.113.1")));
  EXPECT_EQ(atlas.Lookup(Address("192.0.2.1")),
            atlas.Lookup(Address("192.0.2.200")));
  EXPECT_NE(atlas.Lookup(Address("192.0.2.1")),
            atlas.Lookup(Address("198.51.100.1")));
}

TEST(AtlasTest, PutsAttributionsThatDifferInTheAsnIntoOneClass) {
  const World world(FactsBuilder()
                        .Country("192.0.2.0/24", "FR")
                        .Asn("192.0.2.0/25", 64496)
                        .Asn("192.0.2.128/25", 64497)
                        .Country("198.51.100.0/24", "DE"));
  const Attribution& one = world.At("192.0.2.1");
  const Attribution& two = world.At("192.0.2.200");

  EXPECT_NE(world.atlas.Lookup(Address("192.0.2.1")),
            world.atlas.Lookup(Address("192.0.2.200")));
  EXPECT_EQ(one.class_id, two.class_id);
  EXPECT_NE(one.class_id, world.At("198.51.100.1").class_id);
  for (uint32_t i = 0; i < world.atlas.classes().size(); ++i) {
    EXPECT_EQ(world.atlas.attribution(world.atlas.classes()[i]).class_id, i);
  }
}

TEST(AtlasTest, GathersTheMarksOfNestedPrefixes) {
  const World world(FactsBuilder().Country("192.0.2.0/24", "FR"),
                    {{Prefix("192.0.2.0/24"), 7},
                     {Prefix("192.0.2.0/26"), 3},
                     {Prefix("192.0.2.0/26"), 9},
                     {Prefix("192.0.2.0/26"), 3},
                     {Prefix("192.0.2.64/26"), 3},
                     {Prefix("2001:db8::/32"), 7},
                     {Prefix("0.0.0.0/0"), 1}});

  EXPECT_THAT(world.MarksAt("192.0.2.1"), ElementsAre(1, 3, 7, 9));
  EXPECT_THAT(world.MarksAt("192.0.2.64"), ElementsAre(1, 3, 7));
  EXPECT_THAT(world.MarksAt("192.0.2.128"), ElementsAre(1, 7));
  EXPECT_THAT(world.MarksAt("198.51.100.1"), ElementsAre(1));
  EXPECT_THAT(world.MarksAt("2001:db8::1"), ElementsAre(7));
  EXPECT_THAT(world.MarksAt("2001:db9::1"), IsEmpty());
}

TEST(AtlasTest, RefusesMoreDatabasesThanItHasRoomFor) {
  FactsBuilder facts;
  for (size_t i = 0; i < kMaxCountryDatabases; ++i) {
    facts.Country("192.0.2.0/24", "FR", i);
  }
  EXPECT_EQ(World(facts).LocationAt("192.0.2.1").opinions.size(),
            kMaxCountryDatabases);
  facts.Country("192.0.2.0/24", "FR", kMaxCountryDatabases);

  const auto built = facts.Build();
  const absl::StatusOr<Atlas> atlas = Atlas::Build(*built, {});

  ASSERT_FALSE(atlas.ok());
  EXPECT_THAT(std::string(atlas.status().message()),
              ::testing::HasSubstr("9 country databases"));
}

TEST(AtlasTest, DoesNotLocateWhatTheProviderCallsGlobal) {
  const World world(
      FactsBuilder()
          .Country("192.0.2.0/23", "US")
          .Anycast({.prefix = "192.0.3.0/25"})
          .Range({.prefix = "192.0.2.0/23", .region = "GLOBAL"})
          .Range({.prefix = "192.0.2.0/25", .country = "FR"})
          .Range({.prefix = "192.0.2.128/25", .region = "not in a table"}));
  const auto location = [&](std::string_view address) {
    return world.atlas.location(
        world.atlas.attribution(world.atlas.Lookup(Address(address))).location);
  };

  EXPECT_THAT(location("192.0.2.1").opinions, ElementsAre(Code("FR")));
  EXPECT_THAT(location("192.0.2.129").opinions, ElementsAre(Code("US")));
  EXPECT_EQ(location("192.0.3.1").kind, LocationKind::kAnycast);
  EXPECT_EQ(location("192.0.3.129").kind, LocationKind::kUnknown);
}

TEST(AtlasTest, LetsADerivedRangeTieOnlyWhatNoOtherRangeSpeaksOf) {
  const World world(FactsBuilder()
                        .Service({.id = "iaas"})
                        .Service({.id = "other", .provider = "Other"})
                        .Range({.prefix = "192.0.2.0/25", .service_id = "iaas"})
                        .Range({.prefix = "192.0.2.64/26",
                                .service_id = "iaas",
                                .grade = Grade::kDerived})
                        .Range({.prefix = "192.0.2.128/25"})
                        .Range({.prefix = "192.0.2.192/26",
                                .service_id = "iaas",
                                .grade = Grade::kDerived})
                        .Range({.prefix = "192.0.2.128/26",
                                .provider = "Other",
                                .service_id = "other",
                                .grade = Grade::kDerived})
                        .Range({.prefix = "203.0.113.0/24",
                                .provider = "Other",
                                .service_id = "other",
                                .grade = Grade::kDerived}));
  const struct {
    const char* address;
    const char* service;
    Grade grade;
  } cases[] = {
      // The published range proves it, however much longer the derived one is.
      {"192.0.2.100", "iaas", Grade::kPublished},
      // Published for the provider, derived for one of its services.
      {"192.0.2.200", "iaas", Grade::kDerived},
      // Published for one provider, derived for another one's service.
      {"192.0.2.130", "", Grade::kNone},
      {"203.0.113.1", "other", Grade::kDerived},
  };
  for (const auto& [address, service, grade] : cases) {
    const Attribution& attribution =
        world.atlas.attribution(world.atlas.Lookup(Address(address)));
    EXPECT_EQ(attribution.service, world.facts->catalogue.Find(service))
        << address;
    EXPECT_EQ(attribution.grade, grade) << address;
  }
}

// The databases that ship, joined: counts that would be wrong by far if a layer
// were lost or if equal claims were not one.
TEST(AtlasTest, JoinsTheDatabasesThatShip) {
  const std::string share = std::string(OCTROI_BINARY_DIR) + "/share/octroi/";
  Facts facts;
  facts.countries.emplace_back().push_back(
      {{}, MmdbFile::Open(share + "dbip-country.mmdb").value()});
  facts.asn.push_back({{}, MmdbFile::Open(share + "asn.mmdb").value()});

  const Atlas atlas = Atlas::Build(facts, {}).value();

  // About as many (country, ASN) pairs as there are ASNs, and one class for
  // each country and for none.
  EXPECT_GT(atlas.attribution_count(), 50'000u);
  EXPECT_LT(atlas.attribution_count(), 1'000'000u);
  EXPECT_GT(atlas.classes().size(), 200u);
  EXPECT_LT(atlas.classes().size(), 300u);
  EXPECT_GT(atlas.memory_bytes(), 10u << 20);
  EXPECT_LT(atlas.memory_bytes(), 200u << 20);
  EXPECT_EQ(atlas.attribution(atlas.Lookup(Address("8.8.8.8"))).asn, 15169u);
  EXPECT_EQ(atlas.Lookup(Address("64:ff9b::808:808")),
            atlas.Lookup(Address("8.8.8.8")));

  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2'000; ++i) {
    const auto address = IpAddress::V4(static_cast<uint32_t>(random()));
    const Attribution& attribution = atlas.attribution(atlas.Lookup(address));
    const auto asn = facts.asn[0].file->LookupAsn(address).value();
    const auto country =
        facts.countries[0][0].file->LookupCountry(address).value();
    ASSERT_EQ(attribution.asn, asn ? asn->record.asn : 0) << address.ToString();
    std::vector<CountryCode> opinions;
    if (country) {
      const auto code = CountryCode::Parse(country->record.code);
      if (code) opinions.push_back(*code);
    }
    ASSERT_EQ(atlas.location(attribution.location).opinions, opinions)
        << address.ToString();
  }
}

// What the header says, by scanning all rows.
class NaiveAtlas {
 public:
  NaiveAtlas(const Facts& facts, const std::vector<PrefixMark>& marks)
      : facts_(facts), marks_(marks) {
    for (const RangeRow& row : facts.ranges.rows()) {
      (row.grade == Grade::kDerived ? derived_ : proving_).push_back(row);
    }
  }

  // As text, so that a difference can be read.
  std::string Describe(const IpAddress& original) const {
    const IpAddress address = Unmap(original).address;
    const SpecialPurposeRow* special =
        Longest(facts_.special_purpose.rows(), address);
    const RangeRow* range = Longest(RangesOf(false), address);
    const RangeRow* derived = Longest(RangesOf(true), address);
    const uint32_t asn = AsnOf(address);
    const bool is_anycast_service =
        special != nullptr && special->kind == SpecialKind::kAnycastService &&
        special->is_globally_reachable;
    std::string marks;
    for (uint32_t mark = 0; mark < 100; ++mark) {
      for (const PrefixMark& m : marks_) {
        if (m.mark == mark && m.prefix.Contains(address)) {
          marks += fmt::format(" m{}", mark);
          break;
        }
      }
    }
    if (special != nullptr && !is_anycast_service) {
      return fmt::format("special {}; AS0; none;{}",
                         SpecialKindName(special->kind), marks);
    }
    const std::string location =
        is_anycast_service ? "anycast ..;" : Locate(address, range, asn);
    std::string rest = fmt::format(" AS{}; {};", asn, OperatorOf(range, asn));
    if (range != nullptr && !range->service_id.empty()) {
      rest +=
          fmt::format(" {} {};", range->service_id, GradeName(range->grade));
    } else if (derived != nullptr && !derived->service_id.empty() &&
               (range == nullptr || range->provider == derived->provider)) {
      rest += fmt::format(" {} derived;", derived->service_id);
    }
    return location + rest + marks;
  }

 private:
  template <typename Row>
  static const Row* Longest(const std::vector<Row>& rows,
                            const IpAddress& address) {
    const Row* best = nullptr;
    for (const Row& row : rows) {
      if (!row.prefix.Contains(address)) continue;
      if (best == nullptr || best->prefix.length() < row.prefix.length()) {
        best = &row;
      }
    }
    return best;
  }

  const std::vector<RangeRow>& RangesOf(bool is_derived) const {
    return is_derived ? derived_ : proving_;
  }

  uint32_t AsnOf(const IpAddress& address) const {
    if (facts_.asn.empty()) return 0;
    const auto found = facts_.asn[0].file->LookupAsn(address).value();
    return found ? found->record.asn : 0;
  }

  std::string Locate(const IpAddress& address, const RangeRow* range,
                     uint32_t asn) const {
    const auto resolve = [this](CountryCode code) {
      return facts_.jurisdictions.Resolve(code).ToString();
    };
    if (range != nullptr && !resolve(range->region_country).empty()) {
      return "in " + resolve(range->region_country) + ";";
    }
    std::string opinions;
    for (const CountrySeries& series : facts_.countries) {
      if (!address.is_v4() && asn == 0) break;
      if (range != nullptr && range->region == "GLOBAL") break;
      const auto found = series[0].file->LookupCountry(address).value();
      if (!found) continue;
      const std::string country = resolve(Code(found->record.code));
      if (!country.empty()) opinions += " " + country;
    }
    if (const AnycastRow* row = Longest(facts_.anycast, address)) {
      std::string periods;
      for (const AnycastRow& other : facts_.anycast) {
        if (other.prefix == row->prefix) periods += PeriodText(other.validity);
      }
      return "anycast" + periods + opinions + ";";
    }
    return opinions.empty() ? "unknown;" : "in" + opinions + ";";
  }

  std::string OperatorOf(const RangeRow* range, uint32_t asn) const {
    uint32_t entity = OperatorTable::kNone;
    if (range != nullptr) {
      entity = facts_.operators.FindByProvider(range->provider);
    }
    if (entity == OperatorTable::kNone && asn != 0) {
      entity = facts_.operators.FindByAsn(asn);
    }
    return entity == OperatorTable::kNone
               ? "none"
               : facts_.operators.entity(entity).rows.front().name;
  }

 public:
  static std::string PeriodText(const Validity& validity) {
    return fmt::format(" {}..{}",
                       validity.from ? FormatDay(*validity.from) : "",
                       validity.until ? FormatDay(*validity.until) : "");
  }

 private:
  const Facts& facts_;
  const std::vector<PrefixMark>& marks_;
  std::vector<RangeRow> proving_;
  std::vector<RangeRow> derived_;
};

// The same text of what the atlas says.
std::string Describe(const Atlas& atlas, const IpAddress& address) {
  const Facts& facts = atlas.facts();
  const Attribution& attribution = atlas.attribution(atlas.Lookup(address));
  const LocationClaim& claim = atlas.location(attribution.location);
  std::string text;
  switch (claim.kind) {
    case LocationKind::kUnknown:
      text = "unknown";
      break;
    case LocationKind::kCountries:
      text = "in";
      break;
    case LocationKind::kAnycast:
      text = "anycast";
      break;
    case LocationKind::kSpecialPurpose:
      text = fmt::format("special {}", SpecialKindName(claim.special));
      break;
  }
  for (const Validity& period : claim.anycast_periods) {
    text += NaiveAtlas::PeriodText(period);
  }
  for (const CountryCode code : claim.opinions) text += " " + code.ToString();
  const uint32_t entity = attribution.operator_entity;
  text += fmt::format("; AS{}; {};", attribution.asn,
                      entity == OperatorTable::kNone
                          ? "none"
                          : facts.operators.entity(entity).rows.front().name);
  if (attribution.service != Catalogue::kNone) {
    text +=
        fmt::format(" {} {};", facts.catalogue.service(attribution.service).id,
                    GradeName(attribution.grade));
  }
  for (const uint32_t mark : atlas.marks(attribution.marks)) {
    text += fmt::format(" m{}", mark);
  }
  return text;
}

std::vector<IpPrefix> AllPrefixes(const Facts& facts,
                                  const std::vector<PrefixMark>& marks) {
  std::vector<IpPrefix> prefixes = {Prefix("0.0.0.0/0"), Prefix("::/0")};
  const auto add = [&prefixes](const auto& rows) {
    for (const auto& row : rows) prefixes.push_back(row.prefix);
  };
  add(facts.special_purpose.rows());
  add(facts.ranges.rows());
  add(facts.anycast);
  add(marks);
  add(facts.asn[0].file->WalkAsns()->entries);
  for (const CountrySeries& series : facts.countries) {
    add(series[0].file->WalkCountries()->entries);
  }
  return prefixes;
}

TEST(AtlasTest, EqualsAScanOfAllRowsAtEveryBoundary) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomWorld random(seed);
  for (int round = 0; round < 30; ++round) {
    std::vector<PrefixMark> marks;
    for (const IpPrefix& prefix : random.Prefixes(random.Below(8))) {
      marks.push_back({prefix, static_cast<uint32_t>(random.Below(5))});
    }
    const World world(random.Facts(), marks);
    const NaiveAtlas naive(*world.facts, marks);
    std::vector<IpAddress> addresses =
        testing::Boundaries(AllPrefixes(*world.facts, marks));
    for (int i = 0; i < 200; ++i) addresses.push_back(random.Address());

    // Equal claims have one id, and classes are claims without the ASN.
    using Claims = std::tuple<uint32_t, uint32_t, uint32_t, Grade, uint32_t>;
    std::set<std::pair<Claims, uint32_t>> distinct;
    std::set<Claims> classes;
    for (AttributionId id = 0; id < world.atlas.attribution_count(); ++id) {
      const Attribution& a = world.atlas.attribution(id);
      const Claims claims = {a.location, a.operator_entity, a.service, a.grade,
                             a.marks};
      ASSERT_TRUE(distinct.insert({claims, a.asn}).second);
      classes.insert(claims);
    }
    ASSERT_EQ(classes.size(), world.atlas.classes().size());
    for (const IpAddress& address : addresses) {
      ASSERT_EQ(Describe(world.atlas, address), naive.Describe(address))
          << address.ToString() << " in round " << round;
    }
  }
}

// "location FR by country-0 (192.0.2.0/24, , 2026-01-01) used".
std::vector<std::string> ClaimsOf(const World& world, std::string_view address,
                                  std::string_view day = "2026-06-01") {
  std::vector<std::string> texts;
  for (const Claim& claim :
       ExplainClaims(world.atlas, Address(address), DayFrom(day))) {
    texts.push_back(fmt::format(
        "{} {} by {} ({}, {}, {}){}", claim.about, claim.value, claim.source,
        claim.prefix, claim.row, claim.date, claim.is_used ? " used" : ""));
  }
  return texts;
}

TEST(ExplainClaimsTest, NamesSourcePrefixRowAndDateOfEachClaim) {
  const World world(
      FactsBuilder()
          .Country("192.0.2.0/25", "US", 0)
          .Country("192.0.2.0/24", "FR", 1)
          .Asn("192.0.2.0/26", 64496, "Example")
          .Operator({.asn = 64496,
                     .name = "Example",
                     .country = "US",
                     .law = "CLOUD-Act",
                     .parent = "Example Group"})
          .Operator({.name = "Acme", .country = "FR", .provider = "Acme"})
          .Service({.id = "iaas",
                    .state = ServiceState::kInQualification,
                    .from = "2023-01-01",
                    .until = "2025-01-01"})
          .Service({.id = "iaas",
                    .from = "2025-01-01",
                    .until = "2027-12-31",
                    .reference = "decision 1"})
          .Anycast({.prefix = "192.0.2.0/27"})
          .Range({.prefix = "192.0.2.0/28",
                  .service_id = "iaas",
                  .country = "FR"}));

  EXPECT_THAT(
      ClaimsOf(world, "192.0.2.1"),
      ElementsAre(
          "location FR (region region of FR) by a test "
          "(192.0.2.0/28, ranges.csv line 1, 2026-01) used",
          "location anycast (an anycast service) by a test "
          "(192.0.2.0/27, line 1, 2026-01-01)",
          "service Acme: iaas (published) by a test "
          "(192.0.2.0/28, ranges.csv line 1, 2026-01) used",
          "asn AS64496 Example by asn (192.0.2.0/26, , 2026-01-01) used",
          "location US by country-0 (192.0.2.0/25, , 2026-01-01)",
          "location FR by country-1 (192.0.2.0/24, , 2026-01-01)",
          "operator Acme; parent: unknown; controlled from: FR; law: none "
          "identified (high) by operators.csv (, line 2, 2026-01-01) used",
          "operator Example; parent: Example Group; controlled from: US; law: "
          "CLOUD-Act (high) by operators.csv (, line 1, 2026-01-01)",
          "qualification SecNumCloud IaaS in_qualification, 2023-01-01 to "
          "2025-01-01 by a test (, line 1, 2020-01-01)",
          "qualification SecNumCloud IaaS qualified, 2025-01-01 to 2027-12-31 "
          "by decision 1; a test (, line 2, 2020-01-01) used"));
  EXPECT_THAT(
      ClaimsOf(world, "192.0.2.100"),
      ElementsAre("location US by country-0 (192.0.2.0/25, , 2026-01-01) used",
                  "location FR by country-1 (192.0.2.0/24, , 2026-01-01) "
                  "used"));
  EXPECT_THAT(ClaimsOf(world, "203.0.113.1"), IsEmpty());
}

TEST(ExplainClaimsTest, SaysWhyAClaimIsNotUsed) {
  const World world(FactsBuilder()
                        .Country("10.0.0.0/8", "US")
                        .Country("2001:db8::/32", "FR")
                        .Country("192.0.2.0/24", "EU")
                        .Range({.prefix = "203.0.113.0/24",
                                .country = "FR",
                                .grade = Grade::kDerived}));

  EXPECT_THAT(ClaimsOf(world, "10.0.0.1"),
              ElementsAre("location private (private, RFC 6890) by a test "
                          "(10.0.0.0/8, line 1, ) used",
                          "location US by country-0 (10.0.0.0/8, , "
                          "2026-01-01)"));
  EXPECT_THAT(ClaimsOf(world, "2001:db8::1"),
              ElementsAre("location FR (no announced ASN: not trusted) by "
                          "country-0 (2001:db8::/32, , 2026-01-01)"));
  EXPECT_THAT(ClaimsOf(world, "192.0.2.1"),
              ElementsAre("location EU (not a country) by country-0 "
                          "(192.0.2.0/24, , 2026-01-01)"));
  EXPECT_THAT(ClaimsOf(world, "203.0.113.1"),
              ElementsAre("location FR (region region of FR) by a test "
                          "(203.0.113.0/24, ranges.csv line 1, 2026-01)",
                          "service Acme (derived) by a test "
                          "(203.0.113.0/24, ranges.csv line 1, 2026-01)"));
}

TEST(ExplainClaimsTest, SaysThatAGlobalRangeIsNotLocated) {
  const World world(FactsBuilder()
                        .Country("192.0.2.0/24", "US")
                        .Range({.prefix = "192.0.2.0/24", .region = "global"}));

  EXPECT_THAT(ClaimsOf(world, "192.0.2.1"),
              ElementsAre("location none: GLOBAL, in no one region by a test "
                          "(192.0.2.0/24, ranges.csv line 1, 2026-01) used",
                          "service Acme (published) by a test "
                          "(192.0.2.0/24, ranges.csv line 1, 2026-01) used",
                          "location US by country-0 (192.0.2.0/24, , "
                          "2026-01-01)"));
}

TEST(ExplainClaimsTest, AppliesTheDay) {
  const World world(FactsBuilder()
                        .Country("192.0.2.0/24", "FR")
                        .Anycast({.prefix = "192.0.2.0/24",
                                  .from = "2020-01-01",
                                  .until = "2020-12-31",
                                  .name = "first"})
                        .Anycast({.prefix = "192.0.2.0/24",
                                  .from = "2022-01-01",
                                  .name = "second"}));

  EXPECT_THAT(ClaimsOf(world, "192.0.2.1", "2020-12-31"),
              ElementsAre(::testing::HasSubstr("anycast (first)"),
                          ::testing::Not(::testing::EndsWith("used"))));
  EXPECT_THAT(ClaimsOf(world, "192.0.2.1", "2021-06-01"),
              ElementsAre(::testing::EndsWith("used")));
  EXPECT_THAT(ClaimsOf(world, "192.0.2.1", "2022-01-01"),
              ElementsAre(::testing::HasSubstr("anycast (second)"),
                          ::testing::HasSubstr("FR")));
}

TEST(ExplainClaimsTest, ExplainsTheEmbeddedIpv4Address) {
  const World world(FactsBuilder().Country("192.0.2.0/24", "FR"));

  EXPECT_EQ(ClaimsOf(world, "64:ff9b::192.0.2.1"),
            ClaimsOf(world, "192.0.2.1"));
}

// The claims that are used are those that the atlas joined.
TEST(ExplainClaimsTest, UsesTheLocationThatTheAtlasHas) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomWorld random(seed);
  for (int round = 0; round < 20; ++round) {
    const World world(random.Facts());
    for (int i = 0; i < 200; ++i) {
      const IpAddress address = random.Address();
      const Day day = random.Day();
      const Attribution& attribution =
          world.atlas.attribution(world.atlas.Lookup(address));
      const LocationClaim& location =
          world.atlas.location(attribution.location);
      size_t used_count = 0;
      size_t operator_count = 0;
      bool is_global = false;
      for (const Claim& claim : ExplainClaims(world.atlas, address, day)) {
        if (claim.is_used && claim.about == "location") ++used_count;
        if (claim.is_used && claim.value.starts_with("none: GLOBAL")) {
          is_global = true;
        }
        if (claim.is_used && claim.about == "operator") ++operator_count;
      }
      const bool is_anycast = std::any_of(
          location.anycast_periods.begin(), location.anycast_periods.end(),
          [day](const Validity& period) { return period.Covers(day); });
      const bool is_one = is_anycast || is_global ||
                          location.kind == LocationKind::kSpecialPurpose;
      ASSERT_TRUE(!is_global || location.opinions.empty());
      ASSERT_EQ(used_count, is_one ? 1 : location.opinions.size())
          << address.ToString() << " on " << FormatDay(day);
      const uint32_t entity = attribution.operator_entity;
      const bool has_operator =
          entity != OperatorTable::kNone &&
          world.facts->operators.entity(entity).At(day) != nullptr;
      ASSERT_EQ(operator_count, has_operator ? 1 : 0)
          << address.ToString() << " on " << FormatDay(day);
    }
  }
}

}  // namespace
}  // namespace octroi
