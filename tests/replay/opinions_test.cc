// SPDX-License-Identifier: Apache-2.0
// The embedded country database beside Debian's tor-geoipdb, over the whole
// address space: the figure that the design was made with.
#include "geo/opinions.h"

#include <filesystem>

#include "config/facts.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

constexpr char kTorV4[] = "/usr/share/tor/geoip";
constexpr char kTorV6[] = "/usr/share/tor/geoip6";

double ShareOf(Uint128 part, Uint128 whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

TEST(OpinionsOfTheWorldTest, DifferOnTheUnionForLessThanAHundredthOfTheSpace) {
  if (!std::filesystem::exists(kTorV4) || !std::filesystem::exists(kTorV6)) {
    GTEST_SKIP() << "tor-geoipdb is not installed";
  }
  FactsOptions options;
  options.embedded_dir = OCTROI_BINARY_DIR "/share/octroi";
  options.country = {EmbeddedCountryFile(options), kTorV4, kTorV6};
  const auto facts = LoadFacts(options);
  ASSERT_TRUE(facts.ok()) << facts.status();

  const auto comparison =
      CompareOpinions(**facts, *ParseDay("2026-06-25"), [](double) {});

  ASSERT_TRUE(comparison.ok()) << comparison.status();
  const OpinionPair& v4 = comparison->v4.pairs[0];
  const double disputed = ShareOf(v4.eu_and_not, v4.both_answer);
  // Measured 0.78 % with the data of June 2026; both files change over time.
  EXPECT_GT(disputed, 0.002);
  EXPECT_LT(disputed, 0.02);
  // Most of the space is answered by both, and alike.
  EXPECT_GT(ShareOf(v4.both_answer, comparison->v4.counted), 0.9);
  EXPECT_GT(ShareOf(v4.one_country, v4.both_answer), 0.9);
  EXPECT_TRUE(v4.one_country + v4.one_regime + v4.other_regime ==
              v4.both_answer);
  // Tor's IPv6 file says nothing of IPv4, and the other way round.
  EXPECT_TRUE(comparison->v4.pairs[1].both_answer == 0);
  EXPECT_TRUE(comparison->v6.pairs[0].both_answer == 0);
  EXPECT_TRUE(comparison->v6.pairs[1].both_answer > 0);
}

}  // namespace
}  // namespace octroi
