// SPDX-License-Identifier: Apache-2.0
#include "tests/support/facts_builder.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "fmt/format.h"
#include "tests/support/mmdb_writer.h"

namespace octroi::testing {
namespace {

constexpr std::string_view kBuilt = "2026-01-01";
using Kind = JurisdictionRow::Kind;

[[noreturn]] void Fail(const std::string& message) {
  std::fprintf(stderr, "facts_builder: %s\n", message.c_str());
  std::abort();
}

template <typename T>
T Take(std::string_view what, absl::StatusOr<T> value) {
  if (!value.ok()) {
    Fail(fmt::format("{}: {}", what, std::string(value.status().message())));
  }
  return *std::move(value);
}

std::optional<Day> OptionalDay(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return DayFrom(text);
}

template <typename Row>
Row Numbered(Row row, const std::vector<Row>& rows) {
  row.line = static_cast<int>(rows.size()) + 1;
  return row;
}

JurisdictionRow Status(std::string_view code, std::string_view name,
                       Regime regime, std::string_view from = "",
                       std::string_view until = "") {
  JurisdictionRow row;
  row.code = Code(code);
  row.name = name;
  row.kind = regime == Regime::kThirdCountry ? Kind::kNone : Kind::kRegime;
  row.regime = regime;
  row.validity = Between(from, until);
  return row;
}

JurisdictionRow NoCountry(std::string_view code, std::string_view alias_of) {
  JurisdictionRow row;
  row.code = Code(code);
  row.name = alias_of.empty() ? code : alias_of;
  row.kind = alias_of.empty() ? Kind::kUnknown : Kind::kAlias;
  row.alias_of = Code(alias_of);
  return row;
}

template <typename Database>
Database DatabaseOf(
    const std::string& name, std::string_view built,
    const std::vector<std::pair<IpPrefix, std::string>>& records) {
  MmdbWriter writer;
  for (const auto& [prefix, record] : records) writer.Insert(prefix, record);
  Database database;
  database.source.name = name;
  database.source.path = name + ".mmdb";
  database.source.built = DayFrom(built);
  database.file =
      Take(name, MmdbFile::Parse(database.source.path, writer.BuildBytes()));
  return database;
}

}  // namespace

IpAddress Address(std::string_view text) {
  const std::optional<IpAddress> address = IpAddress::Parse(text);
  if (!address) Fail(fmt::format("\"{}\" is not an address", text));
  return *address;
}

IpPrefix Prefix(std::string_view text) {
  return Take("prefix", IpPrefix::Parse(text));
}

Day DayFrom(std::string_view text) {
  const std::optional<Day> day = ParseDay(text);
  if (!day) Fail(fmt::format("\"{}\" is not a day", text));
  return *day;
}

CountryCode Code(std::string_view text) {
  if (text.empty()) return CountryCode();
  const std::optional<CountryCode> code = CountryCode::Parse(text);
  if (!code) Fail(fmt::format("\"{}\" is not a country code", text));
  return *code;
}

Validity Between(std::string_view from, std::string_view until) {
  return {OptionalDay(from), OptionalDay(until)};
}

std::vector<JurisdictionRow> SampleJurisdictions() {
  std::vector<JurisdictionRow> rows = {
      Status("FR", "France", Regime::kEu, "1958-01-01"),
      Status("DE", "Germany", Regime::kEu, "1958-01-01"),
      Status("IE", "Ireland", Regime::kEu, "1973-01-01"),
      Status("NL", "Netherlands", Regime::kEu, "1958-01-01"),
      Status("HR", "Croatia", Regime::kEu, "2013-07-01"),
      Status("GR", "Greece", Regime::kEu, "1981-01-01"),
      Status("GB", "United Kingdom", Regime::kEu, "1973-01-01", "2020-01-31"),
      Status("GB", "United Kingdom", Regime::kAdequate, "2020-02-01",
             "2031-12-27"),
      Status("NO", "Norway", Regime::kEea, "1994-01-01"),
      Status("IS", "Iceland", Regime::kEea, "1994-01-01"),
      Status("CH", "Switzerland", Regime::kAdequate, "2000-07-26"),
      Status("JP", "Japan", Regime::kAdequate, "2019-01-23"),
      Status("US", "United States", Regime::kThirdCountry),
      NoCountry("UK", "GB"),
      NoCountry("EL", "GR"),
      NoCountry("EU", ""),
      NoCountry("AP", ""),
  };
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i].line = static_cast<int>(i) + 1;
  return rows;
}

FactsBuilder::FactsBuilder() : jurisdictions_(SampleJurisdictions()) {
  Special("10.0.0.0/8", SpecialKind::kPrivate);
  Special("127.0.0.0/8", SpecialKind::kLoopback);
  Special("172.16.0.0/12", SpecialKind::kPrivate);
  Special("192.168.0.0/16", SpecialKind::kPrivate);
  Special("224.0.0.0/4", SpecialKind::kMulticast);
  Special("fc00::/7", SpecialKind::kUniqueLocal);
  Special("fe80::/10", SpecialKind::kLinkLocal);
  Scheme({.name = "SecNumCloud", .sovereignty = "strict", .seal = 3});
  Scheme({.name = "BSI C5", .sovereignty = "soft"});
}

FactsBuilder& FactsBuilder::Country(std::string_view prefix,
                                    std::string_view code, size_t database) {
  return CountryBuild(kBuilt, prefix, code, database);
}

FactsBuilder& FactsBuilder::CountryBuild(std::string_view built,
                                         std::string_view prefix,
                                         std::string_view code,
                                         size_t database) {
  countries_[{database, std::string(built)}].emplace_back(
      Prefix(prefix), MmdbFlatCountry(code));
  return *this;
}

FactsBuilder& FactsBuilder::Asn(std::string_view prefix, uint32_t asn,
                                std::string_view name) {
  asns_.emplace_back(Prefix(prefix), MmdbAsnRecord(asn, name));
  return *this;
}

FactsBuilder& FactsBuilder::Operator(const OperatorSpec& spec) {
  OperatorRow row;
  row.asn = spec.asn;
  row.name =
      spec.name.empty() ? fmt::format("Operator AS{}", spec.asn) : spec.name;
  row.parent = spec.parent;
  row.controlling_country = Code(spec.country);
  row.law = spec.law;
  row.confidence = "high";
  row.provider = spec.provider;
  row.validity = Between(spec.from, spec.until);
  row.observed_on = kBuilt;
  row.source = "a test";
  operators_.push_back(Numbered(std::move(row), operators_));
  return *this;
}

FactsBuilder& FactsBuilder::Service(const ServiceSpec& spec) {
  CatalogueRow row;
  row.service_id = spec.id;
  row.provider = spec.provider;
  row.service = spec.name.empty() ? "Service " + spec.id : spec.name;
  row.service_type = spec.type;
  row.scheme = spec.scheme;
  row.framework_version = spec.version;
  row.state = spec.state;
  row.milestone = spec.milestone;
  row.validity = Between(spec.from, spec.until);
  row.reference = spec.reference;
  row.observed_on = DayFrom(spec.observed_on);
  row.source = "a test";
  services_.push_back(Numbered(std::move(row), services_));
  return *this;
}

FactsBuilder& FactsBuilder::Range(const RangeSpec& spec) {
  RangeRow row;
  row.prefix = Prefix(spec.prefix);
  row.provider = spec.provider;
  row.service_id = spec.service_id;
  row.region = spec.region.empty() && !spec.country.empty()
                   ? "region of " + spec.country
                   : spec.region;
  row.region_country = Code(spec.country);
  row.grade = spec.grade;
  row.source = "a test";
  row.retrieved = "2026-01";
  row.file = "ranges.csv";
  ranges_.push_back(Numbered(std::move(row), ranges_));
  return *this;
}

FactsBuilder& FactsBuilder::Anycast(const AnycastSpec& spec) {
  AnycastRow row;
  row.prefix = Prefix(spec.prefix);
  row.name = spec.name;
  row.validity = Between(spec.from, spec.until);
  row.observed_on = kBuilt;
  row.source = "a test";
  anycast_.push_back(Numbered(std::move(row), anycast_));
  return *this;
}

FactsBuilder& FactsBuilder::Special(std::string_view prefix, SpecialKind kind,
                                    bool is_globally_reachable) {
  SpecialPurposeRow row;
  row.prefix = Prefix(prefix);
  row.name = SpecialKindName(kind);
  row.kind = kind;
  row.is_globally_reachable = is_globally_reachable;
  row.reference = "RFC 6890";
  row.source = "a test";
  special_purpose_.push_back(Numbered(std::move(row), special_purpose_));
  return *this;
}

FactsBuilder& FactsBuilder::Jurisdiction(JurisdictionRow row) {
  if (!has_own_jurisdictions_) jurisdictions_.clear();
  has_own_jurisdictions_ = true;
  jurisdictions_.push_back(Numbered(std::move(row), jurisdictions_));
  return *this;
}

FactsBuilder& FactsBuilder::Scheme(const SchemeSpec& spec) {
  SchemeRow row;
  row.scheme = spec.name;
  row.sovereignty_requirements = spec.sovereignty;
  row.indicative_seal = spec.seal;
  row.source = "a test";
  schemes_.push_back(Numbered(std::move(row), schemes_));
  return *this;
}

FactsBuilder& FactsBuilder::Shuffle(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto shuffle = [&random](auto& rows) {
    std::shuffle(rows.begin(), rows.end(), random);
  };
  shuffle(jurisdictions_);
  shuffle(special_purpose_);
  shuffle(operators_);
  shuffle(services_);
  shuffle(schemes_);
  shuffle(ranges_);
  shuffle(anycast_);
  return *this;
}

std::unique_ptr<Facts> FactsBuilder::Build() const {
  auto facts = std::make_unique<Facts>();
  std::optional<size_t> last_index;
  for (const auto& [key, records] : countries_) {
    if (last_index != key.first) facts->countries.emplace_back();
    last_index = key.first;
    CountrySeries& series = facts->countries.back();
    series.push_back(DatabaseOf<CountryDatabase>(
        fmt::format("country-{}", key.first), key.second, records));
    facts->sources.push_back(series.back().source);
  }
  if (!asns_.empty()) {
    facts->asn.push_back(DatabaseOf<AsnDatabase>("asn", kBuilt, asns_));
    facts->sources.push_back(facts->asn.back().source);
  }
  facts->jurisdictions =
      Take("jurisdictions", Jurisdictions::Create(jurisdictions_));
  facts->special_purpose =
      Take("special purpose", SpecialPurposeTable::Create(special_purpose_));
  facts->operators = Take("operators", OperatorTable::Create(operators_));
  facts->catalogue = Take("catalogue", Catalogue::Create(services_));
  facts->schemes = schemes_;
  facts->ranges = Take("ranges", RangeTable::Create(ranges_, facts->catalogue));
  facts->anycast = anycast_;
  return facts;
}

}  // namespace octroi::testing
