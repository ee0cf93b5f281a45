// SPDX-License-Identifier: Apache-2.0
#include "tests/support/naive_meter.h"

#include <algorithm>
#include <set>
#include <span>
#include <string_view>
#include <tuple>

#include "fmt/format.h"

namespace octroi::testing {
namespace {

// Fields in the order of a line; both sides of a comparison are written here.
struct Line {
  IpAddress source;
  IpAddress destination;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  int protocol_identifier = 0;
  Tunnel tunnel;
  int64_t start_ns = 0;
  int64_t end_ns = 0;
  uint64_t packets = 0;
  uint64_t octets = 0;
  uint64_t reverse_packets = 0;
  uint64_t reverse_octets = 0;
  std::string_view end_reason;
  AccountKey account;
};

std::string Write(const Line& line) {
  return fmt::format(
      "{}:{} > {}:{} protocol {} in {} {} {} {} from {} to {} sent {}/{} got "
      "{}/{} {} {} workload {} attribution {} edition {} {} {} {}",
      line.source.ToString(), line.source_port, line.destination.ToString(),
      line.destination_port, line.protocol_identifier,
      static_cast<int>(line.tunnel.kind), line.tunnel.id,
      line.tunnel.a.ToString(), line.tunnel.b.ToString(), line.start_ns,
      line.end_ns, line.packets, line.octets, line.reverse_packets,
      line.reverse_octets, line.end_reason,
      DirectionName(line.account.direction), line.account.workload,
      line.account.attribution, line.account.edition,
      VerdictName(line.account.judgement.verdict),
      InfoOf(line.account.judgement.reason).name,
      line.account.judgement.exception);
}

// Who opened the flow that this packet is the first one of: nothing if that
// cannot be told.
std::optional<bool> IsSenderTheOpener(const IpLayer& layer) {
  const bool is_tcp = layer.protocol_identifier == kProtocolTcp;
  const bool is_other_with_ports = layer.protocol_identifier == kProtocolUdp ||
                                   layer.protocol_identifier == kProtocolSctp;
  if (is_tcp && (layer.tcp_flags & kTcpSyn) != 0) {
    return (layer.tcp_flags & kTcpAck) == 0;
  }
  if (!is_tcp && !is_other_with_ports) return true;
  if (layer.source_port < 1024 && layer.destination_port >= 1024) return false;
  if (layer.source_port >= 1024 && layer.destination_port < 1024) return true;
  // The registered ports that the tests use.
  const std::set<uint16_t> servers = {3306, 3389, 8080};
  const bool is_source_server = servers.contains(layer.source_port);
  const bool is_destination_server = servers.contains(layer.destination_port);
  if (is_source_server && !is_destination_server) return false;
  if (!is_source_server && is_destination_server) return true;
  if (is_tcp) return std::nullopt;
  return true;
}

}  // namespace

std::string Describe(const ExportedFlow& flow) {
  const FlowRecord& record = flow.record;
  Line line;
  line.source = record.source();
  line.destination = record.destination();
  line.source_port = record.source_port();
  line.destination_port = record.destination_port();
  line.protocol_identifier = record.protocol_identifier();
  line.tunnel = flow.tunnel;
  line.start_ns = record.start_ns;
  line.end_ns = record.end_ns;
  line.packets = record.packets();
  line.octets = record.octets();
  line.reverse_packets = record.reverse_packets();
  line.reverse_octets = record.reverse_octets();
  line.end_reason = EndReasonName(record.end_reason);
  line.account = {record.edition, record.attribution, record.workload,
                  record.direction, record.judgement};
  return Write(line);
}

void NaiveMeter::Add(const Packet& packet) {
  result_.received += 1;
  clock_ns_ = packet.clock_ns;
  DecodedPacket decoded;
  DecodePacket(packet, &decoded);
  if (!decoded.is_decoded()) {
    result_.undecoded += 1;
    return;
  }
  fragments_.Resolve(&decoded);
  AddLayer(decoded.outer, Tunnel(), decoded);
  if (decoded.tunnel == TunnelKind::kNone) return;
  Tunnel tunnel;
  std::tie(tunnel.a, tunnel.b) =
      std::minmax(decoded.outer.source, decoded.outer.destination);
  tunnel.id = decoded.tunnel_id;
  tunnel.kind = decoded.tunnel;
  AddLayer(decoded.inner, tunnel, decoded);
}

void NaiveMeter::AddLayer(const IpLayer& layer, const Tunnel& tunnel,
                          const DecodedPacket& packet) {
  const Place sender = {layer.source, layer.source_port};
  const Place receiver = {layer.destination, layer.destination_port};
  const Key key = {tunnel, layer.protocol_identifier,
                   std::minmax(sender, receiver)};
  auto& accounts = tunnel.kind == TunnelKind::kNone
                       ? result_.accounts
                       : result_.tunnelled_accounts;

  auto found = flows_.find(key);
  if (found != flows_.end()) {
    const bool opens_another =
        (layer.tcp_flags & kTcpSyn) != 0 && (layer.tcp_flags & kTcpAck) == 0;
    const Flow& flow = found->second;
    if (IsOver(flow, packet.clock_ns) || (flow.is_closed() && opens_another)) {
      EndFlow(key, flow, packet.clock_ns);
      flows_.erase(found);
      found = flows_.end();
    }
  }
  if (found == flows_.end()) {
    found = flows_.emplace(key, StartFlow(layer, packet)).first;
    accounts[found->second.account].flows += 1;
  }

  Flow& flow = found->second;
  const bool is_from_source = sender == flow.source.place;
  Side& side = is_from_source ? flow.source : flow.destination;
  side.packets += 1;
  side.octets += layer.ip_octets;
  if ((layer.tcp_flags & kTcpFin) != 0) side.has_sent_fin = true;
  if ((layer.tcp_flags & kTcpRst) != 0) flow.has_reset = true;
  flow.end_ns = std::max(flow.end_ns, packet.timestamp_ns);
  flow.last_clock_ns = packet.clock_ns;

  AccountTotals& totals = accounts[flow.account];
  totals.packets += 1;
  totals.octets += layer.ip_octets;
  const WorkloadIndex& workloads =
      *editions_->At(packet.timestamp_ns).workloads;
  if (workloads.Lookup(layer.source) != kRemoteAddress &&
      workloads.Lookup(layer.destination) == kRemoteAddress) {
    totals.egress_packets += 1;
    totals.egress_octets += layer.ip_octets;
  }
}

NaiveMeter::Flow NaiveMeter::StartFlow(const IpLayer& layer,
                                       const DecodedPacket& packet) const {
  const Edition& edition = editions_->At(packet.timestamp_ns);
  const bool is_sender_local =
      edition.workloads->Lookup(layer.source) != kRemoteAddress;
  const bool is_receiver_local =
      edition.workloads->Lookup(layer.destination) != kRemoteAddress;
  std::optional<bool> is_sender_source = IsSenderTheOpener(layer);
  if (!is_sender_source) {
    is_sender_source = is_sender_local == is_receiver_local || is_sender_local;
  }

  Flow flow;
  flow.source.place = {layer.source, layer.source_port};
  flow.destination.place = {layer.destination, layer.destination_port};
  if (!*is_sender_source) std::swap(flow.source, flow.destination);
  flow.start_ns = packet.timestamp_ns;
  flow.end_ns = packet.timestamp_ns;
  flow.start_clock_ns = packet.clock_ns;
  flow.last_clock_ns = packet.clock_ns;

  const IpAddress& source = flow.source.place.address;
  const IpAddress& destination = flow.destination.place.address;
  const WorkloadId source_workload = edition.workloads->Lookup(source);
  const WorkloadId destination_workload =
      edition.workloads->Lookup(destination);
  const bool is_source_local = source_workload != kRemoteAddress;
  const bool is_destination_local = destination_workload != kRemoteAddress;

  // Of other protocols than TCP, UDP and SCTP the layer's ports are 0.
  const uint16_t service_port = flow.destination.place.port;

  AccountKey& account = flow.account;
  account.edition = edition.index;
  account.attribution = edition.atlas->Lookup(destination);
  if (is_source_local && is_destination_local) {
    account.direction = FlowDirection::kInternal;
    account.workload = source_workload;
    account.judgement = {Verdict::kNotJudged, Reason::kInternal};
  } else if (is_source_local) {
    account.direction = FlowDirection::kEgress;
    account.workload = source_workload;
    account.judgement =
        edition.rulebook.Judge(edition.atlas->attribution(account.attribution),
                               account.workload, Opener::kLocal, service_port);
  } else if (is_destination_local) {
    account.direction = FlowDirection::kIngress;
    account.workload = destination_workload;
    account.attribution = edition.atlas->Lookup(source);
    const bool is_administration =
        (layer.protocol_identifier == kProtocolTcp ||
         layer.protocol_identifier == kProtocolUdp) &&
        edition.rulebook.IsAdministrationPort(flow.destination.place.port);
    account.judgement = edition.rulebook.Judge(
        edition.atlas->attribution(account.attribution), account.workload,
        is_administration ? Opener::kRemoteAdministration : Opener::kRemote,
        service_port);
  } else {
    account.direction = FlowDirection::kTransit;
    account.workload = kNoWorkload;
    account.judgement = {Verdict::kNotJudged, Reason::kNoRequirement};
  }
  return flow;
}

bool NaiveMeter::IsOver(const Flow& flow, int64_t clock_ns) const {
  const int64_t silence_ns = clock_ns - flow.last_clock_ns;
  const int64_t permitted_ns =
      flow.is_closed() ? timeouts_.closed_ns : timeouts_.idle_ns;
  return silence_ns > permitted_ns ||
         clock_ns - flow.start_clock_ns >= timeouts_.active_ns;
}

std::string_view NaiveMeter::EndReasonOf(const Flow& flow,
                                         int64_t clock_ns) const {
  if (flow.is_closed()) return "end_of_flow";
  // The first instants at which no packet could belong to it any more.
  const int64_t idle_ns = flow.last_clock_ns + timeouts_.idle_ns + 1;
  const int64_t active_ns = flow.start_clock_ns + timeouts_.active_ns;
  if (clock_ns < std::min(idle_ns, active_ns)) return "forced_end";
  return idle_ns <= active_ns ? "idle_timeout" : "active_timeout";
}

void NaiveMeter::EndFlow(const Key& key, const Flow& flow, int64_t clock_ns) {
  Line line;
  line.source = flow.source.place.address;
  line.destination = flow.destination.place.address;
  line.source_port = flow.source.place.port;
  line.destination_port = flow.destination.place.port;
  line.protocol_identifier = key.protocol_identifier;
  line.tunnel = key.tunnel;
  line.start_ns = flow.start_ns;
  line.end_ns = flow.end_ns;
  line.packets = flow.source.packets;
  line.octets = flow.source.octets;
  line.reverse_packets = flow.destination.packets;
  line.reverse_octets = flow.destination.octets;
  line.end_reason = EndReasonOf(flow, clock_ns);
  line.account = flow.account;
  result_.flows.push_back(Write(line));
}

ExpectedResult NaiveMeter::Finish() {
  for (const auto& [key, flow] : flows_) EndFlow(key, flow, clock_ns_);
  std::sort(result_.flows.begin(), result_.flows.end());
  return std::move(result_);
}

}  // namespace octroi::testing
