#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules, examples and runbooks of deploy/, by promtool and amtool: they are
valid, each alert is shown firing and staying quiet, each has a page, and no
rule waits for a metric or label that octroi does not have.

    rules_test.py SOURCE_ROOT

Exits with 77, and says why, where a tool is missing.
"""

import functools
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

try:
    import yaml
except ImportError:
    yaml = None

from promql_names import (TARGET_LABELS, faults_of, labels_of, metrics_of,
                          recorded_labels)

SOURCE_ROOT = os.path.abspath(sys.argv[1])
PROMETHEUS = os.path.join(SOURCE_ROOT, "deploy", "prometheus")
ALERTMANAGER = os.path.join(SOURCE_ROOT, "deploy", "alertmanager",
                            "alertmanager.yml")
RUNBOOKS = os.path.join(SOURCE_ROOT, "docs", "runbooks")
RULES = os.path.join(PROMETHEUS, "octroi.rules.yml")
RULE_FILES = [RULES, os.path.join(PROMETHEUS, "octroi.fleet.rules.yml")]
RULE_TESTS = sorted(glob.glob(os.path.join(PROMETHEUS, "tests", "*.yml")))

# Reasons that no judgement gives with the verdict violation (policy/judge.cc):
# the requirement holds, was not asked, or there is none. Every other one can be
# a violation, at the latest with `undetermined: violation`.
NEVER_A_VIOLATION = {"meets_requirement", "exception", "opened_by_remote",
                     "internal", "no_requirement"}


def run(*command: str) -> subprocess.CompletedProcess:
    # One thread: on a busy machine Go's others wait for each other.
    return subprocess.run(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        cwd=SOURCE_ROOT, env=os.environ | {"GOMAXPROCS": "1"})


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


@functools.cache
def parsed(path: str):
    return yaml.load(read(path),
                     Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def rules_of(path: str) -> list[dict]:
    return [rule for group in parsed(path)["groups"]
            for rule in group["rules"]]


def alerts() -> list[dict]:
    return [rule for path in RULE_FILES for rule in rules_of(path)
            if "alert" in rule]


def identity(alert: dict) -> str:
    """An alert's name and the labels that tell it from its namesakes."""
    return " ".join([alert["alert"]] + [f"{k}={v}" for k, v in
                                        sorted(alert["labels"].items())])


def all_metrics() -> dict[str, set[str]]:
    """octroi's, Prometheus' and those that the rules record."""
    metrics = metrics_of(SOURCE_ROOT)
    for path in RULE_FILES:
        for rule in rules_of(path):
            if "record" in rule:
                metrics[rule["record"]] = (recorded_labels(rule["expr"])
                                           - TARGET_LABELS)
    return metrics


class ValidityTest(unittest.TestCase):
    def expect_success(self, *command: str) -> None:
        done = run(*command)
        self.assertEqual(done.returncode, 0, msg=done.stdout)

    def test_rules_are_valid(self):
        self.expect_success("promtool", "check", "rules", *RULE_FILES)

    def test_rules_say_what_their_tests_expect(self):
        for path in RULE_TESTS:
            with self.subTest(path=os.path.basename(path)):
                self.expect_success("promtool", "test", "rules", path)

    def test_configurations_are_valid(self):
        for path in sorted(glob.glob(os.path.join(PROMETHEUS, "*.yml"))):
            if path in RULE_FILES:
                continue
            agent = ["--agent"] if path.endswith(".agent.yml") else []
            with self.subTest(path=os.path.basename(path)):
                self.expect_success("promtool", "check", "config", *agent, path)

    # What is commented out is copied by people as well.
    def test_configuration_is_valid_with_its_example_of_tls(self):
        text = read(os.path.join(PROMETHEUS, "prometheus.yml"))
        path = os.path.join(PROMETHEUS, "prometheus.yml")
        example = re.sub(r"(?m)^(\s*)# (?=(?:scheme|tls_config|  ca_file"
                         r"|  cert_file|  key_file|basic_auth|  username"
                         r"|  password_file|external_labels"
                         r"|  octroi_runbooks):)", r"\1", text)
        self.assertEqual(len(set(text.split("\n"))
                             - set(example.split("\n"))), 10)
        done = subprocess.run(
            ["promtool", "check", "config", "--syntax-only", "/dev/stdin"],
            input=example, text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, msg=path + done.stderr)

    def test_alertmanager_takes_the_example(self):
        self.expect_success("amtool", "check-config", ALERTMANAGER)


class AlertTest(unittest.TestCase):
    def test_each_fires_in_a_test_and_stays_quiet_in_another(self):
        fires, quiet = set(), set()
        for path in RULE_TESTS:
            for test in parsed(path)["tests"]:
                for check in test.get("alert_rule_test", ()):
                    expected = check.get("exp_alerts") or ()
                    for alert in alerts():
                        if alert["alert"] != check["alertname"]:
                            continue
                        if any(alert["labels"].items()
                               <= one["exp_labels"].items()
                               for one in expected):
                            fires.add(identity(alert))
                        elif not expected:
                            quiet.add(identity(alert))
        names = {identity(alert) for alert in alerts()}
        self.assertEqual(names - fires, set(), msg="never shown firing")
        self.assertEqual(names - quiet, set(), msg="never shown quiet")

    def test_each_says_what_it_is_and_where_to_read_on(self):
        for alert in alerts():
            with self.subTest(alert=identity(alert)):
                self.assertIn(alert["labels"]["severity"],
                              ("critical", "warning", "info"))
                self.assertIn(alert["labels"]["kind"],
                              ("violation", "catalogue", "monitor"))
                texts = alert["annotations"]
                self.assertEqual(sorted(texts),
                                 ["description", "runbook_url", "summary"])
                self.assertTrue(texts["runbook_url"].endswith(
                    f'"docs/runbooks" }}}}/{alert["alert"]}.md'))

    def test_each_has_a_runbook_and_each_runbook_an_alert(self):
        pages = {os.path.basename(path).removesuffix(".md")
                 for path in glob.glob(os.path.join(RUNBOOKS, "Octroi*.md"))}
        self.assertEqual({alert["alert"] for alert in alerts()}, pages)
        index = read(os.path.join(RUNBOOKS, "README.md"))
        for page in pages:
            with self.subTest(page=page):
                text = read(os.path.join(RUNBOOKS, page + ".md"))
                self.assertTrue(text.startswith(f"# {page}\n"))
                self.assertIn(f"({page}.md)", index)
                for part in ("Means", "Look first", "Fix", "Silence", "Do not"):
                    self.assertIn(f"\n## {part}\n", text)

    def test_every_reason_that_can_be_a_violation_raises_one_alert(self):
        reasons = re.findall(r'\{Reason::k\w+, "(\w+)",',
                             read(os.path.join(SOURCE_ROOT, "policy",
                                               "terms.h")))
        self.assertGreater(len(reasons), 20)
        told = [reason for alert in alerts()
                if "octroi_violations:increase1h" in alert["expr"]
                for reason in re.search(r'reason=~"([^"]*)"',
                                        alert["expr"]).group(1).split("|")]
        self.assertEqual(sorted(told),
                         sorted(set(reasons) - NEVER_A_VIOLATION))

    def test_violations_name_workload_and_operators_and_are_one_each(self):
        for alert in alerts():
            if "octroi_violations:increase1h" not in alert["expr"]:
                continue
            with self.subTest(alert=alert["alert"]):
                description = alert["annotations"]["description"]
                reasons = re.search(r'reason=~("[^"]*")',
                                    alert["expr"]).group(1)
                self.assertIn("{{ $labels.workload }}", description)
                self.assertIn("octroi_operator_egress_bytes_total", description)
                self.assertIn(reasons, description)
                self.assertEqual(recorded_labels(alert["expr"]),
                                 {"job", "instance", "workload"})

    def test_expected_texts_have_no_hole(self):
        for path in RULE_TESTS:
            for word in ("error expanding", "no value", "%!", "NaN days"):
                self.assertNotIn(word, read(path), msg=path)


class RunbookTest(unittest.TestCase):
    """The commands of docs/runbooks/, as far as they can be run here."""

    # A record as docs/reference/flow-record.md shows it, of the workload that
    # the pages speak of.
    def sample_record(self, reason: str) -> dict:
        page = read(os.path.join(SOURCE_ROOT, "docs", "reference",
                                 "flow-record.md"))
        shown = re.search(r'(?m)^\{"source_address".*\}$', page)
        record = json.loads(shown.group(0))
        return record | {"workload": "WORKLOAD", "reason": reason}

    def commands(self) -> list[tuple[str, str]]:
        """(page, shell block)"""
        return [(os.path.basename(path), block)
                for path in sorted(glob.glob(os.path.join(RUNBOOKS, "*.md")))
                for block in re.findall(r"```sh\n(.*?)```", read(path),
                                        re.DOTALL)]

    def test_jq_finds_a_violation_in_the_flow_log(self):
        ran = 0
        for page, block in self.commands():
            if "/var/log/octroi/flows.jsonl" not in block:
                continue
            told = re.search(r"\^\(([a-z_|]+)\)\$|\.reason == \"(\w+)\"", block)
            reason = (told[1] or told[2]).split("|")[-1] if told else "anycast"
            with self.subTest(page=page), \
                    tempfile.TemporaryDirectory() as folder:
                log = os.path.join(folder, "flows.jsonl")
                with open(log, "w", encoding="utf-8") as file:
                    for one in (self.sample_record(reason),
                                self.sample_record("meets_requirement")
                                | {"seal": 3, "octets": 1, "operator": "No"}):
                        file.write(json.dumps(one) + "\n")
                done = run("bash", "-euo", "pipefail", "-c", block.replace(
                    "/var/log/octroi/flows.jsonl", log))
                self.assertEqual(done.returncode, 0, msg=done.stdout)
                self.assertEqual(len(done.stdout.splitlines()), 1,
                                 msg=block + done.stdout)
                ran += 1
        self.assertGreaterEqual(ran, 9)

    def test_jq_reads_the_journal(self):
        entry = {"MESSAGE": "m", "OCTROI_EVENT": "e"} | {
            field: "1" for field in self.fields()}
        ran = 0
        for page, block in self.commands():
            for command in re.findall(
                    r"journalctl [^|\n]*-o json[^|\n]*(?:\\\n)?\s*"
                    r"(\| jq .*?)(?:\n(?=\S)|\Z)", block, re.DOTALL):
                reason = re.search(r"\^\(([a-z_|]+)\)\$", command)
                if reason:
                    entry["OCTROI_REASON"] = reason[1].split("|")[0]
                with self.subTest(page=page):
                    done = run("bash", "-euo", "pipefail", "-c",
                               f"echo '{json.dumps(entry)}' {command}")
                    self.assertEqual(done.returncode, 0, msg=done.stdout)
                    self.assertEqual(len(done.stdout.splitlines()), 1,
                                     msg=command + done.stdout)
                    ran += 1
        self.assertGreaterEqual(ran, 15)

    def fields(self) -> set[str]:
        journal = read(os.path.join(SOURCE_ROOT, "docs", "reference",
                                    "journal.md"))
        return set(re.findall(r"`(OCTROI_[A-Z_]+)`", journal))

    def test_fields_and_ids_of_the_journal_exist(self):
        journal = read(os.path.join(SOURCE_ROOT, "docs", "reference",
                                    "journal.md"))
        for page, block in self.commands():
            with self.subTest(page=page):
                self.assertEqual(set(re.findall(r"\bOCTROI_[A-Z_]+", block))
                                 - self.fields(), set())
                for kind in re.findall(r"OCTROI_EVENT=(\w+)|MESSAGE_ID=(\w+)",
                                       block):
                    self.assertIn(f"`{''.join(kind)}`", journal)

    def test_options_of_octroi_exist(self):
        reference = read(os.path.join(SOURCE_ROOT, "docs", "reference",
                                      "command-line.md"))
        for page, block in self.commands():
            for line in re.findall(r"(?:^|&& )(octroi [a-z].*)", block,
                                   re.MULTILINE):
                with self.subTest(page=page, line=line):
                    for option in re.findall(r" (--[a-z-]+)", line):
                        self.assertIn(f"`{option} ", reference)

    def test_metrics_exist(self):
        metrics = all_metrics()
        for page, block in self.commands():
            for pattern in re.findall(r"grep (?:-E )?'?(octroi_[^\n']*)", block):
                with self.subTest(page=page, pattern=pattern):
                    self.assertTrue(any(re.search(pattern, name)
                                        for name in metrics))

    def test_links_lead_somewhere(self):
        for path in glob.glob(os.path.join(RUNBOOKS, "*.md")):
            for link in re.findall(r"\]\(([^):]+?)(?:#[^)]*)?\)", read(path)):
                with self.subTest(page=os.path.basename(path), link=link):
                    self.assertTrue(os.path.exists(
                        os.path.join(RUNBOOKS, link)))


class NamesTest(unittest.TestCase):
    def test_rules_use_only_metrics_and_labels_that_exist(self):
        metrics = all_metrics()
        for path in RULE_FILES:
            for rule in rules_of(path):
                name = rule.get("alert") or rule["record"]
                self.assertEqual(faults_of(rule["expr"], metrics), [], msg=name)

    def test_texts_use_only_metrics_and_labels_that_exist(self):
        metrics = all_metrics()
        for alert in alerts():
            labels = labels_of(alert["expr"], metrics) | set(alert["labels"])
            for text in alert["annotations"].values():
                asked = queries_of(text)
                more = frozenset().union(*(labels_of(query, metrics)
                                           for query in asked))
                with self.subTest(alert=identity(alert), text=text):
                    self.assertEqual(
                        [fault for query in asked
                         for fault in faults_of(query, metrics, more)], [])
                    self.assertEqual(
                        set(re.findall(r"\$labels\.(\w+)", text)) - labels,
                        set())
                    self.assertEqual(
                        set(re.findall(r"\.Labels\.(\w+)", text)) - more,
                        set())

    def test_a_name_that_does_not_exist_is_found(self):
        metrics = {"octroi_a_total": {"workload"}, "up": set()}
        for expr, fault in (
                ("rate(octroi_b_total[5m])", "there is no metric octroi_b_total"),
                ('octroi_a_total{city="x"} > 1', "octroi_a_total has no label city"),
                ("sum by (city) (octroi_a_total)",
                 "no metric of it has the label city"),
                ("up unless on (country) octroi_a_total offset 1h",
                 "no metric of it has the label country")):
            with self.subTest(expr=expr):
                self.assertEqual(faults_of(expr, metrics), [fault])
        for expr in ('sum by (job, workload) (rate(octroi_a_total{workload=~'
                     '"octroi_x{y}"}[7d:5m] offset 1d)) / 86400 <= 90 > 30',
                     "absent(up) or up == 1"):
            with self.subTest(expr=expr):
                self.assertEqual(faults_of(expr, metrics), [])


def queries_of(text: str) -> list[str]:
    """The expressions, and parts of expressions, in a text's templates."""
    found = []
    for action in re.findall(r"\{\{(.*?)\}\}(?!\})", text, re.DOTALL):
        for quoted in re.findall(r'printf "((?:\\.|[^"\\])*)"', action):
            query = quoted.replace('\\"', '"')
            query = query.replace("%q", '""').replace('"%s"', '""')
            query = query.replace("%s", "up")
            if re.search(r"[a-z]{2}", query):
                found.append(query)
    return found


class RoutingTest(unittest.TestCase):
    def receivers(self, labels: dict[str, str]) -> list[str]:
        done = subprocess.run(
            ["amtool", "config", "routes", "test",
             f"--config.file={ALERTMANAGER}",
             *(f"{key}={value}" for key, value in labels.items())],
            text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, msg=done.stderr)
        return done.stdout.strip().split(",")

    def test_each_kind_reaches_its_people(self):
        for labels, receivers in (
                ({"kind": "violation", "workload": "payments"},
                 ["soc", "owner-payments"]),
                ({"kind": "violation", "workload": "admin"},
                 ["soc", "owner-office"]),
                ({"kind": "violation", "workload": "of nobody"},
                 ["soc", "nobody-else"]),
                ({"kind": "catalogue", "severity": "info"}, ["compliance"]),
                ({"kind": "monitor", "severity": "critical"}, ["operations"]),
                ({"kind": "monitor", "severity": "warning"}, ["operations"]),
                ({"alertname": "Other"}, ["soc"])):
            with self.subTest(labels=labels):
                self.assertEqual(self.receivers(labels), receivers)

    def test_inhibition_names_alerts_that_exist_and_spares_violations(self):
        names = {alert["alert"] for alert in alerts()}
        labels = {alert["alert"]: alert["labels"] for alert in alerts()}
        for rule in parsed(ALERTMANAGER)["inhibit_rules"]:
            matchers = rule["source_matchers"] + rule["target_matchers"]
            named = re.findall(r"Octroi\w+", " ".join(matchers))
            self.assertEqual(set(named) - names, set())
            targets = " ".join(rule["target_matchers"])
            if 'kind="monitor"' not in targets:
                for name in re.findall(r"Octroi\w+", targets):
                    self.assertEqual(labels[name]["kind"], "monitor")


if __name__ == "__main__":
    absent = [tool for tool in ("promtool", "amtool", "jq")
              if shutil.which(tool) is None]
    absent += ["python3-yaml"] if yaml is None else []
    if absent:
        print(f"skipped: {', '.join(absent)} not installed "
              "(tools/install-packages --test)")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
