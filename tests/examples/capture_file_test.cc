// SPDX-License-Identifier: Apache-2.0
#include "examples/capture_file.h"

#include <array>
#include <memory>

#include "dataplane/capture_reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi::example {
namespace {

using octroi::testing::TempDir;

CaptureOptions OneInterface() {
  CaptureOptions options;
  options.interfaces = {{"lan", "a test"}};
  options.snap_octets = 64;
  options.first_ns = 1'000;
  options.end_ns = 9'000;
  return options;
}

// The reader of the dataplane, written by others from the same specification.
TEST(CaptureFileTest, IsReadBackInTheOrderOfTimesAndCutToTheSnapLength) {
  TempDir folder;
  CaptureFile capture(OneInterface());
  capture.Add(0, 5'001, Bytes(1'400, 0xBB));
  capture.Add(0, 2'003, Bytes(60, 0xAA));
  const std::string path = folder.Write("a.pcapng", capture.Serialize());

  auto reader = CaptureReader::Open({path, {}});
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::array<Packet, 8> packets;
  const size_t count = (*reader)->Next(packets);

  ASSERT_EQ(count, 2u);
  EXPECT_EQ(packets[0].timestamp_ns, 2'003);
  EXPECT_EQ(packets[0].captured_octets, 60u);
  EXPECT_EQ(packets[0].data[0], 0xAA);
  EXPECT_EQ(packets[1].timestamp_ns, 5'001);
  EXPECT_EQ(packets[1].captured_octets, 64u);
  EXPECT_EQ(packets[1].wire_octets, 1'400u);
  EXPECT_EQ((*reader)->Next(packets), 0u);
  EXPECT_TRUE((*reader)->status().ok()) << (*reader)->status();
  EXPECT_FALSE((*reader)->summary().truncated);
  EXPECT_EQ((*reader)->summary().reported_drops, 0u);
}

TEST(CaptureFileTest, LeavesOutWhatWasNotObserved) {
  CaptureFile capture(OneInterface());

  capture.Add(0, 999, Bytes(60));
  capture.Add(0, 1'000, Bytes(60));
  capture.Add(0, 8'999, Bytes(60));
  capture.Add(0, 9'000, Bytes(60));

  EXPECT_EQ(capture.packet_count(), 2u);
}

}  // namespace
}  // namespace octroi::example
