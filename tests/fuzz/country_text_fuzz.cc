// SPDX-License-Identifier: Apache-2.0
// Any text is a country database that an operator may be given. CountryText
// must read it or refuse it; of what it accepts, the entries are in order, and
// the look-up of an entry's first and last address finds it.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "geo/country_text.h"

namespace octroi {
namespace {

IpAddress AddressOf(AddressFamily family, Uint128 number) {
  return family == AddressFamily::kIpv4
             ? IpAddress::V4(static_cast<uint32_t>(number))
             : IpAddress::V6(number);
}

void CheckEntries(const CountryText& file) {
  const CountryTable table = file.WalkCountries().value();
  const DatabaseEntry* before = nullptr;
  for (const DatabaseEntry& entry : table.entries) {
    assert(entry.record < table.records.size());
    if (before != nullptr && before->prefix.family() == entry.prefix.family()) {
      assert(before->prefix.last() < entry.prefix.first());
    }
    before = &entry;
    for (const Uint128 end : {entry.prefix.first(), entry.prefix.last()}) {
      const auto found =
          file.LookupCountry(AddressOf(entry.prefix.family(), end)).value();
      assert(found.has_value() && found->prefix == entry.prefix);
      assert(found->record == table.records[entry.record]);
    }
  }
}

}  // namespace
}  // namespace octroi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = octroi::CountryText::Parse(
      "fuzz", std::string_view(reinterpret_cast<const char*>(data), size));
  if (file.ok()) octroi::CheckEntries(**file);
  return 0;
}
