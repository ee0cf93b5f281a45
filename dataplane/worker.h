// SPDX-License-Identifier: Apache-2.0
// A worker takes the packets of one source through the steps of this folder:
// decode, flow, classify, account, export. It owns its table and its accounts
// and shares nothing that is written, except counters that others may read.
//
// Thread safety: one thread at a time calls RunOnce and Finish. Any thread may
// read counters(). Accounts: see accounts.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

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
  // Packets that go through the steps together, 1 to kMaxBurst. For tests:
  // results do not depend on it.
  size_t burst_size = kMaxBurst;
  // Places of the flow table that a burst looks at, at most, for records that
  // have timed out, 0 to FlowTable::kMaxEndedPerCall. Results do not depend on
  // it; with 0 a record keeps its place until its key is met again.
  size_t expiry_scan_count = FlowTable::kMaxEndedPerCall;
  // Makes the tables' hashes unpredictable. Results do not depend on it.
  uint64_t hash_seed = 0;
};

class Worker {
 public:
  // The arguments must outlive the worker. `sink` may be null: ended flows are
  // then not kept.
  Worker(const WorkerOptions& options, PacketSource* source,
         EditionProvider* editions, FlowSink* sink);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Takes one burst through all steps. Returns the number of packets that the
  // source gave; 0 if there was none. Memory is taken only where a table
  // grows, between two bursts.
  size_t RunOnce();

  // Ends and exports every open flow, as of the capture's last clock (the
  // clock_ns of the last packet of any worker). Nothing may follow.
  void Finish(int64_t final_clock_ns);

  const WorkerCounters& counters() const { return counters_; }
  // Of the outermost IP layers, and of the innermost ones of tunnels: the same
  // packets once more, never to be added to the first.
  const Accounts& accounts() const { return accounts_; }
  const Accounts& tunnelled_accounts() const { return tunnelled_accounts_; }
  const FlowTable& flow_table() const { return flow_table_; }
  // The clock of the last packet received; 0 before the first.
  int64_t clock_ns() const { return clock_ns_; }

 private:
  // The IP layers of a burst that go to one set of accounts.
  struct LayerBurst {
    std::array<FlowPacket, kMaxBurst> packets;
    std::array<FlowHit, kMaxBurst> hits;
    // Of packets that started a flow or have no record; the rest is not set.
    std::array<Classification, kMaxBurst> found;
    std::array<AccountIndex, kMaxBurst> accounts;
    size_t size = 0;

    void Add(const FlowPacket& packet) { packets[size++] = packet; }
    std::span<const FlowPacket> packet_view() const {
      return {packets.data(), size};
    }
    std::span<FlowHit> hit_view() { return {hits.data(), size}; }
    std::span<Classification> found_view() { return {found.data(), size}; }
  };

  void RunBurst(std::span<const Packet> packets);
  void ReserveForBurst();
  void CollectLayers(std::span<const DecodedPacket> decoded);
  void CollectInner(const DecodedPacket& packet);
  void AccountBurst(LayerBurst* layers, Accounts* accounts);
  void FindAccounts(LayerBurst* layers, Accounts* accounts);
  void ExpireBurst();
  void ExportEnded();
  bool NothingLeavesTheBooks() const;

  // Constant after construction.
  const size_t burst_size_;
  const size_t expiry_scan_count_;
  PacketSource* const source_;
  FlowSink* const sink_;

  // Worker thread only.
  FragmentCache fragments_;
  TunnelIndex tunnels_;
  FlowTable flow_table_;
  Classifier classifier_;
  Accounts accounts_;
  Accounts tunnelled_accounts_;
  int64_t clock_ns_ = 0;
  int64_t swept_clock_ns_ = 0;  // When expiry last looked at some places.
  bool has_swept_ = false;
  PacketBurst burst_;
  std::array<DecodedPacket, kMaxBurst> decoded_;
  LayerBurst outer_;
  LayerBurst inner_;
  std::array<FlowRecord, 2 * kMaxBurst> export_batch_;  // Of ended records.

  // Written by the worker, read by any thread.
  WorkerCounters counters_;
};

}  // namespace octroi
