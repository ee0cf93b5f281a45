// SPDX-License-Identifier: Apache-2.0
#include "dataplane/accounts.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

#include "dataplane/mix.h"

namespace octroi {
namespace {

constexpr AccountIndex kNoAccount = UINT32_MAX;

// Every key that Fold can give.
constexpr size_t kFoldedAccountCount = size_t{kFlowDirectionCount} *
                                       static_cast<size_t>(Verdict::kCount) *
                                       kReasonCount;

AccountKey Fold(const AccountKey& key) {
  AccountKey folded;
  folded.attribution = kFoldedAttribution;
  folded.direction = key.direction;
  folded.judgement.verdict = key.judgement.verdict;
  folded.judgement.reason = key.judgement.reason;
  return folded;
}

// A key as two numbers in the same order.
std::pair<uint64_t, uint64_t> RankOf(const AccountKey& key) {
  static_assert(sizeof(key.workload) == 2 && sizeof(key.judgement) == 4);
  return {uint64_t{key.edition} << 32 | key.attribution,
          uint64_t{key.workload} << 40 |
              static_cast<uint64_t>(key.direction) << 32 |
              static_cast<uint64_t>(key.judgement.verdict) << 24 |
              static_cast<uint64_t>(key.judgement.reason) << 16 |
              key.judgement.exception};
}

}  // namespace

std::strong_ordering operator<=>(const AccountKey& x, const AccountKey& y) {
  return RankOf(x) <=> RankOf(y);
}

AccountTotals& AccountTotals::operator+=(const AccountTotals& other) {
  flows += other.flows;
  packets += other.packets;
  octets += other.octets;
  egress_packets += other.egress_packets;
  egress_octets += other.egress_octets;
  return *this;
}

AccountTotals Account::Read() const {
  AccountTotals totals;
  totals.flows = flows.Read();
  totals.packets = packets.Read();
  totals.octets = octets.Read();
  totals.egress_packets = egress_packets.Read();
  totals.egress_octets = egress_octets.Read();
  return totals;
}

Accounts::Accounts(const AccountsOptions& options, uint64_t seed)
    : capacity_limit_(options.capacity_limit) {
  for (uint64_t& secret : secrets_) secret = NextSecret(&seed);
  Grow(std::max<size_t>(options.initial_capacity, 1));
}

void Accounts::Reserve(size_t count) {
  const size_t needed =
      std::min(size() + count, capacity_limit_ + kFoldedAccountCount);
  while (accounts_.size() < needed) Grow(2 * accounts_.size());
}

AccountIndex Accounts::FindOrInsert(const AccountKey& key) {
  return FindOrInsert(key, Hash(key));
}

// In passes: touch the buckets, touch the accounts that they point to, compare.
// Keys that are not in their first bucket come last and in their order, so that
// what the next bucket points to is touched as well.
void Accounts::FindOrInsertBurst(std::span<const AccountKey> keys,
                                 std::span<AccountIndex> indexes) {
  assert(keys.size() == indexes.size() && keys.size() <= kMaxBurst);
  std::array<uint32_t, kMaxBurst> hashes;
  const size_t mask = buckets_.size() - 1;
  for (size_t i = 0; i < keys.size(); ++i) {
    hashes[i] = Hash(keys[i]);
    __builtin_prefetch(&buckets_[hashes[i] & mask]);
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    indexes[i] = buckets_[hashes[i] & mask];
    if (indexes[i] != kNoAccount) Prefetch(indexes[i]);
  }
  std::array<size_t, kMaxBurst> left;
  size_t left_count = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (indexes[i] != kNoAccount && accounts_[indexes[i]].key == keys[i]) {
      continue;
    }
    const AccountIndex next = buckets_[(hashes[i] + 1) & mask];
    if (next != kNoAccount) Prefetch(next);
    left[left_count++] = i;
  }
  for (const size_t i : std::span(left).first(left_count)) {
    indexes[i] = FindOrInsert(keys[i], hashes[i]);
  }
}

AccountIndex Accounts::FindOrInsert(const AccountKey& key, uint32_t hash) {
  const size_t mask = buckets_.size() - 1;
  size_t bucket = hash & mask;
  while (buckets_[bucket] != kNoAccount) {
    if (accounts_[buckets_[bucket]].key == key) return buckets_[bucket];
    bucket = (bucket + 1) & mask;
  }
  const bool is_folded = key.attribution == kFoldedAttribution;
  if (size() >= capacity_limit_ && !is_folded) {
    folded_count_.Add(1);
    return FindOrInsert(Fold(key));
  }
  return Insert(key, bucket);
}

AccountIndex Accounts::Insert(const AccountKey& key, size_t bucket) {
  const size_t index = size_.load(std::memory_order_relaxed);
  assert(index < accounts_.size());
  accounts_[index].key = key;
  buckets_[bucket] = static_cast<AccountIndex>(index);
  // Release: who sees the new size sees the key as well.
  size_.store(index + 1, std::memory_order_release);
  return static_cast<AccountIndex>(index);
}

uint32_t Accounts::Hash(const AccountKey& key) const {
  const auto [first, second] = RankOf(key);
  const uint64_t hash = MultiplyMix(
      MultiplyMix(first ^ secrets_[0], secrets_[1]) ^ second, secrets_[2]);
  return static_cast<uint32_t>(hash ^ (hash >> 32));
}

void Accounts::Grow(size_t capacity) {
  capacity = std::min(capacity, capacity_limit_ + kFoldedAccountCount);
  HugePageVector<Account> accounts(capacity);
  const size_t count = size();
  for (size_t i = 0; i < count; ++i) {
    accounts[i].key = accounts_[i].key;
    accounts[i].flows.Set(accounts_[i].flows.Read());
    accounts[i].packets.Set(accounts_[i].packets.Read());
    accounts[i].octets.Set(accounts_[i].octets.Read());
    accounts[i].egress_packets.Set(accounts_[i].egress_packets.Read());
    accounts[i].egress_octets.Set(accounts_[i].egress_octets.Read());
  }
  accounts_ = std::move(accounts);

  const size_t mask = std::bit_ceil(2 * capacity) - 1;
  buckets_.assign(mask + 1, kNoAccount);
  for (size_t i = 0; i < count; ++i) {
    size_t bucket = Hash(accounts_[i].key) & mask;
    while (buckets_[bucket] != kNoAccount) bucket = (bucket + 1) & mask;
    buckets_[bucket] = static_cast<AccountIndex>(i);
  }
}

// Sorted by rank before any row is made: there may be many thousand, and what
// is moved is smaller so.
AccountRows MergeAccounts(std::span<const Accounts* const> parts) {
  struct Ranked {
    std::pair<uint64_t, uint64_t> rank;
    const Account* account;
  };
  constexpr size_t kTouchedAhead = 8;
  size_t count = 0;
  for (const Accounts* part : parts) count += part->size();
  HugePageVector<Ranked> ranked;
  ranked.reserve(count);
  for (const Accounts* part : parts) {
    for (const Account& account : part->view()) {
      ranked.push_back({RankOf(account.key), &account});
    }
  }
  std::sort(ranked.begin(), ranked.end(),
            [](const Ranked& x, const Ranked& y) { return x.rank < y.rank; });
  AccountRows rows;
  rows.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    __builtin_prefetch(ranked[std::min(i + kTouchedAhead, count - 1)].account);
    const Account& account = *ranked[i].account;
    if (i > 0 && ranked[i - 1].rank == ranked[i].rank) {
      rows.back().totals += account.Read();
    } else {
      rows.push_back({account.key, account.Read()});
    }
  }
  return rows;
}

}  // namespace octroi
