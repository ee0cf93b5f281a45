// SPDX-License-Identifier: Apache-2.0
// Step 4, classify: which end opened a flow, which workload it belongs to,
// where the remote end is, and what the policy says of it. Looked up once, for
// the first packet of a flow; later packets take the answer from the record.
//
// Thread safety: a Classifier is one worker's own; the editions that it reads
// are immutable.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/flow_record.h"
#include "dataplane/flow_table.h"
#include "policy/edition.h"

namespace octroi {

// Where a worker gets the edition of an instant.
class EditionProvider {
 public:
  virtual ~EditionProvider() = default;

  // The edition in force at an instant, ns since the epoch; it outlives every
  // worker that uses this provider (Worker::oldest_editions). Called from any
  // worker's thread, and only when an instant is outside the edition that the
  // worker has: not on the hot path.
  virtual const Edition& At(int64_t ns) = 0;
};

// Who a packet, taken as the first of its flow, says opened it.
enum class OpenedBy : uint8_t {
  kSender,
  kReceiver,
  kUnknown,  // TCP picked up in mid-stream, and its ports do not tell.
};
// A SYN's sender; a SYN-ACK's receiver. For TCP in mid-stream, UDP and SCTP,
// the well-known server port is the responder's: the one port below 1024
// (RFC 6335 §6, System Ports), else the one port of a short list of registered
// ones. Where that does not tell, the sender of what is not TCP. Hot path.
OpenedBy OpenerOf(const IpLayer& layer);

// What the table and the accounts keep of a flow.
struct Classification {
  uint32_t edition = 0;
  AttributionId attribution = 0;
  WorkloadId workload = kNoWorkload;
  FlowDirection direction = FlowDirection::kTransit;
  Judgement judgement;
  bool is_opened_by_sender = true;
};

// The flow that `packet` is the first one of. Pure.
Classification Classify(const Edition& edition, const FlowPacket& packet);

// What an edition says of a flow that was metered already, whichever edition
// judged it then: its ends and its opener are the record's. Pure.
Classification Reclassify(const Edition& edition, const FlowRecord& record);

// Whether a packet sent by the initiator (or not) of a flow of that direction
// left the local side for a remote address.
constexpr bool IsEgress(FlowDirection direction, bool is_sent_by_initiator) {
  return is_sent_by_initiator ? direction == FlowDirection::kEgress
                              : direction == FlowDirection::kIngress;
}

// What judgement asks of a flow: its ends, as far as the local side knows them,
// and the service that was asked for.
struct FlowEnds {
  IpAddress remote;  // Of the responder if no end or both are local.
  WorkloadId initiator_workload = kRemoteAddress;
  WorkloadId responder_workload = kRemoteAddress;
  FlowDirection direction = FlowDirection::kTransit;
  bool is_opened_by_sender = true;
  uint8_t protocol_identifier = 0;
  uint16_t responder_port = 0;
};

class Classifier {
 public:
  // `editions` must outlive the classifier.
  explicit Classifier(EditionProvider* editions) : editions_(editions) {}

  // Asks `editions` from here on, which must outlive the classifier or the next
  // call. What the earlier ones gave is not read again.
  void Use(EditionProvider* editions) {
    editions_ = editions;
    edition_ = nullptr;
  }

  // By the edition in force at the packet's timestamp.
  Classification Classify(const FlowPacket& packet);

  // Classifies packets[i] of each i in `asked`: sets the place of `found` that
  // has the number of i's place in `asked`, and the record of the flow unless
  // hits[i] has none (kNoFlow). Most bursts start no flow and need no call.
  // REQUIRES: `asked` ascends, and found.size() == asked.size() <= kMaxBurst.
  // Hot path.
  void ClassifyBurst(std::span<const FlowPacket> packets,
                     std::span<const FlowHit> hits,
                     std::span<const BurstIndex> asked, FlowTable* table,
                     std::span<Classification> found);

 private:
  bool IsInForce(int64_t ns) const {
    return edition_ != nullptr && ns >= edition_->from_ns &&
           ns < edition_->until_ns;
  }
  const Edition& EditionAt(int64_t ns);

  EditionProvider* editions_;
  const Edition* edition_ = nullptr;  // The last one that was asked for.

  // Of what a burst asks. As arrays of the call they would be cleared each
  // time.
  std::array<FlowEnds, kMaxBurst> ends_;
  std::array<IpAddress, kMaxBurst> remotes_;
};

}  // namespace octroi
