"""The whole demo as a user starts it, its appraisal worker killed three times on the way; checked by the oracle."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import psutil
import pytest
from aiokafka import AIOKafkaConsumer

from tests.support.databases import drop_database, outside_any_loop
from tests.support.oracle import report
from tests.support.stack import DATABASE_URL, KAFKA, Servers
from tests.support.topics import delete_topics
from tests.support.waiting import eventually_now

PATIENCE = 240.0
KILLED_AT = ("12 ledger workbooks", "Joint class in Gutian", "class-registers: 735 reports")
"""Steps of the story, as they are printed, at which the appraisal worker is killed."""
SERVICES = ("roster", "training", "opinion", "campaign")


@pytest.fixture(scope="module")
def outcome(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What ``qingsheng demo --json`` tells after its appraisal worker was killed three times, and its exit code."""
    environment = {**os.environ, DATABASE_URL: stack.database_url, KAFKA: stack.kafka_bootstrap_servers}
    command = [sys.executable, "-m", "qingsheng", "demo", "--once", "--json", "--port", str(_free_port())]
    folder = tmp_path_factory.mktemp("demo")
    demo = subprocess.Popen(
        [*command, "--data", str(folder)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    killed: list[int] = []
    progress: list[str] = []
    following = threading.Thread(target=_follow, args=(demo, progress, killed), daemon=True)
    following.start()
    giving_up = threading.Timer(PATIENCE, demo.terminate)
    giving_up.start()
    assert demo.stdout
    printed = demo.stdout.read()
    exit_code = demo.wait(60)
    giving_up.cancel()
    following.join(60)
    log = folder / "demo.log"
    trouble = "".join(progress)[-4000:] + (log.read_text()[-4000:] if log.exists() else "")
    assert printed, trouble
    told = json.loads(printed)
    yield {**told, "exit_code": exit_code, "killed": killed, "trouble": trouble}
    drop_database(stack.database_url, told["database_url"].rsplit("/", 1)[-1].partition("?")[0])
    delete_topics(stack.kafka_bootstrap_servers, told["topic_prefix"])


@pytest.fixture(scope="module")
def events(outcome: dict[str, Any], stack: Servers) -> list[dict[str, Any]]:
    """Everything on the event topics, copies too."""
    return outside_any_loop(_read(stack.kafka_bootstrap_servers, outcome["topic_prefix"]))


def test_ends_well_though_its_appraisal_worker_is_killed_three_times(outcome: dict[str, Any]) -> None:
    assert len(set(outcome["killed"])) == 3
    assert outcome["problems"] == [], outcome["trouble"]
    assert outcome["agreed"], outcome["trouble"]
    assert outcome["exit_code"] == 0


def test_counts_what_the_work_report_told(outcome: dict[str, Any]) -> None:
    counted = {figure["what"].strip(): figure["counted"] for figure in outcome["figures"]}
    assert counted == {figure["what"].strip(): figure["played"] for figure in outcome["figures"]}
    assert counted["Registered volunteers"] == 2200
    assert counted["City team"] == 400
    assert counted["County teams"] == 1800
    assert counted["Teleconference: volunteers"] == 523
    assert counted["WeChat shares"] == 996
    assert counted["Weibo shares"] == 2048


@pytest.mark.parametrize(
    ("name", "period", "as_of"),
    [
        ("2014-H1", "2014-H1", None),
        ("2014-H1 as_of 2014-07-17", "2014-H1", date(2014, 7, 17)),
        ("2014 as_of 2014-09-29", "2014", date(2014, 9, 29)),
    ],
)
def test_every_indicator_is_the_oracles(
    outcome: dict[str, Any], events: list[dict[str, Any]], name: str, period: str, as_of: date | None
) -> None:
    told = outcome["reports"][name]
    recomputed = report(events, period, now=datetime.now(UTC), as_of=as_of)
    assert len(recomputed["counties"]) == 10
    assert {part: told[part] for part in ("status", "counties", "city")} == recomputed


def test_a_late_batch_moves_the_half_year_but_not_what_the_meeting_saw(outcome: dict[str, Any]) -> None:
    now, then = (
        {row["indicator"]: row["numerator"] for row in outcome["reports"][name]["city"]}
        for name in ("2014-H1", "2014-H1 as_of 2014-07-17")
    )
    assert now["sharing_participation"] > then["sharing_participation"]


def _follow(demo: "subprocess.Popen[str]", progress: list[str], killed: list[int]) -> None:
    """Reads what the demo tells of its steps; at some of them sends the appraisal worker SIGKILL."""
    assert demo.stderr
    for line in demo.stderr:
        progress.append(line)
        if any(step in line for step in KILLED_AT):
            worker = eventually_now(lambda: _appraisal_worker(demo.pid, killed), 60)
            assert worker
            os.kill(worker, signal.SIGKILL)
            killed.append(worker)


def _appraisal_worker(demo: int, killed: list[int]) -> int | None:
    """The id of a child that runs the appraisal worker and has connections open, so that it is at work."""
    for child in psutil.Process(demo).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            is_worker = "appraisal-worker" in child.cmdline()
            if is_worker and child.pid not in killed and len(child.net_connections("tcp")) > 2:
                return child.pid
    return None


async def _read(bootstrap_servers: str, prefix: str) -> list[dict[str, Any]]:
    topics = [f"{prefix}qingsheng.{service}.events" for service in SERVICES]
    found: list[dict[str, Any]] = []
    async with AIOKafkaConsumer(
        *topics, bootstrap_servers=bootstrap_servers, group_id=None, auto_offset_reset="earliest"
    ) as consumer:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        left = {partition for partition, end in ends.items() if end}
        while left:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [json.loads(record.value or b"") for record in records]
            left = {partition for partition in left if await consumer.position(partition) < ends[partition]}
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
