// SPDX-License-Identifier: Apache-2.0
// The names of autonomous systems, as the ASN database gives them: a sorted
// list of numbers and one text that holds every name, so that a hundred
// thousand of them cost one allocation.
//
// Immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "geo/huge_pages.h"
#include "geo/mmdb.h"

namespace octroi {

class AsnNames {
 public:
  // No names.
  AsnNames() = default;

  // Of an ASN that has several records the first gives the name.
  static AsnNames Of(std::span<const MmdbAsn> records);

  // From what asns(), ends() and text() gave, which is copied.
  // REQUIRES: AreConsistent.
  AsnNames(std::span<const uint32_t> asns, std::span<const uint32_t> ends,
           std::string_view text);
  // Whether the numbers ascend, there is an end for each, and the ends ascend
  // to that of the text.
  static bool AreConsistent(std::span<const uint32_t> asns,
                            std::span<const uint32_t> ends,
                            std::string_view text);

  // "" if it has none. The text lives as long as this.
  std::string_view Find(uint32_t asn) const;

  std::span<const uint32_t> asns() const { return asns_; }
  // Where the name of asns()[i] ends in text(), and that of the next begins.
  std::span<const uint32_t> ends() const { return ends_; }
  std::string_view text() const { return text_; }

  size_t memory_bytes() const;

 private:
  HugePageBlock block_;

  // Parts of the block, in this order.
  std::span<const uint32_t> asns_;
  std::span<const uint32_t> ends_;
  std::string_view text_;
};

}  // namespace octroi
