// SPDX-License-Identifier: Apache-2.0
#include "agent/facts_command.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <ostream>
#include <utility>

#include "agent/progress.h"
#include "agent/text.h"
#include "config/facts.h"
#include "evidence/json.h"
#include "fmt/format.h"
#include "geo/opinions.h"

namespace octroi {
namespace {

// Operators that the table lists; JSON has all.
constexpr size_t kListedOperators = 15;
constexpr std::string_view kOtherOperators =
    "(operators that operators.csv does not have)";

// What is counted in a family: addresses, or prefixes of 48 bits.
struct Unit {
  std::string_view family;
  std::string_view name;
  double addresses;
};
constexpr Unit kV4 = {"IPv4", "addresses", 1};
constexpr Unit kV6 = {"IPv6", "/48 prefixes", 0x1p80};

double CountOf(Uint128 addresses, const Unit& unit) {
  return static_cast<double>(addresses) / unit.addresses;
}

std::string Count(Uint128 addresses, const Unit& unit) {
  return GroupDigits(static_cast<uint64_t>(CountOf(addresses, unit) + 0.5));
}

std::string Share(Uint128 part, Uint128 whole) {
  if (whole == 0) return "";
  return fmt::format(
      "{:.2f} %", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string NameOf(const OperatorOpinions& counted) {
  return counted.name.empty() ? std::string(kOtherOperators) : counted.name;
}

class TableWriter {
 public:
  TableWriter(const OpinionComparison& comparison, const Facts& facts, Day day,
              const Surroundings& surroundings)
      : comparison_(comparison), facts_(facts), day_(day) {
    columns_ = PageColumns(surroundings);
    use_color_ = surroundings.use_color;
  }

  std::string Write() {
    text_ = fmt::format("country databases on {}\n", FormatDay(day_));
    for (size_t i = 0; i < facts_.countries.size(); ++i) {
      const FactSource& source = BuildInForce(facts_.countries[i], day_).source;
      text_ += fmt::format("  {}  {}, {}, {}\n", i + 1, Printable(source.name),
                           source.built ? FormatDay(*source.built) : "undated",
                           Printable(source.path));
    }
    WriteFamily(comparison_.v4, kV4);
    WriteFamily(comparison_.v6, kV6);
    return std::move(text_);
  }

 private:
  void WriteFamily(const FamilyOpinions& family, const Unit& unit) {
    text_ += fmt::format("{}, in {}\n", unit.family, unit.name);
    WritePairs(family, unit);
    text_ += fmt::format(
        "  contested (the databases differ in regime): {} of {} that several "
        "answer for, {}\n"
        "  EU in one and not in another: {}, {}; of what any calls EU: {}\n",
        Count(family.contested, unit), Count(family.several_answer, unit),
        Share(family.contested, family.several_answer),
        Count(family.eu_and_not, unit),
        Share(family.eu_and_not, family.several_answer),
        Share(family.eu_and_not, family.any_eu));
    WriteOperators(family, unit);
  }

  void WritePairs(const FamilyOpinions& family, const Unit& unit) {
    std::vector<std::vector<TextCell>> rows;
    for (const OpinionPair& pair : family.pairs) {
      const auto cell = [&](Uint128 part) {
        return TextCell{fmt::format("{} ({})", Count(part, unit),
                                    Share(part, pair.both_answer))};
      };
      if (pair.both_answer == 0) continue;
      rows.push_back(
          {{fmt::format("{} and {}", pair.first + 1, pair.second + 1)},
           {Count(pair.both_answer, unit)},
           cell(pair.one_country),
           cell(pair.one_regime),
           cell(pair.other_regime),
           cell(pair.eu_and_not)});
    }
    Table({{"databases"},
           {"both answer", true},
           {"one country", true},
           {"two countries, one regime", true},
           {"two regimes", true},
           {"EU and not EU", true}},
          rows);
  }

  void WriteOperators(const FamilyOpinions& family, const Unit& unit) {
    std::vector<std::vector<TextCell>> rows;
    for (const OperatorOpinions& counted : family.operators) {
      if (counted.contested == 0 || rows.size() == kListedOperators) break;
      rows.push_back({{Printable(NameOf(counted))},
                      {Count(counted.contested, unit)},
                      {Share(counted.contested, counted.several_answer)},
                      {Count(counted.eu_and_not, unit)}});
    }
    if (rows.empty()) return;
    Table({{"operator", false, 20},
           {"contested", true},
           {"of its space", true},
           {"EU and not EU", true}},
          rows);
    const auto with_dispute = static_cast<size_t>(std::count_if(
        family.operators.begin(), family.operators.end(),
        [](const OperatorOpinions& o) { return o.contested != 0; }));
    if (with_dispute > rows.size()) {
      text_ += fmt::format("  and {} more; --format json lists all\n",
                           with_dispute - rows.size());
    }
  }

  void Table(const std::vector<TextColumn>& columns,
             const std::vector<std::vector<TextCell>>& rows) {
    text_ += LayOutText(columns, rows, columns_, use_color_, 2);
  }

  const OpinionComparison& comparison_;
  const Facts& facts_;
  const Day day_;
  size_t columns_;
  bool use_color_;
  std::string text_;
};

Json FamilyToJson(const FamilyOpinions& family, const Unit& unit) {
  const auto count = [&unit](Uint128 addresses) {
    return unit.addresses == 1 ? Json(static_cast<uint64_t>(addresses))
                               : Json(CountOf(addresses, unit));
  };
  Json json;
  json["unit"] = unit.name;
  json["answered"] = count(family.counted);
  json["several_answer"] = count(family.several_answer);
  json["contested"] = count(family.contested);
  json["eu_and_not_eu"] = count(family.eu_and_not);
  json["any_eu"] = count(family.any_eu);
  json["pairs"] = Json::array();
  for (const OpinionPair& pair : family.pairs) {
    json["pairs"].push_back({{"first", pair.first},
                             {"second", pair.second},
                             {"both_answer", count(pair.both_answer)},
                             {"one_country", count(pair.one_country)},
                             {"one_regime", count(pair.one_regime)},
                             {"two_regimes", count(pair.other_regime)},
                             {"eu_and_not_eu", count(pair.eu_and_not)}});
  }
  json["operators"] = Json::array();
  for (const OperatorOpinions& counted : family.operators) {
    json["operators"].push_back(
        {{"operator", TextOrNull(counted.name)},
         {"several_answer", count(counted.several_answer)},
         {"contested", count(counted.contested)},
         {"eu_and_not_eu", count(counted.eu_and_not)}});
  }
  return json;
}

std::string ToJson(const OpinionComparison& comparison, const Facts& facts,
                   Day day) {
  Json json;
  json["schema"] = "octroi.facts-compare/1";
  json["at"] = FormatDay(day);
  json["databases"] = Json::array();
  for (const CountrySeries& series : facts.countries) {
    const FactSource& source = BuildInForce(series, day).source;
    json["databases"].push_back({{"name", source.name},
                                 {"built", DayOrNull(source.built)},
                                 {"path", source.path},
                                 {"sha256", source.sha256}});
  }
  json["ipv4"] = FamilyToJson(comparison.v4, kV4);
  json["ipv6"] = FamilyToJson(comparison.v6, kV6);
  return ToPage(json);
}

absl::StatusOr<OpinionComparison> CompareWithProgress(
    const Facts& facts, Day day, const Surroundings& surroundings) {
  std::atomic<double> share = 0;
  std::unique_ptr<ProgressBar> bar;
  if (surroundings.show_progress) {
    bar = std::make_unique<ProgressBar>(
        [&share] {
          Progress progress;
          progress.share = share.load(std::memory_order_relaxed);
          return progress;
        },
        surroundings.errors);
  }
  return CompareOpinions(facts, day, [&share](double done) {
    share.store(done, std::memory_order_relaxed);
  });
}

}  // namespace

ExitCode RunFactsCompare(const FactsCompareOptions& options,
                         const Surroundings& surroundings) {
  const std::optional<Day> day = ReadDayAt(options.at, surroundings);
  if (!day) return kExitUsage;
  std::optional<Config> config =
      ObtainConfig({.config_path = options.config_path}, surroundings);
  if (!config) return kExitUsage;
  std::vector<std::string>& countries = config->facts.country;
  if (countries.empty())
    countries.push_back(EmbeddedCountryFile(config->facts));
  countries.insert(countries.end(), options.databases.begin(),
                   options.databases.end());
  if (countries.size() < 2) {
    WriteError(surroundings,
               "facts compare: one country database is configured; name "
               "another one, such as /usr/share/tor/geoip of Debian's "
               "tor-geoipdb");
    return kExitUsage;
  }
  std::vector<Problem> problems;
  const std::unique_ptr<Facts> facts = LoadFacts(config->facts, &problems);
  if (facts == nullptr) {
    WriteProblems(problems, surroundings);
    return kExitFailed;
  }
  const auto comparison = CompareWithProgress(*facts, *day, surroundings);
  if (!comparison.ok()) {
    WriteError(surroundings, std::string(comparison.status().message()));
    return kExitFailed;
  }
  *surroundings.out
      << (options.is_json
              ? ToJson(*comparison, *facts, *day)
              : TableWriter(*comparison, *facts, *day, surroundings).Write());
  return FinishOutput(surroundings);
}

}  // namespace octroi
