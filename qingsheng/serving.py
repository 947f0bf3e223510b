"""Serves the APIs of services under uvicorn."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from qingsheng.collecting import collect_seldom
from qingsheng.connections import Patient
from qingsheng.ending import Ending
from qingsheng.registry import SERVICES
from shared.settings import Settings, names_in
from shared.web.headers import SecurityHeaders
from shared.web.hosts import KnownHosts


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
    around = [Middleware(SecurityHeaders), Middleware(KnownHosts, settings=settings)]
    outer = Starlette(routes=routes, lifespan=lifespan, middleware=around)
    outer.state.stopping = stopping
    return outer


class Server(uvicorn.Server):
    """Tells streams that stay open to end, before it waits for its connections. Ends in time, whatever they do."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = Ending()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._ending.begin()
        super().handle_exit(sig, frame)

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
        forwarded_allow_ips=names_in(settings.trusted_proxies),  # told here, no variable of uvicorn's widens it
        timeout_graceful_shutdown=10,
        server_header=False,
    )
    server = Server(config)
    collect_seldom()
    server.run()
    if not server.started:
        raise SystemExit(3)
