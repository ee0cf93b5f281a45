// SPDX-License-Identifier: Apache-2.0
#include "geo/checksum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace octroi {
namespace {

std::vector<uint64_t> RandomWords(size_t count, std::mt19937_64* random) {
  std::vector<uint64_t> words(count);
  std::generate(words.begin(), words.end(), std::ref(*random));
  return words;
}

TEST(ChecksumTest, ChangesWithEveryBit) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (const size_t count : {1u, 3u, 4u, 5u, 8u, 11u}) {
    std::vector<uint64_t> words = RandomWords(count, &random);
    const uint64_t sum = ChecksumOf(words);
    for (size_t bit = 0; bit < 64 * count; ++bit) {
      const uint64_t mask = uint64_t{1} << (bit % 64);
      words[bit / 64] ^= mask;
      EXPECT_NE(ChecksumOf(words), sum) << bit << " of " << count;
      words[bit / 64] ^= mask;
    }
    EXPECT_EQ(ChecksumOf(words), sum);
  }
}

TEST(ChecksumTest, TellsLengthsOfZerosApart) {
  std::set<uint64_t> sums;
  for (size_t count = 0; count < 20; ++count) {
    sums.insert(ChecksumOf(std::vector<uint64_t>(count)));
  }
  EXPECT_EQ(sums.size(), 20u);
}

TEST(ChecksumTest, ChangesWhereTwoWordsChangePlaces) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const std::vector<uint64_t> words = RandomWords(11, &random);
  for (size_t i = 0; i < words.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      std::vector<uint64_t> swapped = words;
      std::swap(swapped[i], swapped[j]);
      EXPECT_NE(ChecksumOf(swapped), ChecksumOf(words)) << i << " " << j;
    }
  }
}

}  // namespace
}  // namespace octroi
