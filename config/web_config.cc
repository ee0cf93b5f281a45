// SPDX-License-Identifier: Apache-2.0
#include "config/web_config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <set>
#include <utility>

#include "config/suggest.h"
#include "config/text_file.h"
#include "config/yaml.h"
#include "fmt/format.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;

// Chains and lists of authorities are some kilobytes.
constexpr size_t kMaxPemBytes = size_t{1} << 20;
constexpr size_t kMaxUserNameBytes = 255;
constexpr size_t kBcryptHashBytes = 60;
constexpr size_t kBcryptPrefixBytes = 7;  // "$2y$10$"
constexpr size_t kMaxHeaderBytes = 4096;

// RequireClientCert is an older name that exporter-toolkit still takes.
constexpr std::string_view kClientAuths[] = {"NoClientCert",
                                             "RequestClientCert",
                                             "RequireAnyClientCert",
                                             "VerifyClientCertIfGiven",
                                             "RequireAndVerifyClientCert",
                                             "RequireClientCert"};
constexpr std::string_view kVersions[] = {"TLS12", "TLS13"};
constexpr std::string_view kOldVersions[] = {"TLS10", "TLS11"};
constexpr std::string_view kCurves[] = {"CurveP256", "CurveP384", "CurveP521",
                                        "X25519"};
// Those of TLS 1.2 that Go calls secure, and that are still in use.
constexpr std::string_view kCipherSuites[] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"};
constexpr std::string_view kTls13Suites[] = {"TLS_AES_128_GCM_SHA256",
                                             "TLS_AES_256_GCM_SHA384",
                                             "TLS_CHACHA20_POLY1305_SHA256"};

template <size_t kSize>
bool IsOneOf(std::string_view word, const std::string_view (&words)[kSize]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

class WebConfigReader {
 public:
  explicit WebConfigReader(const std::string& path)
      : file_(path), folder_(fs::path(path).parent_path()) {
    config_.paths.push_back(path);
  }

  void Read(const YamlField& root);
  WebConfig TakeConfig() { return std::move(config_); }

 private:
  void ReadTls(const YamlField& field);
  void ReadClientAuth(const YamlMap& map, TlsServerConfig* tls);
  void ReadVersions(const YamlMap& map, TlsServerConfig* tls);
  TlsVersion ReadVersion(const YamlField& field, TlsVersion otherwise);
  std::vector<std::string> ReadCipherSuites(const YamlField& field);
  void ReadHttp(const YamlField& field);
  void ReadHeaders(const YamlField& field);
  void ReadUsers(const YamlField& field);
  std::optional<NamedFile> ReadNamedFile(const YamlField& field);
  // Keys of `map` that other exporters know and octroi does not.
  void RefuseKeys(
      const YamlMap& map,
      std::initializer_list<std::pair<std::string_view, std::string_view>>
          reasons);

  const std::string file_;
  const fs::path folder_;
  WebConfig config_;
};

void WebConfigReader::Read(const YamlField& root) {
  constexpr std::string_view kKeys[] = {"tls_server_config",
                                        "http_server_config",
                                        "basic_auth_users", "rate_limit"};
  const YamlMap map = root.ReadMap(kKeys);
  RefuseKeys(map,
             {{"rate_limit",
               "octroi has limits of its own, which are not configured; remove "
               "it"}});
  if (const auto tls = map.Find("tls_server_config")) ReadTls(*tls);
  if (const auto http = map.Find("http_server_config")) ReadHttp(*http);
  if (const auto users = map.Find("basic_auth_users")) ReadUsers(*users);
}

void WebConfigReader::RefuseKeys(
    const YamlMap& map,
    std::initializer_list<std::pair<std::string_view, std::string_view>>
        reasons) {
  for (const auto& [key, reason] : reasons) {
    if (const auto field = map.Find(key)) field->Error(reason);
  }
}

void WebConfigReader::ReadTls(const YamlField& field) {
  constexpr std::string_view kKeys[] = {"cert_file",
                                        "key_file",
                                        "client_auth_type",
                                        "client_ca_file",
                                        "client_allowed_sans",
                                        "min_version",
                                        "max_version",
                                        "cipher_suites",
                                        "prefer_server_cipher_suites",
                                        "curve_preferences",
                                        "cert",
                                        "key",
                                        "client_ca"};
  constexpr std::string_view kInline =
      "octroi reads certificates and keys from files; write";
  const YamlMap map = field.ReadMap(kKeys);
  RefuseKeys(map, {{"cert", fmt::format("{} cert_file", kInline)},
                   {"key", fmt::format("{} key_file", kInline)},
                   {"client_ca", fmt::format("{} client_ca_file", kInline)}});
  TlsServerConfig tls;
  const auto certificate = map.Require(
      "cert_file", "name the file with the certificate of the server, in PEM");
  const auto key =
      map.Require("key_file", "name the file with its private key, in PEM");
  if (certificate) {
    tls.certificate = ReadNamedFile(*certificate).value_or(NamedFile());
  }
  if (key) tls.key = ReadNamedFile(*key).value_or(NamedFile());
  ReadClientAuth(map, &tls);
  ReadVersions(map, &tls);
  if (const auto suites = map.Find("cipher_suites")) {
    tls.cipher_suites = ReadCipherSuites(*suites);
  }
  if (const auto prefers = map.Find("prefer_server_cipher_suites")) {
    tls.prefers_own_ciphers = prefers->ReadBool().value_or(true);
  }
  if (const auto curves = map.Find("curve_preferences")) {
    for (const YamlField& item : curves->ReadList()) {
      if (const auto word = item.ReadWord("a curve", kCurves)) {
        tls.curves.push_back(*word);
      }
    }
  }
  config_.tls = std::move(tls);
}

void WebConfigReader::ReadClientAuth(const YamlMap& map, TlsServerConfig* tls) {
  const auto type = map.Find("client_auth_type");
  const auto authority = map.Find("client_ca_file");
  const auto sans = map.Find("client_allowed_sans");
  if (type) {
    const auto word = type->ReadWord("a way to treat clients", kClientAuths);
    if (!word) return;
    const auto index = static_cast<size_t>(
        std::find(std::begin(kClientAuths), std::end(kClientAuths), *word) -
        std::begin(kClientAuths));
    tls->client_auth = *word == "RequireClientCert"
                           ? ClientAuth::kRequireAnyClientCert
                           : static_cast<ClientAuth>(index);
  }
  if (authority) tls->client_ca = ReadNamedFile(*authority);
  if (sans) {
    for (const YamlField& item : sans->ReadList()) {
      if (auto text = item.ReadText()) {
        tls->client_allowed_sans.push_back(*std::move(text));
      }
    }
  }
  const bool verifies =
      tls->client_auth == ClientAuth::kVerifyClientCertIfGiven ||
      tls->client_auth == ClientAuth::kRequireAndVerifyClientCert;
  if (verifies && !authority) {
    type->Error(fmt::format(
        "{} needs client_ca_file, with the authorities that vouch for clients",
        type->ScalarText()));
  }
  if (!verifies && authority) {
    authority->Error(
        "nothing is verified with it; write client_auth_type: "
        "RequireAndVerifyClientCert or VerifyClientCertIfGiven");
  }
  if (!verifies && sans) {
    sans->Error(
        "names in a certificate that nobody vouches for say nothing; write "
        "client_auth_type: RequireAndVerifyClientCert or "
        "VerifyClientCertIfGiven");
  }
}

void WebConfigReader::ReadVersions(const YamlMap& map, TlsServerConfig* tls) {
  const auto lowest = map.Find("min_version");
  const auto highest = map.Find("max_version");
  if (lowest) tls->min_version = ReadVersion(*lowest, tls->min_version);
  if (highest) tls->max_version = ReadVersion(*highest, tls->max_version);
  if (tls->min_version > tls->max_version) {
    (highest ? highest : lowest)->Error("is below min_version");
  }
}

TlsVersion WebConfigReader::ReadVersion(const YamlField& field,
                                        TlsVersion otherwise) {
  if (IsOneOf(field.ScalarText(), kOldVersions)) {
    field.Error(fmt::format(
        "{} is not offered, being broken (RFC 8996); write TLS12 or TLS13",
        field.Found()));
    return otherwise;
  }
  const auto word = field.ReadWord("a version of TLS", kVersions);
  if (!word) return otherwise;
  return *word == "TLS12" ? TlsVersion::kTls12 : TlsVersion::kTls13;
}

// Libraries choose key exchange and cipher apart: a list that holds two of one
// and two of the other must hold all four.
std::vector<std::string> WebConfigReader::ReadCipherSuites(
    const YamlField& field) {
  constexpr std::string_view kWith = "_WITH_";
  std::vector<std::string> suites;
  std::set<std::string> exchanges;
  std::set<std::string> ciphers;
  for (const YamlField& item : field.ReadList()) {
    if (IsOneOf(item.ScalarText(), kTls13Suites)) {
      item.Error(fmt::format(
          "{} is of TLS 1.3, whose suites are not chosen; remove it",
          item.Found()));
      continue;
    }
    const auto word = item.ReadWord("a cipher suite", kCipherSuites);
    if (!word) continue;
    const size_t with = word->find(kWith);
    exchanges.insert(word->substr(0, with));
    ciphers.insert(word->substr(with));
    suites.push_back(*word);
  }
  for (const std::string& exchange : exchanges) {
    for (const std::string& cipher : ciphers) {
      const std::string suite = exchange + cipher;
      if (std::find(suites.begin(), suites.end(), suite) != suites.end()) {
        continue;
      }
      field.Error(fmt::format(
          "{} would be offered too, since key exchange and cipher are chosen "
          "apart; add it, or keep one key exchange or one cipher",
          suite));
    }
  }
  return suites;
}

void WebConfigReader::ReadHttp(const YamlField& field) {
  constexpr std::string_view kKeys[] = {"http2", "headers"};
  const YamlMap map = field.ReadMap(kKeys);
  if (const auto http2 = map.Find("http2")) {
    if (http2->ReadBool().value_or(false)) {
      http2->Error("octroi speaks HTTP/1.1 alone; write false, or remove it");
    }
  }
  if (const auto headers = map.Find("headers")) ReadHeaders(*headers);
}

void WebConfigReader::ReadHeaders(const YamlField& field) {
  constexpr std::string_view kKeys[] = {
      "Content-Security-Policy", "Strict-Transport-Security", "X-Frame-Options",
      "X-Content-Type-Options", "X-XSS-Protection"};
  const YamlMap map = field.ReadMap(kKeys);
  for (const std::string_view key : kKeys) {
    const auto header = map.Find(key);
    if (!header) continue;
    const auto value = header->ReadText();
    if (!value) continue;
    if (value->size() > kMaxHeaderBytes) {
      header->Error(fmt::format("is longer than {} bytes", kMaxHeaderBytes));
    }
    config_.headers.push_back({std::string(key), *value});
  }
}

// Why a text is not a hash that octroi checks passwords with; "" if it is.
std::string ProblemOfHash(std::string_view hash) {
  constexpr std::string_view kHint =
      "write what `htpasswd -nBC 10 NAME` prints behind the colon";
  constexpr std::string_view kAlphabet =
      "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const bool has_form = hash.size() == kBcryptHashBytes &&
                        (hash.starts_with("$2a$") || hash.starts_with("$2b$") ||
                         hash.starts_with("$2y$")) &&
                        hash[kBcryptPrefixBytes - 1] == '$' &&
                        hash.find_first_not_of(kAlphabet, kBcryptPrefixBytes) ==
                            std::string_view::npos;
  // What stands there may be a password: it is not repeated.
  if (!has_form) return fmt::format("is not a bcrypt hash; {}", kHint);
  int cost = 0;
  const char* const digits = hash.data() + kBcryptPrefixBytes - 3;
  const auto [end, error] = std::from_chars(digits, digits + 2, cost);
  if (error == std::errc() && end == digits + 2 && cost >= kMinBcryptCost &&
      cost <= kMaxBcryptCost) {
    return "";
  }
  return fmt::format(
      "is a bcrypt hash of cost {}; octroi takes {} to {}: a check at the "
      "highest keeps a processor busy for about a second",
      std::string(digits, 2), kMinBcryptCost, kMaxBcryptCost);
}

void WebConfigReader::ReadUsers(const YamlField& field) {
  const auto entries = field.ReadEntries();
  if (field.is_map() && entries.empty()) {
    field.Error("names no user; remove it, and anybody may read");
  }
  if (entries.size() > kMaxBasicAuthUsers) {
    field.Error(fmt::format("has {} users; write at most {}", entries.size(),
                            kMaxBasicAuthUsers));
    return;
  }
  for (const auto& [key, value] : entries) {
    const std::string name = key.ScalarText();
    if (name.find(':') != std::string::npos ||
        name.size() > kMaxUserNameBytes) {
      key.Error(fmt::format(
          "{} cannot be a user: a name has no colon (RFC 7617) and at most {} "
          "bytes",
          Quoted(name), kMaxUserNameBytes));
      continue;
    }
    const std::string problem = ProblemOfHash(value.ScalarText());
    if (!problem.empty()) {
      value.Error(problem);
      continue;
    }
    config_.users.push_back({name, value.ScalarText()});
  }
}

std::optional<NamedFile> WebConfigReader::ReadNamedFile(
    const YamlField& field) {
  const auto text = field.ReadText();
  if (!text) return std::nullopt;
  NamedFile file;
  file.path = (folder_ / *text).string();
  file.place = fmt::format("{}:{}:{}: {}", file_, field.line(), field.column(),
                           field.path());
  auto content = ReadTextFile(file.path, kMaxPemBytes);
  if (!content.ok()) {
    field.Error(std::string(content.status().message()));
    return std::nullopt;
  }
  file.text = *std::move(content);
  config_.paths.push_back(file.path);
  return file;
}

}  // namespace

LoadedWebConfig ReadWebConfig(std::string_view text, const std::string& path) {
  LoadedWebConfig loaded;
  const auto document =
      YamlDocument::Parse(std::string(text), path, &loaded.problems);
  if (document == nullptr) return loaded;
  WebConfigReader reader(path);
  reader.Read(document->root());
  if (loaded.problems.empty()) {
    loaded.config = reader.TakeConfig();
    return loaded;
  }
  std::stable_sort(loaded.problems.begin(), loaded.problems.end(),
                   [](const Problem& a, const Problem& b) {
                     return std::pair(a.line, a.column) <
                            std::pair(b.line, b.column);
                   });
  return loaded;
}

LoadedWebConfig LoadWebConfig(const std::string& path) {
  LoadedWebConfig loaded;
  if (path.empty()) {
    loaded.config.emplace();
    return loaded;
  }
  const auto text = ReadTextFile(path, kMaxYamlFileBytes);
  if (!text.ok()) {
    loaded.problems.push_back(ProblemOf(path, text.status()));
    return loaded;
  }
  return ReadWebConfig(*text, path);
}

}  // namespace octroi
