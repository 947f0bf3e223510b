"""Everything is destroyed, volumes too, and put back from an archive: every record, table and figure is the same.

`python -m pytest -m containers -s tests/deploy/test_restore.py` prints how long each step took.
"""

import asyncio
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from tests.deploy.composed import Composed, composed
from tests.deploy.load import EVENTS, Load, loaded
from tests.support.waiting import eventually

pytestmark = pytest.mark.containers

TABLES = """
    select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname in ('roster', 'training', 'opinion', 'campaign', 'appraisal', 'access')
      and c.relname not in ('worker_state', 'consumer_offset', 'schema_migration', 'session', 'published')
    order by 1"""
"""All but what tells of processes: who works, how far it has read, who is signed in."""


@contextmanager
def _timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{what:44} {time.monotonic() - began:6.1f} s")


async def _log(load: Load) -> dict[tuple[str, int], tuple[int, str]]:
    """By topic and partition: how many records there are, and a digest of their offsets, keys and values."""
    consumer: Any = AIOKafkaConsumer(*EVENTS, bootstrap_servers=load.kafka, auto_offset_reset="earliest")
    found: dict[Any, list[Any]] = {}
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                found.setdefault(partition, []).extend((r.offset, r.timestamp, r.key, r.value) for r in records)
    return {
        (partition.topic, partition.partition): (len(records), hashlib.sha256(repr(records).encode()).hexdigest())
        for partition, records in sorted(found.items())
    }


def _tables(project: Composed) -> dict[str, tuple[str, str]]:
    """By table: how many rows there are, and a digest of them."""
    names = [name for (name,) in project.psql(TABLES)]
    each = " union all ".join(
        f"select '{name}', count(*)::text, coalesce(md5(string_agg(t::text, E'\\n' order by t::text)), '') from {name} t"
        for name in names
    )
    return {name: (rows, digest) for name, rows, digest in project.psql(each)}


def _with_archive(project: Composed, folder: Path, *command: str) -> str:
    mount = ["--volume", f"{folder}:/archive"]
    return project.compose("run", "--rm", "-T", "--no-deps", *mount, "topics", *command)


async def test_all_that_was_destroyed_is_there_again(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)  # the containers' user writes there
    with composed("restore") as project:
        with _timed("up"):
            await asyncio.to_thread(project.up)
        async with loaded(project) as load:
            await asyncio.sleep(20)
            before = await load.settle()
        assert before[0] > 300
        log, tables = await _log(load), _tables(project)
        with _timed(f"backup of {before[0]} events"):
            await asyncio.to_thread(_with_archive, project, tmp_path, "backup", "/archive/one")
        with _timed("everything destroyed, volumes too"):
            await asyncio.to_thread(project.compose, "down", "--volumes", "--timeout", "5")
        with _timed("empty servers"):
            await asyncio.to_thread(project.compose, "up", "-d", "--wait", "postgres", "kafka")
        with _timed("restore"):
            await asyncio.to_thread(_with_archive, project, tmp_path, "restore", "/archive/one")
        assert await _log(load) == log
        restored = _tables(project)
        assert {name: tables[name] for name in tables if restored.get(name) != tables[name]} == {}
        with _timed("up again"):
            await asyncio.to_thread(project.up)

        def caught_up() -> bool:
            said = project.compose("exec", "-T", "roster-api", "qingsheng", "lag", "--max-records", "0", check=False)
            return "partitions are read." in said

        await eventually(lambda: asyncio.to_thread(caught_up), deadline=60, interval=1)
        # And it goes on: what is done now counts upon what was restored.
        again = Load(project)
        assert await again.settle() == before
        assert await again.volunteer("after the restore")
        assert (await again.settle())[0] > before[0]
        await again.close()
