# SPDX-License-Identifier: Apache-2.0
"""A network of a script's own, and an `octroi run` in it.

    here: here0                         there: there0
    10.77.0.1, fd77::1                  51.15.77.2, 2a01:e0a:77::2

`enter` puts the calling process into a network namespace that no other process
has; `Wire` joins it to a second one. Both go when the processes go. The remote
addresses are public ones, since documentation space is located nowhere; no
packet leaves the two namespaces. Needs root and the program ip.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import time

HERE_V4, THERE_V4 = "10.77.0.1", "51.15.77.2"
HERE_V6, THERE_V6 = "fd77::1", "2a01:e0a:77::2"
_HERE_MAC, _THERE_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
# Longer than anything takes; a script that would hang fails instead.
PATIENCE_SECONDS = 120


def enter():
    """Into a network namespace of this process's own; says why not, and exits
    with 77, where that may not be."""
    if os.geteuid() != 0 or _LIBC.unshare(_CLONE_NEWNET) != 0:
        print("skipped: making a network namespace needs root")
        sys.exit(77)
    _ip("link set lo up")


def _ip(arguments):
    subprocess.run(["ip", *arguments.split()], check=True)


def die_with_parent():
    """For a child, before it runs: it goes when the script goes."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Wire:
    """The veth pair between here, where the script is, and there."""

    def __init__(self):
        ready, told = os.pipe()
        self._holder = os.fork()
        if self._holder == 0:
            die_with_parent()
            _LIBC.unshare(_CLONE_NEWNET)
            os.write(told, b"1")
            while True:
                signal.pause()
        os.read(ready, 1)
        os.close(ready)
        os.close(told)
        self.make()

    def make(self):
        """Also again, after the interface was removed."""
        _ip(f"link add here0 address {_HERE_MAC} type veth peer name there0 "
            f"address {_THERE_MAC} netns {self._holder}")
        self.set_up()
        there = self.at_there(lambda: _set_up(
            "there0", (THERE_V4, THERE_V6), (HERE_V4, HERE_V6), _HERE_MAC))
        _wait_for_success(there)

    @staticmethod
    def set_up():
        """This end, also after it was down."""
        _set_up("here0", (HERE_V4, HERE_V6), (THERE_V4, THERE_V6), _THERE_MAC)

    def at_there(self, run):
        """Forks; the child calls `run` at the other end. Returns its pid."""
        child = os.fork()
        if child:
            return child
        die_with_parent()
        status = 1
        with contextlib.suppress(KeyboardInterrupt):
            with open(f"/proc/{self._holder}/ns/net", "rb") as namespace:
                if _LIBC.setns(namespace.fileno(), _CLONE_NEWNET) == 0:
                    run()
                    status = 0
        os._exit(status)

    def remove(self):
        os.kill(self._holder, signal.SIGKILL)
        os.waitpid(self._holder, 0)


def _wait_for_success(pid):
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        raise RuntimeError("the other end of the wire cannot be set up")


def _set_up(interface, own, others, other_mac):
    pathlib.Path(f"/proc/sys/net/ipv6/conf/{interface}/keep_addr_on_down"
                 ).write_text("1")
    _ip(f"link set {interface} addrgenmode none")
    _ip(f"link set {interface} up arp off multicast off")
    for address, other in zip(own, others):
        bits = 128 if ":" in address else 32
        nodad = " nodad" if bits == 128 else ""
        _ip(f"address replace {address}/{bits} dev {interface}{nodad}")
        _ip(f"route replace {other}/{bits} dev {interface}")
        _ip(f"neighbour replace {other} lladdr {other_mac} dev {interface}")


class ManagerSocket:
    """Where a service manager would listen (sd_notify)."""

    def __init__(self, path):
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)

    def drain(self):
        while select.select([self._socket], [], [], 0)[0]:
            self._socket.recv(65536)

    def wait_for(self, part, process):
        """False if the process ends first."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if select.select([self._socket], [], [], 0.2)[0]:
                if part in self._socket.recv(65536).decode():
                    return True
            elif process.poll() is not None:
                return False
        raise RuntimeError(f"the daemon never said {part}")


class Daemon:
    """One `octroi run`, and the folder with all that it writes."""

    def __init__(self, program, folder):
        self._program = program
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "octroi.yaml"
        self.log_folder = self.folder / "log"
        self.log = self.log_folder / "flows.jsonl"
        self.state_file = self.folder / "state" / "state.json"
        self.log_folder.mkdir()
        self._errors_path = self.folder / "stderr"
        self._manager = ManagerSocket(self.folder / "notify")
        self.process = None

    def write_config(self, text):
        """In one step, as an editor does: a reload sees it whole."""
        partial = self.folder / "octroi.yaml.new"
        partial.write_text(text)
        partial.rename(self.config)

    def spawn(self):
        self._manager.drain()
        environment = {
            "NOTIFY_SOCKET": self._manager.path, "PATH": "/usr/sbin:/usr/bin",
            # A sanitizer's own: no tracing at the end, which the sandbox
            # forbids, and little memory that is kept back.
            "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=1"}
        with open(self._errors_path, "ab") as errors:
            self.process = subprocess.Popen(
                [self._program, "run", "--config", str(self.config)],
                env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=errors,
                preexec_fn=die_with_parent)

    def start(self):
        self.spawn()
        self.wait_ready()

    def wait_ready(self):
        if not self._manager.wait_for("READY=1", self.process):
            raise RuntimeError("the daemon ended:\n" + self.errors()[-2000:])

    def reload(self):
        """Until it says that the reload is over."""
        self._manager.drain()
        self.process.send_signal(signal.SIGHUP)
        self.wait_ready()

    def stop(self):
        """Its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self):
        self.process.kill()
        return self.process.wait(PATIENCE_SECONDS)

    def errors(self):
        return self._errors_path.read_text(errors="replace")

    def state(self):
        return json.loads(self.state_file.read_text())

    def log_files(self):
        """Rotated ones, then the log itself."""
        return sorted(self.log_folder.glob("flows.jsonl?*")) + [
            path for path in [self.log] if path.exists()]

    def records(self):
        """Of all files; raises ValueError where a line is none."""
        for path in self.log_files():
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    yield json.loads(line)


class ProcessSample:
    """What /proc tells of a process at one time."""

    def __init__(self, pid):
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        fields = stat.rsplit(")", 1)[1].split()
        ticks = os.sysconf("SC_CLK_TCK")
        self.cpu_seconds = (int(fields[11]) + int(fields[12])) / ticks
        self.threads = int(fields[17])
        self.resident_mib = (int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
                             / (1 << 20))
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))
