// SPDX-License-Identifier: Apache-2.0
#include "geo/atlas.h"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "fmt/format.h"
#include "geo/layers.h"

namespace octroi {
namespace {

// The layers in the order of Atlas's precedence; databases follow.
enum LayerIndex : size_t {
  kSpecialLayer,
  kRangeLayer,
  kDerivedLayer,
  kAnycastLayer,
  kMarkLayer,
  kAsnLayer,
  kFirstCountryLayer,
};
constexpr size_t kMaxLayers = kFirstCountryLayer + Atlas::kMaxCountryDatabases;

// Whether a range says where its addresses are: a code may be a pseudo-code.
bool Locates(const Facts& facts, const RangeRow& range) {
  return range.locates() &&
         facts.jurisdictions.Resolve(range.region_country).is_known();
}

// The rows of one kind, derived or not: value i + 1 for rows[i].
Layer LayerOfRanges(const std::vector<RangeRow>& rows, bool is_derived) {
  std::vector<PrefixValue> prefixes;
  for (size_t i = 0; i < rows.size(); ++i) {
    if ((rows[i].grade == Grade::kDerived) != is_derived) continue;
    prefixes.push_back({rows[i].prefix, static_cast<uint32_t>(i) + 1});
  }
  return MakeLayer(prefixes);
}

// The row that ties an address to a service, or null. What an asserted or
// published row of another provider covers is not guessed at by a derived one.
const RangeRow* SpeaksOfService(const RangeRow* range,
                                const RangeRow* derived) {
  if (range != nullptr && !range->service_id.empty()) return range;
  const bool is_open = range == nullptr || derived == nullptr ||
                       range->provider == derived->provider;
  return is_open && derived != nullptr && !derived->service_id.empty()
             ? derived
             : nullptr;
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
  AtlasBuilder(const Facts& facts, Day day) : day_(day) {
    atlas_.facts_ = &facts;
    known_others_.emplace(last_others_, last_number_);
  }

  absl::StatusOr<Atlas> Build(std::span<const PrefixMark> marks);

 private:
  absl::Status AddCountryLayers();
  absl::Status AddAsnLayer();
  void AddMarkLayer(std::span<const PrefixMark> marks);
  template <typename Number>
  IntervalMap<Number> Join();
  const RangeRow* RangeOf(uint32_t value) const;
  AttributionId Intern(const LayerValues& values, bool is_v4);
  AttributionId Attribute(const LayerValues& values, bool is_v4);
  LocationClaim Locate(const LayerValues& values, bool is_v4,
                       const RangeRow* range) const;
  void TieService(const RangeRow* range, const RangeRow* derived,
                  Attribution* attribution) const;
  uint32_t OperatorOf(const RangeRow* range, uint32_t asn) const;
  uint32_t InternLocation(LocationClaim claim);
  AttributionId InternAttribution(Attribution attribution);

  using ClassKey = std::array<uint32_t, 5>;

  const Day day_;
  Atlas atlas_;
  std::vector<Layer> layers_;
  CountryNumbers codes_;        // Values of country layers.
  std::vector<uint32_t> asns_;  // Values of the ASN layer, less one.
  // Numbers of what all layers but that of ASNs say, and the last one asked
  // for.
  absl::flat_hash_map<LayerValues, uint32_t> known_others_;
  LayerValues last_others_ = {};
  uint32_t last_number_ = 0;
  // By that number and the value of the ASN layer.
  absl::flat_hash_map<uint64_t, AttributionId> known_v4_;
  absl::flat_hash_map<uint64_t, AttributionId> known_v6_;
  absl::flat_hash_map<LocationClaim, uint32_t> known_locations_;
  absl::flat_hash_map<ClassKey, uint32_t> known_classes_;
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, AttributionId>
      known_attributions_;  // (class, ASN)
};

absl::StatusOr<Atlas> AtlasBuilder::Build(std::span<const PrefixMark> marks) {
  const Facts& facts = *atlas_.facts_;
  layers_.push_back(LayerOfRows(facts.special_purpose.rows()));
  layers_.push_back(LayerOfRanges(facts.ranges.rows(), false));
  layers_.push_back(LayerOfRanges(facts.ranges.rows(), true));
  layers_.push_back(LayerOfRows(facts.anycast));
  AddMarkLayer(marks);
  absl::Status status = AddAsnLayer();
  if (!status.ok()) return status;
  status = AddCountryLayers();
  if (!status.ok()) return status;

  const IntervalMapV4 v4 = Join<uint32_t>();
  for (Layer& layer : layers_) layer.v4 = {};
  const IntervalMapV6 v6 = Join<Uint128>();
  layers_.clear();
  atlas_.index_ = PrefixIndex::Build(v4, v6);
  return std::move(atlas_);
}

absl::Status AtlasBuilder::AddAsnLayer() {
  const Facts& facts = *atlas_.facts_;
  Layer layer = MakeLayer({});
  if (!facts.asn.empty()) {
    const AsnDatabase& database = BuildInForce(facts.asn, day_);
    absl::StatusOr<MmdbFile::AsnTable> table = database.file->WalkAsns();
    if (!table.ok()) return table.status();
    asns_.reserve(table->records.size());
    std::vector<uint32_t> values;
    for (MmdbAsn& record : table->records) {
      asns_.push_back(record.asn);
      values.push_back(static_cast<uint32_t>(asns_.size()));
      atlas_.asn_names_.try_emplace(record.asn, std::move(record.organization));
    }
    layer = LayerOfEntries(table->entries, values);
  }
  layers_.push_back(std::move(layer));
  return absl::OkStatus();
}

absl::Status AtlasBuilder::AddCountryLayers() {
  const Facts& facts = *atlas_.facts_;
  if (facts.countries.size() > Atlas::kMaxCountryDatabases) {
    return absl::InvalidArgumentError(
        fmt::format("{} country databases are configured; at most {} are read",
                    facts.countries.size(), Atlas::kMaxCountryDatabases));
  }
  for (const CountrySeries& series : facts.countries) {
    const absl::StatusOr<CountryTable> table =
        BuildInForce(series, day_).file->WalkCountries();
    if (!table.ok()) return table.status();
    layers_.push_back(MakeCountryLayer(*table, facts.jurisdictions, &codes_));
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
IntervalMap<Number> AtlasBuilder::Join() {
  constexpr bool kIsV4 = sizeof(Number) == sizeof(uint32_t);
  IntervalMap<Number> joined;
  size_t most_runs = 0;
  for (const Layer& layer : layers_) {
    most_runs += FamilyOf(layer, Number{}).runs.size();
  }
  joined.runs.reserve(most_runs);
  LayerValues key{};
  ForEachRun<Number>(layers_, [&](Number first, Number /*last*/,
                                  std::span<const uint32_t> values) {
    std::copy(values.begin(), values.end(), key.begin());
    const AttributionId id = Intern(key, kIsV4);
    if (joined.runs.empty() || joined.runs.back().value != id) {
      joined.runs.push_back({first, id});
    }
  });
  return joined;
}

// What the layers say apart from the ASN is mostly what they said of the run
// before, or of a few thousand others: it has a number, and a pair of numbers
// is quickly found.
AttributionId AtlasBuilder::Intern(const LayerValues& values, bool is_v4) {
  LayerValues others = values;
  others[kAsnLayer] = 0;
  if (others != last_others_) {
    last_others_ = others;
    last_number_ =
        known_others_
            .emplace(others, static_cast<uint32_t>(known_others_.size()))
            .first->second;
  }
  const uint64_t key = uint64_t{last_number_} << 32 | values[kAsnLayer];
  auto& known = is_v4 ? known_v4_ : known_v6_;
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  const AttributionId id = Attribute(values, is_v4);
  known.emplace(key, id);
  return id;
}

AttributionId AtlasBuilder::Attribute(const LayerValues& values, bool is_v4) {
  const RangeRow* range = RangeOf(values[kRangeLayer]);
  Attribution attribution;
  LocationClaim location = Locate(values, is_v4, range);
  if (location.kind != LocationKind::kSpecialPurpose) {
    if (values[kAsnLayer] != 0) attribution.asn = asns_[values[kAsnLayer] - 1];
    attribution.operator_entity = OperatorOf(range, attribution.asn);
    TieService(range, RangeOf(values[kDerivedLayer]), &attribution);
  }
  attribution.location = InternLocation(std::move(location));
  attribution.marks = values[kMarkLayer];
  return InternAttribution(attribution);
}

const RangeRow* AtlasBuilder::RangeOf(uint32_t value) const {
  return value == 0 ? nullptr : &atlas_.facts_->ranges.rows()[value - 1];
}

void AtlasBuilder::TieService(const RangeRow* range, const RangeRow* derived,
                              Attribution* attribution) const {
  const RangeRow* tie = SpeaksOfService(range, derived);
  if (tie == nullptr) return;
  attribution->service = atlas_.facts_->catalogue.Find(tie->service_id);
  attribution->grade = tie->grade;
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
  const bool is_global = range != nullptr && range->is_global();
  const bool is_announced =
      values[kAsnLayer] != 0 && asns_[values[kAsnLayer] - 1] != 0;
  if (!is_global && (is_v4 || is_announced)) {
    for (size_t i = kFirstCountryLayer; i < layers_.size(); ++i) {
      if (values[i] != 0) claim.opinions.push_back(codes_.code(values[i]));
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
  if (range != nullptr) {
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
                                   std::span<const PrefixMark> marks, Day day) {
  absl::StatusOr<Atlas> atlas = AtlasBuilder(facts, day).Build(marks);
  // What the builder took is several times what the atlas keeps, and nothing
  // else will ask for as much: the kernel gets it back.
  ::malloc_trim(0);
  return atlas;
}

std::string_view Atlas::AsnName(uint32_t asn) const {
  const auto found = asn_names_.find(asn);
  return found == asn_names_.end() ? std::string_view() : found->second;
}

size_t Atlas::memory_bytes() const {
  size_t names = asn_names_.size() * sizeof(*asn_names_.begin());
  for (const auto& [asn, name] : asn_names_) names += name.capacity() + 1;
  size_t claims = 0;
  for (const LocationClaim& claim : locations_) {
    claims += sizeof(claim) + claim.opinions.size() * sizeof(CountryCode) +
              claim.anycast_periods.size() * sizeof(Validity);
  }
  return index_.memory_bytes() + attributions_.size() * sizeof(Attribution) +
         classes_.size() * sizeof(AttributionId) + claims + names;
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
    range_ = facts_.ranges.Find(address_);
    derived_ = facts_.ranges.FindDerived(address_);
    AddSpecialPurpose();
    AddRangeLocation();
    AddAnycast();
    AddGlobal();
    AddServices();
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

  void AddRangeLocation() {
    for (const RangeRow* range : {range_, derived_}) {
      if (range == nullptr || !range->region_country.is_known()) continue;
      const std::string value =
          fmt::format("{} (region {})", range->region_country.ToString(),
                      range->region.empty() ? "not named" : range->region);
      Fill(*range, Locates(facts_, *range)
                       ? AddLocation(value, range->source)
                       : Add("location", value, range->source));
    }
  }

  void AddGlobal() {
    if (range_ == nullptr || !range_->is_global()) return;
    Fill(*range_,
         AddLocation("none: GLOBAL, in no one region", range_->source));
  }

  void AddServices() {
    const RangeRow* const tie = SpeaksOfService(range_, derived_);
    for (const RangeRow* range : {range_, derived_}) {
      if (range == nullptr) continue;
      Claim& claim = Add(
          "service",
          range->service_id.empty()
              ? fmt::format("{} ({})", range->provider, GradeName(range->grade))
              : fmt::format("{}: {} ({})", range->provider, range->service_id,
                            GradeName(range->grade)),
          range->source);
      claim.is_used = !is_special_ && (range == range_ || range == tie);
      Fill(*range, claim);
    }
  }

  static void Fill(const RangeRow& range, Claim& claim) {
    claim.prefix = range.prefix.ToString();
    claim.row = fmt::format("{} line {}", range.file, range.line);
    claim.date = range.retrieved;
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
    if (facts_.asn.empty()) return 0;
    const AsnDatabase& database = BuildInForce(facts_.asn, day_);
    const auto found = database.file->LookupAsn(address_);
    if (!found.ok() || !*found || (*found)->record.asn == 0) return 0;
    const MmdbAsn& record = (*found)->record;
    Claim& claim =
        Add("asn", fmt::format("AS{} {}", record.asn, record.organization),
            database.source.name);
    claim.prefix = (*found)->prefix.ToString();
    claim.date = DateOf(database.source);
    claim.is_used = !is_special_;
    return record.asn;
  }

  void AddDatabases(uint32_t asn) {
    for (const CountrySeries& series : facts_.countries) {
      const CountryDatabase& database = BuildInForce(series, day_);
      const auto found = database.file->LookupCountry(address_);
      if (!found.ok() || !*found) continue;
      AddOpinion(database.source, **found, asn);
    }
  }

  // Every database is an opinion: unless something stronger located the
  // address, all of them are used.
  void AddOpinion(const FactSource& source,
                  const FoundRecord<CountryRecord>& found, uint32_t asn) {
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
    if (range_ != nullptr) {
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
    const RangeRow* const tie = SpeaksOfService(range_, derived_);
    if (tie == nullptr || is_special_) return;
    const uint32_t index = facts_.catalogue.Find(tie->service_id);
    if (index == Catalogue::kNone) return;
    const Service& tied = facts_.catalogue.service(index);
    const CatalogueRow* in_force = tied.RowInForce(day_);
    for (const CatalogueRow& row : tied.rows) {
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
  const RangeRow* range_ = nullptr;    // Asserted or published.
  const RangeRow* derived_ = nullptr;  // What BGP suggests.
  bool is_located_ = false;
  bool is_special_ = false;
};

}  // namespace

std::vector<Claim> ExplainClaims(const Atlas& atlas, const IpAddress& address,
                                 Day day) {
  return Explainer(atlas, Unmap(address).address, day).Explain();
}

}  // namespace octroi
