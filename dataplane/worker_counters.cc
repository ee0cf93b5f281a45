// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker_counters.h"

#include <numeric>

namespace octroi {

uint64_t WorkerTotals::undecoded_total() const {
  return std::accumulate(undecoded.begin(), undecoded.end(), uint64_t{0});
}

WorkerTotals& WorkerTotals::operator+=(const WorkerTotals& other) {
  received += other.received;
  accounted += other.accounted;
  filtered += other.filtered;
  for (size_t i = 0; i < undecoded.size(); ++i) {
    undecoded[i] += other.undecoded[i];
  }
  flow_records_lost += other.flow_records_lost;
  tunnels_not_tracked += other.tunnels_not_tracked;
  fragments_resolved += other.fragments_resolved;
  fragments_unresolved += other.fragments_unresolved;
  return *this;
}

WorkerTotals WorkerCounters::Read() const {
  WorkerTotals totals;
  totals.received = received.Read();
  totals.accounted = accounted.Read();
  totals.filtered = filtered.Read();
  for (size_t i = 0; i < undecoded.size(); ++i) {
    totals.undecoded[i] = undecoded[i].Read();
  }
  totals.flow_records_lost = flow_records_lost.Read();
  totals.tunnels_not_tracked = tunnels_not_tracked.Read();
  totals.fragments_resolved = fragments_resolved.Read();
  totals.fragments_unresolved = fragments_unresolved.Read();
  return totals;
}

}  // namespace octroi
