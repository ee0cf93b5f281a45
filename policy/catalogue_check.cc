// SPDX-License-Identifier: Apache-2.0
#include "policy/catalogue_check.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "policy/qualification.h"

namespace octroi {
namespace {

FindingKind KindOf(CatalogueProblem::Kind kind) {
  switch (kind) {
    case CatalogueProblem::Kind::kAnotherService:
      return FindingKind::kAnotherService;
    case CatalogueProblem::Kind::kEndsBeforeItBegins:
      return FindingKind::kEndsBeforeItBegins;
    case CatalogueProblem::Kind::kTooManyRows:
      return FindingKind::kTooManyRows;
    case CatalogueProblem::Kind::kImpossibleStep:
      break;
  }
  return FindingKind::kImpossibleStep;
}

std::string Days(int64_t count) {
  return fmt::format("{} {}", count, count == 1 ? "day" : "days");
}

bool IsSuspensionWithin(const CatalogueRow& earlier,
                        const CatalogueRow& later) {
  return earlier.state == ServiceState::kQualified &&
         later.state == ServiceState::kSuspended;
}

bool SayDifferentThings(const CatalogueRow& a, const CatalogueRow& b) {
  if (a.state != b.state) return true;
  if (a.milestone != b.milestone && a.milestone != Milestone::kNotSaid &&
      b.milestone != Milestone::kNotSaid) {
    return true;
  }
  return a.framework_version != b.framework_version &&
         !a.framework_version.empty() && !b.framework_version.empty();
}

// `earlier` began first, or stands first of those that began on one day. One
// without an end is taken to end where the next begins.
bool Contradict(const CatalogueRow& earlier, const CatalogueRow& later) {
  const Day begin = later.known_from();
  const bool share_days = earlier.validity.until
                              ? *earlier.validity.until > begin
                              : earlier.known_from() == begin;
  return share_days && SayDifferentThings(earlier, later) &&
         !IsSuspensionWithin(earlier, later);
}

// The checks of one service, whose rows are in order of time.
class ServiceCheck {
 public:
  ServiceCheck(const Service& service, Day day,
               std::vector<CatalogueFinding>* findings)
      : service_(service), day_(day), findings_(findings) {}

  void Run() {
    for (size_t i = 0; i < service_.rows.size(); ++i) {
      CheckObservation(service_.rows[i]);
      CheckDecision(service_.rows[i]);
      CheckAgainstEarlier(i);
      CheckReturn(i);
    }
    CheckDay();
  }

 private:
  void Add(FindingKind kind, const CatalogueRow& row, std::string what) {
    findings_->push_back({kind, "", row.line, service_.id, std::move(what)});
  }

  void CheckObservation(const CatalogueRow& row) {
    if (row.observed_on > day_) {
      Add(FindingKind::kObservedInFuture, row,
          fmt::format("observed on {}, after the day of the check ({})",
                      FormatDay(row.observed_on), FormatDay(day_)));
    }
    if (row.validity.from && *row.validity.from > row.observed_on) {
      Add(FindingKind::kObservedTooEarly, row,
          fmt::format("{} from {}, but observed on {}; accepted is an "
                      "observation of that day or a later one",
                      StateName(row.state), FormatDay(*row.validity.from),
                      FormatDay(row.observed_on)));
    }
  }

  void CheckDecision(const CatalogueRow& row) {
    if (row.state != ServiceState::kQualified) return;
    if (row.reference.empty()) {
      Add(FindingKind::kNoReference, row,
          "qualified without a reference to the decision");
    }
    if (row.validity.from && row.validity.until) return;
    const std::string_view lacks = row.validity.from    ? "last"
                                   : row.validity.until ? "first"
                                                        : "first and a last";
    Add(FindingKind::kNoDates, row,
        fmt::format("qualified without a {} day", lacks));
  }

  // Says the nearest earlier row that contradicts this one.
  void CheckAgainstEarlier(size_t index) {
    const CatalogueRow& later = service_.rows[index];
    for (size_t i = index; i > 0; --i) {
      const CatalogueRow& earlier = service_.rows[i - 1];
      if (!Contradict(earlier, later)) continue;
      Add(FindingKind::kContradiction, later,
          fmt::format("{} from {}, but line {} says {} until {}; end it on {}, "
                      "or correct one of them",
                      TextOf(later), FormatDay(later.known_from()),
                      earlier.line, TextOf(earlier),
                      earlier.validity.until
                          ? FormatDay(*earlier.validity.until)
                          : "a day that is not known",
                      FormatDay(later.known_from())));
      return;
    }
  }

  static std::string TextOf(const CatalogueRow& row) {
    std::string text(StateName(row.state));
    for (const std::string_view part :
         {MilestoneName(row.milestone),
          std::string_view(row.framework_version)}) {
      if (!part.empty()) text.append(" ").append(part);
    }
    return text;
  }

  // A row without an end holds for ever: after the last end of the rows that
  // follow, it is what EvaluateQualification finds.
  void CheckReturn(size_t index) {
    const CatalogueRow& row = service_.rows[index];
    if (row.validity.until) return;
    const CatalogueRow* last = nullptr;
    for (size_t i = index + 1; i < service_.rows.size(); ++i) {
      const CatalogueRow& later = service_.rows[i];
      if (!later.validity.until) return;
      if (last == nullptr || *last->validity.until <= *later.validity.until) {
        last = &later;
      }
    }
    if (last == nullptr || IsSuspensionWithin(row, *last)) return;
    Add(FindingKind::kReturns, row,
        fmt::format("{} without an end, so it holds again once line {} has "
                    "ended on {}; write its `until`",
                    StateName(row.state), last->line,
                    FormatDay(*last->validity.until)));
  }

  void CheckDay() {
    const QualificationAt at = EvaluateQualification(service_, day_);
    if (at.row == nullptr || at.status == QualificationStatus::kExpired) {
      CheckSuccessor();
      return;
    }
    const auto age = (day_ - at.row->observed_on).count();
    if (age > kStaleDays) {
      Add(FindingKind::kNotObserved, *at.row,
          fmt::format("{}, last observed on {}, {} before {}; look it up and "
                      "record what you find",
                      QualificationStatusName(at.status),
                      FormatDay(at.row->observed_on), Days(age),
                      FormatDay(day_)));
    }
    if (at.status == QualificationStatus::kQualified &&
        at.row->validity.until) {
      CheckEnd(*at.row);
    }
  }

  void CheckEnd(const CatalogueRow& row) {
    const Day until = *row.validity.until;
    const auto left = (until - day_).count();
    const Day next = until + std::chrono::days(1);
    if (left > kNearEndDays || EvaluateQualification(service_, next).status ==
                                   QualificationStatus::kQualified) {
      return;
    }
    Add(FindingKind::kExpiresSoon, row,
        fmt::format("{} left: the qualification ends on {}, and no renewal is "
                    "known",
                    Days(left), FormatDay(until)));
  }

  // No row holds on the day: of those that ended, the last.
  void CheckSuccessor() {
    const CatalogueRow* last = nullptr;
    for (const CatalogueRow& row : service_.rows) {
      if (row.known_from() > day_) return;  // What follows is known.
      if (!row.validity.until) continue;
      if (last == nullptr || *last->validity.until <= *row.validity.until) {
        last = &row;
      }
    }
    if (last == nullptr) return;
    Add(FindingKind::kNoSuccessor, *last,
        fmt::format("{} ended on {}, and no row says what followed",
                    StateName(last->state), FormatDay(*last->validity.until)));
  }

  const Service& service_;
  const Day day_;
  std::vector<CatalogueFinding>* findings_;
};

// What the ASN database says of a prefix.
struct Announced {
  std::map<uint32_t, std::string> asns;  // With their names.
  Uint128 covered = 0;                   // Addresses that an ASN announces.
};

Announced AnnouncedIn(const IpPrefix& prefix, const MmdbFile::AsnTable& table) {
  Announced announced;
  // Entries are in address order, IPv4 first, and none overlap.
  auto entry =
      std::partition_point(table.entries.begin(), table.entries.end(),
                           [&](const DatabaseEntry& candidate) {
                             if (candidate.prefix.family() != prefix.family()) {
                               return prefix.family() == AddressFamily::kIpv6;
                             }
                             return candidate.prefix.last() < prefix.first();
                           });
  for (; entry != table.entries.end() && entry->prefix.Overlaps(prefix);
       ++entry) {
    const MmdbAsn& record = table.records[entry->record];
    if (record.asn == 0) continue;
    announced.asns.emplace(record.asn, record.organization);
    const Uint128 first = std::max(entry->prefix.first(), prefix.first());
    const Uint128 last = std::min(entry->prefix.last(), prefix.last());
    announced.covered += last - first + 1;
  }
  return announced;
}

std::string NamesOf(const Announced& announced) {
  constexpr size_t kMaxNamed = 8;
  std::vector<std::string> names;
  for (const auto& [asn, name] : announced.asns) {
    if (names.size() == kMaxNamed) {
      names.push_back(
          fmt::format("{} more", announced.asns.size() - kMaxNamed));
      break;
    }
    names.push_back(
        fmt::format("AS{}{}{}", asn, name.empty() ? "" : " ", name));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

const FindingInfo& InfoOf(FindingKind kind) {
  const FindingInfo& info = kFindings[static_cast<size_t>(kind)];
  assert(info.kind == kind);
  return info;
}

std::vector<CatalogueFinding> CheckCatalogueRows(
    const std::vector<CatalogueRow>& rows, Day day) {
  std::vector<CatalogueFinding> findings;
  const std::vector<Service> services = GatherServices(rows);
  for (CatalogueProblem& problem : FindCatalogueProblems(services)) {
    findings.push_back({KindOf(problem.kind), "", problem.line,
                        std::move(problem.service_id),
                        std::move(problem.what)});
  }
  for (const Service& service : services) {
    if (service.rows.size() > kMaxRowsOfService) continue;
    ServiceCheck(service, day, &findings).Run();
  }
  std::stable_sort(findings.begin(), findings.end(),
                   [](const CatalogueFinding& a, const CatalogueFinding& b) {
                     return a.line < b.line;
                   });
  return findings;
}

std::vector<CatalogueFinding> CheckServiceRanges(
    const std::vector<RangeRow>& ranges, const MmdbFile::AsnTable& asns) {
  std::vector<CatalogueFinding> findings;
  for (const RangeRow& range : ranges) {
    if (range.service_id.empty()) continue;
    const Announced announced = AnnouncedIn(range.prefix, asns);
    const auto add = [&](FindingKind kind, std::string what) {
      findings.push_back(
          {kind, range.file, range.line, range.service_id, std::move(what)});
    };
    if (announced.asns.size() > 1) {
      add(FindingKind::kRangeOfSeveral,
          fmt::format("{} is announced by {} ASNs: {}", range.prefix.ToString(),
                      announced.asns.size(), NamesOf(announced)));
    }
    if (announced.asns.empty()) {
      add(FindingKind::kRangeUnannounced,
          fmt::format("{} is announced by no ASN", range.prefix.ToString()));
    } else if (announced.covered <
               range.prefix.last() - range.prefix.first() + 1) {
      add(FindingKind::kRangeUnannounced,
          fmt::format("{} is announced in part only, by {}",
                      range.prefix.ToString(), NamesOf(announced)));
    }
  }
  std::stable_sort(findings.begin(), findings.end(),
                   [](const CatalogueFinding& x, const CatalogueFinding& y) {
                     return std::tie(x.file, x.line) < std::tie(y.file, y.line);
                   });
  return findings;
}

}  // namespace octroi
