// SPDX-License-Identifier: Apache-2.0
#include "evidence/flow_writer.h"

#include <ostream>

#include "evidence/destination_view.h"
#include "evidence/json.h"
#include "evidence/whole_file.h"
#include "fmt/format.h"

namespace octroi {
namespace {

Json WorkloadName(const Edition& edition, WorkloadId workload) {
  if (workload == kNoWorkload) return Json();
  return edition.policy->workloads[workload].name;
}

// The exception that covers the flow, whether or not it has ended.
Json ExceptionReference(const Edition& edition, const FlowRecord& record) {
  const uint16_t index = record.judgement.exception;
  if (index == kNoException) return Json();
  return edition.policy->workloads[record.workload].exceptions[index].reference;
}

Json TunnelToJson(const Tunnel& tunnel) {
  if (tunnel.kind == TunnelKind::kNone) return Json();
  return {{"kind", TunnelKindName(tunnel.kind)},
          {"id", tunnel.id},
          {"outer_a", tunnel.a.ToString()},
          {"outer_b", tunnel.b.ToString()}};
}

}  // namespace

std::string FlowToJson(const ExportedFlow& flow,
                       const EditionTimeline& timeline) {
  const FlowRecord& record = flow.record;
  const Edition& edition = timeline.edition(record.edition);
  const DestinationView view = ViewOf(edition, record.attribution);
  const std::string opinions =
      OpinionsOf(DestinationOf(edition, record.attribution));
  const ReasonInfo& reason = InfoOf(record.judgement.reason);
  Json json;
  json["source_address"] = record.source().ToString();
  json["destination_address"] = record.destination().ToString();
  json["source_port"] = record.source_port();
  json["destination_port"] = record.destination_port();
  json["protocol"] = record.protocol_identifier();
  json["start"] = FormatInstant(record.start_ns);
  json["end"] = FormatInstant(record.end_ns);
  json["packets"] = record.packets();
  json["octets"] = record.octets();
  json["reverse_packets"] = record.reverse_packets();
  json["reverse_octets"] = record.reverse_octets();
  json["end_reason"] = EndReasonName(record.end_reason);
  json["direction"] = DirectionName(record.direction);
  json["workload"] = WorkloadName(edition, record.workload);
  json["location"] = view.location;
  if (!opinions.empty()) json["opinions"] = opinions;
  json["country"] = TextOrNull(view.country);
  json["regime"] = view.regime;
  json["asn"] = view.asn == 0 ? Json() : Json(view.asn);
  json["operator"] = TextOrNull(view.operator_name);
  json["controlling_country"] = TextOrNull(view.controlling_country);
  json["law"] = TextOrNull(view.law);
  json["service"] = TextOrNull(view.service);
  json["qualification"] = view.qualification;
  json["seal"] = NumberOrNull(view.seal);
  json["verdict"] = VerdictName(record.judgement.verdict);
  json["reason"] = reason.name;
  json["clause"] = TextOrNull(reason.clause);
  json["exception"] = ExceptionReference(edition, record);
  json["exception_expired"] = record.judgement.is_exception_expired();
  json["tunnel"] = TunnelToJson(flow.tunnel);
  return ToLine(json);
}

absl::Status WriteFlows(const std::string& path,
                        std::span<const ExportedFlow> flows,
                        const EditionTimeline& timeline) {
  const std::string hint = fmt::format(
      "give a path in a directory that can be written, with room for {} "
      "records",
      flows.size());
  return WriteWholeFile(path, "flow records cannot be written", hint,
                        [&](std::ostream& file) {
                          for (const ExportedFlow& flow : flows) {
                            if (!file) break;
                            file << FlowToJson(flow, timeline) << '\n';
                          }
                        });
}

}  // namespace octroi
