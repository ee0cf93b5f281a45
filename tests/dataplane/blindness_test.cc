// SPDX-License-Identifier: Apache-2.0
#include "dataplane/blindness.h"

#include "gtest/gtest.h"

namespace octroi {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kSecond = 1000 * kMs;

class BlindnessTest : public ::testing::Test {
 protected:
  BlindnessTest() {
    SetLosses(0);
    sighting_.status.interface_packets = 0;
  }

  void SetLosses(uint64_t packets) {
    sighting_.status.losses
        .packets[static_cast<size_t>(LossPlace::kKernelRing)] = packets;
  }
  BlindnessChange At(int64_t ns) { return tracker_.Observe(ns, sighting_); }
  // Observes four times a second, packets arriving, until `ns`.
  void Pass(int64_t from_ns, int64_t until_ns) {
    for (int64_t ns = from_ns; ns <= until_ns; ns += 250 * kMs) {
      sighting_.received_packets += 1;
      At(ns);
    }
  }

  PointSighting sighting_;
  BlindnessTracker tracker_{0};
};

TEST_F(BlindnessTest, SeesEverythingAsLongAsNothingIsLost) {
  Pass(250 * kMs, 10 * kSecond);

  EXPECT_FALSE(tracker_.open());
  EXPECT_EQ(tracker_.blind_ns(), 0);
}

TEST_F(BlindnessTest, OpensWithTheFirstLossAndReachesBackToTheLastGoodSight) {
  At(1000 * kMs);
  SetLosses(7);
  const BlindnessChange change = At(1250 * kMs);

  ASSERT_TRUE(change.opened);
  EXPECT_EQ(change.opened->from_ns, 1000 * kMs);
  EXPECT_EQ(change.opened->until_ns, 1250 * kMs);
  EXPECT_EQ(change.opened->cause, BlindCause::kLoss);
  EXPECT_EQ(change.opened->lost_packets, 7u);
  EXPECT_EQ(tracker_.blind_ns(), 250 * kMs);
}

TEST_F(BlindnessTest, ClosesAfterAQuietSecondAndCountsOnlyWhatWasBlind) {
  At(1000 * kMs);
  SetLosses(7);
  At(1250 * kMs);
  SetLosses(9);
  At(1500 * kMs);

  EXPECT_FALSE(At(2250 * kMs).closed);
  const BlindnessChange change = At(2500 * kMs);

  ASSERT_TRUE(change.closed);
  EXPECT_EQ(change.closed->from_ns, 1000 * kMs);
  EXPECT_EQ(change.closed->until_ns, 1500 * kMs);
  EXPECT_EQ(change.closed->lost_packets, 9u);
  EXPECT_EQ(tracker_.blind_ns(), 500 * kMs);
  EXPECT_FALSE(tracker_.open());
}

TEST_F(BlindnessTest, IsBlindWhileTheLinkIsDownOrGone) {
  for (const auto& [state, cause] :
       {std::pair(PointState::kDown, BlindCause::kDown),
        std::pair(PointState::kGone, BlindCause::kGone),
        std::pair(PointState::kLost, BlindCause::kGone)}) {
    BlindnessTracker tracker(0);
    PointSighting sighting;
    sighting.status.state = state;

    const BlindnessChange change = tracker.Observe(kSecond, sighting);

    ASSERT_TRUE(change.opened);
    EXPECT_EQ(change.opened->cause, cause);
    EXPECT_EQ(tracker.blind_ns(), kSecond);
  }
}

TEST_F(BlindnessTest, DoesNotCloseBetweenLossesThatAreLessThanASecondApart) {
  for (int i = 1; i <= 20; ++i) {
    if (i % 3 == 0) SetLosses(static_cast<uint64_t>(i));
    EXPECT_FALSE(At(i * 250 * kMs).closed);
  }
}

TEST_F(BlindnessTest, IsDeafWhereTheInterfaceCountsWhatDoesNotArrive) {
  sighting_.received_packets = 5;
  sighting_.status.interface_packets = 5;
  At(1 * kSecond);
  sighting_.status.interface_packets = 50;

  EXPECT_FALSE(At(2 * kSecond).opened) << "it may still be in the ring";
  const BlindnessChange change = At(3 * kSecond);

  ASSERT_TRUE(change.opened);
  EXPECT_EQ(change.opened->cause, BlindCause::kDeaf);
}

TEST_F(BlindnessTest, IsNotDeafWhereAFilterKeepsPacketsAway) {
  sighting_.receives_everything = false;
  sighting_.received_packets = 5;
  sighting_.status.interface_packets = 5;
  At(1 * kSecond);
  sighting_.status.interface_packets = 50;

  EXPECT_FALSE(At(9 * kSecond).opened);
}

TEST_F(BlindnessTest, NoticesSilenceOnALinkThatHadTraffic) {
  sighting_.received_packets = 5;
  At(1 * kSecond);

  EXPECT_FALSE(At(30 * kSecond).fell_silent);
  EXPECT_TRUE(At(31 * kSecond).fell_silent);
  EXPECT_FALSE(At(32 * kSecond).fell_silent) << "once";
  EXPECT_EQ(tracker_.blind_ns(), 0) << "silence is not blindness";
  sighting_.received_packets = 6;
  EXPECT_TRUE(At(33 * kSecond).spoke_again);
  EXPECT_FALSE(tracker_.is_silent());
}

TEST_F(BlindnessTest, DoesNotCallALinkSilentThatNeverHadTraffic) {
  EXPECT_FALSE(At(100 * kSecond).fell_silent);
}

TEST_F(BlindnessTest, IsBlindWhileAWorkerIsStalled) {
  sighting_.is_stalled = true;

  EXPECT_EQ(At(kSecond).opened->cause, BlindCause::kStalled);
}

TEST_F(BlindnessTest, ClosesWhatIsOpenAtTheEnd) {
  SetLosses(3);
  At(250 * kMs);

  const BlindnessChange change = tracker_.Finish(500 * kMs);

  ASSERT_TRUE(change.closed);
  EXPECT_EQ(change.closed->lost_packets, 3u);
  EXPECT_EQ(tracker_.blind_ns(), 250 * kMs);
  EXPECT_FALSE(tracker_.Finish(500 * kMs).closed);
}

TEST(LossTotalsTest, TellsNotKnownFromZero) {
  LossTotals totals;
  totals.packets[static_cast<size_t>(LossPlace::kNic)] = 0;

  EXPECT_EQ(totals.at(LossPlace::kNic), 0u);
  EXPECT_FALSE(totals.at(LossPlace::kMempool));
  EXPECT_EQ(totals.known(), 0u);
}

}  // namespace
}  // namespace octroi
