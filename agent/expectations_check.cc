// SPDX-License-Identifier: Apache-2.0
#include "agent/expectations_check.h"

#include <optional>
#include <ostream>
#include <string_view>
#include <vector>

#include "agent/text.h"
#include "config/expectations.h"
#include "config/text_file.h"
#include "dataplane/classify.h"
#include "evidence/destination_view.h"
#include "fmt/format.h"
#include "policy/edition.h"

namespace octroi {
namespace {

// Of the IANA range of dynamic ports (RFC 6335 §6): never taken for a server's.
constexpr uint16_t kClientPort = 49152;

// The layer of the first packet of the flow.
IpLayer FirstPacketOf(const Expectation& flow) {
  IpLayer layer;
  layer.source = flow.is_opened_by_local ? flow.local : flow.remote;
  layer.destination = flow.is_opened_by_local ? flow.remote : flow.local;
  layer.protocol_identifier = flow.protocol_identifier;
  if (flow.port != 0) {
    layer.has_ports = true;
    layer.source_port = kClientPort;
    layer.destination_port = flow.port;
  }
  if (flow.protocol_identifier == kProtocolTcp) layer.tcp_flags = kTcpSyn;
  return layer;
}

bool Holds(const Expectation& expected, const Judgement& found) {
  return expected.verdict == found.verdict &&
         expected.reason.value_or(found.reason) == found.reason;
}

std::string Or(std::string_view text, std::string_view otherwise) {
  return Printable(text.empty() ? otherwise : text);
}

// "compliant meets_requirement (egress, workload payments, ...)".
std::string FoundText(const Classification& found, const Edition& edition) {
  const DestinationView view = ViewOf(edition, found.attribution);
  const std::vector<Workload>& workloads = edition.policy->workloads;
  std::string text = fmt::format(
      "{} {} ({}, workload {}, location {}, operator {}, service {}",
      VerdictName(found.judgement.verdict), InfoOf(found.judgement.reason).name,
      DirectionName(found.direction),
      found.workload < workloads.size()
          ? Printable(workloads[found.workload].name)
          : "none",
      view.location, Or(view.operator_name, "unknown"),
      Or(view.service, "none"));
  if (found.judgement.exception != kNoException) {
    text += fmt::format(
        ", exception {}{}",
        Printable(workloads[found.workload]
                      .exceptions[found.judgement.exception]
                      .reference),
        found.judgement.is_exception_expired() ? ", which has ended" : "");
  }
  return text + ")";
}

std::string FailureText(const std::string& path, const Expectation& expected,
                        const Classification& found, const Edition& edition) {
  return fmt::format("{}:{}: {} {} {} at {}: expected {}{}{}; found {}\n", path,
                     expected.line, expected.local.ToString(),
                     expected.is_opened_by_local ? "to" : "from",
                     expected.remote.ToString(), Printable(expected.time_text),
                     VerdictName(expected.verdict), expected.reason ? " " : "",
                     expected.reason ? InfoOf(*expected.reason).name : "",
                     FoundText(found, edition));
}

std::optional<std::vector<Expectation>> LoadExpectations(
    const std::string& path, const Surroundings& surroundings) {
  const absl::StatusOr<std::string> text =
      ReadTextFile(path, kMaxExpectationsFileBytes);
  std::vector<Problem> problems;
  std::vector<Expectation> expectations;
  if (text.ok()) {
    expectations = ReadExpectations(*text, path, &problems);
  } else {
    problems.push_back(ProblemOf(path, text.status()));
  }
  for (const Problem& problem : problems) {
    WriteError(surroundings, problem.text());
  }
  if (!problems.empty()) return std::nullopt;
  return expectations;
}

}  // namespace

ExitCode CheckExpectations(const Beliefs& beliefs, const std::string& path,
                           const Surroundings& surroundings) {
  const auto expectations = LoadExpectations(path, surroundings);
  if (!expectations) return kExitUsage;
  EditionTimeline timeline(beliefs.atlases.get(), beliefs.workloads,
                           beliefs.config.policy, std::nullopt);
  size_t held_count = 0;
  for (const Expectation& expected : *expectations) {
    const Edition& edition = timeline.At(expected.start_ns);
    const FlowPacket packet = MakeFlowPacket(
        FirstPacketOf(expected), expected.start_ns, expected.start_ns);
    const Classification found = Classify(edition, packet);
    if (Holds(expected, found.judgement)) {
      ++held_count;
    } else {
      *surroundings.out << FailureText(path, expected, found, edition);
    }
  }
  *surroundings.out << fmt::format("{}: {} of {} expectations hold\n", path,
                                   held_count, expectations->size());
  const ExitCode written = FinishOutput(surroundings);
  return held_count == expectations->size() ? written : kExitFailed;
}

}  // namespace octroi
