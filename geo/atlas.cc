// SPDX-License-Identifier: Apache-2.0
#include "geo/atlas.h"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <map>
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "fmt/format.h"
#include "geo/huge_pages.h"
#include "geo/joined_databases.h"
#include "geo/layers.h"

namespace octroi {
namespace {

// The layers that are laid over the databases, in the order of Atlas's
// precedence.
enum LayerIndex : size_t {
  kSpecialLayer,
  kRangeLayer,
  kDerivedLayer,
  kAnycastLayer,
  kMarkLayer,
  kLayerCount,
};

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

// What every layer says of a run of addresses; zeros where none speaks.
using LayerValues = std::array<uint32_t, kLayerCount>;

// The partition of joined databases that has numbers of the tag's type.
const ClaimRunsV4& RunsOf(const JoinedDatabases& joined, uint32_t /*tag*/) {
  return joined.v4();
}
const ClaimRunsV6& RunsOf(const JoinedDatabases& joined, Uint128 /*tag*/) {
  return joined.v6();
}

absl::StatusOr<JoinedDatabases> ReadOrJoin(const Facts& facts, Day day) {
  if (!facts.joined_file.empty()) {
    absl::StatusOr<std::optional<JoinedDatabases>> joined =
        JoinedDatabases::Read(facts.joined_file, facts);
    if (!joined.ok()) return joined.status();
    if (*joined) return **std::move(joined);
  }
  return JoinedDatabases::Join(facts, day);
}

}  // namespace

// Lays the layers over the joined databases, run by run, and interns what they
// say together.
class AtlasBuilder {
 public:
  AtlasBuilder(const Facts& facts, JoinedDatabases joined)
      : joined_(std::move(joined)),
        by_claim_(joined_->claim_count(), kNotMade),
        location_of_codes_(joined_->codes_count(), kNotMade) {
    atlas_.facts_ = &facts;
    // As many, or somewhat more: a table that grows is copied.
    atlas_.attributions_.reserve(joined_->claim_count());
  }

  Atlas Build(std::span<const PrefixMark> marks);

 private:
  static constexpr AttributionId kNotMade = ~AttributionId{0};
  using IdsOfClaims = absl::flat_hash_map<uint32_t, AttributionId>;

  void AddMarkLayer(std::span<const PrefixMark> marks);
  void FindOwnLocations();
  template <typename Number>
  void InternUnderLayers();
  template <typename Number>
  size_t MostRuns() const;
  template <typename Number, typename AddRun>
  void LayOver(AddRun add_run);
  AttributionId IdOf(uint32_t claim) {
    const AttributionId id = by_claim_[claim];
    return id == kNotMade ? MakeIdOf(claim) : id;
  }
  AttributionId MakeIdOf(uint32_t claim);
  AttributionId IdUnderLayers(const LayerValues& values, uint32_t claim,
                              IdsOfClaims* ids);
  const RangeRow* RangeOf(uint32_t value) const;
  Attribution Attribute(const LayerValues& values, uint32_t claim,
                        uint32_t location);
  LocationClaim Locate(const LayerValues& values, uint32_t codes,
                       const RangeRow* range) const;
  void TieService(const RangeRow* range, const RangeRow* derived,
                  Attribution* attribution) const;
  uint32_t OperatorOf(const RangeRow* range, uint32_t asn) const;
  uint32_t ClassOf(const Attribution& attribution);
  uint32_t InternLocation(LocationClaim claim);
  AttributionId InternAttribution(const Attribution& attribution);
  AttributionId Append(const Attribution& attribution);
  static uint64_t KeyOf(const Attribution& attribution) {
    return uint64_t{attribution.asn} << 32 | attribution.class_id;
  }

  using ClassKey = std::array<uint32_t, 5>;

  std::optional<JoinedDatabases> joined_;  // Until the runs are laid.
  Atlas atlas_;
  std::vector<Layer> layers_;
  // Where no layer speaks: by the number of a claim, and of its codes.
  std::vector<AttributionId> by_claim_;
  std::vector<uint32_t> location_of_codes_;
  // Whether no other codes mean the same location.
  std::vector<bool> has_own_location_;
  // Elsewhere: by what the layers say, and the number of a claim.
  absl::flat_hash_map<LayerValues, IdsOfClaims> under_layers_;
  absl::flat_hash_map<LocationClaim, uint32_t> known_locations_;
  absl::flat_hash_map<ClassKey, uint32_t> known_classes_;
  std::vector<uint32_t> class_of_locations_;  // Of known_classes_.
  // By ASN and class, of what a claim with codes of an own location has not
  // come to. These are few: a table of them all would not fit in a cache.
  absl::flat_hash_map<uint64_t, AttributionId> known_attributions_;
};

Atlas AtlasBuilder::Build(std::span<const PrefixMark> marks) {
  const Facts& facts = *atlas_.facts_;
  layers_.push_back(LayerOfRows(facts.special_purpose.rows()));
  layers_.push_back(LayerOfRanges(facts.ranges.rows(), false));
  layers_.push_back(LayerOfRanges(facts.ranges.rows(), true));
  layers_.push_back(LayerOfRows(facts.anycast));
  AddMarkLayer(marks);

  FindOwnLocations();
  InternUnderLayers<uint32_t>();
  InternUnderLayers<Uint128>();
  atlas_.asn_names_ = joined_->CopyNames();
  IntervalMapV4 v4;
  v4.runs.resize(MostRuns<uint32_t>());
  auto* v4_end = v4.runs.data();
  LayOver<uint32_t>([&](uint32_t first, AttributionId id) {
    assert(v4_end < v4.runs.data() + v4.runs.size());
    *v4_end++ = {first, id};
  });
  v4.runs.resize(static_cast<size_t>(v4_end - v4.runs.data()));
  HalvedMapV6 v6(MostRuns<Uint128>());
  LayOver<Uint128>(
      [&](Uint128 first, AttributionId id) { v6.Append(first, id); });
  joined_.reset();
  atlas_.index_ = PrefixIndex::Build(v4, v6);
  return std::move(atlas_);
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

void AtlasBuilder::FindOwnLocations() {
  absl::flat_hash_map<LocationClaim, uint32_t> first_codes;
  has_own_location_.assign(joined_->codes_count(), true);
  for (uint32_t codes = 0; codes < joined_->codes_count(); ++codes) {
    const auto [found, is_new] =
        first_codes.emplace(Locate({}, codes, nullptr), codes);
    if (is_new) continue;
    has_own_location_[codes] = false;
    has_own_location_[found->second] = false;
  }
}

// Before all others, so that an attribution that no layer has to do with can
// be compared with all of these.
template <typename Number>
void AtlasBuilder::InternUnderLayers() {
  const auto& claims = RunsOf(*joined_, Number{});
  ForEachRun<Number>(
      layers_, [&](Number first, Number last, std::span<const uint32_t> said) {
        LayerValues values;
        std::copy(said.begin(), said.end(), values.begin());
        if (values == LayerValues{}) return;
        IdsOfClaims& ids = under_layers_[values];
        for (size_t at = claims.Find(first);
             at < claims.size() && claims.First(at) <= last; ++at) {
          IdUnderLayers(values, claims.claims[at], &ids);
        }
      });
}

// How many runs LayOver may come to: each begins where one of these does.
template <typename Number>
size_t AtlasBuilder::MostRuns() const {
  size_t most_runs = RunsOf(*joined_, Number{}).size();
  for (const Layer& layer : layers_) {
    most_runs += FamilyOf(layer, Number{}).runs.size();
  }
  return most_runs;
}

// Calls add_run(first, id) for each run of addresses with one attribution, in
// ascending order. The layers have a few thousand runs, the databases a
// million: almost every run needs no more than to look up what its claim comes
// to.
template <typename Number, typename AddRun>
void AtlasBuilder::LayOver(AddRun add_run) {
  const auto& claims = RunsOf(*joined_, Number{});
  AttributionId before = kNotMade;
  const auto set_from = [&](Number first, AttributionId id) {
    if (id == before) return;
    add_run(first, id);
    before = id;
  };
  size_t at = 0;  // The first run that has not begun.
  ForEachRun<Number>(layers_, [&](Number first, Number last,
                                  std::span<const uint32_t> said) {
    LayerValues values;
    std::copy(said.begin(), said.end(), values.begin());
    IdsOfClaims* const ids =
        values == LayerValues{} ? nullptr : &under_layers_[values];
    const auto id_of = [&](uint32_t claim) {
      return ids == nullptr ? IdOf(claim) : IdUnderLayers(values, claim, ids);
    };
    if (at > 0 && (at == claims.size() || claims.First(at) > first)) {
      set_from(first, id_of(claims.claims[at - 1]));
    }
    for (; at < claims.size() && claims.First(at) <= last; ++at) {
      set_from(claims.First(at), id_of(claims.claims[at]));
    }
  });
}

// Two claims that come to one attribution have one ASN, and codes that mean one
// location.
AttributionId AtlasBuilder::MakeIdOf(uint32_t claim) {
  const uint32_t codes = joined_->codes(claim);
  uint32_t& location = location_of_codes_[codes];
  if (location == kNotMade) {
    location = InternLocation(Locate({}, codes, nullptr));
  }
  const Attribution attribution = Attribute({}, claim, location);
  AttributionId& id = by_claim_[claim];
  if (has_own_location_[codes]) {
    const auto found = known_attributions_.find(KeyOf(attribution));
    id = found == known_attributions_.end() ? Append(attribution)
                                            : found->second;
  } else {
    id = InternAttribution(attribution);
  }
  return id;
}

AttributionId AtlasBuilder::IdUnderLayers(const LayerValues& values,
                                          uint32_t claim, IdsOfClaims* ids) {
  const auto [found, is_new] = ids->emplace(claim, kNotMade);
  if (is_new) {
    const RangeRow* const range = RangeOf(values[kRangeLayer]);
    found->second = InternAttribution(Attribute(
        values, claim,
        InternLocation(Locate(values, joined_->codes(claim), range))));
  }
  return found->second;
}

Attribution AtlasBuilder::Attribute(const LayerValues& values, uint32_t claim,
                                    uint32_t location) {
  Attribution attribution;
  attribution.location = location;
  attribution.marks = values[kMarkLayer];
  if (atlas_.locations_[location].kind != LocationKind::kSpecialPurpose) {
    const RangeRow* const range = RangeOf(values[kRangeLayer]);
    attribution.asn = joined_->asn(claim);
    attribution.operator_entity = OperatorOf(range, attribution.asn);
    TieService(range, RangeOf(values[kDerivedLayer]), &attribution);
  }
  attribution.class_id = ClassOf(attribution);
  return attribution;
}

// Of most claims nothing is known but a location.
uint32_t AtlasBuilder::ClassOf(const Attribution& attribution) {
  class_of_locations_.resize(atlas_.locations_.size(), kNotMade);
  uint32_t& plain = class_of_locations_[attribution.location];
  const bool is_plain = attribution.operator_entity == OperatorTable::kNone &&
                        attribution.service == Catalogue::kNone &&
                        attribution.grade == Grade::kNone &&
                        attribution.marks == 0;
  if (is_plain && plain != kNotMade) return plain;
  const ClassKey key = {
      attribution.location, attribution.operator_entity, attribution.service,
      static_cast<uint32_t>(attribution.grade), attribution.marks};
  const uint32_t class_id =
      known_classes_.emplace(key, static_cast<uint32_t>(known_classes_.size()))
          .first->second;
  if (is_plain) plain = class_id;
  return class_id;
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

LocationClaim AtlasBuilder::Locate(const LayerValues& values, uint32_t codes,
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
  for (size_t i = 0; !is_global && i < joined_->database_count(); ++i) {
    const CountryCode code =
        facts.jurisdictions.Resolve(joined_->code(codes, i));
    if (code.is_known()) claim.opinions.push_back(code);
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

AttributionId AtlasBuilder::InternAttribution(const Attribution& attribution) {
  const auto found = known_attributions_.find(KeyOf(attribution));
  if (found != known_attributions_.end()) return found->second;
  const AttributionId id = Append(attribution);
  known_attributions_.emplace(KeyOf(attribution), id);
  return id;
}

// An attribution of a class that none had was numbered a moment ago.
AttributionId AtlasBuilder::Append(const Attribution& attribution) {
  const auto id = static_cast<AttributionId>(atlas_.attributions_.size());
  atlas_.attributions_.push_back(attribution);
  if (attribution.class_id == atlas_.classes_.size()) {
    atlas_.classes_.push_back(id);
  }
  return id;
}

absl::StatusOr<Atlas> Atlas::Build(const Facts& facts,
                                   std::span<const PrefixMark> marks, Day day) {
  // What this takes is several times what the atlas keeps, and nothing else
  // will ask for as much: the kernel gets it back.
  const absl::Cleanup give_back = [] { ::malloc_trim(0); };
  absl::StatusOr<JoinedDatabases> joined = ReadOrJoin(facts, day);
  if (!joined.ok()) return joined.status();
  return AtlasBuilder(facts, *std::move(joined)).Build(marks);
}

size_t Atlas::memory_bytes() const {
  size_t claims = 0;
  for (const LocationClaim& claim : locations_) {
    claims += sizeof(claim) + claim.opinions.size() * sizeof(CountryCode) +
              claim.anycast_periods.size() * sizeof(Validity);
  }
  return index_.memory_bytes() + attributions_.size() * sizeof(Attribution) +
         classes_.size() * sizeof(AttributionId) + claims +
         asn_names_.memory_bytes();
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
