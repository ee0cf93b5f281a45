// SPDX-License-Identifier: Apache-2.0
#include "config/fact_tables.h"

#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::ReadFile;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kJurisdictions =
    "code,name,regime,from,until,scope,observed_on,source\n";
constexpr std::string_view kOperators =
    "asn,operator,parent,controlling_country,extraterritorial_law,confidence,"
    "provider,note,from,until,observed_on,source\n";
constexpr std::string_view kServices =
    "service_id,provider,service,service_type,scheme,framework_version,state,"
    "milestone,from,until,reference,observed_on,source,note\n";
constexpr std::string_view kSchemes =
    "scheme,authority,sovereignty_requirements,indicative_seal,versions,"
    "source\n";
constexpr std::string_view kRanges =
    "prefix,provider,service_id,region,region_country,grade,source,retrieved,"
    "note\n";
constexpr std::string_view kSpecialPurpose =
    "prefix,name,kind,globally_reachable,reference,source\n";
constexpr std::string_view kAnycast =
    "prefix,name,operator_asn,from,until,observed_on,source\n";

constexpr std::string_view kRegions =
    "provider,region,country,source,observed_on\n";

template <typename Row>
using Reader = FactTable<Row> (*)(std::string_view, const std::string&,
                                  std::vector<Problem>*);

// Reads a header and rows; the problems as lines.
template <typename Row>
FactTable<Row> ReadRows(Reader<Row> read, std::string_view header,
                        std::string_view rows,
                        std::vector<std::string>* problem_lines) {
  std::vector<Problem> problems;
  FactTable<Row> table =
      read(fmt::format("{}{}\n", header, rows), "a.csv", &problems);
  for (const Problem& problem : problems) {
    problem_lines->push_back(problem.text());
  }
  return table;
}

struct BadRow {
  std::string row;
  std::string problem;
};

// Each row has exactly the one problem, and is left out.
template <typename Row>
void ExpectProblems(Reader<Row> read, std::string_view header,
                    const std::vector<BadRow>& cases) {
  for (const BadRow& bad : cases) {
    std::vector<std::string> problems;
    const FactTable<Row> table = ReadRows(read, header, bad.row, &problems);
    EXPECT_THAT(problems, ElementsAre("a.csv:" + bad.problem)) << bad.row;
    EXPECT_THAT(table.rows, IsEmpty()) << bad.row;
  }
}

TEST(FactTablesTest, ReadsJurisdictions) {
  std::vector<std::string> problems;
  const auto table =
      ReadRows(&ReadJurisdictions, kJurisdictions,
               "FR,France,eu,1958-01-01,,,2026-01-02,treaty\n"
               "CA,Canada,adequate,2001-12-20,,commercial,2026-01-03,decision\n"
               "UK,GB,alias,,,,,measured\n"
               "ZZ,ZZ,unknown,,,,,measured\n"
               "TR,Turkey,none,,,,,candidate",
               &problems);

  EXPECT_THAT(problems, IsEmpty());
  ASSERT_EQ(table.rows.size(), 5u);
  EXPECT_EQ(table.latest, ParseDay("2026-01-03"));
  EXPECT_EQ(table.rows[0].code, CountryCode::Parse("FR"));
  EXPECT_EQ(table.rows[0].regime, Regime::kEu);
  EXPECT_EQ(table.rows[0].validity.from, ParseDay("1958-01-01"));
  EXPECT_EQ(table.rows[0].validity.until, std::nullopt);
  EXPECT_EQ(table.rows[1].regime, Regime::kAdequate);
  EXPECT_EQ(table.rows[1].scope, "commercial");
  EXPECT_EQ(table.rows[1].line, 3);
  EXPECT_EQ(table.rows[2].kind, JurisdictionRow::Kind::kAlias);
  EXPECT_EQ(table.rows[2].alias_of, CountryCode::Parse("GB"));
  EXPECT_EQ(table.rows[3].kind, JurisdictionRow::Kind::kUnknown);
  EXPECT_EQ(table.rows[4].kind, JurisdictionRow::Kind::kNone);
}

TEST(FactTablesTest, ChecksJurisdictions) {
  ExpectProblems(
      &ReadJurisdictions, kJurisdictions,
      {
          {"fr,France,eu,,,,,x",
           "2:1: column \"code\": \"fr\" is not a country code; write two "
           "capital letters (ISO 3166-1)"},
          {"A1,Proxy,unknown,,,,,x",
           "2:1: column \"code\": \"A1\" is not a country code; write two "
           "capital letters (ISO 3166-1)"},
          {",France,eu,,,,,x",
           "2:1: column \"code\": is empty; write two capital letters"},
          {"FR,France,ue,,,,,x",
           "2:11: column \"regime\": \"ue\" is not known; did you mean \"eu\"? "
           "write eu, eea, adequate, none, alias or unknown"},
          {"FR,,eu,,,,,x", "2:4: column \"name\": is empty; a value is needed"},
          {"FR,France,eu,2026-13-01,,,,x",
           "2:14: column \"from\": \"2026-13-01\" is not a day; write "
           "YYYY-MM-DD"},
          {"FR,France,eu,2026-01-02,2026-01-01,,,x",
           "2:25: column \"until\": 2026-01-01 is before `from` (2026-01-02)"},
          {"FR,France,eu,,,,,",
           "2:18: column \"source\": is empty; a value is needed"},
          {"UK,Britain,alias,,,,,x",
           "2:4: column \"name\": \"Britain\" is not a country code; write two "
           "capital letters (ISO 3166-1)"},
          {"UK,XX,alias,,,,,x",
           "2:4: column \"name\": \"XX\" is not a country of ISO 3166-1"},
      });
}

TEST(FactTablesTest, ReadsOperators) {
  std::vector<std::string> problems;
  const auto table = ReadRows(
      &ReadOperators, kOperators,
      "4294967295,Example,Example Inc. (US),US,CLOUD-Act;UK-law,high,Ex,n,"
      "2020-01-01,2020-12-31,2026-05-01,s\n"
      ",No ASN,,,none,unverified,,,,,,s",
      &problems);

  EXPECT_THAT(problems, IsEmpty());
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.latest, ParseDay("2026-05-01"));
  EXPECT_EQ(table.rows[0].asn, 4294967295u);
  EXPECT_EQ(table.rows[0].law, "CLOUD-Act;UK-law");
  EXPECT_EQ(table.rows[0].provider, "Ex");
  EXPECT_EQ(table.rows[0].validity.until, ParseDay("2020-12-31"));
  EXPECT_EQ(table.rows[1].asn, 0u);
  EXPECT_FALSE(table.rows[1].controlling_country.is_known());
  EXPECT_EQ(table.rows[1].law, "");
}

TEST(FactTablesTest, ChecksOperators) {
  const auto asn_problem = [](std::string_view text) {
    return fmt::format(
        "2:1: column \"asn\": \"{}\" is not an ASN; write a number from 1 to "
        "4294967295, without \"AS\"",
        text);
  };
  std::vector<BadRow> cases;
  for (const std::string asn :
       {"AS1", "0", "4294967296", "-1", "1.5", "01", "1 2"}) {
    cases.push_back({asn + ",E,,,,high,,,,,,s", asn_problem(asn)});
  }
  cases.push_back({"1,,,,,high,,,,,,s",
                   "2:3: column \"operator\": is empty; a value is needed"});
  cases.push_back(
      {"1,E,,UK,,high,,,,,,s",
       "2:6: column \"controlling_country\": \"UK\" is not a country of ISO "
       "3166-1"});
  cases.push_back({"1,E,,,,hgih,,,,,,s",
                   "2:8: column \"confidence\": \"hgih\" is not known; did you "
                   "mean \"high\"? write high, medium, low or unverified"});
  cases.push_back({"1,E,,,,,,,,,,s",
                   "2:8: column \"confidence\": \"\" is not known; write high, "
                   "medium, low or unverified"});
  cases.push_back({"1, E,,,,high,,,,,,s",
                   "2:3: column \"operator\": \" E\" begins or ends with white "
                   "space; remove it"});
  cases.push_back({"1,\"E\nF\",,,,high,,,,,,s",
                   "2:3: column \"operator\": \"E\\x0aF\" has a tab or a line "
                   "break; write it on one line"});
  cases.push_back({"1,E,,,,high,,,,,yesterday,s",
                   "2:17: column \"observed_on\": \"yesterday\" is not a day; "
                   "write YYYY-MM-DD"});

  ExpectProblems(&ReadOperators, kOperators, cases);
}

TEST(FactTablesTest, ReadsQualifiedServices) {
  std::vector<std::string> problems;
  const auto table = ReadRows(
      &ReadQualifiedServices, kServices,
      "a-iaas,A,A Cloud,IaaS,SecNumCloud,3.2,qualified,J3,2025-01-01,"
      "2028-01-01,decision 1,2026-03-01,s,n\n"
      "b,B,B Cloud,unknown,SecNumCloud,,in_qualification,,,,,2026-04-01,s,",
      &problems);

  EXPECT_THAT(problems, IsEmpty());
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.latest, ParseDay("2026-04-01"));
  EXPECT_EQ(table.rows[0].state, ServiceState::kQualified);
  EXPECT_EQ(table.rows[0].framework_version, "3.2");
  EXPECT_EQ(table.rows[0].known_from(), ParseDay("2025-01-01"));
  EXPECT_EQ(table.rows[1].state, ServiceState::kInQualification);
  EXPECT_EQ(table.rows[1].known_from(), ParseDay("2026-04-01"));
}

TEST(FactTablesTest, ChecksQualifiedServices) {
  ExpectProblems(
      &ReadQualifiedServices, kServices,
      {
          {"A a,A,A,IaaS,S,,qualified,,,,,2026-03-01,s,",
           "2:1: column \"service_id\": \"A a\" is not a service_id; write "
           "small letters, digits and '-'"},
          {",A,A,IaaS,S,,qualified,,,,,2026-03-01,s,",
           "2:1: column \"service_id\": is empty; a value is needed"},
          {"a,A,A,IAAS,S,,qualified,,,,,2026-03-01,s,",
           "2:7: column \"service_type\": \"IAAS\" is not known; did you mean "
           "\"IaaS\"? write IaaS, CaaS, PaaS, SaaS or unknown"},
          {"a,A,A,IaaS,S,,in qualification,,,,,2026-03-01,s,",
           "2:15: column \"state\": \"in qualification\" is not known; did you "
           "mean \"in_qualification\"? write none, in_qualification, "
           "qualified, suspended or withdrawn"},
          {"a,A,A,IaaS,S,,qualified,J4,,,,2026-03-01,s,",
           "2:25: column \"milestone\": \"J4\" is not known; did you mean "
           "\"J0\"? write J0, J1, J2 or J3, or nothing"},
          // The milestones before J3 are no qualification.
          {"a,A,A,IaaS,S,,qualified,J2,,,,2026-03-01,s,",
           "2:25: column \"milestone\": J2 comes before the decision, so the "
           "service is not qualified; write the state in_qualification, or "
           "J3"},
          {"a,A,A,IaaS,S,,qualified,,,,,,s,",
           "2:29: column \"observed_on\": is empty; write YYYY-MM-DD"},
      });
}

TEST(FactTablesTest, FindsAServiceRowThatStandsTwice) {
  std::vector<std::string> problems;
  const std::string row = "a,A,A,IaaS,S,,qualified,,2025-01-01,,,2026-03-01,s,";
  const auto table =
      ReadRows(&ReadQualifiedServices, kServices, row + "\n" + row, &problems);

  EXPECT_THAT(problems,
              ElementsAre("a.csv:3:1: column \"service_id\": line 2 says the "
                          "same of \"a qualified  2025-01-01.. observed "
                          "2026-03-01\"; keep one of them"));
  EXPECT_EQ(table.rows.size(), 1u);
}

TEST(FactTablesTest, ReadsSchemes) {
  std::vector<std::string> problems;
  const auto table = ReadRows(&ReadSchemes, kSchemes,
                              "SecNumCloud,ANSSI (FR),strict,3,3.1;3.2;3.10,s\n"
                              "ENS,CCN (ES),,,,s",
                              &problems);

  EXPECT_THAT(problems, IsEmpty());
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.latest, std::nullopt);
  EXPECT_EQ(table.rows[0].indicative_seal, 3);
  EXPECT_THAT(table.rows[0].versions, ElementsAre("3.1", "3.2", "3.10"));
  EXPECT_EQ(table.rows[1].indicative_seal, std::nullopt);
  EXPECT_THAT(table.rows[1].versions, IsEmpty());
}

TEST(FactTablesTest, ChecksSchemes) {
  ExpectProblems(
      &ReadSchemes, kSchemes,
      {
          {"S,A,strict,5,,s",
           "2:12: column \"indicative_seal\": \"5\" is not a SEAL level; write "
           "0 to 4, or nothing"},
          {"S,A,hard,3,,s",
           "2:5: column \"sovereignty_requirements\": \"hard\" is not known; "
           "write strict, soft or none, or nothing"},
          {"S,A,strict,3,3.2;3.1,s",
           "2:14: column \"versions\": \"3.1\" stands behind \"3.2\"; write "
           "them ascending"},
          {"S,A,strict,3,3.1; 3.2,s",
           "2:14: column \"versions\": \" 3.2\" is not a version; write "
           "versions with ';' between them and no spaces"},
          {"S,A,strict,3,3.1;;3.2,s",
           "2:14: column \"versions\": \"\" is not a version; write versions "
           "with ';' between them and no spaces"},
      });
}

TEST(FactTablesTest, ReadsRanges) {
  std::vector<std::string> problems;
  const auto table =
      ReadRows(&ReadRanges, kRanges,
               "203.0.113.0/24,A,a-iaas,eu-1,FR,asserted,contract,2026-08,n\n"
               "2001:db8::/32,A,,,,derived,bgp,2026-07-31,",
               &problems);

  EXPECT_THAT(problems, IsEmpty());
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.latest, ParseDay("2026-08-01"));
  EXPECT_EQ(table.rows[0].prefix.ToString(), "203.0.113.0/24");
  EXPECT_EQ(table.rows[0].service_id, "a-iaas");
  EXPECT_EQ(table.rows[0].grade, Grade::kAsserted);
  EXPECT_EQ(table.rows[0].retrieved, "2026-08");
  EXPECT_EQ(table.rows[0].file, "a.csv");
  EXPECT_EQ(table.rows[0].line, 2);
  EXPECT_EQ(table.rows[1].grade, Grade::kDerived);
  EXPECT_FALSE(table.rows[1].region_country.is_known());
}

TEST(FactTablesTest, ChecksRanges) {
  ExpectProblems(
      &ReadRanges, kRanges,
      {
          {"203.0.113.1/24,A,,,,published,s,2026-08,",
           "2:1: column \"prefix\": \"203.0.113.1/24\" has host bits set; "
           "write 203.0.113.0/24 for the network, or 203.0.113.1 for the "
           "address alone"},
          {"203.0.113.0/33,A,,,,published,s,2026-08,",
           "2:1: column \"prefix\": \"203.0.113.0/33\": \"33\" is not a prefix "
           "length; write 0 to 32"},
          {"example.org,A,,,,published,s,2026-08,",
           "2:1: column \"prefix\": \"example.org\" is not a prefix; write for "
           "example 192.0.2.0/24 or 2001:db8::/32"},
          {"203.0.113.0/24,,,,,published,s,2026-08,",
           "2:16: column \"provider\": is empty; a value is needed"},
          {"203.0.113.0/24,A,,,,pubilshd,s,2026-08,",
           "2:21: column \"grade\": \"pubilshd\" is not known; did you mean "
           "\"published\"? write asserted, published or derived"},
          {"203.0.113.0/24,A,,,,published,s,2026,",
           "2:33: column \"retrieved\": \"2026\" is not a day; write "
           "YYYY-MM-DD, or YYYY-MM"},
          {"203.0.113.0/24,A,,,,published,s,2026-13,",
           "2:33: column \"retrieved\": \"2026-13\" is not a day; write "
           "YYYY-MM-DD, or YYYY-MM"},
      });
}

TEST(FactTablesTest, ReadsSpecialPurpose) {
  std::vector<std::string> problems;
  const auto table =
      ReadRows(&ReadSpecialPurpose, kSpecialPurpose,
               "10.0.0.0/8,Private-Use,private,no,RFC 1918,IANA\n"
               "64:ff9b::/96,IPv4-IPv6 Translat.,translation,yes,RFC 6052,IANA",
               &problems);

  EXPECT_THAT(problems, IsEmpty());
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0].kind, SpecialKind::kPrivate);
  EXPECT_FALSE(table.rows[0].is_globally_reachable);
  EXPECT_EQ(table.rows[1].kind, SpecialKind::kTranslation);
  EXPECT_TRUE(table.rows[1].is_globally_reachable);
}

TEST(FactTablesTest, ChecksSpecialPurpose) {
  std::vector<std::string> problems;
  ReadRows(&ReadSpecialPurpose, kSpecialPurpose,
           "10.0.0.0/8,P,privat,no,RFC 1918,IANA\n"
           "10.0.0.0/8,P,private,False,RFC 1918,IANA\n"
           "10.0.0.0/8,P,private,no,,IANA",
           &problems);

  ASSERT_EQ(problems.size(), 3u);
  EXPECT_THAT(problems[0],
              ::testing::StartsWith(
                  "a.csv:2:14: column \"kind\": \"privat\" is not known; did "
                  "you mean \"private\"? write this_network, private, "));
  EXPECT_EQ(problems[1],
            "a.csv:3:22: column \"globally_reachable\": \"False\" is not "
            "known; write yes or no");
  EXPECT_EQ(problems[2],
            "a.csv:4:25: column \"reference\": is empty; a value is needed");
}

TEST(FactTablesTest, ReadsAnycast) {
  std::vector<std::string> problems;
  const auto table =
      ReadRows(&ReadAnycast, kAnycast,
               "192.0.2.0/24,Example,64500,2018-01-01,,2026-11-22,s\n"
               "2001:db8::/32,Example,,,,2024-11-04,s",
               &problems);

  EXPECT_THAT(problems, IsEmpty());
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.latest, ParseDay("2026-11-22"));
  EXPECT_EQ(table.rows[0].operator_asn, 64500u);
  EXPECT_EQ(table.rows[1].operator_asn, 0u);
  EXPECT_EQ(table.rows[1].observed_on, "2024-11-04");
}

TEST(FactTablesTest, FindsAnAnycastPrefixThatStandsTwice) {
  std::vector<std::string> problems;
  ReadRows(&ReadAnycast, kAnycast,
           "192.0.2.0/24,A,,,,2026-11-22,s\n192.0.2.0/24,B,,,,2026-11-22,s",
           &problems);

  EXPECT_THAT(problems,
              ElementsAre("a.csv:3:1: column \"prefix\": line 2 says the same "
                          "of \"192.0.2.0/24 ..\"; keep one of them"));
}

TEST(FactTablesTest, ReadsRegions) {
  std::vector<std::string> problems;
  const auto table = ReadRows(&ReadRegions, kRegions,
                              "AWS,eu-west-2,GB,a page,2026-11-21\n"
                              "Outscale,eu-west-2,FR,a page,2026-11-22",
                              &problems);

  EXPECT_THAT(problems, IsEmpty());
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.latest, ParseDay("2026-11-22"));
  EXPECT_EQ(table.rows[1].provider, "Outscale");
  EXPECT_EQ(table.rows[1].region, "eu-west-2");
  EXPECT_EQ(table.rows[1].country, CountryCode::Parse("FR"));
  EXPECT_EQ(table.rows[1].source, "a page");
  EXPECT_EQ(table.rows[1].observed_on, "2026-11-22");
  EXPECT_EQ(table.rows[1].line, 3);
}

TEST(FactTablesTest, ChecksRegions) {
  ExpectProblems(
      &ReadRegions, kRegions,
      {
          {",eu-west-2,GB,s,2026-11-22",
           "2:1: column \"provider\": is empty; a value is needed"},
          {"AWS,,GB,s,2026-11-22",
           "2:5: column \"region\": is empty; a value is needed"},
          {"AWS,eu-west-2,,s,2026-11-22",
           "2:15: column \"country\": is empty; write two capital letters, or "
           "leave the row out"},
          {"AWS,eu-west-2,UK,s,2026-11-22",
           "2:15: column \"country\": \"UK\" is not a country of ISO 3166-1"},
          {"AWS,eu-west-2,GB,,2026-11-22",
           "2:18: column \"source\": is empty; a value is needed"},
          {"AWS,eu-west-2,GB,s,",
           "2:20: column \"observed_on\": is empty; write YYYY-MM-DD"},
      });
}

TEST(FactTablesTest, ReportsEveryProblemOfEveryRow) {
  std::vector<std::string> problems;
  const auto table = ReadRows(&ReadRanges, kRanges,
                              "203.0.113.0/24,,,,XX,published,s,2026-08,\n"
                              "203.0.113.0/24,A,,,,published,s,2026-08,\n"
                              "x,A,,,,published,s,2026-08,",
                              &problems);

  EXPECT_EQ(problems.size(), 3u);
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0].line, 3);
}

// The files that ship are read by the same code, and have no problem.
template <typename Row>
void ExpectShipped(Reader<Row> read, const std::string& name,
                   size_t least_rows) {
  std::vector<Problem> problems;
  const std::string text = ReadFile(OCTROI_SOURCE_DIR "/data/" + name);
  const FactTable<Row> table = read(text, name, &problems);

  for (const Problem& problem : problems) ADD_FAILURE() << problem.text();
  EXPECT_GE(table.rows.size(), least_rows) << name;
}

TEST(FactTablesTest, ReadsEveryFileThatShips) {
  ExpectShipped(&ReadJurisdictions, "jurisdictions.csv", 80);
  ExpectShipped(&ReadOperators, "operators.csv", 370);
  ExpectShipped(&ReadQualifiedServices, "qualified_services.csv", 44);
  ExpectShipped(&ReadSchemes, "schemes.csv", 5);
  ExpectShipped(&ReadRanges, "offering_ranges.csv", 3);
  ExpectShipped(&ReadSpecialPurpose, "special_purpose.csv", 40);
  ExpectShipped(&ReadAnycast, "anycast.csv", 50);
  ExpectShipped(&ReadRegions, "regions.csv", 270);
}

}  // namespace
}  // namespace octroi
