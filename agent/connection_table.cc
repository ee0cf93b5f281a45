// SPDX-License-Identifier: Apache-2.0
#include "agent/connection_table.h"

#include <algorithm>
#include <cassert>

namespace octroi {

IpAddress SourceOf(const IpAddress& client) {
  const UnmappedAddress unmapped = Unmap(client);
  if (unmapped.embedding == Embedding::kMapped) return unmapped.address;
  return client.is_v4() ? client : IpAddress::V6(client.high(), 0);
}

TrackedConnection* ConnectionTable::Add(int descriptor, const IpAddress& source,
                                        int64_t now_ns) {
  auto connection = std::make_unique<TrackedConnection>();
  connection->descriptor = descriptor;
  connection->source = source;
  connection->moved_ns = now_ns;
  connection->deadline_ns = now_ns + limits_.first_request_ns;
  const auto [place, is_new] =
      connections_.emplace(descriptor, std::move(connection));
  assert(is_new);
  return place->second.get();
}

TrackedConnection* ConnectionTable::Find(int descriptor) {
  const auto found = connections_.find(descriptor);
  return found == connections_.end() ? nullptr : found->second.get();
}

void ConnectionTable::Remove(int descriptor) {
  const auto found = connections_.find(descriptor);
  if (found == connections_.end()) return;
  answer_bytes_ -= found->second->answer_bytes;
  connections_.erase(found);
}

std::map<IpAddress, size_t> ConnectionTable::Held() const {
  std::map<IpAddress, size_t> held;
  for (const auto& [descriptor, connection] : connections_) {
    if (!connection->is_doomed) held[connection->source] += 1;
  }
  return held;
}

bool ConnectionTable::has_arrivals() const {
  return std::any_of(connections_.begin(), connections_.end(),
                     [](const auto& one) {
                       return one.second->phase == ConnectionPhase::kArrived;
                     });
}

std::vector<TrackedConnection*> ConnectionTable::LetIn(size_t most) {
  std::map<IpAddress, size_t> held = Held();
  std::vector<TrackedConnection*> arrived;
  for (const auto& [descriptor, connection] : connections_) {
    if (connection->phase == ConnectionPhase::kArrived) {
      arrived.push_back(connection.get());
    }
  }
  std::sort(arrived.begin(), arrived.end(), [&](const auto* a, const auto* b) {
    const size_t of_a = held[a->source];
    const size_t of_b = held[b->source];
    return of_a != of_b ? of_a < of_b : a->moved_ns > b->moved_ns;
  });
  arrived.resize(std::min(arrived.size(), most));
  for (TrackedConnection* one : arrived) {
    one->phase = ConnectionPhase::kReceiving;
  }
  return arrived;
}

void ConnectionTable::RequestComplete(TrackedConnection* connection,
                                      int64_t now_ns) {
  connection->phase = ConnectionPhase::kWorking;
  connection->moved_ns = now_ns;
}

void ConnectionTable::AnswerBegins(TrackedConnection* connection, size_t bytes,
                                   int64_t now_ns) {
  assert(connection->answer_bytes == 0);
  connection->phase = ConnectionPhase::kSending;
  connection->deadline_ns = now_ns + limits_.sending_ns;
  connection->answer_bytes = bytes;
  answer_bytes_ += bytes;
}

void ConnectionTable::AnswerSent(TrackedConnection* connection,
                                 int64_t now_ns) {
  connection->phase = ConnectionPhase::kReceiving;
  connection->moved_ns = now_ns;
  connection->deadline_ns = now_ns + limits_.next_request_ns;
  connection->answers += 1;
  answer_bytes_ -= connection->answer_bytes;
  connection->answer_bytes = 0;
}

// Of those that may be closed.
TrackedConnection* ConnectionTable::Greediest() {
  std::map<IpAddress, size_t> held = Held();
  TrackedConnection* chosen = nullptr;
  for (const auto& [descriptor, connection] : connections_) {
    if (connection->is_doomed ||
        connection->phase == ConnectionPhase::kWorking) {
      continue;
    }
    const size_t count = held[connection->source];
    const size_t chosen_count = chosen ? held[chosen->source] : 0;
    if (count > chosen_count ||
        (count == chosen_count && connection->moved_ns < chosen->moved_ns)) {
      chosen = connection.get();
    }
  }
  return chosen;
}

size_t ConnectionTable::staying_count() const {
  return static_cast<size_t>(
      std::count_if(connections_.begin(), connections_.end(),
                    [](const auto& one) { return !one.second->is_doomed; }));
}

std::vector<TrackedConnection*> ConnectionTable::MakeRoom(size_t newcomers) {
  std::vector<TrackedConnection*> doomed;
  for (size_t count = staying_count(); count + newcomers > limits_.places;
       --count) {
    TrackedConnection* const chosen = Greediest();
    if (chosen == nullptr) break;
    chosen->is_doomed = true;
    doomed.push_back(chosen);
  }
  return doomed;
}

std::vector<TrackedConnection*> ConnectionTable::TakeExpired(int64_t now_ns) {
  std::vector<TrackedConnection*> expired;
  for (const auto& [descriptor, connection] : connections_) {
    if (connection->is_doomed ||
        connection->phase == ConnectionPhase::kWorking ||
        now_ns < connection->deadline_ns) {
      continue;
    }
    connection->is_doomed = true;
    expired.push_back(connection.get());
  }
  return expired;
}

std::vector<TrackedConnection*> ConnectionTable::MakeRoomForAnswers() {
  std::vector<TrackedConnection*> sending;
  size_t bytes = 0;
  for (const auto& [descriptor, connection] : connections_) {
    if (connection->answer_bytes == 0 || connection->is_doomed) continue;
    sending.push_back(connection.get());
    bytes += connection->answer_bytes;
  }
  std::sort(sending.begin(), sending.end(), [](const auto* a, const auto* b) {
    return a->moved_ns < b->moved_ns;
  });
  std::vector<TrackedConnection*> doomed;
  for (TrackedConnection* connection : sending) {
    if (bytes <= limits_.answer_bytes) break;
    bytes -= connection->answer_bytes;
    connection->is_doomed = true;
    doomed.push_back(connection);
  }
  return doomed;
}

std::optional<int64_t> ConnectionTable::next_deadline_ns() const {
  std::optional<int64_t> next;
  for (const auto& [descriptor, connection] : connections_) {
    if (connection->is_doomed ||
        connection->phase == ConnectionPhase::kWorking) {
      continue;
    }
    if (!next || connection->deadline_ns < *next) {
      next = connection->deadline_ns;
    }
  }
  return next;
}

}  // namespace octroi
