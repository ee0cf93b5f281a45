// SPDX-License-Identifier: Apache-2.0
#include "policy/catalogue_diff.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "fmt/format.h"
#include "policy/qualification.h"

namespace octroi {
namespace {

constexpr std::array kNames = {
    std::string_view("added"),
    std::string_view("removed"),
    std::string_view("became_qualified"),
    std::string_view("lapsed"),
    std::string_view("state"),
    std::string_view("dates"),
    std::string_view("version"),
    std::string_view("reference"),
    std::string_view("scope"),
    std::string_view("row_added"),
    std::string_view("row_removed"),
};
static_assert(kNames.size() == static_cast<size_t>(ChangeKind::kCount));

std::string StateText(std::string_view state, const CatalogueRow* row) {
  if (row == nullptr || row->milestone == Milestone::kNotSaid) {
    return std::string(state);
  }
  return fmt::format("{} {}", state, MilestoneName(row->milestone));
}

std::string DatesText(const Validity& validity) {
  return fmt::format("{} to {}",
                     validity.from ? FormatDay(*validity.from) : "not known",
                     validity.until ? FormatDay(*validity.until) : "not known");
}

// Everything a row says, in one line.
std::string RowText(const CatalogueRow& row) {
  std::string text =
      row.validity.from
          ? fmt::format("{}, {}", StateText(StateName(row.state), &row),
                        DatesText(row.validity))
          : fmt::format("{}, observed {}, {}",
                        StateText(StateName(row.state), &row),
                        FormatDay(row.observed_on), DatesText(row.validity));
  for (const auto& [label, value] :
       {std::pair("version ", &row.framework_version),
        std::pair("", &row.reference)}) {
    if (!value->empty()) text += fmt::format(", {}{}", label, *value);
  }
  return text;
}

std::string ScopeText(const Service& service) {
  return fmt::format("{}, {}, {}, {}", service.provider, service.name,
                     service.type, service.scheme);
}

// A service on the day of its catalogue.
struct ServiceThen {
  const Service* service = nullptr;
  QualificationAt at;

  bool is_qualified() const {
    return at.status == QualificationStatus::kQualified;
  }
  std::string state() const {
    return StateText(QualificationStatusName(at.status), at.row);
  }
  // State and what the row that decides says beside it.
  std::string summary() const {
    if (at.row == nullptr) return state();
    std::string text =
        fmt::format("{}, {}", state(), DatesText(at.row->validity));
    if (!at.row->reference.empty()) text += ", " + at.row->reference;
    return text;
  }
};

ServiceThen Then(const Catalogue& catalogue, uint32_t index, Day day) {
  const Service& service = catalogue.service(index);
  return {&service, EvaluateQualification(service, day)};
}

class ServiceDiff {
 public:
  ServiceDiff(const Service& shown, std::vector<CatalogueChange>* changes)
      : shown_(shown), changes_(changes) {}

  void Added(const ServiceThen& after) {
    Add(ChangeKind::kAdded, "", after.summary());
    if (after.is_qualified()) {
      Add(ChangeKind::kBecameQualified, "", after.state());
    }
  }

  void Removed(const ServiceThen& before) {
    Add(ChangeKind::kRemoved, before.summary(), "");
    if (before.is_qualified()) Add(ChangeKind::kLapsed, before.state(), "");
  }

  void InBoth(const ServiceThen& before, const ServiceThen& after) {
    CompareStates(before, after);
    CompareDecidingRows(before.at.row, after.at.row);
    AddIfOther(ChangeKind::kScope, ScopeText(*before.service),
               ScopeText(*after.service));
    CompareRows(before.service->rows, after.service->rows);
  }

 private:
  void Add(ChangeKind kind, std::string before, std::string after) {
    changes_->push_back({kind, shown_.id, shown_.provider, shown_.name,
                         shown_.type, std::move(before), std::move(after)});
  }

  void AddIfOther(ChangeKind kind, std::string before, std::string after) {
    if (before != after) Add(kind, std::move(before), std::move(after));
  }

  void CompareStates(const ServiceThen& before, const ServiceThen& after) {
    const ChangeKind kind =
        before.is_qualified() == after.is_qualified() ? ChangeKind::kState
        : after.is_qualified() ? ChangeKind::kBecameQualified
                               : ChangeKind::kLapsed;
    AddIfOther(kind, before.state(), after.state());
  }

  void CompareDecidingRows(const CatalogueRow* before,
                           const CatalogueRow* after) {
    const auto compare = [&](ChangeKind kind, const auto& text_of) {
      AddIfOther(kind, before == nullptr ? "" : text_of(*before),
                 after == nullptr ? "" : text_of(*after));
    };
    compare(ChangeKind::kDates,
            [](const CatalogueRow& row) { return DatesText(row.validity); });
    compare(ChangeKind::kVersion,
            [](const CatalogueRow& row) { return row.framework_version; });
    compare(ChangeKind::kReference,
            [](const CatalogueRow& row) { return row.reference; });
  }

  // As multisets of what rows say.
  void CompareRows(const std::vector<CatalogueRow>& before,
                   const std::vector<CatalogueRow>& after) {
    std::map<std::string, int> surplus;
    for (const CatalogueRow& row : before) --surplus[RowText(row)];
    for (const CatalogueRow& row : after) ++surplus[RowText(row)];
    for (const auto& [text, count] : surplus) {
      for (int i = 0; i < count; ++i) Add(ChangeKind::kRowAdded, "", text);
      for (int i = 0; i > count; --i) Add(ChangeKind::kRowRemoved, text, "");
    }
  }

  const Service& shown_;
  std::vector<CatalogueChange>* changes_;
};

}  // namespace

std::string_view ChangeName(ChangeKind kind) {
  return kNames[static_cast<size_t>(kind)];
}

std::optional<Day> LatestObservation(const Catalogue& catalogue) {
  std::optional<Day> latest;
  for (const Service& service : catalogue.services()) {
    for (const CatalogueRow& row : service.rows) {
      if (!latest || *latest < row.observed_on) latest = row.observed_on;
    }
  }
  return latest;
}

CatalogueDiff DiffCatalogues(const Catalogue& before, const Catalogue& after) {
  CatalogueDiff diff;
  diff.before_day = LatestObservation(before);
  diff.after_day = LatestObservation(after);
  for (uint32_t i = 0; i < before.services().size(); ++i) {
    const ServiceThen then = Then(before, i, *diff.before_day);
    const uint32_t match = after.Find(then.service->id);
    if (match == Catalogue::kNone) {
      ServiceDiff(*then.service, &diff.changes).Removed(then);
    } else {
      ServiceDiff(after.service(match), &diff.changes)
          .InBoth(then, Then(after, match, *diff.after_day));
    }
  }
  for (uint32_t i = 0; i < after.services().size(); ++i) {
    const Service& service = after.service(i);
    if (before.Find(service.id) != Catalogue::kNone) continue;
    ServiceDiff(service, &diff.changes).Added(Then(after, i, *diff.after_day));
  }
  const auto key = [](const CatalogueChange& c) {
    return std::tie(c.provider, c.name, c.type, c.service_id, c.kind);
  };
  std::stable_sort(diff.changes.begin(), diff.changes.end(),
                   [&](const CatalogueChange& a, const CatalogueChange& b) {
                     return key(a) < key(b);
                   });
  return diff;
}

}  // namespace octroi
