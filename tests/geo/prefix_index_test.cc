// SPDX-License-Identifier: Apache-2.0
#include "geo/prefix_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "geo/mmdb.h"

namespace octroi {
namespace {

using ::testing::ElementsAre;

constexpr uint32_t kAbsent = 0;

PrefixValue Entry(std::string_view prefix, uint32_t value) {
  return {IpPrefix::Parse(prefix).value(), value};
}

PrefixIndex BuildFrom(std::span<const PrefixValue> prefixes) {
  return PrefixIndex::Build(FlattenV4(prefixes, kAbsent),
                            FlattenV6(prefixes, kAbsent));
}

uint32_t Lookup(const PrefixIndex& index, std::string_view address) {
  return index.Lookup(IpAddress::Parse(address).value());
}

// The definition: of the prefixes that contain the address, the longest, and of
// those the last.
uint32_t LookupByScan(std::span<const PrefixValue> prefixes,
                      const IpAddress& address) {
  const PrefixValue* best = nullptr;
  for (const PrefixValue& entry : prefixes) {
    if (!entry.prefix.Contains(address)) continue;
    if (best == nullptr || entry.prefix.length() >= best->prefix.length()) {
      best = &entry;
    }
  }
  return best == nullptr ? kAbsent : best->value;
}

IpAddress AddressOf(AddressFamily family, Uint128 number) {
  return family == AddressFamily::kIpv4
             ? IpAddress::V4(static_cast<uint32_t>(number))
             : IpAddress::V6(number);
}

// The first and last address of a prefix and their neighbours outside it, which
// may wrap around.
std::vector<IpAddress> Boundaries(const IpPrefix& prefix) {
  std::vector<IpAddress> addresses;
  for (const Uint128 number :
       {prefix.first() - 1, prefix.first(), prefix.last(), prefix.last() + 1}) {
    addresses.push_back(AddressOf(prefix.family(), number));
  }
  return addresses;
}

class RandomPrefixes {
 public:
  explicit RandomPrefixes(uint64_t seed) : random_(seed) {}

  IpAddress Address(AddressFamily family) {
    const Uint128 high = random_();
    return AddressOf(family, high << 64 | random_());
  }

  // Half of the prefixes are inside an earlier one, so that nests are deep; few
  // values, so that neighbours often merge.
  std::vector<PrefixValue> Set(AddressFamily family, size_t count) {
    const int bit_count = family == AddressFamily::kIpv4 ? 32 : 128;
    std::vector<PrefixValue> prefixes;
    while (prefixes.size() < count) {
      IpAddress address = Address(family);
      int length = Below(bit_count + 1);
      if (!prefixes.empty() && Below(2) == 0) {
        const IpPrefix& outer = prefixes[Below(prefixes.size())].prefix;
        const Uint128 host_bits = outer.last() - outer.first();
        address =
            AddressOf(family, outer.first() | (address.number() & host_bits));
        length = std::min(bit_count, outer.length() + Below(20));
      }
      prefixes.push_back({IpPrefix::Containing(address, length), Value()});
    }
    return prefixes;
  }

  int Below(size_t limit) { return static_cast<int>(random_() % limit); }

 private:
  uint32_t Value() { return 1 + static_cast<uint32_t>(Below(7)); }

  std::mt19937_64 random_;
};

// Partitions of a whole space into about as many runs as are asked for.
class RandomPartitions {
 public:
  explicit RandomPartitions(uint64_t seed) : random_(seed) {}

  // The first `fixed_bits` bits of where runs begin are those of 2000::.
  template <typename Number>
  IntervalMap<Number> Partition(size_t run_count, int fixed_bits) {
    constexpr int kBits = 8 * sizeof(Number);
    std::set<Number> firsts = {0, std::numeric_limits<Number>::max()};
    while (firsts.size() < run_count) {
      Number first = static_cast<Number>(random_());
      if constexpr (kBits > 64) first = first << 64 | random_();
      if (fixed_bits > 0)
        first = first >> fixed_bits | Number{1} << (kBits - 3);
      // The first bits of one level, and nothing or everything after them.
      const int cleared = static_cast<int>(random_() % (kBits - fixed_bits));
      first = first >> cleared << cleared;
      firsts.insert(random_() % 8 == 0 ? first - 1 : first);
    }
    IntervalMap<Number> map;
    for (const Number first : firsts) {
      const uint32_t before = map.runs.empty() ? 0 : map.runs.back().value;
      const auto value = static_cast<uint32_t>(random_() % 9);
      map.runs.push_back({first, value == before ? 9 : value});
    }
    return map;
  }

 private:
  std::mt19937_64 random_;
};

TEST(FlattenTest, GivesOneAbsentRunForNoPrefixes) {
  const IntervalMapV4 v4 = FlattenV4({}, 9);
  const IntervalMapV6 v6 = FlattenV6({}, 9);

  EXPECT_THAT(v4.runs, ElementsAre(IntervalMapV4::Run{0, 9}));
  EXPECT_THAT(v6.runs, ElementsAre(IntervalMapV6::Run{0, 9}));
  EXPECT_EQ(v6.At(std::numeric_limits<Uint128>::max()), 9u);
}

TEST(FlattenTest, LetsTheLongestPrefixWinWhateverTheOrder) {
  const std::vector<PrefixValue> prefixes = {
      Entry("10.1.0.0/16", 2), Entry("10.1.1.1/32", 3), Entry("10.0.0.0/8", 1)};

  const IntervalMapV4 map = FlattenV4(prefixes, kAbsent);

  using Run = IntervalMapV4::Run;
  EXPECT_THAT(map.runs,
              ElementsAre(Run{0, 0}, Run{0x0a000000, 1}, Run{0x0a010000, 2},
                          Run{0x0a010101, 3}, Run{0x0a010102, 2},
                          Run{0x0a020000, 1}, Run{0x0b000000, 0}));
}

TEST(FlattenTest, LetsTheLaterOfTwoEqualPrefixesWin) {
  const std::vector<PrefixValue> prefixes = {Entry("192.0.2.0/24", 1),
                                             Entry("192.0.2.0/24", 2)};

  EXPECT_EQ(FlattenV4(prefixes, kAbsent).At(0xc0000200), 2u);
}

TEST(FlattenTest, MergesNeighboursOfEqualValue) {
  const std::vector<PrefixValue> prefixes = {
      Entry("192.0.2.0/25", 4), Entry("192.0.2.128/25", 4),
      Entry("192.0.2.7/32", 4), Entry("192.0.3.0/24", 4)};

  const IntervalMapV4 map = FlattenV4(prefixes, kAbsent);

  using Run = IntervalMapV4::Run;
  EXPECT_THAT(map.runs,
              ElementsAre(Run{0, 0}, Run{0xc0000200, 4}, Run{0xc0000400, 0}));
}

TEST(FlattenTest, IgnoresTheOtherFamily) {
  const std::vector<PrefixValue> prefixes = {Entry("192.0.2.0/24", 1),
                                             Entry("2001:db8::/32", 2)};

  EXPECT_EQ(FlattenV4(prefixes, kAbsent).runs.size(), 3u);
  EXPECT_EQ(FlattenV6(prefixes, kAbsent).runs.size(), 3u);
}

// A partition whose last run begins at the last address, and ones that end
// where the space does.
TEST(FlattenTest, EndsWithTheAddressSpace) {
  const std::vector<PrefixValue> prefixes = {
      Entry("255.255.0.0/16", 1), Entry("255.255.255.255/32", 2),
      Entry("ffff::/16", 1),
      Entry("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 2)};

  const IntervalMapV4 v4 = FlattenV4(prefixes, kAbsent);
  const IntervalMapV6 v6 = FlattenV6(prefixes, kAbsent);

  EXPECT_EQ(v4.runs.back(), (IntervalMapV4::Run{0xffffffff, 2}));
  EXPECT_EQ(v6.runs.back(),
            (IntervalMapV6::Run{std::numeric_limits<Uint128>::max(), 2}));
}

TEST(PrefixIndexTest, AnswersZeroWhenDefaultMade) {
  const PrefixIndex index;

  EXPECT_EQ(Lookup(index, "0.0.0.0"), 0u);
  EXPECT_EQ(Lookup(index, "255.255.255.255"), 0u);
  EXPECT_EQ(Lookup(index, "2001:db8::1"), 0u);
}

TEST(PrefixIndexTest, AnswersTheAbsentValueForAnEmptySet) {
  const PrefixIndex index =
      PrefixIndex::Build(FlattenV4({}, 5), FlattenV6({}, 6));

  EXPECT_EQ(Lookup(index, "192.0.2.1"), 5u);
  EXPECT_EQ(Lookup(index, "2001:db8::1"), 6u);
}

TEST(PrefixIndexTest, HoldsPrefixesOfEveryLength) {
  const PrefixIndex index = BuildFrom(std::vector<PrefixValue>{
      Entry("0.0.0.0/0", 1), Entry("192.0.2.1/32", 2),
      Entry("255.255.255.255/32", 3), Entry("::/0", 4),
      Entry("2001:db8::1/128", 5), Entry("::/128", 6),
      Entry("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 7)});

  const struct {
    const char* address;
    uint32_t value;
  } cases[] = {
      {"0.0.0.0", 1},
      {"192.0.2.0", 1},
      {"192.0.2.1", 2},
      {"192.0.2.2", 1},
      {"255.255.255.254", 1},
      {"255.255.255.255", 3},
      {"::", 6},
      {"::1", 4},
      {"2001:db8::", 4},
      {"2001:db8::1", 5},
      {"2001:db8::2", 4},
      {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 4},
      {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 7},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Lookup(index, c.address), c.value) << c.address;
  }
}

TEST(PrefixIndexTest, HoldsAPrefixOfEachLengthAlone) {
  for (const std::string_view text :
       {"203.0.113.181", "2001:db8:5a5a:a5a5:5a5a:a5a5:5a5a:a5a5"}) {
    const IpAddress address = IpAddress::Parse(text).value();
    for (int length = 0; length <= address.bit_count(); ++length) {
      const std::vector<PrefixValue> prefixes = {
          {IpPrefix::Containing(address, length), 1}};

      const PrefixIndex index = BuildFrom(prefixes);

      for (const IpAddress& a : Boundaries(prefixes[0].prefix)) {
        ASSERT_EQ(index.Lookup(a), LookupByScan(prefixes, a))
            << a.ToString() << " of a prefix of " << length;
      }
    }
  }
}

// Two neighbouring spans that each need a node of their own.
TEST(PrefixIndexTest, KeepsNeighboursThatAreBothDivided) {
  const PrefixIndex index = BuildFrom(std::vector<PrefixValue>{
      Entry("192.0.2.128/25", 1), Entry("192.0.3.128/25", 2),
      Entry("2001:db8:0:1::/64", 3), Entry("2001:db8:1:1::/64", 4)});

  EXPECT_EQ(Lookup(index, "192.0.2.127"), kAbsent);
  EXPECT_EQ(Lookup(index, "192.0.2.128"), 1u);
  EXPECT_EQ(Lookup(index, "192.0.3.127"), kAbsent);
  EXPECT_EQ(Lookup(index, "192.0.3.128"), 2u);
  EXPECT_EQ(Lookup(index, "2001:db8:0:1::"), 3u);
  EXPECT_EQ(Lookup(index, "2001:db8:0:2::"), kAbsent);
  EXPECT_EQ(Lookup(index, "2001:db8:1:1::"), 4u);
}

TEST(PrefixIndexTest, TakesLittleMemoryForFewRuns) {
  EXPECT_LT(PrefixIndex().memory_bytes(), 64u << 10);
}

// A node has one entry to 64, and more runs make more levels of nodes.
TEST(PrefixIndexTest, HoldsAnyNumberOfRunsInOneSpan) {
  for (uint32_t run_count = 1; run_count <= 256; ++run_count) {
    std::vector<PrefixValue> prefixes;
    for (uint32_t i = 0; i < run_count; ++i) {
      prefixes.push_back(
          {IpPrefix::Containing(IpAddress::V4(0xc0000000 + (i << 8)), 24),
           i + 1});
      prefixes.push_back(
          {IpPrefix::Containing(
               IpAddress::V6(0x20010db8'00000000u, uint64_t{i} << 56), 72),
           i + 1});
    }
    const PrefixIndex index = BuildFrom(prefixes);

    for (uint32_t i = 0; i < run_count; ++i) {
      ASSERT_EQ(index.LookupV4(0xc00000ff + (i << 8)), i + 1) << run_count;
      ASSERT_EQ(index.LookupV6(0x20010db8'00000000u, uint64_t{i} << 56), i + 1)
          << run_count;
    }
    if (run_count == 256) continue;
    EXPECT_EQ(index.LookupV4(0xc0000000 + (run_count << 8)), kAbsent);
    EXPECT_EQ(index.LookupV6(0x20010db8'00000000u, uint64_t{run_count} << 56),
              kAbsent);
  }
}

TEST(PrefixIndexTest, HoldsTheLargestValue) {
  const PrefixIndex index = BuildFrom(std::vector<PrefixValue>{
      Entry("192.0.2.0/24", PrefixIndex::kValueLimit - 1)});

  EXPECT_EQ(Lookup(index, "192.0.2.200"), PrefixIndex::kValueLimit - 1);
}

TEST(PrefixIndexTest, AnswersABatchOfMixedFamiliesOfAnySize) {
  const PrefixIndex index = BuildFrom(std::vector<PrefixValue>{
      Entry("192.0.2.0/24", 1), Entry("192.0.2.64/26", 2),
      Entry("2001:db8::/32", 3), Entry("2001:db8:0:0:ffff::/80", 4)});
  const std::vector<IpAddress> some = {
      IpAddress::Parse("192.0.2.1").value(),
      IpAddress::Parse("2001:db8::ffff:0:0:1").value(),
      IpAddress::Parse("192.0.2.65").value(),
      IpAddress::Parse("2001:db8::1").value(),
      IpAddress::Parse("198.51.100.1").value()};

  for (size_t size = 0; size <= 100; ++size) {
    std::vector<IpAddress> addresses;
    for (size_t i = 0; i < size; ++i) addresses.push_back(some[i % 5]);
    std::vector<uint32_t> values(size, 99);

    index.LookupBatch(addresses, values);

    const uint32_t expected[] = {1, 4, 2, 3, kAbsent};
    for (size_t i = 0; i < size; ++i) ASSERT_EQ(values[i], expected[i % 5]);
  }
}

// The index, one address at a time and in batches, and the map that it is built
// from, give what the definition gives: at every boundary and anywhere.
TEST(PrefixIndexTest, AgreesWithAScanOverRandomNestedPrefixes) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomPrefixes random(seed);

  for (int round = 0; round < 60; ++round) {
    const AddressFamily family =
        round % 2 == 0 ? AddressFamily::kIpv4 : AddressFamily::kIpv6;
    const std::vector<PrefixValue> prefixes =
        random.Set(family, 1 + random.Below(round < 50 ? 40 : 400));
    const IntervalMapV4 v4 = FlattenV4(prefixes, kAbsent);
    const IntervalMapV6 v6 = FlattenV6(prefixes, kAbsent);
    const PrefixIndex index = PrefixIndex::Build(v4, v6);

    std::vector<IpAddress> addresses;
    for (const PrefixValue& entry : prefixes) {
      for (const IpAddress& a : Boundaries(entry.prefix)) {
        addresses.push_back(a);
      }
      addresses.push_back(random.Address(family));
    }
    std::vector<uint32_t> values(addresses.size());
    index.LookupBatch(addresses, values);

    for (size_t i = 0; i < addresses.size(); ++i) {
      const IpAddress& address = addresses[i];
      const uint32_t expected = LookupByScan(prefixes, address);
      ASSERT_EQ(address.is_v4() ? v4.At(address.v4()) : v6.At(address.number()),
                expected)
          << address.ToString();
      ASSERT_EQ(index.Lookup(address), expected) << address.ToString();
      ASSERT_EQ(values[i], expected) << address.ToString();
    }
    for (size_t i = 1; i < v6.runs.size(); ++i) {
      ASSERT_LT(v6.runs[i - 1].first, v6.runs[i].first);
      ASSERT_NE(v6.runs[i - 1].value, v6.runs[i].value);
    }
  }
}

// Partitions whose runs begin where spans of some level do, or beside that:
// from a handful of runs to as many as make the largest tables of first nodes.
TEST(PrefixIndexTest, AgreesWithTheMapThatItIsBuiltFrom) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  RandomPartitions random(seed);

  for (const size_t run_count : {2, 5, 64, 500, 5'000, 40'000}) {
    const auto v4 = random.Partition<uint32_t>(run_count, 0);
    // Within a few of the first twelve bits, which have roots of their own.
    const auto v6 = random.Partition<Uint128>(run_count, 10);
    const PrefixIndex index = PrefixIndex::Build(v4, v6);

    std::vector<IpAddress> addresses;
    std::vector<uint32_t> expected;
    for (const auto& run : v4.runs) {
      for (const uint32_t at : {run.first - 1, run.first, run.first + 1}) {
        addresses.push_back(IpAddress::V4(at));
        expected.push_back(v4.At(at));
      }
    }
    for (const auto& run : v6.runs) {
      for (const Uint128 at : {run.first - 1, run.first, run.first + 1}) {
        addresses.push_back(IpAddress::V6(at));
        expected.push_back(v6.At(at));
      }
    }
    std::vector<uint32_t> values(addresses.size());
    index.LookupBatch(addresses, values);

    for (size_t i = 0; i < addresses.size(); ++i) {
      ASSERT_EQ(index.Lookup(addresses[i]), expected[i])
          << addresses[i].ToString() << " of " << run_count << " runs";
      ASSERT_EQ(values[i], expected[i])
          << addresses[i].ToString() << " of " << run_count << " runs";
    }
  }
}

// The database that ships, flattened and indexed, says of the first and last
// address of every prefix what libmaxminddb's own look-up says.
TEST(PrefixIndexTest, AgreesWithLibmaxminddbOnTheDatabaseThatShips) {
  const std::string path =
      std::string(OCTROI_BINARY_DIR) + "/share/octroi/dbip-country.mmdb";
  const auto file = MmdbFile::Open(path);
  if (absl::IsNotFound(file.status())) {
    GTEST_SKIP() << path << " is absent: build the target octroi_data";
  }
  ASSERT_TRUE(file.ok()) << file.status();
  const auto table = (*file)->WalkCountries();
  ASSERT_TRUE(table.ok()) << table.status();
  std::vector<PrefixValue> prefixes;
  for (const auto& [prefix, record] : table->entries) {
    prefixes.push_back({prefix, record + 1});
  }

  const PrefixIndex index = BuildFrom(prefixes);

  ASSERT_GT(prefixes.size(), 1'000'000u);
  EXPECT_LT(index.memory_bytes(), 12u << 20);
  const auto expect_same = [&](const IpAddress& address) {
    const auto found = (*file)->LookupCountry(address);
    ASSERT_TRUE(found.ok()) << found.status();
    const uint32_t value = index.Lookup(address);
    ASSERT_EQ(value != kAbsent, found->has_value()) << address.ToString();
    if (value == kAbsent) return;
    ASSERT_EQ(table->records[value - 1].code, (*found)->record.code)
        << address.ToString();
  };
  for (const auto& [prefix, value] : prefixes) {
    expect_same(AddressOf(prefix.family(), prefix.first()));
    expect_same(AddressOf(prefix.family(), prefix.last()));
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace octroi
