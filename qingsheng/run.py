"""Runs processes of the services: APIs, or workers on one event loop."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import uvloop
from prometheus_client import start_http_server

from qingsheng.collecting import collect_seldom
from qingsheng.ending import WITHIN, Ending
from qingsheng.registry import SERVICES
from shared import spans, telemetry
from shared.settings import Settings

log = logging.getLogger(__name__)

LIFELINE = "QINGSHENG_LIFELINE"
"""A file descriptor that closes when the parent process is gone."""
GROUPS = {
    "apis": list(SERVICES),
    "workers": list(SERVICES),
    "producing-workers": [name for name in SERVICES if name != "appraisal"],
}
"""Several services in one process. The producing ones are those whose events the appraisal reads."""
PROCESSES = (*(f"{name}-{half}" for name in SERVICES for half in ("api", "worker")), *GROUPS)


def run(process: str, settings: Settings) -> None:
    """Runs one process by name (``roster-api``, ``appraisal-worker``, ``apis``, ``workers``) until it is told to stop."""
    telemetry.set_up_logging()
    spans.set_up(process)
    _hold_lifeline()
    collect_seldom()  # imports make many objects, and few that can go
    services = GROUPS.get(process) or [process.rpartition("-")[0]]
    try:
        if process.endswith(("api", "apis")):
            from qingsheng.serving import serve  # a worker starts without what serves

            serve(services, settings)
        else:
            if settings.metrics_port:
                start_http_server(settings.metrics_port, settings.host)
            uvloop.run(work(services, settings))
    finally:
        spans.stop()


async def work(services: Sequence[str], settings: Settings) -> None:
    """Runs the workers until SIGINT or SIGTERM, which end the process within ``ending.WITHIN`` seconds; a worker that fails
    ends the process, to be started anew."""
    stop, ending, loop = asyncio.Event(), Ending(), asyncio.get_running_loop()

    def end(*_: object) -> None:
        ending.begin()
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        # Not by the loop: while something holds it, it would hear of no signal.
        signal.signal(number, end)
    running = [asyncio.create_task(SERVICES[name].create_worker(settings).run(), name=name) for name in services]
    if settings.alive_file:
        running.append(asyncio.create_task(_show_life(settings.alive_file), name="show life"))
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([stopped, *running], return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    await asyncio.wait(running, timeout=WITHIN)
    for task in done - {stopped}:
        task.result()


async def _show_life(file: Path) -> None:
    while True:
        file.touch()  # noqa: ASYNC240  # of a tmpfs, once a second
        await asyncio.sleep(1)


def _hold_lifeline() -> None:
    """Ends this process when its parent is gone, however it went."""
    descriptor = os.environ.pop(LIFELINE, None)
    if descriptor is None:
        return

    def watch() -> None:
        os.read(int(descriptor), 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
