// SPDX-License-Identifier: Apache-2.0
#include "evidence/destination_view.h"

namespace octroi {
namespace {

std::string_view LocationOf(const Destination& destination) {
  switch (destination.place) {
    case Place::kCountry:
      return destination.country.letters();
    case Place::kSpecialPurpose:
      return SpecialKindName(destination.special);
    case Place::kUnknown:
    case Place::kContested:
    case Place::kAnycast:
      break;
  }
  return PlaceName(destination.place);
}

}  // namespace

DestinationView ViewOf(const Atlas& atlas, const Rulebook& rulebook,
                       AttributionId id) {
  const Attribution& attribution = atlas.attribution(id);
  const Destination& destination = rulebook.destination(attribution);
  DestinationView view;
  view.location = LocationOf(destination);
  view.country = destination.country.letters();
  view.regime = RegimeName(destination.regime);
  view.asn = attribution.asn;
  if (destination.operator_row != nullptr) {
    view.operator_name = destination.operator_row->name;
    view.controlling_country =
        destination.operator_row->controlling_country.letters();
    view.law = destination.operator_row->law;
  } else {
    view.operator_name = atlas.AsnName(attribution.asn);
  }
  if (destination.service != nullptr) view.service = destination.service->id;
  view.qualification =
      QualificationStatusName(destination.qualification_status());
  view.seal = destination.seal;
  return view;
}

std::string OpinionsOf(const Destination& destination) {
  if (destination.place != Place::kContested) return "";
  std::string text;
  for (const CountryCode country : destination.opinions) {
    if (!text.empty()) text += ", ";
    text += country.ToString();
  }
  return text;
}

}  // namespace octroi
