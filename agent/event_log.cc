// SPDX-License-Identifier: Apache-2.0
#include "agent/event_log.h"

#include <utility>

#include "agent/text.h"
#include "evidence/destination_view.h"
#include "fmt/format.h"
#include "geo/calendar.h"
#include "geo/elapsed.h"

namespace octroi {
namespace {

// At most so many bytes and the mark of the cut, at the end of a code point.
std::string Cut(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  size_t end = most;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}
std::string CutName(std::string_view name) {
  return Cut(name, kMaxEventNameBytes);
}

// "" if neither a name nor a number is known.
std::string OperatorOf(const DestinationView& view) {
  if (!view.operator_name.empty()) return CutName(view.operator_name);
  return view.asn == 0 ? "" : fmt::format("AS{}", view.asn);
}

std::string WorkloadOf(const Edition& edition, WorkloadId workload) {
  if (workload == kNoWorkload) return "";
  return CutName(edition.policy->workloads[workload].name);
}

uint64_t EgressOctets(const FlowRecord& record) {
  return record.direction == FlowDirection::kIngress ? record.reverse_octets()
                                                     : record.octets();
}
uint64_t IngressOctets(const FlowRecord& record) {
  return record.direction == FlowDirection::kIngress ? record.octets()
                                                     : record.reverse_octets();
}

// "by payments with Amazon / AWS: outside_eu, clause 19.2".
std::string TextOf(const ViolationSubject& subject) {
  const ReasonInfo& reason = InfoOf(subject.reason);
  return fmt::format(
      "by {} with {}{}: {}{}{}", Printable(subject.workload),
      subject.operator_name.empty() ? "an unknown operator"
                                    : Printable(subject.operator_name),
      subject.is_tunnelled ? " inside a tunnel" : "", reason.name,
      reason.clause.empty() ? "" : ", clause ", reason.clause);
}

// Adds a field unless its value is not known.
void AddField(std::string_view name, std::string_view value, Event* event) {
  if (!value.empty()) event->fields.push_back({name, std::string(value)});
}
void AddField(std::string_view name, uint64_t value, Event* event) {
  event->fields.push_back({name, fmt::format("{}", value)});
}

void AddSubject(const ViolationSubject& subject, Event* event) {
  AddField("OCTROI_WORKLOAD", subject.workload, event);
  AddField("OCTROI_OPERATOR", subject.operator_name, event);
  AddField("OCTROI_REASON", InfoOf(subject.reason).name, event);
  AddField("OCTROI_CLAUSE", InfoOf(subject.reason).clause, event);
  if (subject.is_tunnelled) AddField("OCTROI_TUNNELLED", "yes", event);
}

void AddFlow(const ExportedFlow& flow, const Edition& edition,
             const DestinationView& view, Event* event) {
  const FlowRecord& record = flow.record;
  const bool is_ingress = record.direction == FlowDirection::kIngress;
  AddField("OCTROI_LOCATION", view.location, event);
  AddField("OCTROI_COUNTRY", view.country, event);
  if (view.asn != 0) AddField("OCTROI_ASN", view.asn, event);
  AddField("OCTROI_CONTROLLING_COUNTRY", view.controlling_country, event);
  AddField("OCTROI_LAW", CutName(view.law), event);
  AddField("OCTROI_SERVICE", CutName(view.service), event);
  AddField("OCTROI_DIRECTION", DirectionName(record.direction), event);
  AddField("OCTROI_LOCAL",
           (is_ingress ? record.destination() : record.source()).ToString(),
           event);
  AddField("OCTROI_DESTINATION",
           (is_ingress ? record.source() : record.destination()).ToString(),
           event);
  AddField("OCTROI_PORT", record.destination_port(), event);
  AddField("OCTROI_PROTOCOL", record.protocol_identifier(), event);
  AddField("OCTROI_START", FormatInstant(record.start_ns), event);
  AddField("OCTROI_END", FormatInstant(record.end_ns), event);
  AddField("OCTROI_EGRESS_OCTETS", EgressOctets(record), event);
  AddField("OCTROI_INGRESS_OCTETS", IngressOctets(record), event);
  if (flow.tunnel.kind != TunnelKind::kNone) {
    AddField("OCTROI_TUNNEL", TunnelKindName(flow.tunnel.kind), event);
  }
  if (record.judgement.is_exception_expired()) {
    const Workload& workload = edition.policy->workloads[record.workload];
    AddField("OCTROI_EXPIRED_EXCEPTION",
             CutName(workload.exceptions[record.judgement.exception].reference),
             event);
  }
}

std::string_view Plural(uint64_t count) { return count == 1 ? "" : "s"; }

}  // namespace

EventLog::EventLog(const EventLogOptions& options, EventSink* sink)
    : options_(options), sink_(sink) {}

void EventLog::Tally::Add(const FlowRecord& record, int64_t now_ns) {
  if (flows == 0 && entry_ns == 0) entry_ns = now_ns;
  flows += 1;
  egress_octets += EgressOctets(record);
  ingress_octets += IngressOctets(record);
  seen_ns = now_ns;
}

void EventLog::AddFlows(std::span<const ExportedFlow> flows,
                        const EditionTimeline& timeline, int64_t now_ns) {
  for (const ExportedFlow& flow : flows) {
    if (flow.record.judgement.verdict != Verdict::kViolation) continue;
    const Edition& edition = timeline.edition(flow.record.edition);
    const std::lock_guard<std::mutex> lock(mutex_);
    AddViolation(flow, edition, now_ns);
  }
}

void EventLog::AddViolation(const ExportedFlow& flow, const Edition& edition,
                            int64_t now_ns) {
  const FlowRecord& record = flow.record;
  const DestinationView view = ViewOf(edition, record.attribution);
  const ViolationSubject subject = {WorkloadOf(edition, record.workload),
                                    OperatorOf(view), record.judgement.reason,
                                    flow.tunnel.kind != TunnelKind::kNone};
  const auto known = kept_.find(subject);
  if (known != kept_.end()) return known->second.Add(record, now_ns);
  if (kept_.size() >= options_.max_kept) {
    beyond_limit_.Add(1);
    return beyond_.Add(record, now_ns);
  }
  Tally& tally = kept_[subject];
  tally.entry_ns = now_ns;
  tally.seen_ns = now_ns;
  const bool is_ingress = record.direction == FlowDirection::kIngress;
  Event event = {
      EventKind::kViolation,
      fmt::format(
          "violation {}; {} {} ({}) port {}", TextOf(subject),
          is_ingress ? "from" : "to",
          (is_ingress ? record.source() : record.destination()).ToString(),
          view.location, record.destination_port()),
      {}};
  AddSubject(subject, &event);
  AddFlow(flow, edition, view, &event);
  // What was not told is told with those that follow.
  if (!Deliver(event)) tally.Add(record, now_ns);
}

void EventLog::Tick(int64_t now_ns) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (TellViolations(now_ns, /*is_last=*/false)) {
    TellLosses(now_ns, /*is_last=*/false);
  }
}

void EventLog::Finish(int64_t now_ns) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (TellViolations(now_ns, /*is_last=*/true)) {
    TellLosses(now_ns, /*is_last=*/true);
  }
}

bool EventLog::TellViolations(int64_t now_ns, bool is_last) {
  const auto is_due = [&](const Tally& tally) {
    return tally.flows != 0 && (is_last || HasElapsed(tally.entry_ns, now_ns,
                                                      options_.interval_ns));
  };
  for (auto it = kept_.begin(); it != kept_.end();) {
    const auto& [subject, tally] = *it;
    if (is_due(tally)) {
      Event event = {EventKind::kViolationsRepeated, "", {}};
      AddSubject(subject, &event);
      if (!TellTally(std::move(event), TextOf(subject), &it->second, now_ns)) {
        return false;
      }
    }
    const bool is_forgotten =
        tally.flows == 0 && now_ns - tally.seen_ns >= options_.forget_ns;
    it = is_forgotten ? kept_.erase(it) : std::next(it);
  }
  if (!is_due(beyond_)) return true;
  return TellTally({EventKind::kViolationsBeyondLimit, "", {}},
                   fmt::format("beyond the {} workloads, operators and reasons "
                               "that are told apart",
                               options_.max_kept),
                   &beyond_, now_ns);
}

bool EventLog::TellTally(Event event, std::string_view subject, Tally* tally,
                         int64_t now_ns) {
  const std::string since = FormatInstant(tally->entry_ns);
  event.message = fmt::format(
      "{} more violation{} {}; {} octets sent, {} received since {}",
      tally->flows, Plural(tally->flows), subject, tally->egress_octets,
      tally->ingress_octets, since);
  AddField("OCTROI_FLOWS", tally->flows, &event);
  AddField("OCTROI_EGRESS_OCTETS", tally->egress_octets, &event);
  AddField("OCTROI_INGRESS_OCTETS", tally->ingress_octets, &event);
  AddField("OCTROI_SINCE", since, &event);
  if (!TryDeliver(event)) return false;
  *tally = {0, 0, 0, now_ns, tally->seen_ns};
  return true;
}

void EventLog::EditionAdopted(std::string_view digest, std::string_view cause) {
  Event event = {EventKind::kEditionAdopted,
                 fmt::format("edition adopted cause={} digest={}",
                             Printable(cause), Printable(digest)),
                 {}};
  AddField("OCTROI_EDITION", digest, &event);
  AddField("OCTROI_CAUSE", cause, &event);
  Tell(event);
}

void EventLog::EditionRefused(std::string_view problem,
                              std::string_view digest) {
  const std::string text = Cut(problem, kMaxEventProblemBytes);
  Event event = {
      EventKind::kEditionRefused,
      fmt::format("edition refused, the one in force stays; correct it and "
                  "reload: {}",
                  Printable(text)),
      {}};
  AddField("OCTROI_PROBLEM", text, &event);
  AddField("OCTROI_EDITION", digest, &event);
  Tell(event);
}

void EventLog::BlindBegan(std::string_view source, std::string_view cause,
                          int64_t since_ns) {
  Event event = {
      EventKind::kBlindBegan,
      fmt::format("not all packets are seen source={} cause={} "
                  "since={}",
                  Printable(source), Printable(cause), FormatInstant(since_ns)),
      {}};
  AddField("OCTROI_SOURCE", source, &event);
  AddField("OCTROI_CAUSE", cause, &event);
  AddField("OCTROI_SINCE", FormatInstant(since_ns), &event);
  Tell(event);
}

void EventLog::BlindEnded(std::string_view source, std::string_view cause,
                          int64_t since_ns, int64_t until_ns,
                          std::optional<uint64_t> lost_packets) {
  const std::string lost =
      lost_packets ? fmt::format("{}", *lost_packets) : "unknown";
  Event event = {
      EventKind::kBlindEnded,
      fmt::format("all packets are seen again source={} cause={} since={} "
                  "until={} lost={}",
                  Printable(source), Printable(cause), FormatInstant(since_ns),
                  FormatInstant(until_ns), lost),
      {}};
  AddField("OCTROI_SOURCE", source, &event);
  AddField("OCTROI_CAUSE", cause, &event);
  AddField("OCTROI_SINCE", FormatInstant(since_ns), &event);
  AddField("OCTROI_UNTIL", FormatInstant(until_ns), &event);
  if (lost_packets) AddField("OCTROI_LOST_PACKETS", *lost_packets, &event);
  Tell(event);
}

void EventLog::SourceSilent(std::string_view source, int64_t since_ns) {
  Event event = {EventKind::kSourceSilent,
                 fmt::format("no packets any more source={} since={}",
                             Printable(source), FormatInstant(since_ns)),
                 {}};
  AddField("OCTROI_SOURCE", source, &event);
  AddField("OCTROI_SINCE", FormatInstant(since_ns), &event);
  Tell(event);
}

void EventLog::SourceSpoke(std::string_view source) {
  Event event = {EventKind::kSourceSpoke,
                 fmt::format("packets again source={}", Printable(source)),
                 {}};
  AddField("OCTROI_SOURCE", source, &event);
  Tell(event);
}

void EventLog::SourceLost(std::string_view source, std::string_view problem) {
  const std::string text = Cut(problem, kMaxEventProblemBytes);
  Event event = {EventKind::kSourceLost,
                 fmt::format("source lost source={}: {}", Printable(source),
                             Printable(text)),
                 {}};
  AddField("OCTROI_SOURCE", source, &event);
  AddField("OCTROI_PROBLEM", text, &event);
  Tell(event);
}

void EventLog::SourceBack(std::string_view source, int64_t lost_ns,
                          int64_t back_ns) {
  Event event = {
      EventKind::kSourceBack,
      fmt::format("source back source={} since={} until={}", Printable(source),
                  FormatInstant(lost_ns), FormatInstant(back_ns)),
      {}};
  AddField("OCTROI_SOURCE", source, &event);
  AddField("OCTROI_SINCE", FormatInstant(lost_ns), &event);
  AddField("OCTROI_UNTIL", FormatInstant(back_ns), &event);
  Tell(event);
}

// The first loss of a place is told at once.
void EventLog::RecordsLost(std::string_view where, uint64_t total,
                           int64_t now_ns) {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto it = losses_.find(where);
  if (it == losses_.end()) it = losses_.emplace(where, Loss()).first;
  it->second.total = total;
  if (!it->second.entry_ns) TellLoss(it->first, &it->second, now_ns);
}

bool EventLog::TellLosses(int64_t now_ns, bool is_last) {
  for (auto& [where, loss] : losses_) {
    const bool is_due =
        is_last || !loss.entry_ns ||
        HasElapsed(*loss.entry_ns, now_ns, options_.interval_ns);
    if (is_due && !TellLoss(where, &loss, now_ns)) return false;
  }
  return true;
}

bool EventLog::TellLoss(const std::string& where, Loss* loss, int64_t now_ns) {
  if (loss->total == loss->told) return true;
  const uint64_t count = loss->total - loss->told;
  Event event = {
      EventKind::kRecordsLost,
      fmt::format("{} flow record{} lost where={} total={}; octets "
                  "are in the accounts",
                  count, Plural(count), Printable(where), loss->total),
      {}};
  AddField("OCTROI_WHERE", where, &event);
  AddField("OCTROI_LOST_RECORDS", count, &event);
  AddField("OCTROI_LOST_RECORDS_TOTAL", loss->total, &event);
  if (!TryDeliver(event)) return false;
  loss->told = loss->total;
  loss->entry_ns = now_ns;
  return true;
}

void EventLog::LogMended(std::string_view path, uint64_t bytes) {
  Event event = {EventKind::kLogMended,
                 fmt::format("part of a record cut off at the end of {} "
                             "bytes={}",
                             Printable(path), bytes),
                 {}};
  AddField("OCTROI_PATH", path, &event);
  AddField("OCTROI_BYTES", bytes, &event);
  Tell(event);
}

void EventLog::Tell(const Event& event) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Deliver(event);
}

bool EventLog::Deliver(const Event& event) {
  if (TryDeliver(event)) return true;
  lost_entries_.Add(1);
  untold_lost_entries_ += 1;
  return false;
}

// Says first how many were lost before.
bool EventLog::TryDeliver(const Event& event) {
  if (untold_lost_entries_ != 0) {
    Event lost = {EventKind::kEventsLost,
                  fmt::format("{} entr{} before this could not be delivered",
                              untold_lost_entries_,
                              untold_lost_entries_ == 1 ? "y" : "ies"),
                  {}};
    AddField("OCTROI_LOST_ENTRIES", untold_lost_entries_, &lost);
    if (!sink_->Write(lost)) return false;
    untold_lost_entries_ = 0;
  }
  return sink_->Write(event);
}

}  // namespace octroi
