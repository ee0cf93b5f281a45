// SPDX-License-Identifier: Apache-2.0
// Random facts and policies for property tests: few prefixes, days, countries
// and names, so that they meet each other often, and every kind of claim. What
// is made is always accepted by the tables of geo/ and by CheckPolicy. One
// thread.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"
#include "tests/support/facts_builder.h"

namespace octroi::testing {

class RandomWorld {
 public:
  explicit RandomWorld(uint64_t seed) : random_(seed) {}

  // Claims of every kind below 203.0.112.0/20 and 2001:db8::/40, from 2018 to
  // 2029.
  FactsBuilder Facts();
  // The same with databases of several builds.
  FactsBuilder FactsWithBuilds();
  // Three workloads, exceptions on the prefixes of Facts().
  octroi::Policy Policy();
  // The marks of a policy's exceptions, or others: overlapping and repeated.
  std::vector<IpPrefix> Prefixes(size_t count);

  octroi::Day Day();
  IpAddress Address();

  // Below `limit`; true once in `n`.
  size_t Below(size_t limit) { return random_() % limit; }
  bool OneIn(size_t n) { return Below(n) == 0; }

 private:
  IpPrefix Prefix();
  std::string DayText();
  Validity Interval();
  std::string Country();
  std::string_view Pick(std::initializer_list<std::string_view> words);
  void AddDatabases(FactsBuilder* facts);
  void AddOperators(FactsBuilder* facts);
  FactsBuilder::ServiceSpec ServiceRow();
  void AddServices(FactsBuilder* facts);
  void AddRanges(FactsBuilder* facts);
  void AddAnycast(FactsBuilder* facts);
  LocationRequirement Location();
  Requirement RandomRequirement();
  std::vector<uint16_t> Ports();

  std::mt19937_64 random_;
};

// The first and the last address of each prefix and their neighbours, IPv4 ones
// also embedded in IPv6.
std::vector<IpAddress> Boundaries(const std::vector<IpPrefix>& prefixes);

}  // namespace octroi::testing
