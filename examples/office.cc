// SPDX-License-Identifier: Apache-2.0
#include "examples/office.h"

#include "examples/packet.h"
#include "examples/traffic.h"

namespace octroi::example {

Path PathOf(const Zone& zone) {
  Path path;
  path.interface = zone.interface;
  if (zone.vlan != 0) path.tags.push_back({0x8100, zone.vlan});
  return path;
}

Office::Office(CaptureFile* capture, uint64_t seed)
    : first_ns_(capture->options().first_ns),
      end_ns_(capture->options().end_ns),
      network_(capture, seed) {}

int64_t Office::AnyTime() {
  return random()->Between(first_ns_ - 20 * kSecond, end_ns_);
}

Session Office::SessionOf(const Zone& zone, std::string_view remote,
                          uint16_t port, int64_t start_ns,
                          int64_t round_trip_us) {
  Session session;
  session.path = PathOf(zone);
  session.server = {AddressOf(remote), port};
  const Address first = AddressOf(
      session.server.address.is_ipv6 ? zone.first_ipv6 : zone.first_ipv4);
  const auto host = static_cast<uint16_t>(random()->Below(zone.hosts));
  session.client = {Offset(first, host), network_.NextClientPort()};
  session.start_ns = start_ns;
  session.client_round_trip_ns = random()->Between(120, 400) * kMicrosecond;
  session.server_round_trip_ns =
      random()->Between(round_trip_us, round_trip_us * 9 / 8) * kMicrosecond;
  session.lost_one_in = round_trip_us > 1'000 ? 250 : 0;
  return session;
}

void Office::LookUpFirst(const Zone& zone, const Session& session,
                         std::string_view name) {
  const Address answer = session.server.address;
  const bool is_forgotten = random()->IsOneIn(3);
  const int64_t asked_ns = session.start_ns - 30 * kMillisecond;
  Session inside = SessionOf(
      zone, answer.is_ipv6 ? kResolver.first_ipv6 : kResolver.first_ipv4, 53,
      asked_ns, 350);
  inside.client.address = session.client.address;
  if (is_forgotten) inside.server_round_trip_ns += 19 * kMillisecond;
  LookUp(&network_, inside, name, answer);
  if (!is_forgotten) return;
  const char* quad9 = random()->IsOneIn(4) ? "2620:fe::fe" : "9.9.9.9";
  LookUp(&network_,
         SessionOf(kResolver, quad9, 53, asked_ns + kMillisecond, 14'000), name,
         answer);
}

}  // namespace octroi::example
