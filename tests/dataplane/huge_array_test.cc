// SPDX-License-Identifier: Apache-2.0
#include "dataplane/huge_array.h"

#include <cstdint>
#include <utility>

#include "gtest/gtest.h"

namespace octroi {
namespace {

TEST(HugeArrayTest, IsZeroAtFirst) {
  const HugeArray<uint64_t> array(1'000'000);

  ASSERT_EQ(array.size(), 1'000'000u);
  for (size_t i = 0; i < array.size(); ++i) ASSERT_EQ(array[i], 0u);
}

TEST(HugeArrayTest, KeepsWhatIsNotDropped) {
  HugeArray<uint64_t> array(1'000'000);
  for (size_t i = 0; i < array.size(); ++i) array[i] = i;

  array.DropFirst(array.size() / 2);

  for (size_t i = array.size() / 2; i < array.size(); ++i) {
    ASSERT_EQ(array[i], i);
  }
}

TEST(HugeArrayTest, IsEmptyWhereThereIsNoMemory) {
  const HugeArray<uint64_t> none(0);
  const HugeArray<uint64_t> too_large(SIZE_MAX / 2 / sizeof(uint64_t));

  EXPECT_TRUE(none.is_empty());
  EXPECT_TRUE(too_large.is_empty());
}

TEST(HugeArrayTest, MovesWithItsContent) {
  HugeArray<uint64_t> from(10);
  from[3] = 5;

  const HugeArray<uint64_t> to = std::move(from);

  ASSERT_EQ(to.size(), 10u);
  EXPECT_EQ(to[3], 5u);
}

}  // namespace
}  // namespace octroi
