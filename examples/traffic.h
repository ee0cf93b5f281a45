// SPDX-License-Identifier: Apache-2.0
// What people and machines of an office do on a network, one activity per
// function: each writes the packets of one session, from `session.start_ns`
// on. Sizes are typical ones; each session draws its own around them.
// Thread safety: one thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "examples/network.h"

namespace octroi::example {

// How much is said in one session.
struct Volume {
  int exchanges = 1;  // At most.
  int64_t request_octets = 0;
  int64_t response_octets = 0;
};

// HTTPS: a TLS handshake, then requests with pauses between them.
void WebSession(Network* network, const Session& session, const Volume& volume);
// The same over QUIC.
void QuicSession(Network* network, const Session& session,
                 const Volume& volume);
// SMTP with STARTTLS; `volume.request_octets` is the size of a mail.
void MailSession(Network* network, const Session& session,
                 const Volume& volume);
// Encrypted SMB: files that are read, and written.
void FileSession(Network* network, const Session& session,
                 const Volume& volume);
// SSH with `volume.exchanges` keystrokes or commands.
void ShellSession(Network* network, const Session& session,
                  const Volume& volume);
// SSH that ends after a few wrong passwords.
void ShellAttempt(Network* network, const Session& session);

// A name of the DNS, asked by `session.client`.
void LookUp(Network* network, const Session& session, std::string_view name,
            const Address& answer);
void AskTime(Network* network, const Session& session);
// `count` echo requests, a second apart, and their answers.
void Ping(Network* network, const Session& session, int count);
// One datagram to a log, of `octets`: fragments, if it is long.
void SendLog(Network* network, const Session& session, size_t octets);

// Tunnels whose content nobody sees, up to `end_ns`: desktops and calls over
// WireGuard, a transfer every few minutes over ESP.
void WireGuardTunnel(Network* network, const Session& session, int64_t end_ns);
void EspTunnel(Network* network, const Session& session, int64_t end_ns);

}  // namespace octroi::example
