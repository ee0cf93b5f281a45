// SPDX-License-Identifier: Apache-2.0
// The server through its sockets: what clients get, and what hostile ones do
// not take from others. No expectation is about time; how long a scrape took
// beside a flood is a property of the test's result.
#include "agent/http_server.h"

#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <zlib.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <deque>
#include <future>
#include <iostream>
#include <thread>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/http_client.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::BasicAuthLine;
using ::octroi::testing::CertificateAndKey;
using ::octroi::testing::GetRequest;
using ::octroi::testing::HttpClient;
using ::octroi::testing::HttpReply;
using ::octroi::testing::KeyKind;
using ::octroi::testing::MakeCertificate;
using ::octroi::testing::TempDir;
using ::octroi::testing::TlsClientOptions;
using ::testing::HasSubstr;
using ::testing::Not;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kManyTlsRequests = 2'000;
#else
constexpr int kManyTlsRequests = 10'000;
#endif

// crypt_blowfish's test vectors.
constexpr char kHash[] =
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
constexpr char kPassword[] = "U*U";
constexpr char kSlowHash[] =
    "$2a$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

constexpr size_t kLargeBytes = 300'000;
constexpr size_t kHugeBytes = size_t{8} << 20;

std::string Uncompressed(const std::string& gzip) {
  z_stream stream = {};
  inflateInit2(&stream, 15 + 16);
  std::string out(kLargeBytes * 2, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return result == Z_STREAM_END ? out : "is not gzip";
}

class HttpServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);
    // A thousand clients are descriptors of this process.
    rlimit limit = {};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    options_.listen = ParseListenAddress("127.0.0.1:0").value();
  }

  void Start() {
    auto opened = HttpServer::Open(options_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    server_ = *std::move(opened);
    const absl::Status started = server_->Start(
        [this](const HttpRequest& request) { return Answer(request); });
    ASSERT_TRUE(started.ok()) << started;
  }

  HttpResponse Answer(const HttpRequest& request) {
    ++handled_;
    HttpResponse response;
    if (request.path == "/missing") response.status = 404;
    if (request.path == "/odd") response.status = 418;
    std::string text = "small\n";
    if (request.path == "/large") text = std::string(kLargeBytes, 'x');
    if (request.path == "/huge") text = std::string(kHugeBytes, 'x');
    if (request.path == "/slow") released_.get_future().wait();
    response.body = std::make_shared<const std::string>(std::move(text));
    return response;
  }

  // With a server's certificate, and an authority that signs clients'.
  void UseTls(KeyKind kind = KeyKind::kP256) {
    server_certificate_ = MakeCertificate(
        "localhost", "DNS:localhost,IP:127.0.0.1", /*issuer=*/nullptr, kind);
    authority_ = MakeCertificate("authority", "");
    options_.web.tls = TlsOf(server_certificate_);
    tls_.authority = server_certificate_.certificate;
  }
  static TlsServerConfig TlsOf(const CertificateAndKey& own) {
    TlsServerConfig tls;
    tls.certificate = {"cert.pem", own.certificate, "web.yml:2:14: cert_file"};
    tls.key = {"key.pem", own.key, "web.yml:3:13: key_file"};
    return tls;
  }
  TlsClientOptions WithCertificate(const CertificateAndKey& own) const {
    TlsClientOptions options = tls_;
    options.certificate = own.certificate;
    options.key = own.key;
    return options;
  }

  HttpReply Get(const std::string& path, const std::string& lines = "") {
    HttpClient client(server_->address());
    return client.Get(path, lines);
  }
  // Over TLS; status 0 where there was no handshake.
  HttpReply GetSecurely(const TlsClientOptions& tls) {
    HttpClient client(server_->address(), &tls);
    return client.Get("/");
  }
  uint64_t Refused(HttpRefusal reason) const {
    return server_->totals().refused[static_cast<size_t>(reason)];
  }
  uint64_t Answered(int status) const {
    const auto found =
        std::find(kHttpStatuses.begin(), kHttpStatuses.end(), status);
    return server_->totals()
        .requests[static_cast<size_t>(found - kHttpStatuses.begin())];
  }
  // Another thread counts: waits until it has.
  template <typename Question>
  void WaitUntil(const Question& question) {
    while (!question()) std::this_thread::yield();
  }

  // Of a scrape that must succeed beside whatever else goes on.
  void ExpectScrape(const char* name, const TlsClientOptions* tls = nullptr,
                    const std::string& lines = "") {
    const auto begin = std::chrono::steady_clock::now();
    HttpClient client(server_->address(), tls);
    const HttpReply reply = client.Get("/large", lines);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begin);
    EXPECT_EQ(reply.status, 200) << name;
    EXPECT_EQ(reply.body.size(), kLargeBytes) << name;
    EXPECT_LE(server_->totals().open_connections, options_.limits.places);
    RecordProperty(name, static_cast<int>(took.count()));
    std::cout << name << ": scrape took " << took.count() << " ms\n";
  }

  HttpOptions options_;
  std::atomic<int> handled_ = 0;
  std::promise<void> released_;
  CertificateAndKey server_certificate_;
  CertificateAndKey authority_;
  TlsClientOptions tls_;
  std::unique_ptr<HttpServer> server_;  // Ends first: its threads use the rest.
};

TEST_F(HttpServerTest, AnswersGetAndHeadOnOneConnection) {
  Start();
  HttpClient client(server_->address());

  const HttpReply got = client.Get("/");
  ASSERT_TRUE(client.Send("HEAD /large HTTP/1.1\r\nHost: x\r\n\r\n"));
  const HttpReply head = client.Receive(/*is_head=*/true);
  const HttpReply missing = client.Get("/missing");

  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "small\n");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(kLargeBytes));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(Answered(200), 2u);
  EXPECT_EQ(Answered(404), 1u);
  EXPECT_EQ(server_->totals().open_connections, 1u);
}

TEST_F(HttpServerTest, CountsAnUnusualStatusWithTheOthers) {
  Start();
  EXPECT_EQ(Get("/odd").status, 418);
  EXPECT_EQ(Answered(0), 1u);
}

TEST_F(HttpServerTest, SendsHeadersThatAllowAPageNothing) {
  Start();
  const HttpReply reply = Get("/");

  EXPECT_EQ(reply.headers.at("cache-control"), "no-store");
  EXPECT_EQ(reply.headers.at("x-content-type-options"), "nosniff");
  EXPECT_EQ(reply.headers.at("x-frame-options"), "DENY");
  EXPECT_THAT(reply.headers.at("content-security-policy"),
              HasSubstr("default-src 'none'"));
  EXPECT_THAT(reply.headers.at("vary"), HasSubstr("Accept-Encoding"));
}

TEST_F(HttpServerTest, SendsTheHeadersOfTheConfigurationInstead) {
  options_.web.headers = {{"X-Frame-Options", "SAMEORIGIN"},
                          {"Strict-Transport-Security", "max-age=60"}};
  Start();
  const HttpReply reply = Get("/");

  EXPECT_EQ(reply.headers.at("x-frame-options"), "SAMEORIGIN");
  EXPECT_EQ(reply.headers.at("strict-transport-security"), "max-age=60");
}

TEST_F(HttpServerTest, CompressesForWhoeverAccepts) {
  Start();

  const HttpReply plain = Get("/large");
  const HttpReply zipped = Get("/large", "Accept-Encoding: gzip\r\n");
  const HttpReply forbidden = Get("/large", "Accept-Encoding: gzip;q=0\r\n");
  const HttpReply small = Get("/", "Accept-Encoding: gzip\r\n");

  EXPECT_FALSE(plain.headers.contains("content-encoding"));
  EXPECT_EQ(zipped.headers.at("content-encoding"), "gzip");
  EXPECT_LT(zipped.body.size(), plain.body.size() / 10);
  EXPECT_EQ(Uncompressed(zipped.body), plain.body);
  EXPECT_EQ(forbidden.body, plain.body);
  EXPECT_EQ(small.body, "small\n");
}

TEST_F(HttpServerTest, RefusesOtherMethodsAndSaysWhichThereAre) {
  Start();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
    HttpClient client(server_->address());
    client.Send(fmt::format(
        "{} / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", method));
    const HttpReply reply = client.Receive();
    EXPECT_EQ(reply.status, 405) << method;
    EXPECT_EQ(reply.headers.at("allow"), "GET, HEAD");
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, RefusesABodyAndReadsNoneOfIt) {
  Start();
  for (const char* lines :
       {"Content-Length: 4\r\n", "Transfer-Encoding: chunked\r\n"}) {
    HttpClient client(server_->address());
    // What a body might hide: a request of its own.
    client.Send(GetRequest("/", lines) + GetRequest("/missing"));
    EXPECT_EQ(client.Receive().status, 413) << lines;
    EXPECT_TRUE(client.IsClosedByServer()) << lines;
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, BoundsTheSizeOfARequest) {
  Start();
  const std::string much(64 * 1024, 'x');
  for (const std::string& request :
       {GetRequest("/" + much), GetRequest("/", "A: " + much + "\r\n"),
        "GET " + much, std::string(much)}) {
    HttpClient client(server_->address());
    client.Send(request);
    const int status = client.Receive().status;
    EXPECT_TRUE(status == 0 || status == 400 || status == 414 || status == 431)
        << status;
  }
  WaitUntil([this] { return Refused(HttpRefusal::kIncomplete) == 4; });
  EXPECT_EQ(handled_, 0);
  EXPECT_EQ(Get("/").status, 200);
}

TEST_F(HttpServerTest, AnswersSeveralRequestsThatAreSentAtOnce) {
  Start();
  HttpClient client(server_->address());
  client.Send(GetRequest("/") + GetRequest("/missing") + GetRequest("/large"));

  EXPECT_EQ(client.Receive().status, 200);
  EXPECT_EQ(client.Receive().status, 404);
  EXPECT_EQ(client.Receive().body.size(), kLargeBytes);
}

TEST_F(HttpServerTest, ClosesWhoSendsNoRequestInTime) {
  options_.limits.first_request_ns = 1'000'000;
  options_.limits.next_request_ns = 1'000'000;
  Start();
  HttpClient silent(server_->address());

  EXPECT_TRUE(silent.IsClosedByServer());
  EXPECT_EQ(Refused(HttpRefusal::kTimeout), 1u);
}

TEST_F(HttpServerTest, ClosesAnIdleConnectionWithoutCountingARefusal) {
  options_.limits.next_request_ns = 1'000'000;
  Start();
  HttpClient client(server_->address());
  ASSERT_EQ(client.Get("/").status, 200);

  EXPECT_TRUE(client.IsClosedByServer());
  EXPECT_EQ(Refused(HttpRefusal::kTimeout), 0u);
}

TEST_F(HttpServerTest, ClosesWhoDoesNotTakeItsAnswer) {
  options_.limits.sending_ns = 1'000'000;
  Start();
  HttpClient lazy(server_->address());
  lazy.Send(GetRequest("/huge"));

  WaitUntil([this] { return Refused(HttpRefusal::kTimeout) == 1; });
  EXPECT_EQ(Get("/").status, 200);
}

TEST_F(HttpServerTest, HoldsABoundedAmountOfAnswers) {
  options_.limits.answer_bytes = 3 * kHugeBytes;
  Start();
  std::vector<HttpClient> lazy;
  for (int i = 0; i < 10; ++i) {
    lazy.emplace_back(server_->address());
    lazy.back().Send(GetRequest("/huge"));
  }

  // Some of each is in the kernel's buffers, all of it in the server's.
  WaitUntil([this] { return Refused(HttpRefusal::kLimit) == 7; });
  ExpectScrape("beside_slow_readers");
}

TEST_F(HttpServerTest, ServesBesideAThousandWhoSayNothingOrALittle) {
  Start();
  std::deque<HttpClient> hostile;
  for (int i = 0; i < 1000; ++i) hostile.emplace_back(server_->address());
  for (int i = 0; i < 200; ++i) {
    hostile.emplace_back(server_->address());
    hostile.back().Send("GET / HTTP/1.1\r\nX-a: ");
  }

  ExpectScrape("beside_half_open");

  // While others, of another address, come as fast as they can. (Of the
  // scraper's own address they could have it closed: see connection_table.h.)
  std::atomic<bool> should_end = false;
  std::thread flood([&] {
    while (!should_end) {
      for (size_t i = 1000; i < hostile.size(); ++i) hostile[i].Send("b");
      for (int i = 0; i < 100; ++i) {
        hostile.pop_front();
        hostile.emplace_back(server_->address(), nullptr, "127.0.0.2");
      }
    }
  });
  for (int i = 0; i < 20; ++i) ExpectScrape("beside_flood");
  should_end = true;
  flood.join();
  EXPECT_GE(Refused(HttpRefusal::kLimit), 1000u);
}

// Nor do those whose requests are whole: they wait in one line, and the
// endpoint writes for all of them at once (metrics_endpoint_test.cc).
TEST_F(HttpServerTest, ServesBesideManyWhoAskAndDoNotListen) {
  Start();
  std::vector<HttpClient> hostile;
  for (int i = 0; i < 500; ++i) {
    hostile.emplace_back(server_->address());
    hostile.back().Send(GetRequest("/large"));
  }
  ExpectScrape("beside_many_requests");
}

TEST_F(HttpServerTest, StopsWhileClientsWaitAndTheHandlerWorks) {
  options_.web.users = {{"prometheus", kSlowHash}};
  Start();
  std::vector<HttpClient> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(server_->address());
    clients.back().Send(GetRequest("/", BasicAuthLine("x", "y")));
  }
  server_->Stop();
  for (HttpClient& client : clients) {
    const int status = client.Receive().status;
    EXPECT_TRUE(status == 0 || status == 401 || status == 503) << status;
  }
  EXPECT_EQ(server_->totals().open_connections, 0u);
}

TEST_F(HttpServerTest, StopsAfterTheAnswerThatIsBeingMade) {
  Start();
  HttpClient client(server_->address());
  client.Send(GetRequest("/slow"));
  WaitUntil([this] { return handled_ == 1; });
  std::thread stopper([this] { server_->Stop(); });
  released_.set_value();
  stopper.join();
}

TEST_F(HttpServerTest, IsNeverStartedWhereTheSandboxFails) {
  auto opened = HttpServer::Open(options_);
  EXPECT_TRUE(opened.ok()) << opened.status();
}

TEST_F(HttpServerTest, ServesAUnixSocket) {
  const TempDir dir;
  options_.listen = ParseListenAddress("unix:" + dir.Path("s")).value();
  Start();
  ExpectScrape("unix");
}

TEST_F(HttpServerTest, AsksForAUserAndItsPassword) {
  options_.web.users = {{"prometheus", kHash}};
  Start();

  const HttpReply none = Get("/");
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.headers.at("www-authenticate"),
            "Basic realm=\"octroi\", charset=\"UTF-8\"");
  EXPECT_EQ(Get("/", BasicAuthLine("prometheus", "wrong")).status, 401);
  EXPECT_EQ(Get("/", BasicAuthLine("nobody", kPassword)).status, 401);
  EXPECT_EQ(Get("/", BasicAuthLine("prometheus", kPassword)).status, 200);
  EXPECT_EQ(handled_, 1);
  EXPECT_EQ(Answered(401), 3u);
}

TEST_F(HttpServerTest, ServesAKnownUserBesideAFloodOfWrongPasswords) {
  options_.web.users = {{"prometheus", kHash}, {"slow", kSlowHash}};
  Start();
  ASSERT_EQ(Get("/", BasicAuthLine("prometheus", kPassword)).status, 200);
  std::vector<HttpClient> hostile;
  for (int i = 0; i < 100; ++i) {
    hostile.emplace_back(server_->address());
    hostile.back().Send(
        GetRequest("/", BasicAuthLine("slow", std::to_string(i))));
  }

  ExpectScrape("beside_wrong_passwords", nullptr,
               BasicAuthLine("prometheus", kPassword));

  WaitUntil([this] { return Answered(503) > 0; });
  EXPECT_EQ(Answered(200), 2u);
}

TEST_F(HttpServerTest, SpeaksTls) {
  UseTls();
  Start();
  ExpectScrape("tls", &tls_);

  // Clear text is no handshake, and TLS 1.1 is none either.
  EXPECT_EQ(Get("/").status, 0);
  TlsClientOptions old = tls_;
  old.highest_version = TLS1_1_VERSION;
  EXPECT_EQ(GetSecurely(old).status, 0);
  WaitUntil([this] { return Refused(HttpRefusal::kTls) == 2; });
  old.highest_version = TLS1_2_VERSION;
  EXPECT_EQ(GetSecurely(old).status, 200);
}

TEST_F(HttpServerTest, OffersTheVersionsAndCiphersOfTheConfiguration) {
  UseTls();
  options_.web.tls->max_version = TlsVersion::kTls12;
  options_.web.tls->cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"};
  options_.web.tls->curves = {"CurveP256"};
  Start();

  EXPECT_EQ(GetSecurely(tls_).status, 200);
  TlsClientOptions other = tls_;
  other.highest_version = TLS1_2_VERSION;
  other.cipher_list = "ECDHE-ECDSA-AES128-GCM-SHA256";
  EXPECT_EQ(GetSecurely(other).status, 0);
  other.cipher_list = "ECDHE-ECDSA-AES256-GCM-SHA384";
  EXPECT_EQ(GetSecurely(other).status, 200);

  options_.web.tls->max_version = TlsVersion::kTls13;
  options_.web.tls->min_version = TlsVersion::kTls13;
  Start();
  EXPECT_EQ(GetSecurely(tls_).status, 200);
  EXPECT_EQ(GetSecurely(other).status, 0);
}

TEST_F(HttpServerTest, AsksForCertificatesAsConfigured) {
  UseTls();
  const CertificateAndKey known =
      MakeCertificate("known", "DNS:known.example,IP:192.0.2.1", &authority_);
  const CertificateAndKey stranger = MakeCertificate("stranger", "");
  using enum ClientAuth;
  const struct {
    ClientAuth auth;
    std::vector<std::string> sans;
    bool accepts_none;
    bool accepts_stranger;
    bool accepts_known;
  } cases[] = {
      {kNoClientCert, {}, true, true, true},
      {kRequestClientCert, {}, true, true, true},
      {kRequireAnyClientCert, {}, false, true, true},
      {kVerifyClientCertIfGiven, {}, true, false, true},
      {kRequireAndVerifyClientCert, {}, false, false, true},
      {kRequireAndVerifyClientCert, {"known.example"}, false, false, true},
      {kRequireAndVerifyClientCert, {"x", "192.0.2.1"}, false, false, true},
      {kRequireAndVerifyClientCert, {"other.example"}, false, false, false},
      {kVerifyClientCertIfGiven, {"other.example"}, true, false, false},
  };
  for (const auto& test : cases) {
    TlsServerConfig& tls = *options_.web.tls;
    tls.client_auth = test.auth;
    tls.client_allowed_sans = test.sans;
    tls.client_ca.reset();
    if (test.auth == kVerifyClientCertIfGiven ||
        test.auth == kRequireAndVerifyClientCert) {
      tls.client_ca = {"ca.pem", authority_.certificate, "place"};
    }
    Start();
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      TlsClientOptions none = tls_;
      TlsClientOptions with_known = WithCertificate(known);
      TlsClientOptions with_stranger = WithCertificate(stranger);
      for (auto* one : {&none, &with_known, &with_stranger}) {
        one->highest_version = version;
      }
      const std::string name =
          fmt::format("auth {}, {} names, version {:x}",
                      static_cast<int>(test.auth), test.sans.size(), version);
      EXPECT_EQ(GetSecurely(none).status, test.accepts_none ? 200 : 0) << name;
      EXPECT_EQ(GetSecurely(with_stranger).status,
                test.accepts_stranger ? 200 : 0)
          << name;
      EXPECT_EQ(GetSecurely(with_known).status, test.accepts_known ? 200 : 0)
          << name;
    }
  }
}

TEST_F(HttpServerTest, SaysWhatIsWrongWithCertificates) {
  UseTls();
  const CertificateAndKey other = MakeCertificate("other", "");
  const auto error_of = [](const TlsServerConfig& tls) {
    WebConfig web;
    web.tls = tls;
    return std::string(CheckWebConfig(web).message());
  };
  TlsServerConfig tls = *options_.web.tls;
  EXPECT_EQ(error_of(tls), "");
  tls.key.text = other.key;
  EXPECT_EQ(error_of(tls),
            "web.yml:3:13: key_file: key.pem: is not the key of cert.pem");
  tls.key.text = "nonsense";
  EXPECT_THAT(error_of(tls), HasSubstr("key.pem: cannot be read as a key"));
  tls = *options_.web.tls;
  tls.certificate.text = "nonsense";
  EXPECT_THAT(error_of(tls),
              HasSubstr("cert.pem: cannot be read as a certificate"));
  tls = *options_.web.tls;
  tls.client_ca = {"ca.pem", "nonsense", "web.yml:4:5: client_ca_file"};
  EXPECT_EQ(error_of(tls),
            "web.yml:4:5: client_ca_file: ca.pem: holds no certificate in PEM");
}

// What a client sends that begins a handshake.
std::string ClientHello() {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL* const session = SSL_new(context);
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(session, BIO_new(BIO_s_mem()), out);
  SSL_connect(session);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string hello(data, static_cast<size_t>(size));
  SSL_free(session);
  SSL_CTX_free(context);
  return hello;
}

TEST_F(HttpServerTest, ServesBesideAThousandHandshakesThatStall) {
  const std::string hello = ClientHello();
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kRsa3072}) {
    UseTls(kind);
    Start();
    std::vector<HttpClient> hostile;
    for (int i = 0; i < 1000; ++i) {
      hostile.emplace_back(server_->address());
      if (i % 10 == 0) continue;
      hostile.back().Send(hello.substr(0, i % 10 == 1 ? 20 : hello.size()));
    }
    ExpectScrape(kind == KeyKind::kP256 ? "beside_stalled_handshakes_p256"
                                        : "beside_stalled_handshakes_rsa3072",
                 &tls_);
    EXPECT_GE(Refused(HttpRefusal::kLimit), 1000 - options_.limits.places);
  }
}

TEST_F(HttpServerTest, ServesManyRequestsOverTlsAmongBadHandshakes) {
  UseTls();
  Start();
  constexpr int kRequestsOfOne = 20;
  int answered = 0;
  uint64_t bad = 0;
  while (answered < kManyTlsRequests) {
    HttpClient good(server_->address(), &tls_);
    for (int i = 0; i < kRequestsOfOne; ++i) {
      answered += good.Get("/").status == 200 ? 1 : 0;
    }
    ASSERT_EQ(answered % kRequestsOfOne, 0);
    HttpClient wrong(server_->address());
    wrong.Send(bad % 2 == 0 ? "GET / HTTP/1.1\r\n\r\n" : std::string(99, 'z'));
    ++bad;
  }
  WaitUntil([&] { return Refused(HttpRefusal::kTls) == bad; });
  EXPECT_EQ(Answered(200), static_cast<uint64_t>(answered));
  WaitUntil([&] { return server_->totals().open_connections == 0; });
}

TEST_F(HttpServerTest, TakesANewCertificateWithoutAStop) {
  UseTls();
  Start();
  HttpClient old(server_->address(), &tls_);
  ASSERT_EQ(old.Get("/").status, 200);
  const CertificateAndKey next = MakeCertificate("localhost", "DNS:localhost");
  WebConfig web;
  web.tls = TlsOf(next);

  ASSERT_TRUE(server_->Reload(web).ok());

  EXPECT_EQ(GetSecurely(tls_).status, 0);
  TlsClientOptions trusting;
  trusting.authority = next.certificate;
  EXPECT_EQ(GetSecurely(trusting).status, 200);
  // Those before have one more answer.
  EXPECT_EQ(old.Get("/").status, 200);
  EXPECT_TRUE(old.IsClosedByServer());
}

TEST_F(HttpServerTest, KeepsItsCertificateWhereTheNextOneIsBad) {
  UseTls();
  Start();
  WebConfig web;
  web.tls = TlsOf(server_certificate_);
  web.tls->key.text = MakeCertificate("other", "").key;

  EXPECT_THAT(std::string(server_->Reload(web).message()),
              HasSubstr("is not the key of"));
  EXPECT_THAT(std::string(server_->Reload(WebConfig()).message()),
              HasSubstr("TLS cannot be ended by a reload; restart octroi"));

  EXPECT_EQ(GetSecurely(tls_).status, 200);
}

TEST_F(HttpServerTest, TakesOtherUsersFromTheNextRequestOn) {
  Start();
  HttpClient client(server_->address());
  ASSERT_EQ(client.Get("/").status, 200);
  WebConfig web;
  web.users = {{"prometheus", kHash}};

  ASSERT_TRUE(server_->Reload(web).ok());

  EXPECT_EQ(client.Get("/").status, 401);
  EXPECT_EQ(Get("/", BasicAuthLine("prometheus", kPassword)).status, 200);
}

}  // namespace
}  // namespace octroi
