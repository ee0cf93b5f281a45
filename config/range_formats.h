// SPDX-License-Identifier: Apache-2.0
// The files in which providers publish their address ranges: from the text of
// one to its entries, as the file has them. What entries mean together (twice
// the same, one inside another) and which country a region is in is decided in
// config/range_import.h. The only file of this folder that knows JSON.
//
// Nothing is passed over in silence: an entry that cannot be used is counted,
// and the first ones are told with their place. Free functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "geo/country.h"
#include "geo/ip_prefix.h"

namespace octroi {

inline constexpr size_t kMaxRangeFileBytes = size_t{64} << 20;
// Ten times what the largest of these files has.
inline constexpr size_t kMaxRangeEntries = 1'000'000;
// Names and values of a JSON file, and how deep they are nested; Azure's tags
// need five levels.
inline constexpr size_t kMaxJsonValues = 2'000'000;
inline constexpr size_t kMaxJsonDepth = 16;
inline constexpr size_t kMaxRegionBytes = 64;
// How many of the skipped entries are told one by one.
inline constexpr size_t kMaxSkippedShown = 20;

enum class RangeFormat : uint8_t {
  kAws,         // ip-ranges.json
  kGoogle,      // cloud.json, goog.json
  kAzure,       // ServiceTags_*.json
  kOracle,      // public_ip_ranges.json
  kCloudflare,  // ips-v4, ips-v6: a prefix on each line
  kFastly,      // public-ip-list
  kGithub,      // meta
  kOutscale,    // answer of ReadPublicIpRanges, of one Region
  kGeofeed,     // RFC 8805
  kCidr,        // a prefix on each line, '#' begins a comment
};
// What `--from` takes, in the order of the enumeration.
std::span<const std::string_view> RangeFormatNames();
std::string_view RangeFormatName(RangeFormat format);
std::optional<RangeFormat> ParseRangeFormat(std::string_view text);
// The provider whose format it is, as data/operators.csv names it; "" for
// formats that anybody uses.
std::string_view ProviderOf(RangeFormat format);

// The region of what is announced from many places, or from none that is said:
// "no location" and not "location not known".
inline constexpr std::string_view kGlobalRegion = "GLOBAL";

// One range as its file has it.
struct RangeEntry {
  IpPrefix prefix;
  uint32_t region = 0;  // Index into RangeEntries::regions.
  CountryCode country;  // Of the entry itself: geofeeds alone have one.
};

struct RangeEntries {
  std::vector<RangeEntry> entries;  // In the order of the file.
  // The names of regions, each once; the first is "", for none. "global" in any
  // case is kGlobalRegion.
  std::vector<std::string> regions;
  // What the file says of its own version: "syncToken 1787411825"; or "".
  std::string version;
  // Entries that are not ranges, and those wider than kWidestRangeV4 or V6.
  uint64_t malformed_count = 0;
  uint64_t oversized_count = 0;
  // The first kMaxSkippedShown of both: "prefixes[12].ip_prefix: what".
  std::vector<std::string> skipped;
  // The file says itself that it is a part of a list.
  bool is_partial = false;
};

// Reads a file, named `file` in messages. Fails, saying what was found and what
// is expected, if it is not of this format at all; where it is of another one
// that is known, says which `--from` to write.
absl::StatusOr<RangeEntries> ReadRangeEntries(RangeFormat format,
                                              std::string_view text,
                                              const std::string& file);

}  // namespace octroi
