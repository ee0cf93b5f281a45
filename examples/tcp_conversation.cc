// SPDX-License-Identifier: Apache-2.0
#include "examples/tcp_conversation.h"

#include <algorithm>
#include <cassert>
#include <optional>

#include "examples/message.h"

namespace octroi::example {
namespace {

// RFC 6928: the first window is ten segments.
constexpr size_t kFirstWindowSegments = 10;
constexpr size_t kMaxWindowSegments = 64;
constexpr size_t kTimestampOptionOctets = 12;

}  // namespace

TcpConversation::TcpConversation(Network* network, const Session& session)
    : network_(network), session_(session), now_ns_(session.start_ns) {
  half(Side::kClient).endpoint = session.client;
  half(Side::kClient).round_trip_ns = session.client_round_trip_ns;
  half(Side::kServer).endpoint = session.server;
  half(Side::kServer).round_trip_ns = session.server_round_trip_ns;
  for (Half& one : halves_) {
    one.next_sequence = static_cast<uint32_t>(network->random()->Next());
    one.clock_offset_ms = static_cast<uint32_t>(network->random()->Next());
  }
}

size_t TcpConversation::SegmentOctets() const {
  const size_t ip_octets = session_.client.address.is_ipv6 ? 40 : 20;
  const size_t tunnel_octets = session_.path.tunnel ? 80 : 0;
  return 1500 - ip_octets - 20 - tunnel_octets;
}

void TcpConversation::Emit(int64_t time_ns, Side from, uint8_t control,
                           uint32_t sequence, uint32_t acknowledgment,
                           const Bytes& payload) {
  Half& sender = half(from);
  const Half& receiver = half(Other(from));
  const IpHeader ip = {sender.endpoint.address, receiver.endpoint.address,
                       kTcp};
  TcpHeader tcp;
  tcp.source_port = sender.endpoint.port;
  tcp.destination_port = receiver.endpoint.port;
  tcp.sequence = sequence;
  tcp.acknowledgment = (control & kAck) != 0 ? acknowledgment : 0;
  tcp.control = control;
  tcp.mss = static_cast<uint16_t>(SegmentOctets());
  tcp.timestamp =
      sender.clock_offset_ms + static_cast<uint32_t>(time_ns / kMillisecond);
  tcp.timestamp_echo = receiver.last_timestamp;
  sender.last_timestamp = tcp.timestamp;
  network_->Send(session_.path, time_ns, ip, TcpSegment(ip, tcp, payload));
}

void TcpConversation::EmitNext(Side from, uint8_t control,
                               const Bytes& payload) {
  Half& sender = half(from);
  Emit(now_ns_, from, control, sender.next_sequence,
       half(Other(from)).next_sequence, payload);
  const bool takes_a_number = (control & (kSyn | kFin)) != 0;
  sender.next_sequence +=
      static_cast<uint32_t>(payload.size()) + (takes_a_number ? 1 : 0);
}

void TcpConversation::Acknowledge(int64_t time_ns, Side from,
                                  uint32_t acknowledgment) {
  Emit(time_ns, from, kAck, half(from).next_sequence, acknowledgment, {});
}

void TcpConversation::Open() {
  EmitNext(Side::kClient, kSyn, {});
  now_ns_ += half(Side::kServer).round_trip_ns;
  EmitNext(Side::kServer, kSyn | kAck, {});
  now_ns_ += half(Side::kClient).round_trip_ns;
  Acknowledge(now_ns_, Side::kClient, half(Side::kServer).next_sequence);
  now_ns_ += 50 * kMicrosecond;
}

void TcpConversation::OpenInVain(int tries) {
  int64_t pause_ns = kSecond;
  for (int i = 0; i < tries; ++i) {
    Emit(now_ns_, Side::kClient, kSyn, half(Side::kClient).next_sequence, 0,
         {});
    now_ns_ += pause_ns;
    pause_ns *= 2;
  }
}

void TcpConversation::OpenRefused() {
  EmitNext(Side::kClient, kSyn, {});
  now_ns_ += half(Side::kServer).round_trip_ns;
  Emit(now_ns_, Side::kServer, kRst | kAck, 0,
       half(Side::kClient).next_sequence, {});
}

void TcpConversation::Say(Side from, const Bytes& message) {
  assert(message.size() <= SegmentOctets() - kTimestampOptionOctets);
  EmitNext(from, kPsh | kAck, message);
  now_ns_ += half(Other(from)).round_trip_ns;
  Acknowledge(now_ns_, Other(from), half(from).next_sequence);
  now_ns_ += 80 * kMicrosecond;
}

Bytes TcpConversation::Ciphertext(size_t octets, Framing framing) {
  switch (framing) {
    case Framing::kTls:
      return TlsRecord(octets, network_->random());
    case Framing::kSmb:
      return EncryptedSmb(octets, network_->random());
    case Framing::kSsh:
      return EncryptedSsh(octets, network_->random());
  }
  return {};
}

void TcpConversation::Send(Side from, size_t octets, Framing framing) {
  size_t segments = kFirstWindowSegments;
  while (octets > 0) {
    octets = SendWindow(from, octets, segments, framing);
    segments = std::min(2 * segments, kMaxWindowSegments);
  }
}

size_t TcpConversation::SendWindow(Side from, size_t octets, size_t segments,
                                   Framing framing) {
  Random* random = network_->random();
  const Side to = Other(from);
  const int64_t window_start_ns = now_ns_;
  const size_t full = SegmentOctets() - kTimestampOptionOctets;
  std::optional<Lost> lost;
  for (size_t i = 0; i < segments && octets > 0; ++i) {
    const Bytes payload = Ciphertext(std::min(octets, full), framing);
    octets -= std::min(octets, payload.size());
    const uint32_t sequence = half(from).next_sequence;
    EmitNext(from, octets == 0 ? kPsh | kAck : kAck, payload);

    const bool may_be_lost = !lost && session_.lost_one_in > 0;
    if (may_be_lost && random->IsOneIn(session_.lost_one_in)) {
      lost = Lost{sequence, payload};
    } else if (lost || i % 2 == 1 || octets == 0) {
      Acknowledge(now_ns_ + half(to).round_trip_ns, to,
                  lost ? lost->sequence : half(from).next_sequence);
    }
    now_ns_ += random->Between(15, 120) * kMicrosecond;
  }
  if (lost) SendAgain(from, *lost);
  if (octets == 0) {
    now_ns_ += half(to).round_trip_ns;
  } else {  // The next window opens when the first acknowledgment is there.
    now_ns_ = std::max(now_ns_, window_start_ns + half(from).round_trip_ns +
                                    half(to).round_trip_ns);
  }
  return octets;
}

void TcpConversation::SendAgain(Side from, const Lost& lost) {
  const Side to = Other(from);
  now_ns_ += half(to).round_trip_ns + half(from).round_trip_ns;
  Emit(now_ns_, from, kPsh | kAck, lost.sequence, half(to).next_sequence,
       lost.payload);
  now_ns_ += half(to).round_trip_ns;
  Acknowledge(now_ns_, to, half(from).next_sequence);
}

void TcpConversation::Close(Side first) {
  const Side second = Other(first);
  EmitNext(first, kFin | kAck, {});
  now_ns_ += half(second).round_trip_ns;
  EmitNext(second, kFin | kAck, {});
  now_ns_ += half(first).round_trip_ns;
  Acknowledge(now_ns_, first, half(second).next_sequence);
}

void TcpConversation::Reset(Side from) { EmitNext(from, kRst | kAck, {}); }

}  // namespace octroi::example
