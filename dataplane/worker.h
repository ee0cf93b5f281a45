// SPDX-License-Identifier: Apache-2.0
// A worker takes the packets of one source through the steps of this folder:
// decode, flow, classify, account, export. It owns its table and its accounts
// and shares nothing that is written, except counters that others may read.
//
// A packet of a known flow writes the flow's record and nothing else. Its
// account is told when the record is *settled*: when it ends, and when a sweep
// over the table comes by, a few groups after each burst. A sweep is made when
// one is asked for (RequestSettlement), when other editions are adopted, and
// each kMaxUnsettledPackets packets. After Finish all is settled. What has no
// record reaches its account at once.
//
// Each set of editions has books of its own, so that accounts do not pile up
// over reloads: once no record of the earlier ones is left, their books are
// final, and are freed when their sums have been read.
//
// Thread safety: one thread at a time, the worker's, calls RunOnce and Finish.
// One control thread offers editions and keeps the books; any thread may call
// what says so. Accounts: see accounts.h.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/accounts.h"
#include "dataplane/classify.h"
#include "dataplane/decode.h"
#include "dataplane/flow_sink.h"
#include "dataplane/flow_table.h"
#include "dataplane/fragment_cache.h"
#include "dataplane/limits.h"
#include "dataplane/packet_source.h"
#include "dataplane/tunnel_index.h"
#include "dataplane/worker_counters.h"

namespace octroi {

struct WorkerOptions {
  FlowTableOptions flow_table = {};
  FlowTimeouts timeouts = {};
  AccountsOptions accounts = {};
  AccountsOptions tunnelled_accounts = {};
  // Packets that go through the steps together, 1 to kMaxBurst. For tests:
  // results do not depend on it.
  size_t burst_size = kWorkerBurst;
  // Places of the flow table that a burst looks at, at most, for records that
  // have timed out, 0 to FlowTable::kMaxEndedPerCall. Results do not depend on
  // it; with 0 a record keeps its place until its key is met again.
  size_t expiry_scan_count = FlowTable::kMaxEndedPerCall;
  // Packets between two settlements that the worker makes by itself, 1 to
  // kMaxUnsettledPackets. For tests: results do not depend on it.
  uint64_t settlement_interval_packets = kMaxUnsettledPackets;
  // Makes the tables' hashes unpredictable. Results do not depend on it.
  uint64_t hash_seed = 0;
};

class Worker {
 public:
  // The arguments must outlive the worker. `source` may be null: packets then
  // come by RunRead. `sink` may be null: ended flows are then not kept.
  Worker(const WorkerOptions& options, PacketSource* source,
         EditionProvider* editions, FlowSink* sink);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Adopts the editions that were offered, takes one burst through all steps,
  // and goes on with the sweep that is due, also where the source gave no
  // packet. Returns the number of packets that it gave. Memory is taken only
  // where a table grows, between two bursts.
  size_t RunOnce();

  // RunOnce with packets that were received and read elsewhere, any number,
  // whose bytes stay readable meanwhile.
  // REQUIRES: what is plain was read by ReadPlainPacket.
  void RunRead(std::span<const ReadPacket> packets);

  // Time has passed without a packet: flows end that have timed out by then.
  // REQUIRES: `clock_ns` is not above that of any packet still to come.
  void AdvanceClock(int64_t clock_ns);
  // RunOnce has something to do even if no packet comes.
  bool is_busy() const;

  // Ends and exports every open flow, as of the capture's last clock (the
  // clock_ns of the last packet of any worker). Nothing may follow.
  void Finish(int64_t final_clock_ns);

  // Asks that the accounts be told of everything that was accounted before
  // this call. They have been once settlement_count() is at least the number
  // returned and RunOnce or Finish has set it: until then the accounts hold
  // less, never more. Any thread.
  uint64_t RequestSettlement() {
    return requested_count_.fetch_add(1, std::memory_order_acq_rel) + 1;
  }
  // Who reads the count and then the accounts sees what it stands for. Any
  // thread.
  uint64_t settlement_count() const {
    return settlement_count_.load(std::memory_order_acquire);
  }
  // Whether the accounts have been told of every packet that was received so
  // far. Any thread.
  bool is_settled() const {
    return settled_received_.load(std::memory_order_acquire) ==
           counters_.received.Read();
  }

  // Offers editions of other facts, or of another policy, which must outlive
  // the worker or be replaced. The next RunOnce adopts them between two bursts:
  // no record of the earlier ones continues (its end reason is that of a
  // capture that ended there: forced_end unless it was over before), and what
  // comes is judged by the new ones and goes to new books, whose memory is
  // taken here. While records of editions before the earlier ones are left, the
  // offer waits. Returns the offer that this one takes the place of, which was
  // never used; null if there is none.
  // REQUIRES: `editions` are not in use and were not offered before. Control
  // thread.
  EditionProvider* OfferEditions(EditionProvider* editions);
  // The editions that the oldest open record was judged by. Once these are
  // what was offered, the sink has all records of the earlier ones, the worker
  // reads nothing of them any more, and they may be destroyed as far as this
  // worker and its sink are concerned. Any thread.
  const EditionProvider* oldest_editions() const {
    return oldest_editions_.load(std::memory_order_acquire);
  }

  // The books that are kept, the oldest first. Their accounts may be read from
  // any thread while they are kept. Control thread.
  std::vector<const Books*> kept_books() const;
  // Frees those of editions before oldest_editions(): they are final, and whom
  // it concerns has read them. Control thread.
  void ReleaseBooks();

  // Any thread.
  const WorkerCounters& counters() const { return counters_; }
  // Of the books in use. The worker's thread.
  const Accounts& accounts() const { return in_use_->books.outer; }
  const Accounts& tunnelled_accounts() const {
    return in_use_->books.tunnelled;
  }
  const FlowTable& flow_table() const { return flow_table_; }
  // The clock of the last packet received; 0 before the first.
  int64_t clock_ns() const { return clock_ns_; }

 private:
  // What judges, and where what it judged is accounted.
  struct JudgedBooks {
    EditionProvider* editions;
    Books books;
  };
  // The IP layers of a burst that go to one set of accounts.
  struct LayerBurst {
    std::array<FlowPacket, kMaxBurst> packets;
    std::array<FlowHit, kMaxBurst> hits;
    // Of the packets that need an answer, in the first places.
    std::array<BurstIndex, kMaxBurst> asked;
    size_t size = 0;

    std::span<const FlowPacket> packet_view() const {
      return {packets.data(), size};
    }
    std::span<FlowHit> hit_view() { return {hits.data(), size}; }
  };

  // AnyPacket: Packet or ReadPacket.
  template <typename AnyPacket>
  void RunBursts(std::span<const AnyPacket> packets);
  template <typename AnyPacket>
  void RunBurst(std::span<const AnyPacket> packets);
  void ReserveForBurst();
  template <typename AnyPacket>
  void ReadLayers(std::span<const AnyPacket> packets);
  bool ReadLayer(const Packet& packet, FlowPacket* outer);
  bool ReadLayer(const ReadPacket& packet, FlowPacket* outer);
  bool DecodeLayers(const Packet& packet, FlowPacket* outer);
  void CollectInner(const DecodedPacket& packet);
  std::unique_ptr<JudgedBooks> MakeBooks(EditionProvider* editions) const;
  void UpdateFlows(LayerBurst* layers, Accounts* accounts);
  void FindAccounts(const LayerBurst& layers, size_t asked_count,
                    Accounts* accounts);
  void ExpireBurst();
  void ExportEnded();
  Accounts* AccountsOf(const FlowLine& line);
  void Settle(FlowIndex flow);
  void AdoptOffered();
  void SweepAfter(size_t packet_count);
  bool IsSweepDue();
  void SweepSome(size_t group_count);
  void SweepRecord(FlowIndex flow);
  void FinishSweep();
  bool NothingLeavesTheBooks() const;

  // Constant after construction.
  const size_t burst_size_;
  const size_t expiry_scan_count_;
  const uint64_t settlement_interval_packets_;
  const AccountsOptions accounts_options_;
  const AccountsOptions tunnelled_accounts_options_;
  const uint64_t hash_seed_;
  PacketSource* const source_;
  FlowSink* const sink_;

  // Control thread only: those kept, and the last offer, in order.
  std::vector<std::unique_ptr<JudgedBooks>> all_books_;

  // Worker thread only.
  FragmentCache fragments_;
  TunnelIndex tunnels_;
  FlowTable flow_table_;
  Classifier classifier_;
  // A line's account is an index in the books in use or in the earlier ones:
  // they differ in one bit.
  JudgedBooks* in_use_;
  JudgedBooks* earlier_ = nullptr;  // While lines point to them.
  uint32_t books_bit_ = 0;          // Of the books in use.
  int64_t clock_ns_ = 0;
  int64_t swept_clock_ns_ = 0;  // When expiry last looked at some places.
  bool has_swept_ = false;
  PacketBurst burst_;
  LayerBurst outer_;
  LayerBurst inner_;
  DecodedPacket decoded_;  // The last packet that was not plain.
  // Of packets that need an answer: what it is, and whose account it names.
  std::array<Classification, kMaxBurst> found_;
  std::array<AccountKey, kMaxBurst> account_keys_;
  std::array<FlowRecord, 2 * kMaxBurst> export_batch_;  // Of ended records.

  // The sweep: settlement_count_ if none is under way, else what that will be.
  uint64_t sweep_number_ = 0;
  size_t sweep_position_ = 0;
  size_t sweep_group_count_ = 0;    // Another one: records have moved.
  uint64_t unsettled_packets_ = 0;  // Since the last sweep began.
  uint64_t sweep_received_ = 0;     // Packets received when it began.
  uint64_t adoption_number_ = 0;    // The sweep that in_use_ was adopted by.

  // Written by any thread.
  std::atomic<uint64_t> requested_count_{0};
  std::atomic<JudgedBooks*> offered_{nullptr};

  // Written by the worker, read by any thread.
  std::atomic<uint64_t> settlement_count_{0};
  std::atomic<uint64_t> settled_received_{0};
  std::atomic<const EditionProvider*> oldest_editions_;
  WorkerCounters counters_;
};

}  // namespace octroi
