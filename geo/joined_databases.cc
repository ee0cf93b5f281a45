// SPDX-License-Identifier: Apache-2.0
#include "geo/joined_databases.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_map.h"
#include "fmt/format.h"
#include "geo/file_bytes.h"
#include "geo/layers.h"

namespace octroi {
namespace {

constexpr std::array<char, 8> kMagic = {'o', 'c', 't', 'j', 'o', 'i', 'n', 0};
// Another layout, and another meaning of what stands there, is another version.
constexpr uint32_t kVersion = 1;
// As the processor that writes the file stores it.
constexpr uint32_t kByteOrder = 0x01020304;

// As for a database (mmdb.cc).
constexpr off_t kMaxFileBytes = off_t{1} << 30;

constexpr size_t kCodeLetters = 2;
constexpr size_t kDigestLetters = 64;  // SHA-256 in hexadecimal.

using Digest = std::array<char, kDigestLetters>;

// Those of the builds that are in force on the day: countries, then ASNs.
// Nothing if one of them is not known.
std::vector<Digest> DigestsOf(const Facts& facts, Day day) {
  std::vector<Digest> digests;
  const auto add = [&digests](const FactSource& source) {
    if (source.sha256.size() != kDigestLetters) return false;
    std::copy(source.sha256.begin(), source.sha256.end(),
              digests.emplace_back().begin());
    return true;
  };
  for (const CountrySeries& series : facts.countries) {
    if (!add(BuildInForce(series, day).source)) return {};
  }
  if (!facts.asn.empty() && !add(BuildInForce(facts.asn, day).source)) {
    return {};
  }
  return digests;
}

bool HasSeveralBuilds(const Facts& facts) {
  return facts.asn.size() > 1 ||
         std::any_of(
             facts.countries.begin(), facts.countries.end(),
             [](const CountrySeries& series) { return series.size() > 1; });
}

absl::Status ReadError(const std::string& path, std::string_view what) {
  return absl::UnavailableError(
      fmt::format("{}: cannot be read: {}", path, what));
}

absl::Status DamageError(const std::string& path, std::string_view what) {
  return absl::DataLossError(fmt::format(
      "{}: is damaged: {}; install octroi's files again, or remove this one, "
      "without which only more time is taken",
      path, what));
}

template <typename Number>
bool Ascends(std::span<const Number> numbers) {
  bool ascends = true;
  for (size_t i = 1; i < numbers.size(); ++i) {
    ascends &= numbers[i - 1] < numbers[i];
  }
  return ascends;
}

bool Ascends(const ClaimRunsV6& runs) {
  if (runs.lows.empty()) return Ascends(runs.highs);
  for (size_t i = 1; i < runs.size(); ++i) {
    if (runs.First(i - 1) >= runs.First(i)) return false;
  }
  return true;
}

bool AreBelow(std::span<const uint32_t> numbers, size_t limit) {
  uint32_t most = 0;
  for (const uint32_t number : numbers) most = std::max(most, number);
  return most < limit;
}

// The last run that begins at or before `address`.
template <typename Runs, typename Number>
size_t FindRun(const Runs& runs, Number address) {
  size_t begin = 0;
  size_t end = runs.size();
  while (end - begin > 1) {
    const size_t middle = begin + (end - begin) / 2;
    (runs.First(middle) <= address ? begin : end) = middle;
  }
  return begin;
}

}  // namespace

size_t ClaimRunsV4::Find(uint32_t address) const {
  return FindRun(*this, address);
}
size_t ClaimRunsV6::Find(Uint128 address) const {
  return FindRun(*this, address);
}

// The begin of a block. All that follows the checksum is covered by it.
struct JoinedDatabases::Header {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kVersion;
  uint32_t byte_order = kByteOrder;
  uint64_t checksum = 0;

  uint32_t country_database_count = 0;
  uint32_t asn_database_count = 0;
  uint32_t v4_run_count = 0;
  uint32_t v6_run_count = 0;
  uint32_t v6_low_count = 0;
  uint32_t claim_count = 0;
  uint32_t codes_count = 0;
  uint32_t name_count = 0;
  uint32_t name_bytes = 0;
  uint32_t unused = 0;  // Fills the word.
  // Of each database, zeros after the last.
  std::array<Digest, kMaxCountryDatabases + 1> digests = {};

  // The parts that follow, in order: no part is aligned worse than it needs.
  enum Part : size_t {
    kV6Highs,
    kV6Lows,
    kV4Firsts,
    kV4Claims,
    kV6Claims,
    kAsns,
    kCodesOfClaims,
    kNameAsns,
    kNameEnds,
    kLetters,
    kNameText,
    kPartCount,
  };

  // Where the parts begin; the last offset is the end of them all.
  std::array<size_t, kPartCount + 1> Offsets() const {
    const std::array<size_t, kPartCount> sizes = {
        size_t{v6_run_count} * sizeof(uint64_t),
        size_t{v6_low_count} * sizeof(uint64_t),
        size_t{v4_run_count} * sizeof(uint32_t),
        size_t{v4_run_count} * sizeof(uint32_t),
        size_t{v6_run_count} * sizeof(uint32_t),
        size_t{claim_count} * sizeof(uint32_t),
        size_t{claim_count} * sizeof(uint32_t),
        size_t{name_count} * sizeof(uint32_t),
        size_t{name_count} * sizeof(uint32_t),
        size_t{codes_count} * country_database_count * kCodeLetters,
        size_t{name_bytes},
    };
    std::array<size_t, kPartCount + 1> offsets;
    offsets[0] = sizeof(Header);
    for (size_t i = 0; i < kPartCount; ++i) {
      offsets[i + 1] = offsets[i] + sizes[i];
    }
    return offsets;
  }
  // Of the block: whole words, zeros after the last part.
  size_t BlockBytes() const {
    constexpr size_t kWord = sizeof(uint64_t);
    return (Offsets().back() + kWord - 1) / kWord * kWord;
  }

  // REQUIRES: the block is of BlockBytes().
  uint64_t ChecksumOfBlock(const char* block) const {
    constexpr size_t kCovered = offsetof(Header, country_database_count);
    return XXH3_64bits(block + kCovered, BlockBytes() - kCovered);
  }
};

JoinedDatabases::JoinedDatabases(HugePageBlock block, size_t size)
    : block_(std::move(block)), size_(size) {
  static_assert(std::has_unique_object_representations_v<Header> &&
                sizeof(Header) % sizeof(uint64_t) == 0);
  Header header;
  std::memcpy(&header, block_.get(), sizeof(header));
  assert(size == header.BlockBytes());
  const auto offsets = header.Offsets();
  const auto part = [&]<typename T>(Header::Part index, T /*tag*/) {
    return std::span<const T>(
        reinterpret_cast<const T*>(block_.get() + offsets[index]),
        (offsets[index + 1] - offsets[index]) / sizeof(T));
  };
  v4_ = {.firsts = part(Header::kV4Firsts, uint32_t{}),
         .claims = part(Header::kV4Claims, uint32_t{})};
  v6_ = {.highs = part(Header::kV6Highs, uint64_t{}),
         .lows = part(Header::kV6Lows, uint64_t{}),
         .claims = part(Header::kV6Claims, uint32_t{})};
  asns_ = part(Header::kAsns, uint32_t{});
  codes_of_claims_ = part(Header::kCodesOfClaims, uint32_t{});
  letters_ = part(Header::kLetters, char{});
  codes_count_ = header.codes_count;
  database_count_ = header.country_database_count;
  name_asns_ = part(Header::kNameAsns, uint32_t{});
  name_ends_ = part(Header::kNameEnds, uint32_t{});
  const auto text = part(Header::kNameText, char{});
  name_text_ = {text.data(), text.size()};
}

CountryCode JoinedDatabases::code(size_t codes, size_t database) const {
  const size_t at = (codes * database_count_ + database) * kCodeLetters;
  const auto letters = letters_.subspan(at, kCodeLetters);
  return CountryCode::Parse({letters.data(), letters.size()})
      .value_or(CountryCode());
}

std::string_view JoinedDatabases::FindDamage() const {
  if (v4_.claims.empty() || v6_.claims.empty()) return "a family has no runs";
  if (!v6_.lows.empty() && v6_.lows.size() != v6_.size()) {
    return "a part of IPv6 has another length than the others";
  }
  if (v4_.First(0) != 0 || v6_.First(0) != 0 || !Ascends(v4_.firsts) ||
      !Ascends(v6_)) {
    return "its runs do not ascend from the first address";
  }
  if (!AreBelow(v4_.claims, claim_count()) ||
      !AreBelow(v6_.claims, claim_count())) {
    return "a run has a claim that is not there";
  }
  if (!AreBelow(codes_of_claims_, codes_count_)) {
    return "a claim has codes that are not there";
  }
  if (!AsnNames::AreConsistent(name_asns_, name_ends_, name_text_)) {
    return "the names of the ASNs are out of order";
  }
  return "";
}

absl::StatusOr<std::optional<JoinedDatabases>> JoinedDatabases::Read(
    const std::string& path, const Facts& facts) {
  if (HasSeveralBuilds(facts)) return std::nullopt;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT) return std::nullopt;
  if (fd < 0) return ReadError(path, std::generic_category().message(errno));
  const absl::Cleanup close_fd = [fd] { ::close(fd); };
  struct stat status = {};
  if (::fstat(fd, &status) != 0) {
    return ReadError(path, std::generic_category().message(errno));
  }
  if (!S_ISREG(status.st_mode)) return ReadError(path, "not a regular file");

  Header header;
  auto count = ReadBytes(fd, reinterpret_cast<char*>(&header), sizeof(header));
  if (!count.ok())
    return ReadError(path, std::string(count.status().message()));
  if (*count < sizeof(header) || header.magic != kMagic) {
    return DamageError(path, "it does not begin as such a file does");
  }
  if (header.version != kVersion || header.byte_order != kByteOrder) {
    return std::nullopt;
  }
  const std::vector<Digest> digests = DigestsOf(facts, Day::max());
  if (digests.empty() ||
      header.country_database_count != facts.countries.size() ||
      header.asn_database_count != (facts.asn.empty() ? 0 : 1) ||
      !std::equal(digests.begin(), digests.end(), header.digests.begin())) {
    return std::nullopt;
  }

  const size_t size = header.BlockBytes();
  if (status.st_size > kMaxFileBytes ||
      size != static_cast<size_t>(status.st_size)) {
    return DamageError(path, fmt::format("it has {} bytes in place of {}",
                                         status.st_size, size));
  }
  HugePageBlock block = AllocateHugePages(size);
  std::memcpy(block.get(), &header, sizeof(header));
  count = ReadBytes(fd, block.get() + sizeof(header), size - sizeof(header));
  if (!count.ok())
    return ReadError(path, std::string(count.status().message()));
  if (*count + sizeof(header) != size ||
      header.ChecksumOfBlock(block.get()) != header.checksum) {
    return DamageError(path, "its checksum is wrong");
  }
  JoinedDatabases joined(std::move(block), size);
  const std::string_view damage = joined.FindDamage();
  if (!damage.empty()) return DamageError(path, damage);
  return joined;
}

// Walks the databases, joins them family by family, and writes the block.
class JoinedDatabases::Joiner {
 public:
  absl::StatusOr<JoinedDatabases> Join(const Facts& facts, Day day);

 private:
  // Of the layers.
  enum LayerIndex : size_t { kAsnLayer, kFirstCountryLayer };
  using Codes = std::array<uint32_t, kMaxCountryDatabases>;

  absl::Status AddAsnLayer(const Facts& facts, Day day);
  absl::Status AddCountryLayers(const Facts& facts, Day day);
  template <typename Number>
  IntervalMap<Number> JoinFamily();
  uint32_t NumberOf(const Codes& codes);
  uint32_t ClaimOf(std::span<const uint32_t> values, bool is_v4);
  // Those of every set of codes.
  std::string Letters() const;
  JoinedDatabases WriteBlock(const IntervalMapV4& v4, const IntervalMapV6& v6,
                             std::span<const Digest> digests) const;

  std::vector<Layer> layers_;
  bool has_asn_database_ = false;
  std::vector<uint32_t> asns_;  // Values of the ASN layer, less one.
  AsnNames names_;
  CountryNumbers numbers_;  // Values of country layers.
  // What all country databases say, by number; and the last one asked for.
  std::vector<Codes> codes_ = {{}};
  absl::flat_hash_map<Codes, uint32_t> known_codes_ = {{{}, 0}};
  uint32_t last_codes_ = 0;
  absl::flat_hash_map<uint64_t, uint32_t> known_claims_;  // (ASN, codes)
  std::vector<uint32_t> asns_of_claims_;
  std::vector<uint32_t> codes_of_claims_;
};

absl::StatusOr<JoinedDatabases> JoinedDatabases::Join(const Facts& facts,
                                                      Day day) {
  return Joiner().Join(facts, day);
}

absl::StatusOr<JoinedDatabases> JoinedDatabases::Joiner::Join(
    const Facts& facts, Day day) {
  absl::Status status = AddAsnLayer(facts, day);
  if (!status.ok()) return status;
  status = AddCountryLayers(facts, day);
  if (!status.ok()) return status;
  const IntervalMapV4 v4 = JoinFamily<uint32_t>();
  for (Layer& layer : layers_) layer.v4 = {};
  const IntervalMapV6 v6 = JoinFamily<Uint128>();
  return WriteBlock(v4, v6, DigestsOf(facts, day));
}

absl::Status JoinedDatabases::Joiner::AddAsnLayer(const Facts& facts, Day day) {
  Layer layer = MakeLayer({});
  if (!facts.asn.empty()) {
    const AsnDatabase& database = BuildInForce(facts.asn, day);
    const absl::StatusOr<MmdbFile::AsnTable> table = database.file->WalkAsns();
    if (!table.ok()) return table.status();
    has_asn_database_ = true;
    std::vector<uint32_t> values;
    for (const MmdbAsn& record : table->records) {
      asns_.push_back(record.asn);
      values.push_back(static_cast<uint32_t>(asns_.size()));
    }
    names_ = AsnNames::Of(table->records);
    layer = LayerOfEntries(table->entries, values);
  }
  layers_.push_back(std::move(layer));
  return absl::OkStatus();
}

absl::Status JoinedDatabases::Joiner::AddCountryLayers(const Facts& facts,
                                                       Day day) {
  if (facts.countries.size() > kMaxCountryDatabases) {
    return absl::InvalidArgumentError(
        fmt::format("{} country databases are configured; at most {} are read",
                    facts.countries.size(), kMaxCountryDatabases));
  }
  for (const CountrySeries& series : facts.countries) {
    const absl::StatusOr<CountryTable> table =
        BuildInForce(series, day).file->WalkCountries();
    if (!table.ok()) return table.status();
    // Without jurisdictions a code means itself.
    layers_.push_back(MakeCountryLayer(*table, Jurisdictions(), &numbers_));
  }
  return absl::OkStatus();
}

template <typename Number>
IntervalMap<Number> JoinedDatabases::Joiner::JoinFamily() {
  constexpr bool kIsV4 = sizeof(Number) == sizeof(uint32_t);
  IntervalMap<Number> joined;
  size_t most_runs = 0;
  for (const Layer& layer : layers_) {
    most_runs += FamilyOf(layer, Number{}).runs.size();
  }
  joined.runs.reserve(most_runs);
  ForEachRun<Number>(layers_, [&](Number first, Number /*last*/,
                                  std::span<const uint32_t> values) {
    const uint32_t claim = ClaimOf(values, kIsV4);
    if (joined.runs.empty() || joined.runs.back().value != claim) {
      joined.runs.push_back({first, claim});
    }
  });
  return joined;
}

uint32_t JoinedDatabases::Joiner::ClaimOf(std::span<const uint32_t> values,
                                          bool is_v4) {
  const uint32_t asn =
      values[kAsnLayer] == 0 ? 0 : asns_[values[kAsnLayer] - 1];
  Codes codes = {};
  if (is_v4 || asn != 0) {
    std::copy(values.begin() + kFirstCountryLayer, values.end(), codes.begin());
  }
  const uint32_t codes_number = NumberOf(codes);
  const auto [found, is_new] =
      known_claims_.emplace(uint64_t{asn} << 32 | codes_number,
                            static_cast<uint32_t>(asns_of_claims_.size()));
  if (is_new) {
    asns_of_claims_.push_back(asn);
    codes_of_claims_.push_back(codes_number);
  }
  return found->second;
}

// Mostly the same as of the run before, or one of a few thousand others.
uint32_t JoinedDatabases::Joiner::NumberOf(const Codes& codes) {
  if (codes == codes_[last_codes_]) return last_codes_;
  const auto [found, is_new] =
      known_codes_.emplace(codes, static_cast<uint32_t>(codes_.size()));
  if (is_new) codes_.push_back(codes);
  return last_codes_ = found->second;
}

std::string JoinedDatabases::Joiner::Letters() const {
  std::string text;
  const size_t database_count = layers_.size() - kFirstCountryLayer;
  for (const Codes& codes : codes_) {
    for (size_t i = 0; i < database_count; ++i) {
      std::string letters =
          codes[i] == 0 ? "" : numbers_.code(codes[i]).ToString();
      letters.resize(kCodeLetters);
      text += letters;
    }
  }
  return text;
}

JoinedDatabases JoinedDatabases::Joiner::WriteBlock(
    const IntervalMapV4& v4, const IntervalMapV6& v6,
    std::span<const Digest> digests) const {
  const bool has_lows = std::any_of(
      v6.runs.begin(), v6.runs.end(),
      [](const auto& run) { return static_cast<uint64_t>(run.first) != 0; });
  Header header;
  header.country_database_count =
      static_cast<uint32_t>(layers_.size() - kFirstCountryLayer);
  header.asn_database_count = has_asn_database_ ? 1 : 0;
  header.v4_run_count = static_cast<uint32_t>(v4.runs.size());
  header.v6_run_count = static_cast<uint32_t>(v6.runs.size());
  header.v6_low_count = has_lows ? header.v6_run_count : 0;
  header.claim_count = static_cast<uint32_t>(asns_of_claims_.size());
  header.codes_count = static_cast<uint32_t>(codes_.size());
  header.name_count = static_cast<uint32_t>(names_.asns().size());
  header.name_bytes = static_cast<uint32_t>(names_.text().size());
  std::copy(digests.begin(), digests.end(), header.digests.begin());

  const size_t size = header.BlockBytes();
  HugePageBlock block = AllocateHugePages(size);
  char* end = std::copy_n(reinterpret_cast<const char*>(&header),
                          sizeof(header), block.get());
  const auto put = [&end](const auto& number) {
    end = std::copy_n(reinterpret_cast<const char*>(&number), sizeof(number),
                      end);
  };
  const auto put_all = [&end](const auto& values) {
    const auto bytes = std::as_bytes(std::span(values));
    end = std::copy_n(reinterpret_cast<const char*>(bytes.data()), bytes.size(),
                      end);
  };
  for (const auto& run : v6.runs) put(static_cast<uint64_t>(run.first >> 64));
  if (has_lows) {
    for (const auto& run : v6.runs) put(static_cast<uint64_t>(run.first));
  }
  for (const auto& run : v4.runs) put(run.first);
  for (const auto& run : v4.runs) put(run.value);
  for (const auto& run : v6.runs) put(run.value);
  put_all(asns_of_claims_);
  put_all(codes_of_claims_);
  put_all(names_.asns());
  put_all(names_.ends());
  put_all(Letters());
  put_all(names_.text());
  std::fill(end, block.get() + size, '\0');
  header.checksum = header.ChecksumOfBlock(block.get());
  std::copy_n(reinterpret_cast<const char*>(&header), sizeof(header),
              block.get());
  return JoinedDatabases(std::move(block), size);
}

}  // namespace octroi
