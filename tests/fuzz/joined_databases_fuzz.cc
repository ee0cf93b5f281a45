// SPDX-License-Identifier: Apache-2.0
// Any bytes that bear a right checksum and the right digests are a file that
// somebody may have put in place of the one that ships. It must be refused, or
// give an atlas in which every address has an attribution.
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "fmt/format.h"
#include "geo/atlas.h"
#include "geo/joined_databases.h"
#include "tests/support/facts_builder.h"

namespace octroi {
namespace {

constexpr size_t kChecksumAt = 16;
constexpr size_t kCountsAt = 24;
constexpr size_t kDatabasesEnd = kCountsAt + 8;
constexpr size_t kDigestsAt = 64;
constexpr size_t kHeaderBytes = kDigestsAt + 9 * 64;

std::unique_ptr<Facts> SomeFacts() {
  auto facts = testing::FactsBuilder()
                   .Country("192.0.2.0/24", "FR")
                   .Asn("192.0.2.0/24", 64496, "Example")
                   .Range({.prefix = "192.0.2.0/27", .country = "DE"})
                   .Build();
  facts->countries[0][0].source.sha256 = std::string(64, 'a');
  facts->asn[0].source.sha256 = std::string(64, 'b');
  return facts;
}

// The input gives the counts and all that follows the header.
std::string FileOf(const Facts& facts, const uint8_t* data, size_t size) {
  const auto joined = JoinedDatabases::Join(facts, Day::max()).value();
  std::string file(joined.bytes().substr(0, kHeaderBytes));
  const size_t counts = std::min(size, kDigestsAt - kDatabasesEnd);
  std::copy_n(data, counts, file.begin() + kDatabasesEnd);
  file.append(data + counts, data + size);
  file.resize((file.size() + 7) / 8 * 8);
  const uint64_t sum = XXH3_64bits(&file[kCountsAt], file.size() - kCountsAt);
  std::memcpy(&file[kChecksumAt], &sum, sizeof(sum));
  return file;
}

}  // namespace
}  // namespace octroi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto facts = octroi::SomeFacts();
  const std::string file = octroi::FileOf(*facts, data, size);
  const int fd = ::memfd_create("databases.joined", MFD_CLOEXEC);
  if (fd < 0) return 0;
  const absl::Cleanup close_fd = [fd] { ::close(fd); };
  const ssize_t written = ::write(fd, file.data(), file.size());
  assert(written == static_cast<ssize_t>(file.size()));
  (void)written;
  facts->joined_file = fmt::format("/proc/self/fd/{}", fd);

  const auto atlas = octroi::Atlas::Build(*facts, {});
  if (!atlas.ok()) return 0;
  for (const auto& address :
       {octroi::IpAddress::V4(0), octroi::IpAddress::V4(0xc0000201),
        octroi::IpAddress::V4(~0u), octroi::IpAddress::V6(0, 1),
        octroi::IpAddress::V6(0x20010db800000000, 1),
        octroi::IpAddress::V6(~uint64_t{0}, ~uint64_t{0})}) {
    const uint32_t id = atlas->Lookup(address);
    assert(id < atlas->attribution_count());
    (void)atlas->location(atlas->attribution(id).location);
    (void)atlas->AsnName(atlas->attribution(id).asn);
  }
  return 0;
}
