// SPDX-License-Identifier: Apache-2.0
#include "geo/country_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "fmt/format.h"
#include "geo/ascii.h"
#include "geo/country.h"

namespace octroi {
namespace {

constexpr size_t kMaxShownCharacters = 48;
constexpr size_t kMaxVendorCharacters = 64;
constexpr std::string_view kNoCountry = "??";

// `text` as it can stand in a message: printable ASCII, and not too long.
std::string Shown(std::string_view text) {
  std::string shown(text.substr(0, kMaxShownCharacters));
  for (char& c : shown) {
    if (c < ' ' || c > '~') c = '?';
  }
  return "\"" + shown + "\"";
}

// A number of an IPv4 address, or an IPv6 address.
std::optional<IpAddress> ParseEnd(std::string_view text) {
  uint32_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error == std::errc() && end == last) return IpAddress::V4(number);
  const std::optional<IpAddress> address = IpAddress::Parse(text);
  return address && !address->is_v4() ? address : std::nullopt;
}

// "Thu, 25 Jun 2026 04:33:59 GMT" (RFC 5322 §3.3, as far as a day goes).
std::optional<Day> ParseMailDay(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun",
      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const size_t comma = text.find(", ");
  if (comma != std::string_view::npos) text.remove_prefix(comma + 2);
  if (text.size() < 11) return std::nullopt;
  const auto month =
      std::find(kMonths.begin(), kMonths.end(), text.substr(3, 3));
  if (month == kMonths.end()) return std::nullopt;
  return ParseDay(fmt::format("{}-{:02}-{}", text.substr(7, 4),
                              month - kMonths.begin() + 1, text.substr(0, 2)));
}

int TrailingZeros(Uint128 number) {
  const auto low = static_cast<uint64_t>(number);
  if (low != 0) return std::countr_zero(low);
  return 64 + std::countr_zero(static_cast<uint64_t>(number >> 64));
}

// Calls `add(prefix)` for the fewest prefixes that make up [first, last], in
// ascending order.
template <typename Add>
void ForEachPrefix(const IpAddress& first, const IpAddress& last, Add add) {
  const int bits = first.bit_count();
  Uint128 next = first.number();
  while (true) {
    const Uint128 rest = last.number() - next;  // One less than what is left.
    int host_bits = std::min(TrailingZeros(next), bits);
    while (host_bits > 0 &&
           (host_bits == 128 ? ~Uint128{0} : (Uint128{1} << host_bits) - 1) >
               rest) {
      --host_bits;
    }
    const IpAddress address = first.is_v4()
                                  ? IpAddress::V4(static_cast<uint32_t>(next))
                                  : IpAddress::V6(next);
    add(IpPrefix::Containing(address, bits - host_bits));
    const Uint128 size_less_one =
        host_bits == 128 ? ~Uint128{0} : (Uint128{1} << host_bits) - 1;
    if (rest == size_less_one) return;
    next += size_less_one + 1;
  }
}

}  // namespace

class CountryText::Parser {
 public:
  Parser(const std::string& path, CountryText* result)
      : path_(path), result_(result) {}

  absl::Status Parse(std::string_view text) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      ++line_;
      const std::string_view line = Trim(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.empty()) continue;
      if (line.front() == '#') {
        ReadComment(Trim(line.substr(1)));
        continue;
      }
      const absl::Status status = ReadRange(line);
      if (!status.ok()) return status;
    }
    if (result_->table_.entries.empty()) {
      return absl::InvalidArgumentError(
          fmt::format("{}: has no range of addresses; {}", path_, kAccepted));
    }
    return absl::OkStatus();
  }

 private:
  static constexpr std::string_view kAccepted =
      "write an MMDB file, or lines `first,last,country` as Tor reads them";

  absl::Status Error(std::string_view what) const {
    return absl::InvalidArgumentError(
        fmt::format("{}:{}: {}; {}", path_, line_, what, kAccepted));
  }

  void ReadComment(std::string_view comment) {
    constexpr std::string_view kGenerated = "Generated:";
    constexpr std::string_view kVendor = "Vendor:";
    if (comment.starts_with(kGenerated)) {
      result_->built_ = ParseMailDay(Trim(comment.substr(kGenerated.size())));
    } else if (comment.starts_with(kVendor)) {
      result_->vendor_ =
          Trim(comment.substr(kVendor.size())).substr(0, kMaxVendorCharacters);
    }
  }

  absl::Status ReadRange(std::string_view line) {
    const size_t one = line.find(',');
    const size_t two =
        one == std::string_view::npos ? one : line.find(',', one + 1);
    if (two == std::string_view::npos) {
      return Error(fmt::format("{} is not a range of addresses", Shown(line)));
    }
    const auto first = ParseEnd(Trim(line.substr(0, one)));
    const auto last = ParseEnd(Trim(line.substr(one + 1, two - one - 1)));
    if (!first || !last || first->family() != last->family() ||
        *last < *first) {
      return Error(fmt::format("{} is not a range of addresses", Shown(line)));
    }
    const std::string_view code = Trim(line.substr(two + 1));
    if (code != kNoCountry && !CountryCode::Parse(code)) {
      return Error(fmt::format("{} is not a country code", Shown(code)));
    }
    if (has_range_ && *first <= last_) {
      return Error(fmt::format(
          "{} does not come after the range before it, which ends at {}",
          first->ToString(), last_.ToString()));
    }
    has_range_ = true;
    last_ = *last;
    if (code != kNoCountry) Add(*first, *last, code);
    return absl::OkStatus();
  }

  void Add(const IpAddress& first, const IpAddress& last,
           std::string_view code) {
    CountryTable& table = result_->table_;
    const auto [found, is_new] = record_of_.emplace(
        std::string(code), static_cast<uint32_t>(table.records.size()));
    if (is_new) table.records.push_back({std::string(code), ""});
    const uint32_t record = found->second;
    ForEachPrefix(first, last, [&table, record](const IpPrefix& prefix) {
      table.entries.push_back({prefix, record});
    });
  }

  const std::string& path_;
  CountryText* const result_;
  int line_ = 0;
  bool has_range_ = false;
  IpAddress last_;
  absl::flat_hash_map<std::string, uint32_t> record_of_;
};

absl::StatusOr<std::unique_ptr<CountryText>> CountryText::Parse(
    const std::string& path, std::string_view text) {
  auto result = std::make_unique<CountryText>();
  const absl::Status status = Parser(path, result.get()).Parse(text);
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<std::optional<FoundRecord<CountryRecord>>>
CountryText::LookupCountry(const IpAddress& address) const {
  const auto after =
      std::upper_bound(table_.entries.begin(), table_.entries.end(), address,
                       [](const IpAddress& wanted, const DatabaseEntry& entry) {
                         return wanted < entry.prefix.address();
                       });
  if (after == table_.entries.begin()) return std::nullopt;
  const DatabaseEntry& entry = *std::prev(after);
  if (!entry.prefix.Contains(address)) return std::nullopt;
  return FoundRecord<CountryRecord>{entry.prefix, table_.records[entry.record]};
}

}  // namespace octroi
