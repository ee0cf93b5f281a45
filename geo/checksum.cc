// SPDX-License-Identifier: Apache-2.0
#include "geo/checksum.h"

#include <array>
#include <bit>
#include <cstddef>

namespace octroi {
namespace {

// A bijection of the sum for a given word, and of the word for a given sum: two
// sums that differ stay different over the same words. Odd, so that it has an
// inverse: 2^64 divided by the golden ratio, whose bits follow no pattern.
uint64_t AddWord(uint64_t sum, uint64_t word) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  return std::rotl(sum ^ word, 29) * kOdd;
}

}  // namespace

// Four sums at a time: each waits for its own multiplication.
uint64_t ChecksumOf(std::span<const uint64_t> words) {
  std::array<uint64_t, 4> sums = {1, 2, 3, 4};
  size_t i = 0;
  for (; i + sums.size() <= words.size(); i += sums.size()) {
    for (size_t lane = 0; lane < sums.size(); ++lane) {
      sums[lane] = AddWord(sums[lane], words[i + lane]);
    }
  }
  uint64_t sum = words.size();
  for (; i < words.size(); ++i) sum = AddWord(sum, words[i]);
  for (const uint64_t lane : sums) sum = AddWord(sum, lane);
  return sum;
}

}  // namespace octroi
