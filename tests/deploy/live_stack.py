# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus and Alertmanager with the rules and routes of deploy/, a
target to scrape, and somebody who receives what comes out.

In the copy of the rules and configurations that they run with,

- a minute is a second: every window, `for`, offset, interval and hold of the
  rules and of Alertmanager is 60 times as short; scrapes are a second apart;
- ports are free ones.

Nothing else differs. Every wait is for a condition. Processes are ended by their
pid, and by the kernel if the test itself is killed.
"""

import ctypes
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

# For each condition. A busy machine is slow; what never happens is a failure.
DEADLINE_SECONDS = 180


class Failure(Exception):
    """A condition that did not come to hold, with what was seen instead."""


def wait_until(what: str, condition, explain=lambda: ""):
    """The first true value of `condition`, which is asked again and again."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            value = condition()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            value = None
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"{DEADLINE_SECONDS} s passed without: {what}; "
                          f"{explain()}")
        time.sleep(0.1)  # Between two looks; nothing rests on its length.


def free_port() -> int:
    """A port that nobody has at this moment; somebody may take it before we
    do, so who starts something on it tries again."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def sixty_times_as_fast(text: str) -> str:
    """Rules and Alertmanager's configuration with a second for each minute."""
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}

    def faster(match: re.Match) -> str:
        parts = re.findall(r"(\d+)([smhd])", match.group(2))
        total = sum(int(number) * seconds[unit] for number, unit in parts)
        return f"{match.group(1)}{max(1, total // 60)}s"

    duration = r"((?:\d+[smhd])+)"
    for before in (r"\[", r"(?<=\d[smhd]):(?=\d+[smhd]\])", r"\boffset ",
                   r"^\s*for: ", r"^\s*interval: ", r"\bgroup_wait: ",
                   r"\bgroup_interval: ", r"\brepeat_interval: "):
        text = re.sub(f"({before}){duration}", faster, text,
                      flags=re.MULTILINE)
    # The age of a process is compared with a window in seconds.
    return re.sub(r"(process_start_time_seconds < )(\d+)",
                  lambda m: f"{m.group(1)}{int(m.group(2)) // 60}", text)


def replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise Failure(f"the configuration does not contain {old!r}")
    return text.replace(old, new)


class LocalServer:
    """An HTTP server on a thread of its own, on a port that the kernel chose."""

    def __init__(self, handler: type[http.server.BaseHTTPRequestHandler]):
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                       handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Target(LocalServer):
    """An HTTP server with the metrics of an octroi that does not exist."""

    def __init__(self):
        self._lock = threading.Lock()
        self._series: dict[str, float] = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = outer.text().encode()
                self.send_response(200)
                self.send_header("Content-Type",
                                 "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        super().__init__(Handler)

    def set(self, series: str, value: float) -> None:
        with self._lock:
            self._series[series] = value

    def text(self) -> str:
        with self._lock:
            return "".join(f"{series} {value!r}\n"
                           for series, value in self._series.items())


class Receiver(LocalServer):
    """Takes Alertmanager's webhooks; remembers each alert by path."""

    def __init__(self):
        self._lock = threading.Lock()
        self._received: list[tuple[str, dict]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers["Content-Length"])
                message = json.loads(self.rfile.read(size))
                with outer._lock:
                    outer._received += [(self.path, alert)
                                        for alert in message["alerts"]]
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(Handler)

    def received(self) -> list[tuple[str, dict]]:
        with self._lock:
            return list(self._received)

    def find(self, path: str, labels: dict[str, str],
             status: str = "firing") -> dict | None:
        """An alert that came to `path` with these labels."""
        for at, alert in self.received():
            if (at == path and alert["status"] == status
                    and labels.items() <= alert["labels"].items()):
                return alert
        return None


# Loaded before any fork: between fork and exec little may be done.
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # prctl(2)


def _end_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """A server that is started on a free port, and ended by its pid."""

    def __init__(self, name: str, folder: str, command):
        """`command` makes the command line from a port."""
        self.name = name
        self._log_path = os.path.join(folder, f"{name}.log")
        for _ in range(5):
            self.port = free_port()
            with open(self._log_path, "wb") as log:
                self._process = subprocess.Popen(
                    command(self.port), stdout=log, stderr=log, cwd=folder,
                    stdin=subprocess.DEVNULL, preexec_fn=_end_with_parent)
            try:
                wait_until(f"{name} is ready", self._is_ready_or_dead, self.log)
            except Failure:
                self.stop()
                raise
            if self._process.poll() is None:
                return
            if "address already in use" not in self.log():
                raise Failure(f"{name} ended: {self.log()}")
        raise Failure(f"{name} found no free port: {self.log()}")

    def _is_ready_or_dead(self) -> bool:
        if self._process.poll() is not None:
            return True
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready",
                                    timeout=5) as answer:
            return answer.status == 200

    def log(self) -> str:
        with open(self._log_path, encoding="utf-8", errors="replace") as file:
            return file.read()[-4000:]

    def get(self, path: str):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}",
                                    timeout=10) as answer:
            return json.load(answer)["data"]

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Stack:
    """Prometheus and Alertmanager, as deploy/ has them, for one target."""

    def __init__(self, source_root: str, folder: str, target: str):
        self.receiver = Receiver()
        self.alertmanager = self.prometheus = None
        try:
            self._start(os.path.join(source_root, "deploy"), folder, target)
        except BaseException:
            self.stop()
            raise

    def _start(self, deploy: str, folder: str, target: str) -> None:
        def read(*names: str) -> str:
            with open(os.path.join(deploy, *names), encoding="utf-8") as file:
                return file.read()

        def write(name: str, text: str) -> str:
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            return path

        routes = write("alertmanager.yml", sixty_times_as_fast(replaced(
            read("alertmanager", "alertmanager.yml"), "127.0.0.1:8080",
            self.receiver.address)))
        self.alertmanager = Program(
            "prometheus-alertmanager", folder, lambda port: [
                "prometheus-alertmanager", f"--config.file={routes}",
                f"--storage.path={folder}/alertmanager",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address="])

        write("octroi.rules.yml", sixty_times_as_fast(
            read("prometheus", "octroi.rules.yml")))
        text = read("prometheus", "prometheus.yml")
        text = replaced(text, "_interval: 15s", "_interval: 1s")
        text = replaced(text, "127.0.0.1:9469", target)
        text = replaced(text, "127.0.0.1:9093",
                        f"127.0.0.1:{self.alertmanager.port}")

        def command(port: int) -> list[str]:
            config = write("prometheus.yml", replaced(
                text, "127.0.0.1:9090", f"127.0.0.1:{port}"))
            return ["prometheus", f"--config.file={config}",
                    f"--storage.tsdb.path={folder}/prometheus",
                    f"--web.listen-address=127.0.0.1:{port}"]

        self.prometheus = Program("prometheus", folder, command)

    def value(self, expr: str) -> float | None:
        """Of the first series, now."""
        result = self.prometheus.get(
            "/api/v1/query?" + urllib.parse.urlencode({"query": expr}))["result"]
        return float(result[0]["value"][1]) if result else None

    def firing(self) -> list[dict[str, str]]:
        """Labels of every alert that fires, as Prometheus has it."""
        return [alert["labels"]
                for alert in self.prometheus.get("/api/v1/alerts")["alerts"]
                if alert["state"] == "firing"]

    def evaluations(self) -> dict[str, str]:
        """When each group of rules was last evaluated."""
        return {group["name"]: group["lastEvaluation"]
                for group in self.prometheus.get("/api/v1/rules")["groups"]}

    def wait_for_evaluation(self) -> None:
        """Until each group began an evaluation after this call, and ended it."""
        for _ in range(2):
            before = self.evaluations()
            wait_until("every group is evaluated once more", lambda: all(
                at != before[name] for name, at in self.evaluations().items()))

    def wait_for_alert(self, path: str, labels: dict[str, str],
                       status: str = "firing") -> dict:
        """The alert that arrives at the receiver."""
        return wait_until(
            f"{status} {labels} arrives at {path}",
            lambda: self.receiver.find(path, labels, status),
            lambda: f"received: {self.receiver.received()}; "
                    f"firing: {self.firing()}")

    def stop(self) -> None:
        for program in (self.prometheus, self.alertmanager):
            if program is not None:
                program.stop()
        self.receiver.stop()
