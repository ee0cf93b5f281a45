// SPDX-License-Identifier: Apache-2.0
#include "geo/ip_prefix.h"

#include <cassert>
#include <charconv>

#include "absl/status/status.h"
#include "fmt/format.h"

namespace octroi {
namespace {

// The number whose bits below the first `length` of `bit_count` are ones.
Uint128 HostMask(int bit_count, int length) {
  const int host_bits = bit_count - length;
  if (host_bits == 128) return ~Uint128{0};
  return (Uint128{1} << host_bits) - 1;
}

IpAddress Clear(const IpAddress& address, int length) {
  const Uint128 number =
      address.number() & ~HostMask(address.bit_count(), length);
  return address.is_v4() ? IpAddress::V4(static_cast<uint32_t>(number))
                         : IpAddress::V6(number);
}

}  // namespace

IpPrefix IpPrefix::Containing(const IpAddress& address, int length) {
  assert(0 <= length && length <= address.bit_count());
  IpPrefix prefix;
  prefix.address_ = Clear(address, length);
  prefix.length_ = length;
  return prefix;
}

absl::StatusOr<IpPrefix> IpPrefix::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::optional<IpAddress> address =
      IpAddress::Parse(text.substr(0, slash));
  if (!address) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is not a prefix; write for example 192.0.2.0/24 or "
                    "2001:db8::/32",
                    text));
  }
  if (slash == std::string_view::npos) {
    return Containing(*address, address->bit_count());
  }
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;  // Unsigned: from_chars takes no sign then.
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || end != digits.data() + digits.size() ||
      length > static_cast<unsigned>(address->bit_count()) ||
      (digits.size() > 1 && digits[0] == '0')) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\": \"{}\" is not a prefix length; write 0 to {}",
                    text, digits, address->bit_count()));
  }
  const IpPrefix prefix = Containing(*address, static_cast<int>(length));
  if (prefix.address() != *address) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" has host bits set; write {} for the network, or "
                    "{} for the address alone",
                    text, prefix.ToString(), address->ToString()));
  }
  return prefix;
}

std::string IpPrefix::ToString() const {
  return fmt::format("{}/{}", address_.ToString(), length_);
}

Uint128 IpPrefix::last() const {
  return address_.number() | HostMask(address_.bit_count(), length_);
}

bool IpPrefix::Contains(const IpAddress& address) const {
  return address.family() == family() && Clear(address, length_) == address_;
}

bool IpPrefix::Contains(const IpPrefix& other) const {
  return other.length_ >= length_ && Contains(other.address_);
}

}  // namespace octroi
