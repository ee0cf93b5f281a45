// SPDX-License-Identifier: Apache-2.0
// What the daemon tells the one who operates it: kinds of events, each with a
// fixed message id, and the entry that an event becomes. event_log.h makes
// them, event_sink.h brings them to the journal. docs/reference/journal.md
// repeats the table below; a test compares. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace octroi {

enum class EventKind : uint8_t {
  kViolation,
  kViolationsRepeated,
  kViolationsBeyondLimit,
  kEditionAdopted,
  kEditionRefused,
  kBlindBegan,
  kBlindEnded,
  kSourceSilent,
  kSourceSpoke,
  kSourceLost,
  kSourceBack,
  kRecordsLost,
  kEventsLost,
  kLogMended,
  kCount,
};

struct EventInfo {
  EventKind kind;
  std::string_view name;        // Of OCTROI_EVENT; never renamed.
  std::string_view message_id;  // MESSAGE_ID: 128 bits, never changed.
  int priority;                 // PRIORITY, as in syslog(3).
  std::string_view meaning;     // For docs/reference/journal.md.
};

inline constexpr EventInfo kEvents[] = {
    {EventKind::kViolation, "violation", "f22c021937764b23be886de2a4d0e432", 4,
     "A workload violates a requirement with an operator for a reason for the "
     "first time, or again after a day without."},
    {EventKind::kViolationsRepeated, "violations_repeated",
     "376aab296f544a1eb00b0529086c827e", 4,
     "How many more violations of that workload, operator and reason there "
     "were since its last entry."},
    {EventKind::kViolationsBeyondLimit, "violations_beyond_limit",
     "e7c7fd46c5784e1bbe69b33126db09d7", 4,
     "How many violations had no entry of their own, because more workloads, "
     "operators and reasons are involved than are told apart."},
    {EventKind::kEditionAdopted, "edition_adopted",
     "d5ea4231f39a46f2a575bcc6d832fec1", 5,
     "Flows are judged by another edition of facts and policy from here on."},
    {EventKind::kEditionRefused, "edition_refused",
     "f305340acac647d1bcf7f4c337d59d29", 3,
     "Facts or policy cannot be used; the edition in force stays."},
    {EventKind::kBlindBegan, "blind_began", "7ad6deaabe2c4123b5a0463758c8c59e",
     4, "From here on not every packet of a source is seen."},
    {EventKind::kBlindEnded, "blind_ended", "ef66f30eca604e60b0f3c934e8aa96c6",
     5, "Every packet of the source is seen again."},
    {EventKind::kSourceSilent, "source_silent",
     "8a92ce5dee194439af449b453fa69f19", 4,
     "A source that had packets has none: an idle link, or a mirror that was "
     "unplugged."},
    {EventKind::kSourceSpoke, "source_spoke",
     "b9d5c32240e244a18c2a29b9dda8aead", 5,
     "A source that was silent has packets again."},
    {EventKind::kSourceLost, "source_lost", "e20f83c695194cd88a322516163b8830",
     3,
     "A source gives no packets any more, such as an interface that is down "
     "or gone."},
    {EventKind::kSourceBack, "source_back", "0438157e7a78491cb19cda8e1b1d5053",
     5, "A source that was lost gives packets again."},
    {EventKind::kRecordsLost, "records_lost",
     "90c5310e65c54d639e75a299f922269c", 4,
     "Flow records were lost; their octets are in the accounts."},
    {EventKind::kEventsLost, "events_lost", "bb81420d93c34c4cbeb7650bfcc05220",
     4, "Entries like these could not be delivered."},
    {EventKind::kLogMended, "log_mended", "1b412ebe5a254d2ba7127c24b9cba74b", 5,
     "A flow log ended in part of a record, which was cut off."},
};
inline constexpr size_t kEventKindCount =
    static_cast<size_t>(EventKind::kCount);
static_assert(std::size(kEvents) == kEventKindCount);

constexpr const EventInfo& InfoOf(EventKind kind) {
  return kEvents[static_cast<size_t>(kind)];
}

// A name of upper-case letters, digits and '_', and a value of any bytes.
struct EventField {
  std::string_view name;
  std::string value;
};

struct Event {
  EventKind kind = EventKind::kViolation;
  // A sentence that says all that matters to a person; one line.
  std::string message;
  std::vector<EventField> fields;
};

}  // namespace octroi
