#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From a packet to a person: a real octroi watches an interface, a real
Prometheus scrapes it, and the alert goes through a real Alertmanager. And what
a scrape says of a capture is what `octroi replay` says of it.

    octroi_test.py OCTROI SOURCE_ROOT

In a network namespace of its own. Exits with 77, and says why, where that may
not be made, or where Prometheus or Alertmanager is missing.
"""

import collections
import gzip
import json
import os
import pathlib
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import unittest
import urllib.request

OCTROI, SOURCE_ROOT = map(os.path.abspath, sys.argv[1:3])
sys.path.insert(0, os.path.join(SOURCE_ROOT, "tools"))
import network_lab as lab  # noqa: E402  pylint: disable=wrong-import-position
from live_stack import Stack, wait_until  # noqa: E402

# In the United States, in the databases that octroi is built with.
OUTSIDE = "52.95.110.1"
PORT = 4000
IP_AND_UDP = 28

POLICY = """\
policy:
  workloads:
    - {name: payments, addresses: [10.77.0.1/32], requires: {location: eu}}
    - {name: office, addresses: [any], requires: {location: eu, control: eu}}
"""


def route_outside():
    """Packets to OUTSIDE leave by the wire, where nobody takes them."""
    for command in (f"route add {OUTSIDE}/32 dev here0",
                    f"neighbour add {OUTSIDE} lladdr 02:00:00:00:00:03 "
                    "dev here0"):
        subprocess.run(["ip", *command.split()], check=True)


def send(to, sizes):
    """Datagrams of one flow. Returns the octets that left."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        for size in sizes:
            made.sendto(b"x" * size, (to, PORT))
    return sum(IP_AND_UDP + size for size in sizes)


class Scrape:
    """One answer of /metrics: values by series, labels as they stand."""

    def __init__(self, address):
        request = urllib.request.Request(f"http://{address}/metrics",
                                         headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = gzip.decompress(answer.read()).decode()
        self.values = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                series, value = line.rsplit(" ", 1)
                self.values[series] = float(value)

    def sum(self, name, **labels):
        """Over the series of a name that have these labels."""
        return sum(value for series, value in self.values.items()
                   if series.split("{")[0] == name and all(
                       f'{label}="{text}"' in series
                       for label, text in labels.items()))


def write_random_capture(path, packets):
    """One datagram from a local address to each of so many random ones."""
    chance = random.Random(1)
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for i in range(packets):
            size = IP_AND_UDP + chance.randrange(64)
            frame = struct.pack(
                ">BBHHHBBHIIHHHH", 0x45, 0, size, 0, 0, 64, 17, 0, 0x0A4D0001,
                chance.getrandbits(32), 40000, PORT, size - 20, 0)
            file.write(struct.pack("<IIII", 1_790_000_000 + i // 1000, 0,
                                   len(frame), size) + frame)


class CaptureTest(unittest.TestCase):
    def test_sums_are_those_of_a_replay_however_many_destinations(self):
        with tempfile.TemporaryDirectory() as folder:
            capture = os.path.join(folder, "random.pcap")
            packets = 200_000
            write_random_capture(capture, packets)
            daemon = lab.Daemon(OCTROI, folder)
            daemon.write_config(
                f"sources: [{{file: {capture}}}]\n"
                "metrics: {listen: '127.0.0.1:0'}\n"
                f"state_directory: {folder}/state\n{POLICY}")
            daemon.start()
            self.addCleanup(daemon.kill)
            address = re.findall(r"metrics: served at ([0-9.:]+)",
                                 daemon.errors())[-1]

            wait_until("all is received", lambda: Scrape(address).sum(
                "octroi_received_packets_total") == packets)
            # The last packet may have come while that one was being written.
            scrape = Scrape(address)
            policy = pathlib.Path(folder, "policy.yaml")
            policy.write_text(POLICY)
            # The daemon judges by today's facts, and so does this.
            replayed = json.loads(subprocess.run(
                [OCTROI, "replay", "--config", policy, "--at", "now",
                 "--format", "json", capture],
                check=True, capture_output=True).stdout)

        expected = collections.Counter()
        for row in replayed["destinations"]:
            if row["egress_octets"]:
                expected[row["workload"], row["verdict"],
                         row["regime"] or "unknown"] += row["egress_octets"]
        for (workload, verdict, regime), octets in expected.items():
            self.assertEqual(scrape.sum(
                "octroi_egress_bytes_total", workload=workload,
                verdict=verdict, regime=regime), octets)
        for name in ("octroi_egress_bytes_total",
                     "octroi_operator_egress_bytes_total"):
            self.assertEqual(scrape.sum(name), sum(expected.values()))
        self.assertEqual(scrape.sum("octroi_accounted_bytes_total"),
                         sum(row["octets"] for row in replayed["totals"]))
        self.assertGreater(scrape.sum("octroi_series_folded_total"), 0)
        self.assertLessEqual(len(scrape.values), 2000)


class OctroiTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.wire = lab.Wire()
        self.addCleanup(self.wire.remove)
        route_outside()
        self.daemon = lab.Daemon(OCTROI, self.folder.name)
        self.write_config(POLICY)
        self.daemon.start()
        self.addCleanup(self.daemon.kill)
        self.address = re.findall(r"metrics: served at ([0-9.:]+)",
                                  self.daemon.errors())[-1]

    def write_config(self, policy):
        self.daemon.write_config(
            "sources: [{interface: here0, filter: udp}]\n"
            "local_networks: [10.77.0.0/16]\n"
            "metrics: {listen: '127.0.0.1:0'}\n"
            f"state_directory: {self.folder.name}/state\n"
            f"flow_table: {{memory_mib: 8}}\n{policy}")

    def scrape(self):
        return Scrape(self.address)

    def wait_for(self, name, value, **labels):
        """The scrape in which the sum has that value."""
        def look():
            scrape = self.scrape()
            return scrape if scrape.sum(name, **labels) == value else None
        return wait_until(f"{name}{labels} is {value}", look,
                          lambda: str(self.scrape().sum(name, **labels)))

    def violations(self, stack):
        return sorted(f"{one['alertname']} {one['workload']}"
                      for one in stack.firing() if one["kind"] == "violation")

    def test_what_leaves_the_eu_is_counted_to_the_byte_and_reaches_its_people(
            self):
        stack = Stack(SOURCE_ROOT, self.folder.name, self.address)
        self.addCleanup(stack.stop)
        wait_until("octroi is scraped", lambda: stack.value(
            'octroi_violations_total{workload="payments",'
            'reason="outside_eu"} == 0') is not None)

        # Inside: counted while its flow is open, and nobody is called.
        inside = send(lab.THERE_V4, [10, 1400, 0])
        self.wait_for("octroi_egress_bytes_total", inside,
                      workload="payments", verdict="compliant", regime="eu",
                      opened_by="local")
        stack.wait_for_evaluation()
        self.assertEqual(self.violations(stack), [])

        outside = send(OUTSIDE, [100] * 5) + send(OUTSIDE, [1000])
        scrape = self.wait_for("octroi_egress_bytes_total", outside,
                               workload="payments", verdict="violation",
                               regime="third_country", country="US")
        self.assertEqual(scrape.sum("octroi_egress_packets_total",
                                    country="US"), 6)
        self.assertEqual(scrape.sum("octroi_violations_total",
                                    workload="payments", reason="outside_eu"),
                         2)
        self.assertEqual(scrape.sum("octroi_violations_total"), 2)
        self.assertEqual(
            scrape.sum("octroi_operator_egress_bytes_total",
                       verdict="violation", operator="Amazon / AWS"), outside)
        self.assertEqual(scrape.sum("octroi_accounted_bytes_total"),
                         inside + outside)
        self.assertEqual(scrape.sum("octroi_flows_active"), 3)
        self.assertEqual(scrape.sum("octroi_unsettled_workers"), 0)
        self.assertEqual(scrape.sum("octroi_workload_seal_level",
                                    workload="payments"), 0)

        alert = stack.wait_for_alert("/soc", {
            "alertname": "OctroiEgressOutsideEU", "workload": "payments",
            "instance": self.address})
        self.assertIn("Amazon / AWS", alert["annotations"]["description"])
        stack.wait_for_alert("/owner/payments",
                             {"alertname": "OctroiEgressOutsideEU"})
        stack.wait_for_evaluation()
        self.assertEqual(self.violations(stack),
                         ["OctroiEgressOutsideEU payments"])

        # A policy that cannot be used is told; nothing goes back.
        self.write_config("polices: {}\n")
        self.daemon.reload()
        stack.wait_for_alert("/operations",
                             {"alertname": "OctroiEditionRefused"})
        refused = self.scrape()
        self.write_config(POLICY.replace("office", "elsewhere"))
        self.daemon.reload()
        adopted = self.wait_for("octroi_edition_refused", 0)
        self.assertEqual(refused.sum("octroi_edition_refused"), 1)
        for series, before in refused.values.items():
            if series.split("{")[0].endswith("_total"):
                self.assertGreaterEqual(adopted.values[series], before, series)
        self.assertIn('octroi_workload_info{workload="elsewhere"}',
                      adopted.values)
        more = send(OUTSIDE, [7])
        self.wait_for("octroi_egress_bytes_total", outside + more,
                      workload="payments", country="US")


if __name__ == "__main__":
    absent = [tool for tool in ("prometheus", "prometheus-alertmanager")
              if shutil.which(tool) is None]
    if absent:
        print(f"skipped: {', '.join(absent)} not installed "
              "(tools/install-packages --test)")
        sys.exit(77)
    lab.enter()
    unittest.main(argv=sys.argv[:1], verbosity=2)
