"""Starting: the appraisal's worker until it has taken in what waits, and the demo's second start until all answers.

    python -m bench.start_up [--no-demo]

The worker's figure is to the commit of an event that waited for it, which is later than its first poll.
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
from pathlib import Path
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
from shared.settings import Settings


async def of_worker(settings: Settings, times: int = 3) -> dict[str, Any]:
    """Seconds of each start; the very first one, which makes the group's offsets, is not among them."""
    _compile()
    await amigrate(settings.database_url)
    await ensure_topics(settings)
    found: list[float] = []
    peak = 0.0
    for number in range(times + 1):
        await produce(settings, share_events(1, seed=number))
        begun = time.monotonic()
        process = worker(settings)
        try:
            samples = await watched(settings.database_url, CONSUMED, number + 1, begun + 60, [process])
            peak = max(peak, peak_mib(process.pid))
        finally:
            process.terminate()
            process.wait(30)
        if number:
            found.append(samples[-1][0] - begun)
    return {"seconds": sorted(found)[len(found) // 2], "each": found, "peak_mib": peak}


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
