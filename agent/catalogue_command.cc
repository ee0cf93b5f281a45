// SPDX-License-Identifier: Apache-2.0
#include "agent/catalogue_command.h"

#include <algorithm>
#include <map>
#include <memory>
#include <ostream>
#include <tuple>
#include <utility>

#include "agent/text.h"
#include "config/suggest.h"
#include "evidence/csv_text.h"
#include "evidence/json.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "geo/ascii.h"
#include "policy/catalogue_check.h"
#include "policy/qualification.h"

namespace octroi {
namespace {

constexpr QualificationStatus kStatusesInOrder[] = {
    QualificationStatus::kQualified, QualificationStatus::kInQualification,
    QualificationStatus::kExpired,   QualificationStatus::kSuspended,
    QualificationStatus::kWithdrawn, QualificationStatus::kNone,
    QualificationStatus::kUnknown};

// A service on the day that is asked for.
struct ServiceOnDay {
  const Service* service = nullptr;
  QualificationAt at;
  Day day;

  // Below 0 once it has ended; nothing if no end is stated.
  std::optional<int64_t> days_left() const {
    if (at.row == nullptr || !at.row->validity.until) return std::nullopt;
    return (*at.row->validity.until - day).count();
  }
};

ServiceOnDay OnDay(const Service& service, Day day) {
  return {&service, EvaluateQualification(service, day), day};
}

// Small letters and digits alone: what is left of a name that is remembered
// badly.
std::string Bare(std::string_view text) {
  std::string bare = Lower(text);
  std::erase_if(bare, [](char c) {
    return c > ' ' && c < 0x7f && (c < '0' || c > '9') && (c < 'a' || c > 'z');
  });
  std::erase(bare, ' ');
  return bare;
}

auto SortKey(const Service& service) {
  return std::tie(service.provider, service.name, service.type, service.id);
}

std::vector<ServiceOnDay> SortedOnDay(const Catalogue& catalogue, Day day) {
  std::vector<ServiceOnDay> services;
  for (const Service& service : catalogue.services()) {
    services.push_back(OnDay(service, day));
  }
  std::sort(services.begin(), services.end(),
            [](const ServiceOnDay& a, const ServiceOnDay& b) {
              return SortKey(*a.service) < SortKey(*b.service);
            });
  return services;
}

const FactSource* SourceAt(const Facts& facts, const std::string& path) {
  for (const FactSource& source : facts.sources) {
    if (source.path == path) return &source;
  }
  return nullptr;
}

Json SourceToJson(const Facts& facts, const std::string& path) {
  const FactSource* source = SourceAt(facts, path);
  if (source == nullptr) return Json();
  return {{"path", source->path},
          {"sha256", source->sha256},
          {"observed_on", DayOrNull(source->built)}};
}

// What a row of the catalogue says; all keys null for no row.
Json RowToJson(const CatalogueRow* row) {
  if (row == nullptr) {
    Json json;
    for (const char* key :
         {"milestone", "framework_version", "from", "known_from", "until",
          "reference", "observed_on", "source", "note", "line"}) {
      json[key] = Json();
    }
    return json;
  }
  return {{"milestone", TextOrNull(MilestoneName(row->milestone))},
          {"framework_version", TextOrNull(row->framework_version)},
          {"from", DayOrNull(row->validity.from)},
          {"known_from", FormatDay(row->known_from())},
          {"until", DayOrNull(row->validity.until)},
          {"reference", TextOrNull(row->reference)},
          {"observed_on", FormatDay(row->observed_on)},
          {"source", row->source},
          {"note", TextOrNull(row->note)},
          {"line", row->line}};
}

Json ServiceToJson(const ServiceOnDay& service) {
  const std::optional<int64_t> days_left = service.days_left();
  Json json = {{"service_id", service.service->id},
               {"provider", service.service->provider},
               {"name", service.service->name},
               {"type", service.service->type},
               {"scheme", service.service->scheme},
               {"qualification", QualificationStatusName(service.at.status)},
               {"days_left", days_left ? Json(*days_left) : Json()}};
  json.update(RowToJson(service.at.row));
  return json;
}

// The states that end by a decision alone have an open end; a qualification
// always has one, which may not be known.
std::string DaysLeftText(const ServiceOnDay& service) {
  const std::optional<int64_t> days_left = service.days_left();
  if (days_left) return std::to_string(*days_left);
  switch (service.at.status) {
    case QualificationStatus::kNone:
    case QualificationStatus::kInQualification:
    case QualificationStatus::kWithdrawn:
      return "open";
    default:
      return "not known";
  }
}

// "2026-07-31", or "by 2026-03-01" where only an observation is known.
std::string SinceText(const CatalogueRow* row) {
  if (row == nullptr) return "-";
  return (row->validity.from ? "" : "by ") + FormatDay(row->known_from());
}

std::string UntilText(const CatalogueRow* row) {
  return row == nullptr || !row->validity.until
             ? "-"
             : FormatDay(*row->validity.until);
}

Color ColorOf(const ServiceOnDay& service) {
  switch (service.at.status) {
    case QualificationStatus::kExpired:
    case QualificationStatus::kSuspended:
    case QualificationStatus::kWithdrawn:
      return Color::kRed;
    case QualificationStatus::kQualified: {
      const std::optional<int64_t> days_left = service.days_left();
      return days_left && *days_left <= kNearEndDays ? Color::kYellow
                                                     : Color::kGreen;
    }
    default:
      return Color::kPlain;
  }
}

std::string OrDash(std::string_view text) {
  return text.empty() ? "-" : Printable(text);
}

std::map<QualificationStatus, size_t> CountByStatus(
    const std::vector<ServiceOnDay>& services) {
  std::map<QualificationStatus, size_t> counts;
  for (const ServiceOnDay& service : services) ++counts[service.at.status];
  return counts;
}

// What `list` found, in the order in which it is shown.
struct Listing {
  Day day;
  size_t service_count = 0;  // Of the whole catalogue.
  std::vector<ServiceOnDay> services;
};

std::string SummaryOf(const Listing& listing) {
  auto counts = CountByStatus(listing.services);
  std::vector<std::string> parts;
  for (const QualificationStatus status : kStatusesInOrder) {
    if (counts[status] == 0) continue;
    parts.push_back(
        fmt::format("{} {}", counts[status], QualificationStatusName(status)));
  }
  return fmt::format("{} of {} services on {}{}{}", listing.services.size(),
                     listing.service_count, FormatDay(listing.day),
                     parts.empty() ? "" : ": ", fmt::join(parts, ", "));
}

std::string ListToText(const Listing& listing, size_t columns, bool use_color) {
  std::vector<std::vector<TextCell>> rows;
  for (const ServiceOnDay& service : listing.services) {
    const CatalogueRow* row = service.at.row;
    const Color color = ColorOf(service);
    rows.push_back(
        {{Printable(service.service->provider)},
         {Printable(service.service->name)},
         {service.service->type},
         {Printable(service.service->scheme)},
         {OrDash(row == nullptr ? "" : row->framework_version)},
         {std::string(QualificationStatusName(service.at.status)), color},
         {OrDash(row == nullptr ? "" : MilestoneName(row->milestone))},
         {SinceText(row)},
         {UntilText(row)},
         {DaysLeftText(service), color},
         {OrDash(row == nullptr ? "" : row->reference)}});
  }
  std::string text;
  for (const std::string& line : LayOut({{"provider", false, 10},
                                         {"service", false, 14},
                                         {"type"},
                                         {"scheme", false, 0, 1},
                                         {"version", false, 0, 2},
                                         {"state"},
                                         {"milestone", false, 0, 3},
                                         {"since", false, 0, 5},
                                         {"until"},
                                         {"days left", true},
                                         {"reference", false, 8, 4}},
                                        rows, columns, use_color)) {
    text += line + "\n";
  }
  return text + SummaryOf(listing) + "\n";
}

std::string ListToJson(const Listing& listing, Json source) {
  auto counts = CountByStatus(listing.services);
  Json json;
  json["schema"] = "octroi.catalogue/1";
  json["at"] = FormatDay(listing.day);
  json["catalogue"] = std::move(source);
  json["service_count"] = listing.service_count;
  json["summary"] = {{"services", listing.services.size()}};
  for (const QualificationStatus status : kStatusesInOrder) {
    json["summary"][std::string(QualificationStatusName(status))] =
        counts[status];
  }
  json["services"] = Json::array();
  for (const ServiceOnDay& service : listing.services) {
    json["services"].push_back(ServiceToJson(service));
  }
  return ToPage(json);
}

// The keys of the JSON, as columns.
std::string ListToCsv(const Listing& listing) {
  constexpr std::string_view kColumns[] = {
      "service_id", "provider",      "name",      "type",
      "scheme",     "qualification", "milestone", "framework_version",
      "from",       "known_from",    "until",     "days_left",
      "reference",  "observed_on",   "source",    "note",
      "line"};
  std::string csv = fmt::format("{}\n", fmt::join(kColumns, ","));
  for (const ServiceOnDay& service : listing.services) {
    const Json json = ServiceToJson(service);
    std::vector<std::string> fields;
    for (const std::string_view column : kColumns) {
      const Json& value = json[std::string(column)];
      fields.push_back(value.is_null() ? ""
                       : value.is_string()
                           ? SpreadsheetField(value.get<std::string>())
                           : value.dump());
    }
    csv += fmt::format("{}\n", fmt::join(fields, ","));
  }
  return csv;
}

// Keeps the services that the options name. False, with an error, if no
// service has that provider.
bool Filter(const CatalogueListOptions& options, const Surroundings& around,
            std::vector<ServiceOnDay>* services) {
  std::vector<std::string_view> providers;
  for (const ServiceOnDay& service : *services) {
    providers.push_back(service.service->provider);
  }
  const auto is_provider = [&](std::string_view name) {
    return EqualIgnoringCase(name, options.provider);
  };
  if (!options.provider.empty() &&
      std::none_of(providers.begin(), providers.end(), is_provider)) {
    const std::string_view near = NearestWord(options.provider, providers);
    WriteError(
        around,
        fmt::format(
            "--provider: {} is not in the catalogue;{} "
            "`octroi catalogue list` names the providers",
            Quoted(options.provider),
            near.empty() ? "" : fmt::format(" did you mean \"{}\"?", near)));
    return false;
  }
  std::erase_if(*services, [&](const ServiceOnDay& service) {
    return (!options.provider.empty() &&
            !is_provider(service.service->provider)) ||
           (!options.type.empty() && service.service->type != options.type) ||
           (!options.state.empty() &&
            QualificationStatusName(service.at.status) != options.state);
  });
  return true;
}

// Catalogue, schemes and, if asked, ranges; null after errors.
std::unique_ptr<Facts> Load(const FactsOptions& options, bool with_ranges,
                            const Surroundings& surroundings) {
  std::vector<Problem> problems;
  std::unique_ptr<Facts> facts =
      LoadCataloguePart(options, {.with_ranges = with_ranges}, &problems);
  WriteProblems(problems, surroundings);
  return facts;
}

// The names by which `show` finds a service, its id first.
std::vector<std::string> NamesOf(const Service& service) {
  return {service.id, service.name, service.provider + "/" + service.name,
          service.provider};
}

std::vector<const Service*> ServicesCalled(const Catalogue& catalogue,
                                           const std::string& text) {
  const uint32_t exact = catalogue.Find(text);
  if (exact != Catalogue::kNone) return {&catalogue.service(exact)};
  std::vector<const Service*> found;
  for (const Service& service : catalogue.services()) {
    const std::vector<std::string> names = NamesOf(service);
    if (std::any_of(names.begin(), names.end(), [&](const std::string& name) {
          return EqualIgnoringCase(name, text);
        })) {
      found.push_back(&service);
    }
  }
  return found;
}

// What a name that is not known may have meant: the services whose names
// contain it, else the nearest name; "" if there is none.
std::string NearTo(const Catalogue& catalogue, const std::string& text) {
  constexpr size_t kMaxNamed = 5;
  std::vector<std::string> containing;
  std::vector<std::string> names;
  const std::string part = Bare(text);
  for (const Service& service : catalogue.services()) {
    const std::vector<std::string> own = NamesOf(service);
    names.insert(names.end(), own.begin(), own.end());
    if (Bare(service.provider + service.name).find(part) != std::string::npos) {
      containing.push_back(service.id);
    }
  }
  if (!part.empty() && !containing.empty() && containing.size() <= kMaxNamed) {
    return fmt::format("{}", fmt::join(containing, " or "));
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  return std::string(NearestWord(text, views));
}

// The service that is meant, or null after an error.
const Service* FindService(const Catalogue& catalogue, const std::string& text,
                           const Surroundings& surroundings) {
  const std::vector<const Service*> found = ServicesCalled(catalogue, text);
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    const std::string near = NearTo(catalogue, text);
    WriteError(surroundings,
               fmt::format(
                   "{} is no service of the catalogue;{} write a "
                   "service_id, which `octroi catalogue list --format "
                   "csv` shows",
                   Quoted(text),
                   near.empty() ? "" : fmt::format(" did you mean {}?", near)));
    return nullptr;
  }
  std::vector<std::string> ids;
  for (const Service* service : found) ids.push_back(service->id);
  WriteError(surroundings,
             fmt::format("{} is the name of {} services; write one of {}",
                         Quoted(text), ids.size(), fmt::join(ids, ", ")));
  return nullptr;
}

// Everything about one service.
struct ServiceView {
  ServiceOnDay service;
  std::vector<const RangeRow*> ranges;
  std::vector<ServiceOnDay> others;  // Of the provider.
};

ServiceView ViewOf(const Facts& facts, const Service& service, Day day) {
  ServiceView view;
  view.service = OnDay(service, day);
  for (const RangeRow& row : facts.ranges.rows()) {
    if (row.service_id == service.id) view.ranges.push_back(&row);
  }
  for (const ServiceOnDay& other : SortedOnDay(facts.catalogue, day)) {
    if (other.service != &service &&
        other.service->provider == service.provider) {
      view.others.push_back(other);
    }
  }
  return view;
}

std::string ShowToJson(const ServiceView& view, Json source) {
  Json json;
  json["schema"] = "octroi.catalogue-service/1";
  json["at"] = FormatDay(view.service.day);
  json["catalogue"] = std::move(source);
  json["service"] = ServiceToJson(view.service);
  json["rows"] = Json::array();
  for (const CatalogueRow& row : view.service.service->rows) {
    Json item = {{"state", StateName(row.state)}};
    item.update(RowToJson(&row));
    item["decides"] = &row == view.service.at.row;
    json["rows"].push_back(std::move(item));
  }
  json["ranges"] = Json::array();
  for (const RangeRow* row : view.ranges) {
    json["ranges"].push_back(
        {{"prefix", row->prefix.ToString()},
         {"region", TextOrNull(row->region)},
         {"country", TextOrNull(row->region_country.ToString())},
         {"grade", GradeName(row->grade)},
         {"source", row->source},
         {"retrieved", row->retrieved},
         {"note", TextOrNull(row->note)},
         {"file", row->file},
         {"line", row->line}});
  }
  json["other_services"] = Json::array();
  for (const ServiceOnDay& other : view.others) {
    json["other_services"].push_back(ServiceToJson(other));
  }
  return ToPage(json);
}

class ShowWriter {
 public:
  ShowWriter(const ServiceView& view, size_t columns, bool use_color)
      : view_(view), columns_(columns), use_color_(use_color) {}

  std::string Write() {
    AddHead();
    AddRows();
    AddRanges();
    AddOthers();
    return std::move(text_);
  }

 private:
  void Line(std::string_view label, std::string_view value) {
    if (value.empty()) return;
    text_ += fmt::format("  {:<15}{}\n", label, Printable(value));
  }

  void Table(const std::vector<TextColumn>& columns,
             const std::vector<std::vector<TextCell>>& rows) {
    for (const std::string& line :
         LayOut(columns, rows, columns_ - 2, use_color_)) {
      text_ += "  " + line + "\n";
    }
  }

  void AddHead() {
    const ServiceOnDay& on_day = view_.service;
    const Service& service = *on_day.service;
    text_ += fmt::format("{} {} ({}) on {}\n", Printable(service.provider),
                         Printable(service.name), service.type,
                         FormatDay(on_day.day));
    Line("service_id", service.id);
    text_ += fmt::format("  {:<15}{} {}{}\n", "qualification",
                         Printable(service.scheme),
                         Paint(QualificationStatusName(on_day.at.status),
                               ColorOf(on_day), use_color_),
                         EndText());
  }

  std::string EndText() const {
    const std::optional<int64_t> days_left = view_.service.days_left();
    if (!days_left) return "";
    const std::string until = FormatDay(*view_.service.at.row->validity.until);
    if (*days_left < 0) return ", ended on " + until;
    return fmt::format(", {} {} left, until {}", *days_left,
                       *days_left == 1 ? "day" : "days", until);
  }

  void AddRows() {
    text_ += view_.service.at.row == nullptr
                 ? "rows of the catalogue; none decides on that day\n"
                 : "rows of the catalogue; * decides on that day\n";
    for (const CatalogueRow& row : view_.service.service->rows) {
      const std::string_view milestone = MilestoneName(row.milestone);
      text_ += fmt::format(
          "{} line {}: {}{}{}, {} to {}\n",
          &row == view_.service.at.row ? "*" : " ", row.line,
          StateName(row.state), milestone.empty() ? "" : " ", milestone,
          row.validity.from ? FormatDay(*row.validity.from) : "not known",
          row.validity.until ? FormatDay(*row.validity.until) : "not known");
      Line("  version", row.framework_version);
      Line("  reference", row.reference);
      Line("  observed on", FormatDay(row.observed_on));
      Line("  source", row.source);
      Line("  note", row.note);
    }
  }

  void AddRanges() {
    text_ += view_.ranges.empty() ? "ranges: none is tied to it\n"
                                  : "ranges that are tied to it\n";
    if (view_.ranges.empty()) return;
    std::vector<std::vector<TextCell>> rows;
    for (const RangeRow* row : view_.ranges) {
      rows.push_back({{row->prefix.ToString()},
                      {std::string(GradeName(row->grade))},
                      {OrDash(row->region)},
                      {OrDash(row->region_country.ToString())},
                      {row->retrieved},
                      {Printable(row->source)}});
    }
    Table({{"prefix"},
           {"grade"},
           {"region", false, 8},
           {"country"},
           {"retrieved"},
           {"source", false, 20}},
          rows);
  }

  void AddOthers() {
    const std::string provider = Printable(view_.service.service->provider);
    text_ += fmt::format("other services of {}{}\n", provider,
                         view_.others.empty() ? ": none in the catalogue" : "");
    if (view_.others.empty()) return;
    std::vector<std::vector<TextCell>> rows;
    for (const ServiceOnDay& other : view_.others) {
      rows.push_back({{Printable(other.service->name)},
                      {other.service->type},
                      {std::string(QualificationStatusName(other.at.status)),
                       ColorOf(other)},
                      {UntilText(other.at.row)},
                      {other.service->id}});
    }
    Table({{"service", false, 14},
           {"type"},
           {"state"},
           {"until"},
           {"service_id"}},
          rows);
  }

  const ServiceView& view_;
  const size_t columns_;
  const bool use_color_;
  std::string text_;
};

}  // namespace

std::optional<FactsOptions> FactsOf(const CatalogueChoice& choice,
                                    const Surroundings& surroundings) {
  std::optional<Config> config =
      ObtainConfig({.config_path = choice.config_path}, surroundings);
  if (!config) return std::nullopt;
  FactsOptions options = std::move(config->facts);
  if (!choice.catalogue_path.empty()) options.services = choice.catalogue_path;
  return options;
}

ExitCode RunCatalogueList(const CatalogueListOptions& options,
                          const Surroundings& surroundings) {
  const std::optional<Day> day = ReadDayAt(options.at, surroundings);
  if (!day) return kExitUsage;
  const auto files = FactsOf(options.choice, surroundings);
  if (!files) return kExitUsage;
  const auto facts = Load(*files, /*with_ranges=*/false, surroundings);
  if (facts == nullptr) return kExitFailed;

  Listing listing;
  listing.day = *day;
  listing.service_count = facts->catalogue.services().size();
  listing.services = SortedOnDay(facts->catalogue, *day);
  if (!Filter(options, surroundings, &listing.services)) return kExitUsage;
  switch (options.format) {
    case CatalogueFormat::kText:
      *surroundings.out << ListToText(listing, PageColumns(surroundings),
                                      surroundings.use_color);
      break;
    case CatalogueFormat::kJson:
      *surroundings.out << ListToJson(
          listing, SourceToJson(*facts, CataloguePath(*files)));
      break;
    case CatalogueFormat::kCsv:
      *surroundings.out << ListToCsv(listing);
      break;
  }
  return FinishOutput(surroundings);
}

ExitCode RunCatalogueShow(const CatalogueShowOptions& options,
                          const Surroundings& surroundings) {
  const std::optional<Day> day = ReadDayAt(options.at, surroundings);
  if (!day) return kExitUsage;
  const auto files = FactsOf(options.choice, surroundings);
  if (!files) return kExitUsage;
  const auto facts = Load(*files, /*with_ranges=*/true, surroundings);
  if (facts == nullptr) return kExitFailed;
  const Service* service =
      FindService(facts->catalogue, options.service, surroundings);
  if (service == nullptr) return kExitUsage;

  const ServiceView view = ViewOf(*facts, *service, *day);
  *surroundings.out << (options.format == CatalogueFormat::kJson
                            ? ShowToJson(
                                  view,
                                  SourceToJson(*facts, CataloguePath(*files)))
                            : ShowWriter(view, PageColumns(surroundings),
                                         surroundings.use_color)
                                  .Write());
  return FinishOutput(surroundings);
}

}  // namespace octroi
