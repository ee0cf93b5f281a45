// SPDX-License-Identifier: Apache-2.0
// Step 5, account: the sums that survive the flow records. Every accounted
// packet is added to exactly one account, whether or not its flow has a record,
// so that the sum over all accounts is what was accounted. What a record counts
// reaches its account when the worker settles it (worker.h).
//
// Thread safety: one worker writes. Any thread may read the counters of
// accounts below size() of a table that does not grow (live); a table that
// grows (replay) is read when its worker has ended.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "dataplane/counter.h"
#include "dataplane/flow_record.h"
#include "dataplane/limits.h"
#include "geo/huge_pages.h"
#include "policy/terms.h"

namespace octroi {

// Index of an account in Accounts: below 2^31.
using AccountIndex = uint32_t;

// Stands for an attribution that an account no longer tells: see Accounts.
inline constexpr AttributionId kFoldedAttribution = UINT32_MAX;

// What an account is of. Ordered as results list accounts.
struct AccountKey {
  uint32_t edition = 0;  // Edition::index
  AttributionId attribution = 0;
  WorkloadId workload = kNoWorkload;
  FlowDirection direction = FlowDirection::kTransit;
  Judgement judgement;

  friend bool operator==(const AccountKey&, const AccountKey&) = default;
  friend std::strong_ordering operator<=>(const AccountKey& x,
                                          const AccountKey& y);
};
static_assert(std::is_trivially_copyable_v<AccountKey>);

// What an account says, as plain numbers.
struct AccountTotals {
  uint64_t flows = 0;  // Records started.
  // Both directions of the flows.
  uint64_t packets = 0;
  uint64_t octets = 0;
  // The part that a local address sent to a remote one, whoever opened the
  // flow; 0 for internal and transit flows.
  uint64_t egress_packets = 0;
  uint64_t egress_octets = 0;

  AccountTotals& operator+=(const AccountTotals& other);
  friend bool operator==(const AccountTotals&, const AccountTotals&) = default;
};

// One account in a result.
struct AccountRow {
  AccountKey key;
  AccountTotals totals;

  friend bool operator==(const AccountRow&, const AccountRow&) = default;
};
using AccountRows = HugePageVector<AccountRow>;

// One account in a worker.
struct alignas(64) Account {
  AccountKey key;
  Counter flows;
  Counter packets;
  Counter octets;
  Counter egress_packets;
  Counter egress_octets;

  AccountTotals Read() const;
};
static_assert(sizeof(Account) == 64, "one cache line");

struct AccountsOptions {
  size_t initial_capacity = 1024;
  // Accounts above this are folded: their attribution, workload, edition and
  // exception are no longer told, direction, verdict and reason still are.
  size_t capacity_limit = size_t{1} << 20;

  // All memory from the start: accounts that do not grow.
  static constexpr AccountsOptions Fixed(size_t limit) {
    return {.initial_capacity = SIZE_MAX, .capacity_limit = limit};
  }
};

class Accounts {
 public:
  Accounts(const AccountsOptions& options, uint64_t seed);

  // Makes room for `count` accounts more, as far as the limit allows. May
  // allocate: not within a burst.
  void Reserve(size_t count);

  // The account of `key`, made if it is not there.
  // REQUIRES: room was reserved. Hot path, for new flows only.
  AccountIndex FindOrInsert(const AccountKey& key);

  // The same for each key. Cache misses of the burst overlap. Hot path.
  // REQUIRES: keys.size() == indexes.size() <= kMaxBurst; room was reserved.
  void FindOrInsertBurst(std::span<const AccountKey> keys,
                         std::span<AccountIndex> indexes);

  // REQUIRES of what follows: index came from FindOrInsert.
  void AddFlow(AccountIndex index) { accounts_[index].flows.Add(1); }
  void AddPacket(AccountIndex index, uint32_t octets, bool is_egress) {
    Add(index, {.packets = 1,
                .octets = octets,
                .egress_packets = is_egress ? uint64_t{1} : 0,
                .egress_octets = is_egress ? octets : 0});
  }
  void Add(AccountIndex index, const AccountTotals& more) {
    Account& account = accounts_[index];
    account.flows.Add(more.flows);
    account.packets.Add(more.packets);
    account.octets.Add(more.octets);
    account.egress_packets.Add(more.egress_packets);
    account.egress_octets.Add(more.egress_octets);
  }
  // Touches the account, so that Add need not wait. Hot path.
  void Prefetch(AccountIndex index) const {
    __builtin_prefetch(&accounts_[index], /*rw=*/1);
  }

  size_t size() const { return size_.load(std::memory_order_acquire); }
  std::span<const Account> view() const { return {accounts_.data(), size()}; }
  // Whether an account had to be folded.
  bool has_folded() const { return folded_count_.Read() != 0; }

 private:
  uint32_t Hash(const AccountKey& key) const;
  AccountIndex FindOrInsert(const AccountKey& key, uint32_t hash);
  AccountIndex Insert(const AccountKey& key, size_t bucket);
  void Grow(size_t capacity);

  std::array<uint64_t, 3> secrets_;
  const size_t capacity_limit_;
  // Dense, in order of making, with room for more; never moves unless it grows.
  HugePageVector<Account> accounts_;
  std::atomic<size_t> size_{0};
  std::vector<AccountIndex> buckets_;  // Linear probing.
  Counter folded_count_;               // FindOrInsert calls that were folded.
};

// The accounts of one worker for what the editions of one provider judged: of
// the outermost IP layers, and of the innermost ones of tunnels, which are the
// same packets once more, never to be added to the first.
struct Books {
  Books(const AccountsOptions& outer_options,
        const AccountsOptions& tunnelled_options, uint64_t seed)
      : outer(outer_options, seed), tunnelled(tunnelled_options, seed) {}

  Accounts outer;
  Accounts tunnelled;
};

// The rows of several workers' accounts as one list: equal keys are added,
// ordered by key. Control path.
AccountRows MergeAccounts(std::span<const Accounts* const> parts);

}  // namespace octroi
