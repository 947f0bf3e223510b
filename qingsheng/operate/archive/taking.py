"""``qingsheng backup`` and ``qingsheng restore``: how the two halves of an archive fit together.

The tables are copied first, in one snapshot; the topics after that, up to where the snapshot knows them: its relays' marks
(``published``) and its consumers' stored offsets. What was published later is left out, for the snapshot does not know it;
what the snapshot still has in its outbox is sent again after a restore, as a copy at worst. So no service finds itself
behind its own topic, and no stored offset lies beyond an end.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition

from qingsheng import __version__
from qingsheng.migrations import amigrate
from qingsheng.operate.archive import log, tables
from qingsheng.operate.archive.manifest import ArchiveError, Manifest, fingerprint, same
from qingsheng.registry import SERVICES
from shared.postgres import connect
from shared.settings import Settings

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is, and how much there is."""
INTAKE = "qingsheng.intake."
ANSWERS = "qingsheng.intake.answers."


async def backup(settings: Settings, folder: Path, progress: Progress) -> Manifest:
    """Writes an archive into ``folder``, which is made or empty. The deployment may go on meanwhile. Raises ArchiveError."""
    _take(folder)
    connection: Any = await connect(settings)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            migrations = await tables.migrations_of(connection)
            manifest = Manifest(
                datetime.now(UTC).isoformat(), __version__, settings.topic_prefix, fingerprint(settings), migrations
            )
            known = await _known(connection)
            await tables.copy_out(connection, folder, manifest, lambda name: progress(name, 0, 0))
    finally:
        connection.terminate()

    def until(place: TopicPartition, end: int) -> int:
        name = place.topic.removeprefix(settings.topic_prefix)
        if name.startswith(INTAKE) and not name.startswith(ANSWERS):
            return end  # written by others: all of it, what was not read yet above all
        return known.get((place.topic, place.partition), 0)

    await log.read_out(settings, folder, manifest, until, lambda read, all: progress("topics", read, all))
    manifest.write(folder)
    return manifest


def _take(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ArchiveError(f"{folder} is not empty")


async def restore(settings: Settings, folder: Path, progress: Progress, replication: int | None = None) -> Manifest:
    """Makes an empty database and an empty broker those of the archive. No service runs meanwhile. Raises ArchiveError,
    having changed nothing for whatever can be seen before."""
    manifest = Manifest.read(folder)
    progress("checksums", 0, 0)
    manifest.check(folder)
    if manifest.secret != fingerprint(settings):
        raise ArchiveError(
            "QINGSHENG_SECRET_KEY is another than that of the archive: its personal data could not be read"
        )
    if manifest.topic_prefix != settings.topic_prefix:
        raise ArchiveError(f"the archive's QINGSHENG_TOPIC_PREFIX is '{manifest.topic_prefix}': set the same")
    await amigrate(settings.database_url)
    connection: Any = await connect(settings)
    try:
        differing = same(manifest.migrations, await tables.migrations_of(connection))
        if differing:
            raise ArchiveError(
                f"the archive is of version {manifest.software}, whose migrations differ ({', '.join(differing)}): restore "
                "with that version, then upgrade"
            )
        if not await tables.nothing_happened(connection):
            raise ArchiveError("the database is not empty: restore into a new one")
        await log.make_topics(settings, manifest, replication)
        await log.write_back(settings, folder, manifest, lambda done, all: progress("topics", done, all))
        async with connection.transaction():
            await tables.copy_in(connection, folder, manifest, lambda name: progress(name, 0, 0))
    finally:
        connection.terminate()
    return manifest


async def _known(connection: Any) -> dict[tuple[str, int], int]:
    """How far the snapshot knows each partition: by its relays and by its consumers."""
    known: dict[tuple[str, int], int] = {}
    for service in SERVICES:
        for row in await connection.fetch(
            f"""select topic, "partition", next_offset from {service}.published
                union all select topic, "partition", next_offset from {service}.consumer_offset"""
        ):
            place = (row[0], row[1])
            known[place] = max(known.get(place, 0), row[2])
    return known
