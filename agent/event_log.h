// SPDX-License-Identifier: Apache-2.0
// EventLog tells what an operator must notice, and does so once: a violation
// of a workload with an operator for a reason has one entry when it is new;
// those that follow are counted and told at most once per interval, exactly.
// What cannot be delivered is counted, and told when it can be again.
//
// Time is the caller's wall clock, ns since the epoch. It may go back.
//
// Thread safety: any thread may call any method; one lock, no waiting for the
// journal.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/event.h"
#include "agent/event_sink.h"
#include "dataplane/counter.h"
#include "dataplane/exported_flow.h"
#include "policy/edition.h"

namespace octroi {

struct EventLogOptions {
  // Between two entries of the same workload, operator and reason, and of the
  // same place that loses records.
  int64_t interval_ns = int64_t{300} * 1'000'000'000;
  // Without a violation for so long, the next one is new again.
  int64_t forget_ns = int64_t{86'400} * 1'000'000'000;
  // Workloads, operators and reasons that are told apart. Violations of
  // further ones are counted together.
  size_t max_kept = 4096;
};

// Names from facts, and texts of problems, are cut to so many bytes, with "…"
// in place of the rest.
inline constexpr size_t kMaxEventNameBytes = 256;
inline constexpr size_t kMaxEventProblemBytes = 4096;

// What violations are told apart by. Names are cut to kMaxEventNameBytes; the
// operator's is "AS64496" where only its number is known, "" where nothing is.
struct ViolationSubject {
  std::string workload;
  std::string operator_name;
  Reason reason = Reason::kNoRequirement;
  bool is_tunnelled = false;

  friend auto operator<=>(const ViolationSubject&,
                          const ViolationSubject&) = default;
};

class EventLog {
 public:
  // `sink` must outlive the log.
  EventLog(const EventLogOptions& options, EventSink* sink);
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Takes the violations among the flows. A flow seen inside a tunnel is told
  // apart from those outside, because its packets were counted there already.
  // `timeline` made the editions that judged them.
  void AddFlows(std::span<const ExportedFlow> flows,
                const EditionTimeline& timeline, int64_t now_ns);

  // Tells what has been counted for an interval. To be called every second.
  void Tick(int64_t now_ns);
  // Tells everything that has been counted. To be called as the last.
  void Finish(int64_t now_ns);

  // `cause`: what led to it, such as "reload" or "date".
  void EditionAdopted(std::string_view digest, std::string_view cause);
  // `problem`: the first of them; `digest`: of the edition that stays.
  void EditionRefused(std::string_view problem, std::string_view digest);
  // A source does not see everything; `cause` is such as BlindCauseName.
  // Packets that are known to be lost, where that is known of any.
  void BlindBegan(std::string_view source, std::string_view cause,
                  int64_t since_ns);
  void BlindEnded(std::string_view source, std::string_view cause,
                  int64_t since_ns, int64_t until_ns,
                  std::optional<uint64_t> lost_packets);
  // A source that had packets has none, which need not be a loss; and has some
  // again.
  void SourceSilent(std::string_view source, int64_t since_ns);
  void SourceSpoke(std::string_view source);
  void SourceLost(std::string_view source, std::string_view problem);
  void SourceBack(std::string_view source, int64_t lost_ns, int64_t back_ns);
  // `total` records were lost at a place since the start; may be called with
  // the same total again. REQUIRES: the places are a fixed set of words, such
  // as "export_ring" and the names of kFlowLogLosses.
  void RecordsLost(std::string_view where, uint64_t total, int64_t now_ns);
  void LogMended(std::string_view path, uint64_t bytes);

  // Entries that the sink did not take and that are not tried again; the
  // violations in them are told by a later one. Violations beyond max_kept.
  uint64_t lost_entries() const { return lost_entries_.Read(); }
  uint64_t violations_beyond_limit() const { return beyond_limit_.Read(); }

 private:
  // What has happened since the last entry.
  struct Tally {
    uint64_t flows = 0;
    uint64_t egress_octets = 0;
    uint64_t ingress_octets = 0;
    int64_t entry_ns = 0;  // Of the last entry, or the first violation.
    int64_t seen_ns = 0;   // Of the last violation.

    void Add(const FlowRecord& record, int64_t now_ns);
  };
  struct Loss {
    uint64_t total = 0;
    uint64_t told = 0;
    std::optional<int64_t> entry_ns;
  };

  void AddViolation(const ExportedFlow& flow, const Edition& edition,
                    int64_t now_ns);
  // Both return false if the sink takes nothing.
  bool TellViolations(int64_t now_ns, bool is_last);
  bool TellLosses(int64_t now_ns, bool is_last);
  bool TellLoss(const std::string& where, Loss* loss, int64_t now_ns);
  bool TellTally(Event event, std::string_view subject, Tally* tally,
                 int64_t now_ns);
  void Tell(const Event& event);
  // Returns false if the sink does not take it. Deliver counts it as lost then.
  bool Deliver(const Event& event);
  bool TryDeliver(const Event& event);

  // Constant after construction.
  const EventLogOptions options_;
  EventSink* const sink_;

  // Guarded by mutex_.
  std::mutex mutex_;
  std::map<ViolationSubject, Tally> kept_;
  Tally beyond_;  // Of those that are not kept.
  std::map<std::string, Loss, std::less<>> losses_;
  uint64_t untold_lost_entries_ = 0;

  // Written under mutex_, read by any thread.
  Counter lost_entries_;
  Counter beyond_limit_;
};

}  // namespace octroi
