// SPDX-License-Identifier: Apache-2.0
#include "tests/support/small_world.h"

#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

namespace octroi::testing {
namespace {

IpPrefix Prefix(std::string_view text) { return IpPrefix::Parse(text).value(); }

RangeRow Range(std::string_view prefix, std::string_view country) {
  RangeRow row;
  row.prefix = Prefix(prefix);
  row.provider = "Example";
  row.region_country = CountryCode::Parse(country).value();
  row.grade = Grade::kAsserted;
  return row;
}

Facts MakeFacts() {
  JurisdictionRow france;
  france.code = CountryCode::Parse("FR").value();
  france.name = "France";
  france.kind = JurisdictionRow::Kind::kRegime;
  france.regime = Regime::kEu;

  Facts facts;
  facts.jurisdictions = Jurisdictions::Create({france}).value();
  facts.ranges =
      RangeTable::Create(
          {Range("203.0.113.0/24", "FR"), Range("2001:db8:f::/48", "FR"),
           Range("198.51.100.0/24", "US"), Range("2001:db8:a::/48", "US")},
          facts.catalogue)
          .value();
  return facts;
}

Policy MakePolicy() {
  Exception exception;
  exception.destination = Prefix("198.51.100.128/25");
  exception.until = DayOf(kStart);
  exception.reference = "ICT-0042";
  exception.reason = "card-scheme clearing";

  Workload payments;
  payments.name = "payments";
  payments.addresses = {Prefix("192.0.2.0/28"), Prefix("2001:db8:42::/64")};
  payments.requirement.location = LocationRequirement{Regime::kEu, {}};
  payments.exceptions = {exception};

  Workload others;
  others.name = "others";
  others.covers_any = true;

  Policy policy;
  policy.workloads = {payments, others};
  return policy;
}

}  // namespace

SmallWorld::SmallWorld() : facts_(MakeFacts()), policy_(MakePolicy()) {
  workloads_ = WorkloadIndex::Create(
      policy_, {Prefix("192.0.2.0/24"), Prefix("2001:db8:42::/48")});
  atlases_ = AtlasTimeline::Create(facts_, ExceptionMarks(policy_)).value();
  timeline_ = std::make_unique<EditionTimeline>(atlases_.get(), workloads_,
                                                policy_, std::nullopt);
  editions_ = std::make_unique<TimelineEditions>(timeline_.get());
}

}  // namespace octroi::testing
