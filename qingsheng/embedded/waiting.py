"""Waiting for a server: with a deadline, watching that it still runs, and giving up when told to."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from qingsheng.embedded.errors import Abandoned, ServerFailed

Progress = Callable[[str], None]
"""Told what goes on, one short line at a time; may be called from another thread."""

POLL_S = 0.02
LOG_LINES_SHOWN = 30


def wait_until_ready(
    name: str,
    ready: Callable[[], bool],
    exit_code: Callable[[], int | None],
    *,
    log: Path,
    deadline_s: float,
    abandoned: threading.Event,
) -> None:
    """Return once `ready()` holds.

    Raises ServerFailed, with the end of the log, when the server ends first or takes longer than `deadline_s` seconds,
    and Abandoned when `abandoned` is set.
    """
    deadline = time.monotonic() + deadline_s
    while not ready():
        code = exit_code()
        if code is not None:
            raise ServerFailed(f"{name} ended with exit code {code} while starting.\n{last_lines(log)}")
        if time.monotonic() > deadline:
            raise ServerFailed(f"{name} was not ready after {deadline_s:.0f} s.\n{last_lines(log)}")
        if abandoned.wait(POLL_S):
            raise Abandoned(f"The start of {name} was given up.")


def last_lines(log: Path) -> str:
    """The end of a log file, under a heading that names it."""
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:] if log.exists() else []
    return "\n".join([f"The last lines of {log}:", *(lines or ["(empty)"])])


def rotate(log: Path) -> None:
    """Keep the log of the run before as `<name>.previous.log` and begin an empty one."""
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    log.touch(mode=0o600)
