// SPDX-License-Identifier: Apache-2.0
// The words that results use for a remote end and for what the policy said of
// a flow, from the indexes that records and accounts carry. Flow records, the
// report and the table all speak through it, so that they say the same.
//
// Plain values; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "geo/atlas.h"
#include "policy/edition.h"

namespace octroi {

// Texts are "" and numbers nothing where a fact is not known or does not apply.
struct DestinationView {
  // "FR", or "contested", "anycast", "unknown", or a kind of special-purpose
  // space ("private", "multicast", ...).
  std::string location;
  std::string country;  // "FR"; "" unless the location is one country.
  std::string regime;   // "eu", ...; "unknown" without a country.
  uint32_t asn = 0;
  std::string operator_name;
  std::string controlling_country;
  std::string law;
  std::string service;  // service_id
  std::string qualification;
  std::optional<int> seal;

  friend auto operator<=>(const DestinationView&,
                          const DestinationView&) = default;
};

// REQUIRES: `attribution` belongs to the edition's atlas.
DestinationView ViewOf(const Edition& edition, AttributionId attribution);

// "FR, DE" of a contested location; "" otherwise.
std::string OpinionsOf(const Destination& destination);

}  // namespace octroi
