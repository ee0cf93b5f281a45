// SPDX-License-Identifier: Apache-2.0
// An IP prefix (RFC 4632, RFC 4291 §2.3): an address and the number of its
// leading bits that count. Host bits are always zero. Plain value.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "geo/ip_address.h"

namespace octroi {

class IpPrefix {
 public:
  // 0.0.0.0/0.
  constexpr IpPrefix() = default;

  // The prefix of `length` bits that contains `address`; host bits are cleared.
  // REQUIRES: 0 <= length <= address.bit_count().
  static IpPrefix Containing(const IpAddress& address, int length);

  // Reads "192.0.2.0/24", or an address alone as a prefix of full length. Host
  // bits that are set are an error that names the prefix probably meant.
  static absl::StatusOr<IpPrefix> Parse(std::string_view text);

  std::string ToString() const;

  const IpAddress& address() const { return address_; }
  int length() const { return length_; }
  AddressFamily family() const { return address_.family(); }
  Uint128 first() const { return address_.number(); }
  Uint128 last() const;

  bool Contains(const IpAddress& address) const;
  bool Contains(const IpPrefix& other) const;
  bool Overlaps(const IpPrefix& other) const {
    return Contains(other) || other.Contains(*this);
  }

  friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;

 private:
  IpAddress address_;
  int length_ = 0;
};

}  // namespace octroi
