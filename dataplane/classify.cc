// SPDX-License-Identifier: Apache-2.0
#include "dataplane/classify.h"

#include <array>
#include <cassert>

namespace octroi {
namespace {

constexpr uint16_t kSystemPortLimit = 1024;  // RFC 6335 §6

// Registered ports (RFC 6335 §6) that servers are commonly met on.
constexpr uint16_t kServerPorts[] = {
    1194,   // OpenVPN
    1433,   // Microsoft SQL Server
    1521,   // Oracle
    1883,   // MQTT
    2049,   // NFS
    3128,   // HTTP proxy
    3268,   // Active Directory global catalogue
    3269,   // the same over TLS
    3306,   // MySQL
    3389,   // RDP
    5060,   // SIP
    5061,   // SIP over TLS
    5222,   // XMPP
    5432,   // PostgreSQL
    5671,   // AMQP over TLS
    5672,   // AMQP
    5900,   // VNC
    5985,   // WinRM
    5986,   // WinRM over TLS
    6379,   // Redis
    6443,   // Kubernetes API
    8080,   // HTTP
    8443,   // HTTPS
    8883,   // MQTT over TLS
    9092,   // Kafka
    9200,   // Elasticsearch
    11211,  // memcached
    27017,  // MongoDB
};

// A bit for each port: a search would branch on what traffic chooses.
constexpr auto kIsServerPort = [] {
  std::array<uint64_t, 65'536 / 64> bits{};
  for (const uint16_t port : kServerPorts) {
    bits[port / 64] |= uint64_t{1} << (port % 64);
  }
  return bits;
}();

bool IsRegisteredServerPort(uint16_t port) {
  return (kIsServerPort[port / 64] >> (port % 64) & 1) != 0;
}

// Who opened it if exactly one port is a server's, which answers.
OpenedBy OpenerByPorts(bool is_source_server, bool is_destination_server) {
  if (is_source_server == is_destination_server) return OpenedBy::kUnknown;
  return is_source_server ? OpenedBy::kReceiver : OpenedBy::kSender;
}

OpenedBy OpenerByPorts(const IpLayer& layer) {
  const OpenedBy by_system_port =
      OpenerByPorts(layer.source_port < kSystemPortLimit,
                    layer.destination_port < kSystemPortLimit);
  if (by_system_port != OpenedBy::kUnknown) return by_system_port;
  return OpenerByPorts(IsRegisteredServerPort(layer.source_port),
                       IsRegisteredServerPort(layer.destination_port));
}

bool IsOpenedBySender(OpenedBy opener, bool is_sender_local,
                      bool is_receiver_local) {
  if (opener != OpenedBy::kUnknown) return opener == OpenedBy::kSender;
  // What cannot be told counts as opened by the local side, if there is one.
  return is_sender_local || !is_receiver_local;
}

FlowDirection DirectionOf(bool is_initiator_local, bool is_responder_local) {
  if (is_initiator_local) {
    return is_responder_local ? FlowDirection::kInternal
                              : FlowDirection::kEgress;
  }
  return is_responder_local ? FlowDirection::kIngress : FlowDirection::kTransit;
}

// The service's port as policies speak of it: of TCP, UDP and SCTP.
uint16_t ServicePort(uint8_t protocol_identifier, uint16_t responder_port) {
  switch (protocol_identifier) {
    case kProtocolTcp:
    case kProtocolUdp:
    case kProtocolSctp:
      return responder_port;
    default:
      return kNoPort;
  }
}

Opener OpenerOfIngress(const Rulebook& rulebook, uint8_t protocol_identifier,
                       uint16_t responder_port) {
  const bool has_administration_ports = protocol_identifier == kProtocolTcp ||
                                        protocol_identifier == kProtocolUdp;
  return has_administration_ports &&
                 rulebook.IsAdministrationPort(responder_port)
             ? Opener::kRemoteAdministration
             : Opener::kRemote;
}

// One end, with what the local networks say of it.
struct End {
  const IpAddress& address;
  WorkloadId workload;
};

FlowEnds EndsOf(const End& initiator, const End& responder) {
  FlowEnds ends;
  ends.initiator_workload = initiator.workload;
  ends.responder_workload = responder.workload;
  ends.direction = DirectionOf(initiator.workload != kRemoteAddress,
                               responder.workload != kRemoteAddress);
  ends.remote = ends.direction == FlowDirection::kIngress ? initiator.address
                                                          : responder.address;
  return ends;
}

FlowEnds FindEnds(const Edition& edition, const IpLayer& layer) {
  const End sender = {layer.source, edition.workloads->Lookup(layer.source)};
  const End receiver = {layer.destination,
                        edition.workloads->Lookup(layer.destination)};
  const bool is_by_sender =
      IsOpenedBySender(OpenerOf(layer), sender.workload != kRemoteAddress,
                       receiver.workload != kRemoteAddress);
  FlowEnds ends =
      is_by_sender ? EndsOf(sender, receiver) : EndsOf(receiver, sender);
  ends.is_opened_by_sender = is_by_sender;
  ends.protocol_identifier = layer.protocol_identifier;
  ends.responder_port =
      is_by_sender ? layer.destination_port : layer.source_port;
  return ends;
}

Classification Finish(const Edition& edition, const FlowEnds& ends,
                      AttributionId attribution_id) {
  const Rulebook& rulebook = edition.rulebook;
  const Attribution& attribution = edition.atlas->attribution(attribution_id);
  const uint16_t service_port =
      ServicePort(ends.protocol_identifier, ends.responder_port);
  Classification result;
  result.edition = edition.index;
  result.attribution = attribution_id;
  result.direction = ends.direction;
  result.is_opened_by_sender = ends.is_opened_by_sender;
  switch (ends.direction) {
    case FlowDirection::kEgress:
      result.workload = ends.initiator_workload;
      result.judgement = rulebook.Judge(attribution, result.workload,
                                        Opener::kLocal, service_port);
      break;
    case FlowDirection::kIngress:
      result.workload = ends.responder_workload;
      result.judgement =
          rulebook.Judge(attribution, result.workload,
                         OpenerOfIngress(rulebook, ends.protocol_identifier,
                                         ends.responder_port),
                         service_port);
      break;
    case FlowDirection::kInternal:
      result.workload = ends.initiator_workload;
      result.judgement = {Verdict::kNotJudged, Reason::kInternal};
      break;
    case FlowDirection::kTransit:
      result.workload = kNoWorkload;
      result.judgement = {Verdict::kNotJudged, Reason::kNoRequirement};
      break;
  }
  return result;
}

void Store(const Classification& found, Endpoint sender, FlowIndex flow,
           FlowTable* table) {
  FlowDetails& details = table->details(flow);
  details.edition = found.edition;
  details.attribution = found.attribution;
  details.workload = found.workload;
  details.judgement = found.judgement;
  FlowLine& line = table->line(flow);
  line.direction = found.direction;
  line.initiator = found.is_opened_by_sender ? sender : Opposite(sender);
}

}  // namespace

OpenedBy OpenerOf(const IpLayer& layer) {
  switch (layer.protocol_identifier) {
    case kProtocolTcp:
      if ((layer.tcp_flags & kTcpSyn) != 0) {
        return (layer.tcp_flags & kTcpAck) != 0 ? OpenedBy::kReceiver
                                                : OpenedBy::kSender;
      }
      return OpenerByPorts(layer);
    case kProtocolUdp:
    case kProtocolSctp: {
      const OpenedBy by_ports = OpenerByPorts(layer);
      return by_ports == OpenedBy::kUnknown ? OpenedBy::kSender : by_ports;
    }
    default:
      return OpenedBy::kSender;
  }
}

Classification Classify(const Edition& edition, const FlowPacket& packet) {
  const FlowEnds ends = FindEnds(edition, LayerOf(packet));
  return Finish(edition, ends, edition.atlas->Lookup(ends.remote));
}

Classification Reclassify(const Edition& edition, const FlowRecord& record) {
  const IpAddress source = record.source();
  const IpAddress destination = record.destination();
  FlowEnds ends = EndsOf({source, edition.workloads->Lookup(source)},
                         {destination, edition.workloads->Lookup(destination)});
  ends.protocol_identifier = record.protocol_identifier();
  ends.responder_port = record.destination_port();
  return Finish(edition, ends, edition.atlas->Lookup(ends.remote));
}

const Edition& Classifier::EditionAt(int64_t ns) {
  if (!IsInForce(ns)) edition_ = &editions_->At(ns);
  return *edition_;
}

Classification Classifier::Classify(const FlowPacket& packet) {
  return octroi::Classify(EditionAt(packet.timestamp_ns), packet);
}

// Three passes over the packets, so that the cache misses of a burst overlap:
// the ends, the remote ends' attributions, the judgements.
void Classifier::ClassifyBurst(std::span<const FlowPacket> packets,
                               std::span<const FlowHit> hits,
                               std::span<const BurstIndex> asked,
                               FlowTable* table,
                               std::span<Classification> found) {
  assert(packets.size() == hits.size() && asked.size() == found.size());
  assert(asked.size() <= kMaxBurst);
  std::array<AttributionId, kMaxBurst> attributions;
  const auto answer = [&](size_t begin, size_t end) {
    edition_->atlas->LookupBatch({&remotes_[begin], end - begin},
                                 {&attributions[begin], end - begin});
    for (size_t n = begin; n < end; ++n) {
      // What judgement reads, which may be in another line than the beginning.
      __builtin_prefetch(
          &edition_->atlas->attribution(attributions[n]).class_id);
    }
    for (size_t n = begin; n < end; ++n) {
      found[n] = Finish(*edition_, ends_[n], attributions[n]);
      const FlowIndex flow = hits[asked[n]].flow;
      if (flow == kNoFlow) continue;
      Store(found[n], packets[asked[n]].sender, flow, table);
    }
  };
  size_t begin = 0;
  for (size_t n = 0; n < asked.size(); ++n) {
    const FlowPacket& packet = packets[asked[n]];
    // What was asked of one edition is answered before the next one.
    if (n > begin && !IsInForce(packet.timestamp_ns)) {
      answer(begin, n);
      begin = n;
    }
    ends_[n] = FindEnds(EditionAt(packet.timestamp_ns), LayerOf(packet));
    remotes_[n] = ends_[n].remote;
  }
  if (begin < asked.size()) answer(begin, asked.size());
}

}  // namespace octroi
