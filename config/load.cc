// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <utility>

#include "config/country_list.h"
#include "config/suggest.h"
#include "config/text_file.h"
#include "config/yaml.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "policy/qualification.h"
#include "policy/workload_index.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPlaces[] = {"eu", "eea", "adequate"};
constexpr std::string_view kControls[] = {"eu"};
constexpr std::string_view kServiceTypes[] = {"IaaS", "CaaS", "PaaS", "SaaS"};
constexpr std::string_view kUndetermined[] = {"report", "violation"};
constexpr std::string_view kAppliesTo[] = {"opened_by_local", "any"};
constexpr std::string_view kDirections[] = {"both", "in", "out"};
constexpr size_t kMaxNameCharacters = 64;
// IFNAMSIZ - 1 of Linux.
constexpr size_t kMaxInterfaceNameBytes = 15;
constexpr int kMaxPort = 65535;

// Remembers what may stand only once in a file, and on which line it did.
template <typename Key>
class Once {
 public:
  // Adds a problem, and returns false, if `key` was seen before; `name` is how
  // the message calls it.
  bool Check(const Key& key, std::string_view name, const YamlField& field) {
    const auto [found, is_new] = line_of_.emplace(key, field.line());
    if (!is_new) {
      field.Error(fmt::format("{} stands already on line {}; keep one of them",
                              name, found->second));
    }
    return is_new;
  }

 private:
  std::map<Key, int> line_of_;
};

// Reads one document into a Config. Each function reads the part that it is
// named after, and adds a problem for whatever is not as it must be.
class ConfigReader {
 public:
  ConfigReader(const std::string& path, const LoadOptions& options)
      : folder_(fs::path(path).parent_path()), options_(options) {
    config_ = DefaultConfig();
    config_.path = path;
  }

  void Read(const YamlField& root);
  Config TakeConfig() { return std::move(config_); }

 private:
  void ReadSources(const YamlMap& root);
  std::optional<SourceOptions> ReadSource(const YamlField& field);
  void ReadInterface(const YamlField& name, const YamlMap& map,
                     InterfaceOptions* interface);
  void ReadDpdk(const YamlField& field, SourceOptions* source);
  void ReadDpdkMemory(const YamlField& field);
  void ReadLocalNetworks(const YamlField& field);
  void ReadFacts(const YamlField& field);
  void ReadMetrics(const YamlField& field);
  void ReadFlowTable(const YamlField& field);
  void ReadFlowLog(const YamlField& field);

  void ReadPolicy(const YamlField& field);
  void ReadWorkloads(const YamlField& field);
  void ReadWorkload(const YamlField& field);
  void ReadAddresses(const YamlMap& map, Workload* workload);
  Requirement ReadRequirement(const YamlField& field,
                              RequirementPlaces* places);
  QualificationRequirement ReadQualification(const YamlField& field,
                                             RequirementPlaces* places);
  AllowList ReadAllow(const YamlField& field, RequirementPlaces* places);
  DenyList ReadDeny(const YamlField& field, RequirementPlaces* places);
  // Names, each once, and where they stand.
  std::vector<std::string> ReadNames(const YamlField& field,
                                     std::vector<ConfigPlace>* places);
  // Verdicts, each once.
  std::vector<Verdict> ReadVerdicts(const YamlField& field);
  // Ports, each once.
  std::vector<uint16_t> ReadPorts(std::span<const YamlField> items);
  void ReadExceptions(const YamlField& field, Workload* workload);
  std::optional<Exception> ReadException(const YamlField& field);
  void ReadAdministration(const YamlField& field);
  LocationRequirement ReadLocation(const YamlField& field);

  // A path as the file writes it, from the file's directory if relative.
  std::string ReadPath(const YamlField& field);

  const fs::path folder_;
  const LoadOptions& options_;
  Config config_;

  // What is unique in the whole file.
  Once<std::string> source_names_;
  Once<std::string> workload_names_;
  Once<IpPrefix> workload_prefixes_;
  Once<std::string> workload_any_;
};

void ConfigReader::Read(const YamlField& root) {
  constexpr std::string_view kKeys[] = {
      "sources",    "local_networks", "facts",           "policy", "metrics",
      "flow_table", "flow_log",       "state_directory", "reload", "dpdk"};
  constexpr std::string_view kReloads[] = {"on_signal", "on_change"};
  const YamlMap map = root.ReadMap(kKeys);
  ReadSources(map);
  if (const auto field = map.Find("local_networks")) ReadLocalNetworks(*field);
  if (const auto field = map.Find("facts")) ReadFacts(*field);
  if (const auto field = map.Find("policy")) ReadPolicy(*field);
  if (const auto field = map.Find("metrics")) ReadMetrics(*field);
  if (const auto field = map.Find("dpdk")) ReadDpdkMemory(*field);
  if (const auto field = map.Find("flow_table")) ReadFlowTable(*field);
  if (const auto field = map.Find("flow_log")) ReadFlowLog(*field);
  if (const auto field = map.Find("state_directory")) {
    config_.live.state_directory = ReadPath(*field);
  }
  if (const auto field = map.Find("reload")) {
    config_.live.reloads_on_change =
        field->ReadWord("a time to load facts anew", kReloads) == "on_change";
  }
}

void ConfigReader::ReadFlowTable(const YamlField& field) {
  constexpr std::string_view kKeys[] = {"memory_mib", "active_seconds"};
  const YamlMap map = field.ReadMap(kKeys);
  if (const auto memory = map.Find("memory_mib")) {
    config_.live.flow_memory_mib = static_cast<uint32_t>(
        memory->ReadInteger(kMinFlowMemoryMib, kMaxFlowMemoryMib)
            .value_or(config_.live.flow_memory_mib));
  }
  if (const auto active = map.Find("active_seconds")) {
    config_.live.active_seconds =
        static_cast<uint32_t>(active->ReadInteger(1, kMaxActiveSeconds)
                                  .value_or(config_.live.active_seconds));
  }
}

void ConfigReader::ReadFlowLog(const YamlField& field) {
  constexpr std::string_view kKeys[] = {"path", "verdicts", "rotate_mib",
                                        "rotate_hours", "ceiling_mib"};
  constexpr int64_t kMib = 1 << 20;
  constexpr int64_t kHourNs = int64_t{3600} * 1'000'000'000;
  constexpr int64_t kMaxMib = 1 << 20;
  constexpr int64_t kMaxHours = 366 * 24;
  const YamlMap map = field.ReadMap(kKeys);
  FlowLogOptions log;
  if (const auto path = map.Require(
          "path", "write where, such as /var/log/octroi/flows.jsonl")) {
    log.path = ReadPath(*path);
  }
  if (const auto verdicts = map.Find("verdicts")) {
    log.verdicts = ReadVerdicts(*verdicts);
  }
  const auto read_number = [&](std::string_view key, int64_t lowest,
                               int64_t highest, int64_t unit, auto* number) {
    const auto found = map.Find(key);
    if (!found) return;
    const auto value = found->ReadInteger(lowest, highest);
    if (value)
      *number = static_cast<std::decay_t<decltype(*number)>>(*value * unit);
  };
  read_number("rotate_mib", 1, kMaxMib, kMib, &log.rotate_bytes);
  read_number("rotate_hours", 0, kMaxHours, kHourNs, &log.rotate_age_ns);
  read_number("ceiling_mib", 2, kMaxMib, kMib, &log.ceiling_bytes);
  if (log.ceiling_bytes < 2 * log.rotate_bytes) {
    field.Error(fmt::format(
        "ceiling_mib ({}) is less than twice rotate_mib ({}): the file that is "
        "written and one rotated one must fit",
        log.ceiling_bytes / kMib, log.rotate_bytes / kMib));
  }
  config_.live.flow_log = std::move(log);
}

std::vector<Verdict> ConfigReader::ReadVerdicts(const YamlField& field) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < static_cast<size_t>(Verdict::kCount); ++i) {
    names.push_back(VerdictName(static_cast<Verdict>(i)));
  }
  std::vector<Verdict> verdicts;
  const std::vector<YamlField> items = field.ReadList();
  if (field.is_list() && items.empty()) {
    field.Error("names no verdict; leave flow_log out for no records");
  }
  Once<std::string> seen;
  for (const YamlField& item : items) {
    const auto word = item.ReadWord("a verdict", names);
    if (!word || !seen.Check(*word, *word, item)) continue;
    verdicts.push_back(*ParseVerdict(*word));
  }
  return verdicts;
}

void ConfigReader::ReadSources(const YamlMap& root) {
  constexpr std::string_view kHint =
      "write where packets come from, for example [{interface: eth0}]";
  const auto sources = options_.needs_sources ? root.Require("sources", kHint)
                                              : root.Find("sources");
  if (!sources) return;
  const std::vector<YamlField> items = sources->ReadList();
  if (sources->is_list() && items.empty() && options_.needs_sources) {
    sources->Error(fmt::format("names no source; {}", kHint));
  }
  for (const YamlField& item : items) {
    std::optional<SourceOptions> source = ReadSource(item);
    if (source) config_.sources.push_back(*std::move(source));
  }
}

std::optional<SourceOptions> ConfigReader::ReadSource(const YamlField& field) {
  constexpr std::string_view kKeys[] = {
      "interface", "dpdk",   "file",     "workers",    "promiscuous",
      "direction", "filter", "ring_mib", "snap_length"};
  // Those that belong to an interface alone.
  const auto of_interface = std::span(kKeys).subspan(3);
  const YamlMap map = field.ReadMap(kKeys);
  const auto interface = map.Find("interface");
  const auto dpdk = map.Find("dpdk");
  const auto file = map.Find("file");
  const int count = (interface ? 1 : 0) + (dpdk ? 1 : 0) + (file ? 1 : 0);
  if (count != 1) {
    if (field.is_map() && (count > 1 || !map.has_unknown_keys())) {
      field.Error(fmt::format("names {}; write one of interface, dpdk or file",
                              count == 0 ? "no source" : "several sources"));
    }
    return std::nullopt;
  }
  SourceOptions source;
  if (interface) {
    source.kind = SourceOptions::Kind::kInterface;
    ReadInterface(*interface, map, &source.interface);
  } else if (dpdk) {
    source.kind = SourceOptions::Kind::kDpdk;
    ReadDpdk(*dpdk, &source);
  } else {
    source.kind = SourceOptions::Kind::kFile;
    source.file = ReadPath(*file);
    source_names_.Check("file " + source.file, Quoted(source.file), *file);
  }
  if (interface) return source;
  for (const std::string_view key : of_interface) {
    if (const auto misplaced = map.Find(key)) {
      misplaced->Error("belongs to a source that is an interface");
    }
  }
  return source;
}

void ConfigReader::ReadInterface(const YamlField& name, const YamlMap& map,
                                 InterfaceOptions* interface) {
  constexpr uint32_t kMib = 1u << 20;
  if (const auto text = name.ReadText()) {
    if (text->size() > kMaxInterfaceNameBytes ||
        text->find_first_of("/ ") != std::string::npos) {
      name.Error(
          fmt::format("{} is not the name of a network interface; "
                      "write one that `ip link` lists",
                      Quoted(*text)));
    }
    source_names_.Check("interface " + *text, Quoted(*text), name);
    interface->interface_name = *text;
  }
  const auto read_number = [&](std::string_view key, uint32_t lowest,
                               uint32_t highest, uint32_t* number) {
    const auto field = map.Find(key);
    if (!field) return;
    *number = static_cast<uint32_t>(
        field->ReadInteger(lowest, highest).value_or(*number));
  };
  read_number("workers", 1, kMaxWorkers, &interface->worker_count);
  read_number("snap_length", kMinSnapOctets, kMaxSnapOctets,
              &interface->snap_octets);
  uint32_t ring_mib = interface->ring_bytes / kMib;
  read_number("ring_mib", kMinRingBytes / kMib, kMaxRingBytes / kMib,
              &ring_mib);
  interface->ring_bytes = ring_mib * kMib;
  if (const auto field = map.Find("promiscuous")) {
    interface->is_promiscuous = field->ReadBool().value_or(false);
  }
  if (const auto field = map.Find("filter")) {
    interface->filter = field->ReadText().value_or("");
  }
  if (const auto field = map.Find("direction")) {
    const auto word = field->ReadWord("a direction", kDirections);
    interface->direction = word == "in"    ? CaptureDirection::kIncoming
                           : word == "out" ? CaptureDirection::kOutgoing
                                           : CaptureDirection::kBoth;
  }
}

void ConfigReader::ReadDpdk(const YamlField& field, SourceOptions* source) {
  constexpr std::string_view kKeys[] = {"devices", "workers", "promiscuous"};
  const YamlMap map = field.ReadMap(kKeys);
  DpdkPortsOptions& dpdk = source->dpdk;
  if (const auto devices =
          map.Require("devices", "write a list such as [\"0000:3b:00.0\"]")) {
    const std::vector<YamlField> items = devices->ReadList();
    if (devices->is_list() && items.empty()) {
      devices->Error("names no device; write for example [\"0000:3b:00.0\"]");
    }
    for (const YamlField& item : items) {
      const auto device = item.ReadText();
      if (!device) continue;
      source_names_.Check("dpdk " + *device, Quoted(*device), item);
      dpdk.devices.push_back(*device);
    }
  }
  if (const auto workers = map.Find("workers")) {
    dpdk.worker_count =
        static_cast<uint32_t>(workers->ReadInteger(1, kMaxWorkers).value_or(1));
  }
  if (const auto promiscuous = map.Find("promiscuous")) {
    dpdk.is_promiscuous = promiscuous->ReadBool().value_or(true);
  }
}

void ConfigReader::ReadDpdkMemory(const YamlField& field) {
  constexpr std::string_view kKeys[] = {"huge_pages", "memory_mib"};
  constexpr int64_t kMaxMemoryMib = 1 << 20;
  const YamlMap map = field.ReadMap(kKeys);
  if (const auto huge_pages = map.Find("huge_pages")) {
    config_.dpdk_memory.uses_huge_pages = huge_pages->ReadBool().value_or(true);
  }
  if (const auto memory = map.Find("memory_mib")) {
    config_.dpdk_memory.mib = static_cast<uint32_t>(
        memory->ReadInteger(1, kMaxMemoryMib).value_or(0));
  }
}

void ConfigReader::ReadLocalNetworks(const YamlField& field) {
  std::vector<IpPrefix> networks;
  Once<IpPrefix> seen;
  const std::vector<YamlField> items = field.ReadList();
  if (field.is_list() && items.empty()) {
    field.Error(
        "names no network; leave it out for the private networks and "
        "the interface's own addresses");
  }
  for (const YamlField& item : items) {
    const auto prefix = item.ReadPrefix();
    if (prefix && seen.Check(*prefix, prefix->ToString(), item)) {
      networks.push_back(*prefix);
    }
  }
  config_.local_networks = std::move(networks);
}

void ConfigReader::ReadFacts(const YamlField& field) {
  struct FileKey {
    std::string_view key;
    std::string FactsOptions::*member;
  };
  constexpr FileKey kFiles[] = {
      {"asn", &FactsOptions::asn},
      {"services", &FactsOptions::services},
      {"operators", &FactsOptions::operators},
      {"jurisdictions", &FactsOptions::jurisdictions},
      {"schemes", &FactsOptions::schemes},
      {"special_purpose", &FactsOptions::special_purpose},
  };
  constexpr std::string_view kKeys[] = {
      "country",         "asn",           "services",
      "operators",       "jurisdictions", "schemes",
      "special_purpose", "anycast",       "ranges"};
  const YamlMap map = field.ReadMap(kKeys);
  if (const auto country = map.Find("country")) {
    const std::vector<YamlField> items = country->ReadListOrOne();
    if (items.empty() && country->is_list()) {
      country->Error("names no database; leave it out for the embedded one");
    }
    for (const YamlField& item : items) {
      config_.facts.country.push_back(ReadPath(item));
    }
  }
  for (const FileKey& file : kFiles) {
    if (const auto path = map.Find(file.key)) {
      config_.facts.*file.member = ReadPath(*path);
    }
  }
  if (const auto ranges = map.Find("ranges")) {
    for (const YamlField& item : ranges->ReadListOrOne()) {
      config_.facts.ranges.push_back(ReadPath(item));
    }
  }
  if (const auto anycast = map.Find("anycast")) {
    for (const YamlField& item : anycast->ReadListOrOne()) {
      config_.facts.anycast.push_back(ReadPath(item));
    }
  }
}

std::string ConfigReader::ReadPath(const YamlField& field) {
  const auto text = field.ReadText();
  if (!text) return "";
  const fs::path path(*text);
  return path.is_absolute() ? *text : (folder_ / path).string();
}

void ConfigReader::ReadMetrics(const YamlField& field) {
  constexpr std::string_view kKeys[] = {"listen", "web_config"};
  const YamlMap map = field.ReadMap(kKeys);
  if (const auto web_config = map.Find("web_config")) {
    config_.metrics.web_config = ReadPath(*web_config);
  }
  const auto listen = map.Find("listen");
  if (!listen) return;
  const auto text = listen->ReadText();
  if (!text) return;
  const auto address = ParseListenAddress(*text);
  if (!address) {
    listen->Error(fmt::format("{} is nowhere to listen; {}", Quoted(*text),
                              kListenAddressHint));
    return;
  }
  config_.metrics.listen = *address;
}

void ConfigReader::ReadPolicy(const YamlField& field) {
  constexpr std::string_view kKeys[] = {"undetermined", "workloads",
                                        "administration"};
  const YamlMap map = field.ReadMap(kKeys);
  if (const auto undetermined = map.Find("undetermined")) {
    config_.policy.undetermined_is_violation =
        undetermined->ReadWord("a way to treat what is undetermined",
                               kUndetermined) == "violation";
  }
  if (const auto workloads = map.Find("workloads")) ReadWorkloads(*workloads);
  if (const auto rule = map.Find("administration")) ReadAdministration(*rule);
}

void ConfigReader::ReadWorkloads(const YamlField& field) {
  config_.policy.workloads.clear();
  const std::vector<YamlField> items = field.ReadList();
  if (field.is_list() && items.empty()) {
    field.Error("names no workload; leave it out for one that requires the EU");
  }
  if (items.size() > kMaxWorkloads) {
    field.Error(fmt::format("has {} workloads; write at most {}", items.size(),
                            kMaxWorkloads));
    return;
  }
  for (const YamlField& item : items) ReadWorkload(item);
}

void ConfigReader::ReadWorkload(const YamlField& field) {
  constexpr std::string_view kKeys[] = {"name", "addresses", "requires",
                                        "exceptions"};
  const YamlMap map = field.ReadMap(kKeys);
  Workload workload;
  RequirementPlaces places;
  if (const auto name = map.Require("name", "name the workload")) {
    workload.name = name->ReadText().value_or("");
    if (CountCharacters(workload.name) > kMaxNameCharacters) {
      name->Error(
          fmt::format("is longer than {} characters", kMaxNameCharacters));
    }
    if (!workload.name.empty()) {
      workload_names_.Check(workload.name, Quoted(workload.name), *name);
    }
  }
  ReadAddresses(map, &workload);
  if (const auto required = map.Require(
          "requires",
          "say what destinations must be, such as {location: eu}")) {
    workload.requirement = ReadRequirement(*required, &places);
  }
  if (const auto exceptions = map.Find("exceptions")) {
    ReadExceptions(*exceptions, &workload);
  }
  config_.policy.workloads.push_back(std::move(workload));
  config_.requirement_places.push_back(places);
}

void ConfigReader::ReadAddresses(const YamlMap& map, Workload* workload) {
  constexpr std::string_view kHint =
      "write a list of prefixes, or [any] for all local addresses that no "
      "other workload has";
  const auto addresses = map.Require("addresses", kHint);
  if (!addresses) return;
  const std::vector<YamlField> items = addresses->ReadList();
  if (addresses->is_list() && items.empty()) {
    addresses->Error(fmt::format("names no address; {}", kHint));
  }
  for (const YamlField& item : items) {
    if (item.IsWord("any")) {
      workload_any_.Check("any", "any", item);
      workload->covers_any = true;
      continue;
    }
    const auto prefix = item.ReadPrefix();
    if (!prefix) continue;
    workload_prefixes_.Check(*prefix, prefix->ToString(), item);
    workload->addresses.push_back(*prefix);
  }
}

Requirement ConfigReader::ReadRequirement(const YamlField& field,
                                          RequirementPlaces* places) {
  constexpr std::string_view kKeys[] = {
      "location",      "control",      "allow",     "deny",
      "qualification", "minimum_seal", "applies_to"};
  constexpr int kHighestSeal = 4;
  const YamlMap map = field.ReadMap(kKeys);
  const auto location = map.Find("location");
  const auto control = map.Find("control");
  const auto allow = map.Find("allow");
  const auto deny = map.Find("deny");
  const auto qualification = map.Find("qualification");
  const auto minimum_seal = map.Find("minimum_seal");
  Requirement requirement;
  if (location) requirement.location = ReadLocation(*location);
  if (control) {
    requirement.requires_eu_control =
        control->ReadWord("a control that can be required", kControls)
            .has_value();
  }
  if (allow) requirement.allow = ReadAllow(*allow, places);
  if (deny) requirement.deny = ReadDeny(*deny, places);
  if (qualification) {
    requirement.qualification = ReadQualification(*qualification, places);
  }
  if (minimum_seal) {
    requirement.minimum_seal = static_cast<int>(
        minimum_seal->ReadInteger(0, kHighestSeal).value_or(0));
  }
  const bool requires_nothing = !location && !control && !allow && !deny &&
                                !qualification && !minimum_seal;
  if (field.is_map() && requires_nothing && !map.has_unknown_keys()) {
    field.Error(
        "requires nothing; write location, control, allow, deny, "
        "qualification or minimum_seal");
  }
  if (const auto applies_to = map.Find("applies_to")) {
    requirement.applies_to_any =
        applies_to->ReadWord("a direction", kAppliesTo) == "any";
  }
  return requirement;
}

LocationRequirement ConfigReader::ReadLocation(const YamlField& field) {
  // Of several regimes the widest speaks: each contains the ones before it.
  constexpr Regime kRegimes[] = {Regime::kEu, Regime::kEea, Regime::kAdequate};
  LocationRequirement location;
  const std::vector<YamlField> items = field.ReadListOrOne();
  if (field.is_list() && items.empty()) {
    field.Error(
        "names no place; write eu, eea, adequate, or a list of country "
        "codes");
  }
  Once<std::string> seen;
  for (const YamlField& item : items) {
    const std::string text = item.ScalarText();
    const auto word = std::find(std::begin(kPlaces), std::end(kPlaces), text);
    const std::optional<CountryCode> country = CountryCode::Parse(text);
    if (word != std::end(kPlaces)) {
      if (!seen.Check(text, text, item)) continue;
      location.regime =
          std::max(location.regime, kRegimes[word - std::begin(kPlaces)]);
    } else if (country && country->ToString() == text &&
               IsAssignedCountry(*country)) {
      if (!seen.Check(text, text, item)) continue;
      location.countries.push_back(*country);
    } else {
      item.Error(
          fmt::format("{} is not a place; write eu, eea, adequate, or a "
                      "list of country codes",
                      item.Found()));
    }
  }
  return location;
}

QualificationRequirement ConfigReader::ReadQualification(
    const YamlField& field, RequirementPlaces* places) {
  constexpr std::string_view kKeys[] = {"scheme", "minimum_version",
                                        "service_types"};
  const YamlMap map = field.ReadMap(kKeys);
  QualificationRequirement requirement;
  if (const auto scheme =
          map.Require("scheme", "name the scheme, such as SecNumCloud")) {
    requirement.scheme = scheme->ReadText().value_or("");
    places->scheme = {scheme->line(), scheme->column()};
  }
  if (const auto version = map.Find("minimum_version")) {
    requirement.minimum_version = version->ReadText().value_or("");
    places->minimum_version = {version->line(), version->column()};
    const std::string& text = requirement.minimum_version;
    if (!text.empty() && !CompareVersions(text, text)) {
      version->Error(
          fmt::format("{} is not a version; write numbers with dots "
                      "between them, such as \"3.2\"",
                      Quoted(text)));
    }
  }
  if (const auto types = map.Find("service_types")) {
    const std::vector<YamlField> items = types->ReadList();
    if (types->is_list() && items.empty()) {
      types->Error("names no service type; leave it out for any");
    }
    Once<std::string> seen;
    for (const YamlField& item : items) {
      const auto type = item.ReadWord("a service type", kServiceTypes);
      if (type && seen.Check(*type, *type, item)) {
        requirement.service_types.push_back(*type);
      }
    }
  }
  return requirement;
}

std::vector<std::string> ConfigReader::ReadNames(
    const YamlField& field, std::vector<ConfigPlace>* places) {
  std::vector<std::string> names;
  const std::vector<YamlField> items = field.ReadList();
  if (field.is_list() && items.empty()) {
    field.Error("names nothing; leave it out");
  }
  Once<std::string> seen;
  for (const YamlField& item : items) {
    const auto name = item.ReadText();
    if (!name || !seen.Check(*name, Quoted(*name), item)) continue;
    names.push_back(*name);
    places->push_back({item.line(), item.column()});
  }
  return names;
}

AllowList ConfigReader::ReadAllow(const YamlField& field,
                                  RequirementPlaces* places) {
  constexpr std::string_view kKeys[] = {"operators", "services"};
  const YamlMap map = field.ReadMap(kKeys);
  const auto operators = map.Find("operators");
  const auto services = map.Find("services");
  AllowList allow;
  if (operators) {
    allow.operators = ReadNames(*operators, &places->allowed_operators);
  }
  if (services) {
    allow.services = ReadNames(*services, &places->allowed_services);
  }
  if (field.is_map() && map.is_empty() && !map.has_unknown_keys()) {
    field.Error("allows nothing; write operators or services");
  }
  return allow;
}

DenyList ConfigReader::ReadDeny(const YamlField& field,
                                RequirementPlaces* places) {
  constexpr std::string_view kKeys[] = {"countries", "laws"};
  const YamlMap map = field.ReadMap(kKeys);
  const auto countries = map.Find("countries");
  const auto laws = map.Find("laws");
  DenyList deny;
  if (countries) {
    const std::vector<YamlField> items = countries->ReadList();
    if (countries->is_list() && items.empty()) {
      countries->Error("names nothing; leave it out");
    }
    Once<CountryCode> seen;
    for (const YamlField& item : items) {
      const std::string text = item.ScalarText();
      const std::optional<CountryCode> country = CountryCode::Parse(text);
      if (!country || country->ToString() != text ||
          !IsAssignedCountry(*country)) {
        item.Error(fmt::format(
            "{} is not a country; write its code of two capital letters "
            "(ISO 3166-1), such as CN",
            item.Found()));
      } else if (seen.Check(*country, text, item)) {
        deny.countries.push_back(*country);
      }
    }
  }
  if (laws) deny.laws = ReadNames(*laws, &places->denied_laws);
  if (field.is_map() && map.is_empty() && !map.has_unknown_keys()) {
    field.Error("denies nothing; write countries or laws");
  }
  return deny;
}

std::vector<uint16_t> ConfigReader::ReadPorts(
    std::span<const YamlField> items) {
  std::vector<uint16_t> ports;
  Once<int64_t> seen;
  for (const YamlField& item : items) {
    const auto port = item.ReadInteger(1, kMaxPort);
    if (port && seen.Check(*port, fmt::to_string(*port), item)) {
      ports.push_back(static_cast<uint16_t>(*port));
    }
  }
  return ports;
}

void ConfigReader::ReadExceptions(const YamlField& field, Workload* workload) {
  for (const YamlField& item : field.ReadList()) {
    std::optional<Exception> exception = ReadException(item);
    if (exception) workload->exceptions.push_back(*std::move(exception));
  }
}

std::optional<Exception> ConfigReader::ReadException(const YamlField& field) {
  constexpr std::string_view kKeys[] = {"destination", "port", "until",
                                        "reference", "reason"};
  const YamlMap map = field.ReadMap(kKeys);
  const auto destination =
      map.Require("destination",
                  "write the prefix that is permitted, such as "
                  "203.0.113.0/24");
  const auto port = map.Find("port");
  const auto until = map.Require(
      "until",
      "an exception needs an end date: write the last day on which it "
      "holds, YYYY-MM-DD");
  const auto reference = map.Require(
      "reference", "write where the decision is recorded, such as a ticket");
  const auto reason =
      map.Require("reason", "write why the destination is permitted");
  const auto prefix =
      destination ? destination->ReadPrefix() : std::optional<IpPrefix>();
  const auto day = until ? until->ReadDay() : std::optional<Day>();
  const auto reference_text =
      reference ? reference->ReadText() : std::optional<std::string>();
  const auto reason_text =
      reason ? reason->ReadText() : std::optional<std::string>();
  std::vector<uint16_t> ports;
  if (port) {
    const std::vector<YamlField> items = port->ReadListOrOne();
    if (port->is_list() && items.empty()) {
      port->Error("names no port; leave it out for any");
    }
    ports = ReadPorts(items);
  }
  if (!prefix || !day || !reference_text || !reason_text) return std::nullopt;
  return Exception{*prefix,      *day,         *reference_text,
                   *reason_text, field.line(), std::move(ports)};
}

void ConfigReader::ReadAdministration(const YamlField& field) {
  constexpr std::string_view kKeys[] = {"ports", "from"};
  const YamlMap map = field.ReadMap(kKeys);
  if (const auto ports = map.Find("ports")) {
    config_.policy.administration.ports = ReadPorts(ports->ReadList());
  }
  if (const auto from = map.Find("from")) {
    config_.policy.administration.from = ReadLocation(*from);
  }
}

LoadedConfig Failed(Problem problem) {
  LoadedConfig result;
  result.problems.push_back(std::move(problem));
  return result;
}

}  // namespace

Config DefaultConfig() {
  Config config;
  config.policy = DefaultPolicy();
  return config;
}

LoadedConfig LoadConfig(const std::string& path, const LoadOptions& options) {
  const absl::StatusOr<std::string> text =
      ReadTextFile(path, kMaxYamlFileBytes);
  if (!text.ok()) return Failed(ProblemOf(path, text.status()));
  return ReadConfig(*text, path, options);
}

LoadedConfig ReadConfig(std::string_view text, const std::string& path,
                        const LoadOptions& options) {
  LoadedConfig result;
  const std::unique_ptr<YamlDocument> document =
      YamlDocument::Parse(std::string(text), path, &result.problems);
  if (document == nullptr) return result;

  ConfigReader reader(path, options);
  reader.Read(document->root());
  std::stable_sort(result.problems.begin(), result.problems.end(),
                   [](const Problem& a, const Problem& b) {
                     return std::pair(a.line, a.column) <
                            std::pair(b.line, b.column);
                   });
  if (!result.problems.empty()) return result;

  Config config = reader.TakeConfig();
  if (const absl::Status status = CheckPolicy(config.policy); !status.ok()) {
    return Failed(
        {path, 0, 0,
         fmt::format("policy.workloads: {}", std::string(status.message()))});
  }
  result.config = std::move(config);
  return result;
}

namespace {

// Adds problems of one workload's requirement, each at the place of a name.
class NameChecker {
 public:
  NameChecker(const Config& config, size_t workload,
              std::vector<Problem>* problems)
      : config_(config), workload_(workload), problems_(problems) {
    if (workload < config.requirement_places.size()) {
      places_ = config.requirement_places[workload];
    }
  }

  const RequirementPlaces& places() const { return places_; }

  // `key`: below `requires`.
  void Add(const ConfigPlace& place, std::string_view key,
           std::string_view what) {
    problems_->push_back({config_.path, place.line, place.column,
                          fmt::format("policy.workloads[{}].requires.{}: {}",
                                      workload_, key, what)});
  }

  // A problem for each of `names` that is not known. There can be hundreds of
  // known ones: `where` says what lists them.
  void CheckNames(std::string_view key, std::string_view kind,
                  const std::vector<std::string>& names,
                  const std::vector<ConfigPlace>& places,
                  const std::set<std::string_view>& known,
                  std::string_view where) {
    const std::vector<std::string_view> words(known.begin(), known.end());
    for (size_t i = 0; i < names.size(); ++i) {
      if (known.contains(names[i])) continue;
      const std::string_view nearest = NearestWord(names[i], words);
      const std::string question =
          nearest.empty() ? ""
                          : fmt::format(" did you mean {}?", Quoted(nearest));
      Add(i < places.size() ? places[i] : ConfigPlace(),
          fmt::format("{}[{}]", key, i),
          fmt::format("unknown {} {};{} write one of {}", kind,
                      Quoted(names[i]), question, where));
    }
  }

 private:
  const Config& config_;
  const size_t workload_;
  std::vector<Problem>* const problems_;
  RequirementPlaces places_;
};

void CheckScheme(const QualificationRequirement& required,
                 const std::vector<SchemeRow>& schemes, NameChecker* checker) {
  std::vector<std::string_view> names;
  for (const SchemeRow& row : schemes) names.push_back(row.scheme);
  const auto scheme = std::find_if(
      schemes.begin(), schemes.end(),
      [&](const SchemeRow& row) { return row.scheme == required.scheme; });
  if (scheme == schemes.end()) {
    checker->Add(checker->places().scheme, "qualification.scheme",
                 UnknownWord("scheme", required.scheme, names));
    return;
  }
  const std::vector<std::string>& versions = scheme->versions;
  if (required.minimum_version.empty() || versions.empty() ||
      std::find(versions.begin(), versions.end(), required.minimum_version) !=
          versions.end()) {
    return;
  }
  checker->Add(checker->places().minimum_version,
               "qualification.minimum_version",
               fmt::format("{} is not a version of {}; write {}",
                           Quoted(required.minimum_version), scheme->scheme,
                           OneOf(std::vector<std::string_view>(
                               versions.begin(), versions.end()))));
}

// The names that a policy may use, of every time.
struct KnownNames {
  explicit KnownNames(const Facts& facts) {
    for (size_t i = 0; i < facts.operators.size(); ++i) {
      for (const OperatorRow& row :
           facts.operators.entity(static_cast<uint32_t>(i)).rows) {
        operators.insert(row.name);
        for (std::string& law : LawsOf(row)) law_texts.insert(std::move(law));
      }
    }
    for (const Service& service : facts.catalogue.services()) {
      services.insert(service.id);
    }
    laws.insert(law_texts.begin(), law_texts.end());
  }

  std::set<std::string_view> operators;
  std::set<std::string_view> services;
  std::set<std::string_view> laws;  // Of law_texts.
  std::set<std::string> law_texts;
};

}  // namespace

std::vector<Problem> CheckPolicyAgainstFacts(const Config& config,
                                             const Facts& facts) {
  const KnownNames known(facts);
  std::vector<Problem> problems;
  for (size_t i = 0; i < config.policy.workloads.size(); ++i) {
    const Requirement& required = config.policy.workloads[i].requirement;
    NameChecker checker(config, i, &problems);
    const RequirementPlaces& places = checker.places();
    if (required.allow) {
      checker.CheckNames("allow.operators", "operator",
                         required.allow->operators, places.allowed_operators,
                         known.operators, "the names of operators.csv");
      checker.CheckNames("allow.services", "service", required.allow->services,
                         places.allowed_services, known.services,
                         "the service_ids of qualified_services.csv");
    }
    checker.CheckNames("deny.laws", "law", required.deny.laws,
                       places.denied_laws, known.laws,
                       "the extraterritorial_laws of operators.csv");
    if (required.qualification) {
      CheckScheme(*required.qualification, facts.schemes, &checker);
    }
  }
  return problems;
}

}  // namespace octroi
