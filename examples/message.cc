// SPDX-License-Identifier: Apache-2.0
#include "examples/message.h"

#include <algorithm>
#include <cassert>
#include <string>

namespace octroi::example {

Bytes TextMessage(std::string_view text) {
  return Bytes(text.begin(), text.end());
}

namespace {

constexpr uint8_t kTlsHandshake = 22;
constexpr uint8_t kTlsApplicationData = 23;
constexpr size_t kTlsRecordHeaderOctets = 5;

Bytes TlsRecordHeader(uint8_t type, size_t octets) {
  Bytes header = {type, 0x03, 0x03};
  AppendU16(&header, static_cast<uint16_t>(octets));
  return header;
}

// A handshake message of `type`, with its record header around it.
Bytes TlsHandshake(uint8_t type, const Bytes& body) {
  Bytes message = TlsRecordHeader(kTlsHandshake, body.size() + 4);
  message.push_back(type);
  message.push_back(0);
  AppendU16(&message, static_cast<uint16_t>(body.size()));
  Append(&message, body);
  return message;
}

// supported_versions (43) and key_share (51) of RFC 8446 section 4.2.
void AppendKeyShare(Bytes* extensions, bool is_client, Random* random) {
  Append(extensions,
         is_client ? Bytes{0, 43, 0, 3, 2, 3, 4} : Bytes{0, 43, 0, 2, 3, 4});
  Append(extensions, is_client ? Bytes{0, 51, 0, 38, 0, 36, 0, 29, 0, 32}
                               : Bytes{0, 51, 0, 36, 0, 29, 0, 32});
  AppendRandom(extensions, 32, random);
}

}  // namespace

Bytes TlsClientHello(Random* random) {
  Bytes extensions = {0, 10, 0, 4, 0, 2, 0, 29};        // x25519
  Append(&extensions, Bytes{0, 13, 0, 4, 0, 2, 4, 3});  // ECDSA, SHA-256
  AppendKeyShare(&extensions, /*is_client=*/true, random);
  constexpr size_t kPaddedOctets = 431;  // Makes 517 in all.
  const size_t padding = kPaddedOctets - extensions.size() - 4;
  Append(&extensions, Bytes{0, 21});
  AppendU16(&extensions, static_cast<uint16_t>(padding));
  extensions.resize(kPaddedOctets);

  Bytes body = {3, 3};
  AppendRandom(&body, 32, random);
  body.push_back(32);
  AppendRandom(&body, 32, random);                        // Session.
  Append(&body, Bytes{0, 6, 0x13, 1, 0x13, 2, 0x13, 3});  // Cipher suites.
  Append(&body, Bytes{1, 0});                             // No compression.
  AppendU16(&body, static_cast<uint16_t>(extensions.size()));
  Append(&body, extensions);
  return TlsHandshake(1, body);
}

Bytes TlsServerHello(Random* random) {
  Bytes extensions;
  AppendKeyShare(&extensions, /*is_client=*/false, random);
  Bytes body = {3, 3};
  AppendRandom(&body, 32, random);
  body.push_back(32);
  AppendRandom(&body, 32, random);
  Append(&body, Bytes{0x13, 1, 0});
  AppendU16(&body, static_cast<uint16_t>(extensions.size()));
  Append(&body, extensions);
  return TlsHandshake(2, body);
}

Bytes TlsRecord(size_t octets, Random* random) {
  const size_t content = std::max(octets, kTlsRecordHeaderOctets + 17) -
                         kTlsRecordHeaderOctets;  // One octet, and its tag.
  Bytes record = TlsRecordHeader(kTlsApplicationData, content);
  AppendRandom(&record, content, random);
  return record;
}

namespace {

void AppendU64(Bytes* bytes, uint64_t value) {
  AppendU32(bytes, static_cast<uint32_t>(value >> 32));
  AppendU32(bytes, static_cast<uint32_t>(value));
}

}  // namespace

Bytes QuicInitial(uint64_t destination_id, uint64_t source_id, Random* random) {
  constexpr size_t kOctets = 1200;  // RFC 9000 section 14.1.
  Bytes packet = {0xC3};            // Long header, Initial.
  AppendU32(&packet, 1);
  packet.push_back(8);
  AppendU64(&packet, destination_id);
  packet.push_back(8);
  AppendU64(&packet, source_id);
  packet.push_back(0);  // No token.
  const size_t rest = kOctets - packet.size() - 2;
  AppendU16(&packet, static_cast<uint16_t>(0x4000 | rest));
  AppendRandom(&packet, rest, random);
  return packet;
}

Bytes QuicPacket(uint64_t destination_id, size_t octets, Random* random) {
  Bytes packet = {static_cast<uint8_t>(0x40 | random->Below(0x20))};
  AppendU64(&packet, destination_id);
  AppendRandom(&packet, std::max<size_t>(octets, 30) - packet.size(), random);
  return packet;
}

namespace {

constexpr uint16_t kDnsA = 1;
constexpr uint16_t kDnsAaaa = 28;
constexpr uint16_t kDnsPtr = 12;
constexpr uint16_t kDnsInternet = 1;

Bytes DnsHeader(uint16_t id, uint16_t flags, uint16_t answers) {
  Bytes message;
  AppendU16(&message, id);
  AppendU16(&message, flags);
  AppendU16(&message, 1);
  AppendU16(&message, answers);
  AppendU32(&message, 0);
  return message;
}

void AppendDnsQuestion(Bytes* message, std::string_view name, uint16_t type) {
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    message->push_back(static_cast<uint8_t>(label.size()));
    Append(message, label);
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  message->push_back(0);
  AppendU16(message, type);
  AppendU16(message, kDnsInternet);
}

}  // namespace

Bytes DnsQuery(uint16_t id, std::string_view name, bool is_ipv6) {
  Bytes message = DnsHeader(id, 0x0100, 0);
  AppendDnsQuestion(&message, name, is_ipv6 ? kDnsAaaa : kDnsA);
  return message;
}

Bytes DnsResponse(uint16_t id, std::string_view name, const Address& answer) {
  const uint16_t type = answer.is_ipv6 ? kDnsAaaa : kDnsA;
  Bytes message = DnsHeader(id, 0x8180, 1);
  AppendDnsQuestion(&message, name, type);
  AppendU16(&message, 0xC00C);  // The name of the question.
  AppendU16(&message, type);
  AppendU16(&message, kDnsInternet);
  AppendU32(&message, 300);
  AppendU16(&message, static_cast<uint16_t>(answer.size()));
  Append(&message, answer);
  return message;
}

Bytes MdnsQuestion() {
  Bytes message = DnsHeader(0, 0, 0);
  AppendDnsQuestion(&message, "_ipp._tcp.local", kDnsPtr);
  return message;
}

namespace {

// RFC 4253 section 6: lengths, the message, padding.
Bytes SshPacket(uint8_t number, const Bytes& body) {
  const size_t unpadded = 6 + body.size();
  const size_t padding = 4 + (8 - (unpadded + 4) % 8) % 8;
  Bytes packet;
  AppendU32(&packet, static_cast<uint32_t>(2 + body.size() + padding));
  packet.push_back(static_cast<uint8_t>(padding));
  packet.push_back(number);
  Append(&packet, body);
  packet.resize(packet.size() + padding);
  return packet;
}

}  // namespace

Bytes SshProposals(Random* random) {
  constexpr uint8_t kKeyExchangeInit = 20;
  Bytes body;
  AppendRandom(&body, 16, random);
  for (const std::string_view names :
       {"curve25519-sha256", "ssh-ed25519", "aes256-ctr", "aes256-ctr",
        "hmac-sha2-256-etm@openssh.com", "hmac-sha2-256-etm@openssh.com",
        "none", "none", "", ""}) {
    AppendU32(&body, static_cast<uint32_t>(names.size()));
    Append(&body, names);
  }
  Append(&body, Bytes{0, 0, 0, 0, 0});
  return SshPacket(kKeyExchangeInit, body);
}

namespace {

void AppendSshString(Bytes* bytes, const Bytes& value) {
  AppendU32(bytes, static_cast<uint32_t>(value.size()));
  Append(bytes, value);
}

// A key or a signature: the algorithm's name, and random octets.
Bytes SshBlob(size_t octets, Random* random) {
  Bytes content;
  AppendRandom(&content, octets, random);
  Bytes blob;
  AppendSshString(&blob, TextMessage("ssh-ed25519"));
  AppendSshString(&blob, content);
  return blob;
}

Bytes SshPublicKey(Random* random) {
  Bytes key;
  AppendRandom(&key, 32, random);
  return key;
}

}  // namespace

Bytes SshKeyRequest(Random* random) {
  Bytes body;
  AppendSshString(&body, SshPublicKey(random));
  return SshPacket(30, body);
}

Bytes SshKeyReply(Random* random) {
  Bytes body;
  AppendSshString(&body, SshBlob(32, random));
  AppendSshString(&body, SshPublicKey(random));
  AppendSshString(&body, SshBlob(64, random));
  return SshPacket(31, body);
}

Bytes SshNewKeys() { return SshPacket(21, {}); }

Bytes EncryptedSsh(size_t octets, Random* random) {
  constexpr size_t kLengthOctets = 4;
  constexpr size_t kCodeOctets = 32;  // HMAC-SHA-256
  const size_t content =
      std::max(octets, kLengthOctets + kCodeOctets + 16) - kLengthOctets;
  Bytes packet;
  AppendU32(&packet, static_cast<uint32_t>(content - kCodeOctets));
  AppendRandom(&packet, content, random);
  return packet;
}

Bytes EncryptedSmb(size_t octets, Random* random) {
  constexpr size_t kHeaderOctets = 4 + 52;
  const size_t content = std::max(octets, kHeaderOctets + 8) - kHeaderOctets;
  Bytes message;
  AppendU32(&message, static_cast<uint32_t>(52 + content));
  Append(&message, Bytes{0xFD, 'S', 'M', 'B'});
  AppendRandom(&message, 32, random);  // Signature, nonce.
  const auto length = static_cast<uint32_t>(content);
  Append(&message, Bytes{static_cast<uint8_t>(length),
                         static_cast<uint8_t>(length >> 8), 0, 0, 0, 0, 1, 0});
  Append(&message, Bytes{0x11, 0, 0, 0, 0, 0x40, 0, 0});  // Session.
  AppendRandom(&message, content, random);
  return message;
}

Bytes NtpMessage(bool is_server, Random* random) {
  Bytes message = {static_cast<uint8_t>(is_server ? 0x24 : 0x23),
                   static_cast<uint8_t>(is_server ? 2 : 0), 6, 0xE8};
  message.resize(40);
  AppendRandom(&message, 8, random);  // A client need not tell its time.
  return message;
}

Bytes WireGuardMessage(uint8_t type, uint32_t receiver, uint64_t counter,
                       size_t octets, Random* random) {
  constexpr uint8_t kInitiation = 1;
  constexpr uint8_t kResponse = 2;
  constexpr size_t kTagOctets = 16;
  Bytes message = {type, 0, 0, 0};
  if (type == kInitiation || type == kResponse) {
    const size_t total = type == kInitiation ? 148 : 92;
    AppendRandom(&message, total - message.size(), random);
    return message;
  }
  AppendU32(&message, receiver);
  for (int i = 0; i < 8; ++i) {
    message.push_back(static_cast<uint8_t>(counter >> (8 * i)));
  }
  AppendRandom(&message, (octets + 15) / 16 * 16 + kTagOctets, random);
  return message;
}

Bytes EspPayload(uint32_t spi, uint32_t sequence, size_t octets,
                 Random* random) {
  Bytes payload;
  AppendU32(&payload, spi);
  AppendU32(&payload, sequence);
  AppendRandom(&payload, octets, random);
  return payload;
}

Bytes DhcpDiscover(const MacAddress& client, uint32_t transaction) {
  Bytes message = {1, 1, 6, 0};
  AppendU32(&message, transaction);
  message.resize(28);
  Append(&message, client);
  message.resize(236);
  Append(&message, Bytes{0x63, 0x82, 0x53, 0x63});  // RFC 2131 section 3.
  Append(&message, Bytes{53, 1, 1, 55, 3, 1, 3, 6, 255});  // Discover.
  message.resize(300);
  return message;
}

Bytes SyslogMessage(size_t octets) {
  std::string text =
      "<134>1 2026-09-16T08:00:00Z vpn.example audit - - - session table:";
  while (text.size() < octets) text += " user=u01 peer=10.40.0.11 state=up";
  text.resize(octets);
  return TextMessage(text);
}

Bytes ArpRequest(const MacAddress& sender_mac, const Address& sender,
                 const Address& target) {
  Bytes message = {0, 1, 8, 0, 6, 4, 0, 1};
  Append(&message, sender_mac);
  Append(&message, sender);
  message.resize(message.size() + 6);
  Append(&message, target);
  return message;
}

Bytes NeighborSolicitation(const Address& target) {
  Bytes body = {0, 0, 0, 0};
  Append(&body, target);
  return body;
}

Bytes LldpAnnouncement(const MacAddress& chassis) {
  Bytes message = {0x02, 7, 4};  // Chassis: an address.
  Append(&message, chassis);
  Append(&message, Bytes{0x04, 3, 7, 'g', '1'});  // Port.
  Append(&message, Bytes{0x06, 2, 0, 120});       // Seconds it holds.
  Append(&message, Bytes{0x0A, 8});               // System name.
  Append(&message, "switch-1");
  Append(&message, Bytes{0, 0});
  return message;
}

}  // namespace octroi::example
