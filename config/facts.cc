// SPDX-License-Identifier: Apache-2.0
#include "config/facts.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "config/csv.h"
#include "config/fact_tables.h"
#include "config/text_file.h"
#include "evidence/digest.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "geo/ascii.h"
#include "geo/country_text.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWildcards = "*?";

// What the licences of known databases ask to be shown. A database is known by
// a word in its file name, its type or its description.
struct DatabaseLicence {
  std::string_view words[2];
  std::string_view attribution;
};
constexpr DatabaseLicence kLicences[] = {
    {{"routeviews", "route views"}, "RouteViews (https://routeviews.org)"},
    {{"nro.net", "nro.net"}, "NRO (https://nro.net)"},
    {{"dbip", "db-ip"}, "IP geolocation by DB-IP (https://db-ip.com)"},
    {{"ipinfo", "ipinfo"}, "IP address data by IPinfo (https://ipinfo.io)"},
    {{"ipfire", "ipfire"},
     "IPFire Location database (https://location.ipfire.org), CC BY-SA 4.0"},
};

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// `words`: what is known of a database, its file name among it.
std::string AttributionOf(const std::string& words) {
  const std::string text = Lower(words);
  std::vector<std::string_view> attributions;
  for (const DatabaseLicence& licence : kLicences) {
    if (Has(text, licence.words[0]) || Has(text, licence.words[1])) {
      attributions.push_back(licence.attribution);
    }
  }
  return fmt::format("{}", fmt::join(attributions, "; "));
}

// Whether a file begins as a text does: an MMDB file begins with a search tree.
bool IsText(const std::string& path) {
  constexpr size_t kLookedAt = 512;
  std::ifstream file(path, std::ios::binary);
  std::array<char, kLookedAt> bytes;
  file.read(bytes.data(), bytes.size());
  const auto size = static_cast<size_t>(file.gcount());
  return size != 0 &&
         std::all_of(bytes.begin(), bytes.begin() + size, [](char c) {
           return (c >= ' ' && c <= '~') || c == '\t' || c == '\r' || c == '\n';
         });
}

// What stands in a folder, in the order of the names. `error` tells why it
// cannot be read.
std::vector<fs::path> ListFolder(const fs::path& folder,
                                 std::error_code* error) {
  std::vector<fs::path> found;
  const fs::directory_iterator end;
  for (fs::directory_iterator entry(folder, *error); !*error && entry != end;
       entry.increment(*error)) {
    found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// Whether a file name matches a pattern. Goes back to the last '*' only, so the
// time is at most the product of the lengths.
bool Matches(std::string_view name, std::string_view pattern) {
  if (name.starts_with('.') && !pattern.starts_with('.')) return false;
  size_t n = 0;
  size_t p = 0;
  size_t star = std::string_view::npos;
  size_t star_n = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_n = n;
    } else if (p < pattern.size() &&
               (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_n;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

class Loader {
 public:
  Loader(const FactsOptions& options, std::vector<Problem>* problems)
      : options_(options),
        problems_(problems),
        problems_before_(problems->size()) {}

  std::unique_ptr<Facts> Load();
  std::unique_ptr<Facts> LoadPart(const CataloguePart& part);
  std::vector<CatalogueRow> ReadServices();

 private:
  enum class DatabaseKind { kCountry, kAsn };

  // The path of a configured file, or of the embedded one.
  std::string PathOf(const std::string& configured,
                     std::string_view embedded) const;

  void LoadCountries();
  void LoadAsn();
  template <typename Database>
  std::vector<Database> OpenSeries(const std::string& path, DatabaseKind kind);
  template <typename Database>
  std::vector<Database> OpenFolder(const std::string& path, DatabaseKind kind);
  template <typename Database>
  std::optional<Database> OpenMmdb(const std::string& path, DatabaseKind kind);
  std::optional<CountryDatabase> OpenText(const std::string& path);
  bool IsOfKind(const MmdbFile& file, DatabaseKind kind);
  bool IsNewOpinion(const CountryDatabase& database);

  void LoadServices();
  void LoadOperators();
  void LoadJurisdictions();
  void LoadSpecialPurpose();
  void LoadRanges();
  void LoadAnycast();
  std::vector<std::string> ExpandPattern(const std::string& pattern);
  void CheckSchemes(const std::vector<CatalogueRow>& rows,
                    const std::string& file);

  // Reads a file by one of the readers of fact_tables.h and lists it among the
  // sources; no rows after a problem.
  template <typename Row>
  std::vector<Row> ReadRows(const std::string& path,
                            FactTable<Row> (*read)(std::string_view,
                                                   const std::string&,
                                                   std::vector<Problem>*));

  // The value of a table, or its default after adding the problem.
  template <typename Table>
  Table Take(const std::string& file, absl::StatusOr<Table> table);

  void Add(const std::string& file, std::string what) {
    problems_->push_back({file, 0, 0, std::move(what)});
  }

  bool has_problems() const { return problems_->size() > problems_before_; }

  const FactsOptions& options_;
  std::vector<Problem>* problems_;
  const size_t problems_before_;
  std::unique_ptr<Facts> facts_ = std::make_unique<Facts>();
};

std::unique_ptr<Facts> Loader::Load() {
  facts_->joined_file = PathOf("", "databases.joined");
  LoadCountries();
  LoadAsn();
  LoadServices();
  LoadOperators();
  LoadJurisdictions();
  LoadSpecialPurpose();
  LoadAnycast();
  LoadRanges();
  if (has_problems()) return nullptr;
  return std::move(facts_);
}

std::unique_ptr<Facts> Loader::LoadPart(const CataloguePart& part) {
  if (part.with_asn) LoadAsn();
  LoadServices();
  if (part.with_ranges) LoadRanges();
  if (has_problems()) return nullptr;
  return std::move(facts_);
}

std::string Loader::PathOf(const std::string& configured,
                           std::string_view embedded) const {
  if (!configured.empty()) return configured;
  return (fs::path(options_.embedded_dir) / embedded).string();
}

void Loader::LoadCountries() {
  std::vector<std::string> paths = options_.country;
  if (paths.empty()) paths.push_back(EmbeddedCountryFile(options_));
  for (const std::string& path : paths) {
    CountrySeries series;
    std::error_code error;
    if (!fs::is_directory(path, error) && IsText(path)) {
      std::optional<CountryDatabase> database = OpenText(path);
      if (database) series.push_back(*std::move(database));
    } else {
      series = OpenSeries<CountryDatabase>(path, DatabaseKind::kCountry);
    }
    const bool is_new = std::all_of(
        series.begin(), series.end(),
        [this](const CountryDatabase& build) { return IsNewOpinion(build); });
    if (series.empty() || !is_new) continue;
    for (const CountryDatabase& database : series) {
      facts_->sources.push_back(database.source);
    }
    facts_->countries.push_back(std::move(series));
  }
}

bool Loader::IsNewOpinion(const CountryDatabase& database) {
  for (const CountrySeries& series : facts_->countries) {
    for (const CountryDatabase& other : series) {
      if (other.source.sha256 != database.source.sha256) continue;
      Add(database.source.path,
          fmt::format("has the same content as {}; a second opinion needs a "
                      "second source",
                      other.source.path));
      return false;
    }
  }
  return true;
}

void Loader::LoadAsn() {
  facts_->asn = OpenSeries<AsnDatabase>(PathOf(options_.asn, "asn.mmdb"),
                                        DatabaseKind::kAsn);
  for (const AsnDatabase& database : facts_->asn) {
    facts_->sources.push_back(database.source);
  }
}

// Empty after a problem.
template <typename Database>
std::vector<Database> Loader::OpenSeries(const std::string& path,
                                         DatabaseKind kind) {
  std::error_code error;
  if (fs::is_directory(path, error)) return OpenFolder<Database>(path, kind);
  std::vector<Database> series;
  std::optional<Database> database = OpenMmdb<Database>(path, kind);
  if (database) series.push_back(*std::move(database));
  return series;
}

// Builds of one database, ordered by the day on which each was made.
template <typename Database>
std::vector<Database> Loader::OpenFolder(const std::string& path,
                                         DatabaseKind kind) {
  std::error_code error;
  std::vector<Database> series;
  size_t count = 0;
  for (const fs::path& file : ListFolder(path, &error)) {
    if (file.extension() != ".mmdb") continue;
    if (++count > kMaxDatabaseBuilds) {
      Add(path, fmt::format("holds more than {} .mmdb files; keep fewer builds",
                            kMaxDatabaseBuilds));
      return {};
    }
    std::optional<Database> database = OpenMmdb<Database>(file.string(), kind);
    if (!database) return {};
    if (!database->source.built) {
      Add(file.string(),
          "does not say when it was built, so it has no place among the "
          "builds of a folder");
      return {};
    }
    series.push_back(*std::move(database));
  }
  if (error) {
    Add(path, fmt::format("the folder cannot be read: {}", error.message()));
    return {};
  }
  if (count == 0) Add(path, "the folder holds no .mmdb file");
  std::sort(series.begin(), series.end(),
            [](const Database& a, const Database& b) {
              return a.source.built < b.source.built;
            });
  for (size_t i = 1; i < series.size(); ++i) {
    if (series[i].source.built != series[i - 1].source.built) continue;
    Add(series[i].source.path,
        fmt::format("was built on {} as {} was; keep one build of a day",
                    FormatDay(*series[i].source.built),
                    series[i - 1].source.path));
    return {};
  }
  return series;
}

template <typename Database>
std::optional<Database> Loader::OpenMmdb(const std::string& path,
                                         DatabaseKind kind) {
  absl::StatusOr<std::unique_ptr<MmdbFile>> file = MmdbFile::Open(path);
  if (!file.ok()) {
    problems_->push_back(ProblemOf(path, file.status()));
    return std::nullopt;
  }
  if (!IsOfKind(**file, kind)) return std::nullopt;
  const MmdbMetadata& metadata = (*file)->metadata();
  Database database;
  database.source.name = fs::path(path).stem().string();
  database.source.path = path;
  if (metadata.build_epoch_s > 0) {
    database.source.built = std::chrono::floor<std::chrono::days>(
        std::chrono::sys_seconds(std::chrono::seconds(metadata.build_epoch_s)));
  }
  database.source.sha256 = Sha256Hex((*file)->content());
  database.source.attribution =
      AttributionOf(database.source.name + " " + metadata.database_type + " " +
                    metadata.description);
  database.file = *std::move(file);
  return database;
}

std::optional<CountryDatabase> Loader::OpenText(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadTextFile(path, kMaxCsvFileBytes);
  if (!text.ok()) {
    problems_->push_back(ProblemOf(path, text.status()));
    return std::nullopt;
  }
  absl::StatusOr<std::unique_ptr<CountryText>> file =
      CountryText::Parse(path, *text);
  if (!file.ok()) {
    problems_->push_back({"", 0, 0, std::string(file.status().message())});
    return std::nullopt;
  }
  CountryDatabase database;
  database.source.name = fs::path(path).filename().string();
  database.source.path = path;
  database.source.built = (*file)->built();
  database.source.sha256 = Sha256Hex(*text);
  database.source.attribution =
      AttributionOf(database.source.name + " " + (*file)->vendor());
  database.file = *std::move(file);
  return database;
}

// What a database is about is told by its type, as far as publishers agree;
// one whose type says nothing is found out when the atlas walks it.
bool Loader::IsOfKind(const MmdbFile& file, DatabaseKind kind) {
  const std::string& found = file.metadata().database_type;
  const std::string type = Lower(found);
  const bool has_place =
      Has(type, "country") || Has(type, "city") || Has(type, "location");
  const bool has_asn = Has(type, "asn") || Has(type, "isp");
  const std::string name = Lower(fs::path(file.path()).filename().string());
  if (kind == DatabaseKind::kCountry) {
    if (has_asn && !has_place) {
      Add(file.path(), fmt::format("is a database of type {}, of autonomous "
                                   "systems; write it as facts.asn, and here "
                                   "one of countries",
                                   Quoted(found)));
      return false;
    }
    if (Has(name, "asn-country")) {
      Add(file.path(),
          "says where the holder of an address is registered, not where the "
          "address is; write a database of locations, such as DB-IP's");
      return false;
    }
  } else if (has_place && !has_asn) {
    Add(file.path(), fmt::format("is a database of type {}, of places; write "
                                 "it as facts.country, and here one of "
                                 "autonomous systems",
                                 Quoted(found)));
    return false;
  }
  return true;
}

template <typename Row>
std::vector<Row> Loader::ReadRows(
    const std::string& path,
    FactTable<Row> (*read)(std::string_view, const std::string&,
                           std::vector<Problem>*)) {
  const absl::StatusOr<std::string> text = ReadTextFile(path, kMaxCsvFileBytes);
  if (!text.ok()) {
    problems_->push_back(ProblemOf(path, text.status()));
    return {};
  }
  FactTable<Row> table = read(*text, path, problems_);
  facts_->sources.push_back({fs::path(path).filename().string(), path,
                             table.latest, Sha256Hex(*text), ""});
  return std::move(table.rows);
}

template <typename Table>
Table Loader::Take(const std::string& file, absl::StatusOr<Table> table) {
  if (table.ok()) return *std::move(table);
  problems_->push_back(ProblemOf(file, table.status()));
  return Table();
}

std::vector<CatalogueRow> Loader::ReadServices() {
  facts_->schemes =
      ReadRows(PathOf(options_.schemes, "schemes.csv"), &ReadSchemes);
  const std::string path = CataloguePath(options_);
  std::vector<CatalogueRow> rows = ReadRows(path, &ReadQualifiedServices);
  CheckSchemes(rows, path);
  return rows;
}

void Loader::LoadServices() {
  const std::string path = CataloguePath(options_);
  std::vector<CatalogueRow> rows = ReadServices();
  const std::vector<CatalogueProblem> found =
      FindCatalogueProblems(GatherServices(rows));
  for (const CatalogueProblem& problem : found) {
    problems_->push_back(
        {path, problem.line, 0, problem.service_id + " " + problem.what});
  }
  if (!found.empty()) return;
  facts_->catalogue = Take(path, Catalogue::Create(std::move(rows)));
}

void Loader::CheckSchemes(const std::vector<CatalogueRow>& rows,
                          const std::string& file) {
  // A problem in schemes.csv is reported there, not once per service.
  if (facts_->schemes.empty()) return;
  std::map<std::string_view, const SchemeRow*> by_name;
  for (const SchemeRow& scheme : facts_->schemes) {
    by_name[scheme.scheme] = &scheme;
  }
  for (const CatalogueRow& row : rows) {
    const auto found = by_name.find(row.scheme);
    if (found == by_name.end()) {
      problems_->push_back(
          {file, row.line, 0,
           fmt::format("scheme {} is not in schemes.csv", Quoted(row.scheme))});
      continue;
    }
    const std::vector<std::string>& versions = found->second->versions;
    if (!row.framework_version.empty() && !versions.empty() &&
        std::find(versions.begin(), versions.end(), row.framework_version) ==
            versions.end()) {
      problems_->push_back(
          {file, row.line, 0,
           fmt::format("framework_version {} is not a version of {}; "
                       "schemes.csv has {}",
                       Quoted(row.framework_version), row.scheme,
                       fmt::join(versions, ", "))});
    }
  }
}

void Loader::LoadOperators() {
  const std::string path = PathOf(options_.operators, "operators.csv");
  facts_->operators =
      Take(path, OperatorTable::Create(ReadRows(path, &ReadOperators)));
}

void Loader::LoadJurisdictions() {
  const std::string path = PathOf(options_.jurisdictions, "jurisdictions.csv");
  facts_->jurisdictions =
      Take(path, Jurisdictions::Create(ReadRows(path, &ReadJurisdictions)));
}

void Loader::LoadSpecialPurpose() {
  const std::string path =
      PathOf(options_.special_purpose, "special_purpose.csv");
  facts_->special_purpose = Take(
      path, SpecialPurposeTable::Create(ReadRows(path, &ReadSpecialPurpose)));
}

void Loader::LoadRanges() {
  const std::string embedded = PathOf("", "offering_ranges.csv");
  std::vector<RangeRow> rows = ReadRows(embedded, &ReadRanges);
  if (!options_.services.empty()) {
    for (RangeRow& row : rows) {
      if (facts_->catalogue.Find(row.service_id) == Catalogue::kNone) {
        row.service_id.clear();
      }
    }
  }
  for (const std::string& pattern : options_.ranges) {
    for (const std::string& path : ExpandPattern(pattern)) {
      std::vector<RangeRow> more = ReadRows(path, &ReadRanges);
      std::move(more.begin(), more.end(), std::back_inserter(rows));
    }
  }
  // With a problem in the catalogue, every range of it would be another one.
  if (has_problems()) return;
  absl::StatusOr<RangeTable> table =
      RangeTable::Create(std::move(rows), facts_->catalogue);
  if (!table.ok()) {
    problems_->push_back({"", 0, 0, std::string(table.status().message())});
    return;
  }
  facts_->ranges = *std::move(table);
}

void Loader::LoadAnycast() {
  facts_->anycast = ReadRows(PathOf("", "anycast.csv"), &ReadAnycast);
  for (const std::string& pattern : options_.anycast) {
    for (const std::string& path : ExpandPattern(pattern)) {
      std::vector<AnycastRow> more = ReadRows(path, &ReadAnycast);
      std::move(more.begin(), more.end(), std::back_inserter(facts_->anycast));
    }
  }
}

std::vector<std::string> Loader::ExpandPattern(const std::string& pattern) {
  if (pattern.find_first_of(kWildcards) == std::string::npos) return {pattern};
  const fs::path path(pattern);
  const fs::path folder = path.parent_path();
  if (folder.string().find_first_of(kWildcards) != std::string::npos) {
    Add(pattern,
        "a pattern stands in a folder's name; write '*' and '?' in "
        "the name of the file only");
    return {};
  }
  std::vector<std::string> found;
  std::error_code error;
  for (const fs::path& entry :
       ListFolder(folder.empty() ? "." : folder, &error)) {
    const std::string name = entry.filename().string();
    if (Matches(name, path.filename().string())) {
      found.push_back((folder / name).string());
    }
  }
  if (error) {
    Add(pattern, fmt::format("the folder cannot be read: {}", error.message()));
  } else if (found.empty()) {
    Add(pattern, "the pattern matches no file");
  }
  return found;
}

}  // namespace

std::string EmbeddedCountryFile(const FactsOptions& options) {
  return (fs::path(options.embedded_dir) / "dbip-country.mmdb").string();
}

std::unique_ptr<Facts> LoadFacts(const FactsOptions& options,
                                 std::vector<Problem>* problems) {
  return Loader(options, problems).Load();
}

absl::StatusOr<std::unique_ptr<Facts>> LoadFacts(const FactsOptions& options) {
  std::vector<Problem> problems;
  std::unique_ptr<Facts> facts = LoadFacts(options, &problems);
  if (facts == nullptr) return ToStatus(problems);
  return facts;
}

std::string CataloguePath(const FactsOptions& options) {
  if (!options.services.empty()) return options.services;
  return (fs::path(options.embedded_dir) / "qualified_services.csv").string();
}

std::unique_ptr<Facts> LoadCataloguePart(const FactsOptions& options,
                                         const CataloguePart& part,
                                         std::vector<Problem>* problems) {
  return Loader(options, problems).LoadPart(part);
}

std::vector<CatalogueRow> ReadCatalogueRows(const FactsOptions& options,
                                            std::vector<Problem>* problems) {
  return Loader(options, problems).ReadServices();
}

}  // namespace octroi
