// SPDX-License-Identifier: Apache-2.0
#include "agent/table.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "agent/text.h"
#include "fmt/format.h"

namespace octroi {
namespace {

constexpr std::array kVerdictsWorstFirst = {
    Verdict::kViolation, Verdict::kUndetermined, Verdict::kExcepted,
    Verdict::kCompliant, Verdict::kNotJudged};

std::string Minute(int64_t ns) {
  return FormatInstant(ns).substr(0, 16).replace(10, 1, " ");
}

class TableRenderer {
 public:
  TableRenderer(const ReplayReport& report, const TableOptions& options)
      : report_(report), options_(options) {}

  std::string Render() {
    AddHead();
    AddVerdicts();
    AddDestinations("where it went, most sent first", report_.destinations);
    if (!report_.tunnelled.listed.empty()) {
      AddDestinations(
          "inside tunnels: the same packets once more, in no sum above",
          report_.tunnelled);
    }
    AddExpiredExceptions();
    AddWorkloads();
    AddBooks();
    AddCaptureNotes();
    AddFacts();
    return std::move(text_);
  }

 private:
  void Line(std::string_view line = "") {
    text_ += line;
    text_ += '\n';
  }

  // A sentence over as many lines as it needs, the later ones indented.
  void Wrapped(std::string_view sentence, Color color) {
    for (const std::string& line : Wrap(sentence, options_.columns)) {
      Line(Paint(line, color, options_.use_color));
    }
  }

  void Title(std::string_view title) {
    Line();
    Line(title);
  }

  void Table(const std::vector<TextColumn>& columns,
             const std::vector<std::vector<TextCell>>& rows) {
    for (const std::string& line :
         LayOut(columns, rows, options_.columns - 2, options_.use_color)) {
      Line("  " + line);
    }
  }

  void AddHead() {
    const size_t count = report_.captures.size();
    std::string line =
        fmt::format("{} {}, {} packets, {} flows", count,
                    count == 1 ? "capture" : "captures",
                    GroupDigits(report_.result.counters.received),
                    GroupDigits(report_.result.flow_count));
    const auto first = FirstTime(report_);
    const auto last = LastTime(report_);
    if (first && last) {
      line += fmt::format(", {} to {} UTC", Minute(*first), Minute(*last));
    }
    Wrapped(line, Color::kPlain);
    Wrapped(report_.at == "capture"
                ? "judged by the facts of the capture's own time"
                : fmt::format("judged by the facts of {}, whenever the packets "
                              "were sent",
                              report_.at),
            Color::kPlain);
  }

  void AddVerdicts() {
    std::map<Verdict, AccountTotals> sums;
    for (const ReportTotal& total : report_.totals) {
      sums[total.verdict] += total.totals;
    }
    Title("verdicts");
    std::vector<std::vector<TextCell>> rows;
    for (const Verdict verdict : kVerdictsWorstFirst) {
      const AccountTotals& sum = sums[verdict];
      rows.push_back({{std::string(VerdictName(verdict)), ColorOf(verdict)},
                      {GroupDigits(sum.flows)},
                      {GroupDigits(sum.packets)},
                      {HumanBytes(sum.egress_octets)},
                      {HumanBytes(sum.octets - sum.egress_octets)}});
    }
    Table({{"verdict"},
           {"flows", true},
           {"packets", true},
           {"sent out", true},
           {"other", true}},
          rows);
  }

  static std::string ControlOf(const DestinationView& view) {
    if (view.controlling_country.empty() && view.law.empty()) return "?";
    const std::string_view country =
        view.controlling_country.empty() ? "?" : view.controlling_country;
    return view.law.empty() ? std::string(country)
                            : fmt::format("{}, {}", country, view.law);
  }

  static std::string ReasonText(Reason reason) {
    const ReasonInfo& info = InfoOf(reason);
    return info.clause.empty() ? std::string(info.name)
                               : fmt::format("{} ({})", info.name, info.clause);
  }

  static std::string ServiceText(const DestinationView& view) {
    if (view.service.empty()) return "-";
    return fmt::format("{}: {}", view.service, view.qualification);
  }

  std::vector<TextCell> DestinationCells(const ReportRow& row) const {
    const DestinationView& view = row.destination;
    const bool is_special =
        view.country.empty() && view.asn == 0 && view.operator_name.empty();
    std::string place(view.location);
    if (!view.country.empty()) place += fmt::format(" {}", view.regime);
    std::string name(view.operator_name);
    if (name.empty() && view.asn != 0) name = fmt::format("AS{}", view.asn);
    return {{std::string(VerdictName(row.verdict)), ColorOf(row.verdict)},
            {row.workload.empty() ? "-" : Printable(row.workload)},
            {std::string(DirectionName(row.direction))},
            {place},
            {name.empty() ? "-" : Printable(name)},
            {is_special ? "-" : Printable(ControlOf(view))},
            {Printable(ServiceText(view))},
            {view.seal    ? std::to_string(*view.seal)
             : is_special ? "-"
                          : "?"},
            {ReasonText(row.reason)},
            {GroupDigits(row.totals.flows)},
            {HumanBytes(row.totals.egress_octets)}};
  }

  void AddDestinations(std::string_view title, const ReportRows& destinations) {
    if (destinations.listed.empty()) return;
    Title(title);
    std::vector<std::vector<TextCell>> rows;
    for (const ReportRow& row : destinations.listed) {
      rows.push_back(DestinationCells(row));
    }
    Table({{"verdict"},
           {"workload", false, 6, 3},
           {"direction", false, 0, 1},
           {"where", false, 13},
           {"operator", false, 8},
           {"control, law", false, 6},
           {"service", false, 8, 2},
           {"seal", true},
           {"reason", false, 15},
           {"flows", true, 0, 4},
           {"sent out", true}},
          rows);
    AddRemainder(destinations);
  }

  // What the list leaves out, by verdict: nothing is hidden by its place.
  void AddRemainder(const ReportRows& destinations) {
    const std::map<Verdict, ReportRemainder>& rest = destinations.left_out;
    for (const Verdict verdict : kVerdictsWorstFirst) {
      const auto found = rest.find(verdict);
      if (found == rest.end()) continue;
      const auto& [count, sum] = found->second;
      Line("  " +
           Paint(fmt::format("and {} more {}: {} flows, {} sent out", count,
                             VerdictName(verdict), GroupDigits(sum.flows),
                             HumanBytes(sum.egress_octets)),
                 ColorOf(verdict), options_.use_color));
    }
    if (!rest.empty()) Line("  (--format csv or json lists all)");
  }

  void AddExpiredExceptions() {
    bool is_first = true;
    for (const ReportException& report : report_.exceptions) {
      if (report.expired.flows == 0) continue;
      if (is_first) Line();
      is_first = false;
      Wrapped(fmt::format(
                  "exception {} of workload {} ended on {}: {} {} it "
                  "after that, {} sent out",
                  Printable(report.exception.reference),
                  Printable(report.workload), FormatDay(report.exception.until),
                  GroupDigits(report.expired.flows),
                  report.expired.flows == 1 ? "flow meets" : "flows meet",
                  HumanBytes(report.expired.egress_octets)),
              Color::kYellow);
    }
  }

  void AddWorkloads() {
    Title(
        "lowest SEAL level of any destination (an indication, not legal "
        "advice)");
    std::vector<std::vector<TextCell>> rows;
    for (const ReportWorkload& workload : report_.workloads) {
      std::string level = "no destination";
      if (workload.lowest_seal) {
        level = std::to_string(*workload.lowest_seal);
      } else if (workload.has_unknown_seal) {
        level = "unknown: the level of some destinations is";
      }
      rows.push_back({{Printable(workload.name)},
                      {level},
                      {GroupDigits(workload.totals.flows)},
                      {HumanBytes(workload.totals.egress_octets)}});
    }
    Table({{"workload", false, 8},
           {"lowest seal"},
           {"flows", true},
           {"sent out", true}},
          rows);
  }

  void AddBooks() {
    const WorkerTotals& counters = report_.result.counters;
    Line();
    std::string line = fmt::format(
        "packets: {} received = {} accounted + {} undecoded + {} filtered",
        GroupDigits(counters.received), GroupDigits(counters.accounted),
        GroupDigits(counters.undecoded_total()),
        GroupDigits(counters.filtered));
    for (const DropReasonInfo& info : kDropReasons) {
      const uint64_t count =
          counters.undecoded[static_cast<size_t>(info.reason)];
      if (count == 0) continue;
      line += fmt::format("; {} {}", info.label, GroupDigits(count));
    }
    Wrapped(line, Color::kPlain);
    if (counters.fragments_unresolved != 0) {
      Wrapped(fmt::format("fragments: {} accounted by address alone, their "
                          "first fragment was "
                          "not seen before them",
                          GroupDigits(counters.fragments_unresolved)),
              Color::kPlain);
    }
  }

  void AddCaptureNotes() {
    for (const ReportCapture& capture : report_.captures) {
      if (!capture.summary.note.empty()) {
        Wrapped("note: " + Printable(capture.summary.note), Color::kPlain);
      }
    }
  }

  void AddFacts() {
    std::string facts = "facts:";
    for (const FactSource& source : report_.sources) {
      facts += fmt::format("{} {} {}", facts.size() == 6 ? "" : ",",
                           Printable(source.name),
                           source.built ? FormatDay(*source.built) : "undated");
    }
    Wrapped(facts, Color::kPlain);
    for (const FactSource& source : report_.sources) {
      if (source.attribution.empty()) continue;
      Wrapped(fmt::format("{}: {}", Printable(source.name),
                          Printable(source.attribution)),
              Color::kPlain);
    }
    Line(fmt::format("edition: {}", report_.edition_digest));
    for (const std::string& warning : report_.warnings) {
      Wrapped("warning: " + Printable(warning), Color::kYellow);
    }
  }

  const ReplayReport& report_;
  const TableOptions& options_;
  std::string text_;
};

}  // namespace

std::string RenderTable(const ReplayReport& report,
                        const TableOptions& options) {
  return TableRenderer(report, options).Render();
}

namespace {

std::string AnswerText(const Judgement& judgement) {
  return fmt::format("{} {}", VerdictName(judgement.verdict),
                     InfoOf(judgement.reason).name);
}

std::string EndText(const IpAddress& address, uint16_t port) {
  return address.is_v4() ? fmt::format("{}:{}", address.ToString(), port)
                         : fmt::format("[{}]:{}", address.ToString(), port);
}

// Flows that are listed of one group.
constexpr size_t kFlowsOfGroup = 8;

class ComparisonRenderer {
 public:
  ComparisonRenderer(const VerdictComparison& comparison,
                     const TableOptions& options)
      : comparison_(comparison), options_(options) {}

  std::string Render() {
    text_ = fmt::format("{} flows, judged by {} and by {}: {} change\n",
                        GroupDigits(comparison_.flows), comparison_.first_at,
                        comparison_.second_at,
                        GroupDigits(comparison_.changes.size()));
    for (size_t i = 0; i < comparison_.groups.size(); ++i) {
      if (i == kTableRows) {
        text_ += fmt::format("\nand {} more groups; --format json lists all\n",
                             comparison_.groups.size() - i);
        break;
      }
      AddGroup(comparison_.groups[i]);
    }
    for (const std::string& warning : comparison_.warnings) {
      Wrapped("warning: " + warning, Color::kYellow);
    }
    return std::move(text_);
  }

 private:
  void Wrapped(std::string_view sentence, Color color) {
    for (const std::string& line : Wrap(sentence, options_.columns)) {
      text_ += Paint(line, color, options_.use_color) + "\n";
    }
  }

  std::string Answer(const Judgement& judgement) const {
    return Paint(AnswerText(judgement), ColorOf(judgement.verdict),
                 options_.use_color);
  }

  void AddGroup(const ChangeGroup& group) {
    text_ += fmt::format(
        "\n{} -> {}: {} flows, {}\n", Answer(group.first), Answer(group.second),
        GroupDigits(group.changes.size()), HumanBytes(group.octets));
    for (const FactChange& fact : group.why) {
      for (const std::string& line :
           Wrap(Printable(TextOf({fact})), options_.columns - 2)) {
        text_ += "  " + line + "\n";
      }
    }
    std::vector<std::vector<TextCell>> rows;
    for (const uint32_t index : group.changes) {
      if (rows.size() == kFlowsOfGroup) break;
      const VerdictChange& change = comparison_.changes[index];
      const FlowRecord& record = change.flow.record;
      rows.push_back(
          {{FormatInstant(record.start_ns).substr(0, 19)},
           {EndText(record.source(), record.source_port())},
           {EndText(record.destination(), record.destination_port())},
           {Printable(change.workload)},
           {HumanBytes(record.octets() + record.reverse_octets())}});
    }
    for (const std::string& line :
         LayOut({{"start"},
                 {"from", false, 15},
                 {"to", false, 15},
                 {"workload", false, 8, 1},
                 {"octets", true}},
                rows, options_.columns - 4, options_.use_color)) {
      text_ += "    " + line + "\n";
    }
    if (rows.size() < group.changes.size()) {
      text_ += fmt::format("    and {} more; --format json or csv lists all\n",
                           GroupDigits(group.changes.size() - rows.size()));
    }
  }

  const VerdictComparison& comparison_;
  const TableOptions& options_;
  std::string text_;
};

}  // namespace

std::string RenderComparison(const VerdictComparison& comparison,
                             const TableOptions& options) {
  return ComparisonRenderer(comparison, options).Render();
}

}  // namespace octroi
