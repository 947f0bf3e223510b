"""The whole demo as a user starts it, its appraisal worker killed three times on the way; checked by the oracle."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
REPORTS = {
    "2014-H1": ("2014-H1", None),
    "2014-H1 as_of 2014-07-17": ("2014-H1", date(2014, 7, 17)),
    "2014 as_of 2014-09-29": ("2014", date(2014, 9, 29)),
}
SERVICES = ("roster", "training", "opinion", "campaign")


@pytest.mark.slow
def test_the_story_is_told_whole_though_its_appraisal_worker_is_killed_three_times(
    stack: Servers, tmp_path: Path
) -> None:
    """One test, as the demo runs once: the exit code, the work report's figures, every indicator as the oracle's."""
    with _told(stack, tmp_path) as outcome:
        assert len(set(outcome["killed"])) == 3
        assert outcome["problems"] == [], outcome["trouble"]
        assert outcome["agreed"], outcome["trouble"]
        assert outcome["exit_code"] == 0
        _counts_what_the_work_report_told(outcome)
        events = outside_any_loop(_read(stack.kafka_bootstrap_servers, outcome["topic_prefix"]))
        for name, (period, as_of) in REPORTS.items():
            _is_the_oracles(outcome["reports"][name], events, period, as_of)
        _late_batch_moved_the_half_year_only_later(outcome["reports"])


def _counts_what_the_work_report_told(outcome: dict[str, Any]) -> None:
    counted = {figure["what"].strip(): figure["counted"] for figure in outcome["figures"]}
    assert counted == {figure["what"].strip(): figure["played"] for figure in outcome["figures"]}
    assert counted["City team"] == 400
    assert counted["County teams"] == 1800
    assert counted["Registered volunteers"] == 2200
    assert counted["Teleconference: volunteers"] == 523
    assert counted["Tips"] == 240
    assert counted["WeChat shares"] == 996
    assert counted["Weibo shares"] == 2048


def _is_the_oracles(told: dict[str, Any], events: list[dict[str, Any]], period: str, as_of: date | None) -> None:
    recomputed = report(events, period, now=datetime.now(UTC), as_of=as_of)
    assert len(recomputed["counties"]) == 10
    assert {part: told[part] for part in recomputed} == recomputed


def _late_batch_moved_the_half_year_only_later(reports: dict[str, Any]) -> None:
    now, then = (
        {row["indicator"]: row["numerator"] for row in reports[name]["city"]}
        for name in ("2014-H1", "2014-H1 as_of 2014-07-17")
    )
    assert now["sharing_participation"] > then["sharing_participation"]


@contextmanager
def _told(stack: Servers, folder: Path) -> Iterator[dict[str, Any]]:
    """Runs ``qingsheng demo --json``; gives what it tells, with ``exit_code``, ``killed`` (process ids) and ``trouble``
    (the end of its progress and log). Its database and topics are there until the context ends."""
    environment = {**os.environ, DATABASE_URL: stack.database_url, KAFKA: stack.kafka_bootstrap_servers}
    command = [sys.executable, "-m", "qingsheng", "demo", "--json", "--port", str(_free_port()), "--data", str(folder)]
    demo = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
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
    try:
        yield {**told, "exit_code": exit_code, "killed": killed, "trouble": trouble}
    finally:
        drop_database(stack.database_url, urlsplit(told["database_url"]).path.removeprefix("/"))
        delete_topics(stack.kafka_bootstrap_servers, told["topic_prefix"])


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
