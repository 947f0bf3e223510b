"""A disk that is full under PostgreSQL: nothing is said to be taken that is not there afterwards, and once there is
room again everything goes on. On a small file system in memory, which takes root."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from qingsheng.embedded import running_stack
from qingsheng.migrations import amigrate
from tests.support.services import client, settings_for
from tests.support.waiting import eventually

MEGABYTE = 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 500 MB."""
    made = tmp_path / "disk"
    made.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500m", "qingsheng", made])
    if not mounted or mounted.returncode != 0:
        pytest.skip("a file system can be mounted by root alone, on Linux")
    yield made
    subprocess.run(["umount", "--lazy", made], check=True)


def fill(disk: Path) -> Path:
    """A file that leaves no room for any other."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (MEGABYTE, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return ballast


@pytest.mark.fault(23, "PostgreSQL's disk full")
@pytest.mark.slow
async def test_postgres_without_room_takes_nothing_and_says_so_and_goes_on_when_there_is_some(disk: Path) -> None:
    accepted: list[str] = []
    number = 0

    async def define(http: httpx.AsyncClient) -> httpx.Response:
        nonlocal number
        number += 1
        unit_id = f"{400_000 + number}"
        # Text that does not become smaller by being packed.
        body = {"unit_id": unit_id, "kind": "county", "county": unit_id, "name": {"zh": secrets.token_hex(95)}}
        answer = await http.post("/roster/api/v1/units", json=body)
        if answer.status_code == 201:
            accepted.append(unit_id)
        return answer

    with running_stack(disk / "data", kafka=False) as stack:
        assert stack.database_url
        await amigrate(stack.database_url)
        async with client(settings_for(stack.database_url, database_timeout=5.0), ["roster"]) as http:
            for _ in range(20):
                assert (await define(http)).status_code == 201
            ballast = fill(disk)

            async def is_refused() -> httpx.Response | None:
                answer = await define(http)
                return answer if answer.status_code != 201 else None

            refused = await eventually(is_refused, 60)
            assert refused is not None
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            assert (await http.get("/roster/api/v1/units")).status_code == 200, "reading goes on"
            ballast.unlink()

            async def is_accepted() -> bool:
                return (await define(http)).status_code == 201

            await eventually(is_accepted, 60)
        connection = await asyncpg.connect(stack.database_url)
        units = [row["unit_id"] for row in await connection.fetch("select unit_id from roster.unit order by unit_id")]
        told = await connection.fetchval("select count(*) from roster.outbox")
        await connection.close()
    assert units == accepted, "those accepted, and no half of those refused"
    assert told == len(accepted)
