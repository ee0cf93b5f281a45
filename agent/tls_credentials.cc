// SPDX-License-Identifier: Apache-2.0
#include "agent/tls_credentials.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "fmt/format.h"
#include "geo/ip_address.h"

namespace octroi {
namespace {

// A part of Go's name for a suite or curve, and GnuTLS's name for that part.
struct Translation {
  std::string_view go;
  std::string_view gnutls;
};
constexpr Translation kExchanges[] = {{"TLS_ECDHE_ECDSA_WITH_", "ECDHE-ECDSA"},
                                      {"TLS_ECDHE_RSA_WITH_", "ECDHE-RSA"}};
constexpr Translation kCiphers[] = {
    {"AES_256_GCM_SHA384", "AES-256-GCM"},
    {"CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"},
    {"AES_128_GCM_SHA256", "AES-128-GCM"}};
constexpr Translation kGroups[] = {{"X25519", "GROUP-X25519"},
                                   {"CurveP256", "GROUP-SECP256R1"},
                                   {"CurveP384", "GROUP-SECP384R1"},
                                   {"CurveP521", "GROUP-SECP521R1"}};

// ":+NAME" of each translation, in the order of the table, whose Go name is
// part of one of `names`; of all if there are no names.
template <size_t kSize>
std::string Added(const std::vector<std::string>& names,
                  const Translation (&table)[kSize]) {
  std::string added;
  for (const Translation& entry : table) {
    const bool is_wanted =
        names.empty() ||
        std::any_of(names.begin(), names.end(), [&](const std::string& name) {
          return name.find(entry.go) != std::string::npos;
        });
    if (is_wanted) added += fmt::format(":+{}", entry.gnutls);
  }
  return added;
}

// Curves in the order in which the configuration prefers them.
std::string AddedGroups(const std::vector<std::string>& curves) {
  if (curves.empty()) return Added({}, kGroups);
  std::string added;
  for (const std::string& curve : curves) added += Added({curve}, kGroups);
  return added;
}

// Forward secrecy and authenticated encryption throughout.
std::string PrioritiesOf(const TlsServerConfig& config) {
  std::string text = "NORMAL:-VERS-ALL";
  if (config.max_version == TlsVersion::kTls13) text += ":+VERS-TLS1.3";
  if (config.min_version == TlsVersion::kTls12) text += ":+VERS-TLS1.2";
  text += ":-KX-ALL" + Added(config.cipher_suites, kExchanges);
  text += ":-CIPHER-ALL" + Added(config.cipher_suites, kCiphers);
  text += ":-MAC-ALL:+AEAD";
  text += ":-GROUP-ALL" + AddedGroups(config.curves);
  if (config.prefers_own_ciphers) text += ":%SERVER_PRECEDENCE";
  return text;
}

gnutls_datum_t DatumOf(const std::string& text) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
          static_cast<unsigned>(text.size())};
}

absl::Status FileError(const NamedFile& file, std::string_view what) {
  return absl::InvalidArgumentError(
      fmt::format("{}: {}: {}", file.place, file.path, what));
}

gnutls_certificate_request_t RequestOf(ClientAuth auth) {
  switch (auth) {
    case ClientAuth::kNoClientCert:
      return GNUTLS_CERT_IGNORE;
    case ClientAuth::kRequestClientCert:
    case ClientAuth::kVerifyClientCertIfGiven:
      return GNUTLS_CERT_REQUEST;
    case ClientAuth::kRequireAnyClientCert:
    case ClientAuth::kRequireAndVerifyClientCert:
      return GNUTLS_CERT_REQUIRE;
  }
  return GNUTLS_CERT_REQUIRE;
}

// One alternative name as the configuration writes it; "" for a kind that it
// cannot write.
std::string SanText(const std::string& bytes, unsigned type) {
  const auto* octets = reinterpret_cast<const uint8_t*>(bytes.data());
  switch (type) {
    case GNUTLS_SAN_DNSNAME:
    case GNUTLS_SAN_RFC822NAME:
    case GNUTLS_SAN_URI:
      return bytes;
    case GNUTLS_SAN_IPADDRESS:
      if (bytes.size() == 4) return IpAddress::V4FromBytes(octets).ToString();
      if (bytes.size() == 16) return IpAddress::V6FromBytes(octets).ToString();
      return "";
    default:
      return "";
  }
}

std::vector<std::string> SansOf(const gnutls_datum_t& der) {
  std::vector<std::string> names;
  gnutls_x509_crt_t certificate = nullptr;
  if (gnutls_x509_crt_init(&certificate) != 0) return names;
  const absl::Cleanup freer = [certificate] {
    gnutls_x509_crt_deinit(certificate);
  };
  if (gnutls_x509_crt_import(certificate, &der, GNUTLS_X509_FMT_DER) != 0) {
    return names;
  }
  for (unsigned i = 0;; ++i) {
    size_t size = 0;
    unsigned type = 0;
    int result = gnutls_x509_crt_get_subject_alt_name2(certificate, i, nullptr,
                                                       &size, &type, nullptr);
    if (result != GNUTLS_E_SHORT_MEMORY_BUFFER && result < 0) return names;
    std::string bytes(size + 1, '\0');
    size = bytes.size();
    result = gnutls_x509_crt_get_subject_alt_name2(certificate, i, bytes.data(),
                                                   &size, &type, nullptr);
    if (result < 0) return names;
    bytes.resize(size);
    while (!bytes.empty() && type != GNUTLS_SAN_IPADDRESS &&
           bytes.back() == '\0') {
      bytes.pop_back();
    }
    names.push_back(SanText(bytes, type));
  }
}

}  // namespace

struct TlsCredentials::Parts {
  Parts() = default;
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    if (certificate != nullptr) {
      gnutls_certificate_free_credentials(certificate);
    }
    if (priorities != nullptr) gnutls_priority_deinit(priorities);
  }

  // Whether the certificate that the client showed, if any, will do.
  bool Accepts(gnutls_session_t session) const;

  gnutls_certificate_credentials_t certificate = nullptr;
  gnutls_priority_t priorities = nullptr;
  ClientAuth client_auth = ClientAuth::kNoClientCert;
  std::vector<std::string> allowed_sans;
};

bool TlsCredentials::Parts::Accepts(gnutls_session_t session) const {
  if (client_auth != ClientAuth::kVerifyClientCertIfGiven &&
      client_auth != ClientAuth::kRequireAndVerifyClientCert) {
    return true;
  }
  unsigned count = 0;
  const gnutls_datum_t* const shown =
      gnutls_certificate_get_peers(session, &count);
  if (shown == nullptr || count == 0) {
    return client_auth == ClientAuth::kVerifyClientCertIfGiven;
  }
  // As Go does: a certificate with purposes must have that of a client.
  const char* const purpose_text = GNUTLS_KP_TLS_WWW_CLIENT;
  gnutls_typed_vdata_st purpose = {
      GNUTLS_DT_KEY_PURPOSE_OID,
      reinterpret_cast<unsigned char*>(const_cast<char*>(purpose_text)), 0};
  unsigned status = 0;
  if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) != 0 ||
      status != 0) {
    return false;
  }
  if (allowed_sans.empty()) return true;
  const std::vector<std::string> names = SansOf(shown[0]);
  return std::any_of(
      names.begin(), names.end(), [this](const std::string& name) {
        return !name.empty() &&
               std::find(allowed_sans.begin(), allowed_sans.end(), name) !=
                   allowed_sans.end();
      });
}

// What the library calls, with the session's TlsSession behind the pointer that
// it keeps for a cache of sessions, which octroi does not have.
struct TlsCredentials::Callbacks {
  static TlsSession* SessionOf(gnutls_session_t session) {
    return static_cast<TlsSession*>(gnutls_db_get_ptr(session));
  }

  static int Verify(gnutls_session_t session) {
    const Parts& parts = *SessionOf(session)->credentials_->parts_;
    return parts.Accepts(session) ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
  }

  static int Finished(gnutls_session_t session, unsigned /*type*/,
                      unsigned /*when*/, unsigned is_incoming,
                      const gnutls_datum_t* /*message*/) {
    if (is_incoming != 0) SessionOf(session)->has_handshake_ = true;
    return 0;
  }
};

TlsCredentials::TlsCredentials(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}

TlsCredentials::~TlsCredentials() = default;

absl::StatusOr<std::unique_ptr<TlsCredentials>> TlsCredentials::Create(
    const TlsServerConfig& config) {
  auto parts = std::make_unique<Parts>();
  parts->client_auth = config.client_auth;
  parts->allowed_sans = config.client_allowed_sans;
  for (std::string& name : parts->allowed_sans) {
    // However the configuration writes an address.
    if (const auto address = IpAddress::Parse(name)) name = address->ToString();
  }
  int result = gnutls_certificate_allocate_credentials(&parts->certificate);
  if (result != 0) return absl::InternalError(gnutls_strerror(result));

  const gnutls_datum_t certificate = DatumOf(config.certificate.text);
  const gnutls_datum_t key = DatumOf(config.key.text);
  result = gnutls_certificate_set_x509_key_mem2(
      parts->certificate, &certificate, &key, GNUTLS_X509_FMT_PEM,
      /*pass=*/nullptr, /*flags=*/0);
  if (result == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
    return FileError(config.key, fmt::format("is not the key of {}",
                                             config.certificate.path));
  }
  if (result < 0) {
    // The library does not say which of the two it could not read.
    const bool has_certificate =
        config.certificate.text.find("BEGIN CERTIFICATE") != std::string::npos;
    return FileError(
        has_certificate ? config.key : config.certificate,
        fmt::format("cannot be read as {}: {}; write an unencrypted key and "
                    "its certificate in PEM",
                    has_certificate ? "a key" : "a certificate",
                    gnutls_strerror(result)));
  }
  if (config.client_ca) {
    const gnutls_datum_t authorities = DatumOf(config.client_ca->text);
    result = gnutls_certificate_set_x509_trust_mem(
        parts->certificate, &authorities, GNUTLS_X509_FMT_PEM);
    if (result <= 0) {
      return FileError(*config.client_ca, "holds no certificate in PEM");
    }
  }
  gnutls_certificate_set_verify_function(parts->certificate, Callbacks::Verify);
  const std::string priorities = PrioritiesOf(config);
  result = gnutls_priority_init2(&parts->priorities, priorities.c_str(),
                                 /*err_pos=*/nullptr, /*flags=*/0);
  if (result != 0) {
    return absl::InternalError(fmt::format(
        "{}: versions, ciphers and curves: {} ({})", config.certificate.place,
        gnutls_strerror(result), priorities));
  }
  return std::unique_ptr<TlsCredentials>(new TlsCredentials(std::move(parts)));
}

std::unique_ptr<TlsSession> TlsCredentials::GiveTo(void* session) const {
  auto* const given = static_cast<gnutls_session_t>(session);
  std::unique_ptr<TlsSession> kept(new TlsSession(this));
  gnutls_db_set_ptr(given, kept.get());
  if (gnutls_priority_set(given, parts_->priorities) != 0 ||
      gnutls_credentials_set(given, GNUTLS_CRD_CERTIFICATE,
                             parts_->certificate) != 0) {
    return nullptr;
  }
  gnutls_certificate_server_set_request(given, RequestOf(parts_->client_auth));
  gnutls_handshake_set_hook_function(given, GNUTLS_HANDSHAKE_FINISHED,
                                     GNUTLS_HOOK_POST, Callbacks::Finished);
  return kept;
}

}  // namespace octroi
