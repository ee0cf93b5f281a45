// SPDX-License-Identifier: Apache-2.0
// An IP address of either family, its text form, and the IPv4 address that a
// transition mechanism hides inside an IPv6 one. Plain values: trivially
// copyable, any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace octroi {

// The unsigned integer that holds any address. A GNU extension, which both
// compilers of this project have on every 64-bit target.
__extension__ using Uint128 = unsigned __int128;

enum class AddressFamily : uint8_t { kIpv4 = 4, kIpv6 = 6 };

// An address as a number in host byte order. An IPv4 address and the IPv6
// address ::ffff:a.b.c.d are different values: what was on the wire is kept.
class IpAddress {
 public:
  // 0.0.0.0.
  constexpr IpAddress() = default;

  static constexpr IpAddress V4(uint32_t host_order) {
    return IpAddress(0, host_order, AddressFamily::kIpv4);
  }
  static constexpr IpAddress V6(uint64_t high, uint64_t low) {
    return IpAddress(high, low, AddressFamily::kIpv6);
  }
  static constexpr IpAddress V6(Uint128 number) {
    return V6(static_cast<uint64_t>(number >> 64),
              static_cast<uint64_t>(number));
  }

  // From network byte order. Hot path.
  static IpAddress V4FromBytes(const uint8_t* four_bytes) {
    uint32_t value;
    std::memcpy(&value, four_bytes, sizeof(value));
    return V4(__builtin_bswap32(value));
  }
  static IpAddress V6FromBytes(const uint8_t* sixteen_bytes) {
    uint64_t halves[2];
    std::memcpy(halves, sixteen_bytes, sizeof(halves));
    return V6(__builtin_bswap64(halves[0]), __builtin_bswap64(halves[1]));
  }

  // Reads dotted-quad IPv4 (RFC 6943 §3.1.1 strict form: four decimal parts, no
  // leading zeros) or IPv6 (RFC 4291 §2.2). Nothing for anything else, a zone
  // index included.
  static std::optional<IpAddress> Parse(std::string_view text);

  // Dotted quad, or the canonical IPv6 text of RFC 5952.
  std::string ToString() const;

  constexpr AddressFamily family() const { return family_; }
  constexpr bool is_v4() const { return family_ == AddressFamily::kIpv4; }
  constexpr int bit_count() const { return is_v4() ? 32 : 128; }
  constexpr uint64_t high() const { return high_; }
  constexpr uint64_t low() const { return low_; }
  // REQUIRES: is_v4().
  constexpr uint32_t v4() const { return static_cast<uint32_t>(low_); }
  // The address as a number; below 2^32 for IPv4.
  constexpr Uint128 number() const {
    return (static_cast<Uint128>(high_) << 64) | low_;
  }

  // IPv4 before IPv6, then by number.
  friend constexpr std::strong_ordering operator<=>(const IpAddress& a,
                                                    const IpAddress& b) {
    if (const auto c = a.family_ <=> b.family_; c != 0) return c;
    if (const auto c = a.high_ <=> b.high_; c != 0) return c;
    return a.low_ <=> b.low_;
  }
  friend constexpr bool operator==(const IpAddress&,
                                   const IpAddress&) = default;

 private:
  constexpr IpAddress(uint64_t high, uint64_t low, AddressFamily family)
      : high_(high), low_(low), family_(family) {}

  uint64_t high_ = 0;
  uint64_t low_ = 0;
  AddressFamily family_ = AddressFamily::kIpv4;
};

// How an IPv4 address stands inside an IPv6 one.
enum class Embedding : uint8_t {
  kNone,
  kMapped,  // ::ffff:0:0/96, RFC 4291 §2.5.5.2
  kNat64,   // 64:ff9b::/96, RFC 6052 §2.1 (the well-known prefix only)
  k6to4,    // 2002::/16, RFC 3056 §2
  kTeredo,  // 2001::/32, RFC 4380 §4: the client's address, complemented
};

// "", "IPv4-mapped", "NAT64", "6to4", "Teredo".
std::string_view EmbeddingName(Embedding embedding);

// The address that attribution is about, and how it was found. For an address
// without an embedded one, `address` is the input itself; so it is where the
// embedded one could not be on the Internet (private, loopback, multicast,
// ...), but for IPv4-mapped addresses, which never leave a host as IPv6.
struct UnmappedAddress {
  IpAddress address;
  Embedding embedding = Embedding::kNone;
};
UnmappedAddress Unmap(const IpAddress& address);

}  // namespace octroi
