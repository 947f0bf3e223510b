"""Headless Chromium, spoken to over a pipe in its DevTools protocol: no driver, no port, no further package."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

DEADLINE = 60.0
"""Seconds for any one answer: a loaded machine takes its time to start a browser."""
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-pipe",
)
_LAUNCH = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for number, pipe in enumerate(pipes, start=3):
    os.dup2(pipe, number)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Becomes Chromium with the two pipes as descriptors 3 and 4, where it reads commands and writes answers."""


def chromium() -> str | None:
    """Where Chromium or Chrome is installed."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


class Browser:
    """One page. ``console``: what it complained of since it was opened, a blocked script or style among others."""

    def __init__(self, executable: str, profile: Path) -> None:
        read_commands, self._commands = os.pipe()
        self._answers, write_answers = os.pipe()
        pipes = (str(read_commands), str(write_answers))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, *pipes, executable, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(read_commands, write_answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_answers)
        self._received = b""
        self._number = 0
        self._session: str | None = None
        self._events: list[dict[str, Any]] = []
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.do(f"{domain}.enable")

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def open(self, address: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Waits until the page and its styles are loaded."""
        phone = width < 600
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", features=[scheme])
        self._events.clear()
        self.do("Page.navigate", url=address)
        until = time.monotonic() + DEADLINE
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._message(until))

    def ask(self, expression: str) -> Any:
        """What a JavaScript expression gives; the page's own policy does not bind it."""
        answer = self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str, code: int) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.do("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def choose_file(self, selector: str, file: Path) -> None:
        """As a person chooses a file for an input."""
        root = self.do("DOM.getDocument")["root"]["nodeId"]
        found = self.do("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.do("DOM.setFileInputFiles", nodeId=found, files=[str(file.absolute())])

    def pdf(self) -> bytes:
        return base64.b64decode(self.do("Page.printToPDF", preferCSSPageSize=True)["data"])

    @property
    def console(self) -> list[str]:
        return [event["params"]["entry"]["text"] for event in self._events if event["method"] == "Log.entryAdded"]

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol and its result."""
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        until = time.monotonic() + DEADLINE
        while True:
            message = self._message(until)
            if message.get("id") == self._number:
                assert "error" not in message, message["error"]
                return message["result"]
            if "method" in message:
                self._events.append(message)

    def _message(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._answers], [], [], max(0, until - time.monotonic()))
            assert ready, f"Chromium did not answer within {DEADLINE} s"
            more = os.read(self._answers, 1 << 16)
            assert more, "Chromium ended by itself"
            self._received += more
        message, self._received = self._received.split(b"\0", 1)
        return json.loads(message)
