"""Runs processes of the services: APIs under uvicorn, workers on one event loop."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from prometheus_client import start_http_server
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from qingsheng.collecting import collect_seldom
from qingsheng.connections import Patient
from qingsheng.registry import SERVICES
from shared import spans, telemetry
from shared.settings import Settings
from shared.web.headers import SecurityHeaders

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
            serve(services, settings)
        else:
            if settings.metrics_port:
                start_http_server(settings.metrics_port, settings.host)
            uvloop.run(work(services, settings))
    finally:
        spans.stop()


def apis(services: Sequence[str], settings: Settings) -> Starlette:
    """The named services' APIs, each under its own path."""
    made = {name: SERVICES[name].create_api(settings) for name in services}
    stopping = asyncio.Event()
    for app in made.values():
        app.state.stopping = stopping

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as running:
            for app in made.values():
                await running.enter_async_context(app.router.lifespan_context(app))
            yield

    async def home(_: Request) -> RedirectResponse:
        return RedirectResponse(f"/{'appraisal' if 'appraisal' in made else services[0]}/")

    routes: list[Any] = [Route("/", home), *(Mount(f"/{name}", app) for name, app in made.items())]
    outer = Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(SecurityHeaders)])
    outer.state.stopping = stopping
    return outer


class Server(uvicorn.Server):
    """Tells streams that stay open to end, before it waits for its connections."""

    async def shutdown(self, sockets: Any = None) -> None:
        self.config.app.state.stopping.set()  # type: ignore[union-attr]
        await super().shutdown(sockets)


def serve(services: Sequence[str], settings: Settings) -> None:
    config = uvicorn.Config(
        apis(services, settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=Patient,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
        server_header=False,
    )
    server = Server(config)
    collect_seldom()
    server.run()
    if not server.started:
        raise SystemExit(3)


async def work(services: Sequence[str], settings: Settings) -> None:
    """Runs the workers until SIGINT or SIGTERM; a worker that fails ends the process, to be started anew."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    running = [asyncio.create_task(SERVICES[name].create_worker(settings).run(), name=name) for name in services]
    if settings.alive_file:
        running.append(asyncio.create_task(_show_life(settings.alive_file), name="show life"))
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([stopped, *running], return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    await asyncio.wait(running, timeout=40)
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
