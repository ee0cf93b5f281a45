// SPDX-License-Identifier: Apache-2.0
#include "config/suggest.h"

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

namespace octroi {
namespace {

constexpr std::string_view kKeys[] = {"interface", "dpdk", "file"};

TEST(SuggestTest, FindsTheWordThatWasMeant) {
  const struct {
    const char* word;
    const char* nearest;
  } cases[] = {
      {"interfaec", "interface"},   // Two letters swapped.
      {"interfce", "interface"},    // One left out.
      {"interfaces", "interface"},  // One too many.
      {"INTERFACE", "interface"},   // Another case.
      {"ifnterfcae", "interface"},  // Two errors.
      {"dpkd", "dpdk"},
      {"fil", "file"},
      {"pcap", ""},  // Nothing like it.
      {"x", ""},
      {"", ""},
  };
  for (const auto& [word, nearest] : cases) {
    EXPECT_EQ(NearestWord(word, kKeys), nearest) << word;
  }
}

TEST(SuggestTest, DoesNotCompareEndlessWords) {
  EXPECT_EQ(NearestWord(std::string(1 << 20, 'a'), kKeys), "");
}

TEST(SuggestTest, ListsTheKnownWords) {
  EXPECT_EQ(UnknownWord("key", "interfaec", kKeys),
            "unknown key \"interfaec\"; did you mean \"interface\"? known "
            "keys: interface, dpdk, file");
  EXPECT_EQ(UnknownWord("key", "pcap", kKeys),
            "unknown key \"pcap\"; known keys: interface, dpdk, file");
}

TEST(SuggestTest, WritesAChoice) {
  const std::vector<std::string_view> one = {"eu"};

  EXPECT_EQ(OneOf(kKeys), "interface, dpdk or file");
  EXPECT_EQ(OneOf(one), "eu");
  EXPECT_EQ(OneOf({}), "");
}

}  // namespace
}  // namespace octroi
