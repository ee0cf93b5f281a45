// SPDX-License-Identifier: Apache-2.0
#include "agent/egress_series.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "agent/text.h"
#include "fmt/format.h"
#include "geo/atlas_timeline.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/facts_builder.h"

namespace octroi {
namespace {

using ::octroi::testing::FactsBuilder;
using ::testing::Each;
using ::testing::Field;
using ::testing::IsEmpty;

// A made-up world: what an attribution says follows from its number, and there
// are as many as a 32-bit number has.
AccountWords MadeUpWords(const AccountKey& key) {
  AccountWords words;
  if (key.workload != kNoWorkload) {
    words.workload = fmt::format("workload {}", key.workload);
  }
  const uint32_t country = key.attribution % 676;
  words.location = {static_cast<char>('A' + country / 26),
                    static_cast<char>('A' + country % 26)};
  words.regime = static_cast<Regime>(key.attribution % 5);
  words.operator_name = fmt::format("operator {}", key.attribution);
  if (key.attribution % 7 != 0) {
    words.seal = static_cast<int>(key.attribution % 5);
  }
  return words;
}

std::vector<Workload> WorkloadsUpTo(size_t count) {
  std::vector<Workload> workloads(count);
  for (size_t i = 0; i < count; ++i) {
    workloads[i].name = fmt::format("workload {}", i);
  }
  return workloads;
}

// What a worker could account.
AccountKey RandomKey(std::mt19937_64* random, uint32_t attribution_count,
                     uint16_t workload_count) {
  AccountKey key;
  key.attribution = static_cast<uint32_t>((*random)() % attribution_count);
  key.direction = static_cast<FlowDirection>((*random)() % 4);
  key.workload = (*random)() % 10 == 0
                     ? kNoWorkload
                     : static_cast<WorkloadId>((*random)() % workload_count);
  const bool is_judged = (key.direction == FlowDirection::kEgress ||
                          key.direction == FlowDirection::kIngress) &&
                         key.workload != kNoWorkload;
  if (!is_judged) return key;
  key.judgement.verdict = static_cast<Verdict>((*random)() % kVerdictCount);
  if (key.judgement.verdict == Verdict::kViolation) {
    do {
      key.judgement.reason = static_cast<Reason>((*random)() % kReasonCount);
    } while (!CanBeViolation(key.judgement.reason));
  } else {
    key.judgement.reason = Reason::kMeetsRequirement;
  }
  return key;
}

AccountTotals RandomTotals(std::mt19937_64* random, FlowDirection direction) {
  AccountTotals totals;
  totals.flows = (*random)() % 3;
  totals.packets = (*random)() % 1000;
  totals.octets = (*random)() % 100'000;
  if (direction == FlowDirection::kEgress ||
      direction == FlowDirection::kIngress) {
    totals.egress_packets = totals.packets / 2;
    totals.egress_octets = totals.octets / 3;
  }
  return totals;
}

// The accounts of one worker.
class Ledger {
 public:
  explicit Ledger(size_t limit = size_t{1} << 20)
      : accounts(AccountsOptions{.capacity_limit = limit}, /*seed=*/1) {}

  void Add(const AccountKey& key, const AccountTotals& totals) {
    accounts.Reserve(1);
    accounts.Add(accounts.FindOrInsert(key), totals);
  }

  Accounts accounts;
};

// Every sample as a scrape would tell it apart.
std::map<std::string, uint64_t> SamplesOf(const EgressSeriesValues& values) {
  std::map<std::string, uint64_t> samples;
  const auto add = [&](std::string name, uint64_t value) {
    EXPECT_TRUE(samples.emplace(name, value).second) << name << " stands twice";
  };
  for (const LocationSeries& one : values.locations) {
    const std::string labels =
        fmt::format("{} {} {} {} {}", one.workload, one.opened_by, one.verdict,
                    one.regime, one.country);
    add("flows " + labels, one.flows);
    add("packets " + labels, one.packets);
    add("octets " + labels, one.octets);
  }
  for (const OperatorSeries& one : values.operators) {
    add(fmt::format("operator {} {} {}", one.workload, one.verdict,
                    one.operator_name),
        one.octets);
  }
  for (const ViolationSeries& one : values.violations) {
    add(fmt::format("violations {} {}", one.workload, InfoOf(one.reason).name),
        one.flows);
  }
  for (size_t i = 0; i < values.directions.size(); ++i) {
    add(fmt::format("accounted {}", i), values.directions[i].octets);
  }
  add("folded", values.folded_count);
  return samples;
}

// That the sums over all series are those of the accounts.
void ExpectSums(const EgressSeriesValues& values, const AccountRows& rows) {
  AccountTotals all;
  AccountTotals crossing;
  uint64_t violations = 0;
  for (const AccountRow& row : rows) {
    all += row.totals;
    const bool crosses = row.key.direction == FlowDirection::kEgress ||
                         row.key.direction == FlowDirection::kIngress;
    if (crosses) crossing += row.totals;
    if (row.key.judgement.verdict == Verdict::kViolation) {
      violations += row.totals.flows;
    }
  }
  AccountTotals by_location;
  for (const LocationSeries& one : values.locations) {
    by_location.flows += one.flows;
    by_location.egress_packets += one.packets;
    by_location.egress_octets += one.octets;
  }
  uint64_t by_operator = 0;
  for (const OperatorSeries& one : values.operators) by_operator += one.octets;
  uint64_t by_violation = 0;
  for (const ViolationSeries& one : values.violations) {
    by_violation += one.flows;
  }
  AccountTotals by_direction;
  for (const AccountTotals& one : values.directions) by_direction += one;

  EXPECT_EQ(by_direction, all);
  EXPECT_EQ(by_location.flows, crossing.flows);
  EXPECT_EQ(by_location.egress_packets, all.egress_packets);
  EXPECT_EQ(by_location.egress_octets, all.egress_octets);
  EXPECT_EQ(by_operator, all.egress_octets);
  EXPECT_EQ(by_violation, violations);
}

void ExpectWithinTheCeiling(const EgressSeriesValues& values) {
  EXPECT_LE(values.locations.size(), kMaxLocations);
  EXPECT_LE(values.operators.size(), kMaxOperators);
  EXPECT_LE(values.violations.size(), InfoOf(MetricId::kViolations).max_series);
  EXPECT_LE(values.seals.size(),
            InfoOf(MetricId::kWorkloadSealLevel).max_series);
}

void ExpectNoneWentBack(const std::map<std::string, uint64_t>& before,
                        const std::map<std::string, uint64_t>& after) {
  for (const auto& [name, value] : before) {
    const auto found = after.find(name);
    ASSERT_NE(found, after.end()) << name << " is gone";
    ASSERT_GE(found->second, value) << name;
  }
}

TEST(EgressSeriesTest, TellsWhatFitsApart) {
  EgressSeries series(&MadeUpWords);
  series.NameWorkloads(WorkloadsUpTo(2));
  Ledger worker;
  const AccountKey egress = {
      .attribution = 1 /* AB, eu */,
      .workload = 0,
      .direction = FlowDirection::kEgress,
      .judgement = {Verdict::kViolation, Reason::kOutsideEu}};
  AccountKey answers = egress;
  answers.workload = 1;
  answers.direction = FlowDirection::kIngress;
  answers.judgement = {Verdict::kNotJudged, Reason::kOpenedByRemote};
  AccountKey uncovered = answers;
  uncovered.workload = kNoWorkload;
  const AccountKey internal = {.direction = FlowDirection::kInternal,
                               .judgement = {}};
  worker.Add(egress, {.flows = 2,
                      .packets = 9,
                      .octets = 900,
                      .egress_packets = 5,
                      .egress_octets = 500});
  worker.Add(answers, {.flows = 1,
                       .packets = 4,
                       .octets = 400,
                       .egress_packets = 1,
                       .egress_octets = 100});
  worker.Add(uncovered, {.flows = 1,
                         .packets = 1,
                         .octets = 40,
                         .egress_packets = 1,
                         .egress_octets = 40});
  worker.Add(internal, {.flows = 3, .packets = 3, .octets = 30});

  const auto samples = SamplesOf(
      series.Read(std::vector{static_cast<const Accounts*>(&worker.accounts)}));

  EXPECT_EQ(samples.at("octets workload 0 local violation eu AB"), 500u);
  EXPECT_EQ(samples.at("packets workload 0 local violation eu AB"), 5u);
  EXPECT_EQ(samples.at("flows workload 0 local violation eu AB"), 2u);
  EXPECT_EQ(samples.at("octets workload 1 remote not_judged eu AB"), 100u);
  EXPECT_EQ(samples.at("octets none remote not_judged eu AB"), 40u);
  EXPECT_EQ(samples.at("operator workload 0 violation operator 1"), 500u);
  EXPECT_EQ(samples.at("operator none not_judged operator 1"), 40u);
  EXPECT_EQ(samples.at("violations workload 0 outside_eu"), 2u);
  EXPECT_EQ(samples.at("violations workload 1 outside_eu"), 0u);
  EXPECT_EQ(samples.at("accounted 0"), 900u);
  EXPECT_EQ(samples.at("accounted 2"), 30u);
  EXPECT_EQ(samples.at("folded"), 0u);
}

TEST(EgressSeriesTest, HasEveryViolationAtZeroFromTheStart) {
  EgressSeries series(&MadeUpWords);
  series.NameWorkloads(WorkloadsUpTo(3));

  const EgressSeriesValues values = series.Read({});

  EXPECT_EQ(values.violations.size(), (3 + 1) * kViolationReasonCount);
  EXPECT_THAT(values.violations, Each(Field(&ViolationSeries::flows, 0u)));
  EXPECT_EQ(values.seals.size(), 3u);
  EXPECT_THAT(values.seals, Each(Field(&WorkloadSeal::lowest, std::nullopt)));
  EXPECT_THAT(values.locations, IsEmpty());
}

TEST(EgressSeriesTest, KeepsTheSumsOfTheAccountsWhateverIsFolded) {
  for (const auto& [attributions, workloads] :
       {std::pair<uint32_t, uint16_t>{10, 3}, {1000, 19}, {100'000, 300}}) {
    const uint64_t seed = std::random_device()();
    SCOPED_TRACE(fmt::format("seed {}, {} attributions, {} workloads", seed,
                             attributions, workloads));
    std::mt19937_64 random(seed);
    EgressSeries series(&MadeUpWords);
    series.NameWorkloads(WorkloadsUpTo(workloads));
    // The last one folds accounts itself.
    Ledger workers[3] = {Ledger(), Ledger(), Ledger(200)};
    const std::vector<const Accounts*> accounts = {
        &workers[0].accounts, &workers[1].accounts, &workers[2].accounts};
    std::map<std::string, uint64_t> before;
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 2000; ++i) {
        const AccountKey key = RandomKey(&random, attributions, workloads);
        workers[random() % 3].Add(key, RandomTotals(&random, key.direction));
      }

      const EgressSeriesValues values = series.Read(accounts);

      ExpectSums(values, MergeAccounts(accounts));
      ExpectWithinTheCeiling(values);
      const auto samples = SamplesOf(values);
      ExpectNoneWentBack(before, samples);
      before = samples;
    }
  }
}

// Ten million destinations: a worker has room for 2^17 accounts, and folds the
// rest by itself.
TEST(EgressSeriesTest, HoldsTheCeilingUnderTenMillionDestinations) {
  constexpr int kDestinations = 10'000'000;
  std::mt19937_64 random(1);
  EgressSeries series(&MadeUpWords);
  series.NameWorkloads(WorkloadsUpTo(500));
  Ledger workers[2] = {Ledger(size_t{1} << 17), Ledger(size_t{1} << 17)};
  AccountTotals added;
  for (int i = 0; i < kDestinations; ++i) {
    AccountKey key;
    key.attribution = static_cast<uint32_t>(random() >> 33);
    key.workload = static_cast<WorkloadId>(key.attribution % 500);
    key.direction = FlowDirection::kEgress;
    key.judgement = {Verdict::kCompliant, Reason::kMeetsRequirement};
    const AccountTotals totals = {.flows = 1,
                                  .packets = 1,
                                  .octets = 100,
                                  .egress_packets = 1,
                                  .egress_octets = 100};
    workers[i % 2].Add(key, totals);
    added += totals;
  }

  const std::vector<const Accounts*> accounts = {&workers[0].accounts,
                                                 &workers[1].accounts};
  const EgressSeriesValues values = series.Read(accounts);

  ExpectWithinTheCeiling(values);
  ExpectSums(values, MergeAccounts(accounts));
  EXPECT_EQ(values.directions[0], added);
  EXPECT_GT(values.folded_count, 0u);
}

// Each combination of what a policy can say, so that every place is taken.
TEST(EgressSeriesTest, HoldsTheCeilingWhenEveryCombinationOccurs) {
  EgressSeries series(&MadeUpWords);
  series.NameWorkloads(WorkloadsUpTo(kNamedWorkloads + 5));
  Ledger worker(100);  // Folds accounts as well.
  Ledger roomy;
  for (WorkloadId workload = 0; workload < kNamedWorkloads + 6; ++workload) {
    for (const FlowDirection direction :
         {FlowDirection::kEgress, FlowDirection::kIngress}) {
      for (size_t verdict = 0; verdict < kVerdictCount; ++verdict) {
        for (uint32_t attribution = 0; attribution < 200; ++attribution) {
          AccountKey key;
          key.attribution = attribution;
          key.workload =
              workload == kNamedWorkloads + 5 ? kNoWorkload : workload;
          key.direction = direction;
          key.judgement = {static_cast<Verdict>(verdict), Reason::kOutsideEu};
          const AccountTotals totals = {.flows = 1,
                                        .packets = 2,
                                        .octets = 30,
                                        .egress_packets = 1,
                                        .egress_octets = 10};
          worker.Add(key, totals);
          roomy.Add(key, totals);
        }
      }
    }
  }

  const std::vector<const Accounts*> accounts = {&worker.accounts,
                                                 &roomy.accounts};
  const EgressSeriesValues values = series.Read(accounts);

  ExpectSums(values, MergeAccounts(accounts));
  ExpectWithinTheCeiling(values);
  SamplesOf(values);
  EXPECT_EQ(values.locations.size(), kMaxLocations);
  EXPECT_EQ(values.operators.size(), kMaxOperators);
}

TEST(EgressSeriesTest, NamesTheSameWhicheverWorkerHasAnAccount) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::vector<std::map<std::string, uint64_t>> results;
  for (const size_t worker_count : {1, 2, 4}) {
    std::mt19937_64 random(seed);
    std::mt19937_64 sharing(worker_count);
    EgressSeries series(&MadeUpWords);
    series.NameWorkloads(WorkloadsUpTo(30));
    std::vector<std::unique_ptr<Ledger>> workers;
    std::vector<const Accounts*> accounts;
    for (size_t i = 0; i < worker_count; ++i) {
      workers.push_back(std::make_unique<Ledger>());
      accounts.push_back(&workers.back()->accounts);
    }
    for (int i = 0; i < 5000; ++i) {
      const AccountKey key = RandomKey(&random, 2000, 30);
      workers[sharing() % worker_count]->Add(
          key, RandomTotals(&random, key.direction));
    }
    results.push_back(SamplesOf(series.Read(accounts)));
  }

  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(EgressSeriesTest, NeverGoesBackOverGenerations) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  EgressSeries series(&MadeUpWords);
  std::map<std::string, uint64_t> before;
  AccountTotals added;
  std::unique_ptr<Ledger> earlier;
  for (int generation = 0; generation < 12; ++generation) {
    // Workloads come and go with the policy.
    const auto workloads = static_cast<uint16_t>(2 + random() % 40);
    series.NameWorkloads(WorkloadsUpTo(workloads));
    auto present = std::make_unique<Ledger>();
    const std::vector<const Accounts*> ended =
        earlier ? std::vector<const Accounts*>{&earlier->accounts}
                : std::vector<const Accounts*>();
    std::vector<const Accounts*> both = ended;
    both.push_back(&present->accounts);
    for (int i = 0; i < 1000; ++i) {
      const AccountKey key = RandomKey(&random, 3000, workloads);
      const AccountTotals totals = RandomTotals(&random, key.direction);
      (earlier && random() % 4 == 0 ? earlier : present)->Add(key, totals);
      added += totals;
    }
    // Now and then nobody scrapes before the books are freed.
    if (random() % 2 == 0) {
      const auto samples = SamplesOf(series.Read(both));
      ExpectNoneWentBack(before, samples);
      before = samples;
    }
    series.Absorb(ended);
    const EgressSeriesValues values = series.Read(
        std::vector{static_cast<const Accounts*>(&present->accounts)});
    AccountTotals sum;
    for (const AccountTotals& one : values.directions) sum += one;
    EXPECT_EQ(sum, added);
    const auto samples = SamplesOf(values);
    ExpectNoneWentBack(before, samples);
    before = samples;
    earlier = std::move(present);
  }
}

TEST(EgressSeriesTest, NamesViolationsFirstAndThenWhatSentMost) {
  EgressSeries series(&MadeUpWords);
  series.NameWorkloads(WorkloadsUpTo(1));
  Ledger worker;
  for (uint32_t i = 0; i < 2 * kNamedLocations; ++i) {
    AccountKey key = {.attribution = i,
                      .workload = 0,
                      .direction = FlowDirection::kEgress,
                      .judgement = {Verdict::kCompliant}};
    worker.Add(key, {.flows = 1, .octets = i, .egress_octets = i});
  }
  AccountKey violation = {
      .attribution = 5,
      .workload = 0,
      .direction = FlowDirection::kEgress,
      .judgement = {Verdict::kViolation, Reason::kOutsideEu}};
  worker.Add(violation, {.flows = 1, .octets = 1, .egress_octets = 1});
  const std::vector<const Accounts*> accounts = {&worker.accounts};

  const auto samples = SamplesOf(series.Read(accounts));

  const auto name_of = [](const char* verdict, uint32_t attribution) {
    const AccountWords words =
        MadeUpWords({.attribution = attribution, .judgement = {}});
    return fmt::format("octets workload 0 local {} {} {}", verdict,
                       RegimeName(words.regime), words.location);
  };
  EXPECT_EQ(samples.at(name_of("violation", 5)), 1u);
  EXPECT_TRUE(samples.contains(name_of("compliant", 2 * kNamedLocations - 1)));
  EXPECT_FALSE(samples.contains(name_of("compliant", 0)));
  // A name is for good, whatever comes later.
  AccountKey late = {.attribution = 0,
                     .workload = 0,
                     .direction = FlowDirection::kEgress,
                     .judgement = {Verdict::kCompliant}};
  worker.Add(late, {.octets = 1'000'000, .egress_octets = 1'000'000});
  const auto later = SamplesOf(series.Read(accounts));
  ExpectNoneWentBack(samples, later);
  EXPECT_FALSE(later.contains(name_of("compliant", 0)));
}

TEST(EgressSeriesTest, CountsWorkloadsBeyondTheCeiling) {
  EgressSeries series(&MadeUpWords);
  series.NameWorkloads(WorkloadsUpTo(kNamedWorkloads + 3));
  series.NameWorkloads(WorkloadsUpTo(kNamedWorkloads + 3));
  Ledger worker;
  const AccountKey key = {
      .attribution = 1,
      .workload = static_cast<WorkloadId>(kNamedWorkloads + 1),
      .direction = FlowDirection::kEgress,
      .judgement = {Verdict::kViolation, Reason::kOutsideEu}};
  worker.Add(key, {.flows = 1, .octets = 10, .egress_octets = 10});

  const EgressSeriesValues values =
      series.Read(std::vector{static_cast<const Accounts*>(&worker.accounts)});

  const auto samples = SamplesOf(values);
  EXPECT_EQ(samples.at("folded"), 3u);
  EXPECT_EQ(samples.at("octets other local violation eu AB"), 10u);
  EXPECT_EQ(samples.at("violations other outside_eu"), 1u);
  EXPECT_TRUE(series.IsNamed("workload 0"));
  EXPECT_FALSE(series.IsNamed("workload 21"));
  EXPECT_FALSE(series.IsNamed("other"));
}

TEST(EgressSeriesTest, ShowsFoldedAccountsAsOther) {
  EgressSeries series([](const AccountKey&) -> AccountWords {
    ADD_FAILURE() << "a folded account has no words";
    return {};
  });
  series.NameWorkloads(WorkloadsUpTo(1));
  Ledger worker;
  AccountKey key;
  key.attribution = kFoldedAttribution;
  key.direction = FlowDirection::kEgress;
  key.judgement = {Verdict::kViolation, Reason::kDeniedCountry};
  worker.Add(key, {.flows = 4, .octets = 10, .egress_octets = 10});

  const auto samples = SamplesOf(
      series.Read(std::vector{static_cast<const Accounts*>(&worker.accounts)}));

  EXPECT_EQ(samples.at("octets other local violation other other"), 10u);
  EXPECT_EQ(samples.at("operator other violation other"), 10u);
  EXPECT_EQ(samples.at("violations other denied_country"), 4u);
  EXPECT_EQ(samples.at("folded"), 1u);
}

TEST(EgressSeriesTest, TellsTheLowestKnownSealOfWhatWasJudged) {
  EgressSeries series(&MadeUpWords);
  series.NameWorkloads(WorkloadsUpTo(1));
  Ledger worker;
  const auto lowest_after = [&](uint32_t attribution, Judgement judgement) {
    worker.Add({.attribution = attribution,
                .workload = 0,
                .direction = FlowDirection::kEgress,
                .judgement = judgement},
               {.flows = 1});
    return series
        .Read(std::vector{static_cast<const Accounts*>(&worker.accounts)})
        .seals[0]
        .lowest;
  };

  EXPECT_EQ(lowest_after(7, {Verdict::kUndetermined}), std::nullopt);
  EXPECT_EQ(lowest_after(3, {Verdict::kCompliant}), 3);
  EXPECT_EQ(lowest_after(1, {Verdict::kNotJudged}), 3);
  EXPECT_EQ(lowest_after(
                1, {Verdict::kViolation, Reason::kAdministeredFromOutsideEu}),
            3);
  EXPECT_EQ(lowest_after(2, {Verdict::kViolation, Reason::kOutsideEu}), 2);
  EXPECT_EQ(lowest_after(4, {Verdict::kCompliant}), 2);
}

// In the words of results.
TEST(WordsOfTest, NamesPlaceOperatorAndWorkload) {
  const auto facts = FactsBuilder()
                         .Country("198.51.100.0/24", "US")
                         .Country("203.0.113.0/24", "FR")
                         .Asn("198.51.100.0/25", 64496, "Example Hosting")
                         .Asn("198.51.100.128/26", 64497)
                         .Asn("203.0.113.0/25", 64498,
                              "Hostile\n\"x\" \xff" + std::string(300, 'y'))
                         .Build();
  Policy policy = DefaultPolicy();
  const WorkloadIndex workloads = WorkloadIndex::Create(policy, {});
  const auto atlases = AtlasTimeline::Create(*facts, {}).value();
  EditionTimeline timeline(atlases.get(), workloads, policy, std::nullopt);
  const Edition& edition = timeline.At(0);
  const auto words_of = [&](const char* address, WorkloadId workload = 0) {
    return WordsOf(edition, {.attribution = edition.atlas->Lookup(
                                 IpAddress::Parse(address).value()),
                             .workload = workload,
                             .judgement = {}});
  };

  const AccountWords hosting = words_of("198.51.100.1");
  EXPECT_EQ(hosting.workload, "everything");
  EXPECT_EQ(hosting.location, "US");
  EXPECT_EQ(hosting.regime, Regime::kThirdCountry);
  EXPECT_EQ(hosting.operator_name, "Example Hosting");
  EXPECT_EQ(hosting.seal, 0);
  EXPECT_EQ(words_of("198.51.100.129").operator_name, "AS64497");
  EXPECT_EQ(words_of("198.51.100.250").operator_name, "unknown");
  EXPECT_EQ(words_of("198.51.100.250", kNoWorkload).workload, "");
  const std::string hostile = words_of("203.0.113.1").operator_name;
  EXPECT_EQ(hostile.substr(0, 13), "Hostile?\"x\" ?");
  EXPECT_EQ(DisplayWidth(hostile), 128u);
  EXPECT_EQ(words_of("192.0.2.1").location, "unknown");
  EXPECT_EQ(words_of("10.0.0.1").location, "private");
}

}  // namespace
}  // namespace octroi
