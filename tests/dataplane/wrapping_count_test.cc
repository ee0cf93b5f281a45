// SPDX-License-Identifier: Apache-2.0
#include "dataplane/wrapping_count.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace octroi {
namespace {

TEST(WrappingCountTest, CountsOnAcrossWrapsAndResets) {
  struct Case {
    const char* what;
    uint64_t first;
    std::vector<uint64_t> readings;
    uint64_t count;
  };
  const Case cases[] = {
      {"nothing happens", 7, {7, 7}, 0},
      {"what came before does not count", 1000, {1010, 1015}, 15},
      {"32 bits wrap", UINT32_MAX - 1, {UINT32_MAX, 0, 3}, 5},
      {"32 bits wrap twice",
       0,
       {UINT32_MAX, 4, UINT32_MAX, 0},
       2 * (uint64_t{UINT32_MAX} + 1)},
      {"a reset of a small count", 500, {700, 20, 30}, 200 + 30},
      {"a reset above 32 bits",
       0,
       {uint64_t{1} << 33, 9},
       (uint64_t{1} << 33) + 9},
      {"64 bits go on where 32 end", UINT32_MAX, {uint64_t{UINT32_MAX} + 6}, 6},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    WrappingCount count(c.first);

    for (const uint64_t reading : c.readings) count.Update(reading);

    EXPECT_EQ(count.count(), c.count);
  }
}

}  // namespace
}  // namespace octroi
