"""The owner's side of the watcher: start servers through it, hear of their end, let it stop them."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from qingsheng.embedded.errors import ServerFailed

ANSWER_DEADLINE_S = 30.0
STOP_DEADLINE_S = 40.0
"""More than all servers' `stop_seconds` together."""


@dataclass(frozen=True)
class Server:
    """A server to start; the fields are those of `watcher.py`'s protocol."""

    name: str
    command: list[str]
    environment: dict[str, str]
    directory: str
    log: str
    descriptors: list[int]
    stop_order: int
    stop_signal: int
    stop_seconds: float
    user: int | None = None
    group: int | None = None


class Supervision:
    """A running watcher. `start` may be called from several threads, for different names."""

    def __init__(self, lock: int, log: Path) -> None:
        """Start the watcher; it holds `lock`, the data folder's, as long as it runs."""
        watcher = Path(__file__).with_name("watcher.py")
        log.touch(mode=0o600)
        with log.open("wb") as errors:
            self._watcher = subprocess.Popen(
                [sys.executable, "-I", "-S", str(watcher)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=(lock,),
                start_new_session=True,
                text=True,
            )
        self._news = threading.Condition()
        self._pids: dict[str, int] = {}
        self._errors: dict[str, str] = {}
        self._exits: dict[int, int] = {}
        self._stopping = False
        threading.Thread(target=self._listen, name="embedded-watcher", daemon=True).start()

    @property
    def pids(self) -> Mapping[str, int]:
        """Process ids by name, the watcher's own among them."""
        with self._news:
            return {"watcher": self._watcher.pid, **self._pids}

    def start(self, server: Server) -> int:
        """Start a server, or one of the same name again after it ended; gives its process id. Raises ServerFailed."""
        assert self._watcher.stdin is not None
        with self._news:
            self._pids.pop(server.name, None)
            self._errors.pop(server.name, None)
            try:
                self._watcher.stdin.write(json.dumps(asdict(server)) + "\n")
                self._watcher.stdin.flush()
            except OSError as error:
                raise ServerFailed(f"{server.name} was not started: the watcher is gone ({error}).") from error
            told = self._news.wait_for(
                lambda: server.name in self._pids or server.name in self._errors or self._watcher.poll() is not None,
                ANSWER_DEADLINE_S,
            )
            if server.name in self._pids:
                return self._pids[server.name]
            reason = self._errors.get(server.name, "the watcher ended" if told else "the watcher did not answer")
            raise ServerFailed(f"{server.name} was not started: {reason}.")

    def exit_code(self, pid: int) -> int | None:
        """The exit code of a server that has ended (negative: the signal that ended it), None while it runs."""
        with self._news:
            return self._exits.get(pid)

    def ended(self) -> list[tuple[str, int]]:
        """Names and exit codes of the servers that ended by themselves."""
        with self._news:
            if self._stopping:
                return []
            ended = [(name, self._exits[pid]) for name, pid in self._pids.items() if pid in self._exits]
        code = self._watcher.poll()
        return ended if code is None else [*ended, ("the watcher", code)]

    def stop(self) -> None:
        """Have all servers stopped, cleanly where they let themselves be; returns when they are gone."""
        with self._news:
            self._stopping = True
        assert self._watcher.stdin is not None
        with suppress(OSError):
            self._watcher.stdin.close()
        try:
            self._watcher.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._watcher.kill()
            self._watcher.wait()
        # Nothing is left to kill unless the watcher itself was killed.
        for pid in self._pids.values():
            if pid not in self._exits and self._watcher.returncode != 0:
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)

    def _listen(self) -> None:
        assert self._watcher.stdout is not None
        for line in self._watcher.stdout:
            fact = json.loads(line)
            with self._news:
                if "error" in fact:
                    self._errors[fact["name"]] = fact["error"]
                elif "exit_code" in fact:
                    self._exits[fact["pid"]] = fact["exit_code"]
                else:
                    self._pids[fact["name"]] = fact["pid"]
                self._news.notify_all()
        with self._news:
            self._news.notify_all()
