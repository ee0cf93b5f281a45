// SPDX-License-Identifier: Apache-2.0
// A small HTTP client for tests of the server: raw sockets, and OpenSSL where
// the server speaks TLS, so that it can be as slow, silent or wrong as a test
// likes. A read that waits for a minute gives up.
//
// Thread safety: an object belongs to one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace octroi::testing {

struct HttpReply {
  int status = 0;                              // 0: there was none.
  std::map<std::string, std::string> headers;  // Names in lower case.
  std::string body;
};

struct TlsClientOptions {
  // PEM; "": none is shown.
  std::string certificate = {};
  std::string key = {};
  std::string authority = {};  // PEM that vouches for the server.
  std::string cipher_list = {};
  int highest_version = 0;  // As SSL_CTX_set_max_proto_version; 0: any.
};

class HttpClient {
 public:
  // Connects to HttpServer::address(), from an address of 127.0.0.0/8 if one is
  // given. Failures show in what follows.
  explicit HttpClient(const std::string& address,
                      const TlsClientOptions* tls = nullptr,
                      const std::string& from = "");
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  bool is_connected() const { return descriptor_ >= 0; }
  bool has_handshake() const;

  // False if the server has gone.
  bool Send(std::string_view text);
  // The next answer; `is_head` has no body.
  HttpReply Receive(bool is_head = false);
  // A request and its answer: GET, with these lines added ("A: b\r\n").
  HttpReply Get(const std::string& path, const std::string& lines = "");
  // Waits for the server to close. False if it says something instead.
  bool IsClosedByServer();

  // Leaves the connection open and unread.
  int descriptor() const { return descriptor_; }

 private:
  struct Tls;
  // Up to a piece of the stream; "" at its end.
  std::string ReadSome();

  int descriptor_ = -1;
  std::unique_ptr<Tls> tls_;
  std::string unread_;
};

// "GET PATH HTTP/1.1" with a Host and `lines`.
std::string GetRequest(const std::string& path, const std::string& lines = "");

// "Authorization: Basic ..." as a line.
std::string BasicAuthLine(const std::string& name, const std::string& password);

struct CertificateAndKey {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

// What a key is on: P-256, or RSA of 3072 bits, which costs the server ten
// times as much and the test half a second.
enum class KeyKind : uint8_t { kP256, kRsa3072 };

// A certificate for `name`, valid for a day around now. `sans` as in
// OpenSSL's configuration ("DNS:localhost,IP:127.0.0.1"; "": none). Signed by
// `issuer`, or by itself and able to sign others if there is none.
CertificateAndKey MakeCertificate(const std::string& name,
                                  const std::string& sans,
                                  const CertificateAndKey* issuer = nullptr,
                                  KeyKind kind = KeyKind::kP256);

}  // namespace octroi::testing
