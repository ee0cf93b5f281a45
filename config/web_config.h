// SPDX-License-Identifier: Apache-2.0
// web-config.yml in, checked structs out: who may read the metrics, and how
// they are encrypted. The keys are those of the exporters of Prometheus
// (exporter-toolkit), so that one file serves both; a key of theirs that octroi
// cannot honour is a problem and never ignored. Certificates and keys are read
// here, as text; whether they fit is asked in agent/tls_credentials.h.
//
// Free functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"

namespace octroi {

// Whether a client shows a certificate, with Go's names for it.
enum class ClientAuth : uint8_t {
  kNoClientCert,
  kRequestClientCert,           // Asked for; any or none will do.
  kRequireAnyClientCert,        // One is needed; any will do.
  kVerifyClientCertIfGiven,     // None, or one that client_ca_file vouches for.
  kRequireAndVerifyClientCert,  // One that client_ca_file vouches for.
};

enum class TlsVersion : uint8_t { kTls12, kTls13 };

// A file that the configuration names: the path, what it holds, and
// "FILE:LINE:COLUMN: KEY" of the key that names it, for messages.
struct NamedFile {
  std::string path;
  std::string text;
  std::string place;
};

struct TlsServerConfig {
  NamedFile certificate;  // PEM; the server's first, then its chain.
  NamedFile key;          // PEM.
  ClientAuth client_auth = ClientAuth::kNoClientCert;
  std::optional<NamedFile> client_ca;
  // If there are any, a client's certificate must have one of them.
  std::vector<std::string> client_allowed_sans;
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  // Names as Go has them; empty: the library's choice.
  std::vector<std::string> cipher_suites;  // Of TLS 1.2.
  std::vector<std::string> curves;
  bool prefers_own_ciphers = true;
};

struct BasicAuthUser {
  std::string name;
  std::string hash;  // bcrypt, 60 characters.
};

struct WebHeader {
  std::string name;
  std::string value;
};

struct WebConfig {
  std::optional<TlsServerConfig> tls;
  std::vector<WebHeader> headers;
  // Empty: anybody who can connect may read.
  std::vector<BasicAuthUser> users;
  // Every file that was read, this one first.
  std::vector<std::string> paths;
};

// A check of one password takes about a second at the highest cost.
inline constexpr int kMinBcryptCost = 4;
inline constexpr int kMaxBcryptCost = 14;
inline constexpr size_t kMaxBasicAuthUsers = 100;

// Either a configuration or at least one problem, in the order of the file.
struct LoadedWebConfig {
  std::optional<WebConfig> config;
  std::vector<Problem> problems;
};

// Reads a web configuration and the files that it names; relative paths in it
// are taken from its own directory. "" gives an empty one.
LoadedWebConfig LoadWebConfig(const std::string& path);

// The same of a text that is already in memory.
LoadedWebConfig ReadWebConfig(std::string_view text, const std::string& path);

}  // namespace octroi
