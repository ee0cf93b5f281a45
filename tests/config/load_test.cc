// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/facts_builder.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr std::string_view kSource = "sources: [{interface: eth0}]\n";

// The example of the documentation.
constexpr std::string_view kExample = R"(
sources:
  - {interface: eth0, workers: 2, promiscuous: true, direction: in,
     filter: "not port 22", ring_mib: 64, snap_length: 128}
  - dpdk: {devices: ["0000:3b:00.0"], workers: 4}
  - file: captures/x.pcap
local_networks: [10.0.0.0/8, 2001:db8:42::/48]
facts:
  country: [/var/lib/octroi/country.mmdb, second.mmdb]
  asn: /var/lib/octroi/asn.mmdb
  services: /etc/octroi/qualified_services.csv
  operators: operators.csv
  jurisdictions: j.csv
  schemes: s.csv
  special_purpose: sp.csv
  anycast: a.csv
  ranges: [/etc/octroi/ranges.d/*.csv, mine.csv]
policy:
  undetermined: violation
  workloads:
    - name: payments
      addresses: [10.20.0.0/16, 2001:db8:42:20::/64]
      requires:
        location: eu
        control: eu
        qualification:
          scheme: SecNumCloud
          minimum_version: "3.2"
          service_types: [IaaS, PaaS]
        minimum_seal: 3
        applies_to: any
      exceptions:
        - {destination: 203.0.113.0/24, until: 2026-12-31,
           reference: ICT-0042, reason: card-scheme clearing}
    - name: everything-else
      addresses: [any]
      requires: {location: [eea, CH, adequate]}
  administration: {ports: [22, 3389], from: [eu, CH]}
metrics: {listen: "[::1]:9470", web_config: web.yml}
)";

std::vector<std::string> LinesOf(const std::vector<Problem>& problems) {
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(problem.text());
  return lines;
}

// Problems of a text, without the file's name.
std::vector<std::string> ProblemsOf(const std::string& text,
                                    const LoadOptions& options = {}) {
  const LoadedConfig loaded = ReadConfig(text, "octroi.yaml", options);
  EXPECT_EQ(loaded.config.has_value(), loaded.problems.empty());
  std::vector<std::string> lines;
  for (const std::string& line : LinesOf(loaded.problems)) {
    EXPECT_THAT(line, StartsWith("octroi.yaml:"));
    lines.push_back(line.substr(std::string_view("octroi.yaml:").size()));
  }
  return lines;
}

Config Read(const std::string& text, const std::string& path = "octroi.yaml") {
  LoadedConfig loaded = ReadConfig(text, path, {});
  EXPECT_THAT(LinesOf(loaded.problems), IsEmpty());
  return loaded.config ? *std::move(loaded.config) : DefaultConfig();
}

struct BadText {
  std::string text;
  std::string problem;
};

void ExpectProblems(const std::vector<BadText>& cases) {
  for (const auto& [text, problem] : cases) {
    EXPECT_THAT(ProblemsOf(text), ElementsAre(problem)) << text;
  }
}

TEST(LoadTest, ReadsEveryKey) {
  const Config config = Read(std::string(kExample), "/etc/octroi/octroi.yaml");

  EXPECT_EQ(config.path, "/etc/octroi/octroi.yaml");
  ASSERT_THAT(config.sources, SizeIs(3));
  EXPECT_EQ(config.sources[0].kind, SourceOptions::Kind::kInterface);
  const InterfaceOptions& interface = config.sources[0].interface;
  EXPECT_EQ(interface.interface_name, "eth0");
  EXPECT_EQ(interface.worker_count, 2u);
  EXPECT_TRUE(interface.is_promiscuous);
  EXPECT_EQ(interface.direction, CaptureDirection::kIncoming);
  EXPECT_EQ(interface.filter, "not port 22");
  EXPECT_EQ(interface.ring_bytes, 64u << 20);
  EXPECT_EQ(interface.snap_octets, 128u);
  EXPECT_EQ(config.sources[1].kind, SourceOptions::Kind::kDpdk);
  EXPECT_THAT(config.sources[1].dpdk.devices, ElementsAre("0000:3b:00.0"));
  EXPECT_EQ(config.sources[1].dpdk.worker_count, 4u);
  EXPECT_EQ(config.sources[2].kind, SourceOptions::Kind::kFile);
  EXPECT_EQ(config.sources[2].file, "/etc/octroi/captures/x.pcap");
  ASSERT_TRUE(config.local_networks.has_value());
  EXPECT_THAT(*config.local_networks, SizeIs(2));
  EXPECT_EQ(config.metrics.listen.ToString(), "[::1]:9470");
  EXPECT_EQ(config.metrics.web_config, "/etc/octroi/web.yml");

  const FactsOptions& facts = config.facts;
  EXPECT_THAT(facts.country, ElementsAre("/var/lib/octroi/country.mmdb",
                                         "/etc/octroi/second.mmdb"));
  EXPECT_EQ(facts.asn, "/var/lib/octroi/asn.mmdb");
  EXPECT_EQ(facts.services, "/etc/octroi/qualified_services.csv");
  EXPECT_EQ(facts.operators, "/etc/octroi/operators.csv");
  EXPECT_EQ(facts.jurisdictions, "/etc/octroi/j.csv");
  EXPECT_EQ(facts.schemes, "/etc/octroi/s.csv");
  EXPECT_EQ(facts.special_purpose, "/etc/octroi/sp.csv");
  EXPECT_THAT(facts.anycast, ElementsAre("/etc/octroi/a.csv"));
  EXPECT_THAT(facts.ranges, ElementsAre("/etc/octroi/ranges.d/*.csv",
                                        "/etc/octroi/mine.csv"));
}

TEST(LoadTest, ReadsThePolicy) {
  const Config config = Read(std::string(kExample));

  const Policy& policy = config.policy;
  EXPECT_TRUE(policy.undetermined_is_violation);
  ASSERT_THAT(policy.workloads, SizeIs(2));
  const Workload& payments = policy.workloads[0];
  EXPECT_EQ(payments.name, "payments");
  EXPECT_THAT(payments.addresses, SizeIs(2));
  EXPECT_FALSE(payments.covers_any);
  const Requirement& requirement = payments.requirement;
  EXPECT_EQ(requirement.location, (LocationRequirement{Regime::kEu, {}}));
  EXPECT_TRUE(requirement.requires_eu_control);
  ASSERT_TRUE(requirement.qualification.has_value());
  EXPECT_EQ(requirement.qualification->scheme, "SecNumCloud");
  EXPECT_EQ(requirement.qualification->minimum_version, "3.2");
  EXPECT_THAT(requirement.qualification->service_types,
              ElementsAre("IaaS", "PaaS"));
  EXPECT_EQ(requirement.minimum_seal, 3);
  EXPECT_TRUE(requirement.applies_to_any);
  ASSERT_THAT(payments.exceptions, SizeIs(1));
  EXPECT_EQ(payments.exceptions[0].destination.ToString(), "203.0.113.0/24");
  EXPECT_EQ(payments.exceptions[0].until, ParseDay("2026-12-31"));
  EXPECT_EQ(payments.exceptions[0].reference, "ICT-0042");
  EXPECT_EQ(payments.exceptions[0].reason, "card-scheme clearing");
  EXPECT_EQ(payments.exceptions[0].line, 33);

  const Workload& rest = policy.workloads[1];
  EXPECT_TRUE(rest.covers_any);
  EXPECT_THAT(rest.addresses, IsEmpty());
  // Of several regimes the widest speaks.
  EXPECT_EQ(
      rest.requirement.location,
      (LocationRequirement{Regime::kAdequate, {*CountryCode::Parse("CH")}}));
  EXPECT_FALSE(rest.requirement.applies_to_any);
  EXPECT_THAT(policy.administration.ports, ElementsAre(22, 3389));
  EXPECT_EQ(policy.administration.from,
            (LocationRequirement{Regime::kEu, {*CountryCode::Parse("CH")}}));
}

TEST(LoadTest, HasADefaultForEverythingButSources) {
  const Config config = Read(std::string(kSource));

  EXPECT_EQ(config.local_networks, std::nullopt);
  EXPECT_THAT(config.facts.country, IsEmpty());
  EXPECT_EQ(config.metrics.listen.ToString(), "127.0.0.1:9469");
  EXPECT_EQ(config.metrics.web_config, "");
  EXPECT_FALSE(config.policy.undetermined_is_violation);
  ASSERT_THAT(config.policy.workloads, SizeIs(1));
  EXPECT_EQ(config.policy.workloads[0].name, "everything");
  EXPECT_THAT(config.policy.administration.ports,
              ElementsAre(22, 3389, 5985, 5986));
}

TEST(LoadTest, KeepsDefaultsOfAPolicyThatNamesAPart) {
  const Config config =
      Read(std::string(kSource) + "policy: {undetermined: violation}\n");

  EXPECT_TRUE(config.policy.undetermined_is_violation);
  ASSERT_THAT(config.policy.workloads, SizeIs(1));
  EXPECT_EQ(config.policy.workloads[0].name, "everything");
}

TEST(LoadTest, TurnsTheAdministrationRuleOffWithoutPorts) {
  const Config config =
      Read(std::string(kSource) + "policy: {administration: {ports: []}}\n");

  EXPECT_THAT(config.policy.administration.ports, IsEmpty());
}

TEST(LoadTest, ReadsOneCountryDatabaseWithoutAList) {
  const Config config =
      Read(std::string(kSource) + "facts: {country: /a.mmdb, ranges: /b.csv}");

  EXPECT_THAT(config.facts.country, ElementsAre("/a.mmdb"));
  EXPECT_THAT(config.facts.ranges, ElementsAre("/b.csv"));
}

TEST(LoadTest, NeedsSourcesToRunOnly) {
  EXPECT_THAT(ProblemsOf(""),
              ElementsAre("1:1: sources is missing; write where packets come "
                          "from, for example [{interface: eth0}]"));
  EXPECT_THAT(ProblemsOf("sources: []\n"),
              ElementsAre("1:10: sources: names no source; write where packets "
                          "come from, for example [{interface: eth0}]"));
  EXPECT_THAT(ProblemsOf("", {.needs_sources = false}), IsEmpty());
}

TEST(LoadTest, NamesTheNearestKeyInEveryMap) {
  ExpectProblems({
      {"sources: [{inetrfaec: eth0}, {file: x}]\n",
       "1:12: sources[0]: unknown key \"inetrfaec\"; did you mean "
       "\"interface\"? known "
       "keys: interface, dpdk, file, workers, promiscuous, direction, filter, "
       "ring_mib, snap_length"},
      {std::string(kSource) + "polciy: {}\n",
       "2:1: unknown key \"polciy\"; did you mean \"policy\"? known keys: "
       "sources, local_networks, facts, policy, metrics, flow_table, flow_log, "
       "state_directory, reload, dpdk"},
      {std::string(kSource) + "facts: {cuontry: x}\n",
       "2:9: facts: unknown key \"cuontry\"; did you mean \"country\"? known "
       "keys: "
       "country, asn, services, operators, jurisdictions, schemes, "
       "special_purpose, anycast, ranges"},
      {std::string(kSource) + "metrics: {port: 9469}\n",
       "2:11: metrics: unknown key \"port\"; known keys: listen, "
       "web_config"},
      {std::string(kSource) + "policy: {workload: []}\n",
       "2:10: policy: unknown key \"workload\"; did you mean \"workloads\"? "
       "known "
       "keys: undetermined, workloads, administration"},
      {std::string(kSource) + "metrics: {listen: 127.0.0.1:1}\nmetrics: {}\n",
       "3:1: key \"metrics\" stands twice; keep one of them"},
      {"- interface: eth0\n",
       "1:1: a list is not a map; write sources: ..., local_networks: ..., "
       "facts: ..., policy: ..., metrics: ..., flow_table: ..., flow_log: ..., "
       "state_directory: ..., reload: ..., dpdk: ..."},
  });
}

// A misspelt key is one problem: not also that the right one is missing.
TEST(LoadTest, ReportsAMisspeltKeyOnce) {
  EXPECT_THAT(
      ProblemsOf("source: []\n"),
      ElementsAre("1:1: unknown key \"source\"; did you mean \"sources\"? "
                  "known keys: sources, local_networks, facts, policy, "
                  "metrics, flow_table, flow_log, state_directory, reload, "
                  "dpdk"));
  EXPECT_THAT(
      ProblemsOf(std::string(kSource) +
                 "policy: {workloads: [{name: a, addressse: [any], requires: "
                 "{locaton: eu}}]}\n"),
      ElementsAre(StartsWith("2:32: policy.workloads[0]: unknown key "
                             "\"addressse\"; did you mean \"addresses\"?"),
                  StartsWith("2:61: policy.workloads[0].requires: unknown key "
                             "\"locaton\"; did you mean \"location\"?")));
}

TEST(LoadTest, ChecksSources) {
  ExpectProblems({
      {"sources: eth0\n",
       "1:10: sources: \"eth0\" is not a list; write [...], or lines that "
       "begin with '-'"},
      {"sources: [eth0]\n",
       "1:11: sources[0]: \"eth0\" is not a map; write interface: ..., dpdk: "
       "..., file: ..., workers: ..., promiscuous: ..., direction: ..., "
       "filter: ..., ring_mib: ..., snap_length: ..."},
      {"sources: [{}]\n",
       "1:11: sources[0]: names no source; write one of interface, dpdk or "
       "file"},
      {"sources: [{interface: eth0, file: x}]\n",
       "1:11: sources[0]: names several sources; write one of interface, dpdk "
       "or file"},
      {"sources: [{interface: a-name-too-long}, {interface: eth0/1}]\n",
       "1:53: sources[1].interface: \"eth0/1\" is not the name of a network "
       "interface; write one that `ip link` lists"},
      {"sources:\n  - interface: eth0\n  - interface: eth0\n",
       "3:16: sources[1].interface: \"eth0\" stands already on line 2; keep "
       "one of them"},
      {"sources: [{interface: eth0, workers: 0}]\n",
       "1:38: sources[0].workers: \"0\" is not a number from 1 to 64"},
      {"sources: [{interface: eth0, ring_mib: 1025}]\n",
       "1:39: sources[0].ring_mib: \"1025\" is not a number from 1 to 1024"},
      {"sources: [{interface: eth0, snap_length: 64}]\n",
       "1:42: sources[0].snap_length: \"64\" is not a number from 96 to 65535"},
      {"sources: [{interface: eth0, direction: up}]\n",
       "1:40: sources[0].direction: \"up\" is not a direction; write both, in "
       "or out"},
      {"sources: [{interface: eth0, promiscuous: 1}]\n",
       "1:42: sources[0].promiscuous: \"1\" is neither true nor false; write "
       "one of them"},
      {"sources: [{file: x.pcap, filter: ip}]\n",
       "1:34: sources[0].filter: belongs to a source that is an interface"},
      {"sources: [{dpdk: {workers: 1}}]\n",
       "1:18: sources[0].dpdk.devices is missing; write a list such as "
       "[\"0000:3b:00.0\"]"},
      {"sources: [{dpdk: {devices: []}}]\n",
       "1:28: sources[0].dpdk.devices: names no device; write for example "
       "[\"0000:3b:00.0\"]"},
      {"sources: [{dpdk: {devices: [a], workers: 65}}]\n",
       "1:42: sources[0].dpdk.workers: \"65\" is not a number from 1 to 64"},
  });
}

TEST(LoadTest, ReadsHowTheDaemonRuns) {
  const Config config =
      Read(std::string(kSource) +
               "flow_table: {memory_mib: 512, active_seconds: 5}\n"
               "flow_log: {path: flows.jsonl, verdicts: "
               "[violation, undetermined], rotate_mib: 10, "
               "rotate_hours: 1, ceiling_mib: 100}\n"
               "state_directory: /srv/octroi\n"
               "reload: on_change\n"
               "dpdk: {huge_pages: false, memory_mib: 300}\n",
           "/etc/octroi/octroi.yaml");

  EXPECT_EQ(config.live.flow_memory_mib, 512u);
  EXPECT_EQ(config.live.active_seconds, 5u);
  EXPECT_EQ(config.live.state_directory, "/srv/octroi");
  EXPECT_TRUE(config.live.reloads_on_change);
  EXPECT_FALSE(config.dpdk_memory.uses_huge_pages);
  EXPECT_EQ(config.dpdk_memory.mib, 300u);
  ASSERT_TRUE(config.live.flow_log);
  EXPECT_EQ(config.live.flow_log->path, "/etc/octroi/flows.jsonl");
  EXPECT_THAT(config.live.flow_log->verdicts,
              ElementsAre(Verdict::kViolation, Verdict::kUndetermined));
  EXPECT_EQ(config.live.flow_log->rotate_bytes, 10u << 20);
  EXPECT_EQ(config.live.flow_log->rotate_age_ns, 3'600'000'000'000);
  EXPECT_EQ(config.live.flow_log->ceiling_bytes, 100u << 20);
}

TEST(LoadTest, ChecksHowTheDaemonRuns) {
  const std::string source(kSource);
  ExpectProblems({
      {source + "flow_table: {memory_mib: 1}\n",
       "2:26: flow_table.memory_mib: \"1\" is not a number from 4 to 131072"},
      {source + "flow_log: {}\n",
       "2:11: flow_log.path is missing; write where, such as "
       "/var/log/octroi/flows.jsonl"},
      {source + "flow_log: {path: f, verdicts: [bad]}\n",
       "2:32: flow_log.verdicts[0]: \"bad\" is not a verdict; write "
       "not_judged, compliant, excepted, undetermined or violation"},
      {source + "flow_log: {path: f, verdicts: []}\n",
       "2:31: flow_log.verdicts: names no verdict; leave flow_log out for no "
       "records"},
      {source + "flow_log: {path: f, rotate_mib: 600}\n",
       "2:11: flow_log: ceiling_mib (1024) is less than twice rotate_mib "
       "(600): the file that is written and one rotated one must fit"},
      {source + "dpdk: {huge_pages: maybe}\n",
       "2:20: dpdk.huge_pages: \"maybe\" is neither true nor false; write one "
       "of them"},
      {source + "reload: always\n",
       "2:9: reload: \"always\" is not a time to load facts anew; write "
       "on_signal or on_change"},
  });
}

TEST(LoadTest, ChecksLocalNetworksAndMetrics) {
  const std::string source(kSource);
  ExpectProblems({
      {source + "local_networks: []\n",
       "2:17: local_networks: names no network; leave it out for the private "
       "networks and the interface's own addresses"},
      {source + "local_networks: [10.0.0.0/8, 10.0.0.0/8]\n",
       "2:30: local_networks[1]: 10.0.0.0/8 stands already on line 2; keep one "
       "of them"},
      {source + "local_networks: [10.0.0.1/8]\n",
       "2:18: local_networks[0]: \"10.0.0.1/8\" has host bits set; write "
       "10.0.0.0/8 for the network, or 10.0.0.1 for the address alone"},
      {source + "facts: {country: []}\n",
       "2:18: facts.country: names no database; leave it out for the embedded "
       "one"},
      {source + "facts: {asn: [a]}\n",
       "2:14: facts.asn: a list is not a text; write one value"},
  });
  for (const std::string listen :
       {"localhost:9469", "9469", "127.0.0.1", "127.0.0.1:65536",
        "127.0.0.1:-1", "127.0.0.1:", "::1:9469", "[127.0.0.1]:9469",
        "127.0.0.1:94x"}) {
    EXPECT_THAT(
        ProblemsOf(
            fmt::format("{}metrics: {{listen: \"{}\"}}\n", source, listen)),
        ElementsAre(fmt::format("2:19: metrics.listen: \"{}\" is nowhere to "
                                "listen; write an IP address and a port "
                                "(127.0.0.1:9469, [::1]:9469), unix:/PATH, "
                                "systemd or none",
                                listen)));
  }
  for (const std::string listen :
       {"0.0.0.0:0", "[2001:db8::1]:65535", "unix:/run/octroi/metrics.sock",
        "systemd", "none"}) {
    EXPECT_EQ(
        Read(fmt::format("{}metrics: {{listen: \"{}\"}}\n", source, listen))
            .metrics.listen.ToString(),
        listen);
  }
}

// A policy with one workload that has `rest` beside its name and addresses.
std::string WithWorkload(std::string_view rest) {
  return fmt::format(
      "{}policy:\n  workloads:\n    - name: a\n      addresses: [any]\n"
      "      {}\n",
      kSource, rest);
}

TEST(LoadTest, ChecksWorkloads) {
  const std::string source(kSource);
  const std::string requires_eu = "requires: {location: eu}";
  ExpectProblems({
      {source + "policy: {undetermined: reporx}\n",
       "2:24: policy.undetermined: \"reporx\" is not a way to treat what is "
       "undetermined; did you mean \"report\"? write report or violation"},
      {source + "policy: {workloads: []}\n",
       "2:21: policy.workloads: names no workload; leave it out for one that "
       "requires the EU"},
      {source + "policy: {workloads: [{addresses: [any], " + requires_eu +
           "}]}\n",
       "2:22: policy.workloads[0].name is missing; name the workload"},
      {source + "policy: {workloads: [{name: a, " + requires_eu + "}]}\n",
       "2:22: policy.workloads[0].addresses is missing; write a list of "
       "prefixes, or [any] for all local addresses that no other workload has"},
      {source + "policy: {workloads: [{name: a, addresses: [], " + requires_eu +
           "}]}\n",
       "2:43: policy.workloads[0].addresses: names no address; write a list of "
       "prefixes, or [any] for all local addresses that no other workload has"},
      {source + "policy: {workloads: [{name: " + std::string(65, 'n') +
           ", addresses: [any], " + requires_eu + "}]}\n",
       "2:29: policy.workloads[0].name: is longer than 64 characters"},
      {source +
           "policy:\n  workloads:\n"
           "  - {name: a, addresses: [10.0.0.0/8], " +
           requires_eu + "}\n  - {name: a, addresses: [any], " + requires_eu +
           "}\n",
       "5:12: policy.workloads[1].name: \"a\" stands already on line 4; keep "
       "one of them"},
      {source +
           "policy:\n  workloads:\n"
           "  - {name: a, addresses: [10.0.0.0/8], " +
           requires_eu + "}\n  - {name: b, addresses: [10.0.0.0/8], " +
           requires_eu + "}\n",
       "5:27: policy.workloads[1].addresses[0]: 10.0.0.0/8 stands already on "
       "line 4; keep one of them"},
      {source + "policy:\n  workloads:\n  - {name: a, addresses: [any], " +
           requires_eu + "}\n  - {name: b, addresses: [any], " + requires_eu +
           "}\n",
       "5:27: policy.workloads[1].addresses[0]: any stands already on line 4; "
       "keep one of them"},
      {WithWorkload("x: y\n      requires: {location: eu}"),
       "6:7: policy.workloads[0]: unknown key \"x\"; known keys: name, "
       "addresses, requires, "
       "exceptions"},
      {WithWorkload(""),
       "4:7: policy.workloads[0].requires is missing; say what destinations "
       "must be, such as {location: eu}"},
  });
}

TEST(LoadTest, ChecksRequirements) {
  const std::string at = "policy.workloads[0].requires";
  ExpectProblems({
      {WithWorkload("requires: {}"),
       "6:17: " + at +
           ": requires nothing; write location, control, allow, deny, "
           "qualification or minimum_seal"},
      {WithWorkload("requires: {location: ue}"),
       "6:28: " + at +
           ".location: \"ue\" is not a place; write eu, eea, adequate, or a "
           "list of country codes"},
      {WithWorkload("requires: {location: [eu, UK]}"),
       "6:33: " + at +
           ".location[1]: \"UK\" is not a place; write eu, eea, adequate, or a "
           "list of country codes"},
      {WithWorkload("requires: {location: [fr]}"),
       "6:29: " + at +
           ".location[0]: \"fr\" is not a place; write eu, eea, adequate, or a "
           "list of country codes"},
      {WithWorkload("requires: {location: [FR, FR]}"),
       "6:33: " + at +
           ".location[1]: FR stands already on line 6; keep one of them"},
      {WithWorkload("requires: {location: []}"),
       "6:28: " + at +
           ".location: names no place; write eu, eea, adequate, or a list of "
           "country codes"},
      {WithWorkload("requires: {control: us}"),
       "6:27: " + at +
           ".control: \"us\" is not a control that can be required; write eu"},
      {WithWorkload("requires: {minimum_seal: 5}"),
       "6:32: " + at + ".minimum_seal: \"5\" is not a number from 0 to 4"},
      {WithWorkload("requires: {location: eu, applies_to: all}"),
       "6:44: " + at +
           ".applies_to: \"all\" is not a direction; write opened_by_local or "
           "any"},
      {WithWorkload("requires: {qualification: {minimum_version: 3.2}}"),
       "6:33: " + at +
           ".qualification.scheme is missing; name the scheme, such as "
           "SecNumCloud"},
      {WithWorkload("requires: {qualification: {scheme: S, minimum_version: "
                    "three}}"),
       "6:62: " + at +
           ".qualification.minimum_version: \"three\" is not a version; write "
           "numbers with dots between them, such as \"3.2\""},
      {WithWorkload("requires: {qualification: {scheme: S, service_types: "
                    "[Iaas]}}"),
       "6:61: " + at +
           ".qualification.service_types[0]: \"Iaas\" is not a service type; "
           "did you mean \"IaaS\"? write IaaS, CaaS, PaaS or SaaS"},
      {WithWorkload("requires: {qualification: {scheme: S, service_types: "
                    "[]}}"),
       "6:60: " + at +
           ".qualification.service_types: names no service type; leave it out "
           "for any"},
  });
}

TEST(LoadTest, ChecksExceptions) {
  const auto with_exception = [](std::string_view exception) {
    return WithWorkload(
        fmt::format("requires: {{location: eu}}\n      exceptions:\n"
                    "        - {{{}}}",
                    exception));
  };
  const std::string at = "policy.workloads[0].exceptions[0]";
  ExpectProblems({
      {with_exception("destination: 203.0.113.0/24, reference: r, reason: x"),
       "8:11: " + at +
           ".until is missing; an exception needs an end date: write the last "
           "day on which it holds, YYYY-MM-DD"},
      {with_exception(
           "destination: 203.0.113.0/24, until: , reference: r, reason: x"),
       "8:11: " + at +
           ".until is missing; an exception needs an end date: write the last "
           "day on which it holds, YYYY-MM-DD"},
      {with_exception("destination: 203.0.113.0/24, until: never, reference: "
                      "r, reason: x"),
       "8:48: " + at + ".until: \"never\" is not a day; write YYYY-MM-DD"},
      {with_exception("until: 2026-12-31, reference: r, reason: x"),
       "8:11: " + at +
           ".destination is missing; write the prefix that is permitted, such "
           "as 203.0.113.0/24"},
      {with_exception("destination: 203.0.113.7/24, until: 2026-12-31, "
                      "reference: r, reason: x"),
       "8:25: " + at +
           ".destination: \"203.0.113.7/24\" has host bits set; write "
           "203.0.113.0/24 for the network, or 203.0.113.7 for the address "
           "alone"},
      {with_exception("destination: 203.0.113.0/24, until: 2026-12-31, reason: "
                      "x"),
       "8:11: " + at +
           ".reference is missing; write where the decision is recorded, such "
           "as a ticket"},
      {with_exception("destination: 203.0.113.0/24, until: 2026-12-31, "
                      "reference: r, reason: \"\""),
       "8:82: " + at + ".reason: is empty; a value is needed"},
      {with_exception("destination: 203.0.113.0/24, port: 0, until: "
                      "2026-12-31, reference: r, reason: x"),
       "8:47: " + at + ".port: \"0\" is not a number from 1 to 65535"},
      {with_exception("destination: 203.0.113.0/24, port: [443, 70000], until: "
                      "2026-12-31, reference: r, reason: x"),
       "8:53: " + at + ".port[1]: \"70000\" is not a number from 1 to 65535"},
      {with_exception("destination: 203.0.113.0/24, port: [443, 443], until: "
                      "2026-12-31, reference: r, reason: x"),
       "8:53: " + at +
           ".port[1]: 443 stands already on line 8; keep one of them"},
      {with_exception("destination: 203.0.113.0/24, port: [], until: "
                      "2026-12-31, reference: r, reason: x"),
       "8:47: " + at + ".port: names no port; leave it out for any"},
  });
}

TEST(LoadTest, ReadsAllowAndDenyListsAndPortsOfExceptions) {
  const Config config = Read(WithWorkload(
      "requires:\n"
      "        allow: {operators: [Acme SA, \"B, Inc.\"], services: [iaas]}\n"
      "        deny: {countries: [CN, RU], laws: [CLOUD-Act]}\n"
      "      exceptions:\n"
      "        - {destination: 203.0.113.0/24, port: 443, until: 2026-12-31,\n"
      "           reference: r, reason: x}\n"
      "        - {destination: 203.0.113.0/24, port: [25, 587], until: "
      "2026-12-31, reference: r, reason: x}\n"
      "        - {destination: 203.0.113.0/24, until: 2026-12-31, reference: "
      "r, reason: x}\n"));

  const Workload& workload = config.policy.workloads[0];
  ASSERT_TRUE(workload.requirement.allow.has_value());
  EXPECT_THAT(workload.requirement.allow->operators,
              ElementsAre("Acme SA", "B, Inc."));
  EXPECT_THAT(workload.requirement.allow->services, ElementsAre("iaas"));
  EXPECT_THAT(
      workload.requirement.deny.countries,
      ElementsAre(*CountryCode::Parse("CN"), *CountryCode::Parse("RU")));
  EXPECT_THAT(workload.requirement.deny.laws, ElementsAre("CLOUD-Act"));
  ASSERT_THAT(workload.exceptions, SizeIs(3));
  EXPECT_THAT(workload.exceptions[0].ports, ElementsAre(443));
  EXPECT_THAT(workload.exceptions[1].ports, ElementsAre(25, 587));
  EXPECT_THAT(workload.exceptions[2].ports, IsEmpty());
}

TEST(LoadTest, ChecksAllowAndDenyLists) {
  const std::string at = "policy.workloads[0].requires";
  ExpectProblems({
      {WithWorkload("requires: {allow: {}}"),
       "6:25: " + at + ".allow: allows nothing; write operators or services"},
      {WithWorkload("requires: {allow: {operators: []}}"),
       "6:37: " + at + ".allow.operators: names nothing; leave it out"},
      {WithWorkload("requires: {allow: {services: [a, a]}}"),
       "6:40: " + at +
           ".allow.services[1]: \"a\" stands already on line 6; keep one of "
           "them"},
      {WithWorkload("requires: {deny: {}}"),
       "6:24: " + at + ".deny: denies nothing; write countries or laws"},
      {WithWorkload("requires: {deny: {countries: [cn]}}"),
       "6:37: " + at +
           ".deny.countries[0]: \"cn\" is not a country; write its code of "
           "two capital letters (ISO 3166-1), such as CN"},
      {WithWorkload("requires: {deny: {countries: []}}"),
       "6:36: " + at + ".deny.countries: names nothing; leave it out"},
      {WithWorkload("requires: {deny: {lawz: [x]}}"),
       "6:25: " + at +
           ".deny: unknown key \"lawz\"; did you mean \"laws\"? known keys: "
           "countries, laws"},
  });
}

TEST(LoadTest, ChecksAdministration) {
  const std::string source(kSource);
  ExpectProblems({
      {source + "policy: {administration: {ports: [22, 0]}}\n",
       "2:39: policy.administration.ports[1]: \"0\" is not a number from 1 to "
       "65535"},
      {source + "policy: {administration: {ports: [22, 22]}}\n",
       "2:39: policy.administration.ports[1]: 22 stands already on line 2; "
       "keep one of them"},
      {source + "policy: {administration: {from: mars}}\n",
       "2:33: policy.administration.from: \"mars\" is not a place; write eu, "
       "eea, adequate, or a list of country codes"},
  });
}

TEST(LoadTest, ReportsEveryProblemInTheOrderOfTheFile) {
  EXPECT_THAT(ProblemsOf("metrics: {listen: x}\n"
                         "policy:\n"
                         "  undetermined: x\n"
                         "  polciy: x\n"
                         "local_networks: [x]\n"
                         "sources: [{interface: eth0, dkdp: x}]\n"),
              ElementsAre(StartsWith("1:19: metrics.listen:"),
                          StartsWith("3:17: policy.undetermined:"),
                          StartsWith("4:3: policy: unknown key"),
                          StartsWith("5:18: local_networks[0]:"),
                          StartsWith("6:29: sources[0]: unknown key")));
}

TEST(LoadTest, ReadsAFile) {
  const TempDir dir;
  const std::string path =
      dir.Write("octroi.yaml", "sources: [{file: x.pcap}]\n");

  const LoadedConfig loaded = LoadConfig(path, {});
  const LoadedConfig missing = LoadConfig(dir.Path("no.yaml"), {});

  ASSERT_TRUE(loaded.config.has_value()) << LinesOf(loaded.problems)[0];
  EXPECT_EQ(loaded.config->sources[0].file, dir.Path("x.pcap"));
  EXPECT_FALSE(missing.config.has_value());
  EXPECT_THAT(LinesOf(missing.problems),
              ElementsAre(EndsWith("no.yaml: cannot be read: No such file or "
                                   "directory")));
}

TEST(LoadTest, ChecksThePolicyAgainstTheFacts) {
  Facts facts;
  SchemeRow scheme;
  scheme.scheme = "SecNumCloud";
  scheme.versions = {"3.1", "3.2"};
  facts.schemes.push_back(scheme);
  scheme.scheme = "ENS";
  scheme.versions.clear();
  facts.schemes.push_back(scheme);
  const auto problems_of = [&](const std::string& qualification) {
    return LinesOf(CheckPolicyAgainstFacts(
        Read(
            WithWorkload("requires: {qualification: {" + qualification + "}}")),
        facts));
  };

  EXPECT_THAT(problems_of("scheme: SecNumCloud, minimum_version: 3.2"),
              IsEmpty());
  EXPECT_THAT(problems_of("scheme: ENS, minimum_version: 9"), IsEmpty());
  EXPECT_THAT(
      problems_of("scheme: SecNumClod"),
      ElementsAre("octroi.yaml:6:42: "
                  "policy.workloads[0].requires.qualification.scheme: unknown "
                  "scheme \"SecNumClod\"; did you mean \"SecNumCloud\"? known "
                  "schemes: SecNumCloud, ENS"));
  EXPECT_THAT(
      problems_of("scheme: SecNumCloud, minimum_version: 4.0"),
      ElementsAre("octroi.yaml:6:72: "
                  "policy.workloads[0].requires.qualification.minimum_version: "
                  "\"4.0\" is not a version of SecNumCloud; write 3.1 or 3.2"));
  EXPECT_THAT(CheckPolicyAgainstFacts(DefaultConfig(), facts), IsEmpty());
}

TEST(LoadTest, ChecksTheNamesOfListsAgainstTheFacts) {
  const auto facts =
      testing::FactsBuilder()
          .Operator(
              {.asn = 64496, .name = "Acme SA", .law = "FISA-702;CLOUD-Act"})
          .Service({.id = "acme-iaas"})
          .Build();
  const auto problems_of = [&](const std::string& requirement) {
    return LinesOf(CheckPolicyAgainstFacts(
        Read(WithWorkload("requires: {" + requirement + "}")), *facts));
  };
  const std::string at = "policy.workloads[0].requires.";

  EXPECT_THAT(
      problems_of("allow: {operators: [Acme SA], services: [acme-iaas]}, "
                  "deny: {laws: [CLOUD-Act, FISA-702]}"),
      IsEmpty());
  EXPECT_THAT(
      problems_of("allow: {operators: [Acme SA, Acme SAS]}"),
      ElementsAre("octroi.yaml:6:47: " + at +
                  "allow.operators[1]: unknown operator \"Acme SAS\"; did you "
                  "mean \"Acme SA\"? write one of the names of operators.csv"));
  EXPECT_THAT(problems_of("allow: {services: [nothing-like-it]}"),
              ElementsAre("octroi.yaml:6:37: " + at +
                          "allow.services[0]: unknown service "
                          "\"nothing-like-it\"; write one of the service_ids "
                          "of qualified_services.csv"));
  EXPECT_THAT(problems_of("deny: {laws: [CLOUD-ACT]}"),
              ElementsAre("octroi.yaml:6:32: " + at +
                          "deny.laws[0]: unknown law \"CLOUD-ACT\"; did you "
                          "mean \"CLOUD-Act\"? write one of the "
                          "extraterritorial_laws of operators.csv"));
}

}  // namespace
}  // namespace octroi
