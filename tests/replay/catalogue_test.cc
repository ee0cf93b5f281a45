// SPDX-License-Identifier: Apache-2.0
// `octroi catalogue` as a process, on the catalogue that ships and on files of
// a few rows.
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "agent/catalogue_command.h"
#include "config/facts.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "policy/qualification.h"
#include "tests/replay/run_program.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::ProgramResult;
using testing::RunProgram;
using testing::TempDir;
using Json = nlohmann::ordered_json;

constexpr char kOutscale[] = "outscale-iaas-iaas";
constexpr char kEmbedded[] =
    OCTROI_BINARY_DIR "/share/octroi/qualified_services.csv";
constexpr char kHeader[] =
    "service_id,provider,service,service_type,scheme,framework_version,state,"
    "milestone,from,until,reference,observed_on,source,note\n";

ProgramResult RunCatalogue(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {OCTROI_BINARY_DIR "/bin/octroi", "catalogue"});
  return RunProgram({.arguments = std::move(arguments)});
}

// The result of a run that has to succeed.
std::string Ask(std::vector<std::string> arguments) {
  const ProgramResult result = RunCatalogue(std::move(arguments));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(result.errors, "");
  return result.out;
}

Json AskForJson(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--format", "json"});
  return Json::parse(Ask(std::move(arguments)));
}

// The services of a list, by service_id.
std::map<std::string, Json> ServicesOf(const Json& list) {
  std::map<std::string, Json> services;
  for (const Json& service : list["services"]) {
    services[service["service_id"]] = service;
  }
  return services;
}

std::map<std::string, Json> ListAt(const std::string& day) {
  return ServicesOf(AskForJson({"list", "--at", day}));
}

// The same without a process, for many days.
std::map<std::string, Json> ListInProcess(const std::string& day) {
  std::ostringstream out;
  std::ostringstream errors;
  Surroundings surroundings;
  surroundings.out = &out;
  surroundings.errors = &errors;
  surroundings.facts_dir = OCTROI_BINARY_DIR "/share/octroi";
  surroundings.now_ns = [] { return int64_t{0}; };
  CatalogueListOptions options;
  options.at = day;
  options.format = CatalogueFormat::kJson;
  EXPECT_EQ(RunCatalogueList(options, surroundings), kExitDone) << errors.str();
  return ServicesOf(Json::parse(out.str()));
}

TEST(CatalogueListTest, ListsEveryServiceOfTheEmbeddedCatalogue) {
  const Json json = AskForJson({"list", "--at", "2026-11-22"});

  EXPECT_EQ(json["schema"], "octroi.catalogue/1");
  EXPECT_EQ(json["at"], "2026-11-22");
  EXPECT_EQ(json["catalogue"]["path"], kEmbedded);
  EXPECT_EQ(json["services"].size(), 40u);
  EXPECT_EQ(json["summary"]["services"], 40);
  EXPECT_EQ(json["summary"]["qualified"], 22);
  EXPECT_EQ(json["summary"]["in_qualification"], 18);
  const std::string table = Ask({"list", "--at", "2026-11-22"});
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 42);
  EXPECT_THAT(table, EndsWith("40 of 40 services on 2026-11-22: 22 qualified, "
                              "18 in_qualification\n"));
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
  const std::string csv =
      Ask({"list", "--at", "2026-11-22", "--format", "csv"});
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 41);
  EXPECT_THAT(csv, ::testing::StartsWith("service_id,provider,name,type,"));
}

TEST(CatalogueListTest, FollowsS3nsToItsQualification) {
  const std::pair<const char*, const char*> days[] = {
      {"2025-05-27", "unknown"},
      {"2025-12-16", "in_qualification"},
      {"2025-12-17", "qualified"}};
  for (const auto& [day, expected] : days) {
    std::map<std::string, Json> listed = ListAt(day);
    for (const char* id : {"s3ns-cloud-de-confiance-premi3ns-iaas",
                           "s3ns-cloud-de-confiance-premi3ns-caas",
                           "s3ns-cloud-de-confiance-premi3ns-paas"}) {
      EXPECT_EQ(listed[id]["qualification"], expected) << day;
    }
  }
}

TEST(CatalogueListTest, CountsTheDaysThatAreLeft) {
  EXPECT_EQ(ListAt("2026-11-22")[kOutscale]["days_left"], 8);
  EXPECT_EQ(ListAt("2026-11-30")[kOutscale]["days_left"], 0);
  EXPECT_EQ(ListAt("2026-12-01")[kOutscale]["days_left"], -1);
  EXPECT_EQ(ListAt("2026-12-01")[kOutscale]["qualification"], "expired");
  EXPECT_TRUE(ListAt("2026-11-22")["whaller-whaller-donjon-saas"]["days_left"]
                  .is_null());
}

TEST(CatalogueListTest, SaysWhatEvaluateQualificationSays) {
  std::vector<Problem> problems;
  FactsOptions options;
  options.embedded_dir = OCTROI_BINARY_DIR "/share/octroi";
  const auto facts = LoadCataloguePart(options, {}, &problems);
  ASSERT_NE(facts, nullptr);
  // Each day on which a row begins or has ended.
  std::set<Day> days;
  for (const Service& service : facts->catalogue.services()) {
    for (const CatalogueRow& row : service.rows) {
      days.insert(row.known_from());
      if (row.validity.until) {
        days.insert(*row.validity.until + std::chrono::days(1));
      }
    }
  }
  for (const Day day : days) {
    std::map<std::string, Json> listed = ListInProcess(FormatDay(day));
    ASSERT_EQ(listed.size(), facts->catalogue.services().size());
    for (const Service& service : facts->catalogue.services()) {
      SCOPED_TRACE(service.id + " on " + FormatDay(day));
      const QualificationAt expected = EvaluateQualification(service, day);
      const Json& found = listed[service.id];
      EXPECT_EQ(found["qualification"],
                QualificationStatusName(expected.status));
      EXPECT_EQ(found["line"],
                expected.row == nullptr ? Json() : Json(expected.row->line));
    }
  }
}

TEST(CatalogueListTest, KeepsWhatIsAskedFor) {
  const auto ids = [](std::vector<std::string> options) {
    options.insert(options.begin(), {"list", "--at", "2026-11-22"});
    std::set<std::string> found;
    const Json json = AskForJson(options);
    for (const Json& service : json["services"]) {
      found.insert(service["service_id"]);
    }
    return found;
  };

  EXPECT_EQ(ids({"--provider", "orange business"}),
            (std::set<std::string>{
                "orange-business-cloudavenuesecnum-iaas",
                "orange-business-cloud-avenue-secnum-dynamic-iaas"}));
  EXPECT_EQ(ids({"--provider", "OVH", "--type", "PaaS"}),
            (std::set<std::string>{"ovh-snc-cloud-platform-paas"}));
  EXPECT_EQ(ids({"--provider", "OVH", "--state", "in_qualification"}),
            (std::set<std::string>{"ovh-snc-cloud-platform-paas"}));
  EXPECT_THAT(ids({"--state", "suspended"}), IsEmpty());
  EXPECT_THAT(Ask({"list", "--at", "2026-11-22", "--provider", "S3NS"}),
              EndsWith("3 of 40 services on 2026-11-22: 3 qualified\n"));
}

TEST(CatalogueListTest, TakesTheCatalogueThatIsNamed) {
  const TempDir dir;
  const std::string other = dir.Write(
      "other.csv", std::string(kHeader) +
                       "a,A,Cloud,IaaS,SecNumCloud,,qualified,,2025-01-01,,r,"
                       "2026-01-01,s,\n");
  const std::string config =
      dir.Write("octroi.yaml", "facts: {services: other.csv}\n");

  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--catalogue", other},
        {"--config", config},
        {"--config", config, "--catalogue", other}}) {
    std::vector<std::string> arguments = {"list", "--at", "2026-02-01"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    EXPECT_EQ(AskForJson(arguments)["services"].size(), 1u);
  }
  EXPECT_EQ(AskForJson({"list", "--config", config, "--catalogue",
                        kEmbedded})["services"]
                .size(),
            40u);
}

TEST(CatalogueListTest, PaintsWhatEndsSoonAndWhatHasEnded) {
  const auto line_of = [](const char* day) {
    std::ostringstream out;
    Surroundings surroundings;
    surroundings.out = &out;
    surroundings.errors = &out;
    surroundings.use_color = true;
    surroundings.facts_dir = OCTROI_BINARY_DIR "/share/octroi";
    surroundings.now_ns = [] { return int64_t{0}; };
    CatalogueListOptions options;
    options.at = day;
    options.provider = "Outscale";
    EXPECT_EQ(RunCatalogueList(options, surroundings), kExitDone);
    return out.str();
  };

  EXPECT_THAT(line_of("2026-08-31"), Not(HasSubstr("\x1b[33m")));  // 91 left.
  EXPECT_THAT(line_of("2026-09-01"), HasSubstr("\x1b[33mqualified"));
  EXPECT_THAT(line_of("2026-12-01"), HasSubstr("\x1b[31mexpired"));
}

// Two services of one provider, with names that differ in little but the state.
TEST(CatalogueShowTest, NeverMixesServicesWithNamesThatAreNear) {
  const Json qualified =
      AskForJson({"show", "CloudAvenueSecNum", "--at", "2026-11-22"});
  const Json candidate =
      AskForJson({"show", "Cloud Avenue SecNum Dynamic", "--at", "2026-11-22"});

  EXPECT_EQ(qualified["schema"], "octroi.catalogue-service/1");
  EXPECT_EQ(qualified["service"]["service_id"],
            "orange-business-cloudavenuesecnum-iaas");
  EXPECT_EQ(qualified["service"]["qualification"], "qualified");
  EXPECT_EQ(qualified["rows"].size(), 1u);
  EXPECT_EQ(candidate["service"]["service_id"],
            "orange-business-cloud-avenue-secnum-dynamic-iaas");
  EXPECT_EQ(candidate["service"]["qualification"], "in_qualification");
  EXPECT_EQ(candidate["other_services"][0]["service_id"],
            qualified["service"]["service_id"]);
  // What is neither is refused, and both are named.
  for (const char* name : {"Cloud Avenue SecNum", "Cloud Avenue"}) {
    const ProgramResult result = RunCatalogue({"show", name});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.errors,
                AllOf(HasSubstr("orange-business-cloudavenuesecnum-iaas"),
                      HasSubstr("orange-business-cloud-avenue-secnum-dynamic-"
                                "iaas")));
  }
}

TEST(CatalogueShowTest, FindsAServiceByAnyNameThatItAloneHas) {
  for (const char* name : {kOutscale, "outscale/iaas", "OUTSCALE"}) {
    EXPECT_EQ(AskForJson({"show", name})["service"]["service_id"], kOutscale);
  }
  for (const char* name : {"Cloud de Confiance PREMI3NS", "S3NS",
                           "S3NS/Cloud de Confiance PREMI3NS"}) {
    const ProgramResult result = RunCatalogue({"show", name});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.errors,
                AllOf(HasSubstr("is the name of 3 services"),
                      HasSubstr("s3ns-cloud-de-confiance-premi3ns-paas")));
  }
  EXPECT_THAT(RunCatalogue({"show", "outscale-iaas-iaa"}).errors,
              HasSubstr("did you mean outscale-iaas-iaas?"));
  EXPECT_THAT(RunCatalogue({"show", "zzzzzz"}).errors,
              Not(HasSubstr("did you mean")));
}

TEST(CatalogueShowTest, ShowsEveryRowTheOneThatDecidesAndTheRanges) {
  const std::vector<std::string> question = {
      "show", "s3ns-cloud-de-confiance-premi3ns-iaas", "--at", "2025-12-16"};

  const Json json = AskForJson(question);
  const std::string text = Ask(question);

  ASSERT_EQ(json["rows"].size(), 2u);
  EXPECT_EQ(json["rows"][0]["decides"], true);
  EXPECT_EQ(json["rows"][1]["decides"], false);
  EXPECT_EQ(json["rows"][1]["reference"], "decision 2057");
  EXPECT_EQ(json["ranges"].size(), 3u);
  EXPECT_EQ(json["ranges"][0]["grade"], "published");
  EXPECT_EQ(json["other_services"].size(), 2u);
  for (const char* part :
       {"qualification  SecNumCloud in_qualification, 0 days left",
        "* line 13: in_qualification, not known to 2025-12-16",
        "  line 14: qualified, 2025-12-17 to 2028-12-17",
        "observed on  2025-05-28", "177.222.80.0/23",
        "other services of S3NS"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

class CatalogueFilesTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& rows) const {
    return dir_.Write(name, kHeader + rows);
  }

  const TempDir dir_;
};

TEST_F(CatalogueFilesTest, DiffSaysWhatChangedWithBothSides) {
  const std::string before =
      Write("old.csv",
            "a,A,Cloud,IaaS,SecNumCloud,,in_qualification,J1,2025-01-01,,,"
            "2026-03-01,s,\n"
            "b,B,Cloud,IaaS,SecNumCloud,,qualified,,2023-01-01,2026-06-01,r,"
            "2026-03-01,s,\n");
  const std::string after = Write(
      "new.csv",
      "a,A,Cloud,IaaS,SecNumCloud,,in_qualification,J1,2025-01-01,2026-07-01,,"
      "2026-03-01,s,\n"
      "a,A,Cloud,IaaS,SecNumCloud,,qualified,,2026-07-01,2029-07-01,d,"
      "2026-09-01,s,\n"
      "b,B,Cloud,IaaS,SecNumCloud,,qualified,,2023-01-01,2026-06-01,r,"
      "2026-03-01,s,\n");

  const Json json = AskForJson({"diff", before, after});
  const std::string text = Ask({"diff", before, after});

  EXPECT_EQ(json["schema"], "octroi.catalogue-diff/1");
  EXPECT_EQ(json["old"]["day"], "2026-03-01");
  EXPECT_EQ(json["new"]["day"], "2026-09-01");
  EXPECT_EQ(json["summary"]["became_qualified"], 1);
  EXPECT_EQ(json["summary"]["lapsed"], 1);
  EXPECT_EQ(json["changes"][0]["change"], "became_qualified");
  EXPECT_EQ(json["changes"][0]["old"], "in_qualification J1");
  EXPECT_EQ(json["changes"][0]["new"], "qualified");
  EXPECT_THAT(text, HasSubstr("2 services changed: 1 became_qualified, 1 "
                              "lapsed"));
  EXPECT_THAT(text, Not(HasSubstr("…")));
  EXPECT_THAT(Ask({"diff", after, after}), EndsWith("no change\n"));
}

TEST_F(CatalogueFilesTest, DiffRefusesWhatIsNoCatalogue) {
  const std::string good = Write("good.csv", "");
  const std::string bad = dir_.Write("bad.csv", "a,b\n1,2\n");

  for (const std::vector<std::string>& pair :
       {std::vector<std::string>{good, bad},
        {bad, good},
        {good, dir_.Path("missing.csv")}}) {
    const ProgramResult result = RunCatalogue({"diff", pair[0], pair[1]});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.errors, HasSubstr(".csv:"));
  }
}

TEST_F(CatalogueFilesTest, CheckSaysEveryErrorAndFails) {
  const std::string file = Write(
      "bad.csv",
      "a,A,Cloud,IaaS,SecNumCloud,,withdrawn,,2025-01-01,2025-12-31,,"
      "2026-03-01,s,\n"
      "a,A,Cloud,IaaS,SecNumCloud,,qualified,,2026-01-01,2028-01-01,r,"
      "2026-03-01,s,\n"
      "b,B,Cloud,IaaS,SecNumCloud,,qualified,,2026-01-01,2025-01-01,r,"
      "2026-03-01,s,\n"
      "c,C,Cloud,IaaS,SecNumCloud,9.9,qualified,,2026-01-01,2028-01-01,r,"
      "2026-03-01,s,\n"
      "d,D,Cloud,IaaS,SecNumCloud,,in_qualification,,2025-01-01,2026-03-01,,"
      "2026-03-01,s,\n"
      "d,D,Cloud,IaaS,SecNumCloud,,qualified,,2026-02-01,2028-01-01,,"
      "2026-03-01,s,\n");

  const ProgramResult result =
      RunCatalogue({"check", file, "--at", "2026-03-15"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.errors, "");
  for (const char* part :
       {"bad.csv:3: error: a: qualified from 2026-01-01 cannot follow "
        "withdrawn (line 2)",
        "(impossible_step)", "bad.csv:4: error: column \"until\"",
        "bad.csv:5: error: framework_version \"9.9\"",
        "bad.csv:7: error: d: qualified from 2026-02-01, but line 6 says",
        "(contradiction)",
        "bad.csv:7: warning: d: qualified without a "
        "reference",
        "on 2026-03-15: 4 errors, 1 warning in 5 rows; ranges not looked at "
        "because of the errors\n"}) {
    EXPECT_THAT(result.out, HasSubstr(part));
  }
  // The same of the JSON.
  const ProgramResult as_json =
      RunCatalogue({"check", file, "--at", "2026-03-15", "--format", "json"});
  const Json json = Json::parse(as_json.out);
  EXPECT_EQ(as_json.exit_code, 1);
  EXPECT_EQ(json["schema"], "octroi.catalogue-check/1");
  EXPECT_EQ(json["summary"]["errors"], 4);
  EXPECT_EQ(json["findings"].size(), 5u);
  EXPECT_TRUE(json["summary"]["ranges"].is_null());
  // And no other command takes the file.
  EXPECT_EQ(RunCatalogue({"list", "--catalogue", file}).exit_code, 1);
}

TEST_F(CatalogueFilesTest, CheckWarnsAndSucceeds) {
  const std::string file =
      Write("warnings.csv",
            "a,A,Cloud,IaaS,SecNumCloud,,qualified,,2025-01-01,2026-04-01,,"
            "2026-03-01,s,\n");

  const Json json = AskForJson({"check", file, "--at", "2026-03-15"});

  EXPECT_EQ(json["summary"]["errors"], 0);
  EXPECT_EQ(json["summary"]["warnings"], 2);
  EXPECT_EQ(json["findings"][0]["kind"], "no_reference");
  EXPECT_EQ(json["findings"][1]["kind"], "expires_soon");
  EXPECT_THAT(json["findings"][1]["what"].get<std::string>(),
              HasSubstr("17 days left"));
}

TEST_F(CatalogueFilesTest, CheckComparesRangesWithTheAsnDatabase) {
  Write("services.csv",
        "a,A,Cloud,IaaS,SecNumCloud,,qualified,,2025-01-01,2028-01-01,r,"
        "2026-03-01,s,\n");
  const std::string ranges = dir_.Write(
      "ranges.csv",
      "prefix,provider,service_id,region,region_country,grade,source,"
      "retrieved,note\n"
      "8.8.0.0/16,A,a,,,asserted,s,2026-03,\n"
      "192.0.2.0/24,A,a,,,asserted,s,2026-03,\n");
  const std::string config = dir_.Write(
      "octroi.yaml", "facts: {services: services.csv, ranges: ranges.csv}\n");

  const Json json =
      AskForJson({"check", "--config", config, "--at", "2026-03-15"});

  EXPECT_EQ(json["summary"]["errors"], 0);
  EXPECT_EQ(json["summary"]["ranges"], 2);
  std::map<std::string, std::string> what_of;
  for (const Json& finding : json["findings"]) {
    EXPECT_EQ(finding["file"], ranges);
    what_of[finding["kind"].get<std::string>() + " " + finding["line"].dump()] =
        finding["what"];
  }
  EXPECT_THAT(what_of["range_of_several 2"], HasSubstr("AS15169"));
  EXPECT_THAT(what_of["range_unannounced 3"], HasSubstr("by no ASN"));
}

TEST_F(CatalogueFilesTest, CheckSaysWhatItCannotRead) {
  const ProgramResult missing =
      RunCatalogue({"check", dir_.Path("missing.csv")});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.out, "");
  EXPECT_THAT(missing.errors, HasSubstr("missing.csv: cannot be read"));

  const ProgramResult header =
      RunCatalogue({"check", dir_.Write("bad.csv", "a,b\n1,2\n")});
  EXPECT_EQ(header.exit_code, 1);
  EXPECT_THAT(header.out + header.errors, HasSubstr("bad.csv:1"));
}

TEST(CatalogueCheckTest, FindsNoErrorInTheEmbeddedCatalogue) {
  const Json json = AskForJson({"check", "--at", "2026-11-22"});

  EXPECT_EQ(json["summary"]["errors"], 0);
  EXPECT_EQ(json["summary"]["ranges"], 3);
  std::set<std::string> soon;
  for (const Json& finding : json["findings"]) {
    if (finding["kind"] == "expires_soon") soon.insert(finding["service_id"]);
  }
  EXPECT_EQ(soon,
            (std::set<std::string>{
                kOutscale, "ovh-hosted-private-cloud-powered-by-vmware-iaas"}));
}

}  // namespace
}  // namespace octroi
