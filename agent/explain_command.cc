// SPDX-License-Identifier: Apache-2.0
#include "agent/explain_command.h"

#include <algorithm>
#include <ostream>
#include <utility>
#include <vector>

#include "agent/text.h"
#include "evidence/destination_view.h"
#include "evidence/json.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "policy/rulebook.h"

namespace octroi {
namespace {

struct WorkloadVerdict {
  std::string workload;
  Judgement judgement;
  // Reference and reason of the exception that covers the address, whether or
  // not it has ended.
  std::string exception;
  // Those that would for some ports only, if no port is asked for.
  std::vector<std::string> exceptions_of_ports;
};

// Everything that both formats show.
struct Explanation {
  std::string address;
  UnmappedAddress attributed;
  Day day;
  bool is_local = false;
  std::string from;
  uint16_t port = kNoPort;
  Attribution attribution;
  DestinationView view;
  const Destination* destination = nullptr;
  std::string country_name;
  std::string as_name;
  std::vector<WorkloadVerdict> verdicts;
  std::vector<Claim> claims;
};

std::string ExceptionText(const Exception& exception, Day day) {
  return fmt::format(
      "{}: {} ({} {}{})", exception.reference, exception.reason,
      exception.HasEnded(day) ? "ended" : "until", FormatDay(exception.until),
      exception.ports.empty()
          ? ""
          : fmt::format(", port {}", fmt::join(exception.ports, ", ")));
}

// Exceptions of the workload that cover the address, but not on every port.
std::vector<std::string> ExceptionsOfPorts(const Workload& workload,
                                           const IpAddress& address, Day day) {
  std::vector<std::string> texts;
  for (const Exception& exception : workload.exceptions) {
    if (!exception.ports.empty() && exception.destination.Contains(address)) {
      texts.push_back(ExceptionText(exception, day));
    }
  }
  return texts;
}

WorkloadVerdict JudgeFor(const Workload& workload, WorkloadId id,
                         const Rulebook& rulebook,
                         const Explanation& explanation) {
  const Judgement judgement = rulebook.Judge(explanation.attribution, id,
                                             Opener::kLocal, explanation.port);
  WorkloadVerdict verdict;
  verdict.workload = workload.name;
  verdict.judgement = judgement;
  if (judgement.exception != kNoException) {
    verdict.exception = ExceptionText(workload.exceptions[judgement.exception],
                                      explanation.day);
  }
  const bool is_internal = judgement.reason == Reason::kInternal;
  if (explanation.port == kNoPort && !is_internal) {
    verdict.exceptions_of_ports = ExceptionsOfPorts(
        workload, explanation.attributed.address, explanation.day);
  }
  return verdict;
}

std::vector<WorkloadVerdict> JudgeAll(const Policy& policy,
                                      const Rulebook& rulebook,
                                      const Explanation& explanation,
                                      WorkloadId from) {
  std::vector<WorkloadVerdict> verdicts;
  if (from == kNoWorkload) {
    verdicts.push_back({"",
                        rulebook.Judge(explanation.attribution, from,
                                       Opener::kLocal, explanation.port),
                        "",
                        {}});
    return verdicts;
  }
  for (size_t i = 0; i < policy.workloads.size(); ++i) {
    if (from != kRemoteAddress && from != i) continue;
    verdicts.push_back(JudgeFor(policy.workloads[i], static_cast<WorkloadId>(i),
                                rulebook, explanation));
  }
  return verdicts;
}

Explanation Explain(const Beliefs& beliefs, const Rulebook& rulebook,
                    const IpAddress& address, WorkloadId from, uint16_t port) {
  const Atlas& atlas = beliefs.atlases->At(rulebook.day());
  const AttributionId id = atlas.Lookup(address);
  Explanation result;
  result.address = address.ToString();
  result.attributed = Unmap(address);
  result.day = rulebook.day();
  result.port = port;
  result.is_local = beliefs.workloads.Lookup(address) != kRemoteAddress;
  result.attribution = atlas.attribution(id);
  result.view = ViewOf(atlas, rulebook, id);
  result.destination = &rulebook.destination(result.attribution);
  result.country_name =
      beliefs.facts->jurisdictions.Name(result.destination->country);
  result.as_name = atlas.AsnName(result.attribution.asn);
  if (result.is_local) {
    result.verdicts = {{"", {Verdict::kNotJudged, Reason::kInternal}, "", {}}};
  } else {
    result.verdicts = JudgeAll(beliefs.config.policy, rulebook, result, from);
  }
  result.claims = ExplainClaims(atlas, address, rulebook.day());
  return result;
}

Json VerdictToJson(const WorkloadVerdict& verdict) {
  const ReasonInfo& reason = InfoOf(verdict.judgement.reason);
  return {{"workload", TextOrNull(verdict.workload)},
          {"verdict", VerdictName(verdict.judgement.verdict)},
          {"reason", reason.name},
          {"clause", TextOrNull(reason.clause)},
          {"meaning", reason.meaning},
          {"exception", TextOrNull(verdict.exception)},
          {"exception_expired", verdict.judgement.is_exception_expired()},
          {"exceptions_of_ports", verdict.exceptions_of_ports}};
}

Json OperatorToJson(const OperatorRow* row) {
  if (row == nullptr) return Json();
  return {
      {"name", row->name},
      {"parent", TextOrNull(row->parent)},
      {"controlling_country", TextOrNull(row->controlling_country.ToString())},
      {"law", TextOrNull(row->law)},
      {"confidence", TextOrNull(row->confidence)},
      {"note", TextOrNull(row->note)},
      {"source", TextOrNull(row->source)}};
}

Json ServiceToJson(const Destination& destination) {
  if (destination.service == nullptr) return Json();
  const Service& service = *destination.service;
  const CatalogueRow* row = destination.qualification.row;
  Json json = {
      {"service_id", service.id}, {"provider", service.provider},
      {"name", service.name},     {"type", service.type},
      {"scheme", service.scheme}, {"grade", GradeName(destination.grade)}};
  if (row == nullptr) return json;
  json["framework_version"] = TextOrNull(row->framework_version);
  json["from"] = DayOrNull(row->validity.from);
  json["until"] = DayOrNull(row->validity.until);
  json["reference"] = TextOrNull(row->reference);
  return json;
}

Json ClaimToJson(const Claim& claim) {
  return {{"about", claim.about},         {"value", claim.value},
          {"source", claim.source},       {"prefix", TextOrNull(claim.prefix)},
          {"row", TextOrNull(claim.row)}, {"date", TextOrNull(claim.date)},
          {"used", claim.is_used}};
}

std::string ToJson(const Explanation& explanation, const Beliefs& beliefs) {
  const DestinationView& view = explanation.view;
  Json json;
  json["schema"] = "octroi.explain/1";
  json["address"] = explanation.address;
  json["attributed_address"] = explanation.attributed.address.ToString();
  json["embedding"] =
      TextOrNull(EmbeddingName(explanation.attributed.embedding));
  json["at"] = FormatDay(explanation.day);
  json["is_local"] = explanation.is_local;
  json["from"] = TextOrNull(explanation.from);
  json["port"] = explanation.port == kNoPort ? Json() : Json(explanation.port);
  json["location"] = view.location;
  json["country"] = TextOrNull(view.country);
  json["country_name"] = TextOrNull(explanation.country_name);
  json["regime"] = view.regime;
  json["opinions"] = Json::array();
  for (const CountryCode country : explanation.destination->opinions) {
    json["opinions"].push_back(country.ToString());
  }
  json["asn"] = view.asn == 0 ? Json() : Json(view.asn);
  json["as_name"] = TextOrNull(explanation.as_name);
  json["operator"] = TextOrNull(view.operator_name);
  json["controlling_country"] = TextOrNull(view.controlling_country);
  json["law"] = TextOrNull(view.law);
  json["service"] = TextOrNull(view.service);
  json["qualification"] = view.qualification;
  json["seal"] = view.seal ? Json(*view.seal) : Json();
  json["verdict"] = VerdictName(explanation.verdicts.front().judgement.verdict);
  json["reason"] = InfoOf(explanation.verdicts.front().judgement.reason).name;
  json["clause"] =
      TextOrNull(InfoOf(explanation.verdicts.front().judgement.reason).clause);
  json["verdicts"] = Json::array();
  for (const WorkloadVerdict& verdict : explanation.verdicts) {
    json["verdicts"].push_back(VerdictToJson(verdict));
  }
  json["operator_details"] =
      OperatorToJson(explanation.destination->operator_row);
  json["service_details"] = ServiceToJson(*explanation.destination);
  json["claims"] = Json::array();
  for (const Claim& claim : explanation.claims) {
    json["claims"].push_back(ClaimToJson(claim));
  }
  json["edition"] = {{"digest", beliefs.digest}};
  return ToPage(json);
}

bool HasQualifiedProvider(const Destination& destination) {
  return std::any_of(destination.provider_services.begin(),
                     destination.provider_services.end(),
                     [](const Destination::ProviderService& provided) {
                       return provided.status ==
                              QualificationStatus::kQualified;
                     });
}

class TextWriter {
 public:
  TextWriter(const Explanation& explanation, bool use_color, size_t columns)
      : explanation_(explanation), use_color_(use_color), columns_(columns) {}

  std::string Write() {
    AddAddress();
    AddLocation();
    AddOperator();
    AddService();
    AddVerdicts();
    AddClaims();
    return std::move(text_);
  }

 private:
  void Line(std::string_view label, std::string_view value) {
    text_ += fmt::format("  {:<17}{}\n", label, Printable(value));
  }

  void AddAddress() {
    text_ += explanation_.address;
    if (explanation_.attributed.embedding != Embedding::kNone) {
      text_ += fmt::format(" ({}: attributed as {})",
                           EmbeddingName(explanation_.attributed.embedding),
                           explanation_.attributed.address.ToString());
    }
    text_ += fmt::format(" on {}\n", FormatDay(explanation_.day));
  }

  void AddLocation() {
    const Destination& destination = *explanation_.destination;
    const DestinationView& view = explanation_.view;
    switch (destination.place) {
      case Place::kCountry:
        Line("location", fmt::format("{} {}, regime {}", view.country,
                                     explanation_.country_name, view.regime));
        break;
      case Place::kContested:
        Line("location", fmt::format("contested: {}", OpinionsOf(destination)));
        break;
      case Place::kAnycast:
        Line("location", "anycast: announced from many places, no country");
        break;
      case Place::kSpecialPurpose:
        Line("location", fmt::format("special-purpose space: {}; never a "
                                     "country",
                                     view.location));
        break;
      case Place::kUnknown:
        Line("location", "unknown");
        break;
    }
  }

  void AddOperator() {
    const DestinationView& view = explanation_.view;
    if (view.asn != 0) {
      Line("announced by",
           fmt::format("AS{} {}", view.asn, explanation_.as_name));
    }
    const OperatorRow* row = explanation_.destination->operator_row;
    if (row == nullptr) {
      Line("operator", view.operator_name.empty()
                           ? "unknown"
                           : fmt::format("{} (as announced; who controls it is "
                                         "not known)",
                                         view.operator_name));
      return;
    }
    Line("operator", row->name);
    Line("parent", row->parent.empty() ? "unknown" : row->parent);
    Line("controlled from", view.controlling_country.empty()
                                ? "unknown"
                                : view.controlling_country);
    Line("law",
         view.law.empty() ? "no extraterritorial law identified" : view.law);
    if (row->confidence != "high") Line("confidence", row->confidence);
  }

  void AddService() {
    const Destination& destination = *explanation_.destination;
    if (destination.service != nullptr) {
      const Service& service = *destination.service;
      Line("service",
           fmt::format("{} {} ({}), range {}", service.provider, service.name,
                       service.type, GradeName(destination.grade)));
      Line("qualification",
           fmt::format("{} {}{}", service.scheme,
                       explanation_.view.qualification, Interval()));
    } else if (HasQualifiedProvider(destination)) {
      Line("service",
           "unknown: the provider has a qualified service, but no "
           "range ties this address to it");
    } else {
      Line("service", "none known");
    }
    Line("SEAL", destination.seal
                     ? fmt::format("{} (an indication for engineers, not "
                                   "legal advice)",
                                   *destination.seal)
                     : "unknown");
  }

  std::string Interval() const {
    const CatalogueRow* row = explanation_.destination->qualification.row;
    if (row == nullptr) return "";
    return fmt::format(
        ", {} to {}{}{}",
        row->validity.from ? FormatDay(*row->validity.from) : "start not known",
        row->validity.until ? FormatDay(*row->validity.until) : "end not known",
        row->framework_version.empty() ? ""
                                       : ", version " + row->framework_version,
        row->reference.empty() ? "" : ", " + row->reference);
  }

  void AddVerdicts() {
    for (const WorkloadVerdict& verdict : explanation_.verdicts) {
      const ReasonInfo& reason = InfoOf(verdict.judgement.reason);
      const std::string word =
          Paint(VerdictName(verdict.judgement.verdict),
                ColorOf(verdict.judgement.verdict), use_color_);
      text_ += fmt::format(
          "  {:<17}{}: {}{}{}\n", "verdict", word, reason.name,
          reason.clause.empty() ? "" : fmt::format(" ({})", reason.clause),
          verdict.workload.empty()
              ? ""
              : fmt::format(", for workload {}", Printable(verdict.workload)));
      const bool is_excepted = verdict.judgement.verdict == Verdict::kExcepted;
      Line("", is_excepted ? verdict.exception : std::string(reason.meaning));
      if (verdict.judgement.is_exception_expired()) {
        Line("", "an exception has ended: " + verdict.exception);
      }
      for (const std::string& text : verdict.exceptions_of_ports) {
        Line("", "an exception covers some ports (see --port): " + text);
      }
    }
  }

  void AddClaims() {
    text_ += "claims, the ones marked * decided\n";
    std::vector<std::vector<TextCell>> rows;
    for (const Claim& claim : explanation_.claims) {
      std::string where = claim.prefix;
      if (!claim.row.empty()) where += (where.empty() ? "" : ", ") + claim.row;
      rows.push_back({{claim.is_used ? "*" : " "},
                      {claim.about},
                      {Printable(claim.value)},
                      {Printable(where)},
                      {claim.date.empty() ? "undated" : claim.date},
                      {Printable(claim.source)}});
    }
    text_ += LayOutText({{""},
                         {"about"},
                         {"claim", false, 24},
                         {"prefix, row", false, 18},
                         {"date"},
                         {"source", false, 20}},
                        rows, columns_, use_color_, 2);
  }

  const Explanation& explanation_;
  const bool use_color_;
  const size_t columns_;
  std::string text_;
};

// What is asked, once the words of the command line are understood.
struct Question {
  IpAddress address;
  std::optional<IpAddress> from;
  Day day;
};

absl::StatusOr<Question> ParseQuestion(const ExplainCommandOptions& options,
                                       int64_t now_ns) {
  const std::optional<IpAddress> address = IpAddress::Parse(options.address);
  if (!address) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is not an IP address; write for example 192.0.2.1 "
                    "or 2001:db8::1",
                    options.address));
  }
  const std::optional<IpAddress> from = IpAddress::Parse(options.from);
  if (!options.from.empty() && !from) {
    return absl::InvalidArgumentError(
        fmt::format("--from: \"{}\" is not an IP address; write for example "
                    "10.0.0.1",
                    options.from));
  }
  const absl::StatusOr<Day> day = ParseDayAt(options.at, now_ns);
  if (!day.ok()) return day.status();
  return Question{*address, from, *day};
}

ExitCode UsageError(const Surroundings& surroundings, std::string_view what) {
  WriteError(surroundings, what);
  return kExitUsage;
}

ExitCode WriteExplanation(const Explanation& explanation, bool is_json,
                          const Beliefs& beliefs,
                          const Surroundings& surroundings) {
  *surroundings.out << (is_json
                            ? ToJson(explanation, beliefs)
                            : TextWriter(explanation, surroundings.use_color,
                                         PageColumns(surroundings))
                                  .Write());
  return FinishOutput(surroundings);
}

}  // namespace

ExitCode RunExplain(const ExplainCommandOptions& options,
                    const Surroundings& surroundings) {
  // What is wrong with the question is said before facts are loaded.
  const auto question = ParseQuestion(options, surroundings.now_ns());
  if (!question.ok()) {
    return UsageError(surroundings, std::string(question.status().message()));
  }
  const LoadedBeliefs loaded = LoadBeliefs({options.config_path}, surroundings);
  if (loaded.beliefs == nullptr) return loaded.exit_code;
  return ExplainWith(*loaded.beliefs, options, surroundings);
}

ExitCode ExplainWith(const Beliefs& beliefs,
                     const ExplainCommandOptions& options,
                     const Surroundings& surroundings) {
  const auto question = ParseQuestion(options, surroundings.now_ns());
  if (!question.ok()) {
    return UsageError(surroundings, std::string(question.status().message()));
  }
  WorkloadId workload = kRemoteAddress;
  if (question->from) {
    workload = beliefs.workloads.Lookup(*question->from);
    if (workload == kRemoteAddress) {
      return UsageError(
          surroundings,
          fmt::format("--from: {} is not a local address; name it in "
                      "local_networks or in a workload of --config",
                      question->from->ToString()));
    }
  }
  const Rulebook rulebook = Rulebook::Compile(
      beliefs.atlases->At(question->day), beliefs.config.policy, question->day);
  Explanation explanation =
      Explain(beliefs, rulebook, question->address, workload, options.port);
  explanation.from = options.from;
  return WriteExplanation(explanation, options.is_json, beliefs, surroundings);
}

}  // namespace octroi
