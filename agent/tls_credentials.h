// SPDX-License-Identifier: Apache-2.0
// What the metrics' server needs for TLS: its certificate and key, whom it asks
// for theirs, versions and ciphers. The only part of octroi that knows GnuTLS,
// the library that libmicrohttpd encrypts with.
//
// Thread safety: immutable; sessions of any thread may use it, and must end
// before it does.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "config/web_config.h"

namespace octroi {

class TlsCredentials;

// What octroi keeps of one session. Outlives the library's session.
class TlsSession {
 public:
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // The client has finished its part of the handshake, and may be who it is.
  bool has_handshake() const { return has_handshake_; }

 private:
  friend class TlsCredentials;
  explicit TlsSession(const TlsCredentials* credentials)
      : credentials_(credentials) {}

  const TlsCredentials* const credentials_;
  bool has_handshake_ = false;
};

class TlsCredentials {
 public:
  // The error names the place that names the file, the file, and what is
  // wrong: no PEM, a key of another certificate, nothing left to offer.
  static absl::StatusOr<std::unique_ptr<TlsCredentials>> Create(
      const TlsServerConfig& config);
  ~TlsCredentials();
  TlsCredentials(const TlsCredentials&) = delete;
  TlsCredentials& operator=(const TlsCredentials&) = delete;

  // Gives them to a session (a gnutls_session_t) that is about to begin. Null
  // if the library refuses.
  std::unique_ptr<TlsSession> GiveTo(void* session) const;

 private:
  struct Parts;  // Of the library.
  struct Callbacks;
  explicit TlsCredentials(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

}  // namespace octroi
