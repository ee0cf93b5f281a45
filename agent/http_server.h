// SPDX-License-Identifier: Apache-2.0
// The HTTP server of the daemon: HTTP/1.1, GET and HEAD, TLS, client
// certificates, passwords, gzip. It knows nothing of metrics; a handler does.
// The only part of octroi that knows libmicrohttpd, which parses, encrypts and
// sends; whom to accept and whom to close is decided here and in
// connection_table.h, since the library would let whoever came first keep every
// place.
//
// Three threads, all started after the sandbox: one that serves sockets and
// never waits for anything else, one that calls the handler, and one that
// checks passwords, if there are any (credential_gate.h).
//
// Thread safety: Open, Start, Reload and Stop belong to one thread; any thread
// may read totals().
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/connection_table.h"
#include "config/listen_address.h"
#include "config/web_config.h"

namespace octroi {

struct HttpRequest {
  std::string path;    // Without a query.
  std::string accept;  // The header; "" if there is none.
  bool is_head = false;
  // When the request was complete, by CLOCK_MONOTONIC: an answer that was begun
  // later is as new as it could be.
  int64_t arrived_ns = 0;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  // Shared, so that several clients can be given one copy.
  std::shared_ptr<const std::string> body;
  // Content-Security-Policy; "": nothing may be loaded or run.
  std::string content_security_policy = {};
  std::vector<WebHeader> headers = {};  // Further ones.
};

// Called on one thread, one request after the other.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// Why a client was not served.
enum class HttpRefusal : uint8_t {
  kLimit,
  kTimeout,
  kTls,
  kIncomplete,
  kDescriptors,
  kCount,
};
struct HttpRefusalInfo {
  HttpRefusal refusal;
  std::string_view label;  // Value of the label "reason"; never renamed.
  std::string_view meaning;
};
inline constexpr HttpRefusalInfo kHttpRefusals[] = {
    {HttpRefusal::kLimit, "limit", "closed to make room for a newer one"},
    {HttpRefusal::kTimeout, "timeout",
     "no complete request, or the answer not taken, in time"},
    {HttpRefusal::kTls, "tls",
     "no handshake: no TLS, no common version or cipher, no certificate that "
     "is accepted, or the client left"},
    {HttpRefusal::kIncomplete, "incomplete",
     "ended before a request was complete, or what came was none"},
    {HttpRefusal::kDescriptors, "descriptors",
     "the process may open no more files, or has no memory for it"},
};
static_assert(std::size(kHttpRefusals) ==
              static_cast<size_t>(HttpRefusal::kCount));

// Statuses that are counted one by one; any other is under 0.
inline constexpr std::array kHttpStatuses = {200, 304, 401, 404, 405,
                                             413, 500, 503, 0};

struct HttpTotals {
  uint64_t open_connections = 0;
  std::array<uint64_t, kHttpStatuses.size()> requests = {};
  std::array<uint64_t, static_cast<size_t>(HttpRefusal::kCount)> refused = {};
};

struct HttpOptions {
  ListenAddress listen;  // Not kNone.
  WebConfig web;
  ConnectionLimits limits = {};
};

class HttpServer {
 public:
  // Opens or takes over the socket and reads the certificates, while the
  // process still has its rights. An error is one line that says what to
  // change.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Open(HttpOptions options);
  // Stops.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Starts the threads. REQUIRES: SIGPIPE is ignored.
  absl::Status Start(HttpHandler handler);
  // Closes every connection and ends the threads; waits for the handler and for
  // a password's check under way. Start must not follow.
  void Stop();

  // Takes other certificates, users and headers; new connections have them at
  // once, old ones are ended with their next answer, and users count from their
  // next request on. An error leaves all as it was. TLS is neither begun nor
  // ended.
  absl::Status Reload(const WebConfig& web);

  // Where clients find it, with the port that the kernel chose.
  const std::string& address() const;
  HttpTotals totals() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

// Whether a server could be opened with it, without opening one: the
// certificates and keys.
absl::Status CheckWebConfig(const WebConfig& web);

}  // namespace octroi
