// SPDX-License-Identifier: Apache-2.0
#include "agent/connection_table.h"

#include <map>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const IpAddress kScraper = IpAddress::V4(0xC0000201);   // 192.0.2.1
const IpAddress kAttacker = IpAddress::V4(0xCB007101);  // 203.0.113.1

std::vector<int> DescriptorsOf(const std::vector<TrackedConnection*>& list) {
  std::vector<int> descriptors;
  for (const TrackedConnection* one : list) {
    descriptors.push_back(one->descriptor);
  }
  return descriptors;
}

TEST(ConnectionTableTest, ClosesTheOldestOfTheGreediestSource) {
  ConnectionTable table({.places = 4});
  table.Add(1, kScraper, 10);
  table.Add(2, kAttacker, 30);
  table.Add(3, kAttacker, 20);
  table.Add(4, kAttacker, 40);

  EXPECT_THAT(DescriptorsOf(table.MakeRoom(0)), IsEmpty());
  EXPECT_THAT(DescriptorsOf(table.MakeRoom(1)), ElementsAre(3));
  // What is doomed makes room once.
  EXPECT_THAT(DescriptorsOf(table.MakeRoom(1)), IsEmpty());
  EXPECT_THAT(DescriptorsOf(table.MakeRoom(2)), ElementsAre(2));
}

TEST(ConnectionTableTest, ClosesWhoeverMovedLongestAgoAmongEquals) {
  ConnectionTable table({.places = 2});
  TrackedConnection* const first = table.Add(1, kScraper, 10);
  table.Add(2, kScraper, 20);

  table.RequestComplete(first, 30);
  table.AnswerBegins(first, 100, 31);
  table.AnswerSent(first, 32);

  EXPECT_THAT(DescriptorsOf(table.MakeRoom(1)), ElementsAre(2));
}

TEST(ConnectionTableTest, ClosesNobodyWhoseAnswerIsBeingMade) {
  ConnectionTable table({.places = 2});
  table.RequestComplete(table.Add(1, kAttacker, 10), 11);
  table.Add(2, kAttacker, 20);

  EXPECT_THAT(DescriptorsOf(table.MakeRoom(2)), ElementsAre(2));
  EXPECT_THAT(DescriptorsOf(table.TakeExpired(INT64_MAX)), IsEmpty());
}

// The promise: one client is not closed for others, however many there are, as
// long as its own address is not the greediest.
TEST(ConnectionTableTest, KeepsTheOnlyClientOfAnAddressThroughAnyFlood) {
  ConnectionTable table({.places = 128});
  std::mt19937 random(7);
  table.Add(0, kScraper, 0);
  for (int i = 1; i < 4'000; ++i) {
    // 32 addresses attack.
    const IpAddress source = IpAddress::V4(0xCB007100 + random() % 32);
    for (const TrackedConnection* one : table.MakeRoom(1)) {
      ASSERT_NE(one->descriptor, 0);
      table.Remove(one->descriptor);
    }
    TrackedConnection* const added = table.Add(i, source, i);
    if (random() % 3 == 0) table.RequestComplete(added, i);
    if (random() % 2 == 0 && added->phase == ConnectionPhase::kWorking) {
      table.AnswerBegins(added, random() % 1000, i);
    }
    // Answers are made in time.
    if (i >= 64) {
      TrackedConnection* const earlier = table.Find(i - 64);
      if (earlier != nullptr && earlier->phase == ConnectionPhase::kWorking) {
        table.AnswerBegins(earlier, 10, i);
      }
    }
    ASSERT_LE(table.size(), 128u);
  }
}

// Of one address: not before as many newer ones have come as there are places.
TEST(ConnectionTableTest, KeepsANewcomerUntilAllPlacesHaveGoneToNewerOnes) {
  constexpr size_t kPlaces = 16;
  ConnectionTable table({.places = kPlaces});
  std::map<int, int> lived;
  for (int i = 0; i < 1000; ++i) {
    for (const TrackedConnection* one : table.MakeRoom(1)) {
      EXPECT_EQ(i - one->descriptor, static_cast<int>(kPlaces));
      table.Remove(one->descriptor);
    }
    table.Add(i, kScraper, i);
  }
}

TEST(ConnectionTableTest, LetsInTheNewestOfTheSourceThatHoldsTheFewest) {
  ConnectionTable table({.places = 16});
  for (int i = 1; i <= 4; ++i) table.Add(i, kAttacker, i);
  table.Add(10, kScraper, 0);

  EXPECT_THAT(DescriptorsOf(table.LetIn(3)), ElementsAre(10, 4, 3));
  EXPECT_TRUE(table.has_arrivals());
  EXPECT_THAT(DescriptorsOf(table.LetIn(3)), ElementsAre(2, 1));
  EXPECT_FALSE(table.has_arrivals());
  EXPECT_THAT(table.LetIn(3), IsEmpty());
}

// A burst costs whoever comes after it no more than the few that are let in.
TEST(ConnectionTableTest, LetsInAtOnceWhoComesAfterABurst) {
  ConnectionTable table({.places = 128});
  for (int i = 0; i < 1000; ++i) {
    for (const TrackedConnection* one : table.MakeRoom(1)) {
      table.Remove(one->descriptor);
    }
    table.Add(i, kAttacker, i);
  }
  EXPECT_THAT(DescriptorsOf(table.LetIn(1)), ElementsAre(999));
}

TEST(ConnectionTableTest, EndsEachPhaseAtItsDeadline) {
  ConnectionTable table(
      {.first_request_ns = 10, .next_request_ns = 50, .sending_ns = 20});
  EXPECT_EQ(table.next_deadline_ns(), std::nullopt);
  TrackedConnection* const one = table.Add(1, kScraper, 100);
  EXPECT_EQ(table.next_deadline_ns(), 110);
  table.LetIn(1);

  table.RequestComplete(one, 105);
  EXPECT_EQ(table.next_deadline_ns(), std::nullopt);
  table.AnswerBegins(one, 1, 200);
  EXPECT_EQ(table.next_deadline_ns(), 220);
  table.AnswerSent(one, 210);

  EXPECT_EQ(table.next_deadline_ns(), 260);
  EXPECT_TRUE(one->is_idle());
  EXPECT_THAT(table.TakeExpired(259), IsEmpty());
  EXPECT_THAT(DescriptorsOf(table.TakeExpired(260)), ElementsAre(1));
  EXPECT_THAT(table.TakeExpired(261), IsEmpty());
}

TEST(ConnectionTableTest, BoundsTheAnswersThatNobodyTakes) {
  ConnectionTable table({.answer_bytes = 250});
  for (int i = 1; i <= 3; ++i) {
    TrackedConnection* const one = table.Add(i, kAttacker, i);
    table.RequestComplete(one, 10 * i);
    table.AnswerBegins(one, 100, 100);
  }

  EXPECT_EQ(table.answer_bytes(), 300u);
  EXPECT_THAT(DescriptorsOf(table.MakeRoomForAnswers()), ElementsAre(1));
  EXPECT_THAT(table.MakeRoomForAnswers(), IsEmpty());
  table.Remove(1);
  EXPECT_EQ(table.answer_bytes(), 200u);
  table.AnswerSent(table.Find(2), 200);
  EXPECT_EQ(table.answer_bytes(), 100u);
}

TEST(ConnectionTableTest, TakesANetworkOfIpv6ForOneSource) {
  const auto source = [](const char* text) {
    return SourceOf(IpAddress::Parse(text).value());
  };

  EXPECT_EQ(source("2001:db8::1"), source("2001:db8::ffff:2"));
  EXPECT_NE(source("2001:db8::1"), source("2001:db8:0:1::1"));
  EXPECT_EQ(source("::ffff:192.0.2.1"), kScraper);
  EXPECT_EQ(source("192.0.2.1"), kScraper);
}

}  // namespace
}  // namespace octroi
