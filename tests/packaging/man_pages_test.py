#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages against the program and the reference: every command and
option that octroi prints is in octroi(1), and no other; every key of
docs/reference/configuration.md is in octroi.yaml(5), and no other.

    man_pages_test.py SOURCE_ROOT OCTROI

The pages' syntax is checked where mandoc is installed.
"""

import os
import re
import shutil
import subprocess
import sys
import unittest

SOURCE_ROOT, OCTROI = sys.argv[1:3]
MAN = os.path.join(SOURCE_ROOT, "docs", "man")
PAGES = ("octroi.1", "octroi.yaml.5", "octroi.8")


def read(*path: str) -> str:
    with open(os.path.join(SOURCE_ROOT, *path), encoding="utf-8") as file:
        return file.read()


def subsections(page: str) -> dict[str, str]:
    """Title and text of each .Ss of a page."""
    parts = re.split(r"(?m)^\.Ss (.*)\n", read("docs", "man", page))
    return {title.replace("\\&", ""): re.split(r"(?m)^\.Sh ", text)[0]
            for title, text in zip(parts[1::2], parts[2::2])}


def help_of(command: list[str]) -> str:
    return subprocess.run([OCTROI, *command, "--help"], text=True, check=True,
                          stdout=subprocess.PIPE).stdout


def commands(parents: list[str]) -> list[list[str]]:
    """Every command that does something: those that have no commands below."""
    below = help_of(parents).partition("\nSubcommands:\n")[2]
    names = re.findall(r"(?m)^  ([a-z]\S*)", below)
    if not names:
        return [parents]
    return [found for name in names for found in commands([*parents, name])]


class CommandsTest(unittest.TestCase):
    def test_each_command_and_option_is_in_octroi_1(self):
        sections = subsections("octroi.1")
        for command in commands([]):
            title = " ".join(["octroi", *command])
            with self.subTest(command=title):
                self.assertIn(title, sections, msg="write: .Ss " + title)
                printed = set(re.findall(r"(?m)^  (?:-\w,)?--([a-z-]+)",
                                         help_of(command))) - {"help"}
                written = set(re.findall(r"(?m)^\.It Fl -([a-z-]+)",
                                         sections[title]))
                self.assertEqual(written, printed)

    def test_exit_codes_are_in_octroi_1(self):
        codes = re.findall(r"(?m)^  kExit\w+ = (\d)", read("agent/command.h"))
        text = read("docs/man/octroi.1").partition(".Sh EXIT STATUS")[2]
        self.assertEqual(re.findall(r"(?m)^\.It (\d)$", text), codes)


class KeysTest(unittest.TestCase):
    def test_each_key_of_the_reference_is_in_octroi_yaml_5(self):
        reference = re.split(r"(?m)^##+ (.*)\n",
                             read("docs/reference/configuration.md"))
        sections = subsections("octroi.yaml.5")
        titles = reference[1::2]
        self.assertGreater(len(titles), 5)
        self.assertEqual(set(sections), set(titles))
        for title, text in zip(titles, reference[2::2]):
            with self.subTest(section=title):
                keys = re.findall(r"(?m)^\| `([a-z_.]+)` \|", text)
                written = re.findall(r"(?m)^\.It Va (\S+)$", sections[title])
                self.assertEqual(sorted(written), sorted(keys))


class SyntaxTest(unittest.TestCase):
    def test_mandoc_finds_nothing(self):
        if shutil.which("mandoc") is None:
            self.skipTest("mandoc is not installed "
                          "(tools/install-packages --test)")
        for page in PAGES:
            found = subprocess.run(
                ["mandoc", "-T", "lint", os.path.join(MAN, page)], text=True,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
            # Which other pages are there depends on the machine.
            found = [line for line in found.splitlines()
                     if "referenced manual not found" not in line]
            self.assertEqual(found, [])

    def test_pages_name_each_other_and_no_page_of_octroi_that_is_not_there(self):
        for page in PAGES:
            named = set(re.findall(r"(?m)^\.Xr (octroi\S*) (\d)",
                                   read("docs", "man", page)))
            here = {tuple(other.rsplit(".", 1)) for other in PAGES}
            self.assertEqual(named, here - {tuple(page.rsplit(".", 1))})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
