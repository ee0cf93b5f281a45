#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian package, as cpack makes it of this build tree: what is in it, what
it says of itself, and scripts that a shell can read. What it does to a system
is for tools/check-package, which installs, upgrades and purges it.

    package_test.py CPACK SOURCE_ROOT BUILD_DIR

Exits with 77, and says why, where dpkg's tools are missing.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

CPACK, SOURCE_ROOT, BUILD_DIR = sys.argv[1:4]
CONTROL_SCRIPTS = ("postinst", "prerm", "postrm")


def run(*command: str) -> str:
    return subprocess.run(command, text=True, check=True,
                          stdout=subprocess.PIPE).stdout


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        run(CPACK, "--config", os.path.join(BUILD_DIR, "CPackConfig.cmake"),
            "-G", "DEB", "-B", folder.name,
            # A package of this test is not kept: fast is better than small.
            "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip")
        found = [name for name in os.listdir(folder.name)
                 if name.endswith(".deb")]
        assert len(found) == 1, found
        cls.package = os.path.join(folder.name, found[0])
        cls.root = os.path.join(folder.name, "root")
        cls.control = os.path.join(folder.name, "control")
        run("dpkg-deb", "--extract", cls.package, cls.root)
        run("dpkg-deb", "--control", cls.package, cls.control)

    def read(self, *path: str) -> str:
        with open(os.path.join(*path), encoding="utf-8") as file:
            return file.read()

    def field(self, name: str) -> str:
        return run("dpkg-deb", "--field", self.package, name).strip()

    def test_it_holds_what_is_installed_and_what_debian_wants(self):
        listed = run("dpkg-deb", "--contents", self.package).splitlines()
        files = {line.split()[5][1:] for line in listed
                 if not line.startswith("d")}
        self.assertLessEqual({
            "/etc/octroi/octroi.yaml",
            "/usr/bin/octroi",
            "/usr/lib/systemd/system/octroi.service",
            "/usr/lib/systemd/system/octroi-replay@.service",
            "/usr/lib/sysusers.d/octroi.conf",
            "/usr/lib/tmpfiles.d/octroi.conf",
            "/usr/share/doc/octroi/NOTICE",
            "/usr/share/doc/octroi/changelog.Debian.gz",
            "/usr/share/doc/octroi/changelog.gz",
            "/usr/share/doc/octroi/copyright",
            "/usr/share/doc/octroi/licences/dbip-country/DBIP-LICENSE",
            "/usr/share/lintian/overrides/octroi",
            "/usr/share/man/man8/octroi.8.gz",
            "/usr/share/octroi/asn.mmdb",
            "/usr/share/octroi/databases.joined",
            "/usr/share/octroi/dbip-country.mmdb",
        }, files)
        # Debian has this licence in one place for all.
        self.assertNotIn("/usr/share/doc/octroi/LICENSE", files)
        self.assertEqual({f for f in files
                          if not f.startswith(("/etc/octroi/", "/usr/"))},
                         set())

    def test_everything_belongs_to_root_and_only_programs_can_be_run(self):
        for line in run("dpkg-deb", "--contents", self.package).splitlines():
            mode, owner, path = line.split()[0], line.split()[1], line.split()[5]
            with self.subTest(path=path):
                self.assertEqual(owner, "root/root")
                is_program = path.startswith("./usr/bin/") or mode[0] == "d"
                self.assertEqual(mode[1:], "rwxr-xr-x" if is_program else
                                 "rw-r--r--")

    def test_it_says_what_it_is_and_needs(self):
        self.assertEqual(self.field("Package"), "octroi")
        self.assertRegex(self.field("Version"), r"^\d+\.\d+\.\d+-\d+$")
        self.assertRegex(self.field("Maintainer"), r"^octroi developers <")
        depends = self.field("Depends")
        for needed in ("libc6 (>= ", "libmaxminddb0 (>= ", "libssl3 (>= ",
                       "libseccomp2 (>= ", "libpcap0.8 (>= ",
                       "libyaml-cpp0.7 (>= ", "procps", "systemd | "):
            self.assertIn(needed, depends)

    def test_versions_agree(self):
        changelog = gzip.open(os.path.join(
            self.root, "usr/share/doc/octroi/changelog.Debian.gz"), "rt").read()
        self.assertEqual(re.match(r"octroi \((.*?)\)", changelog).group(1),
                         self.field("Version"))

    def test_what_an_administrator_edits_is_a_conffile(self):
        edited = ["/etc/octroi/" + name for name in
                  os.listdir(os.path.join(self.root, "etc/octroi"))]
        self.assertEqual(self.read(self.control, "conffiles").split(), edited)

    def test_scripts_can_be_read_and_run(self):
        for script in CONTROL_SCRIPTS:
            path = os.path.join(self.control, script)
            run("sh", "-n", path)
            self.assertTrue(os.access(path, os.X_OK), msg=script)
            self.assertIn("\nset -e\n", self.read(path))

    # Which interface to watch is not the package's to guess.
    def test_an_installation_does_not_start_the_service(self):
        postinst = self.read(self.control, "postinst")
        self.assertNotRegex(postinst, r"invoke\s+(re)?start")
        self.assertNotRegex(postinst, r"systemctl.*(start|enable)")

    def test_copyright_names_each_file_under_another_licence(self):
        copyright_text = self.read(self.root, "usr/share/doc/octroi/copyright")
        for file in re.findall(r"(?m)^Files: (usr/\S+)", copyright_text):
            self.assertTrue(os.path.exists(os.path.join(self.root, file)),
                            msg=file)
        sources = self.read(SOURCE_ROOT, "data/databases/SOURCES.csv")
        for file in re.findall(r"(?m)^(\w[\w-]*\.mmdb),", sources):
            self.assertIn(f"Files: usr/share/octroi/{file}\n", copyright_text)


if __name__ == "__main__":
    missing = [tool for tool in ("dpkg-deb", "dpkg-shlibdeps")
               if shutil.which(tool) is None]
    if missing:
        print(f"skipped: {missing[0]} is not installed "
              "(tools/install-packages --test)")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
