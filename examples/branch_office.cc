// SPDX-License-Identifier: Apache-2.0
#include "examples/branch_office.h"

#include <cstdint>

#include "examples/capture_file.h"
#include "examples/errands.h"
#include "examples/message.h"
#include "examples/network.h"
#include "examples/office.h"
#include "examples/packet.h"
#include "examples/tcp_conversation.h"
#include "examples/traffic.h"

namespace octroi::example {
namespace {

constexpr uint64_t kSeed = 0x0C7201;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

// 2026-09-16 08:00:00 UTC.
constexpr int64_t kDayStart = 1'789'545'600 * kSecond;
constexpr int64_t kDayEnd = kDayStart + 70 * kMinute;
// 2025-12-16 and the next two days, 00:00:00 UTC.
constexpr int64_t kCandidateDay = 1'765'843'200 * kSecond;
constexpr int64_t kDecisionDay = kCandidateDay + kDay;
constexpr int64_t kDayAfter = kDecisionDay + kDay;

// The router's own tunnels, in the carrier's outer tag.
Path CarrierPath() { return {kUplink, {{0x88A8, 100}, {0x8100, 40}}, {}}; }

// The router's tunnels: two that nobody can look into, two that octroi can.
void RunTunnels(Office* office) {
  Network* network = office->network();
  const Address router = AddressOf("10.40.0.1");

  Session head_office = office->SessionOf(kAdmin, "145.239.8.21", 51'820,
                                          kDayStart - kSecond, 9'700);
  head_office.path = CarrierPath();
  head_office.client = {router, 51'820};
  WireGuardTunnel(network, head_office, kDayEnd);

  Session archive =
      office->SessionOf(kAdmin, "163.172.40.40", 0, kDayStart + kMinute, 6'900);
  archive.path = CarrierPath();
  archive.client.address = router;
  EspTunnel(network, archive, kDayEnd);

  // To a host in Germany, through a GRE tunnel to Germany.
  for (const char* remote : {"78.46.20.20", "2a01:4f8:c17::20"}) {
    for (int i = 0; i < 5; ++i) {
      Session inside =
          office->SessionOf(kAdmin, remote, 443, office->AnyTime(), 21'000);
      inside.path = CarrierPath();
      inside.path.tunnel =
          Tunnel{kGre, router, AddressOf("88.198.20.30"), /*id=*/7};
      WebSession(network, inside, {3, 600, 4'000});
    }
  }
  // To the United States, through a VXLAN tunnel to France.
  for (int i = 0; i < 9; ++i) {
    Session inside = office->SessionOf(kDesktops, "34.192.20.30", 443,
                                       office->AnyTime(), 96'000);
    inside.path = CarrierPath();
    inside.path.tunnel =
        Tunnel{kUdp, router, AddressOf("51.68.20.20"), /*id=*/4242};
    WebSession(network, inside, {3, 900, 8'000});
  }
}

// Clocks, probes, logs, and what does not get through.
void RunHousekeeping(Office* office) {
  Network* network = office->network();
  for (int64_t at = kDayStart + 7 * kSecond; at < kDayEnd; at += 64 * kSecond) {
    Session clock = office->SessionOf(kAdmin, "51.15.20.30", 123, at, 17'000);
    clock.client.port = 123;
    AskTime(network, clock);
  }
  for (int64_t at = kDayStart + 3 * kSecond; at < kDayEnd; at += 5 * kMinute) {
    Ping(network, office->SessionOf(kAdmin, "9.9.9.9", 0, at, 13'500), 3);
    Ping(network, office->SessionOf(kAdmin, "145.239.8.21", 0, at, 9'700), 3);
  }
  // Long datagrams, in three fragments each.
  for (int64_t at = kDayStart + 2 * kMinute; at < kDayEnd; at += 4 * kMinute) {
    SendLog(network, office->SessionOf(kAdmin, "212.47.230.20", 514, at, 0),
            3'600);
    SendLog(network,
            office->SessionOf(kAdmin, "2001:bc8:600::10", 514, at + kSecond, 0),
            3'600);
  }
  // An address that nobody announces: no answer. A server that is down.
  for (int i = 0; i < 6; ++i) {
    TcpConversation(network, office->SessionOf(kDesktops, "2a0f:ffff::20", 443,
                                               office->AnyTime(), 0))
        .OpenInVain(4);
    TcpConversation(network, office->SessionOf(kPayments, "54.36.20.13", 8443,
                                               office->AnyTime(), 9'600))
        .OpenRefused();
  }
}

// What any network says to itself, and octroi never counts as leaving.
void RunChatter(Office* office) {
  Network* network = office->network();
  Random* random = office->random();
  const Path lan = PathOf(kDesktops);
  const Address gateway = AddressOf("10.30.0.1");
  for (int i = 0; i < 240; ++i) {  // ARP, not IP.
    const int64_t now_ns = office->AnyTime();
    const Address host = Offset(AddressOf(kDesktops.first_ipv4),
                                static_cast<uint16_t>(random->Below(60)));
    network->SendFrame(lan, now_ns, MacOf(host), kBroadcastMac, kEtherTypeArp,
                       ArpRequest(MacOf(host), host, gateway));
  }
  for (int64_t at = kDayStart; at < kDayEnd; at += 30 * kSecond) {
    network->SendFrame(lan, at, MacOf(gateway),
                       {0x01, 0x80, 0xC2, 0x00, 0x00, 0x0E}, kEtherTypeLldp,
                       LldpAnnouncement(MacOf(gateway)));
  }
  for (int i = 0; i < 120; ++i) {
    Session asked =
        office->SessionOf(kDesktops, "224.0.0.251", 5353, office->AnyTime(), 0);
    asked.client.port = 5353;
    network->SendUdp(lan, asked.start_ns, asked.client, asked.server,
                     MdnsQuestion());
    const Session search = office->SessionOf(kDesktops, "239.255.255.250", 1900,
                                             office->AnyTime(), 0);
    network->SendUdp(
        lan, search.start_ns, search.client, search.server,
        TextMessage("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
                    "MAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n"));
  }
  for (int i = 0; i < 12; ++i) {
    const auto transaction = static_cast<uint32_t>(random->Next());
    const MacAddress client = MacOf(
        Offset(AddressOf(kDesktops.first_ipv4), static_cast<uint16_t>(60 + i)));
    IpHeader ip = {AddressOf("0.0.0.0"), AddressOf("255.255.255.255"), kUdp};
    const Bytes datagram =
        UdpDatagram(ip, 68, 67, DhcpDiscover(client, transaction));
    network->SendFrame(lan, office->AnyTime(), client, kBroadcastMac, 0x0800,
                       IpPacket(ip, datagram));
  }
  const Address target = AddressOf("2001:db8:42:30::1");
  for (int i = 0; i < 60; ++i) {
    const IpHeader ip = {Offset(AddressOf("fe80::410"),
                                static_cast<uint16_t>(random->Below(60))),
                         AddressOf("ff02::1:ff00:1"), kIcmpv6};
    network->Send(lan, office->AnyTime(), ip,
                  IcmpMessage(ip, 135, 0, NeighborSolicitation(target)));
  }
}

}  // namespace

std::string BranchOfficeCapture() {
  CaptureOptions options;
  options.comment = "An invented branch office. No packet was ever sent.";
  options.interfaces = {{"lan", "mirror of the office switch, untagged"},
                        {"uplink", "mirror of the uplink, VLAN tags"}};
  options.first_ns = kDayStart;
  options.end_ns = kDayEnd;
  CaptureFile capture(options);
  Office office(&capture, kSeed);
  for (const Errand& errand : Errands()) {
    for (int i = 0; i < errand.sessions; ++i) {
      Run(errand, office.AnyTime(), &office);
    }
  }
  // Under way when the capture begins: seen from their middle on.
  for (const Errand& errand : Errands()) {
    Run(errand, kDayStart - 2 * kSecond, &office);
  }
  for (const Visit& visit : Visits()) {
    for (int i = 0; i < visit.sessions; ++i) {
      Run(visit, office.AnyTime(), &office);
    }
  }
  RunTunnels(&office);
  RunHousekeeping(&office);
  RunChatter(&office);
  return capture.Serialize();
}

std::string QualificationDayCapture() {
  CaptureOptions options;
  options.comment =
      "Three days around the qualification of S3NS on 2025-12-17. Invented: no "
      "packet was ever sent.";
  options.interfaces = {{"uplink", "mirror of the uplink, untagged"}};
  options.first_ns = kCandidateDay;
  options.end_ns = kDayAfter + kDay;
  CaptureFile capture(options);
  Office office(&capture, kSeed + 1);
  const Zone payments = {kPayments.first_ipv4, kPayments.first_ipv6,
                         kPayments.hosts, /*interface=*/0, /*vlan=*/0};
  const Errand ledger = {&payments, WebSession, "177.222.80.10",   443,
                         nullptr,   0,          {5, 1'400, 2'600}, 4'100};
  const Errand batch = {&payments, WebSession, "54.36.20.12",   443,
                        nullptr,   0,          {2, 6'000, 700}, 9'600};
  const Errand aws = {&payments, WebSession, "15.188.40.12", 443,
                      nullptr,   0,          {5, 900, 900},  3'300};
  for (const int64_t day : {kCandidateDay, kDecisionDay, kDayAfter}) {
    for (int i = 0; i < 12; ++i) {
      const int64_t at = day + 8 * kHour + i * 47 * kMinute;
      Run(ledger, at, &office);
      if (i % 3 == 0) Run(batch, at + kMinute, &office);
      if (i % 4 == 0) Run(aws, at + 2 * kMinute, &office);
    }
  }
  // Begun a second before midnight, ended after it: judged by its start.
  Run(ledger, kDecisionDay - kSecond, &office);
  Run(ledger, kDecisionDay + 5 * kSecond, &office);
  return capture.Serialize();
}

}  // namespace octroi::example
