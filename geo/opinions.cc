// SPDX-License-Identifier: Apache-2.0
#include "geo/opinions.h"

#include <algorithm>
#include <map>
#include <type_traits>

#include "geo/layers.h"

namespace octroi {
namespace {

// The layers in front of the databases.
enum LayerIndex : size_t { kSpecialLayer, kAsnLayer, kFirstCountryLayer };

// Runs between two calls of `report`.
constexpr size_t kRunsPerReport = 16384;

struct Inputs {
  std::vector<Layer> layers;
  CountryNumbers codes;
  std::vector<uint32_t> entities;  // Of ASN record i: value i + 1.
  std::vector<bool> is_announced;
};

absl::StatusOr<Inputs> ReadInputs(const Facts& facts, Day day) {
  Inputs inputs;
  inputs.layers.push_back(LayerOfRows(facts.special_purpose.rows()));
  std::vector<PrefixValue> announced;
  if (!facts.asn.empty()) {
    const auto table = BuildInForce(facts.asn, day).file->WalkAsns();
    if (!table.ok()) return table.status();
    for (const MmdbAsn& record : table->records) {
      inputs.entities.push_back(facts.operators.FindByAsn(record.asn));
      inputs.is_announced.push_back(record.asn != 0);
    }
    for (const DatabaseEntry& entry : table->entries) {
      announced.push_back({entry.prefix, entry.record + 1});
    }
  }
  inputs.layers.push_back(MakeLayer(announced));
  for (const CountrySeries& series : facts.countries) {
    const auto table = BuildInForce(series, day).file->WalkCountries();
    if (!table.ok()) return table.status();
    inputs.layers.push_back(
        MakeCountryLayer(*table, facts.jurisdictions, &inputs.codes));
  }
  return inputs;
}

// Counts one family.
class Counter {
 public:
  Counter(const Facts& facts, const Inputs& inputs, Day day)
      : facts_(facts), inputs_(inputs), day_(day) {
    const size_t count = inputs.layers.size() - kFirstCountryLayer;
    for (size_t i = 0; i < count; ++i) {
      for (size_t j = i + 1; j < count; ++j) {
        result_.pairs.push_back({.first = i, .second = j});
      }
    }
    opinions_.resize(count);
    regimes_.resize(count);
    operators_.resize(facts.operators.size() + 1);
  }

  void Count(Uint128 size, bool is_v4, std::span<const uint32_t> values) {
    if (values[kSpecialLayer] != 0) return;
    const uint32_t asn = values[kAsnLayer];
    const bool is_announced = asn != 0 && inputs_.is_announced[asn - 1];
    if (!is_v4 && !is_announced) return;
    if (!ReadOpinions(values)) return;
    result_.counted += size;
    CountPairs(size);
    CountTogether(size, asn);
  }

  FamilyOpinions Take() {
    // Several entities may have one name: an operator whose rows differ.
    std::map<std::string, OperatorOpinions> by_name;
    for (size_t i = 0; i < operators_.size(); ++i) {
      const OperatorOpinions& counted = operators_[i];
      if (counted.several_answer == 0) continue;
      const std::string name = NameOf(i);
      OperatorOpinions& sum = by_name[name];
      sum.name = name;
      sum.several_answer += counted.several_answer;
      sum.contested += counted.contested;
      sum.eu_and_not += counted.eu_and_not;
    }
    for (auto& [name, sum] : by_name) {
      result_.operators.push_back(std::move(sum));
    }
    std::stable_sort(result_.operators.begin(), result_.operators.end(),
                     [](const OperatorOpinions& a, const OperatorOpinions& b) {
                       if (a.contested != b.contested) {
                         return a.contested > b.contested;
                       }
                       return !a.name.empty() && b.name.empty();
                     });
    return std::move(result_);
  }

 private:
  // Of an entity; "" for the last, which stands for those without a row.
  std::string NameOf(size_t index) const {
    if (index + 1 == operators_.size()) return "";
    const OperatorEntity& entity =
        facts_.operators.entity(static_cast<uint32_t>(index));
    const OperatorRow* row = entity.At(day_);
    return (row == nullptr ? entity.rows.front() : *row).name;
  }

  // Whether any database answers.
  bool ReadOpinions(std::span<const uint32_t> values) {
    bool has_any = false;
    for (size_t i = 0; i < opinions_.size(); ++i) {
      opinions_[i] = values[kFirstCountryLayer + i];
      if (opinions_[i] == 0) continue;
      has_any = true;
      regimes_[i] = RegimeOf(opinions_[i]);
    }
    return has_any;
  }

  Regime RegimeOf(uint32_t number) {
    if (number >= known_regimes_.size()) {
      known_regimes_.resize(number + 1, Regime::kUnknown);
    }
    Regime& regime = known_regimes_[number];
    if (regime == Regime::kUnknown) {
      regime = facts_.jurisdictions.RegimeAt(inputs_.codes.code(number), day_);
    }
    return regime;
  }

  void CountPairs(Uint128 size) {
    for (OpinionPair& pair : result_.pairs) {
      const uint32_t a = opinions_[pair.first];
      const uint32_t b = opinions_[pair.second];
      if (a == 0 || b == 0) continue;
      const Regime x = regimes_[pair.first];
      const Regime y = regimes_[pair.second];
      pair.both_answer += size;
      if (a == b) {
        pair.one_country += size;
      } else if (x == y) {
        pair.one_regime += size;
      } else {
        pair.other_regime += size;
        if ((x == Regime::kEu) != (y == Regime::kEu)) pair.eu_and_not += size;
      }
    }
  }

  void CountTogether(Uint128 size, uint32_t asn) {
    size_t answers = 0;
    size_t in_eu = 0;
    bool is_contested = false;
    Regime first = Regime::kUnknown;
    for (size_t i = 0; i < opinions_.size(); ++i) {
      if (opinions_[i] == 0) continue;
      if (answers++ == 0) first = regimes_[i];
      if (regimes_[i] == Regime::kEu) ++in_eu;
      is_contested = is_contested || regimes_[i] != first;
    }
    if (answers < 2) return;
    const bool eu_and_not = in_eu != 0 && in_eu != answers;
    const uint32_t entity =
        asn == 0 ? OperatorTable::kNone : inputs_.entities[asn - 1];
    OperatorOpinions& of_operator =
        entity == OperatorTable::kNone ? operators_.back() : operators_[entity];
    result_.several_answer += size;
    of_operator.several_answer += size;
    if (in_eu != 0) result_.any_eu += size;
    if (is_contested) {
      result_.contested += size;
      of_operator.contested += size;
    }
    if (eu_and_not) {
      result_.eu_and_not += size;
      of_operator.eu_and_not += size;
    }
  }

  const Facts& facts_;
  const Inputs& inputs_;
  const Day day_;
  FamilyOpinions result_;
  std::vector<uint32_t> opinions_;  // Of the run at hand; 0: no answer.
  std::vector<Regime> regimes_;     // Of opinions_, where not 0.
  std::vector<Regime> known_regimes_;
  std::vector<OperatorOpinions> operators_;  // By entity; the last: others.
};

template <typename Number>
FamilyOpinions CountFamily(const Facts& facts, const Inputs& inputs, Day day,
                           double done_before,
                           const std::function<void(double)>& report) {
  constexpr bool kIsV4 = std::is_same_v<Number, uint32_t>;
  constexpr double kSpace = kIsV4 ? 0x1p32 : 0x1p128;
  Counter counter(facts, inputs, day);
  size_t runs = 0;
  ForEachRun<Number>(inputs.layers, [&](Number first, Number last,
                                        std::span<const uint32_t> values) {
    counter.Count(static_cast<Uint128>(last) - first + 1, kIsV4, values);
    if (++runs % kRunsPerReport == 0) {
      report(done_before + static_cast<double>(last) / kSpace / 2);
    }
  });
  return counter.Take();
}

}  // namespace

absl::StatusOr<OpinionComparison> CompareOpinions(
    const Facts& facts, Day day, const std::function<void(double)>& report) {
  const absl::StatusOr<Inputs> inputs = ReadInputs(facts, day);
  if (!inputs.ok()) return inputs.status();
  OpinionComparison comparison;
  comparison.v4 = CountFamily<uint32_t>(facts, *inputs, day, 0, report);
  comparison.v6 = CountFamily<Uint128>(facts, *inputs, day, 0.5, report);
  report(1);
  return comparison;
}

}  // namespace octroi
