// SPDX-License-Identifier: Apache-2.0
// What if: the same flows judged by the facts of two times, and the flows whose
// verdict or reason is another one, with what changed in between. The content
// of `octroi replay --compare-at A,B` (schema octroi.compare/1).
//
// Plain data; any thread. Deterministic: no wall clock, no host.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataplane/collecting_sink.h"
#include "evidence/destination_view.h"
#include "evidence/replay_report.h"
#include "policy/edition.h"

namespace octroi {

// One side of a comparison.
struct JudgedBy {
  std::string at;  // "capture", or a day.
  EditionTimeline* timeline = nullptr;
};

// How a flow was judged on one side.
struct SideOfChange {
  Judgement judgement;
  std::string exception;  // Reference of judgement.exception; "" for none.
  DestinationView destination;
  // What decided the qualification: "decision 2057, 2025-12-17 to 2028-12-17";
  // "" without a row.
  std::string qualification_row;
};

// A fact that differs between the sides.
struct FactChange {
  std::string fact;  // "qualification", "regime", ...
  std::string first;
  std::string second;
  friend auto operator<=>(const FactChange&, const FactChange&) = default;
};

struct VerdictChange {
  ExportedFlow flow;
  std::string workload;
  SideOfChange first;
  SideOfChange second;
  std::vector<FactChange> why;
};

// Flows with the same two verdicts and reasons, for which the same differs.
struct ChangeGroup {
  Judgement first;  // The exceptions are left out.
  Judgement second;
  std::vector<FactChange> why;
  uint64_t octets = 0;            // Both directions.
  std::vector<uint32_t> changes;  // Indexes of VerdictComparison::changes.
};

struct VerdictComparison {
  std::string first_at;
  std::string second_at;
  std::vector<ReportCapture> captures;
  uint64_t flows = 0;
  std::vector<VerdictChange> changes;  // In the order of the flows.
  std::vector<ChangeGroup> groups;     // Most octets first.
  std::string edition_digest;
  std::vector<FactSource> sources;
  std::vector<std::string> warnings;
};

// Judges every flow by both sides. `flows` in the order of IsBefore.
VerdictComparison CompareVerdicts(std::span<const ExportedFlow> flows,
                                  const JudgedBy& first, const JudgedBy& second,
                                  const Policy& policy);

// "qualification: in_qualification -> qualified; seal: unknown -> 3".
std::string TextOf(const std::vector<FactChange>& why);

std::string ComparisonToJson(const VerdictComparison& comparison);
// A line for each flow that changed, with a header.
std::string ComparisonToCsv(const VerdictComparison& comparison);

}  // namespace octroi
