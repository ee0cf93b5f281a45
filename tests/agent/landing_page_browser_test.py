#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The landing page in Chromium, against a server that gives it metrics: what
stands in the document is what the metrics say.

    landing_page_browser_test.py SOURCE_ROOT LANDING_PAGE.html

Exits with 77, and says why, where there is no Chromium. The page's own timer is
paused, and each refresh is asked for.
"""

import csv
import html.parser
import http.server
import json
import pathlib
import random
import re
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
SOURCE_ROOT, PAGE = map(pathlib.Path, sys.argv[1:3])
POLICY = PAGE.with_suffix(".policy")
WORLD_MAP = SOURCE_ROOT / "agent/landing_page/world_map.js"

import browser  # noqa: E402
import landing_page_metrics as metrics  # noqa: E402

# What a browser must show as text, and nothing else.
HOSTILE = ("<img src=x onerror=alert(1)>", 'a"}\n{b\\', "\u202edesrever",
           "__proto__", "constructor", "n" * 300, "</script><b>bold</b>")
EGRESS = "octroi_egress_bytes_total"
OPERATOR_EGRESS = "octroi_operator_egress_bytes_total"
OPERATOR_ROWS = 40
SERIES_CEILING = 2000


def visible(name):
    """As the page writes a name: what cannot be seen becomes a number."""
    return re.sub("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e"
                  "\u2060-\u2069\ufeff]",
                  lambda m: f"\\u{ord(m[0]):04x}", name)


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children = []

    def get(self, name):
        return self.attributes.get(name)

    @property
    def text(self):
        return "".join(c if isinstance(c, str) else c.text
                       for c in self.children)

    def all(self, tag):
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag:
                    yield child
                yield from child.all(tag)


class Document(html.parser.HTMLParser):
    """A document as the browser writes it."""

    VOID = {"meta", "link", "br", "img", "input", "hr"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.root = self.at = Element("", {}, None)
        self.by_id = {}
        self.tags = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        element = Element(tag, dict(attributes), self.at)
        self.tags.append(tag)
        self.at.children.append(element)
        if element.get("id"):
            self.by_id[element.get("id")] = element
        if tag not in self.VOID:
            self.at = element

    def handle_startendtag(self, tag, attributes):
        self.at.children.append(Element(tag, dict(attributes), self.at))

    def handle_endtag(self, tag):
        at = self.at
        while at.parent and at.tag != tag:
            at = at.parent
        if at.parent:
            self.at = at.parent

    def handle_data(self, data):
        self.at.children.append(data)

    def text(self, element_id):
        return self.by_id[element_id].text.strip()

    def value(self, element_id):
        return float(self.by_id[element_id].get("data-value"))

    def rows(self, body_id):
        """Rows of cells."""
        return [[c for c in row.children if isinstance(c, Element)]
                for row in self.by_id[body_id].all("tr")]

    def table(self, body_id):
        """Cells by the text of the row's header."""
        return {row[0].text.strip(): row[1:] for row in self.rows(body_id)}


class Server:
    """The page, and for metrics whatever `answer` is: (status, text)."""

    def __init__(self, answer, policy):
        self.answer = answer
        self.fetches = 0
        self.unexpected = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/":
                    self.reply(200, PAGE.read_bytes(), "text/html; charset=utf-8")
                elif self.path == "/metrics":
                    status, text = outer.answer
                    outer.fetches += 1
                    self.reply(status, text.encode(), "text/plain; "
                               "version=0.0.4; charset=utf-8")
                else:
                    outer.unexpected.append(self.path)
                    self.send_error(404)

            def reply(self, status, body, content_type):
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Security-Policy", policy)
                self.send_header("X-Content-Type-Options", "nosniff")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Visit:
    """The document after one refresh for each of the answers."""

    browser = None  # Of the whole run.

    def __init__(self, answers, policy=None):
        server = Server(answers[0], policy or POLICY.read_text())
        tab = browser.Tab(Visit.browser, server.url)
        try:
            if tab.evaluate("typeof page") == "object":
                tab.evaluate("document.getElementById('pause').click()")
                tab.evaluate("page.pending")
            for server.answer in answers[1:]:
                tab.evaluate("refresh()")
            self.document = Document(
                tab.evaluate("document.documentElement.outerHTML"))
            self.complaints = tab.complaints()
        finally:
            tab.close()
            server.close()
        self.fetches = server.fetches
        self.unexpected = server.unexpected


def setUpModule():
    Visit.browser = browser.Browser()


def tearDownModule():
    Visit.browser.close()


def world():
    """The part of world_map.js that is JSON."""
    text = WORLD_MAP.read_text(encoding="utf-8")
    body = re.search(r"const WORLD = (\{.*\});\n$", text, re.DOTALL)[1]
    return json.loads(re.sub(r"^ (\w+):", r' "\1":', body, flags=re.MULTILINE))


class MapTest(unittest.TestCase):
    def test_members_are_those_of_the_table_on_the_recorded_day(self):
        drawn = world()
        day = drawn["euDay"]
        path = SOURCE_ROOT / "data/jurisdictions.csv"
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(l for l in stream if not l.startswith("#"))
            members = {r["code"] for r in rows if r["regime"] == "eu"
                       and r["from"] <= day and (r["until"] or day) >= day}
        self.assertEqual(set(drawn["eu"].split()), members)
        self.assertLessEqual(members, set(drawn["places"]))

    def test_each_place_is_inside_the_map(self):
        drawn = world()
        left, top, width, height = drawn["view"]
        self.assertGreater(len(drawn["places"]), 240)
        for code, (path, x, y) in drawn["places"].items():
            with self.subTest(code=code):
                self.assertTrue(left <= x <= left + width)
                self.assertTrue(top <= y <= top + height)
                self.assertRegex(path, r"^(m[-\d][-\d ]*z)*$")


class BusyDaemonTest(unittest.TestCase):
    """Two thousand series, hostile names, and a second fetch that has moved."""

    @classmethod
    def setUpClass(cls):
        now = int(time.time())
        codes = sorted(set(world()["places"]) - {""})
        chance = random.Random(20)
        countries = tuple(dict.fromkeys(
            [*metrics.REGIMES, *chance.sample(codes, 90)]))
        cls.workloads = ("payments", "idle") + HOSTILE[:3]
        cls.operators = HOSTILE + tuple(f"operator {n}" for n in range(70))
        first = metrics.busy_scene(now, 3, cls.workloads[:1] + cls.workloads[2:],
                                   countries, cls.operators)
        first.add("octroi_workload_info", 1, workload="idle")
        first.add("octroi_workload_seal_level", float("nan"), workload="idle")
        cut_to_ceiling(first)
        second = metrics.moved(first, random.Random(21))
        second.replace("octroi_source_blind", 1, source="eth1")
        second.replace("octroi_lost_packets_total", 20418, source="eth0",
                       where="kernel_ring")
        cls.first, cls.second = first, second
        cls.visit = Visit([(200, first.text()), (200, second.text())])
        cls.document = cls.visit.document

    def sums(self, scene, name, *labels, **wanted):
        found = {}
        for sample, value in scene.families[name]:
            if wanted.items() <= sample.items():
                key = tuple(sample[label] for label in labels)
                found[key] = found.get(key, 0) + value
        return found

    def test_console_is_silent_and_only_the_metrics_are_fetched(self):
        self.assertEqual(self.visit.complaints, [])
        self.assertEqual(self.visit.unexpected, [])
        self.assertGreaterEqual(self.visit.fetches, 2)
        self.assertEqual(self.first.series(), SERIES_CEILING)

    def test_totals_equal_the_metrics(self):
        document = self.document
        self.assertEqual(document.value("egress-total"), self.second.sum(EGRESS))
        flows = self.sums(self.second, "octroi_flows_total", "verdict")
        shown = document.table("verdict-rows")
        for verdict in metrics.VERDICTS:
            cells = shown[verdict.replace("_", " ")]
            octets = self.second.sum(EGRESS, verdict=verdict)
            self.assertEqual(float(cells[1].get("data-value")), octets)
            self.assertEqual(cells[1].get("title"), f"{octets:,} bytes")
            self.assertEqual(float(cells[4].get("data-value")),
                             flows.get((verdict,), 0))

    def test_rates_are_what_came_between_two_fetches(self):
        before = self.sums(self.first, EGRESS, "country")
        after = self.sums(self.second, EGRESS, "country")
        gain = sum(after.values()) - sum(before.values())
        seconds = gain / self.document.value("egress-rate")
        self.assertGreater(seconds, 0)
        for row in self.document.rows("country-rows"):
            code = row[0].children[-1].text
            moved = after[(code,)] - before[(code,)]
            self.assertAlmostEqual(float(row[2].get("data-value")) * seconds,
                                   moved, delta=moved * 1e-9)

    def test_each_country_has_a_row_and_a_place(self):
        totals = self.sums(self.second, EGRESS, "country")
        violating = self.sums(self.second, EGRESS, "country",
                              verdict="violation")
        countries = {c for c, in totals if len(c) == 2}
        rows = {row[0].children[-1].text: row
                for row in self.document.rows("country-rows")}
        shapes = {shape.get("data-code"): shape for tag in ("path", "circle")
                  for shape in self.document.by_id["world"].all(tag)
                  if "place" in shape.get("class")}
        marked = {mark.get("data-code")
                  for mark in self.document.by_id["world"].all("path")
                  if mark.get("class") == "violation-mark"}

        self.assertEqual(set(rows), countries)
        for code in countries:
            with self.subTest(code=code):
                self.assertEqual(float(rows[code][3].get("data-value")),
                                 totals[(code,)])
                self.assertEqual(float(rows[code][4].get("data-value")),
                                 violating.get((code,), 0))
                if code != "AQ":
                    self.assertIn(shapes[code].get("data-class"), set("12345"))
        coloured = {c for c, s in shapes.items() if s.get("data-class")}
        self.assertEqual(coloured, countries - {"AQ"})
        self.assertEqual(marked, {c for c, in violating if len(c) == 2} - {"AQ"})

    def test_what_has_no_place_is_listed_and_not_drawn(self):
        totals = self.sums(self.second, EGRESS, "country")
        rows = {re.split(":", text)[0]: cells for text, cells in
                self.document.table("nowhere-rows").items()}
        self.assertEqual(set(rows), set(metrics.PLACELESS) | {"Antarctica"})
        for name in metrics.PLACELESS:
            self.assertEqual(float(rows[name][1].get("data-value")),
                             totals[(name,)])

    def test_workloads_and_their_seal_levels(self):
        totals = self.sums(self.second, EGRESS, "workload")
        levels = self.sums(self.second, "octroi_workload_seal_level", "workload")
        rows = self.document.table("workload-rows")
        self.assertEqual(set(rows), {visible(w) for w in self.workloads})
        for name in self.workloads:
            seal, _, total = rows[visible(name)][:3]
            level = levels[(name,)]
            if level != level:
                self.assertEqual(seal.text, "not known")
            else:
                self.assertEqual(float(seal.get("data-value")), level)
            self.assertEqual(float(total.get("data-value")),
                             totals.get((name,), 0))

    def test_violations_above_zero_and_the_number_of_those_at_zero(self):
        counts = self.sums(self.second, "octroi_violations_total",
                           "workload", "reason")
        shown = {(row[0].text, row[1].get("title")):
                 float(row[2].get("data-value"))
                 for row in self.document.rows("violation-rows")}
        self.assertEqual(shown, {(visible(w), r): n
                                 for (w, r), n in counts.items() if n > 0})
        zeros = sum(n == 0 for n in counts.values())
        self.assertEqual(self.document.text("violation-zero-summary"),
                         f"{zeros} pairs of workload and reason at 0")

    def test_largest_operators_the_others_and_what_is_left_out(self):
        counts = self.sums(self.second, OPERATOR_EGRESS, "operator", "verdict")
        named = sorted(((n, *k) for k, n in counts.items() if k[0] != "other"),
                       reverse=True)
        rows = [(float(row[3].get("data-value")), row[0].text,
                 row[1].text.replace(" ", "_"))
                for row in self.document.rows("operator-rows")]
        self.assertEqual(rows[:OPERATOR_ROWS],
                         [(n, visible(o), v) for n, o, v in
                          named[:OPERATOR_ROWS]])
        others = {v: n for (o, v), n in counts.items() if o == "other"}
        self.assertEqual({v: n for n, o, v in rows[OPERATOR_ROWS:]
                          if o == "all others together"}, others)
        self.assertIn(f"{len(named) - OPERATOR_ROWS} smaller rows",
                      self.document.text("operator-note"))

    def test_absent_losses_are_not_known_and_never_zero(self):
        rows = self.document.table("source-rows")
        lost = {(sample["source"], sample["where"]): value for sample, value in
                self.second.families["octroi_lost_packets_total"]}
        for source, cells in rows.items():
            for where, cell in zip(("kernel_ring", "interface", "nic",
                                    "nic_errors", "mempool"), cells[3:]):
                if (source, where) in lost:
                    self.assertEqual(float(cell.get("data-value")),
                                     lost[(source, where)])
                else:
                    self.assertEqual(cell.text, "not known")
                    self.assertIsNone(cell.get("data-value"))
        self.assertEqual(rows["eth0"][0].text, "seen")
        self.assertEqual(rows["eth1"][0].text, "blind")
        self.assertEqual(float(rows["eth0"][2].get("data-value")), 12.75)

    def test_state_is_told_in_words_worst_first(self):
        self.assertEqual(self.document.by_id["state"].get("data-level"), "bad")
        self.assertRegex(
            self.document.text("sentence"),
            r"^Blind\. eth1 has not been seen in full since \d\d:\d\d:\d\d UTC\. "
            r"Losing packets\. eth0 loses packets: kernel ring\.$")

    def test_qualifications_and_facts_have_their_days(self):
        rows = self.document.table("qualification-rows")
        self.assertEqual(rows["Worldline"][2].text, "ended 11 days ago")
        self.assertEqual(rows["Oodrive"][2].text, "last day")
        self.assertEqual(rows["Outscale"][2].text, "8 days")
        self.assertEqual(rows["OVHcloud"][2].text, "214 days")
        facts = self.document.table("fact-rows")
        self.assertEqual(facts["country"][1].text, "174 days")
        self.assertEqual(facts["operators"][1].text, "1 day")

    def test_process_and_edition(self):
        process = self.document.table("process-rows")
        self.assertEqual(float(process["Flow table"][0].get("data-value")), 0.184)
        self.assertEqual(process["Memory"][0].get("title"), "734,003,200 bytes")
        self.assertGreater(float(process["Processor"][0].get("data-value")), 0)
        self.assertIn("0.1.0", process["Version"][0].text)
        edition = self.document.table("edition-rows")
        self.assertEqual(edition["Edition"][0].text, "9f2c41d07b" * 6 + "9f2c")
        self.assertEqual(edition["Loads"][0].text,
                         "4 adopted, 11 unchanged, 0 refused")

    def test_hostile_names_make_no_element(self):
        self.assertNotIn("img", self.document.tags)
        self.assertNotIn("b", self.document.tags)
        self.assertEqual(self.document.tags.count("script"), 2)


def cut_to_ceiling(scene):
    """Leaves as many series as /metrics may have: the last country's go."""
    countries = list(dict.fromkeys(
        sample["country"] for sample, _ in scene.families[EGRESS]
        if len(sample["country"]) == 2))
    names = (EGRESS, "octroi_egress_packets_total", "octroi_flows_total")
    while scene.series() > SERIES_CEILING:
        last = countries.pop()
        for name in names:
            scene.families[name] = [s for s in scene.families[name]
                                    if s[0]["country"] != last]
    while scene.series() < SERIES_CEILING:
        scene.add("octroi_undecoded_packets_total", 0,
                  reason=f"reason_{scene.series()}")


class TroubleTest(unittest.TestCase):
    def scene(self):
        return metrics.busy_scene(int(time.time()), 5, ("payments",),
                                  ("FR", "US"), ("OVHcloud",))

    def test_what_cannot_be_read_is_said_and_the_old_numbers_stay(self):
        good = self.scene()
        broken = good.text() + 'octroi_flows_active{a="1} 4\n'
        line = broken.count("\n")

        visit = Visit([(200, good.text()), (200, broken)])

        self.assertRegex(
            visit.document.text("sentence"),
            rf"^Unreadable metrics\. Since \d\d:\d\d:\d\d UTC: line {line} has a "
            r"label that cannot be read\. The numbers below are those of "
            r"\d\d:\d\d:\d\d UTC\.$")
        self.assertEqual(visit.document.value("egress-total"), good.sum(EGRESS))
        self.assertEqual(visit.complaints, [])

    def test_a_server_that_fails_is_unreachable_since_then(self):
        good = self.scene()

        visit = Visit([(200, good.text()), (503, "")])

        self.assertRegex(
            visit.document.text("sentence"),
            r"^Unreachable\. Since \d\d:\d\d:\d\d UTC: it answers with 503\. The "
            r"numbers below are those of \d\d:\d\d:\d\d UTC\.$")
        self.assertEqual(visit.document.value("egress-total"), good.sum(EGRESS))

    def test_the_page_pauses(self):
        visit = Visit([(200, self.scene().text())])

        self.assertEqual(visit.document.text("pause"), "Resume")
        self.assertRegex(visit.document.text("freshness"),
                         r"^Numbers of \d\d:\d\d:\d\d UTC, paused$")

    def test_another_process_has_no_rates_yet(self):
        first, second = self.scene(), self.scene()
        start = first.sum("process_start_time_seconds")
        second.replace("process_start_time_seconds", start + 60)

        visit = Visit([(200, first.text()), (200, second.text())])

        self.assertEqual(visit.document.text("egress-rate"), "not known")
        self.assertEqual(visit.document.value("egress-total"),
                         second.sum(EGRESS))

    def test_what_is_absent_is_not_known(self):
        scene = metrics.Scene()
        scene.add("octroi_source_up", 0, source="eth0")
        scene.add("octroi_source_blind", 1, source="eth0")
        scene.add("octroi_edition_refused", 1)

        visit = Visit([(200, scene.text())])

        self.assertRegex(
            visit.document.text("sentence"),
            r"^Not ready\. No source is up\. Blind\. eth0 has not been seen in "
            r"full since before \d\d:\d\d:\d\d UTC, when this page first "
            r"looked\. Edition refused\. The last one to be loaded was refused; "
            r"the one before it stays in force\.$")
        for place in ("egress-rate", "egress-total", "started"):
            self.assertEqual(visit.document.text(place), "not known")
        for body in ("workload-rows", "country-rows", "nowhere-rows",
                     "violation-rows", "operator-rows", "undecoded-rows",
                     "qualification-rows", "fact-rows"):
            self.assertEqual(visit.document.text(body), "not known", body)
        for body in ("verdict-rows", "process-rows", "record-rows",
                     "source-rows"):
            for cell in sum(visit.document.rows(body), []):
                self.assertNotEqual(cell.get("data-value"), "0")
                self.assertNotRegex(cell.text, r"^0")
        self.assertEqual(visit.complaints, [])

    def test_a_page_that_is_not_the_policys_runs_nothing(self):
        policy = re.sub(r"sha256-.", "sha256-_", POLICY.read_text())

        visit = Visit([(200, self.scene().text())], policy)

        self.assertEqual(visit.fetches, 0)
        self.assertNotEqual(visit.complaints, [])
        self.assertIn("No numbers yet.", visit.document.text("sentence"))


if __name__ == "__main__":
    if browser.PATH is None:
        print("skipped: chromium is not installed "
              "(tools/install-packages --test)")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
