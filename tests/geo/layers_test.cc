// SPDX-License-Identifier: Apache-2.0
#include "geo/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "tests/support/facts_builder.h"
#include "tests/support/random_facts.h"

namespace octroi {
namespace {

using testing::Code;
using ::testing::ElementsAre;
using testing::Prefix;
using testing::RandomWorld;

TEST(LayersTest, VisitsEachRunInWhichNothingChanges) {
  const std::vector<PrefixValue> first = {{Prefix("128.0.0.0/1"), 7}};
  const std::vector<PrefixValue> second = {{Prefix("192.0.0.0/2"), 9}};
  std::vector<std::string> runs;

  ForEachRun<uint32_t>(
      {MakeLayer(first), MakeLayer(second)},
      [&](uint32_t from, uint32_t last, std::span<const uint32_t> values) {
        runs.push_back(
            fmt::format("{:x}-{:x}: {}", from, last, fmt::join(values, " ")));
      });

  EXPECT_THAT(runs, ElementsAre("0-7fffffff: 0 0", "80000000-bfffffff: 7 0",
                                "c0000000-ffffffff: 7 9"));
}

TEST(LayersTest, VisitsTheWholeOfAFamilyThatNoLayerSpeaksOf) {
  std::vector<Uint128> ends;
  ForEachRun<Uint128>({MakeLayer({})}, [&](Uint128 first, Uint128 last,
                                           std::span<const uint32_t> values) {
    EXPECT_EQ(values[0], 0u);
    ends.push_back(first);
    ends.push_back(last);
  });
  EXPECT_THAT(ends, ElementsAre(Uint128{0}, ~Uint128{0}));
}

TEST(LayersTest, MakeOfOrderedEntriesWhatTheyMakeOfPrefixes) {
  for (const std::vector<const char*>& texts :
       std::vector<std::vector<const char*>>{
           {},
           {"0.0.0.0/0", "::/0"},
           {"0.0.0.0/8", "1.0.0.0/8", "3.0.0.0/8", "255.0.0.0/8"},
           {"9.0.0.0/8", "::/16", "2001:db8::/32", "2001:db9::/32"},
           {"255.255.255.255/32", "ffff::/16"}}) {
    // Equal values of neighbours, and entries that say nothing.
    const std::vector<uint32_t> values = {5, 0, 5};
    HugePageVector<DatabaseEntry> entries;
    std::vector<PrefixValue> prefixes;
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto record = static_cast<uint32_t>(i % 3);
      entries.push_back({Prefix(texts[i]), record});
      prefixes.push_back({Prefix(texts[i]), values[record]});
    }

    const Layer layer = LayerOfEntries(entries, values);

    EXPECT_EQ(layer.v4.runs, MakeLayer(prefixes).v4.runs);
    EXPECT_EQ(layer.v6.runs, MakeLayer(prefixes).v6.runs);
  }
}

// Runs follow each other without gaps, and each has the values that a look-up
// in every layer gives.
TEST(LayersTest, AgreeWithALookUpInEachLayer) {
  RandomWorld random(17);
  for (int round = 0; round < 50; ++round) {
    std::vector<Layer> layers;
    for (int i = 0; i < 4; ++i) {
      std::vector<PrefixValue> prefixes;
      for (const IpPrefix& prefix : random.Prefixes(10)) {
        prefixes.push_back({prefix, static_cast<uint32_t>(random.Below(3))});
      }
      layers.push_back(MakeLayer(prefixes));
    }
    Uint128 next = 0;
    ForEachRun<Uint128>(layers, [&](Uint128 first, Uint128 last,
                                    std::span<const uint32_t> values) {
      ASSERT_EQ(first, next);
      ASSERT_LE(first, last);
      for (size_t i = 0; i < layers.size(); ++i) {
        ASSERT_EQ(values[i], layers[i].v6.At(first));
        ASSERT_EQ(values[i], layers[i].v6.At(last));
      }
      next = last + 1;
    });
    EXPECT_EQ(next, Uint128{0});  // Past the last address.
  }
}

TEST(CountryNumbersTest, NumberTheSameCountryOnceInAllLayers) {
  CountryNumbers numbers;

  EXPECT_EQ(numbers.NumberOf(CountryCode()), 0u);
  EXPECT_EQ(numbers.NumberOf(Code("FR")), 1u);
  EXPECT_EQ(numbers.NumberOf(Code("DE")), 2u);
  EXPECT_EQ(numbers.NumberOf(Code("FR")), 1u);
  EXPECT_EQ(numbers.code(2), Code("DE"));
}

}  // namespace
}  // namespace octroi
