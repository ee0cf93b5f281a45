// SPDX-License-Identifier: Apache-2.0
// The words that results use for a remote end and for what the policy said of
// a flow, from the indexes that records and accounts carry. Flow records, the
// report and the table all speak through it, so that they say the same.
//
// Plain values, whose texts belong to the facts, the atlas and the rulebook
// that they are of, and live as long as these do; any thread.
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
  std::string_view location;
  std::string_view country;  // "FR"; "" unless the location is one country.
  std::string_view regime;   // "eu", ...; "unknown" without a country.
  uint32_t asn = 0;
  std::string_view operator_name;
  std::string_view controlling_country;
  std::string_view law;
  std::string_view service;  // service_id
  std::string_view qualification;
  std::optional<int> seal;

  friend auto operator<=>(const DestinationView&,
                          const DestinationView&) = default;
};

// REQUIRES: `attribution` belongs to the atlas, which the rulebook is about.
DestinationView ViewOf(const Atlas& atlas, const Rulebook& rulebook,
                       AttributionId attribution);
inline DestinationView ViewOf(const Edition& edition,
                              AttributionId attribution) {
  return ViewOf(*edition.atlas, edition.rulebook, attribution);
}

// What policy knows of the remote end. REQUIRES: as ViewOf.
inline const Destination& DestinationOf(const Edition& edition,
                                        AttributionId attribution) {
  return edition.rulebook.destination(edition.atlas->attribution(attribution));
}

// "FR, DE" of a contested location; "" otherwise.
std::string OpinionsOf(const Destination& destination);

}  // namespace octroi
