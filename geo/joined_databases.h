// SPDX-License-Identifier: Apache-2.0
// What the databases say together: those of countries and that of ASNs as one
// partition of each family's address space. A run of it has the number of a
// claim: the code that each database gives, and the ASN. It depends on the
// databases alone. Codes stand as they are written, before Jurisdictions says
// what they mean, and all other sources are laid over it by the atlas
// (atlas.h).
//
// Joining is most of the work that an atlas takes, so what comes of it can be
// kept in a file, as it is for the databases that ship. The block of memory in
// which it stands is that file, byte for byte. The file is input like any
// other: one that is damaged is found out, and read past by nobody.
//
// Immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "geo/asn_names.h"
#include "geo/facts.h"
#include "geo/huge_pages.h"
#include "geo/ip_address.h"

namespace octroi {

// The most country databases that are read.
inline constexpr size_t kMaxCountryDatabases = 8;

// A partition of a family's address space, as IntervalMap is one: run i begins
// at First(i) and has claim claims[i]. First(0) is 0. There is at least one.
struct ClaimRunsV4 {
  std::span<const uint32_t> firsts;
  std::span<const uint32_t> claims;

  size_t size() const { return claims.size(); }
  uint32_t First(size_t run) const { return firsts[run]; }
  // The run of an address.
  size_t Find(uint32_t address) const;
};
struct ClaimRunsV6 {
  std::span<const uint64_t> highs;
  std::span<const uint64_t> lows;  // Empty where all of them are 0.
  std::span<const uint32_t> claims;

  size_t size() const { return claims.size(); }
  Uint128 First(size_t run) const {
    const Uint128 high = static_cast<Uint128>(highs[run]) << 64;
    return lows.empty() ? high : high | lows[run];
  }
  size_t Find(Uint128 address) const;
};

class JoinedDatabases {
 public:
  // Joins the builds that are in force on the day. Fails if one of them cannot
  // be walked, or if there are more than kMaxCountryDatabases opinions.
  static absl::StatusOr<JoinedDatabases> Join(const Facts& facts, Day day);

  // Reads a file that holds what Join would give. Nothing if there is no such
  // file, if the databases that it was made from have other digests, if one of
  // them is given in several builds, or if another version wrote the file, or
  // another kind of processor. Fails if it is damaged: the message says what to
  // do.
  static absl::StatusOr<std::optional<JoinedDatabases>> Read(
      const std::string& path, const Facts& facts);

  // What a file of it holds.
  std::string_view bytes() const { return {block_.get(), size_}; }

  const ClaimRunsV4& v4() const { return v4_; }
  // A database is not believed about addresses of IPv6 that no ASN announces
  // (atlas.h): claims of these are without codes.
  const ClaimRunsV6& v6() const { return v6_; }

  size_t claim_count() const { return asns_.size(); }
  // 0: not announced.
  uint32_t asn(size_t claim) const { return asns_[claim]; }
  // The number of what the country databases say: there are far fewer such
  // sets of codes than claims.
  uint32_t codes(size_t claim) const { return codes_of_claims_[claim]; }
  size_t codes_count() const { return codes_count_; }
  size_t database_count() const { return database_count_; }
  // The code that a country database gives, in order of configuration; unknown
  // if it says nothing.
  CountryCode code(size_t codes, size_t database) const;

  AsnNames CopyNames() const { return {name_asns_, name_ends_, name_text_}; }

 private:
  class Joiner;
  struct Header;

  // REQUIRES: the sizes that the header of the block states are its own.
  JoinedDatabases(HugePageBlock block, size_t size);
  // Why the content is none that Join makes; "" if it may be.
  std::string_view FindDamage() const;

  HugePageBlock block_;
  size_t size_;

  // Parts of the block.
  ClaimRunsV4 v4_;
  ClaimRunsV6 v6_;
  std::span<const uint32_t> asns_;
  std::span<const uint32_t> codes_of_claims_;
  size_t codes_count_;
  size_t database_count_;
  std::span<const char> letters_;  // Two for each set of codes and database.
  std::span<const uint32_t> name_asns_;
  std::span<const uint32_t> name_ends_;
  std::string_view name_text_;
};

}  // namespace octroi
