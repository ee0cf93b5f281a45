// SPDX-License-Identifier: Apache-2.0
// The process: reads the command line, fills in what surrounds a command, and
// hands over. Every object that lives as long as the process stands here.

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "agent/catalogue_command.h"
#include "agent/catalogue_review_command.h"
#include "agent/check_command.h"
#include "agent/command.h"
#include "agent/explain_command.h"
#include "agent/facts_command.h"
#include "agent/installation.h"
#include "agent/ranges_command.h"
#include "agent/replay_command.h"
#include "agent/run_command.h"
#include "config/suggest.h"
#include "dataplane/limits.h"
#include "fmt/format.h"

namespace octroi {
namespace {

std::optional<int> TerminalColumns(int descriptor) {
  winsize size{};
  if (isatty(descriptor) == 0) return std::nullopt;
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

Surroundings SurroundingsOfProcess() {
  Surroundings surroundings;
  surroundings.out = &std::cout;
  surroundings.errors = &std::cerr;
  surroundings.out_columns = TerminalColumns(STDOUT_FILENO);
  // no-color.org: any non-empty value means without.
  const char* no_color = std::getenv("NO_COLOR");
  surroundings.use_color = surroundings.out_columns.has_value() &&
                           (no_color == nullptr || *no_color == '\0');
  surroundings.show_progress = isatty(STDERR_FILENO) != 0;
  surroundings.facts_dir = EmbeddedFactsDir();
  surroundings.now_ns = [] {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  return surroundings;
}

const std::map<std::string, ReplayFormat> kReplayFormats = {
    {"table", ReplayFormat::kTable},
    {"json", ReplayFormat::kJson},
    {"csv", ReplayFormat::kCsv}};
const std::map<std::string, Verdict> kFailOn = {
    {"violation", Verdict::kViolation},
    {"undetermined", Verdict::kUndetermined}};

const std::map<std::string, CatalogueFormat> kListFormats = {
    {"table", CatalogueFormat::kText},
    {"json", CatalogueFormat::kJson},
    {"csv", CatalogueFormat::kCsv}};
const std::map<std::string, CatalogueFormat> kTableFormats = {
    {"table", CatalogueFormat::kText}, {"json", CatalogueFormat::kJson}};
const std::map<std::string, CatalogueFormat> kTextFormats = {
    {"text", CatalogueFormat::kText}, {"json", CatalogueFormat::kJson}};

// The options of every command, as CLI11 fills them in.
struct CommandLine {
  ReplayCommandOptions replay;
  std::vector<std::string> local;
  Verdict fail_on = Verdict::kViolation;
  uint64_t memory_limit_bytes = ReplayCommandOptions().memory_limit_bytes;
  RunCommandOptions run;
  ExplainCommandOptions explain;
  std::string explain_format = "text";
  CheckCommandOptions check;
  FactsCompareOptions facts_compare;
  std::string facts_compare_format = "table";
  RangesImportOptions ranges_import;
  CatalogueListOptions catalogue_list;
  CatalogueShowOptions catalogue_show;
  CatalogueDiffOptions catalogue_diff;
  CatalogueCheckOptions catalogue_check;
};

void AddReplay(CLI::App* app, CommandLine* line) {
  CLI::App* replay = app->add_subcommand(
      "replay",
      "Say where the packets of captures went, and what the policy "
      "says of it");
  replay
      ->add_option("captures", line->replay.captures,
                   "pcap or pcapng files, also compressed with gzip or zstd; "
                   "- is standard input")
      ->required();
  replay->add_option("--config", line->replay.config_path,
                     "Policy and facts (octroi.yaml)");
  replay
      ->add_option("--local", line->local,
                   "Local networks, CIDR,... (default: private address space)")
      ->delimiter(',');
  replay
      ->add_option("--at", line->replay.at,
                   "Judge by the facts of: capture, now, YYYY-MM-DD")
      ->capture_default_str();
  replay
      ->add_option("--workers", line->replay.worker_count,
                   "Threads that decode and meter; the result is the same for "
                   "any number")
      ->check(CLI::Range(uint32_t{1}, kMaxWorkers))
      ->capture_default_str();
  replay
      ->add_option("--memory-limit", line->memory_limit_bytes,
                   "Memory for flow records, e.g. 2GB; reaching it is said in "
                   "the result")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(uint64_t{64} << 20, uint64_t{1} << 44));
  replay->add_option("--format", line->replay.format, "table, json or csv")
      ->transform(CLI::CheckedTransformer(kReplayFormats))
      ->option_text("table|json|csv");
  replay->add_option("--flows", line->replay.flows_path,
                     "Write flow records to this file (JSON Lines)");
  replay
      ->add_option("--compare-at", line->replay.compare_at,
                   "List the flows whose verdict changes between two times, "
                   "such as 2025-12-01,now")
      ->option_text("A,B");
  replay->add_option("--inventory", line->replay.inventory_path,
                     "Write the third parties that were seen to this file "
                     "(CSV)");
  replay->add_option("--register", line->replay.register_path,
                     "Your register of providers (CSV): the inventory says "
                     "which are not in it");
  replay
      ->add_option("--fail-on", line->fail_on,
                   "Exit with 3 if any flow has this verdict or a worse one")
      ->transform(CLI::CheckedTransformer(kFailOn))
      ->option_text("violation|undetermined");
}

void AddExplain(CLI::App* app, CommandLine* line) {
  CLI::App* explain = app->add_subcommand(
      "explain",
      "Show every claim about an address, its source, and the "
      "verdict that it leads to");
  explain->add_option("address", line->explain.address, "IPv4 or IPv6 address")
      ->required();
  explain->add_option("--config", line->explain.config_path,
                      "Policy and facts (octroi.yaml)");
  explain->add_option("--from", line->explain.from,
                      "A local address: judge for its workload alone");
  explain
      ->add_option("--port", line->explain.port,
                   "The service's port, which exceptions may be confined to")
      ->check(CLI::Range(1, 65535))
      ->option_text("1..65535");
  explain
      ->add_option("--at", line->explain.at,
                   "Judge by the facts of: now, YYYY-MM-DD")
      ->capture_default_str();
  explain->add_option("--format", line->explain_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

void AddRun(CLI::App* app, CommandLine* line) {
  CLI::App* run = app->add_subcommand(
      "run", "Receive packets until told to end: the daemon");
  run->add_option("--config", line->run.config_path, "octroi.yaml")->required();
}

void AddCheck(CLI::App* app, CommandLine* line) {
  CLI::App* check = app->add_subcommand(
      "check",
      "Say every problem of a configuration and of the facts that it "
      "names, or whether its policy says what is expected");
  check->add_option("--config", line->check.config_path, "octroi.yaml")
      ->required();
  check->add_option("--expect", line->check.expect_path,
                    "Flows and the verdicts that the policy must give them "
                    "(CSV)");
}

void AddFacts(CLI::App* app, CommandLine* line) {
  CLI::App* facts = app->add_subcommand("facts", "Say how good the facts are");
  facts->require_subcommand(1);
  CLI::App* compare = facts->add_subcommand(
      "compare",
      "Compare country databases over the whole address space, and say whose "
      "space is contested");
  compare->add_option("databases", line->facts_compare.databases,
                      "Databases beside the configured ones: MMDB files, "
                      "folders of their builds, text files as Tor reads them");
  compare->add_option("--config", line->facts_compare.config_path,
                      "Policy and facts (octroi.yaml)");
  compare
      ->add_option("--at", line->facts_compare.at,
                   "Compare by the regimes of: now, YYYY-MM-DD")
      ->capture_default_str();
  compare->add_option("--format", line->facts_compare_format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

void AddRanges(CLI::App* app, CommandLine* line) {
  CLI::App* ranges = app->add_subcommand(
      "ranges", "Files of address ranges, for facts.ranges");
  ranges->require_subcommand(1);
  CLI::App* import = ranges->add_subcommand(
      "import",
      "Turn a provider's published list of address ranges into a file for "
      "facts.ranges");
  RangesImportOptions& options = line->ranges_import;
  import
      ->add_option("file", options.file,
                   "The provider's file; - is standard input")
      ->required();
  import
      ->add_option("--from", options.from,
                   "Format: aws, google, azure, oracle, cloudflare, fastly, "
                   "github, outscale, geofeed, cidr")
      ->required();
  import->add_option("--provider", options.provider,
                     "Who runs the addresses; needed for geofeed and cidr");
  import->add_option("--region", options.region,
                     "Region of all ranges: for outscale and cidr");
  import->add_option("--country", options.country,
                     "Country of all ranges: for outscale and cidr");
  import->add_option("--service", options.service,
                     "service_id of all ranges in qualified_services.csv");
  import->add_option("--grade", options.grade,
                     "asserted, published or derived (default: asserted for "
                     "cidr, else published)");
  import->add_option("--source", options.source,
                     "Who says so and on what ground (default: the file's "
                     "name and version)");
  import->add_option("--retrieved", options.retrieved,
                     "YYYY-MM-DD (default: the day of the file)");
}

void AddCatalogueChoice(CLI::App* command, CatalogueChoice* choice) {
  command->add_option("--config", choice->config_path,
                      "Take the catalogue of this configuration (octroi.yaml)");
}

void AddCatalogueDay(CLI::App* command, std::string* at) {
  command->add_option("--at", *at, "The day of the answer: now, YYYY-MM-DD")
      ->capture_default_str();
}

void AddCatalogueFormat(CLI::App* command, CatalogueFormat* format,
                        const std::map<std::string, CatalogueFormat>& formats,
                        const std::string& names) {
  command->add_option("--format", *format, "How the result is written")
      ->transform(CLI::CheckedTransformer(formats))
      ->option_text(names);
}

void AddCatalogueList(CLI::App* catalogue, CatalogueListOptions* options) {
  CLI::App* list = catalogue->add_subcommand(
      "list", "Say what every service is on a day, and until when");
  AddCatalogueDay(list, &options->at);
  list->add_option("--provider", options->provider, "Only of this provider");
  list->add_option("--type", options->type, "Only of this type")
      ->check(CLI::IsMember({"IaaS", "CaaS", "PaaS", "SaaS", "unknown"}));
  list->add_option("--state", options->state, "Only in this state")
      ->check(CLI::IsMember({"qualified", "in_qualification", "expired",
                             "suspended", "withdrawn", "none", "unknown"}));
  list->add_option("--catalogue", options->choice.catalogue_path,
                   "This file instead of the embedded or configured one");
  AddCatalogueChoice(list, &options->choice);
  AddCatalogueFormat(list, &options->format, kListFormats, "table|json|csv");
}

void AddCatalogueShow(CLI::App* catalogue, CatalogueShowOptions* options) {
  CLI::App* show = catalogue->add_subcommand(
      "show", "Show every row of a service, its ranges, and its neighbours");
  show->add_option("service", options->service,
                   "service_id; or a name that one service alone has")
      ->required();
  AddCatalogueDay(show, &options->at);
  show->add_option("--catalogue", options->choice.catalogue_path,
                   "This file instead of the embedded or configured one");
  AddCatalogueChoice(show, &options->choice);
  AddCatalogueFormat(show, &options->format, kTextFormats, "text|json");
}

void AddCatalogueDiff(CLI::App* catalogue, CatalogueDiffOptions* options) {
  CLI::App* diff = catalogue->add_subcommand(
      "diff", "Say what changed between two catalogues");
  diff->add_option("old", options->before_path, "The older file")->required();
  diff->add_option("new", options->after_path, "The newer file")->required();
  AddCatalogueFormat(diff, &options->format, kTableFormats, "table|json");
}

void AddCatalogueCheck(CLI::App* catalogue, CatalogueCheckOptions* options) {
  CLI::App* check = catalogue->add_subcommand(
      "check", "Say what in a catalogue is wrong, doubtful or about to expire");
  check->add_option("file", options->choice.catalogue_path,
                    "The file (default: the embedded or configured one)");
  AddCatalogueDay(check, &options->at);
  AddCatalogueChoice(check, &options->choice);
  AddCatalogueFormat(check, &options->format, kTableFormats, "table|json");
}

void AddCatalogue(CLI::App* app, CommandLine* line) {
  CLI::App* catalogue = app->add_subcommand(
      "catalogue",
      "Say what is qualified, until when, what changed, and what is wrong");
  catalogue->require_subcommand(1);
  AddCatalogueList(catalogue, &line->catalogue_list);
  AddCatalogueShow(catalogue, &line->catalogue_show);
  AddCatalogueDiff(catalogue, &line->catalogue_diff);
  AddCatalogueCheck(catalogue, &line->catalogue_check);
}

ExitCode RunCatalogueCommand(const CLI::App& command, const CommandLine& line,
                             const Surroundings& surroundings) {
  const std::string name = command.get_subcommands().front()->get_name();
  if (name == "list") {
    return RunCatalogueList(line.catalogue_list, surroundings);
  }
  if (name == "show") {
    return RunCatalogueShow(line.catalogue_show, surroundings);
  }
  if (name == "diff") {
    return RunCatalogueDiff(line.catalogue_diff, surroundings);
  }
  return RunCatalogueCheck(line.catalogue_check, surroundings);
}

ExitCode RunReplayCommand(const CLI::App& command, CommandLine* line,
                          const Surroundings& surroundings) {
  if (command.count("--local") != 0) {
    line->replay.local_networks.emplace();
    for (const std::string& text : line->local) {
      const absl::StatusOr<IpPrefix> prefix = IpPrefix::Parse(text);
      if (!prefix.ok()) {
        WriteError(surroundings,
                   "--local: " + std::string(prefix.status().message()));
        return kExitUsage;
      }
      line->replay.local_networks->push_back(*prefix);
    }
  }
  if (command.count("--fail-on") != 0) line->replay.fail_on = line->fail_on;
  line->replay.memory_limit_bytes = line->memory_limit_bytes;
  return RunReplay(line->replay, surroundings);
}

// "replay, explain, ... or version".
std::string CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command :
       app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  std::rotate(names.begin(), names.begin() + 1, names.end());  // version last
  return OneOf(std::vector<std::string_view>(names.begin(), names.end()));
}

// CLI11 says of a command that it does not know that a command is missing.
std::string WhatIsWrong(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* catalogue = app.get_subcommand("catalogue");
  if (catalogue->parsed() && catalogue->get_subcommands().empty()) {
    return "catalogue needs to be told what to do; write list, show, diff or "
           "check";
  }
  const std::vector<std::string> not_understood = app.remaining();
  if (!app.get_subcommands().empty() || not_understood.empty()) {
    return error.what();
  }
  return "\"" + not_understood.front() + "\" is not a command";
}

int Main(int argc, char** argv) {
  // A reader that closes the pipe early is an error of writing, not a signal.
  std::signal(SIGPIPE, SIG_IGN);
  const Surroundings surroundings = SurroundingsOfProcess();
  CommandLine line;
  CLI::App app(
      "octroi says where network traffic goes, whose law reaches the "
      "operator there, and whether the cloud service was qualified.",
      "octroi");
  app.require_subcommand(1);
  app.add_subcommand("version", "Show the version and what was built in");
  AddReplay(&app, &line);
  AddRun(&app, &line);
  AddExplain(&app, &line);
  AddCheck(&app, &line);
  AddFacts(&app, &line);
  AddRanges(&app, &line);
  AddCatalogue(&app, &line);
  const auto is_named = [argv](const CLI::App* command) {
    return command->get_name() == argv[1];
  };
  if (argc > 1 && argv[1][0] != '-' && app.get_subcommands(is_named).empty()) {
    WriteError(surroundings, fmt::format("\"{}\" is not a command; write {}",
                                         argv[1], CommandNames(app)));
    return kExitUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    WriteError(surroundings, WhatIsWrong(app, error) +
                                 "; `octroi --help` and `octroi COMMAND "
                                 "--help` show what is accepted");
    return kExitUsage;
  }
  const CLI::App& command = *app.get_subcommands().front();
  if (command.get_name() == "replay") {
    return RunReplayCommand(command, &line, surroundings);
  }
  if (command.get_name() == "run") {
    return RunDaemon(line.run, surroundings);
  }
  if (command.get_name() == "explain") {
    line.explain.is_json = line.explain_format == "json";
    return RunExplain(line.explain, surroundings);
  }
  if (command.get_name() == "check") {
    return RunCheck(line.check, surroundings);
  }
  if (command.get_name() == "facts") {
    line.facts_compare.is_json = line.facts_compare_format == "json";
    return RunFactsCompare(line.facts_compare, surroundings);
  }
  if (command.get_name() == "ranges") {
    return RunRangesImport(line.ranges_import, surroundings);
  }
  if (command.get_name() == "catalogue") {
    return RunCatalogueCommand(command, line, surroundings);
  }
  std::cout << VersionText();
  return FinishOutput(surroundings);
}

}  // namespace
}  // namespace octroi

int main(int argc, char** argv) {
  try {
    return octroi::Main(argc, argv);
  } catch (const std::bad_alloc&) {
    std::cerr << "octroi: out of memory; lower --memory-limit or give the "
                 "machine more\n";
  } catch (const std::exception& error) {
    std::cerr << "octroi: unexpected failure: " << error.what()
              << "; please report it\n";
  }
  return octroi::kExitFailed;
}
