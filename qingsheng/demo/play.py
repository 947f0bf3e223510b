"""``qingsheng demo``: a fresh ground, the processes, the story, the comparison."""

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiokafka.errors import KafkaError

from qingsheng.demo import ground
from qingsheng.demo.comparison import Outcome, compare
from qingsheng.demo.doors import Doors, Refused
from qingsheng.demo.log import event_log
from qingsheng.demo.outside import other_systems
from qingsheng.demo.papers import written
from qingsheng.demo.printing import Printing
from qingsheng.demo.script import PRODUCERS
from qingsheng.demo.steps import tell
from qingsheng.deployment import DATABASE, SECRET, data_folder, private_log, running, servers
from qingsheng.migrations import amigrate
from qingsheng.producers import issue, kafka_of
from qingsheng.registry import SERVICES
from qingsheng.topics import ensure_topics
from qingsheng.users import operator_session, reset
from shared.settings import Settings

CannotPlay = ground.CannotPlay
WORKERS = ("producing-workers", "appraisal-worker")


def play(
    data: Path | None, *, port: int, once: bool, keep: bool, papers: Path | None = None, as_json: bool = False
) -> bool:
    """Plays the story; returns whether all figures agree. Raises EmbeddedError, CannotPlay.

    ``keep``: shows the run before as it stands. ``once``: ends at the end, else stays up until Ctrl-C. ``papers``: the
    folder for briefings and workbooks; None: one in ``data``. ``as_json``: the outcome as JSON on standard output; implies
    ``once``.
    """
    _check_port(port)
    out = Printing(quiet=as_json)
    told: dict[str, Any] = {"port": port}
    if DATABASE in os.environ and SECRET not in os.environ:
        told["secret_key"] = secrets.token_urlsafe(32)  # of this run alone, and of invented data
    began = time.monotonic()
    with servers(data, out.line, **told) as base:
        log = data_folder(data) / "demo.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with private_log(log) as file:
            file.truncate()
        folder = papers.expanduser().absolute() if papers else log.parent / "papers"
        return asyncio.run(_run(base, out, log, folder, began, once=once or as_json, keep=keep, as_json=as_json))


async def _run(
    base: Settings, out: Printing, log: Path, folder: Path, began: float, *, once: bool, keep: bool, as_json: bool
) -> bool:
    stop = _stopping()
    async with AsyncExitStack() as leaving:
        settings = await leaving.enter_async_context(ground.latest(base) if keep else ground.fresh(base))
        database = urlsplit(settings.database_url).path.removeprefix("/")
        out.line(f"database {database}, topics {settings.topic_prefix}…")
        out.line(f"starting the services; their log is {log}")
        # The APIs take longest to start, and touch no table before they are asked something.
        children = leaving.enter_context(running(settings, ["apis"], log.parent, log))
        await amigrate(settings.database_url)
        await ensure_topics(settings)
        kafka = {
            producer: kafka_of(settings, await issue(settings, producer, services))
            for producer, services in ({} if keep else PRODUCERS).items()
        }
        for worker in WORKERS:
            children.start(worker)
        doors = Doors(settings.host, settings.port, settings.topic_prefix, await operator_session(settings))
        leaving.callback(doors.close)
        playing = asyncio.create_task(_play(settings, doors, out, folder, kafka, keep=keep))
        await asyncio.wait([playing, stop], return_when=asyncio.FIRST_COMPLETED)
        if stop.done():
            playing.cancel()
            await asyncio.wait([playing])
            return False
        try:
            outcome, papers = playing.result()
        except (Refused, TimeoutError, OSError, KafkaError, RuntimeError) as error:
            raise CannotPlay(f"The story cannot go on: {error or type(error).__name__}. The log is {log}.") from error
        out.verdict(outcome.agreed, outcome.problems, time.monotonic() - began)
        if as_json:
            whole = outcome.as_json(settings) | {"papers": [str(paper) for paper in papers]}
            sys.stdout.write(json.dumps(whole, ensure_ascii=False, default=str) + "\n")
        if not once:
            out.addresses(settings.host, settings.port, await reset(settings, "demo"))
            await stop
        return outcome.agreed


async def _play(
    settings: Settings, doors: Doors, out: Printing, folder: Path, kafka: Mapping[str, Mapping[str, str]], *, keep: bool
) -> tuple[Outcome, Sequence[Path]]:
    """The outcome, and where briefings and workbooks are."""
    async with AsyncExitStack() as leaving:
        systems = None if keep else await leaving.enter_async_context(other_systems(settings, kafka))
        await doors.ready(list(SERVICES))
        log = await leaving.enter_async_context(event_log(settings))
        told = await tell(doors, systems, out, log) if systems else None
        outcome = await compare(settings, doors, out, told, log)
    papers = await written(doors, folder)
    out.papers(papers)
    return outcome, papers


def _stopping() -> "asyncio.Future[None]":
    """Done at SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[None] = loop.create_future()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: stop.done() or stop.set_result(None))
    return stop


def _check_port(port: int) -> None:
    """Another deployment at this port would be taken for ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise CannotPlay(f"Port {port} is in use: stop what uses it, or give another with --port.") from None
