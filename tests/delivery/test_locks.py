"""Advisory locks: one place for their numbers, and no family waits for another."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.delivery import parking
from shared.locks import Family, Single, hold_table, lease_single

ROOT = Path(__file__).parents[2]
LOCKS = Path("shared/locks.py")
CALL = re.compile(r"pg_(try_)?advisory_\w*lock")


def sources(*endings: str) -> Iterator[Path]:
    """The files that run in a deployment, relative to the root."""
    for folder in ("shared", "services", "qingsheng", "bench", "deploy"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in endings and path.relative_to(ROOT) != LOCKS:
                yield path.relative_to(ROOT)


@pytest.mark.parametrize("kind", [Family, Single])
def test_every_family_has_a_number_of_its_own(kind: type[Family] | type[Single]) -> None:
    numbers = [int(member) for member in kind.__members__.values()]
    assert len(set(numbers)) == len(numbers) > 1


def test_nothing_else_takes_an_advisory_lock_or_writes_such_a_number() -> None:
    assert CALL.search((ROOT / LOCKS).read_text())
    found = [path for path in sources(".py", ".sql", ".sh") if CALL.search((ROOT / path).read_text())]
    assert found == []
    numbers = {*map(int, Family), *map(int, Single)}
    for path in sources(".py"):
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            assert not (isinstance(node, ast.Constant) and type(node.value) is int and node.value in numbers), path


async def test_an_audit_line_does_not_wait_for_what_is_parked(database_url: str) -> None:
    """They shared a number: a parked thing whose key was an audit table's would have stopped every line of that log."""
    holder: Any = await asyncpg.connect(database_url, server_settings={"search_path": "campaign"})
    writer: Any = await asyncpg.connect(database_url, server_settings={"search_path": "campaign"})
    try:
        async with holder.transaction(), writer.transaction():
            await parking.lock(holder, ["volunteer/1"])
            key = await holder.fetchval(
                "select objid from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
            )
            await writer.execute("set local lock_timeout = '500ms'")
            # A table's number stands for its name.
            await hold_table(writer, Family.AUDIT, str(key))
            with pytest.raises(asyncpg.LockNotAvailableError):
                await hold_table(writer, Family.PARKING, str(key))
    finally:
        await holder.close()
        await writer.close()


async def test_a_lock_of_one_number_is_kept_until_its_session_ends(database_url: str) -> None:
    first: Any = await asyncpg.connect(database_url)
    second: Any = await asyncpg.connect(database_url)
    try:
        assert await lease_single(first, Single.REBUILD)
        assert not await lease_single(second, Single.REBUILD)
        assert await lease_single(second, Single.MIGRATION)
    finally:
        await first.close()
        await second.close()
