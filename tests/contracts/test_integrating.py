"""The guide for other systems: its examples run, its table names every code."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from qingsheng.producers import issue, way_in
from qingsheng.topics import ensure_topics
from shared.contracts.refusals import CODES
from shared.settings import Settings
from tests.browser.conftest import served
from tests.support.kafka import Put, put
from tests.support.producing import JIAOCHENG, RosterLog
from tests.support.running import child
from tests.support.services import client, settings_for
from tests.support.stack import Servers
from tests.support.waiting import eventually

GUIDE = Path(__file__).parents[2] / "docs" / "integrating.md"
EXAMPLES = GUIDE.with_suffix("")
URL = "https://weibo.example/post/1"


def test_the_table_names_codes_that_exist() -> None:
    told = re.findall(r"^\| `(\w+)` \| (\d+) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(told) == 22
    assert [code for code, status in told if CODES[code].status != int(status)] == []


async def reported(settings: Settings, folder: Path) -> tuple[str, list[Path]]:
    """A world with one volunteer and one post; the producer's key, also in ``key.json``, a good report and one without a post."""
    issued = await issue(settings, "city-feeds", ["campaign"])
    (folder / "key.json").write_text(json.dumps(way_in(settings, "city-feeds", ["campaign"], issued)))
    log, volunteer, account = RosterLog(), uuid4(), uuid4()
    log.unit()
    log.registered(volunteer)
    log.disclosed(volunteer, account)
    await put(settings, "qingsheng.roster.events", [Put(e.to_json(), e.partitionkey.encode()) for e in log.told])
    post = {"channel": "weibo", "unit_id": JIAOCHENG, "title": "t", "url": URL, "published_at": "2014-06-01T09:00:00Z"}
    async with client(settings, ["campaign"]) as http:

        async def published() -> bool:
            return (await http.post("/campaign/api/v1/posts", json=post)).status_code == 201

        await eventually(published, deadline=60)
    who = {"volunteer_id": str(volunteer), "account_id": str(account), "shared_at": "2014-07-01T09:00:00+08:00"}
    files = [folder / "good.json", folder / "bad.json"]
    told: list[dict[str, Any]] = [who | {"post_url": URL}, who]
    for file, data in zip(files, told, strict=True):
        file.write_text(json.dumps(data))
    return issued.key, files


@pytest.fixture
def settings(database_url: str, stack: Servers) -> Settings:
    """Without a prefix: the guide's names are those of a real deployment. One test at a time has them."""
    return settings_for(database_url, stack.kafka_bootstrap_servers, parking_seconds=2.0)


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_examples_report_and_read_their_answers(settings: Settings, tmp_path: Path) -> None:
    asyncio.run(ensure_topics(settings))
    with child(settings, "qingsheng", ["run", "campaign-worker"]):
        key, files = asyncio.run(reported(settings, tmp_path))
        names = [str(file) for file in files]
        python = [sys.executable, str(EXAMPLES / "producer.py"), str(tmp_path / "key.json"), *names]
        done = run(python)
        assert sorted(line.split()[0] for line in done.stdout.splitlines()) == ["accepted", "refused"], done
        assert "refused schema" in done.stdout
        assert done.returncode == 1
        if shutil.which("node") is None:
            pytest.skip("no Node.js on this machine: the JavaScript example is not run")
        with served(settings, "campaign") as address:
            node = ["node", str(EXAMPLES / "producer.mjs"), address, "city-feeds", *names]
            done = run(node, API_KEY=key)
        # The share is logged already, by the other example.
        assert sorted(line.split()[1] for line in done.stdout.splitlines()) == ["already_logged", "schema"], done
