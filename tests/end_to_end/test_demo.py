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
from zoneinfo import ZoneInfo

import docx
import psutil
import pytest
import python_calamine
from aiokafka import AIOKafkaConsumer

from tests.support.databases import drop_database, outside_any_loop
from tests.support.kafka import kafka_at
from tests.support.oracle import report
from tests.support.stack import DATABASE_URL, KAFKA, Servers
from tests.support.topics import delete_topics
from tests.support.waiting import eventually_now

PATIENCE = 240.0
KILLED_AT = ("12 ledger workbooks", "Joint class in Gutian", "class-registers: 735 reports")
"""Steps of the story, as they are printed, at which the appraisal worker is killed."""
MEETING = datetime(2014, 7, 17, 18, tzinfo=ZoneInfo("Asia/Shanghai"))
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
        closed, late, year = outcome["reports"].values()
        assert datetime.fromisoformat(closed["closed_at"]) == MEETING
        known_then = [event for event in events if datetime.fromisoformat(event["recordedtime"]) <= MEETING]
        _is_the_oracles(closed, report(known_then, "2014-H1", now=MEETING))
        _is_the_oracles(late, report(events, "2014-H1", now=MEETING))
        _is_the_oracles(year, report(events, "2014", now=datetime.now(UTC), as_of=date(2014, 9, 29)))
        _late_batch_would_move_the_half_year(closed, late)
        _papers_say_the_same(outcome["papers"], closed)


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


def _is_the_oracles(told: dict[str, Any], recomputed: dict[str, Any]) -> None:
    assert len(recomputed["counties"]) == 10
    assert {part: told[part] for part in ("counties", "city")} == {
        part: recomputed[part] for part in ("counties", "city")
    }


def _late_batch_would_move_the_half_year(closed: dict[str, Any], late: dict[str, Any]) -> None:
    shares, with_late = (
        next(row["numerator"] for row in told["city"] if row["indicator"] == "sharing_participation")
        for told in (closed, late)
    )
    assert with_late > shares
    restated = {row["county"]: row["score"] for row in closed["restated"]["counties"]}
    assert restated == {row["county"]: row["score"] for row in late["counties"] if row["county"] in restated}


def _papers_say_the_same(papers: list[str], closed: dict[str, Any]) -> None:
    """The half-year's briefing and workbook name its digest and every county's score; all others can be opened."""
    words = {Path(paper).name: _words(Path(paper)) for paper in papers}
    assert len(words) == 10
    for name in ("2014-H1-briefing-zh.docx", "2014-H1-workbook-en.xlsx"):
        told = words[name]
        assert any(closed["digest"] in each for each in told), name
        for row in closed["counties"]:
            assert any(each in (f"{row['score']:.2f}", str(row["score"])) for each in told), (name, row["county"])


def _words(paper: Path) -> set[str]:
    """Paragraphs and cells."""
    if paper.suffix == ".xlsx":
        book = python_calamine.CalamineWorkbook.from_path(str(paper))
        return {
            str(cell) for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row
        }
    document = docx.Document(str(paper))
    cells = (cell.text for table in document.tables for row in table.rows for cell in row.cells)
    return {*cells, *(paragraph.text for paragraph in document.paragraphs)}


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
        *topics, **kafka_at(bootstrap_servers), group_id=None, auto_offset_reset="earliest"
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
