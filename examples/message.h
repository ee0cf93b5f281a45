// SPDX-License-Identifier: Apache-2.0
// What the example's conversations say: the few messages that a dissector
// looks into, and random bytes where there would be ciphertext. Names end in
// .example (RFC 2606). Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "examples/packet.h"
#include "examples/random.h"

namespace octroi::example {

Bytes TextMessage(std::string_view text);

// TLS (RFC 8446): the hello of a client, padded to the usual 517 octets; that
// of a server; and a record of application data, `octets` long in all.
Bytes TlsClientHello(Random* random);
Bytes TlsServerHello(Random* random);
Bytes TlsRecord(size_t octets, Random* random);

// QUIC version 1 (RFC 9000): what starts a connection, 1200 octets, and what
// comes after. Both sides' connection identifiers are eight octets.
Bytes QuicInitial(uint64_t destination_id, uint64_t source_id, Random* random);
Bytes QuicPacket(uint64_t destination_id, size_t octets, Random* random);

// DNS (RFC 1035, RFC 3596): a query for the address of `name`, of the family
// of `answer`, and the response that gives it.
Bytes DnsQuery(uint16_t id, std::string_view name, bool is_ipv6);
Bytes DnsResponse(uint16_t id, std::string_view name, const Address& answer);
// The question of multicast DNS (RFC 6762) for the printers of a network.
Bytes MdnsQuestion();

// SSH: proposals, the two messages of a key exchange (RFC 5656 section 4), and
// the one that says that the new keys are in use (RFC 4253 section 7.3).
Bytes SshProposals(Random* random);
Bytes SshKeyRequest(Random* random);
Bytes SshKeyReply(Random* random);
Bytes SshNewKeys();
// What follows: the length, ciphertext, and the code that authenticates it, as
// the encrypt-then-MAC methods of OpenSSH write them.
Bytes EncryptedSsh(size_t octets, Random* random);

// SMB 3, encrypted ([MS-SMB2] section 2.2.41): at least 64 octets.
Bytes EncryptedSmb(size_t octets, Random* random);

// NTP (RFC 5905), from a client or a server of stratum 2.
Bytes NtpMessage(bool is_server, Random* random);

// WireGuard: 1 handshake initiation, 2 its response, 4 data of `octets` octets
// inside.
Bytes WireGuardMessage(uint8_t type, uint32_t receiver, uint64_t counter,
                       size_t octets, Random* random);

// ESP (RFC 4303) with `octets` octets of ciphertext.
Bytes EspPayload(uint32_t spi, uint32_t sequence, size_t octets,
                 Random* random);

// DHCP (RFC 2131): a client that asks for an address.
Bytes DhcpDiscover(const MacAddress& client, uint32_t transaction);

// A line for a remote log (RFC 5424), `octets` long.
Bytes SyslogMessage(size_t octets);

// ARP (RFC 826): who has `target`?
Bytes ArpRequest(const MacAddress& sender_mac, const Address& sender,
                 const Address& target);
// The same question in ICMPv6 (RFC 4861 section 4.3), without its header.
Bytes NeighborSolicitation(const Address& target);
// LLDP (IEEE 802.1AB) of the office's switch.
Bytes LldpAnnouncement(const MacAddress& chassis);

}  // namespace octroi::example
