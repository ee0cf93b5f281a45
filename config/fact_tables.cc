// SPDX-License-Identifier: Apache-2.0
#include "config/fact_tables.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <map>
#include <span>
#include <utility>

#include "config/country_list.h"
#include "config/csv.h"
#include "config/suggest.h"
#include "config/text_file.h"
#include "fmt/format.h"
#include "policy/qualification.h"

namespace octroi {
namespace {

using Words = std::span<const std::string_view>;

constexpr std::string_view kRegimes[] = {"eu",   "eea",   "adequate",
                                         "none", "alias", "unknown"};
constexpr std::string_view kConfidences[] = {"high", "medium", "low",
                                             "unverified"};
constexpr std::string_view kServiceTypes[] = {"IaaS", "CaaS", "PaaS", "SaaS",
                                              "unknown"};
constexpr std::string_view kStates[] = {"none", "in_qualification", "qualified",
                                        "suspended", "withdrawn"};
constexpr std::string_view kMilestones[] = {"J0", "J1", "J2", "J3"};
constexpr std::string_view kRequirements[] = {"strict", "soft", "none"};
constexpr std::string_view kGrades[] = {"asserted", "published", "derived"};
constexpr std::string_view kYesNo[] = {"yes", "no"};
constexpr int kHighestSeal = 4;

bool IsSpaceOrControl(char c) {
  return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
}

// The typed values of one row. A value that is not as it must be becomes a
// problem and a default.
class RowReader {
 public:
  RowReader(CsvTable* table, std::optional<Day>* latest)
      : table_(table), latest_(latest) {}

  void Error(std::string_view column, std::string_view what) {
    table_->Error(column, what);
  }
  bool IsEmpty(std::string_view column) const {
    return table_->Text(column).empty();
  }
  bool is_good() const { return table_->row_is_good(); }
  int line() const { return table_->line(); }

  // Text on one line, without white space around it; may be empty.
  std::string Text(std::string_view column) {
    const std::string_view text = table_->Text(column);
    if (text.empty()) return "";
    if (IsSpaceOrControl(text.front()) || IsSpaceOrControl(text.back())) {
      Error(column, fmt::format("{} begins or ends with white space; remove it",
                                Quoted(text)));
    } else if (text.find_first_of("\t\r\n") != std::string_view::npos) {
      Error(column, fmt::format("{} has a tab or a line break; write it on "
                                "one line",
                                Quoted(text)));
    }
    return std::string(text);
  }

  std::string RequiredText(std::string_view column) {
    if (IsEmpty(column)) Error(column, "is empty; a value is needed");
    return Text(column);
  }

  // One of `words`. `may_be_empty`: or nothing.
  std::string Word(std::string_view column, Words words,
                   bool may_be_empty = false) {
    const std::string_view text = table_->Text(column);
    if (text.empty() && may_be_empty) return "";
    if (std::find(words.begin(), words.end(), text) == words.end()) {
      const std::string_view nearest = NearestWord(text, words);
      Error(column,
            fmt::format("{} is not known;{} write {}{}", Quoted(text),
                        nearest.empty()
                            ? ""
                            : fmt::format(" did you mean \"{}\"?", nearest),
                        OneOf(words), may_be_empty ? ", or nothing" : ""));
    }
    return std::string(text);
  }

  std::optional<Day> OptionalDay(std::string_view column) {
    const std::string_view text = table_->Text(column);
    if (text.empty()) return std::nullopt;
    const std::optional<Day> day = ParseDay(text);
    if (!day) {
      Error(column,
            fmt::format("{} is not a day; write YYYY-MM-DD", Quoted(text)));
    }
    return day;
  }

  Day RequiredDay(std::string_view column) {
    if (IsEmpty(column)) Error(column, "is empty; write YYYY-MM-DD");
    return OptionalDay(column).value_or(Day());
  }

  // The columns `from` and `until`, each of which may be empty.
  Validity ReadValidity() {
    const Validity validity = {OptionalDay("from"), OptionalDay("until")};
    if (validity.from && validity.until && *validity.until < *validity.from) {
      Error("until",
            fmt::format("{} is before `from` ({})", FormatDay(*validity.until),
                        FormatDay(*validity.from)));
    }
    return validity;
  }

  // Counts towards the latest day of the table.
  void Observed(std::optional<Day> day) {
    if (day && (!*latest_ || **latest_ < *day)) *latest_ = day;
  }

  IpPrefix Prefix() {
    const absl::StatusOr<IpPrefix> prefix = ParsePrefix(table_->Text("prefix"));
    if (prefix.ok()) return *prefix;
    Error("prefix", std::string(prefix.status().message()));
    return IpPrefix();
  }

  // RFC 6793: 1 to 4294967295. 0 for an empty value.
  uint32_t OptionalAsn(std::string_view column) {
    const std::string_view text = table_->Text(column);
    if (text.empty()) return 0;
    uint32_t asn = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, asn);
    if (error == std::errc() && end == last && text[0] != '0') return asn;
    Error(column, fmt::format("{} is not an ASN; write a number from 1 to "
                              "4294967295, without \"AS\"",
                              Quoted(text)));
    return 0;
  }

  // Two capital letters; unknown for an empty value.
  CountryCode OptionalCode(std::string_view column) {
    const std::string_view text = table_->Text(column);
    if (text.empty()) return CountryCode();
    const std::optional<CountryCode> code = CountryCode::Parse(text);
    if (code && code->ToString() == text) return *code;
    Error(column, fmt::format("{} is not a country code; write two capital "
                              "letters (ISO 3166-1)",
                              Quoted(text)));
    return CountryCode();
  }

  // A code that ISO 3166-1 assigns; unknown for an empty value.
  CountryCode OptionalCountry(std::string_view column) {
    const CountryCode code = OptionalCode(column);
    if (code.is_known() && !IsAssignedCountry(code)) {
      Error(column, fmt::format("\"{}\" is not a country of ISO 3166-1",
                                code.ToString()));
    }
    return code;
  }

 private:
  CsvTable* table_;
  std::optional<Day>* latest_;
};

// Calls `read(RowReader*)` for each row, and keeps those without a problem.
template <typename Row, typename Read>
FactTable<Row> ReadTable(std::string_view text, const std::string& file,
                         Words columns, std::vector<Problem>* problems,
                         Read read) {
  FactTable<Row> result;
  std::optional<CsvTable> table = CsvTable::Open(text, file, columns, problems);
  if (!table) return result;
  RowReader reader(&*table, &result.latest);
  while (table->Next()) {
    Row row = read(&reader);
    row.line = table->line();
    if (table->row_is_good()) result.rows.push_back(std::move(row));
  }
  return result;
}

// Finds rows that say the same twice: the line of each key's first row.
class SeenRows {
 public:
  void Check(const std::string& key, std::string_view column,
             RowReader* reader) {
    const auto [found, is_new] = line_of_.emplace(key, reader->line());
    if (is_new) return;
    reader->Error(column,
                  fmt::format("line {} says the same of {}; keep one of them",
                              found->second, Quoted(key)));
  }

 private:
  std::map<std::string, int> line_of_;
};

std::string TextOf(const Validity& validity) {
  return fmt::format("{}..{}", validity.from ? FormatDay(*validity.from) : "",
                     validity.until ? FormatDay(*validity.until) : "");
}

void SetRegime(const std::string& word, JurisdictionRow* row) {
  using Kind = JurisdictionRow::Kind;
  if (word == "none") {
    row->kind = Kind::kNone;
  } else if (word == "alias") {
    row->kind = Kind::kAlias;
  } else if (word == "unknown") {
    row->kind = Kind::kUnknown;
    row->regime = Regime::kUnknown;
  } else {
    row->kind = Kind::kRegime;
    row->regime = ParseRegime(word).value_or(Regime::kThirdCountry);
  }
}

std::vector<std::string> SplitVersions(std::string_view text) {
  std::vector<std::string> versions;
  while (!text.empty()) {
    const size_t end = std::min(text.find(';'), text.size());
    versions.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return versions;
}

void CheckVersions(const std::vector<std::string>& versions,
                   RowReader* reader) {
  for (size_t i = 0; i < versions.size(); ++i) {
    if (versions[i].empty() || IsSpaceOrControl(versions[i].front()) ||
        IsSpaceOrControl(versions[i].back())) {
      reader->Error("versions",
                    fmt::format("{} is not a version; write versions with "
                                "';' between them and no spaces",
                                Quoted(versions[i])));
      return;
    }
    if (i == 0) continue;
    const std::optional<int> order =
        CompareVersions(versions[i - 1], versions[i]);
    if (order && *order >= 0) {
      reader->Error("versions",
                    fmt::format("{} stands behind {}; write them ascending",
                                Quoted(versions[i]), Quoted(versions[i - 1])));
    }
  }
}

// YYYY-MM-DD, or YYYY-MM for a day of that month that was not recorded.
void CheckRetrieved(const std::string& text, RowReader* reader) {
  const std::optional<Day> day =
      ParseDay(text.size() == 7 ? text + "-01" : text);
  reader->Observed(day);
  if (!day) {
    reader->Error("retrieved",
                  fmt::format("{} is not a day; write YYYY-MM-DD, or YYYY-MM",
                              Quoted(text)));
  }
}

std::string ReadServiceId(RowReader* reader) {
  std::string id = reader->Text("service_id");
  if (!IsServiceId(id)) {
    reader->Error("service_id",
                  fmt::format("{} is not a service_id; write small letters, "
                              "digits and '-'",
                              Quoted(id)));
  }
  return id;
}

CatalogueRow ReadService(RowReader* reader) {
  CatalogueRow row;
  row.service_id = ReadServiceId(reader);
  if (row.service_id.empty()) {
    reader->Error("service_id", "is empty; a value is needed");
  }
  row.provider = reader->RequiredText("provider");
  row.service = reader->RequiredText("service");
  row.service_type = reader->Word("service_type", kServiceTypes);
  row.scheme = reader->RequiredText("scheme");
  row.framework_version = reader->Text("framework_version");
  const std::string state = reader->Word("state", kStates);
  row.state = ParseServiceState(state).value_or(ServiceState::kNone);
  row.milestone = ParseMilestone(reader->Word("milestone", kMilestones, true))
                      .value_or(Milestone::kNotSaid);
  row.validity = reader->ReadValidity();
  row.reference = reader->Text("reference");
  row.observed_on = reader->RequiredDay("observed_on");
  row.source = reader->RequiredText("source");
  row.note = reader->Text("note");
  const bool is_before_decision =
      row.milestone != Milestone::kNotSaid && row.milestone < Milestone::kJ3;
  if (row.state == ServiceState::kQualified && is_before_decision) {
    reader->Error("milestone",
                  fmt::format("{} comes before the decision, so the service "
                              "is not qualified; write the state "
                              "in_qualification, or J3",
                              MilestoneName(row.milestone)));
  }
  return row;
}

}  // namespace

FactTable<JurisdictionRow> ReadJurisdictions(std::string_view text,
                                             const std::string& file,
                                             std::vector<Problem>* problems) {
  constexpr std::string_view kColumns[] = {"code",   "name",       "regime",
                                           "from",   "until",      "scope",
                                           "source", "observed_on"};
  return ReadTable<JurisdictionRow>(
      text, file, kColumns, problems, [](RowReader* reader) {
        JurisdictionRow row;
        row.code = reader->OptionalCode("code");
        if (reader->IsEmpty("code")) {
          reader->Error("code", "is empty; write two capital letters");
        }
        SetRegime(reader->Word("regime", kRegimes), &row);
        row.name = reader->RequiredText("name");
        if (row.kind == JurisdictionRow::Kind::kAlias) {
          row.alias_of = reader->OptionalCountry("name");
        }
        row.validity = reader->ReadValidity();
        row.scope = reader->Text("scope");
        reader->Observed(reader->OptionalDay("observed_on"));
        row.source = reader->RequiredText("source");
        return row;
      });
}

FactTable<OperatorRow> ReadOperators(std::string_view text,
                                     const std::string& file,
                                     std::vector<Problem>* problems) {
  constexpr std::string_view kColumns[] = {
      "asn",      "operator", "parent",     "controlling_country",
      "provider", "note",     "from",       "extraterritorial_law",
      "until",    "source",   "confidence", "observed_on"};
  return ReadTable<OperatorRow>(
      text, file, kColumns, problems, [](RowReader* reader) {
        OperatorRow row;
        row.asn = reader->OptionalAsn("asn");
        row.name = reader->RequiredText("operator");
        row.parent = reader->Text("parent");
        row.controlling_country =
            reader->OptionalCountry("controlling_country");
        row.law = reader->Text("extraterritorial_law");
        if (row.law == "none") row.law.clear();
        row.confidence = reader->Word("confidence", kConfidences);
        row.provider = reader->Text("provider");
        row.note = reader->Text("note");
        row.validity = reader->ReadValidity();
        row.observed_on = reader->Text("observed_on");
        reader->Observed(reader->OptionalDay("observed_on"));
        row.source = reader->RequiredText("source");
        return row;
      });
}

FactTable<CatalogueRow> ReadQualifiedServices(std::string_view text,
                                              const std::string& file,
                                              std::vector<Problem>* problems) {
  constexpr std::string_view kColumns[] = {
      "service_id", "provider",  "service",     "service_type",
      "scheme",     "milestone", "state",       "framework_version",
      "from",       "until",     "observed_on", "reference",
      "source",     "note"};
  SeenRows seen;
  return ReadTable<CatalogueRow>(
      text, file, kColumns, problems, [&seen](RowReader* reader) {
        CatalogueRow row = ReadService(reader);
        if (!reader->is_good()) return row;
        reader->Observed(row.observed_on);
        // A state may be observed again later, without a date of its own.
        seen.Check(
            fmt::format("{} {} {} {} observed {}", row.service_id,
                        StateName(row.state), MilestoneName(row.milestone),
                        TextOf(row.validity), FormatDay(row.observed_on)),
            "service_id", reader);
        return row;
      });
}

FactTable<SchemeRow> ReadSchemes(std::string_view text, const std::string& file,
                                 std::vector<Problem>* problems) {
  constexpr std::string_view kColumns[] = {
      "scheme",          "authority", "sovereignty_requirements",
      "indicative_seal", "versions",  "source"};
  SeenRows seen;
  return ReadTable<SchemeRow>(
      text, file, kColumns, problems, [&seen](RowReader* reader) {
        SchemeRow row;
        row.scheme = reader->RequiredText("scheme");
        row.authority = reader->RequiredText("authority");
        row.sovereignty_requirements =
            reader->Word("sovereignty_requirements", kRequirements, true);
        const std::string seal = reader->Text("indicative_seal");
        if (seal.size() == 1 && seal[0] >= '0' &&
            seal[0] <= '0' + kHighestSeal) {
          row.indicative_seal = seal[0] - '0';
        } else if (!seal.empty()) {
          reader->Error("indicative_seal",
                        fmt::format("{} is not a SEAL level; write 0 to {}, or "
                                    "nothing",
                                    Quoted(seal), kHighestSeal));
        }
        row.versions = SplitVersions(reader->Text("versions"));
        CheckVersions(row.versions, reader);
        row.source = reader->RequiredText("source");
        if (reader->is_good()) seen.Check(row.scheme, "scheme", reader);
        return row;
      });
}

FactTable<RangeRow> ReadRanges(std::string_view text, const std::string& file,
                               std::vector<Problem>* problems) {
  constexpr std::string_view kColumns[] = {
      "prefix", "provider", "service_id", "region", "region_country",
      "grade",  "source",   "retrieved",  "note"};
  return ReadTable<RangeRow>(
      text, file, kColumns, problems, [&file](RowReader* reader) {
        RangeRow row;
        row.prefix = reader->Prefix();
        row.provider = reader->RequiredText("provider");
        row.service_id = ReadServiceId(reader);
        row.region = reader->Text("region");
        row.region_country = reader->OptionalCountry("region_country");
        row.grade =
            ParseGrade(reader->Word("grade", kGrades)).value_or(Grade::kNone);
        row.source = reader->RequiredText("source");
        row.retrieved = reader->Text("retrieved");
        CheckRetrieved(row.retrieved, reader);
        row.note = reader->Text("note");
        row.file = file;
        return row;
      });
}

FactTable<SpecialPurposeRow> ReadSpecialPurpose(
    std::string_view text, const std::string& file,
    std::vector<Problem>* problems) {
  constexpr std::string_view kColumns[] = {
      "prefix", "name", "kind", "globally_reachable", "source", "reference"};
  std::array<std::string_view, static_cast<size_t>(SpecialKind::kCount)> kinds;
  for (size_t i = 0; i < kinds.size(); ++i) {
    kinds[i] = SpecialKindName(static_cast<SpecialKind>(i));
  }
  return ReadTable<SpecialPurposeRow>(
      text, file, kColumns, problems, [&kinds](RowReader* reader) {
        SpecialPurposeRow row;
        row.prefix = reader->Prefix();
        row.name = reader->RequiredText("name");
        row.kind = ParseSpecialKind(reader->Word("kind", kinds))
                       .value_or(SpecialKind::kReserved);
        row.is_globally_reachable =
            reader->Word("globally_reachable", kYesNo) == "yes";
        row.reference = reader->RequiredText("reference");
        row.source = reader->RequiredText("source");
        return row;
      });
}

FactTable<AnycastRow> ReadAnycast(std::string_view text,
                                  const std::string& file,
                                  std::vector<Problem>* problems) {
  constexpr std::string_view kColumns[] = {"prefix", "name",  "operator_asn",
                                           "from",   "until", "observed_on",
                                           "source"};
  SeenRows seen;
  return ReadTable<AnycastRow>(
      text, file, kColumns, problems, [&seen](RowReader* reader) {
        AnycastRow row;
        row.prefix = reader->Prefix();
        row.name = reader->RequiredText("name");
        row.operator_asn = reader->OptionalAsn("operator_asn");
        row.validity = reader->ReadValidity();
        row.observed_on = reader->Text("observed_on");
        reader->Observed(reader->RequiredDay("observed_on"));
        row.source = reader->RequiredText("source");
        if (reader->is_good()) {
          seen.Check(row.prefix.ToString() + " " + TextOf(row.validity),
                     "prefix", reader);
        }
        return row;
      });
}

FactTable<RegionRow> ReadRegions(std::string_view text, const std::string& file,
                                 std::vector<Problem>* problems) {
  constexpr std::string_view kColumns[] = {"provider", "region", "country",
                                           "source", "observed_on"};
  return ReadTable<RegionRow>(
      text, file, kColumns, problems, [](RowReader* reader) {
        RegionRow row;
        row.provider = reader->RequiredText("provider");
        row.region = reader->RequiredText("region");
        row.country = reader->OptionalCountry("country");
        if (reader->IsEmpty("country")) {
          reader->Error("country",
                        "is empty; write two capital letters, or "
                        "leave the row out");
        }
        row.source = reader->RequiredText("source");
        row.observed_on = reader->Text("observed_on");
        reader->Observed(reader->RequiredDay("observed_on"));
        return row;
      });
}

bool IsServiceId(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace octroi
