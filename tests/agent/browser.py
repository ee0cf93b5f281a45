# SPDX-License-Identifier: Apache-2.0
"""Chromium without a window, driven by the DevTools protocol over a pipe.

One process serves all tabs. Nothing waits for a fixed time: each step waits for
the browser's answer or event.
"""

import base64
import fcntl
import json
import os
import shutil
import signal
import tempfile

PATH = shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    def __init__(self):
        to_browser, self._write = (_high(fd) for fd in os.pipe())
        self._read, from_browser = (_high(fd) for fd in os.pipe())
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        arguments = [
            PATH, "--headless=new", "--no-sandbox", "--disable-gpu",
            "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--remote-debugging-pipe",
            f"--user-data-dir={self._profile.name}", "about:blank"]
        # The protocol's pipes are file descriptors 3 and 4 of the browser.
        self._pid = os.posix_spawn(PATH, arguments, os.environ, setsid=True,
                                   file_actions=[
            (os.POSIX_SPAWN_DUP2, to_browser, 3),
            (os.POSIX_SPAWN_DUP2, from_browser, 4),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)])
        os.close(to_browser)
        os.close(from_browser)
        self._rest = b""
        self._last_id = 0
        self.events = []

    def call(self, method, session=None, **parameters):
        """The result of a command; events that come meanwhile are kept."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._last_id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def wait_for(self, method, session):
        """Until an event has come."""
        while not any(e["method"] == method and e.get("sessionId") == session
                      for e in self.events):
            self._next()

    def _next(self):
        while b"\0" not in self._rest:
            data = os.read(self._read, 1 << 20)
            if not data:
                raise RuntimeError("the browser has ended")
            self._rest += data
        text, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message

    def close(self):
        # Its own children are in its session.
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._write)
        os.close(self._read)
        self._profile.cleanup()


class Tab:
    """One page, from `url`, when it is loaded."""

    def __init__(self, browser, url, width=1280, height=900, scheme="light"):
        self._browser = browser
        target = browser.call("Target.createTarget", url="about:blank")
        self._target = target["targetId"]
        self._session = browser.call("Target.attachToTarget", flatten=True,
                                     targetId=self._target)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self._call("Emulation.setDeviceMetricsOverride", width=width,
                   height=height, deviceScaleFactor=1, mobile=False)
        self._call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}])
        browser.events.clear()
        self._call("Page.navigate", url=url)
        browser.wait_for("Page.loadEventFired", self._session)

    def _call(self, method, **parameters):
        return self._browser.call(method, self._session, **parameters)

    def evaluate(self, expression):
        """The value of a script's expression; promises are waited for."""
        result = self._call("Runtime.evaluate", expression=expression,
                            awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def complaints(self):
        """What the page, or the browser about it, wrote to the console."""
        return [event["params"] for event in self._browser.events
                if event.get("sessionId") == self._session and event["method"] in
                ("Runtime.consoleAPICalled", "Runtime.exceptionThrown",
                 "Log.entryAdded")]

    def screenshot(self, whole=False):
        """A PNG of what is visible, or of the whole page."""
        return base64.b64decode(self._call(
            "Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def close(self):
        self._browser.call("Target.closeTarget", targetId=self._target)


def _high(fd):
    """The same pipe, beyond the numbers that the browser's ends get."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(fd)
    return moved
