// SPDX-License-Identifier: Apache-2.0
#include "bench/routes.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/status/statusor.h"

namespace octroi::bench {
namespace {

// Where the answer can change: where a prefix of any source begins or ends.
class Boundaries {
 public:
  void Add(const IpPrefix& prefix) {
    auto& family =
        prefix.family() == AddressFamily::kIpv4 ? v4_numbers_ : v6_numbers_;
    family.push_back(prefix.first());
    if (prefix.last() != Last(prefix.family())) {
      family.push_back(prefix.last() + 1);
    }
  }
  static Uint128 Last(AddressFamily family) {
    return family == AddressFamily::kIpv4 ? Uint128{UINT32_MAX} : ~Uint128{0};
  }
  std::vector<Uint128> Take(AddressFamily family) {
    auto& numbers = family == AddressFamily::kIpv4 ? v4_numbers_ : v6_numbers_;
    numbers.push_back(0);
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return std::move(numbers);
  }

 private:
  std::vector<Uint128> v4_numbers_;
  std::vector<Uint128> v6_numbers_;
};

// IPv4 inside IPv6 is another question, which the atlas answers before it looks
// anything up: these routes are of the index alone.
IpAddress AddressOf(AddressFamily family, Uint128 number) {
  return family == AddressFamily::kIpv4
             ? IpAddress::V4(static_cast<uint32_t>(number))
             : IpAddress::V6(number);
}

// 2^bits - 1, of up to 128 bits.
Uint128 SizeMinusOne(int bits) {
  return bits == 128 ? ~Uint128{0} : (Uint128{1} << bits) - 1;
}

// The largest prefixes that cover first to last.
void AddRange(AddressFamily family, Uint128 first, Uint128 last, uint32_t value,
              std::vector<Route>* routes) {
  const int bits = family == AddressFamily::kIpv4 ? 32 : 128;
  for (;;) {
    int length = bits;
    while (length > 0) {
      // Of the prefix that is one bit shorter.
      const Uint128 size_minus_one = SizeMinusOne(bits - length + 1);
      if ((first & size_minus_one) != 0) break;
      if (last - first < size_minus_one) break;
      --length;
    }
    routes->push_back(
        {IpPrefix::Containing(AddressOf(family, first), length), value});
    const Uint128 covered = SizeMinusOne(bits - length);
    if (last - first == covered) return;
    first += covered + 1;
  }
}

}  // namespace

std::vector<Route> RoutesOf(const World& world) {
  Boundaries boundaries;
  const auto add_database = [&boundaries](const auto& walked) {
    if (!walked.ok()) std::abort();
    for (const auto& entry : walked->entries) boundaries.Add(entry.prefix);
  };
  for (const CountrySeries& series : world.facts->countries) {
    add_database(series.back().file->WalkCountries());
  }
  add_database(world.facts->asn.back().file->WalkAsns());

  std::vector<Route> routes;
  for (const auto family : {AddressFamily::kIpv4, AddressFamily::kIpv6}) {
    const std::vector<Uint128> starts = boundaries.Take(family);
    size_t begin = 0;
    uint32_t value = world.atlas->Lookup(AddressOf(family, starts[0]));
    for (size_t i = 1; i <= starts.size(); ++i) {
      const bool is_end = i == starts.size();
      const uint32_t next =
          is_end ? 0 : world.atlas->Lookup(AddressOf(family, starts[i]));
      if (!is_end && next == value) continue;
      const Uint128 last = is_end ? Boundaries::Last(family) : starts[i] - 1;
      AddRange(family, starts[begin], last, value, &routes);
      begin = i;
      value = next;
    }
  }
  return routes;
}

}  // namespace octroi::bench
