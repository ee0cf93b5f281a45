// SPDX-License-Identifier: Apache-2.0
// How far country databases agree, over the whole address space: what
// `octroi facts compare` shows. Counted are the addresses that octroi would
// locate by a database: special-purpose space is left out, and IPv6 space that
// no ASN announces. Ranges and the list of anycast prefixes, which speak before
// databases, are not considered: the databases themselves are compared.
//
// Free functions; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "geo/facts.h"

namespace octroi {

// How many addresses two databases answer for in each way. Exact.
struct OpinionPair {
  size_t first = 0;  // Indexes of Facts::countries.
  size_t second = 0;
  Uint128 both_answer = 0;
  Uint128 one_country = 0;
  Uint128 one_regime = 0;    // Two countries of one regime.
  Uint128 other_regime = 0;  // Contested.
  Uint128 eu_and_not = 0;    // Of those, EU in the one and not in the other.
};

// The space that an operator announces, by the ASN database and operators.csv.
struct OperatorOpinions {
  std::string name;  // Of the row in force; "" for operators without a row.
  Uint128 several_answer = 0;  // Two databases or more.
  Uint128 contested = 0;       // They differ in regime.
  Uint128 eu_and_not = 0;
};

struct FamilyOpinions {
  Uint128 counted = 0;  // What any of the databases answers for.
  std::vector<OpinionPair> pairs;
  // Over all databases together.
  Uint128 several_answer = 0;
  Uint128 contested = 0;
  Uint128 eu_and_not = 0;
  // Of those, what any database calls EU.
  Uint128 any_eu = 0;
  std::vector<OperatorOpinions> operators;  // Most contested first.
};

struct OpinionComparison {
  FamilyOpinions v4;
  FamilyOpinions v6;
};

// Compares the builds that are in force on the day. `report` is called now and
// then with how much of the work is done, in [0, 1]. Fails if a database cannot
// be walked.
absl::StatusOr<OpinionComparison> CompareOpinions(
    const Facts& facts, Day day, const std::function<void(double)>& report);

}  // namespace octroi
