// SPDX-License-Identifier: Apache-2.0
#include "agent/http_server.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <ctime>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "agent/credential_gate.h"
#include "agent/http_listener.h"
#include "agent/http_negotiation.h"
#include "agent/tls_credentials.h"
#include "dataplane/counter.h"
#include "fmt/format.h"

namespace octroi {
namespace {

constexpr int64_t kMillisecondNs = 1'000'000;
// Of one connection: the request with all its headers, and those of the answer.
constexpr size_t kConnectionMemoryBytes = 16 * 1024;
// In one round: as many as the kernel can have ready (http_listener.cc), which
// costs little, and so few of these that a round takes milliseconds: a
// handshake on RSA of 3072 bits costs 3 ms, one on P-256 a tenth, a request in
// the clear next to nothing.
constexpr size_t kAcceptedAtOnce = 1024;
constexpr size_t kLetInAtOnceWithTls = 2;
constexpr size_t kLetInAtOnce = 64;
// How long nobody is accepted where the process may open no more files.
constexpr int64_t kNoDescriptorsNs = 100 * kMillisecondNs;
// Below that, compressing saves no packet.
constexpr size_t kMinCompressedBytes = 1024;
// Answers that are kept in both forms.
constexpr size_t kCompressedAnswers = 4;
constexpr char kNothingAllowed[] =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'";

using Body = std::shared_ptr<const std::string>;

int64_t MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

IpAddress ClientOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return IpAddress::V4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    return IpAddress::V6FromBytes(v6.sin6_addr.s6_addr);
  }
  return {};
}

// RFC 1952. Null if there is no memory for it.
Body Compressed(const std::string& text) {
  constexpr int kGzip = 15 + 16;  // zlib.h: deflateInit2, windowBits.
  constexpr int kMemoryLevel = 8;
  z_stream stream = {};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzip, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return nullptr;
  }
  const absl::Cleanup ender = [&stream] { deflateEnd(&stream); };
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return nullptr;
  out.resize(stream.total_out);
  return std::make_shared<const std::string>(std::move(out));
}

Body BodyOf(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

// What clients are held to; another one with each reload.
struct Terms {
  WebConfig config;
  std::unique_ptr<TlsCredentials> tls;  // Null: no TLS.
  CredentialGate::Users users;
};

absl::StatusOr<std::shared_ptr<const Terms>> MakeTerms(const WebConfig& web) {
  auto terms = std::make_shared<Terms>();
  terms->config = web;
  terms->users = std::make_shared<const std::vector<BasicAuthUser>>(web.users);
  if (web.tls) {
    auto tls = TlsCredentials::Create(*web.tls);
    if (!tls.ok()) return tls.status();
    terms->tls = *std::move(tls);
  }
  return terms;
}

// A request, from its headers to the end of its answer.
struct Exchange {
  enum class Stage : uint8_t {
    kHeaders,   // A body might follow.
    kPassword,  // Its password is being checked.
    kAnswer,    // The handler has it, or will.
    kReady,     // The answer is there.
  };
  Stage stage = Stage::kHeaders;
  HttpRequest request;
  std::string method;
  bool accepts_gzip = false;
  HttpResponse response;
  Body compressed;  // Null: send it as it is.
};

}  // namespace

class HttpServer::Impl {
 public:
  Impl(std::unique_ptr<HttpListener> listener,
       std::shared_ptr<const Terms> terms, const ConnectionLimits& limits);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  absl::Status StartLibrary();
  absl::Status Start(HttpHandler handler);
  void Stop();
  absl::Status Reload(const WebConfig& web);
  const std::string& address() const { return address_; }
  HttpTotals totals() const;

 private:
  struct Connection {
    TrackedConnection* tracked = nullptr;
    MHD_Connection* library = nullptr;
    std::shared_ptr<const Terms> terms;  // Of its start.
    std::unique_ptr<TlsSession> tls;
    sockaddr_storage address = {};  // The client's.
    socklen_t address_size = 0;
    Exchange* exchange = nullptr;  // Suspended with it, or null.
    bool is_suspended = false;
  };
  // For the handler's thread.
  struct Job {
    int descriptor = -1;
    HttpRequest request;
    bool accepts_gzip = false;
  };
  // From the other threads, for a connection that is suspended.
  struct Done {
    int descriptor = -1;
    std::optional<Access> access;  // Of a password; else a response.
    HttpResponse response;
    Body compressed;
  };

  // What the library calls, on the server's thread.
  static void OnConnection(void* self, MHD_Connection* library, void** context,
                           MHD_ConnectionNotificationCode code);
  static MHD_Result OnRequest(void* self, MHD_Connection* library,
                              const char* url, const char* method,
                              const char* version, const char* upload,
                              size_t* upload_size, void** exchange);
  static void OnCompleted(void* self, MHD_Connection* library, void** exchange,
                          MHD_RequestTerminationCode code);

  // Server's thread.
  void Serve();
  int PollTimeout() const;
  bool MayAccept() const;
  void Accept();
  void LetIn();
  void CloseEach(const std::vector<TrackedConnection*>& doomed,
                 HttpRefusal reason);
  void TakeDone();
  void Started(Connection* connection, MHD_Connection* library);
  void Closed(Connection* connection);
  void EndConnections();

  MHD_Result Begin(Connection* connection, const char* url, const char* method,
                   void** exchange);
  MHD_Result Admit(Connection* connection, Exchange* exchange);
  MHD_Result Dispatch(Connection* connection, Exchange* exchange);
  MHD_Result Respond(Connection* connection, Exchange* exchange);
  MHD_Result RespondPlainly(Connection* connection, Exchange* exchange,
                            int status, std::string text,
                            std::vector<WebHeader> headers = {});
  void Suspend(Connection* connection, Exchange* exchange,
               Exchange::Stage stage);
  void AddHeaders(const Connection& connection, const Exchange& exchange,
                  MHD_Response* response) const;
  void CountStatus(int status);

  // Handler's thread.
  void Answer();
  Body CompressedOf(const Body& body);

  // Any thread.
  void Finish(Done done);
  void Wake();
  std::shared_ptr<const Terms> terms() const;

  std::unique_ptr<HttpListener> listener_;  // Null after Stop.
  const std::string address_;
  const bool has_tls_;
  int wake_ = -1;  // An eventfd: something for the server's thread.
  MHD_Daemon* library_ = nullptr;
  int library_epoll_ = -1;
  HttpHandler handler_;
  std::thread server_thread_;
  std::thread handler_thread_;
  CredentialGate gate_;

  // Server's thread only.
  ConnectionTable table_;
  std::map<int, std::unique_ptr<Connection>> connections_;
  int64_t no_accept_until_ns_ = 0;
  bool is_ending_ = false;

  // Handler's thread only: the last answers with their compressed form.
  std::deque<std::pair<Body, Body>> compressed_;

  // Written by the server's thread, read by any.
  std::atomic<uint64_t> open_connections_ = 0;
  std::array<Counter, kHttpStatuses.size()> requests_;
  std::array<Counter, static_cast<size_t>(HttpRefusal::kCount)> refused_;

  mutable std::mutex mutex_;
  std::condition_variable has_jobs_;
  // Guarded by mutex_.
  std::shared_ptr<const Terms> terms_;
  std::deque<Job> jobs_;
  std::vector<Done> done_;
  bool should_end_ = false;          // The server's thread.
  bool should_end_answers_ = false;  // The handler's.
};

HttpServer::Impl::Impl(std::unique_ptr<HttpListener> listener,
                       std::shared_ptr<const Terms> terms,
                       const ConnectionLimits& limits)
    : listener_(std::move(listener)),
      address_(listener_->address()),
      has_tls_(terms->tls != nullptr),
      gate_([this](uint64_t ticket, Access access) {
        Done done;
        done.descriptor = static_cast<int>(ticket);
        done.access = access;
        Finish(std::move(done));
      }),
      table_(limits),
      terms_(std::move(terms)) {}

HttpServer::Impl::~Impl() {
  Stop();
  if (library_ != nullptr) MHD_stop_daemon(library_);
  if (wake_ >= 0) ::close(wake_);
}

absl::Status HttpServer::Impl::StartLibrary() {
  // The library writes dates: the C library asks for the time zone once, and
  // could not in the sandbox.
  ::tzset();
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) {
    return absl::ResourceExhaustedError(fmt::format(
        "metrics: eventfd: {}", std::generic_category().message(errno)));
  }
  unsigned flags =
      MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME;
  std::vector<MHD_OptionItem> options = {
      {MHD_OPTION_CONNECTION_MEMORY_LIMIT,
       static_cast<intptr_t>(kConnectionMemoryBytes), nullptr},
      // The table's places bind first.
      {MHD_OPTION_CONNECTION_LIMIT,
       static_cast<intptr_t>(2 * table_.limits().places), nullptr},
      {MHD_OPTION_CONNECTION_TIMEOUT, 0, nullptr},
      {MHD_OPTION_STRICT_FOR_CLIENT, 1, nullptr},
      {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, nullptr},
      {MHD_OPTION_NOTIFY_CONNECTION, reinterpret_cast<intptr_t>(&OnConnection),
       this},
      {MHD_OPTION_NOTIFY_COMPLETED, reinterpret_cast<intptr_t>(&OnCompleted),
       this},
  };
  if (has_tls_) {
    flags |= MHD_USE_TLS;
    // The library insists; each session is given its own (Started).
    const TlsServerConfig& tls = *terms_->config.tls;
    options.push_back(
        {MHD_OPTION_HTTPS_MEM_KEY, 0, const_cast<char*>(tls.key.text.c_str())});
    options.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0,
                       const_cast<char*>(tls.certificate.text.c_str())});
  }
  options.push_back({MHD_OPTION_END, 0, nullptr});
  library_ =
      MHD_start_daemon(flags, /*port=*/0, /*apc=*/nullptr, nullptr, &OnRequest,
                       this, MHD_OPTION_ARRAY, options.data(), MHD_OPTION_END);
  if (library_ == nullptr) {
    return absl::InternalError("metrics: libmicrohttpd cannot be started");
  }
  const MHD_DaemonInfo* const epoll =
      MHD_get_daemon_info(library_, MHD_DAEMON_INFO_EPOLL_FD);
  assert(epoll != nullptr);
  library_epoll_ = epoll->epoll_fd;
  return absl::OkStatus();
}

absl::Status HttpServer::Impl::Start(HttpHandler handler) {
  handler_ = std::move(handler);
  // Whether there are users may change with a reload.
  if (const absl::Status status = gate_.Start(); !status.ok()) return status;
  try {
    handler_thread_ = std::thread([this] { Answer(); });
    server_thread_ = std::thread([this] { Serve(); });
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(fmt::format(
        "metrics: a thread cannot be started: {}; raise the limit of threads",
        error.what()));
  }
  return absl::OkStatus();
}

// The server's thread last: it resumes whom the others will not answer.
void HttpServer::Impl::Stop() {
  gate_.Stop();
  {
    const std::lock_guard lock(mutex_);
    should_end_answers_ = true;
  }
  has_jobs_.notify_all();
  if (handler_thread_.joinable()) handler_thread_.join();
  {
    const std::lock_guard lock(mutex_);
    should_end_ = true;
  }
  if (wake_ >= 0) Wake();
  if (server_thread_.joinable()) server_thread_.join();
  // Who was not accepted is told so by the kernel.
  listener_.reset();
}

absl::Status HttpServer::Impl::Reload(const WebConfig& web) {
  if (web.tls.has_value() != has_tls_) {
    return absl::FailedPreconditionError(
        fmt::format("{}: tls_server_config: TLS cannot be {} by a reload; "
                    "restart octroi",
                    web.paths.empty() ? "metrics.web_config" : web.paths[0],
                    has_tls_ ? "ended" : "begun"));
  }
  auto terms = MakeTerms(web);
  if (!terms.ok()) return terms.status();
  const std::lock_guard lock(mutex_);
  terms_ = *std::move(terms);
  return absl::OkStatus();
}

HttpTotals HttpServer::Impl::totals() const {
  HttpTotals totals;
  totals.open_connections = open_connections_.load(std::memory_order_relaxed);
  for (size_t i = 0; i < requests_.size(); ++i) {
    totals.requests[i] = requests_[i].Read();
  }
  for (size_t i = 0; i < refused_.size(); ++i) {
    totals.refused[i] = refused_[i].Read();
  }
  return totals;
}

std::shared_ptr<const Terms> HttpServer::Impl::terms() const {
  const std::lock_guard lock(mutex_);
  return terms_;
}

void HttpServer::Impl::Wake() {
  const uint64_t one = 1;
  // Full means that it is awake.
  static_cast<void>(::write(wake_, &one, sizeof(one)) == 0);
}

void HttpServer::Impl::Finish(Done done) {
  {
    const std::lock_guard lock(mutex_);
    done_.push_back(std::move(done));
  }
  Wake();
}

// One round: what the others have finished, whose time is up, who is new; then
// the library moves every connection that can be moved.
void HttpServer::Impl::Serve() {
  for (;;) {
    pollfd waiting[] = {
        {library_epoll_, POLLIN, 0},
        {wake_, POLLIN, 0},
        {MayAccept() ? listener_->descriptor() : -1, POLLIN, 0}};
    ::poll(waiting, std::size(waiting), PollTimeout());
    uint64_t ignored = 0;
    static_cast<void>(::read(wake_, &ignored, sizeof(ignored)) == 0);
    {
      const std::lock_guard lock(mutex_);
      if (should_end_) break;
    }
    TakeDone();
    CloseEach(table_.TakeExpired(MonotonicNs()), HttpRefusal::kTimeout);
    if ((waiting[2].revents & POLLIN) != 0) Accept();
    LetIn();
    MHD_run(library_);
    open_connections_.store(table_.staying_count(), std::memory_order_relaxed);
  }
  EndConnections();
}

int HttpServer::Impl::PollTimeout() const {
  std::optional<int64_t> wait_ns;
  const auto no_longer_than = [&](int64_t ns) {
    wait_ns = std::max<int64_t>(0, wait_ns ? std::min(*wait_ns, ns) : ns);
  };
  if (table_.has_arrivals()) return 0;
  const int64_t now_ns = MonotonicNs();
  if (const auto next = table_.next_deadline_ns()) {
    no_longer_than(*next - now_ns);
  }
  if (now_ns < no_accept_until_ns_) {
    no_longer_than(no_accept_until_ns_ - now_ns);
  }
  MHD_UNSIGNED_LONG_LONG library_ms = 0;
  if (MHD_get_timeout(library_, &library_ms) == MHD_YES) {
    no_longer_than(
        static_cast<int64_t>(std::min<unsigned long long>(library_ms, 1000)) *
        kMillisecondNs);
  }
  if (!wait_ns) return -1;
  return static_cast<int>((*wait_ns + kMillisecondNs - 1) / kMillisecondNs);
}

// Somebody may come while one place at least is not worked at, and while the
// library has let go of most of those that were closed for others.
bool HttpServer::Impl::MayAccept() const {
  if (MonotonicNs() < no_accept_until_ns_) return false;
  size_t working = 0;
  for (const auto& [descriptor, connection] : connections_) {
    if (connection->tracked->phase == ConnectionPhase::kWorking) ++working;
  }
  const size_t places = table_.limits().places;
  return working < places && table_.size() < 2 * places;
}

void HttpServer::Impl::Accept() {
  for (size_t i = 0; i < kAcceptedAtOnce && MayAccept(); ++i) {
    auto connection = std::make_unique<Connection>();
    connection->address_size = sizeof(connection->address);
    const int descriptor =
        ::accept4(listener_->descriptor(),
                  reinterpret_cast<sockaddr*>(&connection->address),
                  &connection->address_size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      // EMFILE and its like: a place is made, and given time to get free.
      refused_[static_cast<size_t>(HttpRefusal::kDescriptors)].Add(1);
      no_accept_until_ns_ = MonotonicNs() + kNoDescriptorsNs;
      CloseEach(table_.MakeRoom(table_.limits().places), HttpRefusal::kLimit);
      return;
    }
    CloseEach(table_.MakeRoom(1), HttpRefusal::kLimit);
    connection->tracked = table_.Add(
        descriptor, SourceOf(ClientOf(connection->address)), MonotonicNs());
    connection->terms = terms();
    connections_[descriptor] = std::move(connection);
  }
}

void HttpServer::Impl::LetIn() {
  const size_t most = has_tls_ ? kLetInAtOnceWithTls : kLetInAtOnce;
  for (const TrackedConnection* one : table_.LetIn(most)) {
    const int descriptor = one->descriptor;
    const Connection& connection = *connections_.at(descriptor);
    const MHD_Result result = MHD_add_connection(
        library_, descriptor,
        reinterpret_cast<const sockaddr*>(&connection.address),
        connection.address_size);
    if (result == MHD_YES) continue;
    // For want of memory; the library has closed the socket.
    refused_[static_cast<size_t>(HttpRefusal::kDescriptors)].Add(1);
    table_.Remove(descriptor);
    connections_.erase(descriptor);
  }
}

void HttpServer::Impl::CloseEach(const std::vector<TrackedConnection*>& doomed,
                                 HttpRefusal reason) {
  for (const TrackedConnection* one : doomed) {
    if (!one->is_idle()) refused_[static_cast<size_t>(reason)].Add(1);
    const int descriptor = one->descriptor;
    if (one->phase != ConnectionPhase::kArrived) {
      // The library sees it and lets go.
      ::shutdown(descriptor, SHUT_RDWR);
      continue;
    }
    table_.Remove(descriptor);
    connections_.erase(descriptor);
    ::close(descriptor);
  }
}

void HttpServer::Impl::TakeDone() {
  std::vector<Done> done;
  {
    const std::lock_guard lock(mutex_);
    done.swap(done_);
  }
  for (Done& one : done) {
    // It cannot have gone: the library keeps what is suspended.
    Connection& connection = *connections_.at(one.descriptor);
    Exchange& exchange = *connection.exchange;
    if (one.access) {
      exchange.stage = Exchange::Stage::kReady;
      if (*one.access == Access::kGranted) {
        exchange.stage = Exchange::Stage::kAnswer;
      } else {
        exchange.response.status = *one.access == Access::kBusy ? 503 : 401;
      }
    } else {
      exchange.stage = Exchange::Stage::kReady;
      exchange.response = std::move(one.response);
      exchange.compressed = std::move(one.compressed);
    }
    connection.is_suspended = false;
    MHD_resume_connection(connection.library);
  }
}

// Whoever is suspended must be resumed before the library can end.
void HttpServer::Impl::EndConnections() {
  is_ending_ = true;
  for (const auto& [descriptor, connection] : connections_) {
    if (connection->tracked->phase == ConnectionPhase::kArrived) {
      ::close(descriptor);
      continue;
    }
    ::shutdown(descriptor, SHUT_RDWR);
    if (connection->is_suspended) MHD_resume_connection(connection->library);
  }
  MHD_run(library_);
  MHD_stop_daemon(library_);
  library_ = nullptr;
  open_connections_.store(0, std::memory_order_relaxed);
}

void HttpServer::Impl::OnConnection(void* self, MHD_Connection* library,
                                    void** context,
                                    MHD_ConnectionNotificationCode code) {
  auto& impl = *static_cast<Impl*>(self);
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
    if (*context != nullptr) impl.Closed(static_cast<Connection*>(*context));
    *context = nullptr;
    return;
  }
  const MHD_ConnectionInfo* const socket =
      MHD_get_connection_info(library, MHD_CONNECTION_INFO_CONNECTION_FD);
  Connection* const connection = impl.connections_.at(socket->connect_fd).get();
  *context = connection;
  impl.Started(connection, library);
}

void HttpServer::Impl::Started(Connection* connection,
                               MHD_Connection* library) {
  connection->library = library;
  if (connection->terms->tls == nullptr) return;
  const MHD_ConnectionInfo* const session =
      MHD_get_connection_info(library, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  connection->tls = connection->terms->tls->GiveTo(session->tls_session);
  // Without memory for it, nothing may be said on this connection.
  if (connection->tls == nullptr) {
    ::shutdown(connection->tracked->descriptor, SHUT_RDWR);
  }
}

void HttpServer::Impl::Closed(Connection* connection) {
  const TrackedConnection& tracked = *connection->tracked;
  // Else it was counted when it was doomed, or has been answered.
  if (!tracked.is_doomed && !is_ending_ && tracked.answers == 0 &&
      tracked.phase == ConnectionPhase::kReceiving) {
    const bool has_failed_tls = has_tls_ && (connection->tls == nullptr ||
                                             !connection->tls->has_handshake());
    refused_[static_cast<size_t>(has_failed_tls ? HttpRefusal::kTls
                                                : HttpRefusal::kIncomplete)]
        .Add(1);
  }
  const int descriptor = tracked.descriptor;
  table_.Remove(descriptor);
  connections_.erase(descriptor);
}

void HttpServer::Impl::OnCompleted(void* self, MHD_Connection* library,
                                   void** exchange,
                                   MHD_RequestTerminationCode code) {
  auto& impl = *static_cast<Impl*>(self);
  delete static_cast<Exchange*>(*exchange);
  *exchange = nullptr;
  const MHD_ConnectionInfo* const context =
      MHD_get_connection_info(library, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  auto* const connection = static_cast<Connection*>(context->socket_context);
  if (connection == nullptr) return;
  connection->exchange = nullptr;
  if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK) {
    impl.table_.AnswerSent(connection->tracked, MonotonicNs());
  }
}

MHD_Result HttpServer::Impl::OnRequest(void* self, MHD_Connection* library,
                                       const char* url, const char* method,
                                       const char* /*version*/,
                                       const char* /*upload*/,
                                       size_t* upload_size, void** exchange) {
  auto& impl = *static_cast<Impl*>(self);
  const MHD_ConnectionInfo* const context =
      MHD_get_connection_info(library, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  auto* const connection = static_cast<Connection*>(context->socket_context);
  if (impl.is_ending_ || connection == nullptr) return MHD_NO;
  if (*exchange == nullptr) {
    return impl.Begin(connection, url, method, exchange);
  }
  // A body that was not announced.
  if (*upload_size != 0) return MHD_NO;
  auto* const known = static_cast<Exchange*>(*exchange);
  switch (known->stage) {
    case Exchange::Stage::kHeaders:
      return impl.Admit(connection, known);
    case Exchange::Stage::kAnswer:
      return impl.Dispatch(connection, known);
    case Exchange::Stage::kReady:
      return impl.Respond(connection, known);
    case Exchange::Stage::kPassword:
      break;
  }
  return MHD_NO;
}

MHD_Result HttpServer::Impl::Begin(Connection* connection, const char* url,
                                   const char* method, void** exchange) {
  const auto header = [&](const char* name) -> std::string {
    const char* const value =
        MHD_lookup_connection_value(connection->library, MHD_HEADER_KIND, name);
    return value == nullptr ? "" : value;
  };
  auto* const begun = new Exchange();
  *exchange = begun;
  connection->exchange = begun;
  begun->method = method;
  begun->request.path = url;
  begun->request.is_head = begun->method == MHD_HTTP_METHOD_HEAD;
  begun->request.accept = header(MHD_HTTP_HEADER_ACCEPT);
  begun->accepts_gzip = AcceptsGzip(header(MHD_HTTP_HEADER_ACCEPT_ENCODING));
  const std::string length = header(MHD_HTTP_HEADER_CONTENT_LENGTH);
  const bool has_body = !header(MHD_HTTP_HEADER_TRANSFER_ENCODING).empty() ||
                        length.find_first_not_of('0') != std::string::npos;
  if (!has_body) return MHD_YES;
  // What follows is not read, so nothing else can be on this connection.
  table_.RequestComplete(connection->tracked, MonotonicNs());
  return RespondPlainly(connection, begun, 413, "a request has no body here\n",
                        {{MHD_HTTP_HEADER_CONNECTION, "close"}});
}

MHD_Result HttpServer::Impl::Admit(Connection* connection, Exchange* exchange) {
  exchange->request.arrived_ns = MonotonicNs();
  table_.RequestComplete(connection->tracked, exchange->request.arrived_ns);
  const CredentialGate::Users users = terms()->users;
  if (users->empty()) return Dispatch(connection, exchange);
  const char* const authorization = MHD_lookup_connection_value(
      connection->library, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
  // Suspended first: the answer may come before Ask returns.
  Suspend(connection, exchange, Exchange::Stage::kPassword);
  const std::optional<Access> access =
      gate_.Ask(static_cast<uint64_t>(connection->tracked->descriptor),
                connection->tracked->source,
                authorization == nullptr ? "" : authorization, users);
  if (access) {
    Done done;
    done.descriptor = connection->tracked->descriptor;
    done.access = access;
    Finish(std::move(done));
  }
  return MHD_YES;
}

MHD_Result HttpServer::Impl::Dispatch(Connection* connection,
                                      Exchange* exchange) {
  if (!exchange->request.is_head && exchange->method != MHD_HTTP_METHOD_GET) {
    return RespondPlainly(connection, exchange, 405,
                          "GET and HEAD are what is served\n",
                          {{MHD_HTTP_HEADER_ALLOW, "GET, HEAD"}});
  }
  Suspend(connection, exchange, Exchange::Stage::kAnswer);
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({connection->tracked->descriptor, exchange->request,
                     exchange->accepts_gzip});
  }
  has_jobs_.notify_one();
  return MHD_YES;
}

void HttpServer::Impl::Suspend(Connection* connection, Exchange* exchange,
                               Exchange::Stage stage) {
  exchange->stage = stage;
  connection->is_suspended = true;
  MHD_suspend_connection(connection->library);
}

MHD_Result HttpServer::Impl::RespondPlainly(Connection* connection,
                                            Exchange* exchange, int status,
                                            std::string text,
                                            std::vector<WebHeader> headers) {
  exchange->response = HttpResponse();
  exchange->response.status = status;
  exchange->response.body = BodyOf(std::move(text));
  exchange->response.headers = std::move(headers);
  return Respond(connection, exchange);
}

MHD_Result HttpServer::Impl::Respond(Connection* connection,
                                     Exchange* exchange) {
  HttpResponse& answer = exchange->response;
  if (answer.status == 401 && answer.body == nullptr) {
    return RespondPlainly(connection, exchange, 401,
                          "a name and a password are needed\n",
                          {{MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                            "Basic realm=\"octroi\", charset=\"UTF-8\""}});
  }
  if (answer.status == 503 && answer.body == nullptr) {
    return RespondPlainly(connection, exchange, 503,
                          "too many passwords wait to be checked\n",
                          {{MHD_HTTP_HEADER_RETRY_AFTER, "1"}});
  }
  if (answer.body == nullptr) answer.body = BodyOf("");
  const Body& body =
      exchange->compressed == nullptr ? answer.body : exchange->compressed;
  // The library holds a reference until the last byte is sent.
  auto* const reference = new Body(body);
  MHD_Response* const response =
      MHD_create_response_from_buffer_with_free_callback_cls(
          body->size(), const_cast<char*>(body->data()),
          [](void* held) { delete static_cast<Body*>(held); }, reference);
  if (response == nullptr) {
    delete reference;
    return MHD_NO;
  }
  AddHeaders(*connection, *exchange, response);
  const MHD_Result result = MHD_queue_response(
      connection->library, static_cast<unsigned>(answer.status), response);
  MHD_destroy_response(response);
  if (result != MHD_YES) return result;
  CountStatus(answer.status);
  table_.AnswerBegins(connection->tracked,
                      exchange->request.is_head ? 0 : body->size(),
                      MonotonicNs());
  CloseEach(table_.MakeRoomForAnswers(), HttpRefusal::kLimit);
  return MHD_YES;
}

void HttpServer::Impl::AddHeaders(const Connection& connection,
                                  const Exchange& exchange,
                                  MHD_Response* response) const {
  const HttpResponse& answer = exchange.response;
  const std::shared_ptr<const Terms> present = terms();
  std::vector<WebHeader> headers = answer.headers;
  headers.push_back({MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type});
  headers.push_back({MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"});
  headers.push_back({MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding"});
  headers.push_back({"X-Content-Type-Options", "nosniff"});
  headers.push_back({"X-Frame-Options", "DENY"});
  headers.push_back({"Referrer-Policy", "no-referrer"});
  headers.push_back(
      {"Content-Security-Policy", answer.content_security_policy.empty()
                                      ? kNothingAllowed
                                      : answer.content_security_policy});
  if (exchange.compressed != nullptr) {
    headers.push_back({MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip"});
  }
  if (connection.terms != present) {
    headers.push_back({MHD_HTTP_HEADER_CONNECTION, "close"});
  }
  for (const WebHeader& configured : present->config.headers) {
    std::erase_if(headers, [&](const WebHeader& header) {
      return header.name == configured.name;
    });
    headers.push_back(configured);
  }
  for (const WebHeader& header : headers) {
    MHD_add_response_header(response, header.name.c_str(),
                            header.value.c_str());
  }
}

void HttpServer::Impl::CountStatus(int status) {
  // The last one stands for all others.
  const auto found =
      std::find(kHttpStatuses.begin(), kHttpStatuses.end() - 1, status);
  requests_[static_cast<size_t>(found - kHttpStatuses.begin())].Add(1);
}

void HttpServer::Impl::Answer() {
  std::unique_lock lock(mutex_);
  for (;;) {
    has_jobs_.wait(lock,
                   [this] { return should_end_answers_ || !jobs_.empty(); });
    if (should_end_answers_) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    Done done;
    done.descriptor = job.descriptor;
    done.response = handler_(job.request);
    if (job.accepts_gzip) done.compressed = CompressedOf(done.response.body);
    Finish(std::move(done));
    lock.lock();
  }
}

Body HttpServer::Impl::CompressedOf(const Body& body) {
  if (body == nullptr || body->size() < kMinCompressedBytes) return nullptr;
  for (const auto& [plain, compressed] : compressed_) {
    if (plain == body) return compressed;
  }
  compressed_.emplace_back(body, Compressed(*body));
  if (compressed_.size() > kCompressedAnswers) compressed_.pop_front();
  return compressed_.back().second;
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Open(
    HttpOptions options) {
  auto terms = MakeTerms(options.web);
  if (!terms.ok()) return terms.status();
  auto listener = HttpListener::Open(options.listen);
  if (!listener.ok()) return listener.status();
  auto impl = std::make_unique<Impl>(*std::move(listener), *std::move(terms),
                                     options.limits);
  if (const absl::Status status = impl->StartLibrary(); !status.ok()) {
    return status;
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

absl::Status HttpServer::Start(HttpHandler handler) {
  return impl_->Start(std::move(handler));
}
void HttpServer::Stop() { impl_->Stop(); }
absl::Status HttpServer::Reload(const WebConfig& web) {
  return impl_->Reload(web);
}
const std::string& HttpServer::address() const { return impl_->address(); }
HttpTotals HttpServer::totals() const { return impl_->totals(); }

absl::Status CheckWebConfig(const WebConfig& web) {
  return MakeTerms(web).status();
}

}  // namespace octroi
