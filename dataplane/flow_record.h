// SPDX-License-Identifier: Apache-2.0
// A flow as it is exported: both directions in one record (a biflow, RFC 5103),
// with what classify said of it. The flow table keeps the same in parts
// (flow_table.h). A plain value: any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "dataplane/decode.h"
#include "dataplane/flow_key.h"
#include "geo/atlas.h"
#include "geo/ip_address.h"
#include "policy/judge.h"
#include "policy/workload_index.h"

namespace octroi {

// Which way a flow was opened, as seen from the local networks.
enum class FlowDirection : uint8_t {
  kEgress,    // A local address opened it to a remote one.
  kIngress,   // A remote address opened it to a local one.
  kInternal,  // Both ends are local.
  kTransit,   // Neither is.
};
inline constexpr int kFlowDirectionCount = 4;
// "egress", "ingress", "internal", "transit".
std::string_view DirectionName(FlowDirection direction);

// Why a record ended: IANA's flowEndReason (IPFIX information element 136).
enum class FlowEndReason : uint8_t {
  kNotEnded = 0,
  kIdleTimeout = 1,
  kActiveTimeout = 2,
  kEndOfFlow = 3,
  kForcedEnd = 4,
  kLackOfResources = 5,
};
// "idle_timeout", "active_timeout", "end_of_flow", "forced_end",
// "lack_of_resources"; "" for kNotEnded.
std::string_view EndReasonName(FlowEndReason reason);

// How a TCP connection ended, as far as seen: bits of FlowRecord::tcp_end.
enum TcpEnd : uint8_t {
  kTcpEndFinByA = 0x01,
  kTcpEndFinByB = 0x02,
  kTcpEndFinByBoth = kTcpEndFinByA | kTcpEndFinByB,
  kTcpEndReset = 0x04,
};

// A reset, or a FIN from both ends, has been seen (RFC 9293 §3.6).
constexpr bool IsClosed(uint8_t tcp_end) {
  return (tcp_end & kTcpEndReset) != 0 ||
         (tcp_end & kTcpEndFinByBoth) == kTcpEndFinByBoth;
}

struct FlowRecord {
  FlowKey key;

  // By sending end: [0] what endpoint A sent, [1] what B sent. See the
  // accessors below for the flow's own directions.
  uint64_t sent_octets[2] = {0, 0};
  uint64_t sent_packets[2] = {0, 0};

  // Timestamp of the first packet, and the latest of any, ns since the epoch.
  int64_t start_ns = 0;
  int64_t end_ns = 0;
  // The capture's clock at the first and at the last packet: what timeouts are
  // measured with.
  int64_t start_clock_ns = 0;
  int64_t last_clock_ns = 0;

  // Of the remote end; of the responder if no end or both are local.
  AttributionId attribution = 0;
  // Edition::index of the edition that judged the flow.
  uint32_t edition = 0;
  Judgement judgement;
  // Of the local end; of the initiator if both are local. kNoWorkload if no
  // workload covers it or no end is local.
  WorkloadId workload = kNoWorkload;
  FlowDirection direction = FlowDirection::kTransit;
  FlowEndReason end_reason = FlowEndReason::kNotEnded;
  Endpoint initiator = Endpoint::kA;
  uint8_t tcp_end = 0;
  // Not kNone: a flow inside a tunnel, which key.tunnel is the number of.
  TunnelKind tunnel_kind = TunnelKind::kNone;

  // Source is the initiator, destination the responder.
  IpAddress source() const { return key.address(initiator); }
  IpAddress destination() const { return key.address(Opposite(initiator)); }
  uint16_t source_port() const { return key.port(initiator); }
  uint16_t destination_port() const { return key.port(Opposite(initiator)); }
  uint8_t protocol_identifier() const {
    return static_cast<uint8_t>(key.protocol_identifier);
  }
  bool is_tunnelled() const { return tunnel_kind != TunnelKind::kNone; }

  // What the source sent, and (reverse) what the destination sent.
  uint64_t octets() const { return sent_octets[static_cast<int>(initiator)]; }
  uint64_t packets() const { return sent_packets[static_cast<int>(initiator)]; }
  uint64_t reverse_octets() const {
    return sent_octets[static_cast<int>(Opposite(initiator))];
  }
  uint64_t reverse_packets() const {
    return sent_packets[static_cast<int>(Opposite(initiator))];
  }

  bool is_closed() const { return IsClosed(tcp_end); }
};
static_assert(std::is_trivially_copyable_v<FlowRecord>);

}  // namespace octroi
