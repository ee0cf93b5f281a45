// SPDX-License-Identifier: Apache-2.0
// Where events go: the systemd journal, or lines on standard error where there
// is no journal.
//
// The journal is written in its native protocol
// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/), a datagram per entry, and not
// through libsystemd 252: its sd_journal_sendv waits while the journal's queue
// is full, and reports success where there is no journal. Here neither a stop
// nor a loss goes unnoticed. A test compares the datagrams with libsystemd's.
//
// A sink belongs to one thread at a time.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>

#include "agent/event.h"

namespace octroi {

class EventSink {
 public:
  virtual ~EventSink() = default;

  // Delivers one entry, or returns false: it is lost. Does not wait.
  virtual bool Write(const Event& event) = 0;
};

// Where systemd-journald listens.
inline constexpr char kJournalSocket[] = "/run/systemd/journal/socket";

// The journal that listens at `socket_path`, if something does; else lines on
// `errors`, which must outlive the sink. The journal's own socket is opened
// here and needs no more than sendto(2) later.
std::unique_ptr<EventSink> OpenEventSink(const std::string& socket_path,
                                         std::ostream* errors);

// The datagram of an entry: MESSAGE, MESSAGE_ID, PRIORITY, SYSLOG_IDENTIFIER,
// OCTROI_EVENT, then the fields. A value that has a newline in it is written in
// the form that tells its length, so that no value can pass for a field.
std::string JournalEntry(const Event& event);

// "octroi: MESSAGE" and a newline; what is not printable is replaced.
std::string EventLine(const Event& event);

}  // namespace octroi
