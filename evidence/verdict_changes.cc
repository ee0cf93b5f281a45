// SPDX-License-Identifier: Apache-2.0
#include "evidence/verdict_changes.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "dataplane/classify.h"
#include "evidence/csv_text.h"
#include "evidence/json.h"
#include "fmt/format.h"

namespace octroi {
namespace {

std::string RowText(const CatalogueRow* row) {
  if (row == nullptr) return "";
  return fmt::format(
      "{}{}{}, {} to {}", StateName(row->state),
      row->milestone == Milestone::kNotSaid
          ? ""
          : fmt::format(" {}", MilestoneName(row->milestone)),
      row->reference.empty() ? "" : ", " + row->reference,
      row->validity.from ? FormatDay(*row->validity.from) : "not known",
      row->validity.until ? FormatDay(*row->validity.until) : "open");
}

SideOfChange DescribeSide(const Edition& edition,
                          const Classification& classification) {
  SideOfChange side;
  side.judgement = classification.judgement;
  if (side.judgement.exception != kNoException) {
    side.exception = edition.policy->workloads[classification.workload]
                         .exceptions[side.judgement.exception]
                         .reference;
  }
  side.destination = ViewOf(edition, classification.attribution);
  const Destination& destination =
      DestinationOf(edition, classification.attribution);
  if (destination.service != nullptr) {
    side.qualification_row = RowText(destination.qualification.row);
  }
  return side;
}

// What of the facts differs, in the order in which results list facts.
std::vector<FactChange> Differences(const SideOfChange& a,
                                    const SideOfChange& b) {
  std::vector<FactChange> changes;
  const auto add = [&changes](std::string_view fact, std::string_view first,
                              std::string_view second) {
    if (first == second) return;
    changes.push_back(
        {std::string(fact), std::string(first), std::string(second)});
  };
  const DestinationView& x = a.destination;
  const DestinationView& y = b.destination;
  const auto seal = [](const DestinationView& view) {
    return view.seal ? std::to_string(*view.seal) : "unknown";
  };
  const auto exception = [](const SideOfChange& side) {
    if (side.exception.empty()) return std::string();
    return side.exception +
           (side.judgement.is_exception_expired() ? " (ended)" : "");
  };
  add("location", x.location, y.location);
  add("regime", x.regime, y.regime);
  add("operator", x.operator_name, y.operator_name);
  add("controlling_country", x.controlling_country, y.controlling_country);
  add("law", x.law, y.law);
  add("service", x.service, y.service);
  add("qualification", x.qualification, y.qualification);
  add("qualification_row", a.qualification_row, b.qualification_row);
  add("seal", seal(x), seal(y));
  add("exception", exception(a), exception(b));
  return changes;
}

bool IsSameAnswer(const Judgement& a, const Judgement& b) {
  return a.verdict == b.verdict && a.reason == b.reason;
}

Judgement WithoutException(Judgement judgement) {
  judgement.exception = kNoException;
  return judgement;
}

using GroupKey =
    std::tuple<Verdict, Reason, Verdict, Reason, std::vector<FactChange>>;

}  // namespace

VerdictComparison CompareVerdicts(std::span<const ExportedFlow> flows,
                                  const JudgedBy& first, const JudgedBy& second,
                                  const Policy& policy) {
  VerdictComparison comparison;
  comparison.first_at = first.at;
  comparison.second_at = second.at;
  comparison.flows = flows.size();
  std::map<GroupKey, ChangeGroup> groups;
  for (const ExportedFlow& flow : flows) {
    const Edition& before = first.timeline->At(flow.record.start_ns);
    const Edition& after = second.timeline->At(flow.record.start_ns);
    const Classification a = Reclassify(before, flow.record);
    const Classification b = Reclassify(after, flow.record);
    if (IsSameAnswer(a.judgement, b.judgement)) continue;
    VerdictChange change;
    change.flow = flow;
    if (a.workload < policy.workloads.size()) {
      change.workload = policy.workloads[a.workload].name;
    }
    change.first = DescribeSide(before, a);
    change.second = DescribeSide(after, b);
    change.why = Differences(change.first, change.second);
    ChangeGroup& group =
        groups[{a.judgement.verdict, a.judgement.reason, b.judgement.verdict,
                b.judgement.reason, change.why}];
    group.first = WithoutException(a.judgement);
    group.second = WithoutException(b.judgement);
    group.why = change.why;
    group.octets += flow.record.octets() + flow.record.reverse_octets();
    group.changes.push_back(static_cast<uint32_t>(comparison.changes.size()));
    comparison.changes.push_back(std::move(change));
  }
  for (auto& [key, group] : groups) {
    comparison.groups.push_back(std::move(group));
  }
  std::stable_sort(comparison.groups.begin(), comparison.groups.end(),
                   [](const ChangeGroup& x, const ChangeGroup& y) {
                     return x.octets > y.octets;
                   });
  return comparison;
}

std::string TextOf(const std::vector<FactChange>& why) {
  std::string text;
  for (const FactChange& fact : why) {
    if (!text.empty()) text += "; ";
    text += fmt::format("{}: {} -> {}", fact.fact,
                        fact.first.empty() ? "none" : fact.first,
                        fact.second.empty() ? "none" : fact.second);
  }
  return text;
}

namespace {

Json AnswerToJson(const Judgement& judgement) {
  const ReasonInfo& reason = InfoOf(judgement.reason);
  return {{"verdict", VerdictName(judgement.verdict)},
          {"reason", reason.name},
          {"clause", TextOrNull(reason.clause)}};
}

Json WhyToJson(const std::vector<FactChange>& why) {
  Json json = Json::array();
  for (const FactChange& fact : why) {
    json.push_back({{"fact", fact.fact},
                    {"first", TextOrNull(fact.first)},
                    {"second", TextOrNull(fact.second)}});
  }
  return json;
}

Json ChangeToJson(const VerdictChange& change) {
  const FlowRecord& record = change.flow.record;
  return {{"source_address", record.source().ToString()},
          {"destination_address", record.destination().ToString()},
          {"source_port", record.source_port()},
          {"destination_port", record.destination_port()},
          {"protocol", record.protocol_identifier()},
          {"start", FormatInstant(record.start_ns)},
          {"octets", record.octets()},
          {"reverse_octets", record.reverse_octets()},
          {"direction", DirectionName(record.direction)},
          {"workload", TextOrNull(change.workload)},
          {"first", AnswerToJson(change.first.judgement)},
          {"second", AnswerToJson(change.second.judgement)},
          {"why", WhyToJson(change.why)}};
}

}  // namespace

std::string ComparisonToJson(const VerdictComparison& comparison) {
  Json json;
  json["schema"] = "octroi.compare/1";
  json["first_at"] = comparison.first_at;
  json["second_at"] = comparison.second_at;
  json["captures"] = Json::array();
  for (const ReportCapture& capture : comparison.captures) {
    json["captures"].push_back({{"path", capture.summary.path},
                                {"sha256", TextOrNull(capture.sha256)},
                                {"packets", capture.summary.packets},
                                {"error", TextOrNull(capture.error)}});
  }
  json["flows"] = comparison.flows;
  json["changed"] = comparison.changes.size();
  json["groups"] = Json::array();
  for (const ChangeGroup& group : comparison.groups) {
    json["groups"].push_back({{"first", AnswerToJson(group.first)},
                              {"second", AnswerToJson(group.second)},
                              {"why", WhyToJson(group.why)},
                              {"flows", group.changes.size()},
                              {"octets", group.octets}});
  }
  json["changes"] = Json::array();
  for (const VerdictChange& change : comparison.changes) {
    json["changes"].push_back(ChangeToJson(change));
  }
  json["edition"] = {{"digest", comparison.edition_digest},
                     {"sources", SourcesToJson(comparison.sources)}};
  json["warnings"] = comparison.warnings;
  return ToPage(json);
}

std::string ComparisonToCsv(const VerdictComparison& comparison) {
  std::string csv =
      "start,source_address,destination_address,source_port,destination_port,"
      "protocol,workload,first_verdict,first_reason,second_verdict,"
      "second_reason,why\n";
  for (const VerdictChange& change : comparison.changes) {
    const FlowRecord& record = change.flow.record;
    csv += SpreadsheetLine(
        {FormatInstant(record.start_ns), record.source().ToString(),
         record.destination().ToString(), std::to_string(record.source_port()),
         std::to_string(record.destination_port()),
         std::to_string(record.protocol_identifier()), change.workload,
         VerdictName(change.first.judgement.verdict),
         InfoOf(change.first.judgement.reason).name,
         VerdictName(change.second.judgement.verdict),
         InfoOf(change.second.judgement.reason).name, TextOf(change.why)});
  }
  return csv;
}

}  // namespace octroi
