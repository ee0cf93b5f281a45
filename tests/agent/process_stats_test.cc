// SPDX-License-Identifier: Apache-2.0
#include "agent/process_stats.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"

namespace octroi {
namespace {

// After the name, the fields of proc(5) from the third on; 20 is threads, 22
// the start, 23 virtual bytes, 24 resident pages.
constexpr char kFields[] =
    " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 7 18 4711 12345678 321 99";

TEST(ParseStatTest, ReadsTheFieldsBehindAnyName) {
  for (const std::string name :
       {"octroi", "a b", "x) S 1 2 3 (y", "))) (", ""}) {
    const auto fields = ParseStat("42 (" + name + ")" + kFields + "\n");

    ASSERT_TRUE(fields.has_value()) << name;
    EXPECT_EQ(fields->threads, 7u) << name;
    EXPECT_EQ(fields->start_ticks, 4711u) << name;
    EXPECT_EQ(fields->virtual_bytes, 12345678u) << name;
    EXPECT_EQ(fields->resident_pages, 321u) << name;
  }
}

TEST(ParseStatTest, RefusesWhatIsNotSuchALine) {
  for (const std::string text :
       {"", "42 octroi S 1", "42 (octroi", "42 (octroi) S 1 2 3",
        "42 (octroi) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 x 18 1 2 3",
        "42 (octroi) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 7 18 1 2 -3"}) {
    EXPECT_FALSE(ParseStat(text).has_value()) << text;
  }
}

TEST(ProcessReaderTest, SeesThisProcess) {
  ProcessReader reader;
  const ProcessStats before = reader.Read();
  const int one_more = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const ProcessStats after = reader.Read();
  close(one_more);

  ASSERT_TRUE(before.open_fds && after.open_fds);
  EXPECT_EQ(*after.open_fds, *before.open_fds + 1);
  EXPECT_GE(*after.max_fds, *after.open_fds);
  EXPECT_GE(*after.threads, 1u);
  EXPECT_GT(*after.resident_bytes, 0u);
  EXPECT_GE(*after.virtual_bytes, *after.resident_bytes);
  EXPECT_GE(*after.cpu_seconds, *before.cpu_seconds);
  const double now = static_cast<double>(time(nullptr));
  EXPECT_LE(*after.start_time_seconds, now + 1);
  EXPECT_GT(*after.start_time_seconds, now - 86'400);
}

}  // namespace
}  // namespace octroi
