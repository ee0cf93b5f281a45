// SPDX-License-Identifier: Apache-2.0
// Every metric that octroi has: one table, used by what collects them, by the
// texts that a scrape gets, and by docs/reference/metrics.md, which a test
// compares with it. Beside each stands how many series it can ever have; their
// sum is the ceiling of a scrape, and it is kept by construction: what would
// exceed a number is added up under the label value "other".
//
// Plain values; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "agent/http_server.h"
#include "dataplane/drop_reason.h"
#include "dataplane/flow_record.h"
#include "dataplane/observation_point.h"
#include "evidence/flow_log.h"
#include "policy/terms.h"

namespace octroi {

// All series that a scrape can ever return.
inline constexpr size_t kMaxSeries = 2000;

// Workloads that have a name of their own, the first in the policy's order;
// the others share "other".
inline constexpr size_t kNamedWorkloads = 20;
// Sources with a name of their own; the others share "other".
inline constexpr size_t kNamedSources = 8;
// (workload, opened_by, verdict, regime, country) that are told apart; further
// ones share the country "other" within (workload, opened_by, verdict, regime),
// of which so many are told apart; what is left shares the workload "other",
// where there is room for all.
inline constexpr size_t kNamedLocations = 196;
inline constexpr size_t kCountryFoldedLocations = 60;
// (workload, verdict, operator) that are told apart; further ones share the
// operator "other" of (workload, verdict), where there is room for all.
inline constexpr size_t kNamedOperators = 150;
// Qualifications, those that end first; and facts, in the order of results.
inline constexpr size_t kNamedQualifications = 80;
inline constexpr size_t kNamedFacts = 32;
// Measures of the sandbox (agent/sandbox.h).
inline constexpr size_t kSandboxMeasureLimit = 8;

inline constexpr size_t kVerdictCount = static_cast<size_t>(Verdict::kCount);
// A Regime, or "other".
inline constexpr size_t kRegimeLabelCount = 6;
// "local" and "remote".
inline constexpr size_t kOpenedByCount = 2;
inline constexpr size_t kViolationReasonCount = [] {
  size_t count = 0;
  for (const ReasonInfo& info : kReasons) count += CanBeViolation(info.reason);
  return count;
}();

// Tuples of the location metrics: as above, and all of the workload "other".
inline constexpr size_t kMaxLocations =
    kNamedLocations + kCountryFoldedLocations +
    kOpenedByCount * kVerdictCount * kRegimeLabelCount;
// Those with a name, and the operator "other" of each workload, of "other" and
// of "none".
inline constexpr size_t kMaxOperators =
    kNamedOperators + (kNamedWorkloads + 2) * kVerdictCount;
inline constexpr size_t kMaxSources = kNamedSources + 1;
// flow_table, tunnels, export_ring, and the causes of the flow log.
inline constexpr size_t kRecordLossPlaces = 3 + kFlowLogLossCount;

enum class MetricId : uint8_t {
  kEgressBytes,
  kEgressPackets,
  kFlows,
  kOperatorEgressBytes,
  kViolations,
  kAccountedBytes,
  kAccountedPackets,
  kWorkloadSealLevel,
  kWorkloadInfo,
  kQualificationExpires,
  kFactBuilt,
  kEditionInfo,
  kEditionAdopted,
  kReloads,
  kEditionRefused,
  kReceivedPackets,
  kFilteredPackets,
  kLostPackets,
  kSourceUp,
  kSourceBlind,
  kSourceSilent,
  kBlindSeconds,
  kUndecodedPackets,
  kFlowsActive,
  kFlowTableFillRatio,
  kFlowRecordsLost,
  kEventsLost,
  kSeriesFolded,
  kUnsettledWorkers,
  kWorkers,
  kWorkerStalled,
  kSandboxInForce,
  kHttpConnections,
  kHttpRequests,
  kHttpConnectionsRefused,
  kBuildInfo,
  kProcessCpuSeconds,
  kProcessResidentMemory,
  kProcessVirtualMemory,
  kProcessOpenFds,
  kProcessMaxFds,
  kProcessThreads,
  kProcessStartTime,
  kCount,
};
inline constexpr size_t kMetricCount = static_cast<size_t>(MetricId::kCount);

enum class MetricKind : uint8_t {
  kCounter,
  kGauge,
  kInfo,  // A gauge that is 1; its labels are what it says.
};
// "counter", "gauge", "info".
std::string_view MetricKindName(MetricKind kind);

struct MetricInfo {
  MetricId id;
  std::string_view name;  // Never renamed.
  MetricKind kind;
  std::string_view labels;  // "workload, reason"; "" for none.
  std::string_view unit;    // That the name ends in, or ""
  size_t max_series;
  // HELP, and what the page says; sentences.
  std::string_view meaning;
};

inline constexpr std::string_view kLocationLabels =
    "workload, opened_by, verdict, regime, country";

inline constexpr MetricInfo kMetrics[] = {
    {MetricId::kEgressBytes, "octroi_egress_bytes_total", MetricKind::kCounter,
     kLocationLabels, "bytes", kMaxLocations,
     "IP header and payload sent by the local side to remote addresses, "
     "whoever opened the flow."},
    {MetricId::kEgressPackets, "octroi_egress_packets_total",
     MetricKind::kCounter, kLocationLabels, "", kMaxLocations,
     "Packets of octroi_egress_bytes_total."},
    {MetricId::kFlows, "octroi_flows_total", MetricKind::kCounter,
     kLocationLabels, "", kMaxLocations,
     "Flow records started between local and remote addresses; a long flow is "
     "several records."},
    {MetricId::kOperatorEgressBytes, "octroi_operator_egress_bytes_total",
     MetricKind::kCounter, "workload, verdict, operator", "bytes",
     kMaxOperators,
     "The bytes of octroi_egress_bytes_total by the operator of the remote "
     "address: its name, its AS number without one, unknown without either; "
     "exactly in other beyond the ceiling."},
    {MetricId::kViolations, "octroi_violations_total", MetricKind::kCounter,
     "workload, reason", "", (kNamedWorkloads + 1) * kViolationReasonCount,
     "Flow records judged a violation, outside of tunnels; 0 from the start "
     "for every workload and reason."},
    {MetricId::kAccountedBytes, "octroi_accounted_bytes_total",
     MetricKind::kCounter, "direction", "bytes", kFlowDirectionCount,
     "IP header and payload of every accounted packet, both directions of a "
     "flow, by who opened it and where its ends are."},
    {MetricId::kAccountedPackets, "octroi_accounted_packets_total",
     MetricKind::kCounter, "direction", "", kFlowDirectionCount,
     "Packets of octroi_accounted_bytes_total."},
    {MetricId::kWorkloadSealLevel, "octroi_workload_seal_level",
     MetricKind::kGauge, "workload", "", kNamedWorkloads + 1,
     "Lowest known SEAL level, 0 to 4, of any destination that a requirement "
     "of the workload judged since the start; NaN while none is known. An "
     "indication for engineers, not legal advice."},
    {MetricId::kWorkloadInfo, "octroi_workload_info", MetricKind::kInfo,
     "workload", "", kNamedWorkloads,
     "The workloads of the policy in force that have series of their own."},
    {MetricId::kQualificationExpires,
     "octroi_qualification_expires_timestamp_seconds", MetricKind::kGauge,
     "provider, service", "seconds", kNamedQualifications,
     "End of the last day of a service's qualification that is in force, or "
     "was last; those that end first. No series where no end is known."},
    {MetricId::kFactBuilt, "octroi_fact_built_timestamp_seconds",
     MetricKind::kGauge, "fact", "seconds", kNamedFacts,
     "Start of the day on which facts in force were gathered; of files of one "
     "name the oldest. No series where a file does not say."},
    {MetricId::kEditionInfo, "octroi_edition_info", MetricKind::kInfo, "digest",
     "", 1, "The edition of facts and policy in force."},
    {MetricId::kEditionAdopted, "octroi_edition_adopted_timestamp_seconds",
     MetricKind::kGauge, "", "seconds", 1,
     "When the edition in force was adopted, by a start, a reload or a date."},
    {MetricId::kReloads, "octroi_reloads_total", MetricKind::kCounter, "result",
     "", 3,
     "Reloads, by what came of them: adopted, unchanged (nothing new) or "
     "refused."},
    {MetricId::kEditionRefused, "octroi_edition_refused", MetricKind::kGauge,
     "", "", 1,
     "1: the last reload was refused, and an older edition stays in force."},
    {MetricId::kReceivedPackets, "octroi_received_packets_total",
     MetricKind::kCounter, "source", "", kMaxSources,
     "Packets that workers received."},
    {MetricId::kFilteredPackets, "octroi_filtered_packets_total",
     MetricKind::kCounter, "", "", 1,
     "Packets received and left out on request."},
    {MetricId::kLostPackets, "octroi_lost_packets_total", MetricKind::kCounter,
     "source, where", "", kMaxSources* kLossPlaceCount,
     "Packets lost before a worker received them, by place. No series where "
     "nobody counts: not known is not 0."},
    {MetricId::kSourceUp, "octroi_source_up", MetricKind::kGauge, "source", "",
     kMaxSources, "1: the source can give packets; 0: it is down or gone."},
    {MetricId::kSourceBlind, "octroi_source_blind", MetricKind::kGauge,
     "source", "", kMaxSources,
     "1: not every packet of the source is seen at present."},
    {MetricId::kSourceSilent, "octroi_source_silent", MetricKind::kGauge,
     "source", "", kMaxSources,
     "1: the source had packets and has had none for 30 seconds."},
    {MetricId::kBlindSeconds, "octroi_blind_seconds_total",
     MetricKind::kCounter, "source", "seconds", kMaxSources,
     "Time in which not every packet of the source was seen."},
    {MetricId::kUndecodedPackets, "octroi_undecoded_packets_total",
     MetricKind::kCounter, "reason", "", kDropReasonCount,
     "Packets in no account because their addresses could not be found."},
    {MetricId::kFlowsActive, "octroi_flows_active", MetricKind::kGauge, "", "",
     1, "Open flow records, those inside tunnels included."},
    {MetricId::kFlowTableFillRatio, "octroi_flow_table_fill_ratio",
     MetricKind::kGauge, "", "ratio", 1,
     "How full the fullest worker's flow table is, 0 to 1."},
    {MetricId::kFlowRecordsLost, "octroi_flow_records_lost_total",
     MetricKind::kCounter, "where", "", kRecordLossPlaces,
     "Flow records lost, by place; of flow_table and tunnels the packets "
     "without a record. Their octets are in the accounts."},
    {MetricId::kEventsLost, "octroi_events_lost_total", MetricKind::kCounter,
     "", "", 1, "Journal entries that could not be delivered."},
    {MetricId::kSeriesFolded, "octroi_series_folded_total",
     MetricKind::kCounter, "", "", 1,
     "Label combinations without a series of their own: they are in other, "
     "or, of workload_info, qualifications and facts, in none."},
    {MetricId::kUnsettledWorkers, "octroi_unsettled_workers",
     MetricKind::kGauge, "", "", 1,
     "Workers whose open flows this scrape did not wait for; 0: the numbers "
     "are exact."},
    {MetricId::kWorkers, "octroi_workers", MetricKind::kGauge, "", "", 1,
     "Workers."},
    {MetricId::kWorkerStalled, "octroi_worker_stalled", MetricKind::kGauge, "",
     "", 1, "Workers that make no progress."},
    {MetricId::kSandboxInForce, "octroi_sandbox_in_force", MetricKind::kGauge,
     "measure", "", kSandboxMeasureLimit,
     "1: all that octroi knows to ask for of this measure is in force; 0: "
     "part of it is not, and the log of the start says which."},
    {MetricId::kHttpConnections, "octroi_http_connections", MetricKind::kGauge,
     "", "", 1, "Open connections of the metrics' server."},
    {MetricId::kHttpRequests, "octroi_http_requests_total",
     MetricKind::kCounter, "code", "", kHttpStatuses.size(),
     "Requests that the metrics' server answered, by HTTP status."},
    {MetricId::kHttpConnectionsRefused, "octroi_http_connections_refused_total",
     MetricKind::kCounter, "reason", "", std::size(kHttpRefusals),
     "Connections that the metrics' server ended without an answer."},
    {MetricId::kBuildInfo, "octroi_build_info", MetricKind::kInfo,
     "version, compiler, dpdk, libpcap", "", 1, "What runs."},
    {MetricId::kProcessCpuSeconds, "process_cpu_seconds_total",
     MetricKind::kCounter, "", "seconds", 1,
     "User and system CPU time of the process."},
    {MetricId::kProcessResidentMemory, "process_resident_memory_bytes",
     MetricKind::kGauge, "", "bytes", 1, "Resident memory of the process."},
    {MetricId::kProcessVirtualMemory, "process_virtual_memory_bytes",
     MetricKind::kGauge, "", "bytes", 1, "Virtual memory of the process."},
    {MetricId::kProcessOpenFds, "process_open_fds", MetricKind::kGauge, "", "",
     1, "Open file descriptors."},
    {MetricId::kProcessMaxFds, "process_max_fds", MetricKind::kGauge, "", "", 1,
     "File descriptors that may be open."},
    {MetricId::kProcessThreads, "process_threads", MetricKind::kGauge, "", "",
     1, "Threads of the process."},
    {MetricId::kProcessStartTime, "process_start_time_seconds",
     MetricKind::kGauge, "", "seconds", 1, "When the process started."},
};

constexpr bool MetricsStandInOrder() {
  size_t index = 0;
  for (const MetricInfo& info : kMetrics) {
    if (info.id != static_cast<MetricId>(index++)) return false;
  }
  return index == kMetricCount;
}
static_assert(MetricsStandInOrder());

constexpr size_t MaxSeriesOfAll() {
  size_t sum = 0;
  for (const MetricInfo& info : kMetrics) sum += info.max_series;
  return sum;
}
static_assert(MaxSeriesOfAll() <= kMaxSeries);

constexpr const MetricInfo& InfoOf(MetricId id) {
  return kMetrics[static_cast<size_t>(id)];
}

// The names of a metric's labels, in order.
std::vector<std::string_view> LabelsOf(const MetricInfo& info);

}  // namespace octroi
