"""Starting: the appraisal's worker until it has taken in what waits, and the demo's second start until all answers.

    python -m bench.start_up [--no-demo]

The worker polls once it has found where each of its topics is to be read on, which its log tells; told too is when an event
that waited for it is committed.
"""

import argparse
import asyncio
import compileall
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx

import qingsheng
import services
import shared
from bench.catch_up import CONSUMED, peak_mib, produce, share_events, watched, worker
from bench.stack import LOG, empty_stack
from qingsheng.migrations import amigrate
from qingsheng.registry import SERVICES
from qingsheng.topics import ensure_topics
from services.appraisal.storage import SOURCES
from shared.settings import Settings


async def of_worker(settings: Settings, times: int = 3) -> dict[str, Any]:
    """Seconds of each start; the very first one, which makes the group's offsets, is not among them."""
    _compile()
    await amigrate(settings.database_url)
    await ensure_topics(settings)
    polled: list[float] = []
    counted: list[float] = []
    peak = 0.0
    for number in range(times + 1):
        await produce(settings, share_events(1, seed=number))
        logged = LOG.stat().st_size if LOG.exists() else 0
        begun, begun_at = time.monotonic(), time.time()
        process = worker(settings)
        try:
            samples = await watched(settings.database_url, CONSUMED, number + 1, begun + 60, [process])
            peak = max(peak, peak_mib(process.pid))
        finally:
            process.terminate()
            process.wait(30)
        if number:
            polled.append(_first_poll(logged) - begun_at)
            counted.append(samples[-1][0] - begun)
    return {
        "first_poll_seconds": median(polled),
        "counted_seconds": median(counted),
        "each": [polled, counted],
        "peak_mib": peak,
    }


def _first_poll(logged: int) -> float:
    """The moment (Unix time) from which on all topics are read, by what the log holds behind byte ``logged``. Raises
    SystemExit where the worker does not tell so of each of them."""
    first: dict[str, float] = {}
    with LOG.open("rb") as log:
        log.seek(logged)
        for line in log:
            with contextlib.suppress(ValueError):
                told = json.loads(line)
                if told["event"].endswith(": reads on from where it stood"):
                    first.setdefault(told["topic"], datetime.fromisoformat(told["timestamp"]).timestamp())
    if len(first) < len(SOURCES):
        raise SystemExit(f"the worker does not tell that it reads; see {LOG}")
    return max(first.values())


def of_demo(seconds: float = 240) -> dict[str, Any]:
    """Seconds of the first start (empty data) and of the second, each until every service says it is well."""
    _compile()
    with tempfile.TemporaryDirectory() as folder:
        first, second = (_demo(Path(folder), seconds) for _ in range(2))
    return {"first_seconds": first, "second_seconds": second}


def _compile() -> None:
    """As the image is, and a checkout after its first start: where PYTHONDONTWRITEBYTECODE is set it would never be."""
    for package in (qingsheng, services, shared):
        compileall.compile_dir(package.__path__[0], quiet=2)


def _demo(folder: Path, seconds: float) -> float:
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = time.monotonic()
    with LOG.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "qingsheng", "demo", "--data", str(folder), "--port", str(port)],
            stdout=log,
            stderr=log,
            env={name: value for name, value in os.environ.items() if not name.startswith("QINGSHENG_")},
        )
    try:
        waiting = list(SERVICES)
        while waiting:
            if time.monotonic() > begun + seconds or process.poll() is not None:
                raise SystemExit(f"the demo did not start; see {LOG}")
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{port}/{waiting[0]}/healthz", timeout=5).status_code == 200:
                    waiting.pop(0)
                    continue
            time.sleep(0.05)
        return time.monotonic() - begun
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-demo", action="store_true")
    told = parser.parse_args()
    with empty_stack() as settings:
        print(json.dumps(asyncio.run(of_worker(settings)), indent=2))
    if not told.no_demo:
        print(json.dumps(of_demo(), indent=2))


if __name__ == "__main__":
    main()
