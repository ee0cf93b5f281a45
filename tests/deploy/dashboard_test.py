#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deploy/grafana/octroi.json: what Grafana needs of a dashboard, without a
Grafana, and every expression by promtool and by the list of metrics.

    dashboard_test.py SOURCE_ROOT

Exits with 77, and says why, where a tool is missing.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from promql_names import faults_of, labels_of, metrics_of, recorded_labels

SOURCE_ROOT = os.path.abspath(sys.argv[1])
PATH = os.path.join(SOURCE_ROOT, "deploy", "grafana", "octroi.json")
RULES = os.path.join(SOURCE_ROOT, "deploy", "prometheus", "octroi.rules.yml")

COLUMNS = 24  # Of Grafana's grid.
# 30 is Grafana 8's first, 39 Grafana 10.4's: older ones are migrated as they
# are loaded, newer ones would not be understood by Grafana 9.
SCHEMA_VERSIONS = range(30, 38)
PANEL_TYPES = {"row", "stat", "geomap", "table", "timeseries", "bargauge",
               "state-timeline"}
# What Grafana puts in for its own variables, roughly.
VARIABLES = {"$__rate_interval": "1m", "$__range": "3h",
             "$instance": ".*", "$workload": ".*"}


def dashboard() -> dict:
    with open(PATH, encoding="utf-8") as file:
        return json.load(file)


def panels() -> list[dict]:
    """Every panel, those in collapsed rows included."""
    return [panel for top in dashboard()["panels"]
            for panel in [top] + top.get("panels", [])]


def expressions() -> list[tuple[str, str]]:
    """(where, expression), with variables put in."""
    found = [(panel["title"], target["expr"]) for panel in panels()
             for target in panel.get("targets", ())]
    found += [(note["name"], note["expr"])
              for note in dashboard()["annotations"]["list"] if "expr" in note]
    for variable in dashboard()["templating"]["list"]:
        match = re.fullmatch(r"label_values\((.*), (\w+)\)",
                             variable.get("definition", ""))
        if match:
            found.append((variable["name"],
                          f"count by ({match[2]}) ({match[1]})"))
    return [(where, with_variables(expr)) for where, expr in found]


def with_variables(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


class DashboardTest(unittest.TestCase):
    def test_has_what_grafana_needs(self):
        board = dashboard()
        for key, kind in (("uid", str), ("title", str), ("tags", list),
                          ("schemaVersion", int), ("panels", list),
                          ("time", dict), ("refresh", str), ("templating", dict),
                          ("annotations", dict), ("timezone", str)):
            self.assertIsInstance(board.get(key), kind, msg=key)
        self.assertNotIn("id", board, msg="an id belongs to one Grafana")
        self.assertIn(board["schemaVersion"], SCHEMA_VERSIONS)
        self.assertRegex(board["uid"], r"^[a-zA-Z0-9_-]{1,40}$")

    def test_variables_are_a_source_instances_and_workloads(self):
        variables = {one["name"]: one
                     for one in dashboard()["templating"]["list"]}
        self.assertEqual(list(variables), ["datasource", "instance", "workload"])
        self.assertEqual(variables["datasource"]["type"], "datasource")
        self.assertEqual(variables["datasource"]["query"], "prometheus")
        for name in ("instance", "workload"):
            self.assertEqual(variables[name]["type"], "query")
            self.assertTrue(variables[name]["multi"])
            self.assertTrue(variables[name]["includeAll"])
            self.assertEqual(variables[name]["definition"],
                             variables[name]["query"]["query"])

    def test_panels_are_whole(self):
        ids = [panel["id"] for panel in panels()]
        self.assertEqual(len(ids), len(set(ids)))
        for panel in panels():
            with self.subTest(panel=panel["title"]):
                self.assertIn(panel["type"], PANEL_TYPES)
                if panel["type"] == "row":
                    continue
                self.assertEqual(panel["datasource"]["uid"], "${datasource}")
                self.assertIn("defaults", panel["fieldConfig"])
                self.assertIn("overrides", panel["fieldConfig"])
                self.assertIn("unit", panel["fieldConfig"]["defaults"])
                self.assertTrue(panel["targets"])
                references = [one["refId"] for one in panel["targets"]]
                self.assertEqual(len(references), len(set(references)))
                for one in panel["targets"]:
                    self.assertEqual(one["datasource"]["uid"], "${datasource}")
                    self.assertNotEqual(one["range"], one["instant"])

    def test_panels_do_not_overlap(self):
        taken = {}
        for panel in dashboard()["panels"]:
            place = panel["gridPos"]
            self.assertGreater(place["w"] * place["h"], 0)
            self.assertLessEqual(place["x"] + place["w"], COLUMNS)
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertNotIn((x, y), taken,
                                     msg=f"{panel['title']} is on "
                                         f"{taken.get((x, y))}")
                    taken[x, y] = panel["title"]

    def test_legends_use_labels_that_are_there(self):
        metrics = all_metrics()
        for panel in panels():
            for target in panel.get("targets", ()):
                asked = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
                with self.subTest(panel=panel["title"]):
                    labels = (recorded_labels(target["expr"])
                              or labels_of(target["expr"], metrics))
                    self.assertEqual(set(asked) - labels, set())

    def test_expressions_use_only_metrics_and_labels_that_exist(self):
        metrics = all_metrics()
        for where, expr in expressions():
            with self.subTest(where=where):
                self.assertEqual(faults_of(expr, metrics), [], msg=expr)

    # promtool reads rules, no lone expressions; a rule is made of each.
    def test_expressions_are_promql(self):
        rules = {"groups": [{"name": "dashboard", "rules": [
            {"record": f"dashboard:{number}", "expr": expr}
            for number, (_, expr) in enumerate(expressions())]}]}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "dashboard.yml")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(rules, file)  # JSON is YAML.
            done = subprocess.run(
                ["promtool", "check", "rules", path], text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env=os.environ | {"GOMAXPROCS": "1"})
        self.assertEqual(done.returncode, 0, msg=done.stdout)
        self.assertIn(f"{len(expressions())} rules found", done.stdout)

    def test_no_variable_is_left_unreplaced(self):
        for where, expr in expressions():
            self.assertNotIn("$", expr, msg=where)

    # CC BY 4.0: a page that shows what the database says names it.
    def test_names_the_source_of_its_countries(self):
        self.assertIn("https://db-ip.com",
                      [link["url"] for link in dashboard()["links"]])


def all_metrics() -> dict[str, set[str]]:
    metrics = metrics_of(SOURCE_ROOT)
    with open(RULES, encoding="utf-8") as file:
        text = file.read()
    for name, expr in re.findall(
            r"- record: (\S+)\n\s+expr: \|\n((?:\s{10,}.*\n)+)", text):
        metrics[name] = recorded_labels(expr) - {"job", "instance"}
    return metrics


if __name__ == "__main__":
    if shutil.which("promtool") is None:
        print("skipped: promtool is not installed "
              "(tools/install-packages --test)")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
