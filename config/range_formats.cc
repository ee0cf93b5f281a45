// SPDX-License-Identifier: Apache-2.0
#include "config/range_formats.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "config/country_list.h"
#include "config/problem.h"
#include "config/text_file.h"
#include "fmt/format.h"
#include "geo/ascii.h"
#include "geo/ranges.h"
#include "nlohmann/json.hpp"

namespace octroi {
namespace {

using Json = nlohmann::json;

struct FormatInfo {
  std::string_view name;
  std::string_view provider;
  std::string_view shape;  // What a file of the format is, for messages.
};
constexpr FormatInfo kFormats[] = {
    {"aws", "AWS",
     "a JSON object with `prefixes` that have `ip_prefix`, or with "
     "`ipv6_prefixes`"},
    {"google", "Google Cloud",
     "a JSON object with `prefixes` that have `ipv4Prefix` or `ipv6Prefix`"},
    {"azure", "Microsoft Azure",
     "a JSON object with `values` that have `properties.addressPrefixes`"},
    {"oracle", "Oracle Cloud",
     "a JSON object with `regions` that have `cidrs`"},
    {"cloudflare", "Cloudflare", "a text with a prefix on each line"},
    {"fastly", "Fastly", "a JSON object with `addresses` or `ipv6_addresses`"},
    {"github", "GitHub", "a JSON object with lists such as `hooks` and `web`"},
    {"outscale", "Outscale", "a JSON object with the list `PublicIps`"},
    {"geofeed", "",
     "a text with lines `prefix,country,region,city,` (RFC 8805)"},
    {"cidr", "", "a text with a prefix on each line"},
};
constexpr std::string_view kFormatNames[] = {
    "aws",    "google", "azure",    "oracle",  "cloudflare",
    "fastly", "github", "outscale", "geofeed", "cidr"};
static_assert(std::size(kFormats) == std::size(kFormatNames));

// Lists of GitHub's file that are not of addresses.
constexpr std::string_view kGithubSshKeys = "ssh_keys";
// A list of prefixes that GitHub's file has always had.
constexpr std::string_view kGithubHooks = "hooks";
// A version is shown if it is short and printable.
constexpr size_t kMaxVersionBytes = 64;

const FormatInfo& InfoOf(RangeFormat format) {
  return kFormats[static_cast<size_t>(format)];
}

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9');
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return upper;
}

// What every provider calls its regions: eu-west-3, centralfrance, FR-IDF.
bool IsRegionName(std::string_view text) {
  return text.size() <= kMaxRegionBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return IsLetterOrDigit(c) || c == '-' || c == '_' || c == '.';
         });
}

// Takes the entries of a file one by one: what is a range is kept, what is not
// is counted, and told as long as few have been.
class EntryList {
 public:
  EntryList() { result_.regions.emplace_back(); }

  // An entry whose prefix is `text`. `place()` is called for a message only.
  template <typename Place>
  void Add(std::string_view text, std::string_view region, CountryCode country,
           Place place) {
    const absl::StatusOr<IpPrefix> prefix = ParsePrefix(text);
    if (!prefix.ok()) {
      AddMalformed(place, std::string(prefix.status().message()));
    } else if (!IsRegionName(region)) {
      AddMalformed(place,
                   fmt::format("the region {} is not a name; at most {} "
                               "letters, digits, '-', '_' and '.' are accepted",
                               Quoted(region), kMaxRegionBytes));
    } else if (prefix->length() < WidestOf(*prefix)) {
      ++result_.oversized_count;
      Show(place(), fmt::format("{} is wider than any provider's address "
                                "space; /{} or longer is accepted",
                                prefix->ToString(), WidestOf(*prefix)));
    } else {
      result_.entries.push_back({*prefix, Intern(region), country});
    }
  }

  template <typename Place>
  void AddMalformed(Place place, std::string_view what) {
    ++result_.malformed_count;
    Show(place(), what);
  }

  void set_version(std::string version) {
    result_.version = std::move(version);
  }
  void set_partial() { result_.is_partial = true; }

  // As many entries as were added, of whatever kind.
  uint64_t count() const {
    return result_.entries.size() + result_.malformed_count +
           result_.oversized_count;
  }
  RangeEntries Take() { return std::move(result_); }

 private:
  static int WidestOf(const IpPrefix& prefix) {
    return prefix.family() == AddressFamily::kIpv4 ? kWidestRangeV4
                                                   : kWidestRangeV6;
  }

  void Show(std::string_view place, std::string_view what) {
    if (result_.skipped.size() >= kMaxSkippedShown) return;
    result_.skipped.push_back(fmt::format("{}: {}", place, what));
  }

  uint32_t Intern(std::string_view region) {
    if (region.empty()) return 0;
    std::string name(EqualIgnoringCase(region, kGlobalRegion) ? kGlobalRegion
                                                              : region);
    const auto [found, is_new] = index_of_region_.emplace(
        name, static_cast<uint32_t>(result_.regions.size()));
    if (is_new) result_.regions.push_back(std::move(name));
    return found->second;
  }

  RangeEntries result_;
  absl::flat_hash_map<std::string, uint32_t> index_of_region_;
};

absl::Status FileError(const std::string& file, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", file, what));
}

// ---- JSON

// Walks a JSON text before it is read into memory: is it JSON, is it within the
// limits, and does every name of an object stand once? A list of nothing but
// '[' would take a hundred times its size.
class JsonCheck : public nlohmann::json_sax<Json> {
 public:
  const std::string& problem() const { return problem_; }
  // Where the text stops being JSON, in bytes; 0 if `problem` is another one.
  size_t error_offset() const { return error_offset_; }

  bool null() override { return CountValue(); }
  bool boolean(bool) override { return CountValue(); }
  bool number_integer(number_integer_t) override { return CountValue(); }
  bool number_unsigned(number_unsigned_t) override { return CountValue(); }
  bool number_float(number_float_t, const string_t&) override {
    return CountValue();
  }
  bool string(string_t&) override { return CountValue(); }
  bool binary(binary_t&) override { return CountValue(); }
  bool start_object(std::size_t) override { return Open(); }
  bool start_array(std::size_t) override { return Open(); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& name) override {
    if (names_.back().insert(name).second) return CountValue();
    problem_ = fmt::format(
        "the name {} stands twice in one JSON object, so that it is not known "
        "which one holds; give the file as the provider publishes it",
        Quoted(name));
    return false;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    problem_ = "is not JSON from here on";
    error_offset_ = std::max<size_t>(position, 1);
    return false;
  }

 private:
  bool CountValue() {
    if (++value_count_ <= kMaxJsonValues) return true;
    problem_ = fmt::format(
        "has more than {} JSON values, more than octroi "
        "reads of such a file",
        kMaxJsonValues);
    return false;
  }
  bool Open() {
    if (names_.size() >= kMaxJsonDepth) {
      problem_ = fmt::format(
          "has JSON nested deeper than {} levels, which no "
          "provider's file has",
          kMaxJsonDepth);
      return false;
    }
    names_.emplace_back();
    return CountValue();
  }
  bool Close() {
    names_.pop_back();
    return true;
  }

  // Of each object or list that is open, the names that it has so far.
  std::vector<std::set<std::string>> names_;
  size_t value_count_ = 0;
  std::string problem_;
  size_t error_offset_ = 0;
};

// "FILE:LINE:COLUMN: WHAT (byte N)", where the JSON breaks off.
std::string BrokenJson(const JsonCheck& check, std::string_view text,
                       const std::string& file) {
  const size_t offset = std::min(check.error_offset() - 1, text.size());
  const std::string_view before = text.substr(0, offset);
  const size_t newline = before.rfind('\n');
  Problem problem;
  problem.file = file;
  problem.line =
      static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1;
  problem.column = static_cast<int>(CountCharacters(before.substr(
                       newline == std::string_view::npos ? 0 : newline + 1))) +
                   1;
  problem.what = fmt::format("{} (byte {})", check.problem(), offset + 1);
  return problem.text();
}

absl::StatusOr<Json> ReadJson(std::string_view text, const std::string& file) {
  JsonCheck check;
  if (!Json::sax_parse(text.begin(), text.end(), &check)) {
    if (check.error_offset() == 0) return FileError(file, check.problem());
    return absl::InvalidArgumentError(BrokenJson(check, text, file));
  }
  return Json::parse(text.begin(), text.end(), nullptr,
                     /*allow_exceptions=*/false);
}

// The member of an object, or null.
const Json* MemberOf(const Json& value, std::string_view name) {
  if (!value.is_object()) return nullptr;
  const auto found = value.find(name);
  return found == value.end() ? nullptr : &*found;
}

// The text of a JSON string; "" for anything else.
std::string_view TextOf(const Json* value) {
  if (value == nullptr || !value->is_string()) return "";
  return value->get_ref<const std::string&>();
}

// "a list", "an object", "a text", ...
std::string_view KindOf(const Json& value) {
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  if (value.is_string()) return "a text";
  if (value.is_number()) return "a number";
  return value.is_boolean() ? "true or false" : "null";
}

// Whether an element of the list `list` of the root has the member `name`.
bool HasElementWith(const Json& root, std::string_view list,
                    std::string_view name) {
  const Json* const elements = MemberOf(root, list);
  return elements != nullptr && elements->is_array() &&
         std::any_of(elements->begin(), elements->end(),
                     [name](const Json& element) {
                       return MemberOf(element, name) != nullptr;
                     });
}

bool HasList(const Json& root, std::string_view name) {
  const Json* const list = MemberOf(root, name);
  return list != nullptr && list->is_array();
}

// The format that a JSON file is of, by what only that format has.
std::optional<RangeFormat> FormatOf(const Json& root) {
  if (HasElementWith(root, "prefixes", "ip_prefix") ||
      HasList(root, "ipv6_prefixes")) {
    return RangeFormat::kAws;
  }
  if (HasElementWith(root, "prefixes", "ipv4Prefix") ||
      HasElementWith(root, "prefixes", "ipv6Prefix")) {
    return RangeFormat::kGoogle;
  }
  if (HasElementWith(root, "values", "properties")) return RangeFormat::kAzure;
  if (HasElementWith(root, "regions", "cidrs")) return RangeFormat::kOracle;
  if (HasList(root, "addresses") || HasList(root, "ipv6_addresses")) {
    return RangeFormat::kFastly;
  }
  if (HasList(root, kGithubHooks)) return RangeFormat::kGithub;
  if (HasList(root, "PublicIps")) return RangeFormat::kOutscale;
  return std::nullopt;
}

// "has the JSON members "a", "b" and more", or what else the root is.
std::string DescriptionOf(const Json& root) {
  constexpr size_t kMaxNames = 4;
  if (!root.is_object()) return fmt::format("is {} in JSON", KindOf(root));
  if (root.empty()) return "is an empty JSON object";
  std::string names;
  size_t count = 0;
  for (const auto& [name, value] : root.items()) {
    if (++count > kMaxNames)
      return fmt::format("has the JSON members {}, ...", names);
    if (!names.empty()) names += ", ";
    names += Quoted(name);
  }
  return fmt::format("has the JSON members {}", names);
}

absl::Status WrongFormat(RangeFormat wanted, std::optional<RangeFormat> found,
                         std::string_view description,
                         const std::string& file) {
  if (found) {
    return FileError(
        file, fmt::format("{}, as a file of `--from {}` has; write `--from "
                          "{}`, or give {} for `--from {}`",
                          description, RangeFormatName(*found),
                          RangeFormatName(*found), InfoOf(wanted).shape,
                          RangeFormatName(wanted)));
  }
  return FileError(file,
                   fmt::format("{}; `--from {}` expects {}", description,
                               RangeFormatName(wanted), InfoOf(wanted).shape));
}

// Calls `read(element, place)` for each element of a list, `place()` being
// "PARENT[7]". A list that is none counts as one malformed entry.
template <typename Place, typename Read>
void ForEach(const Json* list, Place parent, EntryList* entries, Read read) {
  if (list == nullptr) return;
  if (!list->is_array()) {
    entries->AddMalformed(
        parent, fmt::format("is {}; a list is expected", KindOf(*list)));
    return;
  }
  size_t index = 0;
  for (const Json& element : *list) {
    read(element,
         [parent, index] { return fmt::format("{}[{}]", parent(), index); });
    ++index;
  }
}

auto Named(std::string_view name) {
  return [name] { return std::string(name); };
}

// Adds a prefix that is a JSON value.
template <typename Place>
void AddPrefix(const Json* value, std::string_view region, Place place,
               EntryList* entries) {
  if (value == nullptr) {
    entries->AddMalformed(place, "is missing; a prefix is expected");
  } else if (!value->is_string()) {
    entries->AddMalformed(
        place, fmt::format("is {}; a prefix is expected", KindOf(*value)));
  } else {
    entries->Add(TextOf(value), region, CountryCode(), place);
  }
}

// Adds every prefix of a list of texts.
template <typename Place>
void AddPrefixes(const Json* list, std::string_view region, Place parent,
                 EntryList* entries) {
  ForEach(list, parent, entries,
          [region, entries](const Json& element, auto place) {
            AddPrefix(&element, region, place, entries);
          });
}

// The region of an entry that must have one as a text. False, with the entry
// counted as malformed, if it has not.
template <typename Place>
bool ReadRegion(const Json& element, std::string_view name, Place place,
                EntryList* entries, std::string_view* region) {
  const Json* const value = MemberOf(element, name);
  if (value != nullptr && value->is_string()) {
    *region = TextOf(value);
    return true;
  }
  entries->AddMalformed(
      [place, name] { return fmt::format("{}.{}", place(), name); },
      value == nullptr
          ? std::string("is missing; the name of a region is expected")
          : fmt::format("is {}; the name of a region is expected",
                        KindOf(*value)));
  return false;
}

void ReadAwsList(const Json& root, std::string_view list,
                 std::string_view prefix, EntryList* entries) {
  ForEach(
      MemberOf(root, list), Named(list), entries,
      [prefix, entries](const Json& element, auto place) {
        // Not `region`: the border group is where addresses are announced,
        // and a Local Zone of Frankfurt may be in Istanbul.
        std::string_view group;
        if (!ReadRegion(element, "network_border_group", place, entries,
                        &group)) {
          return;
        }
        AddPrefix(
            MemberOf(element, prefix), group,
            [place, prefix] { return fmt::format("{}.{}", place(), prefix); },
            entries);
      });
}

void ReadAws(const Json& root, EntryList* entries) {
  ReadAwsList(root, "prefixes", "ip_prefix", entries);
  ReadAwsList(root, "ipv6_prefixes", "ipv6_prefix", entries);
}

// goog.json, the list of all of Google's addresses, has no `scope`.
void ReadGoogle(const Json& root, EntryList* entries) {
  ForEach(MemberOf(root, "prefixes"), Named("prefixes"), entries,
          [entries](const Json& element, auto place) {
            std::string_view scope;
            if (MemberOf(element, "scope") != nullptr &&
                !ReadRegion(element, "scope", place, entries, &scope)) {
              return;
            }
            const std::string_view name =
                MemberOf(element, "ipv6Prefix") != nullptr ? "ipv6Prefix"
                                                           : "ipv4Prefix";
            AddPrefix(
                MemberOf(element, name), scope,
                [place, name] { return fmt::format("{}.{}", place(), name); },
                entries);
          });
}

void ReadAzure(const Json& root, EntryList* entries) {
  ForEach(MemberOf(root, "values"), Named("values"), entries,
          [entries](const Json& element, auto place) {
            const auto within = [place] { return place() + ".properties"; };
            const Json* const properties = MemberOf(element, "properties");
            const Json* const list =
                properties == nullptr
                    ? nullptr
                    : MemberOf(*properties, "addressPrefixes");
            if (list == nullptr) {
              entries->AddMalformed(within, "has no `addressPrefixes`");
              return;
            }
            std::string_view region;
            if (!ReadRegion(*properties, "region", within, entries, &region)) {
              return;
            }
            AddPrefixes(
                list, region,
                [within] { return within() + ".addressPrefixes"; }, entries);
          });
}

void ReadOracle(const Json& root, EntryList* entries) {
  ForEach(MemberOf(root, "regions"), Named("regions"), entries,
          [entries](const Json& element, auto place) {
            const Json* const list = MemberOf(element, "cidrs");
            std::string_view region;
            if (list == nullptr) {
              entries->AddMalformed(place, "has no `cidrs`");
              return;
            }
            if (!ReadRegion(element, "region", place, entries, &region)) {
              return;
            }
            ForEach(
                list, [place] { return place() + ".cidrs"; }, entries,
                [region, entries](const Json& cidr, auto cidr_place) {
                  AddPrefix(
                      MemberOf(cidr, "cidr"), region,
                      [cidr_place] { return cidr_place() + ".cidr"; }, entries);
                });
          });
}

// Fastly announces all of its addresses from many places.
void ReadFastly(const Json& root, EntryList* entries) {
  for (const std::string_view list : {"addresses", "ipv6_addresses"}) {
    AddPrefixes(MemberOf(root, list), kGlobalRegion, Named(list), entries);
  }
}

// Every list of texts but the keys is of prefixes; new ones are added at times.
void ReadGithub(const Json& root, EntryList* entries) {
  for (const auto& [name, value] : root.items()) {
    if (!value.is_array() || name == kGithubSshKeys) continue;
    const std::string shown = IsRegionName(name) ? name : Quoted(name);
    AddPrefixes(&value, "", Named(shown), entries);
  }
}

void ReadOutscale(const Json& root, EntryList* entries) {
  AddPrefixes(MemberOf(root, "PublicIps"), "", Named("PublicIps"), entries);
  if (!TextOf(MemberOf(root, "NextPageToken")).empty()) entries->set_partial();
}

// The named members of the root that are a short text or a number.
std::string VersionOf(const Json& root) {
  std::string version;
  for (const std::string_view name :
       {"syncToken", "createDate", "creationTime", "cloud", "changeNumber",
        "last_updated_timestamp"}) {
    const Json* const value = MemberOf(root, name);
    if (value == nullptr) continue;
    std::string text(TextOf(value));
    if (value->is_number_integer()) text = value->dump();
    const bool is_printable = std::all_of(
        text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
    if (text.empty() || text.size() > kMaxVersionBytes || !is_printable) {
      continue;
    }
    version += fmt::format("{}{} {}", version.empty() ? "" : ", ", name, text);
  }
  return std::string(Trim(version));
}

absl::StatusOr<RangeEntries> ReadJsonEntries(RangeFormat format,
                                             std::string_view text,
                                             const std::string& file) {
  const absl::StatusOr<Json> root = ReadJson(text, file);
  if (!root.ok()) return root.status();
  const std::optional<RangeFormat> found = FormatOf(*root);
  if (found != format) {
    return WrongFormat(format, found, DescriptionOf(*root), file);
  }
  EntryList entries;
  entries.set_version(VersionOf(*root));
  switch (format) {
    case RangeFormat::kAws:
      ReadAws(*root, &entries);
      break;
    case RangeFormat::kGoogle:
      ReadGoogle(*root, &entries);
      break;
    case RangeFormat::kAzure:
      ReadAzure(*root, &entries);
      break;
    case RangeFormat::kOracle:
      ReadOracle(*root, &entries);
      break;
    case RangeFormat::kFastly:
      ReadFastly(*root, &entries);
      break;
    case RangeFormat::kGithub:
      ReadGithub(*root, &entries);
      break;
    default:
      ReadOutscale(*root, &entries);
  }
  if (entries.count() > kMaxRangeEntries) {
    return FileError(file, fmt::format("has {} entries; at most {} are read of "
                                       "such a file",
                                       entries.count(), kMaxRangeEntries));
  }
  return entries.Take();
}

// ---- text

// Calls `use(line, number)` for each line that has more than white space and a
// comment, without both, until it returns false.
template <typename Use>
void ForEachLine(std::string_view text, Use use) {
  int number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = Trim(line.substr(0, line.find('#')));
    if (!line.empty() && !use(line, number)) return;
  }
}

// A value of a geofeed's line, which takes it from the line.
std::string_view TakeValue(std::string_view* line) {
  const size_t comma = std::min(line->find(','), line->size());
  std::string_view value = Trim(line->substr(0, comma));
  line->remove_prefix(std::min(comma + 1, line->size()));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = Trim(value.substr(1, value.size() - 2));
  }
  return value;
}

bool IsJson(std::string_view first_line) {
  return first_line.starts_with('{') || first_line.starts_with('[');
}

// The format that a text is of, by its first line; nothing if that is neither
// JSON of a known format nor a prefix.
std::optional<RangeFormat> FormatOfText(std::string_view text,
                                        std::string_view first_line) {
  if (IsJson(first_line)) {
    const absl::StatusOr<Json> root = ReadJson(text, "");
    return root.ok() ? FormatOf(*root) : std::nullopt;
  }
  const bool has_comma = first_line.find(',') != std::string_view::npos;
  if (!ParsePrefix(TakeValue(&first_line)).ok()) return std::nullopt;
  return has_comma ? RangeFormat::kGeofeed : RangeFormat::kCidr;
}

std::string DescriptionOfText(std::string_view first_line) {
  if (first_line.empty()) return "has no entry";
  if (first_line.starts_with('<')) {
    return "begins like a page for a browser (HTML or XML)";
  }
  return fmt::format("begins with {}", Quoted(first_line));
}

std::string_view FirstLineOf(std::string_view text) {
  std::string_view first;
  ForEachLine(text, [&first](std::string_view line, int) {
    first = line;
    return false;
  });
  return first;
}

auto LineNumber(int number) {
  return [number] { return fmt::format("line {}", number); };
}

void ReadPrefixLine(std::string_view line, std::string_view region, int number,
                    EntryList* entries) {
  entries->Add(line, region, CountryCode(), LineNumber(number));
}

// RFC 8805 section 2.1.1: prefix, ISO 3166-1 country, ISO 3166-2 region, city,
// postal code. Section 2.1.1.2: an empty country, or ZZ, says that the prefix
// must not be located.
void ReadGeofeedLine(std::string_view line, int number, EntryList* entries) {
  const auto place = LineNumber(number);
  if (line.find(',') == std::string_view::npos) {
    entries->AddMalformed(place, "has no country; write prefix,country,...");
    return;
  }
  const std::string_view prefix = TakeValue(&line);
  const std::string country_text = Upper(TakeValue(&line));
  const std::string region = Upper(TakeValue(&line));
  CountryCode country;
  if (!country_text.empty() && country_text != "ZZ") {
    country = CountryCode::Parse(country_text).value_or(CountryCode());
    if (!IsAssignedCountry(country)) {
      entries->AddMalformed(place,
                            fmt::format("{} is not a country of ISO 3166-1",
                                        Quoted(country_text)));
      return;
    }
  }
  if (!region.empty() &&
      (country_text.empty() || !region.starts_with(country_text + "-"))) {
    entries->AddMalformed(
        place, fmt::format("the region {} is not one of the country {}; a code "
                           "of ISO 3166-2 is expected",
                           Quoted(region), Quoted(country_text)));
    return;
  }
  entries->Add(prefix, region, country, place);
}

absl::StatusOr<RangeEntries> ReadTextEntries(RangeFormat format,
                                             std::string_view text,
                                             const std::string& file) {
  const std::string_view first_line = FirstLineOf(text);
  const std::optional<RangeFormat> found = FormatOfText(text, first_line);
  const RangeFormat expected =
      format == RangeFormat::kGeofeed ? format : RangeFormat::kCidr;
  // A line of JSON or HTML may hold what passes for a prefix.
  const bool is_no_list =
      first_line.empty() || first_line.starts_with('<') || IsJson(first_line);
  if (is_no_list || (found && *found != expected)) {
    return WrongFormat(format, found, DescriptionOfText(first_line), file);
  }
  const std::string_view region =
      format == RangeFormat::kCloudflare ? kGlobalRegion : "";
  EntryList entries;
  ForEachLine(text, [&](std::string_view line, int number) {
    if (format == RangeFormat::kGeofeed) {
      ReadGeofeedLine(line, number, &entries);
    } else {
      ReadPrefixLine(line, region, number, &entries);
    }
    return entries.count() <= kMaxRangeEntries;
  });
  if (entries.count() > kMaxRangeEntries) {
    return FileError(file, fmt::format("has more than {} entries, the most "
                                       "that is read of such a file",
                                       kMaxRangeEntries));
  }
  return entries.Take();
}

bool IsText(RangeFormat format) {
  return format == RangeFormat::kCloudflare ||
         format == RangeFormat::kGeofeed || format == RangeFormat::kCidr;
}

}  // namespace

std::span<const std::string_view> RangeFormatNames() { return kFormatNames; }

std::string_view RangeFormatName(RangeFormat format) {
  return InfoOf(format).name;
}

std::optional<RangeFormat> ParseRangeFormat(std::string_view text) {
  for (size_t i = 0; i < std::size(kFormats); ++i) {
    if (kFormats[i].name == text) return static_cast<RangeFormat>(i);
  }
  return std::nullopt;
}

std::string_view ProviderOf(RangeFormat format) {
  return InfoOf(format).provider;
}

absl::StatusOr<RangeEntries> ReadRangeEntries(RangeFormat format,
                                              std::string_view text,
                                              const std::string& file) {
  if (text.size() > kMaxRangeFileBytes) {
    return FileError(file, fmt::format("is larger than {} MiB, the most that "
                                       "octroi reads of such a file",
                                       kMaxRangeFileBytes >> 20));
  }
  text = WithoutByteOrderMark(text);
  const std::optional<Problem> bad = FindBadCharacter(text, file);
  if (bad) return absl::InvalidArgumentError(bad->text());
  if (IsText(format)) return ReadTextEntries(format, text, file);
  const std::string_view first_line = FirstLineOf(text);
  if (!IsJson(first_line)) {
    return WrongFormat(format, FormatOfText(text, first_line),
                       DescriptionOfText(first_line), file);
  }
  return ReadJsonEntries(format, text, file);
}

}  // namespace octroi
