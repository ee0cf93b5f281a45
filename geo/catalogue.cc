// SPDX-License-Identifier: Apache-2.0
#include "geo/catalogue.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace octroi {

std::string_view StateName(ServiceState state) {
  switch (state) {
    case ServiceState::kNone:
      return "none";
    case ServiceState::kInQualification:
      return "in_qualification";
    case ServiceState::kQualified:
      return "qualified";
    case ServiceState::kSuspended:
      return "suspended";
    case ServiceState::kWithdrawn:
      return "withdrawn";
  }
  return "none";
}

std::optional<ServiceState> ParseServiceState(std::string_view text) {
  for (const ServiceState state : kServiceStates) {
    if (StateName(state) == text) return state;
  }
  return std::nullopt;
}

Succession SuccessionOf(ServiceState state, ServiceState next) {
  constexpr Succession kYes = Succession::kAlways;
  constexpr Succession kNever = Succession::kNever;
  constexpr Succession kEnded = Succession::kOnceEnded;
  // Both in the order of ServiceState; the table of the header.
  constexpr Succession kTable[][std::size(kServiceStates)] = {
      {kYes, kYes, kYes, kNever, kNever},  // none
      {kYes, kYes, kYes, kNever, kYes},    // in_qualification
      {kEnded, kEnded, kYes, kYes, kYes},  // qualified
      {kEnded, kEnded, kYes, kYes, kYes},  // suspended
      {kYes, kYes, kNever, kNever, kYes},  // withdrawn
  };
  static_assert(std::size(kTable) == std::size(kServiceStates));
  return kTable[static_cast<size_t>(state)][static_cast<size_t>(next)];
}

std::string_view MilestoneName(Milestone milestone) {
  switch (milestone) {
    case Milestone::kNotSaid:
      return "";
    case Milestone::kJ0:
      return "J0";
    case Milestone::kJ1:
      return "J1";
    case Milestone::kJ2:
      return "J2";
    case Milestone::kJ3:
      return "J3";
  }
  return "";
}

std::optional<Milestone> ParseMilestone(std::string_view text) {
  for (const Milestone milestone :
       {Milestone::kNotSaid, Milestone::kJ0, Milestone::kJ1, Milestone::kJ2,
        Milestone::kJ3}) {
    if (MilestoneName(milestone) == text) return milestone;
  }
  return std::nullopt;
}

const CatalogueRow* Service::RowInForce(Day day) const {
  const CatalogueRow* in_force = nullptr;
  for (const CatalogueRow& row : rows) {
    const bool has_ended = row.validity.until && *row.validity.until < day;
    if (row.known_from() <= day && !has_ended) in_force = &row;
  }
  return in_force;
}

namespace {

// By the day from which rows are known; of one day, the order in which a
// service lives through states, whatever order a file has them in.
bool IsBefore(const CatalogueRow& a, const CatalogueRow& b) {
  const auto key = [](const CatalogueRow& row) {
    return std::tuple(row.known_from(), row.observed_on, row.state,
                      row.milestone, row.validity.until.value_or(Day::max()));
  };
  return key(a) < key(b);
}

}  // namespace

std::vector<Service> GatherServices(std::vector<CatalogueRow> rows) {
  std::vector<Service> services;
  absl::flat_hash_map<std::string, size_t> index_of;
  for (CatalogueRow& row : rows) {
    const auto [found, is_new] =
        index_of.emplace(row.service_id, services.size());
    if (is_new) {
      services.push_back({row.service_id,
                          row.provider,
                          row.service,
                          row.service_type,
                          row.scheme,
                          {}});
    }
    services[found->second].rows.push_back(std::move(row));
  }
  for (Service& service : services) {
    std::stable_sort(service.rows.begin(), service.rows.end(), &IsBefore);
  }
  return services;
}

namespace {

using Kind = CatalogueProblem::Kind;
using Rows = std::vector<CatalogueRow>;

bool IsOfQualification(const CatalogueRow& row) {
  return row.state == ServiceState::kQualified ||
         row.state == ServiceState::kSuspended;
}

bool IsOf(const Service& service, const CatalogueRow& row) {
  return service.provider == row.provider && service.name == row.service &&
         service.type == row.service_type && service.scheme == row.scheme;
}

// "qualified", "in_qualification J1".
std::string StateText(const CatalogueRow& row) {
  std::string text(StateName(row.state));
  if (row.milestone != Milestone::kNotSaid) {
    text += ' ';
    text += MilestoneName(row.milestone);
  }
  return text;
}

// "a, b or c": what may follow a state, those that need its end left out.
std::string AcceptedAfter(ServiceState state) {
  std::vector<std::string_view> names;
  for (const ServiceState next : kServiceStates) {
    if (SuccessionOf(state, next) == Succession::kAlways) {
      names.push_back(StateName(next));
    }
  }
  const std::string_view last = names.back();
  names.pop_back();
  return fmt::format("{} or {}", fmt::join(names, ", "), last);
}

// The row of the qualification before rows[index] that has not ended by then,
// or null: of the rows since the last one of another kind.
const CatalogueRow* StillInForce(const Rows& rows, size_t index) {
  for (size_t i = index; i > 0 && IsOfQualification(rows[i - 1]); --i) {
    const std::optional<Day>& until = rows[i - 1].validity.until;
    if (!until || *until > rows[index].known_from()) return &rows[i - 1];
  }
  return nullptr;
}

// The last row of the same application that says a milestone, or null.
const CatalogueRow* LastMilestone(const Rows& rows, size_t index) {
  for (size_t i = index;
       i > 0 && rows[i - 1].state == ServiceState::kInQualification; --i) {
    if (rows[i - 1].milestone != Milestone::kNotSaid) return &rows[i - 1];
  }
  return nullptr;
}

// Why rows[index] cannot follow the rows before it; "" if it can.
std::string WhyStepIsImpossible(const Rows& rows, size_t index) {
  const CatalogueRow& row = rows[index];
  const CatalogueRow& before = rows[index - 1];
  const Succession succession = SuccessionOf(before.state, row.state);
  if (succession == Succession::kNever) {
    return fmt::format(
        "{} from {} cannot follow {} (line {}); after {}, accepted is {}",
        StateText(row), FormatDay(row.known_from()), StateText(before),
        before.line, StateName(before.state), AcceptedAfter(before.state));
  }
  if (succession == Succession::kOnceEnded) {
    const CatalogueRow* in_force = StillInForce(rows, index);
    if (in_force == nullptr) return "";
    return fmt::format(
        "{} from {} cannot follow {} (line {}), which {}; accepted is {}, or "
        "an `until` of line {} that has come by then",
        StateText(row), FormatDay(row.known_from()), StateText(*in_force),
        in_force->line,
        in_force->validity.until
            ? "holds until " + FormatDay(*in_force->validity.until)
            : "has no known end",
        AcceptedAfter(before.state), in_force->line);
  }
  if (row.state != ServiceState::kInQualification ||
      row.milestone == Milestone::kNotSaid) {
    return "";
  }
  const CatalogueRow* said = LastMilestone(rows, index);
  if (said == nullptr || row.milestone >= said->milestone) return "";
  return fmt::format(
      "milestone {} from {} cannot follow {} (line {}); accepted is a later "
      "milestone or none, or a row with the state none or withdrawn between "
      "them if that application ended",
      MilestoneName(row.milestone), FormatDay(row.known_from()),
      MilestoneName(said->milestone), said->line);
}

void FindProblemsOf(const Service& service,
                    std::vector<CatalogueProblem>* problems) {
  const auto add = [&](Kind kind, const CatalogueRow& row, std::string what) {
    problems->push_back({kind, row.line, service.id, std::move(what)});
  };
  if (service.rows.size() > kMaxRowsOfService) {
    add(Kind::kTooManyRows, service.rows.front(),
        fmt::format("has {} rows; accepted is {} at most", service.rows.size(),
                    kMaxRowsOfService));
    return;
  }
  for (size_t i = 0; i < service.rows.size(); ++i) {
    const CatalogueRow& row = service.rows[i];
    if (!IsOf(service, row)) {
      const auto first = std::find_if(
          service.rows.begin(), service.rows.end(),
          [&](const CatalogueRow& other) { return IsOf(service, other); });
      add(Kind::kAnotherService, row,
          fmt::format("names another provider, service, type or scheme than "
                      "line {}; a service_id is one service",
                      first->line));
    }
    if (row.validity.until && *row.validity.until < row.known_from()) {
      add(Kind::kEndsBeforeItBegins, row,
          fmt::format("ends on {}, before it is known to hold ({}); accepted "
                      "is that day or a later one",
                      FormatDay(*row.validity.until),
                      FormatDay(row.known_from())));
    }
    std::string why = i == 0 ? "" : WhyStepIsImpossible(service.rows, i);
    if (!why.empty()) add(Kind::kImpossibleStep, row, std::move(why));
  }
}

}  // namespace

std::vector<CatalogueProblem> FindCatalogueProblems(
    const std::vector<Service>& services) {
  std::vector<CatalogueProblem> problems;
  for (const Service& service : services) FindProblemsOf(service, &problems);
  std::stable_sort(problems.begin(), problems.end(),
                   [](const CatalogueProblem& a, const CatalogueProblem& b) {
                     return a.line < b.line;
                   });
  return problems;
}

absl::StatusOr<Catalogue> Catalogue::Create(std::vector<CatalogueRow> rows) {
  Catalogue catalogue;
  catalogue.services_ = GatherServices(std::move(rows));
  const std::vector<CatalogueProblem> problems =
      FindCatalogueProblems(catalogue.services_);
  if (!problems.empty()) {
    const CatalogueProblem& first = problems.front();
    return absl::InvalidArgumentError(fmt::format(
        "line {}: {} {}", first.line, first.service_id, first.what));
  }
  for (size_t i = 0; i < catalogue.services_.size(); ++i) {
    const auto index = static_cast<uint32_t>(i);
    catalogue.by_id_.emplace(catalogue.services_[i].id, index);
    catalogue.by_provider_[catalogue.services_[i].provider].push_back(index);
  }
  return catalogue;
}

uint32_t Catalogue::Find(std::string_view service_id) const {
  const auto found = by_id_.find(std::string(service_id));
  return found == by_id_.end() ? kNone : found->second;
}

const std::vector<uint32_t>& Catalogue::ServicesOf(
    std::string_view provider) const {
  static const std::vector<uint32_t> kEmpty;
  const auto found = by_provider_.find(std::string(provider));
  return found == by_provider_.end() ? kEmpty : found->second;
}

}  // namespace octroi
