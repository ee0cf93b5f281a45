// SPDX-License-Identifier: Apache-2.0
#include "geo/ip_address.h"

#include <arpa/inet.h>

#include <array>

#include "fmt/format.h"

namespace octroi {
namespace {

// Longest text of an address: INET6_ADDRSTRLEN counts the terminator.
constexpr size_t kMaxAddressText = INET6_ADDRSTRLEN - 1;

struct ZeroRun {
  int begin = 8;
  int end = 8;
};

// The run of zero groups that "::" replaces: the longest of at least two
// groups, the first among equals (RFC 5952 §4.2).
ZeroRun LongestZeroRun(const std::array<uint16_t, 8>& groups) {
  ZeroRun best;
  int best_length = 1;
  for (int begin = 0; begin < 8;) {
    int end = begin;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - begin > best_length) {
      best = {begin, end};
      best_length = end - begin;
    }
    begin = end + 1;
  }
  return best;
}

std::string FormatV4(uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24, (address >> 16) & 0xff,
                     (address >> 8) & 0xff, address & 0xff);
}

std::string FormatV6(const IpAddress& address) {
  // RFC 5952 §5: a mapped address shows its IPv4 part in dotted form.
  if (address.high() == 0 && (address.low() >> 32) == 0xffff) {
    return "::ffff:" + FormatV4(static_cast<uint32_t>(address.low()));
  }
  std::array<uint16_t, 8> groups;
  for (int i = 0; i < 8; ++i) {
    const uint64_t half = i < 4 ? address.high() : address.low();
    groups[i] = static_cast<uint16_t>(half >> (48 - 16 * (i % 4)));
  }
  const ZeroRun zeros = LongestZeroRun(groups);
  std::string text;
  for (int i = 0; i < 8; ++i) {
    if (i == zeros.begin) {
      text += "::";
      i = zeros.end - 1;
      continue;
    }
    if (i != 0 && i != zeros.end) text += ':';
    text += fmt::format("{:x}", groups[i]);
  }
  return text;
}

}  // namespace

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  if (text.size() > kMaxAddressText) return std::nullopt;
  std::array<char, kMaxAddressText + 1> terminated{};
  text.copy(terminated.data(), text.size());
  if (std::string_view(terminated.data()).size() != text.size()) {
    return std::nullopt;  // A NUL byte inside.
  }
  std::array<uint8_t, 16> bytes;
  if (inet_pton(AF_INET, terminated.data(), bytes.data()) == 1) {
    return V4FromBytes(bytes.data());
  }
  if (inet_pton(AF_INET6, terminated.data(), bytes.data()) == 1) {
    return V6FromBytes(bytes.data());
  }
  return std::nullopt;
}

std::string IpAddress::ToString() const {
  return is_v4() ? FormatV4(v4()) : FormatV6(*this);
}

std::string_view EmbeddingName(Embedding embedding) {
  switch (embedding) {
    case Embedding::kNone:
      return "";
    case Embedding::kMapped:
      return "IPv4-mapped";
    case Embedding::kNat64:
      return "NAT64";
    case Embedding::k6to4:
      return "6to4";
    case Embedding::kTeredo:
      return "Teredo";
  }
  return "";
}

namespace {

// Whether an IPv4 address may stand inside a NAT64, 6to4 or Teredo address. One
// that names no host on the Internet may not (RFC 3056 §2, RFC 6052 §3.1,
// RFC 4380 §5.2.4): read as what it embeds, such an address would pass for
// traffic that stays inside.
bool MayBeEmbedded(uint32_t v4) {
  const uint32_t first = v4 >> 24;
  const uint32_t second = (v4 >> 16) & 0xff;
  return first != 0 && first != 10 && first != 127 && first < 224 &&
         !(first == 100 && second >= 64 && second < 128) &&
         !(first == 169 && second == 254) &&
         !(first == 172 && second >= 16 && second < 32) &&
         !(first == 192 && second == 168);
}

UnmappedAddress Embedded(const IpAddress& outer, uint32_t v4,
                         Embedding embedding) {
  if (!MayBeEmbedded(v4)) return {outer, Embedding::kNone};
  return {IpAddress::V4(v4), embedding};
}

}  // namespace

UnmappedAddress Unmap(const IpAddress& address) {
  if (address.is_v4()) return {address, Embedding::kNone};
  const uint64_t high = address.high();
  const uint64_t low = address.low();
  const auto low_v4 = static_cast<uint32_t>(low);
  if (high == 0 && (low >> 32) == 0xffff) {
    return {IpAddress::V4(low_v4), Embedding::kMapped};
  }
  if (high == 0x0064ff9b'00000000 && (low >> 32) == 0) {
    return Embedded(address, low_v4, Embedding::kNat64);
  }
  if ((high >> 48) == 0x2002) {
    return Embedded(address, static_cast<uint32_t>(high >> 16),
                    Embedding::k6to4);
  }
  if ((high >> 32) == 0x20010000) {
    return Embedded(address, ~low_v4, Embedding::kTeredo);
  }
  return {address, Embedding::kNone};
}

}  // namespace octroi
