// SPDX-License-Identifier: Apache-2.0
// From the workers' accounts to series with a ceiling (metric_catalogue.h):
// what left for where, with whom, and what violated. An account is read in
// words once, when it is first met, and remembered by its place; from then on
// it costs a few additions.
//
// Names are given once and for the life of the process: first come, first
// named; of those that come at the same time violations first, then those with
// the most octets, whichever worker has them. What finds no name is added up
// under "other", so that every sum is that of the accounts, to the octet, and
// no series ever goes back.
//
// Thread safety: the caller's lock (metrics.h). What it returns borrows names
// from here, which live as long as this does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "agent/metric_catalogue.h"
#include "dataplane/accounts.h"
#include "policy/edition.h"

namespace octroi {

// The value of a label for what has no name of its own, and the workload of
// local addresses that no workload covers. Policies cannot use them
// (CheckPolicy).
inline constexpr std::string_view kOtherLabel = "other";
inline constexpr std::string_view kNoneLabel = "none";

// What an account is of, in the words of results.
struct AccountWords {
  std::string workload;  // "" for none.
  std::string location;  // DestinationView::location
  Regime regime = Regime::kUnknown;
  std::string operator_name;
  std::optional<int> seal;
};
// REQUIRES: `edition` judged the account's flows; it is not folded.
AccountWords WordsOf(const Edition& edition, const AccountKey& key);
// Never asked about folded accounts: they have no words.
using AccountReader = std::function<AccountWords(const AccountKey&)>;

struct LocationSeries {
  std::string_view workload;
  std::string_view opened_by;
  std::string_view verdict;
  std::string_view regime;
  std::string_view country;
  uint64_t flows = 0;
  uint64_t packets = 0;
  uint64_t octets = 0;
};

struct OperatorSeries {
  std::string_view workload;
  std::string_view verdict;
  std::string_view operator_name;
  uint64_t octets = 0;
};

// Every workload with a name, and "other", with every reason.
struct ViolationSeries {
  std::string_view workload;
  Reason reason = Reason::kCount;
  uint64_t flows = 0;
};

struct WorkloadSeal {
  std::string_view workload;
  std::optional<int> lowest;  // Nothing: none is known.
};

struct EgressSeriesValues {
  std::vector<LocationSeries> locations;
  std::vector<OperatorSeries> operators;
  std::vector<ViolationSeries> violations;
  std::vector<WorkloadSeal> seals;
  std::array<AccountTotals, kFlowDirectionCount> directions;
  // Combinations of labels without a series of their own. Beyond some 65,000
  // of them one may count again.
  uint64_t folded_count = 0;
};

class EgressSeries {
 public:
  explicit EgressSeries(AccountReader reader);
  EgressSeries(const EgressSeries&) = delete;
  EgressSeries& operator=(const EgressSeries&) = delete;

  // Gives the workloads of a policy their names, in its order. To be called
  // before accounts that were judged by it are read.
  void NameWorkloads(std::span<const Workload> workloads);
  // Whether a workload has a name of its own.
  bool IsNamed(const std::string& workload) const;

  // What was absorbed, and what these accounts hold now. `present`: all
  // accounts that may still change, and none that was absorbed.
  EgressSeriesValues Read(std::span<const Accounts* const> present);

  // Keeps the sums of accounts that no worker writes any more and that are
  // about to be freed.
  void Absorb(std::span<const Accounts* const> ended);

 private:
  // Indexes of names; 0 is "other" in each.
  struct Location {
    uint8_t workload = 0;
    bool is_opened_by_local = true;
    Verdict verdict = Verdict::kNotJudged;
    uint8_t regime = 0;
    uint16_t country = 0;

    friend bool operator==(const Location&, const Location&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Location& x) {
      return H::combine(std::move(h), x.workload, x.is_opened_by_local,
                        x.verdict, x.regime, x.country);
    }
  };
  struct Operator {
    uint8_t workload = 0;
    Verdict verdict = Verdict::kNotJudged;
    std::string name;

    friend bool operator==(const Operator&, const Operator&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Operator& x) {
      return H::combine(std::move(h), x.workload, x.verdict, x.name);
    }
  };
  using SeriesIndex = uint16_t;
  static constexpr SeriesIndex kNoSeries = UINT16_MAX;
  // Where an account is added.
  struct Target {
    SeriesIndex location = kNoSeries;
    SeriesIndex operator_series = kNoSeries;
    SeriesIndex violation = kNoSeries;
    FlowDirection direction = FlowDirection::kTransit;
  };
  struct LocationSum {
    uint64_t flows = 0;
    uint64_t packets = 0;
    uint64_t octets = 0;
  };
  static constexpr size_t kWorkloadSlots = kNamedWorkloads + 2;
  struct Sums {
    std::vector<LocationSum> locations;
    std::vector<uint64_t> operators;
    std::array<uint64_t, kWorkloadSlots * kReasonCount> violations{};
    std::array<AccountTotals, kFlowDirectionCount> directions{};
  };
  // An account whose location or operator has not been met before.
  struct Unplaced {
    Target* target;
    Location location;
    Operator operator_key;
    uint64_t octets;
  };

  void Resolve(std::span<const Accounts* const> all);
  void Resolve(const Account& account, Target* target,
               std::vector<Unplaced>* unplaced);
  void Place(std::vector<Unplaced>* unplaced);
  template <typename Key, typename KeyOf, typename PlaceOne>
  static void PlaceInOrder(std::span<const Unplaced> unplaced, KeyOf key_of,
                           PlaceOne place_one);
  SeriesIndex PlaceLocation(const Location& location);
  SeriesIndex PlaceOperator(const Operator& key);
  SeriesIndex FindOrAdd(const Location& location);
  SeriesIndex FindOrAdd(const Operator& key);
  uint8_t WorkloadSlot(const std::string& name) const;
  uint16_t CountryIndex(const std::string& name);
  void NoteSeal(const AccountKey& key, uint8_t workload,
                const std::optional<int>& seal);
  static void AddTo(Sums* sums, const Accounts& accounts,
                    std::span<const Target> targets);
  EgressSeriesValues ValuesOf(const Sums& sums) const;

  // Constant after construction.
  const AccountReader reader_;

  // Names by index. A deque: they stay where they are.
  std::deque<std::string> workloads_;
  absl::flat_hash_map<std::string, uint8_t> workload_slots_;
  absl::flat_hash_set<std::string> unnamed_workloads_;
  std::deque<std::string> countries_;
  absl::flat_hash_map<std::string, uint16_t> country_indexes_;
  std::array<std::optional<int>, kWorkloadSlots> seals_;

  // The series, in the order of naming, and where each key is added, as far as
  // remembered.
  std::vector<Location> locations_;
  absl::flat_hash_map<Location, SeriesIndex> location_indexes_;
  size_t named_location_count_ = 0;
  size_t country_folded_count_ = 0;
  std::deque<Operator> operators_;
  absl::flat_hash_map<Operator, SeriesIndex> operator_indexes_;
  size_t named_operator_count_ = 0;
  uint64_t folded_count_ = 0;

  // By the accounts' place, of those that are not absorbed.
  absl::flat_hash_map<const Accounts*, std::vector<Target>> targets_;
  Sums absorbed_;
};

}  // namespace octroi
