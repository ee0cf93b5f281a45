// SPDX-License-Identifier: Apache-2.0
// `octroi explain` on addresses whose answer is known, by the facts that ship,
// and on every service of the catalogue.
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "agent/explain_command.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "policy/qualification.h"
#include "tests/replay/csv_expectations.h"
#include "tests/replay/small_facts.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::testing::HasSubstr;
using testing::ReadRows;
using testing::Row;
using testing::TempDir;
using testing::WriteShippedTables;
using Json = nlohmann::ordered_json;

constexpr char kS3ns[] = "s3ns-cloud-de-confiance-premi3ns-iaas";
constexpr char kOutscale[] = "outscale-iaas-iaas";

// A value as text: "" for null.
std::string TextOf(const Json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// The command with facts that are loaded once.
class Explainer {
 public:
  explicit Explainer(const std::string& facts_dir,
                     const std::string& config_path = "") {
    surroundings_.out = &out_;
    surroundings_.errors = &errors_;
    surroundings_.facts_dir = facts_dir;
    surroundings_.now_ns = [] { return int64_t{0}; };
    beliefs_ = LoadBeliefs({.config_path = config_path}, surroundings_).beliefs;
    if (beliefs_ == nullptr) throw std::runtime_error(errors_.str());
  }

  Json Ask(const std::string& address, const std::string& at,
           uint16_t port = kNoPort) {
    return Json::parse(Write(address, at, port, true));
  }
  std::string AskForText(const std::string& address, const std::string& at,
                         uint16_t port = kNoPort) {
    return Write(address, at, port, false);
  }
  const Beliefs& beliefs() const { return *beliefs_; }

 private:
  std::string Write(const std::string& address, const std::string& at,
                    uint16_t port, bool is_json) {
    out_.str("");
    ExplainCommandOptions options;
    options.address = address;
    options.at = at;
    options.port = port;
    options.is_json = is_json;
    EXPECT_EQ(ExplainWith(*beliefs_, options, surroundings_), kExitDone);
    EXPECT_EQ(errors_.str(), "");
    return out_.str();
  }

  std::ostringstream out_;
  std::ostringstream errors_;
  Surroundings surroundings_;
  std::unique_ptr<Beliefs> beliefs_;
};

struct KnownAddress {
  const char* address;
  const char* at;
  std::map<std::string, std::string> answer;  // "" for null.
};

const std::vector<KnownAddress>& KnownAddresses() {
  static const std::vector<KnownAddress> kKnown = {
      {"15.188.0.1",
       "2026-06-30",
       {{"location", "FR"},
        {"country_name", "France"},
        {"regime", "eu"},
        {"asn", "16509"},
        {"operator", "Amazon / AWS"},
        {"controlling_country", "US"},
        {"law", "CLOUD-Act"},
        {"service", ""},
        {"qualification", "none"},
        {"seal", "1"},
        {"verdict", "compliant"}}},
      {"51.79.0.1",
       "2026-06-30",
       {{"location", "CA"},
        {"regime", "adequate"},
        {"operator", "OVHcloud (OVH SAS)"},
        {"controlling_country", "FR"},
        {"law", ""},
        {"service", ""},
        {"seal", "0"},
        {"verdict", "violation"},
        {"reason", "outside_eu"},
        {"clause", "19.2"}}},
      {"177.222.80.1",
       "2026-01-15",
       {{"location", "FR"},
        {"asn", "203532"},
        {"controlling_country", "FR"},
        {"service", kS3ns},
        {"qualification", "qualified"},
        {"seal", "3"},
        {"verdict", "compliant"}}},
      {"177.222.80.1",
       "2025-12-01",
       {{"service", kS3ns},
        {"qualification", "in_qualification"},
        {"seal", "2"}}},
      {"177.222.80.1",
       "2025-12-16",
       {{"service", kS3ns}, {"qualification", "in_qualification"}}},
      {"177.222.80.1",
       "2025-12-17",
       {{"service", kS3ns}, {"qualification", "qualified"}}},
      {"177.222.80.1",
       "2028-12-17",
       {{"service", kS3ns}, {"qualification", "qualified"}}},
      {"177.222.80.1",
       "2029-01-01",
       {{"service", kS3ns}, {"qualification", "expired"}, {"seal", "2"}}},
      {"5.9.0.1",
       "2026-06-30",
       {{"location", "DE"},
        {"regime", "eu"},
        {"asn", "24940"},
        {"operator", "Hetzner Online GmbH"},
        {"controlling_country", "DE"},
        {"seal", "2"},
        {"verdict", "compliant"}}},
      {"8.8.8.8",
       "2026-06-30",
       {{"location", "anycast"},
        {"country", ""},
        {"asn", "15169"},
        {"operator", "Google / Google Cloud"},
        {"controlling_country", "US"},
        {"law", "CLOUD-Act"},
        {"seal", ""},
        {"verdict", "undetermined"},
        {"reason", "anycast"}}},
      {"2001:4860:4860::8888",
       "2026-06-30",
       {{"location", "anycast"},
        {"country", ""},
        {"operator", "Google / Google Cloud"},
        {"controlling_country", "US"},
        {"verdict", "undetermined"},
        {"reason", "anycast"}}},
      {"10.1.2.3",
       "2026-06-30",
       {{"location", "private"},
        {"country", ""},
        {"regime", "unknown"},
        {"is_local", "true"},
        {"asn", ""},
        {"verdict", "not_judged"},
        {"reason", "internal"}}},
      {"224.0.0.1",
       "2026-06-30",
       {{"location", "multicast"},
        {"country", ""},
        {"regime", "unknown"},
        {"asn", ""},
        {"operator", ""},
        {"verdict", "not_judged"},
        {"reason", "internal"}}},
  };
  return kKnown;
}

void ExpectKnownAnswers(Explainer* explainer) {
  for (const KnownAddress& known : KnownAddresses()) {
    SCOPED_TRACE(fmt::format("{} on {}", known.address, known.at));
    const Json found = explainer->Ask(known.address, known.at);
    EXPECT_EQ(found["schema"], "octroi.explain/1");
    EXPECT_EQ(found["at"], known.at);
    for (const auto& [key, value] : known.answer) {
      EXPECT_EQ(TextOf(found[key]), value) << key;
    }
  }
}

// IPv6 addresses that carry 15.188.0.1 are answered as that one.
void ExpectSameAnswerWhenEmbedded(Explainer* explainer) {
  const Json plain = explainer->Ask("15.188.0.1", "2026-06-30");
  for (const char* address :
       {"::ffff:15.188.0.1", "64:ff9b::fbc:1", "2002:fbc:1::1"}) {
    SCOPED_TRACE(address);
    Json found = explainer->Ask(address, "2026-06-30");
    EXPECT_EQ(found["attributed_address"], "15.188.0.1");
    EXPECT_FALSE(found["embedding"].is_null());
    for (const char* key : {"address", "embedding"}) found[key] = plain[key];
    EXPECT_EQ(found, plain);
  }
}

// Every answer names its source, and one that decided.
void ExpectSourcedClaims(Explainer* explainer) {
  for (const char* address :
       {"15.188.0.1", "177.222.80.1", "8.8.8.8", "10.1.2.3"}) {
    SCOPED_TRACE(address);
    size_t used_count = 0;
    const Json found = explainer->Ask(address, "2026-06-30");
    for (const Json& claim : found["claims"]) {
      EXPECT_NE(TextOf(claim["source"]), "") << claim.dump();
      used_count += claim["used"].get<bool>() ? 1 : 0;
    }
    EXPECT_GT(used_count, 0u);
  }
}

// One test, as loading the databases takes seconds in a debug build.
TEST(ExplainTest, ShowsExceptionsThatHaveEndedAndThoseOfSomePorts) {
  const TempDir dir;
  const std::string config = dir.Write("octroi.yaml", R"(
policy:
  workloads:
    - name: payments
      addresses: [any]
      requires: {location: eu}
      exceptions:
        - {destination: 198.51.100.0/25, port: [443], until: 2026-06-30,
           reference: EX-1, reason: a contract}
)");
  Explainer explainer(testing::WriteSmallFacts(dir, "facts"), config);
  const auto verdict = [&](const std::string& at, uint16_t port) {
    return explainer.Ask("198.51.100.7", at, port)["verdicts"][0];
  };

  const Json active = verdict("2026-06-30", 443);
  EXPECT_EQ(active["verdict"], "excepted");
  EXPECT_EQ(active["exception_expired"], false);
  EXPECT_EQ(active["exception"],
            "EX-1: a contract (until 2026-06-30, port 443)");
  const Json ended = verdict("2026-07-01", 443);
  EXPECT_EQ(ended["verdict"], "violation");
  EXPECT_EQ(ended["exception_expired"], true);
  EXPECT_EQ(verdict("2026-06-30", 25)["verdict"], "violation");
  const Json any_port = verdict("2026-06-30", kNoPort);
  EXPECT_EQ(any_port["verdict"], "violation");
  EXPECT_TRUE(any_port["exception"].is_null());
  EXPECT_EQ(any_port["exceptions_of_ports"],
            Json::array({"EX-1: a contract (until 2026-06-30, port 443)"}));
  EXPECT_THAT(explainer.AskForText("198.51.100.7", "2026-07-01", 443),
              HasSubstr("an exception has ended: EX-1: a contract (ended "
                        "2026-06-30, port 443)"));
  EXPECT_THAT(explainer.AskForText("198.51.100.7", "2026-06-30"),
              HasSubstr("an exception covers some ports (see --port): EX-1"));
}

TEST(ExplainShippedFactsTest, AnswersForKnownAddresses) {
  Explainer explainer(OCTROI_BINARY_DIR "/share/octroi");

  ExpectKnownAnswers(&explainer);
  ExpectSameAnswerWhenEmbedded(&explainer);
  ExpectSourcedClaims(&explainer);
  const std::string text = explainer.AskForText("15.188.0.1", "2026-06-30");
  for (const char* part : {"FR France, regime eu", "Amazon / AWS", "CLOUD-Act",
                           "compliant: meets_requirement", "dbip-country"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

// The catalogue that ships, and one asserted address for each of its services.
class ExplainCatalogueTest : public ::testing::Test {
 protected:
  ExplainCatalogueTest() {
    const std::string facts_dir = WriteShippedTables(dir_, "facts");
    const std::unique_ptr<Explainer> plain =
        std::make_unique<Explainer>(facts_dir);
    std::string ranges =
        "prefix,provider,service_id,region,region_country,grade,source,"
        "retrieved,note\n";
    for (const Service& service :
         plain->beliefs().facts->catalogue.services()) {
      const std::string address =
          fmt::format("203.0.113.{}", address_of_.size() + 1);
      address_of_[service.id] = address;
      ranges += fmt::format("{}/32,{},{},,FR,asserted,a test,2026-03,\n",
                            address, service.provider, service.id);
    }
    dir_.Write("ranges.csv", ranges);
    // In this table the documentation prefixes are no special space.
    dir_.Write("special_purpose.csv",
               testing::ReadFile(OCTROI_SOURCE_DIR
                                 "/tests/replay/facts/special_purpose.csv"));
    explainer_ = std::make_unique<Explainer>(
        facts_dir, dir_.Write("octroi.yaml",
                              "facts:\n"
                              "  ranges: ranges.csv\n"
                              "  special_purpose: special_purpose.csv\n"));
  }

  std::string StatusOf(const std::string& service_id, const std::string& at) {
    const Json found = explainer_->Ask(address_of_.at(service_id), at);
    EXPECT_EQ(found["service"], service_id);
    EXPECT_EQ(found["service_details"]["grade"], "asserted");
    return TextOf(found["qualification"]);
  }

  const TempDir dir_;
  std::map<std::string, std::string> address_of_;
  std::unique_ptr<Explainer> explainer_;
};

TEST_F(ExplainCatalogueTest, AnswersForEveryService) {
  const std::vector<Row> rows =
      ReadRows(OCTROI_SOURCE_DIR "/tests/replay/catalogue_answers.csv");

  EXPECT_EQ(rows.size(), 40u);
  EXPECT_EQ(address_of_.size(), rows.size());
  for (const Row& row : rows) {
    SCOPED_TRACE(row[0]);
    ASSERT_TRUE(address_of_.contains(row[0]));
    EXPECT_EQ(StatusOf(row[0], "2026-03-15"), row[1]);
    EXPECT_EQ(StatusOf(row[0], "2026-10-01"), row[2]);
  }
}

TEST_F(ExplainCatalogueTest, EndsAQualificationAfterItsLastDay) {
  const Catalogue& catalogue = explainer_->beliefs().facts->catalogue;
  const Service& service = catalogue.service(catalogue.Find(kOutscale));

  EXPECT_EQ(EvaluateQualification(service, *ParseDay("2026-11-30")).status,
            QualificationStatus::kQualified);
  EXPECT_EQ(EvaluateQualification(service, *ParseDay("2026-12-01")).status,
            QualificationStatus::kExpired);
  EXPECT_EQ(StatusOf(kOutscale, "2026-11-30"), "qualified");
  EXPECT_EQ(StatusOf(kOutscale, "2026-12-01"), "expired");
  EXPECT_EQ(explainer_->Ask(address_of_[kOutscale], "2026-11-30")["seal"], 3);
}

}  // namespace
}  // namespace octroi
