#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The units of systemd/, by systemd's own tools: they are valid, they expose no
more than is written down, and README.md gives a reason for each of their lines.

    units_test.py SOURCE_ROOT OCTROI MANPATH

Exits with 77, and says why, where systemd-analyze is missing. systemd itself
need not run.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE_ROOT, OCTROI, MANPATH = sys.argv[1:4]
SYSTEMD = os.path.join(SOURCE_ROOT, "systemd")
LIVE = "octroi.service"
REPLAY = "octroi-replay@.service"
DROP_IN = "octroi-dpdk.conf"
# Whether the pages that Documentation= names can be looked up.
HAVE_MAN = "no" if shutil.which("man") is None else "yes"

# What the daemon calls: to receive, to reload, to write, and to confine itself.
NEEDED = """
    socket bind setsockopt getsockopt recvfrom recvmsg poll epoll_wait accept4
    listen sendmsg sendto mmap munmap openat read write fstat rename unlink
    mkdir fsync fdatasync ftruncate inotify_init1 inotify_add_watch timerfd_create
    eventfd2 signalfd4 clone3 futex execve ioctl prctl prlimit64 capset seccomp
    landlock_create_ruleset landlock_add_rule landlock_restrict_self kill
""".split()
# What a replay does without, beside all that no unit may.
REPLAY_DENIED = "socket connect bind capset sched_setaffinity mlockall".split()
DENIED = """
    mount umount2 pivot_root chroot ptrace bpf perf_event_open init_module
    finit_module kexec_load reboot swapon settimeofday setuid setgid
    open_by_handle_at keyctl add_key iopl ioperm
""".split()


def text_of(name: str) -> str:
    with open(os.path.join(SYSTEMD, name), encoding="utf-8") as file:
        return file.read()


def settings_of(name: str) -> list[tuple[str, str]]:
    """(key, value) of each line, in order."""
    return [tuple(line.split("=", 1)) for line in text_of(name).splitlines()
            if "=" in line and not line.startswith("#")]


def values_of(name: str, key: str) -> list[str]:
    return [value for found, value in settings_of(name) if found == key]


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"MANPATH": MANPATH, "LC_ALL": "C.UTF-8",
                          "SYSTEMD_COLORS": "0"})


class Units:
    """The units in a folder of their own, with `octroi` as it was built."""

    def __init__(self, folder: str, with_drop_in: bool = False):
        self.folder = folder
        for name in (LIVE, REPLAY):
            # systemd finds octroi in its fixed search path; a test does not.
            text = re.sub(r"(?m)^(ExecStart=)octroi ", rf"\1{OCTROI} ",
                          text_of(name))
            with open(os.path.join(folder, name), "w",
                      encoding="utf-8") as file:
                file.write(text)
        if with_drop_in:
            os.mkdir(os.path.join(folder, LIVE + ".d"))
            shutil.copy(os.path.join(SYSTEMD, DROP_IN),
                        os.path.join(folder, LIVE + ".d"))

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def exposure(self, name: str) -> tuple[float, str]:
        """systemd's figure, 0 to 10, and the table that leads to it."""
        done = run("systemd-analyze", "security", "--no-pager",
                   "--offline=true", self.path(name))
        found = re.search(r"Overall exposure level for \S+: ([0-9.]+)",
                          done.stdout)
        assert found, done.stdout
        return float(found.group(1)), done.stdout


class UnitsTest(unittest.TestCase):
    def expect_valid(self, units: Units, *names: str) -> None:
        for name in names:
            done = run("systemd-analyze", "verify", f"--man={HAVE_MAN}",
                       units.path(name))
            self.assertEqual((done.stdout, done.returncode), ("", 0), msg=name)

    def test_units_are_valid(self):
        with tempfile.TemporaryDirectory() as folder:
            self.expect_valid(Units(folder), LIVE,
                              REPLAY.replace("@", "@branch-office.pcapng"))

    def test_unit_is_valid_with_the_drop_in_for_dpdk(self):
        with tempfile.TemporaryDirectory() as folder:
            self.expect_valid(Units(folder, with_drop_in=True), LIVE)

    def test_exposure_stays_below_what_is_written_down(self):
        for name, with_drop_in, at_most in ((LIVE, False, 1.6),
                                            (LIVE, True, 2.0),
                                            (REPLAY, False, 0.4)):
            with self.subTest(name=name, with_drop_in=with_drop_in), \
                    tempfile.TemporaryDirectory() as folder:
                exposure, table = Units(folder, with_drop_in).exposure(name)
                self.assertLessEqual(exposure, at_most, msg=table)

    def test_daemon_has_one_capability_and_a_replay_none(self):
        for key in ("CapabilityBoundingSet", "AmbientCapabilities"):
            self.assertEqual(values_of(LIVE, key), ["CAP_NET_RAW"])
            self.assertEqual(values_of(REPLAY, key), [""])
            self.assertEqual(values_of(DROP_IN, key), [])

    # A bit that is locked and not set would lock root's power in.
    def test_user_0_is_powerless_for_good(self):
        for name in (LIVE, REPLAY):
            self.assertEqual(values_of(name, "SecureBits")[0].split(),
                             ["noroot", "noroot-locked", "no-setuid-fixup",
                              "no-setuid-fixup-locked"])

    def test_daemon_talks_to_this_host_alone_and_a_replay_to_nobody(self):
        self.assertEqual(values_of(LIVE, "IPAddressDeny"), ["any"])
        self.assertEqual(values_of(LIVE, "IPAddressAllow"), ["localhost"])
        self.assertEqual(values_of(REPLAY, "IPAddressDeny"), ["any"])
        self.assertEqual(values_of(REPLAY, "IPAddressAllow"), [])
        self.assertEqual(values_of(REPLAY, "PrivateNetwork"), ["yes"])
        self.assertEqual(values_of(REPLAY, "RestrictAddressFamilies"), ["none"])

    def test_users_of_the_units_are_made(self):
        made = re.findall(r"(?m)^u (\S+)", text_of("octroi.sysusers.conf"))
        for name in (LIVE, REPLAY):
            self.assertIn(values_of(name, "User")[0], made)

    def test_system_calls_are_those_that_are_needed(self):
        live = permitted_calls(values_of(LIVE, "SystemCallFilter"))
        replay = permitted_calls(values_of(REPLAY, "SystemCallFilter"))
        self.assertEqual([c for c in NEEDED if c not in live], [])
        self.assertEqual([c for c in DENIED if c in live | replay], [])
        self.assertEqual([c for c in REPLAY_DENIED if c in replay], [])

    def test_each_line_has_its_reason(self):
        readme = text_of("README.md")
        for name in (LIVE, REPLAY, DROP_IN):
            for key, _ in settings_of(name):
                if key in ("Description", "Documentation"):
                    continue
                self.assertRegex(readme, rf"(?m)^\|[^|]*`{key}=",
                                 msg=f"{name}: {key}= has no row in "
                                     "systemd/README.md")

    def test_readme_explains_no_line_that_is_not_there(self):
        there = {key for name in (LIVE, REPLAY, DROP_IN)
                 for key, _ in settings_of(name)}
        rows = re.findall(r"(?m)^\|([^|]*)\|", text_of("README.md"))
        explained = {key for cell in rows
                     for key in re.findall(r"`([A-Z]\w+)=", cell)}
        self.assertEqual(explained - there, set())


def calls_of(group: str) -> set[str]:
    """The system calls of a group, with those of the groups in it."""
    done = run("systemd-analyze", "syscall-filter", "--no-pager", group)
    calls = set()
    for line in done.stdout.splitlines():
        word = line.strip()
        if word.startswith("@") and word != group:
            calls |= calls_of(word)
        elif re.fullmatch(r"[a-z0-9_]+", word):
            calls.add(word)
    return calls


def permitted_calls(filters: list[str]) -> set[str]:
    """What SystemCallFilter= lines permit together, the first an allow list."""
    permitted: set[str] = set()
    for line in filters:
        is_denied = line.startswith("~")
        for word in line.lstrip("~").split():
            calls = calls_of(word) if word.startswith("@") else {word}
            permitted = permitted - calls if is_denied else permitted | calls
    return permitted


if __name__ == "__main__":
    if shutil.which("systemd-analyze") is None:
        print("skipped: systemd-analyze is not installed "
              "(tools/install-packages --test)")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
