// SPDX-License-Identifier: Apache-2.0
#include "examples/errands.h"

#include <utility>

#include "examples/packet.h"

namespace octroi::example {
namespace {

void AttemptShell(Network* network, const Session& session,
                  const Volume& /*volume*/) {
  ShellAttempt(network, session);
}

// clang-format off
constexpr Errand kErrands[] = {
    // Payments. S3NS: the ledger, and its archive.
    {&kPayments, WebSession, "177.222.80.10", 443, "ledger.s3ns.example",
     60, {5, 1'400, 2'600}, 4'100},
    {&kPayments, WebSession, "177.222.81.25", 443, "archive.s3ns.example",
     8, {2, 70'000, 400}, 4'300},
    // Outscale and OVH: both have qualified services.
    {&kPayments, WebSession, "109.232.232.20", 443, "risk.outscale.example",
     28, {4, 1'100, 3'000}, 5'200},
    {&kPayments, WebSession, "54.36.20.12", 443, "batch.ovh.example",
     12, {2, 24'000, 700}, 9'600},
    {&kPayments, WebSession, "2001:41d0:8:1234::10", 443, "batch.ovh.example",
     8, {2, 24'000, 700}, 9'400},
    // Scaleway: on its way to a qualification. Hetzner: without one.
    {&kPayments, WebSession, "51.159.30.20", 443, "backup.scaleway.example",
     6, {2, 90'000, 300}, 6'700},
    {&kPayments, WebSession, "116.203.20.20", 443, "fx.hetzner.example",
     10, {3, 700, 1'900}, 19'300},
    // AWS in Paris: in the EU, under US control.
    {&kPayments, WebSession, "15.188.40.12", 443, "queue.aws-paris.example",
     34, {5, 900, 900}, 3'300},
    {&kPayments, WebSession, "2a05:d012:100::20", 443,
     "queue.aws-paris.example", 12, {5, 900, 900}, 3'400},
    // A monitoring agent that reports to the United States.
    {&kPayments, WebSession, "52.20.30.40", 443, "telemetry.aws-us.example",
     70, {2, 2'400, 250}, 88'000},
    {&kPayments, WebSession, "10.40.0.20", 6514, nullptr,
     16, {4, 2'600, 60}, 300},

    // Office. Services in the EU, Switzerland and the United Kingdom.
    {&kDesktops, WebSession, "40.101.12.20", 443, "mail.microsoft.example",
     70, {4, 1'600, 9'000}, 14'200},
    {&kDesktops, WebSession, "2603:1026:100::20", 443, "mail.microsoft.example",
     26, {4, 1'600, 9'000}, 5'800},
    {&kDesktops, WebSession, "51.77.140.20", 443, "shop.ovh.example",
     34, {3, 800, 16'000}, 9'900},
    {&kDesktops, WebSession, "2001:bc8:1200::20", 443, "news.scaleway.example",
     24, {3, 700, 20'000}, 6'600},
    {&kDesktops, WebSession, "84.16.66.20", 443, "drive.infomaniak.example",
     16, {3, 9'000, 6'000}, 11'500},
    {&kDesktops, WebSession, "35.178.20.30", 443, "hr.aws-london.example",
     24, {3, 1'300, 8'000}, 9'200},
    {&kDesktops, QuicSession, "216.58.214.78", 443, "search.google.example",
     40, {3, 600, 22'000}, 8'800},
    {&kDesktops, QuicSession, "2a00:1450:4007:80e::200e", 443,
     "search.google.example", 26, {3, 600, 22'000}, 8'600},
    // A content delivery network: in many places at once.
    {&kDesktops, QuicSession, "104.18.20.30", 443, "cdn.cloudflare.example",
     34, {2, 500, 30'000}, 2'200},
    // The United States: one service with an exception, one without.
    {&kDesktops, WebSession, "13.108.238.20", 443, "crm.salesforce.example",
     44, {5, 2'200, 7'000}, 141'000},
    {&kDesktops, WebSession, "140.82.112.4", 443, "code.github.example",
     14, {3, 1'200, 18'000}, 84'000},
    {&kDesktops, FileSession, "10.30.0.20", 445, nullptr,
     12, {3, 900, 60'000}, 250},
    {&kDesktops, WebSession, "10.30.0.80", 443, "intranet.office.example",
     30, {3, 800, 9'000}, 250},
    // Mail goes out through a relay, to France and to Singapore.
    {&kMailRelay, MailSession, "217.70.184.38", 25, "mx.gandi.example",
     12, {2, 14'000, 60}, 6'100},
    {&kMailRelay, MailSession, "128.199.100.20", 25, "mx.partner.example",
     9, {2, 26'000, 60}, 168'000},

    // Administration.
    {&kAdmin, ShellSession, "2001:41d0:301::20", 22, "bastion.ovh.example",
     2, {160, 0, 900}, 9'100},
    {&kAdmin, WebSession, "130.89.148.77", 443, "mirror.surf.example",
     4, {2, 500, 160'000}, 12'900},
};

constexpr Visit kVisits[] = {
    // The page on which customers pay.
    {&kPayments, WebSession, "90.80.10.20", "10.20.0.80", 443,
     18, {3, 900, 7'000}, 16'000},
    {&kPayments, WebSession, "2a01:e0a:10::20", "2001:db8:42:20::80", 443,
     10, {3, 900, 7'000}, 15'000},
    {&kPayments, WebSession, "84.130.10.20", "10.20.0.80", 443,
     10, {3, 900, 7'000}, 24'000},
    {&kPayments, WebSession, "73.20.30.40", "10.20.0.80", 443,
     8, {3, 900, 7'000}, 97'000},
    // Mail that arrives.
    {&kMailRelay, MailSession, "167.89.20.20", "10.30.0.25", 25,
     10, {2, 18'000, 60}, 132'000},
    // Administration of a host: a contractor in France, a session from
    // Singapore, and somebody there who tries passwords.
    {&kAdmin, ShellSession, "194.158.119.20", "10.40.0.10", 22,
     1, {180, 0, 1'200}, 14'000},
    {&kAdmin, ShellSession, "139.180.130.20", "10.40.0.10", 22,
     1, {220, 0, 1'600}, 171'000},
    {&kAdmin, AttemptShell, "139.180.130.20", "10.40.0.10", 22, 9, {}, 171'000},
};
// clang-format on

}  // namespace

std::span<const Errand> Errands() { return kErrands; }
std::span<const Visit> Visits() { return kVisits; }

void Run(const Errand& errand, int64_t start_ns, Office* office) {
  const Session session = office->SessionOf(
      *errand.zone, errand.remote, errand.port, start_ns, errand.round_trip_us);
  if (errand.name != nullptr) {
    office->LookUpFirst(*errand.zone, session, errand.name);
  }
  errand.activity(office->network(), session, errand.volume);
}

void Run(const Visit& visit, int64_t start_ns, Office* office) {
  Session session = office->SessionOf(*visit.zone, visit.remote, visit.port,
                                      start_ns, visit.round_trip_us);
  session.client.address = AddressOf(visit.remote);
  session.server = {AddressOf(visit.local), visit.port};
  std::swap(session.client_round_trip_ns, session.server_round_trip_ns);
  visit.activity(office->network(), session, visit.volume);
}

}  // namespace octroi::example
