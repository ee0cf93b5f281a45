// SPDX-License-Identifier: Apache-2.0
// What a replay found, in the words of results: the content of
// `octroi replay --format json` (schema octroi.replay/1), and of the table and
// the CSV that are made from the same rows. Every number of it is
// deterministic: no wall clock, no host.
//
// Plain data; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/capture_reader.h"
#include "dataplane/replay.h"
#include "evidence/destination_view.h"
#include "policy/edition.h"

namespace octroi {

// One capture, as read.
struct ReportCapture {
  CaptureSummary summary;
  std::string sha256;  // Of the file's bytes; "" if not all of them were read.
  std::string error;   // Why it was not read to its end; "" if it was.
};

// Accounts that read the same, added up. The name is the policy's; of the
// texts see DestinationView.
struct ReportRow {
  std::string_view workload;  // "" for none.
  FlowDirection direction = FlowDirection::kTransit;
  Verdict verdict = Verdict::kNotJudged;
  Reason reason = Reason::kNoRequirement;
  DestinationView destination;
  AccountTotals totals;
};

// What a list of rows leaves out, of one verdict.
struct ReportRemainder {
  size_t rows = 0;
  AccountTotals totals;
};

// Rows, those that sent most octets first.
struct ReportRows {
  std::vector<ReportRow> listed;
  std::map<Verdict, ReportRemainder> left_out;
};

struct ReportTotal {
  FlowDirection direction = FlowDirection::kTransit;
  Verdict verdict = Verdict::kNotJudged;
  AccountTotals totals;
};

struct ReportWorkload {
  std::string name;
  // The lowest level of any destination that the requirement judges; nothing
  // if there is none, or if an unknown one could be lower.
  std::optional<int> lowest_seal;
  bool has_unknown_seal = false;
  AccountTotals totals;
};

// One exception of the policy, and the flows that it covers.
struct ReportException {
  std::string workload;
  Exception exception;
  AccountTotals applied;  // Flows of the time in which it held.
  AccountTotals expired;  // Flows after its end, judged as if it were not.
};
// "expired" if flows met it after its end, whatever else; else "active" if it
// applied to any; else "unused".
std::string_view ExceptionStatus(const ReportException& exception);

struct ReplayReport {
  std::vector<ReportCapture> captures;
  ReplayResult result;  // Flows moved out or not, accounts as merged.
  std::vector<ReportTotal> totals;
  ReportRows destinations;
  // Inside tunnels: the same packets once more, not in any total.
  ReportRows tunnelled;
  std::vector<ReportWorkload> workloads;  // In the policy's order.
  // Every one, in the policy's order. Flows of folded accounts are in none.
  std::vector<ReportException> exceptions;
  std::string at;  // "capture", or the day that judged every flow.
  std::string edition_digest;
  std::vector<FactSource> sources;
  std::vector<std::string> warnings;  // One line each.
};

// What the report needs besides the result.
struct ReportContext {
  const EditionTimeline* timeline = nullptr;
  const Policy* policy = nullptr;
  const Facts* facts = nullptr;
  std::vector<ReportCapture> captures;
  std::string at;
  std::string edition_digest;
  // Of the rows of each list so many are put into words, which for a hundred
  // thousand takes longer than to count them. What the others come to is told.
  size_t most_rows = SIZE_MAX;
};

// The report speaks of timeline, policy and facts, which must outlive it.
ReplayReport MakeReport(ReportContext context, ReplayResult result);

// Earliest and latest packet time over all captures; nothing without packets.
std::optional<int64_t> FirstTime(const ReplayReport& report);
std::optional<int64_t> LastTime(const ReplayReport& report);

// SHA-256 over the sources and the policy's text: two results with one digest
// were judged by the same beliefs.
std::string EditionDigest(const Facts& facts, const Policy& policy,
                          const std::vector<IpPrefix>& local_networks);

// REQUIRES, of both: the lists leave nothing out.
// Pretty-printed, ending in a newline.
std::string ReportToJson(const ReplayReport& report);
// The destinations as RFC 4180 CSV with a header line.
std::string ReportToCsv(const ReplayReport& report);

}  // namespace octroi
