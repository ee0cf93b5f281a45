// SPDX-License-Identifier: Apache-2.0
#include "geo/mmdb.h"

#include <fcntl.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_map.h"
#include "fmt/format.h"
#include "geo/file_bytes.h"
#include "geo/mmdb_value.h"

namespace octroi {
namespace {

constexpr std::string_view kAccepted =
    ".mmdb files with country or ASN records";

// "MaxMind DB File Format Specification", version 2.0: the metadata section
// begins after the last marker, within the last 128 KiB; 16 zero bytes part the
// search tree from the data section.
constexpr std::string_view kMetadataMarker = "\xab\xcd\xefMaxMind.com";
constexpr size_t kMaxMetadataBytes = 128 * 1024;
constexpr size_t kSeparatorBytes = 16;
// The data section begins with a control byte and up to three bytes of size,
// which libmaxminddb reads without looking further.
constexpr size_t kMinDataBytes = 3;

// Limits on what one file may cost. The largest database of countries or ASNs
// in circulation has an eighth of these.
constexpr off_t kMaxFileBytes = off_t{1} << 30;
constexpr uint32_t kMaxNodeCount = 1u << 25;
constexpr size_t kMaxRecordCount = size_t{1} << 22;
constexpr int64_t kYear10000 = 253402300800;  // Seconds since the Unix epoch.

// The fields of one record. Those that are absent, or of another type than
// asked for, are nothing.
class Fields {
 public:
  using Path = std::initializer_list<const char*>;

  // REQUIRES: MmdbValueCheck has accepted the value at `offset`.
  Fields(const MMDB_s* mmdb, size_t offset)
      : start_{mmdb, static_cast<uint32_t>(offset)} {}

  std::optional<std::string> Text(Path path) const {
    const std::optional<MMDB_entry_data_s> data = Find(path);
    if (!data || data->type != MMDB_DATA_TYPE_UTF8_STRING) return std::nullopt;
    return CleanMmdbText({data->utf8_string, data->data_size});
  }

  std::optional<uint64_t> Integer(Path path) const {
    const std::optional<MMDB_entry_data_s> data = Find(path);
    if (!data) return std::nullopt;
    switch (data->type) {
      case MMDB_DATA_TYPE_UINT16:
        return data->uint16;
      case MMDB_DATA_TYPE_UINT32:
        return data->uint32;
      case MMDB_DATA_TYPE_UINT64:
        return data->uint64;
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<MMDB_entry_data_s> Find(Path path) const {
    constexpr size_t kMaxPath = 2;
    assert(path.size() <= kMaxPath);
    std::array<const char*, kMaxPath + 1> keys = {};
    std::copy(path.begin(), path.end(), keys.begin());
    MMDB_entry_s start = start_;
    MMDB_entry_data_s data;
    const int error = MMDB_aget_value(&start, &data, keys.data());
    if (error != MMDB_SUCCESS || !data.has_data) return std::nullopt;
    return data;
  }

  MMDB_entry_s start_;
};

// Reads "AS64496" or "64496" (RFC 5396 §2, asplain).
std::optional<uint64_t> ParseAsn(std::string_view text) {
  if (text.starts_with("AS") || text.starts_with("as")) text.remove_prefix(2);
  uint64_t asn = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), asn);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return asn;
}

// The overloads of Decode give an empty record where the fields are of another
// shape. kShape says what was wanted.
void Decode(const Fields& fields, CountryRecord* country) {
  std::optional<std::string> code = fields.Text({"country", "iso_code"});
  if (!code) code = fields.Text({"country_code"});
  if (!code) {
    code = fields.Text({"country"});
    if (code && code->size() != 2) code.reset();  // A name.
  }
  country->code = code.value_or("");
  country->registered_code =
      fields.Text({"registered_country", "iso_code"}).value_or("");
}

void Decode(const Fields& fields, MmdbAsn* asn) {
  std::optional<uint64_t> number = fields.Integer({"autonomous_system_number"});
  if (!number) number = fields.Integer({"asn"});
  if (!number) {
    number = ParseAsn(fields.Text({"asn"}).value_or(""));
  }
  if (!number || *number > std::numeric_limits<uint32_t>::max()) return;
  asn->asn = static_cast<uint32_t>(*number);
  for (const char* key :
       {"autonomous_system_organization", "as_name", "name"}) {
    if (const std::optional<std::string> name = fields.Text({key})) {
      asn->organization = *name;
      return;
    }
  }
}

template <typename Record>
constexpr std::string_view kShape = "";
template <>
constexpr std::string_view kShape<CountryRecord> =
    "country records (country.iso_code, country_code or country)";
template <>
constexpr std::string_view kShape<MmdbAsn> =
    "ASN records (autonomous_system_number or asn)";

// Debian's abseil has a string_view of its own, which fmt does not know.
std::string Message(const absl::Status& status) {
  return std::string(status.message());
}

absl::Status NotMmdb(const std::string& path, std::string_view content) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(content[i]); };
  if (content.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: not a MaxMind DB: the file is empty; accepted: {}",
                    path, kAccepted));
  }
  const std::string begin =
      content.size() == 1 ? fmt::format("{:02x}", byte(0))
                          : fmt::format("{:02x} {:02x}", byte(0), byte(1));
  // RFC 1952 §2.3.1, the xz file format §2.1.1.1, APPNOTE §4.3.7.
  const bool is_compressed = content.starts_with("\x1f\x8b") ||
                             content.starts_with(
                                 "\xfd"
                                 "7zXZ") ||
                             content.starts_with("PK");
  return absl::InvalidArgumentError(fmt::format(
      "{}: not a MaxMind DB: the file begins with '{}' and has no metadata "
      "section{}; accepted: {}",
      path, begin, is_compressed ? " (it is compressed: unpack it first)" : "",
      kAccepted));
}

std::string ErrnoMessage() { return std::generic_category().message(errno); }

struct Content {
  HugePageBlock bytes;
  size_t size;
};

// The whole of a regular file. O_NONBLOCK: a pipe must not make octroi wait.
absl::StatusOr<Content> ReadRegularFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return absl::NotFoundError(fmt::format("{}: cannot open: {}; accepted: {}",
                                           path, ErrnoMessage(), kAccepted));
  }
  const absl::Cleanup close_fd = [fd] { ::close(fd); };

  struct stat status = {};
  if (::fstat(fd, &status) != 0) {
    return absl::UnavailableError(
        fmt::format("{}: cannot read: {}", path, ErrnoMessage()));
  }
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: not a MaxMind DB: {}; accepted: {}", path,
        S_ISDIR(status.st_mode) ? "a directory" : "not a regular file",
        kAccepted));
  }
  if (status.st_size > kMaxFileBytes) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {} bytes; accepted: at most {}", path, status.st_size,
                    kMaxFileBytes));
  }

  const auto size = static_cast<size_t>(status.st_size);
  HugePageBlock bytes = AllocateHugePages(size);
  // Less, if it shrank: the checks that follow will say.
  const absl::StatusOr<size_t> filled = ReadBytes(fd, bytes.get(), size);
  if (!filled.ok()) {
    return absl::UnavailableError(fmt::format(
        "{}: cannot read: {}", path, std::string(filled.status().message())));
  }
  return Content{std::move(bytes), *filled};
}

std::string_view DataSection(const MMDB_s& mmdb, size_t size) {
  return {reinterpret_cast<const char*>(mmdb.data_section), size};
}

// Where in the data section a record of the tree points to. Wraps, and so ends
// far outside the section, for one that points into the separator.
// REQUIRES: record > node_count.
uint32_t DataOffset(const MMDB_s& mmdb, uint32_t record) {
  return record - mmdb.metadata.node_count -
         static_cast<uint32_t>(kSeparatorBytes);
}

// The two records of a node of the search tree, as MMDB_read_node gives them:
// a walk reads a million of them. REQUIRES: node < node_count.
struct NodeRecords {
  uint32_t left;
  uint32_t right;
};
NodeRecords ReadNode(const MMDB_s& mmdb, uint32_t node) {
  const uint8_t* const bytes =
      mmdb.file_content + size_t{node} * mmdb.full_record_byte_size;
  const auto big_endian = [](const uint8_t* from, size_t count) {
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) value = value << 8 | from[i];
    return value;
  };
  switch (mmdb.metadata.record_size) {
    case 24:
      return {big_endian(bytes, 3), big_endian(bytes + 3, 3)};
    case 28:  // The upper four bits of both stand in the middle.
      return {(bytes[3] & 0xf0u) << 20 | big_endian(bytes, 3),
              (bytes[3] & 0x0fu) << 24 | big_endian(bytes + 4, 3)};
    default:
      return {big_endian(bytes, 4), big_endian(bytes + 4, 4)};
  }
}

MMDB_lookup_result_s LookupInTree(const MMDB_s& mmdb, const IpAddress& address,
                                  int* error) {
  if (address.is_v4()) {
    sockaddr_in v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(address.v4());
    return MMDB_lookup_sockaddr(&mmdb, reinterpret_cast<sockaddr*>(&v4), error);
  }
  sockaddr_in6 v6 = {};
  v6.sin6_family = AF_INET6;
  const std::array<uint64_t, 2> halves = {__builtin_bswap64(address.high()),
                                          __builtin_bswap64(address.low())};
  std::memcpy(&v6.sin6_addr, halves.data(), sizeof(halves));
  return MMDB_lookup_sockaddr(&mmdb, reinterpret_cast<sockaddr*>(&v6), error);
}

}  // namespace

MmdbFile::MmdbFile(std::string path, HugePageBlock content, size_t size)
    : path_(std::move(path)),
      content_(std::move(content)),
      size_(size),
      mmdb_(std::make_unique<MMDB_s>()) {}

MmdbFile::~MmdbFile() = default;

absl::StatusOr<std::unique_ptr<MmdbFile>> MmdbFile::Open(
    const std::string& path) {
  absl::StatusOr<Content> content = ReadRegularFile(path);
  if (!content.ok()) return content.status();
  return Make(path, std::move(content->bytes), content->size);
}

absl::StatusOr<std::unique_ptr<MmdbFile>> MmdbFile::Parse(
    std::string path, std::string_view content) {
  HugePageBlock copy = AllocateHugePages(content.size());
  std::copy(content.begin(), content.end(), copy.get());
  return Make(std::move(path), std::move(copy), content.size());
}

absl::StatusOr<std::unique_ptr<MmdbFile>> MmdbFile::Make(std::string path,
                                                         HugePageBlock content,
                                                         size_t size) {
  std::unique_ptr<MmdbFile> file(
      new MmdbFile(std::move(path), std::move(content), size));
  absl::Status status = file->ReadMetadata();
  if (!status.ok()) return status;
  status = file->MapSections();
  if (!status.ok()) return status;
  return file;
}

absl::Status MmdbFile::ReadMetadata() {
  const std::string_view content = this->content();
  const size_t tail =
      content.size() - std::min(content.size(), kMaxMetadataBytes);
  const size_t marker = content.substr(tail).rfind(kMetadataMarker);
  if (marker == std::string_view::npos) return NotMmdb(path_, content);
  metadata_offset_ = tail + marker + kMetadataMarker.size();

  const std::string_view section = content.substr(metadata_offset_);
  const absl::Status status = MmdbValueCheck(section).Check(0);
  if (!status.ok() || section.size() < kMinDataBytes) {
    return absl::InvalidArgumentError(
        fmt::format("{}: damaged metadata: {}", path_,
                    status.ok() ? "too short" : Message(status)));
  }
  MMDB_s handle = {};
  handle.data_section = reinterpret_cast<const uint8_t*>(section.data());
  handle.data_section_size = static_cast<uint32_t>(section.size());
  const Fields fields(&handle, 0);

  // A field's value, or the error that the file ends in.
  absl::Status problem;
  const auto read = [&](const char* key, uint64_t least, uint64_t most) {
    const std::optional<uint64_t> value = fields.Integer({key});
    if (value && least <= *value && *value <= most) return *value;
    if (problem.ok()) {
      problem = absl::InvalidArgumentError(fmt::format(
          "{}: damaged metadata: {} is {}; accepted: {} to {}", path_, key,
          value ? fmt::to_string(*value) : "missing or no integer", least,
          most));
    }
    return least;
  };
  read("binary_format_major_version", 2, 2);
  metadata_.node_count =
      static_cast<uint32_t>(read("node_count", 1, kMaxNodeCount));
  metadata_.ip_version = static_cast<uint16_t>(read("ip_version", 4, 6));
  metadata_.build_epoch_s =
      static_cast<int64_t>(read("build_epoch", 0, kYear10000 - 1));
  mmdb_->metadata.record_size =
      static_cast<uint16_t>(read("record_size", 24, 32));
  if (!problem.ok()) return problem;
  if (metadata_.ip_version == 5 || mmdb_->metadata.record_size % 4 != 0) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: damaged metadata: ip_version {} and record_size {}; accepted: 4 "
        "or 6, and 24, 28 or 32",
        path_, metadata_.ip_version, mmdb_->metadata.record_size));
  }
  metadata_.database_type = fields.Text({"database_type"}).value_or("");
  metadata_.description = fields.Text({"description", "en"}).value_or("");
  return absl::OkStatus();
}

// Fills libmaxminddb's handle as MMDB_open would. MMDB_open itself maps the
// file, so that truncating it kills the reader, multiplies the node count in 32
// bits, and follows the metadata's pointers without a limit.
absl::Status MmdbFile::MapSections() {
  const size_t node_bytes = mmdb_->metadata.record_size / 4;
  const size_t tree_bytes = metadata_.node_count * node_bytes;
  const size_t data_offset = tree_bytes + kSeparatorBytes;
  const size_t data_end = metadata_offset_ - kMetadataMarker.size();
  if (data_offset + kMinDataBytes > data_end) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: the metadata promises a search tree of {} nodes ({} bytes) and a "
        "data section, but stands at byte {}: the file is cut off or damaged",
        path_, metadata_.node_count, tree_bytes, data_end));
  }
  data_bytes_ = data_end - data_offset;

  const auto* bytes = reinterpret_cast<const uint8_t*>(content_.get());
  mmdb_->file_content = bytes;
  mmdb_->file_size = static_cast<ssize_t>(size_);
  mmdb_->data_section = bytes + data_offset;
  // The library counts the metadata in, and needs the slack: it compares data
  // pointers before it takes the separator off.
  mmdb_->data_section_size = static_cast<uint32_t>(size_ - data_offset);
  mmdb_->full_record_byte_size = static_cast<uint16_t>(node_bytes);
  mmdb_->depth = metadata_.ip_version == 4 ? 32 : 128;
  mmdb_->metadata.node_count = metadata_.node_count;
  mmdb_->metadata.ip_version = metadata_.ip_version;

  // IPv4 lives at ::/96 of an IPv6 tree.
  uint32_t record = 0;
  uint16_t depth = 0;
  while (metadata_.ip_version == 6 && depth < 96 &&
         record < metadata_.node_count) {
    MMDB_search_node_s node;
    const int error = MMDB_read_node(mmdb_.get(), record, &node);
    assert(error == MMDB_SUCCESS);
    (void)error;
    record = static_cast<uint32_t>(node.left_record);
    ++depth;
  }
  mmdb_->ipv4_start_node = {.netmask = depth, .node_value = record};
  return absl::OkStatus();
}

// One walk of the tree, depth first, the zero branch first.
template <typename Record>
class MmdbFile::TreeWalk {
 public:
  explicit TreeWalk(const MmdbFile& file)
      : file_(file),
        mmdb_(*file.mmdb_),
        node_count_(file.metadata_.node_count),
        check_(DataSection(mmdb_, file.data_bytes_)),
        is_visited_(node_count_) {
    // A tree has one leaf more than nodes. What is not used is not touched.
    table_.entries.reserve(size_t{node_count_} + 1);
  }

  absl::StatusOr<DatabaseTable<Record>> Run() {
    const absl::Status status = Visit(/*record=*/0, /*number=*/0, /*depth=*/0);
    if (!status.ok()) return status;
    if (table_.entries.empty()) {
      return Error("its search tree has no records");
    }
    const bool is_right_kind =
        std::any_of(table_.records.begin(), table_.records.end(),
                    [](const Record& record) { return record != Record(); });
    if (!is_right_kind) {
      return Error(fmt::format(
          "a database of type '{}' without {}: the record of {} is {}",
          file_.metadata_.database_type, kShape<Record>,
          table_.entries.front().prefix.ToString(),
          check_.Describe(*first_offset_)));
    }
    return std::move(table_);
  }

 private:
  absl::Status Error(std::string_view message) const {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}", file_.path_, message));
  }

  // What the record at the prefix of `depth` bits of `number` leads to. The
  // recursion ends at the depth of the tree.
  absl::Status Visit(uint32_t record, Uint128 number, int depth) {
    if (record == node_count_) return absl::OkStatus();
    if (record > node_count_) return AddRecord(record, number, depth);
    if (IsIpv4Alias(record, number)) return absl::OkStatus();
    if (depth == mmdb_.depth || is_visited_[record]) {
      return Error(fmt::format(
          "damaged search tree: node {} at {} {}", record,
          PrefixAt(number, depth).ToString(),
          is_visited_[record] ? "is reached twice" : "is below the last bit"));
    }
    is_visited_[record] = true;

    const NodeRecords node = ReadNode(mmdb_, record);
    const absl::Status status = Visit(node.left, number, depth + 1);
    if (!status.ok()) return status;
    const Uint128 bit = static_cast<Uint128>(1) << (mmdb_.depth - 1 - depth);
    return Visit(node.right, number | bit, depth + 1);
  }

  // Whether the node is the root of the IPv4 tree, met outside ::/96.
  bool IsIpv4Alias(uint32_t record, Uint128 number) const {
    return mmdb_.depth == 128 && mmdb_.ipv4_start_node.netmask == 96 &&
           record == mmdb_.ipv4_start_node.node_value && number >> 32 != 0;
  }

  IpPrefix PrefixAt(Uint128 number, int depth) const {
    const auto v4 = IpAddress::V4(static_cast<uint32_t>(number));
    if (mmdb_.depth == 32) return IpPrefix::Containing(v4, depth);
    if (depth >= 96 && number >> 32 == 0) {
      return IpPrefix::Containing(v4, depth - 96);
    }
    return IpPrefix::Containing(IpAddress::V6(number), depth);
  }

  absl::Status AddRecord(uint32_t record, Uint128 number, int depth) {
    const absl::StatusOr<uint32_t> index = RecordIndex(record);
    if (!index.ok()) {
      return Error(fmt::format("the record of {}: {}",
                               PrefixAt(number, depth).ToString(),
                               Message(index.status())));
    }
    // A record above ::/96 holds for the whole of IPv4 as well.
    if (mmdb_.depth == 128 && number == 0 && depth < 96) {
      table_.entries.push_back({IpPrefix(), *index});
    }
    table_.entries.push_back({PrefixAt(number, depth), *index});
    return absl::OkStatus();
  }

  absl::StatusOr<uint32_t> RecordIndex(uint32_t record) {
    Recent& recent = recent_[record % recent_.size()];
    if (recent.record == record) return recent.index;
    absl::StatusOr<uint32_t> index = FindOrDecode(record);
    if (index.ok()) recent = {record, *index};
    return index;
  }

  absl::StatusOr<uint32_t> FindOrDecode(uint32_t record) {
    const auto known = by_offset_.find(record);
    if (known != by_offset_.end()) return known->second;
    if (by_offset_.size() == kMaxRecordCount) {
      return absl::ResourceExhaustedError(fmt::format(
          "there are more than {} different ones", kMaxRecordCount));
    }

    const uint32_t offset = DataOffset(mmdb_, record);
    const absl::Status status = check_.Check(offset);
    if (!status.ok()) return status;
    if (!first_offset_) first_offset_ = offset;
    Record value;
    Decode(Fields(&mmdb_, offset), &value);
    const auto [entry, is_new] = by_value_.try_emplace(
        value, static_cast<uint32_t>(table_.records.size()));
    if (is_new) table_.records.push_back(std::move(value));
    by_offset_.emplace(record, entry->second);
    return entry->second;
  }

  const MmdbFile& file_;
  const MMDB_s& mmdb_;
  const uint32_t node_count_;
  MmdbValueCheck check_;
  std::vector<bool> is_visited_;
  absl::flat_hash_map<uint32_t, uint32_t> by_offset_;
  absl::flat_hash_map<Record, uint32_t> by_value_;
  std::optional<size_t> first_offset_;
  DatabaseTable<Record> table_;

  // What was asked for last: a database has more prefixes than records, and few
  // countries. No record is 0, which is a node.
  struct Recent {
    uint32_t record = 0;
    uint32_t index = 0;
  };
  std::vector<Recent> recent_ = std::vector<Recent>(size_t{1} << 12);
};

template <typename Record>
absl::StatusOr<DatabaseTable<Record>> MmdbFile::Walk() const {
  return TreeWalk<Record>(*this).Run();
}

absl::StatusOr<CountryTable> MmdbFile::WalkCountries() const {
  return Walk<CountryRecord>();
}

absl::StatusOr<MmdbFile::AsnTable> MmdbFile::WalkAsns() const {
  return Walk<MmdbAsn>();
}

template <typename Record>
absl::StatusOr<std::optional<FoundRecord<Record>>> MmdbFile::Lookup(
    const IpAddress& address) const {
  const bool is_v6_tree = metadata_.ip_version == 6;
  const int v4_depth = mmdb_->ipv4_start_node.netmask;  // 0 in an IPv4 tree.
  const bool is_in_v4_tree = address.number() >> 32 == 0 && v4_depth == 96;
  if (!address.is_v4() && (!is_v6_tree || is_in_v4_tree)) return std::nullopt;

  int error = MMDB_SUCCESS;
  const MMDB_lookup_result_s result = LookupInTree(*mmdb_, address, &error);
  uint32_t offset = 0;
  absl::Status status;
  if (error != MMDB_SUCCESS) {
    status = absl::InvalidArgumentError(MMDB_strerror(error));
  } else if (!result.found_entry) {
    return std::nullopt;
  } else {
    offset = result.entry.offset;
    status = MmdbValueCheck(DataSection(*mmdb_, data_bytes_)).Check(offset);
  }
  if (!status.ok()) {
    return absl::InvalidArgumentError(fmt::format("{}: the record of {}: {}",
                                                  path_, address.ToString(),
                                                  Message(status)));
  }

  FoundRecord<Record> found;
  const int v4_offset = address.is_v4() && is_v6_tree ? 96 : 0;
  found.prefix =
      IpPrefix::Containing(address, std::max(0, result.netmask - v4_offset));
  Decode(Fields(mmdb_.get(), offset), &found.record);
  return found;
}

absl::StatusOr<std::optional<FoundRecord<CountryRecord>>>
MmdbFile::LookupCountry(const IpAddress& address) const {
  return Lookup<CountryRecord>(address);
}

absl::StatusOr<std::optional<FoundRecord<MmdbAsn>>> MmdbFile::LookupAsn(
    const IpAddress& address) const {
  return Lookup<MmdbAsn>(address);
}

}  // namespace octroi
