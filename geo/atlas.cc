// SPDX-License-Identifier: Apache-2.0
#include "geo/atlas.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "fmt/format.h"

namespace octroi {
namespace {

// One source's say about the whole address space. Value 0: nothing to say.
struct Layer {
  IntervalMapV4 v4;
  IntervalMapV6 v6;
};

Layer MakeLayer(std::span<const PrefixValue> prefixes) {
  return {FlattenV4(prefixes, 0), FlattenV6(prefixes, 0)};
}

// Value i + 1 for the prefix of rows[i].
template <typename Row>
Layer LayerOfRows(const std::vector<Row>& rows) {
  std::vector<PrefixValue> prefixes;
  prefixes.reserve(rows.size());
  for (const Row& row : rows) {
    prefixes.push_back(
        {row.prefix, static_cast<uint32_t>(prefixes.size()) + 1});
  }
  return MakeLayer(prefixes);
}

// The layers in the order of Atlas's precedence; databases follow.
enum LayerIndex : size_t {
  kSpecialLayer,
  kRangeLayer,
  kAnycastLayer,
  kMarkLayer,
  kAsnLayer,
  kFirstCountryLayer,
};
constexpr size_t kMaxLayers = kFirstCountryLayer + Atlas::kMaxCountryDatabases;

// Whether a range says where its addresses are.
bool Locates(const Facts& facts, const RangeRow& range) {
  return range.grade != Grade::kDerived &&
         facts.jurisdictions.Resolve(range.region_country).is_known();
}

// When a prefix is announced as anycast: one row for each time.
std::vector<Validity> PeriodsOf(const Facts& facts, const IpPrefix& prefix) {
  std::vector<Validity> periods;
  for (const AnycastRow& row : facts.anycast) {
    if (row.prefix == prefix) periods.push_back(row.validity);
  }
  return periods;
}

// What every layer says of a run of addresses.
using LayerValues = std::array<uint32_t, kMaxLayers>;

}  // namespace

// Joins the layers run by run, and interns what they say.
class AtlasBuilder {
 public:
  explicit AtlasBuilder(const Facts& facts) { atlas_.facts_ = &facts; }

  absl::StatusOr<Atlas> Build(std::span<const PrefixMark> marks);

 private:
  absl::Status AddCountryLayers();
  absl::Status AddAsnLayer();
  void AddMarkLayer(std::span<const PrefixMark> marks);
  template <typename Number>
  IntervalMap<Number> Join(IntervalMap<Number> Layer::*family);
  AttributionId Intern(const LayerValues& values, bool is_v4);
  AttributionId Attribute(const LayerValues& values, bool is_v4);
  LocationClaim Locate(const LayerValues& values, bool is_v4,
                       const RangeRow* range) const;
  uint32_t OperatorOf(const RangeRow* range, uint32_t asn) const;
  uint32_t InternLocation(LocationClaim claim);
  AttributionId InternAttribution(Attribution attribution);

  using ClassKey = std::array<uint32_t, 5>;

  Atlas atlas_;
  std::vector<Layer> layers_;
  std::vector<CountryCode> codes_;  // Values of country layers, less one.
  std::vector<uint32_t> asns_;      // Values of the ASN layer, less one.
  absl::flat_hash_map<LayerValues, AttributionId> known_v4_;
  absl::flat_hash_map<LayerValues, AttributionId> known_v6_;
  absl::flat_hash_map<LocationClaim, uint32_t> known_locations_;
  absl::flat_hash_map<ClassKey, uint32_t> known_classes_;
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, AttributionId>
      known_attributions_;  // (class, ASN)
};

absl::StatusOr<Atlas> AtlasBuilder::Build(std::span<const PrefixMark> marks) {
  const Facts& facts = *atlas_.facts_;
  layers_.push_back(LayerOfRows(facts.special_purpose.rows()));
  layers_.push_back(LayerOfRows(facts.ranges.rows()));
  layers_.push_back(LayerOfRows(facts.anycast));
  AddMarkLayer(marks);
  absl::Status status = AddAsnLayer();
  if (!status.ok()) return status;
  status = AddCountryLayers();
  if (!status.ok()) return status;

  const IntervalMapV4 v4 = Join(&Layer::v4);
  const IntervalMapV6 v6 = Join(&Layer::v6);
  atlas_.index_ = PrefixIndex::Build(v4, v6);
  return std::move(atlas_);
}

absl::Status AtlasBuilder::AddAsnLayer() {
  std::vector<PrefixValue> prefixes;
  const Facts& facts = *atlas_.facts_;
  if (facts.asn) {
    absl::StatusOr<MmdbFile::AsnTable> table = facts.asn->file->WalkAsns();
    if (!table.ok()) return table.status();
    asns_.reserve(table->records.size());
    for (const MmdbAsn& record : table->records) {
      asns_.push_back(record.asn);
      atlas_.asn_names_.emplace(record.asn, record.organization);
    }
    prefixes.reserve(table->entries.size());
    for (const MmdbFile::Entry& entry : table->entries) {
      prefixes.push_back({entry.prefix, entry.record + 1});
    }
  }
  layers_.push_back(MakeLayer(prefixes));
  return absl::OkStatus();
}

absl::Status AtlasBuilder::AddCountryLayers() {
  const Facts& facts = *atlas_.facts_;
  if (facts.countries.size() > Atlas::kMaxCountryDatabases) {
    return absl::InvalidArgumentError(
        fmt::format("{} country databases are configured; at most {} are read",
                    facts.countries.size(), Atlas::kMaxCountryDatabases));
  }
  absl::flat_hash_map<CountryCode, uint32_t> known;
  for (const CountryDatabase& database : facts.countries) {
    absl::StatusOr<MmdbFile::CountryTable> table =
        database.file->WalkCountries();
    if (!table.ok()) return table.status();
    std::vector<uint32_t> values;
    for (const MmdbCountry& record : table->records) {
      const CountryCode code = facts.jurisdictions.Resolve(
          CountryCode::Parse(record.code).value_or(CountryCode()));
      if (!code.is_known()) {
        values.push_back(0);
        continue;
      }
      const auto [found, is_new] =
          known.emplace(code, static_cast<uint32_t>(codes_.size()) + 1);
      if (is_new) codes_.push_back(code);
      values.push_back(found->second);
    }
    std::vector<PrefixValue> prefixes;
    prefixes.reserve(table->entries.size());
    for (const MmdbFile::Entry& entry : table->entries) {
      prefixes.push_back({entry.prefix, values[entry.record]});
    }
    layers_.push_back(MakeLayer(prefixes));
  }
  return absl::OkStatus();
}

// The longest marked prefix that contains an address decides the set: every
// other one that contains the address contains that prefix as well.
void AtlasBuilder::AddMarkLayer(std::span<const PrefixMark> marks) {
  atlas_.mark_sets_ = {{}};
  std::vector<PrefixValue> prefixes;
  std::map<std::vector<uint32_t>, uint32_t> known = {{{}, 0}};
  for (const PrefixMark& marked : marks) {
    std::vector<uint32_t> set;
    for (const PrefixMark& other : marks) {
      if (other.prefix.Contains(marked.prefix)) set.push_back(other.mark);
    }
    std::sort(set.begin(), set.end());
    set.erase(std::unique(set.begin(), set.end()), set.end());
    const auto [found, is_new] =
        known.emplace(set, static_cast<uint32_t>(atlas_.mark_sets_.size()));
    if (is_new) atlas_.mark_sets_.push_back(set);
    prefixes.push_back({marked.prefix, found->second});
  }
  layers_.push_back(MakeLayer(prefixes));
}

template <typename Number>
IntervalMap<Number> AtlasBuilder::Join(IntervalMap<Number> Layer::*family) {
  constexpr bool kIsV4 = sizeof(Number) == sizeof(uint32_t);
  std::vector<size_t> positions(layers_.size(), 0);
  LayerValues values{};
  IntervalMap<Number> joined;
  Number first = 0;
  while (true) {
    for (size_t i = 0; i < layers_.size(); ++i) {
      values[i] = (layers_[i].*family).runs[positions[i]].value;
    }
    const AttributionId id = Intern(values, kIsV4);
    if (joined.runs.empty() || joined.runs.back().value != id) {
      joined.runs.push_back({first, id});
    }
    bool has_next = false;
    Number next = 0;
    for (size_t i = 0; i < layers_.size(); ++i) {
      const auto& runs = (layers_[i].*family).runs;
      if (positions[i] + 1 == runs.size()) continue;
      const Number candidate = runs[positions[i] + 1].first;
      if (!has_next || candidate < next) next = candidate;
      has_next = true;
    }
    if (!has_next) return joined;
    for (size_t i = 0; i < layers_.size(); ++i) {
      const auto& runs = (layers_[i].*family).runs;
      if (positions[i] + 1 < runs.size() &&
          runs[positions[i] + 1].first == next) {
        ++positions[i];
      }
    }
    first = next;
  }
}

AttributionId AtlasBuilder::Intern(const LayerValues& values, bool is_v4) {
  auto& known = is_v4 ? known_v4_ : known_v6_;
  const auto found = known.find(values);
  if (found != known.end()) return found->second;
  const AttributionId id = Attribute(values, is_v4);
  known.emplace(values, id);
  return id;
}

AttributionId AtlasBuilder::Attribute(const LayerValues& values, bool is_v4) {
  const Facts& facts = *atlas_.facts_;
  const RangeRow* range = values[kRangeLayer] == 0
                              ? nullptr
                              : &facts.ranges.rows()[values[kRangeLayer] - 1];
  Attribution attribution;
  LocationClaim location = Locate(values, is_v4, range);
  if (location.kind != LocationKind::kSpecialPurpose) {
    if (values[kAsnLayer] != 0) attribution.asn = asns_[values[kAsnLayer] - 1];
    attribution.operator_entity = OperatorOf(range, attribution.asn);
    if (range != nullptr && !range->service_id.empty()) {
      attribution.service = facts.catalogue.Find(range->service_id);
      attribution.grade = range->grade;
    }
  }
  attribution.location = InternLocation(std::move(location));
  attribution.marks = values[kMarkLayer];
  return InternAttribution(attribution);
}

LocationClaim AtlasBuilder::Locate(const LayerValues& values, bool is_v4,
                                   const RangeRow* range) const {
  const Facts& facts = *atlas_.facts_;
  LocationClaim claim;
  if (values[kSpecialLayer] != 0) {
    const SpecialPurposeRow& row =
        facts.special_purpose.rows()[values[kSpecialLayer] - 1];
    // A service that IANA assigned a global anycast prefix to (AS112, ...).
    claim.kind =
        row.is_globally_reachable && row.kind == SpecialKind::kAnycastService
            ? LocationKind::kAnycast
            : LocationKind::kSpecialPurpose;
    claim.special = row.kind;
    if (claim.kind == LocationKind::kAnycast) claim.anycast_periods = {{}};
    return claim;
  }
  if (range != nullptr && Locates(facts, *range)) {
    claim.kind = LocationKind::kCountries;
    claim.opinions = {facts.jurisdictions.Resolve(range->region_country)};
    return claim;
  }
  const bool is_announced =
      values[kAsnLayer] != 0 && asns_[values[kAsnLayer] - 1] != 0;
  if (is_v4 || is_announced) {
    for (size_t i = kFirstCountryLayer; i < layers_.size(); ++i) {
      if (values[i] != 0) claim.opinions.push_back(codes_[values[i] - 1]);
    }
  }
  if (values[kAnycastLayer] != 0) {
    claim.kind = LocationKind::kAnycast;
    claim.anycast_periods =
        PeriodsOf(facts, facts.anycast[values[kAnycastLayer] - 1].prefix);
  } else if (!claim.opinions.empty()) {
    claim.kind = LocationKind::kCountries;
  }
  return claim;
}

uint32_t AtlasBuilder::OperatorOf(const RangeRow* range, uint32_t asn) const {
  const OperatorTable& operators = atlas_.facts_->operators;
  if (range != nullptr && range->grade != Grade::kDerived) {
    const uint32_t entity = operators.FindByProvider(range->provider);
    if (entity != OperatorTable::kNone) return entity;
  }
  return asn == 0 ? OperatorTable::kNone : operators.FindByAsn(asn);
}

uint32_t AtlasBuilder::InternLocation(LocationClaim claim) {
  const auto [found, is_new] = known_locations_.emplace(
      std::move(claim), static_cast<uint32_t>(atlas_.locations_.size()));
  if (is_new) atlas_.locations_.push_back(found->first);
  return found->second;
}

AttributionId AtlasBuilder::InternAttribution(Attribution attribution) {
  const ClassKey key = {
      attribution.location, attribution.operator_entity, attribution.service,
      static_cast<uint32_t>(attribution.grade), attribution.marks};
  const auto [class_found, is_new_class] = known_classes_.emplace(
      key, static_cast<uint32_t>(atlas_.classes_.size()));
  attribution.class_id = class_found->second;
  const auto next_id = static_cast<AttributionId>(atlas_.attributions_.size());
  const auto [found, is_new] = known_attributions_.emplace(
      std::pair(attribution.class_id, attribution.asn), next_id);
  if (is_new) atlas_.attributions_.push_back(attribution);
  if (is_new_class) atlas_.classes_.push_back(found->second);
  return found->second;
}

absl::StatusOr<Atlas> Atlas::Build(const Facts& facts,
                                   std::span<const PrefixMark> marks) {
  return AtlasBuilder(facts).Build(marks);
}

std::string_view Atlas::AsnName(uint32_t asn) const {
  const auto found = asn_names_.find(asn);
  return found == asn_names_.end() ? std::string_view() : found->second;
}

size_t Atlas::memory_bytes() const {
  return index_.memory_bytes() + attributions_.size() * sizeof(Attribution) +
         locations_.size() * sizeof(LocationClaim);
}

namespace {

std::string DateOf(const FactSource& source) {
  return source.built ? FormatDay(*source.built) : "";
}

std::string LineOf(int line) {
  return line == 0 ? "" : fmt::format("line {}", line);
}

// Adds claims in the order of precedence; the first that locates is used.
class Explainer {
 public:
  Explainer(const Atlas& atlas, const IpAddress& address, Day day)
      : facts_(atlas.facts()), address_(address), day_(day) {}

  std::vector<Claim> Explain() {
    AddSpecialPurpose();
    AddRange();
    AddAnycast();
    const uint32_t asn = AddAsn();
    AddDatabases(asn);
    AddOperators(asn);
    AddQualification();
    return std::move(claims_);
  }

 private:
  Claim& Add(std::string about, std::string value, std::string source) {
    claims_.push_back({std::move(about), std::move(value), std::move(source),
                       "", "", "", false});
    return claims_.back();
  }

  // A claim of the location that can decide: the first one does.
  Claim& AddLocation(std::string value, std::string source) {
    Claim& claim = Add("location", std::move(value), std::move(source));
    claim.is_used = !is_located_;
    is_located_ = true;
    return claim;
  }

  void AddSpecialPurpose() {
    const SpecialPurposeRow* row = facts_.special_purpose.Find(address_);
    if (row == nullptr) return;
    const bool is_anycast =
        row->is_globally_reachable && row->kind == SpecialKind::kAnycastService;
    is_special_ = !is_anycast;
    Claim& claim = AddLocation(
        fmt::format("{} ({}, {})",
                    is_anycast ? "anycast" : SpecialKindName(row->kind),
                    row->name, row->reference),
        row->source);
    claim.prefix = row->prefix.ToString();
    claim.row = LineOf(row->line);
  }

  void AddRange() {
    range_ = facts_.ranges.Find(address_);
    if (range_ == nullptr) return;
    if (range_->region_country.is_known()) {
      const std::string value = fmt::format(
          "{} (region {})", range_->region_country.ToString(), range_->region);
      Fill(Locates(facts_, *range_) ? AddLocation(value, range_->source)
                                    : Add("location", value, range_->source));
    }
    Claim& service = Add(
        "service",
        range_->service_id.empty()
            ? fmt::format("{} ({})", range_->provider, GradeName(range_->grade))
            : fmt::format("{}: {} ({})", range_->provider, range_->service_id,
                          GradeName(range_->grade)),
        range_->source);
    service.is_used = !is_special_;
    Fill(service);
  }

  void Fill(Claim& claim) {
    claim.prefix = range_->prefix.ToString();
    claim.row = fmt::format("{} line {}", range_->file, range_->line);
    claim.date = range_->retrieved;
  }

  void AddAnycast() {
    // As in the atlas, the longest prefix speaks, whether or not it is
    // announced as anycast on the day.
    const AnycastRow* longest = FindMostSpecific(facts_.anycast, address_);
    if (longest == nullptr) return;
    const auto row = std::find_if(facts_.anycast.begin(), facts_.anycast.end(),
                                  [&](const AnycastRow& other) {
                                    return other.prefix == longest->prefix &&
                                           other.validity.Covers(day_);
                                  });
    if (row == facts_.anycast.end()) return;
    Claim& claim =
        AddLocation(fmt::format("anycast ({})", row->name), row->source);
    claim.prefix = row->prefix.ToString();
    claim.row = LineOf(row->line);
    claim.date = row->observed_on;
  }

  uint32_t AddAsn() {
    if (!facts_.asn) return 0;
    const auto found = facts_.asn->file->LookupAsn(address_);
    if (!found.ok() || !*found || (*found)->record.asn == 0) return 0;
    const MmdbAsn& record = (*found)->record;
    Claim& claim =
        Add("asn", fmt::format("AS{} {}", record.asn, record.organization),
            facts_.asn->source.name);
    claim.prefix = (*found)->prefix.ToString();
    claim.date = DateOf(facts_.asn->source);
    claim.is_used = !is_special_;
    return record.asn;
  }

  void AddDatabases(uint32_t asn) {
    for (const CountryDatabase& database : facts_.countries) {
      const auto found = database.file->LookupCountry(address_);
      if (!found.ok() || !*found) continue;
      AddOpinion(database.source, **found, asn);
    }
  }

  // Every database is an opinion: unless something stronger located the
  // address, all of them are used.
  void AddOpinion(const FactSource& source,
                  const MmdbFile::Found<MmdbCountry>& found, uint32_t asn) {
    const CountryCode code =
        CountryCode::Parse(found.record.code).value_or(CountryCode());
    const bool is_country = facts_.jurisdictions.Resolve(code).is_known();
    const bool is_trusted = address_.is_v4() || asn != 0;
    Claim& claim = Add("location", found.record.code, source.name);
    claim.prefix = found.prefix.ToString();
    claim.date = DateOf(source);
    claim.is_used = !is_located_ && is_country && is_trusted;
    if (!is_country) {
      claim.value += " (not a country)";
    } else if (!is_trusted) {
      claim.value += " (no announced ASN: not trusted)";
    }
    if (found.record.registered_code.empty()) return;
    Claim& registered =
        Add("registration", found.record.registered_code, source.name);
    registered.prefix = found.prefix.ToString();
    registered.date = DateOf(source);
  }

  // The chain from the address to the parent and the law: by the provider of
  // the range, then by the ASN.
  void AddOperators(uint32_t asn) {
    const OperatorTable& operators = facts_.operators;
    uint32_t by_provider = OperatorTable::kNone;
    if (range_ != nullptr && range_->grade != Grade::kDerived) {
      by_provider = operators.FindByProvider(range_->provider);
    }
    const bool has_provider = by_provider != OperatorTable::kNone;
    if (has_provider) {
      AddOperator(operators.entity(by_provider).At(day_), !is_special_);
    }
    const uint32_t by_asn =
        asn == 0 ? OperatorTable::kNone : operators.FindByAsn(asn);
    if (by_asn != by_provider && by_asn != OperatorTable::kNone) {
      AddOperator(operators.RowOf(asn, day_), !is_special_ && !has_provider);
    }
  }

  void AddOperator(const OperatorRow* row, bool is_used) {
    if (row == nullptr) return;
    const std::string country = row->controlling_country.ToString();
    Claim& claim = Add(
        "operator",
        fmt::format("{}; parent: {}; controlled from: {}; law: {} ({})",
                    row->name, row->parent.empty() ? "unknown" : row->parent,
                    country.empty() ? "unknown" : country,
                    row->law.empty() ? "none identified" : row->law,
                    row->confidence),
        "operators.csv");
    claim.row = LineOf(row->line);
    claim.date = row->observed_on;
    claim.is_used = is_used;
  }

  void AddQualification() {
    if (range_ == nullptr || range_->service_id.empty() || is_special_) return;
    const uint32_t index = facts_.catalogue.Find(range_->service_id);
    if (index == Catalogue::kNone) return;
    const std::vector<CatalogueRow>& rows =
        facts_.catalogue.service(index).rows;
    // Of the rows that hold, the one that began last decides.
    const CatalogueRow* in_force = nullptr;
    for (const CatalogueRow& row : rows) {
      const bool has_ended = row.validity.until && *row.validity.until < day_;
      if (row.known_from() <= day_ && !has_ended) in_force = &row;
    }
    for (const CatalogueRow& row : rows) {
      Claim& claim = Add(
          "qualification",
          fmt::format(
              "{} {} {}{}, {} to {}", row.scheme, row.service_type,
              StateName(row.state),
              row.milestone == Milestone::kNotSaid
                  ? ""
                  : fmt::format(" {}", MilestoneName(row.milestone)),
              row.validity.from ? FormatDay(*row.validity.from) : "not known",
              row.validity.until ? FormatDay(*row.validity.until) : "open"),
          row.reference.empty() ? row.source
                                : row.reference + "; " + row.source);
      claim.row = LineOf(row.line);
      claim.date = FormatDay(row.observed_on);
      claim.is_used = &row == in_force;
    }
  }

  const Facts& facts_;
  const IpAddress address_;
  const Day day_;
  std::vector<Claim> claims_;
  const RangeRow* range_ = nullptr;
  bool is_located_ = false;
  bool is_special_ = false;
};

}  // namespace

std::vector<Claim> ExplainClaims(const Atlas& atlas, const IpAddress& address,
                                 Day day) {
  return Explainer(atlas, Unmap(address).address, day).Explain();
}

}  // namespace octroi
