// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker.h"

#include <algorithm>
#include <cassert>

namespace octroi {
namespace {

AccountKey AccountKeyOf(const Classification& found) {
  return {found.edition, found.attribution, found.workload, found.direction,
          found.judgement};
}

}  // namespace

Worker::Worker(const WorkerOptions& options, PacketSource* source,
               EditionProvider* editions, FlowSink* sink)
    : burst_size_(options.burst_size),
      expiry_scan_count_(options.expiry_scan_count),
      source_(source),
      sink_(sink),
      tunnels_(options.hash_seed),
      flow_table_(options.flow_table, options.timeouts, options.hash_seed),
      classifier_(editions),
      accounts_(options.accounts, options.hash_seed),
      tunnelled_accounts_(options.accounts, options.hash_seed) {
  assert(burst_size_ >= 1 && burst_size_ <= kMaxBurst);
  assert(expiry_scan_count_ <= FlowTable::kMaxEndedPerCall);
}

size_t Worker::RunOnce() {
  const size_t received_count = source_->ReceiveBurst(&burst_);
  for (size_t begin = 0; begin < received_count; begin += burst_size_) {
    const size_t size = std::min(burst_size_, received_count - begin);
    RunBurst(burst_.view().subspan(begin, size));
  }
  source_->ReleaseBurst(&burst_);
  return received_count;
}

// The life of a burst. Each step is a file of this folder, in this order.
void Worker::RunBurst(std::span<const Packet> packets) {
  ReserveForBurst();
  clock_ns_ = packets.back().clock_ns;
  const std::span<DecodedPacket> decoded(decoded_.data(), packets.size());

  DecodeBurst(packets, decoded);
  fragments_.ResolveBurst(decoded);
  CollectLayers(decoded);
  for (LayerBurst* layers : {&outer_, &inner_}) {
    flow_table_.UpdateBurst(layers->packet_view(), layers->hit_view());
    classifier_.ClassifyBurst(layers->packet_view(), layers->hit_view(),
                              &flow_table_, layers->found_view());
  }
  AccountBurst(&outer_, &accounts_);
  AccountBurst(&inner_, &tunnelled_accounts_);
  ExpireBurst();
  ExportEnded();

  assert(NothingLeavesTheBooks());
}

void Worker::Finish(int64_t final_clock_ns) {
  clock_ns_ = final_clock_ns;
  while (flow_table_.EndRemaining(final_clock_ns, export_batch_.size())) {
    ExportEnded();
  }
  ExportEnded();
}

// Every packet of a burst may start a flow in each of its two layers, an
// account for each, and a tunnel.
void Worker::ReserveForBurst() {
  flow_table_.Reserve(2 * kMaxBurst);
  accounts_.Reserve(kMaxBurst);
  tunnelled_accounts_.Reserve(kMaxBurst);
  tunnels_.Reserve(kMaxBurst);
}

void Worker::CollectLayers(std::span<const DecodedPacket> decoded) {
  outer_.size = 0;
  inner_.size = 0;
  for (const DecodedPacket& packet : decoded) {
    if (!packet.is_decoded()) {
      counters_.undecoded[static_cast<size_t>(packet.drop_reason)].Add(1);
      continue;
    }
    outer_.Add({&packet.outer, packet.timestamp_ns, packet.clock_ns, kNoTunnel,
                TunnelKind::kNone});
    if (packet.tunnel != TunnelKind::kNone) CollectInner(packet);
  }
  counters_.received.Add(decoded.size());
  counters_.fragments_resolved.Set(fragments_.resolved_count());
  counters_.fragments_unresolved.Set(fragments_.unresolved_count());
}

void Worker::CollectInner(const DecodedPacket& packet) {
  const FlowPacket layer = {&packet.inner, packet.timestamp_ns, packet.clock_ns,
                            tunnels_.NumberOf(packet), packet.tunnel};
  if (layer.tunnel != kNoTunnel) {
    inner_.Add(layer);
    return;
  }
  counters_.tunnels_not_tracked.Add(1);
  const Classification found = classifier_.Classify(layer);
  tunnelled_accounts_.AddPacket(
      tunnelled_accounts_.FindOrInsert(AccountKeyOf(found)),
      layer.layer->ip_octets,
      IsEgress(found.direction, found.is_opened_by_sender));
}

// Finds the accounts of the packets that have an answer of their own, then
// touches everybody's account, then adds, so that the misses of a burst
// overlap.
void Worker::AccountBurst(LayerBurst* layers, Accounts* accounts) {
  const std::span<const FlowHit> hits = layers->hit_view();
  if (std::any_of(hits.begin(), hits.end(), NeedsAnswer)) {
    FindAccounts(layers, accounts);
  }
  for (size_t i = 0; i < layers->size; ++i) {
    const FlowHit& hit = layers->hits[i];
    if (hit.flow == kNoFlow) continue;
    accounts->Prefetch(flow_table_.line(hit.flow).account);
  }
  for (size_t i = 0; i < layers->size; ++i) {
    const uint32_t octets = layers->packets[i].layer->ip_octets;
    const FlowHit& hit = layers->hits[i];
    if (hit.flow == kNoFlow) {
      // Losing a flow's record is acceptable and counted; losing its octets
      // would falsify the accounts. The packet is judged as the first one of
      // its flow.
      const Classification& found = layers->found[i];
      counters_.flow_records_lost.Add(1);
      accounts->AddPacket(layers->accounts[i], octets,
                          IsEgress(found.direction, found.is_opened_by_sender));
      continue;
    }
    const FlowLine& line = flow_table_.line(hit.flow);
    accounts->AddPacket(line.account, octets,
                        IsEgress(line.direction, hit.sender == line.initiator));
  }
  if (accounts == &accounts_) counters_.accounted.Add(layers->size);
}

// Sets layers->accounts of packets without a record, and the account of records
// that are new.
void Worker::FindAccounts(LayerBurst* layers, Accounts* accounts) {
  std::array<size_t, kMaxBurst> asked;
  std::array<AccountKey, kMaxBurst> keys;
  std::array<AccountIndex, kMaxBurst> indexes;
  size_t count = 0;
  for (size_t i = 0; i < layers->size; ++i) {
    if (!NeedsAnswer(layers->hits[i])) continue;
    keys[count] = AccountKeyOf(layers->found[i]);
    asked[count++] = i;
  }
  accounts->FindOrInsertBurst({keys.data(), count}, {indexes.data(), count});
  for (size_t n = 0; n < count; ++n) {
    const FlowHit& hit = layers->hits[asked[n]];
    layers->accounts[asked[n]] = indexes[n];
    if (hit.flow == kNoFlow) continue;
    flow_table_.line(hit.flow).account = indexes[n];
    accounts->AddFlow(indexes[n]);
    counters_.flows_started.Add(1);
  }
}

// Memory is taken back as the clock moves, in portions worth the call.
void Worker::ExpireBurst() {
  constexpr size_t kPortion = 64;
  if (!has_swept_) {
    has_swept_ = true;
    swept_clock_ns_ = clock_ns_;
  }
  const size_t due = flow_table_.PlacesDue(clock_ns_ - swept_clock_ns_);
  if (due < kPortion) return;
  swept_clock_ns_ = clock_ns_;
  flow_table_.ExpireBurst(clock_ns_, std::min(due, expiry_scan_count_));
}

void Worker::ExportEnded() {
  const std::span<const FlowIndex> ended = flow_table_.ended();
  size_t count = 0;
  for (size_t i = 0; i < ended.size() && sink_ != nullptr; ++i) {
    export_batch_[count++] = flow_table_.record(ended[i]);
    if (count < export_batch_.size() && i + 1 < ended.size()) continue;
    sink_->Export({export_batch_.data(), count}, tunnels_);
    count = 0;
  }
  counters_.flows_ended.Add(ended.size());
  flow_table_.ReleaseEnded();
}

// received = accounted + undecoded + filtered, always.
bool Worker::NothingLeavesTheBooks() const {
  const WorkerTotals totals = counters_.Read();
  return totals.received ==
         totals.accounted + totals.undecoded_total() + totals.filtered;
}

}  // namespace octroi
