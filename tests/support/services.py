"""The production wiring under test: settings of one test's database and topics, APIs and workers in this process."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from qingsheng.registry import SERVICES
from qingsheng.serving import apis
from qingsheng.topics import ensure_topics
from qingsheng.users import operator_session
from shared.access.sessions import COOKIE
from shared.settings import Settings

SECRET = "a secret of tests alone"
HOST = "test"
"""By which ``client`` calls the services."""


def settings_for(database_url: str, bootstrap_servers: str | None = None, prefix: str = "", **more: Any) -> Settings:
    return Settings(
        database_url=database_url,
        kafka_bootstrap_servers=bootstrap_servers or "127.0.0.1:1",
        topic_prefix=prefix,
        secret_key=SECRET,  # type: ignore[arg-type]
        public_hosts=more.pop("public_hosts", HOST),
        **more,
    )


@asynccontextmanager
async def client(settings: Settings, services: Sequence[str] = tuple(SERVICES)) -> AsyncGenerator[httpx.AsyncClient]:
    """An HTTP client of the named services' APIs, at the paths that users see; signed in with every role but a county's.

    A request's own ``Authorization`` or ``X-API-Key`` goes before the session.
    """
    app = apis(services, settings)
    session: dict[str, str] = {}
    with contextlib.suppress(OSError):  # some tests have no database on purpose
        session[COOKIE] = await operator_session(settings, "tester")
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        own = {"Sec-Fetch-Site": "same-origin"}
        async with httpx.AsyncClient(
            transport=transport, base_url=f"http://{HOST}", headers=own, cookies=session
        ) as http:
            yield http


@asynccontextmanager
async def workers(settings: Settings, *services: str) -> AsyncGenerator[list[Any]]:
    """The named services' workers, running; topics exist."""
    await ensure_topics(settings)
    made = [SERVICES[name].create_worker(settings) for name in services]
    tasks = [asyncio.create_task(worker.run()) for worker in made]
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
