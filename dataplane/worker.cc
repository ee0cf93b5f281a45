// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace octroi {
namespace {

AccountKey AccountKeyOf(const Classification& found) {
  return {found.edition, found.attribution, found.workload, found.direction,
          found.judgement};
}

// What the flow of `line` tells its account.
AccountTotals TotalsOf(const FlowLine& line, const FlowCounts& counts) {
  AccountTotals totals;
  for (const Endpoint sender : {Endpoint::kA, Endpoint::kB}) {
    const auto side = static_cast<size_t>(sender);
    totals.packets += counts.packets[side];
    totals.octets += counts.octets[side];
    if (!IsEgress(line.direction, sender == line.initiator)) continue;
    totals.egress_packets += counts.packets[side];
    totals.egress_octets += counts.octets[side];
  }
  return totals;
}

int64_t ClockOf(const Packet& packet) { return packet.clock_ns; }
int64_t ClockOf(const ReadPacket& packet) {
  return packet.not_plain != nullptr ? packet.not_plain->clock_ns
                                     : packet.plain.clock_ns;
}

// What of a packet is read first.
void Touch(const Packet& packet) { __builtin_prefetch(packet.data); }
void Touch(const ReadPacket& packet) { __builtin_prefetch(&packet); }
constexpr size_t kPacketsTouchedAhead = 8;

// The bit of FlowLine::account that says which books.
constexpr uint32_t kBooksBit = uint32_t{1} << 31;

}  // namespace

Worker::Worker(const WorkerOptions& options, PacketSource* source,
               EditionProvider* editions, FlowSink* sink)
    : burst_size_(options.burst_size),
      expiry_scan_count_(options.expiry_scan_count),
      settlement_interval_packets_(options.settlement_interval_packets),
      accounts_options_(options.accounts),
      tunnelled_accounts_options_(options.tunnelled_accounts),
      hash_seed_(options.hash_seed),
      source_(source),
      sink_(sink),
      tunnels_(options.hash_seed),
      flow_table_(options.flow_table, options.timeouts, options.hash_seed),
      classifier_(editions),
      oldest_editions_(editions) {
  all_books_.push_back(MakeBooks(editions));
  in_use_ = all_books_.back().get();
  assert(burst_size_ >= 1 && burst_size_ <= kMaxBurst);
  assert(expiry_scan_count_ <= FlowTable::kMaxEndedPerCall);
  assert(settlement_interval_packets_ >= 1 &&
         settlement_interval_packets_ <= kMaxUnsettledPackets);
}

size_t Worker::RunOnce() {
  AdoptOffered();
  const size_t received_count = source_->ReceiveBurst(&burst_);
  RunBursts(burst_.view());
  source_->ReleaseBurst(&burst_);
  if (received_count == 0) SweepAfter(0);
  return received_count;
}

void Worker::RunRead(std::span<const ReadPacket> packets) {
  AdoptOffered();
  RunBursts(packets);
}

template <typename AnyPacket>
void Worker::RunBursts(std::span<const AnyPacket> packets) {
  while (!packets.empty()) {
    const size_t size = std::min(burst_size_, packets.size());
    RunBurst(packets.first(size));
    SweepAfter(size);
    packets = packets.subspan(size);
  }
}

// The life of a burst. Each step is a file of this folder, in this order.
template <typename AnyPacket>
void Worker::RunBurst(std::span<const AnyPacket> packets) {
  ReserveForBurst();
  clock_ns_ = ClockOf(packets.back());
  unsettled_packets_ += packets.size();
  counters_.received.Add(packets.size());

  ReadLayers(packets);
  UpdateFlows(&outer_, &in_use_->books.outer);
  if (inner_.size > 0) UpdateFlows(&inner_, &in_use_->books.tunnelled);
  counters_.accounted.Add(outer_.size);
  ExpireBurst();
  ExportEnded();

  assert(NothingLeavesTheBooks());
}

void Worker::AdvanceClock(int64_t clock_ns) {
  if (clock_ns <= clock_ns_) return;
  clock_ns_ = clock_ns;
  ExpireBurst();
  ExportEnded();
}

bool Worker::is_busy() const {
  return sweep_number_ != settlement_count_.load(std::memory_order_relaxed) ||
         sweep_number_ != requested_count_.load(std::memory_order_relaxed);
}

void Worker::Finish(int64_t final_clock_ns) {
  clock_ns_ = final_clock_ns;
  while (flow_table_.EndRemaining(final_clock_ns, export_batch_.size())) {
    ExportEnded();
  }
  ExportEnded();
  sweep_number_ = requested_count_.load(std::memory_order_acquire);
  sweep_received_ = counters_.received.Read();
  FinishSweep();
}

std::unique_ptr<Worker::JudgedBooks> Worker::MakeBooks(
    EditionProvider* editions) const {
  return std::unique_ptr<JudgedBooks>(new JudgedBooks{
      editions, {accounts_options_, tunnelled_accounts_options_, hash_seed_}});
}

EditionProvider* Worker::OfferEditions(EditionProvider* editions) {
  all_books_.push_back(MakeBooks(editions));
  const JudgedBooks* const replaced =
      offered_.exchange(all_books_.back().get(), std::memory_order_acq_rel);
  if (replaced == nullptr) return nullptr;
  EditionProvider* const never_used = replaced->editions;
  std::erase_if(all_books_,
                [replaced](const auto& one) { return one.get() == replaced; });
  return never_used;
}

std::vector<const Books*> Worker::kept_books() const {
  std::vector<const Books*> kept;
  for (const auto& one : all_books_) kept.push_back(&one->books);
  return kept;
}

void Worker::ReleaseBooks() {
  const EditionProvider* const oldest = oldest_editions();
  while (all_books_.front()->editions != oldest) {
    all_books_.erase(all_books_.begin());
  }
}

// Every packet of a burst may start a flow in each of its two layers, an
// account for each, and a tunnel.
void Worker::ReserveForBurst() {
  flow_table_.Reserve(2 * kMaxBurst);
  in_use_->books.outer.Reserve(kMaxBurst);
  in_use_->books.tunnelled.Reserve(kMaxBurst);
  tunnels_.Reserve(kMaxBurst);
}

// What is needed next is touched on the way: packets a few ahead, the tags of
// each flow.
template <typename AnyPacket>
void Worker::ReadLayers(std::span<const AnyPacket> packets) {
  inner_.size = 0;
  FlowPacket* const first = outer_.packets.data();
  FlowPacket* next = first;
  for (size_t i = 0; i < packets.size(); ++i) {
    Touch(packets[std::min(i + kPacketsTouchedAhead, packets.size() - 1)]);
    if (ReadLayer(packets[i], next)) flow_table_.TouchTags(next++);
  }
  outer_.size = static_cast<size_t>(next - first);
}

// Reads a packet to its outer layer: a plain one in one pass from its bytes, or
// as who dealt it has read it; any other by way of decode. False if it has
// none.
bool Worker::ReadLayer(const Packet& packet, FlowPacket* outer) {
  return ReadPlainPacket(packet, outer) || DecodeLayers(packet, outer);
}

bool Worker::ReadLayer(const ReadPacket& packet, FlowPacket* outer) {
  if (packet.not_plain != nullptr) [[unlikely]] {
    return DecodeLayers(*packet.not_plain, outer);
  }
  CopyPlain(packet.plain, outer);
  return true;
}

// Decodes to the outer layer, and to the inner one where there is one. False
// if there is none.
[[gnu::noinline]] bool Worker::DecodeLayers(const Packet& packet,
                                            FlowPacket* outer) {
  DecodePacket(packet, &decoded_);
  if (!decoded_.is_decoded()) {
    counters_.undecoded[static_cast<size_t>(decoded_.drop_reason)].Add(1);
    return false;
  }
  fragments_.Resolve(&decoded_);
  counters_.fragments_resolved.Set(fragments_.resolved_count());
  counters_.fragments_unresolved.Set(fragments_.unresolved_count());
  *outer = MakeFlowPacket(decoded_.outer, packet.timestamp_ns, packet.clock_ns);
  if (decoded_.tunnel != TunnelKind::kNone) CollectInner(decoded_);
  return true;
}

void Worker::CollectInner(const DecodedPacket& packet) {
  const TunnelNumber number = tunnels_.NumberOf(packet);
  const FlowPacket layer =
      MakeFlowPacket(packet.inner, packet.timestamp_ns, packet.clock_ns, number,
                     packet.tunnel);
  if (number != kNoTunnel) {
    inner_.packets[inner_.size] = layer;
    flow_table_.TouchTags(&inner_.packets[inner_.size++]);
    return;
  }
  counters_.tunnels_not_tracked.Add(1);
  const Classification found = classifier_.Classify(layer);
  Accounts& accounts = in_use_->books.tunnelled;
  accounts.AddPacket(accounts.FindOrInsert(AccountKeyOf(found)),
                     layer.ip_octets,
                     IsEgress(found.direction, found.is_opened_by_sender));
}

// A packet of a known flow is done once its record has it.
void Worker::UpdateFlows(LayerBurst* layers, Accounts* accounts) {
  flow_table_.TouchLines({layers->packets.data(), layers->size});
  const size_t asked_count =
      flow_table_.UpdateBurst(layers->packet_view(), layers->hit_view(),
                              {layers->asked.data(), layers->size});
  if (asked_count == 0) return;
  classifier_.ClassifyBurst(layers->packet_view(), layers->hit_view(),
                            {layers->asked.data(), asked_count}, &flow_table_,
                            {found_.data(), asked_count});
  FindAccounts(*layers, asked_count, accounts);
}

// Sets the account of records that are new, and accounts packets that have no
// record: losing a flow's record is acceptable and counted; losing its octets
// would falsify the accounts. Such a packet is judged as the first one of its
// flow.
void Worker::FindAccounts(const LayerBurst& layers, size_t asked_count,
                          Accounts* accounts) {
  std::array<AccountIndex, kMaxBurst> indexes;
  for (size_t n = 0; n < asked_count; ++n) {
    account_keys_[n] = AccountKeyOf(found_[n]);
  }
  accounts->FindOrInsertBurst({account_keys_.data(), asked_count},
                              {indexes.data(), asked_count});
  for (size_t n = 0; n < asked_count; ++n) {
    const size_t i = layers.asked[n];
    const FlowIndex flow = layers.hits[i].flow;
    if (flow != kNoFlow) {
      flow_table_.line(flow).account = indexes[n] | books_bit_;
      accounts->AddFlow(indexes[n]);
      counters_.flows_started.Add(1);
      continue;
    }
    const Classification& found = found_[n];
    counters_.flow_records_lost.Add(1);
    accounts->AddPacket(indexes[n], layers.packets[i].ip_octets,
                        IsEgress(found.direction, found.is_opened_by_sender));
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

// Settles what has ended and hands it out. In batches, so that the cache misses
// of the accounts overlap.
void Worker::ExportEnded() {
  std::span<const FlowIndex> ended = flow_table_.ended();
  if (ended.empty()) return;
  counters_.flows_ended.Add(ended.size());
  while (!ended.empty()) {
    const size_t count = std::min(ended.size(), export_batch_.size());
    for (const FlowIndex flow : ended.first(count)) {
      const FlowLine& line = flow_table_.line(flow);
      AccountsOf(line)->Prefetch(line.account & ~kBooksBit);
    }
    for (size_t i = 0; i < count; ++i) {
      Settle(ended[i]);
      if (sink_ != nullptr) export_batch_[i] = flow_table_.record(ended[i]);
    }
    if (sink_ != nullptr) {
      sink_->Export({export_batch_.data(), count}, tunnels_);
    }
    ended = ended.subspan(count);
  }
  flow_table_.ReleaseEnded();
}

Accounts* Worker::AccountsOf(const FlowLine& line) {
  const bool is_in_use = (line.account & kBooksBit) == books_bit_;
  Books& books = is_in_use ? in_use_->books : earlier_->books;
  return line.is_tunnelled() ? &books.tunnelled : &books.outer;
}

// Tells a record's account what it has not been told.
void Worker::Settle(FlowIndex flow) {
  const FlowLine& line = flow_table_.line(flow);
  AccountsOf(line)->Add(line.account & ~kBooksBit,
                        TotalsOf(line, flow_table_.Unsettled(flow)));
}

void Worker::AdoptOffered() {
  if (offered_.load(std::memory_order_relaxed) == nullptr) return;
  // One set of records to be ended at a time.
  if (earlier_ != nullptr) return;
  earlier_ = in_use_;
  in_use_ = offered_.exchange(nullptr, std::memory_order_acq_rel);
  books_bit_ ^= kBooksBit;
  classifier_.Use(in_use_->editions);
  flow_table_.StartGeneration(clock_ns_);
  adoption_number_ = RequestSettlement();
}

// Goes on with the sweep that is due, if any, after so many packets.
void Worker::SweepAfter(size_t packet_count) {
  // Groups that a sweep looks at: about as long as the packets take, and more
  // where there are none.
  constexpr size_t kPacketsPerGroup = 4;
  constexpr size_t kFewestGroups = 16;
  constexpr size_t kGroupsWhileIdle =
      FlowTable::kMaxEndedPerCall / TagGroup::kPlaces;
  static_assert(kMaxBurst / kPacketsPerGroup <= kGroupsWhileIdle);
  if (!IsSweepDue()) return;
  SweepSome(packet_count == 0
                ? kGroupsWhileIdle
                : std::max(packet_count / kPacketsPerGroup, kFewestGroups));
}

bool Worker::IsSweepDue() {
  const bool is_under_way =
      sweep_number_ != settlement_count_.load(std::memory_order_relaxed);
  if (is_under_way) return true;
  if (unsettled_packets_ >= settlement_interval_packets_) RequestSettlement();
  // Acquire: what was accounted when it was asked for is what this thread did.
  const uint64_t requested = requested_count_.load(std::memory_order_acquire);
  if (requested == sweep_number_) return false;
  sweep_number_ = requested;
  sweep_position_ = 0;
  unsettled_packets_ = 0;
  sweep_received_ = counters_.received.Read();
  return true;
}

// Settles the records of the next groups, and ends those of earlier editions.
void Worker::SweepSome(size_t group_count) {
  constexpr size_t kTouchedAhead = 2;
  assert(group_count <= FlowTable::kMaxEndedPerCall / TagGroup::kPlaces);
  const size_t all = flow_table_.group_count();
  // A table that has grown has moved its records.
  if (std::exchange(sweep_group_count_, all) != all) sweep_position_ = 0;
  const size_t end = std::min(sweep_position_ + group_count, all);
  for (; sweep_position_ < end; ++sweep_position_) {
    flow_table_.TouchRecordsOf(
        std::min(sweep_position_ + kTouchedAhead, all - 1));
    for (PlaceSet open = flow_table_.OpenRecordsOf(sweep_position_);
         !open.is_empty(); open.RemoveFirst()) {
      SweepRecord(FlowTable::IndexOf(sweep_position_, open.First()));
    }
  }
  ExportEnded();
  if (sweep_position_ == all) FinishSweep();
}

void Worker::SweepRecord(FlowIndex flow) {
  if (flow_table_.EndIfStale(flow)) return;
  const FlowLine& line = flow_table_.line(flow);
  if ((line.packets[0] | line.packets[1]) == 0) return;
  Settle(flow);
  flow_table_.MarkSettled(flow);
}

void Worker::FinishSweep() {
  if (sweep_number_ >= adoption_number_ && earlier_ != nullptr) {
    earlier_ = nullptr;
    oldest_editions_.store(in_use_->editions, std::memory_order_release);
  }
  settled_received_.store(sweep_received_, std::memory_order_release);
  settlement_count_.store(sweep_number_, std::memory_order_release);
}

// received = accounted + undecoded + filtered, always.
bool Worker::NothingLeavesTheBooks() const {
  const WorkerTotals totals = counters_.Read();
  return totals.received ==
         totals.accounted + totals.undecoded_total() + totals.filtered;
}

}  // namespace octroi
