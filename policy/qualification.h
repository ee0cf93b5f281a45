// SPDX-License-Identifier: Apache-2.0
// What the catalogue's rows of a service mean on a day. Pure functions; any
// thread.
//
// On a day, of the rows that are known to hold, the one that began last
// speaks (a decision takes effect on the day on which the state before it
// ends; of rows that began on one day, the later in a service's life). If none
// holds, the service is expired if a qualification ended last; after any other
// state it is unknown, as something must have followed. A row without a start
// date is known from the day on which it was observed, never before.
#pragma once

#include "geo/catalogue.h"
#include "policy/terms.h"

namespace octroi {

struct QualificationAt {
  QualificationStatus status = QualificationStatus::kUnknown;
  // The row that decided, or null for unknown. For expired: the row that ended.
  const CatalogueRow* row = nullptr;
};

QualificationAt EvaluateQualification(const Service& service, Day day);

// Orders dotted versions number by number: 3.2 < 3.10, and 3 is 3.0. Below 0,
// 0, or above 0. Text that is not numbers and dots compares as nothing.
std::optional<int> CompareVersions(std::string_view a, std::string_view b);

}  // namespace octroi
