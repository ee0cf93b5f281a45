// SPDX-License-Identifier: Apache-2.0
#include "examples/traffic.h"

#include <algorithm>
#include <array>

#include "examples/message.h"
#include "examples/tcp_conversation.h"

namespace octroi::example {
namespace {

size_t OctetsAround(int64_t typical, Random* random) {
  return static_cast<size_t>(random->Around(typical));
}

int64_t MillisecondsAround(int64_t typical, Random* random) {
  const int64_t milliseconds = random->Around(typical);
  return milliseconds * kMillisecond + random->Between(0, kMillisecond - 1);
}

void TlsHandshake(TcpConversation* conversation, Random* random) {
  conversation->Say(Side::kClient, TlsClientHello(random));
  conversation->Wait(MillisecondsAround(2, random));
  conversation->Say(Side::kServer, TlsServerHello(random));
  conversation->Send(Side::kServer, OctetsAround(2'600, random),
                     Framing::kTls);  // Certificates.
  conversation->Send(Side::kClient, 74, Framing::kTls);
}

// Requests and responses, with pauses.
void Exchange(TcpConversation* conversation, const Volume& volume,
              Framing framing, int64_t pause_ms, Random* random) {
  const auto exchanges = random->Between(1, volume.exchanges);
  for (int64_t i = 0; i < exchanges; ++i) {
    if (i > 0) conversation->Wait(MillisecondsAround(pause_ms, random));
    conversation->Send(Side::kClient,
                       OctetsAround(volume.request_octets, random), framing);
    conversation->Wait(MillisecondsAround(8, random));
    conversation->Send(Side::kServer,
                       OctetsAround(volume.response_octets, random), framing);
  }
}

}  // namespace

void WebSession(Network* network, const Session& session,
                const Volume& volume) {
  Random* random = network->random();
  TcpConversation conversation(network, session);
  conversation.Open();
  TlsHandshake(&conversation, random);
  Exchange(&conversation, volume, Framing::kTls, 1'500, random);
  // Most browsers leave a connection idle for a while, and some just drop it.
  conversation.Wait(MillisecondsAround(4'000, random));
  if (random->IsOneIn(12)) {
    conversation.Reset(Side::kClient);
  } else {
    conversation.Close(random->IsOneIn(3) ? Side::kServer : Side::kClient);
  }
}

void FileSession(Network* network, const Session& session,
                 const Volume& volume) {
  TcpConversation conversation(network, session);
  conversation.Open();
  Exchange(&conversation, volume, Framing::kSmb, 9'000, network->random());
  conversation.Close(Side::kClient);
}

void MailSession(Network* network, const Session& session,
                 const Volume& volume) {
  Random* random = network->random();
  TcpConversation conversation(network, session);
  conversation.Open();
  conversation.Say(Side::kServer, TextMessage("220 mail.example ESMTP\r\n"));
  conversation.Say(Side::kClient, TextMessage("EHLO relay.office.example\r\n"));
  conversation.Say(Side::kServer,
                   TextMessage("250-mail.example\r\n250 STARTTLS\r\n"));
  conversation.Say(Side::kClient, TextMessage("STARTTLS\r\n"));
  conversation.Say(Side::kServer, TextMessage("220 ready\r\n"));
  TlsHandshake(&conversation, random);
  Exchange(&conversation, volume, Framing::kTls, 300, random);
  conversation.Close(Side::kClient);
}

namespace {

void ShellHandshake(TcpConversation* conversation, Random* random) {
  conversation->Say(Side::kServer,
                    TextMessage("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"));
  conversation->Say(Side::kClient, TextMessage("SSH-2.0-OpenSSH_9.7\r\n"));
  conversation->Say(Side::kClient, SshProposals(random));
  conversation->Say(Side::kServer, SshProposals(random));
  conversation->Say(Side::kClient, SshKeyRequest(random));
  conversation->Say(Side::kServer, SshKeyReply(random));
  conversation->Say(Side::kServer, SshNewKeys());
  conversation->Say(Side::kClient, SshNewKeys());
}

}  // namespace

void ShellSession(Network* network, const Session& session,
                  const Volume& volume) {
  Random* random = network->random();
  TcpConversation conversation(network, session);
  conversation.Open();
  ShellHandshake(&conversation, random);
  for (int i = 0; i < volume.exchanges; ++i) {
    const bool is_command = random->IsOneIn(9);
    conversation.Send(Side::kClient, 68, Framing::kSsh);
    conversation.Send(
        Side::kServer,
        is_command ? OctetsAround(volume.response_octets, random) : 68,
        Framing::kSsh);
    conversation.Wait(MillisecondsAround(is_command ? 8'000 : 180, random));
  }
  conversation.Close(Side::kClient);
}

void ShellAttempt(Network* network, const Session& session) {
  Random* random = network->random();
  TcpConversation conversation(network, session);
  conversation.Open();
  ShellHandshake(&conversation, random);
  const auto tries = random->Between(1, 3);
  for (int64_t i = 0; i < tries; ++i) {
    conversation.Send(Side::kClient, 148, Framing::kSsh);
    conversation.Wait(MillisecondsAround(1'800, random));
    conversation.Send(Side::kServer, 52, Framing::kSsh);
  }
  conversation.Reset(Side::kClient);
}

void QuicSession(Network* network, const Session& session,
                 const Volume& volume) {
  Random* random = network->random();
  const uint64_t client_id = random->Next();
  const uint64_t server_id = random->Next();
  const uint64_t chosen_id = random->Next();
  int64_t now_ns = session.start_ns;
  const auto from_client = [&](const Bytes& payload) {
    network->SendUdp(session.path, now_ns, session.client, session.server,
                     payload);
  };
  const auto from_server = [&](const Bytes& payload) {
    network->SendUdp(session.path, now_ns, session.server, session.client,
                     payload);
  };

  from_client(QuicInitial(chosen_id, client_id, random));
  now_ns += session.server_round_trip_ns;
  from_server(QuicInitial(client_id, server_id, random));
  for (int i = 0; i < 3; ++i) {
    now_ns += 60 * kMicrosecond;
    from_server(QuicPacket(client_id, 1'200, random));
  }
  now_ns += session.client_round_trip_ns;
  from_client(QuicPacket(server_id, 1'200, random));

  const auto exchanges = random->Between(1, volume.exchanges);
  for (int64_t i = 0; i < exchanges; ++i) {
    from_client(QuicPacket(
        server_id,
        std::min<size_t>(1'200, OctetsAround(volume.request_octets, random)),
        random));
    now_ns += session.server_round_trip_ns + 4 * kMillisecond;
    const size_t packets = OctetsAround(volume.response_octets, random) / 1'228;
    for (size_t j = 0; j <= packets; ++j) {
      from_server(QuicPacket(client_id, j < packets ? 1'228 : 300, random));
      now_ns += random->Between(40, 260) * kMicrosecond;
      if (j % 4 == 3 || j == packets) {  // An acknowledgment.
        from_client(QuicPacket(server_id, 36, random));
        now_ns += 30 * kMicrosecond;
      }
    }
    now_ns += MillisecondsAround(2'500, random);
  }
}

void LookUp(Network* network, const Session& session, std::string_view name,
            const Address& answer) {
  const auto id = static_cast<uint16_t>(network->random()->Next());
  network->SendUdp(session.path, session.start_ns, session.client,
                   session.server, DnsQuery(id, name, answer.is_ipv6));
  network->SendUdp(
      session.path, session.start_ns + session.server_round_trip_ns,
      session.server, session.client, DnsResponse(id, name, answer));
}

void AskTime(Network* network, const Session& session) {
  Random* random = network->random();
  network->SendUdp(session.path, session.start_ns, session.client,
                   session.server, NtpMessage(/*is_server=*/false, random));
  network->SendUdp(
      session.path, session.start_ns + session.server_round_trip_ns,
      session.server, session.client, NtpMessage(/*is_server=*/true, random));
}

void Ping(Network* network, const Session& session, int count) {
  const bool is_ipv6 = session.client.address.is_ipv6;
  const auto id = static_cast<uint16_t>(network->random()->Next());
  const uint8_t protocol = is_ipv6 ? kIcmpv6 : kIcmp;
  const IpHeader request = {session.client.address, session.server.address,
                            protocol};
  const IpHeader reply = {session.server.address, session.client.address,
                          protocol};
  for (int i = 0; i < count; ++i) {
    Bytes body;
    AppendU16(&body, id);
    AppendU16(&body, static_cast<uint16_t>(i + 1));
    AppendRandom(&body, 56, network->random());
    const int64_t now_ns = session.start_ns + i * kSecond;
    network->Send(session.path, now_ns, request,
                  IcmpMessage(request, is_ipv6 ? 128 : 8, 0, body));
    network->Send(session.path, now_ns + session.server_round_trip_ns, reply,
                  IcmpMessage(reply, is_ipv6 ? 129 : 0, 0, body));
  }
}

void SendLog(Network* network, const Session& session, size_t octets) {
  network->SendUdp(session.path, session.start_ns, session.client,
                   session.server, SyslogMessage(octets));
}

namespace {

// One direction of a WireGuard tunnel. A session has new keys every 120 s.
class WireGuardSender {
 public:
  WireGuardSender(Network* network, const Session& session)
      : network_(network), session_(session) {}

  void Rekey(int64_t time_ns) {
    Random* random = network_->random();
    Send(time_ns, Side::kClient, WireGuardMessage(1, 0, 0, 0, random));
    Send(time_ns + session_.server_round_trip_ns, Side::kServer,
         WireGuardMessage(2, 0, 0, 0, random));
    counters_ = {0, 0};
    for (uint32_t& receiver : receivers_) {
      receiver = static_cast<uint32_t>(random->Next());
    }
  }

  void SendData(int64_t time_ns, Side from, size_t octets) {
    const auto side = static_cast<size_t>(from);
    Send(time_ns, from,
         WireGuardMessage(4, receivers_[side], counters_[side]++, octets,
                          network_->random()));
  }

 private:
  void Send(int64_t time_ns, Side from, const Bytes& message) {
    const bool is_client = from == Side::kClient;
    network_->SendUdp(session_.path, time_ns,
                      is_client ? session_.client : session_.server,
                      is_client ? session_.server : session_.client, message);
  }

  Network* const network_;
  const Session session_;
  std::array<uint64_t, 2> counters_ = {};
  std::array<uint32_t, 2> receivers_ = {};
};

}  // namespace

void WireGuardTunnel(Network* network, const Session& session, int64_t end_ns) {
  constexpr int64_t kRekeyAfter = 2 * kMinute;
  Random* random = network->random();
  WireGuardSender sender(network, session);
  int64_t rekey_ns = session.start_ns;
  int64_t now_ns = session.start_ns;
  while (now_ns < end_ns) {
    if (now_ns >= rekey_ns) {
      sender.Rekey(now_ns);
      rekey_ns = now_ns + kRekeyAfter;
      now_ns += 2 * session.server_round_trip_ns;
    }
    // A request from the office, and what the head office answers.
    sender.SendData(now_ns, Side::kClient, OctetsAround(180, random));
    now_ns += session.server_round_trip_ns;
    const auto packets = random->Between(1, 6);
    for (int64_t i = 0; i < packets; ++i) {
      sender.SendData(now_ns, Side::kServer,
                      i + 1 < packets ? 1'420 : OctetsAround(300, random));
      now_ns += random->Between(100, 400) * kMicrosecond;
    }
    sender.SendData(now_ns, Side::kClient, 52);
    now_ns += MillisecondsAround(5'600, random);
  }
}

void EspTunnel(Network* network, const Session& session, int64_t end_ns) {
  Random* random = network->random();
  const IpHeader out = {session.client.address, session.server.address, kEsp};
  const IpHeader in = {session.server.address, session.client.address, kEsp};
  const auto out_spi = static_cast<uint32_t>(random->Next());
  const auto in_spi = static_cast<uint32_t>(random->Next());
  uint32_t out_sequence = 0;
  uint32_t in_sequence = 0;
  int64_t now_ns = session.start_ns;
  while (now_ns < end_ns) {
    const auto packets = random->Between(4, 22);
    for (int64_t i = 0; i < packets && now_ns < end_ns; ++i) {
      network->Send(session.path, now_ns, out,
                    EspPayload(out_spi, ++out_sequence, 1'424, random));
      if (i % 2 == 1) {
        network->Send(session.path, now_ns + session.server_round_trip_ns, in,
                      EspPayload(in_spi, ++in_sequence, 88, random));
      }
      now_ns += random->Between(120, 2'000) * kMicrosecond;
    }
    now_ns += MillisecondsAround(40'000, random);
  }
}

}  // namespace octroi::example
