"""A command with its outbox, beside the same insert by bare FastAPI and asyncpg; each API on one core of its own.

    python -m bench.commands [--seconds 10] [--connections 16]

The command is ``POST /campaign/api/v1/columns``: who asks is looked up, the unit is, the column is stored with its event in
the outbox, read again and answered. Three figures: bare; the command; the command while its worker sends the events to Kafka
and deletes them, on the other cores, where PostgreSQL and the asker are.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from uuid_utils.compat import uuid7

from bench.stack import LOG, empty_stack
from bench.table import percentile
from qingsheng.deployment import environment_of
from qingsheng.migrations import amigrate
from qingsheng.topics import ensure_topics
from qingsheng.users import operator_session
from shared.contracts.envelope import Event
from shared.contracts.fields import Names
from shared.contracts.roster import UnitDefined
from shared.delivery.broker import create_producer
from shared.settings import Settings

COUNTY = "350902"
BARE_PORT = 8688
BODY = json.dumps({"title": {"zh": "志愿者之声"}, "opened_on": "2014-07-01", "unit_id": COUNTY}).encode()


class Asker:
    """One kept connection that asks the same again and again; cheap, so that what answers is measured."""

    def __init__(self, port: int, path: str, headers: Sequence[str] = ()) -> None:
        self._port = port
        head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", *headers]
        self._said = "\r\n".join([*head, f"Content-Length: {len(BODY)}", "", ""]).encode() + BODY

    async def connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def ask(self) -> int:
        """The status of one answer."""
        self._writer.write(self._said)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await self._reader.readexactly(int(length))
        return int(head[9:12])

    def close(self) -> None:
        self._writer.close()


async def asked(askers: Sequence[Asker], seconds: float) -> dict[str, float]:
    """Answers a second and their milliseconds; a second of warming up is not counted."""
    took: list[float] = []
    begun = time.perf_counter() + 1
    end = begun + seconds

    async def one(asker: Asker) -> None:
        while (at := time.perf_counter()) < end:
            status = await asker.ask()
            if status != 201:
                raise SystemExit(f"answered {status}")
            if at >= begun:
                took.append((time.perf_counter() - at) * 1000)

    for asker in askers:
        await asker.connect()
    await asyncio.gather(*(one(asker) for asker in askers))
    for asker in askers:
        asker.close()
    return {"per_second": len(took) / seconds, "p50_ms": percentile(took, 0.5), "p99_ms": percentile(took, 0.99)}


@contextlib.contextmanager
def process(settings: Settings, *command: str, core: int | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """A child, on one core if told."""
    pin = ["taskset", "-c", str(core)] if core is not None else []
    with LOG.open("ab") as log:
        child = subprocess.Popen(
            [*pin, sys.executable, "-m", *command],
            env={**os.environ, **environment_of(settings)},
            stdout=log,
            stderr=log,
        )
    try:
        yield child
    finally:
        child.terminate()
        child.wait(30)


async def answers(asker: Asker, status: int = 201, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            await asker.connect()
            found = await asker.ask()
            asker.close()
            if found == status:
                return
        except (OSError, asyncio.IncompleteReadError):
            pass
        await asyncio.sleep(0.1)
    raise SystemExit(f"no answer with {status} within {seconds} s; see {LOG}")


async def tell_unit(settings: Settings) -> None:
    now = datetime.now(UTC)
    data = UnitDefined(unit_id=COUNTY, name=Names(zh="蕉城"), kind="county", county=COUNTY)
    event = Event.of(data, id=uuid7(), time=now, recordedtime=now, sequence=1, county=COUNTY)
    producer = create_producer(settings)
    await producer.start()
    await producer.send_and_wait("qingsheng.roster.events", event.to_json(), event.partitionkey.encode())
    await producer.stop()


async def measure(settings: Settings, seconds: float, connections: int) -> dict[str, Any]:
    await amigrate(settings.database_url)
    await ensure_topics(settings)
    await tell_unit(settings)
    token = await operator_session(settings)
    core = 0 if (os.cpu_count() or 1) > 1 else None
    mine = os.sched_getaffinity(0)
    if core is not None:
        off_core(core)
    try:
        return await _side_by_side(settings, token, core, seconds, connections)
    finally:
        _keep_on(os.getpid(), mine)  # whatever this process measures next has all cores


async def _side_by_side(
    settings: Settings, token: str, core: int | None, seconds: float, connections: int
) -> dict[str, Any]:
    command = lambda: Asker(settings.port, "/campaign/api/v1/columns", [f"Authorization: Bearer {token}"])  # noqa: E731
    bare = lambda: Asker(BARE_PORT, "/columns")  # noqa: E731
    found: dict[str, Any] = {}
    with (
        process(settings, "qingsheng", "run", "campaign-api", core=core),
        process(settings, "bench.bare_api", settings.database_url, str(BARE_PORT), core=core),
    ):
        with process(settings, "qingsheng", "run", "campaign-worker"):
            await answers(command())
            await answers(bare())
            found["with_relay"] = await asked([command() for _ in range(connections)], seconds)
        found["bare"] = await asked([bare() for _ in range(connections)], seconds)
        found["command"] = await asked([command() for _ in range(connections)], seconds)
    for which in ("command", "with_relay"):
        found[which]["of_bare"] = found[which]["per_second"] / found["bare"]["per_second"]
    return found


def off_core(core: int) -> None:
    """Keeps this process, PostgreSQL and Kafka, and what they start, off the core that the API has."""
    others = set(range(os.cpu_count() or 1)) - {core}
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError, IndexError):
            pid = int(status.parent.name)
            if pid == os.getpid() or _descends(pid, os.getpid()):
                _keep_on(pid, others)


def _keep_on(pid: int, cores: set[int]) -> None:
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cores)


def _descends(pid: int, ancestor: int) -> bool:
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if pid == ancestor:
            return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=16)
    told = parser.parse_args()
    with empty_stack() as settings:
        print(json.dumps(asyncio.run(measure(settings, told.seconds, told.connections)), indent=2))


if __name__ == "__main__":
    main()
