"""Start PostgreSQL and Kafka together, keep them while the context lasts, stop them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qingsheng.embedded.errors import Abandoned
from qingsheng.embedded.folder import Ports, default_jar_folder, owned
from qingsheng.embedded.jars import PINS
from qingsheng.embedded.kafka import Access, start_kafka
from qingsheng.embedded.postgres import start_postgres
from qingsheng.embedded.starting import Site
from qingsheng.embedded.supervision import Supervision
from qingsheng.embedded.waiting import Progress


@dataclass(frozen=True)
class Stack:
    """Running servers. An address is None when its server was not asked for."""

    database_url: str | None
    """`postgresql://user:password@127.0.0.1:port/qingsheng?sslmode=disable`, of a superuser."""

    kafka_bootstrap_servers: str | None
    """`127.0.0.1:port`; clients sign in by SCRAM-SHA-512, without TLS."""

    kafka_user: str
    kafka_password: str = field(repr=False)
    """Of a user who may do all; empty where Kafka was not asked for."""

    pids: Mapping[str, int]
    """Process ids by name: "PostgreSQL", "Kafka", "watcher"."""

    failure: Callable[[], str | None]
    """None while all servers run; else a sentence that names the one that ended by itself, and where its log is."""


def _say_nothing(_: str) -> None:
    pass


@contextmanager
def running_stack(
    data: Path,
    *,
    postgres: bool = True,
    kafka: bool = True,
    progress: Progress = _say_nothing,
    jar_folder: Path | None = None,
    pins: Path = PINS,
    abandoned: threading.Event | None = None,
) -> Iterator[Stack]:
    """Run the servers, their data kept in the folder `data`, until the context ends. For code that is not async.

    `jar_folder` is where Kafka's jars are kept, `pins` the list of them; setting `abandoned` from another thread gives
    up a start that is going on.
    Raises EmbeddedError: DataFolderInUse, EmbeddedUnavailable, JarRefused or ServerFailed.
    """
    data = data.expanduser().absolute()
    with ExitStack() as leaving:
        lock = leaving.enter_context(owned(data, progress))
        supervision = Supervision(lock, data / "watcher.log")
        leaving.callback(supervision.stop)
        site = Site(data, lock, Ports(data), supervision, progress, abandoned or threading.Event())
        database_url, access = _start_together(
            site,
            (lambda: start_postgres(site)) if postgres else None,
            (lambda: start_kafka(site, jar_folder or default_jar_folder(), pins)) if kafka else None,
        )

        def failure() -> str | None:
            ended = supervision.ended()
            if not ended:
                return None
            servers = ", ".join(f"{name} (exit code {code})" for name, code in ended)
            return f"Ended by itself: {servers}. The logs are in {data}."

        yield Stack(
            database_url,
            access.address if access else None,
            access.user if access else "",
            access.password if access else "",
            supervision.pids,
            failure,
        )


def _start_together(
    site: Site, postgres: Callable[[], str] | None, kafka: Callable[[], Access] | None
) -> tuple[str | None, Access | None]:
    with ThreadPoolExecutor(2) as pool:
        database = pool.submit(postgres) if postgres else None
        broker = pool.submit(kafka) if kafka else None
        asked: list[Future[Any]] = [future for future in (database, broker) if future]
        try:
            _, going_on = wait(asked, return_when=FIRST_EXCEPTION)
        except BaseException:  # a Ctrl-C
            site.abandoned.set()
            raise
        if going_on:  # one failed, so the other is not wanted
            site.abandoned.set()
            wait(asked)
    errors = [error for future in asked if (error := future.exception())]
    # When one failed and the other was given up, the failure is the news.
    for error in sorted(errors, key=lambda error: isinstance(error, Abandoned)):
        raise error
    if site.abandoned.is_set():
        raise Abandoned("The start was given up.")
    return database.result() if database else None, broker.result() if broker else None


@asynccontextmanager
async def embedded_stack(
    data: Path,
    *,
    postgres: bool = True,
    kafka: bool = True,
    progress: Progress = _say_nothing,
    jar_folder: Path | None = None,
    pins: Path = PINS,
) -> AsyncIterator[Stack]:
    """The same as `running_stack`, for async code: neither the start nor the stop holds up the event loop.

    `progress` is called from other threads. Cancelling the start gives it up and stops what was started.
    """
    abandoned = threading.Event()
    running = running_stack(
        data,
        postgres=postgres,
        kafka=kafka,
        progress=progress,
        jar_folder=jar_folder,
        pins=pins,
        abandoned=abandoned,
    )
    starting = asyncio.ensure_future(asyncio.to_thread(running.__enter__))
    try:
        stack = await asyncio.shield(starting)
    except asyncio.CancelledError:
        abandoned.set()
        await asyncio.wait([starting])
        if starting.exception() is None:
            await asyncio.to_thread(running.__exit__, None, None, None)
        raise
    try:
        yield stack
    finally:
        await asyncio.shield(asyncio.to_thread(running.__exit__, None, None, None))
