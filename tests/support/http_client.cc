// SPDX-License-Identifier: Apache-2.0
#include "tests/support/http_client.h"

#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "geo/ip_address.h"

namespace octroi::testing {
namespace {

constexpr int kPatienceMs = 60'000;

int ConnectUnix(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address),
                sizeof(address)) == 0) {
    return descriptor;
  }
  ::close(descriptor);
  return -1;
}

// "[::1]:80", "127.0.0.1:80".
void BindTo(int descriptor, const std::string& from) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(IpAddress::Parse(from).value().v4());
  ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address),
         sizeof(address));
}

int ConnectTcp(const std::string& address, const std::string& from) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const int port = std::stoi(address.substr(colon + 1));
  const IpAddress parsed = IpAddress::Parse(host).value();
  sockaddr_storage storage = {};
  socklen_t size = 0;
  if (parsed.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<uint16_t>(port));
    v4->sin_addr.s_addr = htonl(parsed.v4());
    size = sizeof(*v4);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(port));
    for (int i = 0; i < 16; ++i) {
      v6->sin6_addr.s6_addr[i] =
          static_cast<uint8_t>(parsed.number() >> (120 - 8 * i));
    }
    size = sizeof(*v6);
  }
  const int descriptor =
      ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!from.empty()) BindTo(descriptor, from);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&storage),
                size) == 0) {
    return descriptor;
  }
  ::close(descriptor);
  return -1;
}

template <typename Type>
std::string Pem(int (*write)(BIO*, const Type*), const Type* value) {
  BIO* const memory = BIO_new(BIO_s_mem());
  write(memory, value);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(memory);
  return text;
}

X509* ReadCertificate(const std::string& pem) {
  BIO* const memory = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* const certificate =
      PEM_read_bio_X509(memory, nullptr, nullptr, nullptr);
  BIO_free(memory);
  return certificate;
}

EVP_PKEY* ReadKey(const std::string& pem) {
  BIO* const memory = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* const key =
      PEM_read_bio_PrivateKey(memory, nullptr, nullptr, nullptr);
  BIO_free(memory);
  return key;
}

void AddExtension(X509* certificate, X509* issuer, int kind,
                  const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  if (extension == nullptr) throw std::runtime_error("extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

struct HttpClient::Tls {
  SSL_CTX* context = nullptr;
  SSL* session = nullptr;
  bool has_handshake = false;

  ~Tls() {
    SSL_free(session);
    SSL_CTX_free(context);
  }
};

HttpClient::HttpClient(const std::string& address, const TlsClientOptions* tls,
                       const std::string& from) {
  constexpr std::string_view kUnix = "unix:";
  descriptor_ = address.starts_with(kUnix)
                    ? ConnectUnix(address.substr(kUnix.size()))
                    : ConnectTcp(address, from);
  if (descriptor_ < 0 || tls == nullptr) return;
  const timeval patience = {kPatienceMs / 1000, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience,
               sizeof(patience));
  tls_ = std::make_unique<Tls>();
  tls_->context = SSL_CTX_new(TLS_client_method());
  if (!tls->authority.empty()) {
    X509* const authority = ReadCertificate(tls->authority);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(tls_->context), authority);
    X509_free(authority);
    SSL_CTX_set_verify(tls_->context, SSL_VERIFY_PEER, nullptr);
  }
  if (!tls->certificate.empty()) {
    X509* const certificate = ReadCertificate(tls->certificate);
    EVP_PKEY* const key = ReadKey(tls->key);
    SSL_CTX_use_certificate(tls_->context, certificate);
    SSL_CTX_use_PrivateKey(tls_->context, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  if (!tls->cipher_list.empty()) {
    SSL_CTX_set_cipher_list(tls_->context, tls->cipher_list.c_str());
  }
  if (tls->highest_version != 0) {
    // Versions that nobody should speak need the library's lowest level.
    SSL_CTX_set_security_level(tls_->context, 0);
    SSL_CTX_set_min_proto_version(tls_->context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(tls_->context, tls->highest_version);
  }
  tls_->session = SSL_new(tls_->context);
  SSL_set_fd(tls_->session, descriptor_);
  tls_->has_handshake = SSL_connect(tls_->session) == 1;
  ERR_clear_error();
}

HttpClient::HttpClient(HttpClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      tls_(std::move(other.tls_)),
      unread_(std::move(other.unread_)) {}

HttpClient::~HttpClient() {
  tls_.reset();
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool HttpClient::has_handshake() const {
  return tls_ != nullptr && tls_->has_handshake;
}

bool HttpClient::Send(std::string_view text) {
  if (tls_ != nullptr) {
    const bool is_sent =
        tls_->has_handshake && SSL_write(tls_->session, text.data(),
                                         static_cast<int>(text.size())) > 0;
    ERR_clear_error();
    return is_sent;
  }
  while (!text.empty()) {
    const ssize_t size =
        ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    text.remove_prefix(static_cast<size_t>(size));
  }
  return true;
}

std::string HttpClient::ReadSome() {
  char buffer[16 * 1024];
  if (tls_ != nullptr) {
    if (!tls_->has_handshake) return "";
    const int size = SSL_read(tls_->session, buffer, sizeof(buffer));
    ERR_clear_error();
    return size <= 0 ? "" : std::string(buffer, static_cast<size_t>(size));
  }
  pollfd waiting = {descriptor_, POLLIN, 0};
  if (::poll(&waiting, 1, kPatienceMs) <= 0) return "";
  const ssize_t size = ::recv(descriptor_, buffer, sizeof(buffer), 0);
  return size <= 0 ? "" : std::string(buffer, static_cast<size_t>(size));
}

HttpReply HttpClient::Receive(bool is_head) {
  HttpReply reply;
  size_t end = std::string::npos;
  while ((end = unread_.find("\r\n\r\n")) == std::string::npos) {
    const std::string piece = ReadSome();
    if (piece.empty()) return {};
    unread_ += piece;
  }
  std::string head = unread_.substr(0, end + 2);
  unread_.erase(0, end + 4);
  reply.status = std::atoi(head.substr(head.find(' ') + 1, 3).c_str());
  for (size_t at = head.find("\r\n") + 2; at < head.size();) {
    const size_t line_end = head.find("\r\n", at);
    const std::string line = head.substr(at, line_end - at);
    std::string name = line.substr(0, line.find(':'));
    for (char& c : name) {
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    reply.headers[name] = line.substr(std::min(line.size(), name.size() + 2));
    at = line_end + 2;
  }
  size_t size = 0;
  if (!is_head && reply.headers.contains("content-length")) {
    size = std::stoul(reply.headers["content-length"]);
  }
  while (unread_.size() < size) {
    const std::string piece = ReadSome();
    if (piece.empty()) return {};
    unread_ += piece;
  }
  reply.body = unread_.substr(0, size);
  unread_.erase(0, size);
  return reply;
}

HttpReply HttpClient::Get(const std::string& path, const std::string& lines) {
  if (!Send(GetRequest(path, lines))) return {};
  return Receive();
}

bool HttpClient::IsClosedByServer() {
  return unread_.empty() && ReadSome().empty();
}

std::string GetRequest(const std::string& path, const std::string& lines) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", path,
                     lines);
}

std::string BasicAuthLine(const std::string& name,
                          const std::string& password) {
  const std::string text = name + ":" + password;
  std::string encoded(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                      reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size()));
  encoded.resize(static_cast<size_t>(size));
  return fmt::format("Authorization: Basic {}\r\n", encoded);
}

CertificateAndKey MakeCertificate(const std::string& name,
                                  const std::string& sans,
                                  const CertificateAndKey* issuer,
                                  KeyKind kind) {
  constexpr long kDaySeconds = 86'400;
  static std::atomic<long> serial = 1;
  constexpr size_t kRsaBits = 3072;
  EVP_PKEY* const key =
      kind == KeyKind::kP256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(kRsaBits);
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDaySeconds / 2);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kDaySeconds / 2);
  X509_set_pubkey(certificate, key);
  X509_NAME* const subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(
      subject, "CN", MBSTRING_ASC,
      reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509* const signer =
      issuer == nullptr ? certificate : ReadCertificate(issuer->certificate);
  EVP_PKEY* const signing_key = issuer == nullptr ? key : ReadKey(issuer->key);
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  AddExtension(certificate, signer, NID_basic_constraints,
               issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  if (!sans.empty()) {
    AddExtension(certificate, signer, NID_subject_alt_name, sans);
  }
  X509_sign(certificate, signing_key, EVP_sha256());
  CertificateAndKey made;
  made.certificate = Pem<X509>(PEM_write_bio_X509, certificate);
  made.key = Pem<EVP_PKEY>(
      [](BIO* memory, const EVP_PKEY* value) {
        return PEM_write_bio_PrivateKey(memory, value, nullptr, nullptr, 0,
                                        nullptr, nullptr);
      },
      key);
  if (issuer != nullptr) {
    X509_free(signer);
    EVP_PKEY_free(signing_key);
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
  return made;
}

}  // namespace octroi::testing
