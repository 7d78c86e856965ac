"""Drives a page in Debian's Chromium over its DevTools protocol: no driver and no browser of a package's own.

A page is driven by JavaScript in it, and everything that it logs or blocks is kept.
"""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.support.waiting import DEADLINE_S, wait_until

Json = dict[str, Any]
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
    "--remote-debugging-port=0", "--window-size=1100,900",
)  # fmt: skip


class Page:
    """One page of a browser, and what it logged."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        #: Errors of the console, of scripts and of the policy, as text.
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Json:
        """Call a method of the protocol and return its result."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message: Json = json.loads(self._socket.recv(timeout=DEADLINE_S))
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                result: Json = message["result"]
                return result
            self._note(message)

    def _note(self, message: Json) -> None:
        params = message.get("params", {})
        if message["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif message["method"] == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif message["method"] == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.errors.append(str([part.get("value") for part in params["args"]]))

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page; a promise is awaited."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def open(self, url: str) -> None:
        """Load a page."""
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    def wait_for(self, script: str, within_s: float = DEADLINE_S) -> None:
        """Wait until an expression is true in the page."""

        def holds() -> bool:
            with suppress(AssertionError):  # the page may be between two documents
                return bool(self.run(f"Boolean({script})"))
            return False

        wait_until(holds, within_s, script)

    def choose_file(self, selector: str, path: Path) -> None:
        """Choose a file in an input."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def screenshot(self, path: Path) -> None:
        """Write what is seen as a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


@contextmanager
def open_page(directory: Path) -> Iterator[Page]:
    """Start a browser and yield a page of it; skips the test where none is installed."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium is installed (Debian and Ubuntu: apt-get install chromium)")
    profile = directory / "chromium"
    command = [program, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
    with (directory / "chromium.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        with connect(find_target(profile, process), max_size=None, proxy=None) as socket:
            yield Page(socket)
    finally:
        process.kill()
        process.wait()


def find_target(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Return the address of the browser's first page."""
    note = profile / "DevToolsActivePort"

    def has_port() -> bool:
        assert process.poll() is None, "Chromium ended"
        return note.exists() and len(note.read_text().splitlines()) > 1

    wait_until(has_port, DEADLINE_S, "Chromium listens")
    port = note.read_text().splitlines()[0]
    found: list[Json] = []

    def has_page() -> bool:
        found[:] = [
            target
            for target in httpx.get(f"http://127.0.0.1:{port}/json", trust_env=False).json()
            if target["type"] == "page"
        ]
        return bool(found)

    wait_until(has_page, DEADLINE_S, "Chromium has a page")
    address: str = found[0]["webSocketDebuggerUrl"]
    return address
