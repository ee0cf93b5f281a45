// SPDX-License-Identifier: Apache-2.0
#include "dataplane/accounts.h"

#include <algorithm>
#include <vector>

#include "dataplane/limits.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

AccountKey Key(AttributionId attribution,
               FlowDirection direction = FlowDirection::kEgress,
               Verdict verdict = Verdict::kCompliant,
               Reason reason = Reason::kMeetsRequirement) {
  AccountKey key;
  key.attribution = attribution;
  key.workload = 0;
  key.direction = direction;
  key.judgement = {verdict, reason};
  return key;
}

TEST(AccountsTest, TellsEveryPartOfTheKeyApart) {
  std::vector<AccountKey> keys(8, Key(1));
  keys[1].edition = 1;
  keys[2].attribution = 2;
  keys[3].workload = 1;
  keys[4].direction = FlowDirection::kIngress;
  keys[5].judgement.verdict = Verdict::kViolation;
  keys[6].judgement.reason = Reason::kOutsideEu;
  keys[7].judgement.exception = 1;
  Accounts accounts({}, /*seed=*/5);

  for (const AccountKey& key : keys) accounts.FindOrInsert(key);

  EXPECT_EQ(accounts.size(), keys.size());
  for (uint32_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(accounts.FindOrInsert(keys[i]), i);
  }
}

TEST(AccountsTest, AddsPacketsAndTheirEgressPart) {
  Accounts accounts({}, 5);
  const AccountIndex index = accounts.FindOrInsert(Key(1));

  accounts.AddFlow(index);
  accounts.AddPacket(index, 100, /*is_egress=*/true);
  accounts.AddPacket(index, 1500, /*is_egress=*/false);

  const AccountTotals expected = {.flows = 1,
                                  .packets = 2,
                                  .octets = 1600,
                                  .egress_packets = 1,
                                  .egress_octets = 100};
  EXPECT_EQ(accounts.view()[index].Read(), expected);
}

TEST(AccountsTest, FindsTheAccountsOfABurst) {
  Accounts accounts({}, 5);
  const AccountIndex known = accounts.FindOrInsert(Key(7));
  const std::vector<AccountKey> keys = {Key(1), Key(7), Key(1), Key(2)};
  std::vector<AccountIndex> indexes(keys.size());

  accounts.FindOrInsertBurst(keys, indexes);

  EXPECT_EQ(indexes[1], known);
  EXPECT_EQ(indexes[2], indexes[0]) << "made by the same burst";
  EXPECT_EQ(accounts.size(), 3u);
  for (size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(accounts.view()[indexes[i]].key, keys[i]);
  }
}

// Few buckets, so that most keys are not in their first one.
TEST(AccountsTest, FindsInABurstWhatItFindsOneByOne) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const AccountsOptions options = {.initial_capacity = 60,
                                     .capacity_limit = 50};
    Accounts together(options, seed);
    Accounts one_by_one(options, seed);
    std::vector<AccountKey> keys;
    for (AttributionId id = 0; id < kMaxBurst; ++id) {
      keys.push_back(Key(id * id % 71));
    }
    std::vector<AccountIndex> indexes(keys.size());

    together.FindOrInsertBurst(keys, indexes);

    for (size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ(indexes[i], one_by_one.FindOrInsert(keys[i])) << "key " << i;
    }
    EXPECT_EQ(together.size(), one_by_one.size());
    EXPECT_EQ(together.has_folded(), one_by_one.has_folded());
  }
}

TEST(AccountsTest, KeepsWhatItHasWhenItGrows) {
  Accounts accounts({.initial_capacity = 1}, 5);
  for (AttributionId id = 0; id < 1000; ++id) {
    accounts.Reserve(1);
    const AccountIndex index = accounts.FindOrInsert(Key(id));
    accounts.AddFlow(index);
    accounts.AddPacket(index, id, true);
  }

  ASSERT_EQ(accounts.size(), 1000u);
  for (AttributionId id = 0; id < 1000; ++id) {
    EXPECT_EQ(accounts.FindOrInsert(Key(id)), id);
    EXPECT_EQ(accounts.view()[id].Read().octets, id);
    EXPECT_EQ(accounts.view()[id].Read().flows, 1u);
  }
}

// Above its limit the table stops telling places apart; direction, verdict
// and reason, which totals are made of, stay exact.
TEST(AccountsTest, FoldsAboveItsLimitAndLosesNoOctet) {
  constexpr AttributionId kCount = 500;
  Accounts accounts({.initial_capacity = 8, .capacity_limit = 10}, 5);
  for (AttributionId id = 0; id < kCount; ++id) {
    accounts.Reserve(2);
    accounts.AddPacket(accounts.FindOrInsert(Key(id)), 100, true);
    accounts.AddPacket(
        accounts.FindOrInsert(Key(id, FlowDirection::kEgress,
                                  Verdict::kViolation, Reason::kOutsideEu)),
        7, true);
  }

  EXPECT_TRUE(accounts.has_folded());
  EXPECT_EQ(accounts.size(), 10u + 2);
  uint64_t compliant = 0;
  uint64_t violation = 0;
  for (const Account& account : accounts.view()) {
    (account.key.judgement.verdict == Verdict::kCompliant ? compliant
                                                          : violation) +=
        account.Read().octets;
  }
  EXPECT_EQ(compliant, kCount * 100u);
  EXPECT_EQ(violation, kCount * 7u);
}

TEST(AccountsTest, HasRoomForEveryFoldedAccount) {
  Accounts accounts({.initial_capacity = 1, .capacity_limit = 1}, 5);
  for (int direction = 0; direction < kFlowDirectionCount; ++direction) {
    for (int verdict = 0; verdict < static_cast<int>(Verdict::kCount);
         ++verdict) {
      for (size_t reason = 0; reason < kReasonCount; ++reason) {
        accounts.Reserve(1);
        accounts.FindOrInsert(Key(9, static_cast<FlowDirection>(direction),
                                  static_cast<Verdict>(verdict),
                                  static_cast<Reason>(reason)));
      }
    }
  }
  EXPECT_EQ(accounts.size(), kFlowDirectionCount *
                                 static_cast<size_t>(Verdict::kCount) *
                                 kReasonCount);
}

TEST(MergeAccountsTest, AddsEqualKeysAndOrdersRows) {
  Accounts one({}, 5);
  Accounts two({}, 6);
  one.AddPacket(one.FindOrInsert(Key(3)), 10, true);
  one.AddPacket(one.FindOrInsert(Key(1)), 20, false);
  two.AddPacket(two.FindOrInsert(Key(2)), 40, true);
  two.AddPacket(two.FindOrInsert(Key(3)), 80, false);
  const Accounts* parts[] = {&one, &two};

  const AccountRows rows = MergeAccounts(parts);

  const AccountRows expected = {
      {Key(1), {.packets = 1, .octets = 20}},
      {Key(2),
       {.packets = 1, .octets = 40, .egress_packets = 1, .egress_octets = 40}},
      {Key(3),
       {.packets = 2, .octets = 90, .egress_packets = 1, .egress_octets = 10}},
  };
  EXPECT_EQ(rows, expected);
}

}  // namespace
}  // namespace octroi
