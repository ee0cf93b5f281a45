// SPDX-License-Identifier: Apache-2.0
#include "evidence/replay_report.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <numeric>
#include <span>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "evidence/csv_text.h"
#include "evidence/digest.h"
#include "evidence/json.h"
#include "fmt/format.h"
#include "geo/huge_pages.h"

namespace octroi {
namespace {

// A database further than this from the capture draws a warning: allocations
// change hands, and 90 days is where the design puts the line.
constexpr int kMaxFactAgeDays = 90;

auto RowKey(const ReportRow& row) {
  return std::tie(row.workload, row.direction, row.verdict, row.reason,
                  row.destination);
}

std::string_view WorkloadName(const Policy& policy, WorkloadId id) {
  return id < policy.workloads.size() ? policy.workloads[id].name
                                      : std::string_view();
}

// An account whose attribution was folded away says so, in the words that a
// result has for what is not known.
DestinationView FoldedView() {
  DestinationView view;
  view.location = "unknown";
  view.regime = "unknown";
  view.operator_name = "(folded: too many destinations)";
  view.qualification = "unknown";
  return view;
}

// The rank of each value among all of them; equal values have equal ranks.
template <typename Value>
std::vector<uint32_t> RanksOf(const std::vector<Value>& values) {
  std::vector<uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&values](uint32_t a, uint32_t b) {
    return values[a] < values[b];
  });
  std::vector<uint32_t> ranks(values.size());
  uint32_t rank = 0;
  for (size_t i = 1; i < order.size(); ++i) {
    if (values[order[i - 1]] < values[order[i]]) ++rank;
    ranks[order[i]] = rank;
  }
  return ranks;
}

// The edition that judged an account. Accounts come in the order of editions,
// so that it is mostly that of the one before.
class EditionFinder {
 public:
  explicit EditionFinder(const EditionTimeline* timeline)
      : timeline_(timeline) {}

  const Edition& Of(const AccountKey& key) {
    if (last_ == nullptr || last_->index != key.edition) {
      last_ = &timeline_->edition(key.edition);
    }
    return *last_;
  }

 private:
  const EditionTimeline* timeline_;
  const Edition* last_ = nullptr;
};

// Makes the rows of accounts: those that read the same added up, those that
// sent most first. There may be many thousand, so that what most of them differ
// in is brought to numbers before texts are compared, and only what is listed
// is put into words.
class RowMaker {
 public:
  RowMaker(const ReportContext& context, std::span<const AccountRow> accounts);

  ReportRows Make();

 private:
  // Stands for the row of an account. `head` and `place` are in the order of
  // RowKey as far as they go, that is to the ASN.
  struct Handle {
    uint64_t head;
    uint64_t place;
    uint32_t account;
  };
  // A row, as the list is ordered: of those that sent as much, by RowKey.
  struct Sent {
    uint64_t egress_octets;
    uint64_t octets;
    uint32_t rank;  // Among all rows, by RowKey.
    uint32_t account;
  };

  DestinationView ViewOfAccount(const AccountKey& key);
  ReportRow RowOf(uint32_t account);
  std::vector<uint32_t> NameRanks() const;
  void AddHandles();
  bool ReadsBefore(const Handle& a, const Handle& b);
  HugePageVector<Sent> MergeSorted();

  const ReportContext& context_;
  std::span<const AccountRow> accounts_;
  EditionFinder editions_;
  // Of each account and those like it.
  HugePageVector<AccountTotals> totals_;
  HugePageVector<Handle> handles_;
};

RowMaker::RowMaker(const ReportContext& context,
                   std::span<const AccountRow> accounts)
    : context_(context), accounts_(accounts), editions_(context.timeline) {
  totals_.reserve(accounts.size());
  for (const AccountRow& account : accounts) totals_.push_back(account.totals);
}

DestinationView RowMaker::ViewOfAccount(const AccountKey& key) {
  return key.attribution == kFoldedAttribution
             ? FoldedView()
             : ViewOf(editions_.Of(key), key.attribution);
}

ReportRow RowMaker::RowOf(uint32_t account) {
  const AccountKey& key = accounts_[account].key;
  return {WorkloadName(*context_.policy, key.workload),
          key.direction,
          key.judgement.verdict,
          key.judgement.reason,
          ViewOfAccount(key),
          totals_[account]};
}

// By workload; the last one is that of no workload.
std::vector<uint32_t> RowMaker::NameRanks() const {
  std::vector<std::string_view> names;
  for (const Workload& workload : context_.policy->workloads) {
    names.push_back(workload.name);
  }
  names.push_back("");
  return RanksOf(names);
}

void RowMaker::AddHandles() {
  using Place =
      std::tuple<std::string_view, std::string_view, std::string_view>;
  const std::vector<uint32_t> name_ranks = NameRanks();
  // Attributions of one class are in one place.
  std::vector<Place> places;
  absl::flat_hash_map<uint64_t, uint32_t> place_of_class;
  for (uint32_t i = 0; i < accounts_.size(); ++i) {
    const AccountKey& key = accounts_[i].key;
    Attribution attribution;
    uint64_t class_number = UINT64_MAX;
    if (key.attribution != kFoldedAttribution) {
      attribution = editions_.Of(key).atlas->attribution(key.attribution);
      class_number = uint64_t{key.edition} << 32 | attribution.class_id;
    }
    const auto [found, is_new] = place_of_class.try_emplace(
        class_number, static_cast<uint32_t>(places.size()));
    if (is_new) {
      const DestinationView view = ViewOfAccount(key);
      places.emplace_back(view.location, view.country, view.regime);
    }
    const size_t name = std::min<size_t>(key.workload, name_ranks.size() - 1);
    handles_.push_back({uint64_t{name_ranks[name]} << 24 |
                            static_cast<uint64_t>(key.direction) << 16 |
                            static_cast<uint64_t>(key.judgement.verdict) << 8 |
                            static_cast<uint64_t>(key.judgement.reason),
                        uint64_t{found->second} << 32 | attribution.asn, i});
  }
  const std::vector<uint32_t> ranks = RanksOf(places);
  for (Handle& handle : handles_) {
    const auto asn = static_cast<uint32_t>(handle.place);
    handle.place = uint64_t{ranks[handle.place >> 32]} << 32 | asn;
  }
}

bool RowMaker::ReadsBefore(const Handle& a, const Handle& b) {
  if (a.head != b.head) return a.head < b.head;
  if (a.place != b.place) return a.place < b.place;
  return RowKey(RowOf(a.account)) < RowKey(RowOf(b.account));
}

// Adds accounts that read the same to the first of them.
HugePageVector<RowMaker::Sent> RowMaker::MergeSorted() {
  size_t kept = 0;
  for (const Handle& next : handles_) {
    if (kept == 0 || ReadsBefore(handles_[kept - 1], next)) {
      handles_[kept++] = next;
    } else {
      totals_[handles_[kept - 1].account] += totals_[next.account];
    }
  }
  handles_.resize(kept);
  HugePageVector<Sent> sent;
  sent.reserve(kept);
  for (const Handle& handle : handles_) {
    const AccountTotals& totals = totals_[handle.account];
    sent.push_back({totals.egress_octets, totals.octets,
                    static_cast<uint32_t>(sent.size()), handle.account});
  }
  return sent;
}

ReportRows RowMaker::Make() {
  handles_.reserve(accounts_.size());
  AddHandles();
  std::sort(
      handles_.begin(), handles_.end(),
      [this](const Handle& a, const Handle& b) { return ReadsBefore(a, b); });
  HugePageVector<Sent> order = MergeSorted();
  const size_t listed = std::min(context_.most_rows, order.size());
  const auto sent_more = [](const Sent& a, const Sent& b) {
    if (a.egress_octets != b.egress_octets) {
      return a.egress_octets > b.egress_octets;
    }
    if (a.octets != b.octets) return a.octets > b.octets;
    return a.rank < b.rank;
  };
  std::nth_element(order.begin(), order.begin() + listed, order.end(),
                   sent_more);
  std::sort(order.begin(), order.begin() + listed, sent_more);
  ReportRows rows;
  rows.listed.reserve(listed);
  for (const Sent& sent : std::span(order).first(listed)) {
    rows.listed.push_back(RowOf(sent.account));
  }
  for (const Sent& sent : std::span(order).subspan(listed)) {
    const AccountKey& key = accounts_[sent.account].key;
    ReportRemainder& rest = rows.left_out[key.judgement.verdict];
    ++rest.rows;
    rest.totals += totals_[sent.account];
  }
  return rows;
}

std::vector<ReportTotal> MakeTotals(std::span<const AccountRow> accounts) {
  std::map<std::pair<FlowDirection, Verdict>, AccountTotals> sums;
  for (const AccountRow& account : accounts) {
    sums[{account.key.direction, account.key.judgement.verdict}] +=
        account.totals;
  }
  std::vector<ReportTotal> totals;
  for (const auto& [key, sum] : sums) {
    totals.push_back({key.first, key.second, sum});
  }
  return totals;
}

// Whether the requirement, or an exception from it, judged the destination.
bool IsJudged(const Judgement& judgement) {
  return judgement.verdict != Verdict::kNotJudged &&
         judgement.reason != Reason::kAdministeredFromOutsideEu;
}

std::optional<int> SealOf(EditionFinder* editions, const AccountKey& key) {
  if (key.attribution == kFoldedAttribution) return std::nullopt;
  return DestinationOf(editions->Of(key), key.attribution).seal;
}

// The chain is as strong as its weakest link. A level of 0 cannot be undercut,
// so it stands even beside destinations whose level is unknown.
std::vector<ReportWorkload> MakeWorkloads(
    const ReportContext& context, std::span<const AccountRow> accounts) {
  std::vector<ReportWorkload> workloads;
  for (const Workload& workload : context.policy->workloads) {
    workloads.emplace_back().name = workload.name;
  }
  EditionFinder editions(context.timeline);
  for (const AccountRow& account : accounts) {
    if (account.key.workload >= workloads.size()) continue;  // Of none.
    ReportWorkload& result = workloads[account.key.workload];
    result.totals += account.totals;
    if (!IsJudged(account.key.judgement)) continue;
    const std::optional<int> seal = SealOf(&editions, account.key);
    if (!seal) {
      result.has_unknown_seal = true;
    } else if (!result.lowest_seal || *seal < *result.lowest_seal) {
      result.lowest_seal = seal;
    }
  }
  for (ReportWorkload& result : workloads) {
    if (result.has_unknown_seal && result.lowest_seal.value_or(1) != 0) {
      result.lowest_seal.reset();
    }
  }
  return workloads;
}

std::vector<ReportException> MakeExceptions(
    const Policy& policy, std::span<const AccountRow> accounts) {
  std::vector<ReportException> exceptions;
  std::vector<size_t> first_of_workload;
  for (const Workload& workload : policy.workloads) {
    first_of_workload.push_back(exceptions.size());
    for (const Exception& exception : workload.exceptions) {
      exceptions.push_back({workload.name, exception, {}, {}});
    }
  }
  for (const AccountRow& account : accounts) {
    const Judgement& judgement = account.key.judgement;
    if (judgement.exception == kNoException) continue;
    ReportException& exception =
        exceptions[first_of_workload[account.key.workload] +
                   judgement.exception];
    (judgement.is_exception_expired() ? exception.expired
                                      : exception.applied) += account.totals;
  }
  return exceptions;
}

void AddAgeWarnings(const Facts& facts, ReplayReport* report) {
  const std::optional<int64_t> first = FirstTime(*report);
  const std::optional<int64_t> last = LastTime(*report);
  if (!first || !last) return;
  const auto warn = [&](const FactSource& source, int64_t days,
                        std::string_view how) {
    report->warnings.push_back(fmt::format(
        "{} of {} is {} days {} than the capture ({} to {}): addresses may "
        "have changed hands in between; give a database of that time with "
        "facts.country and facts.asn",
        source.name, FormatDay(*source.built), days, how,
        FormatDay(DayOf(*first)), FormatDay(DayOf(*last))));
  };
  // From the capture's end to a build made later, and from a build made before
  // it to its start.
  const auto check = [&](const auto& series) {
    const FactSource& at_end = BuildInForce(series, DayOf(*last)).source;
    const FactSource& at_start = BuildInForce(series, DayOf(*first)).source;
    if (!at_end.built || !at_start.built) return;
    const int64_t younger = (*at_end.built - DayOf(*last)).count();
    const int64_t older = (DayOf(*first) - *at_start.built).count();
    if (younger > kMaxFactAgeDays) warn(at_end, younger, "younger");
    if (older > kMaxFactAgeDays) warn(at_start, older, "older");
  };
  for (const CountrySeries& series : facts.countries) check(series);
  if (!facts.asn.empty()) check(facts.asn);
}

void AddLossWarnings(ReplayReport* report) {
  const WorkerTotals& counters = report->result.counters;
  if (counters.flow_records_lost != 0) {
    report->warnings.push_back(fmt::format(
        "the memory limit was reached: {} packets are accounted without a "
        "flow record, and flow counts are too low by as many flows; raise "
        "--memory-limit",
        counters.flow_records_lost));
  }
  if (report->result.flows_not_kept != 0) {
    report->warnings.push_back(fmt::format(
        "the memory limit was reached: {} flow records are accounted but not "
        "listed; raise --memory-limit",
        report->result.flows_not_kept));
  }
  if (report->result.is_limit_reached && counters.flow_records_lost == 0 &&
      report->result.flows_not_kept == 0) {
    report->warnings.push_back(
        "a limit was reached: some accounts no longer tell their destination; "
        "octets are complete");
  }
  for (const ReportCapture& capture : report->captures) {
    const uint64_t drops = capture.summary.reported_drops.value_or(0);
    if (drops == 0) continue;
    report->warnings.push_back(fmt::format(
        "{}: the capture says that {} packets were lost before they reached "
        "it",
        capture.summary.path, drops));
  }
}

}  // namespace

std::optional<int64_t> FirstTime(const ReplayReport& report) {
  std::optional<int64_t> first;
  for (const ReportCapture& capture : report.captures) {
    const std::optional<int64_t>& time = capture.summary.first_ns;
    if (time && (!first || *time < *first)) first = time;
  }
  return first;
}

std::optional<int64_t> LastTime(const ReplayReport& report) {
  std::optional<int64_t> last;
  for (const ReportCapture& capture : report.captures) {
    const std::optional<int64_t>& time = capture.summary.last_ns;
    if (time && (!last || *time > *last)) last = time;
  }
  return last;
}

std::string_view ExceptionStatus(const ReportException& exception) {
  if (exception.expired.flows != 0) return "expired";
  return exception.applied.flows != 0 ? "active" : "unused";
}

ReplayReport MakeReport(ReportContext context, ReplayResult result) {
  ReplayReport report;
  report.destinations = RowMaker(context, result.accounts).Make();
  report.tunnelled = RowMaker(context, result.tunnelled_accounts).Make();
  report.totals = MakeTotals(result.accounts);
  report.workloads = MakeWorkloads(context, result.accounts);
  report.exceptions = MakeExceptions(*context.policy, result.accounts);
  report.captures = std::move(context.captures);
  report.result = std::move(result);
  report.at = std::move(context.at);
  report.edition_digest = std::move(context.edition_digest);
  report.sources = context.facts->sources;
  AddAgeWarnings(*context.facts, &report);
  AddLossWarnings(&report);
  return report;
}

namespace {

// "2,3:ovh,6:orange": how many, and each with its length.
std::string NamesText(const std::vector<std::string>& names) {
  std::string text = fmt::format("{}", names.size());
  for (const std::string& name : names) {
    text += fmt::format(",{}:{}", name.size(), name);
  }
  return text;
}

std::string ListsText(const Requirement& requirement) {
  std::string text;
  if (requirement.allow) {
    text += fmt::format(" allow=operators/{}/services/{}",
                        NamesText(requirement.allow->operators),
                        NamesText(requirement.allow->services));
  }
  if (!requirement.deny.countries.empty()) {
    text += " deny=countries";
    for (const CountryCode country : requirement.deny.countries) {
      text += "," + country.ToString();
    }
  }
  if (!requirement.deny.laws.empty()) {
    text += " deny=laws/" + NamesText(requirement.deny.laws);
  }
  return text;
}

std::string RequirementText(const Requirement& requirement) {
  std::string text;
  if (requirement.location) {
    text +=
        fmt::format("location={}", RegimeName(requirement.location->regime));
    for (const CountryCode country : requirement.location->countries) {
      text += "," + country.ToString();
    }
  }
  text += requirement.requires_eu_control ? " control=eu" : "";
  text += ListsText(requirement);
  if (requirement.qualification) {
    const QualificationRequirement& q = *requirement.qualification;
    text += fmt::format(" qualification={}/{}", q.scheme, q.minimum_version);
    for (const std::string& type : q.service_types) text += "," + type;
  }
  if (requirement.minimum_seal) {
    text += fmt::format(" seal={}", *requirement.minimum_seal);
  }
  text += requirement.applies_to_any ? " any" : "";
  return text;
}

// Everything of a policy that can change a verdict, in one unambiguous text:
// free text is preceded by its length.
std::string PolicyText(const Policy& policy) {
  std::string text = fmt::format("undetermined_is_violation={}\n",
                                 policy.undetermined_is_violation);
  for (const Workload& workload : policy.workloads) {
    text += fmt::format("workload {}:{} any={} {}\n", workload.name.size(),
                        workload.name, workload.covers_any,
                        RequirementText(workload.requirement));
    for (const IpPrefix& prefix : workload.addresses) {
      text += fmt::format("  address {}\n", prefix.ToString());
    }
    for (const Exception& exception : workload.exceptions) {
      text += fmt::format(
          "  exception {} {} {}:{} {}:{}", exception.destination.ToString(),
          FormatDay(exception.until), exception.reference.size(),
          exception.reference, exception.reason.size(), exception.reason);
      for (const uint16_t port : exception.ports) {
        text += fmt::format(" port={}", port);
      }
      text += "\n";
    }
  }
  Requirement from;
  from.location = policy.administration.from;
  text += fmt::format("administration {}", RequirementText(from));
  for (const uint16_t port : policy.administration.ports) {
    text += fmt::format(" {}", port);
  }
  return text + "\n";
}

}  // namespace

std::string EditionDigest(const Facts& facts, const Policy& policy,
                          const std::vector<IpPrefix>& local_networks) {
  std::string text = "octroi.edition/1\n";
  for (const FactSource& source : facts.sources) {
    text += fmt::format("source {} {}\n", source.name, source.sha256);
  }
  for (const IpPrefix& prefix : local_networks) {
    text += fmt::format("local {}\n", prefix.ToString());
  }
  text += PolicyText(policy);
  return Sha256Hex(
      {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

namespace {

Json CaptureToJson(const ReportCapture& capture) {
  const CaptureSummary& summary = capture.summary;
  return {{"path", summary.path},
          {"sha256", TextOrNull(capture.sha256)},
          {"packets", summary.packets},
          {"first", InstantOrNull(summary.first_ns)},
          {"last", InstantOrNull(summary.last_ns)},
          {"truncated", summary.truncated},
          {"note", TextOrNull(summary.note)},
          {"error", TextOrNull(capture.error)},
          {"packets_without_time", summary.packets_without_time},
          {"reported_drops", NumberOrNull(summary.reported_drops)}};
}

Json PacketsToJson(const WorkerTotals& counters) {
  Json undecoded = Json::object();
  for (const DropReasonInfo& info : kDropReasons) {
    const uint64_t count = counters.undecoded[static_cast<size_t>(info.reason)];
    if (count != 0) undecoded[std::string(info.label)] = count;
  }
  return {{"received", counters.received},
          {"accounted", counters.accounted},
          {"filtered", counters.filtered},
          {"undecoded", undecoded}};
}

void AddTotals(const AccountTotals& totals, Json* json) {
  (*json)["flows"] = totals.flows;
  (*json)["packets"] = totals.packets;
  (*json)["octets"] = totals.octets;
  (*json)["egress_packets"] = totals.egress_packets;
  (*json)["egress_octets"] = totals.egress_octets;
}

Json RowToJson(const ReportRow& row) {
  const DestinationView& destination = row.destination;
  const ReasonInfo& reason = InfoOf(row.reason);
  Json json = {
      {"workload", TextOrNull(row.workload)},
      {"direction", DirectionName(row.direction)},
      {"verdict", VerdictName(row.verdict)},
      {"reason", reason.name},
      {"clause", TextOrNull(reason.clause)},
      {"location", destination.location},
      {"country", TextOrNull(destination.country)},
      {"regime", destination.regime},
      {"asn", destination.asn == 0 ? Json() : Json(destination.asn)},
      {"operator", TextOrNull(destination.operator_name)},
      {"controlling_country", TextOrNull(destination.controlling_country)},
      {"law", TextOrNull(destination.law)},
      {"service", TextOrNull(destination.service)},
      {"qualification", destination.qualification},
      {"seal", NumberOrNull(destination.seal)}};
  AddTotals(row.totals, &json);
  return json;
}

Json RowsToJson(const std::vector<ReportRow>& rows) {
  Json json = Json::array();
  for (const ReportRow& row : rows) json.push_back(RowToJson(row));
  return json;
}

Json ExceptionToJson(const ReportException& report) {
  const Exception& exception = report.exception;
  return {{"workload", report.workload},
          {"destination", exception.destination.ToString()},
          {"port", exception.ports.empty() ? Json() : Json(exception.ports)},
          {"until", FormatDay(exception.until)},
          {"reference", exception.reference},
          {"reason", exception.reason},
          {"status", ExceptionStatus(report)},
          {"flows", report.applied.flows},
          {"octets", report.applied.octets},
          {"expired_flows", report.expired.flows},
          {"expired_octets", report.expired.octets}};
}

Json EditionToJson(const ReplayReport& report) {
  return {{"digest", report.edition_digest},
          {"at", report.at},
          {"sources", SourcesToJson(report.sources)}};
}

Json LimitsToJson(const ReplayResult& result) {
  return {{"reached", result.is_limit_reached},
          {"flow_records_lost", result.counters.flow_records_lost},
          {"flows_not_listed", result.flows_not_kept},
          {"tunnels_not_tracked", result.counters.tunnels_not_tracked},
          {"fragments_without_ports", result.counters.fragments_unresolved}};
}

}  // namespace

std::string ReportToJson(const ReplayReport& report) {
  assert(report.destinations.left_out.empty() &&
         report.tunnelled.left_out.empty());
  Json json;
  json["schema"] = "octroi.replay/1";
  json["captures"] = Json::array();
  for (const ReportCapture& capture : report.captures) {
    json["captures"].push_back(CaptureToJson(capture));
  }
  json["packets"] = PacketsToJson(report.result.counters);
  json["flows"] = report.result.flow_count;
  json["totals"] = Json::array();
  for (const ReportTotal& total : report.totals) {
    Json row = {{"direction", DirectionName(total.direction)},
                {"verdict", VerdictName(total.verdict)}};
    AddTotals(total.totals, &row);
    json["totals"].push_back(std::move(row));
  }
  json["destinations"] = RowsToJson(report.destinations.listed);
  json["workloads"] = Json::array();
  for (const ReportWorkload& workload : report.workloads) {
    Json row = {{"name", workload.name},
                {"lowest_seal", NumberOrNull(workload.lowest_seal)},
                {"has_unknown_seal", workload.has_unknown_seal}};
    AddTotals(workload.totals, &row);
    json["workloads"].push_back(std::move(row));
  }
  json["exceptions"] = Json::array();
  for (const ReportException& exception : report.exceptions) {
    json["exceptions"].push_back(ExceptionToJson(exception));
  }
  json["tunnelled"] = {{"flows", report.result.tunnelled_flow_count},
                       {"destinations", RowsToJson(report.tunnelled.listed)}};
  json["limits"] = LimitsToJson(report.result);
  json["edition"] = EditionToJson(report);
  json["warnings"] = report.warnings;
  json["notice"] =
      "SEAL levels are an indication for engineers, not legal advice. An "
      "attribution is a claim by a named source, not proof of where data "
      "rests.";
  return ToPage(json);
}

std::string ReportToCsv(const ReplayReport& report) {
  assert(report.destinations.left_out.empty());
  std::string csv =
      "workload,direction,verdict,reason,clause,location,country,regime,asn,"
      "operator,controlling_country,law,service,qualification,seal,flows,"
      "packets,octets,egress_packets,egress_octets\n";
  for (const ReportRow& row : report.destinations.listed) {
    const DestinationView& view = row.destination;
    const ReasonInfo& reason = InfoOf(row.reason);
    csv += fmt::format(
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n",
        SpreadsheetField(row.workload), DirectionName(row.direction),
        VerdictName(row.verdict), reason.name, reason.clause, view.location,
        view.country, view.regime,
        view.asn == 0 ? "" : std::to_string(view.asn),
        SpreadsheetField(view.operator_name), view.controlling_country,
        SpreadsheetField(view.law), SpreadsheetField(view.service),
        view.qualification, view.seal ? std::to_string(*view.seal) : "",
        row.totals.flows, row.totals.packets, row.totals.octets,
        row.totals.egress_packets, row.totals.egress_octets);
  }
  return csv;
}

}  // namespace octroi
