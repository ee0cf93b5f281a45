// SPDX-License-Identifier: Apache-2.0
// One TCP connection as a capture sees it: handshake, segments of the maximum
// size in windows that grow, an acknowledgment for every second segment, now
// and then a segment that is lost and sent again, and an end. Each call
// continues where the one before it stopped. Thread safety: one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "examples/network.h"
#include "examples/packet.h"

namespace octroi::example {

enum class Side : uint8_t { kClient, kServer };

// How octets that have no message of their own are framed, segment by segment.
enum class Framing : uint8_t { kTls, kSsh, kSmb };

class TcpConversation {
 public:
  // Borrows `network`, which must outlive it.
  TcpConversation(Network* network, const Session& session);

  // The handshake.
  void Open();
  // A first segment `tries` times, after 1, 2, 4, ... seconds, without answer.
  void OpenInVain(int tries);
  // A first segment that is answered by a reset.
  void OpenRefused();

  // A message of at most a segment, as it is.
  void Say(Side from, const Bytes& message);
  // So many octets of ciphertext.
  void Send(Side from, size_t octets, Framing framing);
  void Wait(int64_t pause_ns) { now_ns_ += pause_ns; }

  // FIN from both sides, or a reset from one.
  void Close(Side first);
  void Reset(Side from);

  int64_t now_ns() const { return now_ns_; }

 private:
  struct Half {
    Endpoint endpoint;
    int64_t round_trip_ns = 0;
    uint32_t next_sequence = 0;
    uint32_t clock_offset_ms = 0;  // Of its timestamps (RFC 7323).
    uint32_t last_timestamp = 0;
  };
  // A segment that has been sent and is lost.
  struct Lost {
    uint32_t sequence = 0;
    Bytes payload;
  };

  Half& half(Side side) { return halves_[static_cast<size_t>(side)]; }
  static Side Other(Side side) {
    return side == Side::kClient ? Side::kServer : Side::kClient;
  }
  size_t SegmentOctets() const;
  Bytes Ciphertext(size_t octets, Framing framing);

  void Emit(int64_t time_ns, Side from, uint8_t control, uint32_t sequence,
            uint32_t acknowledgment, const Bytes& payload);
  // Emits at now_ns_ and moves the sender's sequence on.
  void EmitNext(Side from, uint8_t control, const Bytes& payload);
  void Acknowledge(int64_t time_ns, Side from, uint32_t acknowledgment);
  // Sends up to `segments` segments; returns how many octets are left.
  size_t SendWindow(Side from, size_t octets, size_t segments, Framing framing);
  void SendAgain(Side from, const Lost& lost);

  Network* const network_;
  const Session session_;
  std::array<Half, 2> halves_;
  int64_t now_ns_ = 0;
};

}  // namespace octroi::example
