// SPDX-License-Identifier: Apache-2.0
#include "config/web_config.h"

#include <string>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kHash[] =
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

class WebConfigTest : public ::testing::Test {
 protected:
  WebConfigTest() {
    dir_.Write("cert.pem", "certificate");
    dir_.Write("key.pem", "key");
    dir_.Write("ca.pem", "authority");
  }

  LoadedWebConfig Read(const std::string& text) {
    return LoadWebConfig(dir_.Write("web.yml", text));
  }
  // Without the folder.
  std::vector<std::string> ProblemsOf(const std::string& text) {
    const LoadedWebConfig loaded = Read(text);
    EXPECT_EQ(loaded.config.has_value(), loaded.problems.empty());
    std::vector<std::string> lines;
    for (const Problem& problem : loaded.problems) {
      std::string line = problem.text();
      for (size_t at; (at = line.find(dir_.Path(""))) != std::string::npos;) {
        line.erase(at, dir_.Path("").size());
      }
      lines.push_back(std::move(line));
    }
    return lines;
  }
  // The problem of a TLS section with these lines added, from its line 4 on.
  std::vector<std::string> ProblemsOfTls(const std::string& lines) {
    return ProblemsOf(
        "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n" +
        lines);
  }

  TempDir dir_;
};

TEST_F(WebConfigTest, ReadsEveryKey) {
  const LoadedWebConfig loaded =
      Read(fmt::format(R"(
tls_server_config:
  cert_file: cert.pem
  key_file: {}
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
  client_allowed_sans: [prometheus.example, 192.0.2.1]
  min_version: TLS12
  max_version: TLS13
  cipher_suites:
    - TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
    - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
  prefer_server_cipher_suites: false
  curve_preferences: [X25519, CurveP256]
http_server_config:
  http2: false
  headers:
    Strict-Transport-Security: max-age=31536000
    X-Frame-Options: deny
basic_auth_users:
  prometheus: {}
  "second user": {}
)",
                       dir_.Path("key.pem"), kHash, kHash));

  ASSERT_THAT(loaded.problems, IsEmpty());
  const TlsServerConfig& tls = loaded.config->tls.value();
  EXPECT_EQ(tls.certificate.text, "certificate");
  EXPECT_EQ(tls.key.text, "key");
  EXPECT_EQ(tls.key.place,
            dir_.Path("web.yml") + ":4:13: tls_server_config.key_file");
  EXPECT_EQ(tls.client_auth, ClientAuth::kRequireAndVerifyClientCert);
  EXPECT_EQ(tls.client_ca->text, "authority");
  EXPECT_THAT(tls.client_allowed_sans,
              ElementsAre("prometheus.example", "192.0.2.1"));
  EXPECT_EQ(tls.max_version, TlsVersion::kTls13);
  EXPECT_EQ(tls.cipher_suites.size(), 2u);
  EXPECT_FALSE(tls.prefers_own_ciphers);
  EXPECT_THAT(tls.curves, ElementsAre("X25519", "CurveP256"));
  EXPECT_EQ(loaded.config->headers.size(), 2u);
  ASSERT_EQ(loaded.config->users.size(), 2u);
  EXPECT_EQ(loaded.config->users[1].name, "second user");
  EXPECT_EQ(loaded.config->users[1].hash, kHash);
  EXPECT_THAT(loaded.config->paths,
              ElementsAre(dir_.Path("web.yml"), dir_.Path("cert.pem"),
                          dir_.Path("key.pem"), dir_.Path("ca.pem")));
}

TEST_F(WebConfigTest, HasDefaultsForEverything) {
  const LoadedWebConfig none = LoadWebConfig("");
  EXPECT_FALSE(none.config->tls.has_value());
  EXPECT_THAT(none.config->paths, IsEmpty());

  const LoadedWebConfig empty = Read("");
  EXPECT_FALSE(empty.config->tls.has_value());
  EXPECT_THAT(empty.config->users, IsEmpty());

  const LoadedWebConfig least = Read(
      "tls_server_config: {cert_file: cert.pem, key_file: key.pem, "
      "client_auth_type: RequireClientCert}\n");
  const TlsServerConfig& tls = least.config->tls.value();
  EXPECT_EQ(tls.client_auth, ClientAuth::kRequireAnyClientCert);
  EXPECT_EQ(tls.min_version, TlsVersion::kTls12);
  EXPECT_TRUE(tls.prefers_own_ciphers);
}

TEST_F(WebConfigTest, NamesTheNearestKey) {
  EXPECT_THAT(
      ProblemsOf("tls_sever_config: {}\n"),
      ElementsAre(StartsWith("web.yml:1:1: unknown key \"tls_sever_config\"; "
                             "did you mean \"tls_server_config\"?")));
  EXPECT_THAT(ProblemsOfTls("  client_ca: ca.pem\n  min_versoin: TLS12\n"),
              ElementsAre(HasSubstr("client_ca: octroi reads certificates and "
                                    "keys from files; write client_ca_file"),
                          HasSubstr("did you mean \"min_version\"?")));
}

TEST_F(WebConfigTest, SaysWhatItCannotHonour) {
  EXPECT_THAT(ProblemsOf("http_server_config: {http2: true}\n"),
              ElementsAre("web.yml:1:29: http_server_config.http2: octroi "
                          "speaks HTTP/1.1 alone; write false, or remove it"));
  EXPECT_THAT(ProblemsOf("rate_limit: {burst: 3}\n"),
              ElementsAre(HasSubstr("octroi has limits of its own")));
  EXPECT_THAT(
      ProblemsOfTls("  min_version: TLS10\n"),
      ElementsAre("web.yml:4:16: tls_server_config.min_version: \"TLS10\" is "
                  "not offered, being broken (RFC 8996); write TLS12 or "
                  "TLS13"));
  EXPECT_THAT(ProblemsOfTls("  cipher_suites: [TLS_AES_128_GCM_SHA256]\n"),
              ElementsAre(HasSubstr("is of TLS 1.3")));
  EXPECT_THAT(
      ProblemsOfTls("  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n"),
      ElementsAre(HasSubstr("is not a cipher suite")));
  EXPECT_THAT(
      ProblemsOfTls(
          "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "
          "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]\n"),
      ElementsAre(HasSubstr("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 would be "
                            "offered too"),
                  HasSubstr("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 would be "
                            "offered too")));
  EXPECT_THAT(ProblemsOfTls("  min_version: TLS13\n  max_version: TLS12\n"),
              ElementsAre(HasSubstr("max_version: is below min_version")));
  EXPECT_THAT(ProblemsOf("http_server_config: {headers: {Server: x}}\n"),
              ElementsAre(HasSubstr("unknown key \"Server\"")));
}

TEST_F(WebConfigTest, SaysWhichFileIsMissing) {
  EXPECT_THAT(
      ProblemsOf("tls_server_config: {cert_file: cert.pem}\n"),
      ElementsAre("web.yml:1:20: tls_server_config.key_file is missing; name "
                  "the file with its private key, in PEM"));
  EXPECT_THAT(
      ProblemsOf(
          "tls_server_config: {cert_file: cert.pem, key_file: nokey.pem}\n"),
      ElementsAre(AllOf(StartsWith("web.yml:1:52: tls_server_config.key_file: "
                                   "nokey.pem"),
                        HasSubstr("No such file"))));
  const LoadedWebConfig none = LoadWebConfig(dir_.Path("nowhere.yml"));
  ASSERT_EQ(none.problems.size(), 1u);
  EXPECT_THAT(none.problems[0].text(), HasSubstr("No such file"));
}

TEST_F(WebConfigTest, WantsAnAuthorityWhereClientsAreVerified) {
  EXPECT_THAT(ProblemsOfTls("  client_auth_type: VerifyClientCertIfGiven\n"),
              ElementsAre(HasSubstr("needs client_ca_file")));
  EXPECT_THAT(ProblemsOfTls("  client_ca_file: ca.pem\n"),
              ElementsAre(HasSubstr("nothing is verified with it")));
  EXPECT_THAT(ProblemsOfTls("  client_auth_type: RequestClientCert\n"
                            "  client_allowed_sans: [x]\n"),
              ElementsAre(HasSubstr("nobody vouches for")));
  EXPECT_THAT(ProblemsOfTls("  client_auth_type: RequireAnyClientCrt\n"),
              ElementsAre(HasSubstr("did you mean \"RequireAnyClientCert\"?")));
}

// What stands in the place of a hash may be the password: it is not repeated.
TEST_F(WebConfigTest, RefusesWhatIsNoBcryptHashAndDoesNotRepeatIt) {
  const std::vector<std::string> problems =
      ProblemsOf("basic_auth_users: {a: hunter2}\n");
  EXPECT_THAT(problems,
              ElementsAre("web.yml:1:23: basic_auth_users.a: is not a bcrypt "
                          "hash; write what `htpasswd -nBC 10 NAME` prints "
                          "behind the colon"));
  std::string hash = kHash;
  hash[4] = '1';
  EXPECT_THAT(ProblemsOf("basic_auth_users: {a: '" + hash + "'}\n"),
              ElementsAre(HasSubstr("of cost 15; octroi takes 4 to 14")));
  for (const char* bad :
       {"$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe!",
        "$1$abcdefgh$abcdefghijklmnopqrstuv", "[]"}) {
    EXPECT_THAT(ProblemsOf(fmt::format("basic_auth_users: {{a: '{}'}}\n", bad)),
                ElementsAre(HasSubstr("is not a bcrypt hash")))
        << bad;
  }
}

TEST_F(WebConfigTest, RefusesUsersThatCannotBe) {
  EXPECT_THAT(
      ProblemsOf(fmt::format("basic_auth_users: {{'a:b': '{}'}}\n", kHash)),
      ElementsAre(HasSubstr("\"a:b\" cannot be a user")));
  EXPECT_THAT(ProblemsOf(fmt::format("basic_auth_users: {{a: '{}', a: '{}'}}\n",
                                     kHash, kHash)),
              ElementsAre(HasSubstr("key \"a\" stands twice")));
  EXPECT_THAT(ProblemsOf("basic_auth_users: {}\n"),
              ElementsAre(HasSubstr("names no user")));
  EXPECT_THAT(ProblemsOf("basic_auth_users: [a]\n"),
              ElementsAre(HasSubstr("is not a map")));
}

}  // namespace
}  // namespace octroi
