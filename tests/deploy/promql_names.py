# SPDX-License-Identifier: Apache-2.0
"""Which metrics exist, and which metrics and labels an expression uses.

Syntax is promtool's to check; this finds names that promtool takes for granted:
a metric that octroi does not export is an alert that never fires.
"""

import os
import re

# Prometheus' own, and the labels that it adds to every series of a target.
TARGET_LABELS = {"job", "instance"}
OWN_METRICS = {"up": set(), "scrape_samples_scraped": set()}

_KEYWORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan", "by",
             "without", "on", "ignoring", "group_left", "group_right"}
_STRING = r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\''
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"


def metrics_of(source_root: str) -> dict[str, set[str]]:
    """Labels by metric, from docs/reference/metrics.md."""
    page = os.path.join(source_root, "docs", "reference", "metrics.md")
    found = dict(OWN_METRICS)
    with open(page, encoding="utf-8") as file:
        for line in file:
            cells = [cell.strip() for cell in line.split("|")[1:-1]]
            if len(cells) < 4:
                continue
            for name in re.findall(r"`((?:octroi|process)_\w+)`", cells[0]):
                found[name] = set(re.findall(r"\b[a-z_]+\b", cells[2])
                                  if cells[2] != "none" else ())
    return found


def recorded_labels(expr: str) -> set[str]:
    """Labels of what a recording rule makes: of its outermost `by`."""
    match = re.search(r"\bby\s*\(([^)]*)\)", expr)
    return set(re.findall(r"\w+", match.group(1))) if match else set()


def labels_of(expr: str, metrics: dict[str, set[str]]) -> set[str]:
    """Every label that a metric of the expression can have."""
    labels = set(TARGET_LABELS)
    for name in re.findall(_NAME, re.sub(_STRING, '""', expr)):
        labels |= metrics.get(name, set())
    return labels


def faults_of(expr: str, metrics: dict[str, set[str]],
              more_labels: frozenset[str] = frozenset()) -> list[str]:
    """What the expression names that does not exist, a sentence each."""
    text = re.sub(_STRING, '""', expr)
    text = re.sub(r"#[^\n]*", "", text)
    text = re.sub(r"\[[^\]]*\]", "", text)           # [5m], [7d:5m]
    text = re.sub(r"\boffset\s+-?\w+", "", text)
    known = labels_of(expr, metrics) | more_labels
    faults = []
    for clause in re.finditer(r"\b(?:by|without|on|ignoring|group_left"
                              r"|group_right)\s*\(([^)]*)\)", text):
        faults += [f"no metric of it has the label {label}"
                   for label in re.findall(r"\w+", clause.group(1))
                   if label not in known]
    text = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*"
                  r"\([^)]*\)", "", text)
    for name, is_call, matchers in re.findall(
            rf"(?<![\w:.])({_NAME})\s*(\()?\s*(\{{[^}}]*\}})?", text):
        if is_call or name.lower() in _KEYWORDS:
            continue
        if name not in metrics:
            faults.append(f"there is no metric {name}")
            continue
        faults += [f"{name} has no label {label}"
                   for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)
                   if label not in metrics[name] | TARGET_LABELS]
    return faults
