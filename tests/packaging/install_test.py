#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`cmake --install`: every file has its place, an administrator's configuration
is kept, and what is installed runs.

    install_test.py CMAKE BUILD_DIR
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

CMAKE, BUILD_DIR = sys.argv[1:3]

FACTS = """
    SOURCES.csv anycast.csv asn.mmdb databases.joined dbip-country.mmdb
    jurisdictions.csv offering_ranges.csv operators.csv qualified_services.csv regions.csv
    schemes.csv special_purpose.csv
""".split()

DEPLOYED = """
    alertmanager/alertmanager.yml grafana/octroi.json
    prometheus/fleet-central.yml prometheus/fleet-site.yml
    prometheus/fleet.agent.yml prometheus/octroi.fleet.rules.yml
    prometheus/octroi.rules.yml prometheus/prometheus.yml
""".split()
RUNBOOKS = os.listdir(pathlib.Path(__file__).parents[2] / "docs" / "runbooks")

# Below the prefix.
INSTALLED = sorted([
    "bin/octroi",
    "lib/systemd/system/octroi-replay@.service",
    "lib/systemd/system/octroi.service",
    "lib/sysusers.d/octroi.conf",
    "lib/tmpfiles.d/octroi.conf",
    "share/doc/octroi/LICENSE",
    "share/doc/octroi/NOTICE",
    "share/doc/octroi/README.data.md",
    "share/doc/octroi/README.systemd.md",
    "share/doc/octroi/licences/asn/DBIP-LICENSE",
    "share/doc/octroi/licences/asn/MODIFICATIONS",
    "share/doc/octroi/licences/asn/NRO_LICENSE",
    "share/doc/octroi/licences/asn/ROUTEVIEWS-LICENSE",
    "share/doc/octroi/licences/dbip-country/DBIP-LICENSE",
    "share/man/man1/octroi.1.gz",
    "share/man/man5/octroi.yaml.5.gz",
    "share/man/man8/octroi.8.gz",
    "share/octroi/systemd/octroi-dpdk.conf",
] + [f"share/octroi/{name}" for name in FACTS]
  + [f"share/octroi/deploy/{name}" for name in DEPLOYED]
  + [f"share/doc/octroi/runbooks/{name}" for name in RUNBOOKS])


def files_below(root: str) -> list[str]:
    return sorted(os.path.relpath(os.path.join(folder, name), root)
                  for folder, _, names in os.walk(root) for name in names)


def install(root: str, prefix: str) -> None:
    """As if `root` were the root of the file system."""
    subprocess.run([CMAKE, "--install", BUILD_DIR, "--prefix", prefix],
                   check=True, stdout=subprocess.DEVNULL,
                   env=os.environ | {"DESTDIR": root})


class InstallTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def path(self, name: str) -> str:
        return os.path.join(self.root, name.lstrip("/"))

    def test_each_file_has_its_place(self):
        for prefix in ("/usr", "/usr/local"):
            with self.subTest(prefix=prefix), \
                    tempfile.TemporaryDirectory() as root:
                install(root, prefix)
                self.assertEqual(
                    files_below(root),
                    sorted(["etc/octroi/octroi.yaml"] +
                           [f"{prefix.lstrip('/')}/{f}" for f in INSTALLED]))

    def test_nothing_leaves_a_prefix_of_ones_own(self):
        install(self.root, "/opt/octroi")

        self.assertEqual(files_below(self.path("opt/octroi")),
                         sorted(["etc/octroi/octroi.yaml", *INSTALLED]))
        self.assertEqual(os.listdir(self.root), ["opt"])

    def test_configuration_of_an_administrator_is_kept(self):
        install(self.root, "/usr/local")
        with open(self.path("etc/octroi/octroi.yaml"), "w",
                  encoding="utf-8") as file:
            file.write("# mine\n")

        install(self.root, "/usr/local")

        with open(self.path("etc/octroi/octroi.yaml"),
                  encoding="utf-8") as file:
            self.assertEqual(file.read(), "# mine\n")

    # The only change that it needs is the interface: every Linux host has lo.
    def test_configuration_runs_once_the_interface_is_right(self):
        install(self.root, "/usr")
        config = self.path("etc/octroi/octroi.yaml")
        with open(config, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(len(re.findall("(?m)^  - interface: eth0$", text)), 1)
        with open(config, "w", encoding="utf-8") as file:
            file.write(text.replace("interface: eth0", "interface: lo"))

        done = subprocess.run(
            [self.path("usr/bin/octroi"), "check", "--config", config],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        self.assertEqual((done.stderr, done.returncode), ("", 0))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
