// SPDX-License-Identifier: Apache-2.0
#include "dataplane/collecting_sink.h"

#include <tuple>

namespace octroi {
namespace {

// What results can show of a flow, most significant first. The account, the
// tunnel's number and places in tables are the worker's own and stay out.
auto RankOf(const FlowRecord& r, const Tunnel& tunnel) {
  return std::make_tuple(
      r.start_ns, r.source(), r.destination(), r.source_port(),
      r.destination_port(), r.protocol_identifier(), tunnel, r.start_clock_ns,
      r.end_ns, r.last_clock_ns, r.packets(), r.octets(), r.reverse_packets(),
      r.reverse_octets(), r.end_reason, r.edition, r.attribution, r.workload,
      r.direction, r.judgement.verdict, r.judgement.reason,
      r.judgement.exception, r.tcp_end);
}

}  // namespace

bool IsBefore(const ExportedFlow& x, const ExportedFlow& y) {
  // The start nearly always decides; the rest costs a copy of both.
  if (x.record.start_ns != y.record.start_ns) {
    return x.record.start_ns < y.record.start_ns;
  }
  return RankOf(x.record, x.tunnel) < RankOf(y.record, y.tunnel);
}

void CollectingSink::Export(std::span<const FlowRecord> records,
                            const TunnelIndex& tunnels) {
  for (const FlowRecord& record : records) {
    if (flows_.size() == limit_) {
      lost_count_ += 1;
      continue;
    }
    flows_.push_back({record, tunnels.tunnel(record.key.tunnel)});
  }
}

}  // namespace octroi
