// SPDX-License-Identifier: Apache-2.0
#include "dataplane/huge_array.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

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

// As mincore sees it: pages that the kernel has given.
size_t ResidentPages(const void* data, size_t bytes) {
  constexpr size_t kPageBytes = 4096;
  std::vector<unsigned char> pages(bytes / kPageBytes);
  if (::mincore(const_cast<void*>(data), bytes, pages.data()) != 0) return 0;
  return static_cast<size_t>(
      std::count_if(pages.begin(), pages.end(),
                    [](unsigned char page) { return (page & 1) != 0; }));
}

TEST(HugeArrayTest, HasItsMemoryFromTheStartIfAsked) {
  constexpr size_t kBytes = size_t{8} << 20;
  HugeArray<uint8_t> later(kBytes);
  HugeArray<uint8_t> at_once(kBytes, /*is_prefaulted=*/true);

  EXPECT_EQ(ResidentPages(at_once.data(), kBytes), kBytes / 4096);
  EXPECT_EQ(ResidentPages(later.data(), kBytes), 0u);
  EXPECT_EQ(at_once[kBytes - 1], 0);
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
