// SPDX-License-Identifier: Apache-2.0
#include "geo/asn_names.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace octroi {

AsnNames AsnNames::Of(std::span<const MmdbAsn> records) {
  std::vector<const MmdbAsn*> sorted;
  sorted.reserve(records.size());
  for (const MmdbAsn& record : records) sorted.push_back(&record);
  std::stable_sort(
      sorted.begin(), sorted.end(),
      [](const MmdbAsn* a, const MmdbAsn* b) { return a->asn < b->asn; });

  std::vector<uint32_t> asns;
  std::vector<uint32_t> ends;
  std::string text;
  for (const MmdbAsn* record : sorted) {
    if (!asns.empty() && asns.back() == record->asn) continue;
    text += record->organization;
    asns.push_back(record->asn);
    ends.push_back(static_cast<uint32_t>(text.size()));
  }
  return {asns, ends, text};
}

AsnNames::AsnNames(std::span<const uint32_t> asns,
                   std::span<const uint32_t> ends, std::string_view text)
    : block_(AllocateHugePages(asns.size_bytes() + ends.size_bytes() +
                               text.size())) {
  assert(AreConsistent(asns, ends, text));
  char* end = block_.get();
  const auto copy = [&end](const auto& part) {
    const auto bytes = std::as_bytes(std::span(part));
    const auto* const begin = reinterpret_cast<const char*>(bytes.data());
    return std::exchange(end, std::copy_n(begin, bytes.size(), end));
  };
  const auto* const numbers = reinterpret_cast<const uint32_t*>(copy(asns));
  copy(ends);
  asns_ = {numbers, asns.size()};
  ends_ = {numbers + asns.size(), ends.size()};
  text_ = {copy(text), text.size()};
}

bool AsnNames::AreConsistent(std::span<const uint32_t> asns,
                             std::span<const uint32_t> ends,
                             std::string_view text) {
  const bool has_repeated =
      std::adjacent_find(asns.begin(), asns.end(),
                         std::greater_equal<uint32_t>()) != asns.end();
  return !has_repeated && asns.size() == ends.size() &&
         std::is_sorted(ends.begin(), ends.end()) &&
         text.size() == (ends.empty() ? 0 : ends.back());
}

std::string_view AsnNames::Find(uint32_t asn) const {
  const auto found = std::lower_bound(asns_.begin(), asns_.end(), asn);
  if (found == asns_.end() || *found != asn) return {};
  const auto index = static_cast<size_t>(found - asns_.begin());
  const size_t begin = index == 0 ? 0 : ends_[index - 1];
  return text().substr(begin, ends_[index] - begin);
}

size_t AsnNames::memory_bytes() const {
  return (asns_.size() + ends_.size()) * sizeof(uint32_t) + text_.size();
}

}  // namespace octroi
