// SPDX-License-Identifier: Apache-2.0
// Any byte string is a database file that an operator may be given. MmdbFile
// must read it or refuse it, without reading beyond it; and of what it accepts,
// the walk and the look-up must say the same.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>

#include "geo/mmdb.h"

namespace octroi {
namespace {

constexpr size_t kMaxLookups = 16;

void CheckLookups(const MmdbFile& file, const CountryTable& table) {
  size_t count = 0;
  for (const auto& [prefix, record] : table.entries) {
    if (++count > kMaxLookups) return;
    const auto found = file.LookupCountry(prefix.address());
    // An IPv6 prefix that begins with ::/96 begins with IPv4.
    if (!prefix.address().is_v4() && prefix.first() == 0) continue;
    assert(found.ok() && found->has_value());
    assert((*found)->prefix == prefix);
    assert((*found)->record == table.records[record]);
  }
}

}  // namespace
}  // namespace octroi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = octroi::MmdbFile::Parse(
      "fuzz", std::string(reinterpret_cast<const char*>(data), size));
  if (!file.ok()) return 0;

  const auto countries = (*file)->WalkCountries();
  if (countries.ok()) octroi::CheckLookups(**file, *countries);
  const auto asns = (*file)->WalkAsns();
  if (asns.ok()) assert(!asns->entries.empty());
  for (const auto& address :
       {octroi::IpAddress::V4(0xc0000201), octroi::IpAddress::V6(0, 1),
        octroi::IpAddress::V6(0x20010db800000000, 1),
        octroi::IpAddress::V6(0x2002c00002010000, 1)}) {
    (void)(*file)->LookupCountry(address);
    (void)(*file)->LookupAsn(address);
  }
  return 0;
}
