// SPDX-License-Identifier: Apache-2.0
// The connections of the metrics' server, and which of them has to go: the rule
// that keeps hostile clients from delaying a scrape, apart from any socket.
//
// Room is made by closing, of the source that holds the most connections, the
// one that moved longest ago; a connection moves when it is accepted, when its
// request is complete and when its answer is sent. So a client is turned away
// for another one only if its own address holds as many connections as any
// other, and only after as many newer ones have come as there are places.
//
// Who has arrived is let in a few at a time, since a handshake costs
// milliseconds: first the sources that hold the fewest connections, and of one
// source the newest, which a burst before it does not delay.
//
// Thread safety: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "geo/ip_address.h"

namespace octroi {

// Who connects: an IPv4 address, the /64 of an IPv6 one, or, for all clients of
// a Unix socket, the address 0.0.0.0.
IpAddress SourceOf(const IpAddress& client);

enum class ConnectionPhase : uint8_t {
  kArrived,    // Accepted, and nothing read of it.
  kReceiving,  // No complete request is here.
  kWorking,    // An answer is being made: it is not closed meanwhile.
  kSending,    // The answer is on its way.
};

struct ConnectionLimits {
  size_t places = 128;
  // Answers that are held for clients who have not taken them yet.
  size_t answer_bytes = size_t{32} << 20;
  // From the start to the first complete request, handshake included.
  int64_t first_request_ns = 10'000'000'000;
  // From an answer to the next complete request. Prometheus scrapes once a
  // minute or more often.
  int64_t next_request_ns = 75'000'000'000;
  // From the answer's start to its end.
  int64_t sending_ns = 30'000'000'000;
};

// One connection. The table's, until Remove.
struct TrackedConnection {
  int descriptor = -1;
  IpAddress source;
  ConnectionPhase phase = ConnectionPhase::kArrived;
  int64_t moved_ns = 0;
  int64_t deadline_ns = 0;
  uint64_t answers = 0;     // Sent in full.
  size_t answer_bytes = 0;  // Of the one under way.
  bool is_doomed = false;   // Chosen to be closed.

  // Nobody waits: at least one answer was sent, and no request has followed.
  bool is_idle() const {
    return phase == ConnectionPhase::kReceiving && answers > 0;
  }
};

class ConnectionTable {
 public:
  explicit ConnectionTable(const ConnectionLimits& limits) : limits_(limits) {}

  // REQUIRES: no connection has this descriptor.
  TrackedConnection* Add(int descriptor, const IpAddress& source,
                         int64_t now_ns);
  // Null if there is none.
  TrackedConnection* Find(int descriptor);
  void Remove(int descriptor);

  // Lets in up to `most` of those who have arrived.
  std::vector<TrackedConnection*> LetIn(size_t most);
  bool has_arrivals() const;

  void RequestComplete(TrackedConnection* connection, int64_t now_ns);
  void AnswerBegins(TrackedConnection* connection, size_t bytes,
                    int64_t now_ns);
  void AnswerSent(TrackedConnection* connection, int64_t now_ns);

  // Dooms as many connections as it takes for `newcomers` to have a place, as
  // far as there are any that may be closed.
  std::vector<TrackedConnection*> MakeRoom(size_t newcomers);
  // Dooms those whose deadline has passed.
  std::vector<TrackedConnection*> TakeExpired(int64_t now_ns);
  // Dooms the oldest that are sending, until answers fit into their limit.
  std::vector<TrackedConnection*> MakeRoomForAnswers();

  // When the next deadline passes; nothing if there is none.
  std::optional<int64_t> next_deadline_ns() const;
  // Those that are not doomed: never more than there are places, if none is
  // added while as many are working.
  size_t staying_count() const;
  // With those that are doomed and not yet removed.
  size_t size() const { return connections_.size(); }
  size_t answer_bytes() const { return answer_bytes_; }
  const ConnectionLimits& limits() const { return limits_; }

 private:
  // How many connections each source holds that stay.
  std::map<IpAddress, size_t> Held() const;
  TrackedConnection* Greediest();

  const ConnectionLimits limits_;
  std::map<int, std::unique_ptr<TrackedConnection>> connections_;
  size_t answer_bytes_ = 0;
};

}  // namespace octroi
