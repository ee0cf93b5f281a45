// SPDX-License-Identifier: Apache-2.0
#include "examples/branch_office.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "examples/capture_file.h"
#include "examples/message.h"
#include "examples/network.h"
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

// Interfaces of the capture.
constexpr uint32_t kLan = 0;
constexpr uint32_t kUplink = 1;

// Hosts that send, and where they are seen.
struct Zone {
  const char* first_ipv4;
  const char* first_ipv6;
  uint16_t hosts;
  uint32_t interface;
  uint16_t vlan;  // 0 for none.
};
constexpr Zone kPayments = {"10.20.1.11", "2001:db8:42:20::11", 4, kUplink, 20};
constexpr Zone kOffice = {"10.30.4.10", "2001:db8:42:30::410", 60, kLan, 0};
constexpr Zone kMailRelay = {"10.30.0.25", "2001:db8:42:30::25", 1, kLan, 0};
constexpr Zone kResolver = {"10.30.0.53", "2001:db8:42:30::53", 1, kLan, 0};
constexpr Zone kAdmin = {"10.40.0.11", "2001:db8:42:40::11", 3, kUplink, 40};

Path PathOf(const Zone& zone) {
  Path path;
  path.interface = zone.interface;
  if (zone.vlan != 0) path.tags.push_back({0x8100, zone.vlan});
  return path;
}

// The router's own tunnels, in the carrier's outer tag.
Path CarrierPath() { return {kUplink, {{0x88A8, 100}, {0x8100, 40}}, {}}; }

using Activity = void (*)(Network*, const Session&, const Volume&);

// Who in the office goes where, how often, and for how much.
struct Errand {
  const Zone* zone;
  Activity activity;
  const char* remote;
  uint16_t port;
  const char* name;  // In the DNS; nullptr if it is never looked up.
  int sessions;
  Volume volume;
  int64_t round_trip_us;
};

constexpr Errand kErrands[] = {
    // Payments. S3NS: the ledger, and its archive.
    {&kPayments,
     WebSession,
     "177.222.80.10",
     443,
     "ledger.s3ns.example",
     60,
     {5, 1'400, 2'600},
     4'100},
    {&kPayments,
     WebSession,
     "177.222.81.25",
     443,
     "archive.s3ns.example",
     8,
     {2, 70'000, 400},
     4'300},
    // Outscale and OVH: both have qualified services.
    {&kPayments,
     WebSession,
     "109.232.232.20",
     443,
     "risk.outscale.example",
     28,
     {4, 1'100, 3'000},
     5'200},
    {&kPayments,
     WebSession,
     "54.36.20.12",
     443,
     "batch.ovh.example",
     12,
     {2, 24'000, 700},
     9'600},
    {&kPayments,
     WebSession,
     "2001:41d0:8:1234::10",
     443,
     "batch.ovh.example",
     8,
     {2, 24'000, 700},
     9'400},
    // Scaleway: on its way to a qualification. Hetzner: without one.
    {&kPayments,
     WebSession,
     "51.159.30.20",
     443,
     "backup.scaleway.example",
     6,
     {2, 90'000, 300},
     6'700},
    {&kPayments,
     WebSession,
     "116.203.20.20",
     443,
     "fx.hetzner.example",
     10,
     {3, 700, 1'900},
     19'300},
    // AWS in Paris: in the EU, under US control.
    {&kPayments,
     WebSession,
     "15.188.40.12",
     443,
     "queue.aws-paris.example",
     34,
     {5, 900, 900},
     3'300},
    {&kPayments,
     WebSession,
     "2a05:d012:100::20",
     443,
     "queue.aws-paris.example",
     12,
     {5, 900, 900},
     3'400},
    // A monitoring agent that reports to the United States.
    {&kPayments,
     WebSession,
     "52.20.30.40",
     443,
     "telemetry.aws-us.example",
     70,
     {2, 2'400, 250},
     88'000},
    {&kPayments,
     WebSession,
     "10.40.0.20",
     6514,
     nullptr,
     16,
     {4, 2'600, 60},
     300},

    // Office. Services in the EU, Switzerland and the United Kingdom.
    {&kOffice,
     WebSession,
     "40.101.12.20",
     443,
     "mail.microsoft.example",
     70,
     {4, 1'600, 9'000},
     14'200},
    {&kOffice,
     WebSession,
     "2603:1026:100::20",
     443,
     "mail.microsoft.example",
     26,
     {4, 1'600, 9'000},
     5'800},
    {&kOffice,
     WebSession,
     "51.77.140.20",
     443,
     "shop.ovh.example",
     34,
     {3, 800, 16'000},
     9'900},
    {&kOffice,
     WebSession,
     "2001:bc8:1200::20",
     443,
     "news.scaleway.example",
     24,
     {3, 700, 20'000},
     6'600},
    {&kOffice,
     WebSession,
     "84.16.66.20",
     443,
     "drive.infomaniak.example",
     16,
     {3, 9'000, 6'000},
     11'500},
    {&kOffice,
     WebSession,
     "35.178.20.30",
     443,
     "hr.aws-london.example",
     24,
     {3, 1'300, 8'000},
     9'200},
    {&kOffice,
     QuicSession,
     "216.58.214.78",
     443,
     "search.google.example",
     40,
     {3, 600, 22'000},
     8'800},
    {&kOffice,
     QuicSession,
     "2a00:1450:4007:80e::200e",
     443,
     "search.google.example",
     26,
     {3, 600, 22'000},
     8'600},
    // A content delivery network: in many places at once.
    {&kOffice,
     QuicSession,
     "104.18.20.30",
     443,
     "cdn.cloudflare.example",
     34,
     {2, 500, 30'000},
     2'200},
    // The United States: one service with an exception, one without.
    {&kOffice,
     WebSession,
     "13.108.238.20",
     443,
     "crm.salesforce.example",
     44,
     {5, 2'200, 7'000},
     141'000},
    {&kOffice,
     WebSession,
     "140.82.112.4",
     443,
     "code.github.example",
     14,
     {3, 1'200, 18'000},
     84'000},
    {&kOffice,
     FileSession,
     "10.30.0.20",
     445,
     nullptr,
     12,
     {3, 900, 60'000},
     250},
    {&kOffice,
     WebSession,
     "10.30.0.80",
     443,
     "intranet.office.example",
     30,
     {3, 800, 9'000},
     250},
    // Mail goes out through a relay, to France and to Singapore.
    {&kMailRelay,
     MailSession,
     "217.70.184.38",
     25,
     "mx.gandi.example",
     12,
     {2, 14'000, 60},
     6'100},
    {&kMailRelay,
     MailSession,
     "128.199.100.20",
     25,
     "mx.partner.example",
     9,
     {2, 26'000, 60},
     168'000},

    // Administration.
    {&kAdmin,
     ShellSession,
     "2001:41d0:301::20",
     22,
     "bastion.ovh.example",
     2,
     {160, 0, 900},
     9'100},
    {&kAdmin,
     WebSession,
     "130.89.148.77",
     443,
     "mirror.surf.example",
     4,
     {2, 500, 160'000},
     12'900},
};

// Who comes from outside, and to what.
struct Visit {
  Activity activity;
  const char* remote;
  const char* local;
  uint16_t port;
  const Zone* zone;
  int sessions;
  Volume volume;
  int64_t round_trip_us;
};

void AttemptShell(Network* network, const Session& session,
                  const Volume& /*volume*/) {
  ShellAttempt(network, session);
}

constexpr Visit kVisits[] = {
    // The page on which customers pay.
    {WebSession,
     "90.80.10.20",
     "10.20.0.80",
     443,
     &kPayments,
     18,
     {3, 900, 7'000},
     16'000},
    {WebSession,
     "2a01:e0a:10::20",
     "2001:db8:42:20::80",
     443,
     &kPayments,
     10,
     {3, 900, 7'000},
     15'000},
    {WebSession,
     "84.130.10.20",
     "10.20.0.80",
     443,
     &kPayments,
     10,
     {3, 900, 7'000},
     24'000},
    {WebSession,
     "73.20.30.40",
     "10.20.0.80",
     443,
     &kPayments,
     8,
     {3, 900, 7'000},
     97'000},
    // Mail that arrives.
    {MailSession,
     "167.89.20.20",
     "10.30.0.25",
     25,
     &kMailRelay,
     10,
     {2, 18'000, 60},
     132'000},
    // Administration of a host: a contractor in France, a session from
    // Singapore, and somebody there who tries passwords.
    {ShellSession,
     "194.158.119.20",
     "10.40.0.10",
     22,
     &kAdmin,
     1,
     {180, 0, 1'200},
     14'000},
    {ShellSession,
     "139.180.130.20",
     "10.40.0.10",
     22,
     &kAdmin,
     1,
     {220, 0, 1'600},
     171'000},
    {AttemptShell, "139.180.130.20", "10.40.0.10", 22, &kAdmin, 9, {}, 171'000},
};

// Puts sessions into the time that is observed, and a little before: what is
// under way when the capture begins is seen from its middle on.
class Office {
 public:
  Office(CaptureFile* capture, uint64_t seed)
      : first_ns_(capture->options().first_ns),
        end_ns_(capture->options().end_ns),
        network_(capture, seed) {}

  Network* network() { return &network_; }
  Random* random() { return network_.random(); }
  int64_t AnyTime() {
    return random()->Between(first_ns_ - 20 * kSecond, end_ns_);
  }

  Session SessionOf(const Zone& zone, std::string_view remote, uint16_t port,
                    int64_t start_ns, int64_t round_trip_us);
  void Run(const Errand& errand, int64_t start_ns);
  void Run(const Visit& visit, int64_t start_ns);

 private:
  void LookUpFirst(const Zone& zone, const Session& session, const char* name);

  const int64_t first_ns_;
  const int64_t end_ns_;
  Network network_;
};

// From some host of the zone, over the remote's family.
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

// The host asks the office's resolver, which asks Quad9 if it has forgotten.
void Office::LookUpFirst(const Zone& zone, const Session& session,
                         const char* name) {
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

void Office::Run(const Errand& errand, int64_t start_ns) {
  const Session session = SessionOf(*errand.zone, errand.remote, errand.port,
                                    start_ns, errand.round_trip_us);
  if (errand.name != nullptr) LookUpFirst(*errand.zone, session, errand.name);
  errand.activity(&network_, session, errand.volume);
}

void Office::Run(const Visit& visit, int64_t start_ns) {
  Session session = SessionOf(*visit.zone, visit.remote, visit.port, start_ns,
                              visit.round_trip_us);
  session.client.address = AddressOf(visit.remote);
  session.server = {AddressOf(visit.local), visit.port};
  std::swap(session.client_round_trip_ns, session.server_round_trip_ns);
  visit.activity(&network_, session, visit.volume);
}

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
    Session inside = office->SessionOf(kOffice, "34.192.20.30", 443,
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
    TcpConversation(network, office->SessionOf(kOffice, "2a0f:ffff::20", 443,
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
  const Path lan = PathOf(kOffice);
  const Address gateway = AddressOf("10.30.0.1");
  for (int i = 0; i < 240; ++i) {  // ARP, not IP.
    const int64_t now_ns = office->AnyTime();
    const Address host = Offset(AddressOf(kOffice.first_ipv4),
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
        office->SessionOf(kOffice, "224.0.0.251", 5353, office->AnyTime(), 0);
    asked.client.port = 5353;
    network->SendUdp(lan, asked.start_ns, asked.client, asked.server,
                     MdnsQuestion());
    const Session search = office->SessionOf(kOffice, "239.255.255.250", 1900,
                                             office->AnyTime(), 0);
    network->SendUdp(
        lan, search.start_ns, search.client, search.server,
        TextMessage("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
                    "MAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n"));
  }
  for (int i = 0; i < 12; ++i) {
    const auto transaction = static_cast<uint32_t>(random->Next());
    const MacAddress client = MacOf(
        Offset(AddressOf(kOffice.first_ipv4), static_cast<uint16_t>(60 + i)));
    IpHeader ip = {AddressOf("0.0.0.0"), AddressOf("255.255.255.255"), kUdp};
    const Bytes datagram =
        UdpDatagram(ip, 68, 67, DhcpDiscover(client, transaction));
    network->SendFrame(lan, office->AnyTime(), client, kBroadcastMac, 0x0800,
                       IpPacket(ip, datagram));
  }
  for (int i = 0; i < 60; ++i) {  // RFC 4861 section 4.3.
    const IpHeader ip = {Offset(AddressOf("fe80::410"),
                                static_cast<uint16_t>(random->Below(60))),
                         AddressOf("ff02::1:ff00:1"), kIcmpv6};
    const Address target = AddressOf("2001:db8:42:30::1");
    Bytes body = {0, 0, 0, 0};
    body.insert(body.end(), target.bytes.begin(), target.bytes.end());
    network->Send(lan, office->AnyTime(), ip, IcmpMessage(ip, 135, 0, body));
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
  for (const Errand& errand : kErrands) {
    for (int i = 0; i < errand.sessions; ++i) {
      office.Run(errand, office.AnyTime());
    }
  }
  for (const Visit& visit : kVisits) {
    for (int i = 0; i < visit.sessions; ++i) {
      office.Run(visit, office.AnyTime());
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
      office.Run(ledger, at);
      if (i % 3 == 0) office.Run(batch, at + kMinute);
      if (i % 4 == 0) office.Run(aws, at + 2 * kMinute);
    }
  }
  // Begun a second before midnight, ended after it: judged by its start.
  office.Run(ledger, kDecisionDay - kSecond);
  office.Run(ledger, kDecisionDay + 5 * kSecond);
  return capture.Serialize();
}

}  // namespace octroi::example
