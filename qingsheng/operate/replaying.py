"""The appraisal's projections made anew from the log, into tables of their own beside those that serve."""

import asyncio
import contextlib
import ctypes
import gc
import multiprocessing
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import uvloop
from aiokafka import TopicPartition

from qingsheng.collecting import collect_seldom
from qingsheng.operate.lanes import LANES, Choice, Lane, Replayed, connection_to, read, reader
from services.appraisal.storage import PROJECTED, SOURCES
from shared.contracts.topics import events_topic
from shared.settings import Settings

MANY = 100_000
"""From so many records on it is worth a process for each lane: to start one takes a second."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of malloc.h."""
Progress = Callable[[int, int], None]
"""Told of records read, and of all that are to be read."""


class LogUnreadable(Exception):
    """The log does not go as far as it should, or no longer begins at its beginning."""


@asynccontextmanager
async def fresh_tables(settings: Settings, schema: str) -> AsyncIterator[Any]:
    """A connection to a schema with empty projections, dropped afterwards with whatever is in it then. They have the
    present ones' constraints, triggers and unique indices; ``add_indices`` makes the others, which cost less when all is
    stored."""
    connection = await connection_to(settings, schema)
    try:
        await connection.execute(f"drop schema if exists {schema} cascade; create schema {schema}")
        for table in PROJECTED:
            await connection.execute(
                f"""create table {schema}.{table} (like appraisal.{table} including all excluding indexes)
                    with (autovacuum_enabled = off)"""  # it would take from the filling
            )
        for row in await connection.fetch(_CONSTRAINTS, list(PROJECTED)):
            await connection.execute(f'alter table {schema}.{row["of"]} add constraint "{row["name"]}" {row["body"]}')
        for index in await _indices(connection, schema, unique=True):
            await connection.execute(index)
        for row in await connection.fetch(_TRIGGERS, list(PROJECTED)):
            await connection.execute(row["body"].replace(" ON appraisal.", f" ON {schema}.", 1))
        yield connection
    finally:
        with contextlib.suppress(Exception):
            await connection.execute(f"drop schema if exists {schema} cascade")
        await connection.close()


async def add_indices(settings: Settings, connection: Any, schema: str) -> None:
    """Those that only readers need, under the names of the present ones; and what the planner should know. Two at a time:
    the workers that PostgreSQL makes one with wait for each other."""
    left = await _indices(connection, schema, unique=False)
    left.reverse()

    async def make(connection: Any) -> None:
        while left:
            await connection.execute(left.pop())

    other = await connection_to(settings, schema)
    try:
        await asyncio.gather(make(connection), make(other))
    finally:
        await other.close()
    for table in PROJECTED:
        await connection.execute(f"alter table {schema}.{table} reset (autovacuum_enabled); analyze {schema}.{table}")


async def _indices(connection: Any, schema: str, *, unique: bool) -> list[str]:
    """Statements that make them, in the order in which the present ones were made."""
    rows = await connection.fetch(_INDICES, list(PROJECTED), unique)
    return [row["body"].replace(" ON appraisal.", f" ON {schema}.", 1) for row in rows]


_TABLES = "(select format('appraisal.%I', t)::regclass from unnest($1::text[]) as t)"
_CONSTRAINTS = f"""
    select relname as of, conname as name, pg_get_constraintdef(c.oid) as body
    from pg_constraint c join pg_class t on t.oid = c.conrelid
    where c.conrelid in {_TABLES} and c.contype in ('p', 'u') order by conname"""
_INDICES = f"""
    select pg_get_indexdef(indexrelid) as body from pg_index x
    where indrelid in {_TABLES} and indisunique = $2
      and not exists (select from pg_constraint c where c.conindid = x.indexrelid and c.contype in ('p', 'u'))
    order by indexrelid"""

_TRIGGERS = f"select pg_get_triggerdef(oid) as body from pg_trigger where tgrelid in {_TABLES} and not tgisinternal"


async def replay(
    settings: Settings,
    schema: str,
    done: Replayed,
    choice: Choice,
    now: datetime | None = None,
    progress: Progress = lambda _read, _all: None,
) -> None:
    """Reads all partitions of the sources' topics on from where ``done`` stands, and applies what is chosen to the tables
    of ``schema``. ``now``: when facts are taken to arrive. Raises LogUnreadable."""
    ends, beginnings = await _extent(settings)
    if choice.until is not None:
        short = {place: end for place, end in choice.until.items() if ends.get(place, 0) < end}
        if short:
            raise LogUnreadable(
                f"the log ends before {', '.join(f'{p.topic}-{p.partition}:{o}' for p, o in short.items())}"
            )
        ends = {place: choice.until.get(place, 0) for place in ends}
    for place, beginning in beginnings.items():
        if done.next.setdefault(place, 0) < beginning < ends[place]:
            raise LogUnreadable(f"{place.topic}-{place.partition}: records before {beginning} are gone")
    lanes: list[Lane] = []
    for services in LANES:
        topics = {settings.topic_prefix + events_topic(service) for service in services}
        mine = {place: end for place, end in ends.items() if place.topic in topics}
        lanes.append(Lane(settings, schema, services, mine, choice, now))
    total = sum(max(0, end - done.next[place]) for place, end in ends.items())
    if total < MANY:
        await _side_by_side(lanes, done, total, progress)
    else:
        await _in_processes(lanes, done, total, progress)


async def _extent(settings: Settings) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """Ends and beginnings of all partitions of the sources' event topics."""
    consumer = reader(settings, SOURCES)
    await consumer.start()
    try:
        topics = [settings.topic_prefix + events_topic(service) for service in SOURCES]
        places = [TopicPartition(t, p) for t in topics for p in sorted(consumer.partitions_for_topic(t) or ())]
        return await consumer.end_offsets(places), await consumer.beginning_offsets(places)
    finally:
        await consumer.stop()


async def _side_by_side(lanes: Sequence[Lane], done: Replayed, total: int, progress: Progress) -> None:
    so_far = 0

    def note(count: int) -> None:
        nonlocal so_far
        so_far += count
        progress(so_far, total)

    tasks = [asyncio.create_task(read(lane, done, note)) for lane in lanes]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _in_processes(lanes: Sequence[Lane], done: Replayed, total: int, progress: Progress) -> None:
    """Each lane in a process of its own: decoding fills a processor."""
    context = multiprocessing.get_context("spawn")
    so_far: Any = context.Value("q", 0)
    answers: list[Any] = []
    processes: list[Any] = []
    for lane in lanes:
        answer, told = context.Pipe(duplex=False)
        mine = Replayed({place: done.next[place] for place in lane.ends})
        process = context.Process(target=_lane, args=(lane, mine, so_far, told), daemon=True)
        process.start()
        told.close()
        answers.append(answer)
        processes.append(process)
    waiting = {asyncio.create_task(asyncio.to_thread(_received, answer)) for answer in answers}
    try:
        while waiting:
            come, waiting = await asyncio.wait(waiting, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
            for each in come:
                done.add(each.result())
            progress(so_far.value, total)
    finally:
        for process in processes:
            process.terminate()
        if waiting:
            await asyncio.wait(waiting)
        for process in processes:
            await asyncio.to_thread(process.join)


def _received(answer: Any) -> Replayed:
    try:
        found = answer.recv()
    except EOFError:
        raise ChildProcessError("a process that read the log was killed") from None
    if isinstance(found, Exception):
        raise found
    return found


def _keep_memory() -> None:
    """Has the C library keep what a batch gave back for the next one, where it can be told so: the system would clear
    every page once more, which is a twentieth of a lane's time."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_TRIM_THRESHOLD, 2**30)
        library.mallopt(_MMAP_THRESHOLD, 2**25)


def _lane(lane: Lane, done: Replayed, so_far: Any, told: Any) -> None:
    """The process of a lane: sends what was read, or what was raised. Ends with its parent."""
    parent = os.getppid()

    def note(count: int) -> None:
        if os.getppid() != parent:
            os._exit(1)
        with so_far.get_lock():
            so_far.value += count

    collect_seldom()
    gc.disable()  # no cycles are made of events, and a process that ends soon needs none found
    _keep_memory()
    if lane.services == LANES[0]:
        os.nice(5)  # shares are read by columns: the other lane is the longer one
    try:
        uvloop.run(read(lane, done, note))
        told.send(done)
    except Exception as error:
        told.send(error)
