#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From a metric to a person: a real Prometheus scrapes, its alert goes through a
real Alertmanager and arrives, and what should be quiet is.

    live_test.py SOURCE_ROOT

The target is a server of this test with invented metrics; octroi_test.py has a
real octroi.

Exits with 77, and says why, where Prometheus or Alertmanager is missing.
"""

import os
import shutil
import sys
import tempfile
import time
import unittest

from live_stack import Stack, Target, sixty_times_as_fast, wait_until

SOURCE_ROOT = os.path.abspath(sys.argv[1])


def healthy_octroi() -> Target:
    """An octroi that has run for a day and has seen violations long ago."""
    target = Target()
    for series, value in (
            ("process_start_time_seconds", time.time() - 86400),
            ('octroi_build_info{version="0.1.0"}', 1),
            ('octroi_received_packets_total{source="eth0"}', 1e6),
            ('octroi_lost_packets_total{source="eth0",where="kernel_ring"}', 5),
            ('octroi_source_up{source="eth0"}', 1),
            ('octroi_source_blind{source="eth0"}', 0),
            ('octroi_source_silent{source="eth0"}', 0),
            ('octroi_blind_seconds_total{source="eth0"}', 2),
            ('octroi_undecoded_packets_total{reason="not_ip"}', 100),
            ("octroi_flow_table_fill_ratio", 0.2),
            ('octroi_flow_records_lost_total{where="flow_table"}', 3),
            ("octroi_events_lost_total", 2),
            ("octroi_edition_refused", 0),
            ("octroi_unsettled_workers", 0),
            ("octroi_worker_stalled", 0),
            ('octroi_workload_seal_level{workload="payments"}', float("nan")),
            ('octroi_fact_built_timestamp_seconds{fact="asn"}', time.time()),
            ('octroi_qualification_expires_timestamp_seconds{'
             'provider="Example Cloud",service="IaaS"}',
             time.time() + 400 * 86400),
            *((f'octroi_violations_total{{workload="{workload}",'
               f'reason="{reason}"}}', value)
              for workload, value in (("payments", 0), ("office", 40))
              for reason in ("outside_eu", "foreign_control"))):
        target.set(series, value)
    return target


class LiveTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def start(self, target: str) -> Stack:
        stack = Stack(SOURCE_ROOT, self.folder.name, target)
        self.addCleanup(stack.stop)
        return stack

    # A scrape may come late on a busy machine, so that OctroiDown fires for a
    # moment; every other alert rests on what the target says.
    def expect_firing(self, stack: Stack, expected: list[str]) -> None:
        stack.wait_for_evaluation()
        self.assertEqual(
            [f"{one['alertname']} {one.get('workload', '')}".strip()
             for one in stack.firing() if one["alertname"] != "OctroiDown"],
            expected)

    def test_violation_reaches_its_people_and_silence_is_noticed(self):
        target = healthy_octroi()
        stopped = []
        self.addCleanup(lambda: stopped or target.stop())
        stack = self.start(target.address)

        # Nothing new has happened: nothing fires.
        wait_until("the target is scraped twice", lambda: (stack.value(
            'count_over_time(octroi_violations_total{workload="payments",'
            'reason="outside_eu"}[1m])') or 0) >= 2)
        self.expect_firing(stack, [])

        # One workload sends outside the EU.
        target.set('octroi_operator_egress_bytes_total{workload="payments",'
                   'verdict="violation",operator="Example Hosting"}', 4096)
        target.set('octroi_violations_total{workload="payments",'
                   'reason="outside_eu"}', 3)
        alert = stack.wait_for_alert(
            "/owner/payments", {"alertname": "OctroiEgressOutsideEU",
                                "workload": "payments", "severity": "critical",
                                "job": "octroi", "instance": target.address})
        stack.wait_for_alert("/soc", {"alertname": "OctroiEgressOutsideEU"})
        self.assertIn("Example Hosting", alert["annotations"]["description"])
        self.assertIn("outside_eu", alert["annotations"]["description"])
        self.assertEqual(alert["annotations"]["runbook_url"],
                         "docs/runbooks/OctroiEgressOutsideEU.md")
        self.expect_firing(stack, ["OctroiEgressOutsideEU payments"])

        # octroi ends, and that is told.
        target.stop()
        stopped.append(True)
        stack.wait_for_alert("/operations", {"alertname": "OctroiDown",
                                             "instance": target.address})
        self.assertEqual(
            [path for path, one in stack.receiver.received()
             if one["labels"].get("workload") == "office"], [])


class FasterTest(unittest.TestCase):
    def test_a_minute_is_a_second_and_nothing_else_changes(self):
        for text, faster in (
                ("increase(x[1h]) unless x offset 1h > 3600",
                 "increase(x[60s]) unless x offset 60s > 3600"),
                ("min_over_time(x[7d:5m] offset 1d)",
                 "min_over_time(x[10080s:5s] offset 1440s)"),
                ("        for: 5m\n    interval: 30s",
                 "        for: 5s\n    interval: 1s"),
                ("(time() - process_start_time_seconds < 900)",
                 "(time() - process_start_time_seconds < 15)"),
                ("group_wait: 30s", "group_wait: 1s"),
                ("time() / 86400 <= 90 > 30 # 5m",
                 "time() / 86400 <= 90 > 30 # 5m")):
            with self.subTest(text=text):
                self.assertEqual(sixty_times_as_fast(text), faster)


if __name__ == "__main__":
    absent = [tool for tool in ("prometheus", "prometheus-alertmanager")
              if shutil.which(tool) is None]
    if absent:
        print(f"skipped: {', '.join(absent)} not installed "
              "(tools/install-packages --test)")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
