// SPDX-License-Identifier: Apache-2.0
// Longest-prefix match in batches of 32 on the real table: country, ASN and
// everything else that the atlas joins, as prefixes that all competitors are
// given. Announced: addresses drawn from announced prefixes, each prefix as
// likely as the next. Zipf: a million of these, repeated as traffic repeats
// destinations. libmaxminddb answers from the country database alone.
#include <maxminddb.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bench/bench.h"
#include "bench/dpdk.h"
#include "bench/memory.h"
#include "bench/routes.h"
#include "bench/traffic.h"
#include "bench/world.h"
#include "geo/prefix_index.h"

namespace octroi::bench {
namespace {

constexpr size_t kAddressCount = size_t{1} << 21;
// Long enough that refilling the caches after another benchmark does not count.
constexpr size_t kAddressesPerRun = size_t{1} << 22;
constexpr uint32_t kZipfDestinations = 1'000'000;
constexpr size_t kDpdkMegabytes = 6000;

using Bytes16 = std::array<uint8_t, 16>;

// One order of look-ups, as packets have addresses and DPDK takes them: four
// bytes in host order, or sixteen in network order. octroi and libmaxminddb
// read the same arrays, and the time includes what they make of an address.
struct Lookups {
  bool is_v6 = false;
  Prefaulted<uint32_t> v4{kAddressCount};
  Prefaulted<Bytes16> v6{kAddressCount};
  size_t position = 0;

  IpAddress Address(size_t i) const {
    return is_v6 ? IpAddress::V6FromBytes(v6[i].data()) : IpAddress::V4(v4[i]);
  }

  template <typename Use>
  void Run(Use use) {
    for (size_t done = 0; done < kAddressesPerRun; done += kBatch) {
      use(position);
      position = (position + kBatch) % kAddressCount;
    }
  }
};

std::unique_ptr<Lookups> DrawLookups(std::span<const IpPrefix> announced,
                                     bool is_zipf) {
  Random random(5);
  std::vector<IpAddress> destinations;
  if (is_zipf) {
    for (uint32_t i = 0; i < kZipfDestinations; ++i) {
      destinations.push_back(DrawAddress(announced, &random));
    }
  }
  auto lookups = std::make_unique<Lookups>();
  lookups->is_v6 = announced.front().family() == AddressFamily::kIpv6;
  for (size_t i = 0; i < kAddressCount; ++i) {
    const IpAddress address =
        is_zipf ? destinations[Draw(Order::kZipf, kZipfDestinations, &random)]
                : DrawAddress(announced, &random);
    lookups->v4[i] = static_cast<uint32_t>(address.low());
    Uint128 number = address.number();
    for (size_t b = 16; b-- > 0; number >>= 8) {
      lookups->v6[i][b] = static_cast<uint8_t>(number);
    }
  }
  return lookups;
}

// The index, made from the same prefixes as the references' tables.
PrefixIndex BuildIndex(std::span<const Route> routes) {
  std::vector<PrefixValue> values;
  for (const Route& route : routes) {
    values.push_back({route.prefix, route.value});
  }
  const IntervalMapV4 v4 = FlattenV4(values, 0);
  const IntervalMapV6 v6 = FlattenV6(values, 0);
  const auto start = std::chrono::steady_clock::now();
  PrefixIndex index = PrefixIndex::Build(v4, v6);
  const std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - start;
  const size_t both = index.memory_bytes();
  const size_t v4_only =
      PrefixIndex::Build(v4, IntervalMapV6{{{0, 0}}}).memory_bytes();
  std::printf("octroi index: %.1f MB, IPv4 alone %.1f MB, built in %.0f ms\n",
              static_cast<double>(both) / 1e6,
              static_cast<double>(v4_only) / 1e6, 1e3 * elapsed.count());
  return index;
}

class Maxmind {
 public:
  Maxmind() {
    const std::string path = OCTROI_SHARE_DIR "/dbip-country.mmdb";
    if (MMDB_open(path.c_str(), MMDB_MODE_MMAP, &database_) != MMDB_SUCCESS) {
      std::fprintf(stderr, "bench: %s: cannot be read\n", path.c_str());
      std::exit(1);
    }
  }
  ~Maxmind() { MMDB_close(&database_); }
  Maxmind(const Maxmind&) = delete;
  Maxmind& operator=(const Maxmind&) = delete;

  uint32_t Lookup(const IpAddress& address, const Bytes16& bytes) const {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    const sockaddr* socket_address = nullptr;
    if (address.is_v4()) {
      v4.sin_family = AF_INET;
      v4.sin_addr.s_addr = __builtin_bswap32(address.v4());
      socket_address = reinterpret_cast<const sockaddr*>(&v4);
    } else {
      v6.sin6_family = AF_INET6;
      std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
      socket_address = reinterpret_cast<const sockaddr*>(&v6);
    }
    int error = 0;
    MMDB_lookup_result_s found =
        MMDB_lookup_sockaddr(&database_, socket_address, &error);
    MMDB_entry_data_s data{};
    if (!found.found_entry) return 0;
    MMDB_get_value(&found.entry, &data, "country_code", nullptr);
    return data.offset;
  }

 private:
  MMDB_s database_;
};

struct Competitors {
  PrefixIndex index;
  Maxmind maxmind;
  std::unique_ptr<DpdkRoutes> lpm;
  std::unique_ptr<DpdkRoutes> fib;
  std::unique_ptr<DpdkRoutes> fib6;
};

void AddDpdk(const std::string& name, const DpdkRoutes* routes, bool is_v6,
             Lookups* lookups) {
  if (routes == nullptr || !routes->is_available()) return;
  AddBench(name, kAddressesPerRun, [routes, is_v6, lookups] {
    std::array<uint64_t, kBatch> values;
    lookups->Run([&](size_t at) {
      if (is_v6) {
        routes->LookupV6({&lookups->v6[at], kBatch}, values.data());
      } else {
        routes->LookupV4({&lookups->v4[at], kBatch}, values.data());
      }
      benchmark::DoNotOptimize(values);
    });
  });
}

void AddCase(const std::string& prefix, const Competitors& all, bool is_v6,
             Lookups* lookups) {
  AddBench(prefix + "octroi", kAddressesPerRun, [&all, lookups] {
    std::array<IpAddress, kBatch> addresses;
    std::array<uint32_t, kBatch> values;
    lookups->Run([&](size_t at) {
      for (size_t i = 0; i < kBatch; ++i) {
        addresses[i] = lookups->Address(at + i);
      }
      all.index.LookupBatch(addresses, values);
      benchmark::DoNotOptimize(values);
    });
  });
  AddBench(prefix + "maxminddb", kAddressesPerRun, [&all, lookups] {
    lookups->Run([&](size_t at) {
      for (size_t i = at; i < at + kBatch; ++i) {
        benchmark::DoNotOptimize(
            all.maxmind.Lookup(lookups->Address(i), lookups->v6[i]));
      }
    });
  });
  if (is_v6) {
    AddDpdk(prefix + "rte_fib6", all.fib6.get(), is_v6, lookups);
  } else {
    AddDpdk(prefix + "rte_lpm", all.lpm.get(), is_v6, lookups);
    AddDpdk(prefix + "rte_fib", all.fib.get(), is_v6, lookups);
  }
}

// A look-up that is fast and wrong would be no result.
void CheckAnswers(const Competitors& all, const Lookups& v4,
                  const Lookups& v6) {
  size_t different = 0;
  std::array<uint64_t, kBatch> values;
  for (size_t at = 0; at < kAddressesPerRun; at += kBatch) {
    all.fib->LookupV4({&v4.v4[at], kBatch}, values.data());
    for (size_t i = 0; i < kBatch; ++i) {
      different += all.index.Lookup(v4.Address(at + i)) != values[i];
    }
    if (!all.fib6->is_available()) continue;
    all.fib6->LookupV6({&v6.v6[at], kBatch}, values.data());
    for (size_t i = 0; i < kBatch; ++i) {
      different += all.index.Lookup(v6.Address(at + i)) != values[i];
    }
  }
  std::printf("answers that differ from DPDK's: %zu\n", different);
}

int Run(const BenchOptions& options) {
  const std::unique_ptr<World> world = LoadWorld();
  const std::vector<Route> routes = RoutesOf(*world);
  std::printf("prefixes: %zu\n", routes.size());
  Competitors all;
  all.index = BuildIndex(routes);
  const bool has_dpdk = StartDpdk(options.cpu, kDpdkMegabytes);
  if (has_dpdk) {
    using Kind = DpdkRoutes::Kind;
    all.lpm = std::make_unique<DpdkRoutes>(Kind::kLpm, routes);
    all.fib = std::make_unique<DpdkRoutes>(Kind::kFib, routes);
    all.fib6 = std::make_unique<DpdkRoutes>(Kind::kFib6, routes);
  }
  std::vector<std::unique_ptr<Lookups>> kept;
  for (const bool is_v6 : {false, true}) {
    for (const bool is_zipf : {false, true}) {
      kept.push_back(DrawLookups(
          is_v6 ? world->announced_v6 : world->announced_v4, is_zipf));
      AddCase(std::string("prefix_index/") + (is_v6 ? "ipv6-" : "ipv4-") +
                  (is_zipf ? "zipf/" : "announced/"),
              all, is_v6, kept.back().get());
    }
  }
  if (has_dpdk && all.fib->is_available()) {
    CheckAnswers(all, *kept[0], *kept[2]);
  }
  return FinishBench();
}

}  // namespace
}  // namespace octroi::bench

int main(int argc, char** argv) {
  return octroi::bench::Run(octroi::bench::StartBench(&argc, argv));
}
