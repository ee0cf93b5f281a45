// SPDX-License-Identifier: Apache-2.0
#include "geo/asn_names.h"

#include <algorithm>
#include <cassert>
#include <functional>

namespace octroi {

AsnNames AsnNames::Of(std::span<const MmdbAsn> records) {
  std::vector<const MmdbAsn*> sorted;
  sorted.reserve(records.size());
  for (const MmdbAsn& record : records) sorted.push_back(&record);
  std::stable_sort(
      sorted.begin(), sorted.end(),
      [](const MmdbAsn* a, const MmdbAsn* b) { return a->asn < b->asn; });

  AsnNames names;
  for (const MmdbAsn* record : sorted) {
    if (!names.asns_.empty() && names.asns_.back() == record->asn) continue;
    names.text_.insert(names.text_.end(), record->organization.begin(),
                       record->organization.end());
    names.asns_.push_back(record->asn);
    names.ends_.push_back(static_cast<uint32_t>(names.text_.size()));
  }
  names.asns_.shrink_to_fit();
  names.ends_.shrink_to_fit();
  names.text_.shrink_to_fit();
  return names;
}

AsnNames::AsnNames(std::span<const uint32_t> asns,
                   std::span<const uint32_t> ends, std::string_view text)
    : asns_(asns.begin(), asns.end()),
      ends_(ends.begin(), ends.end()),
      text_(text.begin(), text.end()) {
  assert(AreConsistent(asns, ends, text));
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
